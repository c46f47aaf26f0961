//! Whose file it is, who may write it, and that what is refused is left as it is.

use std::fs;
use std::path::Path;

use serde_json::json;
use vigie::store::{Action, ActionKind, Store, StoreError};

use super::{answered, at, finding, new_file, raw};

/// Every way of opening refuses the file with a message that holds `told`, and leaves it as it is.
#[track_caller]
fn check_refused(path: &Path, told: &str) {
    let bytes = fs::read(path).unwrap();
    for opened in [
        Store::open(path),
        Store::open_beside(path),
        Store::open_reader(path),
    ] {
        let error = opened.expect_err("it was opened");
        let message = error.to_string();
        assert!(message.contains(told), "{message}");
        assert!(
            message.contains("it was not touched"),
            "what to do: {message}"
        );
        assert!(
            message.contains(path.to_str().unwrap()),
            "which file: {message}"
        );
        assert_eq!(fs::read(path).unwrap(), bytes, "changed");
    }
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    fs::write(&text, "Notes de la réunion du 1er octobre\n".repeat(50)).unwrap();
    check_refused(&text, "this is not a database");
    let short = directory.path().join("short");
    fs::write(&short, "x").unwrap();
    check_refused(&short, "this is not a database");

    let foreign = directory.path().join("photos.sqlite");
    raw(&foreign)
        .execute_batch("CREATE TABLE photo (name TEXT); INSERT INTO photo VALUES ('a');")
        .unwrap();
    check_refused(&foreign, "this is a database of another program");
    let n_files = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(n_files, 3, "nothing was left beside them");
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let (_directory, path, store) = new_file();
    drop(store);
    let connection = raw(&path);
    connection
        .execute_batch(
            "INSERT INTO refinery_schema_history
             SELECT 999, 'of_tomorrow', applied_on, checksum FROM refinery_schema_history LIMIT 1;",
        )
        .unwrap();
    drop(connection);
    check_refused(
        &path,
        "written by a newer vigie (schema 999, this program knows ",
    );
}

#[test]
fn an_interrupted_creation_is_taken_up_again() {
    let directory = tempfile::tempdir().unwrap();
    // Before anything was written, and before the first migration.
    for (name, statements) in [
        ("empty", ""),
        ("marked", "PRAGMA application_id = 0x56696769;"),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, "").unwrap();
        raw(&path).execute_batch(statements).unwrap();
        let mut store = Store::open(&path).unwrap();
        let tick = at("2025-10-01T00:00:00Z");
        let appended = store
            .append(&[finding("a", "paris", tick, 0, answered(1))])
            .unwrap();
        assert_eq!(appended.new, 1, "{name}");
    }
}

#[test]
fn one_process_records_and_others_read_and_declare_beside_it() {
    let (directory, path, mut recorder) = new_file();
    // Also under another name of the same file.
    let link = directory.path().join("link.sqlite");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for name in [&path, &link] {
        let error = Store::open(name).expect_err("a second recorder");
        assert!(matches!(error, StoreError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("stop that one first"), "{error}");
    }

    let tick = at("2025-10-01T00:00:00Z");
    let reader = Store::open_reader(&path).unwrap();
    recorder
        .append(&[finding("a", "paris", tick, 0, answered(1))])
        .unwrap();
    assert_eq!(reader.last_ticks().unwrap().len(), 1, "seen at once");

    let action = |n: u32| Action {
        kind: ActionKind::EvidenceExported,
        what: json!({ "n": n }),
    };
    let mut beside = Store::open_beside(&path).unwrap();
    for n in 0..3 {
        beside.journal("camille", tick, &action(n)).unwrap();
        recorder.journal("vigie", tick, &action(n)).unwrap();
    }
    let check = reader.verify_journal().unwrap();
    assert!(check.is_whole() && check.n_entries == 6, "{check:?}");

    // When the recorder has gone, another may come.
    drop(recorder);
    Store::open(&path).unwrap();
}

#[test]
fn a_reader_cannot_write_and_says_so() {
    let (_directory, path, store) = new_file();
    drop(store);
    let mut reader = Store::open_reader(&path).unwrap();
    let tick = at("2025-10-01T00:00:00Z");
    let error = reader
        .append(&[finding("a", "paris", tick, 0, answered(1))])
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("append observations in store `"),
        "{message}"
    );
    assert!(message.contains("opened for reading only"), "{message}");
}

#[test]
fn a_path_that_cannot_be_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("no/such/directory/vigie.sqlite");
    let message = Store::open(&nowhere).unwrap_err().to_string();
    assert!(message.contains("create its directory"), "{message}");

    let missing = directory.path().join("missing.sqlite");
    let error = Store::open_reader(&missing).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(!missing.exists(), "a reader creates nothing");

    let message = Store::open(directory.path()).unwrap_err().to_string();
    assert!(message.contains("give the path of a file"), "{message}");
}

/// What was changed behind our back is told, not passed on.
#[test]
fn values_that_cannot_be_are_reported() {
    let (_directory, path, mut store) = new_file();
    let tick = at("2025-10-01T00:00:00Z");
    let known = finding("a", "paris", tick, 0, answered(1));
    store.append(std::slice::from_ref(&known)).unwrap();
    for change in [
        "UPDATE fresh SET outcome = 99",
        "UPDATE fresh SET outcome = 12, detail = 9",
        "UPDATE fresh SET outcome = 15, detail = 70000",
        "UPDATE fresh SET outcome = 0, detail = -1",
    ] {
        raw(&path).execute_batch(change).unwrap();
        let message = store
            .observations(
                &known.endpoint,
                super::window("2025-10-01T00:00:00Z", "2025-10-02T00:00:00Z"),
            )
            .expect_err(change)
            .to_string();
        assert!(
            message.contains("is not one that we know"),
            "{change}: {message}"
        );
    }
}

/// Addresses of people stand in it, whatever the mask of the account that creates it.
#[test]
fn a_store_is_not_for_every_account_of_the_machine() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, _, mut store) = new_file();
    let first = finding("e", "v", at("2025-10-01T00:00:00Z"), 0, answered(1));
    store.append(&[first]).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o027, 0, "`{name}` has mode {mode:o}");
        names.push(name);
    }
    assert!(names.iter().any(|name| name.ends_with("-wal")), "{names:?}");
}
