//! Outages over the month: where they stand is when, how high they are is how long.

use super::Chart;
use super::budget::time_axis;
use super::canvas::{self, Anchor, NORMAL, Paint, SMALL, WIDTH};
use crate::report::Report;
use crate::report::words::Words;
use crate::sla::ledger::Class;
use crate::sla::window::{HOUR_MS, MINUTE_MS};

const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 20.0;
const STEP: f64 = 24.0;
const WIDTH_MIN: f64 = 2.0;
/// With more outages than this, numbers would cover each other.
const NUMBERED_MAX: usize = 24;

/// Durations at equal distances on the axis; straight between them, so that a minute and a day
/// can both be seen.
const TICKS_MS: [i64; 8] = [
    0,
    MINUTE_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    8 * HOUR_MS,
    24 * HOUR_MS,
    240 * HOUR_MS,
];

pub(in crate::report) fn outages(report: &Report<'_>, words: &Words) -> Chart {
    let month = report.statement.window;
    let windows: Vec<_> = report
        .statement
        .incidents
        .iter()
        .filter_map(|incident| {
            let inside = incident.window.intersection(&month)?;
            Some((inside, incident.down_ms > 0))
        })
        .collect();
    let longest_ms = windows
        .iter()
        .map(|(window, _)| window.length_ms())
        .max()
        .unwrap_or_default();
    let n_ticks = TICKS_MS
        .iter()
        .position(|tick_ms| longest_ms <= *tick_ms)
        .unwrap_or(TICKS_MS.len() - 1)
        .max(3);
    let title = (words.chart_outages)(&format!(
        "{}, {}",
        report.service.name,
        (words.month)(report.month)
    ));
    let description = if windows.is_empty() {
        format!("{}.", words.chart_outages_none)
    } else {
        (words.chart_outages_text)(
            i64::try_from(windows.len()).unwrap_or(i64::MAX),
            &words.duration(longest_ms),
        )
    };
    let bottom = TOP + STEP * n_ticks as f64;

    canvas::chart("incidents", title, description, bottom + 26.0, |canvas| {
        let height = |ms: i64| {
            let above = TICKS_MS
                .iter()
                .position(|tick_ms| ms <= *tick_ms)
                .unwrap_or(TICKS_MS.len() - 1);
            let Some(below) = above.checked_sub(1) else {
                return 0.0;
            };
            let (from, to) = (TICKS_MS[below], TICKS_MS[above]);
            let share = (ms.min(to) - from) as f64 / (to - from) as f64;
            (below as f64 + share) * STEP
        };
        for (idx, tick_ms) in TICKS_MS.iter().enumerate().take(n_ticks + 1).skip(1) {
            let y = bottom - STEP * idx as f64;
            canvas.path(&[(LEFT, y), (WIDTH - RIGHT, y)], Paint::Grid, 0.8);
            let label = (words.short_duration)(*tick_ms);
            canvas.text(&label, (LEFT - 8.0, y), Anchor::End, Paint::Muted, SMALL);
        }
        let x = time_axis(canvas, report, bottom);
        for (number, (window, counted)) in (1..).zip(&windows) {
            let start = x.at(window.start().unix_ms());
            let end = x.at(window.end().unix_ms()).max(start + WIDTH_MIN);
            let top = bottom - height(window.length_ms()).max(1.5);
            if *counted {
                canvas.rect((start, end), (top, bottom), Paint::Class(Class::Down));
            } else {
                canvas.rect((start, end), (top, bottom), Paint::Class(Class::Excluded));
                canvas.frame((start, end), (top, bottom), Paint::Muted, 0.6);
            }
            if windows.len() <= NUMBERED_MAX {
                let at = ((start + end) / 2.0, top - 8.0);
                canvas.bold(&number.to_string(), at, Anchor::Middle, Paint::Ink, SMALL);
            }
        }
        if windows.is_empty() {
            canvas.text(
                words.chart_outages_none,
                ((LEFT + WIDTH - RIGHT) / 2.0, (TOP + bottom) / 2.0),
                Anchor::Middle,
                Paint::Muted,
                NORMAL,
            );
        }
    })
}
