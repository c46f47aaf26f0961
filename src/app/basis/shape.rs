//! The documents of a basis as they are written, and back again.

use anyhow::Context as _;
use chrono::{NaiveDate, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SeenFrom;
use crate::app::load::{Declared, Request};
use crate::exchange::{read_terms, terms_json};
use crate::report::{Additions, Colour, Logo, Look, Usage};
use crate::sla::catalog::{
    Endpoint, EndpointId, HttpProbe, Improvement, Membership, PlannedMaintenance, Probe, Progress,
    Provider, Recurrence, ServiceId, Url, VantageId,
};
use crate::sla::cause::{Attribution, StatedCause};
use crate::sla::commitment::{
    Clause, Commitment, Maintenance, MaintenanceTerms, PeriodSource, Ppm, Terms,
};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use crate::sla::window::{DayRange, Timestamp, WeeklyHours, Window, Windows, parse_zone};
use crate::store::DeclarationId;

/// Stands for how an endpoint was asked: no figure and no report depends on it.
pub(super) fn not_kept() -> Probe {
    Probe::from(HttpProbe::get(Url {
        tls: true,
        host: String::new(),
        port: 443,
        path: "/".to_owned(),
    }))
}

pub(super) fn text(at: Timestamp) -> String {
    at.to_string()
}

pub(super) fn instant(text: &str) -> anyhow::Result<Timestamp> {
    text.parse()
        .with_context(|| format!("read the basis: `{text}` is no instant"))
}

pub(super) fn id<T>(what: &str, read: fn(&str) -> Option<T>, text: &str) -> anyhow::Result<T> {
    read(text).with_context(|| format!("read the basis: `{text}` is no id of a {what}"))
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SharedJson {
    pub(super) format: String,
    pub(super) provider: ProviderJson,
    #[serde(default)]
    pub(super) look: LookJson,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) commitment: CommitmentJson,
    pub(super) endpoints: Vec<EndpointJson>,
    pub(super) maintenances: Vec<MaintenanceJson>,
    pub(super) improvements: Vec<ImprovementJson>,
    pub(super) measured_since: Option<String>,
    pub(super) seen_from: Vec<SeenFromJson>,
    #[serde(default)]
    pub(super) causes: Vec<CauseJson>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnJson {
    pub(super) format: String,
    pub(super) partner: String,
    pub(super) name: String,
    pub(super) kind: Option<String>,
    pub(super) language: String,
    pub(super) memberships: Vec<MembershipJson>,
    pub(super) requests: Vec<RequestJson>,
    pub(super) usage: Option<UsageJson>,
    pub(super) earlier: Vec<(String, u32)>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderJson {
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
    pub(super) fn read(self) -> Provider {
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
pub(super) struct LookJson {
    /// The address of a picture that carries it: `data:image/png;base64,…`.
    logo: Option<String>,
    accent: Option<String>,
    french: AdditionsJson,
    english: AdditionsJson,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdditionsJson {
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
    pub(super) fn read(self) -> anyhow::Result<Look> {
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
pub(super) struct CommitmentJson {
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
    pub(super) fn read(self) -> anyhow::Result<Commitment> {
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
pub(super) struct NaiveText(NaiveDate);

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
pub(super) struct HoursJson {
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
    pub(super) fn read(self) -> anyhow::Result<WeeklyHours> {
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
pub(super) struct EndpointJson {
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
    pub(super) fn read(self) -> anyhow::Result<Endpoint> {
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
pub(super) struct MaintenanceJson {
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
    pub(super) fn read(self) -> anyhow::Result<PlannedMaintenance> {
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
pub(super) struct ImprovementJson {
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
    pub(super) fn read(self) -> anyhow::Result<Improvement> {
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

pub(super) fn window_json(window: Window) -> (String, String) {
    (text(window.start()), text(window.end()))
}

pub(super) fn read_window((start, end): &(String, String)) -> anyhow::Result<Window> {
    Window::new(instant(start)?, instant(end)?).context("read the basis")
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeenFromJson {
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
    pub(super) fn read(self) -> anyhow::Result<SeenFrom> {
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
pub(super) struct MembershipJson {
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
    pub(super) fn read(self, service: &ServiceId) -> anyhow::Result<Membership> {
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
pub(super) struct RequestJson {
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
    pub(super) fn read(self) -> anyhow::Result<Request> {
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
pub(super) struct UsageJson {
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
    pub(super) fn read(self) -> Usage {
        Usage {
            n_calls: self.n_calls,
            n_successes: self.n_successes,
            source: self.source,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CauseJson {
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
    pub(super) fn read(self) -> anyhow::Result<StatedCause> {
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
