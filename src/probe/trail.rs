//! How far a probe has come and how long each stage took: what is left when it is cut off.

use std::time::{Duration, Instant};

use crate::sla::observation::{Hop, Phases, Stage, Trace};

/// The steps of one probe so far.
pub(super) struct Trail {
    began: Instant,
    deadline: tokio::time::Instant,
    timeout: Duration,
    /// The stage under way, and since when.
    under_way: Option<(Stage, Instant)>,
    ended: Option<Instant>,
    earlier: Vec<Hop>,
    /// The connection under way.
    pub(super) hop: Hop,
    /// Whether the request under way carries a secret.
    pub(super) sends_secret: bool,
    /// Whether we are still on the way to our own proxy.
    pub(super) before_proxy: bool,
    /// What else people will want to know.
    pub(super) trace: Trace,
}

impl Trail {
    pub(super) fn begin(timeout: Duration) -> Self {
        Self {
            began: Instant::now(),
            deadline: tokio::time::Instant::now() + timeout,
            timeout,
            under_way: None,
            ended: None,
            earlier: Vec::new(),
            hop: Hop::default(),
            sends_secret: false,
            before_proxy: false,
            trace: Trace::default(),
        }
    }

    /// When the probe must be over.
    pub(super) fn deadline(&self) -> tokio::time::Instant {
        self.deadline
    }

    /// How long it may take.
    pub(super) fn timeout_ms(&self) -> u128 {
        self.timeout.as_millis()
    }

    /// The stage under way; before the first, that one.
    pub(super) fn stage(&self) -> Stage {
        self.under_way.map_or(Stage::Resolve, |(stage, _)| stage)
    }

    /// Ends the stage under way and begins the next.
    pub(super) fn enter(&mut self, stage: Stage) {
        let now = Instant::now();
        self.close(now);
        self.under_way = Some((stage, now));
    }

    /// Ends the connection under way: the next is that of a redirect.
    pub(super) fn next_hop(&mut self) {
        self.close(Instant::now());
        self.under_way = None;
        self.earlier.push(std::mem::take(&mut self.hop));
    }

    /// Ends the exchange: what follows is not part of the latency. A second call does nothing.
    pub(super) fn end(&mut self) {
        if self.ended.is_none() {
            let now = Instant::now();
            self.close(now);
            self.ended = Some(now);
        }
    }

    /// From the beginning to the end of the exchange, as an outcome carries it.
    pub(super) fn latency_us(&self) -> u32 {
        let elapsed = self.ended.unwrap_or(self.began) - self.began;
        latency_us(elapsed.as_micros())
    }

    /// From the beginning until now.
    pub(super) fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// What the probe saw: in short, and connection by connection.
    pub(super) fn into_parts(self) -> (Trace, Vec<Hop>) {
        let mut trace = self.trace;
        let leaf = self.hop.tls.as_ref().and_then(|tls| tls.chain.first());
        trace.certificate_not_after = leaf.and_then(|leaf| leaf.not_after);
        trace.address = self.hop.address;
        trace.status = self.hop.status;
        let mut hops = self.earlier;
        hops.push(self.hop);
        trace.phases = sum(&hops);
        (trace, hops)
    }

    fn close(&mut self, now: Instant) {
        if let Some((stage, since)) = self.under_way {
            let elapsed_us = u32::try_from((now - since).as_micros()).unwrap_or(u32::MAX);
            *self.hop.phases.of_mut(stage) = Some(elapsed_us);
        }
    }
}

/// In steps of 100 µs, begun ones counting in full: an answer is never shown faster than it was.
fn latency_us(elapsed_us: u128) -> u32 {
    const STEP_US: u32 = 100;
    let n_steps = elapsed_us.div_ceil(STEP_US.into());
    u32::try_from(n_steps)
        .unwrap_or(u32::MAX)
        .min(u32::MAX / STEP_US)
        * STEP_US
}

/// The phases of all hops, stage by stage.
fn sum(hops: &[Hop]) -> Phases {
    let mut sum = Phases::default();
    for stage in Stage::ALL {
        for elapsed_us in hops.iter().filter_map(|hop| hop.phases.of(stage)) {
            let so_far_us = sum.of_mut(stage);
            *so_far_us = Some(so_far_us.unwrap_or(0).saturating_add(elapsed_us));
        }
    }
    sum
}
