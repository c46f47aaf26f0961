//! The daemon while its database is away.
//!
//! Goal: it goes on probing and showing; what was seen meanwhile is handed in afterwards, whole
//! and once; what waits survives the end of the daemon. Method: a real PostgreSQL that is killed
//! under it and started again.

use std::path::Path;

use vigie::config::{Config, StoreConfig};
use vigie::schedule::ticks;
use vigie::sla::window::{Timestamp, Window};
use vigie::store::Store;

use super::{
    Running, Target, ask_until, check_shown_is_stored, endpoints, installation, load, observations,
    run_here, status,
};
use crate::postgres::Server;

const N_ENDPOINTS: usize = 10;

fn config(directory: &Path, target: &Target, server: &Server) -> Config {
    let mut config = load(&installation(
        directory,
        target.address,
        &[("api", N_ENDPOINTS)],
    ));
    config.store = server.store("evidence", "main");
    if let StoreConfig::Server(server) = &mut config.store {
        server.spool = directory.join("spool");
    }
    config
}

/// Waits until the page tells of a probe after `after`; gives the latest.
async fn probed_after(daemon: &Running, after: Option<Timestamp>) -> Timestamp {
    ask_until("a later probe", &daemon.url("/api/status"), |text| {
        let status = status(text)?;
        let last = endpoints(&status)
            .map(|endpoint| endpoint.last_probe.as_ref()?.parse().ok())
            .min()??;
        (Some(last) > after).then_some(last)
    })
    .await
}

fn n_spooled(directory: &Path) -> usize {
    std::fs::read_dir(directory.join("spool")).unwrap().count()
}

/// Every tick of every endpoint from its first to its last observation is there, once.
fn check_no_hole(config: &Config, store: &Store) {
    for (_, endpoint) in config.catalog.endpoints() {
        let mut seen: Vec<Timestamp> = observations(store, endpoint.id.as_str())
            .iter()
            .map(|observation| observation.tick)
            .collect();
        seen.sort();
        let (first, last) = (seen[0], *seen.last().unwrap());
        let window = Window::new(first, last.plus_ms(1)).unwrap();
        let planned: Vec<Timestamp> = ticks(&endpoint.id, endpoint.interval_ms, window).collect();
        let missed = store.missed(&endpoint.id, window).unwrap();
        let n_missed: u64 = missed.iter().map(|ticks| ticks.count).sum();
        assert_eq!(
            seen.len() as u64 + n_missed,
            planned.len() as u64,
            "{}: {seen:?}, missed {missed:?}",
            endpoint.id
        );
        assert!(
            seen.windows(2).all(|two| two[0] < two[1]),
            "{}",
            endpoint.id
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn what_is_seen_while_the_database_is_away_is_handed_in_once() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let mut server = Server::start();
    server.new_database("evidence");
    let config = config(directory.path(), &target, &server);

    let daemon = run_here(&config).await;
    let mut last = probed_after(&daemon, None).await;
    for _ in 0..2 {
        server.kill();
        for _ in 0..4 {
            // It shows what is on its own disk meanwhile.
            last = probed_after(&daemon, Some(last)).await;
        }
        assert!(n_spooled(directory.path()) > 0);
        server.run();
        ask_until("an empty spool", &daemon.url("/healthz"), |_| {
            (n_spooled(directory.path()) == 0).then_some(())
        })
        .await;
    }

    // Killed once more, and the daemon stopped meanwhile: it waits for the next start.
    last = probed_after(&daemon, Some(last)).await;
    server.kill();
    for _ in 0..2 {
        last = probed_after(&daemon, Some(last)).await;
    }
    let shown = ask_until("its status", &daemon.url("/api/status"), status).await;
    daemon.stop().await;
    assert!(n_spooled(directory.path()) > 0);
    server.run();
    let daemon = run_here(&config).await;
    probed_after(&daemon, Some(last)).await;
    assert_eq!(
        n_spooled(directory.path()),
        0,
        "handed in before anything else"
    );
    daemon.stop().await;

    let store = Store::open_reader(&config.store).unwrap();
    check_shown_is_stored(&shown, &store, "after it all");
    check_no_hole(&config, &store);
    assert!(store.verify_journal().unwrap().is_whole());
}
