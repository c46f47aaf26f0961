//! The scheduler's loop: asks endpoints when their ticks are due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tracing::error;

use super::plan::WatchList;
use super::recorder::Pressure;
use super::{Note, SHOW_EVERY};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::schedule::{Planned, Schedule, Tick};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::observation::{Finding, Observation, Outcome, Trace, Void};
use crate::sla::window::Timestamp;

/// How long probes under way may go on after the stop signal.
const GRACE: Duration = Duration::from_secs(5);

/// What asking takes, whoever is asked.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) clock: Clock,
    pub(super) vantage: VantageId,
    pub(super) metrics: Arc<Metrics>,
    pub(super) to_recorder: mpsc::Sender<Note>,
    pub(super) pressure: Arc<Pressure>,
}

/// Asks those on the watch list in force, until stopped.
pub(super) async fn ask(
    asker: Asker,
    mut watch_lists: watch::Receiver<WatchList>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut list = watch_lists.borrow_and_update().clone();
    let mut schedule = Schedule::new(planned(&list), &list.last_ticks, asker.clock.now());
    let mut permits = Arc::new(Semaphore::new(list.concurrency_max));
    let mut under_way: JoinSet<Finding> = JoinSet::new();
    // Which endpoint a task asks, should the task itself be lost.
    let mut asked: BTreeMap<tokio::task::Id, (EndpointId, Timestamp)> = BTreeMap::new();
    // Endpoints whose service asked us to wait: an ignored request to wait can get us banned.
    let mut waiting: BTreeMap<EndpointId, Timestamp> = BTreeMap::new();
    loop {
        let now = asker.clock.now();
        let due = schedule.due(now);
        if !due.missed.is_empty() {
            asker.hand_over(Note::Missed(due.missed));
        }
        for Tick {
            endpoint,
            at,
            confirms,
        } in due.ticks
        {
            let Some(whom) = list.endpoints.get(&endpoint) else {
                continue;
            };
            if let Some(until) = waiting.get(&endpoint) {
                if now < *until {
                    let message = format!("not asked: the service asked us to wait until {until}");
                    let void = unasked(endpoint, &asker.vantage, at, Void::RateLimited, message);
                    schedule.finished(&void.endpoint, void.observation.outcome);
                    asker.hand_over(Note::Seen(Box::new(void)));
                    continue;
                }
                waiting.remove(&endpoint);
            }
            let (whom, prober) = (Arc::clone(whom), list.prober.clone());
            let (asker, permits) = (asker.clone(), Arc::clone(&permits));
            let task = under_way.spawn(async move {
                // The semaphore is never closed.
                let _permit = permits.acquire_owned().await;
                let begin = asker.clock.now();
                asker.metrics.started(begin.since(at));
                let mut finding = prober.probe(&whom, at, begin).await;
                finding.trace.confirms = confirms;
                finding
            });
            asked.insert(task.id(), (endpoint, at));
        }
        let wait_ms = schedule
            .next_wake()
            .map_or(i64::MAX, |wake| wake.since(asker.clock.now()));
        let wait = Duration::from_millis(wait_ms.max(0).unsigned_abs()).min(SHOW_EVERY);
        tokio::select! {
            Some(finished) = under_way.join_next_with_id() => {
                let finding = match finished {
                    Ok((task, finding)) => {
                        asked.remove(&task);
                        finding
                    }
                    Err(failed) => {
                        // A probe that panicked has asked nothing that we can vouch for.
                        let Some((endpoint, tick)) = asked.remove(&failed.id()) else {
                            continue;
                        };
                        error!(endpoint = %endpoint, "the probe of `{endpoint}` broke off: {failed}");
                        let message = "the probe broke off inside the monitor".to_owned();
                        unasked(endpoint, &asker.vantage, tick, Void::NotExecuted, message)
                    }
                };
                schedule.finished(&finding.endpoint, finding.observation.outcome);
                if let Some(wait_ms) = finding.trace.retry_after_ms {
                    let until = asker.clock.now().plus_ms(wait_ms);
                    waiting.insert(finding.endpoint.clone(), until);
                }
                asker.hand_over(Note::Seen(Box::new(finding)));
            }
            () = tokio::time::sleep(wait) => {}
            Ok(()) = watch_lists.changed() => {
                list = watch_lists.borrow_and_update().clone();
                schedule.replace(planned(&list), &list.last_ticks, asker.clock.now());
                permits = Arc::new(Semaphore::new(list.concurrency_max));
                waiting.retain(|endpoint, _| list.endpoints.contains_key(endpoint));
            }
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    // Let those under way end, within bounds; what does not end was not observed.
    let drain = async {
        while let Some(finished) = under_way.join_next().await {
            if let Ok(finding) = finished {
                asker.hand_over(Note::Seen(Box::new(finding)));
            }
        }
    };
    let _ = tokio::time::timeout(GRACE, drain).await;
}

fn planned(list: &WatchList) -> impl Iterator<Item = Planned> {
    list.endpoints
        .values()
        .map(|endpoint| Planned::from(endpoint.as_ref()))
}

/// A tick at which nothing was asked, on record with the reason.
fn unasked(
    endpoint: EndpointId,
    vantage: &VantageId,
    tick: Timestamp,
    reason: Void,
    message: String,
) -> Finding {
    Finding {
        endpoint,
        vantage: vantage.clone(),
        observation: Observation {
            tick,
            at: tick,
            outcome: Outcome::Void(reason),
        },
        trace: Trace {
            message,
            ..Trace::default()
        },
    }
}

impl Asker {
    /// Hands a note to the recorder; if too many wait, it is lost, and counted.
    fn hand_over(&self, note: Note) {
        let n_lost = match self.to_recorder.try_send(note) {
            Ok(()) => return,
            Err(
                mpsc::error::TrySendError::Full(note) | mpsc::error::TrySendError::Closed(note),
            ) => match note {
                Note::Seen(_) => 1,
                Note::Missed(_) => 0,
            },
        };
        let before = self.pressure.lost.fetch_add(n_lost, Ordering::Relaxed);
        if before == 0 && n_lost > 0 {
            error!("the backlog is full: observations are lost, and their time will be unknown");
        }
    }
}
