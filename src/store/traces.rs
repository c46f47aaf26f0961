//! Why endpoints failed: in short as long as the evidence is kept, the last ones in full.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::db::{self, Database, Row, Value, damaged, values};
use super::facts::observation;
use super::series::{late_ms, series_of_endpoint};
use super::{Store, StoreError, explanation, optional_instant, outcome};
use crate::sla::catalog::EndpointId;
use crate::sla::observation::{Finding, Outcome, Phases, Trace};
use crate::sla::window::Timestamp;

/// How many failures of an endpoint, seen from one vantage, are kept in full if nothing else is
/// said.
pub const IN_FULL: usize = 20;

impl Store {
    /// The same store, which keeps the last `in_full` failures of an endpoint, seen from one vantage,
    /// in full; others in short.
    pub fn with_failures_in_full(self, in_full: usize) -> Self {
        Self { in_full, ..self }
    }

    /// The `last` findings about `endpoint`, from all vantages, that were not the expected
    /// answer; the newest tick first.
    ///
    /// # Errors
    /// What the database says.
    pub fn traces(&self, endpoint: &EndpointId, last: usize) -> Result<Vec<Finding>, StoreError> {
        self.read("read traces", |snapshot| {
            let mut findings = Vec::new();
            for (vantage, series) in series_of_endpoint(snapshot, endpoint)? {
                snapshot.for_each(
                    "SELECT trace.tick, late_ms, outcome, detail,
                            resolve_us, connect_us, tls_us, processing_us, transfer_us,
                            address, status, cause, message, certificate_not_after, retry_after_ms,
                            auth_us, write_us, chain_not_after, verified_not_after, confirms, json
                     FROM trace LEFT JOIN explanation
                          ON explanation.series = trace.series AND explanation.tick = trace.tick
                     WHERE trace.series = ?1 ORDER BY trace.tick DESC LIMIT ?2",
                    &values![series.id, last],
                    |row| {
                        findings.push(Finding {
                            endpoint: endpoint.clone(),
                            vantage: vantage.clone(),
                            observation: observation(row, 0)?,
                            trace: trace(row)?,
                        });
                        Ok(())
                    },
                )?;
            }
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.observation.tick));
            findings.truncate(last);
            Ok(findings)
        })
    }
}

/// Keeps the traces of those of these findings, each with its series, that say why something was
/// not as expected.
pub(super) fn append<'a>(
    transaction: &Database,
    findings: impl Iterator<Item = (&'a i64, &'a Finding)>,
    in_full: usize,
) -> db::Result<()> {
    let mut traces = Vec::new();
    let mut explanations = Vec::new();
    let mut explained = BTreeSet::new();
    for (series, finding) in findings {
        if is_as_expected(finding.observation.outcome) {
            continue;
        }
        traces.push(trace_values(*series, finding));
        let explanation = finding.trace.explanation.as_deref();
        if let Some(json) = explanation.and_then(explanation::to_json) {
            let tick_ms = finding.observation.tick.unix_ms();
            explanations.push(values![*series, tick_ms, json].into());
            explained.insert(*series);
        }
    }
    transaction.execute_many(INSERT_TRACE, traces)?;
    transaction.execute_many("INSERT INTO explanation VALUES (?1, ?2, ?3)", explanations)?;
    let explained = explained.into_iter();
    let surplus = explained.map(|series| values![series, in_full].into());
    transaction.execute_many(DELETE_SURPLUS, surplus.collect())?;
    Ok(())
}

/// Whether there is nothing to ask about it.
pub(super) fn is_as_expected(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Answered { partial, .. } => !partial,
        Outcome::Failed(_) | Outcome::Void(_) => false,
    }
}

/// The one after the last to be kept goes, and all before it.
const DELETE_SURPLUS: &str = "DELETE FROM explanation WHERE series = ?1 AND tick <=
    (SELECT tick FROM explanation WHERE series = ?1 ORDER BY tick DESC LIMIT 1 OFFSET ?2)";

const INSERT_TRACE: &str = "INSERT INTO trace (
        series, tick, late_ms, outcome, detail,
        resolve_us, connect_us, tls_us, processing_us, transfer_us,
        address, status, cause, message, certificate_not_after, retry_after_ms,
        auth_us, write_us, chain_not_after, verified_not_after, confirms
    ) VALUES
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
     ?21)";

fn trace_values(series: i64, finding: &Finding) -> Vec<Value> {
    let observation = &finding.observation;
    // Field by field: a new one is not forgotten.
    let Trace {
        phases,
        address,
        status,
        cause,
        message,
        certificate_not_after,
        chain_not_after,
        verified_not_after,
        retry_after_ms,
        confirms,
        // In a table of its own.
        explanation: _,
    } = &finding.trace;
    let (outcome, detail) = outcome::to_columns(observation.outcome);
    values![
        series,
        observation.tick.unix_ms(),
        late_ms(observation),
        outcome,
        detail,
        phases.resolve_us,
        phases.connect_us,
        phases.tls_us,
        phases.processing_us,
        phases.transfer_us,
        address.map(|address| address.to_string()),
        *status,
        cause.as_ref(),
        message,
        certificate_not_after.map(Timestamp::unix_ms),
        *retry_after_ms,
        phases.auth_us,
        phases.write_us,
        chain_not_after.map(Timestamp::unix_ms),
        verified_not_after.map(Timestamp::unix_ms),
        confirms.map(Timestamp::unix_ms),
    ]
    .into()
}

/// The trace after the observation's four columns.
fn trace(row: &Row<'_>) -> db::Result<Trace> {
    let address: Option<String> = row.get(9)?;
    let address = match address {
        Some(text) => {
            let parsed: Result<SocketAddr, _> = text.parse();
            Some(parsed.map_err(|_| damaged(format!("`{text}` is not an address")))?)
        }
        None => None,
    };
    let explanation = match row.get::<Option<String>>(20)? {
        Some(json) => Some(Arc::new(explanation::from_json(&json).map_err(damaged)?)),
        None => None,
    };
    Ok(Trace {
        phases: Phases {
            auth_us: row.get(15)?,
            resolve_us: row.get(4)?,
            connect_us: row.get(5)?,
            tls_us: row.get(6)?,
            write_us: row.get(16)?,
            processing_us: row.get(7)?,
            transfer_us: row.get(8)?,
        },
        address,
        status: row.get(10)?,
        cause: row.get(11)?,
        message: row.get(12)?,
        certificate_not_after: optional_instant(row, 13)?,
        chain_not_after: optional_instant(row, 17)?,
        verified_not_after: optional_instant(row, 18)?,
        retry_after_ms: row.get(14)?,
        confirms: optional_instant(row, 19)?,
        explanation,
    })
}
