//! How each kind of value is written.

use std::num::NonZeroU32;
use std::path::PathBuf;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use chrono_tz::Tz;
use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use crate::report::{self, Colour, LookError};
use crate::sla::assertion::JsonPath;
use crate::sla::catalog::{
    Family, HostPort, HttpVersion, Language, Progress, ProxyKind, Rcode, RecordType, StartTls, Url,
    VantageId,
};
use crate::sla::commitment::{Degraded, PeriodSource, Ppm};
use crate::sla::window::{Timestamp, parse_duration_ms, parse_zone};

use super::MailSecurity;
use super::fault::names_a_secret;
use super::reader::nearest;

/// A kind of value that a key may have.
pub(super) trait Kind: Sized {
    /// What it is called: `a duration`.
    const NAME: &'static str;
    /// How it is written: `a number and a unit in quotes`.
    const WRITTEN: &'static str;
    /// One that is right, as TOML.
    const EXAMPLE: &'static str;

    /// The value, if it is one of this kind.
    fn read(value: &DeValue<'_>) -> Result<Self, Refusal>;
}

/// Why a value is not of the kind that its key asks for.
pub(super) enum Refusal {
    /// It is another kind of TOML value altogether.
    Other,
    /// It is written wrongly, or is out of range: why.
    Wrong(String),
    /// The same, with a remedy that fits better than the kind's own.
    WrongWithRemedy(String, String),
}

fn string<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Refusal> {
    value.as_str().ok_or(Refusal::Other)
}

/// Any text, as it is.
impl Kind for String {
    const NAME: &'static str = "a text";
    const WRITTEN: &'static str = "a text in quotes";
    const EXAMPLE: &'static str = "\"…\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        string(value).map(str::to_owned)
    }
}

/// A text that reports show on one line: a name, a label, a reason.
pub(super) struct Line(pub(super) String);

impl Kind for Line {
    const NAME: &'static str = "a line of text";
    const WRITTEN: &'static str = "one line of text in quotes";
    const EXAMPLE: &'static str = "\"…\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        if text.contains(['\n', '\r']) {
            return Err(Refusal::Wrong("must be one line".to_owned()));
        }
        printable(text).map(|()| Self(text.to_owned()))
    }
}

/// A text that reports show, of one or several lines: a quoted clause.
pub(super) struct Prose(pub(super) String);

impl Kind for Prose {
    const NAME: &'static str = "a text";
    const WRITTEN: &'static str = "a text in quotes";
    const EXAMPLE: &'static str = "\"…\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?.trim();
        printable(text).map(|()| Self(text.to_owned()))
    }
}

/// Whether reports can show `text`.
fn printable(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::Wrong("must not be empty".to_owned()));
    }
    // A line break is not shown, but it is harmless in a quote.
    let refused = |sign: &char| *sign != '\n' && !report::shows(*sign);
    match text.chars().find(refused) {
        Some(letter) => Err(Refusal::WrongWithRemedy(
            format!(
                "holds the character U+{:04X}, which reports cannot show",
                u32::from(letter)
            ),
            "write it with Latin, Greek or Cyrillic letters, figures and punctuation".to_owned(),
        )),
        None => Ok(()),
    }
}

/// A colour of the reports.
impl Kind for Colour {
    const NAME: &'static str = "a colour";
    const WRITTEN: &'static str = "# and six figures from 0 to f, two each for red, green and blue";
    const EXAMPLE: &'static str = "\"#155e66\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        Self::parse(string(value)?).map_err(|error| match error {
            LookError::Contrast { .. } => Refusal::WrongWithRemedy(
                error.to_string(),
                "take a darker colour: texts stand in it".to_owned(),
            ),
            other => Refusal::Wrong(other.to_string()),
        })
    }
}

/// How far an action to improve a service is.
impl Kind for Progress {
    const NAME: &'static str = "a word";
    const WRITTEN: &'static str = "\"planned\", \"engaged\" or \"done\"";
    const EXAMPLE: &'static str = "\"engaged\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        match string(value)? {
            "planned" => Ok(Self::Planned),
            "engaged" => Ok(Self::Engaged),
            "done" => Ok(Self::Done),
            _ => Err(Refusal::Wrong("is none of them".to_owned())),
        }
    }
}

/// A name that becomes a path and a label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slug(pub(super) String);

impl Kind for Slug {
    const NAME: &'static str = "an id";
    const WRITTEN: &'static str =
        "1 to 63 lower-case letters a to z, figures and hyphens, not beginning with a hyphen";
    const EXAMPLE: &'static str = "\"qf-cnaf-msa\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Refusal::Wrong(
            "is not an id, which becomes a path and a label".to_owned(),
        ))
    }
}

/// The id of a vantage of ours, which must not look like another tool's.
pub(super) struct OwnVantage(pub(super) String);

impl Kind for OwnVantage {
    const NAME: &'static str = Slug::NAME;
    const WRITTEN: &'static str =
        "1 to 63 lower-case letters a to z, figures and hyphens, not beginning with `import-`";
    const EXAMPLE: &'static str = "\"paris-1\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let Slug(text) = Slug::read(value)?;
        if text.starts_with(VantageId::IMPORT_PREFIX) {
            return Err(Refusal::Wrong(
                "is kept for what was imported from other tools".to_owned(),
            ));
        }
        Ok(Self(text))
    }
}

/// A mailbox, as far as it can be told without writing to it.
pub(super) struct Mailbox(pub(super) String);

impl Kind for Mailbox {
    const NAME: &'static str = "an e-mail address";
    const WRITTEN: &'static str = "a bare address";
    const EXAMPLE: &'static str = "\"api@commune.example\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        }) && !text.chars().any(|letter| {
            letter.is_whitespace() || letter.is_control() || "<>,;\"".contains(letter)
        });
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Refusal::Wrong("is not an e-mail address".to_owned()))
    }
}

impl Kind for bool {
    const NAME: &'static str = "a yes or no";
    const WRITTEN: &'static str = "`true` or `false` without quotes";
    const EXAMPLE: &'static str = "true";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        value.as_bool().ok_or(Refusal::Other)
    }
}

impl Kind for NonZeroU32 {
    const NAME: &'static str = "a number";
    const WRITTEN: &'static str = "a whole number from 1 on, without quotes";
    const EXAMPLE: &'static str = "2";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let number = value.as_integer().ok_or(Refusal::Other)?;
        u32::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| Refusal::Wrong("is out of range".to_owned()))
    }
}

/// One HTTP status, or a range of them: the first and the last.
pub(super) struct StatusRange(pub(super) (u16, u16));

impl Kind for StatusRange {
    const NAME: &'static str = "an HTTP status";
    const WRITTEN: &'static str = "a number from 200 to 599 without quotes, or a range in quotes";
    const EXAMPLE: &'static str = "200, \"300-303\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let status = |text: &str, radix| {
            u16::from_str_radix(text, radix)
                .ok()
                .filter(|status| (200..=599).contains(status))
                .ok_or_else(|| Refusal::Wrong("is not the status of a final answer".to_owned()))
        };
        if let Some(number) = value.as_integer() {
            return status(number.as_str(), number.radix()).map(|one| Self((one, one)));
        }
        let (first, last) = string(value)?
            .split_once('-')
            .ok_or_else(|| Refusal::Wrong("is not a range of statuses".to_owned()))?;
        let (first, last) = (status(first.trim(), 10)?, status(last.trim(), 10)?);
        if last < first {
            return Err(Refusal::Wrong("ends before it begins".to_owned()));
        }
        Ok(Self((first, last)))
    }
}

/// A length of time in milliseconds; not negative, at most 366 days.
#[derive(Clone, Copy)]
pub(super) struct Ms(pub(super) i64);

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
pub(super) enum Keep {
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

/// A number of bytes, 1 to 64 MiB.
pub(super) struct Bytes(pub(super) usize);

impl Kind for Bytes {
    const NAME: &'static str = "a size";
    const WRITTEN: &'static str = "a whole number and a unit in quotes (B, KiB, MiB), up to 64 MiB";
    const EXAMPLE: &'static str = "\"1MiB\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        if value.is_integer() {
            return Err(Refusal::Wrong("is a size without its unit".to_owned()));
        }
        let text = string(value)?;
        let figures = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(figures);
        let unit_bytes: usize = match unit.trim_start() {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            _ => return Err(Refusal::Wrong("is not a size".to_owned())),
        };
        number
            .parse()
            .ok()
            .and_then(|number: usize| number.checked_mul(unit_bytes))
            .filter(|bytes| (1..=64 << 20).contains(bytes))
            .map(Self)
            .ok_or_else(|| Refusal::Wrong("is out of range".to_owned()))
    }
}

impl Kind for Ppm {
    const NAME: &'static str = "a target";
    const WRITTEN: &'static str =
        "a percentage above 0 and up to 100, with at most four decimals, in quotes";
    const EXAMPLE: &'static str = "\"95 %\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        match value {
            DeValue::Integer(number) => Err(Refusal::WrongWithRemedy(
                "is a target without its unit".to_owned(),
                format!("write it as a text, for example `\"{number} %\"`"),
            )),
            DeValue::Float(number) => Err(Refusal::WrongWithRemedy(
                "is a binary fraction, which is not exact".to_owned(),
                format!(
                    "write it as a text, for example `\"{} %\"`",
                    number.as_str()
                ),
            )),
            _ => string(value)?
                .parse()
                .ok()
                .filter(|target: &Self| target.parts() > 0)
                .ok_or_else(|| Refusal::Wrong("is not a target".to_owned())),
        }
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
pub(super) struct FirstOfMonth(pub(super) NaiveDate);

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
pub(super) enum Moment {
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

impl Kind for std::net::SocketAddr {
    const NAME: &'static str = "an address to listen on";
    const WRITTEN: &'static str = "an IP address and a port in quotes";
    const EXAMPLE: &'static str = "\"127.0.0.1:8430\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        string(value)?
            .parse()
            .map_err(|_| Refusal::Wrong("is not an IP address and a port".to_owned()))
    }
}

impl Kind for PathBuf {
    const NAME: &'static str = "a path";
    const WRITTEN: &'static str = "a path in quotes; a relative one starts at this file's folder";
    const EXAMPLE: &'static str = "\"/var/lib/vigie\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        if text.is_empty() || text.contains('\0') {
            return Err(Refusal::Wrong("is not a path".to_owned()));
        }
        Ok(text.into())
    }
}

/// A PostgreSQL database, without the password.
pub(super) struct DatabaseUrl(pub(super) tokio_postgres::Config);

impl Kind for DatabaseUrl {
    const NAME: &'static str = "the address of a database";
    const WRITTEN: &'static str =
        "`postgres://user@host:port/database` in quotes; several hosts with commas between them";
    const EXAMPLE: &'static str = "\"postgres://vigie@db.example/vigie\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let wrong = |why: &str| Refusal::Wrong(format!("is not the address of a database: {why}"));
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(wrong("it does not begin with `postgres://`"));
        }
        // The parser's own words may repeat what was written.
        let config: tokio_postgres::Config = text
            .parse()
            .map_err(|_| wrong("PostgreSQL's rules for connection addresses do not allow it"))?;
        if config.get_password().is_some() {
            return Err(Refusal::WrongWithRemedy(
                "holds a password: addresses are shown and logged".to_owned(),
                "take it out, change it, and write `password = { file = \"/etc/vigie/database-password\" }`".to_owned(),
            ));
        }
        for (there, what) in [
            (config.get_user().is_some(), "user"),
            (!config.get_hosts().is_empty(), "host"),
            (config.get_dbname().is_some(), "database"),
        ] {
            if !there {
                return Err(wrong(&format!("it names no {what}")));
            }
        }
        Ok(Self(config))
    }
}

/// The name of an environment variable.
pub(super) struct Variable(pub(super) String);

impl Kind for Variable {
    const NAME: &'static str = "an environment variable";
    const WRITTEN: &'static str = "its name (letters, figures and underscores) in quotes";
    const EXAMPLE: &'static str = "\"PARTICULIER_TOKEN\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        // What is not a name may be the secret itself: it is not repeated.
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| Refusal::Wrong("is not the name of an environment variable".to_owned()))
    }
}

/// An absolute address without credentials. What was written is never repeated in a message.
impl Kind for Url {
    const NAME: &'static str = "an address";
    const WRITTEN: &'static str = "an absolute http or https address in quotes";
    const EXAMPLE: &'static str = "\"https://api.example/ping\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let wrong = |why: &str| Refusal::Wrong(format!("is not an address: {why}"));
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Err(wrong("it begins with neither `http://` nor `https://`"));
        }
        if text
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control())
        {
            return Err(wrong("it holds a space or a control character"));
        }
        let url = url::Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::WrongWithRemedy(
                "holds a user name or password".to_owned(),
                "send it as a header whose value is read from a file: `headers = { Authorization = { file = \"/etc/vigie/authorization\" } }`".to_owned(),
            ));
        }
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| names_a_secret(name)) {
            return Err(Refusal::WrongWithRemedy(
                format!("holds a secret in its query, as `{name}`: addresses are shown and logged"),
                "send it as a header whose value is read from a file: `headers = { Authorization = { file = \"/etc/vigie/authorization\" } }`".to_owned(),
            ));
        }
        if url.fragment().is_some() {
            return Err(wrong("it has a `#` part, which is never sent"));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(wrong("it names no host"));
        };
        if port == 0 {
            return Err(wrong("nothing listens on port 0"));
        }
        let host = match host {
            url::Host::Domain(name) => name.to_owned(),
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        if hyper::Uri::try_from(path.as_str()).is_err() {
            return Err(wrong(
                "its path or query holds a character that must be written as %XX",
            ));
        }
        Ok(Self {
            tls: url.scheme() == "https",
            host,
            port,
            path,
        })
    }
}

/// The address that a text of another place than a file writes.
pub(super) fn url(text: &str) -> Result<Url, String> {
    Url::read(&DeValue::String(text.into())).map_err(|refusal| match refusal {
        Refusal::Wrong(why) | Refusal::WrongWithRemedy(why, _) => why,
        Refusal::Other => format!("is not {}", Url::NAME),
    })
}

impl Kind for std::net::IpAddr {
    const NAME: &'static str = "an IP address";
    const WRITTEN: &'static str = "an IPv4 or IPv6 address in quotes";
    const EXAMPLE: &'static str = "\"192.0.2.10\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        string(value)?
            .parse()
            .map_err(|_| Refusal::Wrong("is not an IP address".to_owned()))
    }
}

/// The name of a host, as certificates carry it.
pub(super) struct HostName(pub(super) String);

impl Kind for HostName {
    const NAME: &'static str = "the name of a host";
    const WRITTEN: &'static str = "a name without scheme, port or path, in quotes";
    const EXAMPLE: &'static str = "\"api.example\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        match url::Host::parse(string(value)?) {
            Ok(url::Host::Domain(name)) => Ok(Self(name)),
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => {
                Err(Refusal::Wrong("is not the name of a host".to_owned()))
            }
        }
    }
}

/// A host, by its name or its address.
pub(super) struct Host(pub(super) String);

impl Kind for Host {
    const NAME: &'static str = "a host";
    const WRITTEN: &'static str = "a name or an address without port, in quotes";
    const EXAMPLE: &'static str = "\"192.0.2.1\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) => Ok(Self(name)),
            Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => {
                Err(Refusal::Wrong("is not a host".to_owned()))
            }
        }
    }
}

/// A name that a name server can be asked for.
pub(super) struct DnsName(pub(super) String);

impl Kind for DnsName {
    const NAME: &'static str = "a name";
    const WRITTEN: &'static str = "a whole name, in quotes";
    const EXAMPLE: &'static str = "\"api.example\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let whole = text.strip_suffix('.').unwrap_or(text);
        let fits = whole.len() <= 253
            && whole.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            });
        fits.then(|| Self(whole.to_owned()))
            .ok_or_else(|| Refusal::Wrong("is not a name that name servers know".to_owned()))
    }
}

/// The name of a label of Prometheus.
pub(super) struct LabelName(pub(super) String);

impl Kind for LabelName {
    const NAME: &'static str = "the name of a label";
    const WRITTEN: &'static str =
        "letters a to z, figures and underscores in quotes, not beginning with a figure";
    const EXAMPLE: &'static str = "\"partner\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = !text.starts_with(|first: char| first.is_ascii_digit())
            && !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| Refusal::Wrong(format!("`{text}` is not the name of a label")))
    }
}

/// The name of a file in a folder that is known otherwise.
pub(super) struct FileName(pub(super) String);

impl Kind for FileName {
    const NAME: &'static str = "the name of a document";
    const WRITTEN: &'static str = "its name without a folder, in quotes";
    const EXAMPLE: &'static str = "\"rapport.pdf\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let text = string(value)?;
        let fits = !text.is_empty()
            && !text.starts_with('.')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| Refusal::Wrong(format!("`{text}` is not the name of a document")))
    }
}

/// A host and a port.
impl Kind for HostPort {
    const NAME: &'static str = "a host and a port";
    const WRITTEN: &'static str = "a name or address, a colon and a port, in quotes";
    const EXAMPLE: &'static str = "\"resolver.example:443\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let parts = string(value)?.rsplit_once(':');
        let wrong = || Refusal::Wrong("is not a host and a port".to_owned());
        let (host, port) = parts.ok_or_else(wrong)?;
        let host = match url::Host::parse(host).map_err(|_| wrong())? {
            url::Host::Domain(name) => name,
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        };
        let port = port.parse().ok().filter(|port| *port > 0);
        Ok(Self {
            host,
            port: port.ok_or_else(wrong)?,
        })
    }
}

/// A place in a JSON document, from the outside in.
impl Kind for JsonPath {
    const NAME: &'static str = "the path of a field";
    const WRITTEN: &'static str = "field names from the outside in, with dots between, in quotes";
    const EXAMPLE: &'static str = "\"data.status\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        Self::parse(string(value)?).map_err(|error| {
            Refusal::WrongWithRemedy(
                format!("is not the path of a field: {}", error.message),
                error.remedy,
            )
        })
    }
}

/// How many redirects are followed.
pub(super) struct Redirects(pub(super) usize);

impl Kind for Redirects {
    const NAME: &'static str = "a number";
    const WRITTEN: &'static str = "a number from 0 to 10, without quotes";
    const EXAMPLE: &'static str = "3";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let number = value.as_integer().ok_or(Refusal::Other)?;
        usize::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| *number <= 10)
            .map(Self)
            .ok_or_else(|| Refusal::Wrong("is out of range".to_owned()))
    }
}

/// A closed set of words, each of which means a value.
trait Word: Sized + Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];

    fn of(value: &DeValue<'_>, what: &str) -> Result<Self, Refusal> {
        let text = string(value)?;
        if let Some((_, meaning)) = Self::WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        let wrong = format!("is not {what}: `{text}`");
        let words = || Self::WORDS.iter().map(|(word, _)| *word);
        Err(match nearest(text, words()) {
            Some(word) => Refusal::WrongWithRemedy(wrong, format!("did you mean `\"{word}\"`?")),
            None => Refusal::Wrong(wrong),
        })
    }
}

macro_rules! words {
    ($kind:ty, $name:literal, $written:literal, $example:literal, $($word:literal => $value:expr),+) => {
        impl Word for $kind {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        }

        impl Kind for $kind {
            const NAME: &'static str = $name;
            const WRITTEN: &'static str = $written;
            const EXAMPLE: &'static str = $example;

            fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
                Self::of(value, $name)
            }
        }
    };
}

words!(
    Language, "a language", "`\"fr\"` or `\"en\"`", "\"fr\"",
    "fr" => Self::French, "en" => Self::English
);
words!(
    Family, "a family of addresses",
    "`\"any\"`, `\"ipv4\"`, `\"ipv6\"`, `\"prefer-ipv4\"` or `\"prefer-ipv6\"`", "\"any\"",
    "any" => Self::Any, "ipv4" => Self::Ipv4, "ipv6" => Self::Ipv6,
    "prefer-ipv4" => Self::PreferIpv4, "prefer-ipv6" => Self::PreferIpv6
);
words!(
    StartTls, "a protocol",
    "`\"smtp\"`, `\"imap\"`, `\"pop3\"`, `\"ftp\"` or `\"postgres\"`", "\"smtp\"",
    "smtp" => Self::Smtp, "imap" => Self::Imap, "pop3" => Self::Pop3, "ftp" => Self::Ftp,
    "postgres" => Self::Postgres
);
words!(
    RecordType, "a type of record",
    "`\"A\"`, `\"AAAA\"`, `\"CAA\"`, `\"CNAME\"`, `\"MX\"`, `\"NS\"`, `\"PTR\"`, `\"SOA\"`, `\"SRV\"` or `\"TXT\"`", "\"A\"",
    "A" => Self::A, "AAAA" => Self::Aaaa, "CAA" => Self::Caa, "CNAME" => Self::Cname,
    "MX" => Self::Mx, "NS" => Self::Ns, "PTR" => Self::Ptr, "SOA" => Self::Soa,
    "SRV" => Self::Srv, "TXT" => Self::Txt
);
words!(
    Rcode, "a response code",
    "`\"NOERROR\"`, `\"NXDOMAIN\"`, `\"REFUSED\"` or `\"SERVFAIL\"`", "\"NOERROR\"",
    "NOERROR" => Self::NoError, "NXDOMAIN" => Self::NxDomain, "REFUSED" => Self::Refused,
    "SERVFAIL" => Self::ServFail
);
words!(
    HttpVersion, "a version of HTTP", "`\"any\"`, `\"1.1\"` or `\"2\"`", "\"any\"",
    "any" => Self::Any, "1.1" => Self::Http1, "2" => Self::Http2
);
words!(
    ProxyKind, "a kind of proxy", "`\"http\"` or `\"socks5\"`", "\"http\"",
    "http" => Self::Http, "socks5" => Self::Socks5
);
words!(
    MailSecurity, "a protection", "`\"tls\"`, `\"starttls\"` or `\"plain\"`", "\"tls\"",
    "tls" => Self::Tls, "starttls" => Self::StartTls, "plain" => Self::Plain
);
/// How the connection to the database is protected, before its authorities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreSecurity {
    Tls,
    Plain,
}

words!(
    StoreSecurity, "a protection", "`\"tls\"` or `\"plain\"`", "\"tls\"",
    "tls" => Self::Tls, "plain" => Self::Plain
);
words!(
    PeriodSource, "where the period comes from", "`\"text\"` (the clause says `a month`) or `\"assumption\"` (it names no period, and reports say so)", "\"text\"",
    "text" => Self::Text, "assumption" => Self::Assumption
);
words!(
    Degraded, "a treatment of slow answers", "`\"up\"` or `\"down\"`", "\"up\"",
    "up" => Self::Up, "down" => Self::Down
);
words!(
    Weekday, "a day of the week", "its English name in quotes", "\"sunday\"",
    "monday" => Self::Mon, "tuesday" => Self::Tue, "wednesday" => Self::Wed,
    "thursday" => Self::Thu, "friday" => Self::Fri, "saturday" => Self::Sat,
    "sunday" => Self::Sun
);

/// What a convention says about planned work, before its conditions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MaintenanceWord {
    Counted,
    Excluded,
    Credited,
}

words!(
    MaintenanceWord, "a treatment of planned work",
    "`\"counted\"`, `\"excluded\"` or `\"credited\"`", "\"counted\"",
    "counted" => Self::Counted, "excluded" => Self::Excluded, "credited" => Self::Credited
);

/// A rule that needs no number and no name.
#[derive(Clone, Copy)]
pub(super) enum RuleWord {
    All,
    Any,
}

words!(
    RuleWord, "a rule",
    "`\"all\"`, `\"any\"`, `{ at_least = 2 }` or `{ main = \"an-endpoint\" }`", "\"all\"",
    "all" => Self::All, "any" => Self::Any
);

/// The quorum that needs no number.
#[derive(Clone, Copy)]
pub(super) struct Majority;

words!(
    Majority, "a quorum", "`\"majority\"` or `{ at_least = 2 }`", "\"majority\"",
    "majority" => Self
);

/// An HTTP method, of those that a probe can send.
#[derive(Clone, Copy)]
pub(super) struct Method(pub(super) &'static str);

words!(
    Method, "an HTTP method", "`\"GET\"`, `\"HEAD\"`, `\"POST\"` and so on, in capitals", "\"GET\"",
    "GET" => Self("GET"), "HEAD" => Self("HEAD"), "POST" => Self("POST"), "PUT" => Self("PUT"),
    "PATCH" => Self("PATCH"), "DELETE" => Self("DELETE"), "OPTIONS" => Self("OPTIONS")
);
