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
//! overflows is counted, and is Unknown in the statement. To a store on a server a courier brings
//! findings, and what it cannot bring at once waits in a spool, on disk.
//!
//! Where the store is shared, a task gives signs of life to it, and learns whether this instance
//! leads: only the leader closes months and sends letters.
//!
//! What other vantages hand in comes to a thread beside the recorder, which keeps it and tells the
//! keeper. An instance that hands in itself has no store: its recorder puts into a spool, and a
//! task empties that at the collector; nothing below concerns it.
//!
//! Beside them, the closer settles months that are over, and the postman sends letters. A stop
//! waits for neither: what they do can be done again.

mod asker;
mod closer;
mod courier;
mod forwarder;
mod intake;
mod keeper;
mod plan;
mod presence;
mod recorder;
mod refresher;
mod retainer;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Config, StoreConfig};
use crate::metrics::Metrics;
use crate::schedule::MissedTicks;
use crate::sla::observation::Finding;
use crate::sla::window::Timestamp;
use crate::store::{Action, ActionKind, Aside, Definitions, Sender, Spool, Store, StoreError};
use crate::web::{self, Failures, Pages};

pub use presence::Lead;
pub use recorder::missed_row;

use asker::{Asker, ask_aside};
use courier::Courier;
use forwarder::{Forwarder, hand_in};
use intake::{Door, Taker};
use keeper::{Backlog, keep};
use plan::{Plan, Shift};
use presence::be_present;
use recorder::{Keeping, Pressure, record};
use refresher::Picture;

/// Findings that wait for the store; beyond it they are lost, and counted.
const BACKLOG_MAX: usize = 100_000;
/// What waits on disk at most for a store that cannot be reached.
const SPOOL_BYTES_MAX: u64 = 1 << 30;
/// Batches that wait for the keeper.
const EVENTS_MAX: usize = 64;
/// How many failures an endpoint's page shows at most.
const FAILURES_SHOWN: usize = 20;
/// How often the board is shown anew; also the longest sleep of the scheduler, so that a wall
/// clock that was set is noticed.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Who acts, in the journal.
const WHO: &str = "vigie run";

/// Runs the daemon until `stop`.
///
/// Each path that comes through `reloads` is read as the new configuration: if all of it is right,
/// it takes the place of the old one as a whole; otherwise nothing changes.
///
/// # Errors
/// Whatever keeps it from starting: a store that is not ours, secrets or certificates that cannot
/// be read. Once it runs, failures are logged, counted and shown, and it goes on.
pub async fn run(
    config: Config,
    clock: Clock,
    listener: TcpListener,
    mut reloads: mpsc::Receiver<PathBuf>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let listen = listener
        .local_addr()
        .context("read the address that the page listens on")?;
    let now = clock.now();
    let mut plan = Plan::new(config, now)?;
    let mut config = Arc::clone(&plan.config);
    let pressure = Arc::new(Pressure::default());
    let Opened {
        keeping,
        sender,
        ahead_ms,
    } = open_store(&mut plan, &clock, now, &pressure)?;

    let board = Board::new(&config.catalog, now);
    let (show, shown) = watch::channel(Arc::new(board.clone()));
    let metrics = Arc::new(Metrics::new(config.metrics.clone(), shown.clone())?);
    metrics.config_taken(now);
    let (events, from_others) = mpsc::channel(EVENTS_MAX);
    let (to_recorder, notes) = mpsc::channel(BACKLOG_MAX);
    let _ = to_recorder.send(Note::defined(&config)).await;
    let to_recorder_of_changes = to_recorder.downgrade();
    let ahead_ms = Arc::new(AtomicI64::new(ahead_ms));
    let (leading, lead) = watch::channel(Lead::at_first(&config));
    let (stopping, stopped) = watch::channel(false);
    let (all_is_seen, seen_all) = watch::channel(false);
    let forwarder = match (&config.store, &keeping, sender) {
        (StoreConfig::Collector(collector), Keeping::Spool(spool), Some(sender)) => {
            let forwarder = Forwarder::new(
                collector.as_ref().clone(),
                config.vantage.clone(),
                clock.clone(),
                Arc::clone(spool),
                sender,
                Arc::clone(&pressure),
                Arc::clone(&ahead_ms),
            )?;
            info!(
                "what is seen is handed in at {}; months are closed and letters sent there",
                collector.url
            );
            Some(tokio::spawn(hand_in(forwarder, seen_all)))
        }
        _ => None,
    };

    let recorder = std::thread::Builder::new()
        .name("recorder".to_owned())
        .spawn({
            let (events, pressure) = (events.clone(), Arc::clone(&pressure));
            let (clock, ahead_ms) = (clock.clone(), Arc::clone(&ahead_ms));
            let vantage = config.vantage.clone();
            move || {
                record(
                    keeping, &clock, &vantage, &ahead_ms, notes, &events, &pressure,
                )
            }
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
            is_forwarding: forwarder.is_some(),
        },
    ));
    let (watch_lists, watch_list) = watch::channel(plan.watch_list.clone());
    let prober = ask_aside(
        Asker {
            clock: clock.clone(),
            vantage: config.vantage.clone(),
            metrics: Arc::clone(&metrics),
            to_recorder,
            pressure,
        },
        watch_list,
        stopped.clone(),
    )?;
    let (beside, door) = match &config.web.intake {
        Some(intake) => {
            let taker = Taker::new(
                Arc::clone(&config),
                clock.clone(),
                Arc::clone(&ahead_ms),
                shown.clone(),
                Arc::clone(&metrics),
                events.clone(),
            );
            let (beside, door) = Door::open(intake, taker, &stopped).await?;
            (beside, Some(door))
        }
        None => (None, None),
    };
    let is_shared = matches!(config.store, StoreConfig::Server(_)) || door.is_some();
    let presence = is_shared.then(|| {
        tokio::spawn(be_present(
            Arc::clone(&config),
            clock.clone(),
            leading,
            ahead_ms,
            Arc::clone(&metrics),
            stopped.clone(),
        ))
    });
    let mut shift = Shift::begin(plan, &clock, &events, &metrics, &lead);
    let page_clock = clock.clone();
    let pages = Pages {
        board: shown,
        metrics: Arc::clone(&metrics),
        now: Arc::new(move || page_clock.now()),
        failures: failures_on_record(config.store.clone()),
        public: config.web.public,
    };
    let server = tokio::spawn(web::serve(listener, pages, beside, until(stopped)));

    info!(
        endpoints = config.catalog.endpoints().count(),
        "watching; the page is at http://{listen}/"
    );
    tell_supervisor(&[NotifyState::Ready]);
    let mut stop = pin!(stop);
    loop {
        let file = tokio::select! {
            () = &mut stop => break,
            Some(file) = reloads.recv() => file,
        };
        tell_reloading();
        match reload(&file, &config, &clock).await {
            Ok(plan) => {
                config = Arc::clone(&plan.config);
                // The board first: what is asked next is known on it.
                let _ = events.send(Event::Configured(Arc::clone(&config))).await;
                if let Some(to_recorder) = to_recorder_of_changes.upgrade() {
                    let _ = to_recorder.send(Note::defined(&config)).await;
                }
                watch_lists.send_replace(plan.watch_list.clone());
                shift.end().await;
                shift = Shift::begin(plan, &clock, &events, &metrics, &lead);
                info!(
                    endpoints = config.catalog.endpoints().count(),
                    "the configuration `{}` is in force",
                    file.display()
                );
            }
            Err(refusal) => {
                metrics.config_refused();
                error!("failed to reload: {refusal:#}; the former configuration stays in force");
            }
        }
        tell_supervisor(&[NotifyState::Ready]);
    }
    info!("stopping: probes under way may end, what was seen is saved");
    tell_supervisor(&[NotifyState::Stopping]);
    let _ = stopping.send(true);
    drop(events);
    // In the order of the data: nobody is left waiting for somebody who went first.
    let _ = spawn_blocking(move || prober.join()).await;
    shift.end().await;
    if let Some(presence) = presence {
        let _ = presence.await;
    }
    let _ = spawn_blocking(move || recorder.join()).await;
    let _ = all_is_seen.send(true);
    if let Some(forwarder) = forwarder {
        let _ = forwarder.await;
    }
    let _ = server.await;
    if let Some(door) = door {
        door.closed().await;
    }
    let _ = keeper.await;
    info!("stopped");
    Ok(())
}

async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// The configuration in `file`, checked and on record; or why not, on record too.
async fn reload(file: &Path, in_force: &Arc<Config>, clock: &Clock) -> anyhow::Result<Plan> {
    let (file, in_force, now) = (file.to_owned(), Arc::clone(in_force), clock.now());
    spawn_blocking(move || {
        // There is no journal without a store.
        if let StoreConfig::Collector(_) = in_force.store {
            return Plan::reload(&file, &in_force, now);
        }
        let mut store = Store::open_beside(&in_force.store)?;
        let plan = Plan::reload(&file, &in_force, now).and_then(|mut plan| {
            plan.comes_into_force(&mut store, now)?;
            Ok(plan)
        });
        plan.or_else(|refusal| {
            let refused = Action {
                kind: ActionKind::ConfigRefused,
                what: serde_json::json!({
                    "reason": format!("{refusal:#}"),
                    "vantage": in_force.vantage.as_str(),
                }),
            };
            store.journal(WHO, now, &refused)?;
            Err(refusal)
        })
    })
    .await
    .context("read the configuration")?
}

/// Tells systemd, if it started us and wants to know. That it cannot be told keeps nothing from
/// working.
fn tell_supervisor(states: &[NotifyState<'_>]) {
    if let Err(failure) = sd_notify::notify(states) {
        warn!("failed to tell the supervisor: {failure}");
    }
}

fn tell_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell_supervisor(&[NotifyState::Reloading, now]),
        Err(failure) => warn!("failed to read the monotonic clock: {failure}"),
    }
}

/// How the pages learn why an endpoint failed: through one connection, one page at a time.
fn failures_on_record(place: StoreConfig) -> Failures {
    // They are on record where the collector is.
    if let StoreConfig::Collector(_) = place {
        return Arc::new(|_| None);
    }
    let reader: Mutex<Option<Store>> = Mutex::default();
    Arc::new(move |endpoint| {
        let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read = || {
            let store = match reader.take() {
                Some(store) => store,
                None => Store::open_reader(&place)?,
            };
            let failures = store.traces(endpoint, FAILURES_SHOWN)?;
            // One that failed is not used again.
            *reader = Some(store);
            Ok::<_, StoreError>(failures)
        };
        read()
            .inspect_err(|failure| error!("failed to {failure}; the endpoint's page goes without"))
            .ok()
    })
}

/// Where to keep what is seen.
struct Opened {
    keeping: Keeping,
    /// Who hands it in elsewhere, if somebody does.
    sender: Option<Sender>,
    /// How far our clock is ahead of the store's, in milliseconds: known before anything is seen,
    /// since one that is off says so in every observation.
    ahead_ms: i64,
}

/// Opens the store, in which `plan` comes into force.
fn open_store(
    plan: &mut Plan,
    clock: &Clock,
    now: Timestamp,
    pressure: &Arc<Pressure>,
) -> anyhow::Result<Opened> {
    let config = Arc::clone(&plan.config);
    let in_full = config.retention.failures_in_full;
    let mut begin = |store: &mut Store| {
        plan.comes_into_force(store, now)?;
        anyhow::Ok(now.since(store.clock(now)?))
    };
    match &config.store {
        StoreConfig::File(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("create the store's folder `{}`", folder.display()))?;
            }
            let mut aside = path.as_os_str().to_owned();
            aside.push(".refused.jsonl");
            let mut store = Store::open(&config.store)?.with_failures_in_full(in_full);
            Ok(Opened {
                ahead_ms: begin(&mut store)?,
                keeping: Keeping::Near(Box::new(store), Aside::at(aside.into())),
                sender: None,
            })
        }
        StoreConfig::Server(server) => {
            let store = Store::open(&config.store)?.with_failures_in_full(in_full);
            let spool = Spool::open(&server.spool, SPOOL_BYTES_MAX)?;
            let mut courier = Courier::new(store, spool, clock.clone(), Arc::clone(pressure))?;
            Ok(Opened {
                ahead_ms: begin(&mut courier.store)?,
                keeping: Keeping::Far(courier.start()?),
                sender: None,
            })
        }
        StoreConfig::Collector(collector) => {
            let sender = Sender::of(&collector.spool)?;
            let spool = Spool::open(&collector.spool, SPOOL_BYTES_MAX)?;
            Ok(Opened {
                keeping: Keeping::Spool(Arc::new(Mutex::new(spool))),
                sender: Some(sender),
                ahead_ms: 0,
            })
        }
    }
}

/// What the scheduler tells the recorder.
enum Note {
    Seen(Box<Finding>),
    Missed(Vec<MissedTicks>),
    /// Endpoints are defined so from now on.
    Defined(Box<Definitions>),
}

impl Note {
    fn defined(config: &Config) -> Self {
        Self::Defined(Box::new(Definitions::of(&config.vantage, &config.catalog)))
    }
}

/// What the keeper of the board hears.
enum Event {
    /// These are in the store.
    Stored(Vec<Finding>),
    /// Other vantages handed these in, and they are in the store.
    HandedIn(Vec<Finding>),
    /// These ticks passed without a probe, and that is in the store.
    Missed(Vec<MissedTicks>),
    /// From now on this is watched.
    Configured(Arc<Config>),
    /// The store was read: what it says of each service.
    Loaded(Vec<Picture>),
}
