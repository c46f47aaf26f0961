//! Probes against real sockets: a loopback zoo of well-behaved, broken and hostile servers.

mod answers;
mod assertions;
mod auth;
mod connections;
mod control;
mod corpus;
mod every;
mod faults;
mod line;
mod nginx;
mod peers;
mod proxy;
mod redirects;
mod route;
mod tls;
pub(crate) mod zoo;

use std::net::SocketAddr;

use vigie::probe::Prober;
use vigie::sla::assertion::{Assertion, JsonPath};
use vigie::sla::catalog::{
    Endpoint, EndpointId, HttpProbe, JsonState, Probe, SecretPlace, Statuses, Url, Value, VantageId,
};
use vigie::sla::explanation::{Explanation, Hop};
use vigie::sla::observation::{Finding, Outcome};
use vigie::sla::window::Timestamp;

/// The instant of every probe here; certificates are made around it.
fn at() -> Timestamp {
    Timestamp::from_unix_ms(1_750_000_000_000).unwrap()
}

fn prober() -> Prober {
    Prober::new(VantageId::new("here").unwrap()).unwrap()
}

/// A plain `GET` that expects 200.
fn get(host: &str, address: SocketAddr) -> HttpProbe {
    HttpProbe::get(Url {
        tls: false,
        host: host.to_owned(),
        port: address.port(),
        path: "/".to_owned(),
    })
}

/// Waits long enough for a loaded machine; probes that must see a hang wait less.
fn endpoint(probe: HttpProbe) -> Endpoint {
    endpoint_within(probe, 10_000)
}

fn endpoint_within(probe: HttpProbe, timeout_ms: i64) -> Endpoint {
    Endpoint {
        id: EndpointId::new("e").unwrap(),
        label: "e".to_owned(),
        data_provider: None,
        contractual: true,
        retired: false,
        vantages: Vec::new(),
        probe: probe.into(),
        interval_ms: 60_000,
        timeout_ms,
        validity_ms: 160_000,
        latency_objective_ms: None,
        confirmation: None,
    }
}

async fn ask(endpoint: &Endpoint) -> Finding {
    prober().probe(endpoint, at(), at()).await
}

/// The same with everything that was seen.
async fn explain(endpoint: &Endpoint) -> (Finding, Explanation) {
    prober().explain(endpoint, at(), at()).await
}

/// The same with every connection that was made.
async fn connections(endpoint: &Endpoint) -> (Finding, Vec<Hop>) {
    let (finding, explanation) = explain(endpoint).await;
    (finding, explanation.hops)
}

/// Everything that was checked, with what was found, as `vigie probe` shows it.
fn checked(explanation: &Explanation) -> Vec<String> {
    let all = explanation.assessments.iter();
    all.map(|one| format!("{} {one}", if one.holds { "✓" } else { "✗" }))
        .collect()
}

fn assertions(texts: &[&str]) -> Vec<Assertion> {
    let parsed = texts.iter().map(|text| Assertion::parse(text).unwrap());
    parsed.collect()
}

fn statuses(statuses: &[u16]) -> Statuses {
    Statuses::new(statuses.iter().map(|one| (*one, *one)).collect()).unwrap()
}

fn path(text: &str) -> JsonPath {
    JsonPath::parse(text).unwrap()
}

/// What came of it, in the words of the store: `answered`, `status:503`, `void credential:401`.
fn verdict(finding: &Finding) -> String {
    match finding.observation.outcome {
        Outcome::Answered { .. } => "answered".to_owned(),
        Outcome::Failed(fault) => fault.to_string(),
        Outcome::Void(void) => format!("void {void}"),
    }
}

/// Asks once and compares the verdict, and the message with its varying address as `ADDRESS`.
#[track_caller]
fn assert_finding(what: &str, finding: &Finding, expected: &str, message: &str) {
    assert_eq!(
        verdict(finding),
        expected,
        "{what}: {}",
        finding.trace.message
    );
    let shown = match finding.trace.address {
        Some(address) => finding
            .trace
            .message
            .replace(&address.to_string(), "ADDRESS"),
        None => finding.trace.message.clone(),
    };
    assert_eq!(shown, message, "{what}");
}

fn plain_header(name: &str, value: &str) -> (String, Value) {
    (name.to_owned(), Value::Plain(value.to_owned()))
}

/// The state field of the real ping routes.
fn ping_state() -> Option<JsonState> {
    Some(JsonState {
        path: path("status"),
        up: vec!["ok".to_owned()],
        maintenance: vec!["maintenance".to_owned()],
        unknown: vec!["unknown".to_owned()],
        dated_by: None,
    })
}

/// A secret header whose value lies in `path`.
fn secret_header(name: &str, path: &std::path::Path) -> (String, Value) {
    (
        name.to_owned(),
        Value::Secret(SecretPlace::File(path.to_owned())),
    )
}
