//! Commits findings in groups, and tells the keeper once they are safe.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::{error, info};

use super::presence::CLOCK_OFF_MS;
use super::{Event, Note};
use crate::clock::Clock;
use crate::schedule::MissedTicks;
use crate::sla::catalog::VantageId;
use crate::sla::observation::{Finding, Outcome, Void};
use crate::sla::window::{MINUTE_MS, Timestamp};
use crate::store::{Kept, Missed, Parcel, Spool, Store, StoreError};

/// Findings committed together at most.
const BATCH_MAX: usize = 5_000;

/// How long findings are gathered for one commit: each commit waits for the disk and costs as much
/// as some probes, and what is lost to a `kill -9` stays well below a second.
const GATHER: Duration = Duration::from_millis(200);

/// How long to wait before a store that failed is tried again: at first, and at most.
const WAIT_MIN: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// How often a server is asked how large the database is.
const MEASURE_EVERY: Duration = Duration::from_secs(60);

/// How often to look for hours to be sealed.
const SEAL_EVERY_MS: i64 = MINUTE_MS;
/// Observations sealed between two commits, about.
const SEALED_AT_ONCE: usize = 20_000;

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
    mut keeping: Keeping,
    clock: &Clock,
    vantage: &VantageId,
    ahead_ms: &AtomicI64,
    mut notes: mpsc::Receiver<Note>,
    events: &mpsc::Sender<Event>,
    pressure: &Pressure,
) {
    let mut next_sealing = clock.now();
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
            }
            next = (parcel.findings.len() < BATCH_MAX)
                .then(|| notes.try_recv().ok())
                .flatten();
        }
        let in_hand = u64::try_from(parcel.findings.len()).unwrap_or(u64::MAX);
        pressure
            .in_hand
            .store(in_hand + keeping.n_spooled(), Ordering::Relaxed);
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
        let saved = match &mut keeping {
            Keeping::Near(store) => insist(pressure, &notes, || store.take_in(&parcel)),
            Keeping::Far(far) => far.save(&parcel, pressure),
        };
        pressure
            .in_hand
            .store(keeping.n_spooled(), Ordering::Relaxed);
        if !saved {
            pressure.lost.fetch_add(in_hand, Ordering::Relaxed);
            continue;
        }
        keeping.measure(pressure);
        if next_sealing <= clock.now() && !seal(&mut keeping, clock.now()) {
            next_sealing = clock.now().plus_ms(SEAL_EVERY_MS);
        }
        // The keeper goes only after us.
        if !parcel.findings.is_empty() {
            let _ = events.blocking_send(Event::Stored(parcel.findings));
        }
        if !missed.is_empty() {
            let _ = events.blocking_send(Event::Missed(missed));
        }
    }
    if let Keeping::Far(far) = &mut keeping {
        far.end();
    }
}

/// Who does not know what time it is has not observed anything: nobody could say when.
fn distrust(finding: &mut Finding, ahead_ms: i64) {
    finding.observation.outcome = Outcome::Void(Void::Clock);
    finding.trace.message = format!(
        "not counted: our clock is {} s {} the store's: set it (NTP)",
        ahead_ms.abs() / 1_000,
        if ahead_ms > 0 { "ahead of" } else { "behind" }
    );
}

/// Where the recorder keeps what it takes.
pub(super) enum Keeping {
    /// In a store on this machine: while it fails, everything waits.
    Near(Box<Store>),
    /// In a store that the network may cut off: meanwhile, in a spool.
    Far(Box<Far>),
}

impl Keeping {
    pub(super) fn store(&mut self) -> &mut Store {
        match self {
            Self::Near(store) => store,
            Self::Far(far) => &mut far.store,
        }
    }

    fn n_spooled(&self) -> u64 {
        match self {
            Self::Near(_) => 0,
            Self::Far(far) => far.spool.n_findings(),
        }
    }

    fn measure(&mut self, pressure: &Pressure) {
        let size_bytes = match self {
            Self::Near(store) => store.size_bytes(),
            Self::Far(far) => {
                // Asking a server takes as long as committing.
                let now = Instant::now();
                if now < far.next_measure {
                    return;
                }
                far.next_measure = now + MEASURE_EVERY;
                far.store.size_bytes()
            }
        };
        if let Ok(size_bytes) = size_bytes {
            pressure.size_bytes.store(size_bytes, Ordering::Relaxed);
        }
    }
}

/// A store that the network may cut off, and the spool before it.
pub(super) struct Far {
    store: Store,
    spool: Spool,
    /// When the store may be tried again, and how long to wait after that.
    next_try: Instant,
    wait: Duration,
    next_measure: Instant,
}

impl Far {
    /// Hands in first what waits from before: a schedule goes on after what the store knows.
    pub(super) fn new(mut store: Store, mut spool: Spool) -> Result<Self, StoreError> {
        while !spool.is_empty() {
            spool.hand_in(|parcel| store.take_in(&parcel))?;
        }
        Ok(Self {
            store,
            spool,
            next_try: Instant::now(),
            wait: WAIT_MIN,
            next_measure: Instant::now(),
        })
    }

    /// Keeps a parcel, in the store or behind what waits before it; whether it could.
    fn save(&mut self, parcel: &Parcel, pressure: &Pressure) -> bool {
        if self.next_try <= Instant::now() {
            // No more than a file of the spool at a time: what is seen meanwhile must not wait.
            let handed_in = self
                .spool
                .hand_in(|waiting| self.store.take_in(&waiting))
                .and_then(|()| match self.spool.is_empty() {
                    true => self.store.take_in(parcel).map(|()| true),
                    false => Ok(false),
                });
            match handed_in {
                Ok(all) => {
                    if self.wait > WAIT_MIN {
                        info!("the store takes observations again");
                    }
                    self.wait = WAIT_MIN;
                    if all {
                        return true;
                    }
                }
                Err(failure) => {
                    let n_errors = pressure.write_errors.fetch_add(1, Ordering::Relaxed) + 1;
                    self.wait = (self.wait * 2).min(WAIT_MAX);
                    self.next_try = Instant::now() + self.wait;
                    error!(
                        n_errors,
                        "failed to {failure}; what is seen waits in the spool; trying again in {} s",
                        self.wait.as_secs()
                    );
                }
            }
        }
        match self.spool.put(parcel) {
            Ok(Kept::Yes) => true,
            Ok(Kept::Full) => {
                error!("the spool is full: observations are lost, and their time will be unknown");
                false
            }
            Err(failure) => {
                error!(
                    "failed to {failure}; observations are lost, and their time will be unknown"
                );
                false
            }
        }
    }

    /// Hands in what waits, if it can be; the rest waits for the next start.
    fn end(&mut self) {
        while !self.spool.is_empty() {
            if let Err(failure) = self.spool.hand_in(|parcel| self.store.take_in(&parcel)) {
                error!("failed to {failure}; what was seen waits in the spool");
                return;
            }
        }
    }
}

/// Seals some of what is over, so little that nobody waits long; tells whether more is left. Here,
/// between two commits, it stands in no writer's way. What fails is tried again: the rows stay.
fn seal(keeping: &mut Keeping, now: Timestamp) -> bool {
    // A store that is out of reach is tried with what was seen, and not before that is in it.
    if keeping.n_spooled() > 0 {
        return false;
    }
    let store = keeping.store();
    let mut n_observations = 0;
    while n_observations < SEALED_AT_ONCE {
        match store.seal(now) {
            Ok(sealed) if sealed.n_blocks == 0 => return false,
            Ok(sealed) => n_observations += sealed.n_observations,
            Err(failure) => {
                error!("failed to {failure}; trying again in a minute");
                return false;
            }
        }
    }
    true
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
