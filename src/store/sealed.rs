//! What is in blocks: every observation, each block checked, or only what counts.

use std::collections::{HashMap, HashSet};

use super::block::day::{Day, Sheet};
use super::block::{self, Damage, Header, Hour};
use super::days;
use super::db::{Database, values};
use super::error::Failure;
use super::observations::Asked;
use super::series::Series;
use super::{Sha256, StoreError};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::condensed::{Condensed, Folded, Folding};
use crate::sla::observation::Observation;
use crate::sla::window::{Timestamp, Window};

/// What is in the blocks of a series that may reach into `window`, each block checked.
pub(super) fn sealed(
    database: &Database,
    series: &Series,
    names: (&EndpointId, &VantageId),
    window: Window,
) -> Result<Vec<Observation>, Failure> {
    let hours = hours(series.ticks_of(window));
    sealed_in(database, series.id, names, hours)
}

/// The ticks of `hour` that are in blocks.
pub(super) fn ticks_sealed(
    database: &Database,
    series: i64,
    names: (&EndpointId, &VantageId),
    hour: Hour,
) -> Result<HashSet<Timestamp>, Failure> {
    let observations = sealed_in(database, series, names, (hour, hour))?;
    Ok(observations.into_iter().map(|seen| seen.tick).collect())
}

/// What is in the blocks of a series from the first to the last of `hours`.
fn sealed_in(
    database: &Database,
    series: i64,
    names: (&EndpointId, &VantageId),
    (first, last): (Hour, Hour),
) -> Result<Vec<Observation>, Failure> {
    // The block before the first one is mostly of its day, or of the day before.
    let days = (Day::of(first).before(), Day::of(last));
    let listed = days::sheets(database, series, names, days)?;
    let blocks = || {
        let within = |sheet: &&Sheet| first <= sheet.hour && sheet.hour <= last;
        listed.iter().filter(within)
    };
    let contents = days::contents(database, blocks())?;
    let mut digests: HashMap<u64, Sha256> = blocks()
        .filter_map(|sheet| Some((sheet.number, contents.get(&sheet.content)?.sha256)))
        .collect();
    let mut observations = Vec::new();
    for sheet in blocks() {
        let place = sheet.place(names);
        let before = sheet.number - 1;
        let previous = match digests.get(&before) {
            Some(previous) => *previous,
            None => digest_of(database, series, names, &listed, before)?,
        };
        digests.insert(before, previous);
        let content = contents
            .get(&sheet.content)
            .ok_or_else(|| StoreError::block(&place, Damage::Missing))?;
        let (sha256, bytes) = (&content.sha256, &content.bytes);
        let read = block::open(&previous, &place, &sheet.header, sha256, bytes)
            .map_err(|damage| StoreError::block(&place, damage))?;
        observations.extend(read);
    }
    Ok(observations)
}

/// The digest of a block, which may be among those `listed`; of one that was removed, what is kept
/// of it; zeros if there is none.
fn digest_of(
    database: &Database,
    series: i64,
    names: (&EndpointId, &VantageId),
    listed: &[Sheet],
    number: u64,
) -> Result<Sha256, Failure> {
    let removed = database.first(
        "SELECT removed_sha256 FROM chain WHERE series = ?1 AND n_removed = ?2",
        &values![series, number],
        |row| row.get(0),
    )?;
    if let Some(sha256) = removed {
        return Ok(sha256);
    }
    let all;
    let is_it = |sheet: &&Sheet| sheet.number == number;
    let sheet = match listed.iter().find(is_it) {
        Some(sheet) => Some(sheet),
        // What came late was sealed after a block of any day.
        None => {
            all = days::sheets(database, series, names, Day::ALL)?;
            all.iter().find(is_it)
        }
    };
    let contents = days::contents(database, sheet)?;
    Ok(contents
        .into_values()
        .next()
        .map_or([0; 32], |content| content.sha256))
}

/// The hours that the ticks of `window` lie in, the first and the last.
fn hours(window: Window) -> (Hour, Hour) {
    let last = window.end().plus_ms(-1);
    (Hour::of(window.start()), Hour::of(last))
}

/// What was seen of one series; a content is read only where its header does not say all that
/// counts.
pub(super) fn condense(
    database: &Database,
    asked: &Asked<'_>,
    vantage: &VantageId,
    series: &Series,
    fresh: Folded,
) -> Result<Condensed, Failure> {
    let (window, names) = (asked.window, (asked.endpoint, vantage));
    let (first, last) = hours(series.ticks_of(window));
    let days = (Day::of(first), Day::of(last));
    let mut sheets = days::sheets(database, series.id, names, days)?;
    sheets.sort_by_key(|sheet| sheet.header.first);
    // What is fresh and unbroken lies behind all blocks.
    let among: Vec<Timestamp> = fresh.observations.iter().map(|seen| seen.at).collect();
    let is_apart = |header: &Header| {
        let after = among.partition_point(|at| *at < header.first);
        among.get(after).is_none_or(|at| header.last < *at)
    };
    let measure = asked.measure();
    let mut folded = fresh;
    let mut to_read = Vec::new();
    let mut seen_until = Timestamp::MIN;
    for (idx, sheet) in sheets.iter().enumerate() {
        let header = &sheet.header;
        // What came late may lie among what was sealed before: together they say what happened.
        let overlaps = header.first <= seen_until
            || sheets
                .get(idx + 1)
                .is_some_and(|next| next.header.first <= header.last)
            || !is_apart(header);
        seen_until = seen_until.max(header.last);
        if !overlaps && header.tell(window, &measure, &mut folded) {
            continue;
        }
        let span = Window::between(header.first, header.last.plus_ms(1));
        if span.is_some_and(|span| span.intersection(&window).is_some()) {
            to_read.push((sheet, overlaps));
        }
    }
    let contents = days::contents(database, to_read.iter().map(|(sheet, _)| *sheet))?;
    for (sheet, overlaps) in to_read {
        let mut read = contents
            .get(&sheet.content)
            .ok_or(Damage::Missing)
            .and_then(|content| block::decode(sheet.hour, &sheet.header, &content.bytes))
            .map_err(|damage| StoreError::block(&sheet.place(names), damage))?;
        read.retain(|observation| window.contains(observation.at));
        if !overlaps {
            // Nothing else lies among them: what of them is good need not be kept until the end.
            read.sort_by_key(|observation| observation.at);
            let read = Folding::of(measure, read);
            folded.observations.extend(read.observations);
            folded.unbroken.extend(read.unbroken);
        } else {
            folded.observations.extend(read);
        }
    }
    Ok(Condensed::new(
        folded.observations,
        folded.unbroken,
        &measure,
    ))
}
