//! What a statement was settled from beside the observations, as it is kept with the statement.
//!
//! The configuration is edited as time goes by; what was said of a closed month must not follow.
//! So each statement keeps the promise, the endpoints, the membership, the requests, the names that
//! its report shows and how it looks, in two documents: one that the partners of a service share,
//! and one of its own. How endpoints were asked, where secrets are and whom letters went to is not in them.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::load::{Declared, Request};
use crate::config::Config;
use crate::exchange::{read_terms, terms_json};
use crate::report::{Additions, Colour, Logo, Look, Usage};
use crate::sla::catalog::{
    Endpoint, EndpointId, HttpProbe, Improvement, Language, Membership, Partner, PartnerId,
    PlannedMaintenance, Probe, Progress, Provider, Recurrence, Service, ServiceId, Url, VantageId,
};
use crate::sla::cause::{Attribution, StatedCause};
use crate::sla::commitment::{
    Clause, Commitment, Maintenance, MaintenanceTerms, PeriodSource, Ppm, Terms,
};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use crate::sla::statement::EndpointEvidence;
use crate::sla::window::{DayRange, Month, Timestamp, WeeklyHours, Window, Windows, parse_zone};
use crate::store::DeclarationId;

const FORMAT: &str = "vigie-basis/1";

/// What the partners of a service have in common in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceBasis {
    /// Who answers for the service.
    pub provider: Provider,
    /// How reports look.
    pub look: Look,
    /// The service, with the one version of its commitment that is in force.
    service: Service,
}

impl ServiceBasis {
    /// What the configuration says of `service` in `month`; nothing if no commitment is in force.
    pub fn of(config: &Config, service: &Service, month: Month) -> Option<Self> {
        let commitment = service.commitment_on(month.first_day())?;
        let endpoints = service.endpoints.iter().map(|endpoint| Endpoint {
            probe: not_kept(),
            confirmation: None,
            ..Endpoint::clone(endpoint)
        });
        Some(Self {
            provider: config.catalog.provider.clone(),
            look: config.reports.look.clone(),
            service: Service {
                endpoints: endpoints.map(Arc::new).collect(),
                commitments: vec![commitment.clone()],
                ..service.clone()
            },
        })
    }

    /// The service.
    pub fn service(&self) -> &Service {
        &self.service
    }
}

/// Which vantages an endpoint was seen from, and which part of the month each was there.
pub type SeenFrom = (EndpointId, Vec<(VantageId, Option<Window>)>);

/// What was found in the store beside the observations, and may grow later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// When the service was asked for the first time ever.
    pub measured_since: Option<Timestamp>,
    /// From where.
    pub seen_from: Vec<SeenFrom>,
    /// Why it was down, as its operator said.
    pub causes: Vec<StatedCause>,
}

impl Found {
    /// What `endpoints` were seen from, and what was said of why.
    pub fn new<'a>(
        measured_since: Option<Timestamp>,
        endpoints: impl Iterator<Item = &'a EndpointEvidence>,
        causes: Vec<StatedCause>,
    ) -> Self {
        let vantages = |endpoint: &EndpointEvidence| {
            let vantages = endpoint.vantages.iter();
            vantages.map(|one| (one.id.clone(), one.present)).collect()
        };
        Self {
            measured_since,
            seen_from: endpoints
                .map(|one| (one.id.clone(), vantages(one)))
                .collect(),
            causes,
        }
    }
}

/// What concerns one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerBasis {
    /// The partner, without its contacts and with its memberships of this service alone.
    pub partner: Partner,
    /// What was asked for, and by whom.
    pub requests: Vec<Request>,
    /// How it used the service, if that was known.
    pub usage: Option<Usage>,
    /// The revisions of earlier months that its report shows, in order of month.
    pub earlier: Vec<(Month, u32)>,
}

/// A partner as statements keep it.
pub fn partner_of(partner: &Partner, service: &ServiceId) -> Partner {
    let memberships = partner.memberships.iter();
    Partner {
        contacts: Vec::new(),
        memberships: memberships
            .filter(|membership| membership.service == *service)
            .cloned()
            .collect(),
        ..partner.clone()
    }
}

/// The document that the partners of a service share.
pub fn write_shared(basis: &ServiceBasis, found: &Found) -> Vec<u8> {
    let [commitment] = basis.service.commitments.as_slice() else {
        unreachable!("a basis has one commitment");
    };
    to_json(&SharedJson {
        format: FORMAT.to_owned(),
        provider: ProviderJson::from(&basis.provider),
        look: LookJson::from(&basis.look),
        service: basis.service.id.to_string(),
        name: basis.service.name.clone(),
        commitment: CommitmentJson::from(commitment),
        endpoints: basis
            .service
            .endpoints
            .iter()
            .map(|endpoint| EndpointJson::from(endpoint.as_ref()))
            .collect(),
        maintenances: basis
            .service
            .maintenances
            .iter()
            .map(MaintenanceJson::from)
            .collect(),
        improvements: (basis.service.improvements.iter())
            .map(ImprovementJson::from)
            .collect(),
        measured_since: found.measured_since.map(text),
        seen_from: found.seen_from.iter().map(SeenFromJson::from).collect(),
        causes: found.causes.iter().map(CauseJson::from).collect(),
    })
}

/// Reads what [`write_shared`] wrote.
///
/// # Errors
/// Anything else.
pub fn read_shared(bytes: &[u8]) -> anyhow::Result<(ServiceBasis, Found)> {
    let written: SharedJson = serde_json::from_slice(bytes).context("read the basis")?;
    anyhow::ensure!(
        written.format == FORMAT,
        "read the basis: its format is `{}`, this program reads `{FORMAT}`",
        written.format
    );
    let endpoints = written.endpoints.into_iter().map(EndpointJson::read);
    let maintenances = written.maintenances.into_iter().map(MaintenanceJson::read);
    let improvements = written.improvements.into_iter().map(ImprovementJson::read);
    let seen_from = written.seen_from.into_iter().map(SeenFromJson::read);
    let causes = written.causes.into_iter().map(CauseJson::read);
    let basis = ServiceBasis {
        provider: written.provider.read(),
        look: written.look.read()?,
        service: Service {
            id: id("service", ServiceId::new, &written.service)?,
            name: written.name,
            endpoints: endpoints
                .map(|endpoint| endpoint.map(Arc::new))
                .collect::<anyhow::Result<_>>()?,
            commitments: vec![written.commitment.read()?],
            maintenances: maintenances.collect::<anyhow::Result<_>>()?,
            improvements: improvements.collect::<anyhow::Result<_>>()?,
        },
    };
    let found = Found {
        measured_since: written.measured_since.as_deref().map(instant).transpose()?,
        seen_from: seen_from.collect::<anyhow::Result<_>>()?,
        causes: causes.collect::<anyhow::Result<_>>()?,
    };
    Ok((basis, found))
}

/// The document of one partner.
pub fn write_own(basis: &PartnerBasis) -> Vec<u8> {
    let partner = &basis.partner;
    to_json(&OwnJson {
        format: FORMAT.to_owned(),
        partner: partner.id.to_string(),
        name: partner.name.clone(),
        kind: partner.kind.clone(),
        language: match partner.language {
            Language::French => "fr".to_owned(),
            Language::English => "en".to_owned(),
        },
        memberships: partner
            .memberships
            .iter()
            .map(MembershipJson::from)
            .collect(),
        requests: basis.requests.iter().map(RequestJson::from).collect(),
        usage: basis.usage.as_ref().map(UsageJson::from),
        earlier: basis
            .earlier
            .iter()
            .map(|(month, revision)| (month.to_string(), *revision))
            .collect(),
    })
}

/// Reads what [`write_own`] wrote of a month of `service`.
///
/// # Errors
/// Anything else.
pub fn read_own(bytes: &[u8], service: &ServiceId, of: Month) -> anyhow::Result<PartnerBasis> {
    let written: OwnJson = serde_json::from_slice(bytes).context("read the basis")?;
    anyhow::ensure!(
        written.format == FORMAT,
        "read the basis: its format is `{}`, this program reads `{FORMAT}`",
        written.format
    );
    let memberships = written.memberships.into_iter().map(|one| one.read(service));
    let requests = written.requests.into_iter().map(RequestJson::read);
    let earlier = written.earlier.into_iter().map(|(month, revision)| {
        let month = Month::parse(&month, of.zone()).context("read the basis")?;
        Ok((month, revision))
    });
    Ok(PartnerBasis {
        partner: Partner {
            id: id("partner", PartnerId::new, &written.partner)?,
            name: written.name,
            kind: written.kind,
            language: match written.language.as_str() {
                "fr" => Language::French,
                "en" => Language::English,
                other => anyhow::bail!("read the basis: `{other}` is not a language we write"),
            },
            contacts: Vec::new(),
            memberships: memberships.collect::<anyhow::Result<_>>()?,
        },
        requests: requests.collect::<anyhow::Result<_>>()?,
        usage: written.usage.map(UsageJson::read),
        earlier: earlier.collect::<anyhow::Result<_>>()?,
    })
}

/// Stands for how an endpoint was asked: no figure and no report depends on it.
fn not_kept() -> Probe {
    Probe::from(HttpProbe::get(Url {
        tls: true,
        host: String::new(),
        port: 443,
        path: "/".to_owned(),
    }))
}

fn to_json(document: &impl Serialize) -> Vec<u8> {
    // Structs of numbers and texts always serialise.
    serde_json::to_vec(document).unwrap_or_default()
}

fn text(at: Timestamp) -> String {
    at.to_string()
}

fn instant(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .with_context(|| format!("read the basis: `{text}` is no instant"))
}

fn id<T>(what: &str, read: fn(&str) -> Option<T>, text: &str) -> anyhow::Result<T> {
    read(text).with_context(|| format!("read the basis: `{text}` is no id of a {what}"))
}

// The documents as written.

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SharedJson {
    format: String,
    provider: ProviderJson,
    #[serde(default)]
    look: LookJson,
    service: String,
    name: String,
    commitment: CommitmentJson,
    endpoints: Vec<EndpointJson>,
    maintenances: Vec<MaintenanceJson>,
    improvements: Vec<ImprovementJson>,
    measured_since: Option<String>,
    seen_from: Vec<SeenFromJson>,
    #[serde(default)]
    causes: Vec<CauseJson>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct OwnJson {
    format: String,
    partner: String,
    name: String,
    kind: Option<String>,
    language: String,
    memberships: Vec<MembershipJson>,
    requests: Vec<RequestJson>,
    usage: Option<UsageJson>,
    earlier: Vec<(String, u32)>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ProviderJson {
    name: String,
    contact: String,
    data_protection_contact: Option<String>,
}

impl From<&Provider> for ProviderJson {
    fn from(provider: &Provider) -> Self {
        Self {
            name: provider.name.clone(),
            contact: provider.contact.clone(),
            data_protection_contact: provider.data_protection_contact.clone(),
        }
    }
}

impl ProviderJson {
    fn read(self) -> Provider {
        Provider {
            name: self.name,
            contact: self.contact,
            data_protection_contact: self.data_protection_contact,
        }
    }
}

/// Absent in what was written before it was kept: then nothing was added and nothing coloured.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LookJson {
    /// The address of a picture that carries it: `data:image/png;base64,…`.
    logo: Option<String>,
    accent: Option<String>,
    french: AdditionsJson,
    english: AdditionsJson,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AdditionsJson {
    introduction: Vec<String>,
    closing: Vec<String>,
}

impl From<&Look> for LookJson {
    fn from(look: &Look) -> Self {
        let additions = |additions: &Additions| AdditionsJson {
            introduction: additions.introduction.clone(),
            closing: additions.closing.clone(),
        };
        Self {
            logo: look.logo.as_ref().map(|logo| logo.address().to_owned()),
            accent: Some(look.accent.css()),
            french: additions(&look.french),
            english: additions(&look.english),
        }
    }
}

impl LookJson {
    fn read(self) -> anyhow::Result<Look> {
        let additions = |additions: AdditionsJson| Additions {
            introduction: additions.introduction,
            closing: additions.closing,
        };
        let logo = self.logo.as_deref().map(Logo::from_address).transpose();
        let accent = self.accent.as_deref().map(Colour::parse).transpose();
        Ok(Look {
            logo: logo.context("read the basis: its logo")?,
            accent: accent
                .context("read the basis: its colour")?
                .unwrap_or_default(),
            french: additions(self.french),
            english: additions(self.english),
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CommitmentJson {
    quote: String,
    reference: String,
    from: NaiveText,
    until: Option<NaiveText>,
    zone: String,
    period_assumed: bool,
    /// As the evidence has them.
    terms: Value,
    service_hours: Option<HoursJson>,
    maintenance_hours: Option<HoursJson>,
    trajectory: Vec<(NaiveText, u32)>,
}

impl From<&Commitment> for CommitmentJson {
    fn from(commitment: &Commitment) -> Self {
        let terms = &commitment.terms;
        let hours = match &terms.maintenance {
            Maintenance::Counted => None,
            Maintenance::Excluded(conditions) | Maintenance::Credited(conditions) => {
                conditions.hours.as_ref()
            }
        };
        Self {
            quote: commitment.clause.quote.clone(),
            reference: commitment.clause.reference.clone(),
            from: NaiveText(commitment.from),
            until: commitment.until.map(NaiveText),
            zone: commitment.zone.name().to_owned(),
            period_assumed: match commitment.period {
                PeriodSource::Text => false,
                PeriodSource::Assumption => true,
            },
            terms: terms_json(terms),
            service_hours: terms.service_hours.as_ref().map(HoursJson::from),
            maintenance_hours: hours.map(HoursJson::from),
            trajectory: commitment
                .trajectory
                .iter()
                .map(|(from, step)| (NaiveText(*from), step.parts()))
                .collect(),
        }
    }
}

impl CommitmentJson {
    fn read(self) -> anyhow::Result<Commitment> {
        let terms = read_terms(self.terms)?;
        let allowed = self.maintenance_hours.map(HoursJson::read).transpose()?;
        let with_hours = |conditions| MaintenanceTerms {
            hours: allowed,
            ..conditions
        };
        let steps = self.trajectory.into_iter().map(|(NaiveText(from), parts)| {
            let step = Ppm::new(parts);
            let step =
                step.with_context(|| format!("read the basis: {parts} ppm are no target"))?;
            Ok((from, step))
        });
        Ok(Commitment {
            clause: Clause {
                quote: self.quote,
                reference: self.reference,
            },
            from: self.from.0,
            until: self.until.map(|NaiveText(date)| date),
            zone: parse_zone(&self.zone).context("read the basis")?,
            period: if self.period_assumed {
                PeriodSource::Assumption
            } else {
                PeriodSource::Text
            },
            terms: Terms {
                maintenance: match terms.maintenance {
                    Maintenance::Counted => Maintenance::Counted,
                    Maintenance::Excluded(terms) => Maintenance::Excluded(with_hours(terms)),
                    Maintenance::Credited(terms) => Maintenance::Credited(with_hours(terms)),
                },
                service_hours: self.service_hours.map(HoursJson::read).transpose()?,
                ..terms
            },
            trajectory: steps.collect::<anyhow::Result<_>>()?,
        })
    }
}

/// A civil date, `2025-10-01`.
struct NaiveText(NaiveDate);

impl Serialize for NaiveText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NaiveText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct HoursJson {
    zone: String,
    /// `Mon`, `08:00:00`, `20:00:00`
    ranges: Vec<(String, String, String)>,
}

impl From<&WeeklyHours> for HoursJson {
    fn from(hours: &WeeklyHours) -> Self {
        let range = |range: &DayRange| {
            (
                range.day.to_string(),
                range.from.to_string(),
                range.to.to_string(),
            )
        };
        Self {
            zone: hours.zone.name().to_owned(),
            ranges: hours.ranges.iter().map(range).collect(),
        }
    }
}

impl HoursJson {
    fn read(self) -> anyhow::Result<WeeklyHours> {
        let time = |text: &str| -> anyhow::Result<NaiveTime> {
            text.parse()
                .with_context(|| format!("read the basis: `{text}` is no time of day"))
        };
        let ranges = self.ranges.iter().map(|(day, from, to)| {
            let day: Weekday = day
                .parse()
                .ok()
                .with_context(|| format!("read the basis: `{day}` is no day of the week"))?;
            Ok(DayRange {
                day,
                from: time(from)?,
                to: time(to)?,
            })
        });
        Ok(WeeklyHours {
            zone: parse_zone(&self.zone).context("read the basis")?,
            ranges: ranges.collect::<anyhow::Result<_>>()?,
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct EndpointJson {
    id: String,
    label: String,
    data_provider: Option<String>,
    contractual: bool,
    retired: bool,
    interval_ms: i64,
    timeout_ms: i64,
    validity_ms: i64,
    latency_objective_ms: Option<u32>,
}

impl From<&Endpoint> for EndpointJson {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            label: endpoint.label.clone(),
            data_provider: endpoint.data_provider.clone(),
            contractual: endpoint.contractual,
            retired: endpoint.retired,
            interval_ms: endpoint.interval_ms,
            timeout_ms: endpoint.timeout_ms,
            validity_ms: endpoint.validity_ms,
            latency_objective_ms: endpoint.latency_objective_ms,
        }
    }
}

impl EndpointJson {
    fn read(self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint {
            id: id("endpoint", EndpointId::new, &self.id)?,
            label: self.label,
            data_provider: self.data_provider,
            contractual: self.contractual,
            retired: self.retired,
            // Who asked is in the evidence itself.
            vantages: Vec::new(),
            probe: not_kept(),
            confirmation: None,
            interval_ms: self.interval_ms,
            timeout_ms: self.timeout_ms,
            validity_ms: self.validity_ms,
            latency_objective_ms: self.latency_objective_ms,
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MaintenanceJson {
    reason: String,
    endpoint: Option<String>,
    declared: Option<String>,
    once: Option<(String, String)>,
    weekly: Option<HoursJson>,
}

impl From<&PlannedMaintenance> for MaintenanceJson {
    fn from(planned: &PlannedMaintenance) -> Self {
        let (once, weekly) = match &planned.when {
            Recurrence::Once(window) => (Some(window_json(*window)), None),
            Recurrence::Weekly(hours) => (None, Some(HoursJson::from(hours))),
        };
        Self {
            reason: planned.reason.clone(),
            endpoint: planned.endpoint.as_ref().map(ToString::to_string),
            declared: planned.declared.map(text),
            once,
            weekly,
        }
    }
}

impl MaintenanceJson {
    fn read(self) -> anyhow::Result<PlannedMaintenance> {
        let endpoint = self.endpoint.as_deref();
        Ok(PlannedMaintenance {
            reason: self.reason,
            endpoint: endpoint
                .map(|endpoint| id("endpoint", EndpointId::new, endpoint))
                .transpose()?,
            declared: self.declared.as_deref().map(instant).transpose()?,
            when: match (self.once, self.weekly) {
                (Some(once), None) => Recurrence::Once(read_window(&once)?),
                (None, Some(hours)) => Recurrence::Weekly(hours.read()?),
                (Some(_), Some(_)) | (None, None) => {
                    anyhow::bail!("read the basis: planned work takes place once or weekly")
                }
            },
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ImprovementJson {
    what: String,
    progress: String,
    date: Option<NaiveText>,
}

impl From<&Improvement> for ImprovementJson {
    fn from(improvement: &Improvement) -> Self {
        Self {
            what: improvement.what.clone(),
            progress: match improvement.progress {
                Progress::Planned => "planned".to_owned(),
                Progress::Engaged => "engaged".to_owned(),
                Progress::Done => "done".to_owned(),
            },
            date: improvement.date.map(NaiveText),
        }
    }
}

impl ImprovementJson {
    fn read(self) -> anyhow::Result<Improvement> {
        Ok(Improvement {
            what: self.what,
            progress: match self.progress.as_str() {
                "planned" => Progress::Planned,
                "engaged" => Progress::Engaged,
                "done" => Progress::Done,
                other => anyhow::bail!("read the basis: `{other}` is no progress of an action"),
            },
            date: self.date.map(|NaiveText(date)| date),
        })
    }
}

fn window_json(window: Window) -> (String, String) {
    (text(window.start()), text(window.end()))
}

fn read_window((start, end): &(String, String)) -> anyhow::Result<Window> {
    Window::new(instant(start)?, instant(end)?).context("read the basis")
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SeenFromJson {
    endpoint: String,
    vantages: Vec<(String, Option<(String, String)>)>,
}

impl From<&SeenFrom> for SeenFromJson {
    fn from((endpoint, vantages): &SeenFrom) -> Self {
        Self {
            endpoint: endpoint.to_string(),
            vantages: vantages
                .iter()
                .map(|(vantage, present)| (vantage.to_string(), present.map(window_json)))
                .collect(),
        }
    }
}

impl SeenFromJson {
    fn read(self) -> anyhow::Result<SeenFrom> {
        let vantages = self.vantages.iter().map(|(vantage, present)| {
            let vantage = id("vantage", VantageId::new, vantage)?;
            Ok((vantage, present.as_ref().map(read_window).transpose()?))
        });
        Ok((
            id("endpoint", EndpointId::new, &self.endpoint)?,
            vantages.collect::<anyhow::Result<_>>()?,
        ))
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MembershipJson {
    windows: Vec<(String, String)>,
    revoked: Option<String>,
}

impl From<&Membership> for MembershipJson {
    fn from(membership: &Membership) -> Self {
        Self {
            windows: membership
                .windows
                .iter()
                .copied()
                .map(window_json)
                .collect(),
            revoked: membership.revoked.map(text),
        }
    }
}

impl MembershipJson {
    fn read(self, service: &ServiceId) -> anyhow::Result<Membership> {
        let windows: anyhow::Result<Windows> = self.windows.iter().map(read_window).collect();
        Ok(Membership {
            service: service.clone(),
            windows: windows?,
            revoked: self.revoked.as_deref().map(instant).transpose()?,
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RequestJson {
    kind: String,
    window: (String, String),
    declared: Option<String>,
    accepted: bool,
    reason: String,
    /// Its number and its author; absent: announced in the configuration.
    declaration: Option<(u32, String)>,
}

impl From<&Request> for RequestJson {
    fn from(request: &Request) -> Self {
        let exclusion = &request.exclusion;
        Self {
            kind: exclusion.kind.code().to_owned(),
            window: window_json(exclusion.window),
            declared: exclusion.declared.map(text),
            accepted: exclusion.acceptance == Acceptance::Accepted,
            reason: exclusion.reason.clone(),
            declaration: request
                .declared
                .as_ref()
                .map(|declared| (declared.id.0, declared.author.clone())),
        }
    }
}

impl RequestJson {
    fn read(self) -> anyhow::Result<Request> {
        let kind = ExclusionKind::from_code(&self.kind);
        Ok(Request {
            exclusion: Exclusion {
                kind: kind.with_context(|| {
                    format!("read the basis: `{}` is no kind of exclusion", self.kind)
                })?,
                window: read_window(&self.window)?,
                declared: self.declared.as_deref().map(instant).transpose()?,
                // What was refused is not kept: it never acts.
                acceptance: if self.accepted {
                    Acceptance::Accepted
                } else {
                    Acceptance::Pending
                },
                reason: self.reason,
            },
            declared: self.declaration.map(|(id, author)| Declared {
                id: DeclarationId(id),
                author,
            }),
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct UsageJson {
    n_calls: u64,
    n_successes: u64,
    source: String,
}

impl From<&Usage> for UsageJson {
    fn from(usage: &Usage) -> Self {
        Self {
            n_calls: usage.n_calls,
            n_successes: usage.n_successes,
            source: usage.source.clone(),
        }
    }
}

impl UsageJson {
    fn read(self) -> Usage {
        Usage {
            n_calls: self.n_calls,
            n_successes: self.n_successes,
            source: self.source,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CauseJson {
    window: (String, String),
    french: String,
    english: Option<String>,
    attribution: String,
    by: String,
    said: String,
}

impl From<&StatedCause> for CauseJson {
    fn from(cause: &StatedCause) -> Self {
        Self {
            window: window_json(cause.window),
            french: cause.french.clone(),
            english: cause.english.clone(),
            attribution: cause.attribution.code().to_owned(),
            by: cause.by.clone(),
            said: text(cause.said),
        }
    }
}

impl CauseJson {
    fn read(self) -> anyhow::Result<StatedCause> {
        let attribution = Attribution::from_code(&self.attribution);
        Ok(StatedCause {
            window: read_window(&self.window)?,
            french: self.french,
            english: self.english,
            attribution: attribution.with_context(|| {
                format!("read the basis: `{}` is no attribution", self.attribution)
            })?,
            by: self.by,
            said: instant(&self.said)?,
        })
    }
}
