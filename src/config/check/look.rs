//! How reports look: a logo that can be drawn, a colour that can be read, paragraphs.

use std::path::PathBuf;

use toml::Spanned;

use super::Checker;
use crate::config::kind::Prose;
use crate::config::raw;
use crate::config::reader::Given;
use crate::report::{Additions, Colour, Logo, Look};

impl Checker<'_> {
    pub(super) fn look(&self, raw: raw::Look) -> Option<Look> {
        let logo = self.logo(raw.logo);
        Some(Look {
            accent: raw.accent.or(Colour::default())?,
            french: additions(raw.french),
            english: additions(raw.english),
            logo: logo?,
        })
    }

    fn logo(&self, written: Given<PathBuf>) -> Option<Option<Logo>> {
        let at = written.at();
        let (Some(path), Some(at)) = (written.maybe()?, at) else {
            return Some(None);
        };
        let path = self.base.join(path);
        let fault = |why: String, remedy: &str| {
            let message = format!("`logo`: `{}` {why}", path.display());
            self.notes.fault(at.clone(), message, remedy);
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(err) => {
                let remedy = "name a PNG or SVG file that this program may read";
                fault(format!("cannot be read: {err}"), remedy);
                return None;
            }
        };
        match Logo::new(&bytes) {
            Ok(logo) => Some(Some(logo)),
            Err(err) => {
                let remedy = "give a PNG, or an SVG whose texts were turned into outlines, of at most 256 KiB";
                fault(err.to_string(), remedy);
                None
            }
        }
    }
}

fn additions(raw: raw::Additions) -> Additions {
    let paragraphs = |written: Option<Vec<Spanned<Prose>>>| {
        written
            .into_iter()
            .flatten()
            .map(|paragraph| paragraph.into_inner().0)
            .collect()
    };
    Additions {
        introduction: paragraphs(raw.introduction),
        closing: paragraphs(raw.closing),
    }
}
