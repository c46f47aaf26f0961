//! `vigie import`: evidence of other tools.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;

use super::close::progress_bar;
use super::{
    ConfigPlace, Failure, exit, instant, open_beside, open_reader, print, runtime, whoami,
};
use crate::app::import::{MonthChange, Plan, carry_out, plan};
use crate::clock::Clock;
use crate::config::Config;
use crate::exchange::hex;
use crate::import::{ImportError, Range, Readout, csv, kuma, prometheus};
use crate::sla::catalog::SecretPlace;
use crate::sla::observation::Outcome;
use crate::sla::statement::Statement;
use crate::sla::window::{Timestamp, Window, parse_duration_ms, show_duration_ms};

/// Bring in evidence of another tool: Prometheus, Uptime Kuma, or lines of CSV
///
/// What was read becomes the observations of a vantage of its own, whose name begins with
/// `import-`, so that pages, reports and evidence show where they come from; source and SHA-256
/// stand in the journal. Gaps stay unknown. Nothing is written unless all of it can be read, and a
/// second import of the same changes nothing. `docs/import.md` tells more.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Prometheus(PrometheusArgs),
    Kuma(KumaArgs),
    Csv(CsvArgs),
    /// Show what was imported, and from where
    List,
}

/// The history of a Prometheus server, or of anything that speaks its query API
///
/// A plain selector is read sample by sample, with the very instants of the samples. Any other
/// expression is worked out by the server every --step.
#[derive(clap::Args)]
struct PrometheusArgs {
    /// The server, for example http://127.0.0.1:9090
    #[arg(long, value_name = "URL")]
    url: String,
    /// One series of 0 and 1, for example 'probe_success{instance="https://…"}'
    #[arg(long, value_name = "PROMQL")]
    query: String,
    /// One series of seconds, for how long answers took: 'probe_duration_seconds{instance="…"}'
    #[arg(long, value_name = "PROMQL")]
    latency: Option<String>,
    /// Have the server work the query out so often (`60s`), if it is more than a selector
    #[arg(long, value_name = "DURATION")]
    step: Option<String>,
    /// A file that holds the whole value of the header `Authorization`
    #[arg(long, value_name = "FILE")]
    authorization_file: Option<PathBuf>,
    /// A file of authorities to trust beside the system's, in PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The first instant: `2025-10-01`, `2025-10-01T08:00` on the service's clock, or with an
    /// offset
    #[arg(long, value_name = "TIME")]
    from: String,
    /// The instant after the last; now, if absent
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    into: Destination,
}

/// The beats of one monitor in Uptime Kuma's `kuma.db`, of its versions 1 and 2
#[derive(clap::Args)]
struct KumaArgs {
    /// The file
    file: PathBuf,
    /// The monitor's number or name; not needed if there is only one
    #[arg(long, value_name = "ID")]
    monitor: Option<String>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    into: Destination,
}

/// Lines of CSV: columns `at` and `outcome`, and others; what `vigie export` writes
#[derive(clap::Args)]
struct CsvArgs {
    /// The file, or - for standard input
    file: PathBuf,
    /// Which series, as endpoint@vantage; not needed if there is only one
    #[arg(long, value_name = "SERIES")]
    series: Option<String>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    into: Destination,
}

#[derive(clap::Args)]
struct Part {
    /// Leave out what is earlier: `2025-10-01`, `2025-10-01T08:00` on the service's clock, or with
    /// an offset
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Leave out what is at this instant or later
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(clap::Args)]
struct Destination {
    /// The endpoint of the configuration that the other tool watched
    #[arg(long, value_name = "ID")]
    endpoint: String,
    /// The name of the vantage that stands for the other tool; by default `import-` and the tool
    #[arg(long, value_name = "ID")]
    vantage: Option<String>,
    /// Tell what is in it and how months would be settled with it; write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let now = Clock::System.now();
    match &args.command {
        Command::Prometheus(args) => {
            let readout = ask_prometheus(args, &config, now)?;
            import(&config, readout, &args.into, now)
        }
        Command::Kuma(args) => {
            let range = args.part.range(&config, &args.into)?;
            let readout = kuma::read(&args.file, args.monitor.as_deref(), range, now);
            import(&config, readout.map_err(refused)?, &args.into, now)
        }
        Command::Csv(args) => {
            let range = args.part.range(&config, &args.into)?;
            let readout = csv::read(&args.file, args.series.as_deref(), range, now);
            import(&config, readout.map_err(refused)?, &args.into, now)
        }
        Command::List => list(&config),
    }
}

/// Files and servers that do not answer are the system's fault, everything else the input's.
pub(super) fn refused(error: ImportError) -> Failure {
    match error {
        ImportError::File { .. } | ImportError::Server { .. } => Failure::system(error),
        ImportError::Unfit { .. }
        | ImportError::Place { .. }
        | ImportError::Several { .. }
        | ImportError::Nothing { .. }
        | ImportError::Query { .. }
        | ImportError::Authorization(_)
        | ImportError::Future { .. } => Failure::input(error),
    }
}

impl Part {
    fn range(&self, config: &Config, into: &Destination) -> Result<Range, Failure> {
        let read = |option: &str, text: &Option<String>| match text {
            Some(text) => into.instant(config, option, text).map(Some),
            None => Ok(None),
        };
        Ok(Range {
            from: read("--from", &self.from)?,
            until: read("--until", &self.until)?,
        })
    }
}

impl Destination {
    /// An instant on the clock of the endpoint's service.
    fn instant(&self, config: &Config, option: &str, text: &str) -> Result<Timestamp, Failure> {
        let zone = config
            .catalog
            .endpoint(&self.endpoint)
            .map_or(chrono_tz::UTC, |(service, _)| service.zone());
        instant(text, zone)
            .with_context(|| format!("read `{option}`"))
            .map_err(Failure::input)
    }
}

fn ask_prometheus(
    args: &PrometheusArgs,
    config: &Config,
    now: Timestamp,
) -> Result<Readout, Failure> {
    let from = args.into.instant(config, "--from", &args.from)?;
    let until = match &args.until {
        Some(text) => args.into.instant(config, "--until", text)?,
        None => now,
    };
    let window = Window::new(from, until)
        .context("read from --from to --until")
        .map_err(Failure::input)?;
    let step_ms = match &args.step {
        Some(text) => Some(
            parse_duration_ms(text)
                .filter(|ms| *ms >= 1_000)
                .with_context(|| {
                    format!(
                        "read `--step`: `{text}` is not a duration of a second or more, as `60s`"
                    )
                })
                .map_err(Failure::input)?,
        ),
        None => None,
    };
    let authorization = args.authorization_file.clone().map(SecretPlace::File);
    let query = prometheus::Query {
        url: &args.url,
        expression: args.query.trim(),
        latency: args.latency.as_deref().map(str::trim),
        step_ms,
        window,
        authorization: authorization.as_ref(),
        ca_file: args.ca_file.as_deref(),
    };
    let bar = progress_bar("pieces read");
    let readout = runtime()?.block_on(prometheus::read(&query, now, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    }));
    bar.finish_and_clear();
    readout.map_err(refused)
}

fn import(
    config: &Config,
    readout: Readout,
    into: &Destination,
    now: Timestamp,
) -> Result<u8, Failure> {
    let vantage = into
        .vantage
        .clone()
        .unwrap_or_else(|| format!("import-{}", readout.tool));
    let mut store = open_beside(config)?;
    let plan =
        plan(config, &store, now, readout, &into.endpoint, &vantage).map_err(Failure::sort)?;
    print(describe(&plan))?;
    if into.dry_run {
        print("dry run: nothing was written\n")?;
        return Ok(exit::OK);
    }
    let bar = progress_bar("observations");
    bar.set_length(u64::try_from(plan.readout.facts.len()).unwrap_or(0));
    let done = carry_out(&plan, &mut store, now, &whoami(), &mut |done| {
        bar.set_position(u64::try_from(done).unwrap_or(0));
    });
    bar.finish_and_clear();
    let (known, appended) = done.map_err(Failure::sort)?;
    let mut text = format!("imported: {} new observations", appended.new);
    if appended.repeated > 0 {
        let _ = write!(text, ", {} were there already", appended.repeated);
    }
    if let Some(known) = known {
        let _ = write!(
            text,
            " (the same was imported on {} by {})",
            known.at, known.author
        );
    }
    text.push('\n');
    if plan.months.iter().any(|change| change.is_closed) {
        text.push_str(
            "closed months stay as they are: `vigie close <month> --revise --reason \"…\"` makes a new revision\n",
        );
    }
    print(text)?;
    Ok(exit::OK)
}

fn describe(plan: &Plan<'_>) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_plan(&mut out, plan);
    out
}

fn write_plan(out: &mut String, plan: &Plan<'_>) -> std::fmt::Result {
    let readout = &plan.readout;
    let mut counts = [0_usize; 3];
    for fact in &readout.facts {
        let [answered, failed, void] = &mut counts;
        *match fact.observation.outcome {
            Outcome::Answered { .. } => answered,
            Outcome::Failed(_) => failed,
            Outcome::Void(_) => void,
        } += 1;
    }
    let [answered, failed, void] = counts;
    writeln!(out, "{}: {}", readout.tool, readout.source)?;
    writeln!(out, "  sha256 {}", hex(&readout.sha256))?;
    writeln!(
        out,
        "  {} observations from {} to {}: {answered} answered, {failed} failed, {void} void",
        readout.facts.len(),
        plan.first,
        plan.last
    )?;
    match plan.longest_silence {
        Some(silence) => writeln!(
            out,
            "  longest silence: {}, from {} to {}",
            show_duration_ms(silence.length_ms()),
            silence.start(),
            silence.end()
        )?,
        None => writeln!(
            out,
            "  no silence: each observation speaks until the next one (validity {})",
            show_duration_ms(plan.endpoint.validity_ms)
        )?,
    }
    for remark in &readout.remarks {
        writeln!(out, "  {remark}")?;
    }
    writeln!(
        out,
        "as vantage `{}` of endpoint `{}`, service `{}`",
        plan.vantage, plan.endpoint.id, plan.service.id
    )?;
    if !plan.endpoint.contractual {
        writeln!(
            out,
            "  the endpoint is shown for information: no month is settled from it"
        )?;
    }
    if plan.months.is_empty() {
        writeln!(
            out,
            "no commitment was in force in these months: they are not settled"
        )?;
        return Ok(());
    }
    writeln!(
        out,
        "months, for a partner who is connected all through them:"
    )?;
    for change in &plan.months {
        write_month(out, change)?;
    }
    Ok(())
}

fn write_month(out: &mut String, change: &MonthChange) -> std::fmt::Result {
    write!(
        out,
        "  {}  without: {:<36} with: {}",
        change.month,
        figures(&change.before),
        figures(&change.after)
    )?;
    writeln!(out, "{}", if change.is_closed { "; closed" } else { "" })
}

/// `met (99.19 to 99.80 %)`
fn figures(statement: &Statement) -> String {
    let verdict = statement.verdict.code();
    match statement.availability {
        Some(availability) => {
            format!(
                "{verdict} ({} to {} %)",
                availability.lower, availability.upper
            )
        }
        None => verdict.to_owned(),
    }
}

fn list(config: &Config) -> Result<u8, Failure> {
    let store = open_reader(config)?;
    let imports = store.imports().map_err(Failure::system)?;
    if imports.is_empty() {
        print("nothing was imported\n")?;
    }
    for import in imports {
        print(format!(
            "{} {}@{}: {} observations from {} to {}\n  {}: {}\n  sha256 {}; imported by {}\n",
            import.at,
            import.endpoint,
            import.vantage,
            import.n_observations,
            import.first,
            import.last,
            import.tool,
            import.source,
            hex(&import.source_sha256),
            import.author
        ))?;
    }
    Ok(exit::OK)
}
