//! What a report says, in order: blocks that know no format.

use chrono::Timelike;

use super::charts::{self, Chart};
use super::figures::{self, Change};
use super::words::{ChangeSaid, MonthSaid, RunningSaid, Sentence, Span, Words, words};
use super::{Latency, MonthResult, Report};
use crate::sla::availability::{Outlook, Tally, Verdict};
use crate::sla::catalog::{Endpoint, EndpointId};
use crate::sla::commitment::{Degraded, Maintenance, MaintenanceTerms, PeriodSource, Rule};
use crate::sla::ledger::{Acceptance, Class, ExclusionKind};
use crate::sla::statement::Incident;
use crate::sla::trend::{Trend, VerdictCount};
use crate::sla::window::{Month, Timestamp, Window, Windows};

/// A report, ready to be written in any format.
pub(super) struct Page {
    pub(super) words: &'static Words,
    /// The title of the document.
    pub(super) title: String,
    /// Who publishes it.
    pub(super) publisher: String,
    pub(super) heading: &'static str,
    pub(super) subheading: String,
    pub(super) addressee: String,
    pub(super) facts: Vec<Fact>,
    /// What must be known before anything else: that it replaces another report.
    pub(super) banner: Option<String>,
    pub(super) sections: Vec<Section>,
    pub(super) footer: String,
}

impl Page {
    /// The charts, in order.
    pub(super) fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.sections
            .iter()
            .flat_map(|section| &section.blocks)
            .filter_map(|block| match block {
                Block::Chart(chart) => Some(chart),
                Block::Verdict(_)
                | Block::Figures(_)
                | Block::Heading(_)
                | Block::Text(_)
                | Block::Items(_)
                | Block::Facts(_)
                | Block::Command(_)
                | Block::Table(_)
                | Block::Data(_) => None,
            })
    }
}

/// A numbered part.
pub(super) struct Section {
    pub(super) number: usize,
    pub(super) title: &'static str,
    pub(super) blocks: Vec<Block>,
}

/// A piece of a part.
pub(super) enum Block {
    Verdict(VerdictSaid),
    Figures(Vec<Figure>),
    Heading(&'static str),
    Text(String),
    Items(Vec<String>),
    Facts(Vec<Fact>),
    Command(&'static str),
    Table(Table),
    /// The numbers behind a chart: there for whoever asks.
    Data(Table),
    Chart(Chart),
}

/// The verdict, as words and as a sign.
pub(super) struct VerdictSaid {
    pub(super) sign: Sign,
    pub(super) sentence: Sentence,
    /// What must be read with it.
    pub(super) notes: Vec<String>,
}

/// The sign that goes with a verdict; never alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Met,
    Missed,
    Open,
}

impl Sign {
    /// Its name in styles.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Open => "open",
        }
    }

    /// Its drawing: a path in a square of 24.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Met => "M5 12.5l4.6 4.6L19 7.6",
            Self::Missed => "M6.5 6.5l11 11M17.5 6.5l-11 11",
            Self::Open => "M8.6 9a3.5 3.5 0 1 1 5.2 3.1c-1.2.7-1.8 1.3-1.8 2.6M12 18v.2",
        }
    }
}

/// A large number with its name.
pub(super) struct Figure {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

/// A name and its value.
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
    /// Whether it is a code that is copied rather than read.
    pub(super) code: bool,
}

impl Fact {
    fn new(label: &'static str, value: String) -> Self {
        Self {
            label,
            value,
            code: false,
        }
    }
}

/// Rows and columns; the first cell names its row.
pub(super) struct Table {
    pub(super) caption: &'static str,
    pub(super) head: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

/// The head of a column.
pub(super) struct Column {
    pub(super) label: &'static str,
    /// Whether it holds numbers, which stand right.
    pub(super) numeric: bool,
}

/// A row of a table.
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// Whether it is the one that counts: a total, or the month of the report.
    pub(super) strong: bool,
}

impl Table {
    /// `numeric` names the columns of numbers by their index.
    fn new(caption: &'static str, head: &[&'static str], numeric: &[usize]) -> Self {
        let head = head
            .iter()
            .enumerate()
            .map(|(idx, label)| Column {
                label,
                numeric: numeric.contains(&idx),
            })
            .collect();
        Self {
            caption,
            head,
            rows: Vec::new(),
        }
    }

    fn push(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(Row {
            cells: cells.into(),
            strong: false,
        });
    }

    fn push_strong(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(Row {
            cells: cells.into(),
            strong: true,
        });
    }
}

/// All that a report says.
pub(super) fn compose(report: &Report<'_>) -> Page {
    let words = words(report.language);
    let month = (words.month)(report.month);
    let heading = if report.edition.replaces.is_some() {
        words.title_correction
    } else if report.statement.now.is_some() {
        words.title_provisional
    } else {
        words.title
    };
    let subheading = format!("{} — {month}", report.service.name);
    let sections = [
        (words.section_result, result(report, words)),
        (words.section_evolution, evolution(report, words)),
        (words.section_incidents, incidents(report, words)),
        (words.section_maintenance, maintenance(report, words)),
        (words.section_endpoints, endpoints(report, words)),
        (words.section_usage, usage(report, words)),
        (words.section_actions, actions(report, words)),
        (words.section_method, method(report, words)),
        (words.section_contact, contact(report, words)),
    ];
    Page {
        words,
        title: format!("{heading} — {subheading}"),
        publisher: report.provider.name.clone(),
        heading,
        subheading,
        addressee: report.partner.name.clone(),
        facts: head(report, words),
        banner: correction(report, words),
        sections: (1..)
            .zip(sections)
            .map(|(number, (title, blocks))| Section {
                number,
                title,
                blocks,
            })
            .collect(),
        footer: format!("{} · {}", report.edition.number, report.edition.engine),
    }
}

/// The sentence that says whether the commitment was kept.
pub(super) fn verdict_sentence(report: &Report<'_>) -> Sentence {
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
        down: (words.duration)(statement.tally.down_ms),
        allowed: (words.duration)(statement.budget.allowed_ms),
        overrun: (words.duration)(statement.budget.remaining_max_ms),
        unknown: (words.duration)(statement.tally.unknown_ms),
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
        down: (words.duration_with_hours)(tally.down_ms),
        unknown: (tally.unknown_ms > 0).then(|| (words.duration_with_hours)(tally.unknown_ms)),
        allowed: (words.duration)(statement.budget.allowed_ms),
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

/// The subject of the letter that brings the report.
pub(super) fn subject(report: &Report<'_>) -> String {
    let words = words(report.language);
    let verdict = match report.statement.now {
        Some(_) => words.subject_provisional,
        None => (words.subject_verdict)(report.statement.verdict),
    };
    let subject = (words.subject)(&report.service.name, report.month, verdict);
    match report.edition.replaces {
        Some(_) => (words.subject_correction)(&subject),
        None => subject,
    }
}

fn head(report: &Report<'_>, words: &Words) -> Vec<Fact> {
    let zone = report.month.zone();
    let length = (words.duration)(report.statement.window.length_ms());
    let clause = &report.commitment.clause;
    vec![
        Fact::new(words.label_service, report.service.name.clone()),
        Fact::new(
            words.label_period,
            (words.period)(report.month, &(words.zone)(zone), &length),
        ),
        Fact::new(
            words.label_commitment,
            (words.commitment)(&clause.quote, &clause.reference, report.commitment.from),
        ),
        Fact::new(
            words.label_number,
            (words.number)(
                &report.edition.number,
                &moment(report.edition.established, report, words),
            ),
        ),
    ]
}

fn result(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
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
        notes.push((words.note_would_decide)(&(words.duration)(
            statement.budget.remaining_min_ms,
        )));
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
        notes.push((words.note_resolution)(&(words.duration)(bound_ms)));
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
    let (left_ms, allowed_ms) = (
        statement.budget.allowed_ms - tally.down_ms,
        statement.budget.allowed_ms,
    );
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
            value: (words.duration)(tally.down_ms),
            note: (words.figure_incidents)(n_incidents(report)),
        },
        Figure {
            label: words.figure_allowed,
            value: (words.duration)(allowed_ms),
            note: left(left_ms, words),
        },
        Figure {
            label: words.figure_unknown,
            value: (words.duration)(tally.unknown_ms),
            note: availability
                .map(|availability| (words.figure_coverage)(&words.rate(availability.coverage)))
                .unwrap_or_default(),
        },
    ]
}

/// What is left of the budget, or by how much it is overrun.
pub(super) fn left(left_ms: i64, words: &Words) -> String {
    let size = (words.duration)(left_ms);
    if left_ms < 0 {
        (words.figure_overrun)(&size)
    } else {
        (words.figure_remaining)(&size)
    }
}

fn ledger_table(report: &Report<'_>, words: &'static Words) -> Table {
    let mut table = Table::new(words.ledger_caption, &words.ledger_head, &[1, 2, 3]);
    let total_ms = report.statement.window.length_ms();
    let tally = figures::elapsed_tally(report);
    let row = |name: String, ms: i64| {
        [
            name,
            (words.duration)(ms),
            words.part(ms, total_ms),
            words.number(ms),
        ]
    };
    for class in Class::ALL {
        let ms = tally.of(class);
        // The four states are always shown; what no clause or request brought about is not.
        let always = match class {
            Class::Up | Class::Degraded | Class::Down | Class::Unknown => true,
            Class::Credited | Class::Excluded | Class::OutOfScope => false,
        };
        if always || ms > 0 {
            let name = format!(
                "{} ({})",
                (words.class)(class),
                (words.class_meaning)(class)
            );
            table.push(row(name, ms));
        }
    }
    let future_ms = total_ms - tally.total_ms();
    if future_ms > 0 {
        table.push(row(words.class_future.to_owned(), future_ms));
    }
    table.push_strong(row(words.ledger_total.to_owned(), total_ms));
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
                (words.duration)(window.length_ms()),
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
            (words.duration)(tally.down_ms),
            (words.duration)(tally.unknown_ms),
            (words.duration)(tally.excluded_ms + tally.out_of_scope_ms),
            signed_duration(day.left_ms.1, words),
        ]);
    }
    table
}

fn signed_duration(ms: i64, words: &Words) -> String {
    let size = (words.duration)(ms);
    if ms < 0 {
        format!("\u{2212}{size}")
    } else {
        size
    }
}

/// The thirteen months up to this one, from the first that was settled on; a month between them
/// that was not settled is there without a result.
pub(super) fn months(report: &Report<'_>) -> Vec<(Month, Option<MonthResult>)> {
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

fn evolution(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
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

fn n_incidents(report: &Report<'_>) -> i64 {
    i64::try_from(report.statement.counted_incidents().count()).unwrap_or(i64::MAX)
}

fn incidents(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let statement = report.statement;
    let mut blocks = Vec::new();
    if statement.incidents.is_empty() {
        blocks.push(Block::Text(words.no_incident.to_owned()));
    } else {
        let mut text = vec![(words.incidents_summary)(
            n_incidents(report),
            &(words.duration)(statement.tally.down_ms),
        )];
        if let Some(longest) = statement.longest_incident() {
            text.push((words.incidents_longest)(&(words.duration)(
                longest.down_ms,
            )));
        }
        if let Some(mean_ms) = statement.mean_time_to_restore_ms() {
            text.push((words.incidents_mean)(&(words.duration)(mean_ms)));
        }
        let clipped = |incident: &Incident| incident.starts_before || incident.ends_after;
        if statement.incidents.iter().any(clipped) {
            text.push(words.incidents_clipped.to_owned());
        }
        blocks.push(Block::Text(text.join(" ")));
    }
    blocks.push(Block::Chart(charts::outages(report, words)));
    if !statement.incidents.is_empty() {
        blocks.push(Block::Table(incidents_table(report, words)));
    }
    if statement.transient_ms > 0 {
        let transient = (words.duration)(statement.transient_ms);
        blocks.push(Block::Text((words.transient)(&transient)));
    }
    if statement.disputed_ms > 0 {
        let disputed = (words.duration)(statement.disputed_ms);
        blocks.push(Block::Text((words.disputed)(&disputed)));
    }
    blocks
}

fn incidents_table(report: &Report<'_>, words: &'static Words) -> Table {
    let zone = report.month.zone();
    let month = report.statement.window;
    let planned = figures::planned(report);
    let mut table = Table::new(words.incidents_caption, &words.incidents_head, &[3]);
    for (number, incident) in (1..).zip(&report.statement.incidents) {
        let inside = incident.window.intersection(&month);
        let inside_ms = inside.map_or(0, |inside| inside.length_ms());
        let planned_ms =
            inside.map_or(0, |inside| planned.intersection(&inside.into()).length_ms());
        let ongoing = report
            .statement
            .now
            .is_some_and(|now| incident.window.end() >= now);
        let whole = (words.duration)(incident.window.length_ms());
        let counts = |ms: i64| match ms {
            0 => words.no.to_owned(),
            ms if ms == inside_ms => words.yes.to_owned(),
            ms => words.labelled(words.incident_partly, &(words.duration)(ms)),
        };
        let (endpoint, fault) = match &incident.cause {
            Some((endpoint, fault)) => (label(report, endpoint), (words.fault)(*fault)),
            None => (words.none.to_owned(), words.fault_unknown.to_owned()),
        };
        table.push([
            number.to_string(),
            words.instant(incident.window.start(), zone),
            if ongoing {
                words.incident_ongoing.to_owned()
            } else {
                words.instant(incident.window.end(), zone)
            },
            if inside_ms == incident.window.length_ms() {
                whole
            } else {
                let part = (words.incident_month_part)(&(words.duration)(inside_ms));
                format!("{whole} ({part})")
            },
            endpoint,
            fault,
            counts(planned_ms),
            counts(incident.down_ms),
        ]);
    }
    table
}

fn endpoint<'a>(report: &'a Report<'_>, id: &EndpointId) -> Option<&'a Endpoint> {
    report
        .service
        .endpoints
        .iter()
        .find(|endpoint| endpoint.id == *id)
}

fn label(report: &Report<'_>, id: &EndpointId) -> String {
    endpoint(report, id).map_or_else(|| id.to_string(), |endpoint| endpoint.label.clone())
}

fn maintenance(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let window = report.statement.window;
    let mut table = Table::new(words.maintenance_caption, &words.maintenance_head, &[5]);
    let mut shown = Windows::none();
    for planned in &report.service.maintenances {
        let windows = planned.when.within(window);
        if windows.is_empty() {
            continue;
        }
        shown = shown.union(&windows);
        let (concerns, counts) = match &planned.endpoint {
            Some(id) => (
                label(report, id),
                endpoint(report, id).is_some_and(|endpoint| endpoint.contractual),
            ),
            None => (words.whole_service.to_owned(), true),
        };
        table.push(maintenance_row(
            report,
            words,
            &planned.reason,
            concerns,
            counts,
            &windows,
            planned.declared,
        ));
    }
    // A request that repeats what was announced is not told twice.
    for exclusion in report.exclusions {
        let windows: Windows = exclusion.window.intersection(&window).into_iter().collect();
        let repeats = windows.difference(&shown).is_empty();
        if exclusion.kind != ExclusionKind::Maintenance || repeats {
            continue;
        }
        table.push(maintenance_row(
            report,
            words,
            &exclusion.reason,
            words.whole_service.to_owned(),
            true,
            &windows,
            exclusion.declared,
        ));
    }
    let mut blocks = Vec::new();
    if table.rows.is_empty() {
        blocks.push(Block::Text(words.no_maintenance.to_owned()));
    } else {
        blocks.push(Block::Table(table));
        if let Some(availability) = figures::without_planned(report) {
            blocks.push(Block::Text((words.without_maintenance)(
                &words.rates(availability),
            )));
        }
    }
    let mut requests = Table::new(words.requests_caption, &words.requests_head, &[]);
    let zone = report.month.zone();
    for exclusion in report.exclusions {
        let concerns_month = exclusion.window.intersection(&window).is_some();
        if exclusion.kind == ExclusionKind::Maintenance || !concerns_month {
            continue;
        }
        requests.push([
            (words.exclusion_kind)(exclusion.kind).to_owned(),
            words.instant(exclusion.window.start(), zone),
            words.instant(exclusion.window.end(), zone),
            exclusion.reason.clone(),
            (words.acceptance)(exclusion.acceptance).to_owned(),
        ]);
    }
    if !requests.rows.is_empty() {
        blocks.push(Block::Heading(words.requests_title));
        blocks.push(Block::Table(requests));
    }
    blocks
}

fn maintenance_row(
    report: &Report<'_>,
    words: &Words,
    reason: &str,
    concerns: String,
    counts: bool,
    windows: &Windows,
    declared: Option<Timestamp>,
) -> Vec<String> {
    let zone = report.month.zone();
    let tally: Tally = windows
        .iter()
        .map(|part| report.statement.ledger.tally_within(*part))
        .sum();
    let (start, end) = match windows.as_slice() {
        [] => (words.none.to_owned(), words.none.to_owned()),
        [one] => (
            words.instant(one.start(), zone),
            words.instant(one.end(), zone),
        ),
        several => (
            (words.maintenance_several)(i64::try_from(several.len()).unwrap_or(i64::MAX)),
            (words.maintenance_total)(&(words.duration)(windows.length_ms())),
        ),
    };
    let notice = match (declared, windows.as_slice().first()) {
        (Some(declared), Some(first)) if declared < first.start() => {
            (words.duration)(first.start().since(declared))
        }
        (Some(_), _) => words.notice_late.to_owned(),
        (None, _) => words.notice_unknown.to_owned(),
    };
    let (down, treated) = if !counts {
        (words.none.to_owned(), words.treated_aside)
    } else if tally.excluded_ms > 0 {
        ((words.duration)(tally.down_ms), words.treated_excluded)
    } else if tally.credited_ms > 0 {
        ((words.duration)(tally.down_ms), words.treated_credited)
    } else {
        ((words.duration)(tally.down_ms), words.treated_counted)
    };
    vec![
        reason.to_owned(),
        concerns,
        start,
        end,
        notice,
        down,
        treated.to_owned(),
    ]
}

fn endpoints(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    if report.endpoints.is_empty() {
        return vec![Block::Text(words.no_endpoint.to_owned())];
    }
    let mut table = Table::new(
        words.endpoints_caption,
        &words.endpoints_head,
        &[3, 4, 5, 6, 7, 8],
    );
    for figures in report.endpoints {
        let latency = |of: fn(&Latency) -> u32| match &figures.latency {
            Some(latency) => words.milliseconds(of(latency)),
            None => words.none.to_owned(),
        };
        let contractual = if figures.contractual {
            words.yes
        } else {
            words.no
        };
        table.push([
            if figures.retired {
                format!("{} {}", figures.label, words.retired)
            } else {
                figures.label.clone()
            },
            figures
                .data_provider
                .clone()
                .unwrap_or_else(|| words.none.to_owned()),
            contractual.to_owned(),
            figures
                .tally
                .availability()
                .filter(|_| !super::figures::nothing_seen(&figures.tally))
                .map_or(words.none.to_owned(), |rates| words.rates(rates)),
            (words.duration)(figures.tally.down_ms),
            (words.duration)(figures.tally.unknown_ms),
            figures.n_incidents.to_string(),
            latency(|latency| latency.median_ms),
            latency(|latency| latency.p95_ms),
        ]);
    }
    let mut blocks = vec![
        Block::Text(words.endpoints_note.to_owned()),
        Block::Table(table),
        Block::Chart(charts::latency(report, words)),
    ];
    if !report.latencies.is_empty() {
        let mut table = Table::new(words.latency_caption, &words.latency_head, &[1, 2, 3]);
        for day in report.latencies {
            table.push([
                words.short_date(day.date),
                words.milliseconds(day.latency.median_ms),
                words.milliseconds(day.latency.p95_ms),
                words.milliseconds(day.latency.p99_ms),
            ]);
        }
        blocks.push(Block::Data(table));
    }
    blocks
}

fn usage(report: &Report<'_>, words: &Words) -> Vec<Block> {
    let Some(usage) = report.usage else {
        return vec![Block::Text(words.no_usage.to_owned())];
    };
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (calls, good) = (count(usage.n_calls), count(usage.n_successes));
    vec![
        Block::Text((words.usage)(
            &words.number(calls),
            &words.number(good),
            // A part of a whole, here of calls rather than milliseconds.
            &words.part(good, calls),
        )),
        Block::Text((words.usage_source)(&usage.source)),
    ]
}

fn actions(report: &Report<'_>, words: &Words) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !report.commitment.trajectory.is_empty() {
        let steps: Vec<String> = report
            .commitment
            .trajectory
            .iter()
            .map(|(from, step)| (words.trajectory_step)(&words.target(*step), *from))
            .collect();
        blocks.push(Block::Text((words.trajectory)(&words.list(&steps))));
    }
    if report.improvements.is_empty() {
        blocks.push(Block::Text(words.no_action.to_owned()));
    } else {
        blocks.push(Block::Items(report.improvements.to_vec()));
    }
    blocks
}

/// The longest interval between two probes of an endpoint that counts.
fn interval_ms(report: &Report<'_>) -> i64 {
    report
        .service
        .contractual()
        .filter(|endpoint| !endpoint.retired)
        .map(|endpoint| endpoint.interval_ms)
        .max()
        .unwrap_or_default()
}

fn method(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let statement = report.statement;
    let terms = &report.commitment.terms;
    let contractual: Vec<&Endpoint> = report
        .service
        .contractual()
        .filter(|endpoint| !endpoint.retired)
        .collect();
    let labels: Vec<String> = contractual
        .iter()
        .map(|endpoint| endpoint.label.clone())
        .collect();
    let main = match &terms.rule {
        Rule::Main(id) => label(report, id),
        Rule::All | Rule::Any | Rule::AtLeast(_) => String::new(),
    };
    let vantages: Vec<String> = report.vantages.iter().map(ToString::to_string).collect();
    let several = |of: fn(&Endpoint) -> i64| {
        let mut values: Vec<i64> = contractual.iter().map(|endpoint| of(endpoint)).collect();
        values.sort_unstable();
        values.dedup();
        let said: Vec<String> = values.into_iter().map(words.duration).collect();
        words.list(&said)
    };
    let n_failures = terms.confirmation.failures.get();
    let mut confirmation = if n_failures == 1 {
        words.confirmation_none.to_owned()
    } else {
        let within = (words.duration)(terms.confirmation.within_ms);
        (words.confirmation_many)(i64::from(n_failures), &within)
    };
    if terms.minimum_outage_ms > 0 {
        let minimum = (words.duration)(terms.minimum_outage_ms);
        confirmation = format!("{confirmation} {}", (words.minimum_outage)(&minimum));
    }
    let interval_ms = interval_ms(report);
    let resolution = statement.resolution(interval_ms);
    let period = match report.commitment.period {
        PeriodSource::Text => words.method_period_text.to_owned(),
        PeriodSource::Assumption => format!(
            "{} {}",
            words.method_period_text, words.method_period_assumed
        ),
    };
    let unknown_ms = figures::elapsed_tally(report).unknown_ms;
    let facts = vec![
        Fact::new(
            words.method_scope,
            (words.method_scope_text)(&words.list(&labels), &(words.rule)(&terms.rule, &main)),
        ),
        Fact::new(words.method_period, period),
        Fact::new(
            words.method_hours,
            match &terms.service_hours {
                None => words.hours_always,
                Some(_) => words.hours_limited,
            }
            .to_owned(),
        ),
        Fact::new(
            words.method_vantages,
            (words.method_vantages_text)(
                &words.list(&vantages),
                i64::try_from(vantages.len()).unwrap_or(i64::MAX),
                &(words.quorum)(terms.quorum),
            ),
        ),
        Fact::new(
            words.method_interval,
            (words.method_interval_text)(
                &several(|endpoint| endpoint.interval_ms),
                &several(|endpoint| endpoint.timeout_ms),
                &several(|endpoint| endpoint.validity_ms),
            ),
        ),
        Fact::new(words.method_confirmation, confirmation),
        Fact::new(
            words.method_slow,
            match terms.degraded {
                Degraded::Up => words.slow_up,
                Degraded::Down => words.slow_down,
            }
            .to_owned(),
        ),
        Fact::new(
            words.method_maintenance,
            maintenance_rule(&terms.maintenance, words),
        ),
        Fact::new(
            words.method_unknown,
            (words.method_unknown_text)(&(words.duration)(unknown_ms)),
        ),
        Fact::new(
            words.method_resolution,
            (words.method_resolution_text)(
                &(words.duration)(interval_ms),
                &(words.duration)(resolution.bound_ms),
                &(words.duration)(resolution.deviation_ms),
            ),
        ),
        Fact::new(words.method_rounding, words.method_rounding_text.to_owned()),
        Fact::new(words.method_engine, report.edition.engine.clone()),
        Fact {
            label: words.method_evidence,
            value: report.edition.evidence_sha256.clone(),
            code: true,
        },
        Fact::new(
            words.method_recompute,
            words.method_recompute_text.to_owned(),
        ),
    ];
    vec![
        Block::Text(words.method_intro.to_owned()),
        Block::Facts(facts),
        Block::Command("vigie settle evidence.json"),
    ]
}

fn maintenance_rule(maintenance: &Maintenance, words: &Words) -> String {
    let with_terms = |sentence: &str, terms: &MaintenanceTerms| {
        let mut sentences = vec![sentence.to_owned()];
        if terms.notice_ms > 0 {
            sentences.push((words.maintenance_notice)(&(words.duration)(
                terms.notice_ms,
            )));
        }
        if let Some(cap_ms) = terms.cap_ms {
            sentences.push((words.maintenance_cap)(&(words.duration)(cap_ms)));
        }
        if terms.hours.is_some() {
            sentences.push(words.maintenance_hours.to_owned());
        }
        sentences.join(" ")
    };
    match maintenance {
        Maintenance::Counted => words.maintenance_counted.to_owned(),
        Maintenance::Excluded(terms) => with_terms(words.maintenance_excluded, terms),
        Maintenance::Credited(terms) => with_terms(words.maintenance_credited, terms),
    }
}

fn contact(report: &Report<'_>, words: &'static Words) -> Vec<Block> {
    let provider = report.provider;
    vec![
        Block::Heading(words.contact_title),
        Block::Text((words.contact)(&provider.name, &provider.contact)),
        Block::Heading(words.data_title),
        Block::Text((words.data)(
            &provider.name,
            &provider.contact,
            provider.data_protection_contact.as_deref(),
        )),
        Block::Heading(words.accessibility_title),
        Block::Text(words.accessibility.to_owned()),
    ]
}

/// `12 novembre 2025`.
fn day(at: Timestamp, report: &Report<'_>, words: &Words) -> String {
    (words.date)(at.to_local(report.month.zone()).date_naive())
}

/// `12 novembre 2025 à 6 h 00`.
fn moment(at: Timestamp, report: &Report<'_>, words: &Words) -> String {
    let local = at.to_local(report.month.zone());
    (words.date_and_clock)(local.date_naive(), local.hour(), local.minute())
}

/// What the report corrects, why, and what has changed; for the page and the letter.
pub(super) fn correction(report: &Report<'_>, words: &Words) -> Option<String> {
    let replaced = report.edition.replaces.as_ref()?;
    let replaces = (words.replaces)(
        &replaced.number,
        &day(replaced.established, report, words),
        &replaced.reason,
    );
    let rates = match replaced.tally.availability() {
        Some(availability) => words.rates(availability),
        None => (words.verdict)(Verdict::NotApplicable).to_owned(),
    };
    let (was, is) = (replaced.tally, report.statement.tally);
    let figures = (words.replaced_figures)(
        (words.subject_verdict)(replaced.verdict),
        &rates,
        was.down_ms,
        is.down_ms - was.down_ms,
        is.unknown_ms - was.unknown_ms,
    );
    Some(format!("{replaces} {figures}"))
}
