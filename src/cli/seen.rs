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
    text.push_str(&format!("  {}\n", outcome(endpoint, finding)));
    if let Some(cause) = &finding.trace.cause {
        text.push_str(&format!("  the service's own error code: {cause}\n"));
    }
    if let Some(failed) = finding.trace.confirms {
        text.push_str(&format!("  asked to confirm the failure of {failed}\n"));
    }
    let mut bars = Bars::new(explanation);
    for hop in &explanation.hops {
        describe_hop(&mut text, hop, at, &mut bars);
    }
    if let Some(end) = finding.trace.certificate_not_after
        && explanation.hops.iter().all(|hop| hop.tls.is_none())
    {
        text.push_str(&format!("  certificate valid until {end}\n"));
    }
    if let Some(us) = explanation.evaluate_us {
        text.push_str(&bars.line("evaluate", us));
    }
    if bars.before_us > 0 {
        text.push_str(&bars.total());
    }
    for assessment in &explanation.assessments {
        let mark = if assessment.holds { "✓" } else { "✗" };
        text.push_str(&format!("  {mark} {assessment}\n"));
    }
    text
}

/// One connection: where to, over which protocols, which certificates, and how long each stage
/// took.
fn describe_hop(text: &mut String, hop: &Hop, at: Timestamp, bars: &mut Bars) {
    for miss in &hop.misses {
        text.push_str(&format!("  {miss}\n"));
    }
    let mut facts = Vec::new();
    match (hop.url.as_str(), hop.address) {
        ("", None) => {}
        ("", Some(address)) => facts.push(format!("at {address}")),
        (url, None) => facts.push(url.to_owned()),
        (url, Some(address)) if url.ends_with(&format!(" {address}")) => facts.push(url.to_owned()),
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
    for stage in Stage::ALL {
        if let Some(us) = hop.phases.of(stage) {
            text.push_str(&bars.line(stage.code(), us));
        }
    }
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

/// How long each stage took, one below the other: all connections of a probe on one scale.
struct Bars {
    total_us: u64,
    /// Of the stages so far.
    before_us: u64,
}

impl Bars {
    const CELLS: u64 = 40;

    fn new(explanation: &Explanation) -> Self {
        let of_hops = explanation.hops.iter().map(|hop| hop.phases.total_us());
        let of_stages_us = of_hops.sum::<u64>() + u64::from(explanation.evaluate_us.unwrap_or(0));
        Self {
            // What passed between two stages is in the duration only; a trace that was kept in
            // short may tell less than its stages.
            total_us: u64::from(explanation.duration_us).max(of_stages_us),
            before_us: 0,
        }
    }

    /// The next stage.
    fn line(&mut self, name: &str, us: u32) -> String {
        let us = u64::from(us);
        let cells =
            |us: u64| usize::try_from(us * Self::CELLS / self.total_us.max(1)).unwrap_or_default();
        let (indent, length) = (cells(self.before_us), cells(us).max(1));
        self.before_us += us;
        format!(
            "{}  {}{}\n",
            Self::told(name, us),
            " ".repeat(indent),
            "█".repeat(length)
        )
    }

    fn total(&self) -> String {
        format!("{}\n", Self::told("total", self.total_us))
    }

    fn told(name: &str, us: u64) -> String {
        format!("  {name:<10} {:>6}.{:03} ms", us / 1_000, us % 1_000)
    }
}

/// Whether it answered, but later than it should.
pub(super) fn is_slow(endpoint: &Endpoint, outcome: Outcome) -> bool {
    match (outcome, endpoint.latency_objective_ms) {
        (Outcome::Answered { latency_us, .. }, Some(objective_ms)) => {
            u64::from(latency_us) > u64::from(objective_ms) * 1_000
        }
        (Outcome::Answered { .. } | Outcome::Failed(_) | Outcome::Void(_), _) => false,
    }
}

/// What came of it in one line: `answered as expected in 12.3 ms`, `failed (status:503): …`.
pub(super) fn outcome(endpoint: &Endpoint, finding: &Finding) -> String {
    let message = &finding.trace.message;
    let outcome = finding.observation.outcome;
    match outcome {
        Outcome::Answered {
            latency_us,
            partial,
        } => {
            let how = match (partial, endpoint.latency_objective_ms) {
                (true, _) => ", in part".to_owned(),
                (false, Some(objective_ms)) if is_slow(endpoint, outcome) => {
                    format!(", slower than its objective of {objective_ms} ms")
                }
                (false, _) => String::new(),
            };
            let latency_ms = f64::from(latency_us) / 1e3;
            format!("answered as expected in {latency_ms} ms{how}")
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
