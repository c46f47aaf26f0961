//! Facts on their way to the store: what a recorder hands in together, as bytes.
//!
//! The bytes are JSON: they live for the length of an outage, and whoever looks into a spool
//! wants to read it. An outcome stands in its two numbers, as in the store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::definition::{Definitions, Written as WrittenDefinitions};
use super::explanation::Written as WrittenExplanation;
use super::facts::Missed;
use super::{outcome, traces};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::observation::{Finding, MissCause, Observation, Phases, Trace};
use crate::sla::window::Timestamp;

/// What is handed in together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parcel {
    /// What was seen.
    pub findings: Vec<Finding>,
    /// Ticks at which nothing was asked.
    pub missed: Vec<Missed>,
    /// How the vantage defines its endpoints, where that is new.
    pub definitions: Option<Definitions>,
}

impl Parcel {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.missed.is_empty() && self.definitions.is_none()
    }

    /// The same in two, if it can be taken apart: what was seen, and how the vantage defines its
    /// endpoints; without that, the first half of what was seen with the missed ticks, and the
    /// second.
    pub fn parts(&self) -> Option<[Self; 2]> {
        if self.definitions.is_some() {
            let seen = Self {
                definitions: None,
                ..self.clone()
            };
            let defined = Self {
                definitions: self.definitions.clone(),
                ..Self::default()
            };
            return (!seen.is_empty()).then_some([seen, defined]);
        }
        if self.findings.len() < 2 {
            return None;
        }
        let (first, second) = self.findings.split_at(self.findings.len() / 2);
        Some([
            Self {
                findings: first.to_vec(),
                missed: self.missed.clone(),
                definitions: None,
            },
            Self {
                findings: second.to_vec(),
                ..Self::default()
            },
        ])
    }

    /// The first and the last tick of what was seen.
    pub fn ticks(&self) -> Option<(Timestamp, Timestamp)> {
        let ticks = || self.findings.iter().map(|one| one.observation.tick);
        ticks().min().zip(ticks().max())
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let written = Written {
            findings: self.findings.iter().map(WrittenFinding::new).collect(),
            missed: self.missed.iter().map(WrittenMissed::new).collect(),
            definitions: self
                .definitions
                .as_ref()
                .map(|those| (those.vantage.to_string(), those.to_written())),
        };
        // Numbers, texts and lists of them: nothing that JSON could not hold.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// What the bytes say.
    ///
    /// # Errors
    /// Where they are not such bytes, in words.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(Self {
            findings: all(written.findings, WrittenFinding::read)?,
            missed: all(written.missed, WrittenMissed::read)?,
            definitions: written.definitions.and_then(|(vantage, those)| {
                Some(Definitions::from_written(VantageId::new(&vantage)?, those))
            }),
        })
    }
}

/// A finding that was refused, as one line of JSON, with the reason.
pub(super) fn line_of(finding: &Finding, why: &str) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        why: &'a str,
        finding: WrittenFinding,
    }
    let line = Line {
        why,
        finding: WrittenFinding::new(finding),
    };
    // Numbers and texts: nothing that JSON could not hold.
    serde_json::to_string(&line).unwrap_or_default()
}

fn all<T, U>(written: Vec<T>, read: fn(T) -> Option<U>) -> Result<Vec<U>, String> {
    (1..)
        .zip(written)
        .map(|(number, item)| {
            read(item).ok_or_else(|| format!("item {number} holds a value that cannot be"))
        })
        .collect()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    findings: Vec<WrittenFinding>,
    missed: Vec<WrittenMissed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    definitions: Option<(String, WrittenDefinitions)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFinding {
    endpoint: String,
    vantage: String,
    tick: i64,
    at: i64,
    outcome: i64,
    detail: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<WrittenTrace>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTrace {
    phases_us: [Option<u32>; 7],
    address: Option<String>,
    status: Option<u16>,
    cause: Option<String>,
    message: String,
    /// Of the leaf, of the chain as sent, of the chain as verified.
    not_after: [Option<i64>; 3],
    retry_after_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    explanation: Option<WrittenExplanation>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMissed {
    endpoint: String,
    vantage: String,
    first: i64,
    last: i64,
    count: u64,
    cause: String,
}

impl WrittenFinding {
    fn new(finding: &Finding) -> Self {
        let (outcome, detail) = outcome::to_columns(finding.observation.outcome);
        Self {
            endpoint: finding.endpoint.to_string(),
            vantage: finding.vantage.to_string(),
            tick: finding.observation.tick.unix_ms(),
            at: finding.observation.at.unix_ms(),
            outcome,
            detail,
            trace: (finding.trace != Trace::default()).then(|| WrittenTrace::new(finding)),
        }
    }

    fn read(self) -> Option<Finding> {
        Some(Finding {
            endpoint: EndpointId::new(&self.endpoint)?,
            vantage: VantageId::new(&self.vantage)?,
            observation: Observation {
                tick: Timestamp::from_unix_ms(self.tick)?,
                at: Timestamp::from_unix_ms(self.at)?,
                outcome: outcome::from_columns(self.outcome, self.detail)?,
            },
            trace: match self.trace {
                Some(trace) => trace.read()?,
                None => Trace::default(),
            },
        })
    }
}

impl WrittenTrace {
    fn new(finding: &Finding) -> Self {
        // Field by field: a new one is not forgotten.
        let Trace {
            phases:
                Phases {
                    auth_us,
                    resolve_us,
                    connect_us,
                    tls_us,
                    write_us,
                    processing_us,
                    transfer_us,
                },
            address,
            status,
            cause,
            message,
            certificate_not_after,
            chain_not_after,
            verified_not_after,
            retry_after_ms,
            confirms,
            explanation,
        } = &finding.trace;
        let is_asked_about = !traces::is_as_expected(finding.observation.outcome);
        let explanation = explanation.as_deref().filter(|_| is_asked_about);
        Self {
            phases_us: [
                *auth_us,
                *resolve_us,
                *connect_us,
                *tls_us,
                *write_us,
                *processing_us,
                *transfer_us,
            ],
            address: address.map(|address| address.to_string()),
            status: *status,
            cause: cause.clone(),
            message: message.clone(),
            not_after: [
                *certificate_not_after,
                *chain_not_after,
                *verified_not_after,
            ]
            .map(|end| end.map(Timestamp::unix_ms)),
            retry_after_ms: *retry_after_ms,
            confirms: confirms.map(Timestamp::unix_ms),
            explanation: explanation.map(WrittenExplanation::new),
        }
    }

    fn read(self) -> Option<Trace> {
        let [
            auth_us,
            resolve_us,
            connect_us,
            tls_us,
            write_us,
            processing_us,
            transfer_us,
        ] = self.phases_us;
        let instant = |written: Option<i64>| match written {
            Some(unix_ms) => Timestamp::from_unix_ms(unix_ms).map(Some),
            None => Some(None),
        };
        let [leaf, chain, verified] = self.not_after;
        Some(Trace {
            phases: Phases {
                auth_us,
                resolve_us,
                connect_us,
                tls_us,
                write_us,
                processing_us,
                transfer_us,
            },
            address: match self.address {
                Some(address) => Some(address.parse().ok()?),
                None => None,
            },
            status: self.status,
            cause: self.cause,
            message: self.message,
            certificate_not_after: instant(leaf)?,
            chain_not_after: instant(chain)?,
            verified_not_after: instant(verified)?,
            retry_after_ms: self.retry_after_ms,
            confirms: instant(self.confirms)?,
            // What was observed stands without it.
            explanation: self
                .explanation
                .and_then(|written| written.read().ok())
                .map(Arc::new),
        })
    }
}

impl WrittenMissed {
    fn new(missed: &Missed) -> Self {
        Self {
            endpoint: missed.endpoint.to_string(),
            vantage: missed.vantage.to_string(),
            first: missed.first.unix_ms(),
            last: missed.last.unix_ms(),
            count: missed.count,
            cause: missed.cause.code().to_owned(),
        }
    }

    fn read(self) -> Option<Missed> {
        Some(Missed {
            endpoint: EndpointId::new(&self.endpoint)?,
            vantage: VantageId::new(&self.vantage)?,
            first: Timestamp::from_unix_ms(self.first)?,
            last: Timestamp::from_unix_ms(self.last)?,
            count: self.count,
            cause: MissCause::ALL
                .into_iter()
                .find(|cause| cause.code() == self.cause)?,
        })
    }
}
