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
//!
//! Beside them, the closer settles months that are over, and the postman sends letters. A stop
//! waits for neither: what they do can be done again.

mod asker;
mod closer;
mod keeper;
mod recorder;
mod refresher;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tracing::info;

use super::letters;
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::mail::{Mailer, Sender};
use crate::metrics::Metrics;
use crate::probe::Prober;
use crate::schedule::MissedTicks;
use crate::sla::catalog::{Endpoint, EndpointId};
use crate::sla::observation::Finding;
use crate::sla::window::Timestamp;
use crate::store::{Action, ActionKind, Store};
use crate::web::{self, Pages};

pub use recorder::missed_row;

use asker::{Asker, ask};
use closer::close_months;
use keeper::{Backlog, keep};
use recorder::{Pressure, record};
use refresher::{Picture, refresh};

/// Findings that wait for the store; beyond it they are lost, and counted.
const BACKLOG_MAX: usize = 100_000;
/// Batches that wait for the keeper.
const EVENTS_MAX: usize = 64;
/// How often the board is shown anew; also the longest sleep of the scheduler, so that a wall
/// clock that was set is noticed.
const SHOW_EVERY: Duration = Duration::from_secs(1);

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
    let metrics = Arc::new(Metrics::new(config.metrics.clone(), shown.clone())?);
    metrics.config_taken(now);
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
    let refresher = tokio::spawn(refresh(
        Arc::clone(&config),
        clock.clone(),
        events,
        stopped.clone(),
    ));
    let closer = tokio::spawn(close_months(
        Arc::clone(&config),
        clock.clone(),
        stopped.clone(),
    ));
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
            metrics: Arc::clone(&metrics),
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
        metrics,
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
    let _ = closer.await;
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
