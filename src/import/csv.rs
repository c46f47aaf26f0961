//! Observations as lines: our own export, or what somebody made of another tool's history.
//!
//! | column | | |
//! |---|---|---|
//! | `at` | required | when it was seen: RFC 3339 with an offset, to the millisecond |
//! | `outcome` | required | `answered`, `answered_partly`, `failed` or `void`; or `up`, `degraded`, `down`, `unknown`; or `1`, `0` |
//! | `latency_ms` | | how long the answer took, in milliseconds; empty: not known |
//! | `cause` | | why it failed or is void: a code of ours, as `timeout:connect` |
//! | `message` | | one sentence for people |
//! | `tick` | | the planned instant of asking; empty: `at` |
//! | `endpoint`, `vantage` | | which series a line belongs to, if there are several |

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::path::Path;

use super::{Digesting, Fact, ImportError, Placed, Range, Readout, finish, latency_us, open};
use crate::sla::observation::{Fault, Observation, Outcome, Void};
use crate::sla::window::Timestamp;

/// The columns, in the order of our own export.
pub const COLUMNS: [&str; 8] = [
    "endpoint",
    "vantage",
    "tick",
    "at",
    "outcome",
    "cause",
    "latency_ms",
    "message",
];

/// Reads a file, or standard input for `-`. Of a file with several series, `series` names one as
/// `endpoint@vantage`.
///
/// # Errors
/// A file that cannot be read, a column that is missing or not known, a line that means nothing
/// (it is named), several series, or nothing in the range.
pub fn read(
    path: &Path,
    series: Option<&str>,
    range: Range,
    now: Timestamp,
) -> Result<Readout, ImportError> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(open(path)?)
    };
    let place = |place: String, what: String| ImportError::Place {
        path: path.to_owned(),
        place,
        what,
    };
    let mut lines = csv::Reader::from_reader(Digesting::new(BufReader::new(input)));
    let columns = lines
        .headers()
        .map_err(|error| csv_error(path, error))
        .and_then(|head| Columns::find(path, head))?;

    let mut read = Vec::new();
    let mut met = BTreeSet::new();
    let mut line = csv::StringRecord::new();
    while lines
        .read_record(&mut line)
        .map_err(|error| csv_error(path, error))?
    {
        let number = line.position().map_or(0, csv::Position::line);
        let own = columns.series(&line);
        if series.is_none_or(|wanted| wanted == own) {
            let fact = columns
                .fact(&line)
                .map_err(|what| place(format!("line {number}"), what))?;
            read.push(Placed {
                place: number,
                fact,
            });
        }
        if !met.contains(&own) {
            met.insert(own);
        }
    }
    let source_name = format!("`{}`", path.display());
    let series = match (series, met.len()) {
        (Some(wanted), _) if met.contains(wanted) => wanted.to_owned(),
        (None, 0 | 1) => met.pop_first().unwrap_or_default(),
        _ => {
            return Err(ImportError::Several {
                source_name,
                list: met.into_iter().collect(),
                how: "name one with --series",
            });
        }
    };
    let facts = finish(read, "line", range, now, &source_name)?;
    Ok(Readout {
        tool: "csv",
        source: match series.as_str() {
            "" => path.display().to_string(),
            series => format!("{}, series {series}", path.display()),
        },
        sha256: lines.into_inner().finish(),
        facts,
        remarks: Vec::new(),
    })
}

pub(super) fn csv_error(path: &Path, error: csv::Error) -> ImportError {
    let line = error.position().map_or(1, csv::Position::line);
    let what = match error.into_kind() {
        csv::ErrorKind::Io(source) => {
            return super::file_error(path, source);
        }
        csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("it has {len} columns, the head has {expected_len}"),
        other => format!("{other:?}"),
    };
    ImportError::Place {
        path: path.to_owned(),
        place: format!("line {line}"),
        what,
    }
}

/// Where each column stands.
struct Columns {
    at: usize,
    outcome: usize,
    tick: Option<usize>,
    latency_ms: Option<usize>,
    cause: Option<usize>,
    message: Option<usize>,
    endpoint: Option<usize>,
    vantage: Option<usize>,
}

impl Columns {
    fn find(path: &Path, head: &csv::StringRecord) -> Result<Self, ImportError> {
        let unfit = |what: String| ImportError::Unfit {
            path: path.to_owned(),
            what,
        };
        let place = |name: &str| head.iter().position(|column| column.trim() == name);
        let needed = |name: &str| {
            place(name).ok_or_else(|| {
                unfit(format!(
                    "the first line names no column `{name}`: it must name `at` and `outcome`, separated by commas; others are {}",
                    COLUMNS.map(|column| format!("`{column}`")).join(", ")
                ))
            })
        };
        let columns = Self {
            at: needed("at")?,
            outcome: needed("outcome")?,
            tick: place("tick"),
            latency_ms: place("latency_ms"),
            cause: place("cause"),
            message: place("message"),
            endpoint: place("endpoint"),
            vantage: place("vantage"),
        };
        // One that we do not know may change what the others mean.
        if let Some(unknown) = head.iter().find(|column| !COLUMNS.contains(&column.trim())) {
            return Err(unfit(format!(
                "column `{unknown}` is not known: take it out; known are {}",
                COLUMNS.map(|column| format!("`{column}`")).join(", ")
            )));
        }
        Ok(columns)
    }

    /// `endpoint@vantage`, as far as the file tells.
    fn series(&self, line: &csv::StringRecord) -> String {
        let cell = |column: Option<usize>| column.and_then(|at| line.get(at));
        match (cell(self.endpoint), cell(self.vantage)) {
            (None, None) => String::new(),
            (Some(endpoint), None) => endpoint.to_owned(),
            (None, Some(vantage)) => format!("@{vantage}"),
            (Some(endpoint), Some(vantage)) => format!("{endpoint}@{vantage}"),
        }
    }

    fn fact(&self, line: &csv::StringRecord) -> Result<Fact, String> {
        let cell = |column: usize| line.get(column).unwrap_or_default().trim();
        let given = |column: Option<usize>| column.map(cell).filter(|text| !text.is_empty());
        let instant = |name: &str, text: &str| -> Result<Timestamp, String> {
            text.parse()
                .map_err(|error| format!("column `{name}`: {error}"))
        };
        let at = instant("at", cell(self.at))?;
        let tick = given(self.tick).map_or(Ok(at), |text| instant("tick", text))?;
        let latency_us = match given(self.latency_ms) {
            Some(text) => text.parse().ok().and_then(latency_us).ok_or_else(|| {
                format!("column `latency_ms`: `{text}` is not a number of milliseconds (`12.3`)")
            })?,
            None => 0,
        };
        let cause = given(self.cause);
        let outcome = match cell(self.outcome) {
            "answered" | "up" | "1" => Outcome::Answered {
                latency_us,
                partial: false,
            },
            "answered_partly" | "degraded" => Outcome::Answered {
                latency_us,
                partial: true,
            },
            "failed" | "down" | "0" => {
                Outcome::Failed(code(cause, Fault::from_code, Fault::Unspecified)?)
            }
            "void" | "unknown" => Outcome::Void(code(cause, Void::from_code, Void::NotExecuted)?),
            other => {
                return Err(format!(
                    "column `outcome`: `{other}` is not an outcome: write `answered`, `answered_partly`, `failed` or `void` (or `1` and `0`)"
                ));
            }
        };
        Ok(Fact {
            observation: Observation { tick, at, outcome },
            message: given(self.message).unwrap_or_default().to_owned(),
        })
    }
}

/// The cause of this code; `unsaid` where none is given.
fn code<T>(code: Option<&str>, read: fn(&str) -> Option<T>, unsaid: T) -> Result<T, String> {
    match code {
        None => Ok(unsaid),
        Some(code) => read(code).ok_or_else(|| {
            format!("column `cause`: `{code}` is not a cause of this outcome: leave it empty, and put the text into `message`")
        }),
    }
}
