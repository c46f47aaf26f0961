//! Commits findings in groups, and tells the keeper once they are safe.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::error;

use super::{Event, Note};
use crate::schedule::MissedTicks;
use crate::sla::catalog::VantageId;
use crate::store::{Missed, Store};

/// Findings committed together at most.
const BATCH_MAX: usize = 5_000;

/// How hard it is to get things saved.
#[derive(Default)]
pub(super) struct Pressure {
    pub(super) lost: AtomicU64,
    pub(super) write_errors: AtomicU64,
    pub(super) size_bytes: AtomicU64,
    pub(super) in_hand: AtomicU64,
}

/// The recorder: takes what waits, commits it together, tells the keeper.
pub(super) fn record(
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
                Note::Seen(finding) => findings.push(*finding),
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
