//! `vigie-evidence/1`: reading it with every fault named by its place, and writing it canonically.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono_tz::Tz;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::sha256_hex;
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::commitment::{
    Confirmation, Degraded, Maintenance, MaintenanceTerms, Ppm, Quorum, Rule, Terms,
};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use crate::sla::observation::{Fault, Observation, Outcome, Void};
use crate::sla::statement::{
    EndpointEvidence, Evidence, Seen, Statement, VantageEvidence, WINDOW_DAYS_MAX, settle,
};
use crate::sla::timeline::{Reading, Segment, State};
use crate::sla::window::{
    HOUR_MS, Month, Timestamp, Window, Windows, parse_duration_ms, parse_zone,
};

const FORMAT: &str = "vigie-evidence/1";

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

    fn write(&self, out: &mut String) -> fmt::Result {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut instants = InstantWriter::default();
        write!(out, "{{\n\"format\": \"{FORMAT}\",\n\"window\": ")?;
        match &self.window {
            WindowSpec::Month(month) => writeln!(
                out,
                "{{ \"month\": \"{month}\", \"zone\": {} }},",
                json(month.zone().name())
            )?,
            WindowSpec::Between(window) => {
                out.push_str("{ ");
                instants.write_window(out, *window)?;
                out.push_str(" },\n");
            }
        }
        match self.evidence.now {
            Some(now) => writeln!(out, "\"now\": \"{now}\",")?,
            None => out.push_str("\"now\": null,\n"),
        }
        out.push_str("\"commitment\": ");
        let commitment = CommitmentJson::from(&self.terms);
        out.push_str(&serde_json::to_string(&commitment).unwrap_or_default());
        out.push_str(",\n\"membership\": [");
        for (idx, window) in self.evidence.membership.iter().enumerate() {
            out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
            instants.write_window(out, *window)?;
            out.push_str(" }");
        }
        out.push_str("],\n\"exclusions\": [");
        let mut exclusions: Vec<&Exclusion> = self.evidence.exclusions.iter().collect();
        exclusions.sort_by_key(|exclusion| {
            (
                exclusion.window,
                exclusion.kind.code(),
                exclusion.declared,
                exclusion.acceptance == Acceptance::Accepted,
                exclusion.reason.clone(),
            )
        });
        exclusions.dedup();
        for (idx, exclusion) in exclusions.into_iter().enumerate() {
            out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
            write!(out, "\"kind\": \"{}\", ", exclusion.kind.code())?;
            instants.write_window(out, exclusion.window)?;
            if let Some(declared) = exclusion.declared {
                write!(out, ", \"declared\": \"{declared}\"")?;
            }
            write!(
                out,
                ", \"accepted\": {}, \"reason\": {} }}",
                exclusion.acceptance == Acceptance::Accepted,
                json(&exclusion.reason)
            )?;
        }
        out.push_str("],\n\"endpoints\": [");
        let mut endpoints: Vec<&EndpointEvidence> = self.evidence.endpoints.iter().collect();
        endpoints.sort_by(|left, right| left.id.cmp(&right.id));
        for (idx, endpoint) in endpoints.into_iter().enumerate() {
            out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
            write!(
                out,
                "\"id\": {}, \"validity\": \"{}ms\", \"vantages\": [",
                json(endpoint.id.as_str()),
                endpoint.validity_ms
            )?;
            let mut vantages: Vec<&VantageEvidence> = endpoint.vantages.iter().collect();
            vantages.sort_by(|left, right| left.id.cmp(&right.id));
            for (idx, vantage) in vantages.into_iter().enumerate() {
                out.push_str(if idx == 0 { "\n{ " } else { ",\n{ " });
                write!(out, "\"id\": {}, ", json(vantage.id.as_str()))?;
                self.write_seen(out, endpoint, &vantage.seen, &mut instants)?;
                out.push_str(" }");
            }
            out.push_str("] }");
        }
        out.push_str("]\n}\n");
        Ok(())
    }

    fn write_seen(
        &self,
        out: &mut String,
        endpoint: &EndpointEvidence,
        seen: &Seen,
        instants: &mut InstantWriter,
    ) -> fmt::Result {
        match seen {
            Seen::Observations(observations) => {
                let reading = Reading {
                    validity_ms: endpoint.validity_ms,
                    latency_objective_ms: endpoint.latency_objective_ms,
                    // The word is what was seen; what becomes of it is the commitment's.
                    degraded: Degraded::Up,
                    confirmation: Confirmation::NONE,
                };
                let mut words: Vec<(Timestamp, StateWord)> = observations
                    .iter()
                    .map(|observation| {
                        let word = StateWord::from(reading.state(observation.outcome));
                        (observation.at, word)
                    })
                    .collect();
                words.sort_unstable();
                words.dedup();
                out.push_str("\"observations\": [");
                for (idx, (at, word)) in words.into_iter().enumerate() {
                    out.push_str(if idx == 0 { "\n[\"" } else { ",\n[\"" });
                    instants.write(out, at)?;
                    write!(out, "\", \"{}\"]", word.code())?;
                }
            }
            Seen::Segments(segments) => {
                let mut sorted = segments.clone();
                sorted.sort_by_key(|segment| segment.window);
                out.push_str("\"segments\": [");
                for (idx, segment) in sorted.into_iter().enumerate() {
                    out.push_str(if idx == 0 { "\n[\"" } else { ",\n[\"" });
                    instants.write(out, segment.window.start())?;
                    out.push_str("\", \"");
                    instants.write(out, segment.window.end())?;
                    write!(out, "\", \"{}\"]", segment.state.code())?;
                }
            }
        }
        out.push(']');
        Ok(())
    }
}

/// Allowed hours are cut into the exclusions and taken out of the terms; work that was declared
/// too late for its notice is left out, since a later start after the cut could hide that.
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
    exclusions
        .iter()
        .flat_map(|exclusion| {
            if exclusion.kind != ExclusionKind::Maintenance {
                return vec![exclusion.clone()];
            }
            if !crate::sla::ledger::in_time(exclusion, notice_ms) {
                return Vec::new();
            }
            allowed
                .intersection(&exclusion.window.into())
                .iter()
                .map(|window| Exclusion {
                    window: *window,
                    ..exclusion.clone()
                })
                .collect()
        })
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

/// Writes instants as `2025-10-01T00:00:05.120Z`; the date is worked out once a day.
#[derive(Default)]
struct InstantWriter {
    day: Option<i64>,
    date: String,
}

impl InstantWriter {
    fn write(&mut self, out: &mut String, at: Timestamp) -> fmt::Result {
        const DAY_MS: i64 = 24 * HOUR_MS;
        let day = at.unix_ms().div_euclid(DAY_MS);
        let ms = at.unix_ms().rem_euclid(DAY_MS);
        if self.day != Some(day) {
            self.day = Some(day);
            self.date = at.to_utc().format("%Y-%m-%dT").to_string();
        }
        out.push_str(&self.date);
        write!(
            out,
            "{:02}:{:02}:{:02}.{:03}Z",
            ms / HOUR_MS,
            ms / 60_000 % 60,
            ms / 1_000 % 60,
            ms % 1_000
        )
    }

    fn write_window(&mut self, out: &mut String, window: Window) -> fmt::Result {
        out.push_str("\"start\": \"");
        self.write(out, window.start())?;
        out.push_str("\", \"end\": \"");
        self.write(out, window.end())?;
        out.push('"');
        Ok(())
    }
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

// What is written, before we know what it means.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    window: WindowJson,
    #[serde(default)]
    now: Option<Instant>,
    commitment: CommitmentJson,
    #[serde(default)]
    membership: Option<Vec<SpanJson>>,
    #[serde(default)]
    exclusions: Vec<ExclusionJson>,
    endpoints: Vec<EndpointJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowJson {
    month: Option<String>,
    zone: Option<String>,
    start: Option<Instant>,
    end: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpanJson {
    start: Instant,
    end: Instant,
}

/// The commitment's keys; also how they are written, in this order.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CommitmentJson {
    target: TargetText,
    #[serde(default)]
    maintenance: MaintenanceWord,
    #[serde(default)]
    notice: Option<DurationText>,
    #[serde(default)]
    cap: Option<DurationText>,
    #[serde(default)]
    degraded: DegradedWord,
    #[serde(default)]
    rule: RuleJson,
    #[serde(default)]
    quorum: QuorumJson,
    #[serde(default)]
    confirmation: ConfirmationJson,
    #[serde(default)]
    minimum_outage: DurationText,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum MaintenanceWord {
    #[default]
    Counted,
    Excluded,
    Credited,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum DegradedWord {
    #[default]
    Up,
    Down,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum RuleJson {
    #[default]
    All,
    Any,
    AtLeast(NonZeroU32),
    Main(String),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ConfirmationJson {
    failures: NonZeroU32,
    #[serde(default = "ConfirmationJson::within_default")]
    within: DurationText,
}

impl ConfirmationJson {
    fn within_default() -> DurationText {
        DurationText {
            ms: Confirmation::NONE.within_ms,
        }
    }
}

impl Default for ConfirmationJson {
    fn default() -> Self {
        Self {
            failures: NonZeroU32::MIN,
            within: Self::within_default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExclusionJson {
    kind: KindWord,
    start: Instant,
    end: Instant,
    #[serde(default)]
    declared: Option<Instant>,
    accepted: bool,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointJson {
    id: String,
    #[serde(default)]
    validity: Option<DurationText>,
    vantages: Vec<VantageJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VantageJson {
    id: String,
    #[serde(default)]
    observations: Option<Vec<(Instant, StateWord)>>,
    #[serde(default)]
    segments: Option<Vec<(Instant, Instant, StateWord)>>,
}

/// What an observation or a segment says. In order of what counts at one instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateWord {
    Void,
    Unknown,
    Up,
    Degraded,
    Down,
}

impl StateWord {
    fn code(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

/// How an observation's state is written.
impl From<State> for StateWord {
    fn from(state: State) -> Self {
        match state {
            State::Up => Self::Up,
            State::Degraded => Self::Degraded,
            State::Down => Self::Down,
            State::Unknown => Self::Void,
        }
    }
}

/// Reads a text with a parser of its own, so that the fault is found at its place.
macro_rules! from_text {
    ($name:ident, $expecting:literal, $parse:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        let parse: fn(&str) -> Result<$name, String> = $parse;
                        parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

#[derive(Clone, Copy)]
struct Instant(Timestamp);
from_text!(
    Instant,
    "an RFC 3339 instant with an offset, for example \"2025-10-01T00:00:00+02:00\"",
    |text| Timestamp::from_str(text)
        .map(Instant)
        .map_err(|error| error.to_string())
);

#[derive(Clone, Copy)]
struct TargetText(Ppm);
from_text!(TargetText, "a target, for example \"95 %\"", |text| {
    Ppm::from_str(text)
        .map(TargetText)
        .map_err(|error| error.to_string())
});

impl Serialize for TargetText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} ppm", self.0.parts()))
    }
}

#[derive(Clone, Copy, Default)]
struct DurationText {
    ms: i64,
}
from_text!(
    DurationText,
    "a duration, for example \"90s\", \"5min\" or \"48h\"",
    |text| {
        let wrong = || {
            format!(
                "`{text}` is not a duration: write a whole number and a unit (ms, s, min, h, days), for example `90s`, `5min` or `48h`"
            )
        };
        let ms = parse_duration_ms(text).ok_or_else(wrong)?;
        if ms > WINDOW_DAYS_MAX * 24 * HOUR_MS {
            return Err(format!("`{text}` is longer than {WINDOW_DAYS_MAX} days"));
        }
        Ok(DurationText { ms })
    }
);

impl Serialize for DurationText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ms", self.ms))
    }
}

struct KindWord(ExclusionKind);
from_text!(
    KindWord,
    "a kind of exclusion, for example \"maintenance\"",
    |text| {
        ExclusionKind::from_code(text).map(KindWord).ok_or_else(|| {
            let known = ExclusionKind::ALL.map(|kind| format!("`{}`", kind.code()));
            format!(
                "`{text}` is not a kind of exclusion: use {}",
                known.join(", ")
            )
        })
    }
);

#[derive(Clone, Copy, Default)]
enum QuorumJson {
    #[default]
    Majority,
    AtLeast(NonZeroU32),
}

impl<'de> Deserialize<'de> for QuorumJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl Visitor<'_> for Form {
            type Value = QuorumJson;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"majority\" or the number of vantages that makes Down, at least 1")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<QuorumJson, E> {
                if text == "majority" {
                    Ok(QuorumJson::Majority)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<QuorumJson, E> {
                u32::try_from(number)
                    .ok()
                    .and_then(NonZeroU32::new)
                    .map(QuorumJson::AtLeast)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl Serialize for QuorumJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Majority => serializer.serialize_str("majority"),
            Self::AtLeast(n) => serializer.serialize_u32(n.get()),
        }
    }
}

impl From<&Terms> for CommitmentJson {
    fn from(terms: &Terms) -> Self {
        let duration = |ms: i64| DurationText { ms };
        let (maintenance, conditions) = match &terms.maintenance {
            Maintenance::Counted => (MaintenanceWord::Counted, None),
            Maintenance::Excluded(conditions) => (MaintenanceWord::Excluded, Some(conditions)),
            Maintenance::Credited(conditions) => (MaintenanceWord::Credited, Some(conditions)),
        };
        Self {
            target: TargetText(terms.target),
            maintenance,
            notice: conditions
                .filter(|conditions| conditions.notice_ms > 0)
                .map(|conditions| duration(conditions.notice_ms)),
            cap: conditions
                .and_then(|conditions| conditions.cap_ms)
                .map(duration),
            degraded: match terms.degraded {
                Degraded::Up => DegradedWord::Up,
                Degraded::Down => DegradedWord::Down,
            },
            rule: match &terms.rule {
                Rule::All => RuleJson::All,
                Rule::Any => RuleJson::Any,
                Rule::AtLeast(n) => RuleJson::AtLeast(*n),
                Rule::Main(id) => RuleJson::Main(id.to_string()),
            },
            quorum: match terms.quorum {
                Quorum::Majority => QuorumJson::Majority,
                Quorum::AtLeast(n) => QuorumJson::AtLeast(n),
            },
            confirmation: ConfirmationJson {
                failures: terms.confirmation.failures,
                within: duration(terms.confirmation.within_ms),
            },
            minimum_outage: duration(terms.minimum_outage_ms),
        }
    }
}

impl Written {
    fn check(self) -> Result<Document, EvidenceError> {
        if self.format != FORMAT {
            return Err(meaning(
                "format",
                format!("`{}` is not a format we read: use `{FORMAT}`", self.format),
            ));
        }
        let spec = self.window.check()?;
        let window = spec.window();
        let length_days = window.length_ms() / (24 * HOUR_MS);
        if length_days > WINDOW_DAYS_MAX {
            return Err(meaning(
                "window",
                format!(
                    "the window is {length_days} days long: settle at most {WINDOW_DAYS_MAX} days at once"
                ),
            ));
        }
        let terms = self.commitment.check()?;
        let membership = check_membership(self.membership, window)?;
        let exclusions = self
            .exclusions
            .into_iter()
            .enumerate()
            .map(|(idx, exclusion)| exclusion.check(&format!("exclusions[{idx}]")))
            .collect::<Result<Vec<_>, _>>()?;
        let endpoints = check_endpoints(self.endpoints)?;
        check_terms_fit(&terms, &endpoints)?;
        Ok(Document {
            window: spec,
            terms,
            evidence: Evidence {
                window,
                now: self.now.map(|now| now.0),
                membership,
                exclusions,
                endpoints,
            },
        })
    }
}

impl WindowJson {
    fn check(self) -> Result<WindowSpec, EvidenceError> {
        match (self.month, self.zone, self.start, self.end) {
            (Some(month), Some(zone), None, None) => {
                let zone: Tz = parse_zone(&zone).map_err(|error| meaning("window.zone", error))?;
                Month::parse(&month, zone)
                    .map(WindowSpec::Month)
                    .map_err(|error| meaning("window.month", error))
            }
            (None, None, Some(start), Some(end)) => Window::new(start.0, end.0)
                .map(WindowSpec::Between)
                .map_err(|error| meaning("window", error)),
            _ => Err(meaning(
                "window",
                "give either `month` and `zone`, or `start` and `end`",
            )),
        }
    }
}

impl CommitmentJson {
    fn check(self) -> Result<Terms, EvidenceError> {
        let conditions = MaintenanceTerms {
            notice_ms: self.notice.map_or(0, |notice| notice.ms),
            cap_ms: self.cap.map(|cap| cap.ms),
            hours: None,
        };
        Ok(Terms {
            target: self.target.0,
            // `counted` has no use for notice and cap, and takes them without a word: they are
            // part of the clause whatever becomes of the work.
            maintenance: match self.maintenance {
                MaintenanceWord::Counted => Maintenance::Counted,
                MaintenanceWord::Excluded => Maintenance::Excluded(conditions),
                MaintenanceWord::Credited => Maintenance::Credited(conditions),
            },
            degraded: match self.degraded {
                DegradedWord::Up => Degraded::Up,
                DegradedWord::Down => Degraded::Down,
            },
            rule: match self.rule {
                RuleJson::All => Rule::All,
                RuleJson::Any => Rule::Any,
                RuleJson::AtLeast(n) => Rule::AtLeast(n),
                RuleJson::Main(id) => Rule::Main(
                    EndpointId::new(&id).ok_or_else(|| meaning("commitment.rule.main", ID_RULE))?,
                ),
            },
            quorum: match self.quorum {
                QuorumJson::Majority => Quorum::Majority,
                QuorumJson::AtLeast(n) => Quorum::AtLeast(n),
            },
            confirmation: Confirmation {
                failures: self.confirmation.failures,
                within_ms: self.confirmation.within.ms,
            },
            minimum_outage_ms: self.minimum_outage.ms,
            service_hours: None,
        })
    }
}

const ID_RULE: &str = "an id has 1 to 200 bytes and no control character";

fn check_membership(
    written: Option<Vec<SpanJson>>,
    window: Window,
) -> Result<Windows, EvidenceError> {
    let Some(written) = written else {
        return Ok(window.into());
    };
    let mut spans = Vec::with_capacity(written.len());
    for (idx, span) in written.into_iter().enumerate() {
        let place = format!("membership[{idx}]");
        let span = Window::new(span.start.0, span.end.0).map_err(|error| meaning(&place, error))?;
        let overlapped = spans
            .iter()
            .position(|other: &Window| other.intersection(&span).is_some());
        if let Some(other) = overlapped {
            return Err(meaning(
                place,
                format!("overlaps membership[{other}]: a partner is connected once at a time"),
            ));
        }
        spans.push(span);
    }
    // Time outside the window is no part of what is settled.
    let spans: Windows = spans.into_iter().collect();
    Ok(spans.intersection(&window.into()))
}

impl ExclusionJson {
    fn check(self, place: &str) -> Result<Exclusion, EvidenceError> {
        let window =
            Window::new(self.start.0, self.end.0).map_err(|error| meaning(place, error))?;
        Ok(Exclusion {
            kind: self.kind.0,
            window,
            declared: self.declared.map(|declared| declared.0),
            acceptance: if self.accepted {
                Acceptance::Accepted
            } else {
                Acceptance::Pending
            },
            reason: self.reason,
        })
    }
}

fn check_endpoints(written: Vec<EndpointJson>) -> Result<Vec<EndpointEvidence>, EvidenceError> {
    if written.is_empty() {
        return Err(meaning("endpoints", "give at least one endpoint"));
    }
    let mut ids = BTreeSet::new();
    let mut endpoints = Vec::with_capacity(written.len());
    for (idx, endpoint) in written.into_iter().enumerate() {
        let place = format!("endpoints[{idx}]");
        let id =
            EndpointId::new(&endpoint.id).ok_or_else(|| meaning(format!("{place}.id"), ID_RULE))?;
        if !ids.insert(id.clone()) {
            return Err(meaning(
                format!("{place}.id"),
                format!("endpoint `{id}` stands twice in the document"),
            ));
        }
        endpoints.push(endpoint.check(&place, id)?);
    }
    Ok(endpoints)
}

impl EndpointJson {
    fn check(self, place: &str, id: EndpointId) -> Result<EndpointEvidence, EvidenceError> {
        if let Some(validity) = self.validity
            && validity.ms <= 0
        {
            return Err(meaning(
                format!("{place}.validity"),
                "an observation must speak for some time: give a validity above zero",
            ));
        }
        let mut ids = BTreeSet::new();
        let mut vantages = Vec::with_capacity(self.vantages.len());
        for (idx, vantage) in self.vantages.into_iter().enumerate() {
            let place = format!("{place}.vantages[{idx}]");
            let id = VantageId::new(&vantage.id)
                .ok_or_else(|| meaning(format!("{place}.id"), ID_RULE))?;
            if !ids.insert(id.clone()) {
                return Err(meaning(
                    format!("{place}.id"),
                    format!("vantage `{id}` stands twice in this endpoint"),
                ));
            }
            let seen = match (vantage.observations, vantage.segments) {
                (Some(_), Some(_)) => {
                    return Err(meaning(
                        place,
                        "give `observations` or `segments`, not both: they could contradict each other",
                    ));
                }
                (Some(_), None) if self.validity.is_none() => {
                    return Err(meaning(
                        place,
                        "observations need the endpoint's `validity`: how long each one speaks",
                    ));
                }
                (Some(observations), None) => {
                    Seen::Observations(check_observations(observations, &place)?)
                }
                (None, segments) => {
                    Seen::Segments(check_segments(segments.unwrap_or_default(), &place)?)
                }
            };
            vantages.push(VantageEvidence { id, seen });
        }
        Ok(EndpointEvidence {
            id,
            // Without observations nothing is ever read by it.
            validity_ms: self.validity.map_or(1, |validity| validity.ms),
            latency_objective_ms: None,
            vantages,
        })
    }
}

fn check_observations(
    written: Vec<(Instant, StateWord)>,
    place: &str,
) -> Result<Vec<Observation>, EvidenceError> {
    let answered = |partial| Outcome::Answered {
        latency_ms: 0,
        partial,
    };
    written
        .into_iter()
        .enumerate()
        .map(|(idx, (at, word))| {
            let outcome = match word {
                StateWord::Up => answered(false),
                StateWord::Degraded => answered(true),
                StateWord::Down => Outcome::Failed(Fault::Unspecified),
                StateWord::Void => Outcome::Void(Void::NotExecuted),
                StateWord::Unknown => {
                    return Err(meaning(
                        format!("{place}.observations[{idx}]"),
                        "an observation is `up`, `degraded`, `down` or `void`; only a segment can be `unknown`",
                    ));
                }
            };
            Ok(Observation {
                tick: at.0,
                at: at.0,
                outcome,
            })
        })
        .collect()
}

fn check_segments(
    written: Vec<(Instant, Instant, StateWord)>,
    place: &str,
) -> Result<Vec<Segment>, EvidenceError> {
    let mut segments: Vec<(usize, Segment)> = Vec::with_capacity(written.len());
    for (idx, (start, end, word)) in written.into_iter().enumerate() {
        let place = format!("{place}.segments[{idx}]");
        let window = Window::new(start.0, end.0).map_err(|error| meaning(&place, error))?;
        let state = match word {
            StateWord::Up => State::Up,
            StateWord::Degraded => State::Degraded,
            StateWord::Down => State::Down,
            StateWord::Unknown => State::Unknown,
            StateWord::Void => {
                return Err(meaning(
                    place,
                    "a segment is `up`, `degraded`, `down` or `unknown`; only an observation can be `void`",
                ));
            }
        };
        segments.push((idx, Segment { window, state }));
    }
    segments.sort_by_key(|(_, segment)| segment.window);
    for pair in segments.windows(2) {
        if let [(before_idx, before), (idx, segment)] = pair
            && before.window.end() > segment.window.start()
        {
            // The one that stands later in the document is the one to look at.
            let (first, second) = (before_idx.min(idx), before_idx.max(idx));
            return Err(meaning(
                format!("{place}.segments[{second}]"),
                format!("overlaps segments[{first}]: it was one state at a time"),
            ));
        }
    }
    Ok(segments.into_iter().map(|(_, segment)| segment).collect())
}

/// A rule or a quorum that asks for what the document does not have could never be decided.
fn check_terms_fit(terms: &Terms, endpoints: &[EndpointEvidence]) -> Result<(), EvidenceError> {
    match &terms.rule {
        Rule::Main(main) if endpoints.iter().all(|endpoint| endpoint.id != *main) => {
            return Err(meaning(
                "commitment.rule.main",
                format!("there is no endpoint `{main}` in the document"),
            ));
        }
        Rule::AtLeast(n) if usize::try_from(n.get()).unwrap_or(usize::MAX) > endpoints.len() => {
            return Err(meaning(
                "commitment.rule.at_least",
                format!("asks for {n} endpoints of {}", endpoints.len()),
            ));
        }
        Rule::All | Rule::Any | Rule::AtLeast(_) | Rule::Main(_) => {}
    }
    if let Quorum::AtLeast(n) = terms.quorum {
        let needed = terms.quorum.needed(0);
        for (idx, endpoint) in endpoints.iter().enumerate() {
            if !endpoint.vantages.is_empty() && needed > endpoint.vantages.len() {
                return Err(meaning(
                    "commitment.quorum",
                    format!(
                        "asks for {n} vantages, but endpoints[{idx}] has {}",
                        endpoint.vantages.len()
                    ),
                ));
            }
        }
    }
    Ok(())
}
