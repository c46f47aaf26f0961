//! The month's windows as lists: one for machines, one for French spreadsheets.

use chrono::SecondsFormat;

use super::{Report, figures};
use crate::sla::ledger::Class;
use crate::sla::window::{Timestamp, Window};

const HEAD: [&str; 10] = [
    "service",
    "mois",
    "debut",
    "fin",
    "duree_s",
    "duree_ms",
    "etat",
    "cause",
    "point_d_acces",
    "comptee",
];

/// One window of the month.
struct Line {
    window: Window,
    class: Class,
    cause: String,
    endpoint: String,
}

/// For machines: UTF-8, comma, quotes, CRLF; instants with their offset, whole milliseconds.
pub(super) fn for_machines(report: &Report<'_>) -> String {
    let mut text = HEAD.join(",");
    text.push_str("\r\n");
    for line in lines(report) {
        let cells = [
            quoted(report.service.id.as_str()),
            report.month.to_string(),
            instant(line.window.start(), report),
            instant(line.window.end(), report),
            seconds(line.window.length_ms(), '.'),
            line.window.length_ms().to_string(),
            line.class.code().to_owned(),
            quoted(&line.cause),
            quoted(&line.endpoint),
            counted(line.class).to_owned(),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// For French spreadsheets: a byte-order mark, semicolons, decimal comma, local times; no cell
/// can be taken for a formula.
pub(super) fn for_spreadsheets(report: &Report<'_>) -> String {
    let zone = report.month.zone();
    let local = |at: Timestamp| at.to_local(zone).format("%d/%m/%Y %H:%M:%S").to_string();
    let mut text = format!("\u{feff}{}\r\n", HEAD.join(";"));
    for line in lines(report) {
        let cells = [
            harmless(report.service.id.as_str()),
            report.month.to_string(),
            local(line.window.start()),
            local(line.window.end()),
            seconds(line.window.length_ms(), ','),
            line.window.length_ms().to_string(),
            line.class.code().to_owned(),
            harmless(&line.cause),
            harmless(&line.endpoint),
            counted(line.class).to_owned(),
        ];
        text.push_str(&cells.join(";"));
        text.push_str("\r\n");
    }
    text
}

fn lines(report: &Report<'_>) -> Vec<Line> {
    let Some(elapsed) = figures::elapsed(report) else {
        return Vec::new();
    };
    let incidents = &report.statement.incidents;
    report
        .statement
        .ledger
        .entries()
        .iter()
        .filter_map(|entry| {
            let window = entry.window.intersection(&elapsed)?;
            let after =
                incidents.partition_point(|incident| incident.window.start() <= window.start());
            let cause = after
                .checked_sub(1)
                .and_then(|idx| incidents.get(idx))
                .filter(|incident| {
                    entry.class == Class::Down && incident.window.contains(window.start())
                })
                .and_then(|incident| incident.cause.as_ref());
            let (cause, endpoint) = match cause {
                Some((endpoint, fault)) => (fault.to_string(), endpoint.to_string()),
                None => (String::new(), String::new()),
            };
            Some(Line {
                window,
                class: entry.class,
                cause,
                endpoint,
            })
        })
        .collect()
}

/// Whether time of this class is part of the time that counts.
fn counted(class: Class) -> &'static str {
    match class {
        Class::Up | Class::Degraded | Class::Down | Class::Unknown | Class::Credited => "oui",
        Class::Excluded | Class::OutOfScope => "non",
    }
}

fn instant(at: Timestamp, report: &Report<'_>) -> String {
    at.to_local(report.month.zone())
        .to_rfc3339_opts(SecondsFormat::Millis, false)
}

/// Seconds with as many decimals as they need.
fn seconds(ms: i64, decimal: char) -> String {
    let (whole, rest) = (ms / 1_000, ms % 1_000);
    if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}{decimal}{rest:03}")
            .trim_end_matches('0')
            .to_owned()
    }
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', ';', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        quoted(&format!("'{text}"))
    } else {
        quoted(text)
    }
}
