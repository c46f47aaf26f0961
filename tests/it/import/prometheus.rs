//! From a Prometheus server: a small one that says what it is told to, and (ignored) a real one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use super::{check_untouched, explain, time_of};
use crate::cli::{Place, Said};
use crate::daemon::Prometheus;

/// Answers each request with `answer(path and query)`, until the test ends. What was asked,
/// with the header `Authorization`, is given back.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) asked: mpsc::Receiver<(String, String)>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&url::Url) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = mpsc::channel();
        let base = url::Url::parse(&url).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                let target = first.split(' ').nth(1).unwrap().to_owned();
                let mut authorization = String::new();
                for line in lines {
                    let line = line.unwrap();
                    if let Some(value) = line.strip_prefix("authorization: ") {
                        authorization = value.to_owned();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let body = answer(&base.join(&target).unwrap());
                if tell.send((target, authorization)).is_err() {
                    return;
                }
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        Self { url, asked }
    }
}

/// The series of one instant.
pub(crate) fn vector(series: &str) -> String {
    matrix(series).replace("matrix", "vector")
}

fn matrix(series: &str) -> String {
    format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{series}]}}}}"
    )
}

fn import(place: &Place, url: &str, more: &[&str]) -> Said {
    let arguments = [
        "import",
        "prometheus",
        "--url",
        url,
        "--endpoint",
        "socle",
        "--query",
        "up",
    ];
    place.say(&[&arguments[..], more].concat())
}

const SEPTEMBER: [&str; 4] = ["--from", "2025-09-01", "--until", "2025-09-02"];

#[test]
fn what_a_server_says_is_taken_whole_or_not_at_all() {
    let place = Place::new();
    for (answer, status, parts) in [
        (
            matrix(""),
            2,
            &["there is nothing from 2025-08-31T22:00:00.000Z"][..],
        ),
        (
            matrix(
                "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"values\":[[1756677600,\"1\"]]},{\"metric\":{\"__name__\":\"up\",\"job\":\"b\"},\"values\":[[1756677600,\"1\"]]}",
            ),
            2,
            &["2 series", "up{job=\"a\"}", "up{job=\"b\"}", "add labels"],
        ),
        (
            matrix("{\"metric\":{},\"values\":[[1756677600,\"1\"],[1756677660.5,\"0.5\"]]}"),
            2,
            &[
                "`up` was 0.5 at 2025-08-31T22:01:00.500Z",
                "must be 0 or 1",
                "nothing was imported",
            ],
        ),
        (
            matrix("{\"metric\":{},\"values\":[[1756677600,\"NaN\"]]}"),
            2,
            &["`up` was NaN"],
        ),
        (
            "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error\"}"
                .to_owned(),
            2,
            &["parse error", "needs --step"],
        ),
        (
            "<html>Sign in</html>".to_owned(),
            3,
            &["not Prometheus'", "--authorization-file"],
        ),
    ] {
        let server = Server::start(move |_| answer.clone());
        let said = import(&place, &server.url, &SEPTEMBER);
        said.check(status, parts);
    }
    let server = Server::start(|_| matrix(""));
    import(
        &place,
        &server.url,
        &["--from", "2025-09-01", "--until", "2925-09-02"],
    )
    .check(2, &["--until lies in the future"]);
    import(
        &place,
        &server.url,
        &["--from", "2025-09-02", "--until", "2025-09-01"],
    )
    .check(2, &["--from"]);
    import(
        &place,
        &server.url,
        &["--from", "2025-09-01", "--step", "often"],
    )
    .check(2, &["--step", "60s"]);
    import(&place, "prometheus:9090", &SEPTEMBER).check(2, &["not an address"]);
    let said = import(&place, "http://me:geheim@127.0.0.1:9", &SEPTEMBER);
    said.check(2, &["--authorization-file"]);
    assert!(!said.err.contains("geheim"), "{said:?}");
    import(&place, "http://127.0.0.1:9", &SEPTEMBER).check(3, &["does Prometheus answer there?"]);
    check_untouched(&place);
}

/// Nine days of minutes are more points than a server gives at once: they are asked for in pieces
/// that neither overlap nor leave anything out, each with the secret, and counted once.
#[test]
fn a_long_time_is_asked_for_in_pieces() {
    let place = Place::new();
    let server = Server::start(|url| {
        let asked = |name: &str| -> f64 {
            let (_, value) = url.query_pairs().find(|(key, _)| key == name).unwrap();
            value.parse().unwrap()
        };
        let (start, end, step) = (asked("start"), asked("end"), asked("step"));
        let mut points = Vec::new();
        let mut at = start;
        while at <= end {
            points.push(format!("[{at},\"1\"]"));
            at += step;
        }
        assert!(points.len() < 11_000, "{}", points.len());
        matrix(&format!(
            "{{\"metric\":{{}},\"values\":[{}]}}",
            points.join(",")
        ))
    });
    let secret = place.file("authorization", "Bearer geheim\n");
    let range = [
        "--from",
        "2025-09-01",
        "--until",
        "2025-09-10",
        "--step",
        "60s",
    ];
    let said = import(
        &place,
        &server.url,
        &[&range[..], &["--authorization-file", &secret]].concat(),
    );
    said.check(
        0,
        &["12960 observations from 2025-08-31T22:00:00.000Z to 2025-09-09T21:59:00.000Z"],
    );
    let asked: Vec<(String, String)> = server.asked.try_iter().collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked.iter().all(|(target, authorization)| {
            target.contains("lookback_delta=60.000") && authorization == "Bearer geheim"
        }),
        "{asked:?}"
    );
    let journal = place.say(&["journal", "show"]);
    assert!(!format!("{said:?}{journal:?}").contains("geheim"));
}

/// Samples come as they are, with their own instants; how long answers took is taken from the
/// second series at the same instants.
#[test]
fn samples_keep_their_own_instants() {
    let place = Place::new();
    let server = Server::start(|url| {
        let (_, query) = url.query_pairs().find(|(key, _)| key == "query").unwrap();
        let values = if query.starts_with("up[") {
            "[[1756677600.123,\"1\"],[1756679400.123,\"0\"],[1756681200.123,\"1\"]]"
        } else {
            "[[1756677600.123,\"0.0812\"]]"
        };
        matrix(&format!("{{\"metric\":{{}},\"values\":{values}}}"))
    });
    import(&place, &server.url, &[&SEPTEMBER[..], &["--latency", "duration"]].concat()).check(
        0,
        &["3 observations from 2025-08-31T22:00:00.123Z to 2025-08-31T23:00:00.123Z: 2 answered, 1 failed"],
    );
    assert_eq!(time_of(&explain(&place, "2025-09"), "down"), "0:30:00.000");
    let connection = rusqlite::Connection::open(place.path("vigie.db")).unwrap();
    let source: String = connection
        .query_row("SELECT source FROM import", [], |row| row.get(0))
        .unwrap();
    assert_eq!(source, format!("{}, up, {{}}", server.url));
}

/// Three days of a blackbox_exporter's samples, one a minute, in a real Prometheus: three hours of
/// failures on the first day, six hours without samples on the second.
#[test]
#[ignore = "needs prometheus: tests/all"]
fn a_real_prometheus_gives_back_what_it_saw() {
    let place = Place::new();
    let start = 1_756_677_600; // 2025-09-01T00:00+02:00
    let minute = |minute: i64| start + 60 * minute;
    let mut samples = [
        "# TYPE probe_success gauge\n".to_owned(),
        "# TYPE probe_duration_seconds gauge\n".to_owned(),
    ];
    for at in 0..3 * 1_440 {
        if (1_440..1_800).contains(&at) {
            continue;
        }
        let success = i64::from(!(600..780).contains(&at));
        for (text, name, value) in [
            (
                0,
                "probe_success{instance=\"https://api\"}",
                success.to_string(),
            ),
            (
                0,
                "probe_success{instance=\"https://other\"}",
                "1".to_owned(),
            ),
            (
                1,
                "probe_duration_seconds{instance=\"https://api\"}",
                "0.0812".to_owned(),
            ),
        ] {
            samples[text].push_str(&format!("{name} {value} {}.123\n", minute(at)));
        }
    }
    let history = place.file("history.om", format!("{}# EOF\n", samples.concat()));
    let tsdb = place.path("tsdb");
    let blocks = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", &history])
        .arg(&tsdb)
        .output()
        .unwrap();
    assert!(blocks.status.success(), "{blocks:?}");
    let prometheus = Prometheus::start(place.path("").as_path(), "");
    let ask = |query: &str, more: &[&str]| {
        let range = ["--from", "2025-09-01", "--until", "2025-09-04"];
        let arguments = [
            "import",
            "prometheus",
            "--url",
            &prometheus.url,
            "--endpoint",
            "socle",
            "--query",
            query,
        ];
        place.say(&[&arguments[..], &range[..], more].concat())
    };
    // It answers nothing before it has read its blocks.
    let mut said = ask("probe_success", &[]);
    for _ in 0..200 {
        if said.err.contains("2 series") {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        said = ask("probe_success", &[]);
    }
    said.check(
        2,
        &[
            "probe_success{instance=\"https://api\"}",
            "probe_success{instance=\"https://other\"}",
        ],
    );
    ask("probe_duration_seconds", &[]).check(2, &["was 0.0812", "must be 0 or 1"]);
    ask("avg(probe_success)", &[]).check(2, &["needs --step"]);
    check_untouched(&place);

    let api = "probe_success{instance=\"https://api\"}";
    let latency = "probe_duration_seconds{instance=\"https://api\"}";
    ask(api, &["--latency", latency]).check(
        0,
        &[
            "3960 observations from 2025-08-31T22:00:00.123Z to 2025-09-03T21:59:00.123Z: 3780 answered, 180 failed, 0 void",
            "longest silence: 4h 45min 50s, from 2025-09-01T23:14:10.123Z",
            "imported: 3960 new",
        ],
    );
    assert_eq!(time_of(&explain(&place, "2025-09"), "down"), "3:00:00.000");

    // An expression that the server works out, at the same minutes.
    let expression = "min by () (probe_success{instance=\"https://api\"})";
    ask(
        expression,
        &["--step", "60s", "--vantage", "import-step", "--dry-run"],
    )
    .check(0, &["answered, 180 failed"]);
}
