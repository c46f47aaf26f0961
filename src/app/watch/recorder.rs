//! Commits findings in groups, and tells the keeper once they are safe.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::error;

use super::courier::Errands;
use super::{Event, Note};
use crate::clock::Clock;
use crate::handover::CLOCK_OFF_MS;
use crate::schedule::MissedTicks;
use crate::sla::catalog::VantageId;
use crate::sla::observation::{Finding, Outcome, Void};
use crate::sla::window::{MINUTE_MS, Timestamp};
use crate::store::{Aside, Kept, Missed, Parcel, Refused, Spool, Store, StoreError};

/// Findings committed together at most.
const BATCH_MAX: usize = 5_000;

/// How long findings are gathered for one commit: each commit waits for the disk and costs as much
/// as many probes, and what is lost to a `kill -9` stays below a second.
const GATHER: Duration = Duration::from_millis(500);

/// How often to look for hours to be sealed.
const SEAL_EVERY_MS: i64 = MINUTE_MS;
/// Observations sealed between two commits, about.
const SEALED_AT_ONCE: usize = 20_000;

/// How hard it is to get things saved.
pub(super) struct Pressure {
    pub(super) lost: AtomicU64,
    pub(super) write_errors: AtomicU64,
    pub(super) size_bytes: AtomicU64,
    pub(super) in_hand: AtomicU64,
    pub(super) refused: AtomicU64,
    /// The tick that waits longest in the spool; [`NEVER`] if none does.
    pub(super) waits_since: AtomicI64,
    /// When a collector last took something; [`NEVER`] if none did.
    pub(super) taken_at: AtomicI64,
}

/// No instant.
pub(super) const NEVER: i64 = i64::MIN;

impl Default for Pressure {
    fn default() -> Self {
        Self {
            lost: AtomicU64::new(0),
            write_errors: AtomicU64::new(0),
            size_bytes: AtomicU64::new(0),
            in_hand: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            waits_since: AtomicI64::new(NEVER),
            taken_at: AtomicI64::new(NEVER),
        }
    }
}

impl Pressure {
    /// Counts what was refused for good, and puts it where somebody can look into it.
    pub(super) fn refused(&self, aside: &Aside, refused: &[Refused]) {
        let [first, ..] = refused else {
            return;
        };
        let n_refused = u64::try_from(refused.len()).unwrap_or(u64::MAX);
        self.refused.fetch_add(n_refused, Ordering::Relaxed);
        let path = aside.path().display();
        error!(
            n_refused,
            "observations cannot be kept, and their time will be unknown; the first: {}; they are set aside in `{path}`",
            first.why
        );
        match aside.put(refused) {
            Ok(Kept::Yes) => {}
            Ok(Kept::Full) => error!("`{path}` is full: nothing more is set aside in it"),
            Err(failure) => error!("failed to {failure}"),
        }
    }

    /// Tells what waits in `spool`, and `n_more` beside it.
    pub(super) fn waits(&self, spool: &Spool, n_more: u64) {
        self.in_hand
            .store(n_more + spool.n_findings(), Ordering::Relaxed);
        let since = spool.first_tick().map_or(NEVER, Timestamp::unix_ms);
        self.waits_since.store(since, Ordering::Relaxed);
    }
}

/// The recorder: takes what waits, commits it together, tells the keeper.
pub(super) fn record(
    mut keeping: Keeping,
    clock: &Clock,
    vantage: &VantageId,
    ahead_ms: &AtomicI64,
    mut notes: mpsc::Receiver<Note>,
    events: &mpsc::Sender<Event>,
    pressure: &Pressure,
) {
    let mut sealing = Sealing::from(clock.now());
    while let Some(first) = notes.blocking_recv() {
        // At a stop nobody hands in any more, and nobody should wait.
        if !notes.is_closed() {
            std::thread::sleep(GATHER);
        }
        let mut parcel = Parcel::default();
        let mut missed = Vec::new();
        let mut next = Some(first);
        while let Some(note) = next {
            match note {
                Note::Seen(finding) => parcel.findings.push(*finding),
                Note::Missed(ticks) => missed.extend(ticks),
                Note::Defined(definitions) => parcel.definitions = Some(*definitions),
            }
            next = (parcel.findings.len() < BATCH_MAX)
                .then(|| notes.try_recv().ok())
                .flatten();
        }
        let in_hand = u64::try_from(parcel.findings.len()).unwrap_or(u64::MAX);
        keeping.tell_what_waits(pressure, in_hand);
        let ahead_ms = ahead_ms.load(Ordering::Relaxed);
        if ahead_ms.abs() > CLOCK_OFF_MS {
            for finding in &mut parcel.findings {
                distrust(finding, ahead_ms);
            }
        }
        parcel.missed = missed
            .iter()
            .map(|ticks| missed_row(ticks, vantage))
            .collect();
        let parcel = Arc::new(parcel);
        let saved = match &mut keeping {
            Keeping::Near(store, aside) => insist(pressure, &notes, || {
                let taken = store.take_in(&parcel)?;
                pressure.refused(aside, &taken.refused);
                Ok::<_, StoreError>(())
            }),
            Keeping::Far(errands) => errands.save(&parcel, pressure),
            Keeping::Spool(spool) => put(&mut lock(spool), &parcel, pressure),
        };
        keeping.tell_what_waits(pressure, 0);
        if !saved {
            pressure.lost.fetch_add(in_hand, Ordering::Relaxed);
            continue;
        }
        if let Keeping::Near(store, _) = &mut keeping {
            if let Ok(size_bytes) = store.size_bytes() {
                pressure.size_bytes.store(size_bytes, Ordering::Relaxed);
            }
            // Here, between two commits, it stands in no writer's way.
            sealing.go_on(store, clock.now());
        }
        // The keeper goes only after us.
        if !parcel.findings.is_empty() {
            // The courier may still be on its way with it.
            let findings = Arc::unwrap_or_clone(parcel).findings;
            let _ = events.blocking_send(Event::Stored(findings));
        }
        if !missed.is_empty() {
            let _ = events.blocking_send(Event::Missed(missed));
        }
    }
    if let Keeping::Far(errands) = keeping {
        errands.end();
    }
}

/// Who does not know what time it is has not observed anything: nobody could say when.
pub(super) fn distrust(finding: &mut Finding, ahead_ms: i64) {
    finding.observation.outcome = Outcome::Void(Void::Clock);
    finding.trace.message = format!(
        "not counted: our clock is {} s {} the store's: set it (NTP)",
        ahead_ms.abs() / 1_000,
        if ahead_ms > 0 { "ahead of" } else { "behind" }
    );
}

/// Where the recorder keeps what it takes.
pub(super) enum Keeping {
    /// In a store on this machine: while it fails, everything waits. What it refuses for good goes
    /// to a file.
    Near(Box<Store>, Aside),
    /// In a store that the network may cut off: meanwhile, in a spool.
    Far(Errands),
    /// In a spool, from which another task hands it in elsewhere.
    Spool(Arc<Mutex<Spool>>),
}

/// A spool that a panic left is as good as its files.
pub(super) fn lock(spool: &Mutex<Spool>) -> MutexGuard<'_, Spool> {
    spool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a parcel in the spool; whether it could.
pub(super) fn put(spool: &mut Spool, parcel: &Parcel, pressure: &Pressure) -> bool {
    match spool.put(parcel) {
        Ok(Kept::Yes) => true,
        Ok(Kept::Full) => {
            error!("the spool is full: observations are lost, and their time will be unknown");
            false
        }
        Err(failure) => {
            pressure.write_errors.fetch_add(1, Ordering::Relaxed);
            error!("failed to {failure}; observations are lost, and their time will be unknown");
            false
        }
    }
}

impl Keeping {
    fn tell_what_waits(&self, pressure: &Pressure, n_more: u64) {
        match self {
            Self::Near(..) => pressure.in_hand.store(n_more, Ordering::Relaxed),
            Self::Far(errands) => pressure.waits(&lock(errands.spool()), n_more),
            Self::Spool(spool) => pressure.waits(&lock(spool), n_more),
        }
    }
}

/// Where what can never be handed in from a spool is put.
pub(super) fn aside_of(spool: &Spool) -> Aside {
    Aside::at(spool.folder().join("refused.jsonl"))
}

/// When to seal what is over.
pub(super) struct Sealing {
    next: Timestamp,
}

impl Sealing {
    pub(super) fn from(now: Timestamp) -> Self {
        Self { next: now }
    }

    /// Seals some of what is over, if it is time: so little that nobody waits long. What fails is
    /// tried again: the rows stay.
    pub(super) fn go_on(&mut self, store: &mut Store, now: Timestamp) {
        if now < self.next {
            return;
        }
        let mut n_observations = 0;
        while n_observations < SEALED_AT_ONCE {
            match store.seal(now) {
                Ok(sealed) if sealed.n_blocks > 0 => n_observations += sealed.n_observations,
                Ok(_) => {
                    self.next = now.plus_ms(SEAL_EVERY_MS);
                    return;
                }
                Err(failure) => {
                    error!("failed to {failure}; trying again in a minute");
                    self.next = now.plus_ms(SEAL_EVERY_MS);
                    return;
                }
            }
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
