//! What ops would see: the daemon at work, scraped by a real Prometheus that has our rules and
//! tells a real Alertmanager.
//!
//! Goal: every question of every panel is answered, with the labels that the panel names; every
//! rule can be evaluated; an alert reaches the receiver that it is for.
//! Method: the demo's services with two months of its history, one of them closed. Prometheus gets
//! three days of what its rules would have written, and evaluates them every second: nobody waits
//! for three days.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::Url;
use vigie::app::close::{Kind, Order, close};
use vigie::app::watch;
use vigie::clock::Clock;
use vigie::config::{self, Config};
use vigie::demo::history::Past;
use vigie::demo::set_up;
use vigie::demo::simulator::{Scenario, Simulator};
use vigie::sla::window::Timestamp;
use vigie::store::Store;

use super::{RULES, source};
use crate::daemon::{Prometheus, ask_until, client};

const DAYS_OF_HISTORY: usize = 62;

/// A service where nobody listens: something must fail for its panels to show it.
const BROKEN_SERVICE: &str = r#"
[[service]]
id = "panne"
name = "Service en panne"

[[service.endpoint]]
id = "personne"
label = "Personne n'écoute"
interval = "1s"
timeout = "900ms"

[service.endpoint.http]
url = "http://127.0.0.1:1/"
"#;

/// The demo's services, and a daemon that has watched them for two months.
struct Stage {
    url: String,
    reloads: mpsc::Sender<std::path::PathBuf>,
    stop: oneshot::Sender<()>,
    daemon: tokio::task::JoinHandle<anyhow::Result<()>>,
    _simulator: Simulator,
}

impl Stage {
    async fn set(directory: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let clock = Clock::System;
        let demo = set_up(directory, listen, Scenario::demo(), clock.clone())
            .await
            .unwrap();
        let mut text = std::fs::read_to_string(&demo.config_file).unwrap();
        text.push_str(BROKEN_SERVICE);
        std::fs::write(&demo.config_file, text).unwrap();
        let config = config::load(&demo.config_file).unwrap_or_else(|faults| panic!("{faults}"));
        let now = clock.now();
        let written = config.clone();
        tokio::task::spawn_blocking(move || write_history(&written, now))
            .await
            .unwrap();
        let (reloads, asked) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let daemon = tokio::spawn(watch::run(config, clock, listener, asked, async {
            let _ = stopped.await;
        }));
        Self {
            url: format!("http://{listen}"),
            reloads,
            stop,
            daemon,
            _simulator: demo.simulator,
        }
    }

    async fn strike(self) {
        self.stop.send(()).unwrap();
        self.daemon.await.unwrap().unwrap();
    }
}

fn write_history(config: &Config, now: Timestamp) {
    let mut store = Store::open(&config.store).unwrap();
    let zone = config.catalog.services[0].zone();
    let past = Past::until(now, zone);
    let days = past.days(&config.catalog, &config.vantage);
    let older = days.len() - DAYS_OF_HISTORY;
    for findings in days.skip(older) {
        store.append(&findings).unwrap();
    }
    let month = past
        .months()
        .last()
        .expect("a month that is over")
        .to_string();
    let order = Order {
        month: &month,
        partner: None,
        service: None,
        kind: Kind::Final,
        who: "test",
    };
    close(config, &mut store, now, &order, &mut |_| {}).unwrap();
}

/// What the rules would have recorded in the last three days, as blocks of Prometheus.
fn backfill(directory: &Path, daemon: &str, now: Timestamp) {
    let instance = daemon.strip_prefix("http://").unwrap();
    let mut text = String::new();
    let end = now.unix_ms() / 60_000 * 60;
    for (series, value) in [("api:vigie_down:bool", 0), ("api:vigie_known:bool", 1)] {
        text.push_str(&format!("# TYPE {series} gauge\n"));
        for api in ["particulier", "droits-cnam"] {
            for minute in (2..72 * 60).rev() {
                let at = end - minute * 60;
                text.push_str(&format!(
                    "{series}{{api=\"{api}\",instance=\"{instance}\",job=\"vigie\"}} {value} {at}\n"
                ));
            }
        }
    }
    text.push_str("# EOF\n");
    let file = directory.join("recorded.txt");
    std::fs::write(&file, text).unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(&file)
        .arg(directory.join("tsdb"))
        .output()
        .expect("promtool runs");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
}

/// An Alertmanager of our own, ended when it goes out of scope.
struct Alertmanager {
    child: Child,
    address: std::net::SocketAddr,
}

impl Alertmanager {
    fn start(directory: &Path) -> Self {
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new("prometheus-alertmanager")
            .arg(concat!(
                "--config.file=",
                env!("CARGO_MANIFEST_DIR"),
                "/dashboards/alertmanager.yml"
            ))
            .arg(format!(
                "--storage.path={}",
                directory.join("alertmanager").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus-alertmanager is installed");
        Self { child, address }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Our rules, evaluated every second, their alerts at once.
fn hasty_rules() -> String {
    RULES
        .lines()
        .map(|line| match line.trim_start().split_once(": ") {
            Some(("interval", _)) => "    interval: 1s\n".to_owned(),
            Some(("for", _)) => String::new(),
            _ => format!("{line}\n"),
        })
        .collect()
}

/// The answer to a question of a panel, as of the last quarter of an hour if it is drawn over time.
async fn answer(prometheus: &str, target: &Value, now: Timestamp) -> Vec<Value> {
    let expression = target["expr"]
        .as_str()
        .unwrap()
        .replace("$__rate_interval", "1m")
        .replace("$api", ".*")
        .replace("$endpoint", ".*")
        .replace("$partner", ".*")
        .replace("$instance", ".*");
    let end = now.unix_ms() / 1_000;
    let url = if target["instant"] == true {
        let parameters = [("query", expression.as_str())];
        Url::parse_with_params(&format!("{prometheus}/api/v1/query"), parameters)
    } else {
        let (start, end) = ((end - 900).to_string(), end.to_string());
        let parameters = [
            ("query", expression.as_str()),
            ("start", &start),
            ("end", &end),
            ("step", "15"),
        ];
        Url::parse_with_params(&format!("{prometheus}/api/v1/query_range"), parameters)
    };
    let answer = client().get(url.unwrap()).send().await.unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    answer["data"]["result"].as_array().unwrap().clone()
}

/// Labels that a panel shows of an answer.
fn labels_shown(panel: &Value, target: &Value) -> Vec<String> {
    let legend = target["legendFormat"].as_str().unwrap_or_default();
    let mut labels: Vec<String> = legend
        .split("{{")
        .skip(1)
        .map(|rest| rest.split_once("}}").expect("closed").0.to_owned())
        .collect();
    for step in panel["transformations"].as_array().into_iter().flatten() {
        let options = &step["options"];
        for key in ["byField", "rowField", "columnField"] {
            labels.extend(options[key].as_str().map(str::to_owned));
        }
        let columns = options["include"]["names"].as_array();
        labels.extend(
            columns
                .into_iter()
                .flatten()
                .map(|n| n.as_str().unwrap().to_owned()),
        );
    }
    labels
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs prometheus and prometheus-alertmanager: tests/all"]
async fn every_panel_is_answered_every_rule_works_and_an_alert_arrives() {
    let directory: TempDir = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let stage = Stage::set(&directory.join("demo")).await;
    backfill(directory, &stage.url, Clock::System.now());
    let alertmanager = Alertmanager::start(directory);
    let rules = directory.join("vigie.yml");
    std::fs::write(&rules, hasty_rules()).unwrap();
    let jobs = format!(
        "rule_files: ['{}']\nalerting:\n  alertmanagers:\n    - static_configs:\n        \
         - targets: ['{}']\nscrape_configs:\n  - job_name: vigie\n    static_configs:\n      \
         - targets: ['{}']\n",
        rules.display(),
        alertmanager.address,
        stage.url.strip_prefix("http://").unwrap()
    );
    let prometheus = Prometheus::start(directory, &jobs);

    let all_rules = format!("{}/api/v1/rules", prometheus.url);
    ask_until("every rule evaluated", &all_rules, |text| {
        let answer: Value = serde_json::from_str(text).ok()?;
        let groups = answer["data"]["groups"].as_array()?;
        let rules: Vec<&Value> = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap())
            .collect();
        for rule in &rules {
            assert!(rule["health"] != "err", "{rule}");
        }
        let evaluated = rules.iter().all(|rule| rule["health"] == "ok");
        (rules.len() > 40 && evaluated).then_some(())
    })
    .await;

    check_panels(&prometheus.url).await;

    let broken = directory.join("broken.toml");
    std::fs::write(&broken, "[provider]\n").unwrap();
    stage.reloads.send(broken).await.unwrap();
    let alerts = format!("http://{}/api/v2/alerts", alertmanager.address);
    let alert = ask_until("the alert", &alerts, |text| {
        let alerts: Value = serde_json::from_str(text).ok()?;
        let mut alerts = alerts.as_array()?.iter();
        let named = |one: &&Value| one["labels"]["alertname"] == "VigieConfigurationRefused";
        alerts.find(named).cloned()
    })
    .await;
    assert_eq!(
        alert["receivers"][0]["name"], "monitoring-tickets",
        "{alert}"
    );
    let said = alert["annotations"]["summary_fr"].as_str().unwrap();
    assert!(
        said.contains("a refusé sa nouvelle configuration"),
        "{said}"
    );

    drop(prometheus);
    stage.strike().await;
}

async fn check_panels(prometheus: &str) {
    for (_, place, dashboard) in source::all() {
        for panel in dashboard["panels"].as_array().unwrap() {
            // That a probe says nothing cannot be had at will from a service that works; nor what is
            // said of vantages from one that has its store in a file.
            let targets = panel["targets"].to_string();
            let may_be_empty = [
                "vigie_api_voids_total",
                "vigie_spool_",
                "vigie_forward_",
                "vigie_vantage_",
            ]
            .iter()
            .any(|name| targets.contains(name));
            for target in panel["targets"].as_array().unwrap() {
                let what = format!(
                    "{} panel {} {}",
                    place.file_name().unwrap().display(),
                    panel["id"],
                    target["refId"]
                );
                let mut series = answer(prometheus, target, Clock::System.now()).await;
                // A rate needs two scrapes, and recorded series a few evaluations.
                for _ in 0..60 {
                    if may_be_empty || !series.is_empty() {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    series = answer(prometheus, target, Clock::System.now()).await;
                }
                assert!(may_be_empty || !series.is_empty(), "{what}: {target}");
                for one in &series {
                    for label in labels_shown(panel, target) {
                        let value = &one["metric"][&label];
                        assert!(value.is_string(), "{what}: {label} of {one}");
                    }
                    let points = match one["values"].as_array() {
                        Some(points) => points.clone(),
                        None => vec![one["value"].clone()],
                    };
                    for point in points {
                        let value: f64 = point[1].as_str().unwrap().parse().unwrap();
                        // A quantile of nothing is no number, which is not drawn.
                        assert!(!value.is_infinite(), "{what}: {one}");
                    }
                }
            }
        }
    }
}
