//! The present picture, folded from findings: what the status page and the metrics show.
//!
//! States are judged by the core's own engine over the last few observations, so that the page
//! and a statement cannot disagree. What takes more than those, the app computes from the store
//! and sets here: the running month, recent days, the past before the start.
//!
//! A board is cheap to clone: what did not change is shared.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::sla::availability::Tally;
use crate::sla::catalog::{Catalog, Endpoint, EndpointId, Service, ServiceId, VantageId};
use crate::sla::commitment::{Commitment, Ppm, Terms};
use crate::sla::explanation::Explanation;
use crate::sla::observation::{Finding, MissCause, Observation, Outcome, Phases, Sequence};
use crate::sla::statement::Statement;
use crate::sla::timeline::{Reading, Segment, State, Timeline, Track, compose, quorum};
use crate::sla::window::{Timestamp, Window};

/// How many failures are kept per endpoint.
pub const FAILURES_MAX: usize = 10;

/// How many observations of a vantage are kept beyond what confirmation asks for.
const RECENT_EXTRA: usize = 12;

/// How many changes of state are kept.
const COURSE_MAX: usize = 32;

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

/// What a service is now.
#[derive(Clone, Debug, Default)]
pub struct ServiceNow {
    /// Its place in [`Catalog::services`].
    service_idx: usize,
    /// The places of its endpoints on the board.
    endpoint_idxs: std::ops::Range<usize>,
    /// By its rule over its contractual endpoints.
    pub state: State,
    /// Since when, as far back as we know; absent if nothing was ever seen.
    pub since: Option<Timestamp>,
    /// The running month.
    pub month: Option<Arc<MonthNow>>,
    /// The month before it.
    pub previous_month: Option<Arc<MonthNow>>,
    /// The last local days in order, each with its time by class.
    pub days: Arc<[(NaiveDate, Tally)]>,
    course: Course,
    stale: bool,
}

/// A month as settled now, whoever the partner.
#[derive(Clone, Debug)]
pub struct MonthNow {
    /// The whole month; if it is running, its future is Unknown.
    pub statement: Statement,
    /// The part that lies behind us.
    pub elapsed: Tally,
    /// The part that lies ahead: planned exclusions, and for the rest Unknown.
    pub ahead: Tally,
}

impl MonthNow {
    /// A statement, cut where its month has come to.
    pub fn new(statement: Statement) -> Self {
        let (elapsed, ahead) = match statement.now {
            Some(now) => {
                let window = statement.window;
                let tally = |part: Option<Window>| {
                    part.map_or(Tally::default(), |part| statement.ledger.tally_within(part))
                };
                (
                    tally(Window::between(window.start(), now)),
                    tally(Window::between(now.max(window.start()), window.end())),
                )
            }
            None => (statement.tally, Tally::default()),
        };
        Self {
            statement,
            elapsed,
            ahead,
        }
    }

    /// What is left of the allowed Down time if all Unknown time behind us was Down, in
    /// milliseconds; negative: overrun. Time ahead is not spent.
    pub fn remaining_min_ms(&self) -> i64 {
        self.remaining_max_ms() - self.elapsed.unknown_ms
    }

    /// What is left of the allowed Down time if all Unknown time behind us was Up, in
    /// milliseconds; negative: overrun.
    pub fn remaining_max_ms(&self) -> i64 {
        self.statement.budget.allowed_ms - self.elapsed.down_ms
    }

    /// The target it is judged by.
    pub fn target(&self) -> Ppm {
        self.statement.target
    }
}

/// What an endpoint is now.
#[derive(Clone, Debug, Default)]
pub struct EndpointNow {
    /// Its place in [`Catalog::services`].
    service_idx: usize,
    /// Its place among the endpoints of its service.
    endpoint_idx: usize,
    /// What its vantages say together.
    pub state: State,
    /// Since when, as far back as we know; absent if it was never asked.
    pub since: Option<Timestamp>,
    /// The latest observation of any vantage.
    pub last: Option<Observation>,
    /// The latest expected answer.
    pub last_success: Option<Timestamp>,
    /// All that was seen of the latest expected answer since the start.
    pub success: Option<Arc<Explanation>>,
    /// The latency of the latest expected answer, in milliseconds, rounded up.
    pub latency_ms: Option<u32>,
    /// How long each stage of the latest probe took.
    pub phases: Phases,
    /// The address of the latest connection.
    pub address: Option<SocketAddr>,
    /// The status of the latest probe, if it came to one.
    pub status: Option<u16>,
    /// When the certificate presented last ends.
    pub certificate_not_after: Option<Timestamp>,
    /// When the first of the certificates presented with it ends, also of those that nobody needs.
    pub chain_not_after: Option<Timestamp>,
    /// When the first of those ends that lead from it to a trusted authority; absent if none does.
    pub verified_not_after: Option<Timestamp>,
    /// The latest failed and void observations, newest first, at most [`FAILURES_MAX`].
    pub failures: VecDeque<Failure>,
    recent: Vec<Recent>,
    course: Course,
    /// When the state may change by silence alone.
    silent_from: Option<Timestamp>,
}

impl EndpointNow {
    /// Whether a failure was seen that further probes have still to confirm or refute.
    pub fn is_being_confirmed(&self) -> bool {
        let failed = matches!(
            self.last,
            Some(Observation {
                outcome: Outcome::Failed(_),
                ..
            })
        );
        failed && self.state == State::Unknown
    }

    /// Whether it was asked, and never gave an expected answer as far back as we know.
    pub fn never_succeeded(&self) -> bool {
        self.last.is_some() && self.last_success.is_none()
    }
}

/// A probe that did not bring an expected answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// Seen from where.
    pub vantage: VantageId,
    /// Failed or void.
    pub outcome: Outcome,
    /// The service's own error code, if it gave one.
    pub cause: Option<String>,
    /// Why, in one sentence for ops; may be empty.
    pub message: String,
}

/// How the store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreNow {
    /// Whether what it holds was read once.
    pub loaded: bool,
    /// Observations not saved yet.
    pub backlog: u64,
    /// How many of them we can hold.
    pub backlog_max: u64,
    /// Observations lost because the backlog was full; their time is Unknown.
    pub lost: u64,
    /// Writes that failed.
    pub write_errors: u64,
    /// Its size on disk, in bytes.
    pub size_bytes: u64,
    /// Observations that can never be saved; their time is Unknown.
    pub refused: u64,
    /// The tick of the observation that waits longest on disk.
    pub waits_since: Option<Timestamp>,
    /// There is no store here: what is seen is handed in at a collector.
    pub forwarding: Option<Forwarding>,
}

/// How handing in goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// When the collector last took something; absent if it never did since the start.
    pub taken_at: Option<Timestamp>,
}

impl StoreNow {
    /// Whether observations are saved as they should be.
    pub fn keeps_up(&self) -> bool {
        self.loaded && self.backlog <= self.backlog_max
    }
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
        // A long past is judged as a whole before it is cut to what is kept.
        now.recent[recent_idx]
            .observations
            .extend_from_slice(observations);
        // What was read back may be known already, or be older than what came meanwhile.
        let all = &mut now.recent[recent_idx].observations;
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

/// The last observations of one vantage.
#[derive(Clone, Debug)]
struct Recent {
    vantage: VantageId,
    observations: Vec<Observation>,
}

impl Recent {
    /// Forgets all but the last `kept`, and of those the rest of a run of failures that has lost
    /// its beginning: it could not be judged as it was.
    fn forget(&mut self, kept: usize, reading: &Reading) {
        let surplus = self.observations.len().saturating_sub(kept);
        if surplus == 0 {
            return;
        }
        self.observations.drain(..surplus);
        let whole = self
            .observations
            .iter()
            .position(|observation| reading.state(observation.outcome) != State::Down);
        self.observations.drain(..whole.unwrap_or(0));
    }
}

/// The last changes of state, in order; neighbours differ.
#[derive(Clone, Debug, Default)]
struct Course(VecDeque<(Timestamp, State)>);

impl Course {
    /// From `at` on it is `state`, whatever was said before about that time.
    fn settle(&mut self, at: Timestamp, state: State) {
        while self.0.back().is_some_and(|(since, _)| *since >= at) {
            self.0.pop_back();
        }
        if self.0.back().is_none_or(|(_, before)| *before != state) {
            self.0.push_back((at, state));
            if self.0.len() > COURSE_MAX {
                self.0.pop_front();
            }
        }
    }

    fn settle_all(&mut self, timeline: &Timeline) {
        for segment in timeline.segments() {
            self.settle(segment.window.start(), segment.state);
        }
    }

    /// Where it begins.
    fn first(&self) -> Option<Timestamp> {
        self.0.front().map(|(since, _)| *since)
    }

    /// What it says about `window`; Unknown before it begins.
    fn timeline(&self, window: Window) -> Timeline {
        let ends = self.0.iter().skip(1).map(|(at, _)| *at);
        let segments: Vec<Segment> = self
            .0
            .iter()
            .zip(ends.chain([window.end()]))
            .filter_map(|((start, state), end)| {
                Some(Segment {
                    window: Window::between(*start, end)?,
                    state: *state,
                })
            })
            .collect();
        Timeline::from_segments(window, &segments)
    }

    fn present(&self) -> (State, Option<Timestamp>) {
        self.0
            .back()
            .map_or((State::Unknown, None), |(since, state)| {
                (*state, Some(*since))
            })
    }
}
