//! What ops scrape: names, labels, series that start at 0, and what promtool says of them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use prometheus::Registry;
use tokio::sync::watch;
use vigie::board::{Board, StoreNow};
use vigie::metrics::{Metrics, SHAPES, text};
use vigie::sla::observation::{Fault, MissCause, Outcome, Phases, Stage, Void};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Timestamp, Window};

use crate::board::{answered, catalog, endpoint, finding, minutes, november, service_id, start};

struct Fixture {
    registry: Registry,
    metrics: Metrics,
    board: Board,
    sender: watch::Sender<Arc<Board>>,
}

impl Fixture {
    fn new(board: Board) -> Self {
        let registry = Registry::new();
        let (sender, receiver) = watch::channel(Arc::new(board.clone()));
        let metrics = Metrics::new(&registry, receiver).expect("a fresh registry");
        Self {
            registry,
            metrics,
            board,
            sender,
        }
    }

    fn show(&self) {
        self.sender.send_replace(Arc::new(self.board.clone()));
    }

    fn text(&self) -> String {
        text(&self.registry).expect("our own metrics")
    }

    /// The value of the series written exactly so.
    fn value(&self, series: &str) -> Option<String> {
        self.text().lines().find_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            (name == series).then(|| value.to_owned())
        })
    }

    fn check(&self, series: &str, expected: &str) {
        assert_eq!(self.value(series).as_deref(), Some(expected), "{series}");
    }
}

#[test]
fn every_known_series_starts_at_zero() {
    let fixture = Fixture::new(Board::new(&catalog(), start()));
    for series in [
        r#"vigie_probe_runs_total{api="particulier",endpoint="socle"}"#,
        r#"vigie_probe_failures_total{api="particulier",endpoint="socle",fault="timeout",stage="connect"}"#,
        r#"vigie_probe_failures_total{api="cnam",endpoint="sante",fault="status",stage="processing"}"#,
        r#"vigie_probe_voids_total{api="cnam",endpoint="sante",reason="credential"}"#,
        r#"vigie_probe_duration_seconds_count{api="cnam",endpoint="sante"}"#,
        r#"vigie_probe_phase_seconds_count{api="cnam",stage="tls"}"#,
        "vigie_schedule_lateness_seconds_count",
        r#"vigie_ticks_missed_total{cause="overrun"}"#,
        "vigie_store_write_errors_total",
        r#"vigie_endpoint_last_success_timestamp_seconds{api="cnam",endpoint="sante"}"#,
    ] {
        fixture.check(series, "0");
    }
    fixture.check(
        r#"vigie_endpoint_state{api="cnam",endpoint="sante",state="unknown"}"#,
        "1",
    );
    let text = fixture.text();
    assert!(text.contains("vigie_build_info{"), "{text}");
    assert!(text.contains("process_cpu_seconds_total"), "{text}");
}

#[test]
fn probes_are_counted_by_what_came_of_them() {
    let mut fixture = Fixture::new(Board::new(&catalog(), start()));
    let mut slow = finding("socle", minutes(0), answered(300));
    slow.trace.phases = Phases {
        resolve_us: Some(2_000),
        connect_us: Some(8_000),
        tls_us: Some(40_000),
        processing_us: Some(250_000),
        transfer_us: Some(1_000),
    };
    slow.trace.certificate_not_after = Timestamp::from_unix_ms(1_800_000_000_000);
    let findings = [
        slow,
        finding("socle", minutes(1), Outcome::Failed(Fault::Status(502))),
        finding("socle", minutes(2), Outcome::Failed(Fault::Status(503))),
        finding(
            "socle",
            minutes(3),
            Outcome::Failed(Fault::Timeout(Stage::Tls)),
        ),
        finding("socle", minutes(4), Outcome::Void(Void::Credential(401))),
    ];
    for finding in &findings {
        fixture.metrics.record(finding);
        fixture.board.apply(finding);
    }
    fixture.metrics.started(30);
    fixture.board.miss(MissCause::Suspended, 7);
    fixture.board.tick(minutes(4));
    fixture.show();
    let of =
        |name: &str, more: &str| format!(r#"{name}{{api="particulier",endpoint="socle"{more}}}"#);
    fixture.check(&of("vigie_probe_runs_total", ""), "5");
    let failures = |fault: &str, stage: &str| {
        of(
            "vigie_probe_failures_total",
            &format!(r#",fault="{fault}",stage="{stage}""#),
        )
    };
    fixture.check(&failures("status", "processing"), "2");
    fixture.check(&failures("timeout", "tls"), "1");
    fixture.check(&failures("dns", "resolve"), "0");
    fixture.check(
        &of("vigie_probe_voids_total", r#",reason="credential""#),
        "1",
    );
    fixture.check(
        &of("vigie_probe_duration_seconds_bucket", r#",le="0.25""#),
        "3",
    );
    fixture.check(
        &of("vigie_probe_duration_seconds_bucket", r#",le="0.5""#),
        "4",
    );
    fixture.check(&of("vigie_endpoint_up", ""), "0");
    fixture.check(&of("vigie_endpoint_state", r#",state="unknown""#), "1");
    fixture.check(
        r#"vigie_api_state_since_timestamp_seconds{api="particulier"}"#,
        "1763453040",
    );
    fixture.check(
        &of("vigie_endpoint_last_success_timestamp_seconds", ""),
        "1763452800",
    );
    fixture.check(
        &of("vigie_endpoint_certificate_not_after_timestamp_seconds", ""),
        "1800000000",
    );
    fixture.check(
        r#"vigie_probe_phase_seconds_sum{api="particulier",stage="processing"}"#,
        "0.25",
    );
    fixture.check(r#"vigie_schedule_lateness_seconds_bucket{le="0.1"}"#, "1");
    fixture.check(r#"vigie_ticks_missed_total{cause="suspended"}"#, "7");
}

#[test]
fn the_month_is_told_with_both_bounds() {
    let fixture = month_fixture();
    let series = |name: &str, labels: &str| {
        format!(r#"vigie_commitment_{name}{{api="particulier",{labels}}}"#)
    };
    fixture.check(
        &series("seconds", r#"class="down",month="current""#),
        "2400",
    );
    fixture.check(
        &series("seconds", r#"class="unknown",month="current""#),
        "36000",
    );
    fixture.check(&series("target_ratio", r#"month="current""#), "0.95");
    fixture.check(&series("budget_seconds", r#"month="current""#), "129600");
    let remaining = "budget_remaining_seconds";
    fixture.check(
        &series(remaining, r#"bound="max",month="current""#),
        "127200",
    );
    fixture.check(
        &series(remaining, r#"bound="min",month="current""#),
        "91200",
    );
    // 17 days and 9 hours are behind us, 12 days and 15 hours ahead.
    fixture.check(&series("ahead_seconds", r#"month="current""#), "1090800");
    let lower = fixture.value(&series(
        "availability_ratio",
        r#"bound="lower",month="current""#,
    ));
    let lower: f64 = lower.expect("a lower bound").parse().expect("a number");
    assert!((lower - (1.0 - 38_400.0 / 1_501_200.0)).abs() < 1e-12);
    fixture.check(&series("outlook", r#"outlook="open""#), "1");
    fixture.check(&series("outlook", r#"outlook="lost""#), "0");
    fixture.check(
        &series("verdict", r#"month="current",verdict="undetermined""#),
        "1",
    );
}

/// Everything that can be scraped is.
fn month_fixture() -> Fixture {
    let mut board = Board::new(&catalog(), start());
    let outage = Window::new(minutes(-100), minutes(-60)).expect("a window");
    let month_start: Timestamp = "2025-10-31T23:00:00Z".parse().expect("an instant");
    let month = november(start(), month_start.plus_ms(10 * HOUR_MS), &[outage]);
    board.set_month(&service_id("particulier"), month.clone());
    board.set_previous_month(&service_id("particulier"), month);
    let mut seen = finding("socle", start(), answered(100));
    seen.trace.certificate_not_after = Some(minutes(100_000));
    seen.trace.status = Some(200);
    board.apply(&seen);
    board.set_store(StoreNow {
        loaded: true,
        size_bytes: 4_096,
        ..StoreNow::default()
    });
    board.tick(start());
    let fixture = Fixture::new(board);
    fixture.metrics.record(&seen);
    fixture
}

#[test]
fn labels_are_ours_and_closed() {
    let fixture = month_fixture();
    let text = fixture.text();
    for shape in SHAPES {
        assert!(
            text.contains(&format!("# TYPE {} ", shape.name)),
            "{} is never written",
            shape.name
        );
        assert!(shape.labels.is_sorted(), "labels of {}", shape.name);
        for label in shape.labels {
            let taken = ["service", "region", "instance", "job", "customer"];
            assert!(!taken.contains(label), "{label} of {}", shape.name);
        }
    }
}

#[test]
fn an_endpoint_that_is_gone_or_retired_is_not_shown() {
    let mut fixture = month_fixture();
    assert!(fixture.text().contains(r#"endpoint="cnaf""#));
    let mut smaller = catalog();
    smaller.services[0].endpoints[1].retired = true;
    smaller.services[1].endpoints.remove(1);
    fixture.board = Board::new(&smaller, start());
    fixture.show();
    let text = fixture.text();
    assert!(!text.contains(r#"endpoint="cnaf""#));
    assert!(!text.contains(r#"endpoint="sante""#));
    assert!(text.contains(r#"endpoint="socle""#));
}

#[test]
#[ignore = "needs promtool: tests/all"]
fn promtool_finds_nothing_to_say() {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    let text = month_fixture().text();
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("promtool reads");
    drop(stdin);
    let output = child.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Not a benchmark, a guard: a scrape of ten thousand endpoints must not have become absurd.
#[test]
fn ten_thousand_endpoints_can_be_scraped() {
    let mut catalog = catalog();
    catalog.services[0].endpoints = (0..10_000)
        .map(|n| endpoint(&format!("endpoint-{n}"), "One of many", true))
        .collect();
    let mut board = Board::new(&catalog, start());
    for n in 0..10_000 {
        let at = start().plus_ms(n % MINUTE_MS);
        board.apply(&finding(&format!("endpoint-{n}"), at, answered(100)));
    }
    let began = Instant::now();
    board.tick(minutes(1));
    let ticked = began.elapsed();
    let fixture = Fixture::new(board);
    let began = Instant::now();
    let text = fixture.text();
    let scraped = began.elapsed();
    let n_series = text.lines().filter(|line| !line.starts_with('#')).count();
    println!(
        "{n_series} series, {} bytes, tick {ticked:?}, scrape {scraped:?}",
        text.len()
    );
    assert!(n_series > 200_000);
    assert!(scraped.as_secs() < 20);
}
