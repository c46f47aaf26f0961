//! Instants, windows between them, and the calendar months that become windows.
//!
//! This is the only place that knows time zones: civil time goes in, UTC windows come out.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat,
    TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;

/// Milliseconds in one second.
pub const SECOND_MS: i64 = 1_000;
/// Milliseconds in one minute.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// Milliseconds in one hour.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The version of the time-zone data compiled into this program, for example `2025b`.
///
/// It is part of every statement: the same evidence settled under other zone data may fall into
/// another month.
pub const TZDATA_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

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

/// The zone of this IANA name.
pub fn parse_zone(text: &str) -> Result<Tz, TimeError> {
    Tz::from_str(text).map_err(|_| TimeError::NotAZone {
        text: text.to_owned(),
    })
}

/// The instant at which the wall clock of `zone` shows `local`.
///
/// # Errors
/// A time that the clock shows twice or never (rule 3: refused unless an offset is
/// given).
pub fn instant_of_local(local: NaiveDateTime, zone: Tz) -> Result<Timestamp, TimeError> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => Timestamp::try_from(instant),
        LocalResult::Ambiguous(first, _) => Err(TimeError::Ambiguous {
            local: local.format("%Y-%m-%dT%H:%M:%S").to_string(),
            zone,
            offset: first.format("%:z").to_string(),
        }),
        LocalResult::None => Err(TimeError::Skipped {
            local: local.format("%Y-%m-%dT%H:%M:%S").to_string(),
            zone,
        }),
    }
}

/// The first instant of `date` in `zone`: midnight, or the first instant after it where clocks
/// skip midnight, or the earlier one where midnight happens twice.
fn start_of_day(date: NaiveDate, zone: Tz) -> Timestamp {
    first_instant_at_or_after(date.and_time(NaiveTime::MIN), zone)
}

/// The first instant at which the clock of `zone` shows `local` or later, held within
/// [`Timestamp::MIN`] and [`Timestamp::MAX`].
fn first_instant_at_or_after(local: NaiveDateTime, zone: Tz) -> Timestamp {
    let epoch = Timestamp(0);
    if let Some(instant) = zone.from_local_datetime(&local).earliest() {
        return epoch.plus_ms(instant.timestamp_millis());
    }
    // The clock skips `local`: what is asked for is the instant at which it jumps. No clock is
    // further than two days from UTC, and around a jump the clock only moves forward.
    let at_utc = epoch.plus_ms(local.and_utc().timestamp_millis());
    let (mut before, mut after) = (at_utc.plus_ms(-48 * HOUR_MS), at_utc.plus_ms(48 * HOUR_MS));
    while after.since(before) > 1 {
        let middle = before.plus_ms(after.since(before) / 2);
        if middle.to_local(zone).naive_local() < local {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
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

/// A set of instants: windows in order, disjoint, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// No instant at all.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The windows, in order.
    pub fn as_slice(&self) -> &[Window] {
        &self.0
    }

    /// The windows, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Window> {
        self.0.iter()
    }

    /// Whether no instant is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Total length in milliseconds.
    pub fn length_ms(&self) -> i64 {
        self.0.iter().map(Window::length_ms).sum()
    }

    /// Whether `at` is in the set.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.at(at).is_some()
    }

    /// The window of the set that `at` is in.
    pub fn at(&self, at: Timestamp) -> Option<&Window> {
        let after = self.0.partition_point(|window| window.start <= at);
        let before = self.0.get(after.checked_sub(1)?)?;
        before.contains(at).then_some(before)
    }

    /// What is in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            both.extend(a.intersection(b));
            if a.end <= b.end {
                left.next();
            } else {
                right.next();
            }
        }
        Self(both)
    }

    /// What is in either set.
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// What is in this set and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut holes = other.0.iter().peekable();
        for window in &self.0 {
            let mut start = window.start;
            while holes.next_if(|hole| hole.end <= start).is_some() {}
            while let Some(hole) = holes.peek().filter(|hole| hole.start < window.end) {
                rest.extend(Window::between(start, hole.start));
                start = start.max(hole.end);
                if hole.end > window.end {
                    break;
                }
                holes.next();
            }
            rest.extend(Window::between(start, window.end));
        }
        Self(rest)
    }

    /// The first `limit_ms` milliseconds of the set, in order of time.
    pub fn first_ms(&self, limit_ms: i64) -> Self {
        let mut left_ms = limit_ms;
        let mut kept = Vec::new();
        for window in &self.0 {
            let end = window.end.min(window.start.plus_ms(left_ms));
            let Some(piece) = Window::between(window.start, end) else {
                break;
            };
            left_ms -= piece.length_ms();
            kept.push(piece);
        }
        Self(kept)
    }
}

/// Sorts and merges: overlapping and touching windows become one.
impl FromIterator<Window> for Windows {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        let mut sorted: Vec<Window> = windows.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Window> = Vec::with_capacity(sorted.len());
        for window in sorted {
            match merged.last_mut() {
                Some(last) if window.start <= last.end => last.end = last.end.max(window.end),
                _ => merged.push(window),
            }
        }
        Self(merged)
    }
}

impl From<Window> for Windows {
    fn from(window: Window) -> Self {
        Self(vec![window])
    }
}

/// A calendar month in a zone.
///
/// Its length is not always 24 h times its days: in `Europe/Paris`, March has 743 h and October
/// 745 h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Month {
    first: NaiveDate,
    zone: Tz,
}

impl Month {
    /// The month `month` (1 to 12) of `year` (1970 to 2199) in `zone`.
    pub fn new(year: i32, month: u32, zone: Tz) -> Option<Self> {
        if !(1970..=2199).contains(&year) {
            return None;
        }
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        Some(Self { first, zone })
    }

    /// The month written `YYYY-MM`.
    ///
    /// # Errors
    /// Another form, or a year outside 1970 to 2199.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, TimeError> {
        let written = || -> Option<Self> {
            let (year, month) = text.split_once('-')?;
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
                return None;
            }
            Self::new(year.parse().ok()?, month.parse().ok()?, zone)
        };
        written().ok_or_else(|| TimeError::NotAMonth {
            text: text.to_owned(),
        })
    }

    /// The month in `zone` that contains `at`.
    pub fn containing(at: Timestamp, zone: Tz) -> Self {
        let date = at.to_local(zone).date_naive();
        let first = date.with_day(1).unwrap_or(date);
        Self { first, zone }
    }

    /// The year.
    pub fn year(&self) -> i32 {
        self.first.year()
    }

    /// The month of the year, 1 to 12.
    pub fn number(&self) -> u32 {
        self.first.month()
    }

    /// The zone whose midnights bound it.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Its first day.
    pub fn first_day(&self) -> NaiveDate {
        self.first
    }

    /// Its last day.
    pub fn last_day(&self) -> NaiveDate {
        let next = self.next().first;
        next.pred_opt().unwrap_or(next)
    }

    /// The month after.
    pub fn next(&self) -> Self {
        self.plus_months(1)
    }

    /// The month before.
    pub fn previous(&self) -> Self {
        self.plus_months(-1)
    }

    /// The month `months` later (earlier if negative), in the same zone.
    pub fn plus_months(&self, months: i32) -> Self {
        let step = chrono::Months::new(months.unsigned_abs());
        let first = if months < 0 {
            self.first.checked_sub_months(step)
        } else {
            self.first.checked_add_months(step)
        };
        Self {
            first: first.unwrap_or(self.first),
            zone: self.zone,
        }
    }

    /// From local midnight of its first day to local midnight of the next month's first day.
    pub fn window(&self) -> Window {
        Window {
            start: start_of_day(self.first, self.zone),
            end: start_of_day(self.next().first, self.zone),
        }
    }
}

impl PartialOrd for Month {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By calendar, whatever the zone.
impl Ord for Month {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.first, self.zone.name()).cmp(&(other.first, other.zone.name()))
    }
}

/// `YYYY-MM`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

/// Hours of the week in a zone, for example opening hours or allowed maintenance hours.
///
/// Resolved per local day (rule 3), so that "08:00 to 20:00" means the wall clock on
/// both sides of a clock change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeeklyHours {
    /// Whose wall clock.
    pub zone: Tz,
    /// One entry per day of the week and range; ranges may overlap.
    pub ranges: Vec<DayRange>,
}

/// From one wall-clock time to another on a day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// The day on which the range starts.
    pub day: Weekday,
    /// Where it starts.
    pub from: NaiveTime,
    /// Where it ends. At or before `from`: on the next day (`23:00` to `01:00`, or `00:00` to
    /// `00:00` for the whole day).
    pub to: NaiveTime,
}

impl WeeklyHours {
    /// The instants of `window` that lie in these hours.
    ///
    /// A limit that clocks skip is the first instant after it; one that happens twice is the
    /// earlier for a start and, for an end, the earlier as well: the range means the first time
    /// the clock shows it.
    pub fn within(&self, window: Window) -> Windows {
        self.whole_within(window).intersection(&window.into())
    }

    /// The ranges that touch `window`, whole.
    pub fn whole_within(&self, window: Window) -> Windows {
        // A range that started the day before may reach into the window.
        let reach = Window {
            start: window.start.plus_ms(-48 * HOUR_MS),
            end: window.end,
        };
        let hours: Windows = reach
            .local_days(self.zone)
            .into_iter()
            .flat_map(|(date, _)| {
                self.ranges
                    .iter()
                    .filter(move |range| range.day == date.weekday())
                    .filter_map(move |range| {
                        let end_date = if range.to <= range.from {
                            date.succ_opt()?
                        } else {
                            date
                        };
                        Window::between(
                            first_instant_at_or_after(date.and_time(range.from), self.zone),
                            first_instant_at_or_after(end_date.and_time(range.to), self.zone),
                        )
                    })
            })
            .collect();
        hours
            .iter()
            .filter(|range| range.intersection(&window).is_some())
            .copied()
            .collect()
    }
}
