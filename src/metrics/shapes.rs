//! Every metric of ours: its name, its kind, its labels, what it means.
//!
//! `docs/metrics.md` is this list for people; `tests/it/metrics.rs` holds the two together.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process lives; its name ends in `_total`.
    Counter,
    /// Any value.
    Gauge,
    /// Counts by size.
    Histogram,
    /// 1, with facts as labels; its name ends in `_info`.
    Info,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// As scraped.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels, in alphabetical order.
    pub labels: &'static [&'static str],
    /// What it means, in one sentence.
    pub help: &'static str,
}

/// Declares shapes, and a list of them all.
macro_rules! shapes {
    ($(#[$doc:meta])* $list:ident: $($id:ident $kind:ident $name:literal $labels:tt $help:literal)*) => {
        $(pub(super) const $id: $crate::metrics::Shape = $crate::metrics::Shape {
            name: $name,
            kind: $crate::metrics::Kind::$kind,
            labels: &$labels,
            help: $help,
        };)*

        $(#[$doc])*
        pub const $list: &[$crate::metrics::Shape] = &[$($id),*];
    };
}
pub(super) use shapes;
shapes! {
    /// Every metric of `/metrics`, in the order of the page; `process_…` metrics follow.
    SHAPES:

    ENDPOINT_INFO Info "vigie_endpoint_info" ["api", "contractual", "endpoint", "label"]
        "The endpoint's name, and whether it counts for the commitment."
    ENDPOINT_UP Gauge "vigie_endpoint_up" ["api", "endpoint"]
        "1 if the endpoint is up or degraded; 0 if it is down or unknown, see vigie_endpoint_state."
    ENDPOINT_STATE Gauge "vigie_endpoint_state" ["api", "endpoint"]
        "State of the endpoint: 0 unknown, 1 down, 2 degraded, 3 up."
    ENDPOINT_LAST_PROBE Gauge "vigie_endpoint_last_probe_timestamp_seconds" ["api", "endpoint"]
        "When the endpoint was asked last; 0 if never."
    ENDPOINT_LAST_SUCCESS Gauge "vigie_endpoint_last_success_timestamp_seconds" ["api", "endpoint"]
        "When the endpoint last answered as expected; 0 if never."
    ENDPOINT_LAST_FAULT Gauge "vigie_endpoint_last_fault" ["api", "endpoint", "fault", "stage"]
        "1 for the fault that the latest probe failed with; absent if it did not fail."
    ENDPOINT_STATUS Gauge "vigie_endpoint_http_status_code" ["api", "endpoint"]
        "Status that the latest probe was answered with; absent if it came to none."
    ENDPOINT_CERTIFICATE Gauge "vigie_endpoint_certificate_not_after_timestamp_seconds" ["api", "certificate", "endpoint"]
        "When what the endpoint presented last ends: the certificate itself (leaf), the first to end of all it presented (chain), the first to end of those that lead to a trusted authority (verified); absent if there is none."
    ENDPOINT_VERIFIED Gauge "vigie_endpoint_certificate_verified" ["api", "endpoint"]
        "1 if the certificate presented last leads to a trusted authority, 0 if not; absent if the endpoint presented none."
    PROBE_RUNS Counter "vigie_probe_runs_total" ["api", "endpoint"]
        "Probes made, whatever came of them."
    PROBE_FAILURES Counter "vigie_probe_failures_total" ["api", "endpoint", "stage"]
        "Probes that failed, by the stage they had reached."
    PROBE_VOIDS Counter "vigie_probe_voids_total" ["api", "endpoint"]
        "Probes that say nothing about the service: we could not ask, or were refused."
    PROBE_DURATION Histogram "vigie_probe_duration_seconds" ["api", "endpoint"]
        "Time of a whole probe, failed ones included."

    API_INFO Info "vigie_api_info" ["api", "name"]
        "The service's name."
    API_UP Gauge "vigie_api_up" ["api"]
        "1 if the service is up or degraded by its rule; 0 if it is down or unknown, see vigie_api_state."
    API_STATE Gauge "vigie_api_state" ["api", "state"]
        "1 for the state the service is in, 0 for the others."
    API_SINCE Gauge "vigie_api_state_since_timestamp_seconds" ["api"]
        "Since when the service is in its state: a confirmed outage counts from its first failure; absent if nothing was ever seen."
    API_FAILURES Counter "vigie_api_failures_total" ["api", "fault", "stage"]
        "Probes of all endpoints of the service that failed, by fault and by the stage they had reached."
    API_VOIDS Counter "vigie_api_voids_total" ["api", "reason"]
        "Probes of all endpoints of the service that say nothing about it, by reason."
    API_ANSWERS Counter "vigie_api_http_answers_total" ["api", "code"]
        "HTTP answers to probes of the service, by status; expected statuses start at 0, others appear when they are seen."
    API_PHASE Histogram "vigie_probe_phase_seconds" ["api", "stage"]
        "Time that a stage of a probe took, the stage in which it failed included."

    COMMITMENT_SECONDS Gauge "vigie_commitment_seconds" ["api", "class", "month"]
        "Time of the month behind us, by how it counts."
    COMMITMENT_AHEAD Gauge "vigie_commitment_ahead_seconds" ["api", "month"]
        "Time of the month ahead of us that will count."
    COMMITMENT_START Gauge "vigie_commitment_month_start_timestamp_seconds" ["api", "month"]
        "When the month began, in the zone of the commitment."
    COMMITMENT_END Gauge "vigie_commitment_month_end_timestamp_seconds" ["api", "month"]
        "When the month ends, in the zone of the commitment."
    COMMITMENT_AVAILABILITY Gauge "vigie_commitment_availability_ratio" ["api", "bound", "month"]
        "Available part of the time behind us that counts, unknown time taken as down (lower) or as up (upper)."
    COMMITMENT_TARGET Gauge "vigie_commitment_target_ratio" ["api", "month"]
        "The part of the month that must be available; reached at equality."
    COMMITMENT_BUDGET Gauge "vigie_commitment_budget_seconds" ["api", "month"]
        "Down time that the target allows over the whole month."
    COMMITMENT_REMAINING Gauge "vigie_commitment_budget_remaining_seconds" ["api", "bound", "month"]
        "What is left of the allowed down time, unknown time behind us taken as down (min) or as up (max); negative if overrun."
    COMMITMENT_VERDICT Gauge "vigie_commitment_verdict" ["api", "month", "verdict"]
        "1 for the verdict on the month, its future taken as unknown, 0 for the others."
    COMMITMENT_OUTLOOK Gauge "vigie_commitment_outlook" ["api", "outlook"]
        "1 for what can still become of the running month, 0 for the others."

    STATEMENTS Gauge "vigie_statements" ["api", "period", "verdict"]
        "Statements of each of the last twelve months, in their latest revision, by verdict."
    STATEMENT_VERDICT Gauge "vigie_statement_verdict" ["api", "partner", "period"]
        "Verdict of a statement: 0 not applicable, 1 met, 2 missed, 3 undetermined; absent if there are more partners than partners_max."
    STATEMENT_AVAILABILITY Gauge "vigie_statement_availability_ratio" ["api", "bound", "partner", "period"]
        "Availability that a statement says, unknown time taken as down (lower) or as up (upper); absent if there are more partners than partners_max."
    STATEMENT_TARGET Gauge "vigie_statement_target_ratio" ["api", "partner", "period"]
        "Target that a statement was judged by; absent if there are more partners than partners_max."
    STATEMENTS_DUE Gauge "vigie_statements_due_months" []
        "Months that are over and should have been closed, and of which a statement, a document or a letter is missing."
    CLOSE_FAILURES Counter "vigie_close_failures_total" []
        "Attempts to close a month that failed."
    LETTERS Gauge "vigie_letters" ["state"]
        "Letters in the outbox, by state: unwritten, held, due, sent, failed."
    LETTERS_LATE Gauge "vigie_letters_late" []
        "Letters that have been due for more than a day."

    SCHEDULE_LATENESS Histogram "vigie_schedule_lateness_seconds" []
        "Time from a planned instant of asking to the start of its probe."
    TICKS_MISSED Counter "vigie_ticks_missed_total" ["cause"]
        "Planned instants of asking that passed without a probe."
    STORE_BACKLOG Gauge "vigie_store_backlog_observations" []
        "Observations that wait to be saved."
    STORE_BACKLOG_LIMIT Gauge "vigie_store_backlog_limit_observations" []
        "How many observations can wait to be saved."
    STORE_LOST Counter "vigie_store_lost_observations_total" []
        "Observations lost because too many were waiting; their time is unknown."
    STORE_WRITE_ERRORS Counter "vigie_store_write_errors_total" []
        "Writes to the store that failed."
    STORE_SIZE Gauge "vigie_store_size_bytes" []
        "Size of the store on disk."
    STORE_REFUSED Counter "vigie_store_refused_observations_total" []
        "Observations that can never be saved and were set aside; their time is unknown."
    SPOOL_WAITS Gauge "vigie_spool_waiting_since_timestamp_seconds" []
        "The planned instant of the observation that waits longest on disk to be handed in; absent if none does."
    FORWARD_TAKEN Gauge "vigie_forward_last_taken_timestamp_seconds" []
        "When the collector last took what this instance handed in, 0 if never since the start; absent where nothing is handed in."
    VANTAGE_SEEN Gauge "vigie_vantage_last_seen_timestamp_seconds" ["vantage"]
        "When the vantage last gave a sign of life, by the clock of the shared store; absent where the store is a file."
    VANTAGE_AHEAD Gauge "vigie_vantage_clock_ahead_seconds" ["vantage"]
        "How far the vantage's clock was then ahead of the shared store's; negative if behind."
    ENDPOINTS_DIFFERING Gauge "vigie_endpoints_differing" []
        "Endpoints that a vantage defines otherwise than another one: request, interval, validity or latency objective."
    BOARD_TIME Gauge "vigie_board_timestamp_seconds" []
        "The instant that the board shows; behind the clock if recording is held up."
    CONFIG_RELOADED Gauge "vigie_config_last_reload_successful" []
        "1 if the configuration was taken when it was last read, 0 if it had faults and the one before still holds."
    CONFIG_TIME Gauge "vigie_config_last_reload_success_timestamp_seconds" []
        "When the configuration that holds was read."
    BUILD Info "vigie_build_info" ["tzdata", "version"]
        "The version of the program and of its time-zone data."
}
