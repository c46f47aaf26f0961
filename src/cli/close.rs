//! `vigie close`: the month-end, by hand.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigPlace, Failure, exit, open_beside, print, runtime, whoami};
use crate::app::close::{Closed, Done, Kind, Order, close};
use crate::app::letters::Addressees;
use crate::app::load::find_service;
use crate::app::usage::take_in;
use crate::clock::Clock;
use crate::config::Config;
use crate::exchange::Difference;
use crate::sla::window::Month;
use crate::store::Store;

/// Settle a month, save its statements and write its reports
///
/// What is saved already is left as it is, so running this again repairs whatever an interruption
/// left undone. A saved statement is compared with the facts and decisions of today, under the
/// configuration it was settled with: editing the configuration changes no closed month. Exit
/// status 1 if it says something else: see --revise.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The month, for example 2025-10
    month: String,
    /// One partner only
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// One service only
    #[arg(long, value_name = "ID")]
    service: Option<String>,
    /// Write reports of a month that is still running; saves nothing
    #[arg(long, conflicts_with_all = ["revise", "dry_run"])]
    provisional: bool,
    /// Settle anew, with today's configuration and decisions; where that says something else, save
    /// a new revision; needs --reason
    #[arg(long, requires = "reason", conflicts_with = "dry_run")]
    revise: bool,
    /// Why, as partners will read it
    #[arg(long, value_name = "TEXT", requires = "revise", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Settle anew and show the verdicts, and what a revision would change; save and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let mut store = open_beside(&config)?;
    let kind = match (&args.reason, args.provisional, args.dry_run) {
        (Some(reason), _, _) => Kind::Revise(reason),
        (None, true, _) => Kind::Provisional,
        (None, false, true) => Kind::DryRun,
        (None, false, false) => Kind::Final,
    };
    let who = whoami();
    let order = Order {
        month: &args.month,
        partner: args.partner.as_deref(),
        service: args.service.as_deref(),
        kind,
        who: &who,
    };
    if kind == Kind::Final {
        count_calls(&config, &mut store, &order)?;
    }
    let bar = progress_bar("reports");
    let closed = close(
        &config,
        &mut store,
        Clock::System.now(),
        &order,
        &mut |progress| {
            bar.set_length(u64::try_from(progress.all).unwrap_or(0));
            bar.set_position(u64::try_from(progress.done).unwrap_or(0));
        },
    );
    bar.finish_and_clear();
    let closed = closed.map_err(Failure::sort)?;
    for one in &closed {
        print(describe(one))?;
    }
    let all_stand = closed.iter().all(|one| match one.done {
        Done::Differs | Done::Lost(_) | Done::Held(_) => false,
        Done::Saved(_)
        | Done::Revised(_)
        | Done::Unchanged(_)
        | Done::Provisional(_)
        | Done::DryRun => true,
    });
    Ok(if all_stand { exit::OK } else { exit::NEGATIVE })
}

/// Takes in how services were used, where the configuration says how that is counted. What cannot
/// be had keeps no month from being closed.
fn count_calls(config: &Config, store: &mut Store, order: &Order<'_>) -> Result<(), Failure> {
    let runtime = runtime()?;
    for usage in &config.usage {
        let service = find_service(config, usage.service.as_str()).map_err(Failure::input)?;
        let Ok(month) = Month::parse(order.month, service.zone()) else {
            // The closing says what is wrong with it.
            return Ok(());
        };
        let now = Clock::System.now();
        if let Err(failure) = runtime.block_on(take_in(config, store, usage, month, order.who, now))
        {
            eprintln!(
                "note: the reports say that the calls of `{}` were not measured: failed to {failure:#}",
                usage.service
            );
        }
    }
    Ok(())
}

/// A bar on standard error, if that is a terminal.
pub(super) fn progress_bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn describe(closed: &Closed) -> String {
    let figure = match &closed.lower {
        Some(lower) => format!("at least {lower} %"),
        None => "no time counted".to_owned(),
    };
    let done = match &closed.done {
        Done::Saved(folder) => format!("saved, {}", folder.display()),
        Done::Revised(folder) => format!("revised, {}", folder.display()),
        Done::Unchanged(folder) => format!("saved before, {}", folder.display()),
        Done::Provisional(folder) => format!("provisional, {}", folder.display()),
        Done::DryRun => "dry run".to_owned(),
        Done::Differs => {
            "NOT REPLACED: the saved statement says something else (--revise --reason …)".to_owned()
        }
        Done::Lost(reason) => format!("NOT WHOLE: {reason}"),
        Done::Held(reason) => format!("NOT CLOSED: {reason}"),
    };
    let letters = match &closed.addressees {
        Addressees::Off => "",
        Addressees::Revoked => "; no letter: revoked",
        Addressees::NoContact => "; NO LETTER: the partner has no contact",
        Addressees::Mailboxes(_) => "; see `vigie letters list`",
    };
    let mut text = format!(
        "{:<28} {:<34} {:<14} {figure}; {done}{letters}\n",
        closed.partner,
        closed.number,
        closed.verdict.code()
    );
    for difference in &closed.differences {
        text.push_str(&tell("", difference));
    }
    for difference in &closed.edited {
        text.push_str(&tell(
            "the configuration was edited: a revision would change ",
            difference,
        ));
    }
    let told = match closed.done {
        Done::Revised(_) => "said since, and told now: ",
        Done::Saved(_)
        | Done::Unchanged(_)
        | Done::Provisional(_)
        | Done::DryRun
        | Done::Differs
        | Done::Lost(_)
        | Done::Held(_) => "said since, and a revision would tell: ",
    };
    for difference in &closed.told {
        text.push_str(&tell(told, difference));
    }
    text
}

/// One figure that differs.
fn tell(what: &str, difference: &Difference) -> String {
    format!(
        "    {what}{}: {} -> {}\n",
        difference.place, difference.written, difference.recomputed
    )
}
