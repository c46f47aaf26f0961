//! Closes months that are over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::{Lead, WHO};
use crate::app::close::{Done, Kind, Order, close, unfinished_months};
use crate::app::usage::take_in;
use crate::clock::Clock;
use crate::config::Config;
use crate::exchange::read_figures;
use crate::metrics::{Metrics, StatementFigures};
use crate::sla::catalog::ServiceId;
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp};
use crate::store::Store;

/// How often to look for months that are over.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How many months back the daemon closes by itself; older ones are for `vigie close`.
const MONTHS_CLOSED: i32 = 2;
/// How many months back the metrics tell of statements.
const MONTHS_TOLD: i32 = 12;
/// How often to ask for counts of calls that could not be had.
const COUNT_EVERY_MS: i64 = 10 * MINUTE_MS;
/// How often to read statements that others may have saved.
const READ_EVERY_MS: i64 = HOUR_MS;

/// One closing at a time: that of a former configuration may still be at its end.
static CLOSING: Mutex<()> = Mutex::new(());

/// Closes months that are over, until stopped. A closing that a stop cuts short is done again
/// after the next start.
pub(super) async fn close_months(
    config: Arc<Config>,
    clock: Clock,
    metrics: Arc<Metrics>,
    mut lead: watch::Receiver<Lead>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut next_closing: Option<Timestamp> = None;
    let mut next_reading: Option<Timestamp> = None;
    let mut next_counting: Option<Timestamp> = None;
    let mut counted = BTreeSet::new();
    loop {
        let now = clock.now();
        let leads = *lead.borrow_and_update();
        if leads.acts() && next_counting.is_none_or(|next| next <= now) {
            // From the end of a month on: what its delay is for. A count that cannot be had then
            // keeps no month from being closed.
            next_counting = Some(now.plus_ms(COUNT_EVERY_MS));
            let work = spawn_blocking({
                let (config, known) = (Arc::clone(&config), counted.clone());
                move || count_calls(&config, leads, known, now)
            });
            let outcome = tokio::select! {
                outcome = work => outcome,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            match outcome {
                Ok(known) => counted = known,
                Err(failure) => error!("failed to count calls: {failure}"),
            }
        }
        if leads.acts() && next_closing.is_none_or(|next| next <= now) {
            let work = spawn_blocking({
                let (config, metrics) = (Arc::clone(&config), Arc::clone(&metrics));
                move || {
                    let _one = CLOSING.lock().unwrap_or_else(PoisonError::into_inner);
                    close_what_is_over(&config, &metrics, leads, now)
                }
            });
            let outcome = tokio::select! {
                outcome = work => outcome,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            next_closing = match outcome {
                Ok(Ok(Round {
                    n_months,
                    all_stand,
                })) => {
                    if n_months > 0 {
                        next_reading = None;
                    }
                    (!all_stand).then(|| now.plus_ms(24 * HOUR_MS))
                }
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
        if next_reading.is_none_or(|next| next <= now) {
            next_reading = Some(now.plus_ms(READ_EVERY_MS));
            let work = spawn_blocking({
                let config = Arc::clone(&config);
                move || read_statements(&config, now)
            });
            let read = tokio::select! {
                read = work => read,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            match read {
                Ok(Ok(statements)) => metrics.statements(statements),
                Ok(Err(failure)) => error!("failed to {failure:#}; trying again in an hour"),
                Err(failure) => error!("failed to read statements: {failure}"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            // Whoever leads from now on need not wait.
            Ok(()) = lead.changed() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Services with a month, `2025-10`, whose calls need not be counted again.
type CountedMonths = BTreeSet<(ServiceId, String)>;

/// Takes in how services were used in the months that may be closed, but those that are `known`;
/// tells which are known then.
fn count_calls(
    config: &Config,
    lead: Lead,
    mut known: CountedMonths,
    now: Timestamp,
) -> CountedMonths {
    for usage in &config.usage {
        let zone = config.catalog.service(usage.service.as_str());
        let zone = zone.map_or(chrono_tz::Tz::UTC, |service| service.zone());
        for back in 1..=MONTHS_CLOSED {
            let month = Month::containing(now, zone).plus_months(-back);
            let key = (usage.service.clone(), month.to_string());
            if known.contains(&key) {
                continue;
            }
            let taken = Store::open_beside(&config.store)
                .map_err(anyhow::Error::from)
                .and_then(|store| {
                    let mut store = store.led_by(lead.fence());
                    let runtime = tokio::runtime::Handle::current();
                    runtime.block_on(take_in(config, &mut store, usage, month, WHO, now))
                });
            match taken {
                Ok(n_new) => {
                    if n_new > 0 {
                        info!(
                            partners = n_new,
                            "counted the calls of `{}` in {month}", usage.service
                        );
                    }
                    known.insert(key);
                }
                Err(failure) => warn!(
                    "the calls of `{}` in {month} are not counted: failed to {failure:#}; trying again in ten minutes; a month that is closed meanwhile says that they were not measured",
                    usage.service
                ),
            }
        }
    }
    known
}

/// What came of looking for months that are over.
struct Round {
    /// How many were to be closed.
    n_months: usize,
    /// Whether every saved statement still fits its evidence; if not, somebody was told, and is
    /// not told again every minute.
    all_stand: bool,
}

/// What the statements of the last twelve months say, the latest revision of each.
fn read_statements(config: &Config, now: Timestamp) -> anyhow::Result<Vec<StatementFigures>> {
    let store = Store::open_reader(&config.store)?;
    let mut figures = Vec::new();
    for service in &config.catalog.services {
        let first = Month::containing(now, service.zone()).plus_months(-MONTHS_TOLD);
        // One partner at a time: what thousands were told in years need not be held at once.
        for partner in &config.catalog.partners {
            let saved = store.latest_statements(Some(&partner.id), Some(&service.id))?;
            for statement in saved {
                if statement.month.first_day() < first.first_day() {
                    continue;
                }
                let written = match read_figures(&statement.json) {
                    Ok(written) => written,
                    Err(failure) => {
                        warn!(
                            "failed to {failure}: the metrics leave out {} for {}",
                            statement.month, partner.id
                        );
                        continue;
                    }
                };
                figures.push(StatementFigures {
                    service: service.id.clone(),
                    partner: partner.id.clone(),
                    period: statement.month.to_string(),
                    verdict: written.verdict,
                    availability: written.tally.availability(),
                    target: written.target,
                });
            }
        }
    }
    Ok(figures)
}

fn close_what_is_over(
    config: &Config,
    metrics: &Metrics,
    lead: Lead,
    now: Timestamp,
) -> anyhow::Result<Round> {
    let mut all_stand = true;
    let reader = Store::open_reader(&config.store)?;
    let months = unfinished_months(config, &reader, now, MONTHS_CLOSED)?;
    drop(reader);
    let n_months = months.len();
    metrics.months_due(n_months);
    let mut failed = None;
    for month in months.into_iter().rev() {
        // A month that cannot be closed keeps no other from being closed.
        match close_one(config, lead, now, &month) {
            Ok(stand) => all_stand &= stand,
            Err(failure) => {
                metrics.close_failed();
                error!(month, "failed to {failure:#}");
                failed = Some(month);
            }
        }
    }
    match failed {
        None => Ok(Round {
            n_months,
            all_stand,
        }),
        Some(month) => bail!("close {month}"),
    }
}

/// Closes a month; whether every saved statement of it still fits its evidence.
fn close_one(config: &Config, lead: Lead, now: Timestamp, month: &str) -> anyhow::Result<bool> {
    let mut all_stand = true;
    let order = Order {
        month,
        partner: None,
        service: None,
        kind: Kind::Final,
        who: WHO,
    };
    let mut store = Store::open_beside(&config.store)?.led_by(lead.fence());
    for closed in close(config, &mut store, now, &order, &mut |_| {})? {
        if !closed.edited.is_empty() {
            info!(
                report = closed.number,
                partner = closed.partner,
                "the configuration of {} was edited after it was closed; what was said stands, see `vigie close {month} --dry-run`",
                closed.number
            );
        }
        if !closed.told.is_empty() {
            info!(
                report = closed.number,
                partner = closed.partner,
                "causes or calls were told after {} was closed; its report stands, see `vigie close {month} --dry-run`",
                closed.number
            );
        }
        match closed.done {
            Done::Differs => {
                all_stand = false;
                warn!(
                    report = closed.number,
                    partner = closed.partner,
                    "facts or decisions since say something else than the saved statement: see `vigie close {month} --dry-run` and `--revise`"
                );
            }
            Done::Lost(reason) => {
                all_stand = false;
                warn!(
                    report = closed.number,
                    partner = closed.partner,
                    "the report is not whole and cannot be written again: {reason}"
                );
            }
            Done::Held(reason) => {
                all_stand = false;
                warn!(
                    report = closed.number,
                    partner = closed.partner,
                    "{} is not closed: {reason}",
                    closed.number
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
    Ok(all_stand)
}
