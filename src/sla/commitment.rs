//! The promise: what was written, and how it is judged.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::catalog::EndpointId;
use super::window::WeeklyHours;

/// One promise about one service: the quoted clause, the dates it is in force, and the terms it
/// is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// What the convention says.
    pub clause: Clause,
    /// The first day in force; the first of a month (rule 28).
    pub from: NaiveDate,
    /// The first day no longer in force.
    pub until: Option<NaiveDate>,
    /// Whose midnights bound its months.
    pub zone: Tz,
    /// Where the month comes from.
    pub period: PeriodSource,
    /// How it is judged.
    pub terms: Terms,
    /// Steps the provider set itself beyond the target, by the first day of the month from which
    /// each holds; no verdict depends on them (rule 29).
    pub trajectory: Vec<(NaiveDate, Ppm)>,
}

impl Commitment {
    /// Whether it is in force on `date`.
    pub fn in_force_on(&self, date: NaiveDate) -> bool {
        self.from <= date && self.until.is_none_or(|until| date < until)
    }

    /// The step of the declared trajectory that holds on `date`.
    pub fn step_on(&self, date: NaiveDate) -> Option<Ppm> {
        self.trajectory
            .iter()
            .rev()
            .find(|(from, _)| *from <= date)
            .map(|(_, step)| *step)
    }
}

/// The words of the convention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The sentence, verbatim.
    pub quote: String,
    /// Which document, of what date.
    pub reference: String,
}

/// Where the period over which the commitment is judged comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodSource {
    /// The convention says: at the end of each month.
    Text,
    /// The convention names no period; a month is our reading, and reports say so.
    Assumption,
}

/// How a commitment is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Inclusive: reached at equality.
    pub target: Ppm,
    /// What becomes of planned work.
    pub maintenance: Maintenance,
    /// What becomes of slow or partial answers.
    pub degraded: Degraded,
    /// How endpoints make the service.
    pub rule: Rule,
    /// How vantages make an endpoint.
    pub quorum: Quorum,
    /// How many failures make it Down.
    pub confirmation: Confirmation,
    /// Shorter runs of Down do not count, in milliseconds; 0: all count.
    pub minimum_outage_ms: i64,
    /// Outside these hours nothing is promised; absent: always.
    pub service_hours: Option<WeeklyHours>,
}

impl Terms {
    /// The terms of a convention that names a target and nothing else.
    pub fn silent(target: Ppm) -> Self {
        Self {
            target,
            maintenance: Maintenance::Counted,
            degraded: Degraded::Up,
            rule: Rule::All,
            quorum: Quorum::Majority,
            confirmation: Confirmation::NONE,
            minimum_outage_ms: 0,
            service_hours: None,
        }
    }
}

/// A target in parts per million, 0 to 1,000,000: 95 % is `Ppm(950_000)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ppm(u32);

impl Ppm {
    /// All of it, in parts per million.
    pub const WHOLE: u32 = 1_000_000;

    /// A target of `parts` per million, at most a million.
    pub const fn new(parts: u32) -> Option<Self> {
        if parts <= Self::WHOLE {
            Some(Self(parts))
        } else {
            None
        }
    }

    /// Parts per million.
    pub const fn parts(self) -> u32 {
        self.0
    }
}

/// Why a text is not a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a target: write a percentage with at most four decimals (`\"95 %\"`, `\"99.5 %\"`) or parts per million (`\"950000 ppm\"`), between 0 and 100 %"
)]
pub struct PpmError {
    text: String,
}

/// `95 %`, `99.5%`, `99,5 %` or `950000 ppm`; exact, no floating point on the way.
impl FromStr for Ppm {
    type Err = PpmError;

    fn from_str(text: &str) -> Result<Self, PpmError> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let parse = || -> Option<Self> {
            if let Some(number) = text.strip_suffix("ppm") {
                let number = number.trim_end();
                return digits(number).then(|| number.parse().ok().and_then(Self::new))?;
            }
            // People paste the no-break spaces of French typography.
            let number = text
                .strip_suffix('%')?
                .trim_end_matches([' ', '\u{a0}', '\u{202f}']);
            let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
            if !digits(whole) || !digits(fraction) || fraction.len() > 4 {
                return None;
            }
            let whole: u32 = whole.parse().ok()?;
            let fraction: u32 = format!("{fraction:0<4}").parse().ok()?;
            Self::new(whole.checked_mul(10_000)?.checked_add(fraction)?)
        };
        parse().ok_or_else(|| PpmError {
            text: text.to_owned(),
        })
    }
}

/// As a percentage without needless zeros: `95 %`, `99.5 %`.
impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        let fraction = format!("{fraction:04}");
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            write!(f, "{whole} %")
        } else {
            write!(f, "{whole}.{fraction} %")
        }
    }
}

/// What becomes of planned work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// It counts like any other time: the choice when the clause is silent.
    Counted,
    /// A qualifying window leaves the time that counts, also if the service was up.
    Excluded(MaintenanceTerms),
    /// Down and Unknown time inside a qualifying window counts as good.
    Credited(MaintenanceTerms),
}

/// What planned work must respect to qualify (rule 14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceTerms {
    /// Declared at least this long before its start, in milliseconds; else it counts.
    pub notice_ms: i64,
    /// At most this much per month, in milliseconds, the earliest first; the rest counts.
    pub cap_ms: Option<i64>,
    /// Only the part inside these hours qualifies.
    pub hours: Option<WeeklyHours>,
}

/// What becomes of slow or partial answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degraded {
    /// They count as good, and are always shown.
    Up,
    /// They count as failures.
    Down,
}

/// How endpoints make the service.
///
/// Answers Up or Down only if the unknown ones could not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Down if any is Down.
    All,
    /// Up if any is Up.
    Any,
    /// Up if this many are Up.
    AtLeast(NonZeroU32),
    /// This one alone.
    Main(EndpointId),
}

impl Rule {
    /// Whether this endpoint can make a difference.
    pub fn listens_to(&self, endpoint: &EndpointId) -> bool {
        match self {
            Self::All | Self::Any | Self::AtLeast(_) => true,
            Self::Main(main) => main == endpoint,
        }
    }
}

/// How many vantages must agree that an endpoint is Down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// More than half.
    Majority,
    /// This many.
    AtLeast(NonZeroU32),
}

impl Quorum {
    /// The number that makes Down among `n_vantages`.
    pub fn needed(self, n_vantages: usize) -> usize {
        match self {
            Self::Majority => n_vantages / 2 + 1,
            Self::AtLeast(n) => usize::try_from(n.get()).unwrap_or(usize::MAX),
        }
    }
}

/// How many failures in a row, and within how long, make it Down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Failures in a row; 1: the first one counts.
    pub failures: NonZeroU32,
    /// From the first to the last of them, in milliseconds.
    pub within_ms: i64,
}

impl Confirmation {
    /// The first failure counts.
    pub const NONE: Self = Self {
        failures: NonZeroU32::MIN,
        within_ms: 60_000,
    };
}
