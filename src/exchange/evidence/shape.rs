//! What may stand in a document, before we know what it means.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::sla::commitment::{Confirmation, Degraded, Maintenance, Ppm, Quorum, Rule, Terms};
use crate::sla::ledger::ExclusionKind;
use crate::sla::statement::WINDOW_DAYS_MAX;
use crate::sla::timeline::State;
use crate::sla::window::{HOUR_MS, Timestamp, parse_duration_ms};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) format: String,
    pub(super) window: WindowJson,
    #[serde(default)]
    pub(super) now: Option<Instant>,
    pub(super) commitment: CommitmentJson,
    #[serde(default)]
    pub(super) membership: Option<Vec<SpanJson>>,
    #[serde(default)]
    pub(super) exclusions: Vec<ExclusionJson>,
    pub(super) endpoints: Vec<EndpointJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowJson {
    pub(super) month: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) start: Option<Instant>,
    pub(super) end: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpanJson {
    pub(super) start: Instant,
    pub(super) end: Instant,
}

/// The commitment's keys; also how they are written, in this order.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitmentJson {
    pub(super) target: TargetText,
    #[serde(default)]
    pub(super) maintenance: MaintenanceWord,
    #[serde(default)]
    pub(super) notice: Option<DurationText>,
    #[serde(default)]
    pub(super) cap: Option<DurationText>,
    #[serde(default)]
    pub(super) degraded: DegradedWord,
    #[serde(default)]
    pub(super) rule: RuleJson,
    #[serde(default)]
    pub(super) quorum: QuorumJson,
    #[serde(default)]
    pub(super) confirmation: ConfirmationJson,
    #[serde(default)]
    pub(super) minimum_outage: DurationText,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MaintenanceWord {
    #[default]
    Counted,
    Excluded,
    Credited,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DegradedWord {
    #[default]
    Up,
    Down,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RuleJson {
    #[default]
    All,
    Any,
    AtLeast(NonZeroU32),
    Main(String),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmationJson {
    pub(super) failures: NonZeroU32,
    #[serde(default = "ConfirmationJson::within_default")]
    pub(super) within: DurationText,
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
pub(super) struct ExclusionJson {
    pub(super) kind: KindWord,
    pub(super) start: Instant,
    pub(super) end: Instant,
    #[serde(default)]
    pub(super) declared: Option<Instant>,
    pub(super) accepted: bool,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointJson {
    pub(super) id: String,
    #[serde(default)]
    pub(super) validity: Option<DurationText>,
    pub(super) vantages: Vec<VantageJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VantageJson {
    pub(super) id: String,
    #[serde(default)]
    pub(super) present: Option<SpanJson>,
    #[serde(default)]
    pub(super) observations: Option<Vec<(Instant, StateWord)>>,
    #[serde(default)]
    pub(super) segments: Option<Vec<(Instant, Instant, StateWord)>>,
}

/// What an observation or a segment says. In order of what counts at one instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateWord {
    Void,
    Unknown,
    Up,
    Degraded,
    Down,
}

impl StateWord {
    pub(super) fn code(self) -> &'static str {
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
pub(super) struct Instant(pub(super) Timestamp);
from_text!(
    Instant,
    "an RFC 3339 instant with an offset, for example \"2025-10-01T00:00:00+02:00\"",
    |text| Timestamp::from_str(text)
        .map(Instant)
        .map_err(|error| error.to_string())
);

#[derive(Clone, Copy)]
pub(super) struct TargetText(pub(super) Ppm);
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
pub(super) struct DurationText {
    pub(super) ms: i64,
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

pub(super) struct KindWord(pub(super) ExclusionKind);
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
pub(super) enum QuorumJson {
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
