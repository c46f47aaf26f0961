//! What is known of the present: of services, endpoints and the store.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::NaiveDate;

use super::recent::{Course, Recent};
use crate::sla::availability::Tally;
use crate::sla::catalog::VantageId;
use crate::sla::commitment::Ppm;
use crate::sla::explanation::Explanation;
use crate::sla::observation::{Observation, Outcome, Phases};
use crate::sla::statement::Statement;
use crate::sla::timeline::State;
use crate::sla::window::{Timestamp, Window};

/// What a service is now.
#[derive(Clone, Debug, Default)]
pub struct ServiceNow {
    /// Its place in [`Catalog::services`](crate::sla::catalog::Catalog::services).
    pub(super) service_idx: usize,
    /// The places of its endpoints on the board.
    pub(super) endpoint_idxs: std::ops::Range<usize>,
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
    pub(super) course: Course,
    pub(super) stale: bool,
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
    /// Its place in [`Catalog::services`](crate::sla::catalog::Catalog::services).
    pub(super) service_idx: usize,
    /// Its place among the endpoints of its service.
    pub(super) endpoint_idx: usize,
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
    /// The latest failed and void observations, newest first, at most [`FAILURES_MAX`](super::FAILURES_MAX).
    pub failures: VecDeque<Failure>,
    pub(super) recent: Vec<Recent>,
    pub(super) course: Course,
    /// When the state may change by silence alone.
    pub(super) silent_from: Option<Timestamp>,
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
