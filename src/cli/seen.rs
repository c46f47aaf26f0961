//! What probes saw, as commands tell it: for a terminal, and as JSON.

use serde_json::{Value, json};

use crate::sla::catalog::Endpoint;
use crate::sla::explanation::{Explanation, Hop, Tls};
use crate::sla::observation::{Finding, Outcome, Phases, Stage};
use crate::sla::window::Timestamp;
use crate::store::explanation_json;

const DAY_MS: i64 = 24 * 3_600_000;

/// What came of it, for a terminal: the outcome, why, and how long each stage took.
pub(super) fn describe(
    endpoint: &Endpoint,
    at: Timestamp,
    finding: &Finding,
    explanation: &Explanation,
) -> String {
    let mut text = String::new();
    match finding.observation.outcome {
        Outcome::Answered {
            latency_us,
            partial,
        } => {
            let slow = endpoint.latency_objective_ms.is_some_and(|objective_ms| {
                u64::from(latency_us) > u64::from(objective_ms) * 1_000
            });
            let how = match (partial, slow) {
                (true, _) => ", in part",
                (false, true) => ", slower than its objective",
                (false, false) => "",
            };
            text.push_str(&format!(
                "  answered as expected in {} ms{how}\n",
                f64::from(latency_us) / 1e3
            ));
        }
        Outcome::Failed(fault) => {
            text.push_str(&format!("  failed ({fault}): {}\n", finding.trace.message));
        }
        Outcome::Void(reason) => text.push_str(&format!(
            "  nothing can be said of it ({reason}): {}\n",
            finding.trace.message
        )),
    }
    if let Some(cause) = &finding.trace.cause {
        text.push_str(&format!("  the service's own error code: {cause}\n"));
    }
    if let Some(failed) = finding.trace.confirms {
        text.push_str(&format!("  asked to confirm the failure of {failed}\n"));
    }
    for hop in &explanation.hops {
        describe_hop(&mut text, hop, at);
    }
    if let Some(end) = finding.trace.certificate_not_after
        && explanation.hops.iter().all(|hop| hop.tls.is_none())
    {
        text.push_str(&format!("  certificate valid until {end}\n"));
    }
    if let Some(us) = explanation.evaluate_us {
        text.push_str(&format!(
            "  {:<10} {:>6}.{:03} ms\n",
            "evaluate",
            us / 1_000,
            us % 1_000
        ));
    }
    for assessment in &explanation.assessments {
        let mark = if assessment.holds { "✓" } else { "✗" };
        text.push_str(&format!("  {mark} {assessment}\n"));
    }
    text
}

/// One connection: where to, over which protocols, which certificates, and how long each stage
/// took.
fn describe_hop(text: &mut String, hop: &Hop, at: Timestamp) {
    for miss in &hop.misses {
        text.push_str(&format!("  {miss}\n"));
    }
    let mut facts = Vec::new();
    match (hop.url.as_str(), hop.address) {
        ("", None) => {}
        ("", Some(address)) => facts.push(format!("at {address}")),
        (url, None) => facts.push(url.to_owned()),
        (url, Some(address)) => facts.push(format!("{url} at {address}")),
    }
    facts.extend(hop.http_version.clone());
    facts.extend(hop.status.map(|status| format!("status {status}")));
    if hop.body_bytes > 0 {
        facts.push(format!("{} bytes", hop.body_bytes));
    }
    if !facts.is_empty() {
        text.push_str(&format!("  {}\n", facts.join(", ")));
    }
    if let Some(tls) = &hop.tls {
        describe_tls(text, tls, at);
    }
    for (name, value) in &hop.headers {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    describe_phases(text, &hop.phases);
}

fn describe_tls(text: &mut String, tls: &Tls, at: Timestamp) {
    if let (Some(version), Some(suite)) = (&tls.version, &tls.cipher_suite) {
        text.push_str(&format!("  {version}, {suite}\n"));
    }
    for certificate in &tls.chain {
        let end = certificate
            .not_after
            .map_or("an unreadable date".to_owned(), |end| {
                let days = end.since(at).div_euclid(DAY_MS);
                format!("{end} ({days} days)")
            });
        text.push_str(&format!(
            "  certificate of {}, by {}, valid until {end}\n",
            certificate.subject, certificate.issuer
        ));
    }
    let verdict = match (tls.refusal, tls.verified_not_after) {
        (Some(fault), _) => format!("refused ({})", fault.code()),
        (None, Some(_)) => "trusted".to_owned(),
        (None, None) => return,
    };
    text.push_str(&format!("  certificates {verdict}\n"));
}

fn describe_phases(text: &mut String, phases: &Phases) {
    const WIDTH: u64 = 40;
    let total_us: u32 = Stage::ALL
        .iter()
        .filter_map(|stage| phases.of(*stage))
        .sum();
    let scale = |us: u32| -> usize {
        let cells = u64::from(us) * WIDTH / u64::from(total_us.max(1));
        usize::try_from(cells).unwrap_or(0)
    };
    let mut before_us = 0;
    for stage in Stage::ALL {
        let Some(us) = phases.of(stage) else {
            continue;
        };
        text.push_str(&format!(
            "  {:<10} {:>6}.{:03} ms  {}{}\n",
            stage.code(),
            us / 1_000,
            us % 1_000,
            " ".repeat(scale(before_us)),
            "█".repeat(scale(us).max(1)),
        ));
        before_us += us;
    }
}

/// What came of it in one line: `answered in 12.3 ms`, `failed (status:503): …`.
pub(super) fn outcome(finding: &Finding) -> String {
    let message = &finding.trace.message;
    match finding.observation.outcome {
        Outcome::Answered { latency_us, .. } => {
            format!("answered in {} ms", f64::from(latency_us) / 1e3)
        }
        Outcome::Failed(fault) => format!("failed ({fault}): {message}"),
        Outcome::Void(reason) => format!("nothing can be said of it ({reason}): {message}"),
    }
}

/// The same as JSON. Instants are RFC 3339 in UTC, durations whole microseconds; what was not
/// reached is absent or null.
fn finding_json(finding: &Finding) -> Value {
    let trace = &finding.trace;
    let (outcome, code, latency_us) = match finding.observation.outcome {
        Outcome::Answered { latency_us, .. } => ("answered", None, Some(latency_us)),
        Outcome::Failed(fault) => ("failed", Some(fault.to_string()), None),
        Outcome::Void(reason) => ("void", Some(reason.to_string()), None),
    };
    json!({
        "endpoint": finding.endpoint.as_str(),
        "vantage": finding.vantage.as_str(),
        "tick": finding.observation.tick.to_string(),
        "at": finding.observation.at.to_string(),
        "outcome": outcome,
        "code": code,
        "latency_us": latency_us,
        "message": trace.message,
        "cause": trace.cause,
        "status": trace.status,
        "address": trace.address.map(|address| address.to_string()),
        "phases_us": phases_json(&trace.phases),
        "certificate_not_after": trace.certificate_not_after.map(|end| end.to_string()),
        "retry_after_ms": trace.retry_after_ms,
        "confirms": trace.confirms.map(|tick| tick.to_string()),
    })
}

/// The finding, and everything that was seen on the way.
pub(super) fn probe_json(endpoint: &Endpoint, finding: &Finding, seen: &Explanation) -> Value {
    let mut value = finding_json(finding);
    value["asked"] = endpoint.probe.to_string().into();
    if let (Value::Object(value), Value::Object(seen)) = (&mut value, explanation_json(seen)) {
        value.extend(seen);
    }
    value
}

fn phases_json(phases: &Phases) -> Value {
    Stage::ALL
        .into_iter()
        .filter_map(|stage| Some((stage.code().to_owned(), Value::from(phases.of(stage)?))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
