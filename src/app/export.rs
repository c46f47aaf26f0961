//! What leaves for other tools, as rows: observations as they were seen, states as they were
//! settled, statements as they were saved. Read piece by piece, so that any time fits in memory.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::Context as _;

use super::load::service_month;
use crate::config::Config;
use crate::exchange::{hex, read_figures, sha256_hex};
use crate::export::{Cell, Column, Kind, Table};
use crate::sla::catalog::{EndpointId, Service, ServiceId, VantageId};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::timeline::Timeline;
use crate::sla::window::{HOUR_MS, Month, Timestamp, Window};
use crate::store::{SavedStatement, Store};

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// Of observations; the CSV of them is read by `vigie import csv`.
pub const OBSERVATIONS: &[Column] = &[
    column("endpoint", Kind::Text),
    column("vantage", Kind::Text),
    column("tick", Kind::Instant),
    column("at", Kind::Instant),
    column("outcome", Kind::Text),
    column("cause", Kind::Text),
    column("latency_ms", Kind::Milliseconds),
];

/// Of segments: what a service (no endpoint) or an endpoint was, under the commitment in force.
pub const SEGMENTS: &[Column] = &[
    column("service", Kind::Text),
    column("endpoint", Kind::Text),
    column("start", Kind::Instant),
    column("end", Kind::Instant),
    column("length_ms", Kind::Integer),
    column("state", Kind::Text),
];

/// Of statements, every revision.
pub const STATEMENTS: &[Column] = &[
    column("month", Kind::Text),
    column("service", Kind::Text),
    column("partner", Kind::Text),
    column("revision", Kind::Integer),
    column("verdict", Kind::Text),
    column("target_ppm", Kind::Integer),
    column("lower_percent", Kind::Text),
    column("upper_percent", Kind::Text),
    column("up_ms", Kind::Integer),
    column("degraded_ms", Kind::Integer),
    column("down_ms", Kind::Integer),
    column("unknown_ms", Kind::Integer),
    column("credited_ms", Kind::Integer),
    column("excluded_ms", Kind::Integer),
    column("out_of_scope_ms", Kind::Integer),
    column("saved", Kind::Instant),
    column("author", Kind::Text),
    column("reason", Kind::Text),
    column("engine", Kind::Text),
    column("evidence_sha256", Kind::Text),
    column("statement_sha256", Kind::Text),
];

/// Which rows are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// One service only.
    pub service: Option<ServiceId>,
    /// One endpoint only.
    pub endpoint: Option<EndpointId>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before this instant only.
    pub until: Option<Timestamp>,
}

impl Wanted {
    fn wants_service(&self, service: &Service) -> bool {
        self.service.as_ref().is_none_or(|id| *id == service.id)
    }

    fn wants_endpoint(&self, id: &EndpointId) -> bool {
        self.endpoint.as_ref().is_none_or(|wanted| wanted == id)
    }

    /// The wanted part of the time that was observed at all.
    fn window(&self, store: &Store) -> anyhow::Result<Option<Window>> {
        let Some(span) = store.span()? else {
            return Ok(None);
        };
        // An observation may lie off its tick; the last one speaks on.
        let from = self.from.unwrap_or(span.start().plus_ms(-24 * HOUR_MS));
        let until = self.until.unwrap_or(span.end().plus_ms(24 * HOUR_MS));
        Ok(Window::between(from, until))
    }
}

/// Writes observations: endpoint by endpoint, day by day, vantage by vantage.
///
/// # Errors
/// What the store or the file system says.
pub fn observations<W: Write + Send>(
    config: &Config,
    store: &Store,
    wanted: &Wanted,
    table: &mut Table<W>,
) -> anyhow::Result<u64> {
    let Some(window) = wanted.window(store)? else {
        return Ok(0);
    };
    // Those that were taken out of the configuration are still in the store.
    let seen: BTreeSet<EndpointId> = store
        .last_ticks()?
        .into_iter()
        .map(|(endpoint, _, _)| endpoint)
        .filter(|id| wanted.wants_endpoint(id))
        .filter(|id| match &wanted.service {
            None => true,
            Some(service) => config
                .catalog
                .endpoint(id.as_str())
                .is_some_and(|(of, _)| of.id == *service),
        })
        .collect();
    let mut n_rows = 0;
    for endpoint in seen {
        for day in window.pieces(24 * HOUR_MS) {
            for (vantage, observations) in store.observations(&endpoint, day)? {
                for observation in observations {
                    table.row(observed(&endpoint, &vantage, observation))?;
                    n_rows += 1;
                }
            }
        }
    }
    Ok(n_rows)
}

fn observed(endpoint: &EndpointId, vantage: &VantageId, observation: Observation) -> Vec<Cell> {
    let (outcome, cause, latency_us) = match observation.outcome {
        Outcome::Answered {
            latency_us,
            partial,
        } => {
            let outcome = if partial {
                "answered_partly"
            } else {
                "answered"
            };
            // 0 is not known.
            let latency_us = (latency_us > 0).then_some(i64::from(latency_us));
            (outcome, None, latency_us)
        }
        Outcome::Failed(fault) => ("failed", Some(fault.to_string()), None),
        Outcome::Void(void) => ("void", Some(void.to_string()), None),
    };
    vec![
        endpoint.as_str().into(),
        vantage.as_str().into(),
        observation.tick.into(),
        observation.at.into(),
        outcome.into(),
        cause.into(),
        latency_us.map_or(Cell::Empty, Cell::Microseconds),
    ]
}

/// Writes segments: service by service, month by month; the service first, then its endpoints.
/// Months without a commitment in force have none.
///
/// # Errors
/// What the store or the file system says.
pub fn segments<W: Write + Send>(
    config: &Config,
    store: &Store,
    wanted: &Wanted,
    now: Timestamp,
    table: &mut Table<W>,
) -> anyhow::Result<u64> {
    let Some(window) = wanted.window(store)? else {
        return Ok(0);
    };
    let mut n_rows = 0;
    let mut write = |service: &Service, endpoint: Option<&EndpointId>, timeline: &Timeline| {
        for segment in timeline.segments() {
            let part = segment.window;
            let cells = vec![
                service.id.as_str().into(),
                endpoint.map(EndpointId::as_str).into(),
                part.start().into(),
                part.end().into(),
                part.length_ms().into(),
                segment.state.code().into(),
            ];
            table.row(cells)?;
            n_rows += 1;
        }
        anyhow::Ok(())
    };
    for service in &config.catalog.services {
        let concerned = wanted.wants_service(service)
            && (service.endpoints.iter()).any(|endpoint| wanted.wants_endpoint(&endpoint.id));
        if !concerned {
            continue;
        }
        let mut month = Month::containing(window.start(), service.zone());
        while month.window().start() < window.end().min(now) {
            let known = Window::between(month.window().start(), month.window().end().min(now));
            let part = known.and_then(|known| known.intersection(&window));
            if let (Some(seen), Some(part)) = (service_month(store, service, month, now)?, part) {
                if wanted.endpoint.is_none() {
                    write(service, None, &seen.record.service.over(part))?;
                }
                for endpoint in &seen.record.endpoints {
                    if wanted.wants_endpoint(&endpoint.id) {
                        write(service, Some(&endpoint.id), &endpoint.timeline.over(part))?;
                    }
                }
            }
            month = month.next();
        }
    }
    Ok(n_rows)
}

/// Writes statements: partner by partner, service by service, month by month, every revision.
///
/// # Errors
/// What the store or the file system says, or a statement that is no longer as it was saved.
pub fn statements<W: Write + Send>(
    config: &Config,
    store: &Store,
    wanted: &Wanted,
    table: &mut Table<W>,
) -> anyhow::Result<u64> {
    let mut n_rows = 0;
    for partner in &config.catalog.partners {
        for latest in store.latest_statements(Some(&partner.id), wanted.service.as_ref())? {
            let month = latest.month.window();
            let is_wanted = wanted.from.is_none_or(|from| from < month.end())
                && wanted.until.is_none_or(|until| month.start() < until);
            if !is_wanted {
                continue;
            }
            for saved in store.statement_revisions(&partner.id, &latest.service, latest.month)? {
                table.row(said(&saved)?)?;
                n_rows += 1;
            }
        }
    }
    Ok(n_rows)
}

fn said(saved: &SavedStatement) -> anyhow::Result<Vec<Cell>> {
    let figures = read_figures(&saved.json).with_context(|| {
        format!(
            "read the statement of {} for partner `{}`, service `{}`",
            saved.month, saved.partner, saved.service
        )
    })?;
    let availability = figures.tally.availability();
    let tally = figures.tally;
    Ok(vec![
        saved.month.to_string().into(),
        saved.service.as_str().into(),
        saved.partner.as_str().into(),
        i64::from(saved.revision).into(),
        figures.verdict.code().into(),
        i64::from(figures.target.parts()).into(),
        availability.map(|bounds| bounds.lower.to_string()).into(),
        availability.map(|bounds| bounds.upper.to_string()).into(),
        tally.up_ms.into(),
        tally.degraded_ms.into(),
        tally.down_ms.into(),
        tally.unknown_ms.into(),
        tally.credited_ms.into(),
        tally.excluded_ms.into(),
        tally.out_of_scope_ms.into(),
        saved.saved.into(),
        saved.author.as_str().into(),
        saved.reason.as_deref().into(),
        saved.engine.as_str().into(),
        hex(&saved.evidence_sha256).into(),
        sha256_hex(&saved.json).into(),
    ])
}
