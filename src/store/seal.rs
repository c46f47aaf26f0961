//! Sealing: from fresh rows to blocks.
//!
//! An hour is sealed when it is over and what comes late has come; the rows go in the transaction
//! that brings their block. What arrives still later is fresh again, and is sealed into a block of
//! its own.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::block::day::{Day, Sheet};
use super::block::{self, Header, Hour};
use super::days;
use super::db::{self, Database, Value, damaged, values};
use super::error::Failure;
use super::facts::observation;
use super::series::{Names, names_of};
use super::{Sha256, Store, StoreError};
use crate::sla::observation::Observation;
use crate::sla::window::{MINUTE_MS, Timestamp};

/// How long after its end an hour is sealed: what was under way has arrived by then, and a vantage
/// that was cut off for a moment has handed in what it kept.
const LATE_MS: i64 = 10 * MINUTE_MS;

/// Series whose rows are in memory at the same time.
const SERIES_READ: i64 = 256;
/// A transaction begins no more series once it has so many observations, so that appending never
/// waits long. Not fewer: the rows of all series lie mixed, and each transaction writes nearly
/// every page of the hour anew.
const OBSERVATIONS_AT_ONCE: usize = 200_000;

/// What was sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Blocks written.
    pub n_blocks: usize,
    /// Observations in them.
    pub n_observations: usize,
}

/// The end of a series' chain.
struct Chain {
    n_blocks: u64,
    sha256: Sha256,
    first_tick: i64,
    last_tick: i64,
}

impl Store {
    /// Seals a part of what is over at `now`: one hour of some series, the oldest first. Tells
    /// what was sealed; nothing if nothing waits.
    ///
    /// # Errors
    /// What the database says.
    pub fn seal(&mut self, now: Timestamp) -> Result<Sealed, StoreError> {
        self.write("seal observations", |transaction| {
            let oldest = transaction.first(
                "SELECT tick, series FROM fresh ORDER BY tick, series LIMIT 1",
                &[],
                |row| Ok((super::instant(row, 0)?, row.get::<i64>(1)?)),
            )?;
            let Some((tick, series)) = oldest else {
                return Ok(Sealed::default());
            };
            let hour = Hour::of(tick);
            if now < hour.end().plus_ms(LATE_MS) {
                return Ok(Sealed::default());
            }
            seal_hour(transaction, hour, series)
        })
    }

    /// Seals all that is over at `now`.
    ///
    /// # Errors
    /// What the database says; what was sealed before stays so.
    pub fn seal_all(&mut self, now: Timestamp) -> Result<Sealed, StoreError> {
        let mut all = Sealed::default();
        loop {
            let sealed = self.seal(now)?;
            if sealed.n_blocks == 0 {
                return Ok(all);
            }
            all.n_blocks += sealed.n_blocks;
            all.n_observations += sealed.n_observations;
        }
    }
}

/// Seals what is fresh of `hour` in some series, that of the number `from` among them.
fn seal_hour(transaction: &Database, hour: Hour, from: i64) -> Result<Sealed, Failure> {
    let first = from.div_euclid(SERIES_READ) * SERIES_READ;
    let last: i64 = transaction.one("SELECT coalesce(max(id), 0) FROM series", &[], |row| {
        row.get(0)
    })?;
    let mut sealed = Sealed::default();
    let mut end = first;
    loop {
        let some = bring_into_blocks(transaction, hour, end..end + SERIES_READ)?;
        sealed.n_blocks += some.n_blocks;
        sealed.n_observations += some.n_observations;
        end += SERIES_READ;
        // Where there are few series, the hour is not read again for those that there might be.
        if last < end || sealed.n_observations >= OBSERVATIONS_AT_ONCE {
            break;
        }
    }
    let n_removed = transaction.execute(
        "DELETE FROM fresh WHERE ?1 <= tick AND tick < ?2 AND ?3 <= series AND series < ?4",
        &values![hour.start().unix_ms(), hour.end().unix_ms(), first, end],
    )?;
    // Nothing may go that did not come into a block.
    if n_removed != sealed.n_observations {
        return Err(damaged(format!(
            "{} observations came into blocks and {n_removed} would go",
            sealed.n_observations
        ))
        .into());
    }
    Ok(sealed)
}

/// Writes the blocks of what is fresh of `hour` in these series.
fn bring_into_blocks(
    transaction: &Database,
    hour: Hour,
    all: Range<i64>,
) -> Result<Sealed, Failure> {
    let (from, to) = (hour.start().unix_ms(), hour.end().unix_ms());
    let mut by_series: BTreeMap<i64, Vec<Observation>> = BTreeMap::new();
    transaction.for_each(
        "SELECT tick, late_ms, outcome, detail, series FROM fresh
         WHERE ?1 <= tick AND tick < ?2 AND ?3 <= series AND series < ?4
         ORDER BY tick",
        &values![from, to, all.start, all.end],
        |row| {
            by_series
                .entry(row.get(4)?)
                .or_default()
                .push(observation(row, 0)?);
            Ok(())
        },
    )?;
    let names = names_of(transaction, all.clone())?;
    let mut chains = chains(transaction, all)?;
    let mut content_id: i64 =
        transaction.one("SELECT coalesce(max(id), 0) FROM content", &[], |row| {
            row.get(0)
        })?;
    let mut blocks: Vec<(i64, &Names, Sheet)> = Vec::new();
    let mut contents: Vec<Vec<Value>> = Vec::new();
    let mut ends: Vec<Vec<Value>> = Vec::new();
    let mut sealed = Sealed::default();
    for (series, observations) in &by_series {
        let Some(names) = names.get(series) else {
            return Err(damaged(format!(
                "observations of series {series}, which there is none of"
            ))
            .into());
        };
        let (Some(header), Some(first), Some(last)) = (
            Header::of(observations),
            observations.first(),
            observations.last(),
        ) else {
            continue;
        };
        let chain = chains.entry(*series).or_insert(Chain {
            n_blocks: 0,
            sha256: [0; 32],
            first_tick: i64::MAX,
            last_tick: i64::MIN,
        });
        content_id += 1;
        let sheet = Sheet {
            hour,
            number: chain.n_blocks + 1,
            header,
            content: content_id,
        };
        let bytes = block::encode(hour, observations);
        let place = sheet.place((&names.0, &names.1));
        chain.sha256 = block::digest(&chain.sha256, &place, &sheet.header, &bytes);
        chain.n_blocks = sheet.number;
        chain.first_tick = chain.first_tick.min(first.tick.unix_ms());
        chain.last_tick = chain.last_tick.max(last.tick.unix_ms());
        blocks.push((*series, names, sheet));
        contents.push(values![content_id, chain.sha256, bytes].into());
        ends.push(
            values![
                *series,
                chain.n_blocks,
                chain.sha256,
                [0_u8; 32],
                chain.first_tick,
                chain.last_tick,
            ]
            .into(),
        );
        sealed.n_blocks += 1;
        sealed.n_observations += observations.len();
    }
    transaction.execute_many("INSERT INTO content VALUES (?1, ?2, ?3)", contents)?;
    days::list(transaction, Day::of(hour), blocks)?;
    transaction.execute_many(
        "INSERT INTO chain VALUES (?1, ?2, ?3, 0, ?4, NULL, ?5, ?6)
         ON CONFLICT (series) DO UPDATE SET
             n_blocks = excluded.n_blocks, sha256 = excluded.sha256,
             first_tick = excluded.first_tick, last_tick = excluded.last_tick",
        ends,
    )?;
    Ok(sealed)
}

fn chains(database: &Database, series: Range<i64>) -> db::Result<HashMap<i64, Chain>> {
    let chains = database.query(
        "SELECT series, n_blocks, sha256, first_tick, last_tick FROM chain
         WHERE ?1 <= series AND series < ?2",
        &values![series.start, series.end],
        |row| {
            Ok((
                row.get(0)?,
                Chain {
                    n_blocks: row.get(1)?,
                    sha256: row.get(2)?,
                    first_tick: row.get(3)?,
                    last_tick: row.get(4)?,
                },
            ))
        },
    )?;
    Ok(chains.into_iter().collect())
}
