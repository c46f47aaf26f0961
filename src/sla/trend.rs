//! What several months show together (rule 29).
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
