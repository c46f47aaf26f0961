//! What was seen: one [`Observation`] per probe, written once and never judged here.
//!
//! The probe records facts; only the commitment judges. "Answered in nine seconds" is kept as
//! such, and whether that is degraded is decided when a timeline is built.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use super::catalog::{EndpointId, VantageId};
use super::condensed::{Condensed, Unbroken};
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

    /// The first failure seen in `window`; of several at one instant, the first in the order of
    /// faults.
    pub fn first_failure_in(&self, window: Window) -> Option<(Timestamp, Fault)> {
        let inside = self.observations.iter().skip(self.index(window.start()));
        let mut failures = inside
            .take_while(|observation| window.contains(observation.at))
            .filter_map(|observation| match observation.outcome {
                Outcome::Failed(fault) => Some((observation.at, fault)),
                Outcome::Answered { .. } | Outcome::Void(_) => None,
            });
        let first = failures.next()?;
        failures
            .take_while(|(at, _)| *at == first.0)
            .chain([first])
            .min()
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
    /// Redirects in a circle, too many of them, or to nowhere.
    Redirect,
    /// The expected status with unexpected content.
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
    /// From a name to addresses.
    Resolve,
    /// The transport connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From the request to the response's head.
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
    /// No trusted authority signed it.
    UnknownAuthority,
    /// Anything else: protocol, ciphers, signature, revocation.
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
    /// The service answered that we ask too often.
    RateLimited,
    /// The service answered that it does not know its own state.
    StatedUnknown,
    /// The probe could not be carried out.
    NotExecuted,
}

impl Stage {
    /// Every stage, in the order a probe goes through them.
    pub const ALL: [Self; 5] = [
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Processing,
        Self::Transfer,
    ];

    /// Its stable name in stores, metrics and files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Processing => "processing",
            Self::Transfer => "transfer",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.code() == code)
    }
}

impl TlsFault {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongHost,
        Self::UnknownAuthority,
        Self::Handshake,
    ];

    /// Its stable name in stores, metrics and files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongHost => "wrong_host",
            Self::UnknownAuthority => "unknown_authority",
            Self::Handshake => "handshake",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
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
            Self::Status(_) | Self::Redirect | Self::Unspecified => Stage::Processing,
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
            Self::Credential(_) => "credential",
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
            ("credential", status) => Self::Credential(status.parse().ok()?),
            ("rate_limited", "") => Self::RateLimited,
            ("stated_unknown", "") => Self::StatedUnknown,
            ("not_executed", "") => Self::NotExecuted,
            _ => return None,
        })
    }
}

/// The stable code: `uplink`, `credential:401`.
impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Credential(status) => write!(f, ":{status}"),
            Self::Resolver
            | Self::Uplink
            | Self::Clock
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
    /// The endpoint's previous probe was still under way.
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
    /// How long the service asked us to leave it alone (`Retry-After`), in milliseconds; at most a
    /// day.
    pub retry_after_ms: Option<i64>,
}

/// One connection of a probe, in full: for people who ask why. There is one for the first request
/// and one for each redirect that was followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// What was asked, without the query.
    pub url: String,
    /// The address we connected to.
    pub address: Option<SocketAddr>,
    /// What the TLS handshake showed, also when it failed.
    pub tls: Option<Tls>,
    /// The version of HTTP that was spoken (`HTTP/1.1`).
    pub http_version: Option<String>,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Bytes of body that came.
    pub body_bytes: usize,
    /// How long each stage took.
    pub phases: Phases,
}

/// What a TLS handshake showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The version agreed on (`TLSv1.3`).
    pub version: Option<String>,
    /// The cipher suite agreed on.
    pub cipher_suite: Option<String>,
    /// The certificates as presented, the leaf first. One that cannot be read is left out.
    pub chain: Vec<Certificate>,
}

/// The facts of a certificate that people ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names: the common name, or the whole name.
    pub subject: String,
    /// Who signed it, in the same way.
    pub issuer: String,
    /// Whether it names itself as who signed it.
    pub self_signed: bool,
    /// DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// When it begins.
    pub not_before: Option<Timestamp>,
    /// When it ends.
    pub not_after: Option<Timestamp>,
}

/// How long each stage took, in microseconds; a stage that was not reached is absent, the one
/// that failed carries its elapsed time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// See [`Stage::Resolve`].
    pub resolve_us: Option<u32>,
    /// See [`Stage::Connect`].
    pub connect_us: Option<u32>,
    /// See [`Stage::Tls`].
    pub tls_us: Option<u32>,
    /// See [`Stage::Processing`].
    pub processing_us: Option<u32>,
    /// See [`Stage::Transfer`].
    pub transfer_us: Option<u32>,
}

impl Phases {
    /// The time of one stage.
    pub fn of(&self, stage: Stage) -> Option<u32> {
        match stage {
            Stage::Resolve => self.resolve_us,
            Stage::Connect => self.connect_us,
            Stage::Tls => self.tls_us,
            Stage::Processing => self.processing_us,
            Stage::Transfer => self.transfer_us,
        }
    }

    /// The time of one stage, to be set.
    pub fn of_mut(&mut self, stage: Stage) -> &mut Option<u32> {
        match stage {
            Stage::Resolve => &mut self.resolve_us,
            Stage::Connect => &mut self.connect_us,
            Stage::Tls => &mut self.tls_us,
            Stage::Processing => &mut self.processing_us,
            Stage::Transfer => &mut self.transfer_us,
        }
    }
}
