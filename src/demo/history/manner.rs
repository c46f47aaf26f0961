//! How each endpoint answers: how fast by the hour, and what a probe sees of an event.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use chrono::Timelike;
use chrono_tz::Tz;

use super::MARK;
use super::story::Event;
use crate::demo::mix;
use crate::sla::catalog::{Endpoint, Probe};
use crate::sla::observation::{Fault, Outcome, Phases, Stage, Trace, Void};
use crate::sla::window::Timestamp;

/// How long a service that is asked too often asks to be left alone, in milliseconds.
const RETRY_AFTER_MS: i64 = 30_000;

/// How an endpoint answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    seed: u64,
    address: SocketAddr,
    tls: bool,
    status: u16,
    latency_median_ms: u64,
    timeout_ms: u64,
    /// Now and then a single probe fails; never on contractual endpoints, whose figures are
    /// known.
    hiccups: bool,
}

/// Quantiles of a log-normal distribution (sigma 0.35) at sixteenths, in thousandths of the
/// median. Integers, so that the past is the same on every machine.
const QUANTILES: [u64; 17] = [
    417, 585, 669, 733, 790, 843, 894, 946, 1_000, 1_057, 1_118, 1_187, 1_266, 1_364, 1_495, 1_711,
    2_858,
];

/// How busy the hours of the day are, in thousandths.
const RHYTHM: [u64; 24] = [
    820, 800, 790, 790, 800, 830, 890, 980, 1_120, 1_260, 1_310, 1_280, 1_150, 1_140, 1_260, 1_290,
    1_240, 1_150, 1_050, 1_000, 960, 920, 880, 850,
];

impl Manner {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let seed = endpoint
            .id
            .as_str()
            .bytes()
            .fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
        let (tls, status) = match &endpoint.probe {
            Probe::Http(http) => (http.url.tls, http.expected_statuses.first()),
            // The demo's own configuration knows HTTP only.
            Probe::Tcp(_) | Probe::Tls(_) | Probe::Dns(_) | Probe::Icmp(_) => (false, 200),
        };
        let (host, port) = if tls { (20, 443) } else { (10, 80) };
        let latency_median_ms = match endpoint.id.as_str() {
            "socle" => 38,
            "qf-cnaf-msa" => 210,
            "c2s" => 320,
            "etudiant-mesri" => 180,
            "boursier-cnous" => 240,
            "emploi-ft" => 160,
            "scolarite-men" => 290,
            "franceconnect" => 95,
            "etudiant-donnee" => 450,
            "entree" => 62,
            "sante" => 21,
            _ => 120,
        };
        Self {
            seed,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), port),
            tls,
            status,
            latency_median_ms,
            timeout_ms: endpoint.timeout_ms.unsigned_abs(),
            hiccups: !endpoint.contractual,
        }
    }

    /// What a probe at `tick` sees when `event` happens; nothing if nobody asked.
    pub(super) fn see(&self, tick: Timestamp, zone: Tz, event: Event) -> Option<(Outcome, Trace)> {
        let chance = mix(self.seed ^ tick.unix_ms().unsigned_abs());
        let latency_ms = self.latency_ms(chance, tick, zone);
        Some(match event {
            Event::Nothing if self.hiccups && chance.is_multiple_of(2_500) => self.failure(
                latency_ms,
                Fault::Timeout(Stage::Processing),
                "",
                "no answer within the time allowed, once",
            ),
            Event::Nothing => self.answer(latency_ms),
            Event::Slow => self.answer((latency_ms * 7).min(self.timeout_ms * 9 / 10)),
            Event::Failed {
                fault,
                cause,
                message,
            } => self.failure(latency_ms, fault, cause, message),
            Event::Void {
                void,
                cause,
                message,
            } => {
                let status = match void {
                    Void::Credential(status) => Some(status),
                    Void::RateLimited => Some(429),
                    Void::StatedUnknown => Some(200),
                    Void::Resolver
                    | Void::Uplink
                    | Void::Clock
                    | Void::Certificate
                    | Void::Token
                    | Void::NotExecuted => None,
                };
                let mut trace = self.trace(cause, message);
                if status.is_some() {
                    trace.phases = self.phases(latency_ms, Stage::Transfer);
                    trace.status = status;
                    trace.retry_after_ms = (void == Void::RateLimited).then_some(RETRY_AFTER_MS);
                } else {
                    trace.address = None;
                }
                (Outcome::Void(void), trace)
            }
            Event::Stopped | Event::Retired => return None,
        })
    }

    fn answer(&self, latency_ms: u64) -> (Outcome, Trace) {
        let outcome = Outcome::Answered {
            latency_us: u32::try_from(latency_ms * 1_000).unwrap_or(u32::MAX),
            partial: false,
        };
        let trace = Trace {
            phases: self.phases(latency_ms, Stage::Transfer),
            address: Some(self.address),
            status: Some(self.status),
            ..Trace::default()
        };
        (outcome, trace)
    }

    fn failure(
        &self,
        latency_ms: u64,
        fault: Fault,
        cause: &str,
        message: &str,
    ) -> (Outcome, Trace) {
        let elapsed_ms = match fault {
            Fault::Timeout(_) => self.timeout_ms,
            Fault::Dns
            | Fault::Connect
            | Fault::Tls(_)
            | Fault::Io(_)
            | Fault::Status(_)
            | Fault::Redirect
            | Fault::RedirectLoop
            | Fault::Content
            | Fault::TooLarge
            | Fault::Maintenance
            | Fault::Unspecified => latency_ms,
        };
        let mut trace = self.trace(cause, message);
        trace.phases = self.phases(elapsed_ms, fault.stage());
        match fault {
            Fault::Dns => trace.address = None,
            Fault::Status(status) => trace.status = Some(status),
            Fault::Content | Fault::TooLarge | Fault::Maintenance => {
                trace.status = Some(self.status);
            }
            Fault::Connect
            | Fault::Timeout(_)
            | Fault::Tls(_)
            | Fault::Io(_)
            | Fault::Redirect
            | Fault::RedirectLoop
            | Fault::Unspecified => {}
        }
        (Outcome::Failed(fault), trace)
    }

    fn trace(&self, cause: &str, message: &str) -> Trace {
        Trace {
            address: Some(self.address),
            cause: (!cause.is_empty()).then(|| cause.to_owned()),
            message: format!("{MARK}: {message}"),
            ..Trace::default()
        }
    }

    fn latency_ms(&self, chance: u64, tick: Timestamp, zone: Tz) -> u64 {
        // The upper bits choose the sixteenth and the place in it.
        let sixteenth = (chance >> 60) & 0xf;
        let place = (chance >> 50) & 0x3ff;
        let at = |idx: u64| usize::try_from(idx).map_or(1_000, |idx| QUANTILES[idx]);
        let (low, high) = (at(sixteenth), at(sixteenth + 1));
        let quantile = low + (high - low) * place / 1_024;
        let busy = tick
            .to_local(zone)
            .hour()
            .try_into()
            .map_or(1_000, |hour: usize| RHYTHM[hour]);
        // One in 512 takes four times as long.
        let tail = if (chance >> 40) & 0x1ff == 0 { 4 } else { 1 };
        let latency_ms = self.latency_median_ms * quantile * busy * tail / 1_000_000;
        latency_ms.clamp(1, self.timeout_ms * 9 / 10)
    }

    /// Splits a duration over the stages up to `last`, which carries the rest.
    fn phases(&self, elapsed_ms: u64, last: Stage) -> Phases {
        let mut phases = Phases::default();
        let mut rest_us = elapsed_ms * 1_000;
        for stage in Stage::ALL {
            if stage == Stage::Auth || (stage == Stage::Tls && !self.tls) {
                continue;
            }
            let share_us = match stage {
                Stage::Auth => 0,
                Stage::Resolve => elapsed_ms * 10,
                Stage::Connect => elapsed_ms * 80,
                Stage::Tls => elapsed_ms * 150,
                Stage::Write => elapsed_ms,
                Stage::Processing => elapsed_ms * 700,
                Stage::Transfer => rest_us,
            };
            let us = if stage == last { rest_us } else { share_us };
            rest_us -= us.min(rest_us);
            *phases.of_mut(stage) = u32::try_from(us).ok();
            if stage == last {
                break;
            }
        }
        phases
    }
}
