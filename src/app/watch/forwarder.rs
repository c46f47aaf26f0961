//! Hands in at a collector what waits in the spool, in order, and forgets it once it was taken.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::recorder::{Pressure, aside_of, lock};
use crate::clock::Clock;
use crate::config::ForwardConfig;
use crate::forward::{Answered, Collector};
use crate::handover::{
    Answer, CLOCK_OFF_MS, Cover, FINDINGS_MAX, Receipt, Refusal, SENT_BYTES_MAX,
};
use crate::sla::catalog::VantageId;
use crate::sla::window::Timestamp;
use crate::store::{Aside, Parcel, Refused, Sender, Spool, StoreError};

/// How often to hand in: what is seen meanwhile goes together.
const EVERY: Duration = Duration::from_secs(1);
/// Who has nothing to hand in gives a sign of life this often.
const SIGN_EVERY: Duration = Duration::from_secs(15);
/// How long to wait after a failure: at first, and at most.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How long to obey a collector that asks us to wait, at most.
const ASKED_MAX: Duration = Duration::from_secs(600);
/// How long the last try may take when we are to stop.
const LAST_TRY: Duration = Duration::from_secs(10);

/// Hands in until stopped, and then once more what is left, if it can be; the rest waits for the
/// next start. `stopped` comes after the last observation is in the spool.
pub(super) async fn hand_in(mut forwarder: Forwarder, mut stopped: watch::Receiver<bool>) {
    let mut wait = WAIT_MIN;
    loop {
        let done = tokio::select! {
            done = forwarder.round() => done,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let pause = match done {
            Ok(()) => {
                if wait > WAIT_MIN {
                    info!("the collector takes observations again");
                }
                wait = WAIT_MIN;
                EVERY
            }
            Err(Trouble { what, asked }) => {
                forwarder
                    .pressure
                    .write_errors
                    .fetch_add(1, Ordering::Relaxed);
                // Many vantages must not come back at once.
                let jitter = wait.mul_f64(0.5 * forwarder.chance());
                let pause = (wait / 2 + jitter).max(asked.unwrap_or_default().min(ASKED_MAX));
                error!(
                    "failed to {what}; what is seen waits in the spool; trying again in {:.1} s",
                    pause.as_secs_f64()
                );
                wait = (wait * 2).min(WAIT_MAX);
                // Files may have been renewed: what proves who we are is read again.
                forwarder.collector = None;
                pause
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    match tokio::time::timeout(LAST_TRY, forwarder.round()).await {
        Ok(Ok(())) => {}
        Ok(Err(trouble)) => warn!(
            "failed to {}; what was seen waits in the spool",
            trouble.what
        ),
        Err(_) => warn!("the collector does not answer; what was seen waits in the spool"),
    }
}

/// Who hands in, and what.
pub(super) struct Forwarder {
    pub(super) config: ForwardConfig,
    pub(super) vantage: VantageId,
    pub(super) clock: Clock,
    pub(super) spool: Arc<Mutex<Spool>>,
    pub(super) pressure: Arc<Pressure>,
    /// How far our clock is ahead of the collector's, as far as we know; for the recorder, too.
    pub(super) ahead_ms: Arc<AtomicI64>,
    sender: Sender,
    began: Timestamp,
    aside: Aside,
    collector: Option<Collector>,
    /// What the last answer said of our clock.
    measured_ms: Option<i64>,
    /// The file that waits longest, if it was read, and what of it was not taken yet.
    in_hand: Option<(PathBuf, VecDeque<Parcel>)>,
    last_taken: Option<Instant>,
}

/// Why a round did not come to its end.
struct Trouble {
    what: String,
    /// How long we were asked to wait.
    asked: Option<Duration>,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self {
            what: error.to_string(),
            asked: None,
        }
    }
}

impl Forwarder {
    /// # Errors
    /// What proves who we are cannot be read.
    pub(super) fn new(
        config: ForwardConfig,
        vantage: VantageId,
        clock: Clock,
        spool: Arc<Mutex<Spool>>,
        sender: Sender,
        pressure: Arc<Pressure>,
        ahead_ms: Arc<AtomicI64>,
    ) -> anyhow::Result<Self> {
        let collector = Collector::new(&config)?;
        let aside = aside_of(&lock(&spool));
        Ok(Self {
            began: clock.now(),
            config,
            vantage,
            clock,
            spool,
            pressure,
            ahead_ms,
            sender,
            aside,
            collector: Some(collector),
            measured_ms: None,
            in_hand: None,
            last_taken: None,
        })
    }

    /// Hands in all that waits; a sign of life if that is nothing and it is time. It may be ended
    /// at any moment: what was not taken stays in hand, and its file where it is.
    async fn round(&mut self) -> Result<(), Trouble> {
        loop {
            if self.in_hand.is_none() {
                let longest = self.with_spool(Spool::longest_waiting).await?;
                self.in_hand = longest.map(|longest| (longest.file, together(longest.parcels)));
            }
            while let Some(parcel) = self.next_in_hand() {
                let parts = self.give(&parcel).await?;
                if let Some((_, parcels)) = &mut self.in_hand {
                    parcels.pop_front();
                    for part in parts.into_iter().rev() {
                        parcels.push_front(part);
                    }
                }
            }
            let Some((file, _)) = self.in_hand.take() else {
                let is_time = |last: Instant| last.elapsed() >= SIGN_EVERY;
                return match self.last_taken.is_none_or(is_time) {
                    true => self.give(&Parcel::default()).await.map(drop),
                    false => Ok(()),
                };
            };
            let pressure = Arc::clone(&self.pressure);
            self.with_spool(move |spool| {
                spool.forget(&file)?;
                pressure.waits(spool, 0);
                Ok(())
            })
            .await?;
        }
    }

    fn next_in_hand(&self) -> Option<Parcel> {
        self.in_hand.as_ref()?.1.front().cloned()
    }

    async fn with_spool<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Spool) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let spool = Arc::clone(&self.spool);
        match spawn_blocking(move || work(&mut lock(&spool))).await {
            Ok(done) => Ok(done?),
            Err(error) => Err(Trouble {
                what: format!("read the spool: {error}"),
                asked: None,
            }),
        }
    }

    /// Hands in one parcel. Returns when the collector keeps it, or will never; or its two parts,
    /// if it is too large to travel as one: failures in full can be long.
    async fn give(&mut self, parcel: &Parcel) -> Result<Vec<Parcel>, Trouble> {
        let bytes = parcel.to_bytes();
        if bytes.len() > SENT_BYTES_MAX
            && let Some(parts) = parcel.parts()
        {
            return Ok(parts.to_vec());
        }
        let mut answered = self.ask(&bytes).await?;
        if let Answer::Refused {
            refusal: Refusal::Clock,
            ..
        } = answered.answer
        {
            // That answer tells where our clock is.
            answered = self.ask(&bytes).await?;
        }
        match answered.answer {
            Answer::Taken(receipt) => {
                self.taken(parcel, receipt);
                Ok(Vec::new())
            }
            Answer::Refused { refusal, message } if refusal.is_for_good() => {
                // An older collector cannot read definitions: that is no reason to lose the rest.
                let is_divisible = refusal == Refusal::TooLarge || parcel.definitions.is_some();
                if is_divisible && let Some(parts) = parcel.parts() {
                    return Ok(parts.to_vec());
                }
                if parcel.definitions.is_some() {
                    warn!("the collector does not learn how endpoints are defined here: {message}");
                }
                self.refuse(parcel.findings.iter().cloned().map(|finding| Refused {
                    finding,
                    why: message.clone(),
                }));
                Ok(Vec::new())
            }
            Answer::Refused { message, .. } => Err(Trouble {
                what: format!("hand in at `{}`: {message}", self.config.url),
                asked: answered.retry_after,
            }),
        }
    }

    async fn ask(&mut self, bytes: &[u8]) -> Result<Answered, Trouble> {
        let collector = match self.collector.take() {
            Some(collector) => collector,
            None => Collector::new(&self.config).map_err(|error| Trouble {
                what: error.to_string(),
                asked: None,
            })?,
        };
        let cover = Cover {
            vantage: self.vantage.clone(),
            instance: self.sender.name.clone(),
            began: self.began,
            sent: self.clock.now(),
            ahead_ms: self.measured_ms,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let answered = collector.hand_in(&cover, bytes).await;
        self.collector = Some(collector);
        let answered = answered.map_err(|error| Trouble {
            what: error.to_string(),
            asked: error.retry_after,
        })?;
        self.compare_clocks(cover.sent, answered.at);
        Ok(answered)
    }

    /// The collector's clock showed `theirs` at some moment between our `sent` and now.
    fn compare_clocks(&mut self, sent: Timestamp, theirs: Timestamp) {
        let received = self.clock.now();
        let round_trip_ms = received.since(sent).max(0);
        let ahead_ms = sent.plus_ms(round_trip_ms / 2).since(theirs);
        let before_ms = self.measured_ms.replace(ahead_ms).unwrap_or(0);
        self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        if ahead_ms.abs() > CLOCK_OFF_MS && before_ms.abs() <= CLOCK_OFF_MS {
            error!(
                "our clock is {ahead_ms} ms ahead of the collector's: what is seen counts as not observed until it is set"
            );
        }
    }

    fn taken(&mut self, parcel: &Parcel, receipt: Receipt) {
        self.last_taken = Some(Instant::now());
        let now_ms = self.clock.now().unix_ms();
        self.pressure.taken_at.store(now_ms, Ordering::Relaxed);
        let refused = receipt.refused.into_iter().filter_map(|item| {
            Some(Refused {
                finding: parcel.findings.get(item.idx)?.clone(),
                why: item.why,
            })
        });
        self.refuse(refused);
    }

    fn refuse(&self, refused: impl Iterator<Item = Refused>) {
        let refused: Vec<Refused> = refused.collect();
        self.pressure.refused(&self.aside, &refused);
    }

    /// From 0 to 1, another for each installation and moment.
    fn chance(&self) -> f64 {
        let mut byte = [0_u8; 1];
        // Without randomness, the wait is the longest.
        let _ = aws_lc_rs::rand::fill(&mut byte);
        f64::from(byte[0]) / 255.0
    }
}

/// As few parcels as may travel, in order.
fn together(parcels: Vec<Parcel>) -> VecDeque<Parcel> {
    let mut all: VecDeque<Parcel> = VecDeque::new();
    for parcel in parcels {
        match all.back_mut() {
            Some(last) if last.findings.len() + parcel.findings.len() <= FINDINGS_MAX => {
                last.findings.extend(parcel.findings);
                last.missed.extend(parcel.missed);
                last.definitions = parcel.definitions.or(last.definitions.take());
            }
            Some(_) | None => all.push_back(parcel),
        }
    }
    all
}
