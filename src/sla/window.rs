//! Instants, windows between them, and the calendar months that become windows.
//!
//! This is the only place that knows time zones: civil time goes in, UTC windows come out.

mod civil;
mod windows;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;

use civil::start_of_day;
pub use civil::{DayRange, Month, TZDATA_VERSION, WeeklyHours, instant_of_local, parse_zone};
pub use windows::Windows;

/// Milliseconds in one second.
pub const SECOND_MS: i64 = 1_000;

/// Milliseconds in one minute.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;

/// Milliseconds in one hour.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, between the years 1 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00.000Z.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The instant this many milliseconds after the Unix epoch, if it lies in the years 1 to 9999.
    pub const fn from_unix_ms(unix_ms: i64) -> Option<Self> {
        if Self::MIN.0 <= unix_ms && unix_ms <= Self::MAX.0 {
            Some(Self(unix_ms))
        } else {
            None
        }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// This instant moved by `ms` milliseconds, held within [`MIN`](Self::MIN) and
    /// [`MAX`](Self::MAX).
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Signed milliseconds from `earlier` to this instant.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The same instant as a chrono value, for formatting.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// The wall clock of `zone` at this instant.
    pub fn to_local(self, zone: Tz) -> DateTime<Tz> {
        self.to_utc().with_timezone(&zone)
    }
}

impl<Z: TimeZone> TryFrom<DateTime<Z>> for Timestamp {
    type Error = TimeError;

    fn try_from(value: DateTime<Z>) -> Result<Self, TimeError> {
        Self::from_unix_ms(value.timestamp_millis()).ok_or(TimeError::OutOfRange)
    }
}

/// RFC 3339 in UTC with milliseconds: `2025-09-30T22:00:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// RFC 3339 with an offset, at most millisecond precision.
impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let parsed = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError::NotAnInstant {
            text: text.to_owned(),
        })?;
        if parsed.timestamp_subsec_nanos() % 1_000_000 != 0 {
            return Err(TimeError::FinerThanMilliseconds {
                text: text.to_owned(),
            });
        }
        Self::try_from(parsed)
    }
}

/// Why a text or a pair of instants is not a time that we can count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339, or without an offset.
    #[error(
        "`{text}` is not an instant: write date, time and offset, for example `2025-10-01T00:00:00+02:00`"
    )]
    NotAnInstant {
        /// What was written.
        text: String,
    },
    /// We count whole milliseconds.
    #[error("`{text}` is finer than a millisecond: give at most three decimals of a second")]
    FinerThanMilliseconds {
        /// What was written.
        text: String,
    },
    /// Before the year 1 or after 9999.
    #[error("the instant lies outside the years 1 to 9999")]
    OutOfRange,
    /// A window must have a positive length.
    #[error("the window ends ({end}) at or before its start ({start})")]
    Empty {
        /// Where it would start.
        start: Timestamp,
        /// Where it would end.
        end: Timestamp,
    },
    /// Not `YYYY-MM`.
    #[error("`{text}` is not a month: write `YYYY-MM`, for example `2025-10`, years 1970 to 2199")]
    NotAMonth {
        /// What was written.
        text: String,
    },
    /// Not the name of a time zone.
    #[error("`{text}` is not a time zone: write its IANA name, for example `Europe/Paris`")]
    NotAZone {
        /// What was written.
        text: String,
    },
    /// The wall clock shows this twice.
    #[error(
        "{local} happens twice in {zone} (clocks go back): give the offset, for example `{local}{offset}`"
    )]
    Ambiguous {
        /// The wall-clock time.
        local: String,
        /// The zone.
        zone: Tz,
        /// One of the two offsets, for the example.
        offset: String,
    },
    /// The wall clock never shows this.
    #[error("{local} does not exist in {zone} (clocks go forward): give an instant with an offset")]
    Skipped {
        /// The wall-clock time.
        local: String,
        /// The zone.
        zone: Tz,
    },
}

/// The units of a length of time, in milliseconds.
const DURATION_UNITS: [(&str, i64); 5] = [
    ("days", 24 * HOUR_MS),
    ("h", HOUR_MS),
    ("min", MINUTE_MS),
    ("s", SECOND_MS),
    ("ms", 1),
];

/// A length of time in milliseconds: whole numbers with their units, the largest first, as in
/// `90s`, `5min`, `48h` or `2min 40s`. A unit that could be misread (`m`, `M`) is refused.
pub fn parse_duration_ms(text: &str) -> Option<i64> {
    let mut units = DURATION_UNITS.iter();
    let mut rest = text;
    let mut total_ms: i64 = 0;
    while !rest.is_empty() {
        let figures = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at_checked(figures)?;
        let behind = behind.trim_start();
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = behind.split_at_checked(letters)?;
        // Searching on from the last unit holds the order, and each unit to one use.
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        total_ms = total_ms.checked_add(number.parse::<i64>().ok()?.checked_mul(*unit_ms)?)?;
        rest = behind.trim_start();
    }
    (!text.is_empty()).then_some(total_ms)
}

/// A length of time as [`parse_duration_ms`] reads it: `2min 40s`.
pub fn show_duration_ms(ms: i64) -> String {
    let mut left_ms = ms.max(0);
    let mut parts = Vec::new();
    for (unit, unit_ms) in DURATION_UNITS {
        if left_ms >= unit_ms {
            parts.push(format!("{}{unit}", left_ms / unit_ms));
            left_ms %= unit_ms;
        }
    }
    if parts.is_empty() {
        return "0s".to_owned();
    }
    parts.join(" ")
}

/// Half-open `[start, end)` between two instants; never empty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

impl Window {
    /// The window from `start` to `end`.
    ///
    /// # Errors
    /// `start >= end` (rule 4).
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, TimeError> {
        Self::between(start, end).ok_or(TimeError::Empty { start, end })
    }

    /// The window from `start` to `end`, or nothing if that would be empty.
    pub fn between(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// First instant inside.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// First instant after.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Length in milliseconds, at least 1.
    pub fn length_ms(&self) -> i64 {
        self.end.since(self.start)
    }

    /// Whether `at` lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// What both windows cover.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::between(self.start.max(other.start), self.end.min(other.end))
    }

    /// The smallest window that covers both.
    pub fn hull(&self, other: &Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The civil days of `zone` that this window touches, each cut to the window. A day has 23,
    /// 24 or 25 hours where clocks change.
    pub fn local_days(&self, zone: Tz) -> Vec<(NaiveDate, Window)> {
        let mut days = Vec::new();
        let mut date = self.start.to_local(zone).date_naive();
        loop {
            let Some(next) = date.checked_add_days(Days::new(1)) else {
                return days;
            };
            let day = Self::between(start_of_day(date, zone), start_of_day(next, zone));
            if let Some(day) = day.and_then(|day| day.intersection(self)) {
                days.push((date, day));
            }
            if start_of_day(next, zone) >= self.end {
                return days;
            }
            date = next;
        }
    }

    /// Consecutive pieces of `length_ms` (at least 1), the last one possibly shorter.
    pub fn pieces(&self, length_ms: i64) -> impl Iterator<Item = Window> + use<> {
        let whole = *self;
        let length_ms = length_ms.max(1);
        let mut start = whole.start;
        std::iter::from_fn(move || {
            let piece = Self::between(start, start.plus_ms(length_ms).min(whole.end))?;
            start = piece.end;
            Some(piece)
        })
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}
