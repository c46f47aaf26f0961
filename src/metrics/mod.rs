//! What ops scrape: one struct that is told what happens, and writes the page.
//!
//! Facts of the process are counted as they happen. Facts of endpoints and months are read from a
//! snapshot of the board when somebody scrapes: ten thousand endpoints cost nothing between
//! scrapes, and an endpoint that is gone is gone here too.
//!
//! Names begin with `vigie_`, units are base units. A service is labelled `api`: `service`,
//! `instance`, `job` and `region` belong to the target that scrapes us. An endpoint has about
//! twenty series, whatever happens to it, and all of them are there from the start: what has many
//! values (faults, reasons, statuses, stages) is counted per service.

mod blackbox;
mod counts;
mod page;
mod present;
mod shapes;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::process_collector::ProcessCollector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};
use tokio::sync::watch;

use crate::board::Board;
use crate::config::MetricsConfig;
use crate::sla::availability::{Availability, Verdict};
use crate::sla::catalog::{PartnerId, ServiceId, VantageId};
use crate::sla::commitment::Ppm;
use crate::sla::observation::Finding;
use crate::sla::window::Timestamp;

pub use blackbox::{PROBE_SHAPES, write_probe};
use counts::Shared;
pub use page::Format;
use page::Page;
use present::seconds;
use shapes as m;
pub use shapes::{Kind, SHAPES, Shape};

/// Upper bounds of the buckets of the lateness of ticks, in seconds.
const LATENESS_BOUNDS_S: [f64; 7] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What the operator chose, as it is used here.
#[derive(Debug)]
struct Settings {
    duration_bounds_s: Vec<f64>,
    phase_bounds_s: Vec<f64>,
    partners_max: usize,
    labels: Vec<(String, String)>,
}

impl From<MetricsConfig> for Settings {
    fn from(config: MetricsConfig) -> Self {
        let bounds_s = |bounds_ms: Vec<i64>| bounds_ms.into_iter().map(seconds).collect();
        Self {
            duration_bounds_s: bounds_s(config.duration_bounds_ms),
            phase_bounds_s: bounds_s(config.phase_bounds_ms),
            partners_max: config.partners_max,
            labels: config.labels,
        }
    }
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

/// What a saved statement says.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementFigures {
    /// About what.
    pub service: ServiceId,
    /// To whom.
    pub partner: PartnerId,
    /// Of which month: `2025-10`.
    pub period: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its bounds; absent if no time counted.
    pub availability: Option<Availability>,
    /// Its target.
    pub target: Ppm,
}

/// A vantage, when it last gave a sign of life by the shared store's clock, and how far its own
/// clock was then ahead of that one, in milliseconds.
pub type Living = (VantageId, Timestamp, i64);

/// The metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    settings: Settings,
    board: watch::Receiver<Arc<Board>>,
    counts: Shared,
    statements: Mutex<Arc<[StatementFigures]>>,
    vantages: Mutex<Arc<[Living]>>,
    /// Holds the fields below, and what the system says of the process.
    registry: Registry,
    statements_due: IntGauge,
    endpoints_differing: IntGauge,
    close_failures: IntCounter,
    letters: IntGaugeVec,
    letters_late: IntGauge,
    schedule_lateness: Histogram,
    config_reloaded: IntGauge,
    config_time: prometheus::Gauge,
}

impl Metrics {
    /// Metrics over the snapshots of `board`.
    ///
    /// # Errors
    /// Two metrics of the same name.
    pub fn new(
        config: MetricsConfig,
        board: watch::Receiver<Arc<Board>>,
    ) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            settings: config.into(),
            board,
            counts: Shared::default(),
            statements: Mutex::default(),
            vantages: Mutex::default(),
            registry: Registry::new(),
            statements_due: IntGauge::with_opts(opts(&m::STATEMENTS_DUE))?,
            endpoints_differing: IntGauge::with_opts(opts(&m::ENDPOINTS_DIFFERING))?,
            close_failures: IntCounter::with_opts(opts(&m::CLOSE_FAILURES))?,
            letters: IntGaugeVec::new(opts(&m::LETTERS), m::LETTERS.labels)?,
            letters_late: IntGauge::with_opts(opts(&m::LETTERS_LATE))?,
            schedule_lateness: Histogram::with_opts(
                HistogramOpts::from(opts(&m::SCHEDULE_LATENESS))
                    .buckets(LATENESS_BOUNDS_S.to_vec()),
            )?,
            config_reloaded: IntGauge::with_opts(opts(&m::CONFIG_RELOADED))?,
            config_time: prometheus::Gauge::with_opts(opts(&m::CONFIG_TIME))?,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.statements_due.clone()))?;
        registry.register(Box::new(metrics.endpoints_differing.clone()))?;
        registry.register(Box::new(metrics.close_failures.clone()))?;
        registry.register(Box::new(metrics.letters.clone()))?;
        registry.register(Box::new(metrics.letters_late.clone()))?;
        registry.register(Box::new(metrics.schedule_lateness.clone()))?;
        registry.register(Box::new(metrics.config_reloaded.clone()))?;
        registry.register(Box::new(metrics.config_time.clone()))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        metrics.letters(&Letters::default());
        Ok(metrics)
    }

    /// The configuration that now holds was read at `now`.
    pub fn config_taken(&self, now: Timestamp) {
        self.config_reloaded.set(1);
        self.config_time.set(seconds(now.unix_ms()));
    }

    /// A configuration had faults; the one before still holds.
    pub fn config_refused(&self) {
        self.config_reloaded.set(0);
    }

    /// The saved statements were read: those of the last twelve months, the latest revision of
    /// each.
    pub fn statements(&self, statements: Vec<StatementFigures>) {
        *lock(&self.statements) = statements.into();
    }

    /// The shared store was asked which vantages live.
    pub fn vantages(&self, vantages: Vec<Living>) {
        *lock(&self.vantages) = vantages.into();
    }

    /// The vantages' endpoints were compared: so many differ.
    pub fn endpoints_differing(&self, n_differing: usize) {
        self.endpoints_differing
            .set(i64::try_from(n_differing).unwrap_or(i64::MAX));
    }

    /// So many months are over and not wholly closed.
    pub fn months_due(&self, n_months: usize) {
        self.statements_due
            .set(i64::try_from(n_months).unwrap_or(i64::MAX));
    }

    /// A month could not be closed.
    pub fn close_failed(&self) {
        self.close_failures.inc();
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
        let board = self.board.borrow();
        if let Some((service, _, _)) = board.endpoint(&finding.endpoint) {
            self.counts.record(&service.id, finding, &self.settings);
        }
    }

    /// Writes all there is to `out`, as it is scraped, in parts of some ten thousand bytes.
    ///
    /// # Errors
    /// What `out` says; the rest of the page is then not written.
    pub fn write(&self, format: Format, out: &mut dyn io::Write) -> io::Result<()> {
        let board = self.board.borrow().clone();
        let mut counts = self.counts.copy();
        let (n_endpoints, n_services) = (board.endpoints().count(), board.services().count());
        if counts.is_larger_than(n_endpoints, n_services) {
            // The configuration was read anew: what is gone need not be kept.
            self.counts.retain(
                |id| board.endpoint(id).is_some(),
                |id| board.service(id).is_some(),
            );
            counts = self.counts.copy();
        }
        let mut page = Page::new(format, &self.settings.labels, out);
        present::endpoints(&mut page, &board, &counts, &self.settings);
        present::services(&mut page, &board, &counts, &self.settings);
        present::months(&mut page, &board);
        let statements = Arc::clone(&lock(&self.statements));
        present::statements(&mut page, &statements, self.settings.partners_max);
        let vantages = Arc::clone(&lock(&self.vantages));
        present::ourselves(&mut page, &board, &vantages);
        page.gathered(&self.registry.gather());
        page.finish()
    }
}

/// One pointer has no state between which a panic could leave it.
fn lock<T: ?Sized>(pointer: &Mutex<Arc<T>>) -> MutexGuard<'_, Arc<T>> {
    pointer.lock().unwrap_or_else(PoisonError::into_inner)
}

fn opts(shape: &Shape) -> Opts {
    Opts::new(shape.name, shape.help)
}
