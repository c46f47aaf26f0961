//! Owns the board, and shows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};

use super::recorder::{NEVER, Pressure};
use super::refresher::Picture;
use super::{BACKLOG_MAX, Event, Note, SHOW_EVERY};
use crate::board::{Board, Forwarding, StoreNow};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::observation::{Finding, Observation};
use crate::sla::window::{MINUTE_MS, Timestamp};

/// Where the keeper reads how much waits for the store.
pub(super) struct Backlog {
    pub(super) notes: mpsc::WeakSender<Note>,
    pub(super) pressure: Arc<Pressure>,
    /// Whether what is seen is handed in elsewhere, so that there is nothing to read back.
    pub(super) is_forwarding: bool,
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
            refused: read(&self.pressure.refused),
            waits_since: instant(&self.pressure.waits_since),
            forwarding: self.is_forwarding.then(|| Forwarding {
                taken_at: instant(&self.pressure.taken_at),
            }),
        }
    }
}

fn instant(unix_ms: &AtomicI64) -> Option<Timestamp> {
    match unix_ms.load(Ordering::Relaxed) {
        NEVER => None,
        unix_ms => Timestamp::from_unix_ms(unix_ms),
    }
}

/// What is older was seen before what the board shows already.
const PRESENT_MS: i64 = 5 * MINUTE_MS;

/// What other vantages handed in. It may have waited for hours: then it says how it was.
fn apply_handed_in(board: &mut Board, findings: &[Finding], now: Timestamp) {
    let is_present = |one: &&Finding| now.since(one.observation.at) <= PRESENT_MS;
    let mut past: BTreeMap<(&EndpointId, &VantageId), Vec<Observation>> = BTreeMap::new();
    for finding in findings.iter().filter(|one| !is_present(one)) {
        let seen = past
            .entry((&finding.endpoint, &finding.vantage))
            .or_default();
        seen.push(finding.observation);
    }
    for ((endpoint, vantage), mut observations) in past {
        observations.sort_by_key(|one| one.at);
        board.recall(endpoint, vantage, &observations);
    }
    for finding in findings.iter().filter(is_present) {
        board.apply(finding);
    }
}

/// The keeper: owns the board, and shows it.
pub(super) async fn keep(
    mut board: Board,
    clock: Clock,
    mut events: mpsc::Receiver<Event>,
    show: watch::Sender<Arc<Board>>,
    metrics: Arc<Metrics>,
    backlog: Backlog,
) {
    let mut loaded = backlog.is_forwarding;
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
                Some(Event::HandedIn(findings)) => {
                    apply_handed_in(&mut board, &findings, clock.now());
                }
                Some(Event::Missed(missed)) => {
                    for ticks in missed {
                        board.miss(ticks.cause, ticks.count);
                    }
                }
                Some(Event::Configured(config)) => {
                    metrics.config_taken(clock.now());
                    board.replace(&config.catalog);
                }
                Some(Event::Loaded(pictures)) => {
                    for picture in pictures {
                        hang(&mut board, picture);
                    }
                    if !loaded {
                        loaded = true;
                        // Who waits for a start need not wait for the next beat, too.
                        beat.reset_immediately();
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
