//! The page: one self-contained file, without scripts or outside resources. The reference
//! edition.

use askama::Template;

use super::page::{Block, Page};

#[derive(Template)]
#[template(path = "report.html", config = "src/report/templates/askama.toml")]
struct ReportPage<'a> {
    page: &'a Page,
}

/// The page as a document.
pub(super) fn write(page: &Page) -> String {
    let html = ReportPage { page }
        .render()
        .expect("a template without fallible values renders");
    // All our attributes stand in double quotes, so that an apostrophe needs no escape; French
    // sentences are full of them and people search the page's source.
    html.replace("&#39;", "'")
}
