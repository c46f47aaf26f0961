//! What services were in a month, from as little of the store as says so.
//!
//! The page needs no evidence, only what comes of it. An hour in which nothing happened is then
//! known from the header of its block, so that a month of a quiet service is read in a moment.

use super::load::{presence, reach};
use crate::sla::catalog::Service;
use crate::sla::commitment::Commitment;
use crate::sla::statement::{Record, observe_condensed};
use crate::sla::window::{Month, Timestamp};
use crate::store::{Asked, Store};

/// What a service was in a month, and under which commitment it is judged.
pub struct MonthRecord<'a> {
    /// The version of the commitment in force.
    pub commitment: &'a Commitment,
    /// What the service was: the same as its evidence says.
    pub record: Record,
}

/// What each service was in its month, in this order; nothing where no commitment was in force.
///
/// # Errors
/// The store cannot be read.
pub fn month_records<'a>(
    store: &Store,
    asked: &[(&'a Service, Month)],
    now: Timestamp,
) -> anyhow::Result<Vec<Option<MonthRecord<'a>>>> {
    let mut endpoints: Vec<Asked<'_>> = Vec::new();
    let mut months = Vec::new();
    for (service, month) in asked {
        let Some(commitment) = service.commitment_on(month.first_day()) else {
            months.push(None);
            continue;
        };
        let reach = reach(service, *month, &commitment.terms)?;
        let n_before = endpoints.len();
        endpoints.extend(service.contractual().map(|endpoint| Asked {
            endpoint: &endpoint.id,
            validity_ms: endpoint.validity_ms,
            latency_objective_ms: endpoint.latency_objective_ms,
            window: reach,
        }));
        let n_endpoints = endpoints.len() - n_before;
        months.push(Some((month.window(), commitment, n_endpoints)));
    }
    let mut seen = store.condensed(&endpoints)?;
    for (asked, endpoint) in endpoints.iter().zip(&mut seen) {
        let mut imported = endpoint
            .vantages
            .iter()
            .filter(|vantage| vantage.id.is_import());
        let any_imported = imported.any(|vantage| vantage.seen.ends().is_some());
        endpoint.vantages.retain_mut(|vantage| {
            let ends = vantage.seen.ends();
            let present = presence(
                any_imported,
                &vantage.id,
                ends,
                asked.validity_ms,
                asked.window,
            );
            vantage.present = present.flatten();
            present.is_some()
        });
    }
    let mut seen = seen.into_iter();
    Ok(months
        .into_iter()
        .map(|month| {
            let (window, commitment, n_endpoints) = month?;
            let now = (now < window.end()).then_some(now);
            let seen: Vec<_> = seen.by_ref().take(n_endpoints).collect();
            Some(MonthRecord {
                commitment,
                record: observe_condensed(window, now, &seen, &commitment.terms),
            })
        })
        .collect())
}
