//! What several months show together (`settlement` rule 29).
//!
//! Months are pooled: their milliseconds are added, their percentages never averaged.

use super::availability::{Availability, Tally, Verdict};

/// Whether a promise to improve was kept, judged on bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trend {
    /// The lower bound of the last months lies above the upper bound of those before.
    Improved,
    /// The upper bound of the last months lies below the lower bound of those before.
    Regressed,
    /// The bounds overlap, or time is missing.
    NotShown,
}

impl Trend {
    /// What the pooled time of some months shows against that of the months before.
    pub fn between(before: &[Tally], last: &[Tally]) -> Self {
        let (Some(before), Some(last)) = (pooled(before), pooled(last)) else {
            return Self::NotShown;
        };
        if last.lower > before.upper {
            Self::Improved
        } else if last.upper < before.lower {
            Self::Regressed
        } else {
            Self::NotShown
        }
    }

    /// What the last three months show against the three before; `months` in order of time.
    pub fn of_last_three(months: &[Tally]) -> Self {
        let (Some(split), Some(first)) = (months.len().checked_sub(3), months.len().checked_sub(6))
        else {
            return Self::NotShown;
        };
        let (before, last) = months.split_at(split);
        Self::between(before.get(first..).unwrap_or_default(), last)
    }
}

/// The figures of several months together; none if no time counted.
pub fn pooled(months: &[Tally]) -> Option<Availability> {
    months.iter().copied().sum::<Tally>().availability()
}

/// How often each verdict was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictCount {
    /// Months met.
    pub met: u32,
    /// Months missed.
    pub missed: u32,
    /// Months undetermined.
    pub undetermined: u32,
}

impl FromIterator<Verdict> for VerdictCount {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut count = Self::default();
        for verdict in verdicts {
            match verdict {
                Verdict::Met => count.met += 1,
                Verdict::Missed => count.missed += 1,
                Verdict::Undetermined => count.undetermined += 1,
                Verdict::NotApplicable => {}
            }
        }
        count
    }
}

/// Theil–Sen slope of the lower bounds, in parts per million per month rounded towards zero: the
/// median of the slopes between all pairs of months. An illustration, from eight months on; no
/// statement rests on it.
pub fn slope_ppm_per_month(months: &[Tally]) -> Option<i64> {
    let points: Vec<(i64, i64)> = (0..)
        .zip(months)
        .filter_map(|(idx, tally)| Some((idx, tally.availability()?.lower.ppm())))
        .collect();
    if points.len() < 8 {
        return None;
    }
    let mut slopes: Vec<(i64, i64)> = points
        .iter()
        .enumerate()
        .flat_map(|(idx, (x0, y0))| {
            points
                .iter()
                .skip(idx + 1)
                .map(move |(x1, y1)| (y1 - y0, x1 - x0))
        })
        .collect();
    slopes.sort_by(|(rise_a, run_a), (rise_b, run_b)| (rise_a * run_b).cmp(&(rise_b * run_a)));
    let middle = slopes.len() / 2;
    let slope = |idx: usize| slopes.get(idx).map(|(rise, run)| rise / run);
    if slopes.len() % 2 == 1 {
        slope(middle)
    } else {
        Some((slope(middle.checked_sub(1)?)? + slope(middle)?) / 2)
    }
}
