//! How partners used a service, as lines: one per partner, service and month.
//!
//! | column | |
//! |---|---|
//! | `partner`, `service` | their ids in the configuration |
//! | `month` | `2025-10` |
//! | `calls` | requests made, a whole number |
//! | `successes` | requests that succeeded, at most `calls` |
//!
//! Commas or semicolons between them; the order of the columns does not matter.

use std::io::Read as _;
use std::path::Path;

use super::{ImportError, file_error, open};

/// The columns.
pub const COLUMNS: [&str; 5] = ["partner", "service", "month", "calls", "successes"];

/// The largest file that is read.
const BYTES_MAX: u64 = 64 << 20;

/// What one line or series says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// `line 17`
    pub place: String,
    /// The id of a partner, as written.
    pub partner: String,
    /// The id of a service, as written.
    pub service: String,
    /// As written.
    pub month: String,
    /// Requests made.
    pub n_calls: u64,
    /// Requests that succeeded.
    pub n_successes: u64,
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// A file that cannot be read, is no such list, or the first line that means nothing.
pub fn read(path: &Path) -> Result<Vec<Count>, ImportError> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(BYTES_MAX).read_to_end(&mut bytes)
    } else {
        open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)
    }
    .map_err(|source| file_error(path, source))?;
    let unfit = |what: String| ImportError::Unfit {
        path: path.to_owned(),
        what,
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| unfit("this is not text in UTF-8: export it as CSV".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') { b';' } else { b',' };
    let mut lines = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = lines
        .headers()
        .map_err(|error| super::csv::csv_error(path, error))
        .map(|head| COLUMNS.map(|name| head.iter().position(|column| column == name)))?;
    let missing: Vec<&str> = COLUMNS
        .into_iter()
        .zip(columns)
        .filter_map(|(name, column)| column.is_none().then_some(name))
        .collect();
    let [
        Some(partner),
        Some(service),
        Some(month),
        Some(calls),
        Some(successes),
    ] = columns
    else {
        return Err(unfit(format!(
            "its first line must name the columns `{}`; it has no `{}`",
            COLUMNS.join(","),
            missing.join("`, `")
        )));
    };
    let mut counts = Vec::new();
    for line in lines.records() {
        let line = line.map_err(|error| super::csv::csv_error(path, error))?;
        let place = format!("line {}", line.position().map_or(0, csv::Position::line));
        let text = |column: usize| line.get(column).unwrap_or_default().to_owned();
        let number = |column: usize, name: &str| {
            let text = text(column);
            text.parse().map_err(|_| ImportError::Place {
                path: path.to_owned(),
                place: place.clone(),
                what: format!("`{text}` is not a number of {name}: write it in digits alone"),
            })
        };
        counts.push(Count {
            partner: text(partner),
            service: text(service),
            month: text(month),
            n_calls: number(calls, "calls")?,
            n_successes: number(successes, "successes")?,
            place,
        });
    }
    if counts.is_empty() {
        return Err(ImportError::Nothing {
            source_name: format!("`{}`", path.display()),
            range: "in it".to_owned(),
        });
    }
    Ok(counts)
}
