//! What a statement was settled from beside the observations, as it is kept with the statement.
//!
//! The configuration is edited as time goes by; what was said of a closed month must not follow.
//! So each statement keeps the promise, the endpoints, the membership, the requests, the names that
//! its report shows and how it looks, in two documents: one that the partners of a service share,
//! and one of its own. How endpoints were asked, where secrets are and whom letters went to is not in them.

mod shape;

use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;

use self::shape::{
    CauseJson, CommitmentJson, EndpointJson, ImprovementJson, LookJson, MaintenanceJson,
    MembershipJson, OwnJson, ProviderJson, RequestJson, SeenFromJson, SharedJson, UsageJson, id,
    instant, not_kept, text,
};
use super::load::Request;
use crate::config::Config;
use crate::report::{Look, Usage};
use crate::sla::catalog::{
    Endpoint, EndpointId, Language, Partner, PartnerId, Provider, Service, ServiceId, VantageId,
};
use crate::sla::cause::StatedCause;
use crate::sla::statement::EndpointEvidence;
use crate::sla::window::{Month, Timestamp, Window};

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

fn to_json(document: &impl Serialize) -> Vec<u8> {
    // Structs of numbers and texts always serialise.
    serde_json::to_vec(document).unwrap_or_default()
}
