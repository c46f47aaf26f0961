//! Owns the board, and shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};

use super::recorder::Pressure;
use super::refresher::Picture;
use super::{BACKLOG_MAX, Event, Note, SHOW_EVERY};
use crate::board::{Board, StoreNow};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// Where the keeper reads how much waits for the store.
pub(super) struct Backlog {
    pub(super) notes: mpsc::WeakSender<Note>,
    pub(super) pressure: Arc<Pressure>,
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

/// The keeper: owns the board, and shows it.
pub(super) async fn keep(
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
                Some(Event::Configured(config)) => {
                    metrics.config_taken(clock.now());
                    board.replace(&config.catalog);
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
