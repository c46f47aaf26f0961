//! Blocks: what one vantage saw of one endpoint in one hour, in few bytes and chained.
//!
//! A block is a header and its content. The header says enough to settle most hours; the content has
//! every observation, column by column. Both, and the digest of the block before, go into a block's
//! digest, so that a changed, missing, moved or added block shows.
//!
//! Nothing here touches a database.

mod column;
pub mod day;
mod header;

use std::fmt;

use super::outcome;
use super::{Sha256, sha256};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::window::{HOUR_MS, Timestamp};

use column::Layout;
pub use header::{Header, Outline};

/// The way contents are written. Another way gets another number; the old ones stay readable.
const VERSION: u8 = 2;
/// The first way: wider columns, and outcomes also where the header says that all are whole answers.
const VERSION_WIDE: u8 = 1;

/// An hour of UTC, by its number since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Hour {
    /// The hour that `at` lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.unix_ms().div_euclid(HOUR_MS))
    }

    /// The hour of this number, if it lies in the years 1 to 9999.
    pub fn from_number(number: i64) -> Option<Self> {
        let start = Timestamp::from_unix_ms(number.checked_mul(HOUR_MS)?)?;
        Some(Self::of(start))
    }

    /// Hours since 1970.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Its first instant.
    pub fn start(self) -> Timestamp {
        Timestamp::MIN.plus_ms(self.0 * HOUR_MS - Timestamp::MIN.unix_ms())
    }

    /// The first instant after it.
    pub fn end(self) -> Timestamp {
        self.start().plus_ms(HOUR_MS)
    }
}

/// Why a block cannot be what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A later program wrote it.
    #[error(
        "it is of version {0} of the block format, this program knows version {VERSION}: upgrade vigie"
    )]
    Version(u8),
    /// Bytes are missing.
    #[error("it ends too early")]
    Short,
    /// Bytes are left over.
    #[error("it does not end where it should")]
    Long,
    /// Bytes that nothing is written with.
    #[error("its bytes are not a column of numbers")]
    Column,
    /// An outcome that nobody knows.
    #[error("it holds outcome {0} with detail {1}, which is not one that we know")]
    Outcome(i64, i64),
    /// A tick of another hour, or before the tick before it.
    #[error("its ticks are not in order or not of its hour")]
    Ticks,
    /// The content is well formed and not what the header says.
    #[error("its header and its content differ")]
    Header,
    /// The digest is not that of the block.
    #[error(
        "its digest does not fit: it was changed, or the block before it is not the one it was written after"
    )]
    Digest,
    /// An hour of another day.
    #[error("it lists an hour that it cannot have")]
    Hour,
    /// There is none of this number.
    #[error("it is missing")]
    Missing,
}

/// The content of a block of `hour`: `observations`, in order of their ticks, no two of one tick.
pub fn encode(hour: Hour, observations: &[Observation]) -> Vec<u8> {
    let mut ticks = Vec::with_capacity(observations.len());
    let mut late = Vec::with_capacity(observations.len());
    let mut outcomes = Vec::with_capacity(observations.len());
    let (mut latencies, mut details) = (Vec::new(), Vec::new());
    let mut last = hour.start();
    for seen in observations {
        ticks.push(seen.tick.since(last));
        last = seen.tick;
        late.push(seen.at.since(seen.tick));
        let (code, detail) = outcome::to_columns(seen.outcome);
        outcomes.push(code);
        // Apart: a status among latencies would be the least of them.
        match seen.outcome {
            Outcome::Answered { .. } => latencies.push(detail),
            Outcome::Failed(_) | Outcome::Void(_) => details.push(detail),
        }
    }
    if outcomes.iter().all(|code| *code == outcome::WHOLE) {
        // The header says so.
        outcomes.clear();
    }
    let mut content = vec![VERSION];
    for column in [&ticks, &late, &outcomes, &latencies, &details] {
        column::write(column, &mut content);
    }
    content
}

/// The observations in the content of a block of `hour`, in order of their ticks.
///
/// # Errors
/// Anything that [`encode`] did not write, and what it wrote for another hour or header.
pub fn decode(hour: Hour, header: &Header, content: &[u8]) -> Result<Vec<Observation>, Damage> {
    let mut rest = content;
    let layout = match column::take(&mut rest)? {
        VERSION_WIDE => Layout::Wide,
        VERSION => Layout::Narrow,
        version => return Err(Damage::Version(version)),
    };
    let n = usize::try_from(header.n_observations).map_err(|_| Damage::Header)?;
    // No two ticks of an hour are one.
    if n as u64 > HOUR_MS.unsigned_abs() {
        return Err(Damage::Header);
    }
    let mut column = |n| column::read(&mut rest, n, layout);
    let (ticks, late) = (column(n)?, column(n)?);
    let outcomes = if layout == Layout::Narrow && header.latency_us_max.is_some() {
        vec![outcome::WHOLE; n]
    } else {
        column(n)?
    };
    let n_answered = outcomes
        .iter()
        .filter(|code| outcome::is_answer(**code))
        .count();
    let mut latencies = column(n_answered)?.into_iter();
    let mut details = column(n - n_answered)?.into_iter();
    if !rest.is_empty() {
        return Err(Damage::Long);
    }
    let mut observations = Vec::with_capacity(n);
    let mut last = hour.start().unix_ms();
    for (idx, ((since_last, late_ms), code)) in
        ticks.into_iter().zip(late).zip(outcomes).enumerate()
    {
        let tick = last.checked_add(since_last).ok_or(Damage::Ticks)?;
        if since_last < 0 || (since_last == 0 && idx > 0) {
            return Err(Damage::Ticks);
        }
        last = tick;
        let tick = Timestamp::from_unix_ms(tick)
            .filter(|tick| *tick < hour.end())
            .ok_or(Damage::Ticks)?;
        let detail = if outcome::is_answer(code) {
            latencies.next()
        } else {
            details.next()
        }
        .ok_or(Damage::Column)?;
        observations.push(Observation {
            tick,
            at: tick.plus_ms(late_ms),
            outcome: outcome::from_columns(code, detail).ok_or(Damage::Outcome(code, detail))?,
        });
    }
    if !header.is_of(&observations) {
        return Err(Damage::Header);
    }
    Ok(observations)
}

/// Which block: the `number`-th of what `vantage` saw of `endpoint`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Of which endpoint.
    pub endpoint: &'a EndpointId,
    /// From where.
    pub vantage: &'a VantageId,
    /// In the order of sealing.
    pub number: u64,
    /// Of which hour.
    pub hour: Hour,
}

impl Place<'_> {
    /// How the block is called.
    pub fn name(&self) -> BlockName {
        BlockName {
            endpoint: self.endpoint.clone(),
            vantage: self.vantage.clone(),
            number: self.number,
            hour: Some(self.hour),
        }
    }
}

/// How a block is called in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockName {
    /// Of which endpoint.
    pub endpoint: EndpointId,
    /// From where.
    pub vantage: VantageId,
    /// In the order of sealing.
    pub number: u64,
    /// Of which hour, if that is known.
    pub hour: Option<Hour>,
}

impl fmt::Display for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            vantage,
            number,
            hour,
        } = self;
        write!(f, "block {number} of `{endpoint}` from `{vantage}`")?;
        match hour {
            Some(hour) => write!(f, ", the hour from {}", hour.start()),
            None => Ok(()),
        }
    }
}

/// The digest of a block, over that of the `previous` one; zeros before the first. Lengths stand
/// before texts, so that no two blocks read alike.
pub fn digest(previous: &Sha256, place: &Place<'_>, header: &Header, content: &[u8]) -> Sha256 {
    let mut bytes = b"vigie-block/1\n".to_vec();
    bytes.extend_from_slice(previous);
    for text in [place.endpoint.as_str(), place.vantage.as_str()] {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&place.number.to_be_bytes());
    // Absent is -1, which no latency is.
    let latency_us_max = header.latency_us_max.map_or(-1, i64::from);
    for number in [
        place.hour.number(),
        i64::from(header.n_observations),
        header.first.unix_ms(),
        header.last.unix_ms(),
        header.silence_ms,
        latency_us_max,
    ] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(content);
    sha256(&bytes)
}

/// The observations in `content`, if it is what was sealed in this place after `previous`.
///
/// # Errors
/// As [`decode`], and a digest that does not fit.
pub fn open(
    previous: &Sha256,
    place: &Place<'_>,
    header: &Header,
    sha256: &Sha256,
    content: &[u8],
) -> Result<Vec<Observation>, Damage> {
    let fits = digest(previous, place, header, content) == *sha256;
    match decode(place.hour, header, content) {
        // Said first: a later program may also count its digests in another way.
        Err(Damage::Version(version)) => Err(Damage::Version(version)),
        _ if !fits => Err(Damage::Digest),
        read => read,
    }
}
