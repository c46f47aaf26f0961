//! 4. Planned work, and what was asked to be left out.

use super::block::{Block, Table};
use super::{endpoint, label};
use crate::report::words::Words;
use crate::report::{Report, figures};
use crate::sla::availability::Tally;
use crate::sla::ledger::ExclusionKind;
use crate::sla::window::{Timestamp, Windows};

pub(super) fn maintenance(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let window = report.statement.window;
    let mut table = Table::new(words.maintenance_caption, &words.maintenance_head, &[5]);
    let mut shown = Windows::none();
    for planned in &report.service.maintenances {
        let windows = planned.when.within(window);
        if windows.is_empty() {
            continue;
        }
        shown = shown.union(&windows);
        let (concerns, counts) = match &planned.endpoint {
            Some(id) => (
                label(report, id),
                endpoint(report, id).is_some_and(|endpoint| endpoint.contractual),
            ),
            None => (words.whole_service.to_owned(), true),
        };
        table.push(maintenance_row(
            report,
            words,
            &planned.reason,
            concerns,
            counts,
            &windows,
            planned.declared,
        ));
    }
    // A request that repeats what was announced is not told twice.
    for exclusion in report.exclusions {
        let windows: Windows = exclusion.window.intersection(&window).into_iter().collect();
        let repeats = windows.difference(&shown).is_empty();
        if exclusion.kind != ExclusionKind::Maintenance || repeats {
            continue;
        }
        table.push(maintenance_row(
            report,
            words,
            &exclusion.reason,
            words.whole_service.to_owned(),
            true,
            &windows,
            exclusion.declared,
        ));
    }
    let mut blocks = Vec::new();
    if table.rows.is_empty() {
        blocks.push(Block::Text(words.no_maintenance.to_owned()));
    } else {
        blocks.push(Block::Table(table));
        // Where the clause leaves planned work out already, there is nothing to add.
        let rate = figures::elapsed_tally(report).availability();
        if let Some(availability) = figures::without_planned(report)
            && rate != Some(availability)
        {
            blocks.push(Block::Text((words.without_maintenance)(
                &words.rates(availability),
            )));
        }
    }
    let mut requests = Table::new(words.requests_caption, &words.requests_head, &[]);
    let zone = report.month.zone();
    for exclusion in report.exclusions {
        let concerns_month = exclusion.window.intersection(&window).is_some();
        if exclusion.kind == ExclusionKind::Maintenance || !concerns_month {
            continue;
        }
        requests.push([
            (words.exclusion_kind)(exclusion.kind).to_owned(),
            words.instant(exclusion.window.start(), zone),
            words.instant(exclusion.window.end(), zone),
            exclusion.reason.clone(),
            (words.acceptance)(exclusion.acceptance).to_owned(),
        ]);
    }
    if !requests.rows.is_empty() {
        blocks.push(Block::Heading(words.requests_title));
        blocks.push(Block::Table(requests));
    }
    blocks
}

fn maintenance_row(
    report: &Report<'_>,
    words: &Words,
    reason: &str,
    concerns: String,
    counts: bool,
    windows: &Windows,
    declared: Option<Timestamp>,
) -> Vec<String> {
    let zone = report.month.zone();
    let tally: Tally = windows
        .iter()
        .map(|part| report.statement.ledger.tally_within(*part))
        .sum();
    let (start, end) = match windows.as_slice() {
        [] => (words.none.to_owned(), words.none.to_owned()),
        [one] => (
            words.instant(one.start(), zone),
            words.instant(one.end(), zone),
        ),
        several => (
            (words.maintenance_several)(i64::try_from(several.len()).unwrap_or(i64::MAX)),
            (words.maintenance_total)(&words.duration(windows.length_ms())),
        ),
    };
    let notice = match (declared, windows.as_slice().first()) {
        (Some(declared), Some(first)) if declared < first.start() => {
            words.duration(first.start().since(declared))
        }
        (Some(_), _) => words.notice_late.to_owned(),
        (None, _) => words.notice_unknown.to_owned(),
    };
    let (down, treated) = if !counts {
        (words.none.to_owned(), words.treated_aside)
    } else if tally.excluded_ms > 0 {
        (words.duration(tally.down_ms), words.treated_excluded)
    } else if tally.credited_ms > 0 {
        (words.duration(tally.down_ms), words.treated_credited)
    } else {
        (words.duration(tally.down_ms), words.treated_counted)
    };
    vec![
        reason.to_owned(),
        concerns,
        start,
        end,
        notice,
        down,
        treated.to_owned(),
    ]
}
