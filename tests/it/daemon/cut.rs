//! The daemon while the way to its database is cut, so that nobody is told.
//!
//! Goal: calls come to an end, probing and showing go on, and what was seen is handed in
//! afterwards, in order and once. Method: a real PostgreSQL behind a cable that swallows.

use std::time::Duration;

use vigie::config::StoreConfig;
use vigie::store::Store;

use super::cable::Cable;
use super::killed::{check_evidence, on_servers, ran};
use super::outage::{check_no_hole, config, handed_in, n_spooled, probed_after};
use super::{Daemon, Target, ask_until, check_shown_is_stored, load, run_here, status};
use crate::postgres::{self, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn a_cut_network_holds_up_nothing_but_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let server = Server::start();
    server.new_database("evidence");
    let cable = Cable::to(server.port).await;
    let mut store = postgres::store(&postgres::url(&[cable.port], "evidence"), "main");
    if let StoreConfig::Server(server) = &mut store {
        server.connect_timeout = Duration::from_secs(1);
        server.statement_timeout = Duration::from_secs(1);
    }
    let config = config(directory.path(), &target, store);

    let daemon = run_here(&config).await;
    let mut last = probed_after(&daemon, None).await;
    for _ in 0..2 {
        cable.cut();
        for _ in 0..3 {
            // It shows what is on its own disk meanwhile.
            last = probed_after(&daemon, Some(last)).await;
        }
        assert!(n_spooled(directory.path()) > 0);
        cable.mend();
        handed_in(&daemon.url, directory.path()).await;
    }
    let shown = ask_until("its status", &daemon.url("/api/status"), status).await;
    assert_eq!(shown.store.lost, 0);
    daemon.stop().await;

    let store = Store::open_reader(&config.store).unwrap();
    check_shown_is_stored(&shown, &store, "after it all");
    check_no_hole(&config, &store);
    // Rows lie in the order in which they came.
    let in_disorder = "SELECT count(*) FROM (
                           SELECT tick, lag(tick) OVER (PARTITION BY series ORDER BY ctid) AS before
                           FROM fresh
                       ) AS rows WHERE tick <= before";
    assert_eq!(server.sql("evidence", in_disorder), "0");
}

/// A call that nobody answers takes as long as its timeouts say. What is seen meanwhile is on disk
/// all the same: a daemon that is killed then loses nothing that it showed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn what_is_seen_while_a_call_hangs_outlives_the_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let server = Server::start();
    server.new_database("evidence");
    let cable = Cable::to(server.port).await;
    let file = on_servers(directory.path(), &target, &[cable.port]);
    let text = std::fs::read_to_string(&file).unwrap();
    let patient = text.replace(
        "statement_timeout = \"2s\"",
        "statement_timeout = \"10min\"",
    );
    std::fs::write(&file, patient).unwrap();

    let mut daemon = Daemon::start(&file);
    ran(&daemon, 100.0).await;
    cable.cut();
    ran(&daemon, 300.0).await;
    let shown = ask_until("its status", &daemon.url("/api/status"), status).await;
    assert_eq!(shown.store.write_errors, 0, "the call hangs still");
    assert!(n_spooled(directory.path()) > 0);
    daemon.kill();
    cable.mend();

    let mut last = Daemon::start(&file);
    ran(&last, 100.0).await;
    last.terminate();
    let config = load(&file);
    let store = check_evidence(&config, &config.store);
    check_shown_is_stored(&shown, &store, "while the call hung");
}
