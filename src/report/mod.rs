//! What a partner reads of a month: finished numbers in, documents out.
//!
//! [`Report`] gathers the numbers, [`page`] decides what is said of them, in order, in blocks that
//! know no format; [`html`] writes the blocks, [`charts`] draws, [`csv`] lists. No edition can say
//! more than another, because all are written from the same blocks. Nothing here decides: the
//! verdict and its figures come from [`sla`](crate::sla), and texts come from [`mod@words`].

mod charts;
mod csv;
mod figures;
mod fonts;
mod html;
mod index;
mod letter;
mod look;
mod page;
mod pdf;
mod words;
mod workshop;

use chrono::NaiveDate;

pub use fonts::shows;
pub use index::{Index, Shelved, write_index};
pub use letter::{Delivery, Letter, LetterText, write_letter};
pub use look::{Additions, Colour, Logo, Look, LookError};
pub use words::Sentence;
pub(crate) use words::{Words, words};
pub use workshop::Workshop;

use crate::sla::availability::{Tally, Verdict};
use crate::sla::catalog::{Language, Partner, Provider, Service, VantageId};
use crate::sla::cause::StatedCause;
use crate::sla::commitment::{Commitment, Ppm};
use crate::sla::ledger::Exclusion;
use crate::sla::statement::Statement;
use crate::sla::window::{Month, Timestamp};

/// One partner, one service, one month: everything a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The language it is written in, as a rule the partner's.
    pub language: Language,
    /// Who answers for the service.
    pub provider: &'a Provider,
    /// Who it is addressed to.
    pub partner: &'a Partner,
    /// What was promised.
    pub service: &'a Service,
    /// The promise in force in that month.
    pub commitment: &'a Commitment,
    /// Which month.
    pub month: Month,
    /// What the month says. With `now` it is a provisional picture of a running month.
    pub statement: &'a Statement,
    /// The requests that the statement was settled with.
    pub exclusions: &'a [Exclusion],
    /// Up to thirteen months in order, this one last; months that were not settled are absent.
    pub history: &'a [MonthResult],
    /// In the order they are shown.
    pub endpoints: &'a [EndpointFigures],
    /// In order of date; days without an answer are absent.
    pub latencies: &'a [DayLatency],
    /// Where we asked from.
    pub vantages: &'a [VantageId],
    /// Why the service was down, as its operator says, in the order it was said.
    pub causes: &'a [StatedCause],
    /// When the service was asked for the first time ever; the report says so if that was within
    /// the month.
    pub measured_since: Option<Timestamp>,
    /// How the service was used, if that is known.
    pub usage: Option<&'a Usage>,
    /// How it looks, and what its operator adds to it.
    pub look: &'a Look,
    /// Which edition of the report this is.
    pub edition: &'a Edition,
}

/// What a month came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthResult {
    /// Which month.
    pub month: Month,
    /// The target it was judged by.
    pub target: Ppm,
    /// Its time by class.
    pub tally: Tally,
    /// Whether the target was reached.
    pub verdict: Verdict,
}

/// What a month showed of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointFigures {
    /// Its name.
    pub label: String,
    /// Who stands behind it, if not the service itself.
    pub data_provider: Option<String>,
    /// Whether it counts for the commitment.
    pub contractual: bool,
    /// Whether it was withdrawn.
    pub retired: bool,
    /// Its time by class.
    pub tally: Tally,
    /// How often it was Down.
    pub n_incidents: u32,
    /// How fast it answered, if it did.
    pub latency: Option<Latency>,
}

/// How fast correct answers came, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Half of them were faster.
    pub median_ms: u32,
    /// 95 of 100 were faster.
    pub p95_ms: u32,
    /// 99 of 100 were faster.
    pub p99_ms: u32,
}

/// How fast the contractual endpoints answered on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayLatency {
    /// The civil day, in the month's zone.
    pub date: NaiveDate,
    /// How fast.
    pub latency: Latency,
}

/// How a partner used the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Requests made.
    pub n_calls: u64,
    /// Requests that succeeded, at most `n_calls`.
    pub n_successes: u64,
    /// Where the numbers come from.
    pub source: String,
}

/// Which edition of a report it is, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// For example `2025-10-particulier-v1`; see [`report_number`].
    pub number: String,
    /// When it was written.
    pub established: Timestamp,
    /// The edition it corrects.
    pub replaces: Option<Replaced>,
    /// The digest of the evidence document, in hexadecimal.
    pub evidence_sha256: String,
    /// Program and zone data, for example `vigie 0.1.0, tzdata 2025b`.
    pub engine: String,
}

/// An edition that no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its number.
    pub number: String,
    /// When it was written.
    pub established: Timestamp,
    /// Why it no longer holds: a phrase without a full stop.
    pub reason: String,
    /// What it said: its time by class.
    pub tally: Tally,
    /// What it said: whether the target was reached.
    pub verdict: Verdict,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its file name, the same for every report.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The number of a report, for example `2025-10-particulier-v1`; `revision` counts from 1.
pub fn report_number(month: Month, service: &Service, revision: u32) -> String {
    format!("{month}-{}-v{revision}", service.id)
}

/// The documents that stand in the folder of a report: those that [`render`] gives, the statement
/// with its signature where statements are signed, and the evidence.
pub const DOCUMENT_NAMES: [&str; 19] = [
    "rapport.html",
    "rapport.pdf",
    "graphique-calendrier.svg",
    "graphique-jours.svg",
    "graphique-marge.svg",
    "graphique-evolution.svg",
    "graphique-incidents.svg",
    "graphique-delais.svg",
    "graphique-calendrier.png",
    "graphique-jours.png",
    "graphique-marge.png",
    "graphique-evolution.png",
    "graphique-incidents.png",
    "graphique-delais.png",
    "mesures.csv",
    "mesures-tableur.csv",
    "statement.json",
    "statement.json.minisig",
    "evidence.json",
];

/// Every document of a report: the page, its charts, its figures.
///
/// Equal reports give equal bytes. `workshop` keeps what is dear to make, so that the partners of
/// one service share it.
pub fn render(report: &Report<'_>, workshop: &mut Workshop) -> Vec<Document> {
    let page = page::compose(report);
    let mut documents = vec![Document {
        name: "rapport.html".to_owned(),
        media_type: "text/html; charset=utf-8",
        bytes: html::write(&page).into_bytes(),
    }];
    documents.push(Document {
        name: "rapport.pdf".to_owned(),
        media_type: "application/pdf",
        bytes: pdf::write(&page, report.edition.established, workshop),
    });
    for chart in page.charts() {
        documents.push(Document {
            name: format!("graphique-{}.svg", chart.name),
            media_type: "image/svg+xml",
            bytes: chart.standalone().into_bytes(),
        });
    }
    for chart in page.charts() {
        documents.push(Document {
            name: format!("graphique-{}.png", chart.name),
            media_type: "image/png",
            bytes: workshop.png(chart),
        });
    }
    documents.push(Document {
        name: "mesures.csv".to_owned(),
        media_type: "text/csv; charset=utf-8; header=present",
        bytes: csv::for_machines(report).into_bytes(),
    });
    documents.push(Document {
        name: "mesures-tableur.csv".to_owned(),
        media_type: "text/csv; charset=utf-8; header=present",
        bytes: csv::for_spreadsheets(report).into_bytes(),
    });
    documents
}

/// The page alone, without pictures beside it: what a preview needs.
pub fn render_html(report: &Report<'_>) -> String {
    html::write(&page::compose(report))
}

/// The sentence that says whether the commitment was kept, as page and letters give it.
pub fn verdict_sentence(report: &Report<'_>) -> Sentence {
    page::verdict_sentence(report)
}

/// The subject of the letter that brings the report.
pub fn subject(report: &Report<'_>) -> String {
    page::subject(report)
}
