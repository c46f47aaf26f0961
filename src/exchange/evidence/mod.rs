//! `vigie-evidence/1`: what a document is, and which one evidence makes.
//!
//! [`shape`] is what may stand in one, [`read`] what it means, with every fault named by its place,
//! and [`mod@write`] the one way to write it.

mod read;
mod shape;
mod write;

use std::fmt;

use super::{sha256_hex, sha256_hex_of};
use crate::sla::commitment::{Degraded, Maintenance, Terms};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind, announced};
use crate::sla::observation::Outcome;
use crate::sla::statement::{EndpointEvidence, Evidence, Seen, Statement, settle};
use crate::sla::timeline::{Reading, State};
use crate::sla::window::{Month, Timestamp, Window, Windows};

use shape::{CommitmentJson, Written};

const FORMAT: &str = "vigie-evidence/1";

/// Terms as a document carries them; service hours and the hours of planned work are not part of
/// the format.
pub fn terms_json(terms: &Terms) -> serde_json::Value {
    serde_json::to_value(CommitmentJson::from(terms)).unwrap_or_default()
}

/// Reads what [`terms_json`] wrote.
///
/// # Errors
/// Anything else.
pub fn read_terms(json: serde_json::Value) -> Result<Terms, EvidenceError> {
    let written: CommitmentJson =
        serde_json::from_value(json).map_err(|error| meaning("commitment", error))?;
    written.check()
}

/// Evidence with the terms it is judged by, as one document carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    window: WindowSpec,
    terms: Terms,
    evidence: Evidence,
}

/// How a document names the window it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSpec {
    /// A calendar month in a zone.
    Month(Month),
    /// Two instants.
    Between(Window),
}

impl WindowSpec {
    /// The window meant.
    pub fn window(&self) -> Window {
        match self {
            Self::Month(month) => month.window(),
            Self::Between(window) => *window,
        }
    }
}

/// Why a document is not evidence: where, and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not JSON, or not of the shape.
    #[error("read evidence, line {line}, column {column}, at `{place}`: {message}")]
    Shape {
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
        /// `endpoints[0].vantages[1].segments[3]`
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Of the shape, but it means nothing.
    #[error("read evidence, at `{place}`: {message}")]
    Meaning {
        /// `endpoints[0].vantages[1].segments[3]`
        place: String,
        /// What is wrong.
        message: String,
    },
}

impl Document {
    /// The document of evidence that was loaded from elsewhere.
    ///
    /// What the format has no key for is worked into what it has: service hours become part of
    /// the membership, allowed hours cut the planned work they allow, and latencies become
    /// states. Requests that were not accepted are left out. The document settles to the same
    /// statement.
    pub fn new(window: WindowSpec, terms: &Terms, evidence: &Evidence) -> Self {
        let span = window.window();
        let mut terms = terms.clone();
        let mut membership = evidence.membership.intersection(&span.into());
        if let Some(hours) = terms.service_hours.take() {
            membership = membership.intersection(&hours.within(span));
        }
        // Only what was accepted acts; what was merely asked for must not change the digest.
        let accepted: Vec<Exclusion> = evidence
            .exclusions
            .iter()
            .filter(|exclusion| exclusion.acceptance == Acceptance::Accepted)
            .cloned()
            .collect();
        let exclusions = fold_allowed_hours(&mut terms, span, &accepted);
        let endpoints = evidence
            .endpoints
            .iter()
            .map(|endpoint| judged(endpoint, &terms))
            .collect();
        Self {
            window,
            terms,
            evidence: Evidence {
                window: span,
                now: evidence.now,
                membership,
                exclusions,
                endpoints,
            },
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Anything that is not of the format, named by its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let json = &mut serde_json::Deserializer::from_slice(bytes);
        let written: Written = serde_path_to_error::deserialize(&mut *json).map_err(|error| {
            let place = error.path().to_string();
            let inner = error.into_inner();
            shape_error(place, &inner)
        })?;
        json.end()
            .map_err(|error| shape_error(".".to_owned(), &error))?;
        written.check()
    }

    /// What the document says of its window.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The terms it is judged by.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The statement it settles to.
    pub fn settle(&self) -> Statement {
        settle(&self.evidence, &self.terms)
    }

    /// SHA-256 of the [canonical](Self::canonical) document: `sha256sum` of an exported file.
    pub fn sha256(&self) -> String {
        sha256_hex(&self.canonical())
    }

    /// The one way to write this document: every key present, instants in UTC, observations and
    /// segments in order of time and without repetition, one a line.
    ///
    /// Documents that differ only in order, repetition, offsets, white space or defaults have the
    /// same canonical form, and so the same digest.
    pub fn canonical(&self) -> Vec<u8> {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut text);
        text.into_bytes()
    }
}

/// What was seen of one service in one window, written once for the documents of all its partners.
pub struct SharedEvidence {
    window: WindowSpec,
    terms: Terms,
    now: Option<Timestamp>,
    /// As every document has it.
    endpoints: String,
}

impl SharedEvidence {
    /// What `endpoints` saw, as documents under `terms` carry it.
    pub fn new(
        window: WindowSpec,
        terms: &Terms,
        now: Option<Timestamp>,
        endpoints: &[EndpointEvidence],
    ) -> Self {
        let seen = Evidence {
            window: window.window(),
            now,
            membership: Windows::none(),
            exclusions: Vec::new(),
            endpoints: endpoints.to_vec(),
        };
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = Document::new(window, terms, &seen).write_endpoints(&mut text);
        Self {
            window,
            terms: terms.clone(),
            now,
            endpoints: text,
        }
    }

    /// The digest of one partner's [`Document`].
    pub fn sha256(&self, membership: &Windows, exclusions: &[Exclusion]) -> String {
        let head = self.head(membership, exclusions);
        sha256_hex_of(&[head.as_bytes(), self.endpoints.as_bytes()])
    }

    /// One partner's [`Document`], in its [canonical](Document::canonical) form.
    pub fn canonical(&self, membership: &Windows, exclusions: &[Exclusion]) -> Vec<u8> {
        let mut text = self.head(membership, exclusions);
        text.push_str(&self.endpoints);
        text.into_bytes()
    }

    fn head(&self, membership: &Windows, exclusions: &[Exclusion]) -> String {
        let own = Evidence {
            window: self.window.window(),
            now: self.now,
            membership: membership.clone(),
            exclusions: exclusions.to_vec(),
            endpoints: Vec::new(),
        };
        let mut head = String::new();
        let _ = Document::new(self.window, &self.terms, &own).write_head(&mut head);
        head
    }
}

/// Allowed hours are cut into the exclusions and taken out of the terms; work that was declared
/// too late is left out, since a later start after the cut could hide that.
fn fold_allowed_hours(terms: &mut Terms, span: Window, exclusions: &[Exclusion]) -> Vec<Exclusion> {
    let (Maintenance::Excluded(conditions) | Maintenance::Credited(conditions)) =
        &mut terms.maintenance
    else {
        return exclusions.to_vec();
    };
    let Some(hours) = conditions.hours.take() else {
        return exclusions.to_vec();
    };
    let notice_ms = conditions.notice_ms;
    let allowed = hours.within(span);
    let cut = announced(exclusions.iter(), notice_ms)
        .into_iter()
        .flat_map(|work| {
            let pieces = allowed.intersection(&work.window.into());
            let cut: Vec<Exclusion> = pieces
                .iter()
                .map(|window| Exclusion {
                    window: *window,
                    ..work.clone()
                })
                .collect();
            cut
        });
    exclusions
        .iter()
        .filter(|exclusion| exclusion.kind != ExclusionKind::Maintenance)
        .cloned()
        .chain(cut)
        .collect()
}

/// The endpoint with its latency objective worked into its observations.
fn judged(endpoint: &EndpointEvidence, terms: &Terms) -> EndpointEvidence {
    let mut judged = endpoint.clone();
    let Some(objective_ms) = judged.latency_objective_ms.take() else {
        return judged;
    };
    let reading = Reading {
        validity_ms: endpoint.validity_ms,
        latency_objective_ms: Some(objective_ms),
        degraded: Degraded::Up,
        confirmation: terms.confirmation,
    };
    for vantage in &mut judged.vantages {
        let Seen::Observations(observations) = &mut vantage.seen else {
            continue;
        };
        for observation in observations {
            if reading.state(observation.outcome) == State::Degraded
                && let Outcome::Answered { partial, .. } = &mut observation.outcome
            {
                *partial = true;
            }
        }
    }
    judged
}

fn shape_error(place: String, error: &serde_json::Error) -> EvidenceError {
    // serde_json ends its message with the position, which we show first.
    let text = error.to_string();
    let message = match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    };
    EvidenceError::Shape {
        line: error.line(),
        column: error.column(),
        place,
        message,
    }
}

fn meaning(place: impl Into<String>, message: impl fmt::Display) -> EvidenceError {
    EvidenceError::Meaning {
        place: place.into(),
        message: message.to_string(),
    }
}
