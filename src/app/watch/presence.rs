//! Gives signs of life to a shared store, and learns from it: whether this instance leads, how far
//! its clock is off, and which other vantages live.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config::{Config, StoreConfig};
use crate::handover::CLOCK_OFF_MS;
use crate::metrics::Metrics;
use crate::store::{Differing, Instance, Presence, Store, StoreError};

/// How often; a third of a lease, so that one sign may be lost.
const EVERY: Duration = Duration::from_secs(5);
/// Signs of life from one comparison of the vantages' endpoints to the next: all of them are read.
const COMPARE_EVERY: usize = 12;
/// Differing endpoints that are told one by one in the log.
const TOLD_MAX: usize = 10;

/// Whether this instance closes months and sends letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// There is no other.
    Alone,
    /// It is the one, under this number.
    Leader(i64),
    /// Another one is, or nobody knows.
    Follower,
}

impl Lead {
    /// Whether it acts for all.
    pub fn acts(self) -> bool {
        match self {
            Self::Alone | Self::Leader(_) => true,
            Self::Follower => false,
        }
    }

    /// The number that its writes carry.
    pub fn fence(self) -> Option<i64> {
        match self {
            Self::Leader(fence) => Some(fence),
            Self::Alone | Self::Follower => None,
        }
    }

    /// Before the first sign of life.
    pub(super) fn at_first(config: &Config) -> Self {
        match config.store {
            StoreConfig::File(_) => Self::Alone,
            StoreConfig::Server(_) | StoreConfig::Collector(_) => Self::Follower,
        }
    }
}

/// Gives signs of life until stopped.
pub(super) async fn be_present(
    config: Arc<Config>,
    clock: Clock,
    lead: watch::Sender<Lead>,
    ahead_ms: Arc<AtomicI64>,
    metrics: Arc<Metrics>,
    mut stopped: watch::Receiver<bool>,
) {
    let instance = Instance {
        vantage: config.vantage.clone(),
        began: clock.now(),
    };
    let mut store = None;
    let mut known: Vec<Differing> = Vec::new();
    for n_signs in 0_usize.. {
        let work = spawn_blocking({
            let (config, instance, clock) = (Arc::clone(&config), instance.clone(), clock.clone());
            let (metrics, store) = (Arc::clone(&metrics), store.take());
            move || {
                let compare = n_signs.is_multiple_of(COMPARE_EVERY);
                tell(&config, store, &instance, &clock, &metrics, compare)
            }
        });
        let told = tokio::select! {
            told = work => told,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let now = match told {
            Ok(Ok((kept, presence, differing))) => {
                store = Some(kept);
                if let Some(differing) = differing {
                    warn_of(&differing, &known);
                    known = differing;
                }
                let before = ahead_ms.swap(presence.ahead_ms, Ordering::Relaxed);
                if presence.ahead_ms.abs() > CLOCK_OFF_MS && before.abs() <= CLOCK_OFF_MS {
                    error!(
                        "our clock is {} ms ahead of the database's: what is seen counts as not observed until it is set",
                        presence.ahead_ms
                    );
                }
                match Lead::at_first(&config) {
                    Lead::Alone => Lead::Alone,
                    Lead::Leader(_) | Lead::Follower => {
                        presence.fence.map_or(Lead::Follower, Lead::Leader)
                    }
                }
            }
            Ok(Err(failure)) => {
                warn!("failed to {failure}");
                Lead::at_first(&config)
            }
            Err(failure) => {
                error!("failed to give a sign of life: {failure}");
                Lead::at_first(&config)
            }
        };
        lead.send_if_modified(|lead| {
            let changed = *lead != now;
            if changed {
                match now {
                    Lead::Leader(_) => info!("this instance closes months and sends letters"),
                    Lead::Follower => info!("another instance closes months and sends letters"),
                    Lead::Alone => {}
                }
                *lead = now;
            }
            changed
        });
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

fn tell(
    config: &Config,
    store: Option<Store>,
    instance: &Instance,
    clock: &Clock,
    metrics: &Metrics,
    compare: bool,
) -> Result<(Store, Presence, Option<Vec<Differing>>), StoreError> {
    let mut store = match store {
        Some(store) => store,
        None => Store::open_beside(&config.store)?,
    };
    let presence = store.sign_of_life(instance, clock.now())?;
    let living = store.living_vantages()?;
    metrics.vantages(living);
    let mut differing = None;
    if compare {
        let those = store.differing(clock.now())?;
        metrics.endpoints_differing(those.len());
        differing = Some(those);
    }
    Ok((store, presence, differing))
}

/// Tells what differs and was not told before.
fn warn_of(differing: &[Differing], known: &[Differing]) {
    let new: Vec<&Differing> = differing
        .iter()
        .filter(|one| !known.contains(one))
        .collect();
    for one in new.iter().take(TOLD_MAX) {
        warn!("{one}");
    }
    if new.len() > TOLD_MAX {
        warn!(
            "{} more endpoints are not the same for all vantages: see `vigie vantages`",
            new.len() - TOLD_MAX
        );
    }
}
