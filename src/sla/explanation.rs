//! What a probe saw, in full: for people who ask why, never for judging.

use std::fmt;
use std::net::SocketAddr;

use super::observation::{Phases, TlsFault};
use super::window::Timestamp;

/// Everything that one probe saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Connection by connection.
    pub hops: Vec<Hop>,
    /// Everything that was checked of the answer, what holds and what does not; none if no answer
    /// came.
    pub assessments: Vec<Assessment>,
    /// How long it took to judge the answer, in microseconds; absent if none came.
    pub evaluate_us: Option<u32>,
    /// The whole probe, in microseconds: the phases of all hops, and the judging.
    pub duration_us: u32,
}

/// One thing that was checked of an answer: an assertion, or what else the configuration asks for.
/// Shown as `$.status (maintenance) == "ok"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// What was looked at: `$.status`.
    pub subject: String,
    /// What was found there, cut to a line; absent if there was nothing.
    pub found: Option<String>,
    /// What it must be: `== "ok"`.
    pub test: String,
    /// Whether it holds.
    pub holds: bool,
}

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.as_deref().unwrap_or("missing");
        write!(f, "{} ({found}) {}", self.subject, self.test)
    }
}

/// One connection of a probe, in full: for people who ask why. There is one for the first request
/// and one for each redirect that was followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// What was asked, without the query.
    pub url: String,
    /// The address we connected to, or tried last.
    pub address: Option<SocketAddr>,
    /// The addresses that were tried in vain before one answered, each in a few words.
    pub misses: Vec<String>,
    /// What the TLS handshake showed, also when it failed.
    pub tls: Option<Tls>,
    /// The version of HTTP that was spoken (`HTTP/1.1`).
    pub http_version: Option<String>,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Headers of the answer that people look at when something is wrong; none of an answer that
    /// was expected.
    pub headers: Vec<(String, String)>,
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
    /// When the first of the certificates ends that lead from the leaf to a trusted authority;
    /// absent where none does.
    pub verified_not_after: Option<Timestamp>,
    /// Why its certificate was refused; absent if it was trusted, or none came.
    pub refusal: Option<TlsFault>,
    /// Whether the server asked who we are.
    pub asks_for_certificate: bool,
}

impl Tls {
    /// The certificate that is for the endpoint itself.
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// When the first of all presented certificates ends, also of those that nobody needs.
    pub fn chain_not_after(&self) -> Option<Timestamp> {
        self.chain.iter().filter_map(|one| one.not_after).min()
    }
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
