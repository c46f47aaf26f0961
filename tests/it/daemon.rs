//! The daemon, from probe to page, whole and alive.
//!
//! Goal: what it shows is so and is stored; it stops without losing anything, and killed at any
//! moment it loses nothing that it showed; a real Prometheus finds every service's availability.
//! Method: targets on loopback that we start and stop, the daemon in this process or as a child,
//! and its pages, asked again and again until they say what they must (or too often).

mod cable;
mod cut;
mod disk;
mod failover;
mod forward;
mod intake;
mod killed;
mod outage;
mod reload;
mod vantages;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use vigie::app::watch;
use vigie::clock::Clock;
use vigie::config::{self, Config};
use vigie::schedule::ticks;
use vigie::sla::catalog::EndpointId;
use vigie::sla::observation::{Observation, Outcome};
use vigie::sla::window::{Timestamp, Window};
use vigie::store::Store;
use vigie::web::status::{EndpointStatus, Status};

/// How often a page is asked until it says what it must; some 30 s in all.
const TRIES: usize = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Answers 200 under `/good` and 503 elsewhere; counts its answers.
struct Target {
    address: SocketAddr,
    n_answers: Arc<AtomicU64>,
    answering: JoinHandle<()>,
}

impl Target {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let n_answers = Arc::new(AtomicU64::new(0));
        let answering = tokio::spawn({
            let n_answers = Arc::clone(&n_answers);
            async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let n_answers = Arc::clone(&n_answers);
                    tokio::spawn(async move {
                        let mut request = Vec::new();
                        while !request.ends_with(b"\r\n\r\n") {
                            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                                return;
                            }
                        }
                        let status = if request.starts_with(b"GET /good") {
                            "200 OK"
                        } else {
                            "503 Service Unavailable"
                        };
                        let answer = format!(
                            "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
                        );
                        n_answers.fetch_add(1, Ordering::SeqCst);
                        let _ = stream.write_all(answer.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    });
                }
            }
        });
        Self {
            address,
            n_answers,
            answering,
        }
    }

    /// From now on nobody listens there.
    async fn stop(self) -> u64 {
        self.answering.abort();
        let _ = self.answering.await;
        self.n_answers.load(Ordering::SeqCst)
    }
}

/// Services of endpoints that are asked every second; every third one of a service is under
/// `/bad`, but never its first, which alone counts.
fn installation(directory: &Path, target: SocketAddr, services: &[(&str, usize)]) -> PathBuf {
    let mut text = r#"
[provider]
name = "Opérateur d'essai"
contact = "supervision@operateur.example"

[store]
path = "vigie.db"

[web]
listen = "127.0.0.1:0"

[reports]
directory = "rapports"
"#
    .to_owned();
    for (service, n_endpoints) in services {
        text.push_str(&format!(
            "\n[[service]]\nid = \"{service}\"\nname = \"Service {service}\"\n"
        ));
        for n in 0..*n_endpoints {
            let path = if n % 3 == 2 { "bad" } else { "good" };
            text.push_str(&format!(
                r#"
[[service.endpoint]]
id = "{service}-{n}"
label = "{service} {n}"
contractual = {}
interval = "1s"
timeout = "900ms"

[service.endpoint.http]
url = "http://{target}/{path}/{n}"
"#,
                n == 0
            ));
        }
        text.push_str(
            r#"
[[service.commitment]]
quote = "Le Service est accessible à 95 %."
reference = "Convention d'essai, article 3"
target = "95 %"
from = 2019-01-01
period = "text"
"#,
        );
    }
    let file = directory.join("vigie.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn load(file: &Path) -> Config {
    config::load(file).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Asks until `look` finds what it looks for in the answer.
pub(crate) async fn ask_until<T>(
    what: &str,
    url: &str,
    mut look: impl FnMut(&str) -> Option<T>,
) -> T {
    let client = client();
    let mut last = String::new();
    for _ in 0..TRIES {
        last = match client.get(url).send().await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        if let Some(found) = look(&last) {
            return found;
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    let last: String = last.chars().take(2_000).collect();
    panic!("{url} never showed {what}; at last: {last}");
}

fn status(text: &str) -> Option<Status> {
    serde_json::from_str(text).ok()
}

fn endpoints(status: &Status) -> impl Iterator<Item = &EndpointStatus> {
    status
        .services
        .iter()
        .flat_map(|service| &service.endpoints)
}

/// The daemon in this process.
struct Running {
    url: String,
    reload: mpsc::Sender<PathBuf>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

async fn run_here(config: &Config) -> Running {
    run_here_at(config, Clock::System).await
}

async fn run_here_at(config: &Config, clock: Clock) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let (reload, reloads) = mpsc::channel(1);
    let task = tokio::spawn(watch::run(
        config.clone(),
        clock,
        listener,
        reloads,
        async {
            let _ = stopped.await;
        },
    ));
    Running {
        url,
        reload,
        stop,
        task,
    }
}

impl Running {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        let refused = client().get(format!("{}/healthz", self.url)).send().await;
        assert!(refused.is_err(), "the pages are still there after the end");
    }
}

fn observations(store: &Store, endpoint: &str) -> Vec<Observation> {
    let ever = Window::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let endpoint = EndpointId::new(endpoint).unwrap();
    store
        .observations(&endpoint, ever)
        .unwrap()
        .into_iter()
        .flat_map(|(_, observations)| observations)
        .collect()
}

/// Everything that a page showed of single observations is in the store.
fn check_shown_is_stored(shown: &Status, store: &Store, when: &str) {
    for endpoint in endpoints(shown) {
        let stored = observations(store, &endpoint.id);
        let told = [&endpoint.last_probe, &endpoint.last_success]
            .into_iter()
            .flatten()
            .chain(endpoint.failures.iter().map(|failure| &failure.at));
        for at in told {
            let at: Timestamp = at.parse().unwrap();
            assert!(
                stored.iter().any(|one| one.at == at),
                "{when}: {at} of `{}` was shown and is not stored",
                endpoint.id
            );
        }
    }
}

/// The value of every series of a metric, by its labels as written.
fn series(text: &str, metric: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let labels = series.strip_prefix(metric)?.strip_prefix('{')?;
            Some((labels.strip_suffix('}')?.to_owned(), value.parse().unwrap()))
        })
        .collect()
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let value = labels.split_once(&format!("{name}=\"")).unwrap().1;
    value.split_once('"').unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_shown_up_then_down_and_all_that_was_shown_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let address = target.address;
    let config = load(&installation(directory.path(), address, &[("api", 3)]));
    let daemon = run_here(&config).await;

    // Why the third one fails is on its page, and in the store.
    let page = daemon.url("/endpoint/api-2?lang=en");
    ask_until("the failure", &page, |text| {
        let told = "HTTP/1.1 · 503";
        (text.contains(told) && text.contains("status (503) in 200")).then_some(())
    })
    .await;

    let state = |text: &str, id: &str| {
        let status = status(text)?;
        let endpoint = endpoints(&status).find(|one| one.id == id)?;
        Some(endpoint.state.clone())
    };
    let states = |wanted: [&'static str; 3]| {
        move |text: &str| {
            let all = ["api-0", "api-1", "api-2"].map(|id| state(text, id));
            let all_so = all
                .iter()
                .zip(wanted)
                .all(|(is, wanted)| is.as_deref() == Some(wanted));
            all_so.then(|| status(text)).flatten()
        }
    };
    let url = daemon.url("/api/status");
    let up = ask_until("the target up", &url, states(["up", "up", "down"])).await;
    assert_eq!(up.services[0].state, "up");
    let failure = &endpoints(&up).last().unwrap().failures[0];
    assert_eq!(failure.code, "status:503");
    assert!(up.services[0].month.is_some() || !up.store.loaded);
    let ready = client().get(daemon.url("/readyz")).send().await.unwrap();
    assert!(ready.status().is_success(), "{ready:?}");
    let page = client().get(daemon.url("/")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("Service api"), "{page}");

    // A second one would contradict the first.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = watch::run(
        config.clone(),
        Clock::System,
        listener,
        mpsc::channel(1).1,
        std::future::pending(),
    )
    .await;
    let refusal = format!("{:#}", second.unwrap_err());
    assert!(
        refusal.contains("another vigie records into it"),
        "{refusal}"
    );

    let n_answers = target.stop().await;
    let down = ask_until("the target down", &url, states(["down", "down", "down"])).await;
    assert_eq!(down.services[0].state, "down");
    let failure = &endpoints(&down).next().unwrap().failures[0];
    assert_eq!(failure.code, "connect", "{failure:?}");
    let runs = ask_until("its counters", &daemon.url("/metrics"), |text| {
        Some(series(text, "vigie_probe_runs_total"))
    })
    .await;

    daemon.stop().await;
    let store = Store::open(&config.store).expect("the lock is free again");
    check_shown_is_stored(&up, &store, "while up");
    check_shown_is_stored(&down, &store, "while down");
    let mut n_answered = 0;
    for (labels, n_shown) in runs {
        let stored = observations(&store, label(&labels, "endpoint"));
        assert!(
            stored.len() as f64 >= n_shown,
            "{labels}: {} of {n_shown}",
            stored.len()
        );
        n_answered += stored
            .iter()
            .filter(|one| match one.outcome {
                Outcome::Answered { .. } => true,
                Outcome::Failed(fault) => fault.to_string() == "status:503",
                Outcome::Void(_) => false,
            })
            .count();
    }
    assert_eq!(
        u64::try_from(n_answered).unwrap(),
        n_answers,
        "every answer that the target gave is stored, once"
    );
}

/// What is being asked when the stop comes may end, and is saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_saves_everything_that_was_asked() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let config = load(&installation(
        directory.path(),
        target.address,
        &[("api", 40)],
    ));
    let daemon = run_here(&config).await;
    ask_until("a hundred runs", &daemon.url("/metrics"), |text| {
        let n: f64 = series(text, "vigie_probe_runs_total").values().sum();
        (n >= 100.0).then_some(())
    })
    .await;
    daemon.stop().await;
    let n_answers = target.stop().await;
    let store = Store::open(&config.store).unwrap();
    let n_stored: usize = (0..40)
        .map(|n| observations(&store, &format!("api-{n}")).len())
        .sum();
    assert_eq!(u64::try_from(n_stored).unwrap(), n_answers);
    assert!(store.verify_journal().unwrap().is_whole());
}

/// Forty endpoints are due at once, and three may be under way: the server answers none before it
/// has three, and never has more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_are_asked_at_once_than_the_configuration_allows() {
    const AT_ONCE: usize = 3;
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = load(&installation(directory.path(), address, &[("api", 40)]));
    config.probing.concurrency_max = AT_ONCE;
    let daemon = run_here(&config).await;
    let (done, mut answered) = mpsc::unbounded_channel();
    let (together, n_open) = (
        Arc::new(tokio::sync::Barrier::new(AT_ONCE)),
        Arc::new(AtomicU64::new(0)),
    );
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let n = n_open.fetch_add(1, Ordering::SeqCst) + 1;
            let (together, n_open, done) = (together.clone(), n_open.clone(), done.clone());
            tokio::spawn(async move {
                together.wait().await;
                n_open.fetch_sub(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await;
                let _ = done.send(n);
            });
        }
    });
    for _ in 0..10 * AT_ONCE {
        let n = answered.recv().await.unwrap();
        assert!(n <= AT_ONCE as u64, "{n} at once");
    }
    server.abort();
    daemon.stop().await;
}

/// One that is asked and says nothing keeps the program for its grace, and no longer; what others
/// said meanwhile is saved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_an_endpoint_that_hangs() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let file = installation(directory.path(), target.address, &[("api", 1)]);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!(
        "[[service]]\nid = \"silent\"\nname = \"S\"\n[[service.endpoint]]\nid = \"silent\"\nlabel = \"S\"\n\
         interval = \"10min\"\ntimeout = \"5min\"\n[service.endpoint.http]\nurl = \"http://{}/\"\n",
        silent.local_addr().unwrap()
    );
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n{hanging}")).unwrap();
    let mut daemon = Daemon::start(&file);
    // It is asked, and holds the connection.
    let (_held, _) = silent.accept().await.unwrap();
    let runs = ask_until("three answers", &daemon.url("/metrics"), |text| {
        let runs = series(text, "vigie_probe_runs_total");
        let n: f64 = runs.values().sum();
        (n >= 3.0).then_some(n)
    })
    .await;
    let began = std::time::Instant::now();
    daemon.terminate();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let store = Store::open(&load(&file).store).unwrap();
    let kept = observations(&store, "api-0");
    assert!(kept.len() as f64 >= runs, "{} of {runs}", kept.len());
    assert_eq!(observations(&store, "silent"), []);
    target.stop().await;
}

/// The program as a child, killed when it goes out of scope.
struct Daemon {
    child: Child,
    url: String,
}

impl Daemon {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .arg("--config")
            .arg(config)
            .arg("run")
            .env_remove("VIGIE_LOG")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the daemon did not start: {said}");
            };
            if let Some((_, rest)) = line.split_once("the page is at ") {
                let end = rest.find("/\"").unwrap();
                break rest[..end].to_owned();
            }
            said.push_str(&line);
        };
        // What it says later is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(&mut self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "a clean end");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const N_UNDER_LOAD: usize = 50;

/// Killed ten times while it writes, each time after another number of observations. Afterwards
/// all that it had shown is there, and no tick between the first and the last is unaccounted for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_nothing_that_was_shown() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let file = installation(directory.path(), target.address, &[("api", N_UNDER_LOAD)]);
    let config = load(&file);
    let mut stored_before = BTreeMap::<String, usize>::new();
    for round in 0..10_u32 {
        let mut daemon = Daemon::start(&file);
        let enough = f64::from(20 + round * 23);
        let counters = ask_until("enough runs", &daemon.url("/metrics"), |text| {
            let runs = series(text, "vigie_probe_runs_total");
            (runs.values().sum::<f64>() >= enough).then_some(runs)
        })
        .await;
        let shown = ask_until("its status", &daemon.url("/api/status"), status).await;
        daemon.kill();

        let connection = rusqlite::Connection::open(directory.path().join("vigie.db")).unwrap();
        let integrity: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(integrity, "ok", "round {round}");
        drop(connection);
        let store = Store::open(&config.store).expect("it opens again");
        assert!(store.verify_journal().unwrap().is_whole(), "round {round}");
        check_shown_is_stored(&shown, &store, &format!("round {round}"));
        assert_eq!(counters.len(), N_UNDER_LOAD);
        for (labels, n_shown) in counters {
            let endpoint = label(&labels, "endpoint").to_owned();
            let n_stored = observations(&store, &endpoint).len();
            let n_before = stored_before.insert(endpoint, n_stored).unwrap_or(0);
            assert!(
                (n_stored - n_before) as f64 >= n_shown,
                "round {round}: {labels} showed {n_shown}, stored are {n_stored} - {n_before}"
            );
        }
    }
    let mut last = Daemon::start(&file);
    ask_until("a run of each", &last.url("/metrics"), |text| {
        let runs = series(text, "vigie_probe_runs_total");
        (runs.len() == N_UNDER_LOAD && runs.values().all(|n| *n >= 1.0)).then_some(())
    })
    .await;
    last.terminate();
    let store = Store::open(&config.store).unwrap();
    for (_, endpoint) in config.catalog.endpoints() {
        check_every_tick_is_accounted_for(&store, &endpoint.id);
    }
}

fn check_every_tick_is_accounted_for(store: &Store, endpoint: &EndpointId) {
    let stored = observations(store, endpoint.as_str());
    let taken: std::collections::BTreeSet<Timestamp> = stored.iter().map(|one| one.tick).collect();
    assert_eq!(
        taken.len(),
        stored.len(),
        "`{endpoint}`: a tick taken twice"
    );
    let (first, last) = (*taken.first().unwrap(), *taken.last().unwrap());
    let whole = Window::new(first, last.plus_ms(1)).unwrap();
    let missed = store.missed(endpoint, whole).unwrap();
    for tick in ticks(endpoint, 1_000, whole) {
        let is_missed = missed
            .iter()
            .any(|ticks| ticks.first <= tick && tick <= ticks.last);
        assert!(
            taken.contains(&tick) || is_missed,
            "`{endpoint}`: nothing is known of the tick {tick}"
        );
    }
}

/// Debian's Prometheus scrapes the daemon and is then asked for what an operator looks at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs prometheus: tests/all"]
async fn a_real_prometheus_finds_the_availability_of_each_service() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let services = [("particulier", 2), ("droits-cnam", 1)];
    let config = load(&installation(directory.path(), target.address, &services));
    let daemon = run_here(&config).await;
    let prometheus = Prometheus::scraping(directory.path(), &daemon.url);
    let query = |expression: &str| format!("{}/api/v1/query?query={expression}", prometheus.url);

    // A gauge may change between a scrape and our look at the page; then both are asked again.
    for metric in [
        "vigie_commitment_availability_ratio",
        "vigie_commitment_target_ratio",
        "vigie_api_up",
        "vigie_endpoint_up",
    ] {
        let expected_services = services.map(|(service, _)| service);
        ask_until(metric, &query(metric), |answer| {
            let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
            let found = answer["data"]["result"].as_array()?;
            expected_services
                .iter()
                .all(|service| found.iter().any(|one| one["metric"]["api"] == *service))
                .then_some(())
        })
        .await;
        let mut told = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..TRIES {
            let page = ask_until("metrics", &daemon.url("/metrics"), |text| {
                Some(series(text, metric))
            })
            .await;
            let scraped = ask_until(metric, &query(metric), |answer| {
                serde_json::from_str::<serde_json::Value>(answer).ok()
            })
            .await;
            let scraped: Vec<(String, f64)> = scraped["data"]["result"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| {
                    let labels = one["metric"].as_object().unwrap();
                    let mut labels: Vec<String> = labels
                        .iter()
                        .filter(|(name, _)| {
                            !["__name__", "instance", "job"].contains(&name.as_str())
                        })
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    labels.sort();
                    let value = one["value"][1].as_str().unwrap().parse().unwrap();
                    (labels.join(","), value)
                })
                .collect();
            let scraped: BTreeMap<String, f64> = scraped.into_iter().collect();
            told = (page, scraped);
            if told.0 == told.1 {
                break;
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        let (page, scraped) = told;
        assert!(!page.is_empty(), "{metric}");
        assert_eq!(page, scraped, "{metric}: the page and Prometheus");
    }
    drop(prometheus);
    daemon.stop().await;
}

/// A Prometheus of our own, ended when it goes out of scope.
pub(crate) struct Prometheus {
    child: Child,
    pub(crate) url: String,
}

impl Prometheus {
    /// One that scrapes the daemon.
    fn scraping(directory: &Path, daemon: &str) -> Self {
        let scraped = daemon.strip_prefix("http://").unwrap();
        let jobs = format!(
            "scrape_configs:\n  - job_name: vigie\n    static_configs:\n      - targets: ['{scraped}']\n"
        );
        Self::start(directory, &jobs)
    }

    /// One that has whatever blocks stand in `tsdb` below `directory`, however old, and does the
    /// `jobs`.
    pub(crate) fn start(directory: &Path, jobs: &str) -> Self {
        let config = directory.join("prometheus.yml");
        std::fs::write(&config, format!("global:\n  scrape_interval: 1s\n{jobs}")).unwrap();
        // Prometheus cannot say which port it found: we look for a free one.
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("tsdb").display()
            ))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is installed");
        Self {
            child,
            url: format!("http://{address}"),
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
