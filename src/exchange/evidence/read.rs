//! What a document means, with every fault named by its place.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::shape::{
    CommitmentJson, DegradedWord, EndpointJson, ExclusionJson, Instant, MaintenanceWord,
    QuorumJson, RuleJson, SpanJson, StateWord, WindowJson, Written,
};
use super::{Document, EvidenceError, FORMAT, WindowSpec, meaning};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::commitment::{
    Confirmation, Degraded, Maintenance, MaintenanceTerms, Quorum, Rule, Terms,
};
use crate::sla::ledger::{Acceptance, Exclusion};
use crate::sla::observation::{Fault, Observation, Outcome, Void};
use crate::sla::statement::{EndpointEvidence, Evidence, Seen, VantageEvidence, WINDOW_DAYS_MAX};
use crate::sla::timeline::{Segment, State};
use crate::sla::window::{HOUR_MS, Month, Window, Windows, parse_zone};

impl Written {
    pub(super) fn check(self) -> Result<Document, EvidenceError> {
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
    pub(super) fn check(self) -> Result<Terms, EvidenceError> {
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
            let present = match vantage.present {
                Some(span) => Some(
                    Window::new(span.start.0, span.end.0)
                        .map_err(|error| meaning(format!("{place}.present"), error))?,
                ),
                None => None,
            };
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
            vantages.push(VantageEvidence { id, present, seen });
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
        latency_us: 0,
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
