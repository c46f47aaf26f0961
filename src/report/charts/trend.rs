//! The last thirteen months against the target.

use super::Chart;
use super::canvas::{
    self, Anchor, Axis, Key, LEGEND_LINE, Mark, Paint, SMALL, WIDTH, floor_note, rate_axis,
    rate_floor,
};
use crate::report::words::Words;
use crate::report::{MonthResult, Report, figures, page};
use crate::sla::availability::Verdict;
use crate::sla::commitment::Ppm;
use crate::sla::ledger::Class;
use crate::sla::window::Month;

const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const PLOT: f64 = 200.0;

pub(in crate::report) fn trend(report: &Report<'_>, words: &Words) -> Chart {
    let months = page::months(report);
    // A report of the first month has as much room as any other.
    let first = report.month.plus_months(-12);
    let slot = (WIDTH - RIGHT - LEFT) / 13.0;
    let lowest_ppm = months
        .iter()
        .filter_map(|(_, result)| Some(result.as_ref()?.tally.availability()?.lower.ppm()))
        .fold(1_000_000, i64::min);
    let target_ppm = months
        .iter()
        .filter_map(|(_, result)| Some(i64::from(result.as_ref()?.target.parts())))
        .fold(1_000_000, i64::min);
    let title = (words.chart_trend)(&report.service.name);
    let n_months = months.iter().filter(|(_, result)| result.is_some()).count();
    let floor_ppm = rate_floor(lowest_ppm, target_ppm);
    let mut description = (words.chart_trend_text)(i64::try_from(n_months).unwrap_or(i64::MAX));
    if let Some(note) = floor_note(floor_ppm, words) {
        description = format!("{description} {note}");
    }
    let bottom = TOP + PLOT;
    let skipped = 13 - months.len();

    canvas::chart(
        "evolution",
        title,
        description,
        bottom + 42.0 + 2.0 * LEGEND_LINE,
        |canvas| {
            let y = Axis {
                from: floor_ppm,
                to: 1_000_000,
                start: bottom,
                end: TOP,
            };
            rate_axis(canvas, &y, (LEFT, WIDTH - RIGHT), words);
            for back in 0..13_u8 {
                let month = first.plus_months(i32::from(back));
                let middle = LEFT + slot * (f64::from(back) + 0.5);
                let label = (words.month_short)(month);
                let (name, year) = label.split_once(['\u{a0}', ' ']).unwrap_or((&label, ""));
                let at = (middle, bottom + 12.0);
                canvas.text(name, at, Anchor::Middle, Paint::Muted, SMALL);
                if month.number() == 1 || back == 0 {
                    let at = (middle, bottom + 26.0);
                    canvas.text(year, at, Anchor::Middle, Paint::Muted, SMALL);
                }
            }
            let slots = || {
                months
                    .iter()
                    .enumerate()
                    .map(|(idx, (month, result))| ((idx + skipped) as f64, *month, result))
            };
            let edge = |place: f64| LEFT + slot * place;
            // Levels first, so that marks lie on them.
            let levels = |of: &dyn Fn(Month, Option<&MonthResult>) -> Option<Ppm>, paint| {
                let levels: Vec<(f64, Option<Ppm>)> = slots()
                    .map(|(place, month, result)| (place, of(month, result.as_ref())))
                    .collect();
                let mut any = false;
                for run in levels.chunk_by(|(_, left), (_, right)| left == right) {
                    let ([(first, Some(level)), ..], [.., (last, _)]) = (run, run) else {
                        continue;
                    };
                    any = true;
                    let height = y.at(i64::from(level.parts()));
                    canvas.path(
                        &[(edge(*first), height), (edge(last + 1.0), height)],
                        paint,
                        1.5,
                    );
                }
                any
            };
            levels(&|_, result| Some(result?.target), Paint::Target);
            let steps = levels(
                &|month, _| report.commitment.step_on(month.first_day()),
                Paint::Pace,
            );
            let points: Vec<Option<(f64, f64)>> = slots()
                .map(|(place, _, result)| {
                    // Of a month that nobody saw there is a range, and no point in a line.
                    let tally = Some(result.as_ref()?.tally);
                    let seen = tally.filter(|tally| !figures::nothing_seen(tally))?;
                    let lower = seen.availability()?.lower;
                    Some((edge(place + 0.5), y.at(lower.ppm())))
                })
                .collect();
            for run in points.split(Option::is_none) {
                let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
                if run.len() > 1 {
                    canvas.path(&run, Paint::Muted, 1.2);
                }
            }
            let mut ranges = false;
            for (place, month, result) in slots() {
                let Some(result) = result else { continue };
                let middle = edge(place + 0.5);
                let Some(rates) = result.tally.availability() else {
                    canvas.text(
                        words.none,
                        (middle, bottom - 10.0),
                        Anchor::Middle,
                        Paint::Muted,
                        SMALL,
                    );
                    continue;
                };
                let (lower, upper) = (y.at(rates.lower.ppm()), y.at(rates.upper.ppm()));
                if rates.lower < rates.upper && lower - upper > 0.5 {
                    ranges = true;
                    let x = (middle - 6.0, middle + 6.0);
                    canvas.rect(x, (upper, lower), Paint::Class(Class::Unknown));
                    canvas.frame(x, (upper, lower), Paint::Muted, 0.8);
                }
                let running = month == report.month && report.statement.now.is_some();
                let (mark, paint) = mark(if running {
                    Verdict::Undetermined
                } else {
                    result.verdict
                });
                mark.draw(canvas, (middle, lower), paint);
                let rate = words.rate(rates.lower);
                let label = if figures::nothing_seen(&result.tally) {
                    words.none
                } else {
                    rate.trim_end_matches(words.percent)
                };
                let at = (middle, upper.min(lower) - 12.0);
                canvas.halo(label, at, SMALL);
                if month == report.month {
                    canvas.bold(label, at, Anchor::Middle, Paint::Ink, SMALL);
                } else {
                    canvas.text(label, at, Anchor::Middle, Paint::Muted, SMALL);
                }
            }
            canvas.path(
                &[(LEFT, bottom), (WIDTH - RIGHT, bottom)],
                Paint::Muted,
                1.0,
            );
            let mut keys: Vec<(Key, String)> =
                [Verdict::Met, Verdict::Missed, Verdict::Undetermined]
                    .into_iter()
                    .map(|verdict| {
                        let (mark, paint) = mark(verdict);
                        (Key::Mark(paint, mark), (words.verdict)(verdict).to_owned())
                    })
                    .collect();
            keys.push((
                Key::Line(Paint::Target, 1.4),
                words.chart_trend_target.to_owned(),
            ));
            if steps {
                keys.push((
                    Key::Line(Paint::Pace, 1.6),
                    words.chart_trend_step.to_owned(),
                ));
            }
            if ranges {
                keys.push((
                    Key::Area(Paint::Class(Class::Unknown)),
                    words.chart_trend_range.to_owned(),
                ));
            }
            canvas.legend(LEFT, &keys);
        },
    )
}

fn mark(verdict: Verdict) -> (Mark, Paint) {
    match verdict {
        Verdict::Met => (Mark::Disc, Paint::Middle),
        Verdict::Missed => (Mark::Cross, Paint::Missed),
        Verdict::Undetermined | Verdict::NotApplicable => (Mark::Ring, Paint::Ink),
    }
}
