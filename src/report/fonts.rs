//! The typeface of charts and of the PDF edition: Inter, bundled (SIL Open Font License, see
//! `fonts/`).

use std::borrow::Cow;
use std::sync::LazyLock;

use parley::fontique::{Blob, Charmap, Collection, CollectionOptions};

pub(super) const REGULAR: &[u8] = include_bytes!("fonts/Inter-Regular.otf");
pub(super) const SEMI_BOLD: &[u8] = include_bytes!("fonts/Inter-SemiBold.otf");
pub(super) const FAMILY: &str = "Inter";

/// Stands for a sign that the typeface lacks: a white square, since it lacks U+FFFD too.
const MISSING: char = '□';

/// Whether reports can show a sign. Control characters they cannot, nor signs that change the
/// direction of writing, which let a text look like another.
pub fn shows(sign: char) -> bool {
    let turns =
        matches!(sign, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let private = matches!(sign, '\u{e000}'..='\u{f8ff}');
    !sign.is_control() && !turns && !private && has(sign)
}

/// `text` with every sign that the typeface lacks replaced by `□`: what came in at run time must
/// not keep a report from being written.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(shows) {
        return Cow::Borrowed(text);
    }
    let shown = |sign: char| match sign {
        '\n' | '\r' | '\t' => ' ',
        sign if shows(sign) => sign,
        _ => MISSING,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Whether the typeface has a sign; both its weights have the same.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_shown() {
        for text in [
            "Commune de Valfictif",
            "東京 à l’an 2026",
            "\u{202e}a\tb\u{fffd}",
        ] {
            assert!(printable(text).chars().all(shows), "{text}");
        }
        assert_eq!(printable("東京 à Lyon"), "□□ à Lyon");
    }
}
