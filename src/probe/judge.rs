//! What an HTTP answer means. Pure: everything is at hand.

use chrono::DateTime;
use serde_json::Value as Json;

use super::body::{InflateError, inflate};
use super::{Ending, quoted};
use crate::sla::catalog::{HttpProbe, JsonState};
use crate::sla::observation::{Fault, Void};
use crate::sla::window::Timestamp;

/// A whole answer.
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The header `Content-Encoding`, if any.
    pub(super) content_encoding: String,
    /// The header `Location`, if any.
    pub(super) location: Option<String>,
    /// The body as it came.
    pub(super) body: Vec<u8>,
}

/// Whether the status alone is that of a good answer.
pub(super) fn is_expected(probe: &HttpProbe, status: u16) -> bool {
    probe.expected_statuses.contains(&status)
}

/// Judges a whole answer; the second part is the service's own error code.
pub(super) fn answer(
    probe: &HttpProbe,
    answer: Answer,
    sent_secret: bool,
) -> (Ending, Option<String>) {
    let Answer {
        status,
        content_encoding,
        location: _,
        body,
    } = answer;
    let body = inflate(body, &content_encoding, probe.body_bytes_max);
    if !is_expected(probe, status) {
        let cause = body.ok().and_then(|body| own_code(&body));
        let ending = unexpected_status(probe, status, cause.as_deref(), sent_secret);
        return (ending, cause);
    }
    let ending = match body {
        Ok(body) => content(probe, &body),
        Err(InflateError::TooLarge) => too_large(probe, " once decompressed"),
        Err(InflateError::Corrupt(coding)) => Ending::failed(
            Fault::Content,
            format!("the body is not {} as it says", quoted(&coding)),
        ),
        Err(InflateError::UnknownEncoding(coding)) => Ending::failed(
            Fault::Content,
            format!(
                "the body is encoded as {}, which was not asked for",
                quoted(&coding)
            ),
        ),
    };
    (ending, None)
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
    let mut message = format!(
        "status {status}, expected {}",
        one_of(&probe.expected_statuses)
    );
    if let Some(cause) = cause {
        message.push_str(&format!("; the service says {}", quoted(cause)));
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

/// Judges the body of an answer with an expected status.
fn content(probe: &HttpProbe, body: &[u8]) -> Ending {
    if !probe.body_contains.is_empty() {
        let text = String::from_utf8_lossy(body);
        for wanted in &probe.body_contains {
            if !text.contains(wanted) {
                return Ending::failed(
                    Fault::Content,
                    format!("the body does not contain {}", quoted(wanted)),
                );
            }
        }
    }
    match &probe.json {
        Some(state) => stated(state, body),
        None => Ending::good(),
    }
}

/// The state that a field of the body tells.
fn stated(state: &JsonState, body: &[u8]) -> Ending {
    let Ok(json) = serde_json::from_slice::<Json>(body) else {
        return Ending::failed(Fault::Content, "the body is not JSON");
    };
    let (path, field) = match field(&json, &state.path) {
        Ok(found) => found,
        Err(missing) => return missing,
    };
    let told = match field {
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) => field.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => {
            return Ending::failed(
                Fault::Content,
                format!("{} is neither text, number nor boolean", quoted(&path)),
            );
        }
    };
    let message = format!("{} is {}", quoted(&path), quoted(&told));
    if state.up.contains(&told) {
        match &state.dated_by {
            Some(dated_by) => good_since(&json, dated_by),
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
fn good_since(json: &Json, dated_by: &[String]) -> Ending {
    let (path, field) = match field(json, dated_by) {
        Ok(found) => found,
        Err(missing) => return missing,
    };
    let instant = field
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .and_then(|instant| Timestamp::from_unix_ms(instant.timestamp_millis()));
    match instant {
        Some(looked_at) => Ending {
            looked_at: Some(looked_at),
            ..Ending::good()
        },
        None => Ending::failed(
            Fault::Content,
            format!("{} is not a date and time as in RFC 3339", quoted(&path)),
        ),
    }
}

/// A field of the body, with its path as people write it.
fn field<'a>(json: &'a Json, names: &[String]) -> Result<(String, &'a Json), Ending> {
    let path = format!("$.{}", names.join("."));
    let mut field = json;
    for name in names {
        let Some(inner) = field.get(name) else {
            return Err(Ending::failed(
                Fault::Content,
                format!("{} is missing in the body", quoted(&path)),
            ));
        };
        field = inner;
    }
    Ok((path, field))
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

/// The service's own error code: five digits in `errors[0].code`, or the word in a flat `error`.
fn own_code(body: &[u8]) -> Option<String> {
    let json: Json = serde_json::from_slice(body).ok()?;
    if let Some(code) = json.pointer("/errors/0/code") {
        let code = match code {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
        };
        let five_digits = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit());
        return five_digits.then_some(code);
    }
    let word = json.get("error")?.as_str()?;
    let fits = (1..=64).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    fits.then(|| word.to_owned())
}

/// `200`, `200 or 404`, `200, 204 or 404`.
fn one_of(statuses: &[u16]) -> String {
    let mut texts: Vec<String> = statuses.iter().map(u16::to_string).collect();
    match texts.pop() {
        None => "none".to_owned(),
        Some(only) if texts.is_empty() => only,
        Some(last) => format!("{} or {last}", texts.join(", ")),
    }
}
