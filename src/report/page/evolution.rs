//! 2. The month among those before it.

use super::block::{Block, Table};
use crate::report::figures::Change;
use crate::report::words::{ChangeSaid, Words};
use crate::report::{MonthResult, Report, charts, figures};
use crate::sla::availability::{Tally, Verdict};
use crate::sla::commitment::Ppm;
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
            &words.duration(statement.tally.down_ms),
            &words.duration(previous.tally.down_ms),
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
    let mut blocks = vec![Block::Text(sentences.join(" "))];
    blocks.extend(steps_compared(report, words).map(Block::Text));
    blocks.push(Block::Chart(charts::trend(report, words)));
    blocks.push(Block::Table(months_table(report, words)));
    let pooled = pooled_table(report, words);
    if !pooled.rows.is_empty() {
        blocks.push(Block::Table(pooled));
    }
    blocks
}

/// How the months compare with the steps that the provider declared beyond the target.
fn steps_compared(report: &Report<'_>, words: &Words) -> Option<String> {
    let compared: Vec<(Month, Ppm, Verdict)> = months(report)
        .into_iter()
        .filter_map(|(month, result)| {
            let step = report.commitment.step_on(month.first_day())?;
            let result = result?;
            let running = month == report.month && report.statement.now.is_some();
            (!running).then(|| (month, step, result.tally.verdict(step)))
        })
        .filter(|(_, _, verdict)| *verdict != Verdict::NotApplicable)
        .collect();
    let n_reached = compared
        .iter()
        .filter(|(_, _, verdict)| *verdict == Verdict::Met)
        .count();
    let mut sentences = Vec::new();
    if let Some((month, step, verdict)) = compared.last()
        && *month == report.month
    {
        sentences.push((words.step_of_month)(&words.target(*step), *verdict));
    }
    if compared.len() > 1 {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        sentences.push((words.steps_reached)(
            count(n_reached),
            count(compared.len()),
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// Several months together: sums of time, never means of rates.
fn pooled_table(report: &Report<'_>, words: &'static Words) -> Table {
    let mut table = Table::new(words.pooled_caption, &words.pooled_head, &[1, 2, 3, 4, 5]);
    if report.statement.now.is_some() {
        return table;
    }
    let months = months(report);
    let sum_of = |last: usize, n: usize| -> Option<Tally> {
        let first = last.checked_sub(n)?;
        let results = months.get(first..last)?;
        results
            .iter()
            .map(|(_, result)| result.map(|result| result.tally))
            .sum()
    };
    for n in [3, 12] {
        let Some((sum, rates)) =
            sum_of(months.len(), n).and_then(|sum| Some((sum, sum.availability()?)))
        else {
            continue;
        };
        let before = months.len().checked_sub(n).and_then(|last| sum_of(last, n));
        table.push([
            (words.pooled_period)(n, months[months.len() - n].0, report.month),
            words.rate(rates.lower),
            words.rate(rates.upper),
            words.duration(sum.down_ms),
            words.duration(sum.unknown_ms),
            before.map_or(words.none.to_owned(), |before| {
                words.signed_duration(sum.down_ms - before.down_ms)
            }),
        ]);
    }
    table
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
        return (words.no_comparison)(report.month, statement.verdict);
    }
    let (Some(before), Some(now), true) = (
        previous.tally.availability(),
        statement.availability,
        figures::comparable(previous.verdict),
    ) else {
        return (words.no_comparison)(previous.month, previous.verdict);
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
    let any_step = !report.commitment.trajectory.is_empty();
    let mut head = words.months_head.to_vec();
    if any_step {
        head.push(words.months_step);
    }
    let mut table = Table::new(words.months_caption, &head, &[1, 2, 3, 4, 5]);
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
        let running = this && report.statement.now.is_some();
        let mut cells = vec![
            name,
            rate(rates.map(|rates| rates.lower)),
            rate(rates.map(|rates| rates.upper)),
            words.target(result.target),
            words.duration(result.tally.down_ms),
            words.duration(result.tally.unknown_ms),
            if running {
                words.verdict_provisional.to_owned()
            } else {
                (words.verdict)(result.verdict).to_owned()
            },
        ];
        if any_step {
            let step = report.commitment.step_on(month.first_day());
            cells.push(step.map_or(words.none.to_owned(), |step| {
                let reached = (!running).then(|| result.tally.verdict(step));
                (words.step_in_table)(&words.target(step), reached)
            }));
        }
        if this {
            table.push_strong(cells);
        } else {
            table.push(cells);
        }
    }
    table
}
