//! The blocks that a day lists: all that is known of them without their contents, in few bytes.
//!
//! A day is a row for each series, written anew when one of its hours is sealed. What its blocks
//! have in common costs nothing in a column, so that a month is read in some thirty rows.

use std::iter;

use super::column::{self, Layout, read_varint, take, write_varint};
use super::header::{ANSWER, SEEN_MAX};
use super::{Damage, Header, Hour, Outline, Place, outcome};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::window::Timestamp;

/// The way days are written.
const VERSION: u8 = 1;

const HOURS: i64 = 24;

/// What a header says of its hour, beside the number of the hour in the day.
const ALL_WHOLE: u8 = 0 << 5;
const OUTLINED: u8 = 1 << 5;
const UNTOLD: u8 = 2 << 5;
const HOUR_MASK: u8 = (1 << 5) - 1;

/// A day of UTC, by its number since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The first and the last there can be.
    pub const ALL: (Self, Self) = (
        Self::of(Hour::of(Timestamp::MIN)),
        Self::of(Hour::of(Timestamp::MAX)),
    );

    /// The day that `hour` lies in.
    pub const fn of(hour: Hour) -> Self {
        Self(hour.number().div_euclid(HOURS))
    }

    /// The day of this number, if it lies in the years 1 to 9999.
    pub fn from_number(number: i64) -> Option<Self> {
        Hour::from_number(number.checked_mul(HOURS)?).map(Self::of)
    }

    /// The day before it.
    pub const fn before(self) -> Self {
        Self(self.0 - 1)
    }

    /// Days since 1970.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Its first instant.
    pub fn start(self) -> Timestamp {
        Hour(self.0 * HOURS).start()
    }
}

/// What is known of a block without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Of which hour.
    pub hour: Hour,
    /// In the order of sealing of its series, from 1.
    pub number: u64,
    /// What it says.
    pub header: Header,
    /// Where its content is.
    pub content: i64,
}

impl Sheet {
    /// Which block it is of, in the series of these names.
    pub fn place<'a>(&self, (endpoint, vantage): (&'a EndpointId, &'a VantageId)) -> Place<'a> {
        Place {
            endpoint,
            vantage,
            number: self.number,
            hour: self.hour,
        }
    }
}

/// The row of `day`: `sheets`, which are of its hours, in this order.
pub fn encode(day: Day, sheets: &[Sheet]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    write_varint(sheets.len() as u64, &mut bytes);
    // A byte each: a false count finds no room and asks for no memory.
    bytes.extend(sheets.iter().map(|sheet| {
        let said = match (&sheet.header.outline, sheet.header.latency_us_max) {
            (Some(_), _) => OUTLINED,
            (None, Some(_)) => ALL_WHOLE,
            (None, None) => UNTOLD,
        };
        (sheet.hour.number() - day.0 * HOURS) as u8 | said
    }));
    let mut column = |of: &mut dyn FnMut(&Sheet) -> i64| {
        let numbers: Vec<i64> = sheets.iter().map(of).collect();
        column::write(&numbers, &mut bytes);
    };
    // What grows by the same each time is one number, said so many times.
    let mut last = 0;
    column(&mut |sheet| step(&mut last, sheet.number as i64));
    let mut last = 0;
    column(&mut |sheet| step(&mut last, sheet.content));
    column(&mut |sheet| sheet.header.n_observations.into());
    column(&mut |sheet| sheet.header.first.since(sheet.hour.start()));
    column(&mut |sheet| sheet.header.last.since(sheet.header.first));
    column(&mut |sheet| sheet.header.silence_ms);
    column(&mut |sheet| {
        let outline = sheet.header.outline.as_ref();
        let outlined = outline.map(|outline| outline.latency_us_max);
        let latency_us_max = sheet.header.latency_us_max.or(outlined);
        latency_to_column(latency_us_max.unwrap_or(0))
    });
    write_outlines(sheets, &mut bytes);
    bytes
}

/// What [`encode`] wrote of `day`.
///
/// # Errors
/// Anything that it did not write, and what it wrote in a later program.
pub fn decode(day: Day, bytes: &[u8]) -> Result<Vec<Sheet>, Damage> {
    let mut rest = bytes;
    let version = take(&mut rest)?;
    if version != VERSION {
        return Err(Damage::Version(version));
    }
    let n = usize::try_from(read_varint(&mut rest)?).map_err(|_| Damage::Short)?;
    let (hours, mut rest) = rest.split_at_checked(n).ok_or(Damage::Short)?;
    let starts = hours
        .iter()
        .map(|told| Hour::from_number(day.0 * HOURS + i64::from(told & HOUR_MASK)))
        .map(|hour| hour.filter(|hour| Day::of(*hour) == day))
        .collect::<Option<Vec<Hour>>>()
        .ok_or(Damage::Hour)?;
    let mut column = || column::read(&mut rest, n, Layout::Narrow);
    let (numbers, contents, n_observations) = (column()?, column()?, column()?);
    let (first_ms, lasting_ms, silence_ms) = (column()?, column()?, column()?);
    let latencies = column()?;
    let firsts: Vec<Timestamp> = iter::zip(&starts, first_ms)
        .map(|(hour, first_ms)| hour.start().plus_ms(first_ms))
        .collect();
    let outlined: Vec<Timestamp> = iter::zip(hours, &firsts)
        .filter(|(told, _)| **told & !HOUR_MASK == OUTLINED)
        .map(|(_, first)| *first)
        .collect();
    let mut outlines = read_outlines(&outlined, &mut rest)?.into_iter();
    if !rest.is_empty() {
        return Err(Damage::Long);
    }
    let (mut number, mut content) = (0_i64, 0_i64);
    let mut sheets = Vec::with_capacity(n);
    for (idx, (hour, first)) in iter::zip(starts, firsts).enumerate() {
        number = number.wrapping_add(numbers[idx]);
        content = content.wrapping_add(contents[idx]);
        let slowest_us = latency_from_column(latencies[idx])?;
        let (latency_us_max, outline) = match hours[idx] & !HOUR_MASK {
            ALL_WHOLE => (Some(slowest_us), None),
            OUTLINED => {
                let outline = outlines.next().map(|seen| Outline {
                    latency_us_max: slowest_us,
                    seen,
                });
                (None, outline)
            }
            UNTOLD => (None, None),
            _ => return Err(Damage::Column),
        };
        sheets.push(Sheet {
            hour,
            number: u64::try_from(number)
                .ok()
                .filter(|number| *number > 0)
                .ok_or(Damage::Column)?,
            header: Header {
                n_observations: u32::try_from(n_observations[idx]).map_err(|_| Damage::Column)?,
                first,
                last: first.plus_ms(lasting_ms[idx]),
                silence_ms: silence_ms[idx],
                latency_us_max,
                outline,
            },
            content,
        });
    }
    Ok(sheets)
}

/// Appends the outlines of `sheets`, one behind the other; nothing if there is none.
fn write_outlines(sheets: &[Sheet], bytes: &mut Vec<u8>) {
    let (mut lengths, mut since_last) = (Vec::new(), Vec::new());
    let (mut outcomes, mut details) = (Vec::new(), Vec::new());
    for header in sheets.iter().map(|sheet| &sheet.header) {
        let Some(outline) = &header.outline else {
            continue;
        };
        lengths.push(outline.seen.len() as i64);
        let mut last = header.first;
        for seen in &outline.seen {
            since_last.push(seen.at.since(last));
            last = seen.at;
            let (code, detail) = outcome::to_columns(seen.outcome);
            outcomes.push(code);
            if seen.outcome != ANSWER {
                details.push(detail);
            }
        }
    }
    if lengths.is_empty() {
        return;
    }
    for column in [&lengths, &since_last, &outcomes, &details] {
        column::write(column, bytes);
    }
}

/// What [`write_outlines`] wrote: of each of the headers that begin at `firsts`, what was seen.
fn read_outlines(firsts: &[Timestamp], bytes: &mut &[u8]) -> Result<Vec<Vec<Observation>>, Damage> {
    if firsts.is_empty() {
        return Ok(Vec::new());
    }
    let mut column = |n| column::read(bytes, n, Layout::Narrow);
    let lengths = column(firsts.len())?
        .into_iter()
        .map(|length| usize::try_from(length).ok().filter(|n| *n <= SEEN_MAX))
        .collect::<Option<Vec<usize>>>()
        .ok_or(Damage::Column)?;
    let n = lengths.iter().sum();
    let mut since_last = column(n)?.into_iter();
    let outcomes = column(n)?;
    let n_others = outcomes
        .iter()
        .filter(|code| **code != outcome::WHOLE)
        .count();
    let mut details = column(n_others)?.into_iter();
    let mut outcomes = outcomes.into_iter();
    iter::zip(firsts, lengths)
        .map(|(first, length)| {
            let mut at = *first;
            let seen = iter::zip(since_last.by_ref(), outcomes.by_ref()).take(length);
            seen.map(|(since_last, code)| {
                at = at.plus_ms(since_last);
                let outcome = if code == outcome::WHOLE {
                    ANSWER
                } else {
                    let detail = details.next().ok_or(Damage::Column)?;
                    outcome::from_columns(code, detail).ok_or(Damage::Outcome(code, detail))?
                };
                Ok(Observation {
                    tick: at,
                    at,
                    outcome,
                })
            })
            .collect()
        })
        .collect()
}

fn latency_to_column(latency_us: u32) -> i64 {
    let (_, detail) = outcome::to_columns(Outcome::Answered {
        latency_us,
        partial: false,
    });
    detail
}

fn latency_from_column(detail: i64) -> Result<u32, Damage> {
    match outcome::from_columns(outcome::WHOLE, detail) {
        Some(Outcome::Answered { latency_us, .. }) => Ok(latency_us),
        _ => Err(Damage::Outcome(outcome::WHOLE, detail)),
    }
}

/// How far `number` lies from the last one, which it then is.
fn step(last: &mut i64, number: i64) -> i64 {
    number.wrapping_sub(std::mem::replace(last, number))
}
