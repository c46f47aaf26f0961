//! The board: findings in, the present picture out.

use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use vigie::board::{Board, FAILURES_MAX, StoreNow};
use vigie::sla::availability::{Outlook, Tally};
use vigie::sla::catalog::{
    Catalog, Endpoint, EndpointId, HttpProbe, Probe, Provider, Service, ServiceId, Url, VantageId,
};
use vigie::sla::commitment::{Clause, Commitment, Confirmation, PeriodSource, Ppm, Rule, Terms};
use vigie::sla::observation::{
    Fault, Finding, MissCause, Observation, Outcome, Stage, Trace, Void,
};
use vigie::sla::statement::{EndpointEvidence, Evidence, Seen, Statement, VantageEvidence, settle};
use vigie::sla::timeline::{Segment, State, Timeline};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};

pub(crate) fn id(text: &str) -> EndpointId {
    EndpointId::new(text).expect("a valid id")
}

pub(crate) fn vantage() -> VantageId {
    VantageId::new("paris").expect("a valid id")
}

pub(crate) fn service_id(text: &str) -> ServiceId {
    ServiceId::new(text).expect("a valid id")
}

/// 18 November 2025, 9:00 in Paris.
pub(crate) fn start() -> Timestamp {
    "2025-11-18T08:00:00Z".parse().expect("an instant")
}

pub(crate) fn minutes(n: i64) -> Timestamp {
    start().plus_ms(n * MINUTE_MS)
}

pub(crate) fn endpoint(text: &str, label: &str, contractual: bool) -> Endpoint {
    Endpoint {
        id: id(text),
        label: label.to_owned(),
        data_provider: None,
        contractual,
        retired: false,
        vantages: Vec::new(),
        probe: Probe::from(HttpProbe::get(Url {
            tls: true,
            host: "api.example".to_owned(),
            port: 443,
            path: "/ping?token=s3cret".to_owned(),
        })),
        interval_ms: MINUTE_MS,
        timeout_ms: 10_000,
        validity_ms: 160_000,
        latency_objective_ms: Some(2_000),
        confirmation: None,
    }
}

pub(crate) fn commitment(terms: Terms) -> Commitment {
    Commitment {
        clause: Clause {
            quote: "95 % du temps mensuel".to_owned(),
            reference: "Convention du 10/12/2018".to_owned(),
        },
        from: NaiveDate::from_ymd_opt(2018, 12, 1).expect("a date"),
        until: None,
        zone: Tz::Europe__Paris,
        period: PeriodSource::Text,
        terms,
        trajectory: Vec::new(),
    }
}

pub(crate) fn target() -> Ppm {
    Ppm::new(950_000).expect("a target")
}

/// Two services: `particulier` (contractual `socle`, informative `cnaf`) and `cnam` (contractual
/// `entree` and `sante`, all of them).
pub(crate) fn catalog() -> Catalog {
    catalog_with(Terms::silent(target()))
}

fn catalog_with(terms: Terms) -> Catalog {
    let service = |text: &str, name: &str, endpoints: Vec<Endpoint>| Service {
        id: service_id(text),
        name: name.to_owned(),
        endpoints: endpoints.into_iter().map(Arc::new).collect(),
        commitments: vec![commitment(terms.clone())],
        maintenances: Vec::new(),
        improvements: Vec::new(),
    };
    Catalog {
        provider: Provider {
            name: "Direction de démonstration".to_owned(),
            contact: "supervision@operateur.example".to_owned(),
            data_protection_contact: None,
        },
        services: vec![
            service(
                "particulier",
                "API Particulier",
                vec![
                    endpoint("socle", "Socle API Particulier", true),
                    endpoint("cnaf", "Quotient familial", false),
                ],
            ),
            service(
                "cnam",
                "API droits CNAM",
                vec![
                    endpoint("entree", "Point d’entrée", true),
                    endpoint("sante", "Route de santé", true),
                ],
            ),
        ],
        partners: Vec::new(),
    }
}

pub(crate) fn answered(latency_ms: u32) -> Outcome {
    Outcome::Answered {
        latency_us: latency_ms * 1_000,
        partial: false,
    }
}

pub(crate) fn finding(endpoint: &str, at: Timestamp, outcome: Outcome) -> Finding {
    Finding {
        endpoint: id(endpoint),
        vantage: vantage(),
        observation: observation(at, outcome),
        trace: Trace {
            message: match outcome {
                Outcome::Answered { .. } => String::new(),
                Outcome::Failed(fault) => format!("{endpoint} failed: {fault}"),
                Outcome::Void(void) => format!("{endpoint} says nothing: {void}"),
            },
            ..Trace::default()
        },
    }
}

pub(crate) fn observation(at: Timestamp, outcome: Outcome) -> Observation {
    Observation {
        tick: at,
        at,
        outcome,
    }
}

/// November 2025 as it stands at `now`: Up but for the `down` windows, unknown before `from`.
pub(crate) fn november(now: Timestamp, from: Timestamp, down: &[Window]) -> Statement {
    let window = Month::new(2025, 11, Tz::Europe__Paris)
        .expect("a month")
        .window();
    let mut segments = vec![Segment {
        window: Window::new(from.max(window.start()), now).expect("a window"),
        state: State::Up,
    }];
    segments.extend(down.iter().map(|window| Segment {
        window: *window,
        state: State::Down,
    }));
    // Later windows hold over earlier ones, up to where they end: cut the time around them.
    let up = vigie::sla::window::Windows::from(segments[0].window)
        .difference(&down.iter().copied().collect());
    let mut segments: Vec<Segment> = up
        .iter()
        .map(|window| Segment {
            window: *window,
            state: State::Up,
        })
        .chain(segments.drain(1..))
        .collect();
    segments.sort_by_key(|segment| segment.window.start());
    settle(
        &Evidence {
            window,
            now: Some(now),
            membership: window.into(),
            exclusions: Vec::new(),
            endpoints: vec![EndpointEvidence {
                id: id("socle"),
                validity_ms: 160_000,
                latency_objective_ms: None,
                vantages: vec![VantageEvidence {
                    id: vantage(),
                    present: None,
                    seen: Seen::Segments(segments),
                }],
            }],
        },
        &Terms::silent(target()),
    )
}

/// A letter per minute for one endpoint: `u`p, `s`low, `d`own, `v`oid, `.` nothing. Then the
/// state and since which minute.
fn check(drawing: &str, confirmation: Confirmation, state: State, since: Option<i64>) {
    let terms = Terms {
        confirmation,
        ..Terms::silent(target())
    };
    let mut board = Board::new(&catalog_with(terms), start());
    for (n, letter) in (0..).zip(drawing.chars()) {
        let outcome = match letter {
            'u' => Some(answered(100)),
            's' => Some(answered(2_001)),
            'd' => Some(Outcome::Failed(Fault::Status(502))),
            'v' => Some(Outcome::Void(Void::Uplink)),
            _ => None,
        };
        if let Some(outcome) = outcome {
            board.apply(&finding("socle", minutes(n), outcome));
        }
        board.tick(minutes(n));
    }
    let (_, _, now) = board.endpoint(&id("socle")).expect("on the board");
    let expected = (state, since.map(minutes));
    assert_eq!((now.state, now.since), expected, "endpoint of `{drawing}`");
    let (_, service) = board
        .service(&service_id("particulier"))
        .expect("a service");
    let shown = (service.state, service.since);
    assert_eq!(shown, expected, "service of `{drawing}`");
}

#[test]
fn states_and_since_when() {
    let none = Confirmation::NONE;
    check("", none, State::Unknown, None);
    check("u", none, State::Up, Some(0));
    check("uuu", none, State::Up, Some(0));
    check("uuss", none, State::Degraded, Some(2));
    check("uudd", none, State::Down, Some(2));
    check("uuddu", none, State::Up, Some(4));
    check("uuv", none, State::Unknown, Some(2));
    // Longer than what is kept of the past.
    check(&format!("d{}", "u".repeat(100)), none, State::Up, Some(1));
    check(&format!("u{}", "d".repeat(100)), none, State::Down, Some(1));
}

#[test]
fn silence_becomes_unknown_after_the_validity() {
    let none = Confirmation::NONE;
    check("uuu..", none, State::Up, Some(0));
    let mut board = Board::new(&catalog(), start());
    board.apply(&finding("socle", start(), answered(100)));
    for (after_ms, state, since_ms) in [
        (0, State::Up, 0),
        (159_999, State::Up, 0),
        (160_000, State::Unknown, 160_000),
        (HOUR_MS, State::Unknown, 160_000),
    ] {
        board.tick(start().plus_ms(after_ms));
        let (_, service) = board
            .service(&service_id("particulier"))
            .expect("a service");
        assert_eq!(service.state, state, "after {after_ms} ms");
        assert_eq!(service.since, Some(start().plus_ms(since_ms)));
    }
}

#[test]
fn a_failure_is_unknown_until_it_is_confirmed_or_refuted() {
    let twice = Confirmation {
        failures: NonZeroU32::new(2).expect("not zero"),
        within_ms: 5 * MINUTE_MS,
    };
    check("uud", twice, State::Unknown, Some(2));
    check("uudd", twice, State::Down, Some(2));
    // Refuted: it was Up all along.
    check("uudu", twice, State::Up, Some(0));
    // And stays so when the failure is the oldest that is kept.
    for n in 10..20 {
        let drawing = format!("uud{}", "u".repeat(n));
        check(&drawing, twice, State::Up, Some(0));
    }

    let mut board = Board::new(
        &catalog_with(Terms {
            confirmation: twice,
            ..Terms::silent(target())
        }),
        start(),
    );
    board.apply(&finding("socle", minutes(0), answered(100)));
    board.apply(&finding(
        "socle",
        minutes(1),
        Outcome::Failed(Fault::Timeout(Stage::Connect)),
    ));
    let (_, _, now) = board.endpoint(&id("socle")).expect("on the board");
    assert!(now.is_being_confirmed());
}

#[test]
fn a_service_follows_its_rule_over_its_contractual_endpoints() {
    let mut board = Board::new(&catalog(), start());
    let down = Outcome::Failed(Fault::Connect);
    for (endpoint, outcome) in [
        ("socle", answered(100)),
        ("cnaf", down),
        ("entree", answered(100)),
        ("sante", down),
    ] {
        board.apply(&finding(endpoint, start(), outcome));
    }
    board.tick(start());
    let state = |board: &Board, text: &str| {
        let (_, now) = board.service(&service_id(text)).expect("a service");
        now.state
    };
    assert_eq!(
        state(&board, "particulier"),
        State::Up,
        "cnaf is informative"
    );
    assert_eq!(state(&board, "cnam"), State::Down, "all must be up");

    let any = Terms {
        rule: Rule::Any,
        ..Terms::silent(target())
    };
    let mut board = Board::new(&catalog_with(any), start());
    board.apply(&finding("entree", start(), answered(100)));
    board.apply(&finding("sante", start(), down));
    board.tick(start());
    assert_eq!(state(&board, "cnam"), State::Up, "one is enough");
}

#[test]
fn the_last_failures_are_kept_with_their_words() {
    let mut board = Board::new(&catalog(), start());
    for n in 0..30 {
        let fault = Outcome::Failed(Fault::Status(500 + u16::try_from(n).expect("small")));
        board.apply(&finding("socle", minutes(n), fault));
    }
    let (_, _, now) = board.endpoint(&id("socle")).expect("on the board");
    assert!(now.never_succeeded());
    assert_eq!(now.failures.len(), FAILURES_MAX);
    assert_eq!(now.failures[0].message, "socle failed: status:529");
    assert_eq!(now.failures[0].at, minutes(29));

    board.apply(&finding("socle", minutes(30), answered(321)));
    let (_, _, now) = board.endpoint(&id("socle")).expect("on the board");
    assert!(!now.never_succeeded());
    assert_eq!(now.latency_ms, Some(321));
    assert_eq!(now.last_success, Some(minutes(30)));
    assert_eq!(now.failures.len(), FAILURES_MAX, "failures stay in memory");
}

#[test]
fn the_past_before_the_start_is_recalled() {
    let mut board = Board::new(&catalog(), minutes(500));
    let past: Vec<Observation> = (0..500)
        .map(|n| {
            let outcome = if n < 3 {
                Outcome::Failed(Fault::Dns)
            } else {
                answered(100)
            };
            observation(minutes(n), outcome)
        })
        .collect();
    board.recall(&id("socle"), &vantage(), &past);
    board.tick(minutes(500));
    let (_, _, now) = board.endpoint(&id("socle")).expect("on the board");
    assert_eq!((now.state, now.since), (State::Up, Some(minutes(3))));
    assert_eq!(now.last_success, Some(minutes(499)));

    // The engine knows of an older past of the service.
    let window = Window::new(minutes(-9_000), minutes(500)).expect("a window");
    let timeline = Timeline::constant(window, State::Up);
    board.recall_service(&service_id("particulier"), &timeline);
    board.tick(minutes(501));
    let (_, service) = board
        .service(&service_id("particulier"))
        .expect("a service");
    assert_eq!(service.state, State::Up);
    assert_eq!(service.since, Some(minutes(3)), "what was seen here holds");
}

#[test]
fn a_clock_that_is_put_back_does_not_blind_the_board() {
    let mut board = Board::new(&catalog(), start());
    board.apply(&finding("socle", minutes(60), answered(100)));
    board.tick(start());
    let (_, _, now) = board.endpoint(&id("socle")).expect("on the board");
    assert_eq!(now.state, State::Up);
}

#[test]
fn the_running_month_spends_only_time_behind_us() {
    let mut board = Board::new(&catalog(), start());
    let outage = Window::new(minutes(-100), minutes(-60)).expect("a window");
    let month_start = Month::new(2025, 11, Tz::Europe__Paris)
        .expect("a month")
        .window()
        .start();
    let statement = november(start(), month_start.plus_ms(10 * HOUR_MS), &[outage]);
    assert_eq!(statement.outlook, Some(Outlook::Open));
    board.set_month(&service_id("particulier"), statement);
    let (_, service) = board
        .service(&service_id("particulier"))
        .expect("a service");
    let month = service.month.as_ref().expect("it was set");
    assert_eq!(month.statement.budget.allowed_ms, 36 * HOUR_MS);
    assert_eq!(month.elapsed.down_ms, 40 * MINUTE_MS);
    assert_eq!(month.elapsed.unknown_ms, 10 * HOUR_MS);
    assert_eq!(month.remaining_max_ms(), 36 * HOUR_MS - 40 * MINUTE_MS);
    assert_eq!(month.remaining_min_ms(), 26 * HOUR_MS - 40 * MINUTE_MS);
    assert_eq!(
        month.elapsed.total_ms() + month.ahead.total_ms(),
        720 * HOUR_MS
    );
}

#[test]
fn our_own_state_is_kept() {
    let mut board = Board::new(&catalog(), start());
    assert!(!board.store().keeps_up(), "nothing was loaded yet");
    let store = StoreNow {
        loaded: true,
        backlog: 3,
        backlog_max: 3,
        ..StoreNow::default()
    };
    board.set_store(store);
    assert!(board.store().keeps_up());
    board.set_store(StoreNow {
        backlog: 4,
        ..store
    });
    assert!(!board.store().keeps_up());
    board.miss(MissCause::Overrun, 2);
    board.miss(MissCause::Overrun, 1);
    assert_eq!(board.missed(MissCause::Overrun), 3);
    assert_eq!(board.missed(MissCause::Suspended), 0);
    let day = NaiveDate::from_ymd_opt(2025, 11, 17).expect("a date");
    board.set_days(&service_id("cnam"), vec![(day, Tally::default())]);
    let (_, service) = board.service(&service_id("cnam")).expect("a service");
    assert_eq!(service.days.len(), 1);
}

#[test]
fn a_snapshot_shares_what_did_not_change() {
    let mut board = Board::new(&catalog(), start());
    let before = board.clone();
    board.apply(&finding("socle", start(), answered(100)));
    let same = |text: &str| {
        let left = before.endpoint(&id(text)).expect("on the board").2;
        let right = board.endpoint(&id(text)).expect("on the board").2;
        std::ptr::eq(left, right)
    };
    assert!(!same("socle"));
    assert!(same("cnaf") && same("entree") && same("sante"));
}
