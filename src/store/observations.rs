//! What was seen, wherever it is kept by now: in blocks and in fresh rows.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::block::{self, Damage, Header, Hour, Place};
use super::db::{self, Database, Row, damaged, values};
use super::error::Failure;
use super::fresh;
use super::retain::check_kept;
use super::series::{Series, all_series, series_of_endpoint};
use super::{Sha256, Store, StoreError};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::condensed::{
    Condensed, CondensedEndpoint, CondensedVantage, Folded, Folding, Measure, Unbroken,
};
use crate::sla::observation::Observation;
use crate::sla::window::{Timestamp, Window};

/// What one vantage saw of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Of which endpoint.
    pub endpoint: EndpointId,
    /// From where.
    pub vantage: VantageId,
    /// In order of their instants.
    pub observations: Vec<Observation>,
}

/// Of what [`Store::condensed`] is to tell.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Which endpoint.
    pub endpoint: &'a EndpointId,
    /// How long one observation speaks, in milliseconds.
    pub validity_ms: i64,
    /// Slower correct answers are Degraded, in milliseconds.
    pub latency_objective_ms: Option<u32>,
    /// At which instants.
    pub window: Window,
}

impl Asked<'_> {
    pub(super) fn measure(&self) -> Measure {
        Measure {
            validity_ms: self.validity_ms,
            latency_objective_ms: self.latency_objective_ms,
        }
    }
}

impl Store {
    /// What was seen of `endpoint` at the instants of `window`, by vantage (in order of their
    /// ids), each in order of its instants. A vantage that never asked is absent.
    ///
    /// Every block is checked against its digest and that of the block before it.
    ///
    /// # Errors
    /// What the database says, and a block that is not what was sealed.
    pub fn observations(
        &self,
        endpoint: &EndpointId,
        window: Window,
    ) -> Result<Vec<(VantageId, Vec<Observation>)>, StoreError> {
        let seen = self.observations_of(&[endpoint], window)?;
        Ok(seen
            .into_iter()
            .map(|seen| (seen.vantage, seen.observations))
            .collect())
    }

    /// The same for several endpoints: what is fresh is in no order of theirs, and is read once.
    ///
    /// # Errors
    /// As [`observations`](Self::observations).
    pub fn observations_of(
        &self,
        endpoints: &[&EndpointId],
        window: Window,
    ) -> Result<Vec<Seen>, StoreError> {
        self.read("read observations", |snapshot| {
            check_kept(snapshot, window.start())?;
            let mut asked = Vec::new();
            for endpoint in endpoints {
                for (vantage, series) in series_of_endpoint(snapshot, endpoint)? {
                    asked.push(((*endpoint).clone(), vantage, series));
                }
            }
            let mut fresh: HashMap<i64, Vec<Observation>> = asked
                .iter()
                .map(|(_, _, series)| (series.id, Vec::new()))
                .collect();
            let ticks = asked.iter().map(|(_, _, series)| series.ticks_of(window));
            fresh::each(snapshot, ticks, |series, observation| {
                if let Some(fresh) = fresh.get_mut(&series) {
                    fresh.push(observation);
                }
            })?;
            asked
                .into_iter()
                .map(|(endpoint, vantage, series)| {
                    let names = (&endpoint, &vantage);
                    let mut observations = sealed(snapshot, &series, names, window)?;
                    observations.extend(fresh.remove(&series.id).unwrap_or_default());
                    observations.retain(|observation| window.contains(observation.at));
                    observations.sort_by_key(|observation| (observation.at, observation.tick));
                    Ok(Seen {
                        endpoint,
                        vantage,
                        observations,
                    })
                })
                .collect()
        })
    }

    /// What was seen of each endpoint at the instants of its window, condensed: an hour of which
    /// its block says that nothing happened is not read.
    ///
    /// # Errors
    /// As [`observations`](Self::observations).
    pub fn condensed(&self, asked: &[Asked<'_>]) -> Result<Vec<CondensedEndpoint>, StoreError> {
        self.read("read observations", |snapshot| {
            if let Some(first) = asked.iter().map(|asked| asked.window.start()).min() {
                check_kept(snapshot, first)?;
            }
            let mut by_endpoint: BTreeMap<EndpointId, Vec<(VantageId, Series)>> = BTreeMap::new();
            for ((endpoint, vantage), series) in all_series(snapshot)? {
                by_endpoint
                    .entry(endpoint)
                    .or_default()
                    .push((vantage, series));
            }
            let of = |endpoint: &EndpointId| {
                by_endpoint
                    .get(endpoint)
                    .map_or(&[][..], |vantages| vantages.as_slice())
            };
            let fresh = fresh::folded(
                snapshot,
                asked.iter().flat_map(|asked| {
                    let vantages = of(asked.endpoint).iter();
                    vantages.map(|(_, series)| (*asked, *series))
                }),
            )?;
            let mut fresh = fresh.into_iter();
            asked
                .iter()
                .map(|asked| {
                    let vantages = of(asked.endpoint)
                        .iter()
                        .zip(fresh.by_ref())
                        .map(|((vantage, series), fresh)| {
                            Ok(CondensedVantage {
                                id: vantage.clone(),
                                present: None,
                                seen: condense(snapshot, asked, vantage, series, fresh)?,
                            })
                        })
                        .collect::<Result<_, Failure>>()?;
                    Ok(CondensedEndpoint {
                        id: asked.endpoint.clone(),
                        validity_ms: asked.validity_ms,
                        latency_objective_ms: asked.latency_objective_ms,
                        vantages,
                    })
                })
                .collect()
        })
    }
}

/// What the table says of a block, without its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    pub(super) hour: Hour,
    pub(super) number: u64,
    pub(super) header: Header,
    content: i64,
}

/// The columns of a [`Sheet`], in the order that it reads them.
pub(super) const SHEET: &str =
    "hour, number, n_observations, first_ms, last_ms, silence_ms, latency_us_max, content";

pub(super) fn sheet(row: &Row<'_>) -> db::Result<Sheet> {
    let number: i64 = row.get(0)?;
    let hour = Hour::from_number(number)
        .ok_or_else(|| damaged(format!("{number} is not an hour that we know")))?;
    Ok(Sheet {
        hour,
        number: row.get(1)?,
        header: Header {
            n_observations: row.get(2)?,
            first: hour.start().plus_ms(row.get(3)?),
            last: hour.start().plus_ms(row.get(4)?),
            silence_ms: row.get(5)?,
            latency_us_max: row.get(6)?,
        },
        content: row.get(7)?,
    })
}

/// What is in the blocks of a series that may reach into `window`, each block checked.
fn sealed(
    database: &Database,
    series: &Series,
    names: (&EndpointId, &VantageId),
    window: Window,
) -> Result<Vec<Observation>, Failure> {
    sealed_in(database, series.id, names, hours(series.ticks_of(window)))
}

/// The ticks of `hour` that are in blocks.
pub(super) fn ticks_sealed(
    database: &Database,
    series: i64,
    names: (&EndpointId, &VantageId),
    hour: Hour,
) -> Result<HashSet<Timestamp>, Failure> {
    let hours = (hour.number(), hour.number());
    let observations = sealed_in(database, series, names, hours)?;
    Ok(observations.into_iter().map(|seen| seen.tick).collect())
}

/// What is in the blocks of a series from the first to the last of `hours`.
fn sealed_in(
    database: &Database,
    series: i64,
    names: (&EndpointId, &VantageId),
    (first, last): (i64, i64),
) -> Result<Vec<Observation>, Failure> {
    let blocks: Vec<(Sheet, Sha256, Vec<u8>)> = database.query(
        &format!(
            "SELECT {SHEET}, sha256, bytes FROM block JOIN content ON id = content
             WHERE series = ?1 AND ?2 <= hour AND hour <= ?3 ORDER BY hour, number"
        ),
        &values![series, first, last],
        |row| Ok((sheet(row)?, row.get(8)?, row.get(9)?)),
    )?;
    let mut digests: HashMap<u64, Sha256> = blocks
        .iter()
        .map(|(sheet, sha256, _)| (sheet.number, *sha256))
        .collect();
    let mut observations = Vec::new();
    for (sheet, sha256, bytes) in &blocks {
        let before = sheet.number - 1;
        let previous = match digests.get(&before) {
            Some(previous) => *previous,
            None => digest_of(database, series, before)?,
        };
        digests.insert(before, previous);
        let place = Place {
            endpoint: names.0,
            vantage: names.1,
            number: sheet.number,
            hour: sheet.hour,
        };
        let read = block::open(&previous, &place, &sheet.header, sha256, bytes)
            .map_err(|damage| StoreError::block(&place, damage))?;
        observations.extend(read);
    }
    Ok(observations)
}

/// The digest of a block; of one that was removed, what is kept of it; zeros if there is none.
fn digest_of(database: &Database, series: i64, number: u64) -> db::Result<Sha256> {
    let found = database.first(
        "SELECT sha256 FROM block JOIN content ON id = content WHERE series = ?1 AND number = ?2
         UNION ALL
         SELECT removed_sha256 FROM chain WHERE series = ?1 AND n_removed = ?2",
        &values![series, number],
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or_default())
}

/// The hours that the ticks of `window` lie in, by number, both included.
fn hours(window: Window) -> (i64, i64) {
    let last = window.end().plus_ms(-1);
    (Hour::of(window.start()).number(), Hour::of(last).number())
}

/// What was seen of one series, without the hours in which nothing happened.
fn condense(
    database: &Database,
    asked: &Asked<'_>,
    vantage: &VantageId,
    series: &Series,
    fresh: Folded,
) -> Result<Condensed, Failure> {
    let window = asked.window;
    let (first, last) = hours(series.ticks_of(window));
    // A content comes along where it will be needed whatever is asked.
    let mut sheets: Vec<(Sheet, Option<Vec<u8>>)> = database.query(
        &format!(
            "SELECT {SHEET},
                 CASE WHEN latency_us_max IS NULL THEN (SELECT bytes FROM content WHERE id = content)
                 END
             FROM block WHERE series = ?1 AND ?2 <= hour AND hour <= ?3 ORDER BY hour, number"
        ),
        &values![series.id, first, last],
        |row| Ok((sheet(row)?, row.get(8)?)),
    )?;
    sheets.sort_by_key(|(sheet, _)| sheet.header.first);
    // What is fresh and unbroken lies behind all blocks.
    let Folded {
        mut observations,
        mut unbroken,
    } = fresh;
    let fresh: Vec<Timestamp> = observations.iter().map(|seen| seen.at).collect();
    let is_apart = |header: &Header| {
        let after = fresh.partition_point(|at| *at < header.first);
        fresh.get(after).is_none_or(|at| header.last < *at)
    };
    let objective_us = asked
        .latency_objective_ms
        .map(|objective_ms| u64::from(objective_ms) * 1_000);
    let measure = asked.measure();
    let mut seen_until = Timestamp::MIN;
    for (idx, (sheet, content)) in sheets.iter().enumerate() {
        let header = &sheet.header;
        // What came late may lie among what was sealed before: together they say what happened.
        let overlaps = header.first <= seen_until
            || sheets
                .get(idx + 1)
                .is_some_and(|(next, _)| next.header.first <= header.last)
            || !is_apart(header);
        seen_until = seen_until.max(header.last);
        if !overlaps && header.is_uneventful(window, asked.validity_ms, objective_us) {
            unbroken.push(Unbroken {
                first: header.first,
                last: header.last,
            });
            continue;
        }
        if Window::between(header.first, header.last.plus_ms(1))
            .is_none_or(|span| span.intersection(&window).is_none())
        {
            continue;
        }
        let mut read_now = None;
        let bytes = match content {
            Some(bytes) => bytes,
            None => read_now.insert(database.one(
                "SELECT bytes FROM content WHERE id = ?1",
                &values![sheet.content],
                |row| row.get::<Vec<u8>>(0),
            )?),
        };
        let mut read = block::decode(sheet.hour, header, bytes).map_err(|damage: Damage| {
            StoreError::block(
                &Place {
                    endpoint: asked.endpoint,
                    vantage,
                    number: sheet.number,
                    hour: sheet.hour,
                },
                damage,
            )
        })?;
        read.retain(|observation| window.contains(observation.at));
        if !overlaps {
            // Nothing else lies among them: what of them is good need not be kept until the end.
            read.sort_by_key(|observation| observation.at);
            let mut folding = Folding::new(measure);
            for seen in read {
                folding.take(seen);
            }
            let folded = folding.finish();
            read = folded.observations;
            unbroken.extend(folded.unbroken);
        }
        observations.extend(read);
    }
    Ok(Condensed::new(observations, unbroken, &measure))
}
