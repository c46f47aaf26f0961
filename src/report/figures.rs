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

/// The whole of a month in hundredths of a per cent.
pub(super) const WHOLE: i64 = 10_000;

/// How much of the month was of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// `None` is what is still to come.
    pub(super) class: Option<Class>,
    pub(super) ms: i64,
    /// In hundredths of a per cent of the whole month.
    pub(super) basis_points: i64,
}

impl Share {
    /// Whether this time counts as good in the certain rate.
    fn is_good(&self) -> bool {
        match self.class {
            Some(Class::Up | Class::Degraded | Class::Credited) => true,
            Some(Class::Down | Class::Unknown | Class::Excluded | Class::OutOfScope) | None => {
                false
            }
        }
    }
}

/// The month by class, in the order of [`Class::ALL`], and what is still to come of it.
pub(super) fn shares(report: &Report<'_>) -> Vec<Share> {
    let whole_ms = report.statement.window.length_ms();
    let tally = elapsed_tally(report);
    let share = |class, ms| Share {
        class,
        ms,
        basis_points: 0,
    };
    let mut shares: Vec<Share> = Class::ALL
        .into_iter()
        .map(|class| share(Some(class), tally.of(class)))
        .chain([share(None, whole_ms - tally.total_ms())])
        .collect();
    round(&mut shares, whole_ms);
    shares
}

/// Rounds shares so that they add up to [`WHOLE`] as they are shown.
///
/// All good time together is rounded down, as the rate is: in a month that counts as a whole they
/// are the same figure. The rest makes up for it. Within both, what rounding down leaves goes to
/// the largest remainders, so that no share is off by a hundredth and none comes from nothing.
fn round(shares: &mut [Share], whole_ms: i64) {
    let exact = |ms: i64| i128::from(ms) * i128::from(WHOLE);
    let floor = |ms: i64| i64::try_from(exact(ms) / i128::from(whole_ms)).unwrap_or_default();
    let good_ms = shares
        .iter()
        .filter(|share| share.is_good())
        .map(|share| share.ms)
        .sum();
    let good = floor(good_ms);
    for (is_good, sum) in [(true, good), (false, WHOLE - good)] {
        let mut side: Vec<&mut Share> = shares
            .iter_mut()
            .filter(|share| share.is_good() == is_good)
            .collect();
        for share in &mut side {
            share.basis_points = floor(share.ms);
        }
        let given: i64 = side.iter().map(|share| share.basis_points).sum();
        side.sort_by_key(|share| std::cmp::Reverse(exact(share.ms) % i128::from(whole_ms)));
        let left = usize::try_from(sum - given).unwrap_or_default();
        for share in side.into_iter().take(left) {
            share.basis_points += 1;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The shares of a month of 100,000 parts, one after the other as in [`Class::ALL`].
    fn rounded(ms: [i64; 8]) -> Vec<i64> {
        let mut shares: Vec<Share> = Class::ALL
            .into_iter()
            .map(Some)
            .chain([None])
            .zip(ms)
            .map(|(class, ms)| Share {
                class,
                ms,
                basis_points: 0,
            })
            .collect();
        round(&mut shares, ms.iter().sum());
        let rounded: Vec<i64> = shares.iter().map(|share| share.basis_points).collect();
        assert_eq!(rounded.iter().sum::<i64>(), WHOLE, "{ms:?}");
        rounded
    }

    #[test]
    fn shares_add_up_and_good_time_is_never_rounded_up() {
        // 99.869 % and 0.131 %: rounded down one by one they miss a hundredth.
        assert_eq!(
            rounded([99_869, 0, 131, 0, 0, 0, 0, 0]),
            [9_986, 0, 14, 0, 0, 0, 0, 0]
        );
        // All good, in two classes: nothing is left for the others.
        assert_eq!(
            rounded([99_995, 5, 0, 0, 0, 0, 0, 0]),
            [10_000, 0, 0, 0, 0, 0, 0, 0]
        );
        // The least Down time keeps a month from being shown as whole.
        assert_eq!(
            rounded([99_999, 0, 1, 0, 0, 0, 0, 0]),
            [9_999, 0, 1, 0, 0, 0, 0, 0]
        );
        // The hundredths that are left go to the largest remainders.
        assert_eq!(
            rounded([90_008, 3, 4_003, 2_002, 4, 1_009, 0, 2_971]),
            [9_001, 0, 401, 200, 0, 101, 0, 297]
        );
    }
}
