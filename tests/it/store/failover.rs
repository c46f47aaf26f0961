//! A copy that lagged behind and is promoted.
//!
//! Goal: what the copy never heard of is absent as a whole, and nothing that comes after is mixed
//! up with it; a leader that the copy never heard of writes nothing. Method: two real servers;
//! the copy is kept from following before the primary dies.

use vigie::config::StoreConfig;
use vigie::sla::window::MINUTE_MS;
use vigie::store::{Instance, Store, StoreError};

use super::{answered, at, endpoint, finding, statement, vantage, window};
use crate::postgres::{self, Server};

const START: &str = "2025-10-01T00:00:00Z";

/// One observation of `endpoint` in the minute of that number.
fn append(store: &mut Store, endpoint: &str, minute: i64) {
    let tick = at(START).plus_ms(minute * MINUTE_MS);
    let seen = finding(endpoint, "main", tick, 3, answered(20));
    assert_eq!(store.append(&[seen]).unwrap().new, 1);
}

fn minutes(store: &Store, id: &str) -> Vec<i64> {
    let seen = store
        .observations(&endpoint(id), window(START, "2025-10-02T00:00:00Z"))
        .unwrap();
    seen.iter()
        .flat_map(|(_, observations)| observations)
        .map(|one| one.tick.since(at(START)) / MINUTE_MS)
        .collect()
}

/// Two servers that were one until the copy stopped following, and a store on them.
fn servers() -> (Server, Server, StoreConfig) {
    let primary = Server::start();
    primary.new_database("evidence");
    Store::open_beside(primary.store("evidence", "main")).unwrap();
    let copy = primary.copy("copy");
    let ports = [primary.port, copy.port];
    let place = postgres::store(&postgres::url(&ports, "evidence"), "main");
    (primary, copy, place)
}

/// From now on the copy hears of nothing.
fn stop_following(primary: &Server, copy: &Server) {
    let in_step = "SELECT count(*) FROM pg_stat_replication
                   WHERE replay_lsn = pg_current_wal_lsn()";
    primary.sql_until("a copy in step", "postgres", in_step, "1");
    copy.sql("postgres", "ALTER SYSTEM SET primary_conninfo = ''");
    copy.sql("postgres", "SELECT pg_reload_conf()");
    let followers = "SELECT count(*) FROM pg_stat_replication";
    primary.sql_until("a copy that follows no more", "postgres", followers, "0");
}

#[test]
#[ignore = "needs PostgreSQL: tests/all"]
fn what_a_copy_never_heard_of_is_absent_and_nothing_is_mixed_up() {
    let (mut primary, copy, place) = servers();
    let mut store = Store::open(&place).unwrap();
    append(&mut store, "a", 0);
    stop_following(&primary, &copy);
    append(&mut store, "a", 1);
    append(&mut store, "b", 1);
    primary.kill();
    copy.promote();
    // Endpoints that the copy does not know get the numbers that the others had.
    append(&mut store, "c", 2);
    append(&mut store, "b", 2);
    append(&mut store, "a", 2);
    assert_eq!(minutes(&store, "a"), [0, 2]);
    assert_eq!(minutes(&store, "b"), [2]);
    assert_eq!(minutes(&store, "c"), [2]);
    assert!(store.verify_journal().unwrap().is_whole());
}

#[test]
#[ignore = "needs PostgreSQL: tests/all"]
fn a_leader_that_a_copy_never_heard_of_writes_nothing() {
    let (mut primary, copy, place) = servers();
    let mut store = Store::open(&place).unwrap();
    let lead = |store: &mut Store, id: &str| {
        let instance = Instance {
            vantage: vantage(id),
            began: at(START),
        };
        store.sign_of_life(&instance, at(START)).unwrap().fence
    };
    let expire = |server: &Server| {
        server.sql("evidence", "UPDATE lease SET expires = 0");
    };
    assert!(lead(&mut store, "paris").is_some());
    expire(&primary);
    stop_following(&primary, &copy);
    let lost = lead(&mut store, "lyon");
    assert!(lost.is_some());
    primary.kill();
    copy.promote();
    // The lease of Lyon is unknown here, so Brest can have it.
    assert!(lead(&mut store, "brest").is_some());
    let mut lyon = Store::open_beside(&place).unwrap().led_by(lost);
    let refused = lyon
        .save_statements(&[statement("ville", "{}", None)], "vigie", at(START))
        .unwrap_err();
    assert!(matches!(refused, StoreError::NotLeader { .. }), "{refused}");
    assert!(store.latest_statements(None, None).unwrap().is_empty());
}
