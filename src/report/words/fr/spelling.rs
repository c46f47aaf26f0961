//! How French writes months, dates and counts.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use crate::sla::window::Month;

pub(super) const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

pub(super) const MONTHS_SHORT: [&str; 12] = [
    "janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.",
    "déc.",
];

/// One form up to two, the other from two on.
pub(super) fn plural(n: i64, one: &'static str, many: &'static str) -> &'static str {
    if n >= 2 { many } else { one }
}

pub(super) fn month_name(number: u32) -> &'static str {
    MONTHS.get(number as usize - 1).copied().unwrap_or_default()
}

/// `octobre 2025`.
pub(super) fn month(month: Month) -> String {
    format!("{} {}", month_name(month.number()), month.year())
}

/// `En octobre 2025`.
pub(super) fn in_month(of: Month) -> String {
    format!("En {}", month(of))
}

/// `d’octobre 2025`, `de mai 2025`.
pub(super) fn of_month(of: Month) -> String {
    with_of(&month(of))
}

/// `d’API Particulier`, `de FranceConnect`: elided before a vowel.
pub(super) fn with_of(name: &str) -> String {
    let vowel = |first: char| "aàâeéèêëiîïoôuùûy".contains(first);
    match name.chars().next() {
        Some(first) if first.to_lowercase().all(vowel) => format!("d’{name}"),
        Some(_) | None => format!("de {name}"),
    }
}

/// `1er octobre 2025`, `26 octobre 2025`.
pub(super) fn date(date: NaiveDate) -> String {
    let ordinal = if date.day() == 1 { "er" } else { "" };
    format!(
        "{}{ordinal} {} {}",
        date.day(),
        month_name(date.month()),
        date.year()
    )
}

/// `9 h 00`.
pub(super) fn clock(hour: u32, minute: u32) -> String {
    format!("{hour}\u{a0}h\u{a0}{minute:02}")
}

pub(super) fn zone(zone: Tz) -> String {
    match zone {
        Tz::Europe__Paris => "heure de Paris".to_owned(),
        Tz::UTC => "temps universel (UTC)".to_owned(),
        other => format!("fuseau {other}"),
    }
}
