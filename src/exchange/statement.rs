//! `vigie-statement/1`: writing it, and comparing one with what evidence settles to.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::engine;
use crate::sla::availability::{Availability, Budget, Ratio, Tally, Verdict};
use crate::sla::commitment::Ppm;
use crate::sla::statement::{Incident, Statement};
use crate::sla::window::{Timestamp, Window};

const FORMAT: &str = "vigie-statement/1";

/// The document of a statement. Keys stand in a fixed order and numbers are integers, so that
/// equal statements give equal bytes.
pub fn statement_json(statement: &Statement, evidence_sha256: &str) -> Vec<u8> {
    let document = StatementJson {
        format: FORMAT,
        window: WindowJson::from(statement.window),
        target_ppm: statement.target.parts(),
        verdict: statement.verdict.code(),
        outlook: statement.outlook.map(|outlook| outlook.code()),
        tally_ms: TallyJson::from(statement.tally),
        transient_ms: statement.transient_ms,
        disputed_ms: statement.disputed_ms,
        availability: statement.availability.map(AvailabilityJson::from),
        budget: BudgetJson::from(statement.budget),
        incidents: statement.incidents.iter().map(IncidentJson::from).collect(),
        evidence_sha256,
        engine: engine(),
    };
    // Structs of numbers and texts always serialise.
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Why a file is not a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not JSON, or JSON of another kind.
    #[error("read statement: {0}")]
    Shape(String),
    /// Another format or version.
    #[error("read statement: its `format` is {found}, this program reads `{FORMAT}`")]
    Format {
        /// What stands there.
        found: String,
    },
}

/// The figures of a statement that was written, from which all its others follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenFigures {
    /// Inclusive.
    pub target: Ppm,
    /// The window by class.
    pub tally: Tally,
    /// Whether the target was reached.
    pub verdict: Verdict,
}

/// The figures of a written statement.
///
/// # Errors
/// A document that is not a statement, or whose verdict does not follow from its own figures.
pub fn read_figures(statement: &[u8]) -> Result<WrittenFigures, StatementError> {
    #[derive(Deserialize)]
    struct Figures {
        target_ppm: u32,
        verdict: String,
        tally_ms: TallyJson,
    }
    let read = |bytes: &[u8]| serde_json::from_slice::<Figures>(bytes);
    let figures = read(statement).map_err(|error| StatementError::Shape(error.to_string()))?;
    let target = Ppm::new(figures.target_ppm)
        .ok_or_else(|| StatementError::Shape("its target is above 100 %".to_owned()))?;
    let tally = Tally::from(figures.tally_ms);
    let verdict = tally.verdict(target);
    if verdict.code() != figures.verdict {
        return Err(StatementError::Shape(format!(
            "its verdict is `{}`, its figures say `{}`",
            figures.verdict,
            verdict.code()
        )));
    }
    Ok(WrittenFigures {
        target,
        tally,
        verdict,
    })
}

/// What a statement has in common with the one that its evidence settles to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The keys that differ, with what was written and what was recomputed.
    pub differences: Vec<Difference>,
    /// The engine that wrote the statement, if it is another one than this; not a difference.
    pub other_engine: Option<String>,
}

/// A key that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `availability.lower.part_ms`
    pub place: String,
    /// As the statement has it.
    pub written: String,
    /// As the evidence gives it.
    pub recomputed: String,
}

/// Compares a written statement with a recomputed one, key by key.
///
/// # Errors
/// A document that is not a statement.
pub fn compare(written: &[u8], recomputed: &[u8]) -> Result<Comparison, StatementError> {
    let read = |bytes: &[u8]| -> Result<Value, StatementError> {
        serde_json::from_slice::<OneOfEach>(bytes)
            .map(|OneOfEach(value)| value)
            .map_err(|error| StatementError::Shape(error.to_string()))
    };
    let (mut written, mut recomputed) = (read(written)?, read(recomputed)?);
    match written.get("format") {
        Some(Value::String(format)) if format == FORMAT => {}
        found => {
            return Err(StatementError::Format {
                found: found.map_or("absent".to_owned(), Value::to_string),
            });
        }
    }
    let engine_of = |value: &mut Value| value.as_object_mut().and_then(|map| map.remove("engine"));
    let (engine, ours) = (engine_of(&mut written), engine_of(&mut recomputed));
    let mut differences = Vec::new();
    collect_differences("", &written, &recomputed, &mut differences);
    Ok(Comparison {
        differences,
        other_engine: (engine != ours).then(|| {
            engine.map_or("not named".to_owned(), |engine| {
                engine.as_str().unwrap_or_default().to_owned()
            })
        }),
    })
}

fn collect_differences(place: &str, left: &Value, right: &Value, found: &mut Vec<Difference>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> =
                left.keys().chain(right.keys()).collect();
            for key in keys {
                let place = if place.is_empty() {
                    key.clone()
                } else {
                    format!("{place}.{key}")
                };
                let absent = Value::String("(absent)".to_owned());
                let (left, right) = (left.get(key), right.get(key));
                collect_differences(
                    &place,
                    left.unwrap_or(&absent),
                    right.unwrap_or(&absent),
                    found,
                );
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (idx, (left, right)) in left.iter().zip(right).enumerate() {
                collect_differences(&format!("{place}[{idx}]"), left, right, found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push(Difference {
            place: place.to_owned(),
            written: left.to_string(),
            recomputed: right.to_string(),
        }),
    }
}

/// JSON in which no key stands twice: readers that take the first and readers that take the last
/// would see different statements.
struct OneOfEach(Value);

impl<'de> Deserialize<'de> for OneOfEach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyJson;
        impl<'de> Visitor<'de> for AnyJson {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
                Err(E::custom(format!(
                    "{value}: a statement holds whole numbers only"
                )))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut array = Vec::new();
                while let Some(OneOfEach(item)) = items.next_element()? {
                    array.push(item);
                }
                Ok(Value::Array(array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
                let mut object = serde_json::Map::new();
                while let Some((key, OneOfEach(value))) = entries.next_entry::<String, _>()? {
                    if object.insert(key.clone(), value).is_some() {
                        return Err(de::Error::custom(format!("`{key}` stands twice")));
                    }
                }
                Ok(Value::Object(object))
            }
        }
        deserializer.deserialize_any(AnyJson).map(Self)
    }
}

// The document, key by key, in the order it is written.

#[derive(Serialize)]
struct StatementJson<'a> {
    format: &'static str,
    window: WindowJson,
    target_ppm: u32,
    verdict: &'static str,
    outlook: Option<&'static str>,
    tally_ms: TallyJson,
    transient_ms: i64,
    disputed_ms: i64,
    availability: Option<AvailabilityJson>,
    budget: BudgetJson,
    incidents: Vec<IncidentJson>,
    evidence_sha256: &'a str,
    engine: String,
}

#[derive(Serialize)]
struct WindowJson {
    start: String,
    end: String,
    length_ms: i64,
}

impl From<Window> for WindowJson {
    fn from(window: Window) -> Self {
        Self {
            start: window.start().to_string(),
            end: window.end().to_string(),
            length_ms: window.length_ms(),
        }
    }
}

#[derive(Deserialize, Serialize)]
struct TallyJson {
    up: i64,
    degraded: i64,
    down: i64,
    unknown: i64,
    credited: i64,
    excluded: i64,
    out_of_scope: i64,
}

impl From<Tally> for TallyJson {
    fn from(tally: Tally) -> Self {
        Self {
            up: tally.up_ms,
            degraded: tally.degraded_ms,
            down: tally.down_ms,
            unknown: tally.unknown_ms,
            credited: tally.credited_ms,
            excluded: tally.excluded_ms,
            out_of_scope: tally.out_of_scope_ms,
        }
    }
}

#[derive(Serialize)]
struct AvailabilityJson {
    lower: RatioJson,
    upper: RatioJson,
    observed: Option<RatioJson>,
    coverage: RatioJson,
}

impl From<Availability> for AvailabilityJson {
    fn from(availability: Availability) -> Self {
        Self {
            lower: availability.lower.into(),
            upper: availability.upper.into(),
            observed: availability.observed.map(RatioJson::from),
            coverage: availability.coverage.into(),
        }
    }
}

impl From<TallyJson> for Tally {
    fn from(tally: TallyJson) -> Self {
        Self {
            up_ms: tally.up,
            degraded_ms: tally.degraded,
            down_ms: tally.down,
            unknown_ms: tally.unknown,
            credited_ms: tally.credited,
            excluded_ms: tally.excluded,
            out_of_scope_ms: tally.out_of_scope,
        }
    }
}

#[derive(Serialize)]
struct RatioJson {
    part_ms: i64,
    whole_ms: i64,
    shown: String,
}

impl From<Ratio> for RatioJson {
    fn from(ratio: Ratio) -> Self {
        Self {
            part_ms: ratio.part_ms(),
            whole_ms: ratio.whole_ms(),
            shown: ratio.to_string(),
        }
    }
}

#[derive(Serialize)]
struct BudgetJson {
    allowed_ms: i64,
    remaining_min_ms: i64,
    remaining_max_ms: i64,
}

impl From<Budget> for BudgetJson {
    fn from(budget: Budget) -> Self {
        Self {
            allowed_ms: budget.allowed_ms,
            remaining_min_ms: budget.remaining_min_ms,
            remaining_max_ms: budget.remaining_max_ms,
        }
    }
}

#[derive(Serialize)]
struct IncidentJson {
    start: String,
    end: String,
    down_ms: i64,
    total_ms: i64,
    starts_before: bool,
    ends_after: bool,
}

impl From<&Incident> for IncidentJson {
    fn from(incident: &Incident) -> Self {
        let text = |at: Timestamp| at.to_string();
        Self {
            start: text(incident.window.start()),
            end: text(incident.window.end()),
            down_ms: incident.down_ms,
            total_ms: incident.window.length_ms(),
            starts_before: incident.starts_before,
            ends_after: incident.ends_after,
        }
    }
}
