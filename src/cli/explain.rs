//! `vigie explain`: how a figure comes about, line by line.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow};

use super::{ConfigPlace, Failure, exit, open_reader, print};
use crate::app::evidence::{Subject, saved};
use crate::app::load::{
    Request, ServiceMonth, check_known, declarations, exclusions, find_partner, find_service,
    membership, requests, service_month,
};
use crate::clock::Clock;
use crate::config::Config;
use crate::sla::availability::Verdict;
use crate::sla::commitment::Maintenance;
use crate::sla::ledger::{Acceptance, Class, Entry, ExclusionKind, announced};
use crate::sla::statement::{Statement, judge};
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, SECOND_MS, Timestamp};
use crate::store::{SavedStatement, Store};
use chrono_tz::Tz;

/// Explain how the figure of a month comes about
///
/// Prints the ledger line by line, what counted and why, the arithmetic, and which seconds would
/// turn an undetermined verdict. A closed month is explained as it was when its statement was
/// saved; a running one, up to now.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The service
    service: String,
    /// The month, for example 2025-10
    month: String,
    /// For this partner; without it, as for a partner connected all month
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Which revision of a closed month's statement; the latest if absent
    #[arg(long, value_name = "N", requires = "partner")]
    revision: Option<u32>,
    /// Also of a closed month, what today's configuration, facts and decisions say
    #[arg(long, conflicts_with = "revision")]
    today: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let store = open_reader(&config)?;
    let then = match &args.partner {
        Some(partner) if !args.today => {
            let subject = Subject {
                service: &args.service,
                partner,
                month: &args.month,
                revision: args.revision,
            };
            saved(&config, &store, subject).map_err(Failure::sort)?
        }
        Some(_) | None => None,
    };
    let text = match then {
        None => explain_today(args, &config, &store)?,
        Some(then) => {
            let seen = then.service_month(&store).map_err(Failure::sort)?;
            let partner = &then.own.partner;
            let membership = membership(partner, seen.service, seen.month.window());
            let requests = &then.own.requests;
            let statement = judge(
                &seen.record,
                &membership,
                &exclusions(requests),
                seen.terms(),
            );
            explain(
                &seen,
                Some(&partner.name),
                Some(&then.statement),
                requests,
                &statement,
            )
        }
    };
    print(text)?;
    Ok(exit::OK)
}

fn explain_today(args: &Args, config: &Config, store: &Store) -> Result<String, Failure> {
    let service = find_service(config, &args.service).map_err(Failure::input)?;
    let month = Month::parse(&args.month, service.zone())
        .context("read the month")
        .map_err(Failure::input)?;
    check_known(store, month).map_err(Failure::sort)?;
    let seen =
        service_month(store, service, month, Clock::System.now()).map_err(Failure::system)?;
    let Some(seen) = seen else {
        return Err(Failure::input(anyhow!(
            "explain {month} of `{}`: no commitment was in force on {}",
            service.id,
            month.first_day()
        )));
    };
    let partner = match &args.partner {
        Some(id) => Some(find_partner(config, id).map_err(Failure::input)?),
        None => None,
    };
    let membership = match partner {
        Some(partner) => membership(partner, service, month.window()),
        None => month.window().into(),
    };
    let declarations = declarations(store, &service.id, month).map_err(Failure::system)?;
    let requests = requests(service, &declarations, partner.map(|one| &one.id), month);
    let statement = judge(
        &seen.record,
        &membership,
        &exclusions(&requests),
        seen.terms(),
    );
    let name = partner.map(|partner| partner.name.as_str());
    Ok(explain(&seen, name, None, &requests, &statement))
}

/// The ledger of a statement and its arithmetic, for a terminal. Times are of the month's zone.
fn explain(
    seen: &ServiceMonth<'_>,
    partner: Option<&str>,
    saved: Option<&SavedStatement>,
    requests: &[Request],
    statement: &Statement,
) -> String {
    let mut out = format!(
        "{} ({}), {}{}\n« {} »\n",
        seen.service.name,
        seen.service.id,
        seen.month,
        partner.map_or(String::new(), |name| format!(", {name}")),
        seen.commitment.clause.quote
    );
    if let Some(saved) = saved {
        out.push_str(&format!(
            "Revision {}, saved on {} by {}.\n",
            saved.revision,
            local(saved.saved, seen.month.zone()),
            saved.author
        ));
    }
    out.push('\n');
    // Writing to a String does not fail.
    let _ = write_explanation(&mut out, seen, requests, statement);
    out
}

/// Which requests touch a line of the ledger, and what they do there.
fn write_requests(
    out: &mut String,
    seen: &ServiceMonth<'_>,
    requests: &[Request],
    entry: &Entry,
) -> std::fmt::Result {
    let conditions = match &seen.terms().maintenance {
        Maintenance::Counted => None,
        Maintenance::Excluded(conditions) | Maintenance::Credited(conditions) => Some(conditions),
    };
    let accepted = requests.iter().map(|request| &request.exclusion);
    let accepted = accepted.filter(|exclusion| exclusion.acceptance == Acceptance::Accepted);
    let in_time = conditions.map(|conditions| announced(accepted, conditions.notice_ms));
    for request in requests {
        let exclusion = &request.exclusion;
        if exclusion.window.intersection(&entry.window).is_none() {
            continue;
        }
        let effect = match (&in_time, exclusion.kind, exclusion.acceptance) {
            (_, _, Acceptance::Pending) => "pending: does not act",
            (_, _, Acceptance::Refused) => "refused: does not act",
            (None, ExclusionKind::Maintenance, Acceptance::Accepted) => {
                "the clause lets planned work count"
            }
            (Some(in_time), ExclusionKind::Maintenance, Acceptance::Accepted)
                if !in_time.contains(&exclusion) =>
            {
                "not announced in time: does not act"
            }
            (_, _, Acceptance::Accepted) => "accepted",
        };
        let whose = match &request.declared {
            Some(declared) => format!("request {} by {}", declared.id, declared.author),
            None => "announced in the configuration".to_owned(),
        };
        writeln!(
            out,
            "      {whose}: {}, « {} »; {effect}",
            exclusion.kind.code(),
            exclusion.reason
        )?;
    }
    Ok(())
}

fn write_explanation(
    out: &mut String,
    seen: &ServiceMonth<'_>,
    requests: &[Request],
    statement: &Statement,
) -> std::fmt::Result {
    let (window, zone) = (statement.window, seen.month.zone());
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
        match entry.class {
            Class::Up | Class::Degraded | Class::OutOfScope => {}
            Class::Down | Class::Unknown | Class::Credited | Class::Excluded => {
                write_requests(out, seen, requests, entry)?;
            }
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
    if let Some(step) = seen.commitment.step_on(seen.month.first_day()) {
        writeln!(
            out,
            "Declared step of improvement, {step}: {}",
            tally.verdict(step).code()
        )?;
    }
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
