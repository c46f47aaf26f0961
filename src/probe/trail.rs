//! How far a probe has come and how long each stage took: what is left when it is cut off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{self, HeaderMap, HeaderName};

use super::cut;
use super::http::Marks;
use super::tls::Ours;
use crate::sla::explanation::{Assessment, Explanation, Hop};
use crate::sla::observation::{Phases, Stage, Trace};

/// The headers of an answer that people look at when something is wrong.
const TELLING: [HeaderName; 13] = [
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CACHE_CONTROL,
    header::AGE,
    header::DATE,
    header::SERVER,
    header::VIA,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
];

/// The steps of one probe so far.
pub(super) struct Trail {
    began: Instant,
    deadline: tokio::time::Instant,
    timeout: Duration,
    /// What has become of the request under way.
    pub(super) marks: Marks,
    /// The stage under way, and since when.
    under_way: Option<(Stage, Instant)>,
    /// Since when none is: the next one began there, so that no time is nobody's.
    idle_since: Instant,
    ended: Option<Instant>,
    judged: Option<Instant>,
    assessments: Vec<Assessment>,
    earlier: Vec<Hop>,
    /// The connection under way.
    pub(super) hop: Hop,
    /// The headers of its answer.
    pub(super) headers: HeaderMap,
    /// Whether the request under way carries a secret, or its connection our certificate.
    pub(super) sends_secret: bool,
    /// What its connection showed where we were asked who we are.
    pub(super) shown: Option<Arc<Ours>>,
    /// Whether we are still on the way to our own proxy.
    pub(super) before_proxy: bool,
    /// What else people will want to know.
    pub(super) trace: Trace,
}

impl Trail {
    pub(super) fn begin(timeout: Duration) -> Self {
        let began = Instant::now();
        Self {
            began,
            deadline: tokio::time::Instant::now() + timeout,
            timeout,
            marks: Marks::default(),
            under_way: None,
            idle_since: began,
            ended: None,
            judged: None,
            assessments: Vec::new(),
            earlier: Vec::new(),
            hop: Hop::default(),
            headers: HeaderMap::new(),
            sends_secret: false,
            shown: None,
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

    /// The stage under way; before the first, the one that every probe has.
    pub(super) fn stage(&self) -> Stage {
        match (self.under_way, self.marks.written()) {
            (Some((Stage::Write, _)), Some(_)) => Stage::Processing,
            (Some((stage, _)), _) => stage,
            (None, _) => Stage::Connect,
        }
    }

    /// Ends the stage under way and begins the next.
    pub(super) fn enter(&mut self, stage: Stage) {
        let now = Instant::now();
        let since = match self.under_way {
            Some(_) => now,
            None => self.idle_since,
        };
        self.close(now);
        self.under_way = Some((stage, since));
    }

    /// Ends the connection under way: the next is that of a redirect.
    pub(super) fn next_hop(&mut self) {
        self.idle_since = Instant::now();
        self.close(self.idle_since);
        self.under_way = None;
        self.marks = Marks::default();
        self.tell_headers();
        self.earlier.push(std::mem::take(&mut self.hop));
    }

    /// Puts the answer's headers that matter on the connection under way.
    pub(super) fn tell_headers(&mut self) {
        let headers = std::mem::take(&mut self.headers);
        for name in &TELLING {
            for value in headers.get_all(name) {
                let value = String::from_utf8_lossy(value.as_bytes());
                // Where a redirect leads may carry what opens a door, as any query may.
                let shown = match value.split_once(['?', '#']) {
                    Some((address, _)) if name == header::LOCATION => address,
                    _ => &value,
                };
                self.hop.headers.push((name.to_string(), cut(shown)));
            }
        }
    }

    /// Ends the exchange: what follows is not part of the latency. A second call does nothing.
    pub(super) fn end(&mut self) {
        if self.ended.is_none() {
            let now = Instant::now();
            self.close(now);
            self.ended = Some(now);
        }
    }

    /// One thing has been checked.
    pub(super) fn assess(&mut self, assessment: Assessment) {
        self.assessments.push(assessment);
    }

    /// What was seen has been judged.
    pub(super) fn judged(&mut self, assessments: Vec<Assessment>) {
        self.judged = Some(Instant::now());
        self.assessments = assessments;
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

    /// What the probe saw: in short, and in full.
    pub(super) fn into_parts(self) -> (Trace, Explanation) {
        let mut trace = self.trace;
        if let Some(tls) = &self.hop.tls {
            trace.certificate_not_after = tls.leaf().and_then(|leaf| leaf.not_after);
            trace.chain_not_after = tls.chain_not_after();
            trace.verified_not_after = tls.verified_not_after;
        }
        trace.address = self.hop.address;
        trace.status = self.hop.status;
        let mut hops = self.earlier;
        // It is kept for a while: no more room than it takes.
        hops.reserve_exact(1);
        hops.push(self.hop);
        trace.phases = sum(&hops);
        let ended = self.ended.unwrap_or(self.began);
        let over = self.judged.unwrap_or(ended);
        let explanation = Explanation {
            hops,
            assessments: self.assessments,
            evaluate_us: self.judged.map(|judged| micros(judged - ended)),
            duration_us: micros(over - self.began),
        };
        (trace, explanation)
    }

    /// Hides `secret` in what the service said, and in where it led us.
    pub(super) fn mask(&mut self, secret: &str) {
        let found = self
            .assessments
            .iter_mut()
            .filter_map(|one| one.found.as_mut());
        let hops = self.earlier.iter_mut().chain([&mut self.hop]);
        let heard = hops.flat_map(|hop| {
            let values = hop.headers.iter_mut().map(|(_, value)| value);
            values.chain([&mut hop.url])
        });
        for text in found.chain(heard) {
            hide(secret, text);
        }
    }

    fn close(&mut self, now: Instant) {
        // Nobody tells us when the last byte leaves: it was noted, and the stage after it began.
        if let (Some((Stage::Write, since)), Some(written)) = (self.under_way, self.marks.written())
        {
            self.hop.phases.write_us = Some(micros(written - since));
            self.under_way = Some((Stage::Processing, written));
        }
        if let Some((stage, since)) = self.under_way {
            *self.hop.phases.of_mut(stage) = Some(micros(now - since));
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

/// Takes `secret` out of `text`, also its beginning where the text was cut in the middle of it.
fn hide(secret: &str, text: &mut String) {
    const TOLD_MIN: usize = 4;
    if text.contains(secret) {
        *text = text.replace(secret, "***");
    }
    let Some(whole) = text.strip_suffix('…') else {
        return;
    };
    let begins = secret
        .char_indices()
        .map(|(at, c)| &secret[..at + c.len_utf8()]);
    let cut_off = begins.rev().find(|beginning| whole.ends_with(beginning));
    if let Some(beginning) = cut_off.filter(|beginning| beginning.len() >= TOLD_MIN) {
        *text = format!("{}***…", &whole[..whole.len() - beginning.len()]);
    }
}

fn micros(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX)
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
