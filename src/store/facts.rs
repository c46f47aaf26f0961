//! Observations and missed ticks.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::block::Hour;
use super::db::{self, Database, Row, Value, damaged, values};
use super::error::Failure;
use super::sealed::ticks_sealed;
use super::series::{find_or_add_series, late_ms, series_of};
use super::{
    Parcel, Refused, StatementNumber, Store, StoreError, id, instant, optional_instant, outcome,
    traces,
};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::observation::{Finding, MissCause, Observation};
use crate::sla::window::{Timestamp, Window};

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Kept now.
    pub new: usize,
    /// Not kept, because that endpoint, vantage and tick already had an observation.
    pub repeated: usize,
}

/// What became of a parcel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Of what could be taken.
    pub appended: Appended,
    /// What can never be taken, whenever it is handed in.
    pub refused: Vec<Refused>,
}

/// Ticks in a row at which nothing was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Which endpoint was not asked.
    pub endpoint: EndpointId,
    /// From where.
    pub vantage: VantageId,
    /// The first of the ticks.
    pub first: Timestamp,
    /// The last of them; the first if there is only one.
    pub last: Timestamp,
    /// How many they are, at least 1.
    pub count: u64,
    /// Why.
    pub cause: MissCause,
}

impl Store {
    /// Keeps findings: all of them, or none if there is an error. An observation whose endpoint,
    /// vantage and tick are kept already counts once, as first written, so a batch may be handed
    /// in again. Unless the answer was the expected one, its trace is kept as well, in full as long as
    /// it is among the last of its endpoint and vantage.
    ///
    /// # Errors
    /// What the database says.
    pub fn append(&mut self, findings: &[Finding]) -> Result<Appended, StoreError> {
        let mut series = std::mem::take(&mut self.series);
        let in_full = self.in_full;
        let appended = self.append_to("append observations", |transaction| {
            let ids: Vec<i64> = findings
                .iter()
                .map(|finding| series_of(transaction, &mut series, finding))
                .collect::<db::Result<_>>()?;
            let is_new = append_observations(transaction, &ids, findings)?;
            let new_ones = || {
                let all = ids.iter().zip(findings).zip(&is_new);
                all.filter(|(_, is_new)| **is_new).map(|(one, _)| one)
            };
            traces::append(transaction, new_ones(), in_full)?;
            if let Some((statement, evidence_end)) = settled(transaction)? {
                let late = new_ones()
                    .filter(|(_, finding)| finding.observation.at < evidence_end)
                    .map(|(series, finding)| {
                        let tick_ms = finding.observation.tick.unix_ms();
                        values![*series, tick_ms, statement].to_vec()
                    });
                transaction.execute_many(INSERT_LATE, late.collect())?;
            }
            let new = new_ones().count();
            Ok(Appended {
                new,
                repeated: findings.len() - new,
            })
        })?;
        self.series = series;
        Ok(appended)
    }

    /// Keeps what was handed in together, its missed ticks first: a schedule that starts again goes
    /// on after the last tick that was taken, and would not count those before it. What can never
    /// be taken is told, and keeps nothing else from it.
    ///
    /// # Errors
    /// What the database says, if trying again may help.
    pub fn take_in(&mut self, parcel: &Parcel) -> Result<Taken, StoreError> {
        if !parcel.missed.is_empty() {
            match self.save_missed(&parcel.missed) {
                // They only say why there is silence.
                Err(failure) if failure.is_for_good() => {}
                saved => saved?,
            }
        }
        if let Some(definitions) = &parcel.definitions {
            match self.define(definitions) {
                // They are only compared.
                Err(failure) if failure.is_for_good() => {}
                saved => saved?,
            }
        }
        let mut taken = Taken::default();
        self.take_what_can_be(&parcel.findings, &mut taken)?;
        Ok(taken)
    }

    /// Halves what is refused for good until the findings are found that it is about.
    fn take_what_can_be(
        &mut self,
        findings: &[Finding],
        taken: &mut Taken,
    ) -> Result<(), StoreError> {
        let failure = match self.append(findings) {
            Ok(appended) => {
                taken.appended.new += appended.new;
                taken.appended.repeated += appended.repeated;
                return Ok(());
            }
            Err(failure) => failure,
        };
        if !failure.is_for_good() {
            return Err(failure);
        }
        if let [finding] = findings {
            taken.refused.push(Refused {
                finding: finding.clone(),
                why: failure.to_string(),
            });
            return Ok(());
        }
        let (first, second) = findings.split_at(findings.len() / 2);
        self.take_what_can_be(first, taken)?;
        self.take_what_can_be(second, taken)
    }

    /// As [`observations`](Self::observations), without those that arrived after `statement` was
    /// saved.
    ///
    /// # Errors
    /// What the database says.
    pub fn observations_known_to(
        &self,
        statement: StatementNumber,
        endpoint: &EndpointId,
        window: Window,
    ) -> Result<Vec<(VantageId, Vec<Observation>)>, StoreError> {
        let mut seen = self.observations(endpoint, window)?;
        let late = self.read("read late observations", |snapshot| {
            Ok(snapshot.query(
                "SELECT vantage, tick FROM late JOIN series ON series.id = late.series
                 WHERE endpoint = ?1 AND statement >= ?2",
                &values![endpoint.as_str(), statement.0],
                |row| Ok((id(row, 0, VantageId::new)?, instant(row, 1)?)),
            )?)
        })?;
        let late: HashSet<(VantageId, Timestamp)> = late.into_iter().collect();
        if !late.is_empty() {
            for (vantage, observations) in &mut seen {
                observations.retain(|one| !late.contains(&(vantage.clone(), one.tick)));
            }
        }
        Ok(seen)
    }

    /// From the first to the last tick of any observation, both included; nothing if there is no
    /// observation.
    ///
    /// # Errors
    /// What the database says.
    pub fn span(&self) -> Result<Option<Window>, StoreError> {
        self.read("read the span of the observations", |snapshot| {
            Ok(snapshot.one(
                "SELECT min(tick), max(tick) FROM (
                     SELECT min(tick) AS tick FROM fresh
                     UNION ALL SELECT max(tick) FROM fresh
                     UNION ALL SELECT min(first_tick) FROM chain
                     UNION ALL SELECT max(last_tick) FROM chain
                 ) AS ends",
                &[],
                |row| {
                    let first = optional_instant(row, 0)?;
                    let last = optional_instant(row, 1)?;
                    Ok(first
                        .zip(last)
                        .and_then(|(first, last)| Window::between(first, last.plus_ms(1))))
                },
            )?)
        })
    }

    /// The first tick that `endpoint` was ever asked at, from anywhere.
    ///
    /// # Errors
    /// What the database says.
    pub fn first_tick(&self, endpoint: &EndpointId) -> Result<Option<Timestamp>, StoreError> {
        self.read("read the first tick", |snapshot| {
            Ok(snapshot.one(
                "WITH own AS (SELECT id FROM series WHERE endpoint = ?1)
                 SELECT min(tick) FROM (
                     SELECT min(tick) AS tick FROM fresh WHERE series IN (SELECT id FROM own)
                     UNION ALL
                     SELECT min(first_tick) FROM chain WHERE series IN (SELECT id FROM own)
                 ) AS firsts",
                &values![endpoint.as_str()],
                |row| optional_instant(row, 0),
            )?)
        })
    }

    /// The last tick that each endpoint was asked at, from each vantage: where a schedule goes on
    /// after a restart.
    ///
    /// # Errors
    /// What the database says.
    pub fn last_ticks(&self) -> Result<Vec<(EndpointId, VantageId, Timestamp)>, StoreError> {
        self.read("read the last ticks", |snapshot| {
            Ok(snapshot.query(
                "SELECT endpoint, vantage, max(tick) FROM (
                     SELECT series, max(tick) AS tick FROM fresh GROUP BY series
                     UNION ALL SELECT series, last_tick FROM chain
                 ) AS lasts
                 JOIN series ON id = series
                 GROUP BY id HAVING max(tick) IS NOT NULL ORDER BY endpoint, vantage",
                &[],
                |row| {
                    Ok((
                        id(row, 0, EndpointId::new)?,
                        id(row, 1, VantageId::new)?,
                        instant(row, 2)?,
                    ))
                },
            )?)
        })
    }

    /// Keeps missed ticks: all of them, or none if there is an error. Ticks that begin where some
    /// kept before began replace them if they reach further, and otherwise change nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn save_missed(&mut self, missed: &[Missed]) -> Result<(), StoreError> {
        self.append_to("save missed ticks", |transaction| {
            let mut rows = Vec::with_capacity(missed.len());
            for ticks in missed {
                let series = find_or_add_series(transaction, &ticks.endpoint, &ticks.vantage)?;
                rows.push(
                    values![
                        series.id,
                        ticks.first.unix_ms(),
                        ticks.last.unix_ms(),
                        ticks.count,
                        ticks.cause.code(),
                    ]
                    .into(),
                );
            }
            transaction.execute_many(
                "INSERT INTO missed VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (series, first_tick) DO UPDATE SET
                     last_tick = excluded.last_tick,
                     n_ticks = excluded.n_ticks,
                     cause = excluded.cause
                 WHERE missed.last_tick < excluded.last_tick",
                rows,
            )?;
            Ok(())
        })
    }

    /// The missed ticks of `endpoint` of which one or more lie in `window`, in order.
    ///
    /// # Errors
    /// What the database says.
    pub fn missed(&self, endpoint: &EndpointId, window: Window) -> Result<Vec<Missed>, StoreError> {
        self.read("read missed ticks", |snapshot| {
            Ok(snapshot.query(
                "SELECT vantage, first_tick, last_tick, n_ticks, cause
                 FROM missed JOIN series ON id = series
                 WHERE endpoint = ?1 AND first_tick < ?3 AND ?2 <= last_tick
                 ORDER BY first_tick, vantage",
                &values![
                    endpoint.as_str(),
                    window.start().unix_ms(),
                    window.end().unix_ms()
                ],
                |row| {
                    let cause: String = row.get(4)?;
                    Ok(Missed {
                        endpoint: endpoint.clone(),
                        vantage: id(row, 0, VantageId::new)?,
                        first: instant(row, 1)?,
                        last: instant(row, 2)?,
                        count: row.get(3)?,
                        cause: MissCause::ALL
                            .into_iter()
                            .find(|known| known.code() == cause)
                            .ok_or_else(|| damaged(format!("`{cause}` is not a cause")))?,
                    })
                },
            )?)
        })
    }
}

const INSERT_LATE: &str = "INSERT INTO late (series, tick, statement) VALUES (?1, ?2, ?3)";

/// The number of the last statement, and how far the evidence of any reaches.
fn settled(database: &Database) -> db::Result<Option<(i64, Timestamp)>> {
    database.first(
        "SELECT (SELECT max(id) FROM statement), evidence_end FROM statement
         WHERE evidence_end IS NOT NULL ORDER BY evidence_end DESC LIMIT 1",
        &[],
        |row| Ok((row.get(0)?, instant(row, 1)?)),
    )
}

/// For each finding, of the series beside it, whether its observation is new.
fn append_observations(
    database: &Database,
    series: &[i64],
    findings: &[Finding],
) -> Result<Vec<bool>, Failure> {
    let row = |(series, finding): (&i64, &Finding)| -> Vec<Value> {
        let observation = &finding.observation;
        let (outcome, detail) = outcome::to_columns(observation.outcome);
        values![
            observation.tick.unix_ms(),
            *series,
            late_ms(observation),
            outcome,
            detail,
        ]
        .into()
    };
    let asked = || series.iter().zip(findings);
    let n_new = database.execute_many(
        // Behind all that is sealed, which is where observations come.
        "INSERT INTO fresh (tick, series, late_ms, outcome, detail)
         SELECT ?1, ?2, ?3, ?4, ?5
         WHERE NOT EXISTS (SELECT 1 FROM chain WHERE series = ?2 AND ?1 <= last_tick)
         ON CONFLICT DO NOTHING",
        asked().map(row).collect(),
    )?;
    let mut is_new: Vec<bool> = n_new.into_iter().map(|n_new| n_new > 0).collect();
    // The others are there already, or late: for an hour that was sealed without them, or for one
    // of which nothing was seen.
    let mut sealed_ticks: HashMap<(i64, Hour), HashSet<Timestamp>> = HashMap::new();
    let (mut places, mut rows) = (Vec::new(), Vec::new());
    for (idx, asked) in asked().enumerate() {
        if is_new[idx] {
            continue;
        }
        let (series, finding) = asked;
        let tick = finding.observation.tick;
        let hour = Hour::of(tick);
        let ticks = match sealed_ticks.entry((*series, hour)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let names = (&finding.endpoint, &finding.vantage);
                entry.insert(ticks_sealed(database, *series, names, hour)?)
            }
        };
        if !ticks.contains(&tick) {
            places.push(idx);
            rows.push(row(asked));
        }
    }
    let n_new = database.execute_many(
        "INSERT INTO fresh (tick, series, late_ms, outcome, detail)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        rows,
    )?;
    for (idx, n_new) in places.into_iter().zip(n_new) {
        is_new[idx] = n_new > 0;
    }
    Ok(is_new)
}

/// The observation in `tick, late_ms, outcome, detail`, beginning at `column`.
pub(super) fn observation(row: &Row<'_>, column: usize) -> db::Result<Observation> {
    let tick = instant(row, column)?;
    let late_ms = row.get(column + 1)?;
    let (code, detail) = (row.get(column + 2)?, row.get(column + 3)?);
    let outcome = outcome::from_columns(code, detail).ok_or_else(|| {
        damaged(format!(
            "outcome {code} with detail {detail} is not one that we know"
        ))
    })?;
    Ok(Observation {
        tick,
        at: tick.plus_ms(late_ms),
        outcome,
    })
}
