//! How many observations a second a store takes, in the groups that a recorder commits.
//!
//! `cargo bench --bench append` measures a file; with `VIGIE_BENCH_URL=postgres://user@host/db`
//! (an empty database without TLS) also that server. `VIGIE_BENCH_ENDPOINTS` and
//! `VIGIE_BENCH_VANTAGES` say how many there are; all are asked once in each round.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be taken says so by ending"
)]

use std::time::{Duration, Instant};

use vigie::config::{ServerConfig, ServerSecurity, StoreConfig};
use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Trace};
use vigie::sla::window::Timestamp;
use vigie::store::Store;

/// As many as a recorder commits together at most.
const GROUP: usize = 5_000;
const INTERVAL_MS: i64 = 10_000;

fn main() {
    // `cargo test` compiles benches and runs them to see that they work.
    let quick = std::env::args().any(|argument| argument == "--test");
    let n_groups = if quick { 2 } else { 100 };
    let n_endpoints = number("VIGIE_BENCH_ENDPOINTS", 1_000);
    let n_vantages = number("VIGIE_BENCH_VANTAGES", 1);
    let directory = tempfile::tempdir().unwrap();
    let file = StoreConfig::File(directory.path().join("vigie.db"));
    measure("file", &file, n_endpoints, n_vantages, n_groups);
    if let Ok(url) = std::env::var("VIGIE_BENCH_URL") {
        let server = StoreConfig::Server(Box::new(ServerConfig {
            name: url.clone(),
            connection: url.parse().unwrap(),
            password: None,
            security: ServerSecurity::Plain,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(600),
            vantage: VantageId::new("bench").unwrap(),
            spool: directory.path().join("spool"),
        }));
        measure("server", &server, n_endpoints, n_vantages, n_groups);
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn measure(
    what: &str,
    place: &StoreConfig,
    n_endpoints: usize,
    n_vantages: usize,
    n_groups: usize,
) {
    let mut store = Store::open(place).unwrap();
    let mut findings = findings(n_endpoints, n_vantages);
    let mut slowest = Duration::ZERO;
    let begin = Instant::now();
    for _ in 0..n_groups {
        let group: Vec<Finding> = findings.by_ref().take(GROUP).collect();
        let before = Instant::now();
        assert_eq!(store.append(&group).unwrap().new, GROUP);
        slowest = slowest.max(before.elapsed());
    }
    let taken = begin.elapsed();
    let n = n_groups * GROUP;
    println!(
        "{what}: {n} observations of {n_endpoints} endpoints from {n_vantages} vantages in {:.2} s: {:.0} a second; the slowest group of {GROUP} took {} ms; {:.1} bytes each on disk",
        taken.as_secs_f64(),
        n as f64 / taken.as_secs_f64(),
        slowest.as_millis(),
        store.size_bytes().unwrap() as f64 / n as f64,
    );
}

/// Round after round, one in a hundred of them a failure.
fn findings(n_endpoints: usize, n_vantages: usize) -> impl Iterator<Item = Finding> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let ids: Vec<(EndpointId, VantageId)> = (0..n_endpoints)
        .flat_map(|e| (0..n_vantages).map(move |v| (e, v)))
        .map(|(e, v)| {
            let endpoint = EndpointId::new(&format!("endpoint-{e}")).unwrap();
            (endpoint, VantageId::new(&format!("vantage-{v}")).unwrap())
        })
        .collect();
    (0_i64..).flat_map(move |round| {
        let tick = start.plus_ms(round * INTERVAL_MS);
        let seen: Vec<Finding> = (0..)
            .zip(&ids)
            .map(|(n, (endpoint, vantage))| Finding {
                endpoint: endpoint.clone(),
                vantage: vantage.clone(),
                observation: Observation {
                    tick,
                    at: tick.plus_ms(n % 900),
                    outcome: match (n + round) % 100 {
                        0 => Outcome::Failed(Fault::Status(503)),
                        _ => Outcome::Answered {
                            latency_us: u32::try_from(20_000 + n % 7_000).unwrap_or(0),
                            partial: false,
                        },
                    },
                },
                trace: Trace::default(),
            })
            .collect();
        seen
    })
}
