//! Lengths of time, dates and times of day, and whose wall clock they are of.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use super::{Kind, Refusal, string};
use crate::config::reader::nearest;
use crate::sla::window::{Timestamp, parse_duration_ms, parse_zone};

/// A length of time in milliseconds; not negative, at most 366 days.
#[derive(Clone, Copy)]
pub(in crate::config) struct Ms(pub(in crate::config) i64);

impl Kind for Ms {
    const NAME: &'static str = "a duration";
    const WRITTEN: &'static str = "a whole number and a unit in quotes (ms, s, min, h, days)";
    const EXAMPLE: &'static str = "\"30s\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        if let Some(number) = value.as_integer() {
            return Err(Refusal::WrongWithRemedy(
                "is a duration without its unit".to_owned(),
                format!("write the unit, for example `\"{number}s\"`"),
            ));
        }
        let text = string(value)?;
        let ms = parse_duration_ms(text)
            .ok_or_else(|| Refusal::Wrong("is not a duration".to_owned()))?;
        Some(ms)
            .filter(|ms| *ms <= 366 * 24 * 3_600_000)
            .map(Self)
            .ok_or_else(|| Refusal::Wrong("is longer than a year".to_owned()))
    }
}

/// How long something is kept: months, or for ever.
#[derive(Clone, Copy)]
pub(in crate::config) enum Keep {
    Months(u32),
    Forever,
}

impl Kind for Keep {
    const NAME: &'static str = "a time to keep something";
    const WRITTEN: &'static str = "a number of months in quotes, or \"forever\"";
    const EXAMPLE: &'static str = "\"13 months\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        if text == "forever" {
            return Ok(Self::Forever);
        }
        text.strip_suffix("months")
            .and_then(|number| number.trim_end().parse().ok())
            .filter(|months| (1..=1_200).contains(months))
            .map(Self::Months)
            .ok_or_else(|| Refusal::Wrong("is not a number of months, 1 to 1200".to_owned()))
    }
}

impl Kind for Tz {
    const NAME: &'static str = "a time zone";
    const WRITTEN: &'static str = "its IANA name in quotes";
    const EXAMPLE: &'static str = "\"Europe/Paris\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        parse_zone(text).map_err(|_| {
            let wrong = format!("names no time zone: `{text}`");
            match nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())) {
                Some(name) => {
                    Refusal::WrongWithRemedy(wrong, format!("did you mean `\"{name}\"`?"))
                }
                None => Refusal::Wrong(wrong),
            }
        })
    }
}

/// A civil date in the years 1970 to 2199.
impl Kind for NaiveDate {
    const NAME: &'static str = "a date";
    const WRITTEN: &'static str = "year, month and day";
    const EXAMPLE: &'static str = "2025-10-01";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        match Moment::read(value)? {
            Moment::Day(date) => Ok(date),
            Moment::Local(_) | Moment::Instant(_) => Err(Refusal::Wrong(
                "has a time of day; a date has none".to_owned(),
            )),
        }
    }
}

/// The first day of a month: from a promise's dates on, whole months are settled.
#[derive(Clone, Copy)]
pub(in crate::config) struct FirstOfMonth(pub(in crate::config) NaiveDate);

impl Kind for FirstOfMonth {
    const NAME: &'static str = "a date";
    const WRITTEN: &'static str = "the first day of a month";
    const EXAMPLE: &'static str = "2025-10-01";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let date = NaiveDate::read(value)?;
        if date.day() == 1 {
            return Ok(Self(date));
        }
        let this = date.with_day(1).unwrap_or(date);
        let next = this
            .checked_add_months(chrono::Months::new(1))
            .unwrap_or(this);
        Err(Refusal::WrongWithRemedy(
            format!("is not the first of a month: {date}"),
            format!("a month is judged under one version as a whole: write {this} or {next}"),
        ))
    }
}

/// A point in time, as exact as it was written.
#[derive(Clone, Copy)]
pub(in crate::config) enum Moment {
    /// The beginning of a day on some wall clock.
    Day(NaiveDate),
    /// A time on some wall clock.
    Local(NaiveDateTime),
    /// An instant: it had an offset.
    Instant(Timestamp),
}

impl Kind for Moment {
    const NAME: &'static str = "a date";
    const WRITTEN: &'static str = "a date, with a time of day if need be";
    const EXAMPLE: &'static str = "2025-10-12T22:00:00";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let written = datetime(value)?;
        let wrong = |why: &str| Refusal::Wrong(why.to_owned());
        let Some(date) = written.date else {
            return Err(wrong("is a time of day without its date"));
        };
        let date = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
            .filter(|date| (1970..=2199).contains(&date.year()))
            .ok_or_else(|| wrong("lies outside the years 1970 to 2199"))?;
        if written.time.is_none() {
            return Ok(Self::Day(date));
        }
        let local = date.and_time(time_of_day(&written)?);
        let Some(offset) = written.offset else {
            return Ok(Self::Local(local));
        };
        let offset_minutes = match offset {
            Offset::Z => 0,
            Offset::Custom { minutes } => i64::from(minutes),
        };
        let unix_ms = local.and_utc().timestamp_millis() - offset_minutes * 60_000;
        Timestamp::from_unix_ms(unix_ms)
            .map(Self::Instant)
            .ok_or_else(|| wrong("is out of range"))
    }
}

/// A time of day, to the millisecond.
impl Kind for NaiveTime {
    const NAME: &'static str = "a time of day";
    const WRITTEN: &'static str = "hours from 00 to 23, a colon and minutes, in quotes";
    const EXAMPLE: &'static str = "\"23:45\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        if value.as_str() == Some("24:00") {
            return Err(Refusal::WrongWithRemedy(
                "is not a time of day: `24:00`".to_owned(),
                "write `\"00:00\"`, which ends the day".to_owned(),
            ));
        }
        let written = datetime(value).map_err(|refusal| match (refusal, value.as_str()) {
            (Refusal::Wrong(_), Some(text)) => {
                Refusal::Wrong(format!("is not a time of day: `{text}`"))
            }
            (refusal, _) => refusal,
        })?;
        if written.date.is_some() {
            return Err(Refusal::Wrong(
                "has a date; a time of day has none".to_owned(),
            ));
        }
        time_of_day(&written)
    }
}

/// A TOML date or time, written bare or in quotes.
fn datetime(value: &DeValue<'_>) -> Result<Datetime, Refusal> {
    match value {
        DeValue::Datetime(written) => Ok(*written),
        DeValue::String(text) => text
            .parse()
            .map_err(|error| Refusal::Wrong(format!("is not a date: `{text}` ({error})"))),
        _ => Err(Refusal::Other),
    }
}

fn time_of_day(written: &Datetime) -> Result<NaiveTime, Refusal> {
    let wrong = |why: &str| Refusal::Wrong(why.to_owned());
    let time = written.time.ok_or_else(|| wrong("has no time of day"))?;
    let nanosecond = time.nanosecond.unwrap_or(0);
    if nanosecond % 1_000_000 != 0 {
        return Err(wrong("is finer than a millisecond"));
    }
    NaiveTime::from_hms_milli_opt(
        time.hour.into(),
        time.minute.into(),
        time.second.unwrap_or(0).into(),
        nanosecond / 1_000_000,
    )
    .ok_or_else(|| wrong("is not a time of day"))
}
