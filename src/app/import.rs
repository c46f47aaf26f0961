//! Evidence of another tool comes in: what it would change is told first, then its record is
//! written, then its observations. Running it again changes nothing and completes what an
//! interruption left undone.

use anyhow::{Context as _, bail};

use super::load::{
    Addition, declarations, exclusions, find_endpoint, membership, requests, service_month_with,
};
use crate::config::Config;
use crate::import::Readout;
use crate::sla::catalog::{Endpoint, Service, VantageId};
use crate::sla::observation::{Finding, Observation, Outcome, Trace};
use crate::sla::statement::{Statement, judge};
use crate::sla::window::{Month, Timestamp, Window};
use crate::store::{Appended, Import, Store};

/// Observations committed together: few enough that a running daemon never waits long.
const BATCH: usize = 5_000;

/// What an import holds, and what it would change.
pub struct Plan<'a> {
    /// The service of the endpoint.
    pub service: &'a Service,
    /// About what.
    pub endpoint: &'a Endpoint,
    /// The vantage that stands for the other tool.
    pub vantage: VantageId,
    /// What was read.
    pub readout: Readout,
    /// From the first instant to the last.
    pub first: Timestamp,
    /// The last instant.
    pub last: Timestamp,
    /// The longest silence: from an observation that falls silent to the next one.
    pub longest_silence: Option<Window>,
    /// How each month it touches is settled without and with it.
    pub months: Vec<MonthChange>,
}

/// What becomes of a month, for a partner who is connected all through it.
pub struct MonthChange {
    /// Which.
    pub month: Month,
    /// As the store has it.
    pub before: Statement,
    /// With the import.
    pub after: Statement,
    /// Whether a partner has a saved statement of it, which stays as it is until it is revised.
    pub is_closed: bool,
}

/// Works out what importing `readout` as `vantage` of `endpoint` would change. Writes nothing.
///
/// # Errors
/// An unknown endpoint (the error names the known ones), a vantage that does not stand for
/// another tool, or a store that cannot be read.
pub fn plan<'a>(
    config: &'a Config,
    store: &Store,
    now: Timestamp,
    readout: Readout,
    endpoint: &str,
    vantage: &str,
) -> anyhow::Result<Plan<'a>> {
    let (service, endpoint) = find_endpoint(config, endpoint)?;
    let vantage = vantage_of(vantage)?;
    let mut observations: Vec<Observation> =
        readout.facts.iter().map(|fact| fact.observation).collect();
    observations.sort_by_key(|observation| observation.at);
    let (Some(first), Some(last)) = (observations.first(), observations.last()) else {
        bail!("import from {}: there is nothing in it", readout.source);
    };
    let (first, last) = (first.at, last.at);
    let longest_silence = observations
        .iter()
        .zip(observations.iter().skip(1))
        .filter_map(|(one, next)| Window::between(one.at.plus_ms(endpoint.validity_ms), next.at))
        .max_by_key(Window::length_ms);
    let addition = Addition {
        endpoint: endpoint.id.clone(),
        vantage: vantage.clone(),
        observations: &observations,
    };
    let months = months(config, store, service, now, first, last, &addition)?;
    Ok(Plan {
        service,
        endpoint,
        vantage,
        readout,
        first,
        last,
        longest_silence,
        months,
    })
}

fn months(
    config: &Config,
    store: &Store,
    service: &Service,
    now: Timestamp,
    first: Timestamp,
    last: Timestamp,
    addition: &Addition<'_>,
) -> anyhow::Result<Vec<MonthChange>> {
    let settled = |month, addition| -> anyhow::Result<Option<Statement>> {
        let Some(seen) = service_month_with(store, service, month, now, addition)? else {
            return Ok(None);
        };
        let declarations = declarations(store, &service.id, month)?;
        let exclusions = exclusions(&requests(service, &declarations, None, month));
        let all_month = seen.month.window().into();
        Ok(Some(judge(
            &seen.record,
            &all_month,
            &exclusions,
            seen.terms(),
        )))
    };
    let mut changes = Vec::new();
    let mut month = Month::containing(first, service.zone());
    while month.window().start() <= last {
        if let (Some(before), Some(after)) =
            (settled(month, None)?, settled(month, Some(addition))?)
        {
            changes.push(MonthChange {
                month,
                before,
                after,
                is_closed: is_closed(config, store, service, month)?,
            });
        }
        month = month.next();
    }
    Ok(changes)
}

fn is_closed(
    config: &Config,
    store: &Store,
    service: &Service,
    month: Month,
) -> anyhow::Result<bool> {
    for partner in &config.catalog.partners {
        let is_connected = !membership(partner, service, month.window()).is_empty();
        if is_connected && store.statement(&partner.id, &service.id, month)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Records the import and appends its observations. Gives back the record if the same was
/// imported before, and what became of the observations.
///
/// # Errors
/// What the store says. What was appended until then stays, under its record.
pub fn carry_out(
    plan: &Plan<'_>,
    store: &mut Store,
    now: Timestamp,
    who: &str,
    progress: &mut dyn FnMut(usize),
) -> anyhow::Result<(Option<Import>, Appended)> {
    let facts = &plan.readout.facts;
    let known = store.record_import(&Import {
        endpoint: plan.endpoint.id.clone(),
        vantage: plan.vantage.clone(),
        tool: plan.readout.tool.to_owned(),
        source: plan.readout.source.clone(),
        source_sha256: plan.readout.sha256,
        first: plan.first,
        last: plan.last,
        n_observations: u64::try_from(facts.len()).unwrap_or(u64::MAX),
        author: who.to_owned(),
        at: now,
    })?;
    let mut all = Appended::default();
    for batch in facts.chunks(BATCH) {
        let findings: Vec<Finding> = batch
            .iter()
            .map(|fact| Finding {
                endpoint: plan.endpoint.id.clone(),
                vantage: plan.vantage.clone(),
                observation: fact.observation,
                trace: Trace {
                    message: message(fact.observation.outcome, &fact.message),
                    ..Trace::default()
                },
            })
            .collect();
        let appended = store.append(&findings)?;
        all.new += appended.new;
        all.repeated += appended.repeated;
        progress(all.new + all.repeated);
    }
    Ok((known, all))
}

/// What people read beside a failure.
fn message(outcome: Outcome, told: &str) -> String {
    match outcome {
        Outcome::Answered { partial: false, .. } => String::new(),
        Outcome::Answered { partial: true, .. } | Outcome::Failed(_) | Outcome::Void(_)
            if told.is_empty() =>
        {
            "imported; the other tool said no more".to_owned()
        }
        Outcome::Answered { partial: true, .. } | Outcome::Failed(_) | Outcome::Void(_) => {
            told.to_owned()
        }
    }
}

fn vantage_of(id: &str) -> anyhow::Result<VantageId> {
    VantageId::new(id)
        .filter(VantageId::is_import)
        .filter(|id| {
            id.as_str()
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
        .with_context(|| {
            format!(
                "import as vantage `{id}`: its name must begin with `{}`, followed by lower-case letters, figures and hyphens, so that everybody sees that another tool looked",
                VantageId::IMPORT_PREFIX
            )
        })
}
