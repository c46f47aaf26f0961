//! `vigie export`: everything, for other tools.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use super::{ConfigPlace, Failure, exit, instant, open_reader};
use crate::app::export::{
    OBSERVATIONS, SEGMENTS, STATEMENTS, Wanted, observations, segments, statements,
};
use crate::app::load::{find_endpoint, find_service};
use crate::clock::Clock;
use crate::export::{Format, Table};
use crate::sla::window::Timestamp;

/// Write observations, states or statements as CSV or Parquet, for other tools
///
/// Observations are what was seen, as `vigie import csv` reads it back; segments are the states
/// that follow from it, of each service and its endpoints; statements are what was saved, every
/// revision. Memory stays small, however long the time. `docs/export.md` explains the columns.
#[derive(clap::Args)]
pub(super) struct Args {
    /// What to write
    what: What,
    /// How to write it; by default as the file's name ends, else CSV
    #[arg(long, value_name = "FORMAT")]
    format: Option<Written>,
    /// Where to write it; standard output if absent
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// One service only
    #[arg(long, value_name = "ID")]
    service: Option<String>,
    /// One endpoint only; not for statements
    #[arg(long, value_name = "ID")]
    endpoint: Option<String>,
    /// Leave out what is earlier: `2025-10-01` in UTC, or an instant with its offset
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Leave out what is at this instant or later
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// What was seen
    Observations,
    /// What each service and endpoint was, from when to when
    Segments,
    /// What months said
    Statements,
}

#[derive(Clone, Copy, ValueEnum)]
enum Written {
    Csv,
    Parquet,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let wanted = Wanted {
        service: match &args.service {
            Some(id) => Some(
                find_service(&config, id)
                    .map_err(Failure::input)?
                    .id
                    .clone(),
            ),
            None => None,
        },
        endpoint: match &args.endpoint {
            Some(_) if args.what == What::Statements => {
                return Err(Failure::input(anyhow::anyhow!(
                    "export statements of one endpoint: they speak of services: use --service"
                )));
            }
            Some(id) => Some(
                find_endpoint(&config, id)
                    .map_err(Failure::input)?
                    .1
                    .id
                    .clone(),
            ),
            None => None,
        },
        from: time("--from", args.from.as_deref())?,
        until: time("--until", args.until.as_deref())?,
    };
    let store = open_reader(&config)?;
    let format = match (args.format, &args.output) {
        (Some(Written::Parquet), _) => Format::Parquet,
        (Some(Written::Csv), _) | (None, None) => Format::Csv,
        (None, Some(path)) if path.extension().is_some_and(|end| end == "parquet") => {
            Format::Parquet
        }
        (None, Some(_)) => Format::Csv,
    };
    let columns = match args.what {
        What::Observations => OBSERVATIONS,
        What::Segments => SEGMENTS,
        What::Statements => STATEMENTS,
    };
    let write = |out: Box<dyn Write + Send>| -> anyhow::Result<u64> {
        let mut table = Table::new(out, format, columns)?;
        let n_rows = match args.what {
            What::Observations => observations(&config, &store, &wanted, &mut table)?,
            What::Segments => segments(&config, &store, &wanted, Clock::System.now(), &mut table)?,
            What::Statements => statements(&config, &store, &wanted, &mut table)?,
        };
        table.finish()?.flush()?;
        Ok(n_rows)
    };
    match &args.output {
        Some(path) => {
            let n_rows = into_file(path, write)
                .with_context(|| format!("write `{}`", path.display()))
                .map_err(Failure::sort)?;
            eprintln!("{n_rows} rows in {}", path.display());
        }
        None => match write(Box::new(BufWriter::new(std::io::stdout()))) {
            // A reader that went away (`| head`) is no failure.
            Err(error) if !is_broken_pipe(&error) => {
                return Err(Failure::sort(error.context("write to standard output")));
            }
            _ => {}
        },
    }
    Ok(exit::OK)
}

/// Writes beside the file and renames: what stands under its name is whole.
fn into_file(
    path: &Path,
    write: impl FnOnce(Box<dyn Write + Send>) -> anyhow::Result<u64>,
) -> anyhow::Result<u64> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = File::create(&part)
        .map_err(anyhow::Error::from)
        .and_then(|file| write(Box::new(BufWriter::new(file))))
        .and_then(|n_rows| {
            std::fs::rename(&part, path)?;
            Ok(n_rows)
        });
    if written.is_err() {
        // What could not be finished is of no use; that it is in the way would be told next time.
        let _ = std::fs::remove_file(&part);
    }
    written
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

fn time(option: &str, text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    match text {
        Some(text) => instant(text, chrono_tz::UTC)
            .map(Some)
            .with_context(|| format!("read `{option}`"))
            .map_err(Failure::input),
        None => Ok(None),
    }
}
