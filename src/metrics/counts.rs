//! What was counted since the start, per endpoint and per service.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Settings;
use super::page::Sizes;
use crate::sla::catalog::{Authentication, Endpoint, EndpointId, Probe, ServiceId};
use crate::sla::observation::{Finding, Outcome, Stage};

/// The counters; cheap to copy for a page, so that recording never waits for a scrape.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    endpoints: HashMap<EndpointId, Arc<EndpointCounts>>,
    services: HashMap<ServiceId, Arc<ServiceCounts>>,
}

/// Of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct EndpointCounts {
    pub(super) runs: u64,
    pub(super) failures: [u64; Stage::ALL.len()],
    pub(super) voids: u64,
    pub(super) durations: Sizes,
}

/// Of one service.
#[derive(Clone, Debug)]
pub(super) struct ServiceCounts {
    pub(super) failures: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) voids: BTreeMap<&'static str, u64>,
    pub(super) answers: BTreeMap<u16, u64>,
    pub(super) phases: [Sizes; Stage::ALL.len()],
}

impl EndpointCounts {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            runs: 0,
            failures: [0; Stage::ALL.len()],
            voids: 0,
            durations: Sizes::new(&settings.duration_bounds_s),
        }
    }
}

impl ServiceCounts {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            failures: BTreeMap::new(),
            voids: BTreeMap::new(),
            answers: BTreeMap::new(),
            phases: std::array::from_fn(|_| Sizes::new(&settings.phase_bounds_s)),
        }
    }
}

/// The counters, shared.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<Counts>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counters have no state between which a panic could leave them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands there now.
    pub(super) fn copy(&self) -> Counts {
        self.lock().clone()
    }

    /// Drops what `keep_endpoint` and `keep_service` do not want: they are watched no longer.
    pub(super) fn retain(
        &self,
        keep_endpoint: impl Fn(&EndpointId) -> bool,
        keep_service: impl Fn(&ServiceId) -> bool,
    ) {
        let mut counts = self.lock();
        counts.endpoints.retain(|id, _| keep_endpoint(id));
        counts.services.retain(|id, _| keep_service(id));
    }

    /// Counts one probe.
    pub(super) fn record(&self, service: &ServiceId, finding: &Finding, settings: &Settings) {
        let phases = &finding.trace.phases;
        let us_all = phases.total_us();
        let mut counts = self.lock();
        let Counts {
            endpoints,
            services,
        } = &mut *counts;
        let endpoint = Arc::make_mut(
            endpoints
                .entry(finding.endpoint.clone())
                .or_insert_with(|| Arc::new(EndpointCounts::new(settings))),
        );
        let service = Arc::make_mut(
            services
                .entry(service.clone())
                .or_insert_with(|| Arc::new(ServiceCounts::new(settings))),
        );
        endpoint.runs += 1;
        let duration_s = match finding.observation.outcome {
            Outcome::Answered { latency_us, .. } => Some(f64::from(latency_us) / 1e6),
            Outcome::Failed(fault) => {
                let stage = fault.stage();
                endpoint.failures[stage as usize] += 1;
                *service
                    .failures
                    .entry((fault.kind(), stage.code()))
                    .or_default() += 1;
                Some(us_all as f64 / 1e6)
            }
            Outcome::Void(void) => {
                endpoint.voids += 1;
                *service.voids.entry(void.kind()).or_default() += 1;
                (us_all > 0).then_some(us_all as f64 / 1e6)
            }
        };
        if let Some(duration_s) = duration_s {
            let bounds = &settings.duration_bounds_s;
            endpoint.durations.observe(bounds, duration_s);
        }
        if let Some(status) = finding.trace.status {
            *service.answers.entry(status).or_default() += 1;
        }
        for (stage, sizes) in Stage::ALL.into_iter().zip(&mut service.phases) {
            if let Some(us) = phases.of(stage) {
                sizes.observe(&settings.phase_bounds_s, f64::from(us) / 1e6);
            }
        }
    }
}

impl Counts {
    pub(super) fn endpoint(&self, id: &EndpointId) -> Option<&EndpointCounts> {
        self.endpoints.get(id).map(Arc::as_ref)
    }

    pub(super) fn service(&self, id: &ServiceId) -> Option<&ServiceCounts> {
        self.services.get(id).map(Arc::as_ref)
    }

    /// Whether there is more than the board of `n_endpoints` and `n_services` can show.
    pub(super) fn is_larger_than(&self, n_endpoints: usize, n_services: usize) -> bool {
        self.endpoints.len() > n_endpoints || self.services.len() > n_services
    }
}

/// Whether a probe of this endpoint goes through this stage: its series starts at 0.
pub(super) fn goes_through(endpoint: &Endpoint, stage: Stage) -> bool {
    let http = match &endpoint.probe {
        Probe::Http(http) => http,
        Probe::Tcp(tcp) => {
            return match stage {
                Stage::Resolve | Stage::Connect => true,
                Stage::Tls => tcp.starttls.is_some(),
                Stage::Processing => tcp.starttls.is_some() || tcp.expect.is_some(),
                Stage::Auth | Stage::Write | Stage::Transfer => false,
            };
        }
        Probe::Tls(_) => return matches!(stage, Stage::Resolve | Stage::Connect | Stage::Tls),
        Probe::Dns(_) | Probe::Icmp(_) => {
            return matches!(stage, Stage::Resolve | Stage::Processing);
        }
    };
    match stage {
        // A redirect may lead from plain HTTP to TLS.
        Stage::Tls => http.url.tls || http.redirects_max > 0,
        Stage::Auth => matches!(
            http.authentication,
            Some(Authentication::ClientCredentials(_))
        ),
        Stage::Resolve | Stage::Connect | Stage::Write | Stage::Processing | Stage::Transfer => {
            true
        }
    }
}

/// Faults that any probe of an HTTP endpoint can come to, with their stages: their series of a
/// service start at 0. A fault that is not named here appears when it is seen.
pub(super) const KNOWN_FAILURES: [(&str, Stage); 19] = [
    ("connect", Stage::Connect),
    ("content", Stage::Transfer),
    ("dns", Stage::Resolve),
    ("io", Stage::Processing),
    ("io", Stage::Tls),
    ("io", Stage::Transfer),
    ("io", Stage::Write),
    ("maintenance", Stage::Transfer),
    ("redirect", Stage::Processing),
    ("redirect_loop", Stage::Processing),
    ("status", Stage::Processing),
    ("timeout", Stage::Connect),
    ("timeout", Stage::Processing),
    ("timeout", Stage::Resolve),
    ("timeout", Stage::Tls),
    ("timeout", Stage::Transfer),
    ("timeout", Stage::Write),
    ("tls", Stage::Tls),
    ("too_large", Stage::Transfer),
];

/// Reasons for which a probe says nothing: their series of a service start at 0.
pub(super) const KNOWN_VOIDS: [&str; 8] = [
    "clock",
    "credential",
    "not_executed",
    "rate_limited",
    "resolver",
    "stated_unknown",
    "token",
    "uplink",
];
