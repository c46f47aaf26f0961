//! A new configuration while the daemon runs.
//!
//! Goal: what is right takes the place of the old one as a whole, what stays loses no tick, what is
//! gone is gone everywhere; what is wrong changes nothing and is told.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::postgres;
use crate::probe::zoo::Authority;
use vigie::sla::window::SECOND_MS;

fn gauge(text: &str, metric: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(metric))?;
    line.trim().parse().ok()
}

const SUCCESSFUL: &str = "vigie_config_last_reload_successful ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_over_as_a_whole_and_what_stays_loses_no_tick() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let file = installation(directory.path(), target.address, &[("api", 2)]);
    let config = load(&file);
    let daemon = run_here(&config).await;
    let (status_url, metrics_url) = (daemon.url("/api/status"), daemon.url("/metrics"));
    let known = |wanted: &'static [&'static str]| {
        move |text: &str| {
            let status = status(text)?;
            let up: Vec<&str> = endpoints(&status)
                .filter(|one| one.state == "up")
                .map(|one| one.id.as_str())
                .collect();
            (up == wanted).then_some(())
        }
    };
    ask_until("both up", &status_url, known(&["api-0", "api-1"])).await;

    // One goes, a service comes; then a file that is wrong.
    installation(directory.path(), target.address, &[("api", 1), ("new", 1)]);
    daemon.reload.send(file.clone()).await.unwrap();
    ask_until("the new service", &status_url, known(&["api-0", "new-0"])).await;
    let metrics = ask_until("the new series", &metrics_url, |text| {
        let runs = series(text, "vigie_probe_runs_total");
        let is_there = |id: &str| runs.keys().any(|labels| label(labels, "endpoint") == id);
        (is_there("new-0") && !is_there("api-1")).then(|| text.to_owned())
    })
    .await;
    assert_eq!(gauge(&metrics, SUCCESSFUL), Some(1.0));
    let loaded_at = "vigie_config_last_reload_success_timestamp_seconds ";
    let mut since = gauge(&metrics, loaded_at).unwrap();

    let right = std::fs::read_to_string(&file).unwrap();
    for wrong in [
        right.replace("interval = \"1s\"", "interval = \"1 second\""),
        right.replace("vigie.db", "other.db"),
    ] {
        std::fs::write(&file, wrong).unwrap();
        daemon.reload.send(file.clone()).await.unwrap();
        let metrics = ask_until("the refusal", &metrics_url, |text| {
            (gauge(text, SUCCESSFUL) == Some(0.0)).then(|| text.to_owned())
        })
        .await;
        assert_eq!(
            gauge(&metrics, loaded_at),
            Some(since),
            "the former one stands"
        );
        // A right one ends the alarm; nothing else has changed.
        std::fs::write(&file, &right).unwrap();
        daemon.reload.send(file.clone()).await.unwrap();
        since = ask_until("the return", &metrics_url, |text| {
            let since = gauge(text, loaded_at);
            since.filter(|_| gauge(text, SUCCESSFUL) == Some(1.0))
        })
        .await;
    }
    ask_until("all as before", &status_url, known(&["api-0", "new-0"])).await;

    daemon.stop().await;
    target.stop().await;
    let store = Store::open(&config.store).unwrap();
    let kept = observations(&store, "api-0");
    let gaps: Vec<_> = kept
        .windows(2)
        .filter(|pair| pair[1].tick.since(pair[0].tick) != SECOND_MS)
        .collect();
    assert!(gaps.is_empty(), "ticks are missing: {gaps:?}");
    let kinds: Vec<String> = store
        .journal_entries(100)
        .unwrap()
        .into_iter()
        .map(|entry| entry.kind)
        .filter(|kind| kind.starts_with("config"))
        .collect();
    let n = |code: &str| kinds.iter().filter(|kind| *kind == code).count();
    assert_eq!((n("config_loaded"), n("config_refused")), (4, 2));
}

/// What a command says about the configuration in `file`, and its exit status.
fn vigie(file: &Path, command: &str) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .arg("--config")
        .arg(file)
        .arg(command)
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vigie_reload_tells_what_became_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let file = installation(directory.path(), target.address, &[("api", 1)]);
    let reload = || vigie(&file, "reload");
    let (status, said) = reload();
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("start it with `vigie run`"), "{said}");

    let daemon = Daemon::start(&file);
    installation(directory.path(), target.address, &[("api", 2)]);
    let (status, said) = reload();
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(said, "in force: 1 services, 2 endpoints\n");
    ask_until("the second endpoint", &daemon.url("/api/status"), |text| {
        let status = super::status(text)?;
        endpoints(&status).nth(1).map(drop)
    })
    .await;

    // Wrong in itself: told here, and the daemon is not even asked.
    let right = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, right.replace("label = ", "lable = ")).unwrap();
    let (status, said) = reload();
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("lable"), "{said}");
    // Right in itself, and what it points to is not there: told by the daemon.
    let secret = "[service.endpoint.http]\n\
        headers = { X-Api-Key = { file = \"missing\" }, X-Other = { file = \"away\" } }\n\
        auth = { bearer = { file = \"gone\" } }";
    std::fs::write(&file, right.replace("[service.endpoint.http]", secret)).unwrap();
    let (status, said) = reload();
    assert_eq!(status, Some(2), "{said}");
    for part in [
        "6 faults in ",
        "endpoint `api-0`: failed to read the secret of header `X-Api-Key`",
        "endpoint `api-0`: failed to read the secret of header `X-Other`",
        "endpoint `api-0`: failed to read the secret of `bearer`",
        "endpoint `api-1`: failed to",
        "help: write the secret to it, on one line",
        // Where it is named: in the line after the request's table.
        "vigie.toml:27:",
        "vigie.toml:28:",
        "vigie.toml:39:",
        "vigie.toml:40:",
        "the former configuration stays in force",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    // A certificate whose time is over is no reason to watch nothing.
    let authority = Authority::new("Clients");
    let old = authority.issue(&["vigie.example"], (2020, 2024));
    let key = directory.path().join("old-key.pem");
    std::fs::write(directory.path().join("old.pem"), old.pem + &authority.pem()).unwrap();
    std::fs::write(&key, old.key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let shown = "[service.endpoint.http]\nca_file = \"old.pem\"\n\
        client_certificate = { file = \"old.pem\", key_file = \"old-key.pem\" }";
    let outdated = right
        .replace("\"http://", "\"https://")
        .replace("[service.endpoint.http]", shown);
    std::fs::write(&file, outdated).unwrap();
    let (status, said) = reload();
    assert_eq!(said, "in force: 1 services, 2 endpoints\n");
    assert_eq!(status, Some(0));
    std::fs::write(&file, right.replace("[service.endpoint.http]", secret)).unwrap();
    drop(daemon);
    // A start is refused in the same words, and leaves nothing behind.
    std::fs::remove_file(directory.path().join("vigie.db")).unwrap();
    let (status, said) = vigie(&file, "run");
    assert_eq!(status, Some(2), "{said}");
    for part in ["6 faults in ", "vigie.toml:27:", "vigie.toml:40:"] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    assert!(!directory.path().join("vigie.db").exists());
    target.stop().await;
}

/// A daemon that records on a server is found by its spool, on its own machine; what others on the
/// same database do is not taken for its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: tests/all"]
async fn vigie_reload_finds_a_daemon_that_records_on_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let target = Target::start().await;
    let (server, database) = postgres::shared();
    let file = installation(directory.path(), target.address, &[("api", 1)]);
    let on_server = |text: String| {
        let place = format!(
            "url = \"{}\"\nsecurity = \"plain\"\nspool = \"spool\"",
            server.url(&database)
        );
        text.replace("path = \"vigie.db\"", &place)
    };
    let text = on_server(std::fs::read_to_string(&file).unwrap());
    std::fs::write(&file, &text).unwrap();
    let reload = || vigie(&file, "reload");
    let (status, said) = reload();
    assert_eq!(status, Some(3), "{said}");
    assert!(
        said.contains("none on this machine uses the spool"),
        "{said}"
    );
    let daemon = Daemon::start(&file);
    std::fs::write(&file, text.replace("label = \"api 0\"", "label = \"New\"")).unwrap();
    let (status, said) = reload();
    assert_eq!(status, Some(0), "{said}");
    ask_until("the new name", &daemon.url("/api/status"), |text| {
        let status = super::status(text)?;
        endpoints(&status)
            .any(|one| one.label == "New")
            .then_some(())
    })
    .await;
    drop(daemon);
    let (status, said) = reload();
    assert_eq!(status, Some(3), "{said}");
    target.stop().await;
}
