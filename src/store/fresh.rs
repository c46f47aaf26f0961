//! What waits to be sealed.
//!
//! It lies in the order of ticks, all series mixed, and may be some millions of rows. So it is read
//! once for all series, and folded meanwhile.

use std::collections::{HashMap, VecDeque};

use super::db::{self, Database, values};
use super::facts::observation;
use super::instant;
use super::observations::Asked;
use super::series::Series;
use crate::sla::condensed::{Folded, Folding};
use crate::sla::observation::Observation;
use crate::sla::window::{Timestamp, Window};

/// Hands over what waits to be sealed of the ticks from the first to the last of `windows`, with
/// the series it is of, in order of ticks.
pub(super) fn each(
    database: &Database,
    windows: impl Iterator<Item = Window>,
    mut take: impl FnMut(i64, Observation),
) -> db::Result<()> {
    let Some(reach) = windows.reduce(|reach, window| reach.hull(&window)) else {
        return Ok(());
    };
    database.for_each(
        "SELECT tick, late_ms, outcome, detail, series FROM fresh WHERE ?1 <= tick AND tick < ?2
         ORDER BY tick",
        &values![reach.start().unix_ms(), reach.end().unix_ms()],
        |row| {
            take(row.get(4)?, observation(row, 0)?);
            Ok(())
        },
    )
}

/// What waits to be sealed of each of these series, in this order, folded.
///
/// What may lie among what is sealed is not folded; so what is unbroken lies behind it.
pub(super) fn folded<'a>(
    database: &Database,
    asked: impl Iterator<Item = (Asked<'a>, Series)> + Clone,
) -> db::Result<Vec<Folded>> {
    let mut fresh: Vec<Fresh<'_>> = Vec::with_capacity(asked.clone().count());
    fresh.extend(asked.map(|(asked, series)| Fresh {
        asked,
        series,
        sealed_until: Timestamp::MIN,
        among_sealed: Vec::new(),
        waiting: VecDeque::new(),
        folding: Folding::new(asked.measure()),
    }));
    let mut places: HashMap<i64, Vec<usize>> = HashMap::new();
    for (place, fresh) in fresh.iter().enumerate() {
        places.entry(fresh.series.id).or_default().push(place);
    }
    let of = |series: i64| places.get(&series).into_iter().flatten().copied();
    database.for_each("SELECT series, last_tick FROM chain", &[], |row| {
        let last_tick = instant(row, 1)?;
        for place in of(row.get(0)?) {
            let fresh = &mut fresh[place];
            fresh.sealed_until = fresh.series.latest_of(last_tick);
        }
        Ok(())
    })?;
    let ticks: Vec<Window> = fresh
        .iter()
        .map(|fresh| fresh.series.ticks_of(fresh.asked.window))
        .collect();
    each(database, ticks.into_iter(), |series, observation| {
        for place in of(series) {
            fresh[place].take(observation);
        }
    })?;
    Ok(fresh.into_iter().map(Fresh::finish).collect())
}

/// One series on its way to being folded.
struct Fresh<'a> {
    asked: Asked<'a>,
    series: Series,
    /// No sealed observation speaks from a later instant.
    sealed_until: Timestamp,
    among_sealed: Vec<Observation>,
    /// In order of their instants, because what comes may speak from before them.
    waiting: VecDeque<Observation>,
    folding: Folding,
}

impl Fresh<'_> {
    /// Takes the next one in order of ticks.
    fn take(&mut self, seen: Observation) {
        let earliest = self.series.earliest_of(seen.tick);
        let n_settled = self.waiting.partition_point(|before| before.at < earliest);
        for settled in self.waiting.drain(..n_settled) {
            self.folding.take(settled);
        }
        if !self.asked.window.contains(seen.at) {
            return;
        }
        if seen.at <= self.sealed_until {
            self.among_sealed.push(seen);
            return;
        }
        let place = self.waiting.partition_point(|before| before.at <= seen.at);
        if self.waiting.is_empty() {
            // Mostly it stays the only one, of each of very many series.
            self.waiting.reserve_exact(1);
        }
        self.waiting.insert(place, seen);
    }

    fn finish(mut self) -> Folded {
        for seen in self.waiting {
            self.folding.take(seen);
        }
        let mut folded = self.folding.finish();
        self.among_sealed.sort_by_key(|seen| seen.at);
        self.among_sealed.append(&mut folded.observations);
        folded.observations = self.among_sealed;
        folded
    }
}
