//! Civil time: months, days and hours of a zone as instants. Nothing else knows time zones.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;

use super::{HOUR_MS, TimeError, Timestamp, Window, Windows};

/// The version of the time-zone data compiled into this program, for example `2025b`.
///
/// It is part of every statement: the same evidence settled under other zone data may fall into
/// another month.
pub const TZDATA_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

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
pub(super) fn start_of_day(date: NaiveDate, zone: Tz) -> Timestamp {
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
