//! Removes what is past its retention, once a day.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info};

use crate::app::retain::limits;
use crate::clock::Clock;
use crate::config::Config;
use crate::sla::window::Timestamp;
use crate::store::{Removed, Store};

const RETAIN_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// Removes what is past its retention, at once and then every day, until stopped.
pub(super) async fn retain_daily(
    config: Arc<Config>,
    clock: Clock,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let work = spawn_blocking({
            let (config, now) = (Arc::clone(&config), clock.now());
            move || retain(&config, now)
        });
        let done = tokio::select! {
            done = work => done,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match done {
            Ok(Ok(removed)) if removed.is_nothing() => {}
            Ok(Ok(removed)) => info!(
                observations = removed.n_observations,
                journal_entries = removed.n_journal_entries,
                letters = removed.n_letters,
                "removed what was past its retention"
            ),
            Ok(Err(failure)) => error!("failed to {failure:#}; trying again tomorrow"),
            Err(failure) => {
                error!(
                    "failed to remove what is past its retention: {failure}; trying again tomorrow"
                );
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETAIN_EVERY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

fn retain(config: &Config, now: Timestamp) -> anyhow::Result<Removed> {
    let mut store = Store::open_beside(&config.store)?;
    let limits = limits(config, &store, now)?;
    Ok(store.remove(&limits, "vigie run", now)?)
}
