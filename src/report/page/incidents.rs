//! 3. What went wrong, when, why, and what of it counts.

use super::block::{Block, Table};
use super::label;
use crate::report::words::Words;
use crate::report::{Report, charts, figures};
use crate::sla::statement::Incident;

pub(super) fn incidents(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let statement = report.statement;
    let mut blocks = Vec::new();
    if statement.incidents.is_empty() {
        blocks.push(Block::Text(words.no_incident.to_owned()));
    } else {
        let mut text = vec![(words.incidents_summary)(
            n_incidents(report),
            &(words.duration)(statement.tally.down_ms),
        )];
        if let Some(longest) = statement.longest_incident() {
            text.push((words.incidents_longest)(&(words.duration)(
                longest.down_ms,
            )));
        }
        if let Some(mean_ms) = statement.mean_time_to_restore_ms() {
            text.push((words.incidents_mean)(&(words.duration)(mean_ms)));
        }
        let clipped = |incident: &Incident| incident.starts_before || incident.ends_after;
        if statement.incidents.iter().any(clipped) {
            text.push(words.incidents_clipped.to_owned());
        }
        blocks.push(Block::Text(text.join(" ")));
    }
    blocks.push(Block::Chart(charts::outages(report, words)));
    if !statement.incidents.is_empty() {
        blocks.push(Block::Table(incidents_table(report, words)));
    }
    if statement.transient_ms > 0 {
        let transient = (words.duration)(statement.transient_ms);
        blocks.push(Block::Text((words.transient)(&transient)));
    }
    if statement.disputed_ms > 0 {
        let disputed = (words.duration)(statement.disputed_ms);
        blocks.push(Block::Text((words.disputed)(&disputed)));
    }
    blocks
}

fn incidents_table(report: &Report<'_>, words: &'static Words) -> Table {
    let zone = report.month.zone();
    let month = report.statement.window;
    let planned = figures::planned(report);
    let mut table = Table::new(words.incidents_caption, &words.incidents_head, &[3]);
    for (number, incident) in (1..).zip(&report.statement.incidents) {
        let inside = incident.window.intersection(&month);
        let inside_ms = inside.map_or(0, |inside| inside.length_ms());
        let planned_ms =
            inside.map_or(0, |inside| planned.intersection(&inside.into()).length_ms());
        let ongoing = report
            .statement
            .now
            .is_some_and(|now| incident.window.end() >= now);
        let whole = (words.duration)(incident.window.length_ms());
        let counts = |ms: i64| match ms {
            0 => words.no.to_owned(),
            ms if ms == inside_ms => words.yes.to_owned(),
            ms => words.labelled(words.incident_partly, &(words.duration)(ms)),
        };
        let (endpoint, fault) = match &incident.cause {
            Some((endpoint, fault)) => (label(report, endpoint), (words.fault)(*fault)),
            None => (words.none.to_owned(), words.fault_unknown.to_owned()),
        };
        table.push([
            number.to_string(),
            words.instant(incident.window.start(), zone),
            if ongoing {
                words.incident_ongoing.to_owned()
            } else {
                words.instant(incident.window.end(), zone)
            },
            if inside_ms == incident.window.length_ms() {
                whole
            } else {
                let part = (words.incident_month_part)(&(words.duration)(inside_ms));
                format!("{whole} ({part})")
            },
            endpoint,
            fault,
            counts(planned_ms),
            counts(incident.down_ms),
        ]);
    }
    table
}

pub(super) fn n_incidents(report: &Report<'_>) -> i64 {
    i64::try_from(report.statement.counted_incidents().count()).unwrap_or(i64::MAX)
}
