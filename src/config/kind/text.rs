//! Texts that must have a form: lines, ids, names.

use std::path::PathBuf;

use toml::de::DeValue;

use super::{Kind, Refusal, string};
use crate::report::{self, Colour, LookError};
use crate::sla::assertion::JsonPath;
use crate::sla::catalog::VantageId;

/// A text that reports show on one line: a name, a label, a reason.
pub(in crate::config) struct Line(pub(in crate::config) String);

impl Kind for Line {
    const NAME: &'static str = "a line of text";
    const WRITTEN: &'static str = "one line of text in quotes";
    const EXAMPLE: &'static str = "\"…\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        if text.contains(['\n', '\r']) {
            return Err(Refusal::Wrong("must be one line".to_owned()));
        }
        printable(text).map(|()| Self(text.to_owned()))
    }
}

/// A text that reports show, of one or several lines: a quoted clause.
pub(in crate::config) struct Prose(pub(in crate::config) String);

impl Kind for Prose {
    const NAME: &'static str = "a text";
    const WRITTEN: &'static str = "a text in quotes";
    const EXAMPLE: &'static str = "\"…\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?.trim();
        printable(text).map(|()| Self(text.to_owned()))
    }
}

/// Whether reports can show `text`.
fn printable(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::Wrong("must not be empty".to_owned()));
    }
    // A line break is not shown, but it is harmless in a quote.
    let refused = |sign: &char| *sign != '\n' && !report::shows(*sign);
    match text.chars().find(refused) {
        Some(letter) => Err(Refusal::WrongWithRemedy(
            format!(
                "holds the character U+{:04X}, which reports cannot show",
                u32::from(letter)
            ),
            "write it with Latin, Greek or Cyrillic letters, figures and punctuation".to_owned(),
        )),
        None => Ok(()),
    }
}

/// A colour of the reports.
impl Kind for Colour {
    const NAME: &'static str = "a colour";
    const WRITTEN: &'static str = "# and six figures from 0 to f, two each for red, green and blue";
    const EXAMPLE: &'static str = "\"#155e66\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        Self::parse(string(value)?).map_err(|error| match error {
            LookError::Contrast { .. } => Refusal::WrongWithRemedy(
                error.to_string(),
                "take a darker colour: texts stand in it".to_owned(),
            ),
            other => Refusal::Wrong(other.to_string()),
        })
    }
}

/// A name that becomes a path and a label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct Slug(pub(in crate::config) String);

impl Kind for Slug {
    const NAME: &'static str = "an id";
    const WRITTEN: &'static str =
        "1 to 63 lower-case letters a to z, figures and hyphens, not beginning with a hyphen";
    const EXAMPLE: &'static str = "\"qf-cnaf-msa\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Refusal::Wrong(
            "is not an id, which becomes a path and a label".to_owned(),
        ))
    }
}

/// The id of a vantage of ours, which must not look like another tool's.
pub(in crate::config) struct OwnVantage(pub(in crate::config) String);

impl Kind for OwnVantage {
    const NAME: &'static str = Slug::NAME;
    const WRITTEN: &'static str =
        "1 to 63 lower-case letters a to z, figures and hyphens, not beginning with `import-`";
    const EXAMPLE: &'static str = "\"paris-1\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let Slug(text) = Slug::read(value)?;
        if text.starts_with(VantageId::IMPORT_PREFIX) {
            return Err(Refusal::Wrong(
                "is kept for what was imported from other tools".to_owned(),
            ));
        }
        Ok(Self(text))
    }
}

/// A mailbox, as far as it can be told without writing to it.
pub(in crate::config) struct Mailbox(pub(in crate::config) String);

impl Kind for Mailbox {
    const NAME: &'static str = "an e-mail address";
    const WRITTEN: &'static str = "a bare address";
    const EXAMPLE: &'static str = "\"api@commune.example\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        }) && !text.chars().any(|letter| {
            letter.is_whitespace() || letter.is_control() || "<>,;\"".contains(letter)
        });
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Refusal::Wrong("is not an e-mail address".to_owned()))
    }
}

impl Kind for PathBuf {
    const NAME: &'static str = "a path";
    const WRITTEN: &'static str = "a path in quotes; a relative one starts at this file's folder";
    const EXAMPLE: &'static str = "\"/var/lib/vigie\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        if text.is_empty() || text.contains('\0') {
            return Err(Refusal::Wrong("is not a path".to_owned()));
        }
        Ok(text.into())
    }
}

/// The name of an environment variable.
pub(in crate::config) struct Variable(pub(in crate::config) String);

impl Kind for Variable {
    const NAME: &'static str = "an environment variable";
    const WRITTEN: &'static str = "its name (letters, figures and underscores) in quotes";
    const EXAMPLE: &'static str = "\"PARTICULIER_TOKEN\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        // What is not a name may be the secret itself: it is not repeated.
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| Refusal::Wrong("is not the name of an environment variable".to_owned()))
    }
}

/// The name of a label of Prometheus.
pub(in crate::config) struct LabelName(pub(in crate::config) String);

impl Kind for LabelName {
    const NAME: &'static str = "the name of a label";
    const WRITTEN: &'static str =
        "letters a to z, figures and underscores in quotes, not beginning with a figure";
    const EXAMPLE: &'static str = "\"partner\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = !text.starts_with(|first: char| first.is_ascii_digit())
            && !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| Refusal::Wrong(format!("`{text}` is not the name of a label")))
    }
}

/// The name of a file in a folder that is known otherwise.
pub(in crate::config) struct FileName(pub(in crate::config) String);

impl Kind for FileName {
    const NAME: &'static str = "the name of a document";
    const WRITTEN: &'static str = "its name without a folder, in quotes";
    const EXAMPLE: &'static str = "\"rapport.pdf\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = !text.is_empty()
            && !text.starts_with('.')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| Refusal::Wrong(format!("`{text}` is not the name of a document")))
    }
}

/// A place in a JSON document, from the outside in.
impl Kind for JsonPath {
    const NAME: &'static str = "the path of a field";
    const WRITTEN: &'static str = "field names from the outside in, with dots between, in quotes";
    const EXAMPLE: &'static str = "\"data.status\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        Self::parse(string(value)?).map_err(|error| {
            Refusal::WrongWithRemedy(
                format!("is not the path of a field: {}", error.message),
                error.remedy,
            )
        })
    }
}
