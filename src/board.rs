//! The present picture, folded from findings: what the status page and the metrics show.
//!
//! States are judged by the core's own engine over the last few observations, so that the page
//! and a statement cannot disagree. What takes more than those, the app computes from the store
//! and sets here: the running month, recent days, the past before the start.
//!
//! A board is cheap to clone: what did not change is shared.

mod now;
mod recent;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;

use self::recent::Recent;
use crate::sla::availability::Tally;
use crate::sla::catalog::{Catalog, Endpoint, EndpointId, Service, ServiceId, VantageId};
use crate::sla::commitment::{Commitment, Ppm, Terms};
use crate::sla::observation::{Finding, MissCause, Observation, Outcome, Sequence};
use crate::sla::statement::Statement;
use crate::sla::timeline::{Reading, State, Timeline, Track, compose, quorum};
use crate::sla::window::{Timestamp, Window};

pub use now::{EndpointNow, Failure, Forwarding, MonthNow, ServiceNow, StoreNow};

/// How many failures are kept per endpoint.
pub const FAILURES_MAX: usize = 10;

/// How many observations of a vantage are kept beyond what confirmation asks for.
const RECENT_EXTRA: usize = 12;

/// The present: the state of each endpoint and service, the running month, recent days, and how
/// we ourselves are.
#[derive(Clone, Debug)]
pub struct Board {
    catalog: Arc<Catalog>,
    started: Timestamp,
    now: Timestamp,
    services: Vec<Arc<ServiceNow>>,
    endpoints: Vec<Arc<EndpointNow>>,
    endpoint_idx: Arc<HashMap<EndpointId, usize>>,
    store: StoreNow,
    missed: [u64; MissCause::ALL.len()],
}

impl Board {
    /// A board on which nothing was seen yet.
    pub fn new(catalog: &Catalog, now: Timestamp) -> Self {
        let mut board = Self {
            catalog: Arc::new(catalog.clone()),
            started: now,
            now,
            services: Vec::new(),
            endpoints: Vec::new(),
            endpoint_idx: Arc::default(),
            store: StoreNow::default(),
            missed: [0; MissCause::ALL.len()],
        };
        board.lay_out(HashMap::new(), HashMap::new());
        board
    }

    /// From now on this is watched. What is known of endpoints and services that stay, stays.
    pub fn replace(&mut self, catalog: &Catalog) {
        let endpoints = self.endpoints.drain(..).map(|now| {
            let service = &self.catalog.services[now.service_idx];
            (service.endpoints[now.endpoint_idx].id.clone(), now)
        });
        let endpoints = endpoints.collect();
        let services = self.services.drain(..).map(|now| {
            let service = &self.catalog.services[now.service_idx];
            (service.id.clone(), now)
        });
        let services = services.collect();
        self.catalog = Arc::new(catalog.clone());
        self.lay_out(endpoints, services);
    }

    /// Gives everything in the catalog its place.
    fn lay_out(
        &mut self,
        mut known_endpoints: HashMap<EndpointId, Arc<EndpointNow>>,
        mut known_services: HashMap<ServiceId, Arc<ServiceNow>>,
    ) {
        let mut endpoint_idx = HashMap::new();
        let catalog = Arc::clone(&self.catalog);
        for (service_idx, service) in catalog.services.iter().enumerate() {
            let first = self.endpoints.len();
            for (idx, endpoint) in service.endpoints.iter().enumerate() {
                let mut now = known_endpoints.remove(&endpoint.id).unwrap_or_default();
                let place = Arc::make_mut(&mut now);
                (place.service_idx, place.endpoint_idx) = (service_idx, idx);
                endpoint_idx.insert(endpoint.id.clone(), self.endpoints.len());
                self.endpoints.push(now);
            }
            let mut now = known_services.remove(&service.id).unwrap_or_default();
            let place = Arc::make_mut(&mut now);
            (place.service_idx, place.endpoint_idxs) = (service_idx, first..self.endpoints.len());
            place.stale = true;
            self.services.push(now);
        }
        self.endpoint_idx = Arc::new(endpoint_idx);
    }

    /// What is watched.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// When this board began.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// The instant of the last [`tick`](Self::tick).
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Every service, in the order of the catalog.
    pub fn services(&self) -> impl Iterator<Item = (&Service, &ServiceNow)> {
        self.services
            .iter()
            .map(|now| (&self.catalog.services[now.service_idx], now.as_ref()))
    }

    /// Every endpoint with its service, in the order of the catalog.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Service, &Endpoint, &EndpointNow)> {
        self.endpoints.iter().map(|now| self.named(now))
    }

    /// The endpoints of a service of this board.
    pub fn endpoints_of<'a>(
        &'a self,
        service: &ServiceNow,
    ) -> impl Iterator<Item = (&'a Endpoint, &'a EndpointNow)> {
        self.endpoints[service.endpoint_idxs.clone()]
            .iter()
            .map(|now| self.named(now))
            .map(|(_, endpoint, now)| (endpoint, now))
    }

    /// The endpoint of this id.
    pub fn endpoint(&self, id: &EndpointId) -> Option<(&Service, &Endpoint, &EndpointNow)> {
        let idx = self.endpoint_idx.get(id)?;
        Some(self.named(&self.endpoints[*idx]))
    }

    /// The last observations of an endpoint that are kept, by vantage, each with what it says alone;
    /// the earliest first.
    pub fn observations_of(&self, id: &EndpointId) -> Vec<(&VantageId, Vec<(Observation, State)>)> {
        let Some(idx) = self.endpoint_idx.get(id).copied() else {
            return Vec::new();
        };
        let reading = self.reading(idx);
        let said = |one: &Observation| (*one, reading.state(one.outcome));
        self.endpoints[idx]
            .recent
            .iter()
            .map(|recent| {
                let observations = recent.observations.iter().map(said);
                (&recent.vantage, observations.collect())
            })
            .collect()
    }

    /// The service of this id.
    pub fn service(&self, id: &ServiceId) -> Option<(&Service, &ServiceNow)> {
        self.services().find(|(service, _)| service.id == *id)
    }

    /// The commitment of a service in force now.
    pub fn commitment<'a>(&self, service: &'a Service) -> Option<&'a Commitment> {
        service.commitment_on(self.now.to_local(service.zone()).date_naive())
    }

    /// How the store is.
    pub fn store(&self) -> StoreNow {
        self.store
    }

    /// Ticks missed since this board began, for one cause.
    pub fn missed(&self, cause: MissCause) -> u64 {
        self.missed[cause as usize]
    }

    /// Takes in one finding, in order of time per vantage. Its service follows at the next
    /// [`tick`](Self::tick). A finding of an endpoint that is not on the board is left out.
    pub fn apply(&mut self, finding: &Finding) {
        let Some(idx) = self.endpoint_idx.get(&finding.endpoint).copied() else {
            return;
        };
        let now = Arc::make_mut(&mut self.endpoints[idx]);
        let trace = &finding.trace;
        now.phases = trace.phases;
        now.status = trace.status;
        now.address = trace.address.or(now.address);
        if trace.certificate_not_after.is_some() {
            now.certificate_not_after = trace.certificate_not_after;
            now.chain_not_after = trace.chain_not_after;
            now.verified_not_after = trace.verified_not_after;
        }
        match finding.observation.outcome {
            Outcome::Answered { .. } => now.success.clone_from(&trace.explanation),
            Outcome::Failed(_) | Outcome::Void(_) => {
                now.failures.truncate(FAILURES_MAX - 1);
                now.failures.push_front(Failure {
                    at: finding.observation.at,
                    vantage: finding.vantage.clone(),
                    outcome: finding.observation.outcome,
                    cause: trace.cause.clone(),
                    message: trace.message.clone(),
                });
            }
        }
        self.see(idx, &finding.vantage, &[finding.observation]);
    }

    /// Takes in observations of one vantage from before this board began, in order of time.
    pub fn recall(
        &mut self,
        endpoint: &EndpointId,
        vantage: &VantageId,
        observations: &[Observation],
    ) {
        if let Some(idx) = self.endpoint_idx.get(endpoint).copied() {
            self.see(idx, vantage, observations);
        }
    }

    /// What the engine found out about the past of a service: it knows more than the last few
    /// observations. Only the time before now is taken.
    pub fn recall_service(&mut self, service: &ServiceId, timeline: &Timeline) {
        let now = self.now;
        if let Some(shown) = self.service_mut(service) {
            let known = timeline
                .segments()
                .iter()
                .filter(|segment| segment.window.start() <= now);
            for segment in known {
                shown.course.settle(segment.window.start(), segment.state);
            }
            shown.stale = true;
        }
    }

    /// The running month of a service, whoever the partner.
    pub fn set_month(&mut self, service: &ServiceId, statement: Statement) {
        if let Some(now) = self.service_mut(service) {
            now.month = Some(Arc::new(MonthNow::new(statement)));
        }
    }

    /// The month before the running one, whoever the partner.
    pub fn set_previous_month(&mut self, service: &ServiceId, statement: Statement) {
        if let Some(now) = self.service_mut(service) {
            now.previous_month = Some(Arc::new(MonthNow::new(statement)));
        }
    }

    /// The last local days of a service in order, each with its time by class; usually 90.
    pub fn set_days(&mut self, service: &ServiceId, days: Vec<(NaiveDate, Tally)>) {
        if let Some(now) = self.service_mut(service) {
            now.days = days.into();
        }
    }

    /// How the store is.
    pub fn set_store(&mut self, store: StoreNow) {
        self.store = store;
    }

    /// Counts missed ticks.
    pub fn miss(&mut self, cause: MissCause, count: u64) {
        self.missed[cause as usize] += count;
    }

    /// The time is now `now`: endpoints that have been silent for too long become Unknown, and
    /// services follow their endpoints.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = now;
        for idx in 0..self.endpoints.len() {
            if self.endpoints[idx]
                .silent_from
                .is_some_and(|from| from <= now)
            {
                self.refresh(idx);
            }
        }
        for idx in 0..self.services.len() {
            if self.services[idx].stale {
                self.refresh_service(idx);
            }
        }
    }

    fn named<'a>(&'a self, now: &'a EndpointNow) -> (&'a Service, &'a Endpoint, &'a EndpointNow) {
        let service = &self.catalog.services[now.service_idx];
        (service, &service.endpoints[now.endpoint_idx], now)
    }

    fn service_mut(&mut self, id: &ServiceId) -> Option<&mut ServiceNow> {
        let idx = self
            .catalog
            .services
            .iter()
            .position(|service| service.id == *id)?;
        self.services.get_mut(idx).map(Arc::make_mut)
    }

    fn see(&mut self, idx: usize, vantage: &VantageId, observations: &[Observation]) {
        let terms = self.terms(self.endpoints[idx].service_idx);
        let confirmation = usize::try_from(terms.confirmation.failures.get()).unwrap_or(usize::MAX);
        let kept = confirmation.saturating_add(RECENT_EXTRA);
        let now = Arc::make_mut(&mut self.endpoints[idx]);
        let recent_idx = match now.recent.iter().position(|r| r.vantage == *vantage) {
            Some(recent_idx) => recent_idx,
            None => {
                now.recent.push(Recent {
                    vantage: vantage.clone(),
                    observations: Vec::new(),
                });
                now.recent.len() - 1
            }
        };
        let all = &mut now.recent[recent_idx].observations;
        // A long past is judged as a whole before it is cut to what is kept. There are few of
        // them, and of endpoints many: each takes only the room that it needs.
        all.reserve_exact(observations.len());
        all.extend_from_slice(observations);
        // What was read back may be known already, or be older than what came meanwhile.
        all.sort_by_key(|observation| (observation.at, observation.tick));
        all.dedup();
        for observation in observations {
            if now.last.is_none_or(|last| last.at <= observation.at) {
                now.last = Some(*observation);
            }
            if let Outcome::Answered { latency_us, .. } = observation.outcome
                && now.last_success.is_none_or(|last| last <= observation.at)
            {
                now.last_success = Some(observation.at);
                now.latency_ms = Some(latency_us.div_ceil(1_000));
            }
        }
        self.refresh(idx);
        let reading = self.reading(idx);
        let recent = &mut Arc::make_mut(&mut self.endpoints[idx]).recent[recent_idx];
        recent.forget(kept, &reading);
    }

    /// Judges an endpoint anew from what was kept.
    fn refresh(&mut self, idx: usize) {
        let at_least = self.now;
        let quorum_of = self.terms(self.endpoints[idx].service_idx).quorum;
        let reading = self.reading(idx);
        let now = Arc::make_mut(&mut self.endpoints[idx]);
        let all = || now.recent.iter().flat_map(|recent| &recent.observations);
        let Some(first) = all().map(|observation| observation.at).min() else {
            return;
        };
        // A clock that was put back does not make the latest observation a thing of the future.
        let latest = all().map(|observation| observation.at).max();
        let present = latest.map_or(at_least, |latest| latest.max(at_least));
        let Some(window) = Window::between(first, present.plus_ms(1)) else {
            return;
        };
        let tracks: Vec<Timeline> = now
            .recent
            .iter()
            .map(|recent| {
                Track::observed(window, &Sequence::new(&recent.observations), &reading).timeline
            })
            .collect();
        let tracks: Vec<&Timeline> = tracks.iter().collect();
        let timeline = quorum(window, &tracks, quorum_of).timeline;
        now.course.settle_all(&timeline);
        (now.state, now.since) = now.course.present();
        now.silent_from = now
            .recent
            .iter()
            .filter_map(|recent| recent.observations.last())
            .map(|observation| observation.at.plus_ms(reading.validity_ms))
            .filter(|until| *until > present)
            .min();
        let service_idx = now.service_idx;
        Arc::make_mut(&mut self.services[service_idx]).stale = true;
    }

    /// Composes a service anew from the courses of its endpoints.
    fn refresh_service(&mut self, idx: usize) {
        let present = self.now;
        let service = &self.catalog.services[self.services[idx].service_idx];
        let terms = self.terms_of(service);
        let contractual: Vec<(&Endpoint, &EndpointNow)> = self
            .endpoints_of(&self.services[idx])
            .filter(|(endpoint, _)| endpoint.contractual && !endpoint.retired)
            .collect();
        let first = contractual
            .iter()
            .filter_map(|(_, now)| now.course.first())
            .max();
        let timeline = first
            .and_then(|first| Window::between(first.min(present), present.plus_ms(1)))
            .map(|window| {
                let timelines: Vec<(&EndpointId, Timeline)> = contractual
                    .iter()
                    .map(|(endpoint, now)| (&endpoint.id, now.course.timeline(window)))
                    .collect();
                let timelines: Vec<(&EndpointId, &Timeline)> = timelines
                    .iter()
                    .map(|(id, timeline)| (*id, timeline))
                    .collect();
                compose(window, &timelines, &terms.rule)
            });
        let now = Arc::make_mut(&mut self.services[idx]);
        now.stale = false;
        if let Some(timeline) = timeline {
            now.course.settle_all(&timeline);
        }
        (now.state, now.since) = now.course.present();
    }

    fn reading(&self, idx: usize) -> Reading {
        let (service, endpoint, _) = self.named(&self.endpoints[idx]);
        let terms = self.terms_of(service);
        Reading {
            validity_ms: endpoint.validity_ms,
            latency_objective_ms: endpoint.latency_objective_ms,
            degraded: terms.degraded,
            confirmation: terms.confirmation,
        }
    }

    fn terms(&self, service_idx: usize) -> Terms {
        self.terms_of(&self.catalog.services[service_idx])
    }

    /// The terms in force now; before the first and after the last commitment, the nearest ones.
    fn terms_of(&self, service: &Service) -> Terms {
        self.commitment(service)
            .or(service.commitments.last())
            .map_or_else(
                || Terms::silent(Ppm::new(0).expect("0 is a part of a million")),
                |commitment| commitment.terms.clone(),
            )
    }
}
