//! A disk that is full or may not be written: an error that says so, and nothing lost.

use std::fs;

use vigie::sla::observation::Finding;
use vigie::sla::window::{MINUTE_MS, Window};
use vigie::store::Store;

use super::{answered, at, endpoint, finding, window};
use crate::disk::SmallDisk;

const START: &str = "2025-10-01T00:00:00Z";

fn batch(first_minute: i64) -> Vec<Finding> {
    (first_minute..first_minute + 600)
        .map(|minute| {
            finding(
                "a",
                "paris",
                at(START).plus_ms(minute * MINUTE_MS),
                3,
                answered(20),
            )
        })
        .collect()
}

fn all() -> Window {
    window(START, "2025-11-01T00:00:00Z")
}

fn n_observations(store: &Store) -> usize {
    store.observations(&endpoint("a"), all()).unwrap()[0]
        .1
        .len()
}

#[test]
#[ignore = "needs to mount a small file system: tests/all"]
fn a_full_disk_loses_nothing_and_the_store_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(directory.path().join("disk"), "4m");
    let path = disk.path().join("vigie.db");
    let mut store = Store::open(&path).unwrap();
    store.append(&batch(0)).unwrap();
    let filler = disk.fill();

    let mut n_batches = 1;
    let refused = loop {
        match store.append(&batch(n_batches * 600)) {
            Ok(_) => n_batches += 1,
            Err(refused) => break refused.to_string(),
        }
        assert!(n_batches < 200, "the disk is never full");
    };
    assert!(refused.contains("free space on its disk"), "{refused}");
    let n_kept = usize::try_from(n_batches).unwrap() * 600;
    assert_eq!(n_observations(&store), n_kept);

    // Sealing finds no room either: the rows stay.
    let refused = store.seal_all(all().end()).unwrap_err().to_string();
    assert!(refused.contains("free space on its disk"), "{refused}");
    assert_eq!(n_observations(&store), n_kept);
    let refused = store.backup(&disk.path().join("backup.db")).unwrap_err();
    assert!(refused.to_string().contains("backup.db"), "{refused}");
    let left: Vec<String> = fs::read_dir(disk.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("backup"))
        .collect();
    assert_eq!(left, [""; 0], "nothing half is left behind");

    fs::remove_file(filler).unwrap();
    // What was refused is handed in again.
    assert_eq!(store.append(&batch(n_batches * 600)).unwrap().new, 600);
    store.seal_all(all().end()).unwrap();
    assert_eq!(n_observations(&store), n_kept + 600);
    assert!(store.verify_evidence(&mut |_, _| {}).unwrap().is_whole());
}

#[test]
#[ignore = "needs to mount a small file system: tests/all"]
fn a_read_only_disk_is_said_to_be_one() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(directory.path().join("disk"), "4m");
    let path = disk.path().join("vigie.db");
    let mut store = Store::open(&path).unwrap();
    store.append(&batch(0)).unwrap();
    drop(store);
    disk.remount("ro");
    let refused = Store::open(&path).unwrap_err().to_string();
    assert!(refused.contains("vigie.db"), "{refused}");
    assert!(
        refused.contains("must be able to write the file and its directory"),
        "{refused}"
    );
    disk.remount("rw");
    assert_eq!(n_observations(&Store::open(&path).unwrap()), 600);
}
