//! What must hold of any input: asked of the fuzzer's by the targets, of the corpus' by an ordinary
//! test.

use vigie::probe::Prober;
use vigie::sla::assertion::{Assertion, JsonPath};
use vigie::sla::catalog::{Endpoint, EndpointId, HttpProbe, JsonState, Probe, Url, VantageId};
use vigie::sla::observation::Outcome;
use vigie::sla::window::Timestamp;

/// Whatever text stands where an assertion should, it is refused in words or means one thing.
/// Tells whether it is one.
pub(super) fn assertion(text: &str) -> bool {
    if let Ok(path) = JsonPath::parse(text) {
        assert_eq!(JsonPath::parse(&path.to_string()), Ok(path));
    }
    match Assertion::parse(text) {
        Ok(assertion) => {
            let shown = assertion.to_string();
            assert_eq!(Assertion::parse(&shown).as_ref(), Ok(&assertion), "{shown}");
            true
        }
        Err(error) => {
            assert!(text.get(error.at).is_some(), "a place outside `{text}`");
            assert!(!error.message.is_empty() && !error.remedy.is_empty());
            false
        }
    }
}

/// Whatever bytes a server answers, there is one outcome, it is told, and it ends.
pub(super) async fn response(answer: &[u8]) -> Outcome {
    let at = Timestamp::from_unix_ms(1_750_000_000_000).unwrap();
    let prober = Prober::new(VantageId::new("here").unwrap()).unwrap();
    let (finding, explanation) = prober.replay(&endpoint(), answer, at).await.unwrap();
    let outcome = finding.observation.outcome;
    match outcome {
        Outcome::Answered { .. } => assert!(explanation.assessments.iter().all(|one| one.holds)),
        Outcome::Failed(_) | Outcome::Void(_) => assert!(!finding.trace.message.is_empty()),
    }
    outcome
}

/// One that looks at everything that an answer has.
fn endpoint() -> Endpoint {
    let mut probe = HttpProbe::get(Url {
        tls: false,
        host: "service.example".to_owned(),
        port: 80,
        path: "/".to_owned(),
    });
    let assertions = [
        "header content-type matches /json/",
        "body not contains \"maintenance\"",
        "$.data[0].n >= 2.5",
        "http_version >= 1.1",
    ];
    probe.assertions = assertions
        .iter()
        .map(|text| Assertion::parse(text).unwrap())
        .collect();
    probe.json = Some(JsonState {
        path: JsonPath::parse("status").unwrap(),
        up: vec!["ok".to_owned()],
        maintenance: vec!["maintenance".to_owned()],
        unknown: vec!["unknown".to_owned()],
        dated_by: Some(JsonPath::parse("last_update").unwrap()),
    });
    Endpoint {
        id: EndpointId::new("e").unwrap(),
        label: "e".to_owned(),
        data_provider: None,
        contractual: true,
        retired: false,
        vantages: Vec::new(),
        probe: Probe::from(probe),
        interval_ms: 60_000,
        timeout_ms: 10_000,
        confirmation: None,
        validity_ms: 160_000,
        latency_objective_ms: None,
    }
}
