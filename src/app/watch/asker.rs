//! The scheduler's loop: asks endpoints when their ticks are due.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
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
pub(super) struct Asker {
    pub(super) clock: Clock,
    pub(super) vantage: VantageId,
    pub(super) metrics: Arc<Metrics>,
    pub(super) to_recorder: mpsc::Sender<Note>,
    pub(super) pressure: Arc<Pressure>,
}

/// Asks those on the watch list in force, until stopped.
///
/// It has a thread and a runtime of its own: no page, month-end or database keeps a probe waiting,
/// and a probe wakes no other thread.
///
/// # Errors
/// The system refuses the thread or the runtime.
pub(super) fn ask_aside(
    asker: Asker,
    watch_lists: watch::Receiver<WatchList>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime of the probes")?;
    std::thread::Builder::new()
        .name("prober".to_owned())
        .spawn(move || {
            // A task, and not what the runtime waits for: to wake that takes a system call.
            let asking = runtime.spawn(ask(asker, watch_lists, stopped));
            if let Err(failure) = runtime.block_on(asking) {
                error!("the probes broke off: {failure}");
            }
            // A lookup that hangs in the system's resolver is not waited for.
            runtime.shutdown_background();
        })
        .context("start the thread of the probes")
}

async fn ask(
    asker: Asker,
    mut watch_lists: watch::Receiver<WatchList>,
    mut stopped: watch::Receiver<bool>,
) {
    let list = watch_lists.borrow_and_update().clone();
    let mut round = Round {
        schedule: Schedule::new(planned(&list), &list.last_ticks, asker.clock.now()),
        list,
        under_way: JoinSet::new(),
        asked: HashMap::new(),
        waiting: HashMap::new(),
        asker,
    };
    loop {
        let wait = round.begin();
        tokio::select! {
            Some(ended) = round.under_way.join_next_with_id() => {
                round.end(ended);
                while let Some(ended) = round.under_way.try_join_next_with_id() {
                    round.end(ended);
                }
            }
            () = tokio::time::sleep(wait) => {}
            Ok(()) = watch_lists.changed() => {
                round.replace(watch_lists.borrow_and_update().clone());
            }
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    // Let those under way end, within bounds; what does not end was not observed.
    let drain = async {
        while let Some(ended) = round.under_way.join_next_with_id().await {
            round.end(ended);
        }
    };
    let _ = tokio::time::timeout(GRACE, drain).await;
}

/// Whom to ask, and who is being asked.
struct Round {
    asker: Asker,
    list: WatchList,
    schedule: Schedule,
    under_way: JoinSet<Finding>,
    /// Which endpoint a task asks, should the task itself be lost.
    asked: HashMap<Id, (EndpointId, Timestamp)>,
    /// Endpoints whose service asked us to wait: an ignored request to wait can get us banned.
    waiting: HashMap<EndpointId, Timestamp>,
}

impl Round {
    /// Begins what is due, as far as there is room; tells how long to wait for more.
    fn begin(&mut self) -> Duration {
        let now = self.asker.clock.now();
        let room = self.room();
        let due = self.schedule.due(now, room);
        if !due.missed.is_empty() {
            self.asker.hand_over(Note::Missed(due.missed));
        }
        for tick in due.ticks {
            self.ask(tick, now);
        }
        if self.room() == 0 {
            return SHOW_EVERY;
        }
        let wait_ms = self
            .schedule
            .next_wake()
            .map_or(i64::MAX, |wake| wake.since(self.asker.clock.now()));
        Duration::from_millis(wait_ms.max(0).unsigned_abs()).min(SHOW_EVERY)
    }

    fn room(&self) -> usize {
        let concurrency_max = self.list.concurrency_max;
        concurrency_max.saturating_sub(self.under_way.len())
    }

    fn ask(&mut self, tick: Tick, now: Timestamp) {
        let Tick {
            endpoint,
            at,
            confirms,
        } = tick;
        let Some(whom) = self.list.endpoints.get(&endpoint) else {
            return;
        };
        if let Some(until) = self.waiting.get(&endpoint) {
            if now < *until {
                let message = format!("not asked: the service asked us to wait until {until}");
                let vantage = &self.asker.vantage;
                let void = unasked(endpoint, vantage, at, Void::RateLimited, message);
                self.tell(void);
                return;
            }
            self.waiting.remove(&endpoint);
        }
        let (whom, prober) = (Arc::clone(whom), self.list.prober.clone());
        let (clock, metrics) = (self.asker.clock.clone(), Arc::clone(&self.asker.metrics));
        let task = self.under_way.spawn(async move {
            let begin = clock.now();
            metrics.started(begin.since(at));
            let mut finding = prober.probe(&whom, at, begin).await;
            finding.trace.confirms = confirms;
            finding
        });
        self.asked.insert(task.id(), (endpoint, at));
    }

    /// A probe has ended.
    fn end(&mut self, ended: Result<(Id, Finding), JoinError>) {
        let finding = match ended {
            Ok((task, finding)) => {
                self.asked.remove(&task);
                finding
            }
            Err(failed) => {
                // A probe that panicked has asked nothing that we can vouch for.
                let Some((endpoint, tick)) = self.asked.remove(&failed.id()) else {
                    return;
                };
                error!(endpoint = %endpoint, "the probe of `{endpoint}` broke off: {failed}");
                let message = "the probe broke off inside the monitor".to_owned();
                let vantage = &self.asker.vantage;
                unasked(endpoint, vantage, tick, Void::NotExecuted, message)
            }
        };
        if let Some(wait_ms) = finding.trace.retry_after_ms {
            let until = self.asker.clock.now().plus_ms(wait_ms);
            self.waiting.insert(finding.endpoint.clone(), until);
        }
        self.tell(finding);
    }

    fn tell(&mut self, finding: Finding) {
        self.schedule
            .finished(&finding.endpoint, finding.observation.outcome);
        self.asker.hand_over(Note::Seen(Box::new(finding)));
    }

    /// From now on those on `list` are asked.
    fn replace(&mut self, list: WatchList) {
        let now = self.asker.clock.now();
        self.schedule.replace(planned(&list), &list.last_ticks, now);
        self.waiting
            .retain(|endpoint, _| list.endpoints.contains_key(endpoint));
        self.list = list;
    }
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
                Note::Missed(_) | Note::Defined(_) => 0,
            },
        };
        let before = self.pressure.lost.fetch_add(n_lost, Ordering::Relaxed);
        if before == 0 && n_lost > 0 {
            error!("the backlog is full: observations are lost, and their time will be unknown");
        }
    }
}
