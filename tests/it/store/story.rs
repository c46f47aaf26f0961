//! What is handed in comes out again: exactly, once, in order, also after closing and opening.

use serde_json::json;
use vigie::sla::cause::{Attribution, StatedCause};
use vigie::sla::ledger::{Acceptance, ExclusionKind};
use vigie::sla::observation::{
    Fault, Finding, MissCause, Outcome, Phases, Stage, TlsFault, Trace, Void,
};
use vigie::sla::window::{Month, Timestamp, Window};
use vigie::store::{
    Action, ActionKind, Appended, DeclarationFilter, Import, Missed, NewBasis, NewDeclaration,
    NewStatement, Saved, Store, StoreError,
};

use super::{
    Site, answered, at, endpoint, finding, new_store, october, partner, service, statement,
    vantage, window,
};

on_both_databases! {
    every_outcome_is_read_back_exactly_and_failures_with_their_trace,
    latencies_written_in_milliseconds_are_read_right,
    a_trace_may_be_empty,
    an_observation_counts_once,
    a_window_holds_the_instants_in_it,
    an_empty_store_says_so,
    missed_ticks_are_kept_with_their_cause,
    a_declaration_is_pending_until_decided_and_every_decision_stays,
    statements_are_revised_never_replaced,
    the_journal_tells_who_did_what_and_when,
    an_import_is_recorded_once_and_its_record_cannot_be_changed,
    what_is_told_beside_the_figures_makes_a_revision,
}

const DAY: &str = "2025-10-01T00:00:00Z";

/// Every outcome there is.
fn every_outcome() -> Vec<Outcome> {
    let mut outcomes = vec![
        answered(0),
        Outcome::Answered {
            latency_us: 4_294_967_200,
            partial: false,
        },
        Outcome::Answered {
            latency_us: 12_300,
            partial: false,
        },
        Outcome::Answered {
            latency_us: 9_000_100,
            partial: true,
        },
    ];
    let mut faults = vec![
        Fault::Dns,
        Fault::Connect,
        Fault::Status(100),
        Fault::Status(u16::MAX),
        Fault::Content,
        Fault::TooLarge,
        Fault::Maintenance,
        Fault::Unspecified,
        Fault::Redirect,
    ];
    for stage in Stage::ALL {
        faults.extend([Fault::Timeout(stage), Fault::Io(stage)]);
    }
    faults.extend(TlsFault::ALL.map(Fault::Tls));
    outcomes.extend(faults.into_iter().map(Outcome::Failed));
    let voids = [
        Void::Resolver,
        Void::Uplink,
        Void::Clock,
        Void::Credential(401),
        Void::Certificate,
        Void::RateLimited,
        Void::StatedUnknown,
        Void::NotExecuted,
    ];
    outcomes.extend(voids.map(Outcome::Void));
    outcomes
}

/// Everything a trace can hold; different for each `n`.
fn full_trace(n: u32) -> Trace {
    Trace {
        phases: Phases {
            auth_us: None,
            resolve_us: Some(n),
            connect_us: Some(0),
            tls_us: None,
            write_us: Some(7),
            processing_us: Some(u32::MAX),
            transfer_us: None,
        },
        address: Some(if n.is_multiple_of(2) {
            "192.0.2.7:443".parse().unwrap()
        } else {
            "[2001:db8::7]:8443".parse().unwrap()
        }),
        status: Some(502),
        cause: Some("35000".to_owned()),
        message: format!("réponse 502 au lieu de 200 (« n° {n} »)"),
        certificate_not_after: Some(at("2026-01-31T12:00:00Z")),
        chain_not_after: Some(at("2026-01-30T12:00:00Z")),
        verified_not_after: None,
        retry_after_ms: Some(86_400_000),
        confirms: Some(at("2025-10-01T00:00:00Z")),
        explanation: None,
    }
}

fn first_days_of_october() -> Window {
    window(DAY, "2025-10-04T00:00:00Z")
}

fn every_outcome_is_read_back_exactly_and_failures_with_their_trace(site: Site) {
    let (_directory, path, mut store) = new_store(site);
    let findings: Vec<Finding> = (0..)
        .zip(every_outcome())
        .map(|(n, outcome)| Finding {
            trace: full_trace(n),
            ..finding(
                "a",
                "paris",
                at(DAY).plus_ms(60_000 * i64::from(n)),
                i64::from(n),
                outcome,
            )
        })
        .collect();
    let appended = store.append(&findings).unwrap();
    assert_eq!(appended.new, findings.len());

    drop(store);
    let store = Store::open_reader(&path).unwrap();
    let handed_in: Vec<_> = findings.iter().map(|f| f.observation).collect();
    assert_eq!(
        store
            .observations(&endpoint("a"), first_days_of_october())
            .unwrap(),
        [(vantage("paris"), handed_in)]
    );
    let mut told: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| {
            !matches!(
                finding.observation.outcome,
                Outcome::Answered { partial: false, .. }
            )
        })
        .collect();
    told.reverse();
    assert_eq!(store.traces(&endpoint("a"), 1_000).unwrap(), told);
    assert_eq!(store.traces(&endpoint("a"), 3).unwrap(), told[..3]);
    assert_eq!(store.traces(&endpoint("b"), 3).unwrap(), []);
}

/// Stores of the first days kept latencies in milliseconds.
fn latencies_written_in_milliseconds_are_read_right(site: Site) {
    let (home, _place, mut store) = new_store(site);
    let known = finding("a", "paris", at(DAY), 0, answered(1));
    store.append(&[known]).unwrap();
    let written = [(0, 9_000), (1, 42), (0, i64::from(u32::MAX))];
    for (n, (outcome, detail)) in (1..).zip(written) {
        home.change(&format!(
            "INSERT INTO fresh SELECT tick + {n}, series, 0, {outcome}, {detail} FROM fresh
             WHERE tick = (SELECT min(tick) FROM fresh)"
        ));
    }
    let seen = store
        .observations(&endpoint("a"), first_days_of_october())
        .unwrap();
    let outcomes: Vec<Outcome> = seen[0].1.iter().map(|seen| seen.outcome).collect();
    let answered_us = |latency_us, partial| Outcome::Answered {
        latency_us,
        partial,
    };
    assert_eq!(
        outcomes[1..],
        [
            answered_us(9_000_000, false),
            answered_us(42_000, true),
            answered_us(4_294_967_200, false)
        ]
    );
}

fn a_trace_may_be_empty(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    let failure = finding("a", "paris", at(DAY), 0, Outcome::Failed(Fault::Dns));
    store.append(std::slice::from_ref(&failure)).unwrap();
    assert_eq!(store.traces(&endpoint("a"), 1).unwrap(), [failure]);
}

/// Handing a batch in again changes nothing, wherever its observations are kept by now; what was
/// written first stays.
fn an_observation_counts_once(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    let tick = |n: i64| at(DAY).plus_ms(n);
    let batch: Vec<Finding> = (0..10)
        .map(|n| finding("a", "paris", tick(n), 0, Outcome::Failed(Fault::Connect)))
        .collect();
    let other_words: Vec<Finding> = batch
        .iter()
        .map(|known| finding("a", "paris", known.observation.tick, 5, answered(1)))
        .collect();
    assert_eq!(
        store.append(&batch).unwrap(),
        Appended {
            new: 10,
            repeated: 0
        }
    );
    // Enough that the first ones are filed.
    let many: Vec<Finding> = (10..120_000)
        .map(|n| finding("a", "paris", tick(n), 0, answered(1)))
        .collect();
    for (round, batch_of_many) in many.chunks(40_000).enumerate() {
        assert_eq!(
            store.append(&other_words).unwrap(),
            Appended {
                new: 0,
                repeated: 10
            },
            "before round {round}"
        );
        assert_eq!(
            store.append(batch_of_many).unwrap().new,
            batch_of_many.len()
        );
        assert_eq!(store.append(batch_of_many).unwrap().new, 0);
    }
    // Twice in one batch.
    let twice = finding("a", "lyon", tick(0), 0, answered(1));
    assert_eq!(
        store.append(&[twice.clone(), twice]).unwrap(),
        Appended {
            new: 1,
            repeated: 1
        }
    );
    // Late arrivals, older than what is filed.
    let late = finding("a", "paris", tick(-1), 0, answered(3));
    assert_eq!(store.append(std::slice::from_ref(&late)).unwrap().new, 1);

    let seen = store
        .observations(
            &endpoint("a"),
            Window::new(tick(-100), tick(1_000_000)).unwrap(),
        )
        .unwrap();
    let [(lyon, one), (paris, all)] = seen.as_slice() else {
        panic!("{} vantages", seen.len())
    };
    assert_eq!((lyon, one.len()), (&vantage("lyon"), 1));
    assert_eq!((paris, all.len()), (&vantage("paris"), 120_001));
    assert_eq!(all[0], late.observation);
    assert_eq!(all[1], batch[0].observation);
    assert!(all.is_sorted_by_key(|observation| observation.at));
    assert_eq!(store.traces(&endpoint("a"), 100).unwrap().len(), 10);
    assert_eq!(
        store.span().unwrap(),
        Window::between(tick(-1), tick(120_000))
    );
    assert_eq!(
        store.last_ticks().unwrap(),
        [
            (endpoint("a"), vantage("lyon"), tick(0)),
            (endpoint("a"), vantage("paris"), tick(119_999)),
        ]
    );
}

/// A window is one of instants, not of ticks, however far they lie apart; its end is outside.
fn a_window_holds_the_instants_in_it(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    let hour_ms = 3_600_000;
    let noon = at("2025-10-02T12:00:00Z");
    // Tick relative to noon, instant relative to the tick, and whether [noon, 13:00) holds it.
    let cases = [
        (0, 0, true),
        (-2, 0, false),
        (-1, 1, true),
        (-5 * hour_ms, 5 * hour_ms, true),
        (-5 * hour_ms - 1, 5 * hour_ms, false),
        (hour_ms, 0, false),
        (hour_ms - 1, 0, true),
        (hour_ms - 2, 2, false),
        (hour_ms + 1, -2, true),
        (30 * hour_ms, -30 * hour_ms + 1, true),
        (31 * hour_ms, -30 * hour_ms, false),
    ];
    let findings: Vec<Finding> = cases
        .iter()
        .map(|&(tick_ms, late_ms, _)| {
            finding("a", "paris", noon.plus_ms(tick_ms), late_ms, answered(1))
        })
        .collect();
    store.append(&findings).unwrap();
    store
        .append(&[finding("b", "paris", noon, 0, answered(1))])
        .unwrap();
    let mut expected: Vec<_> = findings
        .iter()
        .zip(&cases)
        .filter(|(_, (_, _, inside))| *inside)
        .map(|(finding, _)| finding.observation)
        .collect();
    expected.sort_by_key(|observation| (observation.at, observation.tick));
    let asked = Window::new(noon, noon.plus_ms(hour_ms)).unwrap();
    assert_eq!(
        store.observations(&endpoint("a"), asked).unwrap(),
        [(vantage("paris"), expected)]
    );
}

fn an_empty_store_says_so(site: Site) {
    let (_directory, _place, store) = new_store(site);
    assert_eq!(store.span().unwrap(), None);
    assert_eq!(store.last_ticks().unwrap(), []);
    assert_eq!(
        store
            .observations(&endpoint("a"), first_days_of_october())
            .unwrap(),
        []
    );
    assert_eq!(store.journal_entries(10).unwrap(), []);
    assert_eq!(
        store
            .statement(&partner("x"), &service("api"), october())
            .unwrap(),
        None
    );
    let check = store.verify_journal().unwrap();
    assert!(check.is_whole() && check.n_entries == 0);
    assert!(store.size_bytes().unwrap() > 0);
}

fn missed_ticks_are_kept_with_their_cause(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    let missed = |first: &str, last: &str, count, cause| Missed {
        endpoint: endpoint("a"),
        vantage: vantage("paris"),
        first: at(first),
        last: at(last),
        count,
        cause,
    };
    let night = missed(
        "2025-10-01T22:00:00Z",
        "2025-10-02T05:59:00Z",
        480,
        MissCause::NotRunning,
    );
    let nap = missed(
        "2025-10-02T12:00:00Z",
        "2025-10-02T12:10:00Z",
        11,
        MissCause::Suspended,
    );
    let slow = missed(
        "2025-10-03T12:00:00Z",
        "2025-10-03T12:00:00Z",
        1,
        MissCause::Overrun,
    );
    store
        .save_missed(&[slow.clone(), night.clone(), nap.clone()])
        .unwrap();
    // Again, and with less: nothing changes. With more: it grows.
    store.save_missed(std::slice::from_ref(&night)).unwrap();
    store
        .save_missed(&[missed(
            "2025-10-02T12:00:00Z",
            "2025-10-02T12:01:00Z",
            2,
            MissCause::Overrun,
        )])
        .unwrap();
    let longer = missed(
        "2025-10-03T12:00:00Z",
        "2025-10-03T12:01:00Z",
        2,
        MissCause::Overrun,
    );
    store.save_missed(std::slice::from_ref(&longer)).unwrap();

    let of = |start, end| store.missed(&endpoint("a"), window(start, end)).unwrap();
    assert_eq!(
        of(DAY, "2025-10-04T00:00:00Z"),
        [night.clone(), nap.clone(), longer]
    );
    assert_eq!(
        of("2025-10-02T05:59:00Z", "2025-10-02T12:00:00Z"),
        [night],
        "the last tick inside, the next first tick outside"
    );
    assert_eq!(of("2025-10-02T12:00:00Z", "2025-10-02T12:00:01Z"), [nap]);
    assert_eq!(
        store
            .missed(&endpoint("b"), first_days_of_october())
            .unwrap(),
        []
    );
}

fn a_declaration_is_pending_until_decided_and_every_decision_stays(site: Site) {
    let (_directory, path, mut store) = new_store(site);
    let for_all = NewDeclaration {
        service: service("api"),
        partner: None,
        kind: ExclusionKind::Maintenance,
        window: window("2025-10-10T20:00:00Z", "2025-10-10T22:00:00Z"),
        declared: Some(at("2025-10-01T08:00:00Z")),
        reason: "Mise à jour du socle".to_owned(),
        author: "camille".to_owned(),
    };
    let for_one = NewDeclaration {
        partner: Some(partner("ville")),
        kind: ExclusionKind::PartnerNetwork,
        declared: None,
        reason: String::new(),
        ..for_all.clone()
    };
    let later = at("2025-10-11T08:00:00Z");
    let first = store.declare(&for_all, at(DAY)).unwrap();
    let second = store.declare(&for_one, at(DAY)).unwrap();
    assert_ne!(first, second);

    let read = |store: &Store, filter| store.declarations(&filter).unwrap();
    let all = read(&store, DeclarationFilter::default());
    let [one, two] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!((one.id, two.id), (first, second));
    assert_eq!(one.exclusion.acceptance, Acceptance::Pending);
    assert_eq!(one.exclusion.kind, for_all.kind);
    assert_eq!(one.exclusion.window, for_all.window);
    assert_eq!(one.exclusion.declared, for_all.declared);
    assert_eq!(one.exclusion.reason, for_all.reason);
    assert_eq!(
        (&one.author, &one.partner, one.recorded),
        (&for_all.author, &None, at(DAY))
    );
    assert_eq!(two.partner, for_one.partner);
    assert_eq!(two.exclusion.declared, None);

    store.accept(first, "dominique", later).unwrap();
    store
        .refuse(first, "dominique", later.plus_ms(60_000))
        .unwrap();
    let again = store.refuse(first, "claude", later).unwrap_err();
    assert!(
        matches!(again, StoreError::AlreadyDecided { id, .. } if id == first),
        "{again}"
    );
    let unknown = vigie::store::DeclarationId(99);
    let nowhere = store.accept(unknown, "claude", later).unwrap_err();
    assert!(
        matches!(nowhere, StoreError::UnknownDeclaration { id } if id == unknown),
        "{nowhere}"
    );

    drop(store);
    let store = Store::open_reader(&path).unwrap();
    let one = &read(&store, DeclarationFilter::default())[0];
    assert_eq!(one.exclusion.acceptance, Acceptance::Refused);
    let decisions: Vec<_> = one
        .decisions
        .iter()
        .map(|decision| (decision.accepted, decision.by.as_str(), decision.at))
        .collect();
    assert_eq!(
        decisions,
        [
            (true, "dominique", later),
            (false, "dominique", later.plus_ms(60_000))
        ]
    );

    let ids = |filter| -> Vec<_> {
        read(&store, filter)
            .iter()
            .map(|declaration| declaration.id)
            .collect()
    };
    let all = DeclarationFilter::default;
    let of_partner = |name| DeclarationFilter {
        partner: Some(partner(name)),
        ..all()
    };
    let of_service = |name| DeclarationFilter {
        service: Some(service(name)),
        ..all()
    };
    let within = |start, end| DeclarationFilter {
        window: Some(window(start, end)),
        ..all()
    };
    assert_eq!(ids(of_partner("ville")), [first, second]);
    assert_eq!(ids(of_partner("hôpital")), [first]);
    assert_eq!(ids(of_service("api")), [first, second]);
    assert_eq!(ids(of_service("autre")), []);
    assert_eq!(
        ids(within("2025-10-10T21:59:59Z", "2025-10-12T00:00:00Z")),
        [first, second]
    );
    assert_eq!(
        ids(within("2025-10-10T22:00:00Z", "2025-10-12T00:00:00Z")),
        []
    );

    let kinds: Vec<String> = store
        .journal_entries(10)
        .unwrap()
        .into_iter()
        .map(|entry| format!("{} {}", entry.who, entry.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            "dominique refused",
            "dominique accepted",
            "camille declared",
            "camille declared",
        ],
        "what was refused by an error leaves no entry"
    );
    assert!(store.verify_journal().unwrap().is_whole());
}

fn statements_are_revised_never_replaced(site: Site) {
    let (_directory, path, mut store) = new_store(site);
    let save = |store: &mut Store, statements: &[_], at: Timestamp| {
        store.save_statements(statements, "vigie", at)
    };
    let november = at("2025-11-01T00:10:00Z");
    assert_eq!(
        save(
            &mut store,
            &[
                statement("ville", "{\"n\":1}", None),
                statement("hôpital", "{}", Some("none needed"))
            ],
            november
        )
        .unwrap(),
        [Saved::First, Saved::First]
    );
    // The same bytes again: nothing is written, and the call says so.
    assert_eq!(
        save(
            &mut store,
            &[statement("ville", "{\"n\":1}", Some("again"))],
            november
        )
        .unwrap(),
        [Saved::Unchanged { revision: 1 }]
    );
    assert_eq!(store.journal_entries(10).unwrap().len(), 2);

    // Something else without a reason: nothing of the batch is written.
    let refused = save(
        &mut store,
        &[
            statement("nouveau", "{}", None),
            statement("ville", "{\"n\":2}", None),
        ],
        november,
    )
    .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "save the statement of 2025-10 for partner `ville`, service `api`: revision 1 is saved and \
         says something else: give the reason of the correction (`vigie close 2025-10 --revise \
         --reason \"…\"`)"
    );
    assert_eq!(
        store
            .statement(&partner("nouveau"), &service("api"), october())
            .unwrap(),
        None
    );

    let december = at("2025-12-01T00:00:00Z");
    assert_eq!(
        save(
            &mut store,
            &[statement(
                "ville",
                "{\"n\":2}",
                Some("exclusion n° 1 acceptée")
            )],
            december
        )
        .unwrap(),
        [Saved::Revised { revision: 2 }]
    );
    drop(store);
    let store = Store::open_reader(&path).unwrap();
    let revisions = store
        .statement_revisions(&partner("ville"), &service("api"), october())
        .unwrap();
    let [one, two] = revisions.as_slice() else {
        panic!("{revisions:?}")
    };
    assert_eq!(
        (one.revision, one.replaces(), &one.reason),
        (1, None, &None)
    );
    assert_eq!((two.revision, two.replaces()), (2, Some(1)));
    assert_eq!(two.reason.as_deref(), Some("exclusion n° 1 acceptée"));
    assert_eq!(one.json, b"{\"n\":1}");
    assert_eq!(two.json, b"{\"n\":2}");
    let handed_in = statement("ville", "", None);
    for saved in [one, two] {
        assert_eq!(saved.month, handed_in.month);
        assert_eq!(saved.evidence_sha256, handed_in.evidence_sha256);
        assert_eq!(saved.commitment, handed_in.commitment);
        assert_eq!(saved.engine, handed_in.engine);
        assert_eq!(saved.author, "vigie");
    }
    assert_eq!((one.saved, two.saved), (november, december));
    assert_eq!(
        store
            .statement(&partner("ville"), &service("api"), october())
            .unwrap()
            .as_ref(),
        Some(two)
    );
    // A month is found by its calendar name, in whatever zone it was settled.
    let elsewhere = Month::new(2025, 10, chrono_tz::America::Martinique).unwrap();
    assert_eq!(
        store
            .statement(&partner("ville"), &service("api"), elsewhere)
            .unwrap()
            .as_ref(),
        Some(two)
    );
    let latest = |partner_id: Option<&str>| -> Vec<(String, u32)> {
        store
            .latest_statements(partner_id.map(partner).as_ref(), Some(&service("api")))
            .unwrap()
            .into_iter()
            .map(|saved| (saved.partner.to_string(), saved.revision))
            .collect()
    };
    assert_eq!(
        latest(None),
        [("hôpital".to_owned(), 1), ("ville".to_owned(), 2)]
    );
    assert_eq!(latest(Some("hôpital")), [("hôpital".to_owned(), 1)]);
    assert_eq!(latest(Some("personne")), []);
    assert!(store.verify_journal().unwrap().is_whole());
}

fn what_is_told_beside_the_figures_makes_a_revision(site: Site) {
    let (_directory, _, mut store) = new_store(site);
    let november = at("2025-11-01T00:10:00Z");
    let cause = |window, french: &str, english: Option<&str>| StatedCause {
        window,
        french: french.to_owned(),
        english: english.map(str::to_owned),
        attribution: Attribution::DataProvider,
        by: "la direction".to_owned(),
        said: november,
    };
    let first = cause(window(DAY, "2025-10-01T01:00:00Z"), "panne", None);
    let second = cause(window(DAY, "2025-10-01T00:01:00Z"), "coupure", Some("cut"));
    for cause in [&first, &second] {
        store.state_cause(&service("api"), cause, "essai").unwrap();
    }
    let told = |store: &Store, name: &str, window| store.stated_causes(&service(name), window);
    let (all, none) = (
        first_days_of_october(),
        window("2025-10-02T00:00:00Z", "2025-10-03T00:00:00Z"),
    );
    assert_eq!(told(&store, "api", all).unwrap(), [first, second]);
    assert_eq!(told(&store, "api", none).unwrap(), []);
    assert_eq!(told(&store, "autre", all).unwrap(), []);

    let mut save = |shared: &str, reason: Option<&str>| {
        let basis = NewBasis {
            shared: shared.as_bytes().to_vec(),
            own: b"{}".to_vec(),
        };
        let statement = NewStatement {
            basis: Some(basis),
            ..statement("ville", "{}", reason)
        };
        let saved = store.save_statements(&[statement], "vigie", november);
        saved.unwrap()[0]
    };
    assert_eq!(save("{\"a\":1}", None), Saved::First);
    // Without a reason the figures decide; with one, also what stands beside them.
    assert_eq!(save("{\"a\":2}", None), Saved::Unchanged { revision: 1 });
    assert_eq!(
        save("{\"a\":2}", Some("cause")),
        Saved::Revised { revision: 2 }
    );
    assert_eq!(
        save("{\"a\":2}", Some("cause")),
        Saved::Unchanged { revision: 2 }
    );
    assert!(store.verify_journal().unwrap().is_whole());
}

fn an_import_is_recorded_once_and_its_record_cannot_be_changed(site: Site) {
    let (home, _, mut store) = new_store(site);
    let import = Import {
        endpoint: endpoint("socle"),
        vantage: vantage("import-kuma"),
        tool: "kuma".to_owned(),
        source: "kuma.db, monitor 1 `API`".to_owned(),
        source_sha256: [7; 32],
        first: at(DAY),
        last: at(DAY).plus_ms(60_000),
        n_observations: 2,
        author: "camille".to_owned(),
        at: at(DAY).plus_ms(120_000),
    };
    assert_eq!(store.record_import(&import).unwrap(), None);
    let again = Import {
        author: "dominique".to_owned(),
        at: at(DAY).plus_ms(180_000),
        ..import.clone()
    };
    assert_eq!(store.record_import(&again).unwrap(), Some(import.clone()));
    // Another part of the same source is another import.
    let more = Import {
        last: at(DAY).plus_ms(120_000),
        n_observations: 3,
        ..again
    };
    assert_eq!(store.record_import(&more).unwrap(), None);
    assert_eq!(store.imports().unwrap(), [import, more]);
    let check = store.verify_journal().unwrap();
    assert!(check.is_whole() && check.n_entries == 2, "{check:?}");

    home.change("UPDATE import SET source = 'elsewhere' WHERE author = 'camille'");
    let faults = store.verify_journal().unwrap().faults;
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0]
            .to_string()
            .contains("the record of entry 1 was changed"),
        "{faults:?}"
    );
    assert!(faults[1].to_string().contains("elsewhere"), "{faults:?}");
}

fn the_journal_tells_who_did_what_and_when(site: Site) {
    let (_directory, path, mut store) = new_store(site);
    let loaded = Action {
        kind: ActionKind::ConfigLoaded,
        what: json!({ "path": "/etc/vigie/vigie.toml" }),
    };
    let exported = Action {
        kind: ActionKind::EvidenceExported,
        what: json!({ "partner": "ville" }),
    };
    let one = store.journal("vigie", at(DAY), &loaded).unwrap();
    let two = store.journal("camille", at(DAY), &exported).unwrap();
    assert_eq!((one.number, two.number), (1, 2));
    assert_eq!(two.what, "{\"partner\":\"ville\"}");
    drop(store);
    let store = Store::open_reader(&path).unwrap();
    assert_eq!(store.journal_entries(5).unwrap(), [two.clone(), one]);
    assert_eq!(
        store.journal_entries(1).unwrap(),
        std::slice::from_ref(&two)
    );
    let check = store.verify_journal().unwrap();
    assert!(check.is_whole());
    assert_eq!((check.n_entries, check.head), (2, two.sha256));
}
