//! From the store to evidence: everything one settlement needs, loaded beforehand.

use anyhow::{Context as _, bail};

use crate::config::Config;
use crate::exchange::{Document, WindowSpec};
use crate::sla::catalog::{Endpoint, EndpointId, Partner, Recurrence, Service, VantageId};
use crate::sla::commitment::{Commitment, Terms};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use crate::sla::observation::Observation;
use crate::sla::statement::{EndpointEvidence, Evidence, Record, Seen, VantageEvidence, observe};
use crate::sla::window::{HOUR_MS, Month, Timestamp, Window, Windows};
use crate::store::Store;

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
    let window = month.window();
    let now = (now < window.end()).then_some(now);
    let terms = &commitment.terms;
    let reach = Window::new(
        window.start().plus_ms(-lead_ms(service, terms)),
        closable_from(month, terms),
    )?;
    let evidence_of = |contractual: bool| -> anyhow::Result<Vec<EndpointEvidence>> {
        service
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.contractual == contractual)
            .map(|endpoint| endpoint_evidence(store, endpoint, reach, addition))
            .collect()
    };
    let contractual = evidence_of(true)?;
    let informative = evidence_of(false)?;
    let mut measured_since = None;
    for endpoint in service.contractual() {
        let first = store.first_tick(&endpoint.id)?;
        measured_since = measured_since.into_iter().chain(first).min();
    }
    let record = observe(window, now, &contractual, &commitment.terms);
    Ok(Some(ServiceMonth {
        service,
        month,
        commitment,
        now,
        contractual,
        measured_since,
        informative,
        record,
    }))
}

fn endpoint_evidence(
    store: &Store,
    endpoint: &Endpoint,
    reach: Window,
    addition: Option<&Addition<'_>>,
) -> anyhow::Result<EndpointEvidence> {
    let mut seen = store
        .observations(&endpoint.id, reach)
        .with_context(|| format!("load the observations of `{}`", endpoint.id))?;
    if let Some(addition) = addition.filter(|addition| addition.endpoint == endpoint.id) {
        add(&mut seen, addition, reach);
    }
    let any_imported = seen
        .iter()
        .any(|(vantage, observations)| vantage.is_import() && !observations.is_empty());
    let vantages = seen
        .into_iter()
        .filter_map(|(id, observations)| {
            let present = if any_imported || id.is_import() {
                Some(presence(&id, &observations, endpoint.validity_ms, reach)?)
            } else {
                None
            };
            Some(VantageEvidence {
                id,
                present,
                seen: Seen::Observations(observations),
            })
        })
        .collect();
    Ok(EndpointEvidence {
        id: endpoint.id.clone(),
        validity_ms: endpoint.validity_ms,
        latency_objective_ms: endpoint.latency_objective_ms,
        vantages,
    })
}

/// Where imported evidence meets our own, each vantage takes part from its first observation on:
/// one of ours to the end, another tool until it falls silent. Without any, it is not there.
fn presence(
    vantage: &VantageId,
    observations: &[Observation],
    validity_ms: i64,
    reach: Window,
) -> Option<Window> {
    let (first, last) = (observations.first()?, observations.last()?);
    let end = if vantage.is_import() {
        last.at.plus_ms(validity_ms).min(reach.end())
    } else {
        reach.end()
    };
    Window::between(first.at, end)
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
    /// Whether the service was watched at all before the month ended.
    pub fn is_watched(&self) -> bool {
        self.measured_since
            .is_some_and(|since| since < self.month.window().end())
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

/// The planned work of the configuration within `window`, as requests that were accepted when
/// they were announced. Work on an endpoint that is only shown for information concerns no
/// commitment.
pub fn announced_maintenance(service: &Service, window: Window) -> Vec<Exclusion> {
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
