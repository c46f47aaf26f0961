//! Removes what is past its retention, once a day, on the instance that leads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info};

use super::{Lead, WHO};
use crate::app::retain::{documents_past_retention, limits, remove_documents};
use crate::clock::Clock;
use crate::config::Config;
use crate::sla::window::Timestamp;
use crate::store::{Removed, Store};

const RETAIN_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// Removes what is past its retention, at once and then every day, as long as this instance leads
/// and until stopped.
pub(super) async fn retain_daily(
    config: Arc<Config>,
    clock: Clock,
    mut lead: watch::Receiver<Lead>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let leads = *lead.borrow_and_update();
        if leads.acts() {
            let work = spawn_blocking({
                let (config, now) = (Arc::clone(&config), clock.now());
                move || retain(&config, leads, now)
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
        }
        tokio::select! {
            () = tokio::time::sleep(RETAIN_EVERY) => {}
            // Whoever leads from now on need not wait.
            Ok(()) = lead.changed() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

fn retain(config: &Config, lead: Lead, now: Timestamp) -> anyhow::Result<Removed> {
    let mut store = Store::open_beside(&config.store)?.led_by(lead.fence());
    let limits = limits(config, &store, now)?;
    let removed = store.remove(&limits, WHO, now)?;
    let documents = documents_past_retention(config, &store, &limits)?;
    remove_documents(&mut store, &documents, WHO, now)?;
    Ok(removed)
}
