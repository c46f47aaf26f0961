//! `vigie evidence`: hand out what a statement rests on.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;

use super::close::progress_bar;
use super::{ConfigPlace, Failure, exit, open_beside, open_reader, print, whoami};
use crate::app::evidence::{Subject, document};
use crate::clock::Clock;
use crate::store::{Action, ActionKind};

/// Export the evidence of a partner's month
///
/// The document settles to the published statement (`vigie settle`, `vigie verify`), and its
/// SHA-256 is the digest printed there, whatever the configuration says since. Of a month that is
/// not closed yet, it is what is known now. The export stands in the journal.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    export: Option<Export>,
}

#[derive(Subcommand)]
enum Command {
    /// Read every sealed block again and name the first that does not fit; exit status 1 if there
    /// is one
    Verify,
}

/// What to export.
#[derive(clap::Args)]
struct Export {
    /// The service
    #[arg(long, value_name = "ID")]
    service: String,
    /// The partner
    #[arg(long, value_name = "ID")]
    partner: String,
    /// The month, for example 2025-10
    #[arg(long, value_name = "YYYY-MM")]
    month: String,
    /// Which revision of a closed month's statement; the latest if absent
    #[arg(long, value_name = "N")]
    revision: Option<u32>,
    /// Where to write it; standard output if absent
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    match (&args.command, &args.export) {
        (Some(Command::Verify), _) => verify(place),
        (None, Some(export)) => write(export, place),
        (None, None) => Err(Failure::input(anyhow::anyhow!(
            "export evidence: say of what: --service, --partner and --month"
        ))),
    }
}

fn verify(place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let store = open_reader(&config)?;
    let bar = progress_bar("series: every block");
    let check = store
        .verify_evidence(&mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        })
        .map_err(Failure::system)?;
    bar.finish_and_clear();
    for fault in &check.faults {
        print(format!("{fault}\n"))?;
    }
    let removed = match check.n_removed {
        0 => String::new(),
        n_removed => format!("; {n_removed} before them were removed by retention"),
    };
    let read = format!(
        "{} blocks, {} observations{removed}",
        check.n_blocks, check.n_observations
    );
    if check.is_whole() {
        print(format!("the evidence is whole: {read}\n"))?;
        return Ok(exit::OK);
    }
    print(format!("the evidence is NOT whole: {read}\n"))?;
    Ok(exit::NEGATIVE)
}

fn write(args: &Export, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let mut store = open_beside(&config)?;
    let now = Clock::System.now();
    let subject = Subject {
        service: &args.service,
        partner: &args.partner,
        month: &args.month,
        revision: args.revision,
    };
    let document = document(&config, &store, now, subject).map_err(Failure::sort)?;
    let bytes = document.canonical();
    let what = serde_json::json!({
        "service": args.service,
        "partner": args.partner,
        "month": args.month,
        "revision": args.revision,
        "sha256": document.sha256().to_string(),
    });
    let action = Action {
        kind: ActionKind::EvidenceExported,
        what,
    };
    store
        .journal(&whoami(), now, &action)
        .map_err(Failure::system)?;
    match &args.output {
        Some(path) => std::fs::write(path, bytes)
            .with_context(|| format!("write `{}`", path.display()))
            .map_err(Failure::system)?,
        None => print(bytes)?,
    }
    Ok(exit::OK)
}
