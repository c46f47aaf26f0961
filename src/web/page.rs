//! The status page: from a board to HTML, in the reader's language.
//!
//! What is shown is made of words here, so that the template only arranges it.

use askama::Template;
use chrono::NaiveDate;
use chrono_tz::Tz;

use super::words::{Words, words};
use crate::board::{Board, EndpointNow, MonthNow, ServiceNow};
use crate::sla::availability::{Outlook, Tally};
use crate::sla::catalog::{Endpoint, Language, Service};
use crate::sla::observation::MissCause;
use crate::sla::timeline::State;
use crate::sla::window::{HOUR_MS, MINUTE_MS, Timestamp, Window};

/// A picture older than this is no longer the present, in milliseconds.
pub(super) const PRESENT_MS_MAX: i64 = 2 * MINUTE_MS;

/// More endpoints than this are folded away.
const ENDPOINTS_SHOWN_MAX: usize = 25;

/// How far ahead announced work is shown.
const MAINTENANCE_MS: i64 = 7 * 24 * HOUR_MS;

/// How a reader wants the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// In which language.
    pub(super) language: Language,
    /// Whether it renews itself.
    pub(super) refresh: bool,
}

/// The page over `board`, as seen at `now`. What only ops are to read is not on a `public` one.
pub(super) fn render(
    board: &Board,
    now: Timestamp,
    wish: Wish,
    public: bool,
) -> Result<String, askama::Error> {
    let words = words(wish.language);
    let zone = board
        .services()
        .next()
        .map_or(Tz::Europe__Paris, |(service, _)| service.zone());
    let services: Vec<ServiceView> = board
        .services()
        .map(|(service, now)| ServiceView::new(board, service, now, words, public))
        .collect();
    let old = now.since(board.now()) > PRESENT_MS_MAX;
    let store = board.store();
    let saving = words.saving(store.backlog, store.backlog_max, store.lost);
    let missed: Vec<(MissCause, u64)> = MissCause::ALL
        .into_iter()
        .map(|cause| (cause, board.missed(cause)))
        .collect();
    StatusPage {
        w: words,
        publisher: &board.catalog().provider.name,
        contact: &board.catalog().provider.contact,
        version: env!("CARGO_PKG_VERSION"),
        root: "",
        as_of: words.as_of(board.now(), zone),
        out_of_date: old.then(|| words.out_of_date(board.now(), zone)),
        refresh: wish.refresh,
        headlines: headlines(board, words),
        services,
        saving: if store.loaded {
            saving
        } else {
            format!("{saving}, {}", words.ours_not_loaded)
        },
        saving_is_well: store.keeps_up() && store.lost == 0 && store.refused == 0,
        forwarding: words.forwarding(store, zone),
        missed: words.causes(&missed),
        board_time: words.instant(board.now(), zone),
    }
    .render()
}

#[derive(Template)]
#[template(path = "status.html", config = "src/web/templates/askama.toml")]
struct StatusPage<'a> {
    w: &'static Words,
    publisher: &'a str,
    contact: &'a str,
    version: &'static str,
    /// From the page to the status page.
    root: &'static str,
    as_of: String,
    out_of_date: Option<String>,
    refresh: bool,
    headlines: Vec<Headline>,
    services: Vec<ServiceView<'a>>,
    saving: String,
    saving_is_well: bool,
    forwarding: Option<String>,
    missed: String,
    board_time: String,
}

/// One sentence on top of the page.
struct Headline {
    code: &'static str,
    text: String,
}

/// The worst first; that all is well only if nothing else is to be said.
fn headlines(board: &Board, words: &Words) -> Vec<Headline> {
    let names = |state: State| -> Vec<&str> {
        board
            .services()
            .filter(|(_, now)| now.state == state)
            .map(|(service, _)| service.name.as_str())
            .collect()
    };
    let n_services = board.services().count();
    [State::Down, State::Degraded, State::Unknown, State::Up]
        .into_iter()
        .filter_map(|state| {
            let names = names(state);
            let all = names.len() == n_services;
            let said = !names.is_empty() && (state != State::Up || all);
            said.then(|| Headline {
                code: state.code(),
                text: words.headline(state, &names, all),
            })
        })
        .collect()
}

struct ServiceView<'a> {
    id: &'a str,
    name: &'a str,
    code: &'static str,
    state: &'static str,
    since: String,
    no_commitment: bool,
    month: Option<MonthView>,
    previous: String,
    days: Option<DaysView>,
    maintenances: Vec<String>,
    endpoints: Vec<EndpointView<'a>>,
    folded: Option<String>,
}

impl<'a> ServiceView<'a> {
    fn new(
        board: &'a Board,
        service: &'a Service,
        now: &ServiceNow,
        words: &'static Words,
        public: bool,
    ) -> Self {
        let zone = service.zone();
        let endpoints: Vec<EndpointView> = board
            .endpoints_of(now)
            .map(|(endpoint, now)| {
                EndpointView::new(endpoint, now, board.now(), zone, words, public)
            })
            .collect();
        let n_not_up = endpoints.iter().filter(|view| view.code != "up").count();
        let folded = (endpoints.len() > ENDPOINTS_SHOWN_MAX)
            .then(|| words.endpoints_folded(endpoints.len(), n_not_up));
        let previous = now.previous_month.as_ref().map(|month| {
            let first = month.statement.window.start().to_local(zone).date_naive();
            let statement = &month.statement;
            words.previous(first, statement.availability, statement.verdict)
        });
        Self {
            id: service.id.as_str(),
            name: &service.name,
            code: now.state.code(),
            state: words.state(now.state),
            since: since(now.since, zone, words),
            no_commitment: board.commitment(service).is_none(),
            month: now
                .month
                .as_ref()
                .map(|month| MonthView::new(month, zone, words)),
            previous: previous.unwrap_or_default(),
            days: DaysView::new(&now.days, words),
            maintenances: maintenances(board, service, zone, words),
            endpoints,
            folded,
        }
    }
}

fn since(at: Option<Timestamp>, zone: Tz, words: &Words) -> String {
    at.map_or(String::new(), |at| words.since(at, zone))
}

fn maintenances(board: &Board, service: &Service, zone: Tz, words: &Words) -> Vec<String> {
    let now = board.now();
    let Some(ahead) = Window::between(now, now.plus_ms(MAINTENANCE_MS)) else {
        return Vec::new();
    };
    // What comes again and again is told once, by its next time.
    let mut planned: Vec<(Window, &str, usize)> = service
        .maintenances
        .iter()
        .filter_map(|planned| {
            let windows = planned.when.within(ahead);
            let (first, more) = windows.as_slice().split_first()?;
            Some((*first, planned.reason.as_str(), more.len()))
        })
        .collect();
    planned.sort_unstable();
    planned
        .into_iter()
        .map(|(window, reason, n_more)| words.maintenance(window, zone, reason, n_more))
        .collect()
}

struct MonthView {
    title: String,
    rates: Option<String>,
    caption: String,
    budget: String,
    spent: String,
    bar: BudgetBar,
    outlook: String,
    outlook_code: &'static str,
}

impl MonthView {
    fn new(month: &MonthNow, zone: Tz, words: &Words) -> Self {
        let statement = &month.statement;
        let (min_ms, max_ms) = (month.remaining_min_ms(), month.remaining_max_ms());
        let elapsed = &month.elapsed;
        let allowed_ms = statement.budget.allowed_ms;
        let outlook = statement
            .outlook
            .unwrap_or(Outlook::from(statement.verdict));
        Self {
            title: words.month(statement.window.start().to_local(zone).date_naive()),
            rates: elapsed.availability().map(|figures| words.rates(figures)),
            caption: words.rate_caption(month.target()),
            budget: words.budget(allowed_ms, min_ms, max_ms),
            spent: words.spent(elapsed.down_ms, elapsed.unknown_ms),
            bar: BudgetBar::new(allowed_ms, elapsed.down_ms, elapsed.unknown_ms),
            outlook: words.outlook(outlook, month.target()),
            outlook_code: outlook.code(),
        }
    }
}

/// Widths in percent of the allowed Down time.
struct BudgetBar {
    down: String,
    unknown: String,
}

impl BudgetBar {
    fn new(allowed_ms: i64, down_ms: i64, unknown_ms: i64) -> Self {
        // In tenths of a percent; anything at all shows.
        let part = |ms: i64| -> i64 {
            let whole = i128::from(allowed_ms.max(1));
            let part = (i128::from(ms) * 1_000 / whole).min(1_000);
            i64::try_from(part)
                .unwrap_or(1_000)
                .max(4 * i64::from(ms > 0))
        };
        let down = part(down_ms);
        let unknown = part(unknown_ms).min(1_000 - down);
        let text = |tenths: i64| format!("{}.{}%", tenths / 10, tenths % 10);
        Self {
            down: text(down),
            unknown: text(unknown),
        }
    }

    /// Where the unknown part begins.
    fn unknown_from(&self) -> &str {
        &self.down
    }
}

struct DaysView {
    summary: String,
    first: String,
    cells: Vec<DayView>,
}

struct DayView {
    date: NaiveDate,
    day: String,
    title: String,
    /// How much of the cell says Down and how much Unknown: `d0` to `d4`, `u0` to `u4`.
    class: String,
    rates: String,
    down: String,
    unknown: String,
}

impl DaysView {
    fn new(days: &[(NaiveDate, Tally)], words: &Words) -> Option<Self> {
        let ((first, _), (last, _)) = (days.first()?, days.last()?);
        let n_down = days.iter().filter(|(_, tally)| tally.down_ms > 0).count();
        let n_unknown = days
            .iter()
            .filter(|(_, tally)| tally.unknown_ms > 0)
            .count();
        Some(Self {
            summary: words.days(*first, *last, n_down, n_unknown),
            first: words.day(*first),
            cells: days
                .iter()
                .map(|(date, tally)| DayView::new(*date, tally, words))
                .collect(),
        })
    }
}

impl DayView {
    fn new(date: NaiveDate, tally: &Tally, words: &Words) -> Self {
        let figures = tally.availability();
        let class = if figures.is_none() {
            "none".to_owned()
        } else {
            let counted_ms = tally.counted_ms();
            let degraded = if tally.degraded_ms > 0 { " g" } else { "" };
            format!(
                "d{} u{}{degraded}",
                level(tally.down_ms, counted_ms),
                level(tally.unknown_ms, counted_ms)
            )
        };
        let duration = |ms: i64| match ms {
            0 => "–".to_owned(),
            ms => words.duration(ms),
        };
        Self {
            date,
            day: words.date(date),
            title: words.day_title(date, figures, tally.down_ms, tally.unknown_ms),
            class,
            rates: figures.map_or("–".to_owned(), |figures| words.rates(figures)),
            down: duration(tally.down_ms),
            unknown: duration(tally.unknown_ms),
        }
    }
}

/// How high a part of a day stands in its cell: not in proportion, for an hour must be seen.
fn level(part_ms: i64, whole_ms: i64) -> u8 {
    if part_ms <= 0 {
        0
    } else if part_ms.saturating_mul(100) < whole_ms {
        1
    } else if part_ms.saturating_mul(20) < whole_ms {
        2
    } else if part_ms.saturating_mul(2) < whole_ms {
        3
    } else {
        4
    }
}

struct EndpointView<'a> {
    id: &'a str,
    label: &'a str,
    note: String,
    code: &'static str,
    state: &'static str,
    since: String,
    last: String,
    latency: String,
    fault_at: String,
    fault: String,
    fault_detail: String,
}

impl<'a> EndpointView<'a> {
    fn new(
        endpoint: &'a Endpoint,
        now: &'a EndpointNow,
        present: Timestamp,
        zone: Tz,
        words: &'static Words,
        public: bool,
    ) -> Self {
        let short = |at: Timestamp| words.short_instant(at, present, zone);
        let failure = now.failures.front();
        Self {
            id: endpoint.id.as_str(),
            label: &endpoint.label,
            note: note(endpoint, now, words),
            code: now.state.code(),
            state: state(now, words),
            since: now.since.map_or("–".to_owned(), short),
            last: now
                .last
                .map_or(words.never.to_owned(), |last| short(last.at)),
            // How fast it was before it failed says nothing of now.
            latency: now
                .latency_ms
                .filter(|_| matches!(now.state, State::Up | State::Degraded))
                .map_or("–".to_owned(), |ms| words.milliseconds(ms)),
            fault_at: failure.map_or(String::new(), |failure| short(failure.at)),
            fault: failure.map_or(words.no_fault.to_owned(), |failure| {
                words.outcome(failure.outcome)
            }),
            fault_detail: failure
                .filter(|_| !public)
                .map_or(String::new(), |failure| {
                    reason(failure.cause.as_deref(), &failure.message)
                }),
        }
    }
}

/// What is to be known about an endpoint beside its state.
pub(super) fn note(endpoint: &Endpoint, now: &EndpointNow, words: &Words) -> String {
    let mut notes: Vec<&str> = Vec::new();
    notes.extend(endpoint.data_provider.as_deref());
    if endpoint.retired {
        notes.push(words.retired);
    } else if !endpoint.contractual {
        notes.push(words.informative);
    }
    if now.never_succeeded() {
        notes.push(words.never_succeeded);
    }
    notes.join(", ")
}

/// The state of an endpoint in words.
pub(super) fn state(now: &EndpointNow, words: &Words) -> &'static str {
    if now.is_being_confirmed() {
        words.being_confirmed
    } else {
        words.state(now.state)
    }
}

/// Why it failed, with the service's own code; for ops.
pub(super) fn reason(cause: Option<&str>, message: &str) -> String {
    match (cause, message) {
        (Some(cause), "") => cause.to_owned(),
        (Some(cause), message) if !message.contains(cause) => format!("{message} ({cause})"),
        (_, message) => message.to_owned(),
    }
}
