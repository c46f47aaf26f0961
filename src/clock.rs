//! Where `now` comes from: the only code that reads the wall clock.
//!
//! Wall-clock time says when; how long something took is measured on the monotonic clock where it
//! happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::sla::window::Timestamp;

/// A source of the present instant.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that stands still until it is set; for tests and replays.
    Manual(ManualClock),
}

impl Clock {
    /// The present instant.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::try_from(chrono::Utc::now()).unwrap_or(Timestamp::MIN),
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// A clock that stands still until it is set. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.unix_ms())))
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN)
    }

    /// Sets it, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_ms(), Ordering::SeqCst);
    }

    /// Moves it by `ms` milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.set(self.now().plus_ms(ms));
    }
}
