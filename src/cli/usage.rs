//! `vigie usage`: how partners used a service, counted elsewhere and shown in their reports.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Subcommand;

use super::import::refused;
use super::{ConfigPlace, Failure, exit, open_beside, open_reader, print, runtime, whoami};
use crate::app::load::find_service;
use crate::app::usage::{ask, entries};
use crate::clock::Clock;
use crate::config::{Config, UsageConfig};
use crate::import::usage::{Count, read};
use crate::sla::catalog::SecretPlace;
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
/// Without options, what the configuration says in `[service.usage]`, as the daemon does before it
/// closes a month. Both expressions give one series per partner, with its id in a
/// label, and are worked out at the end of the month. `$month` stands for the month's length:
/// `sum by (partner) (increase(http_requests_total{code!~"5.."}[$month]))`. Series of partners that
/// are not in the configuration are named and left out.
#[derive(clap::Args)]
struct PrometheusArgs {
    /// The month, for example 2025-10
    month: String,
    /// One service only
    #[arg(long, value_name = "ID")]
    service: Option<String>,
    /// The server, for example http://127.0.0.1:9090, in place of the configuration
    #[arg(long, value_name = "URL", requires_all = ["service", "calls", "successes"])]
    url: Option<String>,
    /// Requests made
    #[arg(long, value_name = "PROMQL", requires = "url")]
    calls: Option<String>,
    /// Requests that succeeded
    #[arg(long, value_name = "PROMQL", requires = "url")]
    successes: Option<String>,
    /// The label that holds the partner's id
    #[arg(long, value_name = "NAME", requires = "url", default_value = "partner")]
    label: String,
    /// A file that holds the whole value of the header `Authorization`
    #[arg(long, value_name = "FILE", requires = "url")]
    authorization_file: Option<PathBuf>,
    /// A file of trusted authorities (PEM) beside the system's
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// Where the numbers come from, as reports say it
    #[arg(
        long,
        value_name = "TEXT",
        requires = "url",
        default_value = "Prometheus"
    )]
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
            let usage = whom_to_ask(&config, args)?;
            count(&config, &usage, &args.month)
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

/// What the options say, or else the configuration.
fn whom_to_ask(config: &Config, args: &PrometheusArgs) -> Result<Vec<UsageConfig>, Failure> {
    let service = match &args.service {
        Some(id) => Some(&find_service(config, id).map_err(Failure::input)?.id),
        None => None,
    };
    if let (Some(service), Some(url), Some(calls), Some(successes)) =
        (service, &args.url, &args.calls, &args.successes)
    {
        return Ok(vec![UsageConfig {
            service: service.clone(),
            url: url.clone(),
            authorization: args.authorization_file.clone().map(SecretPlace::File),
            ca_file: args.ca_file.clone(),
            calls: calls.clone(),
            successes: successes.clone(),
            label: args.label.clone(),
            source: args.source.clone(),
        }]);
    }
    let configured = config.usage.iter();
    let configured: Vec<UsageConfig> = configured
        .filter(|usage| service.is_none_or(|service| *service == usage.service))
        .cloned()
        .collect();
    if configured.is_empty() {
        return Err(Failure::input(anyhow!(
            "count calls: the configuration does not say how: write `[service.usage]` below a service, or give --service, --url, --calls and --successes"
        )));
    }
    Ok(configured)
}

fn count(config: &Config, usage: &[UsageConfig], month: &str) -> Result<u8, Failure> {
    let runtime = runtime()?;
    for usage in usage {
        let service = find_service(config, usage.service.as_str()).map_err(Failure::input)?;
        let month = Month::parse(month, service.zone())
            .context("read the month")
            .map_err(Failure::input)?;
        if month.window().end() > Clock::System.now() {
            return Err(Failure::input(anyhow!(
                "count the calls of {month}: the month is not over"
            )));
        }
        let counted = runtime
            .block_on(ask(config, usage, month))
            .map_err(refused)?;
        if !counted.strangers.is_empty() {
            let strangers = counted.strangers.iter().map(|id| format!("`{id}`"));
            let strangers: Vec<String> = strangers.collect();
            eprintln!(
                "note: left out, not in the configuration: {}",
                strangers.join(", ")
            );
        }
        save(config, &counted.counts, &usage.source)?;
    }
    Ok(exit::OK)
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
