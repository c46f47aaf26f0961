//! The outbox: each letter once, from the moment its statement is saved, whatever happens then.

use vigie::config::StoreConfig;
use vigie::sla::window::Timestamp;
use vigie::store::{
    Attempt, LetterContent, LetterFilter, LetterId, LetterState, OutboxCounts, Release, Store,
};

use super::{Home, Site, at, new_store, october, partner, service, statement};

on_both_databases! {
    a_letter_is_there_exactly_when_its_statement_is,
    a_letter_is_sent_once_its_documents_stand,
    a_letter_is_claimed_by_one_for_a_time,
    an_attempt_leaves_its_trace,
    letters_wait_for_approval_where_asked_to,
    a_correction_supersedes_what_was_not_sent,
    a_letter_can_be_sent_again,
    the_outbox_is_counted,
    letters_go_with_their_statements,
}

const HOUR_MS: i64 = 3_600_000;

fn now() -> Timestamp {
    at("2025-11-03T06:00:00Z")
}

fn hours_later(hours: i64) -> Timestamp {
    now().plus_ms(hours * HOUR_MS)
}

fn content() -> LetterContent {
    LetterContent {
        subject: "Disponibilité — octobre 2025".to_owned(),
        text: "Bonjour,\n".to_owned(),
        html: "<p>Bonjour,</p>".to_owned(),
        documents: vec!["rapport.html".to_owned(), "mesures.csv".to_owned()],
    }
}

fn save(store: &mut Store, json: &str, reason: Option<&str>, letters_to: &[&str]) {
    let mut new = statement("ville", json, reason);
    new.letters_to = letters_to.iter().map(|&to| to.to_owned()).collect();
    store.save_statements(&[new], "vigie", now()).unwrap();
}

/// A store with one letter, which is due.
fn with_a_due_letter(site: Site) -> (Home, StoreConfig, Store, LetterId) {
    let (directory, path, mut store) = new_store(site);
    save(&mut store, "{}", None, &["api@ville.example"]);
    let letter = LetterId(1);
    assert!(
        store
            .write_letter(letter, &content(), Release::Now, now())
            .unwrap()
    );
    (directory, path, store, letter)
}

fn sent() -> Attempt {
    Attempt::Sent {
        answer: "250 ok".to_owned(),
        message_id: "x@operateur.example".to_owned(),
        message_sha256: [9; 32],
    }
}

fn later(hours: i64, may_have_arrived: bool) -> Attempt {
    Attempt::Later {
        answer: "450 greylisted".to_owned(),
        next: hours_later(hours),
        may_have_arrived,
    }
}

fn states(store: &Store) -> Vec<(u32, String, &'static str)> {
    let letters = store.letters(&LetterFilter::default()).unwrap();
    letters
        .into_iter()
        .map(|letter| (letter.revision, letter.recipient, letter.state.code()))
        .collect()
}

fn kinds(store: &Store) -> Vec<String> {
    let mut entries = store.journal_entries(100).unwrap();
    entries.reverse();
    entries.into_iter().map(|entry| entry.kind).collect()
}

fn a_letter_is_there_exactly_when_its_statement_is(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    let both = ["api@ville.example", "dsi@ville.example"];
    save(&mut store, "{}", None, &both);
    let unwritten = |to: &str| (1, to.to_owned(), "unwritten");
    let expected = both.map(unwritten);
    assert_eq!(states(&store), expected);

    // Again, because the first run may have been cut off: nothing is added.
    save(&mut store, "{}", None, &both);
    assert_eq!(states(&store), expected);

    // Refused for want of a reason, and with it everything that was to be saved beside it.
    let mut fine = statement("hôpital", "{}", None);
    fine.letters_to = vec!["admission@ch.example".to_owned()];
    let refused = statement("ville", "{\"other\":1}", None);
    store
        .save_statements(&[fine, refused], "vigie", now())
        .unwrap_err();
    assert_eq!(states(&store), expected);
}

fn a_letter_is_sent_once_its_documents_stand(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    save(&mut store, "{}", None, &["api@ville.example"]);
    assert_eq!(store.due_letters(hours_later(999), 10).unwrap(), []);
    let unwritten = store
        .unwritten_letters(&partner("ville"), &service("api"), october(), 1)
        .unwrap();
    assert_eq!(unwritten.len(), 1);
    assert_eq!(unwritten[0].content, None);
    let letter = unwritten[0].id;

    let write = |store: &mut Store, content: &LetterContent, hours| {
        store
            .write_letter(letter, content, Release::Now, hours_later(hours))
            .unwrap()
    };
    assert!(write(&mut store, &content(), 1));
    // A second writer finds it written.
    let mut other = content();
    other.subject = "other".to_owned();
    assert!(!write(&mut store, &other, 2));

    assert_eq!(store.due_letters(now(), 10).unwrap(), []);
    assert_eq!(store.due_letters(hours_later(1), 10).unwrap(), [letter]);
    let saved = store.letter(letter).unwrap().unwrap();
    assert_eq!(saved.content, Some(content()));
    assert_eq!(saved.dated, Some(hours_later(1)));
}

/// Goal: of two processes one sends; and what died in the middle is taken up again.
fn a_letter_is_claimed_by_one_for_a_time(site: Site) {
    let (_directory, path, mut one, letter) = with_a_due_letter(site);
    let mut other = Store::open_beside(&path).unwrap();
    let claim = |store: &mut Store, hours| {
        store
            .claim_letter(letter, hours_later(hours), hours_later(hours + 1))
            .unwrap()
            .map(|claimed| claimed.n_attempts)
    };
    assert_eq!(claim(&mut one, 0), Some(1));
    assert_eq!(claim(&mut other, 0), None);
    assert_eq!(other.due_letters(now(), 10).unwrap(), []);
    // The first one died.
    assert_eq!(claim(&mut other, 1), Some(2));
    other
        .record_attempt(letter, &sent(), "vigie", hours_later(1))
        .unwrap();
    assert_eq!(claim(&mut one, 99), None);
}

fn an_attempt_leaves_its_trace(site: Site) {
    let check = |attempts: &[Attempt], state: LetterState, n_attempts: u32, journal: &[&str]| {
        let (_directory, _path, mut store, letter) = with_a_due_letter(site);
        for (hours, attempt) in (0..).zip(attempts) {
            let claimed = store.claim_letter(letter, hours_later(hours), hours_later(hours + 1));
            assert!(claimed.unwrap().is_some(), "{attempts:?}");
            store
                .record_attempt(letter, attempt, "vigie", hours_later(hours))
                .unwrap();
        }
        let saved = store.letter(letter).unwrap().unwrap();
        assert_eq!((saved.state, saved.n_attempts), (state, n_attempts));
        assert_eq!(
            saved.dated,
            Some(now()),
            "a letter tried again keeps its date"
        );
        assert!(saved.last_answer.is_some());
        assert_eq!(kinds(&store)[1..], *journal, "{attempts:?}");
        assert!(store.verify_journal().unwrap().is_whole());
        for entry in store.journal_entries(100).unwrap() {
            assert!(!entry.what.contains("api@"), "no address stays for ever");
        }
    };
    check(&[sent()], LetterState::Sent, 1, &["letter_sent"]);
    check(&[later(1, false)], LetterState::Due, 1, &[]);
    check(
        &[later(1, true), sent()],
        LetterState::Sent,
        2,
        &["letter_interrupted", "letter_sent"],
    );
    let unable = Attempt::Unable {
        reason: "connect to relay".to_owned(),
        next: hours_later(1),
    };
    check(std::slice::from_ref(&unable), LetterState::Due, 0, &[]);
    let failed = Attempt::Failed {
        answer: "550 no such mailbox".to_owned(),
    };
    check(&[unable, later(2, false)], LetterState::Due, 1, &[]);
    check(&[failed], LetterState::Failed, 1, &["letter_failed"]);
}

fn letters_wait_for_approval_where_asked_to(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    save(&mut store, "{}", None, &["api@ville.example"]);
    let letter = LetterId(1);
    store
        .write_letter(letter, &content(), Release::AfterApproval, now())
        .unwrap();
    assert_eq!(store.due_letters(hours_later(999), 10).unwrap(), []);

    let approve = |store: &mut Store, month: &str, of: Option<&str>| {
        let of = of.map(partner);
        store
            .approve_letters(month, of.as_ref(), "camille", hours_later(5))
            .unwrap()
    };
    assert_eq!(approve(&mut store, "2025-09", None), 0);
    assert_eq!(approve(&mut store, "2025-10", Some("hôpital")), 0);
    assert_eq!(approve(&mut store, "2025-10", Some("ville")), 1);
    assert_eq!(approve(&mut store, "2025-10", None), 0);
    assert_eq!(store.due_letters(hours_later(5), 10).unwrap(), [letter]);
    let saved = store.letter(letter).unwrap().unwrap();
    assert_eq!(saved.dated, Some(hours_later(5)));
    let entries = store.journal_entries(1).unwrap();
    assert_eq!(entries[0].who, "camille");
    assert_eq!(entries[0].kind, "letters_approved");
}

fn a_correction_supersedes_what_was_not_sent(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    save(
        &mut store,
        "{}",
        None,
        &["api@ville.example", "dsi@ville.example"],
    );
    for letter in [1, 2] {
        store
            .write_letter(LetterId(letter), &content(), Release::Now, now())
            .unwrap();
    }
    store
        .claim_letter(LetterId(1), now(), hours_later(1))
        .unwrap();
    store
        .record_attempt(LetterId(1), &sent(), "vigie", now())
        .unwrap();
    // The second is on its way when the correction is saved.
    store
        .claim_letter(LetterId(2), now(), hours_later(1))
        .unwrap();
    save(
        &mut store,
        "{\"down\":1}",
        Some("erreur de saisie"),
        &["api@ville.example"],
    );
    store
        .record_attempt(LetterId(2), &later(1, false), "vigie", now())
        .unwrap();
    let line = |revision, to: &str, state| (revision, to.to_owned(), state);
    assert_eq!(
        states(&store),
        [
            line(1, "api@ville.example", "sent"),
            line(1, "dsi@ville.example", "superseded"),
            line(2, "api@ville.example", "unwritten"),
        ]
    );
    assert_eq!(store.due_letters(hours_later(9), 10).unwrap(), []);
}

fn a_letter_can_be_sent_again(site: Site) {
    let (_directory, _path, mut store, letter) = with_a_due_letter(site);
    let requeue = |store: &mut Store| {
        store
            .requeue_letter(letter, "camille", hours_later(48))
            .unwrap()
    };
    assert!(!requeue(&mut store), "it is due already");
    store.claim_letter(letter, now(), hours_later(1)).unwrap();
    store
        .record_attempt(letter, &sent(), "vigie", now())
        .unwrap();
    assert!(requeue(&mut store));
    assert_eq!(store.due_letters(hours_later(48), 10).unwrap(), [letter]);
    let saved = store.letter(letter).unwrap().unwrap();
    assert_eq!(saved.dated, Some(hours_later(48)));
    assert_eq!(kinds(&store)[1..], ["letter_sent", "letter_requeued"]);
}

fn the_outbox_is_counted(site: Site) {
    let (_directory, _path, mut store) = new_store(site);
    let to = [
        "a@v.example",
        "b@v.example",
        "c@v.example",
        "d@v.example",
        "e@v.example",
    ];
    save(&mut store, "{}", None, &to);
    for (letter, release) in [
        (1, Release::AfterApproval),
        (2, Release::Now),
        (3, Release::Now),
        (4, Release::Now),
    ] {
        let written = if letter == 2 { now() } else { hours_later(20) };
        store
            .write_letter(LetterId(letter), &content(), release, written)
            .unwrap();
    }
    store
        .record_attempt(LetterId(4), &sent(), "vigie", hours_later(20))
        .unwrap();
    assert_eq!(
        store.outbox_counts(hours_later(25), 24 * HOUR_MS).unwrap(),
        OutboxCounts {
            unwritten: 1,
            held: 1,
            due: 2,
            late: 1,
            sent: 1,
            failed: 0,
        }
    );
}

/// Goal: when statements are deleted at the end of their retention, addresses go with them.
fn letters_go_with_their_statements(site: Site) {
    let (home, _place, store, _letter) = with_a_due_letter(site);
    home.change("DELETE FROM statement");
    assert_eq!(states(&store), []);
}
