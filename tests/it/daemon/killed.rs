//! The program on a server, killed under load: it, its database, and both.
//!
//! Goal: nothing that was shown is lost, nothing counts twice, every tick is accounted for.
//! Method: the real program as a child, and a real PostgreSQL; SIGKILL.

use std::path::{Path, PathBuf};

use vigie::config::{Config, StoreConfig};
use vigie::store::Store;

use super::{
    Daemon, N_UNDER_LOAD, Target, ask_until, check_every_tick_is_accounted_for,
    check_shown_is_stored, installation, load, series, status,
};
use crate::postgres::{Server, url};

/// An installation whose store is a database on the servers at `ports`.
pub(super) fn on_servers(directory: &Path, target: &Target, ports: &[u16]) -> PathBuf {
    let services = [("api", N_UNDER_LOAD)];
    let file = installation(directory, target.address, &services);
    let text = std::fs::read_to_string(&file).unwrap();
    let store = format!(
        "url = \"{}\"\nsecurity = \"plain\"\nspool = \"spool\"\n\
         connect_timeout = \"1s\"\nstatement_timeout = \"2s\"",
        url(ports, "evidence")
    );
    std::fs::write(&file, text.replace("path = \"vigie.db\"", &store)).unwrap();
    file
}

/// Waits until the daemon has shown so many runs since its start.
pub(super) async fn ran(daemon: &Daemon, enough: f64) {
    ask_until("enough runs", &daemon.url("/metrics"), |text| {
        let runs = series(text, "vigie_probe_runs_total");
        (runs.values().sum::<f64>() >= enough).then_some(())
    })
    .await;
}

/// What can be said of the evidence however it came in.
pub(super) fn check_evidence(config: &Config, store: &StoreConfig) -> Store {
    let store = Store::open_reader(store).unwrap();
    assert!(store.verify_journal().unwrap().is_whole());
    assert!(store.verify_evidence(&mut |_, _| {}).unwrap().is_whole());
    for (_, endpoint) in config.catalog.endpoints() {
        check_every_tick_is_accounted_for(&store, &endpoint.id);
    }
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn kill_9_of_daemon_and_database_loses_nothing_that_was_shown() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let mut server = Server::start();
    server.new_database("evidence");
    let file = on_servers(directory.path(), &target, &[server.port]);
    let mut shown = Vec::new();
    for round in 0..6_u32 {
        let mut daemon = Daemon::start(&file);
        let enough = f64::from(60 + round * 23);
        ran(&daemon, enough).await;
        if round % 3 == 1 {
            server.kill();
            // What it shows now is in its spool.
            ran(&daemon, enough + 100.0).await;
        }
        shown.push(ask_until("its status", &daemon.url("/api/status"), status).await);
        if round % 3 == 2 {
            server.kill();
        }
        daemon.kill();
        if round % 3 != 0 {
            server.run();
        }
    }
    let mut last = Daemon::start(&file);
    ran(&last, 100.0).await;
    last.terminate();
    let config = load(&file);
    let store = check_evidence(&config, &config.store);
    for (round, shown) in shown.iter().enumerate() {
        check_shown_is_stored(shown, &store, &format!("round {round}"));
    }
}
