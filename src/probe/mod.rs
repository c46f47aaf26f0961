//! Asks one endpoint once: one request, one outcome, never an error.
//!
//! Reading order: this file, [`http`] (the largest kind of probe; the others are [`tcp`] with
//! [`starttls`], [`handshake`], [`dns`] and [`icmp`]), then the steps it takes: [`dial`] (name
//! and connection), [`proxy`], [`tls`] (handshake and certificates), [`body`] (what came, bounded),
//! [`judge`] (what it means) with [`mod@assert`] and [`cause`], [`control`] (whose fault it was).
//!
//! A probe opens a connection of its own, makes exactly one request on it, and closes it. It starts
//! from failure and proves success. Whether something is late, or down, is not decided here: the
//! probe records facts.

mod assert;
mod body;
mod cause;
mod control;
mod dial;
mod dns;
mod handshake;
mod http;
mod icmp;
mod judge;
mod oauth;
mod proxy;
mod starttls;
mod tcp;
mod tls;
mod trail;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use crate::secret::{self, SecretError};
use crate::sla::assertion::JsonPath;
use crate::sla::catalog::{
    DnsProbe, Endpoint, EndpointId, HostPort, HttpProbe, IcmpProbe, Probe, SecretPlace, TcpProbe,
    TlsProbe, VantageId,
};
use crate::sla::explanation::{Assessment, Explanation};
use crate::sla::observation::{Fault, Finding, Observation, Outcome, Void};
use crate::sla::window::Timestamp;

use control::Controls;
use dial::Dialer;
use http::{Asking, Prepared};
use oauth::Offices;
use tls::Trust;
use trail::Trail;

/// How much later than its deadline a probe may end before we stop trusting what it measured:
/// beyond it, this machine was asleep or overloaded, and nobody can tell what the service did.
const STALL_MS: i64 = 1_000;

/// Asks endpoints. Cheap to clone: clones share the trusted authorities.
#[derive(Clone)]
pub struct Prober {
    vantage: VantageId,
    trust: Arc<Trust>,
    dialer: Arc<Dialer>,
    controls: Arc<Controls>,
    offices: Arc<Offices>,
    prepared: Arc<Mutex<HashMap<EndpointId, Arc<Prepared>>>>,
}

/// What would keep a probe from asking at all, found before it has to.
#[derive(Debug, thiserror::Error)]
pub enum ProbeSetupError {
    /// The TLS library refuses its own defaults.
    #[error("set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// An `https` endpoint without a `ca_file`, on a system without certificates.
    #[error(
        "verify `{url}`: this system has no trusted authorities; install `ca-certificates` or name a `ca_file`"
    )]
    NoSystemAuthorities {
        /// Which address wants them.
        url: String,
    },
    /// The file of authorities cannot be read.
    #[error("read the authorities in `{}`: {source}; it must be a readable PEM file", path.display())]
    ReadAuthorities {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file of authorities holds none that can be used.
    #[error(
        "use the authorities in `{}`: {reason}; it must hold at least one `BEGIN CERTIFICATE` block",
        path.display()
    )]
    UseAuthorities {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A secret cannot be read, or not only by us.
    #[error("read the secret of {of}: {source}")]
    Secret {
        /// The key of the configuration that names its place.
        key: &'static str,
        /// What it is for.
        of: String,
        /// Why not.
        source: SecretError,
    },
    /// What we would show in a TLS handshake cannot be used.
    #[error("use the client certificate in `{}`: {reason}", path.display())]
    ClientCertificate {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The client for the authorization server cannot be made.
    #[error("set up getting tokens from `{url}`: {reason}")]
    Tokens {
        /// The authorization server.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A pattern in an assertion that is no regular expression.
    #[error("compile the assertions about `{url}`: {source}")]
    Pattern {
        /// Which address.
        url: String,
        /// What is wrong with it.
        source: Box<regex::Error>,
    },
    /// A question without a name server to put it to.
    #[error(
        "ask for `{name}`: this system names no name server in /etc/resolv.conf; write `server = \"192.0.2.53:53\"`"
    )]
    NoNameServer {
        /// The name asked for.
        name: String,
    },
    /// The system does not let this user send ICMP echoes.
    #[error(
        "send an ICMP echo to `{host}`: {source}; let this group do so with `sysctl net.ipv4.ping_group_range=\"0 2147483647\"`, or ask it with `tcp`"
    )]
    NoEcho {
        /// Whom to ask.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// A part of the request that HTTP cannot carry. The text is not shown where it may be a secret.
    #[error("ask `{url}`: {part} is not valid")]
    Request {
        /// Which address.
        url: String,
        /// Which part.
        part: String,
    },
}

impl ProbeSetupError {
    /// The key of an endpoint's configuration that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::NoSystemAuthorities { .. } | Self::Tls(_) | Self::Request { .. } => "url",
            Self::ReadAuthorities { .. } | Self::UseAuthorities { .. } => "ca_file",
            Self::Secret { key, .. } => key,
            Self::ClientCertificate { .. } => "client_certificate",
            Self::Tokens { .. } => "auth",
            Self::Pattern { .. } => "assertions",
            Self::NoNameServer { .. } => "name",
            Self::NoEcho { .. } => "host",
        }
    }
}

impl Prober {
    /// A prober that asks from `vantage` and trusts the system's authorities.
    ///
    /// # Errors
    ///
    /// If the TLS library cannot be set up.
    pub fn new(vantage: VantageId) -> Result<Self, ProbeSetupError> {
        Ok(Self {
            vantage,
            trust: Arc::new(Trust::of_system()?),
            dialer: Arc::new(Dialer::new()),
            controls: Arc::new(Controls::new(Vec::new())),
            offices: Arc::default(),
            prepared: Arc::default(),
        })
    }

    /// The same prober with control targets, best outside the services' own networks. When an
    /// endpoint is silent and none of them can be reached either, the outcome is
    /// [`Void::Uplink`] and not a fault of the service. Without any, the service is blamed.
    pub fn with_controls(self, targets: Vec<HostPort>) -> Self {
        Self {
            controls: Arc::new(Controls::new(targets)),
            ..self
        }
    }

    /// Checks what a probe of `endpoint` needs from this machine, without asking anything.
    ///
    /// # Errors
    ///
    /// If a file or variable is missing, or the request cannot be sent as configured.
    pub fn prepare(&self, endpoint: &Endpoint) -> Result<(), ProbeSetupError> {
        self.way(endpoint).map(drop)
    }

    /// All that keeps `endpoint` from being asked; each once.
    pub fn faults(&self, endpoint: &Endpoint) -> Vec<ProbeSetupError> {
        let Err(first) = self.prepare(endpoint) else {
            return Vec::new();
        };
        let mut faults = vec![first];
        let parts = match &endpoint.probe {
            Probe::Http(probe) => http::faults(&self.trust, &self.offices, probe),
            // They read one thing each.
            Probe::Tcp(_) | Probe::Tls(_) | Probe::Dns(_) | Probe::Icmp(_) => Vec::new(),
        };
        for fault in parts {
            let told = fault.to_string();
            if faults.iter().all(|known| known.to_string() != told) {
                faults.push(fault);
            }
        }
        faults
    }

    /// What `endpoint` can be asked with, and will be refused for at `at`: a client certificate
    /// whose time is over or has not come. It is asked all the same.
    pub fn outdated(&self, endpoint: &Endpoint, at: Timestamp) -> Option<ProbeSetupError> {
        match &endpoint.probe {
            // Alone, so that nothing else that is wrong hides it.
            Probe::Http(probe) => {
                let ours = probe.client_certificate.as_ref()?;
                self.trust.identity(ours).ok()?.outdated(at)
            }
            Probe::Tcp(_) | Probe::Tls(_) | Probe::Dns(_) | Probe::Icmp(_) => None,
        }
    }

    /// What a probe needs, made again only when the endpoint or a file of it has changed.
    fn prepared(
        &self,
        id: &EndpointId,
        probe: &Arc<HttpProbe>,
    ) -> Result<Arc<Prepared>, ProbeSetupError> {
        let known = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known().get(id).cloned();
        if let Some(kept) = kept
            && kept.is_current(probe)
        {
            return Ok(kept);
        }
        let prepared = Arc::new(http::prepare(&self.trust, &self.offices, probe)?);
        known().insert(id.clone(), prepared.clone());
        Ok(prepared)
    }

    /// Asks `endpoint` once.
    ///
    /// `tick` is the planned instant, `at` the instant when asking began. Ends within the
    /// endpoint's timeout, after a silence plus the two seconds that control targets may take.
    /// Dropping the future ends the connection too.
    pub async fn probe(&self, endpoint: &Endpoint, tick: Timestamp, at: Timestamp) -> Finding {
        let (mut finding, explanation) = self.explain(endpoint, tick, at).await;
        finding.trace.explanation = Some(Arc::new(explanation));
        finding
    }

    /// The same as [`probe`](Self::probe), and everything that was seen on the way.
    pub async fn explain(
        &self,
        endpoint: &Endpoint,
        tick: Timestamp,
        at: Timestamp,
    ) -> (Finding, Explanation) {
        // Not part of the probe's time: it is ours.
        let way = self.way(endpoint);
        let mut trail = Trail::begin(Duration::from_millis(
            endpoint.timeout_ms.max(0).unsigned_abs(),
        ));
        let mut ending = match &way {
            Ok(way) => self.ask(way, at, &mut trail).await,
            Err(error) => Ending::void(Void::NotExecuted, format!("could not {error}")),
        };
        trail.end();

        let overrun_ms = trail.elapsed_ms() - endpoint.timeout_ms;
        ending = if overrun_ms > STALL_MS {
            Ending::void(
                Void::NotExecuted,
                format!("this machine stalled: the probe ended {overrun_ms} ms after its deadline"),
            )
        } else {
            self.controls.review(ending, &self.dialer).await
        };
        self.finding(endpoint, tick, at, ending, trail)
    }

    /// What a probe of an `http` endpoint would say if this were all that came back, as HTTP/1.1
    /// sends it: for recorded answers and made-up ones. Nothing is asked, no redirect is followed.
    ///
    /// # Errors
    /// What keeps the endpoint from being asked.
    pub async fn replay(
        &self,
        endpoint: &Endpoint,
        answer: &[u8],
        at: Timestamp,
    ) -> Result<(Finding, Explanation), ProbeSetupError> {
        let Probe::Http(probe) = &endpoint.probe else {
            return Err(ProbeSetupError::Request {
                url: endpoint.probe.to_string(),
                part: "replaying an answer that is not HTTP".to_owned(),
            });
        };
        let prepared = self.prepared(&endpoint.id, probe)?;
        let mut trail = Trail::begin(Duration::from_millis(
            endpoint.timeout_ms.max(0).unsigned_abs(),
        ));
        let asking = Asking {
            trust: &self.trust,
            dialer: &self.dialer,
            probe,
            prepared: &prepared,
            at,
        };
        let ending = http::replay(asking, answer, &mut trail).await;
        Ok(self.finding(endpoint, at, at, ending, trail))
    }

    /// What a probe that ended so has found.
    fn finding(
        &self,
        endpoint: &Endpoint,
        tick: Timestamp,
        at: Timestamp,
        mut ending: Ending,
        mut trail: Trail,
    ) -> (Finding, Explanation) {
        // An answer from a cache speaks from the instant when the service looked, unless that is
        // so long ago that it says nothing about now.
        let mut speaks_from = at;
        if let Some(looked) = &ending.looked {
            let age_ms = at.since(looked.at);
            let is_old = age_ms > endpoint.validity_ms;
            trail.assess(Assessment {
                subject: looked.by.to_string(),
                found: Some(format!("{} s ago", age_ms.max(0) / 1_000)),
                test: format!("at most {} s ago", endpoint.validity_ms / 1_000),
                holds: !is_old,
            });
            if ending.is_good() && is_old {
                ending = Ending::void(
                    Void::StatedUnknown,
                    format!(
                        "the service last looked at {}, more than {} s before it was asked",
                        looked.at,
                        endpoint.validity_ms / 1_000
                    ),
                );
            } else if ending.is_good() && age_ms > 0 {
                speaks_from = looked.at;
            }
        }
        let outcome = match ending.verdict {
            Verdict::Good => Outcome::Answered {
                latency_us: trail.latency_us(),
                partial: false,
            },
            Verdict::Failed(fault) => Outcome::Failed(fault),
            Verdict::Void(void) => Outcome::Void(void),
        };
        let (mut trace, explanation) = trail.into_parts();
        trace.message = ending.message;
        let finding = Finding {
            endpoint: endpoint.id.clone(),
            vantage: self.vantage.clone(),
            observation: Observation {
                tick,
                at: speaks_from,
                outcome,
            },
            trace,
        };
        (finding, explanation)
    }

    /// How `endpoint` is asked, with what that needs from this machine.
    fn way<'a>(&self, endpoint: &'a Endpoint) -> Result<Way<'a>, ProbeSetupError> {
        let trust = &self.trust;
        Ok(match &endpoint.probe {
            Probe::Http(probe) => Way::Http(probe, self.prepared(&endpoint.id, probe)?),
            Probe::Tcp(probe) => Way::Tcp(probe, tcp::prepare(trust, probe)?),
            Probe::Tls(probe) => {
                let prepared = handshake::prepare(trust, &probe.address, &probe.terms)?;
                Way::Tls(probe, prepared)
            }
            Probe::Dns(probe) => Way::Dns(probe, dns::prepare(probe)?),
            Probe::Icmp(probe) => {
                icmp::prepare(probe)?;
                Way::Icmp(probe)
            }
        })
    }

    async fn ask(&self, way: &Way<'_>, at: Timestamp, trail: &mut Trail) -> Ending {
        let dialer = self.dialer.as_ref();
        match way {
            Way::Http(probe, prepared) => {
                let asking = Asking {
                    trust: &self.trust,
                    dialer,
                    probe,
                    prepared,
                    at,
                };
                http::ask(asking, trail).await
            }
            Way::Tcp(probe, prepared) => {
                Box::pin(tcp::ask(dialer, probe, prepared.as_ref(), at, trail)).await
            }
            Way::Tls(probe, prepared) => {
                Box::pin(handshake::ask(dialer, probe, prepared, at, trail)).await
            }
            Way::Dns(probe, prepared) => Box::pin(dns::ask(dialer, probe, prepared, trail)).await,
            Way::Icmp(probe) => Box::pin(icmp::ask(dialer, probe, trail)).await,
        }
    }
}

/// How an endpoint is asked, with what that needs from this machine.
enum Way<'a> {
    Http(&'a HttpProbe, Arc<Prepared>),
    Tcp(&'a TcpProbe, Option<handshake::Prepared>),
    Tls(&'a TlsProbe, handshake::Prepared),
    Dns(&'a DnsProbe, dns::Prepared),
    Icmp(&'a IcmpProbe),
}

/// How a probe ended, and why in one sentence for ops.
#[derive(Debug)]
struct Ending {
    verdict: Verdict,
    message: String,
    looked: Option<Looked>,
}

/// When the service itself last looked, where it says so.
#[derive(Debug)]
struct Looked {
    at: Timestamp,
    /// The field that says so.
    by: JsonPath,
}

#[derive(Debug)]
enum Verdict {
    Good,
    Failed(Fault),
    Void(Void),
}

impl Ending {
    fn is_good(&self) -> bool {
        matches!(self.verdict, Verdict::Good)
    }

    fn good() -> Self {
        Self {
            verdict: Verdict::Good,
            message: String::new(),
            looked: None,
        }
    }

    fn failed(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed(fault),
            message: message.into(),
            looked: None,
        }
    }

    fn void(void: Void, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Void(void),
            message: message.into(),
            looked: None,
        }
    }
}

/// Reads the secret of `of`.
fn read_secret(
    key: &'static str,
    of: &str,
    place: &SecretPlace,
) -> Result<SecretString, ProbeSetupError> {
    secret::read(place).map_err(|source| ProbeSetupError::Secret {
        key,
        of: of.to_owned(),
        source,
    })
}

/// Text from outside, fit to be quoted in one line of a message.
fn quoted(text: &str) -> String {
    format!("`{}`", cut(text).replace('`', "."))
}

/// Text from outside, cut to a part of a line.
fn cut(text: &str) -> String {
    cut_to(text, 60)
}

/// Text from outside, on one line of so many characters.
fn cut_to(text: &str, chars_max: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(chars_max)
        .map(|c| if c.is_control() { '.' } else { c })
        .collect();
    if text.chars().nth(chars_max).is_some() {
        shown.push('…');
    }
    shown
}
