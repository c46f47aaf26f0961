//! Closes months that are over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::WHO;
use crate::app::close::{Done, Kind, Order, close, unfinished_months};
use crate::clock::Clock;
use crate::config::Config;
use crate::sla::window::{HOUR_MS, MINUTE_MS, Timestamp};
use crate::store::Store;

/// How often to look for months that are over.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How many months back the daemon closes by itself; older ones are for `vigie close`.
const MONTHS_CLOSED: i32 = 2;

/// One closing at a time: that of a former configuration may still be at its end.
static CLOSING: Mutex<()> = Mutex::new(());

/// Closes months that are over, until stopped. A closing that a stop cuts short is done again
/// after the next start.
pub(super) async fn close_months(
    config: Arc<Config>,
    clock: Clock,
    mut stopped: watch::Receiver<bool>,
) {
    let mut next_closing: Option<Timestamp> = None;
    loop {
        let now = clock.now();
        if next_closing.is_none_or(|next| next <= now) {
            let work = spawn_blocking({
                let config = Arc::clone(&config);
                move || {
                    let _one = CLOSING.lock().unwrap_or_else(PoisonError::into_inner);
                    close_what_is_over(&config, now)
                }
            });
            let outcome = tokio::select! {
                outcome = work => outcome,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            next_closing = match outcome {
                Ok(Ok(AllStand(true))) => None,
                Ok(Ok(AllStand(false))) => Some(now.plus_ms(24 * HOUR_MS)),
                Ok(Err(failure)) => {
                    error!("failed to {failure:#}; trying again in ten minutes");
                    Some(now.plus_ms(10 * MINUTE_MS))
                }
                Err(failure) => {
                    error!("failed to close: {failure}; trying again in ten minutes");
                    Some(now.plus_ms(10 * MINUTE_MS))
                }
            };
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Whether every saved statement still fits its evidence; if not, somebody was told, and is not
/// told again every minute.
struct AllStand(bool);

fn close_what_is_over(config: &Config, now: Timestamp) -> anyhow::Result<AllStand> {
    let mut all_stand = true;
    let reader = Store::open_reader(&config.store.path)?;
    let months = unfinished_months(config, &reader, now, MONTHS_CLOSED)?;
    drop(reader);
    let mut failed = None;
    for month in months.into_iter().rev() {
        // A month that cannot be closed keeps no other from being closed.
        match close_one(config, now, &month) {
            Ok(AllStand(stand)) => all_stand &= stand,
            Err(failure) => {
                error!(month, "failed to {failure:#}");
                failed = Some(month);
            }
        }
    }
    match failed {
        None => Ok(AllStand(all_stand)),
        Some(month) => bail!("close {month}"),
    }
}

fn close_one(config: &Config, now: Timestamp, month: &str) -> anyhow::Result<AllStand> {
    let mut all_stand = true;
    let order = Order {
        month,
        partner: None,
        service: None,
        kind: Kind::Final,
        who: WHO,
    };
    let mut store = Store::open_beside(&config.store.path)?;
    for closed in close(config, &mut store, now, &order, &mut |_| {})? {
        match closed.done {
            Done::Differs => {
                all_stand = false;
                warn!(
                    report = closed.number,
                    partner = closed.partner,
                    "the saved statement no longer fits its evidence: see `vigie close --revise`"
                );
            }
            Done::Saved(_) | Done::Revised(_) => info!(
                report = closed.number,
                partner = closed.partner,
                verdict = closed.verdict.code(),
                "closed {} for {}: {}",
                closed.number,
                closed.partner,
                closed.verdict.code()
            ),
            Done::Unchanged(_) | Done::Provisional(_) | Done::DryRun => {}
        }
    }
    Ok(AllStand(all_stand))
}
