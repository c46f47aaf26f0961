//! The month as a strip: one row per day, as wide as its hours.

use chrono::Datelike;

use super::Chart;
use super::canvas::{self, Anchor, Axis, Key, LEGEND_LINE, Paint, SMALL, WIDTH};
use crate::report::words::Words;
use crate::report::{Report, figures};
use crate::sla::ledger::Class;
use crate::sla::window::HOUR_MS;

const LEFT: f64 = 62.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 26.0;
const ROW: f64 = 14.0;
const BAR: f64 = 11.0;
/// Shorter windows are drawn this wide, or nobody would see them.
const WIDTH_MIN: f64 = 1.4;

pub(in crate::report) fn calendar(report: &Report<'_>, words: &Words) -> Chart {
    let zone = report.month.zone();
    let days = figures::days(report);
    let longest_ms = days
        .iter()
        .map(|day| day.window.length_ms())
        .fold(24 * HOUR_MS, i64::max);
    let elapsed = figures::elapsed(report);
    let entries = report.statement.ledger.entries();
    let tally = figures::elapsed_tally(report);
    let future = tally.total_ms() < report.statement.window.length_ms();
    let shown: Vec<Class> = Class::ALL
        .into_iter()
        .filter(|class| match class {
            Class::Up | Class::Down => true,
            Class::Unknown
            | Class::Degraded
            | Class::Credited
            | Class::Excluded
            | Class::OutOfScope => tally.of(*class) > 0,
        })
        .collect();
    let mut keys: Vec<(Key, String)> = shown
        .iter()
        .map(|class| {
            let label = (words.class)(*class).to_owned();
            (Key::Area(Paint::Class(*class)), label)
        })
        .collect();
    if future {
        keys.push((Key::Area(Paint::Future), words.class_future.to_owned()));
    }
    let bottom = TOP + ROW * days.len() as f64;
    let title = (words.chart_calendar)(&format!(
        "{}, {}",
        report.service.name,
        (words.month)(report.month)
    ));
    let description = (words.chart_calendar_text)(&(words.zone)(zone));

    canvas::chart(
        "calendrier",
        title,
        description,
        bottom + 12.0 + LEGEND_LINE,
        |canvas| {
            let axis = Axis {
                from: 0,
                to: longest_ms,
                start: LEFT,
                end: WIDTH - RIGHT,
            };
            for hour in (0..=24).step_by(3) {
                let x = axis.at(hour * HOUR_MS);
                canvas.path(&[(x, TOP - 6.0), (x, bottom)], Paint::Grid, 0.8);
                let label = (words.hour_axis)(hour);
                canvas.text(&label, (x, TOP - 14.0), Anchor::Middle, Paint::Muted, SMALL);
            }
            for (idx, day) in days.iter().enumerate() {
                let top = TOP + ROW * idx as f64 + (ROW - BAR) / 2.0;
                let y = (top, top + BAR);
                let middle = top + BAR / 2.0;
                let label = format!("{} {}", (words.weekday_short)(day.date), day.date.day());
                let weekend = day.date.weekday().number_from_monday() > 5;
                let paint = if weekend { Paint::Muted } else { Paint::Ink };
                canvas.text(&label, (LEFT - 8.0, middle), Anchor::End, paint, SMALL);
                let x = |at: crate::sla::window::Timestamp| axis.at(at.since(day.window.start()));
                let whole = (LEFT, x(day.window.end()));
                let length_ms = day.window.length_ms();
                if length_ms != 24 * HOUR_MS {
                    let label = words.duration(length_ms);
                    let at = (WIDTH - RIGHT + 6.0, middle);
                    canvas.bold(&label, at, Anchor::Start, Paint::Ink, SMALL);
                }
                canvas.rect(whole, y, Paint::Future);
                let Some(past) = elapsed.and_then(|elapsed| elapsed.intersection(&day.window))
                else {
                    continue;
                };
                // Most of a month is Up: one bar below, the rest on it, what matters most last.
                canvas.rect((x(past.start()), x(past.end())), y, Paint::Class(Class::Up));
                let first = entries.partition_point(|entry| entry.window.end() <= past.start());
                let touching = entries[first..]
                    .iter()
                    .take_while(|entry| entry.window.start() < past.end());
                let mut layers: Vec<(Class, (f64, f64))> = touching
                    .filter(|entry| entry.class != Class::Up)
                    .filter_map(|entry| {
                        let window = entry.window.intersection(&past)?;
                        let (start, end) = (x(window.start()), x(window.end()));
                        let end = end.max(start + WIDTH_MIN).min(whole.1);
                        Some((entry.class, (start.min(end - WIDTH_MIN), end)))
                    })
                    .collect();
                layers.sort_by_key(|(class, _)| *class == Class::Down);
                for (class, x) in layers {
                    canvas.rect(x, y, Paint::Class(class));
                }
            }
            canvas.legend(LEFT, &keys);
        },
    )
}
