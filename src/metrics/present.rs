//! From a snapshot of the board and the counters to the page.

use std::collections::{BTreeMap, BTreeSet};

use super::counts::{
    Counts, EndpointCounts, KNOWN_FAILURES, KNOWN_VOIDS, ServiceCounts, goes_through,
};
use super::page::Page;
use super::shapes as m;
use super::{Living, Settings, StatementFigures};
use crate::board::{Board, EndpointNow, MonthNow, ServiceNow};
use crate::sla::availability::{Outlook, Ratio, Verdict};
use crate::sla::catalog::{Endpoint, Probe, Service};
use crate::sla::ledger::Class;
use crate::sla::observation::{MissCause, Outcome, Stage};
use crate::sla::timeline::State;
use crate::sla::window::{TZDATA_VERSION, Timestamp};

struct EndpointRow<'a> {
    api: &'a str,
    id: &'a str,
    endpoint: &'a Endpoint,
    now: &'a EndpointNow,
    counts: &'a EndpointCounts,
}

/// Writes every endpoint that is watched.
pub(super) fn endpoints(page: &mut Page<'_>, board: &Board, counts: &Counts, settings: &Settings) {
    let never = EndpointCounts::new(settings);
    let rows: Vec<EndpointRow<'_>> = board
        .endpoints()
        .filter(|(_, endpoint, _)| !endpoint.retired)
        .map(|(service, endpoint, now)| EndpointRow {
            api: service.id.as_str(),
            id: endpoint.id.as_str(),
            endpoint,
            now,
            counts: counts.endpoint(&endpoint.id).unwrap_or(&never),
        })
        .collect();

    let mut family = page.family(&m::ENDPOINT_INFO);
    for row in &rows {
        let contractual = if row.endpoint.contractual {
            "true"
        } else {
            "false"
        };
        family.value(&[row.api, contractual, row.id, &row.endpoint.label], 1.0);
    }
    let mut gauge = |shape, value: &dyn Fn(&EndpointNow) -> Option<f64>| {
        let mut family = page.family(shape);
        for row in &rows {
            if let Some(value) = value(row.now) {
                family.value(&[row.api, row.id], value);
            }
        }
    };
    gauge(&m::ENDPOINT_UP, &|now| Some(is_up(now.state)));
    gauge(&m::ENDPOINT_STATE, &|now| Some(number(now.state)));
    gauge(&m::ENDPOINT_LAST_PROBE, &|now| {
        Some(instant(now.last.map(|last| last.at)))
    });
    gauge(&m::ENDPOINT_LAST_SUCCESS, &|now| {
        Some(instant(now.last_success))
    });
    gauge(&m::ENDPOINT_STATUS, &|now| now.status.map(f64::from));

    let mut family = page.family(&m::ENDPOINT_LAST_FAULT);
    for row in &rows {
        if let Some(Outcome::Failed(fault)) = row.now.last.map(|last| last.outcome) {
            let (kind, stage) = (fault.kind(), fault.stage().code());
            family.value(&[row.api, row.id, kind, stage], 1.0);
        }
    }
    let mut family = page.family(&m::ENDPOINT_CERTIFICATE);
    for row in &rows {
        for (certificate, not_after) in [
            ("leaf", row.now.certificate_not_after),
            ("chain", row.now.chain_not_after),
            ("verified", row.now.verified_not_after),
        ] {
            if not_after.is_some() {
                family.value(&[row.api, certificate, row.id], instant(not_after));
            }
        }
    }
    let mut family = page.family(&m::ENDPOINT_VERIFIED);
    for row in &rows {
        if row.now.certificate_not_after.is_some() {
            let verified = flag(row.now.verified_not_after.is_some());
            family.value(&[row.api, row.id], verified);
        }
    }

    let mut family = page.family(&m::PROBE_RUNS);
    for row in &rows {
        family.count(&[row.api, row.id], row.counts.runs);
    }
    let mut family = page.family(&m::PROBE_FAILURES);
    for row in &rows {
        for (stage, n) in Stage::ALL.into_iter().zip(row.counts.failures) {
            if n > 0 || goes_through(row.endpoint, stage) {
                family.count(&[row.api, row.id, stage.code()], n);
            }
        }
    }
    let mut family = page.family(&m::PROBE_VOIDS);
    for row in &rows {
        family.count(&[row.api, row.id], row.counts.voids);
    }
    let mut family = page.family(&m::PROBE_DURATION);
    for row in &rows {
        let bounds = &settings.duration_bounds_s;
        family.histogram(&[row.api, row.id], bounds, &row.counts.durations);
    }
}

/// Writes every service.
pub(super) fn services(page: &mut Page<'_>, board: &Board, counts: &Counts, settings: &Settings) {
    let never = ServiceCounts::new(settings);
    let rows: Vec<(&Service, &ServiceNow, &ServiceCounts)> = board
        .services()
        .map(|(service, now)| (service, now, counts.service(&service.id).unwrap_or(&never)))
        .collect();

    let mut family = page.family(&m::API_INFO);
    for (service, ..) in &rows {
        family.value(&[service.id.as_str(), &service.name], 1.0);
    }
    let mut family = page.family(&m::API_UP);
    for (service, now, _) in &rows {
        family.value(&[service.id.as_str()], is_up(now.state));
    }
    let mut family = page.family(&m::API_STATE);
    for (service, now, _) in &rows {
        for state in State::ALL {
            let value = flag(state == now.state);
            family.value(&[service.id.as_str(), state.code()], value);
        }
    }
    let mut family = page.family(&m::API_SINCE);
    for (service, now, _) in &rows {
        if let Some(since) = now.since {
            family.value(&[service.id.as_str()], instant(Some(since)));
        }
    }
    let mut family = page.family(&m::API_FAILURES);
    for (service, _, counts) in &rows {
        let mut failures = counts.failures.clone();
        for (fault, stage) in KNOWN_FAILURES {
            failures.entry((fault, stage.code())).or_default();
        }
        for ((fault, stage), n) in failures {
            family.count(&[service.id.as_str(), fault, stage], n);
        }
    }
    let mut family = page.family(&m::API_VOIDS);
    for (service, _, counts) in &rows {
        let mut voids = counts.voids.clone();
        for reason in KNOWN_VOIDS {
            voids.entry(reason).or_default();
        }
        for (reason, n) in voids {
            family.count(&[service.id.as_str(), reason], n);
        }
    }
    let mut family = page.family(&m::API_ANSWERS);
    for (service, _, counts) in &rows {
        let mut answers = counts.answers.clone();
        for endpoint in &service.endpoints {
            let Probe::Http(http) = &endpoint.probe else {
                continue;
            };
            for status in http.expected_statuses.named() {
                answers.entry(status).or_default();
            }
        }
        for (status, n) in answers {
            family.count(&[service.id.as_str(), &status.to_string()], n);
        }
    }
    let mut family = page.family(&m::API_PHASE);
    for (service, _, counts) in &rows {
        for (stage, sizes) in Stage::ALL.into_iter().zip(&counts.phases) {
            let labels = [service.id.as_str(), stage.code()];
            family.histogram(&labels, &settings.phase_bounds_s, sizes);
        }
    }
}

/// A month of a commitment, and how it is labelled.
struct MonthRow<'a> {
    api: &'a str,
    which: &'static str,
    month: &'a MonthNow,
}

/// Writes the running month of every service, and the one before.
pub(super) fn months(page: &mut Page<'_>, board: &Board) {
    let rows: Vec<MonthRow<'_>> = board
        .services()
        .flat_map(|(service, now)| {
            let row = |which, month| MonthRow {
                api: service.id.as_str(),
                which,
                month,
            };
            let current = now.month.as_deref().map(|month| row("current", month));
            let previous = now
                .previous_month
                .as_deref()
                .map(|month| row("previous", month));
            current.into_iter().chain(previous)
        })
        .collect();

    let mut family = page.family(&m::COMMITMENT_SECONDS);
    for row in &rows {
        for class in Class::ALL {
            let value = seconds(row.month.elapsed.of(class));
            family.value(&[row.api, class.code(), row.which], value);
        }
    }
    let mut gauge = |shape, value: &dyn Fn(&MonthNow) -> f64| {
        let mut family = page.family(shape);
        for row in &rows {
            family.value(&[row.api, row.which], value(row.month));
        }
    };
    gauge(&m::COMMITMENT_AHEAD, &|month| {
        seconds(month.ahead.counted_ms())
    });
    gauge(&m::COMMITMENT_START, &|month| {
        instant(Some(month.statement.window.start()))
    });
    gauge(&m::COMMITMENT_END, &|month| {
        instant(Some(month.statement.window.end()))
    });
    gauge(&m::COMMITMENT_TARGET, &|month| {
        f64::from(month.target().parts()) / 1e6
    });
    gauge(&m::COMMITMENT_BUDGET, &|month| {
        seconds(month.statement.budget.allowed_ms)
    });
    let mut family = page.family(&m::COMMITMENT_AVAILABILITY);
    for row in &rows {
        if let Some(availability) = row.month.elapsed.availability() {
            family.value(&[row.api, "lower", row.which], ratio(availability.lower));
            family.value(&[row.api, "upper", row.which], ratio(availability.upper));
        }
    }
    let mut family = page.family(&m::COMMITMENT_REMAINING);
    for row in &rows {
        let (max_ms, min_ms) = (row.month.remaining_max_ms(), row.month.remaining_min_ms());
        family.value(&[row.api, "max", row.which], seconds(max_ms));
        family.value(&[row.api, "min", row.which], seconds(min_ms));
    }
    let mut family = page.family(&m::COMMITMENT_VERDICT);
    for row in &rows {
        for verdict in Verdict::ALL {
            let value = flag(row.month.statement.verdict == verdict);
            family.value(&[row.api, row.which, verdict.code()], value);
        }
    }
    let mut family = page.family(&m::COMMITMENT_OUTLOOK);
    for row in rows.iter().filter(|row| row.which == "current") {
        for outlook in Outlook::ALL {
            let value = flag(row.month.statement.outlook == Some(outlook));
            family.value(&[row.api, outlook.code()], value);
        }
    }
}

/// Writes what saved statements say: how many came to which verdict, and each of them where there
/// are at most `partners_max` partners.
pub(super) fn statements(
    page: &mut Page<'_>,
    statements: &[StatementFigures],
    partners_max: usize,
) {
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for one in statements {
        for verdict in Verdict::ALL {
            let n = counts
                .entry((one.service.as_str(), &one.period, verdict.code()))
                .or_default();
            *n += u64::from(one.verdict == verdict);
        }
    }
    let mut family = page.family(&m::STATEMENTS);
    for ((api, period, verdict), n) in counts {
        family.count(&[api, period, verdict], n);
    }
    let partners: BTreeSet<&str> = statements.iter().map(|one| one.partner.as_str()).collect();
    if partners.len() > partners_max {
        return;
    }
    let mut family = page.family(&m::STATEMENT_VERDICT);
    for one in statements {
        let number = match one.verdict {
            Verdict::NotApplicable => 0,
            Verdict::Met => 1,
            Verdict::Missed => 2,
            Verdict::Undetermined => 3,
        };
        family.count(&one.labels(), number);
    }
    let mut family = page.family(&m::STATEMENT_AVAILABILITY);
    for one in statements {
        if let Some(availability) = one.availability {
            let [api, partner, period] = one.labels();
            let lower = ratio(availability.lower);
            family.value(&[api, "lower", partner, period], lower);
            let upper = ratio(availability.upper);
            family.value(&[api, "upper", partner, period], upper);
        }
    }
    let mut family = page.family(&m::STATEMENT_TARGET);
    for one in statements {
        family.value(&one.labels(), f64::from(one.target.parts()) / 1e6);
    }
}

impl StatementFigures {
    fn labels(&self) -> [&str; 3] {
        [self.service.as_str(), self.partner.as_str(), &self.period]
    }
}

/// Writes how we ourselves are, and the vantages beside us.
pub(super) fn ourselves(page: &mut Page<'_>, board: &Board, vantages: &[Living]) {
    let mut family = page.family(&m::TICKS_MISSED);
    for cause in MissCause::ALL {
        family.count(&[cause.code()], board.missed(cause));
    }
    let store = board.store();
    page.family(&m::STORE_BACKLOG).count(&[], store.backlog);
    page.family(&m::STORE_BACKLOG_LIMIT)
        .count(&[], store.backlog_max);
    page.family(&m::STORE_LOST).count(&[], store.lost);
    page.family(&m::STORE_WRITE_ERRORS)
        .count(&[], store.write_errors);
    page.family(&m::STORE_SIZE).count(&[], store.size_bytes);
    page.family(&m::STORE_REFUSED).count(&[], store.refused);
    let mut family = page.family(&m::SPOOL_WAITS);
    if store.waits_since.is_some() {
        family.value(&[], instant(store.waits_since));
    }
    let mut family = page.family(&m::FORWARD_TAKEN);
    if let Some(forwarding) = store.forwarding {
        family.value(&[], instant(forwarding.taken_at));
    }
    let mut family = page.family(&m::VANTAGE_SEEN);
    for (id, seen, _) in vantages {
        family.value(&[id.as_str()], instant(Some(*seen)));
    }
    let mut family = page.family(&m::VANTAGE_AHEAD);
    for (id, _, ahead_ms) in vantages {
        // A clock is off by less than what a double holds exactly.
        family.value(&[id.as_str()], *ahead_ms as f64 / 1e3);
    }
    page.family(&m::BOARD_TIME)
        .value(&[], instant(Some(board.now())));
    let versions = [TZDATA_VERSION, env!("CARGO_PKG_VERSION")];
    page.family(&m::BUILD).value(&versions, 1.0);
}

/// A state as the dashboards order them.
fn number(state: State) -> f64 {
    match state {
        State::Unknown => 0.0,
        State::Down => 1.0,
        State::Degraded => 2.0,
        State::Up => 3.0,
    }
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

pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

/// Seconds since 1970; 0 if never.
pub(super) fn instant(at: Option<Timestamp>) -> f64 {
    at.map_or(0.0, |at| seconds(at.unix_ms()))
}

fn ratio(ratio: Ratio) -> f64 {
    ratio.part_ms() as f64 / ratio.whole_ms() as f64
}
