//! What a report costs against a browser that prints one: `cargo bench --bench report`.
//!
//! Both are taken in one run, as processor time (user and system) of this process and of the
//! children that it waited for. The browser is started cold for each sheet, as it would be by a
//! program that closes a month; it prints the very page that the report holds.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use chrono_tz::Europe::Paris;
use vigie::config::{Config, parse};
use vigie::report::{
    DayLatency, Document, Edition, EndpointFigures, Latency, Look, MonthResult, Report, Workshop,
    render, report_number,
};
use vigie::sla::availability::Tally;
use vigie::sla::catalog::{EndpointId, Language, VantageId};
use vigie::sla::statement::{EndpointEvidence, Evidence, Seen, Statement, VantageEvidence, settle};
use vigie::sla::timeline::{Segment, State};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, Window};

const CONFIG: &str = r#"
[provider]
name = "Direction de démonstration"
contact = "supervision@operateur.example"

[[service]]
id = "particulier"
name = "API Particulier"

[[service.endpoint]]
id = "socle"
label = "Socle API Particulier"
contractual = true
interval = "60s"
timeout = "5s"
http = { url = "https://api-particulier.example/ping" }

[[service.commitment]]
quote = "La DINSIC s'engage à ce que le Service soit accessible à 95%"
reference = "Convention d'adhésion, article 3"
target = "95 %"
from = 2016-01-01
period = "text"

[[partner]]
id = "valfictif"
name = "Commune de Valfictif"

[[partner.membership]]
service = "particulier"
from = 2024-03-04
"#;

const N_OUTAGES: i64 = 9;
const N_REPORTS: usize = 50;
const N_SHEETS: usize = 5;

fn main() {
    let config = parse(CONFIG, "bench.toml", Path::new("/")).expect("the configuration is right");
    let month = Month::parse("2025-10", Paris).expect("a month");
    let statement = statement(&config, month);
    let figures = Figures::new(&config, month, &statement);
    let one = |workshop: &mut Workshop| figures.report(&config, month, &statement, workshop);

    let mut workshop = Workshop::default();
    let before = own_ms();
    let documents = black_box(one(&mut workshop));
    let first_ms = own_ms() - before;

    let before = own_ms();
    for _ in 0..N_REPORTS {
        black_box(one(&mut workshop));
    }
    let next_ms = (own_ms() - before) / N_REPORTS as f64;

    println!(
        "report: {} documents, {} kB",
        documents.len(),
        weight_kb(&documents)
    );
    println!("first report of a service: {first_ms:.0} ms of processor time");
    println!("each further partner:      {next_ms:.1} ms of processor time");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = documents
        .iter()
        .find(|document| document.name == "rapport.html")
        .expect("a report has a page");
    let file = folder.path().join("rapport.html");
    std::fs::write(&file, &page.bytes).expect("a page is written");
    let before = children_ms();
    for _ in 0..N_SHEETS {
        let status = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .arg(format!(
                "--print-to-pdf={}",
                folder.path().join("page.pdf").display()
            ))
            .arg(format!("file://{}", file.display()))
            .output()
            .expect("chromium is installed")
            .status;
        assert!(status.success(), "chromium printed the page");
    }
    let browser_ms = (children_ms() - before) / N_SHEETS as f64;
    println!("chromium, cold, page to PDF: {browser_ms:.0} ms of processor time");
    println!("ratio, each further partner: {:.0}", browser_ms / next_ms);
    println!("ratio, first of a service:   {:.1}", browser_ms / first_ms);
}

fn weight_kb(documents: &[Document]) -> usize {
    documents
        .iter()
        .map(|document| document.bytes.len())
        .sum::<usize>()
        / 1_000
}

/// An eventful month: outages of different length.
fn statement(config: &Config, month: Month) -> Statement {
    let service = &config.catalog.services[0];
    let window = month.window();
    let slot_ms = window.length_ms() / (N_OUTAGES + 1);
    let mut segments = Vec::new();
    let mut from = window.start();
    for outage in 1..=N_OUTAGES {
        let start = window.start().plus_ms(slot_ms * outage);
        let end = start.plus_ms(outage * 53 * MINUTE_MS);
        segments.push(segment(from, start, State::Up));
        segments.push(segment(start, end, State::Down));
        from = end;
    }
    segments.push(segment(from, window.end(), State::Up));
    let evidence = Evidence {
        window,
        now: None,
        membership: config.catalog.partners[0].memberships[0].windows.clone(),
        exclusions: Vec::new(),
        endpoints: vec![EndpointEvidence {
            id: EndpointId::new("socle").expect("an id"),
            validity_ms: 155_000,
            latency_objective_ms: None,
            vantages: vec![VantageEvidence {
                id: VantageId::new("paris-1").expect("an id"),
                present: None,
                seen: Seen::Segments(segments),
            }],
        }],
    };
    settle(&evidence, &service.commitments[0].terms)
}

fn segment(
    start: vigie::sla::window::Timestamp,
    end: vigie::sla::window::Timestamp,
    state: State,
) -> Segment {
    Segment {
        window: Window::new(start, end).expect("start is before end"),
        state,
    }
}

/// What a report needs beside the configuration and the statement.
struct Figures {
    history: Vec<MonthResult>,
    endpoints: Vec<EndpointFigures>,
    latencies: Vec<DayLatency>,
    look: Look,
    vantages: Vec<VantageId>,
    edition: Edition,
}

impl Figures {
    fn new(config: &Config, month: Month, statement: &Statement) -> Self {
        let service = &config.catalog.services[0];
        let history = (-12..0)
            .map(|back| {
                let month = month.plus_months(back);
                let down_ms = (24 + back * 2) as i64 * HOUR_MS;
                let tally = Tally {
                    up_ms: month.window().length_ms() - down_ms,
                    down_ms,
                    ..Tally::default()
                };
                MonthResult {
                    month,
                    target: statement.target,
                    tally,
                    verdict: tally.verdict(statement.target),
                }
            })
            .chain([MonthResult {
                month,
                target: statement.target,
                tally: statement.tally,
                verdict: statement.verdict,
            }])
            .collect();
        let latency = |median_ms| Latency {
            median_ms,
            p95_ms: median_ms * 3,
            p99_ms: median_ms * 7,
        };
        Self {
            history,
            endpoints: service
                .endpoints
                .iter()
                .map(|endpoint| EndpointFigures {
                    label: endpoint.label.clone(),
                    data_provider: endpoint.data_provider.clone(),
                    contractual: endpoint.contractual,
                    retired: endpoint.retired,
                    tally: statement.tally,
                    n_incidents: 9,
                    latency: Some(latency(48)),
                })
                .collect(),
            latencies: (40..)
                .zip(month.window().local_days(Paris))
                .map(|(median_ms, (date, _))| DayLatency {
                    date,
                    latency: latency(median_ms),
                })
                .collect(),
            vantages: vec![VantageId::new("paris-1").expect("an id")],
            look: Look::default(),
            edition: Edition {
                number: report_number(month, service, 1),
                established: month.window().end().plus_ms(6 * HOUR_MS),
                replaces: None,
                evidence_sha256: "0".repeat(64),
                engine: "vigie, bench".to_owned(),
            },
        }
    }

    fn report(
        &self,
        config: &Config,
        month: Month,
        statement: &Statement,
        workshop: &mut Workshop,
    ) -> Vec<Document> {
        let service = &config.catalog.services[0];
        let report = Report {
            language: Language::French,
            provider: &config.catalog.provider,
            partner: &config.catalog.partners[0],
            service,
            commitment: &service.commitments[0],
            month,
            statement,
            exclusions: &[],
            history: &self.history,
            endpoints: &self.endpoints,
            latencies: &self.latencies,
            causes: &[],
            vantages: &self.vantages,
            measured_since: None,
            usage: None,
            look: &self.look,
            edition: &self.edition,
        };
        render(&report, workshop)
    }
}

/// Processor time of this process so far.
fn own_ms() -> f64 {
    times()[0]
}

/// Processor time of the children that ended so far.
fn children_ms() -> f64 {
    times()[1]
}

/// From `/proc/self/stat`: in hundredths of a second, which a loop averages out.
fn times() -> [f64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<f64> = fields
        .split_whitespace()
        .map(|field| field.parse().unwrap_or_default())
        .collect();
    // user, system, and both of the children, after the state and the fields that follow it.
    [
        (fields[11] + fields[12]) * 10.0,
        (fields[13] + fields[14]) * 10.0,
    ]
}
