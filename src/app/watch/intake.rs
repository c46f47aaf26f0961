//! Keeps what other vantages hand in: checks it against what is watched here, and answers once it
//! is durable. A thread of its own, with a connection of its own: the recorder waits for nobody.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::{error, info, warn};

use super::recorder::distrust;
use super::{Event, until};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Config, IntakeConfig, IntakeWay};
use crate::handover::{Answer, CLOCK_OFF_MS, FINDINGS_MAX, Item, Receipt, Refusal};
use crate::metrics::Metrics;
use crate::sla::catalog::VantageId;
use crate::sla::observation::Finding;
use crate::sla::window::{HOUR_MS, Timestamp, show_duration_ms};
use crate::store::{Caller, Heard, Parcel, Store, StoreError};
use crate::web::{Delivery, Gate, Intake, serve_intake};

/// Parcels that wait to be kept; beyond them, senders are asked to wait.
const DELIVERIES_MAX: usize = 64;
/// How often a vantage's sign of life is noted.
const HEARD_EVERY_MS: i64 = 5_000;
/// A vantage whose clock is further ahead than this is not believed to know the day.
const AHEAD_MS_MAX: i64 = 24 * HOUR_MS;

/// The way in for other vantages, as long as it is open.
pub(super) struct Door {
    /// Where they do not come to the pages.
    server: Option<JoinHandle<()>>,
    taker: JoinHandle<()>,
}

impl Door {
    /// Opens it. Where a proxy brings parcels to the pages, the first part is for their server.
    pub(super) async fn open(
        config: &IntakeConfig,
        taker: Taker,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<(Option<Intake>, Self)> {
        let (deliver, deliveries) = mpsc::channel(DELIVERIES_MAX);
        let clock = taker.clock.clone();
        let intake = Intake::new(&config.vantages, deliver, Arc::new(move || clock.now()))?;
        let (beside, server) = match &config.way {
            IntakeWay::Proxy => {
                info!("other vantages hand in through a proxy before the pages");
                (Some(intake), None)
            }
            IntakeWay::Tls {
                listen,
                certificate,
                client_ca_file,
            } => {
                let gate = Gate::open(certificate, client_ca_file.as_ref())?;
                let listener = TcpListener::bind(listen).await.with_context(|| {
                    format!("listen on {listen}: set `web.intake.listen` to a free address")
                })?;
                let listen = listener.local_addr().context("read the intake's address")?;
                info!("other vantages hand in at https://{listen}/");
                let serving = serve_intake(listener, intake, gate, until(stopped.clone()));
                (None, Some(tokio::spawn(serving)))
            }
        };
        let taker = spawn_blocking(move || taker.take_all(deliveries));
        Ok((beside, Self { server, taker }))
    }

    /// Ends when nobody hands in any more, after a stop, and all that came is taken.
    pub(super) async fn closed(self) {
        if let Some(server) = self.server {
            let _ = server.await;
        }
        let _ = self.taker.await;
    }
}

/// Takes what is handed in.
pub(super) struct Taker {
    config: Arc<Config>,
    clock: Clock,
    /// How far our clock is ahead of the store's, in milliseconds.
    ahead_ms: Arc<AtomicI64>,
    /// What is watched here.
    board: watch::Receiver<Arc<Board>>,
    metrics: Arc<Metrics>,
    events: mpsc::Sender<Event>,
    /// Opened when it is needed.
    store: Option<Store>,
    /// Which installation speaks for a vantage, and when that was last put on record.
    heard: HashMap<VantageId, (String, Timestamp)>,
}

impl Taker {
    pub(super) fn new(
        config: Arc<Config>,
        clock: Clock,
        ahead_ms: Arc<AtomicI64>,
        board: watch::Receiver<Arc<Board>>,
        metrics: Arc<Metrics>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self {
            config,
            clock,
            ahead_ms,
            board,
            metrics,
            events,
            store: None,
            heard: HashMap::new(),
        }
    }

    /// Takes what comes until nobody hands in any more.
    fn take_all(mut self, mut deliveries: mpsc::Receiver<Delivery>) {
        while let Some(delivery) = deliveries.blocking_recv() {
            let answer = self.take(&delivery);
            // Who went away meanwhile hands it in again.
            let _ = delivery.answer.send(answer);
        }
    }

    fn take(&mut self, delivery: &Delivery) -> Answer {
        let cover = &delivery.cover;
        let parcel = match Parcel::from_bytes(&delivery.parcel) {
            Ok(parcel) if parcel.findings.len() <= FINDINGS_MAX => parcel,
            Ok(parcel) => {
                return Answer::refused(
                    Refusal::TooLarge,
                    format!(
                        "a parcel has at most {FINDINGS_MAX} findings, and this one {}",
                        parcel.findings.len()
                    ),
                );
            }
            Err(why) => {
                return Answer::refused(Refusal::Unreadable, format!("not a parcel: {why}"));
            }
        };
        let Some(ahead_of_us_ms) = cover.clock_ahead_ms(delivery.arrived) else {
            return Answer::refused(
                Refusal::Clock,
                "the sender's clock does not show what it said: compare the clocks and hand it in again",
            );
        };
        let ahead_ms = ahead_of_us_ms + self.ahead_ms.load(Ordering::Relaxed);
        match self.hear(delivery, ahead_ms) {
            Ok(Heard::Yes) => {}
            Ok(Heard::Other { began, ago_ms }) => {
                warn!(
                    "two instances speak as vantage `{}`: the parcels of the second are not taken",
                    cover.vantage
                );
                return Answer::refused(
                    Refusal::InUse,
                    format!(
                        "another instance speaks as vantage `{}` (it began at {began}, and was heard {} ago): give this one an id of its own (`vantage.id`), or stop that one",
                        cover.vantage,
                        show_duration_ms(ago_ms.max(0) / 1_000 * 1_000)
                    ),
                );
            }
            Err(failure) => return not_now(&failure),
        }
        match self.take_in(parcel, &cover.vantage, ahead_ms) {
            Ok(receipt) => Answer::Taken(receipt),
            Err(failure) => not_now(&failure),
        }
    }

    fn store(&mut self) -> Result<&mut Store, StoreError> {
        match &mut self.store {
            Some(store) => Ok(store),
            none => {
                let store = Store::open_beside(&self.config.store)?;
                let in_full = self.config.retention.failures_in_full;
                Ok(none.insert(store.with_failures_in_full(in_full)))
            }
        }
    }

    /// Whether the sender may speak; asks the store now and then only.
    fn hear(&mut self, delivery: &Delivery, ahead_ms: i64) -> Result<Heard, StoreError> {
        let (cover, now) = (&delivery.cover, delivery.arrived);
        if let Some((instance, at)) = self.heard.get(&cover.vantage)
            && *instance == cover.instance
            && (0..HEARD_EVERY_MS).contains(&now.since(*at))
        {
            return Ok(Heard::Yes);
        }
        let caller = Caller {
            vantage: cover.vantage.clone(),
            instance: cover.instance.clone(),
            began: cover.began,
            ahead_ms,
            version: cover.program.clone(),
        };
        let store = self.store()?;
        let heard = store.hear(&caller, now)?;
        if heard == Heard::Yes {
            let living = store.living_vantages()?;
            self.metrics.vantages(living);
            let last = (caller.instance, now);
            if self.heard.insert(caller.vantage.clone(), last).is_none() {
                info!("vantage `{}` hands in what it sees", caller.vantage);
            }
            if ahead_ms.abs() > CLOCK_OFF_MS {
                warn!(
                    "the clock of vantage `{}` is {ahead_ms} ms ahead of the store's: what it sees counts as not observed until it is set",
                    caller.vantage
                );
            }
        }
        Ok(heard)
    }

    fn take_in(
        &mut self,
        parcel: Parcel,
        vantage: &VantageId,
        ahead_ms: i64,
    ) -> Result<Receipt, StoreError> {
        let board = self.board.borrow().clone();
        let latest = self
            .clock
            .now()
            .plus_ms(match ahead_ms.abs() > CLOCK_OFF_MS {
                true => AHEAD_MS_MAX,
                false => CLOCK_OFF_MS,
            });
        let mut receipt = Receipt::default();
        let mut good = Parcel::default();
        let mut idxs = Vec::new();
        for (idx, mut finding) in parcel.findings.into_iter().enumerate() {
            if let Some(why) = fault(&finding, vantage, &board, latest) {
                receipt.refused.push(Item { idx, why });
                continue;
            }
            if ahead_ms.abs() > CLOCK_OFF_MS {
                distrust(&mut finding, ahead_ms);
            }
            good.findings.push(finding);
            idxs.push(idx);
        }
        good.missed = parcel
            .missed
            .into_iter()
            .filter(|ticks| ticks.vantage == *vantage && ticks.last <= latest)
            .filter(|ticks| board.endpoint(&ticks.endpoint).is_some())
            .collect();
        good.definitions = parcel
            .definitions
            .filter(|definitions| definitions.vantage == *vantage);
        if !good.is_empty() {
            let taken = self.store()?.take_in(&good)?;
            receipt.new = taken.appended.new;
            receipt.repeated = taken.appended.repeated;
            for refused in taken.refused {
                let at = good.findings.iter().position(|one| *one == refused.finding);
                if let Some(at) = at {
                    good.findings.remove(at);
                    let idx = idxs.remove(at);
                    receipt.refused.push(Item {
                        idx,
                        why: refused.why,
                    });
                }
            }
        }
        if !receipt.refused.is_empty() {
            error!(
                n_refused = receipt.refused.len(),
                "observations of vantage `{vantage}` cannot be kept, and their time will be unknown; the first: {}; it sets them aside",
                receipt.refused[0].why
            );
        }
        if !good.findings.is_empty() {
            // The keeper of the board goes only after us.
            let _ = self.events.blocking_send(Event::HandedIn(good.findings));
        }
        Ok(receipt)
    }
}

/// Why a finding can never be kept here, if it cannot.
fn fault(
    finding: &Finding,
    vantage: &VantageId,
    board: &Board,
    latest: Timestamp,
) -> Option<String> {
    let observation = &finding.observation;
    if finding.vantage != *vantage {
        return Some(format!(
            "seen from `{}`, and handed in by `{vantage}`",
            finding.vantage
        ));
    }
    if board.endpoint(&finding.endpoint).is_none() {
        return Some(format!(
            "the endpoint `{}` is not in the collector's configuration",
            finding.endpoint
        ));
    }
    let at = observation.at.max(observation.tick);
    (at > latest).then(|| format!("seen at {at}, which is still to come"))
}

fn not_now(failure: &StoreError) -> Answer {
    error!("failed to {failure}; the vantage keeps what it saw, and hands it in again");
    Answer::refused(
        Refusal::Store,
        "the collector's store does not take it now: its log says why",
    )
}
