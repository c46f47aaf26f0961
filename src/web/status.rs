//! The board as JSON, at `/api/status`: for programs, and for `vigie status`.
//!
//! Instants are RFC 3339 in UTC, durations whole milliseconds, rates texts rounded down to two
//! decimals of a percent. Fields may be added; none changes its meaning.

use serde::{Deserialize, Serialize};

use crate::board::{Board, EndpointNow, Failure, MonthNow, ServiceNow};
use crate::sla::catalog::{Endpoint, Service};
use crate::sla::observation::{MissCause, Outcome};
use crate::sla::window::Timestamp;

/// Everything the board shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The instant of the picture.
    pub now: String,
    /// When the program that shows it began.
    pub started: String,
    /// In the order of the configuration.
    pub services: Vec<ServiceStatus>,
    /// How observations are saved.
    pub store: StoreStatus,
    /// Planned instants of asking that passed without a probe, since the start.
    pub missed_ticks: MissedStatus,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `up`, `degraded`, `down` or `unknown`.
    pub state: String,
    /// Since when; absent if nothing was seen yet.
    pub since: Option<String>,
    /// The running month; absent until it was computed once.
    pub month: Option<MonthStatus>,
    /// In the order of the configuration.
    pub endpoints: Vec<EndpointStatus>,
}

/// The running month of a service against its commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthStatus {
    /// Its first instant.
    pub start: String,
    /// The first instant after it.
    pub end: String,
    /// Parts per million.
    pub target_ppm: u32,
    /// Good time behind us, degraded time not included.
    pub up_ms: i64,
    /// Slow or partial time behind us.
    pub degraded_ms: i64,
    /// Bad time behind us.
    pub down_ms: i64,
    /// Unmeasured time behind us.
    pub unknown_ms: i64,
    /// Bad or unmeasured time behind us that the clause counts as good.
    pub credited_ms: i64,
    /// Time behind us that does not count.
    pub excluded_ms: i64,
    /// Time ahead that will count.
    pub ahead_ms: i64,
    /// Percent of the time behind us, unmeasured time taken as bad.
    pub lower: Option<String>,
    /// Percent of the time behind us, unmeasured time taken as good.
    pub upper: Option<String>,
    /// Bad time that the target allows over the whole month.
    pub budget_ms: i64,
    /// What is left of it if all unmeasured time was bad; negative: overrun.
    pub remaining_min_ms: i64,
    /// What is left of it if all unmeasured time was good; negative: overrun.
    pub remaining_max_ms: i64,
    /// `secured`, `lost` or `open`; absent if the month is over.
    pub outlook: Option<String>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStatus {
    /// Its id.
    pub id: String,
    /// Its name.
    pub label: String,
    /// Whether it counts for the commitment.
    pub contractual: bool,
    /// Whether it was withdrawn.
    pub retired: bool,
    /// `up`, `degraded`, `down` or `unknown`.
    pub state: String,
    /// Whether a failure was seen that is still to be confirmed.
    pub being_confirmed: bool,
    /// Since when; absent if it was never asked.
    pub since: Option<String>,
    /// When it was asked last.
    pub last_probe: Option<String>,
    /// When it last answered as expected.
    pub last_success: Option<String>,
    /// The latency of that answer.
    pub latency_ms: Option<u32>,
    /// When the certificate it presented last ends.
    pub certificate_not_after: Option<String>,
    /// The last failed and void probes, newest first.
    pub failures: Vec<FailureStatus>,
}

/// A probe that did not bring an expected answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureStatus {
    /// When.
    pub at: String,
    /// Seen from where.
    pub vantage: String,
    /// `failed` (it counts) or `void` (it says nothing about the service).
    pub outcome: String,
    /// The stable code: `timeout:connect`, `status:502`, `credential:401`.
    pub code: String,
    /// The service's own error code.
    pub cause: Option<String>,
    /// In one sentence; empty on pages that everybody may read.
    pub message: String,
}

/// How observations are saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Whether saved observations were read back.
    pub loaded: bool,
    /// Observations that wait.
    pub backlog: u64,
    /// How many can wait.
    pub backlog_max: u64,
    /// Observations lost.
    pub lost: u64,
    /// Failed writes.
    pub write_errors: u64,
    /// Size on disk.
    pub size_bytes: u64,
    /// Observations that can never be saved.
    #[serde(default)]
    pub refused: u64,
    /// The tick of the observation that waits longest on disk; absent if none does.
    #[serde(default)]
    pub waits_since: Option<String>,
    /// Whether what is seen is handed in at a collector: there is no store here.
    #[serde(default)]
    pub is_forwarding: bool,
    /// When the collector last took something, since the start.
    #[serde(default)]
    pub taken_at: Option<String>,
}

/// Missed ticks by cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedStatus {
    /// The program ran, but nobody asked in time.
    pub suspended: u64,
    /// The program did not run.
    pub not_running: u64,
    /// The previous probe was still under way.
    pub overrun: u64,
}

impl From<&Board> for Status {
    fn from(board: &Board) -> Self {
        let store = board.store();
        Self {
            now: board.now().to_string(),
            started: board.started().to_string(),
            services: board
                .services()
                .map(|(service, now)| service_status(board, service, now))
                .collect(),
            store: StoreStatus {
                loaded: store.loaded,
                backlog: store.backlog,
                backlog_max: store.backlog_max,
                lost: store.lost,
                write_errors: store.write_errors,
                size_bytes: store.size_bytes,
                refused: store.refused,
                waits_since: store.waits_since.map(|at| at.to_string()),
                is_forwarding: store.forwarding.is_some(),
                taken_at: store
                    .forwarding
                    .and_then(|forwarding| forwarding.taken_at)
                    .map(|at| at.to_string()),
            },
            missed_ticks: MissedStatus {
                suspended: board.missed(MissCause::Suspended),
                not_running: board.missed(MissCause::NotRunning),
                overrun: board.missed(MissCause::Overrun),
            },
        }
    }
}

impl Status {
    /// Leaves out what only ops are to know: why something failed, beyond its kind.
    pub(super) fn leave_out_messages(&mut self) {
        let services = self.services.iter_mut();
        let endpoints = services.flat_map(|service| &mut service.endpoints);
        for failure in endpoints.flat_map(|endpoint| &mut endpoint.failures) {
            failure.message.clear();
            failure.cause = None;
        }
    }
}

fn service_status(board: &Board, service: &Service, now: &ServiceNow) -> ServiceStatus {
    ServiceStatus {
        id: service.id.to_string(),
        name: service.name.clone(),
        state: now.state.code().to_owned(),
        since: text(now.since),
        month: now.month.as_deref().map(month_status),
        endpoints: board
            .endpoints_of(now)
            .map(|(endpoint, now)| endpoint_status(endpoint, now))
            .collect(),
    }
}

fn month_status(month: &MonthNow) -> MonthStatus {
    let elapsed = &month.elapsed;
    let figures = elapsed.availability();
    MonthStatus {
        start: month.statement.window.start().to_string(),
        end: month.statement.window.end().to_string(),
        target_ppm: month.target().parts(),
        up_ms: elapsed.up_ms,
        degraded_ms: elapsed.degraded_ms,
        down_ms: elapsed.down_ms,
        unknown_ms: elapsed.unknown_ms,
        credited_ms: elapsed.credited_ms,
        excluded_ms: elapsed.excluded_ms,
        ahead_ms: month.ahead.counted_ms(),
        lower: figures.map(|figures| figures.lower.to_string()),
        upper: figures.map(|figures| figures.upper.to_string()),
        budget_ms: month.statement.budget.allowed_ms,
        remaining_min_ms: month.remaining_min_ms(),
        remaining_max_ms: month.remaining_max_ms(),
        outlook: month
            .statement
            .outlook
            .map(|outlook| outlook.code().to_owned()),
    }
}

fn endpoint_status(endpoint: &Endpoint, now: &EndpointNow) -> EndpointStatus {
    EndpointStatus {
        id: endpoint.id.to_string(),
        label: endpoint.label.clone(),
        contractual: endpoint.contractual,
        retired: endpoint.retired,
        state: now.state.code().to_owned(),
        being_confirmed: now.is_being_confirmed(),
        since: text(now.since),
        last_probe: text(now.last.map(|last| last.at)),
        last_success: text(now.last_success),
        latency_ms: now.latency_ms,
        certificate_not_after: text(now.certificate_not_after),
        failures: now.failures.iter().filter_map(failure_status).collect(),
    }
}

fn failure_status(failure: &Failure) -> Option<FailureStatus> {
    let (outcome, code) = match failure.outcome {
        Outcome::Answered { .. } => return None,
        Outcome::Failed(fault) => ("failed", fault.to_string()),
        Outcome::Void(void) => ("void", void.to_string()),
    };
    Some(FailureStatus {
        at: failure.at.to_string(),
        vantage: failure.vantage.to_string(),
        outcome: outcome.to_owned(),
        code,
        cause: failure.cause.clone(),
        message: failure.message.clone(),
    })
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
