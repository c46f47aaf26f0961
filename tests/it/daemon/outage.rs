//! The daemon while its database is away.
//!
//! Goal: it goes on probing and showing; what was seen meanwhile is handed in afterwards, whole
//! and once; what waits survives the end of the daemon; only what nobody saw is unknown. Method: a
//! real PostgreSQL that is killed under it and started again, and a clock that is set.

use std::path::Path;
use std::sync::Arc;

use vigie::app::record::month_records;
use vigie::clock::{Clock, ManualClock};
use vigie::config::{Config, StoreConfig};
use vigie::schedule::ticks;
use vigie::sla::observation::Outcome;
use vigie::sla::statement::judge;
use vigie::sla::window::{MINUTE_MS, Month, SECOND_MS, Timestamp, Window};
use vigie::store::Store;

use super::{
    Running, Target, ask_until, check_shown_is_stored, endpoints, installation, load, observations,
    run_here, run_here_at, status,
};
use crate::postgres::Server;

const N_ENDPOINTS: usize = 10;

pub(super) fn config(directory: &Path, target: &Target, store: StoreConfig) -> Config {
    let mut config = load(&installation(
        directory,
        target.address,
        &[("api", N_ENDPOINTS)],
    ));
    config.store = store;
    if let StoreConfig::Server(server) = &mut config.store {
        server.spool = directory.join("spool");
    }
    config
}

/// Waits until the page tells of a probe after `after`; gives the latest.
pub(super) async fn probed_after(daemon: &Running, after: Option<Timestamp>) -> Timestamp {
    ask_until("a later probe", &daemon.url("/api/status"), |text| {
        let status = status(text)?;
        let last = endpoints(&status)
            .map(|endpoint| endpoint.last_probe.as_ref()?.parse().ok())
            .min()??;
        (Some(last) > after).then_some(last)
    })
    .await
}

pub(super) fn n_spooled(directory: &Path) -> usize {
    let files = std::fs::read_dir(directory.join("spool")).unwrap();
    let names = files.map(|file| file.unwrap().path());
    let waiting = names.filter(|path| path.extension().is_some_and(|kind| kind == "spool"));
    waiting.count()
}

/// Waits until all that was kept meanwhile is in the store.
pub(super) async fn handed_in(daemon: &str, directory: &Path) {
    ask_until("an empty spool", &format!("{daemon}/healthz"), |_| {
        (n_spooled(directory) == 0).then_some(())
    })
    .await;
}

/// Every tick of every endpoint from its first to its last observation is there, once.
pub(super) fn check_no_hole(config: &Config, store: &Store) {
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
    let config = config(directory.path(), &target, server.store("evidence", "main"));

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
        handed_in(&daemon.url, directory.path()).await;
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

/// Ten minutes by the daemon's clock without a database, and then ten without the daemon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn ten_minutes_without_a_database_are_known_and_without_the_daemon_unknown() {
    const STEP_MS: i64 = 30 * SECOND_MS;
    const VALIDITY_MS: i64 = 75 * SECOND_MS;
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let mut server = Server::start();
    server.new_database("evidence");
    let mut config = config(directory.path(), &target, server.store("evidence", "main"));
    for endpoint in &mut config.catalog.services[0].endpoints {
        let endpoint = Arc::make_mut(endpoint);
        endpoint.interval_ms = STEP_MS;
        endpoint.validity_ms = VALIDITY_MS;
    }
    let begin = Store::open_beside(&config.store)
        .unwrap()
        .clock(Timestamp::MIN)
        .unwrap();
    let clock = ManualClock::new(begin);
    let daemon = run_here_at(&config, Clock::Manual(clock.clone())).await;
    clock.advance_ms(STEP_MS);
    let mut last = probed_after(&daemon, None).await;

    server.kill();
    let away = clock.now();
    for _ in 0..20 {
        clock.advance_ms(STEP_MS);
        last = probed_after(&daemon, Some(last)).await;
    }
    let back = clock.now();
    assert_eq!(back.since(away), 10 * MINUTE_MS);
    server.run();
    daemon.stop().await;
    assert_eq!(
        n_spooled(directory.path()),
        0,
        "handed in at the latest now"
    );

    let store = Store::open_reader(&config.store).unwrap();
    check_no_hole(&config, &store);
    let service = &config.catalog.services[0];
    for endpoint in &service.endpoints {
        let window = Window::new(away, back).unwrap();
        let planned = ticks(&endpoint.id, STEP_MS, window).count();
        let seen = observations(&store, endpoint.id.as_str());
        let seen = seen.iter().filter(|one| window.contains(one.tick));
        let n_seen = seen
            .inspect(|one| assert!(!matches!(one.outcome, Outcome::Void(_)), "{one:?}"))
            .count();
        assert_eq!(n_seen, planned, "{}", endpoint.id);
    }

    // Nobody asks any more.
    let end = back.plus_ms(10 * MINUTE_MS);
    let month = Month::containing(begin, service.zone());
    let records = month_records(&store, &[(service, month)], end).unwrap();
    let seen = records[0].as_ref().unwrap();
    let whole = month.window().into();
    let ledger = judge(&seen.record, &whole, &[], &seen.commitment.terms).ledger;
    let within = |from, to| ledger.tally_within(Window::new(from, to).unwrap());
    assert_eq!(within(away, back).up_ms, 10 * MINUTE_MS);
    let silent = within(back.plus_ms(VALIDITY_MS), end);
    assert_eq!(silent.unknown_ms, 10 * MINUTE_MS - VALIDITY_MS);
}
