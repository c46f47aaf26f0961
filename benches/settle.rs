//! How long a settlement takes: `cargo bench --bench settle`.
//!
//! Three vantages ask one endpoint every ten seconds. One observation in a few hundred fails
//! alone, and now and then there is an outage that all of them see.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::commitment::{Confirmation, Maintenance, MaintenanceTerms, Ppm, Terms};
use vigie::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use vigie::sla::observation::{Fault, Observation, Outcome, Stage};
use vigie::sla::statement::{
    EndpointEvidence, Evidence, Seen, VantageEvidence, judge, observe, settle,
};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp, Window, Windows};

const INTERVAL_MS: i64 = 10 * SECOND_MS;
const N_VANTAGES: usize = 3;
/// Thirty days of ten-second ticks, three times.
const MONTH: usize = 30 * 8_640 * N_VANTAGES;

criterion_group!(benches, month, partners, growth);
criterion_main!(benches);

fn month(criterion: &mut Criterion) {
    let terms = terms();
    let mut group = criterion.benchmark_group("month");
    group.throughput(Throughput::Elements(MONTH as u64));
    for (name, evidence) in [
        ("777,600 observations", evidence(MONTH, usual)),
        ("every other half minute failed", evidence(MONTH, flapping)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| settle(black_box(&evidence), &terms));
        });
    }
    group.finish();
}

/// What the service was is worked out once; what counts, ten thousand times.
fn partners(criterion: &mut Criterion) {
    let terms = terms();
    let evidence = evidence(MONTH, usual);
    let window = evidence.window;
    let memberships: Vec<Windows> = (0..10_000)
        .map(|partner| {
            let joined = window.start().plus_ms(partner % 700 * HOUR_MS);
            Window::new(joined, window.end())
                .expect("700 h are less than a month")
                .into()
        })
        .collect();
    criterion.bench_function("10,000 partners of one service", |bencher| {
        bencher.iter(|| {
            let record = observe(window, None, black_box(&evidence.endpoints), &terms);
            for membership in &memberships {
                black_box(judge(&record, membership, &evidence.exclusions, &terms));
            }
        });
    });
}

fn growth(criterion: &mut Criterion) {
    let terms = terms();
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10);
    for n_observations in [10_000, 100_000, 1_000_000, 10_000_000] {
        let evidence = evidence(n_observations, usual);
        group.throughput(Throughput::Elements(n_observations as u64));
        let id = BenchmarkId::from_parameter(n_observations);
        group.bench_with_input(id, &evidence, |bencher, evidence| {
            bencher.iter(|| settle(black_box(evidence), &terms));
        });
    }
    group.finish();
}

fn terms() -> Terms {
    let mut terms = Terms::silent(Ppm::new(950_000).expect("95 %"));
    terms.confirmation = Confirmation {
        failures: 3.try_into().expect("not zero"),
        within_ms: MINUTE_MS,
    };
    terms.maintenance = Maintenance::Excluded(MaintenanceTerms {
        notice_ms: 48 * HOUR_MS,
        cap_ms: Some(20 * HOUR_MS),
        hours: None,
    });
    terms
}

/// Evidence of so many observations, over as long as they take.
fn evidence(n_observations: usize, outcome: fn(usize, usize) -> Outcome) -> Evidence {
    let start = Timestamp::from_unix_ms(1_774_994_400_000).expect("2026-04-01 in Paris");
    let n_ticks = n_observations / N_VANTAGES;
    let tick_at =
        |tick: usize| start.plus_ms(i64::try_from(tick).expect("a small number") * INTERVAL_MS);
    let window = Window::new(start, tick_at(n_ticks)).expect("at least one tick");
    let vantages = (0..N_VANTAGES)
        .map(|vantage| VantageEvidence {
            id: VantageId::new(&format!("v{vantage}")).expect("an id"),
            present: None,
            seen: Seen::Observations(
                (0..n_ticks)
                    .map(|tick| Observation {
                        tick: tick_at(tick),
                        at: tick_at(tick).plus_ms((tick * 37 + vantage * 11) as i64 % 200),
                        outcome: outcome(tick, vantage),
                    })
                    .collect(),
            ),
        })
        .collect();
    // Four hours of planned work a week, asked for three days before.
    let exclusions = window
        .pieces(168 * HOUR_MS)
        .map(|week| Exclusion {
            kind: ExclusionKind::Maintenance,
            window: Window::new(week.start(), week.start().plus_ms(4 * HOUR_MS))
                .expect("four hours"),
            declared: Some(week.start().plus_ms(-72 * HOUR_MS)),
            acceptance: Acceptance::Accepted,
            reason: "planned work".to_owned(),
        })
        .collect();
    Evidence {
        window,
        now: None,
        membership: window.into(),
        exclusions,
        endpoints: vec![EndpointEvidence {
            id: EndpointId::new("e").expect("an id"),
            validity_ms: 30 * SECOND_MS,
            latency_objective_ms: Some(2_000),
            vantages,
        }],
    }
}

fn answered(tick: usize, vantage: usize) -> Outcome {
    Outcome::Answered {
        latency_us: (60 + (tick * 31 + vantage * 7) as u32 % 90) * 1_000,
        partial: false,
    }
}

/// Ten minutes down twice a day, and now and then one lost answer.
fn usual(tick: usize, vantage: usize) -> Outcome {
    if tick % 4_320 < 60 {
        Outcome::Failed(Fault::Status(503))
    } else if (tick * 7 + vantage * 101).is_multiple_of(487) {
        Outcome::Failed(Fault::Timeout(Stage::Processing))
    } else {
        answered(tick, vantage)
    }
}

/// The worst case for the number of segments.
fn flapping(tick: usize, vantage: usize) -> Outcome {
    if (tick / 3).is_multiple_of(2) {
        Outcome::Failed(Fault::Connect)
    } else {
        answered(tick, vantage)
    }
}
