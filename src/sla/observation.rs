//! What was seen: one [`Observation`] per probe, written once and never judged here.
//!
//! The probe records facts; only the commitment judges. "Answered in nine seconds" is kept as
//! such, and whether that is degraded is decided when a timeline is built.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::catalog::{EndpointId, VantageId};
use super::condensed::{Condensed, Unbroken};
use super::explanation::{Explanation, Hop};
use super::window::{Timestamp, Window};

/// What one probe saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// The planned instant of asking, on the endpoint's grid.
    pub tick: Timestamp,
    /// The instant the observation speaks from: when we asked, or when the service says that it
    /// looked.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// The observations of one vantage in order of time; those of one instant in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence<'a> {
    observations: Cow<'a, [Observation]>,
    /// See [`Condensed`]; nothing where every observation is there.
    unbroken: &'a [Unbroken],
}

impl<'a> Sequence<'a> {
    /// `observations`, put in order if they are not.
    pub fn new(observations: &'a [Observation]) -> Self {
        let mut ordered = Cow::Borrowed(observations);
        if !observations.is_sorted_by_key(|observation| observation.at) {
            ordered.to_mut().sort_by_key(|observation| observation.at);
        }
        Self {
            observations: ordered,
            unbroken: &[],
        }
    }

    /// What `condensed` stands for.
    pub fn condensed(condensed: &'a Condensed) -> Self {
        Self {
            observations: Cow::Borrowed(condensed.observations()),
            unbroken: condensed.unbroken(),
        }
    }

    /// The stretches between the observations in which all was good, in order.
    pub fn unbroken(&self) -> &[Unbroken] {
        self.unbroken
    }

    /// The observations, in order.
    pub fn as_slice(&self) -> &[Observation] {
        &self.observations
    }

    /// From the first instant to that at which the last observation falls silent; none if nothing
    /// was seen.
    pub fn reach(&self, validity_ms: i64) -> Option<Window> {
        let (first, last) = (self.observations.first()?, self.observations.last()?);
        Window::between(first.at, last.at.plus_ms(validity_ms))
    }

    /// What was seen before `at`.
    pub fn before(&self, at: Timestamp) -> Sequence<'_> {
        let before = self.observations.get(..self.index(at));
        Sequence {
            observations: Cow::Borrowed(before.unwrap_or_default()),
            unbroken: self.unbroken,
        }
    }

    /// The failures, in order of time.
    pub fn failures(&self) -> impl Iterator<Item = (Timestamp, Fault)> {
        self.observations
            .iter()
            .filter_map(|observation| match observation.outcome {
                Outcome::Failed(fault) => Some((observation.at, fault)),
                Outcome::Answered { .. } | Outcome::Void(_) => None,
            })
    }

    /// How many were seen before `at`.
    fn index(&self, at: Timestamp) -> usize {
        self.observations
            .partition_point(|observation| observation.at < at)
    }
}

/// What came of asking once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The answer was as expected.
    Answered {
        /// From the first step (resolving the name) to the last byte, in microseconds; a multiple
        /// of 100, begun ones counting in full. 0: not known (imported evidence).
        latency_us: u32,
        /// The service itself said that it works only in part.
        partial: bool,
    },
    /// No answer, or not the expected one.
    Failed(Fault),
    /// We could not ask, or the answer says nothing about the service.
    Void(Void),
}

/// Why a probe failed, by the stage it had reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The name has no address.
    Dns,
    /// No connection: refused, unreachable, reset.
    Connect,
    /// The time allowed ran out in this stage.
    Timeout(Stage),
    /// The TLS handshake failed.
    Tls(TlsFault),
    /// The connection broke, or what came is not the protocol.
    Io(Stage),
    /// An unexpected status.
    Status(u16),
    /// Too many redirects, or one that leads to nowhere.
    Redirect,
    /// Redirects that lead in a circle.
    RedirectLoop,
    /// The expected status, but an assertion about the answer does not hold.
    Content,
    /// A body larger than allowed.
    TooLarge,
    /// The service said that it is under maintenance.
    Maintenance,
    /// A failure that came to us without its cause (imported evidence).
    Unspecified,
}

/// A step of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Getting a token from the authorization server, where there was none at hand.
    Auth,
    /// From a name to addresses.
    Resolve,
    /// The transport connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Sending the request.
    Write,
    /// From the request's last byte to the response's head.
    Processing,
    /// The response's body.
    Transfer,
}

/// Why a TLS handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsFault {
    /// The certificate's validity is over.
    Expired,
    /// The certificate's validity has not begun.
    NotYetValid,
    /// The certificate is for another name.
    WrongHost,
    /// Nobody but itself signed it.
    SelfSigned,
    /// No trusted authority signed it.
    UnknownAuthority,
    /// The server speaks only versions of TLS that are no longer safe (before 1.2).
    WeakProtocol,
    /// The server wants a certificate of ours that it trusts.
    ClientCertificate,
    /// The server broke the handshake off with an alert.
    Refused,
    /// Anything else: what came is not TLS, ciphers, signature, revocation.
    Handshake,
}

/// Why an observation says nothing about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Void {
    /// Our own resolver failed.
    Resolver,
    /// Our own network failed.
    Uplink,
    /// Our own clock cannot be trusted.
    Clock,
    /// The service answered that our credentials, rights or parameters are wrong.
    Credential(u16),
    /// The server refused our certificate in the TLS handshake.
    Certificate,
    /// The authorization server gave us no token to ask with.
    Token,
    /// The service answered that we ask too often.
    RateLimited,
    /// The service answered that it does not know its own state.
    StatedUnknown,
    /// The probe could not be carried out.
    NotExecuted,
}

impl Stage {
    /// Every stage, in the order a probe goes through them.
    pub const ALL: [Self; 7] = [
        Self::Auth,
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Write,
        Self::Processing,
        Self::Transfer,
    ];

    /// Its stable name in stores, metrics and files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Write => "write",
            Self::Processing => "processing",
            Self::Transfer => "transfer",
        }
    }

    /// The one that [`code`](Self::code) names so.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.code() == code)
    }
}

impl TlsFault {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongHost,
        Self::SelfSigned,
        Self::UnknownAuthority,
        Self::WeakProtocol,
        Self::ClientCertificate,
        Self::Refused,
        Self::Handshake,
    ];

    /// Its stable name in stores, metrics and files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongHost => "wrong_host",
            Self::SelfSigned => "self_signed",
            Self::UnknownAuthority => "unknown_authority",
            Self::WeakProtocol => "weak_protocol",
            Self::ClientCertificate => "client_certificate",
            Self::Refused => "refused",
            Self::Handshake => "handshake",
        }
    }

    /// The one that [`code`](Self::code) names so.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }
}

impl Fault {
    /// The stage in which the probe failed.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Dns => Stage::Resolve,
            Self::Connect => Stage::Connect,
            Self::Timeout(stage) | Self::Io(stage) => stage,
            Self::Tls(_) => Stage::Tls,
            Self::Status(_) | Self::Redirect | Self::RedirectLoop | Self::Unspecified => {
                Stage::Processing
            }
            Self::Content | Self::TooLarge | Self::Maintenance => Stage::Transfer,
        }
    }

    /// The fault without its details: a bounded set, for metrics and tables.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Timeout(_) => "timeout",
            Self::Tls(_) => "tls",
            Self::Io(_) => "io",
            Self::Status(_) => "status",
            Self::Redirect => "redirect",
            Self::RedirectLoop => "redirect_loop",
            Self::Content => "content",
            Self::TooLarge => "too_large",
            Self::Maintenance => "maintenance",
            Self::Unspecified => "unspecified",
        }
    }

    /// The fault that [`Display`](fmt::Display) wrote so.
    pub fn from_code(code: &str) -> Option<Self> {
        let (kind, detail) = code.split_once(':').unwrap_or((code, ""));
        Some(match (kind, detail) {
            ("dns", "") => Self::Dns,
            ("connect", "") => Self::Connect,
            ("timeout", stage) => Self::Timeout(Stage::from_code(stage)?),
            ("tls", fault) => Self::Tls(TlsFault::from_code(fault)?),
            ("io", stage) => Self::Io(Stage::from_code(stage)?),
            ("status", status) => Self::Status(status.parse().ok()?),
            ("redirect", "") => Self::Redirect,
            ("redirect_loop", "") => Self::RedirectLoop,
            ("content", "") => Self::Content,
            ("too_large", "") => Self::TooLarge,
            ("maintenance", "") => Self::Maintenance,
            ("unspecified", "") => Self::Unspecified,
            _ => return None,
        })
    }
}

/// The stable code: `dns`, `timeout:connect`, `tls:expired`, `status:502`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Timeout(stage) | Self::Io(stage) => write!(f, ":{}", stage.code()),
            Self::Tls(fault) => write!(f, ":{}", fault.code()),
            Self::Status(status) => write!(f, ":{status}"),
            Self::Dns
            | Self::Connect
            | Self::Redirect
            | Self::RedirectLoop
            | Self::Content
            | Self::TooLarge
            | Self::Maintenance
            | Self::Unspecified => Ok(()),
        }
    }
}

impl Void {
    /// The reason without its details: a bounded set, for metrics and tables.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Resolver => "resolver",
            Self::Uplink => "uplink",
            Self::Clock => "clock",
            Self::Credential(_) | Self::Certificate => "credential",
            Self::Token => "token",
            Self::RateLimited => "rate_limited",
            Self::StatedUnknown => "stated_unknown",
            Self::NotExecuted => "not_executed",
        }
    }

    /// The reason that [`Display`](fmt::Display) wrote so.
    pub fn from_code(code: &str) -> Option<Self> {
        let (kind, detail) = code.split_once(':').unwrap_or((code, ""));
        Some(match (kind, detail) {
            ("resolver", "") => Self::Resolver,
            ("uplink", "") => Self::Uplink,
            ("clock", "") => Self::Clock,
            ("credential", "certificate") => Self::Certificate,
            ("credential", status) => Self::Credential(status.parse().ok()?),
            ("token", "") => Self::Token,
            ("rate_limited", "") => Self::RateLimited,
            ("stated_unknown", "") => Self::StatedUnknown,
            ("not_executed", "") => Self::NotExecuted,
            _ => return None,
        })
    }
}

/// The stable code: `uplink`, `credential:401`, `credential:certificate`.
impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Credential(status) => write!(f, ":{status}"),
            Self::Certificate => f.write_str(":certificate"),
            Self::Resolver
            | Self::Uplink
            | Self::Clock
            | Self::Token
            | Self::RateLimited
            | Self::StatedUnknown
            | Self::NotExecuted => Ok(()),
        }
    }
}

/// Why a tick passed without a probe. Its time is silence, and so Unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MissCause {
    /// The program ran, but nobody asked in time: the machine slept, its clock leapt ahead, or
    /// the program was held up.
    Suspended,
    /// The program did not run.
    NotRunning,
    /// The endpoint's previous probe was still under way, or as many others as may be at once.
    Overrun,
}

impl MissCause {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Suspended, Self::NotRunning, Self::Overrun];

    /// Its stable name in metrics and files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::NotRunning => "not_running",
            Self::Overrun => "overrun",
        }
    }
}

/// One probe as it is handed on: to the store, then to the board and the metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which endpoint was asked.
    pub endpoint: EndpointId,
    /// From where.
    pub vantage: VantageId,
    /// The fact.
    pub observation: Observation,
    /// What people want to know about it.
    pub trace: Trace,
}

/// What else a probe saw: for people who ask why, never for judging.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// How long each stage took, over all redirects.
    pub phases: Phases,
    /// The address we connected to, the last one after redirects.
    pub address: Option<SocketAddr>,
    /// The status that was answered.
    pub status: Option<u16>,
    /// The service's own error code, if it gave one (`35000`).
    pub cause: Option<String>,
    /// Why, in one sentence for ops, without secrets; empty for an expected answer.
    pub message: String,
    /// When the presented leaf certificate ends.
    pub certificate_not_after: Option<Timestamp>,
    /// When the first of all presented certificates ends, also of those that nobody needs.
    pub chain_not_after: Option<Timestamp>,
    /// When the first of the certificates ends that lead from the leaf to a trusted authority;
    /// absent where none does.
    pub verified_not_after: Option<Timestamp>,
    /// How long the service asked us to leave it alone (`Retry-After`), in milliseconds; at most a
    /// day.
    pub retry_after_ms: Option<i64>,
    /// The tick of the failure that this probe was to confirm, if it was asked for that.
    pub confirms: Option<Timestamp>,
    /// Everything that was seen; absent where nothing was asked, and of a failure that was kept in
    /// short only.
    pub explanation: Option<Arc<Explanation>>,
}

impl Trace {
    /// Everything that was seen; of what was kept in short, the connection that it ended with.
    pub fn explained(&self) -> Cow<'_, Explanation> {
        if let Some(explanation) = &self.explanation {
            return Cow::Borrowed(explanation);
        }
        let was_asked = self.address.is_some() || self.phases != Phases::default();
        let hop = was_asked.then(|| Hop {
            address: self.address,
            status: self.status,
            phases: self.phases,
            ..Hop::default()
        });
        Cow::Owned(Explanation {
            hops: hop.into_iter().collect(),
            duration_us: u32::try_from(self.phases.total_us()).unwrap_or(u32::MAX),
            ..Explanation::default()
        })
    }
}

/// How long each stage took, in microseconds; a stage that was not reached is absent, the one
/// that failed carries its elapsed time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// See [`Stage::Auth`].
    pub auth_us: Option<u32>,
    /// See [`Stage::Resolve`].
    pub resolve_us: Option<u32>,
    /// See [`Stage::Connect`].
    pub connect_us: Option<u32>,
    /// See [`Stage::Tls`].
    pub tls_us: Option<u32>,
    /// See [`Stage::Write`].
    pub write_us: Option<u32>,
    /// See [`Stage::Processing`].
    pub processing_us: Option<u32>,
    /// See [`Stage::Transfer`].
    pub transfer_us: Option<u32>,
}

impl Phases {
    /// The time of one stage.
    pub fn of(&self, stage: Stage) -> Option<u32> {
        match stage {
            Stage::Auth => self.auth_us,
            Stage::Resolve => self.resolve_us,
            Stage::Connect => self.connect_us,
            Stage::Tls => self.tls_us,
            Stage::Write => self.write_us,
            Stage::Processing => self.processing_us,
            Stage::Transfer => self.transfer_us,
        }
    }

    /// The time of all stages together.
    pub fn total_us(&self) -> u64 {
        let reached = Stage::ALL.into_iter().filter_map(|stage| self.of(stage));
        reached.map(u64::from).sum()
    }

    /// The time of one stage, to be set.
    pub fn of_mut(&mut self, stage: Stage) -> &mut Option<u32> {
        match stage {
            Stage::Auth => &mut self.auth_us,
            Stage::Resolve => &mut self.resolve_us,
            Stage::Connect => &mut self.connect_us,
            Stage::Tls => &mut self.tls_us,
            Stage::Write => &mut self.write_us,
            Stage::Processing => &mut self.processing_us,
            Stage::Transfer => &mut self.transfer_us,
        }
    }
}
