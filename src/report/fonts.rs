//! The typeface of charts and of the PDF edition: Inter, bundled (SIL Open Font License, see
//! `fonts/`).

use std::borrow::Cow;
use std::sync::LazyLock;

use parley::fontique::{Blob, Charmap, Collection, CollectionOptions};

pub(super) const REGULAR: &[u8] = include_bytes!("fonts/Inter-Regular.otf");
pub(super) const SEMI_BOLD: &[u8] = include_bytes!("fonts/Inter-SemiBold.otf");
pub(super) const FAMILY: &str = "Inter";

/// Stands for a sign that the typeface lacks.
const MISSING: char = '\u{fffd}';

/// The first sign of `text` that the typeface lacks. Both weights have the same signs.
pub fn missing_sign(text: &str) -> Option<char> {
    text.chars().find(|sign| !has(*sign))
}

/// `text` with every sign that the typeface lacks replaced by `�`: what came in at run time must
/// not keep a report from being written.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if missing_sign(text).is_none() {
        return Cow::Borrowed(text);
    }
    let shown = |sign: char| match sign {
        '\n' | '\r' | '\t' => ' ',
        sign if has(sign) => sign,
        _ => MISSING,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

fn has(sign: char) -> bool {
    static SIGNS: LazyLock<Charmap<'static>> = LazyLock::new(|| {
        let mut collection = Collection::new(CollectionOptions {
            shared: false,
            system_fonts: false,
        });
        collection
            .register_fonts(Blob::from(REGULAR.to_vec()), None)
            .first()
            .and_then(|(_, fonts)| fonts.first()?.charmap_index().charmap(REGULAR))
            .expect("the bundled font is readable")
    });
    SIGNS.map(sign).is_some_and(|glyph| glyph != 0)
}
