//! Availability per day: full columns, with what is missing on top.

use chrono::Datelike;

use super::Chart;
use super::canvas::{
    self, Anchor, Axis, Key, LEGEND_LINE, Paint, SMALL, WIDTH, floor_note, rate_axis, rate_floor,
};
use crate::report::words::Words;
use crate::report::{Report, figures};
use crate::sla::availability::Availability;
use crate::sla::ledger::Class;

const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const PLOT: f64 = 170.0;
/// Less is drawn this high, or nobody would see it.
const HEIGHT_MIN: f64 = 1.6;

pub(in crate::report) fn daily(report: &Report<'_>, words: &Words) -> Chart {
    let days = figures::days(report);
    let rates: Vec<Option<Availability>> = days
        .iter()
        .map(|day| day.tally.and_then(|tally| tally.availability()))
        .collect();
    let target_ppm = i64::from(report.statement.target.parts());
    let lowest_ppm = rates
        .iter()
        .flatten()
        .map(|rates| rates.lower.ppm())
        .fold(1_000_000, i64::min);
    let full = rates
        .iter()
        .flatten()
        .filter(|rates| rates.lower.part_ms() == rates.lower.whole_ms())
        .count();
    let worst = days
        .iter()
        .zip(&rates)
        .filter_map(|(day, rates)| Some((day.date, (*rates)?.lower)))
        .filter(|(_, lower)| lower.part_ms() < lower.whole_ms())
        .reduce(|worst, next| if next.1 < worst.1 { next } else { worst });
    let floor_ppm = rate_floor(lowest_ppm, target_ppm);
    let target = words.target(report.statement.target);
    let mut description = match rates.iter().flatten().count() {
        0 => words.chart_nothing_counted.to_owned(),
        n_days => (words.chart_daily_text)(
            i64::try_from(full).unwrap_or(i64::MAX),
            i64::try_from(n_days).unwrap_or(i64::MAX),
            &target,
        ),
    };
    if let Some((date, lower)) = worst {
        let worst = (words.chart_daily_worst)(date, &words.rate(lower));
        description = format!("{description} {worst}");
    }
    if let Some(note) = floor_note(floor_ppm, words) {
        description = format!("{description} {note}");
    }
    let title = (words.chart_daily)(&format!(
        "{}, {}",
        report.service.name,
        (words.month)(report.month)
    ));
    let bottom = TOP + PLOT;

    canvas::chart(
        "jours",
        title,
        description,
        bottom + 30.0 + LEGEND_LINE,
        |canvas| {
            let y = Axis {
                from: floor_ppm,
                to: 1_000_000,
                start: bottom,
                end: TOP,
            };
            rate_axis(canvas, &y, (LEFT, WIDTH - RIGHT), words);
            let slot = (WIDTH - RIGHT - LEFT) / days.len() as f64;
            let (mut outside, mut unknown) = (false, false);
            for (idx, (day, rates)) in days.iter().zip(&rates).enumerate() {
                let left = LEFT + slot * idx as f64;
                let x = (left + slot * 0.14, left + slot * 0.86);
                let label = day.date.day().to_string();
                let middle = left + slot / 2.0;
                canvas.text(
                    &label,
                    (middle, bottom + 11.0),
                    Anchor::Middle,
                    Paint::Muted,
                    SMALL,
                );
                if day.tally.is_none() {
                    continue;
                }
                let Some(rates) = rates else {
                    outside = true;
                    canvas.rect(x, (TOP, bottom), Paint::Class(Class::OutOfScope));
                    continue;
                };
                let lower = y.at(rates.lower.ppm());
                let upper = y.at(rates.upper.ppm());
                let mut top = TOP;
                if rates.upper.part_ms() < rates.upper.whole_ms() {
                    let end = upper.max(top + HEIGHT_MIN).min(bottom);
                    canvas.rect(x, (top, end), Paint::Class(Class::Down));
                    top = end;
                }
                if rates.lower < rates.upper {
                    unknown = true;
                    let end = lower.max(top + HEIGHT_MIN).min(bottom);
                    if top < end {
                        canvas.rect(x, (top, end), Paint::Class(Class::Unknown));
                        top = end;
                    }
                }
                if top < bottom {
                    canvas.rect(x, (top, bottom), Paint::Class(Class::Up));
                }
            }
            let target_y = y.at(target_ppm);
            canvas.path(
                &[(LEFT, target_y), (WIDTH - RIGHT, target_y)],
                Paint::Target,
                1.4,
            );
            canvas.path(
                &[(LEFT, bottom), (WIDTH - RIGHT, bottom)],
                Paint::Muted,
                1.0,
            );
            let class = |class: Class| (words.class)(class).to_owned();
            let mut keys = vec![
                (Key::Area(Paint::Class(Class::Up)), class(Class::Up)),
                (Key::Area(Paint::Class(Class::Down)), class(Class::Down)),
            ];
            if unknown {
                let paint = Paint::Class(Class::Unknown);
                keys.push((Key::Area(paint), class(Class::Unknown)));
            }
            if outside {
                let paint = Paint::Class(Class::OutOfScope);
                keys.push((Key::Area(paint), class(Class::OutOfScope)));
            }
            let label = format!("{} {target}", words.chart_trend_target);
            keys.push((Key::Line(Paint::Target, 1.4), label));
            canvas.legend(LEFT, &keys);
        },
    )
}
