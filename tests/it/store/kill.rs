//! `kill -9` at any moment: what was committed is there, whole, and nothing is half there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use vigie::sla::observation::{Fault, Finding, Outcome};
use vigie::sla::window::{Timestamp, Window};
use vigie::store::{Action, ActionKind, Store};

use super::{answered, at, endpoint, finding, new_file, raw};

/// Names the store to the child, which is this same test in another process.
const CHILD: &str = "VIGIE_TEST_STORE_TO_FILL";
const N_ENDPOINTS: usize = 60;
const TICKS_PER_BATCH: i64 = 50;
const PER_BATCH: usize = 3_000;
const MINUTE_MS: i64 = 60_000;

fn origin() -> Timestamp {
    at("2025-10-01T00:00:00Z")
}

/// The observations of fifty minutes, one in seven a failure with its trace.
fn batch(number: i64) -> Vec<Finding> {
    let ticks = number * TICKS_PER_BATCH..(number + 1) * TICKS_PER_BATCH;
    ticks
        .flat_map(|tick| {
            (0..N_ENDPOINTS).map(move |n| {
                let outcome = if n.is_multiple_of(7) {
                    Outcome::Failed(Fault::Status(503))
                } else {
                    answered(20)
                };
                let at = origin().plus_ms(tick * MINUTE_MS);
                finding(&format!("e{n}"), "paris", at, 0, outcome)
            })
        })
        .collect()
}

fn batch_of(tick: Timestamp) -> i64 {
    tick.since(origin()) / MINUTE_MS / TICKS_PER_BATCH
}

/// Appends batch after batch and says after each that it was committed, until it is killed.
fn fill_until_killed(path: &Path) -> ! {
    let mut store = Store::open(path).unwrap();
    let mut number = match store.span().unwrap() {
        Some(span) => batch_of(span.end()) + 1,
        None => 0,
    };
    loop {
        store.append(&batch(number)).unwrap();
        // Killed in the middle of sealing as well.
        let over = origin().plus_ms((number + 1) * TICKS_PER_BATCH * MINUTE_MS);
        store.seal_all(over).unwrap();
        let action = Action {
            kind: ActionKind::ReportWritten,
            what: json!({ "batch": number }),
        };
        store.journal("child", origin(), &action).unwrap();
        // With `--nocapture` this goes to the pipe at each line's end.
        println!("committed {number}");
        number += 1;
    }
}

/// A child appends, says what it committed, and is killed while it goes on; ten times, at other
/// points of its work each time.
#[test]
fn what_was_committed_survives_kill_9() {
    if let Some(path) = std::env::var_os(CHILD) {
        fill_until_killed(Path::new(&path));
    }
    let (_directory, path, store) = new_file();
    drop(store);
    let mut committed: Vec<i64> = Vec::new();
    for round in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "store::kill::what_was_committed_survives_kill_9",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| Some(line.strip_prefix("committed ")?.parse::<i64>().unwrap()));
        committed.extend(said.by_ref().take(1 + round * 5 % 7));
        // Between two of its messages, for different times: it is in the middle of something.
        for _ in 0..round * 37_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        // What it said before it died counts as well.
        committed.extend(said);
        child.wait().unwrap();
        check_all_there(&path, &committed, round);
    }
    assert!(
        committed.len() >= 10,
        "the children did little: {committed:?}"
    );
}

fn check_all_there(path: &Path, committed: &[i64], round: usize) {
    let store = Store::open(path).expect("it opens again");
    let integrity: String = raw(path)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok", "round {round}");
    let check = store.verify_journal().unwrap();
    assert!(check.is_whole(), "round {round}: {check:?}");
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    assert!(check.is_whole(), "round {round}: {check:?}");

    // How many observations of each batch there are.
    let mut n_by_batch = BTreeMap::<i64, usize>::new();
    let ever = Window::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    for n in 0..N_ENDPOINTS {
        let seen = store
            .observations(&endpoint(&format!("e{n}")), ever)
            .unwrap();
        for observation in seen.iter().flat_map(|(_, observations)| observations) {
            *n_by_batch.entry(batch_of(observation.tick)).or_default() += 1;
        }
    }
    for (number, n) in &n_by_batch {
        assert_eq!(*n, PER_BATCH, "round {round}: a part of batch {number}");
    }
    for number in committed {
        assert!(
            n_by_batch.contains_key(number),
            "round {round}: batch {number} was committed and is lost"
        );
    }
}
