//! What a scrape costs, by the number of endpoints: writing the page in both formats, and
//! compressing it as it is sent. `cargo bench --bench scrape`, on Linux.
//!
//! The times are processor time of the thread, so that a busy machine does not spoil them.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::watch;
use vigie::board::Board;
use vigie::config::{Config, MetricsConfig, parse};
use vigie::metrics::{Format, Metrics};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Stage, Trace};
use vigie::sla::window::Timestamp;

/// Ten endpoints to a service.
fn config(n_endpoints: usize) -> Config {
    let mut text =
        String::from("[provider]\nname = \"Bench\"\ncontact = \"bench@bench.example\"\n");
    for n in 0..n_endpoints {
        if n % 10 == 0 {
            text.push_str(&format!(
                "\n[[service]]\nid = \"service-{}\"\nname = \"Service {}\"\n",
                n / 10,
                n / 10
            ));
        }
        text.push_str(&format!(
            "\n[[service.endpoint]]\nid = \"endpoint-{n}\"\nlabel = \"Endpoint {n}\"\n\
             [service.endpoint.http]\nurl = \"https://host-{n}.example/ping\"\n"
        ));
    }
    parse(&text, "bench.toml", Path::new("/")).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Metrics of endpoints that were asked ten times each, one in a hundred of which fails.
fn metrics(n_endpoints: usize) -> (Metrics, watch::Sender<Arc<Board>>) {
    let config = config(n_endpoints);
    let start = Timestamp::from_unix_ms(1_763_452_800_000).expect("an instant");
    let mut board = Board::new(&config.catalog, start);
    let (sender, receiver) = watch::channel(Arc::new(board.clone()));
    let metrics = Metrics::new(MetricsConfig::default(), receiver).expect("names of their own");
    for round in 0..10 {
        let at = start.plus_ms(round * 60_000);
        for (n, (_, endpoint)) in config.catalog.endpoints().enumerate() {
            let mut trace = Trace {
                status: Some(200),
                certificate_not_after: Some(start.plus_ms(86_400_000)),
                ..Trace::default()
            };
            for stage in Stage::ALL {
                *trace.phases.of_mut(stage) = Some(10_000);
            }
            let outcome = if n % 100 == 99 {
                Outcome::Failed(Fault::Status(502))
            } else {
                Outcome::Answered {
                    latency_us: 50_000,
                    partial: false,
                }
            };
            let finding = Finding {
                endpoint: endpoint.id.clone(),
                vantage: config.vantage.clone(),
                observation: Observation {
                    tick: at,
                    at,
                    outcome,
                },
                trace,
            };
            metrics.record(&finding);
            board.apply(&finding);
        }
    }
    board.tick(start.plus_ms(600_000));
    sender.send_replace(Arc::new(board));
    (metrics, sender)
}

fn scrape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scrape");
    group.sample_size(20);
    for n_endpoints in [100, 1_000, 10_000] {
        let (metrics, _sender) = metrics(n_endpoints);
        let page = written(&metrics, Format::OpenMetrics);
        let page = String::from_utf8(page).expect("text");
        let n_series = page.lines().filter(|line| !line.starts_with('#')).count();
        println!(
            "{n_endpoints} endpoints: {n_series} series, {} bytes",
            page.len()
        );
        group.throughput(Throughput::Elements(n_series as u64));
        group.bench_function(format!("text/{n_endpoints}"), |bencher| {
            bencher.iter_custom(|n| processor_time(n, || written(&metrics, Format::Text)));
        });
        group.bench_function(format!("openmetrics/{n_endpoints}"), |bencher| {
            bencher.iter_custom(|n| processor_time(n, || written(&metrics, Format::OpenMetrics)));
        });
        group.bench_function(format!("openmetrics, gzip/{n_endpoints}"), |bencher| {
            bencher.iter_custom(|n| processor_time(n, || zipped(&metrics)));
        });
    }
    group.finish();
}

fn written(metrics: &Metrics, format: Format) -> Vec<u8> {
    let mut page = Vec::new();
    metrics.write(format, &mut page).expect("memory");
    page
}

/// As `/metrics` sends it.
fn zipped(metrics: &Metrics) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    metrics
        .write(Format::OpenMetrics, &mut encoder)
        .expect("memory");
    encoder.finish().expect("memory")
}

/// The processor time of `n` runs.
fn processor_time<T>(n: u64, run: impl Fn() -> T) -> Duration {
    let began = thread_time();
    for _ in 0..n {
        black_box(run());
    }
    thread_time() - began
}

/// The processor time that this thread has had.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let ns = text.split(' ').next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(ns.expect("nanoseconds"))
}

criterion_group!(benches, scrape);
criterion_main!(benches);
