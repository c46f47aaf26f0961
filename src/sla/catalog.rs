//! Who and what: partners, services, endpoints, vantages, and what binds them.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::commitment::Commitment;
use super::window::{Timestamp, WeeklyHours, Window, Windows};

mod http;
mod line;
mod record;

pub use http::{
    Authentication, ClientCertificate, ClientCredentials, Family, HttpProbe, HttpVersion,
    JsonState, Proxy, ProxyKind, Route, Statuses, Url,
};
pub use line::{DnsProbe, IcmpProbe, Rcode, RecordType, StartTls, TcpProbe, TlsProbe, TlsTerms};
pub use record::{DnsRecord, DomainName};

/// Declares a type of names that cannot be mixed up with another.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// An id of 1 to 200 bytes without control characters.
            pub fn new(text: &str) -> Option<Self> {
                let fits = !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
                fits.then(|| Self(text.into()))
            }

            /// The id as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// Names a [`Partner`].
    PartnerId
);
id!(
    /// Names a [`Service`].
    ServiceId
);
id!(
    /// Names an [`Endpoint`]; unique over all services.
    EndpointId
);
id!(
    /// Names a place we ask from.
    VantageId
);

impl VantageId {
    /// What the names of vantages begin with that stand for another tool, and no other's.
    pub const IMPORT_PREFIX: &'static str = "import-";

    /// Whether it stands for another tool, whose observations were imported.
    pub fn is_import(&self) -> bool {
        self.0.starts_with(Self::IMPORT_PREFIX)
    }
}

/// Everything that is watched and promised, after checking: ids are unique, references resolve.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Who answers for the services.
    pub provider: Provider,
    /// In the order of the configuration.
    pub services: Vec<Service>,
    /// In the order of the configuration.
    pub partners: Vec<Partner>,
}

/// Who answers for the services, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Full name.
    pub name: String,
    /// A mailbox that people read.
    pub contact: String,
    /// Who processes personal data, and whom to write to about it.
    pub data_protection_contact: Option<String>,
}

/// What was promised, as the convention names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Its name, as partners know it.
    pub name: String,
    /// In the order of the configuration; shared by whoever works with them.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Versions of the promise, by date; at most one is in force on any day.
    pub commitments: Vec<Commitment>,
    /// Announced work.
    pub maintenances: Vec<PlannedMaintenance>,
    /// What is done to make it better, in the order of the configuration.
    pub improvements: Vec<Improvement>,
}

/// An action to improve a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Improvement {
    /// What is done: a sentence.
    pub what: String,
    /// How far it is.
    pub progress: Progress,
    /// Since when it is so far, or when it is planned for, if that is known.
    pub date: Option<NaiveDate>,
}

/// How far an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Decided, not begun.
    Planned,
    /// Begun.
    Engaged,
    /// Finished.
    Done,
}

/// Work that was announced, once or week by week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMaintenance {
    /// What is done.
    pub reason: String,
    /// The endpoint concerned; absent: the whole service.
    pub endpoint: Option<EndpointId>,
    /// When it was announced, if known.
    pub declared: Option<Timestamp>,
    /// When it takes place.
    pub when: Recurrence,
}

/// When planned work takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recurrence {
    /// Every week, at these hours (every day: all seven).
    Weekly(WeeklyHours),
    /// Once.
    Once(Window),
}

impl Recurrence {
    /// When it takes place within `window`.
    pub fn within(&self, window: Window) -> Windows {
        match self {
            Self::Weekly(hours) => hours.within(window),
            Self::Once(once) => once.intersection(&window).into_iter().collect(),
        }
    }
}

impl Service {
    /// The version of the commitment in force on `date`.
    pub fn commitment_on(&self, date: NaiveDate) -> Option<&Commitment> {
        self.commitments
            .iter()
            .find(|commitment| commitment.in_force_on(date))
    }

    /// The endpoints that count for the commitment.
    pub fn contractual(&self) -> impl Iterator<Item = &Endpoint> {
        let all = self.endpoints.iter().map(Arc::as_ref);
        all.filter(|endpoint| endpoint.contractual)
    }

    /// The zone of its months: that of its latest commitment.
    pub fn zone(&self) -> Tz {
        self.commitments
            .last()
            .map_or(Tz::Europe__Paris, |commitment| commitment.zone)
    }
}

impl Catalog {
    /// The service of this id.
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services
            .iter()
            .find(|service| service.id.as_str() == id)
    }

    /// The partner of this id.
    pub fn partner(&self, id: &str) -> Option<&Partner> {
        self.partners
            .iter()
            .find(|partner| partner.id.as_str() == id)
    }

    /// The endpoint of this id, with its service.
    pub fn endpoint(&self, id: &str) -> Option<(&Service, &Endpoint)> {
        self.endpoints()
            .map(|(service, endpoint)| (service, endpoint.as_ref()))
            .find(|(_, endpoint)| endpoint.id.as_str() == id)
    }

    /// Every endpoint, with its service.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Service, &Arc<Endpoint>)> {
        self.services.iter().flat_map(|service| {
            service
                .endpoints
                .iter()
                .map(move |endpoint| (service, endpoint))
        })
    }
}

/// One thing we can ask over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its name, as reports show it.
    pub label: String,
    /// Who stands behind it, if not the service itself (`CNAF`, `France Travail`).
    pub data_provider: Option<String>,
    /// Whether it counts for the commitment, or is shown for information.
    pub contractual: bool,
    /// Whether it was withdrawn: no longer probed, still named.
    pub retired: bool,
    /// The vantages it is asked from; empty: from all.
    pub vantages: Vec<VantageId>,
    /// How to ask.
    pub probe: Probe,
    /// How often, in milliseconds.
    pub interval_ms: i64,
    /// How long to wait for the whole answer, in milliseconds.
    pub timeout_ms: i64,
    /// How long one observation speaks for the state, in milliseconds. Default: 2.5 intervals and
    /// one timeout, so that one lost observation is tolerated (rule 5).
    pub validity_ms: i64,
    /// Slower correct answers are Degraded, in milliseconds.
    pub latency_objective_ms: Option<u32>,
    /// How it is asked again after the first failure of a run; absent: with its next tick.
    pub confirmation: Option<ConfirmationProbes>,
}

impl Endpoint {
    /// Whether `vantage` asks it.
    pub fn is_asked_from(&self, vantage: &VantageId) -> bool {
        !self.retired && (self.vantages.is_empty() || self.vantages.contains(vantage))
    }
}

/// Probes beside the regular ones that confirm or refute a failure. Each is an observation of its
/// own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmationProbes {
    /// From the failure to the first, and from one to the next, in milliseconds; longer than the
    /// timeout.
    pub interval_ms: i64,
    /// How many at most; those that would come too close to the next regular one are left out.
    pub probes: NonZeroU32,
}

/// How to ask an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// An HTTP or HTTPS request; shared, because what is made ready for it refers to it.
    Http(Arc<HttpProbe>),
    /// A TCP connection, and what is said on it.
    Tcp(TcpProbe),
    /// A TLS handshake.
    Tls(TlsProbe),
    /// A question to a name server.
    Dns(DnsProbe),
    /// An ICMP echo.
    Icmp(IcmpProbe),
}

impl From<HttpProbe> for Probe {
    fn from(probe: HttpProbe) -> Self {
        Self::Http(Arc::new(probe))
    }
}

/// What is asked, in a few words: `GET https://api.example/ping`, `tcp mail.example:25`.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(probe) => write!(f, "{} {}", probe.method, probe.url),
            Self::Tcp(probe) => probe.fmt(f),
            Self::Tls(probe) => probe.fmt(f),
            Self::Dns(probe) => probe.fmt(f),
            Self::Icmp(probe) => probe.fmt(f),
        }
    }
}

/// A text that is written in the configuration, or a secret that only has its place there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// As written.
    Plain(String),
    /// Read when it is needed; never shown.
    Secret(SecretPlace),
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// The content of a file, without its last line end.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// A host, and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address (IPv6 without brackets).
    pub host: String,
    /// Where it listens.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The body a statement is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// Its id.
    pub id: PartnerId,
    /// Its name, as letters address it.
    pub name: String,
    /// What kind of body (`commune`, `département`), if told.
    pub kind: Option<String>,
    /// The language of its reports.
    pub language: Language,
    /// Mailboxes.
    pub contacts: Vec<String>,
    /// To which services, and when, it is connected.
    pub memberships: Vec<Membership>,
}

/// When a partner is connected to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// To which service.
    pub service: ServiceId,
    /// Join, leave, rejoin.
    pub windows: Windows,
    /// When the provider last ended it, if it did; otherwise it ended on the partner's notice.
    pub revoked: Option<Timestamp>,
}

/// The language a partner reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Français.
    French,
    /// English.
    English,
}
