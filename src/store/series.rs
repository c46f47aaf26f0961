//! Series: one endpoint seen from one vantage, known by a small number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::db::{self, Database, Row, values};
use super::id;
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::observation::{Finding, Observation};
use crate::sla::window::{Timestamp, Window};

/// One endpoint seen from one vantage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub(super) id: i64,
    late_ms_min: i64,
    late_ms_max: i64,
}

/// Whose a series is.
pub(super) type Names = (EndpointId, VantageId);

/// Those met so far, on one connection.
#[derive(Debug, Default)]
pub(super) struct KnownSeries {
    connection: u64,
    by_names: HashMap<Names, Series>,
}

impl KnownSeries {
    /// Those that can be relied on where `database` is.
    fn on(&mut self, database: &Database) -> &mut HashMap<Names, Series> {
        if self.connection != database.connection() {
            self.connection = database.connection();
            self.by_names.clear();
        }
        &mut self.by_names
    }
}

impl Series {
    /// The ticks whose observations may speak from an instant of `window`: so far around it as
    /// instants ever lay from their ticks.
    pub(super) fn ticks_of(&self, window: Window) -> Window {
        let first = window.start().plus_ms(self.late_ms_max.saturating_neg());
        let end = window.end().plus_ms(self.late_ms_min.saturating_neg());
        Window::between(first, end).unwrap_or(window)
    }

    /// No observation of `tick` or a tick before it speaks from a later instant.
    pub(super) fn latest_of(&self, tick: Timestamp) -> Timestamp {
        tick.plus_ms(self.late_ms_max)
    }

    /// No observation of `tick` or a later tick speaks from an earlier instant.
    pub(super) fn earliest_of(&self, tick: Timestamp) -> Timestamp {
        tick.plus_ms(self.late_ms_min)
    }
}

/// The instant of an observation minus its tick.
pub(super) fn late_ms(observation: &Observation) -> i64 {
    observation.at.since(observation.tick)
}

/// The series of a finding, its reach widened to the finding's instant.
pub(super) fn series_of(
    database: &Database,
    known: &mut KnownSeries,
    finding: &Finding,
) -> db::Result<i64> {
    let names = (finding.endpoint.clone(), finding.vantage.clone());
    let series = match known.on(database).entry(names) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(find_or_add_series(
            database,
            &finding.endpoint,
            &finding.vantage,
        )?),
    };
    let late_ms = late_ms(&finding.observation);
    if late_ms < series.late_ms_min || series.late_ms_max < late_ms {
        series.late_ms_min = series.late_ms_min.min(late_ms);
        series.late_ms_max = series.late_ms_max.max(late_ms);
        // Another recorder may have widened it further.
        database.execute(
            "UPDATE series SET
                 late_ms_min = CASE WHEN ?2 < late_ms_min THEN ?2 ELSE late_ms_min END,
                 late_ms_max = CASE WHEN late_ms_max < ?2 THEN ?2 ELSE late_ms_max END
             WHERE id = ?1",
            &values![series.id, late_ms],
        )?;
    }
    Ok(series.id)
}

pub(super) fn find_or_add_series(
    database: &Database,
    endpoint: &EndpointId,
    vantage: &VantageId,
) -> db::Result<Series> {
    let names = values![endpoint.as_str(), vantage.as_str()];
    let find =
        "SELECT id, late_ms_min, late_ms_max FROM series WHERE endpoint = ?1 AND vantage = ?2";
    if let Some(series) = database.first(find, &names, |row| series(row, 0))? {
        return Ok(series);
    }
    database.execute(
        "INSERT INTO series (endpoint, vantage) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        &names,
    )?;
    database.one(find, &names, |row| series(row, 0))
}

/// The series of an endpoint, in order of their vantages.
pub(super) fn series_of_endpoint(
    database: &Database,
    endpoint: &EndpointId,
) -> db::Result<Vec<(VantageId, Series)>> {
    database.query(
        "SELECT vantage, id, late_ms_min, late_ms_max FROM series
         WHERE endpoint = ?1 ORDER BY vantage",
        &values![endpoint.as_str()],
        |row| Ok((id(row, 0, VantageId::new)?, series(row, 1)?)),
    )
}

/// Every series, in order of endpoints and vantages.
pub(super) fn all_series(database: &Database) -> db::Result<Vec<(Names, Series)>> {
    database.query(
        "SELECT endpoint, vantage, id, late_ms_min, late_ms_max FROM series
         ORDER BY endpoint, vantage",
        &[],
        |row| {
            let names = (id(row, 0, EndpointId::new)?, id(row, 1, VantageId::new)?);
            Ok((names, series(row, 2)?))
        },
    )
}

/// Whose the series in this range of numbers are.
pub(super) fn names_of(database: &Database, ids: Range<i64>) -> db::Result<HashMap<i64, Names>> {
    let names = database.query(
        "SELECT id, endpoint, vantage FROM series WHERE ?1 <= id AND id < ?2",
        &values![ids.start, ids.end],
        |row| {
            let names = (id(row, 1, EndpointId::new)?, id(row, 2, VantageId::new)?);
            Ok((row.get::<i64>(0)?, names))
        },
    )?;
    Ok(names.into_iter().collect())
}

fn series(row: &Row<'_>, column: usize) -> db::Result<Series> {
    Ok(Series {
        id: row.get(column)?,
        late_ms_min: row.get(column + 1)?,
        late_ms_max: row.get(column + 2)?,
    })
}
