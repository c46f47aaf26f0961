//! Numbers that the page and several charts share, worked out once from the statement.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{MonthResult, Report};
use crate::sla::availability::{Availability, Tally, Verdict};
use crate::sla::ledger::{Acceptance, Class, ExclusionKind};
use crate::sla::window::{HOUR_MS, Timestamp, Window, Windows};

/// One civil day of the month.
pub(super) struct Day {
    pub(super) date: NaiveDate,
    /// All of it: 23, 24 or 25 hours.
    pub(super) window: Window,
    /// What is over of it; nothing if all of it is still to come.
    pub(super) tally: Option<Tally>,
    /// What is left of the budget when it is over: if the unknown time was Down, and if it was Up.
    pub(super) left_ms: (i64, i64),
}

/// The part of the month that is over.
pub(super) fn elapsed(report: &Report<'_>) -> Option<Window> {
    let window = report.statement.window;
    match report.statement.now {
        Some(now) => Window::between(window.start(), now.min(window.end())),
        None => Some(window),
    }
}

/// Time by class of the part of the month that is over.
pub(super) fn elapsed_tally(report: &Report<'_>) -> Tally {
    elapsed(report).map_or_else(Tally::default, |elapsed| {
        report.statement.ledger.tally_within(elapsed)
    })
}

/// The month, day by day.
pub(super) fn days(report: &Report<'_>) -> Vec<Day> {
    let allowed_ms = report.statement.budget.allowed_ms;
    let elapsed = elapsed(report);
    let mut left_ms = (allowed_ms, allowed_ms);
    report
        .statement
        .window
        .local_days(report.month.zone())
        .into_iter()
        .map(|(date, window)| {
            let tally = elapsed
                .and_then(|elapsed| elapsed.intersection(&window))
                .map(|part| report.statement.ledger.tally_within(part));
            if let Some(tally) = tally {
                left_ms.0 -= tally.down_ms + tally.unknown_ms;
                left_ms.1 -= tally.down_ms;
            }
            Day {
                date,
                window,
                tally,
                left_ms,
            }
        })
        .collect()
}

/// The day with the most Down time, and how much.
pub(super) fn worst_day(report: &Report<'_>) -> Option<(NaiveDate, i64)> {
    days(report)
        .into_iter()
        .filter_map(|day| Some((day.date, day.tally?.down_ms)))
        .filter(|(_, down_ms)| *down_ms > 0)
        .reduce(|worst, day| if day.1 > worst.1 { day } else { worst })
}

/// The hour with the most Down time, by its start, and how much.
///
/// Hours are counted from the start of the month: those of the wall clock wherever it changes by
/// whole hours.
pub(super) fn worst_hour(report: &Report<'_>) -> Option<(Timestamp, i64)> {
    let month = report.statement.window;
    let elapsed = elapsed(report)?;
    let mut hours: BTreeMap<i64, i64> = BTreeMap::new();
    let down = report
        .statement
        .ledger
        .entries()
        .iter()
        .filter(|entry| entry.class == Class::Down)
        .filter_map(|entry| entry.window.intersection(&elapsed));
    for window in down {
        let (start_ms, end_ms) = (
            window.start().since(month.start()),
            window.end().since(month.start()),
        );
        for hour in start_ms / HOUR_MS..=(end_ms - 1) / HOUR_MS {
            let from = start_ms.max(hour * HOUR_MS);
            let to = end_ms.min((hour + 1) * HOUR_MS);
            *hours.entry(hour).or_default() += to - from;
        }
    }
    hours
        .into_iter()
        .reduce(|worst, hour| if hour.1 > worst.1 { hour } else { worst })
        .map(|(hour, down_ms)| (month.start().plus_ms(hour * HOUR_MS), down_ms))
}

/// What is left of the budget at one instant, in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub(super) at: Timestamp,
    /// If all unknown time so far was Down.
    pub(super) min_ms: i64,
    /// If all unknown time so far was Up.
    pub(super) max_ms: i64,
}

/// The budget over the month: its value wherever it begins or ceases to fall.
pub(super) fn burn_down(report: &Report<'_>) -> Vec<Left> {
    let allowed_ms = report.statement.budget.allowed_ms;
    let mut left = Left {
        at: report.statement.window.start(),
        min_ms: allowed_ms,
        max_ms: allowed_ms,
    };
    let mut curve = vec![left];
    let Some(elapsed) = elapsed(report) else {
        return curve;
    };
    for entry in report.statement.ledger.entries() {
        let Some(window) = entry.window.intersection(&elapsed) else {
            continue;
        };
        left.at = window.end();
        match entry.class {
            Class::Down => {
                left.min_ms -= window.length_ms();
                left.max_ms -= window.length_ms();
            }
            Class::Unknown => left.min_ms -= window.length_ms(),
            Class::Up | Class::Degraded | Class::Credited | Class::Excluded | Class::OutOfScope => {
            }
        }
        curve.push(left);
    }
    curve
}

/// How a month compares with the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// By so many hundredths of a point, rounded towards zero.
    Better(i64),
    /// By so many hundredths of a point, rounded towards zero; negative.
    Worse(i64),
    /// By less than five hundredths of a point.
    Stable,
    /// The unknown time is larger than the difference of the lower bounds.
    NotShown(i64),
}

impl Change {
    /// Judged on exact lower bounds; a direction is only told if the bounds bear it out.
    pub(super) fn between(before: Availability, now: Availability) -> Self {
        let (now_whole, before_whole) = (
            i128::from(now.lower.whole_ms()),
            i128::from(before.lower.whole_ms()),
        );
        let difference = i128::from(now.lower.part_ms()) * before_whole
            - i128::from(before.lower.part_ms()) * now_whole;
        let whole = now_whole * before_whole;
        // A hundredth of a point is 1/10,000; a twentieth of a point is 1/2,000.
        let hundredths = i64::try_from(difference * 10_000 / whole).unwrap_or_default();
        if difference.abs() * 2_000 < whole {
            Self::Stable
        } else if now.lower > before.upper {
            Self::Better(hundredths)
        } else if now.upper < before.lower {
            Self::Worse(hundredths)
        } else {
            Self::NotShown(hundredths)
        }
    }
}

/// The settled months before this one.
pub(super) fn earlier<'a>(report: &'a Report<'_>) -> impl Iterator<Item = &'a MonthResult> {
    report
        .history
        .iter()
        .filter(|result| result.month < report.month)
}

/// Whether nothing at all was seen of the time that counts.
pub(super) fn nothing_seen(tally: &Tally) -> bool {
    tally.counted_ms() > 0 && tally.unknown_ms == tally.counted_ms()
}

/// Whether a month's rates can be compared with another's.
pub(super) fn comparable(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Met | Verdict::Missed => true,
        Verdict::Undetermined | Verdict::NotApplicable => false,
    }
}

/// When planned work of contractual endpoints, or of the whole service, was announced for.
pub(super) fn planned(report: &Report<'_>) -> Windows {
    let window = report.statement.window;
    let announced = report
        .service
        .maintenances
        .iter()
        .filter(|planned| match &planned.endpoint {
            Some(id) => report
                .service
                .contractual()
                .any(|endpoint| endpoint.id == *id),
            None => true,
        })
        .flat_map(|planned| planned.when.within(window).as_slice().to_vec());
    let asked_for = report
        .exclusions
        .iter()
        .filter(|exclusion| {
            exclusion.kind == ExclusionKind::Maintenance
                && exclusion.acceptance != Acceptance::Refused
        })
        .filter_map(|exclusion| exclusion.window.intersection(&window));
    announced.chain(asked_for).collect()
}

/// The figures of the month without the planned work: for information, under no clause.
pub(super) fn without_planned(report: &Report<'_>) -> Option<Availability> {
    let planned = planned(report);
    if planned.is_empty() {
        return None;
    }
    let rest = Windows::from(elapsed(report)?).difference(&planned);
    rest.iter()
        .map(|part| report.statement.ledger.tally_within(*part))
        .sum::<Tally>()
        .availability()
}
