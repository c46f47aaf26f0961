//! 3. What went wrong, when, why, and what of it counts.

use chrono::Timelike;

use super::block::{Block, Table};
use super::{day, label};
use crate::report::words::Words;
use crate::report::{Report, charts, figures};
use crate::sla::catalog::Language;
use crate::sla::cause::{StatedCause, cause_of};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use crate::sla::statement::Incident;

pub(super) fn incidents(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let statement = report.statement;
    let mut blocks = Vec::new();
    if statement.incidents.is_empty() {
        blocks.push(Block::Text(words.no_incident.to_owned()));
    } else {
        let clipped = |incident: &Incident| incident.starts_before || incident.ends_after;
        let mut summary = (words.incidents_summary)(
            n_incidents(report),
            &words.duration(statement.tally.down_ms),
        );
        if statement.incidents.iter().any(clipped) {
            summary = format!("{summary} {}", words.incidents_clipped);
        }
        blocks.push(Block::Text(summary));
        blocks.push(Block::Items(measures(report, words)));
    }
    blocks.push(Block::Chart(charts::outages(report, words)));
    if !statement.incidents.is_empty() {
        blocks.push(Block::Table(incidents_table(report, words)));
    }
    let causes = causes(report, words);
    if !causes.is_empty() {
        blocks.push(Block::Text(words.causes_stated.to_owned()));
        blocks.push(Block::Items(causes));
    }
    if statement.transient_ms > 0 {
        let transient = words.duration(statement.transient_ms);
        blocks.push(Block::Text((words.transient)(&transient)));
    }
    if statement.disputed_ms > 0 {
        let disputed = words.duration(statement.disputed_ms);
        blocks.push(Block::Text((words.disputed)(&disputed)));
    }
    blocks
}

/// How long, how fast mended, and when it was worst. Of one incident, the table says how long.
fn measures(report: &Report<'_>, words: &Words) -> Vec<String> {
    let said = |ms: i64| words.duration(ms);
    let several = n_incidents(report) > 1;
    let longest = report
        .statement
        .longest_incident()
        .filter(|_| several)
        .map(|longest| (words.incidents_longest)(&said(longest.down_ms)));
    let mean = report
        .statement
        .mean_time_to_restore_ms()
        .filter(|_| several)
        .map(|mean_ms| (words.incidents_mean)(&said(mean_ms)));
    let worst_day = figures::worst_day(report)
        .map(|(date, down_ms)| (words.incidents_worst_day)(date, &said(down_ms)));
    let worst_hour = figures::worst_hour(report).map(|(hour, down_ms)| {
        let local = hour.to_local(report.month.zone());
        (words.incidents_worst_hour)(local.date_naive(), local.hour(), &said(down_ms))
    });
    [longest, mean, worst_day, worst_hour]
        .into_iter()
        .flatten()
        .collect()
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
        let whole = words.duration(incident.window.length_ms());
        let counts = |ms: i64| match ms {
            0 => words.no.to_owned(),
            ms if ms == inside_ms => words.yes.to_owned(),
            ms => words.labelled(words.incident_partly, &words.duration(ms)),
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
                let part = (words.incident_month_part)(&words.duration(inside_ms));
                format!("{whole} ({part})")
            },
            endpoint,
            fault,
            counts(planned_ms),
            match request_on(report, incident) {
                Some(request) => (words.incident_request)(
                    &counts(incident.down_ms),
                    request.kind,
                    request.acceptance,
                    &request.reason,
                ),
                None => counts(incident.down_ms),
            },
        ]);
    }
    table
}

/// What the operator says, once for all incidents in a row of which it says the same.
fn causes(report: &Report<'_>, words: &'static Words) -> Vec<String> {
    let mut said: Vec<(usize, usize, &StatedCause)> = Vec::new();
    for (number, incident) in (1..).zip(&report.statement.incidents) {
        let Some(cause) = cause_of(report.causes, &incident.window) else {
            continue;
        };
        match said.last_mut() {
            Some((_, last, same)) if *last + 1 == number && *same == cause => *last = number,
            _ => said.push((number, number, cause)),
        }
    }
    let tell = |(first, last, cause): (usize, usize, &StatedCause)| {
        let why = match (report.language, &cause.english) {
            (Language::French, _) => cause.french.clone(),
            (Language::English, Some(english)) => english.clone(),
            (Language::English, None) => (words.cause_in_french)(&cause.french),
        };
        let day = day(cause.said, report, words);
        (words.cause_stated)((first, last), &why, cause.attribution, &cause.by, &day)
    };
    said.into_iter().map(tell).collect()
}

/// The request that decides, or may yet decide, whether an incident counts.
fn request_on<'a>(report: &'a Report<'_>, incident: &Incident) -> Option<&'a Exclusion> {
    let acts = |exclusion: &Exclusion| match (exclusion.kind, exclusion.acceptance) {
        (_, Acceptance::Refused) => false,
        // Work that the convention counts is told in the column before.
        (ExclusionKind::Maintenance, _) => exclusion
            .window
            .intersection(&incident.window)
            .is_some_and(|part| {
                let tally = report.statement.ledger.tally_within(part);
                tally.excluded_ms + tally.credited_ms > 0
            }),
        (_, Acceptance::Accepted | Acceptance::Pending) => {
            exclusion.window.intersection(&incident.window).is_some()
        }
    };
    report.exclusions.iter().find(|exclusion| acts(exclusion))
}

pub(super) fn n_incidents(report: &Report<'_>) -> i64 {
    i64::try_from(report.statement.counted_incidents().count()).unwrap_or(i64::MAX)
}
