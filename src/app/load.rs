//! From the store to evidence: everything one settlement needs, loaded beforehand.

use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::basis::{Found, ServiceBasis};
use crate::config::Config;
use crate::exchange::{Document, WindowSpec};
use crate::sla::catalog::{
    Endpoint, EndpointId, Partner, PartnerId, Recurrence, Service, ServiceId, VantageId,
};
use crate::sla::cause::StatedCause;
use crate::sla::commitment::{Commitment, Terms};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use crate::sla::observation::Observation;
use crate::sla::statement::{EndpointEvidence, Evidence, Record, Seen, VantageEvidence, observe};
use crate::sla::window::{HOUR_MS, Month, Timestamp, Window, Windows};
use crate::store::{Declaration, DeclarationFilter, DeclarationId, StatementNumber, Store};

/// How far evidence reaches back before its month, in milliseconds: at least a day, so that an
/// outage carried in has its true beginning in all but extraordinary cases, and as far as one
/// observation speaks or as an outage must last to count.
fn lead_ms(service: &Service, terms: &Terms) -> i64 {
    let validity_ms = service.contractual().map(|endpoint| endpoint.validity_ms);
    validity_ms
        .chain([24 * HOUR_MS, terms.minimum_outage_ms])
        .max()
        .unwrap_or(24 * HOUR_MS)
}

/// How far evidence reaches beyond the end of its month, in milliseconds: enough to carry a
/// confirmation out, and as long as an outage must last to count.
fn tail_ms(terms: &Terms) -> i64 {
    terms.minimum_outage_ms.max(HOUR_MS)
}

/// The instant from which a month can be closed: all that its evidence may hold has happened.
///
/// It is the same whenever the month is settled, so that a later settlement has the same evidence.
pub fn closable_from(month: Month, terms: &Terms) -> Timestamp {
    month.window().end().plus_ms(tail_ms(terms))
}

/// What was seen of one service in one month, and under which commitment it is judged.
pub struct ServiceMonth<'a> {
    /// Which service.
    pub service: &'a Service,
    /// Which month.
    pub month: Month,
    /// The version of the commitment in force.
    pub commitment: &'a Commitment,
    /// If the month is still running.
    pub now: Option<Timestamp>,
    /// Of the endpoints that count for the commitment.
    pub contractual: Vec<EndpointEvidence>,
    /// When any of them was asked for the first time ever.
    pub measured_since: Option<Timestamp>,
    /// Of the endpoints shown for information.
    pub informative: Vec<EndpointEvidence>,
    /// What the service was, whoever asks.
    pub record: Record,
    /// Why it was down, as its operator said.
    pub causes: Vec<StatedCause>,
}

/// What was seen of `service` in `month`; nothing if no commitment was in force.
///
/// # Errors
/// The store cannot be read.
pub fn service_month<'a>(
    store: &Store,
    service: &'a Service,
    month: Month,
    now: Timestamp,
) -> anyhow::Result<Option<ServiceMonth<'a>>> {
    service_month_with(store, service, month, now, None)
}

/// As [`service_month`], as if the store had `addition` as well.
///
/// # Errors
/// The store cannot be read.
pub fn service_month_with<'a>(
    store: &Store,
    service: &'a Service,
    month: Month,
    now: Timestamp,
    addition: Option<&Addition<'_>>,
) -> anyhow::Result<Option<ServiceMonth<'a>>> {
    let Some(commitment) = service.commitment_on(month.first_day()) else {
        return Ok(None);
    };
    let endpoints = |contractual: bool| -> anyhow::Result<Vec<EndpointEvidence>> {
        let reach = reach(service, month, &commitment.terms)?;
        endpoints_of(service, contractual)
            .map(|endpoint| endpoint_evidence(store, endpoint, reach, addition))
            .collect()
    };
    let (contractual, informative) = (endpoints(true)?, endpoints(false)?);
    let mut measured_since = None;
    for endpoint in service.contractual() {
        let first = store.first_tick(&endpoint.id)?;
        measured_since = measured_since.into_iter().chain(first).min();
    }
    let now = (now < month.window().end()).then_some(now);
    Ok(Some(ServiceMonth {
        service,
        month,
        commitment,
        now,
        record: observe(month.window(), now, &contractual, &commitment.terms),
        causes: store.stated_causes(&service.id, month.window())?,
        contractual,
        measured_since,
        informative,
    }))
}

/// What was known of the service of `basis` in `month` when the statement of number `known_to`
/// was saved.
///
/// # Errors
/// The store cannot be read.
pub fn service_month_as_saved<'a>(
    store: &Store,
    (basis, found): (&'a ServiceBasis, &Found),
    month: Month,
    known_to: StatementNumber,
) -> anyhow::Result<ServiceMonth<'a>> {
    let service = basis.service();
    let commitment = service
        .commitment_on(month.first_day())
        .context("read the basis: its commitment is not in force in its month")?;
    let endpoints = |contractual: bool| -> anyhow::Result<Vec<EndpointEvidence>> {
        let reach = reach(service, month, &commitment.terms)?;
        endpoints_of(service, contractual)
            .map(|endpoint| {
                let seen = store.observations_known_to(known_to, &endpoint.id, reach);
                let mut seen = seen.with_context(|| loading(endpoint))?;
                let known = found.seen_from.iter();
                let known = known.filter(|(id, _)| *id == endpoint.id);
                let vantages = known.flat_map(|(_, vantages)| vantages);
                let vantages = vantages.map(|(id, present)| VantageEvidence {
                    id: id.clone(),
                    present: *present,
                    seen: Seen::Observations(
                        (seen.iter_mut().find(|(one, _)| one == id))
                            .map(|(_, observations)| std::mem::take(observations))
                            .unwrap_or_default(),
                    ),
                });
                Ok(evidence_of(endpoint, vantages.collect()))
            })
            .collect()
    };
    let (contractual, informative) = (endpoints(true)?, endpoints(false)?);
    Ok(ServiceMonth {
        service,
        month,
        commitment,
        now: None,
        record: observe(month.window(), None, &contractual, &commitment.terms),
        causes: found.causes.clone(),
        contractual,
        measured_since: found.measured_since,
        informative,
    })
}

/// How far evidence of `month` reaches.
pub(super) fn reach(service: &Service, month: Month, terms: &Terms) -> anyhow::Result<Window> {
    let start = month.window().start().plus_ms(-lead_ms(service, terms));
    Ok(Window::new(start, closable_from(month, terms))?)
}

fn endpoints_of(service: &Service, contractual: bool) -> impl Iterator<Item = &Endpoint> {
    let endpoints = service.endpoints.iter().map(Arc::as_ref);
    endpoints.filter(move |endpoint| endpoint.contractual == contractual)
}

fn endpoint_evidence(
    store: &Store,
    endpoint: &Endpoint,
    reach: Window,
    addition: Option<&Addition<'_>>,
) -> anyhow::Result<EndpointEvidence> {
    let mut seen = store
        .observations(&endpoint.id, reach)
        .with_context(|| loading(endpoint))?;
    if let Some(addition) = addition.filter(|addition| addition.endpoint == endpoint.id) {
        add(&mut seen, addition, reach);
    }
    let any_imported = seen
        .iter()
        .any(|(vantage, observations)| vantage.is_import() && !observations.is_empty());
    let vantages = seen
        .into_iter()
        .filter_map(|(id, observations)| {
            let ends = observations.first().zip(observations.last());
            let ends = ends.map(|(first, last)| (first.at, last.at));
            Some(VantageEvidence {
                present: presence(any_imported, &id, ends, endpoint.validity_ms, reach)?,
                id,
                seen: Seen::Observations(observations),
            })
        })
        .collect();
    Ok(evidence_of(endpoint, vantages))
}

fn evidence_of(endpoint: &Endpoint, vantages: Vec<VantageEvidence>) -> EndpointEvidence {
    EndpointEvidence {
        id: endpoint.id.clone(),
        validity_ms: endpoint.validity_ms,
        latency_objective_ms: endpoint.latency_objective_ms,
        vantages,
    }
}

fn loading(endpoint: &Endpoint) -> String {
    format!("load the observations of `{}`", endpoint.id)
}

/// While a vantage takes part, whose first and last observations are `ends`. Where imported
/// evidence meets our own, that is from its first observation on: one of ours to the end, another
/// tool until it falls silent. Without any, it is not there. Otherwise it is always there.
pub(super) fn presence(
    any_imported: bool,
    vantage: &VantageId,
    ends: Option<(Timestamp, Timestamp)>,
    validity_ms: i64,
    reach: Window,
) -> Option<Option<Window>> {
    if !any_imported && !vantage.is_import() {
        return Some(None);
    }
    let (first, last) = ends?;
    let end = if vantage.is_import() {
        last.plus_ms(validity_ms).min(reach.end())
    } else {
        reach.end()
    };
    Window::between(first, end).map(Some)
}

/// Observations that are not in the store, to see what they would change.
pub struct Addition<'a> {
    /// About what.
    pub endpoint: EndpointId,
    /// Seen from where.
    pub vantage: VantageId,
    /// In order of time.
    pub observations: &'a [Observation],
}

fn add(seen: &mut Vec<(VantageId, Vec<Observation>)>, addition: &Addition<'_>, reach: Window) {
    let inside = addition
        .observations
        .iter()
        .filter(|observation| reach.contains(observation.at))
        .copied();
    match seen.iter_mut().find(|(id, _)| *id == addition.vantage) {
        Some((_, observations)) => {
            // What the store has comes first and stays, as it would.
            observations.extend(inside);
            observations.sort_by_key(|observation| observation.tick);
            observations.dedup_by_key(|observation| observation.tick);
            observations.sort_by_key(|observation| observation.at);
        }
        None => {
            seen.push((addition.vantage.clone(), inside.collect()));
            seen.sort_by(|(left, _), (right, _)| left.cmp(right));
        }
    }
}

impl ServiceMonth<'_> {
    /// What was found beside the observations.
    pub fn found(&self) -> Found {
        Found::new(
            self.measured_since,
            self.contractual.iter().chain(&self.informative),
            self.causes.clone(),
        )
    }

    /// The evidence of this month for one partner, as it is published.
    pub fn document(&self, membership: &Windows, exclusions: Vec<Exclusion>) -> Document {
        Document::new(
            WindowSpec::Month(self.month),
            &self.commitment.terms,
            &Evidence {
                window: self.month.window(),
                now: self.now,
                membership: membership.clone(),
                exclusions,
                endpoints: self.contractual.clone(),
            },
        )
    }

    /// The terms it is judged by.
    pub fn terms(&self) -> &Terms {
        &self.commitment.terms
    }
}

/// Refuses a month in which nothing at all was observed.
///
/// # Errors
/// Such a month (the error names the known ones), or a store that cannot be read.
pub fn check_known(store: &Store, month: Month) -> anyhow::Result<()> {
    let Some(span) = store.span()? else {
        bail!("find {month}: the store has no observation yet: start `vigie run` first");
    };
    if span.intersection(&month.window()).is_none() {
        bail!(
            "find {month}: nothing was observed in that month: known are {} to {}",
            Month::containing(span.start(), month.zone()),
            Month::containing(span.end().plus_ms(-1), month.zone())
        );
    }
    Ok(())
}

/// When `partner` was connected to `service` within `window`.
pub fn membership(partner: &Partner, service: &Service, window: Window) -> Windows {
    partner
        .memberships
        .iter()
        .filter(|membership| membership.service == service.id)
        .fold(Windows::none(), |all, membership| {
            all.union(&membership.windows)
        })
        .intersection(&window.into())
}

/// A request to treat a window apart, with where it stands on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for, and what became of it.
    pub exclusion: Exclusion,
    /// The declaration; absent: announced in the configuration.
    pub declared: Option<Declared>,
}

/// Which declaration, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its number.
    pub id: DeclarationId,
    /// Who wrote it down.
    pub author: String,
}

/// What was asked for in `month` of `service`: announced work, and of `declarations` those that
/// concern `partner` and were not refused; without a partner: those that concern all.
pub fn requests(
    service: &Service,
    declarations: &[Declaration],
    partner: Option<&PartnerId>,
    month: Month,
) -> Vec<Request> {
    let window = month.window();
    let announced = announced_maintenance(service, with_the_eve(window));
    let announced = announced.into_iter().map(|exclusion| Request {
        exclusion,
        declared: None,
    });
    let declared = declarations
        .iter()
        .filter(|declaration| {
            declaration.partner.is_none() || declaration.partner.as_ref() == partner
        })
        .filter(|declaration| declaration.exclusion.acceptance != Acceptance::Refused)
        .map(|declaration| Request {
            exclusion: declaration.exclusion.clone(),
            declared: Some(Declared {
                id: declaration.id,
                author: declaration.author.clone(),
            }),
        });
    let mut requests: Vec<Request> = announced.chain(declared).collect();
    // Work of the month before stays if the month's work lengthens it.
    let planned: Windows = requests
        .iter()
        .filter(|request| request.exclusion.kind == ExclusionKind::Maintenance)
        .map(|request| request.exclusion.window)
        .collect();
    requests.retain(|request| {
        let asked = request.exclusion.window;
        let is_planned = request.exclusion.kind == ExclusionKind::Maintenance;
        let work = planned.at(asked.start()).filter(|_| is_planned);
        work.unwrap_or(&asked).intersection(&window).is_some()
    });
    requests
}

/// The declarations that [`requests`] may need.
///
/// # Errors
/// The store cannot be read.
pub fn declarations(
    store: &Store,
    service: &ServiceId,
    month: Month,
) -> anyhow::Result<Vec<Declaration>> {
    Ok(store.declarations(&DeclarationFilter {
        service: Some(service.clone()),
        partner: None,
        window: Some(with_the_eve(month.window())),
    })?)
}

/// Work that began on the day before may reach to the month, and be lengthened in it.
fn with_the_eve(window: Window) -> Window {
    let eve = Window::between(window.start().plus_ms(-24 * HOUR_MS), window.end());
    eve.unwrap_or(window)
}

/// The requests alone, as a settlement takes them.
pub fn exclusions(requests: &[Request]) -> Vec<Exclusion> {
    let requests = requests.iter();
    requests.map(|request| request.exclusion.clone()).collect()
}

/// The planned work of the configuration within `window`, as requests that were accepted when
/// they were announced. Work on an endpoint that is only shown for information concerns no
/// commitment.
fn announced_maintenance(service: &Service, window: Window) -> Vec<Exclusion> {
    let concerns_commitment = |endpoint: &Option<_>| match endpoint {
        None => true,
        Some(id) => service.contractual().any(|endpoint| endpoint.id == *id),
    };
    service
        .maintenances
        .iter()
        .filter(|maintenance| concerns_commitment(&maintenance.endpoint))
        .flat_map(|maintenance| {
            // Whole: notice is judged on when the work begins, be it before the month.
            let occurrences = match &maintenance.when {
                Recurrence::Once(once) => {
                    let touches = once.intersection(&window).is_some();
                    touches.then_some(*once).into_iter().collect()
                }
                Recurrence::Weekly(hours) => hours.whole_within(window),
            };
            occurrences
                .iter()
                .map(|window| Exclusion {
                    kind: ExclusionKind::Maintenance,
                    window: *window,
                    declared: maintenance.declared,
                    acceptance: Acceptance::Accepted,
                    reason: maintenance.reason.clone(),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The service of this id.
///
/// # Errors
/// An unknown id; the error names the known ones.
pub fn find_service<'a>(config: &'a Config, id: &str) -> anyhow::Result<&'a Service> {
    config.catalog.service(id).with_context(|| {
        let known = config.catalog.services.iter().map(|service| &service.id);
        unknown("service", id, known)
    })
}

/// The endpoint of this id, with its service.
///
/// # Errors
/// An unknown id; the error names the known ones.
pub fn find_endpoint<'a>(
    config: &'a Config,
    id: &str,
) -> anyhow::Result<(&'a Service, &'a Endpoint)> {
    config.catalog.endpoint(id).with_context(|| {
        let known = config.catalog.endpoints().map(|(_, endpoint)| &endpoint.id);
        unknown("endpoint", id, known)
    })
}

/// The partner of this id.
///
/// # Errors
/// An unknown id; the error names the known ones.
pub fn find_partner<'a>(config: &'a Config, id: &str) -> anyhow::Result<&'a Partner> {
    config.catalog.partner(id).with_context(|| {
        let known = config.catalog.partners.iter().map(|partner| &partner.id);
        unknown("partner", id, known)
    })
}

/// The context of an error: what was looked for, and what there is instead.
pub fn unknown<T: std::fmt::Display>(
    what: &str,
    id: &str,
    known: impl IntoIterator<Item = T>,
) -> String {
    let known: Vec<String> = known.into_iter().map(|id| format!("`{id}`")).collect();
    format!("find {what} `{id}`: known are {}", known.join(", "))
}
