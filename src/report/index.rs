//! The index of a partner's archive: what stands in its folder, month by month.

use askama::Template;

use super::Document;
use super::look::Look;
use super::words::{Words, words};
use crate::sla::availability::{Ratio, Verdict};
use crate::sla::catalog::Language;
use crate::sla::window::Month;

/// The reports in a folder.
#[derive(Clone, Debug)]
pub struct Index<'a> {
    /// The partner's language.
    pub language: Language,
    /// Who publishes them.
    pub publisher: &'a str,
    /// Whose they are.
    pub partner: &'a str,
    /// The newest first.
    pub editions: &'a [Shelved],
}

/// A report that stands in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelved {
    /// For example `2025-10-particulier-v1`.
    pub number: String,
    /// Which month it is about.
    pub month: Month,
    /// The name of the service.
    pub service: String,
    /// Whether the commitment was kept.
    pub verdict: Verdict,
    /// The certain availability; absent if no time counted.
    pub lower: Option<Ratio>,
    /// Whether a later edition replaces it.
    pub replaced: bool,
    /// Where it stands, from the index, with a slash at its end.
    pub folder: String,
    /// The names of its files.
    pub files: Vec<String>,
}

#[derive(Template)]
#[template(path = "index.html", config = "src/report/templates/askama.toml")]
struct IndexPage<'a> {
    index: &'a Index<'a>,
    words: &'static Words,
    accent: String,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    month: String,
    edition: &'a Shelved,
    verdict: &'static str,
    lower: String,
    files: Vec<File>,
}

struct File {
    name: &'static str,
    label: &'static str,
}

/// Writes the index: one page, with links to files beside it only.
pub fn write_index(index: &Index<'_>, look: &Look) -> Document {
    let words = words(index.language);
    let rows = index
        .editions
        .iter()
        .map(|edition| Row {
            month: (words.month)(edition.month),
            edition,
            verdict: (words.verdict)(edition.verdict),
            lower: edition
                .lower
                .map_or_else(|| words.none.to_owned(), |lower| words.rate(lower)),
            files: words
                .index_files
                .into_iter()
                .filter(|(name, _)| edition.files.iter().any(|file| file == name))
                .map(|(name, label)| File { name, label })
                .collect(),
        })
        .collect();
    let page = IndexPage {
        index,
        words,
        accent: look.accent.css(),
        rows,
    };
    Document {
        name: "index.html".to_owned(),
        media_type: "text/html; charset=utf-8",
        bytes: page
            .render()
            .expect("a template without fallible values renders")
            .replace("&#39;", "'")
            .into_bytes(),
    }
}
