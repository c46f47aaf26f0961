//! Response times per day: three lines that differ in mark as well as in colour.

use chrono::Datelike;

use super::Chart;
use super::canvas::{self, Anchor, Axis, Key, LEGEND_LINE, Mark, NORMAL, Paint, SMALL, WIDTH};
use crate::report::words::Words;
use crate::report::{Latency, Report, figures};

const LEFT: f64 = 62.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const PLOT: f64 = 170.0;

pub(in crate::report) fn latency(report: &Report<'_>, words: &Words) -> Chart {
    let days = figures::days(report);
    let on_day: Vec<Option<Latency>> = days
        .iter()
        .map(|day| {
            report
                .latencies
                .iter()
                .find(|latency| latency.date == day.date)
                .map(|latency| latency.latency)
        })
        .collect();
    let worst_ms = on_day
        .iter()
        .flatten()
        .map(|latency| latency.p99_ms)
        .max()
        .unwrap_or_default();
    let title = (words.chart_latency)(&format!(
        "{}, {}",
        report.service.name,
        (words.month)(report.month)
    ));
    let empty = on_day.iter().flatten().next().is_none();
    let description = if empty {
        words.chart_latency_none.to_owned()
    } else {
        (words.chart_latency_text)(&words.milliseconds(worst_ms))
    };
    let bottom = TOP + PLOT;

    canvas::chart(
        "delais",
        title,
        description,
        bottom + 30.0 + LEGEND_LINE,
        |canvas| {
            let step_ms = step_ms(worst_ms);
            let top_ms = worst_ms.div_ceil(step_ms).max(1) * step_ms;
            let y = Axis {
                from: 0,
                to: i64::from(top_ms),
                start: bottom,
                end: TOP,
            };
            let mut tick_ms = 0;
            while tick_ms <= top_ms {
                let at = y.at(i64::from(tick_ms));
                canvas.path(&[(LEFT, at), (WIDTH - RIGHT, at)], Paint::Grid, 0.8);
                let label = words.milliseconds(tick_ms);
                canvas.text(&label, (LEFT - 8.0, at), Anchor::End, Paint::Muted, SMALL);
                tick_ms += step_ms;
            }
            let slot = (WIDTH - RIGHT - LEFT) / days.len() as f64;
            let middle = |idx: usize| LEFT + slot * (idx as f64 + 0.5);
            for (idx, day) in days.iter().enumerate() {
                let label = day.date.day().to_string();
                let at = (middle(idx), bottom + 12.0);
                canvas.text(&label, at, Anchor::Middle, Paint::Muted, SMALL);
            }
            canvas.path(
                &[(LEFT, bottom), (WIDTH - RIGHT, bottom)],
                Paint::Muted,
                1.0,
            );
            if empty {
                let at = ((LEFT + WIDTH - RIGHT) / 2.0, (TOP + bottom) / 2.0);
                let none = words.chart_latency_none;
                canvas.text(none, at, Anchor::Middle, Paint::Muted, NORMAL);
                return;
            }
            for line in LINES {
                let points: Vec<Option<(f64, f64)>> = on_day
                    .iter()
                    .enumerate()
                    .map(|(idx, latency)| {
                        let ms = (line.of)(latency.as_ref()?);
                        Some((middle(idx), y.at(i64::from(ms))))
                    })
                    .collect();
                for run in points.split(Option::is_none) {
                    let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
                    if run.len() > 1 {
                        canvas.path(&run, line.paint, 1.6);
                    }
                    for point in run {
                        line.mark.draw(canvas, point, line.paint);
                    }
                }
            }
            let labels = [words.latency_p99, words.latency_p95, words.latency_median];
            let keys: Vec<(Key, String)> = LINES
                .iter()
                .zip(labels)
                .map(|(line, label)| (Key::Marked(line.paint, line.mark), label.to_owned()))
                .collect();
            canvas.legend(LEFT, &keys);
        },
    )
}

struct Line {
    of: fn(&Latency) -> u32,
    paint: Paint,
    mark: Mark,
}

const LINES: [Line; 3] = [
    Line {
        of: |latency| latency.p99_ms,
        paint: Paint::Light,
        mark: Mark::Triangle,
    },
    Line {
        of: |latency| latency.p95_ms,
        paint: Paint::Middle,
        mark: Mark::Square,
    },
    Line {
        of: |latency| latency.median_ms,
        paint: Paint::Ink,
        mark: Mark::Disc,
    },
];

/// A step that cuts `worst_ms` into at most six parts.
fn step_ms(worst_ms: u32) -> u32 {
    let mut power = 1_u32;
    loop {
        for factor in [1, 2, 5] {
            let step_ms = power.saturating_mul(factor);
            if worst_ms / 6 < step_ms {
                return step_ms;
            }
        }
        power = power.saturating_mul(10);
    }
}
