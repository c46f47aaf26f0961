//! Several daemons on one database.
//!
//! Goal: two under one name never write both; a clock that is off speaks for nothing; each sees
//! what the others see; one closes and sends, and another takes over when it is gone. Method: a
//! real PostgreSQL, daemons in this process, a clock that is set.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use vigie::app::record::month_records;
use vigie::app::watch;
use vigie::clock::{Clock, ManualClock};
use vigie::config::{Config, StoreConfig};
use vigie::sla::catalog::VantageId;
use vigie::sla::observation::{Finding, Observation, Outcome, Trace, Void};
use vigie::sla::timeline::State;
use vigie::sla::window::{Month, Timestamp, Window};
use vigie::store::{ActionKind, Instance, Store};

use super::{
    Running, Target, ask_until, endpoints, installation, load, run_here, run_here_at, series,
    status,
};
use crate::postgres::Server;

fn config(directory: &Path, target: &Target, server: &Server, vantage: &str) -> Config {
    let directory = directory.join(vantage);
    std::fs::create_dir_all(&directory).unwrap();
    let mut config = load(&installation(&directory, target.address, &[("api", 2)]));
    config.vantage = VantageId::new(vantage).unwrap();
    config.store = server.store("evidence", vantage);
    if let StoreConfig::Server(server) = &mut config.store {
        server.spool = directory.join("spool");
    }
    config
}

async fn probes(daemon: &Running) {
    ask_until("a probe", &daemon.url("/api/status"), |text| {
        let status = status(text)?;
        endpoints(&status)
            .all(|endpoint| endpoint.last_probe.is_some())
            .then_some(())
    })
    .await;
}

fn leader(store: &Store) -> Option<String> {
    let vantages = store.vantages().unwrap();
    let leader = vantages.into_iter().find(|vantage| vantage.leads);
    leader.map(|vantage| vantage.id.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn vantages_share_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let server = Server::start();
    server.new_database("evidence");
    let here = directory.path();
    let (paris, mut lyon) = (
        config(here, &target, &server, "paris"),
        config(here, &target, &server, "lyon"),
    );
    // Asked from Paris only.
    let second = Arc::make_mut(&mut lyon.catalog.services[0].endpoints[1]);
    second.vantages = vec![paris.vantage.clone()];

    let in_paris = run_here(&paris).await;
    probes(&in_paris).await;
    // A second one under the same name would contradict the first.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = watch::run(
        paris.clone(),
        Clock::System,
        listener,
        mpsc::channel(1).1,
        std::future::pending(),
    )
    .await;
    let refused = format!("{:#}", refused.unwrap_err());
    assert!(
        refused.contains("another vigie records as vantage `paris`"),
        "{refused}"
    );

    let in_lyon = run_here(&lyon).await;
    // What Paris sees of the second endpoint is on the page in Lyon.
    probes(&in_lyon).await;
    let both = |text: &str| {
        let seen = series(text, "vigie_vantage_last_seen_timestamp_seconds");
        (seen.len() == 2).then_some(())
    };
    ask_until("both vantages", &in_lyon.url("/metrics"), both).await;

    let store = Store::open_reader(&paris.store).unwrap();
    assert_eq!(leader(&store).as_deref(), Some("paris"));
    in_paris.stop().await;
    ask_until("another leader", &in_lyon.url("/healthz"), |_| {
        (leader(&store).as_deref() == Some("lyon")).then_some(())
    })
    .await;
    in_lyon.stop().await;

    let ever = Window::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let who_saw = |n: usize| -> Vec<String> {
        let id = &paris.catalog.services[0].endpoints[n].id;
        let seen = store.observations(id, ever).unwrap();
        seen.into_iter()
            .map(|(vantage, _)| vantage.to_string())
            .collect()
    };
    assert_eq!(who_saw(0), ["lyon", "paris"]);
    assert_eq!(who_saw(1), ["paris"]);
}

/// One of three cannot reach what it asks: its own network is broken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn one_of_three_vantages_brings_no_service_down() {
    let directory = tempfile::tempdir().unwrap();
    let (target, nowhere) = (Target::start().await, Target::start().await);
    let server = Server::start();
    server.new_database("evidence");
    let here = directory.path();
    let configs = [
        config(here, &target, &server, "paris"),
        config(here, &target, &server, "lyon"),
        config(here, &nowhere, &server, "brest"),
    ];
    nowhere.stop().await;
    let mut daemons = Vec::new();
    for config in &configs {
        daemons.push(run_here(config).await);
    }
    let service = &configs[0].catalog.services[0];
    let disputed = |_: &str| {
        let store = Store::open_reader(&configs[0].store).unwrap();
        let now = store.clock(Timestamp::MIN).unwrap();
        let month = Month::containing(now, service.zone());
        let mut records = month_records(&store, &[(service, month)], now).unwrap();
        let record = records.pop()??.record;
        // While the first two are yet to be heard of both endpoints, time can be disputed and
        // nothing known: what is up is awaited too.
        let up_ms = record.service.when(State::Up).length_ms();
        (record.disputed.length_ms() >= 3_000 && up_ms >= 3_000).then_some(record)
    };
    let url = daemons[0].url("/healthz");
    let record = ask_until("disputed time of a service that is up", &url, disputed).await;
    assert!(record.service.when(State::Down).is_empty());
    for daemon in daemons {
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn only_the_leader_removes_what_is_past_its_retention() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let server = Server::start();
    server.new_database("evidence");
    let config = config(directory.path(), &target, &server, "paris");
    let mut store = Store::open_beside(&config.store).unwrap();
    let long_ago: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
    let id = config.catalog.services[0].endpoints[0].id.clone();
    store
        .append(&[Finding {
            endpoint: id.clone(),
            vantage: config.vantage.clone(),
            observation: Observation {
                tick: long_ago,
                at: long_ago,
                outcome: Outcome::Void(Void::NotExecuted),
            },
            trace: Trace::default(),
        }])
        .unwrap();
    store.seal_all(Timestamp::MAX).unwrap();
    let lyon = Instance {
        vantage: VantageId::new("lyon").unwrap(),
        began: long_ago,
    };
    store.sign_of_life(&lyon, long_ago).unwrap();
    server.sql("evidence", "UPDATE lease SET expires = 1000 * expires");

    let daemon = run_here(&config).await;
    probes(&daemon).await;
    let knows_lyon = |text: &str| {
        let seen = series(text, "vigie_vantage_last_seen_timestamp_seconds");
        (seen.len() == 2).then_some(())
    };
    ask_until("both vantages", &daemon.url("/metrics"), knows_lyon).await;
    let day = Window::new(long_ago, long_ago.plus_ms(86_400_000)).unwrap();
    let is_kept = || {
        store
            .observations(&id, day)
            .is_ok_and(|seen| !seen.is_empty())
    };
    assert!(is_kept(), "Lyon leads, and has removed nothing");
    server.sql("evidence", "UPDATE lease SET expires = 0");
    ask_until("its removal", &daemon.url("/healthz"), |_| {
        (!is_kept()).then_some(())
    })
    .await;
    daemon.stop().await;
    let applied = store
        .journal_entries(100)
        .unwrap()
        .into_iter()
        .filter(|entry| entry.kind == ActionKind::RetentionApplied.code())
        .count();
    assert_eq!(applied, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn a_clock_that_is_off_by_minutes_speaks_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let server = Server::start();
    server.new_database("evidence");
    let config = config(directory.path(), &target, &server, "paris");
    let store_clock = Store::open_beside(&config.store)
        .unwrap()
        .clock(Timestamp::MIN)
        .unwrap();
    let clock = ManualClock::new(store_clock.plus_ms(5 * 60_000));
    let daemon = run_here_at(&config, Clock::Manual(clock.clone())).await;
    for _ in 0..4 {
        clock.advance_ms(1_000);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    probes(&daemon).await;
    daemon.stop().await;
    let store = Store::open_reader(&config.store).unwrap();
    let ever = Window::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let mut n_seen = 0;
    for (_, endpoint) in config.catalog.endpoints() {
        for (_, observations) in store.observations(&endpoint.id, ever).unwrap() {
            n_seen += observations.len();
            for observation in observations {
                assert_eq!(observation.outcome, Outcome::Void(Void::Clock));
            }
        }
    }
    assert!(n_seen > 0);
}
