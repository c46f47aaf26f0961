//! `vigie usage`: how partners used a service, counted elsewhere and shown in their reports.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Subcommand;

use super::import::refused;
use super::{ConfigPlace, Failure, exit, open_beside, open_reader, print, runtime, whoami};
use crate::app::load::find_service;
use crate::app::usage::entries;
use crate::clock::Clock;
use crate::config::Config;
use crate::import::prometheus::{Counter, count};
use crate::import::usage::{Count, read};
use crate::sla::window::Month;

/// Take in how partners used a service, for their reports
///
/// Shown beside the availability, with the part of the calls that succeeded; no verdict depends on
/// it. Take it in before the month is closed: a report that was written stays as it is. A later
/// count of the same month replaces an earlier one; each stands in the journal.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Import(ImportArgs),
    Prometheus(PrometheusArgs),
    /// Show what was counted last
    List {
        /// One month only, for example 2025-10
        #[arg(long)]
        month: Option<String>,
    },
}

/// Lines of CSV: partner, service, month, calls, successes
///
/// The first line names the columns, in any order, with commas or semicolons between them.
#[derive(clap::Args)]
struct ImportArgs {
    /// The file; `-` reads standard input
    file: PathBuf,
    /// Where the numbers come from, as reports say it; by default the name of the file
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
}

/// The counters of a Prometheus server, or of anything that speaks its query API
///
/// Both expressions give one series per partner, with its id in a label, and are worked out at
/// the end of the month. `$month` stands for the month's length: `sum by (partner)
/// (increase(http_requests_total{code!~"5.."}[$month]))`. Series of partners that are not in the
/// configuration are named and left out.
#[derive(clap::Args)]
struct PrometheusArgs {
    /// The month, for example 2025-10
    month: String,
    /// The service
    #[arg(long, value_name = "ID")]
    service: String,
    /// The server, for example http://127.0.0.1:9090
    #[arg(long, value_name = "URL")]
    url: String,
    /// Requests made
    #[arg(long, value_name = "PROMQL")]
    calls: String,
    /// Requests that succeeded
    #[arg(long, value_name = "PROMQL")]
    successes: String,
    /// The label that holds the partner's id
    #[arg(long, value_name = "NAME", default_value = "partner")]
    label: String,
    /// A file that holds the whole value of the header `Authorization`
    #[arg(long, value_name = "FILE")]
    authorization_file: Option<PathBuf>,
    /// A file of trusted authorities (PEM) beside the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Where the numbers come from, as reports say it
    #[arg(long, value_name = "TEXT", default_value = "Prometheus")]
    source: String,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    match &args.command {
        Command::Import(args) => {
            let counts = read(&args.file).map_err(refused)?;
            let name = args.file.file_name().unwrap_or(args.file.as_os_str());
            let source = args.source.clone();
            let source = source.unwrap_or_else(|| name.to_string_lossy().into_owned());
            save(&config, &counts, &source)
        }
        Command::Prometheus(args) => {
            let counts = ask(&config, args)?;
            save(&config, &counts, &args.source)
        }
        Command::List { month } => list(&config, month.as_deref()),
    }
}

fn save(config: &Config, counts: &[Count], source: &str) -> Result<u8, Failure> {
    let now = Clock::System.now();
    let entries = entries(config, now, counts, source).map_err(Failure::input)?;
    let mut store = open_beside(config)?;
    let n_new = store
        .save_usage(&entries, &whoami(), now)
        .map_err(Failure::system)?;
    let mut n_closed = 0;
    for entry in &entries {
        let zone = config.catalog.service(entry.service.as_str());
        let zone = zone.map_or(chrono_tz::Tz::UTC, |service| service.zone());
        let month = Month::parse(&entry.month, zone).map_err(Failure::input)?;
        let saved = store.statement(&entry.partner, &entry.service, month);
        n_closed += usize::from(saved.map_err(Failure::system)?.is_some());
    }
    print(format!("{n_new} of {} counts are new\n", entries.len()))?;
    if n_closed > 0 {
        print(format!(
            "note: {n_closed} of them are of closed months; reports that were written stay as they are\n"
        ))?;
    }
    Ok(exit::OK)
}

fn ask(config: &Config, args: &PrometheusArgs) -> Result<Vec<Count>, Failure> {
    let service = find_service(config, &args.service).map_err(Failure::input)?;
    let month = Month::parse(&args.month, service.zone())
        .context("read the month")
        .map_err(Failure::input)?;
    let window = month.window();
    if window.end() > Clock::System.now() {
        return Err(Failure::input(anyhow!(
            "count the calls of {month}: the month is not over"
        )));
    }
    let length = format!("{}s", window.length_ms() / 1_000);
    let runtime = runtime()?;
    let counted = |expression: &str| {
        let expression = expression.replace("$month", &length);
        let counter = Counter {
            url: &args.url,
            expression: &expression,
            label: &args.label,
            at: window.end(),
            authorization_file: args.authorization_file.as_deref(),
            ca_file: args.ca_file.as_deref(),
        };
        runtime.block_on(count(&counter)).map_err(refused)
    };
    let (calls, mut successes) = (counted(&args.calls)?, counted(&args.successes)?);
    let (known, others): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .partition(|(partner, _)| config.catalog.partner(partner).is_some());
    if !others.is_empty() {
        let others: Vec<String> = others
            .into_iter()
            .map(|(id, _)| format!("`{id}`"))
            .collect();
        eprintln!(
            "note: left out, not in the configuration: {}",
            others.join(", ")
        );
    }
    Ok(known
        .into_iter()
        .map(|(partner, n_calls)| Count {
            place: format!("partner `{partner}`"),
            // A counter that never counted has no series.
            n_successes: successes.remove(&partner).unwrap_or(0),
            partner,
            service: args.service.clone(),
            month: args.month.clone(),
            n_calls,
        })
        .collect())
}

fn list(config: &Config, month: Option<&str>) -> Result<u8, Failure> {
    let entries = open_reader(config)?
        .usages(month)
        .map_err(Failure::system)?;
    if entries.is_empty() {
        print("nothing was counted: see `vigie usage import --help`\n")?;
    }
    for entry in entries {
        print(format!(
            "{}  {:<28} {:<28} {:>12} calls {:>12} succeeded  {}\n",
            entry.month,
            entry.partner.as_str(),
            entry.service.as_str(),
            entry.n_calls,
            entry.n_successes,
            entry.source
        ))?;
    }
    Ok(exit::OK)
}
