//! What ops scrape: names, labels, series that start at 0, and what promtool says of them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use vigie::board::{Board, Forwarding, StoreNow};
use vigie::config::{MetricsConfig, RESERVED_LABELS};
use vigie::metrics::{Format, Kind, Metrics, SHAPES, StatementFigures};
use vigie::sla::availability::Tally;
use vigie::sla::catalog::{PartnerId, Probe, VantageId};
use vigie::sla::observation::{Fault, Finding, MissCause, Outcome, Phases, Stage, Void};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Timestamp, Window};

use crate::board::{
    answered, catalog, endpoint, finding, minutes, november, service_id, start, target,
};

struct Fixture {
    metrics: Metrics,
    board: Board,
    sender: watch::Sender<Arc<Board>>,
}

impl Fixture {
    fn new(board: Board) -> Self {
        Self::with(MetricsConfig::default(), board)
    }

    fn with(config: MetricsConfig, board: Board) -> Self {
        let (sender, receiver) = watch::channel(Arc::new(board.clone()));
        let metrics = Metrics::new(config, receiver).expect("names of their own");
        Self {
            metrics,
            board,
            sender,
        }
    }

    /// A probe is over.
    fn take(&mut self, finding: &Finding) {
        self.metrics.record(finding);
        self.board.apply(finding);
    }

    fn show(&self) {
        self.sender.send_replace(Arc::new(self.board.clone()));
    }

    fn text(&self) -> String {
        self.page(Format::Text)
    }

    fn page(&self, format: Format) -> String {
        let mut page = Vec::new();
        self.metrics.write(format, &mut page).unwrap();
        String::from_utf8(page).unwrap()
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
        r#"vigie_probe_failures_total{api="particulier",endpoint="socle",stage="connect"}"#,
        r#"vigie_probe_failures_total{api="particulier",endpoint="socle",stage="tls"}"#,
        r#"vigie_probe_voids_total{api="cnam",endpoint="sante"}"#,
        r#"vigie_probe_duration_seconds_count{api="cnam",endpoint="sante"}"#,
        r#"vigie_probe_phase_seconds_count{api="cnam",stage="tls"}"#,
        r#"vigie_api_failures_total{api="particulier",fault="timeout",stage="connect"}"#,
        r#"vigie_api_failures_total{api="cnam",fault="status",stage="processing"}"#,
        r#"vigie_api_voids_total{api="cnam",reason="credential"}"#,
        r#"vigie_api_http_answers_total{api="cnam",code="200"}"#,
        "vigie_schedule_lateness_seconds_count",
        r#"vigie_ticks_missed_total{cause="overrun"}"#,
        "vigie_store_write_errors_total",
        r#"vigie_letters{state="failed"}"#,
        "vigie_letters_late",
        r#"vigie_endpoint_last_success_timestamp_seconds{api="cnam",endpoint="sante"}"#,
        r#"vigie_endpoint_state{api="cnam",endpoint="sante"}"#,
    ] {
        fixture.check(series, "0");
    }
    let text = fixture.text();
    assert!(text.contains("vigie_build_info{"), "{text}");
    assert!(text.contains("process_cpu_seconds_total"), "{text}");
}

/// A board of ten thousand endpoints is two hundred thousand series, and an outage of all of them
/// adds one of each.
#[test]
fn an_endpoint_has_about_twenty_series() {
    let mut plain = catalog();
    let Probe::Http(http) = &mut Arc::make_mut(&mut plain.services[0].endpoints[1]).probe else {
        panic!("an HTTP endpoint");
    };
    Arc::make_mut(http).url.tls = false;
    let mut fixture = Fixture::new(Board::new(&plain, start()));
    let n_series = |fixture: &Fixture, id: &str| {
        let text = fixture.text();
        text.lines()
            .filter(|line| line.contains(&format!("endpoint=\"{id}\"")))
            .count()
    };
    let never_asked = n_series(&fixture, "socle");
    for endpoint in ["socle", "cnaf"] {
        let mut seen = finding(endpoint, start(), answered(100));
        seen.trace.status = Some(200);
        fixture.take(&seen);
        let failed = Outcome::Failed(Fault::Timeout(Stage::Transfer));
        let mut seen = finding(endpoint, minutes(1), failed);
        seen.trace.status = Some(200);
        if endpoint == "socle" {
            seen.trace.certificate_not_after = Some(minutes(100_000));
            seen.trace.chain_not_after = Some(minutes(100_000));
            seen.trace.verified_not_after = Some(minutes(100_000));
        }
        fixture.take(&seen);
    }
    fixture.show();
    assert_eq!(n_series(&fixture, "cnaf"), 22);
    assert_eq!(n_series(&fixture, "socle"), 27);
    assert_eq!(never_asked, 21);
}

#[test]
fn probes_are_counted_by_what_came_of_them() {
    let mut fixture = Fixture::new(Board::new(&catalog(), start()));
    let mut slow = finding("socle", minutes(0), answered(300));
    slow.trace.phases = Phases {
        auth_us: None,
        resolve_us: Some(2_000),
        connect_us: Some(8_000),
        tls_us: Some(40_000),
        write_us: None,
        processing_us: Some(250_000),
        transfer_us: Some(1_000),
    };
    slow.trace.status = Some(200);
    slow.trace.certificate_not_after = Timestamp::from_unix_ms(1_800_000_000_000);
    let mut bad_gateway = finding("socle", minutes(1), Outcome::Failed(Fault::Status(502)));
    bad_gateway.trace.status = Some(502);
    let timeout = Outcome::Failed(Fault::Timeout(Stage::Tls));
    for finding in [
        slow,
        bad_gateway.clone(),
        bad_gateway,
        finding("socle", minutes(3), Outcome::Void(Void::Credential(401))),
        finding("socle", minutes(4), timeout),
    ] {
        fixture.take(&finding);
    }
    fixture.metrics.started(30);
    fixture.board.miss(MissCause::Suspended, 7);
    fixture.board.tick(minutes(4));
    fixture.show();
    let of =
        |name: &str, more: &str| format!(r#"{name}{{api="particulier",endpoint="socle"{more}}}"#);
    let of_service = |name: &str, more: &str| format!(r#"{name}{{api="particulier",{more}}}"#);
    for (series, value) in [
        (of("vigie_probe_runs_total", ""), "5"),
        (of("vigie_probe_failures_total", r#",stage="processing""#), "2"),
        (of("vigie_probe_failures_total", r#",stage="tls""#), "1"),
        (of("vigie_probe_failures_total", r#",stage="resolve""#), "0"),
        (of("vigie_probe_voids_total", ""), "1"),
        (of("vigie_probe_duration_seconds_bucket", r#",le="0.1""#), "3"),
        (of("vigie_probe_duration_seconds_bucket", r#",le="0.3""#), "4"),
        (of("vigie_endpoint_up", ""), "0"),
        (of("vigie_endpoint_state", ""), "1"),
        (of("vigie_endpoint_last_fault", r#",fault="timeout",stage="tls""#), "1"),
        (of("vigie_endpoint_last_success_timestamp_seconds", ""), "1763452800"),
        (
            r#"vigie_endpoint_certificate_not_after_timestamp_seconds{api="particulier",certificate="leaf",endpoint="socle"}"#.to_owned(),
            "1800000000",
        ),
        (of_service("vigie_api_failures_total", r#"fault="status",stage="processing""#), "2"),
        (of_service("vigie_api_failures_total", r#"fault="timeout",stage="tls""#), "1"),
        (of_service("vigie_api_voids_total", r#"reason="credential""#), "1"),
        (of_service("vigie_api_http_answers_total", r#"code="502""#), "2"),
        (of_service("vigie_api_http_answers_total", r#"code="200""#), "1"),
        (r#"vigie_api_state_since_timestamp_seconds{api="particulier"}"#.to_owned(), "1763453040"),
        (of_service("vigie_probe_phase_seconds_sum", r#"stage="processing""#), "0.25"),
        (r#"vigie_schedule_lateness_seconds_bucket{le="0.1"}"#.to_owned(), "1"),
        (r#"vigie_ticks_missed_total{cause="suspended"}"#.to_owned(), "7"),
    ] {
        fixture.check(&series, value);
    }
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

/// A board of which everything that can be scraped is.
fn month_fixture() -> Fixture {
    let mut board = Board::new(&catalog(), start());
    let outage = Window::new(minutes(-100), minutes(-60)).expect("a window");
    let month_start: Timestamp = "2025-10-31T23:00:00Z".parse().expect("an instant");
    let month = november(start(), month_start.plus_ms(10 * HOUR_MS), &[outage]);
    board.set_month(&service_id("particulier"), month.clone());
    board.set_previous_month(&service_id("particulier"), month);
    let mut seen = finding("socle", start(), answered(100));
    seen.trace.certificate_not_after = Some(minutes(100_000));
    seen.trace.chain_not_after = Some(minutes(90_000));
    seen.trace.status = Some(200);
    board.apply(&seen);
    board.apply(&finding("cnaf", start(), Outcome::Failed(Fault::Dns)));
    board.set_store(StoreNow {
        loaded: true,
        size_bytes: 4_096,
        waits_since: Some(start()),
        forwarding: Some(Forwarding {
            taken_at: Some(start()),
        }),
        ..StoreNow::default()
    });
    board.tick(start());
    let fixture = Fixture::new(board);
    fixture.metrics.record(&seen);
    fixture.metrics.statements(vec![
        statement("commune", "2025-09", 940),
        statement("commune", "2025-10", 950),
        statement("departement", "2025-10", 1_000),
    ]);
    let lyon = VantageId::new("lyon").unwrap();
    fixture.metrics.vantages(vec![(lyon, start(), -1_500)]);
    fixture
}

/// A statement about a month of a thousand hours of which `up_h` were up.
fn statement(partner: &str, period: &str, up_h: i64) -> StatementFigures {
    let tally = Tally {
        up_ms: up_h * HOUR_MS,
        down_ms: (1_000 - up_h) * HOUR_MS,
        ..Tally::default()
    };
    StatementFigures {
        service: service_id("particulier"),
        partner: PartnerId::new(partner).expect("an id"),
        period: period.to_owned(),
        verdict: tally.verdict(target()),
        availability: tally.availability(),
        target: target(),
    }
}

#[test]
fn statements_are_told_one_by_one_unless_there_are_too_many_partners() {
    let fixture = month_fixture();
    let check = |name: &str, labels: &str, value: &str| {
        fixture.check(
            &format!("vigie_{name}{{api=\"particulier\",{labels}}}"),
            value,
        );
    };
    check("statements", r#"period="2025-09",verdict="missed""#, "1");
    check("statements", r#"period="2025-10",verdict="met""#, "2");
    check("statements", r#"period="2025-10",verdict="missed""#, "0");
    let september = r#"partner="commune",period="2025-09""#;
    check("statement_verdict", september, "2");
    check("statement_target_ratio", september, "0.95");
    let lower = format!(r#"bound="lower",{september}"#);
    check("statement_availability_ratio", &lower, "0.94");

    let config = MetricsConfig {
        partners_max: 1,
        ..MetricsConfig::default()
    };
    let crowded = Fixture::with(config, month_fixture().board);
    crowded.metrics.statements(vec![
        statement("commune", "2025-10", 950),
        statement("departement", "2025-10", 1_000),
    ]);
    crowded.check(
        r#"vigie_statements{api="particulier",period="2025-10",verdict="met"}"#,
        "2",
    );
    assert!(!crowded.text().contains("partner="));
}

#[test]
fn vantages_that_share_a_store_are_told_with_their_clocks() {
    month_fixture().check(
        r#"vigie_vantage_clock_ahead_seconds{vantage="lyon"}"#,
        "-1.5",
    );
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
            assert!(
                RESERVED_LABELS.contains(label),
                "an operator could give {label} of {} another meaning",
                shape.name
            );
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
    Arc::make_mut(&mut smaller.services[0].endpoints[1]).retired = true;
    smaller.services[1].endpoints.remove(1);
    fixture.board = Board::new(&smaller, start());
    fixture.show();
    let text = fixture.text();
    assert!(!text.contains(r#"endpoint="cnaf""#));
    assert!(!text.contains(r#"endpoint="sante""#));
    assert!(text.contains(r#"endpoint="socle""#));
}

/// Names and labels that try to end a line or a value.
fn hostile_fixture() -> Fixture {
    let mut catalog = catalog();
    catalog.services[0].name = HOSTILE.to_owned();
    let config = MetricsConfig {
        labels: vec![("site".to_owned(), HOSTILE.to_owned())],
        ..MetricsConfig::default()
    };
    Fixture::with(config, Board::new(&catalog, start()))
}

const HOSTILE: &str = "Été à Nîmes: \"C:\\temp\"\n# EOF\n{};\\";

#[test]
fn both_formats_write_the_same_series() {
    let fixture = month_fixture();
    let series = |page: &str| -> Vec<String> {
        // What changes between two looks is of the process itself.
        page.lines()
            .filter(|line| line.starts_with("vigie_"))
            .map(str::to_owned)
            .collect()
    };
    let open = fixture.page(Format::OpenMetrics);
    assert_eq!(series(&fixture.text()), series(&open));
    assert!(open.ends_with("\n# EOF\n"), "{open}");
    for line in [
        "# TYPE vigie_probe_runs counter",
        "# TYPE vigie_build info",
        "# TYPE vigie_probe_duration_seconds histogram",
        "# UNIT vigie_probe_duration_seconds seconds",
        "# UNIT vigie_commitment_target_ratio ratio",
        r#"vigie_probe_duration_seconds_bucket{api="cnam",endpoint="sante",le="1.0"} 0"#,
    ] {
        assert!(open.lines().any(|written| written == line), "{line}");
    }
}

#[test]
fn labels_cannot_end_a_line() {
    let text = hostile_fixture().text();
    let escaped = r#""Été à Nîmes: \"C:\\temp\"\n# EOF\n{};\\""#;
    let name = format!(r#"vigie_api_info{{api="particulier",name={escaped},site={escaped}}} 1"#);
    assert!(text.lines().any(|line| line == name), "{text}");
    let common = format!(r#"vigie_store_size_bytes{{site={escaped}}} 0"#);
    assert!(text.lines().any(|line| line == common), "{text}");
    assert!(!text.lines().any(|line| line == "# EOF"));
}

/// `docs/metrics.md` lists what the program exports, no more and no less. With `UPDATE_DOCS=1` in
/// the environment this writes the list.
#[test]
fn the_metrics_page_of_the_manual_is_complete() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let manual = std::fs::read_to_string(path).expect("docs/metrics.md");
    let (before, rest) = manual.split_once(BEGIN).expect("where the list begins");
    let (_, after) = rest.split_once(END).expect("where the list ends");
    let rows: String = SHAPES
        .iter()
        .map(|shape| {
            let kind = match shape.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
                Kind::Info => "info",
            };
            let labels: Vec<String> = shape.labels.iter().map(|l| format!("`{l}`")).collect();
            let labels = labels.join(", ");
            format!(
                "| `{}` | {kind} | {labels} | {} |\n",
                shape.name, shape.help
            )
        })
        .collect();
    let list = format!("| metric | kind | labels | meaning |\n|---|---|---|---|\n{rows}\n");
    let written = format!("{before}{BEGIN}{list}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &written).expect("docs/metrics.md can be written");
        return;
    }
    assert!(
        written == manual,
        "docs/metrics.md is not what the program exports: run this test with UPDATE_DOCS=1"
    );
}

const BEGIN: &str = "<!-- The list is written by tests/it/metrics.rs. -->\n\n";
const END: &str = "<!-- End of the list. -->";

/// Runs a program on a page; what it said and whether it was content.
fn pipe(command: &mut Command, page: &str) -> (bool, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(page.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
#[ignore = "needs promtool: tests/all"]
fn promtool_finds_nothing_to_say() {
    let (content, said) = pipe(
        Command::new("promtool").args(["check", "metrics"]),
        &month_fixture().text(),
    );
    assert!(content && said.is_empty(), "{said}");
}

/// A parser that is not ours reads both formats, and finds what was meant in a hostile label.
#[test]
#[ignore = "needs prometheus_client: tests/all"]
fn the_python_client_reads_the_pages() {
    const READ: &str = r##"
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text
page = sys.stdin.read()
read = read_open if page.endswith("# EOF\n") else read_text
for family in read(page):
    for sample in family.samples:
        print(sample.name, sorted(sample.labels.items()), sample.value)
"##;
    for fixture in [month_fixture(), hostile_fixture()] {
        for format in [Format::Text, Format::OpenMetrics] {
            let page = fixture.page(format);
            let n_samples = page.lines().filter(|line| !line.starts_with('#')).count();
            let (content, said) = pipe(python().args(["-c", READ]), &page);
            assert!(content, "{format:?}: {said}");
            assert_eq!(said.lines().count(), n_samples, "{format:?}");
        }
    }
    let page = hostile_fixture().page(Format::OpenMetrics);
    let (_, said) = pipe(python().args(["-c", READ]), &page);
    let meant = format!("'{}'", HOSTILE.replace('\\', "\\\\").replace('\n', "\\n"));
    assert!(said.contains(&meant), "{meant} in {said}");
}

/// The Python that `tests/all` furnished with `prometheus_client`.
pub(crate) fn python() -> Command {
    Command::new(std::env::var("VIGIE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned()))
}

/// Not a benchmark, a guard: a scrape of ten thousand endpoints must not have become absurd.
#[test]
fn ten_thousand_endpoints_can_be_scraped() {
    let mut catalog = catalog();
    catalog.services[0].endpoints = (0..10_000)
        .map(|n| Arc::new(endpoint(&format!("endpoint-{n}"), "One of many", true)))
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
