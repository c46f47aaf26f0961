//! 2. The month among those before it.

use super::block::{Block, Table};
use crate::report::figures::Change;
use crate::report::words::{ChangeSaid, Words};
use crate::report::{MonthResult, Report, charts, figures};
use crate::sla::availability::{Tally, Verdict};
use crate::sla::trend::{Trend, VerdictCount};
use crate::sla::window::Month;

/// The thirteen months up to this one, from the first that was settled on; a month between them
/// that was not settled is there without a result.
pub(in crate::report) fn months(report: &Report<'_>) -> Vec<(Month, Option<MonthResult>)> {
    let this = MonthResult {
        month: report.month,
        target: report.statement.target,
        tally: figures::elapsed_tally(report),
        verdict: report.statement.verdict,
    };
    (-12..0)
        .map(|back| report.month.plus_months(back))
        .map(|month| {
            let result = figures::earlier(report).find(|result| result.month == month);
            (month, result.copied())
        })
        .skip_while(|(_, result)| result.is_none())
        .chain([(report.month, Some(this))])
        .collect()
}

pub(super) fn evolution(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let mut sentences = vec![change_sentence(report, words)];
    let statement = report.statement;
    let previous = figures::earlier(report)
        .find(|result| result.month == report.month.previous())
        .copied();
    let decided = |verdict| figures::comparable(verdict) && statement.now.is_none();
    if let Some(previous) = previous
        && decided(previous.verdict)
        && decided(statement.verdict)
    {
        sentences.push((words.down_compared)(
            &(words.duration)(statement.tally.down_ms),
            &(words.duration)(previous.tally.down_ms),
            previous.month,
        ));
    }
    let months = months(report);
    let finished: Vec<&MonthResult> = months
        .iter()
        .filter_map(|(_, result)| result.as_ref())
        .filter(|result| result.month < report.month || statement.now.is_none())
        .collect();
    let year = finished.len().saturating_sub(12);
    let verdicts: Vec<Verdict> = finished[year..]
        .iter()
        .map(|result| result.verdict)
        .filter(|verdict| *verdict != Verdict::NotApplicable)
        .collect();
    if !verdicts.is_empty() {
        let count: VerdictCount = verdicts.iter().copied().collect();
        sentences.push((words.verdict_count)(
            verdicts.len(),
            i64::from(count.met),
            i64::from(count.missed),
            i64::from(count.undetermined),
        ));
    }
    // Six months without a gap, or nothing is said of two quarters.
    let last: Vec<Tally> = finished.iter().map(|result| result.tally).collect();
    let gapless = months
        .iter()
        .rev()
        .take(6)
        .all(|(_, result)| result.is_some());
    if last.len() >= 6 && gapless && statement.now.is_none() {
        sentences.push(
            match Trend::of_last_three(&last) {
                Trend::Improved => words.trend_improved,
                Trend::Regressed => words.trend_regressed,
                Trend::NotShown => words.trend_not_shown,
            }
            .to_owned(),
        );
    }
    vec![
        Block::Text(sentences.join(" ")),
        Block::Chart(charts::trend(report, words)),
        Block::Table(months_table(report, words)),
    ]
}

fn change_sentence(report: &Report<'_>, words: &Words) -> String {
    let statement = report.statement;
    if statement.now.is_some() {
        return words.comparison_after_month.to_owned();
    }
    let Some(previous) =
        figures::earlier(report).find(|result| result.month == report.month.previous())
    else {
        return words.no_previous.to_owned();
    };
    if !figures::comparable(statement.verdict) {
        return (words.no_comparison)(report.month);
    }
    let (Some(before), Some(now), true) = (
        previous.tally.availability(),
        statement.availability,
        figures::comparable(previous.verdict),
    ) else {
        return (words.no_comparison)(previous.month);
    };
    let said = |hundredths: i64| ChangeSaid {
        change: words.signed_points(hundredths),
        since: previous.month,
    };
    match Change::between(before, now) {
        Change::Better(hundredths) => (words.better)(&said(hundredths)),
        Change::Worse(hundredths) => (words.worse)(&said(hundredths)),
        Change::Stable => (words.stable)(&said(0)),
        Change::NotShown(hundredths) => (words.change_not_shown)(&said(hundredths)),
    }
}

fn months_table(report: &Report<'_>, words: &'static Words) -> Table {
    let mut table = Table::new(words.months_caption, &words.months_head, &[1, 2, 3, 4, 5]);
    for (month, result) in months(report) {
        let name = (words.month)(month);
        let Some(result) = result else {
            let mut cells = vec![name];
            cells.resize(table.head.len(), words.none.to_owned());
            table.push(cells);
            continue;
        };
        let rates = result.tally.availability();
        let rate = |rate: Option<_>| rate.map_or(words.none.to_owned(), |rate| words.rate(rate));
        let this = month == report.month;
        let cells = [
            name,
            rate(rates.map(|rates| rates.lower)),
            rate(rates.map(|rates| rates.upper)),
            words.target(result.target),
            (words.duration)(result.tally.down_ms),
            (words.duration)(result.tally.unknown_ms),
            if this && report.statement.now.is_some() {
                words.verdict_provisional.to_owned()
            } else {
                (words.verdict)(result.verdict).to_owned()
            },
        ];
        if this {
            table.push_strong(cells);
        } else {
            table.push(cells);
        }
    }
    table
}
