//! A backup is the store at one instant, taken while it works; and it can be put back.

use std::fs;

use vigie::config::StoreConfig;
use vigie::sla::window::{MINUTE_MS, Timestamp, Window};
use vigie::store::{Action, ActionKind, Store, StoreError};

use super::{answered, at, endpoint, finding, new_file, window};

fn tick(n: i64) -> Timestamp {
    at("2025-10-01T00:00:00Z").plus_ms(n * MINUTE_MS)
}

fn append(store: &mut Store, ticks: std::ops::Range<i64>) {
    let findings: Vec<_> = ticks
        .map(|n| finding("a", "paris", tick(n), 0, answered(20)))
        .collect();
    store.append(&findings).unwrap();
}

fn october_first() -> Window {
    window("2025-10-01T00:00:00Z", "2025-10-02T00:00:00Z")
}

fn n_observations(store: &Store) -> usize {
    store.observations(&endpoint("a"), october_first()).unwrap()[0]
        .1
        .len()
}

#[test]
fn a_backup_of_a_working_store_is_whole_and_comes_back() {
    let (directory, path, mut store) = new_file();
    append(&mut store, 0..200);
    store.seal_all(tick(130)).unwrap();
    let action = Action {
        kind: ActionKind::ConfigLoaded,
        what: serde_json::json!({}),
    };
    store.journal("jeanne", tick(0), &action).unwrap();
    let backup = directory.path().join("backup.db");
    // Beside the recorder, which goes on.
    let beside = Store::open_beside(&path).unwrap();
    let size_bytes = beside.backup(&backup).unwrap();
    assert_eq!(size_bytes, fs::metadata(&backup).unwrap().len());
    append(&mut store, 200..300);

    let copy = Store::open_reader(&backup).unwrap();
    assert_eq!(n_observations(&copy), 200);
    assert!(copy.verify_journal().unwrap().is_whole());
    assert!(copy.verify_evidence(&mut |_, _| {}).unwrap().is_whole());
    drop(copy);

    // Nobody's store is changed under his hands.
    let refused = Store::restore(&backup, &path).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop((beside, store));
    let former = Store::restore(&backup, &path)
        .unwrap()
        .expect("there was one");
    let mut store = Store::open(&path).unwrap();
    assert_eq!(n_observations(&store), 200);
    append(&mut store, 200..201);
    assert_eq!(n_observations(&Store::open_reader(&former).unwrap()), 300);
    // Once more: the first one that was replaced stays.
    drop(store);
    let second = Store::restore(&backup, &path).unwrap().unwrap();
    assert_ne!(former, second);
    assert_eq!(n_observations(&Store::open_reader(&second).unwrap()), 201);
}

#[test]
fn a_backup_replaces_nothing_and_leaves_nothing_half() {
    let (directory, _path, store) = new_file();
    let there = directory.path().join("notes.txt");
    fs::write(&there, "mine").unwrap();
    let refused = store.backup(&there).unwrap_err().to_string();
    assert!(refused.contains("a backup replaces nothing"), "{refused}");
    assert_eq!(fs::read(&there).unwrap(), b"mine");

    let nowhere = directory.path().join("no/such/folder/backup.db");
    let refused = store.backup(&nowhere).unwrap_err().to_string();
    assert!(refused.contains("no/such/folder/backup.db"), "{refused}");
}

#[test]
fn only_a_store_is_put_in_the_place_of_one() {
    let (directory, path, mut store) = new_file();
    append(&mut store, 0..10);
    drop(store);
    let before = fs::read(&path).unwrap();
    let notes = directory.path().join("notes.txt");
    fs::write(&notes, "Notes de la réunion".repeat(20)).unwrap();
    let refused = Store::restore(&notes, &path).unwrap_err();
    assert!(matches!(refused, StoreError::NotOurs { .. }), "{refused}");
    let missing = directory.path().join("missing.db");
    let refused = Store::restore(&missing, &path).unwrap_err();
    assert!(matches!(refused, StoreError::Missing { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);

    // Where nothing is yet, there is nothing to keep.
    let fresh = directory.path().join("fresh.db");
    assert_eq!(
        Store::restore(&path, StoreConfig::File(fresh.clone())).unwrap(),
        None
    );
    assert_eq!(n_observations(&Store::open(&fresh).unwrap()), 10);
}
