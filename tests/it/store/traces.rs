//! Why endpoints failed: the last failures are kept in full, older ones in short, none is lost.

use std::sync::Arc;

use vigie::sla::explanation::{Assessment, Certificate, Explanation, Hop, Tls};
use vigie::sla::observation::{Fault, Finding, Outcome, Phases, TlsFault, Trace, Void};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Timestamp};
use vigie::store::{Limits, Parcel, Store};

use super::{Site, answered, at, endpoint, finding, new_store, raw};

on_both_databases! {
    the_last_failures_are_kept_in_full_and_older_ones_in_short,
    an_expected_answer_is_explained_to_nobody_later,
    what_is_too_long_is_shortened_and_what_is_still_too_long_is_kept_in_short,
    what_arrives_late_pushes_out_nothing_newer,
    explanations_go_with_their_evidence,
}

fn minute(n: i64) -> Timestamp {
    at("2025-10-01T00:00:00Z").plus_ms(n * MINUTE_MS)
}

/// All that an explanation can hold; different for each `n`.
fn explanation(n: u32) -> Explanation {
    let certificate = |subject: &str, self_signed| Certificate {
        subject: subject.to_owned(),
        issuer: "Une « autorité »".to_owned(),
        self_signed,
        names: vec!["api.example".to_owned(), "192.0.2.7".to_owned()],
        not_before: None,
        not_after: Some(at("2026-01-31T12:00:00Z")),
    };
    Explanation {
        hops: vec![
            Hop {
                url: "http://api.example/".to_owned(),
                status: Some(302),
                headers: vec![("location".to_owned(), "https://api.example/b".to_owned())],
                ..Hop::default()
            },
            Hop {
                url: format!("https://api.example/{n}"),
                address: Some("[2001:db8::7]:443".parse().unwrap()),
                misses: vec!["no route to 192.0.2.7:443".to_owned()],
                tls: Some(Tls {
                    version: Some("TLSv1.3".to_owned()),
                    cipher_suite: Some("TLS13_AES_256_GCM_SHA384".to_owned()),
                    chain: vec![
                        certificate("api.example", false),
                        certificate("\"A\"", true),
                    ],
                    verified_not_after: Some(at("2026-01-31T12:00:00Z")),
                    refusal: Some(TlsFault::WrongHost),
                    asks_for_certificate: true,
                }),
                http_version: Some("HTTP/2.0".to_owned()),
                status: Some(503),
                headers: vec![("retry-after".to_owned(), "120".to_owned())],
                body_bytes: 17,
                phases: Phases {
                    auth_us: Some(1),
                    resolve_us: Some(2),
                    connect_us: Some(0),
                    tls_us: Some(u32::MAX),
                    write_us: Some(5),
                    processing_us: Some(6),
                    transfer_us: None,
                },
            },
        ],
        assessments: vec![
            Assessment {
                subject: "$.status".to_owned(),
                found: Some("maintenance".to_owned()),
                test: "== \"ok\"".to_owned(),
                holds: false,
            },
            Assessment {
                subject: "header \"x\"".to_owned(),
                found: None,
                test: "exists".to_owned(),
                holds: false,
            },
        ],
        evaluate_us: Some(12),
        duration_us: n,
    }
}

fn explained(tick: Timestamp, outcome: Outcome, explanation: Explanation) -> Finding {
    Finding {
        trace: Trace {
            message: "status 503".to_owned(),
            explanation: Some(Arc::new(explanation)),
            ..Trace::default()
        },
        ..finding("a", "paris", tick, 3, outcome)
    }
}

fn failed(n: u32) -> Finding {
    let outcome = match n % 2 {
        0 => Outcome::Failed(Fault::Status(503)),
        _ => Outcome::Void(Void::Uplink),
    };
    explained(minute(n.into()), outcome, explanation(n))
}

fn in_short(finding: &Finding) -> Finding {
    let mut short = finding.clone();
    short.trace.explanation = None;
    short
}

fn newest_first(findings: &[Finding]) -> Vec<Finding> {
    findings.iter().rev().cloned().collect()
}

fn the_last_failures_are_kept_in_full_and_older_ones_in_short(site: Site) {
    let (_home, place, store) = new_store(site);
    let mut store = store.with_failures_in_full(3);
    let failures: Vec<Finding> = (0..8).map(failed).collect();
    // As a recorder does, one or several at a time; what is handed in again changes nothing.
    for batch in [&failures[..1], &failures[1..7], &failures[2..8]] {
        store.append(batch).unwrap();
    }
    let elsewhere = Finding {
        endpoint: endpoint("b"),
        ..failed(0)
    };
    store.append(std::slice::from_ref(&elsewhere)).unwrap();
    drop(store);
    let store = Store::open_reader(&place).unwrap();
    let mut expected: Vec<Finding> = failures[..5].iter().map(in_short).collect();
    expected.extend_from_slice(&failures[5..]);
    assert_eq!(
        store.traces(&endpoint("a"), 100).unwrap(),
        newest_first(&expected)
    );
    assert_eq!(store.traces(&endpoint("b"), 1).unwrap(), [elsewhere]);
}

fn an_expected_answer_is_explained_to_nobody_later(site: Site) {
    let (_home, _place, store) = new_store(site);
    let mut store = store.with_failures_in_full(1);
    let failure = failed(0);
    let good = explained(minute(1), answered(5), explanation(1));
    store.append(&[failure.clone(), good]).unwrap();
    // Neither is it there, nor has it pushed out the failure.
    assert_eq!(store.traces(&endpoint("a"), 9).unwrap(), [failure]);
}

fn what_is_too_long_is_shortened_and_what_is_still_too_long_is_kept_in_short(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    let mut of_many_names = explanation(0);
    let hop = of_many_names.hops.last_mut().unwrap();
    let names = (0..2_000).map(|n| format!("host-{n}.example")).collect();
    hop.tls.as_mut().unwrap().chain[0].names = names;
    let mut endless = explanation(1);
    endless.hops[1].url = "x".repeat(20_000);
    let failure =
        |n, explanation| explained(minute(n), Outcome::Failed(Fault::Content), explanation);
    store
        .append(&[failure(0, of_many_names), failure(1, endless)])
        .unwrap();
    let told = store.traces(&endpoint("a"), 9).unwrap();
    assert_eq!(told[0].trace.explanation, None);
    assert_eq!(told[0].trace.message, "status 503");
    let shortened = told[1].trace.explanation.as_ref().unwrap();
    let leaf = shortened.hops[1].tls.as_ref().unwrap().leaf().unwrap();
    assert_eq!(
        leaf.names,
        ["host-0.example", "host-1.example", "host-2.example"]
    );
    assert_eq!(shortened.assessments, explanation(0).assessments);
}

fn what_arrives_late_pushes_out_nothing_newer(site: Site) {
    let (_home, _place, store) = new_store(site);
    let mut store = store.with_failures_in_full(2);
    store.append(&[failed(5), failed(6)]).unwrap();
    store.append(&[failed(1)]).unwrap();
    assert_eq!(
        store.traces(&endpoint("a"), 9).unwrap(),
        [failed(6), failed(5), in_short(&failed(1))]
    );
}

fn explanations_go_with_their_evidence(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    store.append(&[failed(0), failed(90)]).unwrap();
    store.seal_all(minute(0).plus_ms(24 * HOUR_MS)).unwrap();
    let limits = Limits {
        evidence_before: minute(60),
        journal_before: Timestamp::MIN,
        letters_of: Vec::new(),
    };
    store.remove(&limits, "jeanne", minute(10_000)).unwrap();
    assert_eq!(store.traces(&endpoint("a"), 9).unwrap(), [failed(90)]);
    // Seen again, the other one is new, and its explanation too.
    store.append(&[failed(0)]).unwrap();
    assert_eq!(
        store.traces(&endpoint("a"), 9).unwrap(),
        [failed(90), failed(0)]
    );
}

#[test]
fn an_explanation_waits_in_a_spool_with_its_failure() {
    let good = explained(minute(1), answered(5), explanation(1));
    let parcel = Parcel {
        findings: vec![failed(0), good.clone(), in_short(&failed(2))],
        ..Parcel::default()
    };
    let read = Parcel::from_bytes(&parcel.to_bytes()).unwrap();
    assert_eq!(
        read.findings,
        [failed(0), in_short(&good), in_short(&failed(2))]
    );
}

/// A row that somebody damaged is an error that says so, and not an explanation that never was.
#[test]
fn a_damaged_explanation_is_not_shown() {
    let (_directory, path, mut store) = super::new_file();
    store.append(&[failed(0)]).unwrap();
    raw(&path)
        .execute("UPDATE explanation SET json = '{\"hops\":7}'", [])
        .unwrap();
    let refused = store.traces(&endpoint("a"), 1).unwrap_err().to_string();
    assert!(refused.contains("read traces"), "{refused}");
}
