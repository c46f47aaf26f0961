//! The daemon: tick, probe, store, show; and at the end of each month, close.
//!
//! ```text
//! scheduler --Finding--> recorder (a thread) --Event--> keeper --Arc<Board>--> web, metrics
//!                            |                             ^
//!                          store --reader--> refresher ----'
//! ```
//!
//! Every arrow is a bounded channel. First stored, then shown: the keeper, who owns the board,
//! hears of a finding from the recorder. A store that fails fills the first channel; what then
//! overflows is counted, and is Unknown in the statement.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::NaiveDate;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{error, info, warn};

use super::close::{Done, Kind, Order, close, exclusions, unfinished_months};
use super::letters;
use super::load::service_month;
use crate::board::{Board, StoreNow};
use crate::clock::Clock;
use crate::config::Config;
use crate::mail::{Mailer, Sender};
use crate::metrics::Metrics;
use crate::probe::Prober;
use crate::schedule::{MissedTicks, Schedule, Tick};
use crate::sla::availability::Tally;
use crate::sla::catalog::{Endpoint, EndpointId, Service, ServiceId, VantageId};
use crate::sla::observation::{Finding, Observation, Outcome, Trace, Void};
use crate::sla::statement::{Statement, judge};
use crate::sla::timeline::Timeline;
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};
use crate::store::{Action, ActionKind, Missed, Store};
use crate::web::{self, Pages};

/// Findings that wait for the store; beyond it they are lost, and counted.
const BACKLOG_MAX: usize = 100_000;
/// Findings committed together at most.
const BATCH_MAX: usize = 5_000;
/// Batches that wait for the keeper.
const EVENTS_MAX: usize = 64;
/// How often the running month is worked out again.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// How often the board is shown anew; also the longest sleep of the scheduler, so that a wall
/// clock that was set is noticed.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How long probes under way may go on after the stop signal.
const GRACE: Duration = Duration::from_secs(5);
/// The days that the page shows.
const DAYS_SHOWN: i64 = 90;
/// How many months back the daemon closes by itself; older ones are for `vigie close`.
const MONTHS_CLOSED: i32 = 2;

/// Runs the daemon until `stop`.
///
/// # Errors
/// Whatever keeps it from starting: a store that is not ours, secrets or certificates that cannot
/// be read. Once it runs, failures are logged, counted and shown, and it goes on.
pub async fn run(
    config: Config,
    clock: Clock,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let config = Arc::new(config);
    let listen = listener
        .local_addr()
        .context("read the address that the page listens on")?;
    let prober =
        Prober::new(config.vantage.clone())?.with_controls(config.probing.controls.clone());
    let watched: Vec<Arc<Endpoint>> = config
        .catalog
        .endpoints()
        .filter(|(_, endpoint)| !endpoint.retired)
        .map(|(_, endpoint)| Arc::new(endpoint.clone()))
        .collect();
    for endpoint in &watched {
        prober
            .prepare(endpoint)
            .with_context(|| format!("prepare the probe of `{}`", endpoint.id))?;
    }
    // Read now, so that a password that cannot be read or may be read by too many is told at once.
    let mailer = Mailer::new(&config.mail)?;
    let sender = Sender::from_config(&config.mail)?;
    let now = clock.now();
    let mut store = open_store(&config)?;
    let loaded = Action {
        kind: ActionKind::ConfigLoaded,
        what: serde_json::json!({ "sha256": config.sha256 }),
    };
    store.journal("vigie run", now, &loaded)?;
    let last_ticks: Vec<(EndpointId, Timestamp)> = store
        .last_ticks()?
        .into_iter()
        .filter(|(_, vantage, _)| *vantage == config.vantage)
        .map(|(endpoint, _, tick)| (endpoint, tick))
        .collect();

    let board = Board::new(&config.catalog, now);
    let (show, shown) = watch::channel(Arc::new(board.clone()));
    let registry = prometheus::Registry::new();
    let metrics = Arc::new(Metrics::new(&registry, shown.clone())?);
    let (events, from_others) = mpsc::channel(EVENTS_MAX);
    let (to_recorder, notes) = mpsc::channel(BACKLOG_MAX);
    let pressure = Arc::new(Pressure::default());
    let (stopping, stopped) = watch::channel(false);

    let recorder = std::thread::Builder::new()
        .name("recorder".to_owned())
        .spawn({
            let (events, pressure) = (events.clone(), Arc::clone(&pressure));
            let vantage = config.vantage.clone();
            move || record(store, &vantage, notes, &events, &pressure)
        })
        .context("start the recorder")?;
    let keeper = tokio::spawn(keep(
        board,
        clock.clone(),
        from_others,
        show,
        Arc::clone(&metrics),
        Backlog {
            notes: to_recorder.downgrade(),
            pressure: Arc::clone(&pressure),
        },
    ));
    let refresher = tokio::spawn(refresh_and_close(
        Arc::clone(&config),
        clock.clone(),
        events.clone(),
        stopped.clone(),
    ));
    drop(events);
    let postman = mailer.map(|mailer| {
        tokio::spawn(letters::deliver(
            Arc::clone(&config),
            mailer,
            sender,
            clock.clone(),
            Arc::clone(&metrics),
            stopped.clone(),
        ))
    });
    let page_clock = clock.clone();
    let scheduler = tokio::spawn(ask(
        Asker {
            prober,
            clock,
            metrics,
            to_recorder,
            pressure,
        },
        watched,
        last_ticks,
        config.probing.concurrency_max,
        config.vantage.clone(),
        stopped.clone(),
    ));
    let pages = Pages {
        board: shown,
        registry,
        now: Arc::new(move || page_clock.now()),
    };
    let mut until_stopped = stopped;
    let server = tokio::spawn(web::serve(listener, pages, async move {
        let _ = until_stopped.wait_for(|stopped| *stopped).await;
    }));

    info!(
        endpoints = config.catalog.endpoints().count(),
        "watching; the page is at http://{listen}/"
    );
    stop.await;
    info!("stopping: probes under way may end, what was seen is saved");
    let _ = stopping.send(true);
    // In the order of the data: nobody is left waiting for somebody who went first.
    let _ = scheduler.await;
    let _ = refresher.await;
    if let Some(postman) = postman {
        let _ = postman.await;
    }
    let _ = spawn_blocking(move || recorder.join()).await;
    let _ = keeper.await;
    let _ = server.await;
    info!("stopped");
    Ok(())
}

fn open_store(config: &Config) -> anyhow::Result<Store> {
    if let Some(folder) = config.store.path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("create the store's folder `{}`", folder.display()))?;
    }
    Ok(Store::open(&config.store.path)?)
}

/// What the scheduler tells the recorder.
enum Note {
    Seen(Finding),
    Missed(Vec<MissedTicks>),
}

/// What the keeper of the board hears.
enum Event {
    /// These are in the store.
    Stored(Vec<Finding>),
    /// These ticks passed without a probe, and that is in the store.
    Missed(Vec<MissedTicks>),
    /// The store was read: what it says of each service.
    Loaded(Vec<Picture>),
}

/// What the store says of one service.
struct Picture {
    service: ServiceId,
    running: Option<Statement>,
    previous: Option<Statement>,
    timeline: Option<Timeline>,
    days: Vec<(NaiveDate, Tally)>,
    /// The last observations of each endpoint; only at the start.
    recent: Vec<Recent>,
}

struct Recent {
    endpoint: EndpointId,
    vantage: VantageId,
    observations: Vec<Observation>,
}

/// How hard it is to get things saved.
#[derive(Default)]
struct Pressure {
    lost: AtomicU64,
    write_errors: AtomicU64,
    size_bytes: AtomicU64,
    in_hand: AtomicU64,
}

/// Where the keeper reads how much waits for the store.
struct Backlog {
    notes: mpsc::WeakSender<Note>,
    pressure: Arc<Pressure>,
}

impl Backlog {
    fn read(&self, loaded: bool) -> StoreNow {
        let waiting = self
            .notes
            .upgrade()
            .map_or(0, |notes| notes.max_capacity() - notes.capacity());
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreNow {
            loaded,
            backlog: u64::try_from(waiting).unwrap_or(u64::MAX) + read(&self.pressure.in_hand),
            backlog_max: u64::try_from(BACKLOG_MAX / 2).unwrap_or(u64::MAX),
            lost: read(&self.pressure.lost),
            write_errors: read(&self.pressure.write_errors),
            size_bytes: read(&self.pressure.size_bytes),
        }
    }
}

/// Asks endpoints when their ticks are due.
#[derive(Clone)]
struct Asker {
    prober: Prober,
    clock: Clock,
    metrics: Arc<Metrics>,
    to_recorder: mpsc::Sender<Note>,
    pressure: Arc<Pressure>,
}

async fn ask(
    asker: Asker,
    watched: Vec<Arc<Endpoint>>,
    last_ticks: Vec<(EndpointId, Timestamp)>,
    concurrency_max: usize,
    vantage: VantageId,
    mut stopped: watch::Receiver<bool>,
) {
    let mut schedule = Schedule::new(
        watched
            .iter()
            .map(|endpoint| (endpoint.id.clone(), endpoint.interval_ms)),
        &last_ticks,
        asker.clock.now(),
    );
    let by_id: BTreeMap<EndpointId, Arc<Endpoint>> = watched
        .into_iter()
        .map(|endpoint| (endpoint.id.clone(), endpoint))
        .collect();
    let permits = Arc::new(Semaphore::new(concurrency_max));
    let mut under_way: JoinSet<Finding> = JoinSet::new();
    // Which endpoint a task asks, should the task itself be lost.
    let mut asked: BTreeMap<tokio::task::Id, (EndpointId, Timestamp)> = BTreeMap::new();
    // Endpoints whose service asked us to wait: an ignored request to wait can get us banned.
    let mut waiting: BTreeMap<EndpointId, Timestamp> = BTreeMap::new();
    loop {
        let now = asker.clock.now();
        let due = schedule.due(now);
        if !due.missed.is_empty() {
            asker.hand_over(Note::Missed(due.missed));
        }
        for Tick { endpoint, at } in due.ticks {
            let Some(whom) = by_id.get(&endpoint) else {
                continue;
            };
            if let Some(until) = waiting.get(&endpoint) {
                if now < *until {
                    schedule.finished(&endpoint);
                    let message = format!("not asked: the service asked us to wait until {until}");
                    let void = unasked(endpoint, &vantage, at, Void::RateLimited, message);
                    asker.hand_over(Note::Seen(void));
                    continue;
                }
                waiting.remove(&endpoint);
            }
            let (whom, asker, permits) = (Arc::clone(whom), asker.clone(), Arc::clone(&permits));
            let task = under_way.spawn(async move {
                // The semaphore is never closed.
                let _permit = permits.acquire_owned().await;
                let begin = asker.clock.now();
                asker.metrics.started(begin.since(at));
                asker.prober.probe(&whom, at, begin).await
            });
            asked.insert(task.id(), (endpoint, at));
        }
        let wait_ms = schedule
            .next_wake()
            .map_or(i64::MAX, |wake| wake.since(asker.clock.now()));
        let wait = Duration::from_millis(wait_ms.max(0).unsigned_abs()).min(SHOW_EVERY);
        tokio::select! {
            Some(finished) = under_way.join_next_with_id() => {
                let finding = match finished {
                    Ok((task, finding)) => {
                        asked.remove(&task);
                        finding
                    }
                    Err(failed) => {
                        // A probe that panicked has asked nothing that we can vouch for.
                        let Some((endpoint, tick)) = asked.remove(&failed.id()) else {
                            continue;
                        };
                        error!(endpoint = %endpoint, "the probe of `{endpoint}` broke off: {failed}");
                        let message = "the probe broke off inside the monitor".to_owned();
                        unasked(endpoint, &vantage, tick, Void::NotExecuted, message)
                    }
                };
                schedule.finished(&finding.endpoint);
                if let Some(wait_ms) = finding.trace.retry_after_ms {
                    let until = asker.clock.now().plus_ms(wait_ms);
                    waiting.insert(finding.endpoint.clone(), until);
                }
                asker.hand_over(Note::Seen(finding));
            }
            () = tokio::time::sleep(wait) => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    // Let those under way end, within bounds; what does not end was not observed.
    let drain = async {
        while let Some(finished) = under_way.join_next().await {
            if let Ok(finding) = finished {
                asker.hand_over(Note::Seen(finding));
            }
        }
    };
    let _ = tokio::time::timeout(GRACE, drain).await;
}

/// A tick at which nothing was asked, on record with the reason.
fn unasked(
    endpoint: EndpointId,
    vantage: &VantageId,
    tick: Timestamp,
    reason: Void,
    message: String,
) -> Finding {
    Finding {
        endpoint,
        vantage: vantage.clone(),
        observation: Observation {
            tick,
            at: tick,
            outcome: Outcome::Void(reason),
        },
        trace: Trace {
            message,
            ..Trace::default()
        },
    }
}

impl Asker {
    /// Hands a note to the recorder; if too many wait, it is lost, and counted.
    fn hand_over(&self, note: Note) {
        let n_lost = match self.to_recorder.try_send(note) {
            Ok(()) => return,
            Err(
                mpsc::error::TrySendError::Full(note) | mpsc::error::TrySendError::Closed(note),
            ) => match note {
                Note::Seen(_) => 1,
                Note::Missed(_) => 0,
            },
        };
        let before = self.pressure.lost.fetch_add(n_lost, Ordering::Relaxed);
        if before == 0 && n_lost > 0 {
            error!("the backlog is full: observations are lost, and their time will be unknown");
        }
    }
}

/// The recorder: takes what waits, commits it together, tells the keeper.
fn record(
    mut store: Store,
    vantage: &VantageId,
    mut notes: mpsc::Receiver<Note>,
    events: &mpsc::Sender<Event>,
    pressure: &Pressure,
) {
    while let Some(first) = notes.blocking_recv() {
        let mut findings = Vec::new();
        let mut missed = Vec::new();
        let mut next = Some(first);
        while let Some(note) = next {
            match note {
                Note::Seen(finding) => findings.push(finding),
                Note::Missed(ticks) => missed.extend(ticks),
            }
            next = (findings.len() < BATCH_MAX)
                .then(|| notes.try_recv().ok())
                .flatten();
        }
        let in_hand = u64::try_from(findings.len()).unwrap_or(u64::MAX);
        pressure.in_hand.store(in_hand, Ordering::Relaxed);
        let rows: Vec<Missed> = missed
            .iter()
            .map(|ticks| missed_row(ticks, vantage))
            .collect();
        let saved = insist(pressure, &notes, || {
            // Missed ticks first: a schedule that starts again goes on after the last tick that
            // was taken, and would not count those before it.
            store.save_missed(&rows)?;
            store.append(&findings).map(drop)
        });
        if !saved {
            pressure.lost.fetch_add(in_hand, Ordering::Relaxed);
            continue;
        }
        pressure.in_hand.store(0, Ordering::Relaxed);
        if let Ok(size_bytes) = store.size_bytes() {
            pressure.size_bytes.store(size_bytes, Ordering::Relaxed);
        }
        // The keeper goes only after us.
        if !findings.is_empty() {
            let _ = events.blocking_send(Event::Stored(findings));
        }
        if !missed.is_empty() {
            let _ = events.blocking_send(Event::Missed(missed));
        }
    }
}

/// Does it until it succeeds, waiting longer and longer between tries. Once nobody hands in notes
/// any more, a few tries must do: the process is asked to end.
fn insist<E: std::error::Error>(
    pressure: &Pressure,
    notes: &mpsc::Receiver<Note>,
    mut work: impl FnMut() -> Result<(), E>,
) -> bool {
    let mut wait = Duration::from_millis(100);
    let mut n_last_tries = 0;
    while let Err(failure) = work() {
        let n_errors = pressure.write_errors.fetch_add(1, Ordering::Relaxed) + 1;
        n_last_tries += u32::from(notes.is_closed());
        if n_last_tries > 3 {
            error!(
                n_errors,
                "failed to {failure}; gave up: what was seen last is lost"
            );
            return false;
        }
        error!(
            n_errors,
            "failed to {failure}; trying again in {} ms",
            wait.as_millis()
        );
        std::thread::sleep(wait);
        wait = (wait * 2).min(Duration::from_secs(10));
    }
    true
}

/// The keeper: owns the board, and shows it.
async fn keep(
    mut board: Board,
    clock: Clock,
    mut events: mpsc::Receiver<Event>,
    show: watch::Sender<Arc<Board>>,
    metrics: Arc<Metrics>,
    backlog: Backlog,
) {
    let mut loaded = false;
    let mut beat = tokio::time::interval(SHOW_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Stored(findings)) => {
                    for finding in &findings {
                        board.apply(finding);
                        metrics.record(finding);
                    }
                }
                Some(Event::Missed(missed)) => {
                    for ticks in missed {
                        board.miss(ticks.cause, ticks.count);
                    }
                }
                Some(Event::Loaded(pictures)) => {
                    loaded = true;
                    for picture in pictures {
                        hang(&mut board, picture);
                    }
                }
                None => break,
            },
            _ = beat.tick() => {
                board.tick(clock.now());
                board.set_store(backlog.read(loaded));
                show.send_replace(Arc::new(board.clone()));
            }
        }
    }
}

fn hang(board: &mut Board, picture: Picture) {
    for recent in picture.recent {
        board.recall(&recent.endpoint, &recent.vantage, &recent.observations);
    }
    if let Some(timeline) = &picture.timeline {
        board.recall_service(&picture.service, timeline);
    }
    if let Some(running) = picture.running {
        board.set_month(&picture.service, running);
    }
    if let Some(previous) = picture.previous {
        board.set_previous_month(&picture.service, previous);
    }
    board.set_days(&picture.service, picture.days);
}

/// Works out the running month every minute, and closes months that are over.
async fn refresh_and_close(
    config: Arc<Config>,
    clock: Clock,
    events: mpsc::Sender<Event>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut past = Past::default();
    let mut next_closing: Option<Timestamp> = None;
    loop {
        let now = clock.now();
        let work = spawn_blocking({
            let config = Arc::clone(&config);
            move || {
                let pictures = read_pictures(&config, &mut past, now);
                (past, pictures)
            }
        });
        match work.await {
            Ok((kept, Ok(pictures))) => {
                past = kept;
                let _ = events.send(Event::Loaded(pictures)).await;
            }
            Ok((kept, Err(failure))) => {
                past = kept;
                error!("failed to work out the running month: {failure:#}");
            }
            Err(failure) => {
                past = Past::default();
                error!("failed to work out the running month: {failure}");
            }
        }
        if next_closing.is_none_or(|next| next <= now) {
            let config = Arc::clone(&config);
            let outcome = spawn_blocking(move || close_what_is_over(&config, now)).await;
            next_closing = match outcome {
                Ok(Ok(AllStand(true))) => None,
                Ok(Ok(AllStand(false))) => Some(now.plus_ms(24 * HOUR_MS)),
                Ok(Err(failure)) => {
                    error!("failed to {failure:#}; trying again in ten minutes");
                    Some(now.plus_ms(10 * MINUTE_MS))
                }
                Err(failure) => {
                    error!("failed to close: {failure}; trying again in ten minutes");
                    Some(now.plus_ms(10 * MINUTE_MS))
                }
            };
        }
        tokio::select! {
            () = tokio::time::sleep(REFRESH_EVERY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Whether every saved statement still fits its evidence; if not, somebody was told, and is not
/// told again every minute.
struct AllStand(bool);

fn close_what_is_over(config: &Config, now: Timestamp) -> anyhow::Result<AllStand> {
    let mut all_stand = true;
    let reader = Store::open_reader(&config.store.path)?;
    let months = unfinished_months(config, &reader, now, MONTHS_CLOSED)?;
    drop(reader);
    let mut failed = None;
    for month in months.into_iter().rev() {
        // A month that cannot be closed keeps no other from being closed.
        match close_one(config, now, &month) {
            Ok(AllStand(stand)) => all_stand &= stand,
            Err(failure) => {
                error!(month, "failed to {failure:#}");
                failed = Some(month);
            }
        }
    }
    match failed {
        None => Ok(AllStand(all_stand)),
        Some(month) => bail!("close {month}"),
    }
}

fn close_one(config: &Config, now: Timestamp, month: &str) -> anyhow::Result<AllStand> {
    let mut all_stand = true;
    let order = Order {
        month,
        partner: None,
        service: None,
        kind: Kind::Final,
        who: "vigie run",
    };
    let mut store = Store::open_beside(&config.store.path)?;
    for closed in close(config, &mut store, now, &order, &mut |_| {})? {
        match closed.done {
            Done::Differs => {
                all_stand = false;
                warn!(
                    report = closed.number,
                    partner = closed.partner,
                    "the saved statement no longer fits its evidence: see `vigie close --revise`"
                );
            }
            Done::Saved(_) | Done::Revised(_) => info!(
                report = closed.number,
                partner = closed.partner,
                verdict = closed.verdict.code(),
                "closed {} for {}: {}",
                closed.number,
                closed.partner,
                closed.verdict.code()
            ),
            Done::Unchanged(_) | Done::Provisional(_) | Done::DryRun => {}
        }
    }
    Ok(AllStand(all_stand))
}

/// What is worked out once and does not change any more.
#[derive(Default)]
struct Past {
    /// By service: the month that was running, the statement of the one before, and the days
    /// before it.
    services: BTreeMap<ServiceId, PastService>,
}

struct PastService {
    running: Month,
    previous: Option<Statement>,
    days: BTreeMap<NaiveDate, Tally>,
}

fn read_pictures(config: &Config, past: &mut Past, now: Timestamp) -> anyhow::Result<Vec<Picture>> {
    let store = Store::open_reader(&config.store.path)?;
    config
        .catalog
        .services
        .iter()
        .map(|service| read_picture(&store, service, past, now))
        .collect()
}

fn read_picture(
    store: &Store,
    service: &Service,
    past: &mut Past,
    now: Timestamp,
) -> anyhow::Result<Picture> {
    let running = Month::containing(now, service.zone());
    let mut recent = Vec::new();
    if past
        .services
        .get(&service.id)
        .is_none_or(|known| known.running != running)
    {
        let known = read_past(store, service, running, now)?;
        past.services.insert(service.id.clone(), known);
        recent = read_recent(store, service, now)?;
    }
    let (statement, timeline) = match whole_month(store, service, running, now)? {
        Some((statement, timeline)) => (Some(statement), Some(timeline)),
        None => (None, None),
    };
    let known = past.services.get(&service.id);
    let mut days: BTreeMap<NaiveDate, Tally> =
        known.map(|known| known.days.clone()).unwrap_or_default();
    if let Some(statement) = &statement {
        days.extend(days_of(statement, running, now));
    }
    let first = now.plus_ms(-(DAYS_SHOWN - 1) * 24 * HOUR_MS);
    let first = first.to_local(service.zone()).date_naive();
    Ok(Picture {
        service: service.id.clone(),
        running: statement,
        previous: known.and_then(|known| known.previous.clone()),
        timeline,
        days: days
            .into_iter()
            .filter(|(date, _)| *date >= first)
            .collect(),
        recent,
    })
}

fn read_past(
    store: &Store,
    service: &Service,
    running: Month,
    now: Timestamp,
) -> anyhow::Result<PastService> {
    let mut days = BTreeMap::new();
    let mut previous = None;
    // Ninety days touch at most three months before the running one.
    for back in (1..=3).rev() {
        let month = running.plus_months(-back);
        let Some((statement, _)) = whole_month(store, service, month, now)? else {
            continue;
        };
        days.extend(days_of(&statement, month, now));
        previous = (back == 1).then_some(statement);
    }
    Ok(PastService {
        running,
        previous,
        days,
    })
}

/// A month of a service as it is for a partner who is connected all through it, with the time
/// line of the service.
fn whole_month(
    store: &Store,
    service: &Service,
    month: Month,
    now: Timestamp,
) -> anyhow::Result<Option<(Statement, Timeline)>> {
    let Some(seen) = service_month(store, service, month, now)? else {
        return Ok(None);
    };
    let window = month.window();
    let exclusions = exclusions(store, &seen, None)?;
    let statement = judge(&seen.record, &window.into(), &exclusions, seen.terms());
    Ok(Some((statement, seen.record.service)))
}

/// The days of a month up to now, each with its time by class.
fn days_of(statement: &Statement, month: Month, now: Timestamp) -> Vec<(NaiveDate, Tally)> {
    month
        .window()
        .local_days(month.zone())
        .into_iter()
        .filter_map(|(date, day)| {
            let known = Window::between(day.start(), day.end().min(now))?;
            Some((date, statement.ledger.tally_within(known)))
        })
        .collect()
}

/// What was seen in the last hours, for the states and their beginnings.
fn read_recent(store: &Store, service: &Service, now: Timestamp) -> anyhow::Result<Vec<Recent>> {
    let window = Window::new(now.plus_ms(-24 * HOUR_MS), now)?;
    let mut recent = Vec::new();
    for endpoint in &service.endpoints {
        for (vantage, observations) in store.observations(&endpoint.id, window)? {
            recent.push(Recent {
                endpoint: endpoint.id.clone(),
                vantage,
                observations,
            });
        }
    }
    Ok(recent)
}

/// Missed ticks as the store keeps them.
pub fn missed_row(ticks: &MissedTicks, vantage: &VantageId) -> Missed {
    Missed {
        vantage: vantage.clone(),
        endpoint: ticks.endpoint.clone(),
        first: ticks.first,
        last: ticks.last,
        count: ticks.count,
        cause: ticks.cause,
    }
}
