//! Evidence of other tools: read whole, or refused with the reason and the place.
//!
//! A reader gives facts, never states or percentages: what the other tool did not see stays
//! silence, and so Unknown. Nothing here knows the store: keeping what was read is for others.

pub mod csv;
pub mod kuma;
pub mod prometheus;
pub mod usage;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use crate::secret::SecretError;
use crate::sla::observation::{Observation, Outcome};
use crate::sla::window::Timestamp;

/// What was read of one series of another tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Which tool: `csv`, `kuma` or `prometheus`.
    pub tool: &'static str,
    /// Where it came from, in words; without secrets.
    pub source: String,
    /// SHA-256 of the file, or of what the server answered (see [`prometheus::read`]).
    pub sha256: [u8; 32],
    /// In order of their ticks, one a tick; at least one.
    pub facts: Vec<Fact>,
    /// What whoever imports it should know, one sentence each.
    pub remarks: Vec<String>,
}

/// One observation, and why it was not the expected one.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The fact.
    pub observation: Observation,
    /// What the other tool said about it; may be empty.
    pub message: String,
}

/// Which part of a source is taken: `from <= at < until`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    /// Absent: from the beginning.
    pub from: Option<Timestamp>,
    /// Absent: to the end.
    pub until: Option<Timestamp>,
}

impl Range {
    fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// Why nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("read `{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("read `{}`: {what}", path.display())]
    Unfit {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A line or a row means nothing.
    #[error("read `{}`, {place}: {what}; nothing was imported", path.display())]
    Place {
        /// Which file.
        path: PathBuf,
        /// `line 17`, `heartbeat 42`.
        place: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// There is more than one series, and each is an import of its own.
    #[error("choose what to import from {source_name}: it has {}: {how}\n{}", count(list.len()), indented(list))]
    Several {
        /// Of what.
        source_name: String,
        /// Every one of them.
        list: Vec<String>,
        /// How to choose.
        how: &'static str,
    },
    /// There is nothing in it, or nothing in the range asked for.
    #[error("import from {source_name}: there is nothing {range}")]
    Nothing {
        /// From what.
        source_name: String,
        /// `in it`, or the range.
        range: String,
    },
    /// It speaks of what has not happened.
    #[error(
        "import from {source_name}: {what} lies in the future ({at}, and now it is {now}); nothing was imported"
    )]
    Future {
        /// From what.
        source_name: String,
        /// `line 17`, `--until`.
        what: String,
        /// When.
        at: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// What was asked cannot be taken.
    #[error("import from {url}: {what}")]
    Query {
        /// Scheme, host and port.
        url: String,
        /// What is wrong with it, and what would be right.
        what: String,
    },
    /// What the server wants to hear first cannot be had.
    #[error("read the value of the header `Authorization`: {0}")]
    Authorization(#[from] SecretError),
    /// The server did not answer as it should.
    #[error("ask {url}: {what}")]
    Server {
        /// Scheme, host and port.
        url: String,
        /// What came of it, and what to do.
        what: String,
    },
}

fn count(n: usize) -> String {
    format!("{n} series")
}

fn indented(list: &[String]) -> String {
    list.iter()
        .map(|one| format!("  {one}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A fact with its place in the source: a line, a row.
struct Placed {
    place: u64,
    fact: Fact,
}

/// What all readers end with: the range, the order, one fact a tick, none in the future.
fn finish(
    mut read: Vec<Placed>,
    place_word: &str,
    range: Range,
    now: Timestamp,
    source_name: &str,
) -> Result<Vec<Fact>, ImportError> {
    if let Some(early) = read.iter().find(|one| one.fact.observation.at > now) {
        return Err(ImportError::Future {
            source_name: source_name.to_owned(),
            what: format!("{place_word} {}", early.place),
            at: early.fact.observation.at,
            now,
        });
    }
    read.retain(|one| range.contains(one.fact.observation.at));
    // Of several at one tick the worst counts, as everywhere; so the order of the source does not
    // matter.
    read.sort_by_key(|one| {
        let observation = one.fact.observation;
        (observation.tick, badness(observation.outcome))
    });
    read.dedup_by_key(|one| one.fact.observation.tick);
    if read.is_empty() {
        let range = match (range.from, range.until) {
            (None, None) => "in it".to_owned(),
            (Some(from), None) => format!("from {from} on"),
            (None, Some(until)) => format!("before {until}"),
            (Some(from), Some(until)) => format!("from {from} to {until}"),
        };
        return Err(ImportError::Nothing {
            source_name: source_name.to_owned(),
            range,
        });
    }
    Ok(read.into_iter().map(|one| one.fact).collect())
}

/// The worst first.
fn badness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed(_) => 0,
        Outcome::Answered { partial: true, .. } => 1,
        Outcome::Answered { partial: false, .. } => 2,
        Outcome::Void(_) => 3,
    }
}

/// Reads, and digests what it reads.
struct Digesting<R> {
    inner: R,
    digest: digest::Context,
}

impl<R: Read> Digesting<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            digest: digest::Context::new(&digest::SHA256),
        }
    }

    /// Of all that was read.
    fn finish(self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        sha256
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.inner.read(buffer)?;
        self.digest
            .update(buffer.get(..n_bytes).unwrap_or_default());
        Ok(n_bytes)
    }
}

fn open(path: &Path) -> Result<File, ImportError> {
    File::open(path).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> ImportError {
    ImportError::File {
        path: path.to_owned(),
        source,
    }
}

/// A latency in milliseconds, as an outcome carries it: microseconds in steps of 100, rounded up;
/// 0 if it is not known.
fn latency_us(latency_ms: f64) -> Option<u32> {
    let steps = (latency_ms * 10.0).ceil();
    // Of whole numbers up to 2^32 an f64 loses none.
    (0.0..=f64::from(u32::MAX / 100))
        .contains(&steps)
        .then_some(steps as u32 * 100)
}
