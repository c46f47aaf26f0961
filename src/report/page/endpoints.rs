//! 5. The endpoints one by one, for information; 6. how the service was used.

use super::block::{Block, Table};
use crate::report::words::Words;
use crate::report::{Latency, Report, charts};
use crate::sla::availability::Availability;

pub(super) fn endpoints(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    if report.endpoints.is_empty() {
        return vec![Block::Text(words.no_endpoint.to_owned())];
    }
    let mut table = Table::new(
        words.endpoints_caption,
        &words.endpoints_head,
        &[3, 4, 5, 6, 7, 8],
    );
    for figures in report.endpoints {
        let latency = |of: fn(&Latency) -> u32| match &figures.latency {
            Some(latency) => words.milliseconds(of(latency)),
            None => words.none.to_owned(),
        };
        let contractual = if figures.contractual {
            words.yes
        } else {
            words.no
        };
        table.push([
            if figures.retired {
                format!("{} {}", figures.label, words.retired)
            } else {
                figures.label.clone()
            },
            figures
                .data_provider
                .clone()
                .unwrap_or_else(|| words.none.to_owned()),
            contractual.to_owned(),
            figures
                .tally
                .availability()
                .filter(|_| !crate::report::figures::nothing_seen(&figures.tally))
                .map_or(words.none.to_owned(), |rates| words.rates(rates)),
            words.duration(figures.tally.down_ms),
            words.duration(figures.tally.unknown_ms),
            figures.n_incidents.to_string(),
            latency(|latency| latency.median_ms),
            latency(|latency| latency.p95_ms),
        ]);
    }
    let mut blocks = vec![
        Block::Text(words.endpoints_note.to_owned()),
        Block::Table(table),
        Block::Chart(charts::latency(report, words)),
    ];
    if !report.latencies.is_empty() {
        let mut table = Table::new(words.latency_caption, &words.latency_head, &[1, 2, 3]);
        for day in report.latencies {
            table.push([
                words.short_date(day.date),
                words.milliseconds(day.latency.median_ms),
                words.milliseconds(day.latency.p95_ms),
                words.milliseconds(day.latency.p99_ms),
            ]);
        }
        blocks.push(Block::Data(table));
    }
    blocks
}

pub(super) fn usage(report: &Report<'_>, words: &Words) -> Vec<Block> {
    let Some(usage) = report.usage else {
        return vec![Block::Text(words.no_usage.to_owned())];
    };
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (calls, good) = (count(usage.n_calls), count(usage.n_successes));
    let mut blocks = vec![
        Block::Text((words.usage)(
            &words.number(calls),
            &words.number(good),
            // A part of a whole, here of calls rather than milliseconds.
            &words.part(good, calls),
        )),
        Block::Text((words.usage_source)(&usage.source)),
    ];
    if let Some(availability) = report.statement.availability
        && differs(availability, good, calls)
    {
        blocks.push(Block::Text((words.usage_differs)(
            &words.rates(availability),
        )));
    }
    blocks
}

/// Whether the part of the calls that succeeded lies more than a point outside what the probes
/// saw: then one of them saw what the other did not.
fn differs(availability: Availability, good: i64, calls: i64) -> bool {
    const POINT_PPM: i64 = 10_000;
    let Some(rate_ppm) = (i128::from(good) * 1_000_000).checked_div(i128::from(calls)) else {
        return false;
    };
    let lowest = i128::from(availability.lower.ppm() - POINT_PPM);
    let highest = i128::from(availability.upper.ppm() + POINT_PPM);
    rate_ppm < lowest || highest < rate_ppm
}
