//! From counted time to figures and a verdict.
//!
//! Integers decide; a percentage exists only as text, rounded down.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Add;

use super::commitment::Ppm;
use super::ledger::Class;

/// Milliseconds by class. They add up to the window they were taken over.
///
/// Totals over days, services or months are sums of tallies, never means of percentages
/// (rule 26).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// See [`Class::Up`].
    pub up_ms: i64,
    /// See [`Class::Degraded`].
    pub degraded_ms: i64,
    /// See [`Class::Down`].
    pub down_ms: i64,
    /// See [`Class::Unknown`].
    pub unknown_ms: i64,
    /// See [`Class::Credited`].
    pub credited_ms: i64,
    /// See [`Class::Excluded`].
    pub excluded_ms: i64,
    /// See [`Class::OutOfScope`].
    pub out_of_scope_ms: i64,
}

impl Tally {
    /// Adds time of one class.
    pub fn add_ms(&mut self, class: Class, ms: i64) {
        *match class {
            Class::Up => &mut self.up_ms,
            Class::Degraded => &mut self.degraded_ms,
            Class::Down => &mut self.down_ms,
            Class::Unknown => &mut self.unknown_ms,
            Class::Credited => &mut self.credited_ms,
            Class::Excluded => &mut self.excluded_ms,
            Class::OutOfScope => &mut self.out_of_scope_ms,
        } += ms;
    }

    /// Time of one class.
    pub fn of(&self, class: Class) -> i64 {
        match class {
            Class::Up => self.up_ms,
            Class::Degraded => self.degraded_ms,
            Class::Down => self.down_ms,
            Class::Unknown => self.unknown_ms,
            Class::Credited => self.credited_ms,
            Class::Excluded => self.excluded_ms,
            Class::OutOfScope => self.out_of_scope_ms,
        }
    }

    /// Time that is certainly good.
    pub fn good_ms(&self) -> i64 {
        self.up_ms + self.degraded_ms + self.credited_ms
    }

    /// Time that counts: `r` of rule 18.
    pub fn counted_ms(&self) -> i64 {
        self.good_ms() + self.down_ms + self.unknown_ms
    }

    /// All time.
    pub fn total_ms(&self) -> i64 {
        self.counted_ms() + self.excluded_ms + self.out_of_scope_ms
    }

    /// The figures, if any time counted.
    pub fn availability(&self) -> Option<Availability> {
        Availability::of(self)
    }

    /// Whether `target` was reached.
    ///
    /// With `r` the counted, `d` the Down and `u` the Unknown time: met if `(r-d-u)/r >= target`,
    /// missed if `(r-d)/r < target`, otherwise undetermined (rule 19). Every way to
    /// resolve the unknown time gives a ratio between the two, and both are attained, so the
    /// verdict is the same for all of them exactly when the two tests agree.
    pub fn verdict(&self, target: Ppm) -> Verdict {
        let counted_ms = self.counted_ms();
        if counted_ms <= 0 {
            return Verdict::NotApplicable;
        }
        let reaches = |part_ms: i64| {
            i128::from(part_ms) * i128::from(Ppm::WHOLE)
                >= i128::from(counted_ms) * i128::from(target.parts())
        };
        if reaches(self.good_ms()) {
            Verdict::Met
        } else if reaches(self.good_ms() + self.unknown_ms) {
            Verdict::Undetermined
        } else {
            Verdict::Missed
        }
    }

    /// The Down time that `target` allows, and what is left of it.
    pub fn budget(&self, target: Ppm) -> Budget {
        let allowed = i128::from(self.counted_ms()) * i128::from(Ppm::WHOLE - target.parts())
            / i128::from(Ppm::WHOLE);
        // Never more than the counted time, which fits.
        let allowed_ms = i64::try_from(allowed).unwrap_or(i64::MAX);
        Budget {
            allowed_ms,
            remaining_min_ms: allowed_ms - self.down_ms - self.unknown_ms,
            remaining_max_ms: allowed_ms - self.down_ms,
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for class in Class::ALL {
            self.add_ms(class, other.of(class));
        }
        self
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

/// An exact part of the time that counts.
///
/// Shown with two decimals rounded down, so that what is shown and what is decided cannot
/// disagree: 94.99996 % is `94.99`, and `100.00` means that nothing is missing.
///
/// Compared by value: `1/2` equals `2/4`.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    part_ms: i64,
    whole_ms: i64,
}

impl Ratio {
    /// `part_ms` of `whole_ms`, if `0 <= part_ms <= whole_ms` and `whole_ms > 0`.
    pub fn new(part_ms: i64, whole_ms: i64) -> Option<Self> {
        (0 <= part_ms && part_ms <= whole_ms && whole_ms > 0).then_some(Self { part_ms, whole_ms })
    }

    /// The part, in milliseconds.
    pub fn part_ms(&self) -> i64 {
        self.part_ms
    }

    /// The whole, in milliseconds.
    pub fn whole_ms(&self) -> i64 {
        self.whole_ms
    }

    /// Hundredths of a percent, rounded down: 0 to 10,000.
    pub fn basis_points(&self) -> i64 {
        self.scaled(10_000)
    }

    /// Parts per million, rounded down: 0 to 1,000,000.
    pub fn ppm(&self) -> i64 {
        self.scaled(i128::from(Ppm::WHOLE))
    }

    fn scaled(&self, scale: i128) -> i64 {
        let scaled = i128::from(self.part_ms) * scale / i128::from(self.whole_ms);
        // At most `scale`, since the part is at most the whole.
        i64::try_from(scaled).unwrap_or(i64::MAX)
    }
}

/// The percentage with two decimals, rounded down, without the sign: `94.60`.
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let basis_points = self.basis_points();
        write!(f, "{}.{:02}", basis_points / 100, basis_points % 100)
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.part_ms) * i128::from(other.whole_ms);
        let right = i128::from(other.part_ms) * i128::from(self.whole_ms);
        left.cmp(&right)
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

/// The figures of some counted time (rule 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Availability {
    /// What is certain: unknown time taken as Down.
    pub lower: Ratio,
    /// What is possible: unknown time taken as Up.
    pub upper: Ratio,
    /// Of the time whose state is known; absent if none is.
    pub observed: Option<Ratio>,
    /// The part of the time whose state is known.
    pub coverage: Ratio,
}

impl Availability {
    fn of(tally: &Tally) -> Option<Self> {
        let counted_ms = tally.counted_ms();
        let known_ms = counted_ms - tally.unknown_ms;
        Some(Self {
            lower: Ratio::new(tally.good_ms(), counted_ms)?,
            upper: Ratio::new(counted_ms - tally.down_ms, counted_ms)?,
            observed: Ratio::new(tally.good_ms(), known_ms),
            coverage: Ratio::new(known_ms, counted_ms)?,
        })
    }
}

/// Down time allowed, and what is left of it, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// `floor((1 - target) * counted)`.
    pub allowed_ms: i64,
    /// If all unknown time was Down. Negative: overrun.
    pub remaining_min_ms: i64,
    /// If all unknown time was Up. Negative: overrun.
    pub remaining_max_ms: i64,
}

/// Whether a commitment was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Even the lower bound reaches the target.
    Met,
    /// Even the upper bound does not.
    Missed,
    /// The unknown time decides.
    Undetermined,
    /// No time counted.
    NotApplicable,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [
        Self::Met,
        Self::Missed,
        Self::Undetermined,
        Self::NotApplicable,
    ];

    /// Its stable name in files and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Undetermined => "undetermined",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// The worst of several (rule 11): missed, then undetermined, then met. Those
    /// that do not apply stand aside.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let badness = |verdict: &Self| match verdict {
            Self::NotApplicable => 0,
            Self::Met => 1,
            Self::Undetermined => 2,
            Self::Missed => 3,
        };
        verdicts
            .into_iter()
            .max_by_key(badness)
            .unwrap_or(Self::NotApplicable)
    }
}

/// What can still become of a running month, its future taken as unknown (rule 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outlook {
    /// Kept whatever happens.
    Secured,
    /// Lost whatever happens.
    Lost,
    /// Open.
    Open,
}

impl Outlook {
    /// Every outlook.
    pub const ALL: [Self; 3] = [Self::Secured, Self::Lost, Self::Open];

    /// Its stable name in files and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Secured => "secured",
            Self::Lost => "lost",
            Self::Open => "open",
        }
    }
}

impl From<Verdict> for Outlook {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Met => Self::Secured,
            Verdict::Missed => Self::Lost,
            Verdict::Undetermined | Verdict::NotApplicable => Self::Open,
        }
    }
}
