//! `vigie explain`: how a figure comes about, line by line.

use std::fmt::Write as _;

use anyhow::Context as _;
use chrono_tz::Tz;

use super::{ConfigPlace, Failure, exit, open_reader, print};
use crate::app::close::exclusions;
use crate::app::load::{check_known, find_partner, find_service, membership, service_month};
use crate::clock::Clock;
use crate::sla::availability::Verdict;
use crate::sla::ledger::Class;
use crate::sla::statement::{Statement, judge};
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, SECOND_MS, Timestamp};

/// Explain how the figure of a month comes about
///
/// Prints the ledger line by line, what counted and why, the arithmetic, and which seconds would
/// turn an undetermined verdict. A running month is explained up to now.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The service
    service: String,
    /// The month, for example 2025-10
    month: String,
    /// For this partner; without it, as for a partner connected all month
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let store = open_reader(&config)?;
    let service = find_service(&config, &args.service).map_err(Failure::input)?;
    let month = Month::parse(&args.month, service.zone())
        .context("read the month")
        .map_err(Failure::input)?;
    check_known(&store, month).map_err(Failure::sort)?;
    let seen =
        service_month(&store, service, month, Clock::System.now()).map_err(Failure::system)?;
    let Some(seen) = seen else {
        return Err(Failure::input(anyhow::anyhow!(
            "explain {month} of `{}`: no commitment was in force on {}",
            service.id,
            month.first_day()
        )));
    };
    let partner = match &args.partner {
        Some(id) => Some(find_partner(&config, id).map_err(Failure::input)?),
        None => None,
    };
    let membership = match partner {
        Some(partner) => membership(partner, service, month.window()),
        None => month.window().into(),
    };
    let exclusions = exclusions(&store, &seen, partner).map_err(Failure::system)?;
    let statement = judge(&seen.record, &membership, &exclusions, seen.terms());
    let mut text = format!(
        "{} ({}), {month}{}\n« {} »\n\n",
        service.name,
        service.id,
        partner.map_or(String::new(), |partner| format!(", {}", partner.name)),
        seen.commitment.clause.quote
    );
    text.push_str(&explain(&statement, month.zone()));
    print(text)?;
    Ok(exit::OK)
}

/// The ledger of a statement and its arithmetic, for a terminal. Times are of `zone`.
fn explain(statement: &Statement, zone: Tz) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_explanation(&mut out, statement, zone);
    out
}

fn write_explanation(out: &mut String, statement: &Statement, zone: Tz) -> std::fmt::Result {
    let window = statement.window;
    writeln!(
        out,
        "{} to {}, {zone}: {}",
        local(window.start(), zone),
        local(window.end(), zone),
        duration(window.length_ms())
    )?;
    if let Some(now) = statement.now {
        writeln!(
            out,
            "Still running: what lies after {} is not known yet.",
            local(now, zone)
        )?;
    }
    writeln!(out, "\nLedger")?;
    for entry in statement.ledger.entries() {
        writeln!(
            out,
            "  {}  {}  {:>14}  {:<12} {}",
            local(entry.window.start(), zone),
            local(entry.window.end(), zone),
            duration(entry.window.length_ms()),
            entry.class.code(),
            meaning(entry.class)
        )?;
        let started = statement
            .incidents
            .iter()
            .filter(|_| entry.class == Class::Down)
            .find(|incident| incident.window.start() == entry.window.start());
        if let Some((endpoint, fault)) = started.and_then(|incident| incident.cause.as_ref()) {
            writeln!(out, "      first failure: {fault} at {endpoint}")?;
        }
    }
    let tally = statement.tally;
    writeln!(out, "\nTime by class")?;
    for class in Class::ALL {
        let ms = tally.of(class);
        if ms > 0 {
            writeln!(
                out,
                "  {:<12} {:>16}  {:>13} ms",
                class.code(),
                duration(ms),
                ms
            )?;
        }
    }
    writeln!(
        out,
        "  {:<12} {:>16}  {:>13} ms  = the whole window",
        "total",
        duration(tally.total_ms()),
        tally.total_ms()
    )?;
    if statement.transient_ms > 0 {
        writeln!(
            out,
            "  of which {} of failures that were not confirmed (counted as up)",
            duration(statement.transient_ms)
        )?;
    }
    if statement.disputed_ms > 0 {
        writeln!(
            out,
            "  of which {} in which vantages contradicted each other",
            duration(statement.disputed_ms)
        )?;
    }
    let Some(availability) = statement.availability else {
        return writeln!(
            out,
            "\nNo time counted: the commitment does not apply to this window."
        );
    };
    writeln!(out, "\nFigures (target {}, inclusive)", statement.target)?;
    let bounds = [
        ("at least", availability.lower, "unknown time taken as down"),
        ("at most", availability.upper, "unknown time taken as up"),
    ];
    for (name, ratio, how) in bounds {
        writeln!(
            out,
            "  {name:<9} {ratio} %  = {} / {} ms ({how})",
            ratio.part_ms(),
            ratio.whole_ms()
        )?;
    }
    if let Some(observed) = availability.observed {
        writeln!(
            out,
            "  observed  {observed} %  on {} % of the time",
            availability.coverage
        )?;
    }
    let budget = statement.budget;
    writeln!(
        out,
        "  allowed down time {}, left between {} and {}",
        duration(budget.allowed_ms),
        duration(budget.remaining_min_ms),
        duration(budget.remaining_max_ms)
    )?;
    writeln!(out, "\nVerdict: {}", statement.verdict.code())?;
    if let Some(outlook) = statement.outlook {
        writeln!(out, "Outlook: {}", outlook.code())?;
    }
    if statement.verdict == Verdict::Undetermined {
        writeln!(
            out,
            "  met if at least {} of the {} unknown were up; missed if more than {} of them were down",
            duration(-budget.remaining_min_ms),
            duration(tally.unknown_ms),
            duration(budget.remaining_max_ms)
        )?;
        let mut unknown: Vec<_> = statement
            .ledger
            .entries()
            .iter()
            .filter(|entry| entry.class == Class::Unknown)
            .collect();
        unknown.sort_by_key(|entry| std::cmp::Reverse(entry.window.length_ms()));
        for entry in unknown.into_iter().take(10) {
            writeln!(
                out,
                "  unknown: {}  {}  {}",
                local(entry.window.start(), zone),
                local(entry.window.end(), zone),
                duration(entry.window.length_ms())
            )?;
        }
    }
    if let Some(conditional) = statement.conditional {
        writeln!(
            out,
            "If every pending request were accepted: {}, at least {} %",
            conditional.verdict.code(),
            conditional
                .tally
                .availability()
                .map_or("-".to_owned(), |figures| figures.lower.to_string())
        )?;
    }
    Ok(())
}

fn meaning(class: Class) -> &'static str {
    match class {
        Class::Up => "counts as good",
        Class::Degraded => "counts as good: slow or partial",
        Class::Down => "counts as bad",
        Class::Unknown => "good in the upper bound, bad in the lower",
        Class::Credited => "counts as good: accepted planned work",
        Class::Excluded => "does not count: accepted exclusion",
        Class::OutOfScope => "does not count: not connected or outside service hours",
    }
}

/// Wall clock with its offset, so that the double hour of October is told apart.
fn local(at: Timestamp, zone: Tz) -> String {
    at.to_local(zone)
        .format("%Y-%m-%d %H:%M:%S%.3f%:z")
        .to_string()
}

/// `-37:15:00.000`: exact, signed, sortable by eye.
fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.abs();
    format!(
        "{sign}{}:{:02}:{:02}.{:03}",
        ms / HOUR_MS,
        ms / MINUTE_MS % 60,
        ms / SECOND_MS % 60,
        ms % SECOND_MS
    )
}
