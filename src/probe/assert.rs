//! Assertions, put to an answer. All of them are tried, whatever came of the first.

use std::cmp::Ordering;
use std::net::IpAddr;

use hyper::Version;
use hyper::header::HeaderMap;
use regex::Regex;
use serde_json::Value as Json;

use super::cut;
use crate::sla::assertion::{
    Assertion, Comparison, JsonPath, Literal, Number, Step, Subject, Test,
};
use crate::sla::explanation::Assessment;

/// What is told in place of a value.
const NOT_JSON: &str = "the body is not JSON";
const A_LIST: &str = "a list of ";
const AN_OBJECT: &str = "an object of ";

/// Assertions with their patterns compiled, for as many answers as there will be.
pub(super) struct Assertions(Vec<Ready>);

struct Ready {
    assertion: Assertion,
    /// Of a test that has one.
    pattern: Option<Regex>,
}

/// What assertions can be put to. What a protocol does not have is absent.
#[derive(Default)]
pub(super) struct Facts<'a> {
    pub(super) headers: Option<&'a HeaderMap>,
    /// The whole body, decoded.
    pub(super) body: Option<&'a [u8]>,
    /// What the body is as JSON, if it is.
    pub(super) json: Option<&'a Json>,
    pub(super) certificate_days: Option<i64>,
    pub(super) http_version: Option<Version>,
    pub(super) address: Option<IpAddr>,
}

impl Assertions {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// One of them is no regular expression.
    pub(super) fn compile(assertions: &[Assertion]) -> Result<Self, regex::Error> {
        let ready = assertions.iter().map(|assertion| {
            let pattern = match assertion.test() {
                Test::Matches { pattern, .. } => Some(Regex::new(pattern)?),
                Test::Exists { .. } | Test::Compare(..) | Test::Contains { .. } => None,
            };
            Ok(Ready {
                assertion: assertion.clone(),
                pattern,
            })
        });
        ready.collect::<Result<_, _>>().map(Self)
    }

    /// Whether any of them looks at the body.
    pub(super) fn want_body(&self) -> bool {
        let mut subjects = self.0.iter().map(|ready| ready.assertion.subject());
        subjects.any(|subject| matches!(subject, Subject::Body | Subject::Json(_)))
    }

    /// Whether any of them looks into JSON.
    pub(super) fn want_json(&self) -> bool {
        let mut subjects = self.0.iter().map(|ready| ready.assertion.subject());
        subjects.any(|subject| matches!(subject, Subject::Json(_)))
    }

    /// Puts each of them to an answer, in their order.
    pub(super) fn assess<'a>(
        &'a self,
        facts: &'a Facts<'_>,
    ) -> impl Iterator<Item = Assessment> + 'a {
        self.0.iter().map(|ready| {
            let subject = ready.assertion.subject();
            let (found, holds) = ready.put_to(subject, facts);
            Assessment {
                subject: subject.to_string(),
                found,
                test: ready.assertion.test().to_string(),
                holds,
            }
        })
    }
}

impl Ready {
    /// What was found, and whether the assertion holds.
    fn put_to(&self, subject: &Subject, facts: &Facts<'_>) -> (Option<String>, bool) {
        match subject {
            Subject::Header(name) => self.header(name, facts),
            Subject::Body => match facts.body {
                Some(body) => {
                    let holds = self.text(&String::from_utf8_lossy(body));
                    (Some(format!("{} bytes", body.len())), holds)
                }
                None => (None, false),
            },
            Subject::Json(path) => {
                let holds = facts.json.is_some_and(|json| self.json(path, json));
                (found(path, facts), holds)
            }
            Subject::CertificateDays => self.number(facts.certificate_days.map(Json::from)),
            Subject::HttpVersion => {
                let version = facts.http_version.and_then(|version| match version {
                    Version::HTTP_10 => Some(Json::from(1.0)),
                    Version::HTTP_11 => Some(Json::from(1.1)),
                    Version::HTTP_2 => Some(Json::from(2)),
                    _ => None,
                });
                self.number(version)
            }
            Subject::IpFamily => {
                let family = facts.address.map(|address| match address {
                    IpAddr::V4(_) => 4,
                    IpAddr::V6(_) => 6,
                });
                self.number(family.map(Json::from))
            }
        }
    }

    fn number(&self, found: Option<Json>) -> (Option<String>, bool) {
        match (found, self.assertion.test()) {
            (Some(found), Test::Compare(comparison, literal)) => {
                let holds = compare(&found, *comparison, literal);
                (Some(found.to_string()), holds)
            }
            (found, _) => (found.map(|found| found.to_string()), false),
        }
    }

    fn header(&self, name: &str, facts: &Facts<'_>) -> (Option<String>, bool) {
        let values: Vec<_> = facts
            .headers
            .map(|headers| headers.get_all(name))
            .into_iter()
            .flatten()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let test = self.assertion.test();
        if let Test::Exists { wanted } = test {
            let found = (!values.is_empty()).then(|| cut(&values.join(", ")));
            return (found, *wanted != values.is_empty());
        }
        if values.is_empty() {
            return (None, false);
        }
        let holds = if is_denial(test) {
            values.iter().all(|value| self.text(value))
        } else {
            values.iter().any(|value| self.text(value))
        };
        (Some(cut(&values.join(", "))), holds)
    }

    fn json(&self, path: &JsonPath, json: &Json) -> bool {
        match (at(json, path), self.assertion.test()) {
            (value, Test::Exists { wanted }) => value.is_some() == *wanted,
            (None, _) => false,
            (Some(value), Test::Compare(comparison, literal)) => {
                compare(value, *comparison, literal)
            }
            (Some(Json::String(text)), _) => self.text(text),
            (Some(Json::Array(items)), Test::Contains { text, wanted }) => {
                items.iter().any(|item| item == text.as_str()) == *wanted
            }
            (Some(_), Test::Contains { .. } | Test::Matches { .. }) => false,
        }
    }

    /// The test of a text that is there.
    fn text(&self, found: &str) -> bool {
        match (self.assertion.test(), &self.pattern) {
            (Test::Exists { wanted }, _) => *wanted,
            (Test::Compare(Comparison::Equal, Literal::Text(text)), _) => found == text,
            (Test::Compare(Comparison::NotEqual, Literal::Text(text)), _) => found != text,
            (Test::Compare(..), _) => false,
            (Test::Contains { text, wanted }, _) => found.contains(text) == *wanted,
            (Test::Matches { wanted, .. }, Some(pattern)) => pattern.is_match(found) == *wanted,
            (Test::Matches { .. }, None) => false,
        }
    }
}

/// Whether the test says what must not be: of several values, none may be it.
fn is_denial(test: &Test) -> bool {
    match test {
        Test::Compare(comparison, _) => *comparison == Comparison::NotEqual,
        Test::Exists { wanted } | Test::Contains { wanted, .. } | Test::Matches { wanted, .. } => {
            !wanted
        }
    }
}

/// What stands at `path`, as people are shown it.
pub(super) fn found(path: &JsonPath, facts: &Facts<'_>) -> Option<String> {
    let Some(json) = facts.json else {
        return facts.body.map(|_| NOT_JSON.to_owned());
    };
    at(json, path).map(|value| match value {
        Json::String(text) => told(text),
        Json::Null | Json::Bool(_) | Json::Number(_) => cut(&value.to_string()),
        Json::Array(items) => format!("{A_LIST}{}", items.len()),
        Json::Object(fields) => format!("{AN_OBJECT}{}", fields.len()),
    })
}

/// What stands at `path`.
pub(super) fn at<'a>(json: &'a Json, path: &JsonPath) -> Option<&'a Json> {
    let mut place = json;
    for step in path.steps() {
        place = match step {
            Step::Field(name) => place.get(name)?,
            Step::Index(index) => place.get(index)?,
        };
    }
    Some(place)
}

/// A text from JSON, fit for a line: bare where it can be taken for nothing but a text. In quotes
/// "0" is told from 0, "null" from null, and "missing" from what is not there.
fn told(text: &str) -> String {
    const WORDS: [&str; 5] = ["true", "false", "null", "missing", NOT_JSON];
    let is_plain = text.starts_with(char::is_alphabetic)
        && !WORDS.contains(&text)
        && !text.starts_with(A_LIST)
        && !text.starts_with(AN_OBJECT);
    let shown = cut(text);
    // No other value is cut, and a secret that was is masked by its end.
    if is_plain || shown.ends_with('…') {
        shown
    } else {
        format!("\"{shown}\"")
    }
}

/// Nothing holds of a value of another type than that of the literal, also not that they differ.
/// Only `null`, a type with one value, differs from all others.
fn compare(found: &Json, comparison: Comparison, literal: &Literal) -> bool {
    let ordering = match (found, literal) {
        (Json::Number(found), Literal::Number(wanted)) => order(found, wanted),
        (Json::String(found), Literal::Text(wanted)) => Some(found.as_str().cmp(wanted)),
        (Json::Bool(found), Literal::Bool(wanted)) => Some(found.cmp(wanted)),
        (found, Literal::Null) => Some(found.is_null().cmp(&true)),
        _ => None,
    };
    ordering.is_some_and(match comparison {
        Comparison::Equal => Ordering::is_eq,
        Comparison::NotEqual => Ordering::is_ne,
        Comparison::Less => Ordering::is_lt,
        Comparison::LessOrEqual => Ordering::is_le,
        Comparison::Greater => Ordering::is_gt,
        Comparison::GreaterOrEqual => Ordering::is_ge,
    })
}

/// Whole numbers are compared exactly: neighbours beyond 2^53 are not equal.
fn order(found: &serde_json::Number, wanted: &Number) -> Option<Ordering> {
    let wanted: serde_json::Number = serde_json::from_str(wanted.as_str()).ok()?;
    match (found.as_i128(), wanted.as_i128()) {
        (Some(found), Some(wanted)) => Some(found.cmp(&wanted)),
        _ => found.as_f64()?.partial_cmp(&wanted.as_f64()?),
    }
}
