//! Brings findings to a store on a server, on a thread of its own: a network that swallows
//! everything holds up a call for as long as its timeouts say, and must hold up nothing else.
//!
//! While nothing waits, the recorder gives the courier what was seen, and waits a moment. What is
//! not in the store by then goes to the spool, and so does all that comes behind it; the courier
//! hands that in, in order. What it had been given is then handed in twice, and counts once.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tracing::{error, info};

use super::recorder::{Pressure, Sealing, aside_of, lock, put};
use crate::clock::Clock;
use crate::store::{Aside, Longest, Parcel, Refused, Spool, Store, StoreError};

/// How long the recorder waits for the store. Meanwhile findings are in memory only, and a
/// `kill -9` would lose them.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait before a store that failed is tried again: at first, and at most.
const WAIT_MIN: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// How often to look whether something waits or is over, while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a server is asked how large the database is: that takes as long as committing.
const MEASURE_EVERY: Duration = Duration::from_secs(60);

/// What is to be brought to the store, and where to say that it is there, with what of it never
/// will be.
struct Errand {
    parcel: Arc<Parcel>,
    done: SyncSender<Vec<Refused>>,
}

/// The recorder's end of the way to the store.
pub(super) struct Errands {
    to_courier: SyncSender<Errand>,
    spool: Arc<Mutex<Spool>>,
    aside: Aside,
    courier: JoinHandle<()>,
}

impl Errands {
    /// Keeps a parcel, in the store or behind what waits before it; whether it could.
    pub(super) fn save(&self, parcel: &Arc<Parcel>, pressure: &Pressure) -> bool {
        let nothing_waits = lock(&self.spool).is_empty();
        if nothing_waits && let Some(refused) = self.brought(parcel) {
            pressure.refused(&self.aside, &refused);
            return true;
        }
        put(&mut lock(&self.spool), parcel, pressure)
    }

    /// Gives a parcel to the courier. Once it is in the store, what of it was refused for good;
    /// nothing if that takes too long, or fails.
    fn brought(&self, parcel: &Arc<Parcel>) -> Option<Vec<Refused>> {
        let (done, is_done) = sync_channel(1);
        let parcel = Arc::clone(parcel);
        self.to_courier.try_send(Errand { parcel, done }).ok()?;
        is_done.recv_timeout(PATIENCE).ok()
    }

    pub(super) fn spool(&self) -> &Mutex<Spool> {
        &self.spool
    }

    /// Ends when all is handed in, or cannot be: then it waits for the next start.
    pub(super) fn end(self) {
        drop(self.to_courier);
        if self.courier.join().is_err() {
            error!("the courier panicked; what was not handed in waits in the spool");
        }
    }
}

/// A store that the network may cut off, and the spool before it.
pub(super) struct Courier {
    pub(super) store: Store,
    spool: Arc<Mutex<Spool>>,
    aside: Aside,
    clock: Clock,
    pressure: Arc<Pressure>,
    /// When the store may be tried again, and how long to wait after that.
    next_try: Instant,
    wait: Duration,
    next_measure: Instant,
    sealing: Sealing,
}

impl Courier {
    /// Hands in first what waits from before: a schedule goes on after what the store knows.
    pub(super) fn new(
        store: Store,
        spool: Spool,
        clock: Clock,
        pressure: Arc<Pressure>,
    ) -> Result<Self, StoreError> {
        let mut courier = Self {
            store,
            aside: aside_of(&spool),
            spool: Arc::new(Mutex::new(spool)),
            sealing: Sealing::from(clock.now()),
            clock,
            pressure,
            next_try: Instant::now(),
            wait: WAIT_MIN,
            next_measure: Instant::now(),
        };
        while courier.something_waits() {
            courier.hand_in_longest_waiting()?;
        }
        Ok(courier)
    }

    /// Begins to run errands.
    pub(super) fn start(self) -> anyhow::Result<Errands> {
        // One waits, at most, while the courier seals.
        let (to_courier, errands) = sync_channel(1);
        let (spool, aside) = (Arc::clone(&self.spool), self.aside.clone());
        let courier = std::thread::Builder::new()
            .name("courier".to_owned())
            .spawn(move || self.run(&errands))
            .context("start the courier")?;
        Ok(Errands {
            to_courier,
            spool,
            aside,
            courier,
        })
    }

    fn run(mut self, errands: &Receiver<Errand>) {
        loop {
            match errands.recv_timeout(LOOK_EVERY) {
                Ok(errand) => self.bring(errand),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while self.next_try <= Instant::now() && self.something_waits() {
                let handed_in = self.hand_in_longest_waiting();
                self.learn(handed_in);
            }
            // A store that is out of reach is tried with what was seen, and not before that is in.
            if self.next_try <= Instant::now() {
                self.sealing.go_on(&mut self.store, self.clock.now());
                self.measure();
            }
        }
        while self.something_waits() {
            if let Err(failure) = self.hand_in_longest_waiting() {
                error!("failed to {failure}; what was seen waits in the spool");
                return;
            }
        }
    }

    fn bring(&mut self, Errand { parcel, done }: Errand) {
        let taken = self.store.take_in(&parcel);
        // Who gets the answer has the parcel to itself.
        drop(parcel);
        if let Some(taken) = self.learn(taken) {
            // Nobody waits any more: then it is in the spool as well, and told about from there.
            let _ = done.send(taken.refused);
        }
    }

    fn something_waits(&self) -> bool {
        !lock(&self.spool).is_empty()
    }

    /// Hands in one file of the spool, which others may fill meanwhile.
    fn hand_in_longest_waiting(&mut self) -> Result<(), StoreError> {
        let longest = lock(&self.spool).longest_waiting()?;
        let Some(Longest { parcels, file }) = longest else {
            return Ok(());
        };
        let mut refused = Vec::new();
        for parcel in &parcels {
            refused.append(&mut self.store.take_in(parcel)?.refused);
        }
        self.pressure.refused(&self.aside, &refused);
        let mut spool = lock(&self.spool);
        spool.forget(&file)?;
        self.pressure.waits(&spool, 0);
        Ok(())
    }

    /// Whether the store can be tried at once again, from how it went.
    fn learn<T>(&mut self, done: Result<T, StoreError>) -> Option<T> {
        match done {
            Ok(done) => {
                if self.wait > WAIT_MIN {
                    info!("the store takes observations again");
                }
                self.wait = WAIT_MIN;
                Some(done)
            }
            Err(failure) => {
                let n_errors = self.pressure.write_errors.fetch_add(1, Ordering::Relaxed) + 1;
                self.wait = (self.wait * 2).min(WAIT_MAX);
                self.next_try = Instant::now() + self.wait;
                error!(
                    n_errors,
                    "failed to {failure}; what is seen waits in the spool; trying again in {} s",
                    self.wait.as_secs()
                );
                None
            }
        }
    }

    fn measure(&mut self) {
        let now = Instant::now();
        if now < self.next_measure {
            return;
        }
        self.next_measure = now + MEASURE_EVERY;
        if let Ok(size_bytes) = self.store.size_bytes() {
            let size = &self.pressure.size_bytes;
            size.store(size_bytes, Ordering::Relaxed);
        }
    }
}
