//! What a statement says of outages (how many, how long, since when, and why) and of planned work.

use vigie::exchange::{Document, WindowSpec};
use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::commitment::{Confirmation, Maintenance, MaintenanceTerms, Ppm, Rule, Terms};
use vigie::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use vigie::sla::observation::{Fault, Observation, Outcome};
use vigie::sla::statement::{EndpointEvidence, Evidence, Seen, Statement, VantageEvidence, settle};
use vigie::sla::window::{Timestamp, Window};

use super::random::{ANSWERED, observation};

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1_000).unwrap()
}

fn window(start: i64, end: i64) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

/// One endpoint asked from one place, where something is seen at these seconds.
fn endpoint(id: &str, seen: &[(i64, Outcome)]) -> EndpointEvidence {
    let observations: Vec<Observation> = seen
        .iter()
        .map(|(second, outcome)| observation(at(*second), *outcome))
        .collect();
    EndpointEvidence {
        id: EndpointId::new(id).unwrap(),
        validity_ms: 60_000,
        latency_objective_ms: None,
        vantages: vec![VantageEvidence {
            id: VantageId::new("v").unwrap(),
            present: None,
            seen: Seen::Observations(observations),
        }],
    }
}

fn settled(endpoints: &[EndpointEvidence], rule: Rule) -> Statement {
    let window = window(0, 100);
    let evidence = Evidence {
        window,
        now: None,
        membership: window.into(),
        exclusions: Vec::new(),
        endpoints: endpoints.to_vec(),
    };
    let terms = Terms {
        rule,
        confirmation: Confirmation::NONE,
        ..Terms::silent(Ppm::new(950_000).unwrap())
    };
    settle(&evidence, &terms)
}

const BAD: Outcome = Outcome::Failed(Fault::Status(503));

#[test]
fn an_outage_keeps_its_true_length_and_says_where_it_was_cut() {
    let seen = [
        (-20, BAD),
        (10, ANSWERED),
        (40, BAD),
        (45, ANSWERED),
        (90, BAD),
        (130, ANSWERED),
    ];
    let statement = settled(&[endpoint("e", &seen)], Rule::All);
    let told: Vec<(Window, i64, bool, bool)> = statement
        .incidents
        .iter()
        .map(|one| (one.window, one.down_ms, one.starts_before, one.ends_after))
        .collect();
    assert_eq!(
        told,
        [
            (window(-20, 10), 10_000, true, false),
            (window(40, 45), 5_000, false, false),
            (window(90, 130), 10_000, false, true),
        ]
    );
    assert_eq!(statement.tally.down_ms, 25_000);
    assert_eq!(statement.mean_time_to_restore_ms(), Some(8_333));
    // The earliest of equals.
    let longest = statement.longest_incident().unwrap();
    assert_eq!(longest.window, window(-20, 10));
    // Three outages, one interval each: 30 s; 10 s * sqrt(3/6).
    let resolution = statement.resolution(10_000);
    assert_eq!(resolution.bound_ms, 30_000);
    assert_eq!(resolution.deviation_ms, 7_071);
    // 5 s are allowed, 25 s were down: 20 s beyond.
    assert!(statement.is_within_resolution(10_000));
    assert!(!statement.is_within_resolution(6_000));
    assert_eq!(statement.resolution(i64::MAX).bound_ms, i64::MAX);
}

#[test]
fn without_an_outage_there_is_no_mean() {
    let statement = settled(
        &[endpoint("e", &[(0, ANSWERED), (50, ANSWERED)])],
        Rule::All,
    );
    assert_eq!(statement.mean_time_to_restore_ms(), None);
    assert_eq!(statement.longest_incident(), None);
}

/// The cause of the only incident of `endpoints` under `rule`.
#[track_caller]
fn check_cause(endpoints: &[EndpointEvidence], rule: Rule, expected: (&str, Fault)) {
    let expected = (EndpointId::new(expected.0).unwrap(), expected.1);
    let mut turned = endpoints.to_vec();
    turned.reverse();
    for endpoints in [endpoints, &turned] {
        let statement = settled(endpoints, rule.clone());
        assert_eq!(statement.incidents.len(), 1);
        assert_eq!(statement.incidents[0].cause, Some(expected.clone()));
    }
}

#[test]
fn the_cause_is_the_first_failure_whatever_the_order_of_the_evidence() {
    let failed = |fault| Outcome::Failed(fault);
    let late_first = endpoint(
        "a",
        &[
            (30, failed(Fault::Connect)),
            (60, ANSWERED),
            (20, failed(Fault::Dns)),
            (0, ANSWERED),
        ],
    );
    check_cause(&[late_first], Rule::All, ("a", Fault::Dns));

    let sooner = endpoint(
        "a",
        &[(0, ANSWERED), (20, failed(Fault::Dns)), (60, ANSWERED)],
    );
    let later = endpoint("b", &[(0, ANSWERED), (25, BAD), (60, ANSWERED)]);
    let both = [later, sooner];
    check_cause(&both, Rule::All, ("a", Fault::Dns));
    check_cause(
        &both,
        Rule::Main(EndpointId::new("b").unwrap()),
        ("b", Fault::Status(503)),
    );
    // Down only once both are: the failure that made it so.
    check_cause(&both, Rule::Any, ("b", Fault::Status(503)));

    // At one instant: by endpoint, then by fault.
    let twins = endpoint(
        "a",
        &[
            (0, ANSWERED),
            (20, BAD),
            (20, failed(Fault::Dns)),
            (60, ANSWERED),
        ],
    );
    let other = endpoint(
        "b",
        &[(0, ANSWERED), (20, failed(Fault::Dns)), (60, ANSWERED)],
    );
    check_cause(&[other, twins], Rule::All, ("a", Fault::Dns));
}

#[test]
fn an_endpoint_that_the_rule_does_not_listen_to_disputes_nothing_and_is_not_transient() {
    let mut aside = endpoint("aside", &[(0, ANSWERED), (50, BAD), (55, ANSWERED)]);
    let quiet = endpoint("main", &[(0, ANSWERED), (50, ANSWERED)]);
    let good = aside.vantages[0].clone();
    aside.vantages.push(VantageEvidence {
        id: VantageId::new("w").unwrap(),
        present: None,
        seen: quiet.vantages[0].seen.clone(),
    });
    aside.vantages.push(good);
    let settled = |rule| settled(&[aside.clone(), quiet.clone()], rule);
    let main = settled(Rule::Main(EndpointId::new("main").unwrap()));
    assert_eq!((main.disputed_ms, main.tally.down_ms), (0, 0));
    let all = settled(Rule::All);
    assert_eq!(all.tally.down_ms, 5_000);
}

/// Planned work from second 20 to 40, announced long before, on a service that is Down all the
/// time; what is said of it on the way is `more`. Counts how much is credited.
fn check_credited(more: &[(i64, i64, i64)], credited: i64) {
    let work = |start, end, declared| Exclusion {
        kind: ExclusionKind::Maintenance,
        window: window(start, end),
        declared: Some(at(declared)),
        acceptance: Acceptance::Accepted,
        reason: "work".to_owned(),
    };
    let mut exclusions = vec![work(20, 40, -1_000)];
    exclusions.extend(more.iter().map(|(start, end, at)| work(*start, *end, *at)));
    let whole = window(0, 100);
    let evidence = Evidence {
        window: whole,
        now: None,
        membership: whole.into(),
        exclusions,
        endpoints: vec![endpoint("e", &[(-1, BAD), (50, BAD)])],
    };
    let mut terms = Terms::silent(Ppm::new(950_000).unwrap());
    terms.maintenance = Maintenance::Credited(MaintenanceTerms::default());
    assert_eq!(
        settle(&evidence, &terms).tally.credited_ms,
        credited * 1_000,
        "{more:?}"
    );
    // The published document, from which others recompute, says the same.
    let document = Document::new(WindowSpec::Between(whole), &terms, &evidence);
    assert_eq!(document.settle().tally.credited_ms, credited * 1_000);
}

#[test]
fn work_is_not_lengthened_after_its_start_even_where_no_notice_is_asked_for() {
    check_credited(&[], 20);
    // Announced before the work begins: one piece of work of thirty seconds.
    check_credited(&[(40, 50, 10)], 30);
    check_credited(&[(40, 50, 20)], 30);
    // Announced while it is under way: the overrun counts, be it told apart or overlapping.
    check_credited(&[(40, 50, 21)], 20);
    check_credited(&[(30, 50, 29)], 20);
    // A lengthening of a lengthening is one, too.
    check_credited(&[(40, 50, 10), (50, 60, 25)], 30);
    // Work that begins later is other work.
    check_credited(&[(41, 50, 30)], 29);
}
