//! The budget over the month: how much Down time was left, and when it fell.

use chrono::Datelike;

use super::Chart;
use super::canvas::{self, Anchor, Axis, Canvas, Key, LEGEND_LINE, Paint, SMALL, WIDTH};
use crate::report::figures::{self, Left};
use crate::report::words::Words;
use crate::report::{Report, page};
use crate::sla::ledger::Class;
use crate::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS};

const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const PLOT: f64 = 190.0;

pub(in crate::report) fn budget(report: &Report<'_>, words: &Words) -> Chart {
    let curve = figures::burn_down(report);
    let allowed_ms = report.statement.budget.allowed_ms;
    let lowest_ms = curve.iter().map(|left| left.min_ms).fold(0, i64::min);
    let title = (words.chart_budget)(&format!(
        "{}, {}",
        report.service.name,
        (words.month)(report.month)
    ));
    let description = match curve.last() {
        Some(last) if report.statement.availability.is_some() => (words.chart_budget_text)(
            &words.duration(allowed_ms),
            &page::left(last.min_ms, last.max_ms, words),
        ),
        Some(_) | None => words.chart_nothing_counted.to_owned(),
    };
    let bottom = TOP + PLOT;

    canvas::chart(
        "marge",
        title,
        description,
        bottom + 30.0 + LEGEND_LINE,
        |canvas| {
            let step_ms = step_ms(allowed_ms - lowest_ms);
            let floor_ms = lowest_ms.div_euclid(step_ms) * step_ms;
            let y = Axis {
                from: floor_ms,
                to: allowed_ms.max(floor_ms + step_ms),
                start: bottom,
                end: TOP,
            };
            let x = time_axis(canvas, report, bottom);
            let mut tick_ms = floor_ms;
            while tick_ms <= y.to {
                let at = y.at(tick_ms);
                canvas.path(&[(LEFT, at), (WIDTH - RIGHT, at)], Paint::Grid, 0.8);
                let sign = if tick_ms < 0 { "\u{2212}" } else { "" };
                let label = format!("{sign}{}", (words.short_duration)(tick_ms.abs()));
                canvas.text(&label, (LEFT - 8.0, at), Anchor::End, Paint::Muted, SMALL);
                tick_ms += step_ms;
            }
            let zero = y.at(0);
            canvas.path(
                &[(x.start, y.at(allowed_ms)), (x.end, zero)],
                Paint::Pace,
                1.2,
            );
            let place = |at: &Left, ms: i64| (x.at(at.at.unix_ms()), y.at(ms));
            let best: Vec<(f64, f64)> = curve.iter().map(|at| place(at, at.max_ms)).collect();
            let band = curve.iter().any(|at| at.min_ms < at.max_ms);
            if band {
                let worst = curve.iter().rev().map(|at| place(at, at.min_ms));
                let outline: Vec<(f64, f64)> = best.iter().copied().chain(worst).collect();
                canvas.polygon(&outline, Paint::Class(Class::Unknown));
            }
            let overrun = overrun(&curve);
            if overrun.len() > 1 {
                let mut outline: Vec<(f64, f64)> = overrun
                    .iter()
                    .map(|(at, ms)| (x.at(*at), y.at(*ms)))
                    .collect();
                if let Some((end, _)) = outline.last().copied() {
                    outline.push((end, zero));
                }
                canvas.polygon(&outline, Paint::Class(Class::Down));
            }
            canvas.path(&[(LEFT, zero), (WIDTH - RIGHT, zero)], Paint::Ink, 1.2);
            canvas.path(&best, Paint::Ink, 2.2);
            let mut keys = vec![(
                Key::Line(Paint::Ink, 2.2),
                words.chart_budget_line.to_owned(),
            )];
            if band {
                keys.push((
                    Key::Area(Paint::Class(Class::Unknown)),
                    words.chart_budget_band.to_owned(),
                ));
            }
            if overrun.len() > 1 {
                keys.push((
                    Key::Area(Paint::Class(Class::Down)),
                    words.chart_budget_spent.to_owned(),
                ));
            }
            keys.push((
                Key::Line(Paint::Pace, 1.2),
                words.chart_budget_pace.to_owned(),
            ));
            canvas.legend(LEFT, &keys);
        },
    )
}

/// The part of the curve below zero, as instants and what is left, from where it crosses zero.
fn overrun(curve: &[Left]) -> Vec<(i64, i64)> {
    let mut below = Vec::new();
    for pair in curve.windows(2) {
        let [before, after] = pair else { continue };
        if after.max_ms >= 0 {
            continue;
        }
        if below.is_empty() {
            // Down time uses up the budget at the pace of the clock.
            let crossing = before.at.unix_ms() + before.max_ms.max(0);
            below.push((crossing, 0));
        }
        below.push((after.at.unix_ms(), after.max_ms));
    }
    below
}

/// A step that cuts `span_ms` into at most seven parts.
fn step_ms(span_ms: i64) -> i64 {
    const STEPS: [i64; 22] = [
        SECOND_MS,
        10 * SECOND_MS,
        30 * SECOND_MS,
        MINUTE_MS,
        2 * MINUTE_MS,
        5 * MINUTE_MS,
        10 * MINUTE_MS,
        15 * MINUTE_MS,
        30 * MINUTE_MS,
        HOUR_MS,
        2 * HOUR_MS,
        3 * HOUR_MS,
        6 * HOUR_MS,
        12 * HOUR_MS,
        24 * HOUR_MS,
        48 * HOUR_MS,
        72 * HOUR_MS,
        100 * HOUR_MS,
        200 * HOUR_MS,
        400 * HOUR_MS,
        1_000 * HOUR_MS,
        10_000 * HOUR_MS,
    ];
    STEPS
        .into_iter()
        .find(|step_ms| span_ms <= step_ms * 7)
        .unwrap_or(span_ms.max(1))
}

/// An axis of the month's instants, with its days.
pub(super) fn time_axis(canvas: &Canvas<'_>, report: &Report<'_>, bottom: f64) -> Axis {
    let window = report.statement.window;
    let axis = Axis {
        from: window.start().unix_ms(),
        to: window.end().unix_ms(),
        start: LEFT,
        end: WIDTH - RIGHT,
    };
    for day in figures::days(report) {
        let x = (
            axis.at(day.window.start().unix_ms()),
            axis.at(day.window.end().unix_ms()),
        );
        let monday = day.date.weekday() == chrono::Weekday::Mon;
        let length = if monday { 6.0 } else { 3.0 };
        canvas.path(&[(x.0, bottom), (x.0, bottom + length)], Paint::Muted, 0.8);
        let label = day.date.day().to_string();
        let middle = (x.0 + x.1) / 2.0;
        canvas.text(
            &label,
            (middle, bottom + 12.0),
            Anchor::Middle,
            Paint::Muted,
            SMALL,
        );
    }
    canvas.path(
        &[(LEFT, bottom), (WIDTH - RIGHT, bottom)],
        Paint::Muted,
        1.0,
    );
    axis
}
