//! 1. Whether the commitment was kept, and how the time of the month adds up.

use chrono::Timelike;

use super::block::{Block, Figure, Sign, Table, VerdictSaid};
use super::incidents::n_incidents;
use super::method::interval_ms;
use crate::report::words::{MonthSaid, RunningSaid, Sentence, Span, Words, words};
use crate::report::{Report, charts, figures};
use crate::sla::availability::{Outlook, Verdict};
use crate::sla::commitment::PeriodSource;
use crate::sla::ledger::{Acceptance, Class};
use crate::sla::window::{Timestamp, Window, Windows};

/// The sentence that says whether the commitment was kept.
pub(in crate::report) fn verdict_sentence(report: &Report<'_>) -> Sentence {
    let words = words(report.language);
    let statement = report.statement;
    if let Some(now) = statement.now {
        return running_sentence(report, now, words);
    }
    let Some(availability) = statement.availability else {
        return (words.not_applicable)(report.month);
    };
    let said = MonthSaid {
        month: report.month,
        lower: words.rate(availability.lower),
        upper: words.rate(availability.upper),
        any_unknown: statement.tally.unknown_ms > 0,
        target: words.target(statement.target),
        down: words.duration(statement.tally.down_ms),
        allowed: words.duration(statement.budget.allowed_ms),
        overrun: words.duration(statement.budget.remaining_max_ms),
        unknown: words.duration(statement.tally.unknown_ms),
    };
    match statement.verdict {
        Verdict::Met => (words.met)(&said),
        Verdict::Missed => (words.missed)(&said),
        Verdict::Undetermined if figures::nothing_seen(&statement.tally) => {
            (words.no_measure)(report.month)
        }
        Verdict::Undetermined => (words.undetermined)(&said),
        Verdict::NotApplicable => (words.not_applicable)(report.month),
    }
}

fn running_sentence(report: &Report<'_>, now: Timestamp, words: &Words) -> Sentence {
    let statement = report.statement;
    let tally = figures::elapsed_tally(report);
    let local = now.to_local(report.month.zone());
    let mut sentence = (words.running)(&RunningSaid {
        day: local.date_naive(),
        hour: local.hour(),
        minute: local.minute(),
        down: words.duration_with_hours(tally.down_ms),
        unknown: (tally.unknown_ms > 0).then(|| words.duration_with_hours(tally.unknown_ms)),
        allowed: words.duration(statement.budget.allowed_ms),
    });
    let target = words.target(statement.target);
    let outlook = match statement.outlook {
        Some(Outlook::Lost) => Some((words.running_lost)(&target)),
        Some(Outlook::Secured) => Some((words.running_secured)(&target)),
        Some(Outlook::Open) | None => None,
    };
    if let Some(outlook) = outlook {
        sentence.body = format!("{} {outlook}", sentence.body);
    }
    sentence
}

pub(super) fn result(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let statement = report.statement;
    let sign = match (statement.now, statement.outlook, statement.verdict) {
        (Some(_), Some(Outlook::Secured), _) | (None, _, Verdict::Met) => Sign::Met,
        (Some(_), Some(Outlook::Lost), _) | (None, _, Verdict::Missed) => Sign::Missed,
        (Some(_), Some(Outlook::Open) | None, _)
        | (None, _, Verdict::Undetermined | Verdict::NotApplicable) => Sign::Open,
    };
    let mut blocks = vec![
        Block::Verdict(VerdictSaid {
            sign,
            sentence: verdict_sentence(report),
            notes: notes(report, words),
        }),
        Block::Figures(key_figures(report, words)),
        Block::Table(ledger_table(report, words)),
    ];
    if let Some(availability) = figures::elapsed_tally(report).availability() {
        blocks.push(Block::Text((words.ledger_fraction)(
            &words.number(availability.lower.part_ms()),
            &words.number(availability.lower.whole_ms()),
            &words.rate(availability.lower),
        )));
    }
    blocks.push(Block::Chart(charts::calendar(report, words)));
    let windows = windows_table(report, words);
    if !windows.rows.is_empty() {
        blocks.push(Block::Data(windows));
    }
    blocks.push(Block::Chart(charts::daily(report, words)));
    blocks.push(Block::Chart(charts::budget(report, words)));
    blocks.push(Block::Data(days_table(report, words)));
    blocks
}

/// What must be read with the verdict.
fn notes(report: &Report<'_>, words: &Words) -> Vec<String> {
    let statement = report.statement;
    let zone = report.month.zone();
    let mut notes = Vec::new();
    let decided = statement.now.is_none();
    if decided
        && statement.verdict == Verdict::Undetermined
        && !figures::nothing_seen(&statement.tally)
    {
        // What the unknown time may cost at most is what is left of the budget; the rest of it
        // would have to be good.
        notes.push((words.note_would_decide)(
            &words.duration(statement.budget.remaining_min_ms),
        ));
    }
    if let Some(conditional) = statement.conditional.filter(|_| decided)
        && let Some(availability) = conditional.tally.availability()
    {
        let pending: Vec<String> = report
            .exclusions
            .iter()
            .filter(|exclusion| exclusion.acceptance == Acceptance::Pending)
            .map(|exclusion| exclusion.reason.clone())
            .collect();
        notes.push((words.note_conditional)(
            &words.list(&pending),
            &words.rates(availability),
            &(words.verdict)(conditional.verdict).to_lowercase(),
        ));
    }
    let spans = connected(report);
    if !spans.is_empty() && statement.tally.out_of_scope_ms > 0 {
        let days: Vec<Span> = spans
            .iter()
            .map(|span| {
                let last = span.end().plus_ms(-1).to_local(zone).date_naive();
                Span {
                    first: span.start().to_local(zone).date_naive(),
                    last: (span.end() < statement.window.end()).then_some(last),
                }
            })
            .collect();
        notes.push((words.note_joined)(&days));
    }
    if let Some(since) = report.measured_since
        && statement.window.contains(since)
        && since > statement.window.start()
    {
        notes.push((words.note_measured_since)(
            since.to_local(zone).date_naive(),
        ));
    }
    if report.commitment.period == PeriodSource::Assumption {
        notes.push((words.note_assumed_period)(&words.target(statement.target)));
    }
    let interval_ms = interval_ms(report);
    if decided
        && matches!(statement.verdict, Verdict::Met | Verdict::Missed)
        && statement.is_within_resolution(interval_ms)
    {
        let bound_ms = statement.resolution(interval_ms).bound_ms;
        notes.push((words.note_resolution)(&words.duration(bound_ms)));
    }
    notes
}

/// When the partner was connected, if that was only a part of the month.
fn connected(report: &Report<'_>) -> Vec<Window> {
    let window = report.statement.window;
    let connected: Windows = report
        .partner
        .memberships
        .iter()
        .filter(|membership| membership.service == report.service.id)
        .flat_map(|membership| membership.windows.iter())
        .filter_map(|connected| connected.intersection(&window))
        .collect();
    if connected.as_slice() == [window] {
        Vec::new()
    } else {
        connected.as_slice().to_vec()
    }
}

fn key_figures(report: &Report<'_>, words: &'static Words) -> Vec<Figure> {
    let statement = report.statement;
    let tally = figures::elapsed_tally(report);
    let running = statement.now.is_some();
    let availability = tally.availability();
    // A month that was met is told by what is certain, with "at least" in the note.
    let certain = statement.verdict == Verdict::Met && !running;
    let rate = match availability {
        None => words.none.to_owned(),
        Some(_) if figures::nothing_seen(&tally) => words.none.to_owned(),
        Some(availability) if certain => words.rate(availability.lower),
        Some(availability) => words.rates(availability),
    };
    let observed = availability
        .filter(|_| tally.unknown_ms > 0)
        .and_then(|availability| {
            let observed = words.rate(availability.observed?);
            Some((words.rate_observed)(
                &observed,
                &words.rate(availability.coverage),
            ))
        });
    let rate_note = match observed {
        Some(observed) if certain => (words.rate_at_least)(&observed),
        Some(observed) => observed,
        None => String::new(),
    };
    let allowed_ms = statement.budget.allowed_ms;
    let left_max_ms = allowed_ms - tally.down_ms;
    let step = report.commitment.step_on(report.month.first_day());
    vec![
        Figure {
            label: if running {
                words.figure_rate_so_far
            } else {
                words.figure_rate
            },
            value: rate,
            note: rate_note,
        },
        Figure {
            label: words.figure_target,
            value: words.target(statement.target),
            note: step
                .map(|step| (words.figure_target_step)(&words.target(step)))
                .unwrap_or_default(),
        },
        Figure {
            label: words.figure_down,
            value: words.duration(tally.down_ms),
            note: (words.figure_incidents)(n_incidents(report)),
        },
        Figure {
            label: words.figure_allowed,
            value: words.duration(allowed_ms),
            note: left(left_max_ms - tally.unknown_ms, left_max_ms, words),
        },
        Figure {
            label: words.figure_unknown,
            value: words.duration(tally.unknown_ms),
            note: availability
                .map(|availability| (words.figure_coverage)(&words.rate(availability.coverage)))
                .unwrap_or_default(),
        },
    ]
}

/// What is left of the budget, or by how much it is overrun: what is certain of it where both
/// bounds differ.
pub(in crate::report) fn left(min_ms: i64, max_ms: i64, words: &Words) -> String {
    let size = words.duration(max_ms);
    let open = min_ms != max_ms;
    if max_ms < 0 {
        (words.figure_overrun)(&size, open)
    } else {
        (words.figure_remaining)(&size, open)
    }
}

fn ledger_table(report: &Report<'_>, words: &'static Words) -> Table {
    let mut table = Table::new(words.ledger_caption, &words.ledger_head, &[1, 2, 3]);
    let mut row = |name: String, ms: i64, basis_points: i64| {
        table.push([
            name,
            words.duration(ms),
            words.hundredths(basis_points),
            words.number(ms),
        ]);
    };
    for figures::Share {
        class,
        ms,
        basis_points,
    } in figures::shares(report)
    {
        let name = match class {
            // The four states are always shown; what no clause or request brought about is not.
            Some(Class::Credited | Class::Excluded | Class::OutOfScope) | None if ms == 0 => {
                continue;
            }
            Some(class) => format!(
                "{} ({})",
                (words.class)(class),
                (words.class_meaning)(class)
            ),
            None => words.class_future.to_owned(),
        };
        row(name, ms, basis_points);
    }
    let total_ms = report.statement.window.length_ms();
    table.push_strong([
        words.ledger_total.to_owned(),
        words.duration(total_ms),
        words.hundredths(figures::WHOLE),
        words.number(total_ms),
    ]);
    table
}

/// What the calendar shows besides Up time, to the second.
fn windows_table(report: &Report<'_>, words: &'static Words) -> Table {
    let zone = report.month.zone();
    let mut table = Table::new(words.windows_caption, &words.windows_head, &[2]);
    let Some(elapsed) = figures::elapsed(report) else {
        return table;
    };
    for entry in report.statement.ledger.entries() {
        let Some(window) = entry.window.intersection(&elapsed) else {
            continue;
        };
        if entry.class != Class::Up {
            table.push([
                words.instant(window.start(), zone),
                words.instant(window.end(), zone),
                words.duration(window.length_ms()),
                (words.class)(entry.class).to_owned(),
            ]);
        }
    }
    table
}

fn days_table(report: &Report<'_>, words: &'static Words) -> Table {
    let mut table = Table::new(words.days_caption, &words.days_head, &[1, 2, 3, 4, 5, 6]);
    for day in figures::days(report) {
        let name = words.short_date(day.date);
        let Some(tally) = day.tally else {
            let mut cells = vec![name];
            cells.resize(table.head.len(), words.none.to_owned());
            table.push(cells);
            continue;
        };
        let rates = tally.availability();
        let rate = |rate: Option<_>| rate.map_or(words.none.to_owned(), |rate| words.rate(rate));
        table.push([
            name,
            rate(rates.map(|rates| rates.lower)),
            rate(rates.map(|rates| rates.upper)),
            words.duration(tally.down_ms),
            words.duration(tally.unknown_ms),
            words.duration(tally.excluded_ms + tally.out_of_scope_ms),
            signed_duration(day.left_ms.1, words),
        ]);
    }
    table
}

fn signed_duration(ms: i64, words: &Words) -> String {
    let size = words.duration(ms);
    if ms < 0 {
        format!("\u{2212}{size}")
    } else {
        size
    }
}
