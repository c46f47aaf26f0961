//! Whoever changes the journal, or a record that it speaks of, behind our back is found out.

use serde_json::json;
use vigie::sla::ledger::ExclusionKind;
use vigie::store::{Action, ActionKind, JournalFault, NewDeclaration, Store};

use super::{Site, at, new_file, new_store, october, partner, raw, service, statement, window};

on_both_databases! {
    an_untouched_journal_is_whole,
    a_changed_entry_is_found,
    a_missing_entry_is_found,
    a_moved_entry_is_found,
    a_cut_off_or_added_tail_is_found,
    a_record_that_differs_from_its_entry_is_found,
    changed_bytes_of_a_statement_are_not_handed_out,
}

/// Six entries: config loaded, declared (1), accepted (1), statement saved (ville), report
/// written, statement saved (hôpital).
fn write_history(store: &mut Store) {
    let now = at("2025-11-01T00:10:00Z");
    let action = |kind| Action {
        kind,
        what: json!({ "path": "somewhere" }),
    };
    store
        .journal("vigie", now, &action(ActionKind::ConfigLoaded))
        .unwrap();
    let declared = store
        .declare(
            &NewDeclaration {
                service: service("api"),
                partner: None,
                kind: ExclusionKind::ForceMajeure,
                window: window("2025-10-10T20:00:00Z", "2025-10-10T22:00:00Z"),
                declared: None,
                reason: "Inondation".to_owned(),
                author: "camille".to_owned(),
            },
            now,
        )
        .unwrap();
    store.accept(declared, "dominique", now).unwrap();
    store
        .save_statements(
            &[statement("ville", "{\"verdict\":\"missed\"}", None)],
            "vigie",
            now,
        )
        .unwrap();
    store
        .journal("vigie", now, &action(ActionKind::ReportWritten))
        .unwrap();
    store
        .save_statements(
            &[statement("hôpital", "{\"verdict\":\"met\"}", None)],
            "vigie",
            now,
        )
        .unwrap();
}

/// After `change`, the journal's faults read `expected`, line by line.
#[track_caller]
fn check(site: Site, change: &str, expected: &[&str]) {
    let (home, _place, mut store) = new_store(site);
    write_history(&mut store);
    home.change(change);
    let check = store.verify_journal().unwrap();
    let told: Vec<String> = check.faults.iter().map(ToString::to_string).collect();
    assert_eq!(told, expected, "{change}");
    assert_eq!(check.is_whole(), expected.is_empty());
}

fn an_untouched_journal_is_whole(site: Site) {
    check(site, "", &[]);
    check(site, "VACUUM", &[]);
}

fn a_changed_entry_is_found(site: Site) {
    for column in ["at = at + 1", "who = 'x'", "kind = 'x'", "what = '{}'"] {
        for entry in [1, 5] {
            check(
                site,
                &format!("UPDATE journal SET {column} WHERE number = {entry}"),
                &[&format!("entry {entry} was changed after it was written")],
            );
        }
    }
    check(
        site,
        "UPDATE journal SET sha256 = zeroblob(3) WHERE number = 1",
        &[
            "entry 1 was changed after it was written",
            "entry 1 was replaced, or one was taken out before entry 2",
        ],
    );
}

fn a_missing_entry_is_found(site: Site) {
    check(
        site,
        "DELETE FROM journal WHERE number = 1",
        &["entry 1 is missing"],
    );
    check(
        site,
        "DELETE FROM journal WHERE number = 5",
        &["entry 5 is missing"],
    );
    // Its numbers closed up.
    check(
        site,
        "DELETE FROM journal WHERE number = 1;
         UPDATE journal SET number = -number;
         UPDATE journal SET number = -number - 1;
         UPDATE journal_head SET n_entries = 5",
        &["entry 0 was replaced, or one was taken out before entry 1"],
    );
    // A record without its entry shows as well.
    check(
        site,
        "DELETE FROM journal WHERE number = 3",
        &[
            "entry 3 is missing",
            "a record was changed or put in: no entry `accepted` says {\"declaration\":1}",
        ],
    );
}

fn a_moved_entry_is_found(site: Site) {
    check(
        site,
        "UPDATE journal SET number = 70 WHERE number = 5;
         UPDATE journal SET number = 5 WHERE number = 6;
         UPDATE journal SET number = 6 WHERE number = 70;",
        &[
            "entry 5 was moved: it was written right after what is now entry 6",
            "entry 6 was moved: it was written right after what is now entry 4",
            "entry 6 was replaced, or one was taken out before entry 7",
        ],
    );
}

fn a_cut_off_or_added_tail_is_found(site: Site) {
    // The last two, and what they speak of.
    let cut =
        "DELETE FROM journal WHERE number > 4; DELETE FROM statement WHERE partner <> 'ville'";
    check(site, cut, &["entries 5 to 6 are missing"]);
    check(
        site,
        "INSERT INTO journal SELECT 7, at, who, kind, what, previous, sha256
         FROM journal WHERE number = 5",
        &[
            "entry 7 was moved: it was written right after what is now entry 4",
            "entry 7 was added without its link",
        ],
    );
    check(
        site,
        "DELETE FROM journal_head",
        &["the journal's length and head are missing"],
    );
}

/// A replaced entry with a digest made to fit is betrayed by its successor or by the head.
#[test]
fn an_entry_replaced_with_a_fitting_digest_is_found() {
    for (number, expected) in [
        (1, JournalFault::Replaced { before: 2 }),
        (5, JournalFault::Replaced { before: 6 }),
    ] {
        let (_directory, path, mut store) = new_file();
        write_history(&mut store);
        // Another store's journal, right in itself, lends the entry.
        let (_other_directory, other_path, mut other) = new_file();
        other
            .journal(
                "someone else",
                at("2025-11-01T00:10:00Z"),
                &Action {
                    kind: ActionKind::ConfigLoaded,
                    what: json!({}),
                },
            )
            .unwrap();
        let connection = raw(&path);
        connection
            .execute("ATTACH ?1 AS other", [other_path.to_str().unwrap()])
            .unwrap();
        connection
            .execute(
                "UPDATE journal SET (who, kind, what, previous, sha256) =
                     (SELECT who, kind, what, previous, sha256 FROM other.journal)
                 WHERE number = ?1",
                [number],
            )
            .unwrap();
        let faults = store.verify_journal().unwrap().faults;
        assert!(faults.contains(&expected), "{number}: {faults:?}");
    }
    check(
        Site::File,
        "UPDATE journal_head SET sha256 = zeroblob(32)",
        &["entry 6 was replaced, or one was taken out before entry 7"],
    );
}

fn a_record_that_differs_from_its_entry_is_found(site: Site) {
    let faults_after = |change: &str| {
        let (home, _place, mut store) = new_store(site);
        write_history(&mut store);
        home.change(change);
        store.verify_journal().unwrap().faults
    };
    for (change, entry) in [
        (
            "UPDATE statement SET json = CAST('{\"verdict\":\"met\"}' AS BLOB) WHERE id = 1",
            4,
        ),
        (
            "UPDATE statement SET evidence_sha256 = zeroblob(32) WHERE id = 1",
            4,
        ),
        ("UPDATE statement SET partner = 'x' WHERE id = 1", 4),
        ("UPDATE statement SET month = '2025-09' WHERE id = 1", 4),
        ("UPDATE statement SET author = 'x' WHERE id = 2", 6),
        ("UPDATE statement SET saved = saved + 1 WHERE id = 2", 6),
        ("DELETE FROM statement WHERE id = 1", 4),
        ("UPDATE declaration SET window_end = window_end + 1", 2),
        ("UPDATE declaration SET partner = 'x'", 2),
        ("UPDATE declaration SET declared = 0", 2),
        ("UPDATE decision SET accepted = 0", 3),
        ("UPDATE decision SET author = 'x'", 3),
        ("DELETE FROM decision", 3),
    ] {
        let faults = faults_after(change);
        assert!(
            matches!(&faults[0], JournalFault::RecordDiffers { entry: told, .. } if *told == entry),
            "{change}: {faults:?}"
        );
    }
    for put_in in [
        "INSERT INTO decision VALUES (1, 2, 0, 'x', 0)",
        "INSERT INTO declaration SELECT 2, service, partner, kind, window_start, window_end,
         declared, reason, author, recorded FROM declaration",
        "INSERT INTO statement SELECT 3, partner, service, month, 2, zone, json, json_sha256,
         evidence_sha256, commitment, engine, author, saved, 'x', NULL, NULL, NULL
         FROM statement WHERE id = 1",
    ] {
        let faults = faults_after(put_in);
        assert!(
            matches!(faults.as_slice(), [JournalFault::RecordWithoutEntry { .. }]),
            "{put_in}: {faults:?}"
        );
    }
}

/// A statement whose bytes were changed is not handed out, even if nobody looks at the journal.
fn changed_bytes_of_a_statement_are_not_handed_out(site: Site) {
    let (home, _place, mut store) = new_store(site);
    write_history(&mut store);
    home.change("UPDATE statement SET json = CAST('{\"verdict\":\"met\"}' AS BLOB) WHERE id = 1");
    let message = store
        .statement(&partner("ville"), &service("api"), october())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains(
            "revision 1 of 2025-10 for partner `ville`, service `api` is not as it was saved"
        ),
        "{message}"
    );
    assert!(
        store
            .statement(&partner("hôpital"), &service("api"), october())
            .unwrap()
            .is_some()
    );
}
