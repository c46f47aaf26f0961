//! Vantages that cannot reach the store, and the collector at which they hand in.
//!
//! Goal: what they see is kept once, in full, with its reasons, whatever happens on the way; what
//! can never be kept holds nothing else up; the collector shows them like any other. Method:
//! daemons in this process or as children, TLS with certificates of our own, ways between them
//! that are cut, that lose answers, or that end in the middle of a parcel.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use vigie::app::record::month_records;
use vigie::clock::{Clock, ManualClock};
use vigie::config::{
    CertificateFiles, Config, ForwardConfig, IntakeConfig, IntakeVantage, IntakeWay, StoreConfig,
};
use vigie::handover::SENT_BYTES_MAX;
use vigie::sla::catalog::{Endpoint, EndpointId, Probe, SecretPlace, VantageId};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Trace};
use vigie::sla::statement::judge;
use vigie::sla::timeline::State;
use vigie::sla::window::{Month, SECOND_MS, Timestamp, Window};

use vigie::store::{Definitions, Kept, Parcel, Spool, Store};

use super::cable::Cable;
use super::outage::{check_no_hole, probed_after};
use super::{
    Daemon, Running, Target, ask_until, endpoints, installation, load, run_here, run_here_at,
    series, status,
};
use crate::disk::SmallDisk;
use crate::postgres::{Server, free_port};
use crate::probe::zoo::{Authority, Identity};

/// What both sides need to know each other.
pub(super) struct Papers {
    pub(super) folder: PathBuf,
    pub(super) authority: Authority,
}

impl Papers {
    pub(super) fn new(folder: &Path) -> Self {
        let papers = Self {
            folder: folder.to_owned(),
            authority: Authority::new("Vigie tests"),
        };
        papers.write("ca.pem", &papers.authority.pem());
        papers.certificate("127.0.0.1");
        papers
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(super) fn certificate(&self, name: &str) -> CertificateFiles {
        let Identity { pem, key, .. } = self.authority.issue(&[name], (2020, 2040));
        CertificateFiles {
            file: self.write(&format!("{name}.pem"), &pem),
            key_file: self.write(&format!("{name}-key.pem"), &key.serialize_pem()),
        }
    }

    /// The token of a vantage, which tells nobody else's.
    pub(super) fn token(&self, vantage: &str) -> SecretPlace {
        let token = format!("{vantage:x<32}");
        SecretPlace::File(self.write(&format!("{vantage}-token"), &token))
    }
}

pub(super) fn vantage(id: &str) -> VantageId {
    VantageId::new(id).unwrap()
}

/// Where a collector takes parcels; not listened to until it runs.
pub(super) struct Site {
    pub(super) directory: tempfile::TempDir,
    pub(super) papers: Papers,
    pub(super) target: Target,
    pub(super) port: u16,
}

impl Site {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            papers: Papers::new(directory.path()),
            target: Target::start().await,
            port: free_port(),
            directory,
        }
    }

    fn installation(&self, name: &str) -> PathBuf {
        let folder = self.directory.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        installation(&folder, self.target.address, &[("api", 2)])
    }

    /// `paris`, with a store in a file, at which `others` may hand in.
    pub(super) fn collector(&self, others: &[&str]) -> Config {
        let mut config = load(&self.installation("paris"));
        config.vantage = vantage("paris");
        config.web.intake = Some(IntakeConfig {
            way: IntakeWay::Tls {
                listen: SocketAddr::from(([127, 0, 0, 1], self.port)),
                certificate: self.papers.certificate("127.0.0.1"),
                client_ca_file: Some(self.papers.folder.join("ca.pem")),
            },
            vantages: others
                .iter()
                .map(|id| IntakeVantage {
                    id: vantage(id),
                    token: Some(self.papers.token(id)),
                    certificate_name: None,
                })
                .collect(),
        });
        config
    }

    /// What hands in at `port`.
    pub(super) fn forward(&self, name: &str, port: u16) -> ForwardConfig {
        ForwardConfig {
            url: vigie::config::url(&format!("https://127.0.0.1:{port}/")).unwrap(),
            token: Some(self.papers.token(name)),
            certificate: None,
            ca_file: Some(self.papers.folder.join("ca.pem")),
            spool: self.directory.path().join(name).join("spool"),
        }
    }

    /// The same, with the token that is there.
    pub(super) fn forward_as_written(&self, name: &str) -> ForwardConfig {
        let token = self.papers.folder.join(format!("{name}-token"));
        let written = fs::read_to_string(&token).unwrap();
        let forward = self.forward(name, self.port);
        self.papers.write(&format!("{name}-token"), &written);
        forward
    }

    /// A vantage that hands in at `port`.
    pub(super) fn vantage(&self, name: &str, port: u16) -> Config {
        let mut config = load(&self.installation(name));
        config.vantage = vantage(name);
        config.store = StoreConfig::Collector(Box::new(self.forward(name, port)));
        config
    }

    /// The same, as a file for the program.
    fn vantage_file(&self, name: &str, url: &str) -> PathBuf {
        let file = self.installation(name);
        self.papers.token(name);
        let forward = format!(
            "[vantage]\nid = \"{name}\"\n\n[forward]\nurl = \"{url}\"\n\
             token = {{ file = \"../{name}-token\" }}\nspool = \"spool\""
        );
        let text = fs::read_to_string(&file).unwrap();
        fs::write(
            &file,
            text.replace("[store]\npath = \"vigie.db\"", &forward),
        )
        .unwrap();
        file
    }
}

/// What the store has of an endpoint from a vantage.
pub(super) fn seen_from(store: &Store, endpoint: &str, from: &str) -> Vec<Observation> {
    let ever = Window::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let endpoint = EndpointId::new(endpoint).unwrap();
    store
        .observations(&endpoint, ever)
        .unwrap()
        .into_iter()
        .find(|(vantage, _)| vantage.as_str() == from)
        .map_or(Vec::new(), |(_, seen)| seen)
}

/// Each second from the first to the last has one observation, or is on record as missed: a busy
/// machine may be late for one.
fn check_each_second_once(store: &Store, endpoint: &str, from: &str, until: Timestamp) {
    let mut ticks: Vec<Timestamp> = seen_from(store, endpoint, from)
        .iter()
        .map(|one| one.tick)
        .filter(|tick| *tick <= until)
        .collect();
    ticks.sort();
    assert!(ticks.len() > 3, "{ticks:?}");
    assert!(ticks.windows(2).all(|two| two[0] < two[1]), "{ticks:?}");
    let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
    let window = Window::new(first, last).unwrap();
    let missed = store
        .missed(&EndpointId::new(endpoint).unwrap(), window)
        .unwrap();
    let n_missed: u64 = missed
        .iter()
        .filter(|one| one.vantage.as_str() == from)
        .map(|one| one.count)
        .sum();
    let n_planned = last.since(first) / 1_000 + 1;
    assert_eq!(
        ticks.len() as i64 + n_missed as i64,
        n_planned,
        "`{endpoint}` from `{from}`: {ticks:?}, {missed:?}"
    );
}

/// Waits until all that a daemon has seen until now was taken.
async fn all_handed_in(url: &str) {
    let now = Clock::System.now();
    ask_until("all handed in", &format!("{url}/api/status"), |text| {
        let store = status(text)?.store;
        let taken_at: Timestamp = store.taken_at?.parse().unwrap();
        let waits_since = store.waits_since.map(|at| at.parse::<Timestamp>().unwrap());
        (taken_at > now && waits_since.is_none_or(|since| since > now)).then_some(())
    })
    .await;
}

/// A daemon that takes parcels by now.
pub(super) async fn taking(config: &Config) -> Running {
    let running = run_here(config).await;
    ask_until("a collector", &running.url("/healthz"), |text| {
        (text == "alive\n").then_some(())
    })
    .await;
    running
}

fn value(text: &str, metric: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '))
        .map(|value| value.parse().unwrap())
}

/// Three vantages judge together: one keeps the store, two hand in, and one of those has a broken
/// way to the service. The service is up, the contradiction is on record, and everybody is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_uplink_of_one_vantage_is_not_the_services_outage() {
    let site = Site::new().await;
    let collector = site.collector(&["lyon", "brest"]);
    let in_paris = taking(&collector).await;
    let in_lyon = run_here(&site.vantage("lyon", site.port)).await;
    let mut brest = site.vantage("brest", site.port);
    for endpoint in &mut brest.catalog.services[0].endpoints {
        if let Probe::Http(http) = &mut Arc::make_mut(endpoint).probe {
            Arc::make_mut(http).url.port = 1;
        }
    }
    let in_brest = run_here(&brest).await;

    // Brest itself takes the service for down; what it saw travels with its reasons.
    ask_until("an outage in Brest", &in_brest.url("/api/status"), |text| {
        (status(text)?.services[0].state == "down").then_some(())
    })
    .await;
    for daemon in [&in_lyon, &in_brest] {
        all_handed_in(&daemon.url).await;
    }
    let shown = ask_until("all three", &in_paris.url("/api/status"), |text| {
        let status = status(text)?;
        let endpoint = endpoints(&status).next()?;
        let told = endpoint.failures.first()?;
        (told.vantage == "brest" && status.services[0].state == "up").then(|| told.clone())
    })
    .await;
    assert_eq!(shown.code, "connect", "{shown:?}");
    let page = ask_until("both vantages", &in_paris.url("/metrics"), |text| {
        let seen = series(text, "vigie_vantage_last_seen_timestamp_seconds");
        (seen.len() == 3).then(|| text.to_owned())
    })
    .await;
    let ahead = series(&page, "vigie_vantage_clock_ahead_seconds");
    assert!(ahead.values().all(|s| s.abs() < 5.0), "{ahead:?}");
    // For four seconds all three speak.
    let begin = probed_after(&in_paris, None).await;
    while probed_after(&in_paris, None).await.since(begin) < 4_000 {}
    for daemon in [in_brest, in_lyon] {
        daemon.stop().await;
    }
    in_paris.stop().await;

    let store = Store::open_reader(&collector.store).unwrap();
    let traces = store.traces(&EndpointId::new("api-0").unwrap(), 1).unwrap();
    assert_eq!(traces[0].vantage.as_str(), "brest");
    assert!(!traces[0].trace.message.is_empty());
    let vantages = store.vantages().unwrap();
    let ids: Vec<&str> = vantages.iter().map(|vantage| vantage.id.as_str()).collect();
    assert_eq!(ids, ["brest", "lyon", "paris"]);
    assert!(vantages.iter().all(|vantage| vantage.last_tick.is_some()));
    // That Brest asks elsewhere is told, too.
    let differing = store.differing(Clock::System.now()).unwrap();
    assert_eq!(differing.len(), collector.catalog.endpoints().count());
    assert_eq!(differing[0].one.as_str(), "brest");
    assert_eq!(
        differing[0].others,
        vantages[1..]
            .iter()
            .map(|one| one.id.clone())
            .collect::<Vec<_>>()
    );
    assert_eq!(differing[0].keys, ["request"]);

    let service = &collector.catalog.services[0];
    let month = Month::containing(begin, service.zone());
    let records = month_records(&store, &[(service, month)], begin.plus_ms(4_000)).unwrap();
    let seen = records[0].as_ref().unwrap();
    let whole = month.window().into();
    let statement = judge(&seen.record, &whole, &[], &seen.commitment.terms);
    assert_eq!(statement.tally.down_ms, 0);
    assert!(statement.disputed_ms > 1_000, "{}", statement.disputed_ms);
    let window = Window::new(begin, begin.plus_ms(3_000)).unwrap();
    let states: Vec<State> = seen
        .record
        .service
        .segments()
        .iter()
        .filter(|segment| segment.window.intersection(&window).is_some())
        .map(|segment| segment.state)
        .collect();
    assert!(
        states.contains(&State::Up) && !states.contains(&State::Down),
        "{states:?}"
    );
}

/// The collector comes late, goes, and comes back: the vantage goes on, says what waits, and hands
/// in all of it, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_seen_while_the_collector_is_away_is_handed_in_once() {
    let site = Site::new().await;
    let collector = site.collector(&["lyon"]);
    let lyon = site.vantage("lyon", site.port);
    let in_lyon = run_here(&lyon).await;
    let mut last = probed_after(&in_lyon, None).await;
    for _ in 0..2 {
        for _ in 0..3 {
            last = probed_after(&in_lyon, Some(last)).await;
        }
        let page = ask_until("its metrics", &in_lyon.url("/metrics"), |text| {
            let errors = value(text, "vigie_store_write_errors_total")?;
            (errors > 0.0).then(|| text.to_owned())
        })
        .await;
        assert!(value(&page, "vigie_store_backlog_observations").unwrap() > 0.0);
        let since = value(&page, "vigie_spool_waiting_since_timestamp_seconds").unwrap();
        assert!(since * 1e3 < last.unix_ms() as f64);
        assert!(value(&page, "vigie_forward_last_taken_timestamp_seconds").is_some());
        let page = ask_until("its page", &in_lyon.url("/?lang=en"), |text| {
            Some(text.to_owned())
        })
        .await;
        assert!(page.contains("oldest measurement that waits"), "{page}");

        let in_paris = taking(&collector).await;
        all_handed_in(&in_lyon.url).await;
        in_paris.stop().await;
        last = probed_after(&in_lyon, Some(last)).await;
    }
    // What waits when the vantage ends is handed in by its next start.
    in_lyon.stop().await;
    let store = Store::open_reader(&collector.store).unwrap();
    let before = seen_from(&store, "api-0", "lyon").len();
    let in_paris = taking(&collector).await;
    let in_lyon = run_here(&lyon).await;
    all_handed_in(&in_lyon.url).await;
    in_lyon.stop().await;
    in_paris.stop().await;
    let seen = seen_from(&store, "api-0", "lyon");
    assert!(seen.len() > before);
    check_each_second_once(&store, "api-0", "lyon", last);
    assert!(
        seen.iter()
            .all(|one| !matches!(one.outcome, Outcome::Void(_))),
        "{seen:?}"
    );
}

/// A way on which the collector hears everything, and its answers are lost: the connection breaks
/// where one would come. How many were lost, in `n_lost`.
async fn answers_are_lost(to: SocketAddr, n_lost: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let n_lost = Arc::clone(&n_lost);
            tokio::spawn(async move {
                let far = TcpStream::connect(to).await.unwrap();
                let (mut near_in, _near_out) = near.into_split();
                let (mut far_in, mut far_out) = far.into_split();
                tokio::select! {
                    _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
                    _ = far_in.read_u8() => {
                        n_lost.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    address
}

/// Killed again and again after the collector has kept a parcel and before the vantage heard of
/// it: everything is handed in again, and counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_between_sending_and_hearing_counts_nothing_twice() {
    let site = Site::new().await;
    let mut collector = site.collector(&["lyon"]);
    if let Some(intake) = &mut collector.web.intake {
        intake.way = IntakeWay::Proxy;
    }
    let in_paris = taking(&collector).await;
    let pages: SocketAddr = in_paris
        .url
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let n_lost = Arc::new(AtomicUsize::new(0));
    let lossy = answers_are_lost(pages, Arc::clone(&n_lost)).await;
    let store = Store::open_reader(&collector.store).unwrap();
    let file = site.vantage_file("lyon", &format!("http://{lossy}/"));
    let kept = || -> usize {
        let endpoints = ["api-0", "api-1"];
        endpoints
            .map(|id| seen_from(&store, id, "lyon").len())
            .iter()
            .sum()
    };
    for _ in 0..3 {
        n_lost.store(0, Ordering::SeqCst);
        let mut in_lyon = Daemon::start(&file);
        // What is kept is handed in a second time before the end comes.
        ask_until("kept parcels", &in_paris.url("/healthz"), |_| {
            (kept() > 0 && n_lost.load(Ordering::SeqCst) > 1).then_some(())
        })
        .await;
        in_lyon.kill();
    }
    let n_kept = kept();
    let spool = site.directory.path().join("lyon/spool");
    assert!(n_spool_files(&spool) > 0, "it heard of nothing");
    site.vantage_file("lyon", &format!("http://{pages}/"));
    let mut in_lyon = Daemon::start(&file);
    all_handed_in(&in_lyon.url).await;
    in_lyon.terminate();
    assert_eq!(n_spool_files(&spool), 0);
    in_paris.stop().await;
    assert!(kept() > n_kept);
    for endpoint in ["api-0", "api-1"] {
        let seen = seen_from(&store, endpoint, "lyon");
        let ticks: BTreeSet<Timestamp> = seen.iter().map(|one| one.tick).collect();
        assert_eq!(ticks.len(), seen.len(), "{seen:?}");
    }
}

fn n_spool_files(spool: &Path) -> usize {
    let files = fs::read_dir(spool).unwrap();
    files
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|it| it == "spool")
        })
        .count()
}

/// A way that is cut while a parcel is on it, so that neither end is told, and later breaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_stalls_loses_nothing() {
    let site = Site::new().await;
    let collector = site.collector(&["lyon"]);
    let in_paris = taking(&collector).await;
    let cable = Cable::to(site.port).await;
    let in_lyon = run_here(&site.vantage("lyon", cable.port)).await;
    all_handed_in(&in_lyon.url).await;
    let mut last = probed_after(&in_lyon, None).await;
    for _ in 0..2 {
        cable.cut();
        for _ in 0..3 {
            last = probed_after(&in_lyon, Some(last)).await;
        }
        cable.mend();
        all_handed_in(&in_lyon.url).await;
    }
    in_lyon.stop().await;
    in_paris.stop().await;
    let store = Store::open_reader(&collector.store).unwrap();
    check_each_second_once(&store, "api-0", "lyon", Timestamp::MAX);
}

/// An endpoint that the collector does not know: what was seen of it is set aside and counted, the
/// rest is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_collector_does_not_know_is_set_aside() {
    let site = Site::new().await;
    let mut collector = site.collector(&["lyon"]);
    collector.catalog.services[0].endpoints.remove(1);
    let in_paris = taking(&collector).await;
    let in_lyon = run_here(&site.vantage("lyon", site.port)).await;
    ask_until("refusals", &in_lyon.url("/metrics"), |text| {
        let refused = value(text, "vigie_store_refused_observations_total")?;
        (refused >= 3.0).then_some(())
    })
    .await;
    all_handed_in(&in_lyon.url).await;
    in_lyon.stop().await;
    in_paris.stop().await;
    let aside = site.directory.path().join("lyon/spool/refused.jsonl");
    let aside = fs::read_to_string(aside).unwrap();
    for line in aside.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["finding"]["endpoint"], "api-1");
        assert_eq!(
            line["why"],
            "the endpoint `api-1` is not in the collector's configuration"
        );
    }
    assert!(aside.lines().count() >= 3);
    let store = Store::open_reader(&collector.store).unwrap();
    check_each_second_once(&store, "api-0", "lyon", Timestamp::MAX);
}

/// Puts a parcel where what the vantage sees waits to be handed in.
fn wait_in_spool(of: &Config, parcel: &Parcel) {
    let StoreConfig::Collector(forward) = &of.store else {
        panic!("a collector")
    };
    let mut spool = Spool::open(&forward.spool, 1 << 30).unwrap();
    assert_eq!(spool.put(parcel).unwrap(), Kept::Yes);
}

/// What a long outage left in the spool, with each failure in full, is too large to travel at once:
/// it is handed in in parts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_travels_in_parts() {
    const N_FAILURES: i64 = 600;
    let site = Site::new().await;
    let collector = site.collector(&["lyon"]);
    let lyon = site.vantage("lyon", site.port);
    let now = Timestamp::from_unix_ms(Clock::System.now().unix_ms() / 1_000 * 1_000).unwrap();
    let failure = |back: i64| {
        let tick = now.plus_ms(-1_000 * back);
        Finding {
            endpoint: EndpointId::new("api-0").unwrap(),
            vantage: vantage("lyon"),
            observation: Observation {
                tick,
                at: tick,
                outcome: Outcome::Failed(Fault::Status(503)),
            },
            trace: Trace {
                message: format!("{back} ").repeat(10_000),
                ..Trace::default()
            },
        }
    };
    let parcel = Parcel {
        findings: (1..=N_FAILURES).rev().map(|n| failure(n + 60)).collect(),
        ..Parcel::default()
    };
    assert!(parcel.to_bytes().len() > 2 * SENT_BYTES_MAX);
    let store = handed_in(&collector, &lyon, &parcel).await;
    let seen = seen_from(&store, "api-0", "lyon");
    let failed = |one: &&Observation| one.outcome == Outcome::Failed(Fault::Status(503));
    assert_eq!(seen.iter().filter(failed).count(), N_FAILURES as usize);
}

/// The collector's store, once it was handed in what waited at a vantage.
async fn handed_in(collector: &Config, from: &Config, parcel: &Parcel) -> Store {
    wait_in_spool(from, parcel);
    let here = taking(collector).await;
    let there = run_here(from).await;
    all_handed_in(&there.url).await;
    there.stop().await;
    here.stop().await;
    Store::open_reader(&collector.store).unwrap()
}

/// How very many endpoints are defined does not travel; what was seen of them does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_that_are_too_many_cost_no_observation() {
    let site = Site::new().await;
    let collector = site.collector(&["lyon"]);
    let lyon = site.vantage("lyon", site.port);
    let mut catalog = lyon.catalog.clone();
    let service = &mut catalog.services[0];
    let endpoint = Endpoint::clone(&service.endpoints[0]);
    service.endpoints.extend((0..50_000).map(|n| {
        Arc::new(Endpoint {
            id: EndpointId::new(&format!("{n:0>200}")).unwrap(),
            ..endpoint.clone()
        })
    }));
    let tick = Timestamp::from_unix_ms(Clock::System.now().unix_ms() / 1_000 * 1_000 - 60_000);
    let tick = tick.unwrap();
    let parcel = Parcel {
        findings: vec![Finding {
            endpoint: EndpointId::new("api-0").unwrap(),
            vantage: vantage("lyon"),
            observation: Observation {
                tick,
                at: tick,
                outcome: Outcome::Failed(Fault::Status(503)),
            },
            trace: Trace::default(),
        }],
        definitions: Some(Definitions::of(&vantage("lyon"), &catalog)),
        ..Parcel::default()
    };
    assert!(parcel.to_bytes().len() > SENT_BYTES_MAX);
    let store = handed_in(&collector, &lyon, &parcel).await;
    let seen = seen_from(&store, "api-0", "lyon");
    assert!(seen.iter().any(|one| one.tick == tick));
}

/// A collector whose store is on a server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn a_collector_may_keep_on_a_server() {
    let site = Site::new().await;
    let mut server = Server::start();
    server.new_database("evidence");
    let mut collector = site.collector(&["lyon"]);
    collector.store = server.store("evidence", "paris");
    if let StoreConfig::Server(server) = &mut collector.store {
        server.spool = site.directory.path().join("paris/spool");
    }
    let in_paris = taking(&collector).await;
    let in_lyon = run_here(&site.vantage("lyon", site.port)).await;
    all_handed_in(&in_lyon.url).await;
    let mut last = probed_after(&in_lyon, None).await;
    server.kill();
    for _ in 0..3 {
        last = probed_after(&in_lyon, Some(last)).await;
    }
    server.run();
    all_handed_in(&in_lyon.url).await;
    in_lyon.stop().await;
    in_paris.stop().await;
    let store = Store::open_reader(&collector.store).unwrap();
    check_each_second_once(&store, "api-0", "lyon", Timestamp::MAX);
    let ids: Vec<String> = store
        .vantages()
        .unwrap()
        .iter()
        .map(|one| one.id.to_string())
        .collect();
    assert_eq!(ids, ["lyon", "paris"]);
}

/// Ten minutes without a collector, by the clock of both: all of them is known, and up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_minutes_without_a_collector_are_known() {
    const STEP_MS: i64 = 30 * SECOND_MS;
    let site = Site::new().await;
    let mut collector = site.collector(&["lyon"]);
    let mut lyon = site.vantage("lyon", site.port);
    for config in [&mut collector, &mut lyon] {
        for endpoint in &mut config.catalog.services[0].endpoints {
            let endpoint = Arc::make_mut(endpoint);
            endpoint.interval_ms = STEP_MS;
            endpoint.validity_ms = 75 * SECOND_MS;
            endpoint.vantages = vec![vantage("lyon")];
        }
    }
    let begin = Clock::System.now();
    let clock = ManualClock::new(begin);
    let in_lyon = run_here_at(&lyon, Clock::Manual(clock.clone())).await;
    clock.advance_ms(STEP_MS);
    let mut last = probed_after(&in_lyon, None).await;
    for _ in 0..20 {
        clock.advance_ms(STEP_MS);
        last = probed_after(&in_lyon, Some(last)).await;
    }
    let end = clock.now();
    in_lyon.stop().await;
    let in_paris = run_here_at(&collector, Clock::Manual(clock.clone())).await;
    // Started anew, it tries at once.
    let in_lyon = run_here_at(&lyon, Clock::Manual(clock.clone())).await;
    ask_until("all handed in", &in_lyon.url("/api/status"), |text| {
        let store = status(text)?.store;
        (store.taken_at.is_some() && store.waits_since.is_none()).then_some(())
    })
    .await;
    in_lyon.stop().await;
    in_paris.stop().await;

    let store = Store::open_reader(&collector.store).unwrap();
    let service = &collector.catalog.services[0];
    // A machine that is busy may be late for a tick; that is handed in as well.
    check_no_hole(&collector, &store);
    for endpoint in &service.endpoints {
        let seen = seen_from(&store, endpoint.id.as_str(), "lyon");
        let (first, last) = (seen[0].tick, seen[seen.len() - 1].tick);
        assert!(last.since(first) >= 19 * STEP_MS, "{}", endpoint.id);
    }
    let month = Month::containing(begin, service.zone());
    let records = month_records(&store, &[(service, month)], end).unwrap();
    let seen = records[0].as_ref().unwrap();
    let whole = month.window().into();
    let ledger = judge(&seen.record, &whole, &[], &seen.commitment.terms).ledger;
    let away = Window::new(begin.plus_ms(STEP_MS), end).unwrap();
    assert_eq!(ledger.tally_within(away).up_ms, away.length_ms());
}

/// The disk of the spool is full: what is seen then is lost, counted and a hole, and the vantage
/// goes on, and leaves no rubbish behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, for a small disk: tests/all"]
async fn a_full_spool_is_a_hole_and_not_an_end() {
    let site = Site::new().await;
    let disk = SmallDisk::new(site.directory.path().join("disk"), "1m");
    let collector = site.collector(&["lyon"]);
    let mut lyon = site.vantage("lyon", site.port);
    if let StoreConfig::Collector(forward) = &mut lyon.store {
        forward.spool = disk.path().join("spool");
    }
    let in_lyon = run_here(&lyon).await;
    let before = probed_after(&in_lyon, None).await;
    let filler = disk.fill();
    let url = in_lyon.url("/api/status");
    ask_until("observations lost", &url, |text| {
        (status(text)?.store.lost > 5).then_some(())
    })
    .await;
    assert!(n_spool_files(&disk.path().join("spool")) <= 2);
    fs::remove_file(filler).unwrap();
    let after = probed_after(&in_lyon, Some(before.plus_ms(2_000))).await;
    let in_paris = taking(&collector).await;
    all_handed_in(&in_lyon.url).await;
    let lost = ask_until("its status", &url, status).await.store.lost;
    in_lyon.stop().await;
    in_paris.stop().await;

    let store = Store::open_reader(&collector.store).unwrap();
    let mut n_holes = 0;
    for endpoint in ["api-0", "api-1"] {
        let mut kept: Vec<Timestamp> = seen_from(&store, endpoint, "lyon")
            .iter()
            .map(|one| one.tick)
            .collect();
        kept.sort();
        assert!(kept[0] <= before && after <= *kept.last().unwrap());
        for two in kept.windows(2) {
            n_holes += two[1].since(two[0]) / 1_000 - 1;
        }
    }
    assert!(
        n_holes >= i64::try_from(lost).unwrap(),
        "{n_holes}, {lost} lost"
    );
}
