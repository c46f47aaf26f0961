//! What is past its retention goes, what stays can be verified, and what is gone is not silence.

use serde_json::json;
use vigie::sla::observation::{Fault, Finding, MissCause, Outcome};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Timestamp, Window};
use vigie::store::{Action, ActionKind, Limits, Missed, Removed, Store};

use super::{
    Site, answered, at, endpoint, finding, new_store, partner, statement, vantage, window,
};

on_both_databases!(
    what_is_past_goes_and_the_rest_can_be_verified,
    a_late_block_goes_with_its_chain,
    what_was_removed_is_not_taken_for_silence,
    old_journal_entries_go_and_the_rest_is_whole,
    letters_go_and_statements_stay,
);

const DAY: &str = "2025-10-01T00:00:00Z";

fn hour(n: i64) -> Timestamp {
    at(DAY).plus_ms(n * HOUR_MS)
}

/// Six hours of two endpoints, one failure an hour.
fn fill(store: &mut Store) {
    let findings: Vec<Finding> = (0..6 * 60)
        .flat_map(|minute| {
            let outcome = match minute % 60 {
                7 => Outcome::Failed(Fault::Status(503)),
                _ => answered(20),
            };
            ["a", "b"].map(|of| {
                let tick = at(DAY).plus_ms(minute * MINUTE_MS);
                finding(of, "paris", tick, 0, outcome)
            })
        })
        .collect();
    store.append(&findings).unwrap();
    let missed = [0, 5].map(|n| Missed {
        endpoint: endpoint("a"),
        vantage: vantage("paris"),
        first: hour(n),
        last: hour(n),
        count: 1,
        cause: MissCause::Overrun,
    });
    store.save_missed(&missed).unwrap();
    store.seal_all(hour(24)).unwrap();
}

fn evidence_before(before: Timestamp) -> Limits {
    Limits {
        evidence_before: before,
        journal_before: Timestamp::MIN,
        letters_of: Vec::new(),
    }
}

fn what_is_past_goes_and_the_rest_can_be_verified(site: Site) {
    let (_home, place, mut store) = new_store(site);
    fill(&mut store);
    let kept = Window::new(hour(4), hour(6)).unwrap();
    let before = store.observations(&endpoint("a"), kept).unwrap();
    let limits = evidence_before(hour(4));
    let expected = Removed {
        n_observations: 480,
        n_blocks: 8,
        n_traces: 8,
        n_missed: 1,
        n_journal_entries: 0,
        n_letters: 0,
    };
    assert_eq!(store.retained(&limits).unwrap(), expected);
    assert_eq!(
        store.retained(&limits).unwrap(),
        expected,
        "nothing went yet"
    );
    assert_eq!(store.remove(&limits, "jeanne", hour(24)).unwrap(), expected);
    assert_eq!(
        store.remove(&limits, "jeanne", hour(25)).unwrap(),
        Removed::default()
    );

    drop(store);
    let mut store = Store::open(&place).unwrap();
    assert_eq!(store.observations(&endpoint("a"), kept).unwrap(), before);
    assert_eq!(store.traces(&endpoint("a"), 100).unwrap().len(), 2);
    assert_eq!(
        store
            .missed(&endpoint("a"), window(DAY, "2025-10-02T00:00:00Z"))
            .unwrap()
            .len(),
        1
    );
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!((check.n_blocks, check.n_removed), (4, 8));
    // It is on record, once.
    let entries = store.journal_entries(10).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].who.as_str(), entries[0].kind.as_str()),
        ("jeanne", "retention_applied")
    );
    assert!(
        entries[0].what.contains("\"observations\":480"),
        "{}",
        entries[0].what
    );

    // The chain goes on after all of it went.
    store
        .remove(&evidence_before(hour(20)), "jeanne", hour(26))
        .unwrap();
    let later = finding("a", "paris", hour(21), 0, answered(1));
    store.append(std::slice::from_ref(&later)).unwrap();
    store.seal_all(hour(30)).unwrap();
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!((check.n_blocks, check.n_removed), (1, 12));
    let today = Window::new(hour(20), hour(24)).unwrap();
    let seen = store.observations(&endpoint("a"), today).unwrap();
    assert_eq!(seen, [(vantage("paris"), vec![later.observation])]);
}

/// Only the oldest links of a chain can go: a block of an old hour that was sealed late waits for
/// those before it.
fn a_late_block_goes_with_its_chain(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    fill(&mut store);
    let late = finding("a", "paris", hour(1).plus_ms(30_000), 0, answered(1));
    store.append(&[late]).unwrap();
    store.seal_all(hour(24)).unwrap();
    let removed = store
        .remove(&evidence_before(hour(4)), "jeanne", hour(24))
        .unwrap();
    assert_eq!(removed.n_blocks, 8);
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!(check.n_blocks, 5);
    let removed = store
        .remove(&evidence_before(hour(6)), "jeanne", hour(24))
        .unwrap();
    assert_eq!(removed.n_blocks, 5);
    assert!(store.verify_evidence(&mut |_, _| {}).unwrap().is_whole());
}

fn what_was_removed_is_not_taken_for_silence(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    fill(&mut store);
    store
        .remove(&evidence_before(hour(4)), "jeanne", hour(24))
        .unwrap();
    let asked = Window::new(hour(3), hour(5)).unwrap();
    let refused = store
        .observations(&endpoint("a"), asked)
        .unwrap_err()
        .to_string();
    for told in [
        "2025-10-01T03:00",
        "2025-10-01T04:00",
        "saved statements stand",
    ] {
        assert!(refused.contains(told), "{refused}");
    }
    // Measuring began when it began.
    assert_eq!(store.first_tick(&endpoint("a")).unwrap(), Some(at(DAY)));
}

fn old_journal_entries_go_and_the_rest_is_whole(site: Site) {
    let (home, _place, mut store) = new_store(site);
    store
        .save_statements(&[statement("mairie", "{}", None)], "jeanne", hour(0))
        .unwrap();
    for n in 1..6 {
        let action = Action {
            kind: ActionKind::ReportWritten,
            what: json!({ "n": n }),
        };
        store.journal("jeanne", hour(n), &action).unwrap();
    }
    let limits = Limits {
        journal_before: hour(3),
        ..evidence_before(Timestamp::MIN)
    };
    assert_eq!(
        store
            .remove(&limits, "jeanne", hour(6))
            .unwrap()
            .n_journal_entries,
        3
    );
    let kinds: Vec<String> = store
        .journal_entries(9)
        .unwrap()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            "retention_applied",
            "report_written",
            "report_written",
            "report_written"
        ]
    );
    let check = store.verify_journal().unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!((check.n_entries, check.n_removed), (7, 3));

    // A changed one is still found, and so is one more that goes without a word.
    home.change("DELETE FROM journal WHERE number = 4;");
    let check = store.verify_journal().unwrap();
    assert_eq!(check.faults.len(), 1, "{check:?}");
    assert_eq!(check.faults[0].to_string(), "entry 4 is missing");
}

fn letters_go_and_statements_stay(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    for (of, to) in [
        ("mairie", "a@mairie.example"),
        ("region", "b@region.example"),
    ] {
        let mut statement = statement(of, "{}", None);
        statement.letters_to = vec![to.to_owned()];
        store
            .save_statements(&[statement], "jeanne", hour(0))
            .unwrap();
    }
    let written = [partner("mairie"), partner("region")].map(|partner| (partner, hour(0)));
    assert_eq!(store.partners_with_letters().unwrap(), written);
    let limits = Limits {
        letters_of: vec![partner("mairie")],
        ..evidence_before(Timestamp::MIN)
    };
    assert_eq!(
        store.remove(&limits, "jeanne", hour(6)).unwrap().n_letters,
        1
    );
    assert_eq!(store.partners_with_letters().unwrap(), written[1..]);
    let saved = store
        .statement(&partner("mairie"), &super::service("api"), super::october())
        .unwrap();
    assert!(saved.is_some(), "statements are always kept");
    assert!(store.verify_journal().unwrap().is_whole());
}
