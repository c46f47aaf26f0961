//! One partner's month, settled: from what was loaded to a statement and what its report shows.
//!
//! What the partners of a service share is worked out once, in [`Shared`].

use super::basis::{PartnerBasis, ServiceBasis};
use super::load::{ServiceMonth, exclusions, membership};
use crate::exchange::{SharedEvidence, WindowSpec, statement_json};
use crate::report::{DayLatency, Edition, EndpointFigures, Latency, MonthResult, Report};
use crate::sla::catalog::VantageId;
use crate::sla::ledger::{Class, Exclusion, Ledger, Scope};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::statement::{EndpointEvidence, Seen, Statement, judge, observe};
use crate::sla::window::Window;

/// What all partners of a service read in the same way.
pub(super) struct Shared<'a> {
    /// What was promised, and by whom.
    pub(super) basis: &'a ServiceBasis,
    /// What was seen.
    pub(super) month: &'a ServiceMonth<'a>,
    evidence: SharedEvidence,
    endpoints: Vec<EndpointFigures>,
    latencies: Vec<DayLatency>,
    vantages: Vec<VantageId>,
}

impl<'a> Shared<'a> {
    /// Works out what the partners of `month` share.
    pub(super) fn new(basis: &'a ServiceBasis, month: &'a ServiceMonth<'a>) -> Self {
        let mut vantages: Vec<VantageId> = month
            .contractual
            .iter()
            .flat_map(|endpoint| &endpoint.vantages)
            .map(|vantage| vantage.id.clone())
            .collect();
        vantages.sort();
        vantages.dedup();
        Self {
            basis,
            month,
            evidence: SharedEvidence::new(
                WindowSpec::Month(month.month),
                month.terms(),
                month.now,
                &month.contractual,
            ),
            endpoints: endpoint_figures(month),
            latencies: day_latencies(month),
            vantages,
        }
    }
}

/// One partner's month, settled.
pub(super) struct Settled<'a> {
    /// What it shares with other partners.
    pub(super) shared: &'a Shared<'a>,
    /// What it does not.
    pub(super) own: PartnerBasis,
    exclusions: Vec<Exclusion>,
    history: Vec<MonthResult>,
    /// What the month says.
    pub(super) statement: Statement,
    /// The digest of the evidence document.
    pub(super) evidence_sha256: String,
    /// The statement as it is handed out.
    pub(super) json: Vec<u8>,
}

impl<'a> Settled<'a> {
    /// Settles the month; `earlier` is what the months of [`PartnerBasis::earlier`] came to.
    pub(super) fn new(
        shared: &'a Shared<'a>,
        own: PartnerBasis,
        earlier: Vec<MonthResult>,
    ) -> Self {
        let month = shared.month;
        let membership = membership(&own.partner, month.service, month.month.window());
        let exclusions = exclusions(&own.requests);
        let evidence_sha256 = shared.evidence.sha256(&membership, &exclusions);
        // What was seen is worked out once for all partners. Pending requests are no evidence,
        // but the report shows what they would change.
        let statement = judge(&month.record, &membership, &exclusions, month.terms());
        let mut history = earlier;
        history.push(MonthResult {
            month: month.month,
            target: statement.target,
            tally: statement.tally,
            verdict: statement.verdict,
        });
        Self {
            shared,
            own,
            exclusions,
            history,
            json: statement_json(&statement, &evidence_sha256),
            statement,
            evidence_sha256,
        }
    }

    /// The document that the statement was settled from.
    pub(super) fn evidence(&self) -> Vec<u8> {
        let month = self.shared.month;
        let membership = membership(&self.own.partner, month.service, month.month.window());
        self.shared
            .evidence
            .canonical(&membership, &self.exclusions)
    }

    /// The report of this month as `edition`.
    pub(super) fn report<'b>(&'b self, edition: &'b Edition) -> Report<'b> {
        let month = self.shared.month;
        Report {
            language: self.own.partner.language,
            provider: &self.shared.basis.provider,
            partner: &self.own.partner,
            service: month.service,
            commitment: month.commitment,
            month: month.month,
            statement: &self.statement,
            exclusions: &self.exclusions,
            history: &self.history,
            endpoints: &self.shared.endpoints,
            latencies: &self.shared.latencies,
            vantages: &self.shared.vantages,
            causes: &month.causes,
            measured_since: month.measured_since,
            usage: self.own.usage.as_ref(),
            look: &self.shared.basis.look,
            edition,
        }
    }
}

fn endpoint_figures(month: &ServiceMonth<'_>) -> Vec<EndpointFigures> {
    let window = month.month.window();
    let evidence = || month.contractual.iter().chain(&month.informative);
    let endpoints = month.service.endpoints.iter();
    endpoints
        .filter_map(|endpoint| {
            let seen = evidence().find(|evidence| evidence.id == endpoint.id)?;
            let seen = std::slice::from_ref(seen);
            let record = observe(window, month.now, seen, month.terms());
            let timeline = &record.endpoints.first()?.timeline;
            let ledger = Ledger::new(window, timeline, &Scope::everything(window));
            let entries = ledger.entries().iter();
            let n_incidents = entries.filter(|entry| entry.class == Class::Down).count();
            Some(EndpointFigures {
                label: endpoint.label.clone(),
                data_provider: endpoint.data_provider.clone(),
                contractual: endpoint.contractual,
                retired: endpoint.retired,
                tally: ledger.tally(),
                n_incidents: u32::try_from(n_incidents).unwrap_or(u32::MAX),
                latency: latency(observations(seen), window),
            })
        })
        .collect()
}

fn day_latencies(month: &ServiceMonth<'_>) -> Vec<DayLatency> {
    let days = month.month.window().local_days(month.month.zone());
    days.into_iter()
        .filter_map(|(date, day)| {
            let latency = latency(observations(&month.contractual), day)?;
            Some(DayLatency { date, latency })
        })
        .collect()
}

/// The observations of each endpoint and vantage, in order of time as the store gives them.
fn observations(endpoints: &[EndpointEvidence]) -> impl Iterator<Item = &[Observation]> {
    endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.vantages)
        .filter_map(|vantage| match &vantage.seen {
            Seen::Observations(observations) => Some(observations.as_slice()),
            Seen::Segments(_) => None,
        })
}

/// How fast the correct answers of a window came: the nearest-rank percentiles.
fn latency<'a>(
    observations: impl Iterator<Item = &'a [Observation]>,
    window: Window,
) -> Option<Latency> {
    let mut latencies_us: Vec<u32> = observations
        .flat_map(|observations| {
            let first = observations.partition_point(|one| one.at < window.start());
            observations[first..]
                .iter()
                .take_while(|one| one.at < window.end())
        })
        .filter_map(|observation| match observation.outcome {
            // 0 is not known.
            Outcome::Answered { latency_us, .. } => (latency_us > 0).then_some(latency_us),
            Outcome::Failed(_) | Outcome::Void(_) => None,
        })
        .collect();
    latencies_us.sort_unstable();
    let percentile = |percent: usize| {
        let rank = (latencies_us.len() * percent).div_ceil(100);
        let latency_us = latencies_us.get(rank.saturating_sub(1))?;
        Some(latency_us.div_ceil(1_000))
    };
    Some(Latency {
        median_ms: percentile(50)?,
        p95_ms: percentile(95)?,
        p99_ms: percentile(99)?,
    })
}
