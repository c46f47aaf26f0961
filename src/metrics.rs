//! What ops scrape: one struct, its registry handed in, help beside each metric.
//!
//! Facts of the process are counted as they happen. Facts of endpoints and months are read from a
//! snapshot of the board when somebody scrapes, by one collector: ten thousand endpoints cost
//! nothing between scrapes, and an endpoint that is gone is gone here too.
//!
//! Names begin with `vigie_`, units are base units. A service is labelled `api`: `service`,
//! `instance`, `job` and `region` belong to the target that scrapes us. Values of all labels but
//! `api` and `endpoint` come from closed sets.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram as HistogramValue, LabelPair, Metric, MetricFamily,
    MetricType,
};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use tokio::sync::watch;

use crate::board::{Board, EndpointNow, MonthNow};
use crate::sla::availability::{Outlook, Ratio, Verdict};
use crate::sla::catalog::{Endpoint, EndpointId, Probe};
use crate::sla::ledger::Class;
use crate::sla::observation::{Finding, MissCause, Outcome, Stage};
use crate::sla::timeline::State;
use crate::sla::window::{TZDATA_VERSION, Timestamp};

/// Upper bounds of the buckets of [`PROBE_DURATION`], in seconds.
const DURATION_BOUNDS_S: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of the buckets of a stage's time, in seconds.
const PHASE_BOUNDS_S: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Upper bounds of the buckets of the lateness of ticks, in seconds.
const LATENESS_BOUNDS_S: [f64; 7] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

/// A metric that the collector reads from the board: its name, what it means, its labels in
/// alphabetical order.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// As scraped.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Counter, gauge or histogram.
    pub kind: MetricType,
    /// Names of its labels.
    pub labels: &'static [&'static str],
}

/// Declares shapes, and the list of them all.
macro_rules! shapes {
    ($($id:ident $kind:ident $name:literal $labels:tt $help:literal)*) => {
        $(const $id: Shape = Shape {
            name: $name,
            help: $help,
            kind: MetricType::$kind,
            labels: &$labels,
        };)*

        /// Every metric that is read from the board.
        pub const SHAPES: &[Shape] = &[$($id),*];
    };
}

shapes! {
    PROBE_RUNS COUNTER "vigie_probe_runs_total" ["api", "endpoint"]
        "Probes made, whatever came of them."
    PROBE_FAILURES COUNTER "vigie_probe_failures_total" ["api", "endpoint", "fault", "stage"]
        "Probes that failed, by fault and by the stage they had reached."
    PROBE_VOIDS COUNTER "vigie_probe_voids_total" ["api", "endpoint", "reason"]
        "Probes that say nothing about the service, by reason: we could not ask, or were refused."
    PROBE_DURATION HISTOGRAM "vigie_probe_duration_seconds" ["api", "endpoint"]
        "Time of a whole probe, failed ones included."
    ENDPOINT_UP GAUGE "vigie_endpoint_up" ["api", "endpoint"]
        "1 if the endpoint is up or degraded; 0 if it is down or unknown, see vigie_endpoint_state."
    ENDPOINT_STATE GAUGE "vigie_endpoint_state" ["api", "endpoint", "state"]
        "1 for the state the endpoint is in, 0 for the others."
    ENDPOINT_LAST_PROBE GAUGE "vigie_endpoint_last_probe_timestamp_seconds" ["api", "endpoint"]
        "When the endpoint was asked last; 0 if never."
    ENDPOINT_LAST_SUCCESS GAUGE "vigie_endpoint_last_success_timestamp_seconds" ["api", "endpoint"]
        "When the endpoint last answered as expected; 0 if never."
    ENDPOINT_CERTIFICATE GAUGE "vigie_endpoint_certificate_not_after_timestamp_seconds" ["api", "endpoint"]
        "When the certificate that the endpoint presented last ends; absent if it presented none."
    ENDPOINT_STATUS GAUGE "vigie_endpoint_http_status_code" ["api", "endpoint"]
        "Status that the latest probe was answered with; absent if it came to none."
    API_UP GAUGE "vigie_api_up" ["api"]
        "1 if the service is up or degraded by its rule; 0 if it is down or unknown, see vigie_api_state."
    API_STATE GAUGE "vigie_api_state" ["api", "state"]
        "1 for the state the service is in, 0 for the others."
    API_SINCE GAUGE "vigie_api_state_since_timestamp_seconds" ["api"]
        "Since when the service is in its state: a confirmed outage counts from its first failure; absent if nothing was ever seen."
    COMMITMENT_SECONDS GAUGE "vigie_commitment_seconds" ["api", "class", "month"]
        "Time of the month behind us, by how it counts."
    COMMITMENT_AHEAD GAUGE "vigie_commitment_ahead_seconds" ["api", "month"]
        "Time of the month ahead of us that will count."
    COMMITMENT_START GAUGE "vigie_commitment_month_start_timestamp_seconds" ["api", "month"]
        "When the month began, in the zone of the commitment."
    COMMITMENT_END GAUGE "vigie_commitment_month_end_timestamp_seconds" ["api", "month"]
        "When the month ends, in the zone of the commitment."
    COMMITMENT_AVAILABILITY GAUGE "vigie_commitment_availability_ratio" ["api", "bound", "month"]
        "Available part of the time behind us that counts, unknown time taken as down (lower) or as up (upper)."
    COMMITMENT_TARGET GAUGE "vigie_commitment_target_ratio" ["api", "month"]
        "The part of the month that must be available; reached at equality."
    COMMITMENT_BUDGET GAUGE "vigie_commitment_budget_seconds" ["api", "month"]
        "Down time that the target allows over the whole month."
    COMMITMENT_REMAINING GAUGE "vigie_commitment_budget_remaining_seconds" ["api", "bound", "month"]
        "What is left of the allowed down time, unknown time behind us taken as down (min) or as up (max); negative if overrun."
    COMMITMENT_VERDICT GAUGE "vigie_commitment_verdict" ["api", "month", "verdict"]
        "1 for the verdict on the month, its future taken as unknown, 0 for the others."
    COMMITMENT_OUTLOOK GAUGE "vigie_commitment_outlook" ["api", "outlook"]
        "1 for what can still become of the running month, 0 for the others."
    TICKS_MISSED COUNTER "vigie_ticks_missed_total" ["cause"]
        "Planned instants of asking that passed without a probe."
    STORE_BACKLOG GAUGE "vigie_store_backlog_observations" []
        "Observations that wait to be saved."
    STORE_BACKLOG_LIMIT GAUGE "vigie_store_backlog_limit_observations" []
        "How many observations can wait to be saved."
    STORE_LOST COUNTER "vigie_store_lost_observations_total" []
        "Observations lost because too many were waiting; their time is unknown."
    STORE_WRITE_ERRORS COUNTER "vigie_store_write_errors_total" []
        "Writes to the store that failed."
    STORE_SIZE GAUGE "vigie_store_size_bytes" []
        "Size of the store on disk."
    BOARD_TIME GAUGE "vigie_board_timestamp_seconds" []
        "The instant that the board shows; behind the clock if recording is held up."
    BUILD GAUGE "vigie_build_info" ["tzdata", "version"]
        "1; the version of the program and of its time-zone data."
}

/// How many letters stand where in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Their documents are not there yet.
    pub unwritten: u64,
    /// Wait for approval.
    pub held: u64,
    /// To be sent.
    pub due: u64,
    /// Of those, the ones that have been due for too long.
    pub late: u64,
    /// Taken over by the mail server.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
}

/// The metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    /// Letters in the outbox, by state.
    letters: IntGaugeVec,
    /// Those that have been due for too long.
    letters_late: IntGauge,
    /// From a tick to the start of its probe.
    schedule_lateness: Histogram,
    /// How long each stage of a probe took.
    probe_phase: HistogramVec,
    probes: Arc<Probes>,
    board: watch::Receiver<Arc<Board>>,
}

impl Metrics {
    /// Metrics in `registry`, over the snapshots of `board`.
    ///
    /// # Errors
    /// The registry already holds a metric of the same name.
    pub fn new(
        registry: &Registry,
        board: watch::Receiver<Arc<Board>>,
    ) -> Result<Self, prometheus::Error> {
        let schedule_lateness = Histogram::with_opts(
            HistogramOpts::new(
                "vigie_schedule_lateness_seconds",
                "Time from a planned instant of asking to the start of its probe.",
            )
            .buckets(LATENESS_BOUNDS_S.to_vec()),
        )?;
        registry.register(Box::new(schedule_lateness.clone()))?;
        let probe_phase = HistogramVec::new(
            HistogramOpts::new(
                "vigie_probe_phase_seconds",
                "Time that a stage of a probe took, the stage in which it failed included.",
            )
            .buckets(PHASE_BOUNDS_S.to_vec()),
            &["api", "stage"],
        )?;
        registry.register(Box::new(probe_phase.clone()))?;
        for service in &board.borrow().catalog().services {
            for stage in Stage::ALL {
                probe_phase.with_label_values(&[service.id.as_str(), stage.code()]);
            }
        }
        let letters = IntGaugeVec::new(
            Opts::new(
                "vigie_letters",
                "Letters in the outbox, by state: unwritten, held, due, sent, failed.",
            ),
            &["state"],
        )?;
        registry.register(Box::new(letters.clone()))?;
        let letters_late = IntGauge::new(
            "vigie_letters_late",
            "Letters that have been due for more than a day.",
        )?;
        registry.register(Box::new(letters_late.clone()))?;
        let probes = Arc::new(Probes::default());
        registry.register(Box::new(BoardCollector {
            descriptions: SHAPES.iter().map(describe).collect::<Result<_, _>>()?,
            probes: Arc::clone(&probes),
            board: board.clone(),
        }))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self {
            letters,
            letters_late,
            schedule_lateness,
            probe_phase,
            probes,
            board,
        })
    }

    /// The outbox was looked into.
    pub fn letters(&self, letters: &Letters) {
        let gauge = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for (state, n) in [
            ("unwritten", letters.unwritten),
            ("held", letters.held),
            ("due", letters.due),
            ("sent", letters.sent),
            ("failed", letters.failed),
        ] {
            self.letters.with_label_values(&[state]).set(gauge(n));
        }
        self.letters_late.set(gauge(letters.late));
    }

    /// A probe began `lateness_ms` after its tick.
    pub fn started(&self, lateness_ms: i64) {
        self.schedule_lateness.observe(seconds(lateness_ms.max(0)));
    }

    /// A probe is over.
    pub fn record(&self, finding: &Finding) {
        let phases = &finding.trace.phases;
        let board = self.board.borrow().clone();
        if let Some((service, _, _)) = board.endpoint(&finding.endpoint) {
            for stage in Stage::ALL {
                if let Some(us) = phases.of(stage) {
                    self.probe_phase
                        .with_label_values(&[service.id.as_str(), stage.code()])
                        .observe(f64::from(us) / 1e6);
                }
            }
        }
        let mut probes = self.probes.lock();
        let counts = probes.entry(finding.endpoint.clone()).or_default();
        counts.runs += 1;
        let us_all: u64 = Stage::ALL
            .into_iter()
            .filter_map(|stage| phases.of(stage))
            .map(u64::from)
            .sum();
        let duration_s = match finding.observation.outcome {
            Outcome::Answered { latency_us, .. } => Some(f64::from(latency_us) / 1e6),
            Outcome::Failed(fault) => {
                let key = (fault.kind(), fault.stage().code());
                *counts.failures.entry(key).or_default() += 1;
                Some(us_all as f64 / 1e6)
            }
            Outcome::Void(void) => {
                *counts.voids.entry(void.kind()).or_default() += 1;
                (us_all > 0).then_some(us_all as f64 / 1e6)
            }
        };
        if let Some(duration_s) = duration_s {
            counts.durations.observe(duration_s);
        }
    }
}

/// All that `registry` holds, in the Prometheus text format.
///
/// # Errors
/// A collector gave a family without a name or without metrics, which ours never do.
pub fn text(registry: &Registry) -> Result<String, prometheus::Error> {
    TextEncoder::new().encode_to_string(&registry.gather())
}

/// What was counted per endpoint since the start.
#[derive(Debug, Default)]
struct Probes(Mutex<HashMap<EndpointId, Counts>>);

impl Probes {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<EndpointId, Counts>> {
        // Counters have no state between which a panic could leave them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Debug, Default)]
struct Counts {
    runs: u64,
    failures: BTreeMap<(&'static str, &'static str), u64>,
    voids: BTreeMap<&'static str, u64>,
    durations: Durations,
}

#[derive(Clone, Debug, Default)]
struct Durations {
    /// Per bucket, not cumulated; slower ones are only in `count`.
    per_bucket: [u64; DURATION_BOUNDS_S.len()],
    sum_s: f64,
    count: u64,
}

impl Durations {
    fn observe(&mut self, duration_s: f64) {
        let bucket = DURATION_BOUNDS_S.partition_point(|bound| *bound < duration_s);
        if let Some(n) = self.per_bucket.get_mut(bucket) {
            *n += 1;
        }
        self.sum_s += duration_s;
        self.count += 1;
    }

    fn value(&self) -> HistogramValue {
        let mut cumulated = 0;
        let buckets = DURATION_BOUNDS_S
            .iter()
            .zip(self.per_bucket)
            .map(|(bound, n)| {
                cumulated += n;
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(*bound);
                bucket.set_cumulative_count(cumulated);
                bucket
            })
            .collect();
        let mut value = HistogramValue::default();
        value.set_bucket(buckets);
        value.set_sample_sum(self.sum_s);
        value.set_sample_count(self.count);
        value
    }
}

/// Faults and stages that a probe of this endpoint can come to: their series start at 0.
fn known_failures(endpoint: &Endpoint) -> impl Iterator<Item = (&'static str, &'static str)> {
    let Probe::Http(http) = &endpoint.probe;
    // A redirect may lead from one to the other.
    let redirects = http.redirects_max > 0;
    let (tls, json) = (http.url.tls || redirects, http.json.is_some());
    [
        ("connect", Stage::Connect),
        ("content", Stage::Transfer),
        ("dns", Stage::Resolve),
        ("io", Stage::Processing),
        ("io", Stage::Tls),
        ("io", Stage::Transfer),
        ("maintenance", Stage::Transfer),
        ("redirect", Stage::Processing),
        ("status", Stage::Processing),
        ("timeout", Stage::Connect),
        ("timeout", Stage::Processing),
        ("timeout", Stage::Resolve),
        ("timeout", Stage::Tls),
        ("timeout", Stage::Transfer),
        ("tls", Stage::Tls),
        ("too_large", Stage::Transfer),
    ]
    .into_iter()
    .filter(move |(fault, stage)| {
        (tls || *stage != Stage::Tls)
            && (json || *fault != "maintenance")
            && (redirects || *fault != "redirect")
    })
    .map(|(fault, stage)| (fault, stage.code()))
}

/// Reasons for which a probe says nothing: their series start at 0.
const KNOWN_VOIDS: [&str; 7] = [
    "clock",
    "credential",
    "not_executed",
    "rate_limited",
    "resolver",
    "stated_unknown",
    "uplink",
];

/// Reads a snapshot of the board when somebody scrapes.
#[derive(Debug)]
struct BoardCollector {
    descriptions: Vec<Desc>,
    probes: Arc<Probes>,
    board: watch::Receiver<Arc<Board>>,
}

impl Collector for BoardCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let board = self.board.borrow().clone();
        let mut page = Page::default();
        self.endpoints(&board, &mut page);
        services(&board, &mut page);
        ourselves(&board, &mut page);
        page.families()
    }
}

impl BoardCollector {
    fn endpoints(&self, board: &Board, page: &mut Page) {
        // A copy, so that recording does not wait for the scrape.
        let probes = self.probes.lock().clone();
        let never = Counts::default();
        for (service, endpoint, now) in board.endpoints() {
            if endpoint.retired {
                continue;
            }
            let labels = [service.id.as_str(), endpoint.id.as_str()];
            let [api, id] = labels;
            let counts = probes.get(&endpoint.id).unwrap_or(&never);
            page.count(&PROBE_RUNS, &labels, counts.runs);
            let mut failures = counts.failures.clone();
            for known in known_failures(endpoint) {
                failures.entry(known).or_default();
            }
            for ((fault, stage), n) in failures {
                page.count(&PROBE_FAILURES, &[api, id, fault, stage], n);
            }
            for reason in KNOWN_VOIDS {
                let n = counts.voids.get(reason).copied().unwrap_or(0);
                page.count(&PROBE_VOIDS, &[api, id, reason], n);
            }
            page.histogram(&PROBE_DURATION, &labels, counts.durations.value());
            endpoint_now(now, labels, page);
        }
    }
}

fn endpoint_now(now: &EndpointNow, labels: [&str; 2], page: &mut Page) {
    let [api, id] = labels;
    page.gauge(&ENDPOINT_UP, &labels, is_up(now.state));
    for state in State::ALL {
        let value = flag(state == now.state);
        page.gauge(&ENDPOINT_STATE, &[api, id, state.code()], value);
    }
    let last_probe = now.last.map(|last| last.at);
    page.gauge(&ENDPOINT_LAST_PROBE, &labels, instant(last_probe));
    page.gauge(&ENDPOINT_LAST_SUCCESS, &labels, instant(now.last_success));
    if let Some(not_after) = now.certificate_not_after {
        page.gauge(&ENDPOINT_CERTIFICATE, &labels, instant(Some(not_after)));
    }
    if let Some(status) = now.status {
        page.gauge(&ENDPOINT_STATUS, &labels, f64::from(status));
    }
}

fn services(board: &Board, page: &mut Page) {
    for (service, now) in board.services() {
        let api = service.id.as_str();
        page.gauge(&API_UP, &[api], is_up(now.state));
        for state in State::ALL {
            let value = flag(state == now.state);
            page.gauge(&API_STATE, &[api, state.code()], value);
        }
        if let Some(since) = now.since {
            page.gauge(&API_SINCE, &[api], instant(Some(since)));
        }
        if let Some(month) = &now.month {
            commitment(api, "current", month, page);
            for outlook in Outlook::ALL {
                let value = flag(month.statement.outlook == Some(outlook));
                page.gauge(&COMMITMENT_OUTLOOK, &[api, outlook.code()], value);
            }
        }
        if let Some(month) = &now.previous_month {
            commitment(api, "previous", month, page);
        }
    }
}

fn commitment(api: &str, which: &str, month: &MonthNow, page: &mut Page) {
    let labels = [api, which];
    let statement = &month.statement;
    for class in Class::ALL {
        let value = seconds(month.elapsed.of(class));
        page.gauge(&COMMITMENT_SECONDS, &[api, class.code(), which], value);
    }
    let ahead_ms = month.ahead.counted_ms();
    page.gauge(&COMMITMENT_AHEAD, &labels, seconds(ahead_ms));
    let (start, end) = (statement.window.start(), statement.window.end());
    page.gauge(&COMMITMENT_START, &labels, instant(Some(start)));
    page.gauge(&COMMITMENT_END, &labels, instant(Some(end)));
    if let Some(availability) = month.elapsed.availability() {
        let bounds = [("lower", availability.lower), ("upper", availability.upper)];
        for (bound, value) in bounds {
            let labels = [api, bound, which];
            page.gauge(&COMMITMENT_AVAILABILITY, &labels, ratio(value));
        }
    }
    let target = f64::from(month.target().parts()) / 1e6;
    page.gauge(&COMMITMENT_TARGET, &labels, target);
    let allowed_ms = statement.budget.allowed_ms;
    page.gauge(&COMMITMENT_BUDGET, &labels, seconds(allowed_ms));
    let bounds = [
        ("max", month.remaining_max_ms()),
        ("min", month.remaining_min_ms()),
    ];
    for (bound, ms) in bounds {
        let labels = [api, bound, which];
        page.gauge(&COMMITMENT_REMAINING, &labels, seconds(ms));
    }
    for verdict in Verdict::ALL {
        let value = flag(statement.verdict == verdict);
        page.gauge(&COMMITMENT_VERDICT, &[api, which, verdict.code()], value);
    }
}

fn ourselves(board: &Board, page: &mut Page) {
    for cause in MissCause::ALL {
        page.count(&TICKS_MISSED, &[cause.code()], board.missed(cause));
    }
    let store = board.store();
    page.gauge(&STORE_BACKLOG, &[], store.backlog as f64);
    page.gauge(&STORE_BACKLOG_LIMIT, &[], store.backlog_max as f64);
    page.count(&STORE_LOST, &[], store.lost);
    page.count(&STORE_WRITE_ERRORS, &[], store.write_errors);
    page.gauge(&STORE_SIZE, &[], store.size_bytes as f64);
    page.gauge(&BOARD_TIME, &[], instant(Some(board.now())));
    let versions = [TZDATA_VERSION, env!("CARGO_PKG_VERSION")];
    page.gauge(&BUILD, &versions, 1.0);
}

/// The families being written, by name.
#[derive(Default)]
struct Page(BTreeMap<&'static str, (Shape, Vec<Metric>)>);

impl Page {
    fn count(&mut self, shape: &Shape, labels: &[&str], n: u64) {
        let mut counter = Counter::default();
        counter.set_value(n as f64);
        self.metric(shape, labels).set_counter(counter);
    }

    fn gauge(&mut self, shape: &Shape, labels: &[&str], value: f64) {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        self.metric(shape, labels).set_gauge(gauge);
    }

    fn histogram(&mut self, shape: &Shape, labels: &[&str], value: HistogramValue) {
        self.metric(shape, labels).set_histogram(value);
    }

    fn metric(&mut self, shape: &Shape, labels: &[&str]) -> &mut Metric {
        debug_assert_eq!(shape.labels.len(), labels.len(), "labels of {}", shape.name);
        let pairs = shape
            .labels
            .iter()
            .zip(labels)
            .map(|(name, value)| {
                let mut pair = LabelPair::default();
                pair.set_name((*name).to_owned());
                pair.set_value((*value).to_owned());
                pair
            })
            .collect();
        let (_, metrics) = self
            .0
            .entry(shape.name)
            .or_insert_with(|| (*shape, Vec::new()));
        metrics.push(Metric::from_label(pairs));
        metrics.last_mut().expect("one was just pushed")
    }

    fn families(self) -> Vec<MetricFamily> {
        self.0
            .into_values()
            .map(|(shape, metrics)| {
                let mut family = MetricFamily::default();
                family.set_name(shape.name.to_owned());
                family.set_help(shape.help.to_owned());
                family.set_field_type(shape.kind);
                family.set_metric(metrics);
                family
            })
            .collect()
    }
}

fn describe(shape: &Shape) -> Result<Desc, prometheus::Error> {
    Desc::new(
        shape.name.to_owned(),
        shape.help.to_owned(),
        shape
            .labels
            .iter()
            .map(|label| (*label).to_owned())
            .collect(),
        HashMap::new(),
    )
}

fn is_up(state: State) -> f64 {
    match state {
        State::Up | State::Degraded => 1.0,
        State::Down | State::Unknown => 0.0,
    }
}

fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

fn instant(at: Option<Timestamp>) -> f64 {
    at.map_or(0.0, |at| seconds(at.unix_ms()))
}

fn ratio(ratio: Ratio) -> f64 {
    ratio.part_ms() as f64 / ratio.whole_ms() as f64
}
