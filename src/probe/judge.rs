//! What an HTTP answer means. Pure: everything is at hand.

use std::net::IpAddr;

use chrono::DateTime;
use hyper::Version;
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use serde_json::Value as Json;

use super::assert::{self, Assertions, Facts};
use super::body::{InflateError, inflate};
use super::{Ending, Looked, cause, cut, quoted};
use crate::sla::assertion::{JsonPath, Literal};
use crate::sla::catalog::{HttpProbe, JsonState};
use crate::sla::explanation::Assessment;
use crate::sla::observation::{Fault, Void};
use crate::sla::window::Timestamp;

/// An answer, as much of it as was read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) version: Version,
    /// As it came.
    pub(super) body: Vec<u8>,
    /// Whether that is all of it.
    pub(super) is_whole: bool,
    /// Who answered, where that can be told.
    pub(super) address: Option<IpAddr>,
    /// Whole days until the first of the verified certificates ends.
    pub(super) certificate_days: Option<i64>,
}

/// What an answer means.
pub(super) struct Judgement {
    pub(super) ending: Ending,
    /// The service's own error code.
    pub(super) cause: Option<String>,
    /// The status, then the state that the service tells, then every assertion.
    pub(super) assessments: Vec<Assessment>,
}

/// Judges an answer.
pub(super) fn answer(
    probe: &HttpProbe,
    assertions: &Assertions,
    answer: Answer,
    headers: &HeaderMap,
    sent_secret: bool,
) -> Judgement {
    let is_expected = probe.expected_statuses.contains(answer.status);
    let codings = headers.get_all(CONTENT_ENCODING).iter();
    let content_encoding = codings
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let body = if answer.is_whole {
        inflate(answer.body, &content_encoding, probe.body_bytes_max)
    } else {
        Err(InflateError::TooLarge)
    };
    let wants_json = !is_expected || probe.json.is_some() || assertions.want_json();
    let json = body
        .as_ref()
        .ok()
        .filter(|_| wants_json)
        .and_then(|body| serde_json::from_slice::<Json>(body).ok());
    let facts = Facts {
        headers: Some(headers),
        body: body.as_deref().ok(),
        json: json.as_ref(),
        certificate_days: answer.certificate_days,
        http_version: Some(answer.version),
        address: answer.address,
    };
    let state = probe.json.iter().flat_map(|state| put_state(state, &facts));
    let state: Vec<_> = state.collect();
    let asserted: Vec<_> = assertions.assess(&facts).collect();
    let cause = json.as_ref().filter(|_| !is_expected).and_then(cause::code);
    let ending = if !is_expected {
        unexpected_status(probe, answer.status, cause.as_deref(), sent_secret)
    } else if let Err(error) = body {
        undecoded(probe, error)
    } else {
        content(probe, json.as_ref(), &asserted)
    };
    let assessments = std::iter::once(status(probe, answer.status))
        .chain(state)
        .chain(asserted)
        .collect();
    Judgement {
        ending,
        cause,
        assessments,
    }
}

/// Whether the status is one that was expected.
pub(super) fn status(probe: &HttpProbe, status: u16) -> Assessment {
    Assessment {
        subject: "status".to_owned(),
        found: Some(status.to_string()),
        test: format!("in {}", probe.expected_statuses),
        holds: probe.expected_statuses.contains(status),
    }
}

/// The body is not what it says, or too much of it.
fn undecoded(probe: &HttpProbe, error: InflateError) -> Ending {
    let message = match error {
        InflateError::TooLarge => return too_large(probe, " once decompressed"),
        InflateError::Corrupt(coding) => format!("the body is not {} as it says", quoted(&coding)),
        InflateError::UnknownEncoding(coding) => format!(
            "the body is encoded as {}, which was not asked for",
            quoted(&coding)
        ),
    };
    Ending::failed(Fault::Content, message)
}

/// The body is larger than allowed; `when` says at what point that was seen.
pub(super) fn too_large(probe: &HttpProbe, when: &str) -> Ending {
    Ending::failed(
        Fault::TooLarge,
        format!(
            "the body is larger than {} bytes{when}",
            probe.body_bytes_max
        ),
    )
}

/// An unexpected status speaks against the service, unless it speaks about us.
pub(super) fn unexpected_status(
    probe: &HttpProbe,
    status: u16,
    cause: Option<&str>,
    sent_secret: bool,
) -> Ending {
    let mut message = format!("status {status}, expected {}", probe.expected_statuses);
    if let Some(cause) = cause {
        message.push_str("; ");
        message.push_str(&cause::explain(cause));
    }
    match status {
        407 if probe.route.proxy.is_some() => Ending::void(
            Void::NotExecuted,
            "our proxy refuses our credentials: status 407",
        ),
        429 => Ending::void(Void::RateLimited, message),
        400 | 401 | 403 | 422 if sent_secret => Ending::void(Void::Credential(status), message),
        _ => Ending::failed(Fault::Status(status), message),
    }
}

/// Judges what an answer with an expected status holds. What the service says about itself weighs
/// more than what we expect of it.
fn content(probe: &HttpProbe, json: Option<&Json>, asserted: &[Assessment]) -> Ending {
    let stated = match &probe.json {
        None => Ending::good(),
        Some(state) => match json {
            Some(json) => stated(state, json),
            None => Ending::failed(Fault::Content, "the body is not JSON"),
        },
    };
    let n_refuted = asserted.iter().filter(|one| !one.holds).count();
    let first = asserted.iter().find(|one| !one.holds);
    match first {
        Some(first) if stated.is_good() => {
            let others = match n_refuted - 1 {
                0 => String::new(),
                1 => "; nor does another one".to_owned(),
                n_others => format!("; nor do {n_others} others"),
            };
            let message = format!("the assertion {first} does not hold{others}");
            Ending {
                looked: stated.looked,
                ..Ending::failed(Fault::Content, message)
            }
        }
        Some(_) | None => stated,
    }
}

/// What the state is read from, put to an answer: the field that tells it, and the one that dates
/// it where that is no date. How old a date is, is checked where it counts.
fn put_state(state: &JsonState, facts: &Facts<'_>) -> impl Iterator<Item = Assessment> {
    let up = state.up.iter().cloned().map(Literal::Text);
    let up: Vec<_> = up.map(|text| text.to_string()).collect();
    let field = |path| facts.json.and_then(|json| assert::at(json, path));
    let is_up = field(&state.path)
        .and_then(word)
        .is_some_and(|told| state.up.contains(&told));
    let told = Assessment {
        subject: state.path.to_string(),
        found: assert::found(&state.path, facts),
        test: match up.as_slice() {
            [only] => format!("== {only}"),
            several => format!("in {}", several.join(", ")),
        },
        holds: is_up,
    };
    let undated = state
        .dated_by
        .as_ref()
        .filter(|path| is_up && field(path).and_then(date).is_none());
    let undated = undated.map(|path| Assessment {
        subject: path.to_string(),
        found: assert::found(path, facts),
        test: "is a date and time".to_owned(),
        holds: false,
    });
    std::iter::once(told).chain(undated)
}

/// What a field says in one word.
fn word(field: &Json) -> Option<String> {
    match field {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(field.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The instant that a field tells.
fn date(field: &Json) -> Option<Timestamp> {
    let instant = DateTime::parse_from_rfc3339(field.as_str()?).ok()?;
    Timestamp::from_unix_ms(instant.timestamp_millis())
}

/// The state that a field of the body tells.
fn stated(state: &JsonState, json: &Json) -> Ending {
    let field = match field(json, &state.path) {
        Ok(found) => found,
        Err(missing) => return missing,
    };
    let path = quoted(&state.path.to_string());
    let Some(told) = word(field) else {
        return Ending::failed(
            Fault::Content,
            format!("{path} is neither text, number nor boolean"),
        );
    };
    let message = format!("{path} is {}", quoted(&told));
    if state.up.contains(&told) {
        match &state.dated_by {
            Some(dated_by) => good_since(json, dated_by),
            None => Ending::good(),
        }
    } else if state.maintenance.contains(&told) {
        Ending::failed(Fault::Maintenance, message)
    } else if state.unknown.contains(&told) {
        Ending::void(Void::StatedUnknown, message)
    } else {
        let expected = state.up.iter().map(|text| quoted(text));
        let expected = expected.collect::<Vec<_>>().join(" or ");
        Ending::failed(Fault::Content, format!("{message}, expected {expected}"))
    }
}

/// Good, from the instant on that this field tells.
fn good_since(json: &Json, dated_by: &JsonPath) -> Ending {
    let field = match field(json, dated_by) {
        Ok(found) => found,
        Err(missing) => return missing,
    };
    match date(field) {
        Some(at) => Ending {
            looked: Some(Looked {
                at,
                by: dated_by.clone(),
            }),
            ..Ending::good()
        },
        None => Ending::failed(
            Fault::Content,
            format!("`{dated_by}` is not a date and time as in RFC 3339"),
        ),
    }
}

/// A field that must be there.
fn field<'a>(json: &'a Json, path: &JsonPath) -> Result<&'a Json, Ending> {
    assert::at(json, path).ok_or_else(|| {
        Ending::failed(
            Fault::Content,
            format!("`{}` is missing in the body", cut(&path.to_string())),
        )
    })
}

/// How long `Retry-After` asks us to wait from `at` on, in milliseconds: seconds or a date.
pub(super) fn retry_after_ms(text: &str, at: Timestamp) -> Option<i64> {
    const DAY_MS: i64 = 24 * 3_600_000;
    let asked_ms = match text.trim().parse::<u32>() {
        Ok(asked_s) => i64::from(asked_s) * 1_000,
        Err(_a_date) => {
            let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
            Timestamp::from_unix_ms(until.timestamp_millis())?.since(at)
        }
    };
    Some(asked_ms.clamp(0, DAY_MS))
}
