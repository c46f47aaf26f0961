//! Many endpoints and many vantages, in small: what a store takes, and what keeping it costs.
//!
//! ```text
//! cargo bench --bench scale -- ENDPOINTS VANTAGES INTERVAL_S MINUTES [URL]
//! ```
//!
//! Each endpoint is asked every `INTERVAL_S` seconds from each vantage, for so many minutes of
//! monitored time that begin with an hour; what falls due in one second is committed together by
//! each vantage, as its recorder would. Then the hour is over, and is sealed. With an address
//! (`postgres://user@host/db`, an empty database without TLS) the store is on that server, and
//! every vantage is a thread with a connection of its own; otherwise it is a file, into which one
//! writes for all of them, as a collector does.
//!
//! Nothing waits for the clock: what is told is how fast it can go, and how much of it the rhythm
//! needs.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be taken says so by ending"
)]

mod cost;

use std::time::{Duration, Instant};

use vigie::config::{ServerConfig, ServerSecurity, StoreConfig};
use vigie::schedule::ticks;
use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Trace};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp, Window};
use vigie::store::{Sealed, Store};

use cost::{cpu_s, proc};

/// As many as a recorder commits together at most.
const GROUP_MAX: usize = 5_000;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let (numbers, url) = match args.split_at_checked(4) {
        Some((numbers, url)) => (numbers, url.first()),
        None => {
            println!("say how many there are: the head of benches/scale.rs tells");
            return;
        }
    };
    let numbers: Vec<i64> = numbers.iter().map(|text| text.parse().unwrap()).collect();
    let scene = Scene {
        n_endpoints: numbers[0],
        n_vantages: numbers[1],
        interval_ms: numbers[2] * SECOND_MS,
        start: "2026-01-01T00:00:00Z".parse().unwrap(),
        length_ms: numbers[3] * MINUTE_MS,
    };
    let directory = tempfile::tempdir().unwrap();
    let place = |vantage: i64| match url {
        None => StoreConfig::File(directory.path().join("vigie.db")),
        Some(url) => StoreConfig::Server(Box::new(ServerConfig {
            name: url.clone(),
            connection: url.parse().unwrap(),
            password: None,
            security: ServerSecurity::Plain,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(600),
            vantage: vantage_id(vantage),
            spool: directory.path().join("spool"),
        })),
    };
    scene.append(&place, url.is_some());
    scene.seal(&place(0));
    println!("memory {} KiB at most", proc("/proc/self/status", "VmHWM:"));
}

struct Scene {
    n_endpoints: i64,
    n_vantages: i64,
    interval_ms: i64,
    start: Timestamp,
    length_ms: i64,
}

fn vantage_id(number: i64) -> VantageId {
    VantageId::new(&format!("vantage-{number}")).unwrap()
}

impl Scene {
    /// Writes what is seen, and tells how long that takes.
    fn append(&self, place: &(impl Fn(i64) -> StoreConfig + Sync), is_server: bool) {
        let begin = Instant::now();
        let vantages: Vec<Vec<i64>> = match is_server {
            true => (0..self.n_vantages).map(|vantage| vec![vantage]).collect(),
            false => vec![(0..self.n_vantages).collect()],
        };
        let written: Vec<Written> = std::thread::scope(|scope| {
            let writers: Vec<_> = vantages
                .iter()
                .map(|vantages| scope.spawn(|| self.write(&place(vantages[0]), vantages)))
                .collect();
            writers.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let taken_s = begin.elapsed().as_secs_f64();
        let n: usize = written.iter().map(|one| one.n).sum();
        let cpu_s: f64 = written.iter().map(|one| one.cpu_s).sum();
        let slowest = written.iter().map(|one| one.slowest).max().unwrap();
        let store = Store::open_reader(place(0)).unwrap();
        let wanted = n as f64 * 1e3 / self.length_ms as f64;
        println!(
            "{n} observations of {} endpoints from {} vantages: {:.0} a second where {wanted:.0} are needed; {:.1} us of our processor time each; the slowest second took {} ms; {:.1} bytes each before sealing",
            self.n_endpoints,
            self.n_vantages,
            n as f64 / taken_s,
            cpu_s * 1e6 / n as f64,
            slowest.as_millis(),
            store.size_bytes().unwrap() as f64 / n as f64,
        );
    }

    /// Second by second, all that is due from these vantages.
    fn write(&self, place: &StoreConfig, vantages: &[i64]) -> Written {
        let mut store = Store::open(place).unwrap();
        let all = Window::new(self.start, self.start.plus_ms(self.length_ms)).unwrap();
        let n_seconds = usize::try_from(self.length_ms / SECOND_MS).unwrap();
        let mut seconds: Vec<Vec<(i64, Timestamp)>> = vec![Vec::new(); n_seconds];
        for endpoint in 0..self.n_endpoints {
            let id = EndpointId::new(&format!("endpoint-{endpoint}")).unwrap();
            for tick in ticks(&id, self.interval_ms, all) {
                let second = usize::try_from(tick.since(self.start) / SECOND_MS).unwrap();
                seconds[second].push((endpoint, tick));
            }
        }
        let mut written = Written::default();
        let begin_s = cpu_s();
        for due in seconds {
            let findings: Vec<Finding> = vantages
                .iter()
                .flat_map(|vantage| {
                    due.iter()
                        .map(|(endpoint, tick)| seen(*endpoint, *vantage, *tick))
                })
                .collect();
            let before = Instant::now();
            for group in findings.chunks(GROUP_MAX) {
                written.n += store.append(group).unwrap().new;
            }
            written.slowest = written.slowest.max(before.elapsed());
        }
        written.cpu_s = cpu_s() - begin_s;
        written
    }

    /// Seals the hours, as one instance does for all.
    fn seal(&self, place: &StoreConfig) {
        let mut store = Store::open(place).unwrap();
        let (begin, begin_s) = (Instant::now(), cpu_s());
        let over = self.start.plus_ms(self.length_ms + 2 * HOUR_MS);
        let (mut sealed, mut slowest) = (Sealed::default(), Duration::ZERO);
        loop {
            let before = Instant::now();
            let some = store.seal(over).unwrap();
            slowest = slowest.max(before.elapsed());
            sealed.n_blocks += some.n_blocks;
            sealed.n_observations += some.n_observations;
            if some.n_blocks == 0 {
                break;
            }
        }
        let (taken_s, cpu_s) = (begin.elapsed().as_secs_f64(), cpu_s() - begin_s);
        println!(
            "sealed {} blocks of {:.0} observations in {taken_s:.2} s: {:.0} us each, {:.0} us of our processor time; the slowest transaction took {} ms",
            sealed.n_blocks,
            sealed.n_observations as f64 / sealed.n_blocks as f64,
            taken_s * 1e6 / sealed.n_blocks as f64,
            cpu_s * 1e6 / sealed.n_blocks as f64,
            slowest.as_millis(),
        );
    }
}

#[derive(Default)]
struct Written {
    n: usize,
    cpu_s: f64,
    slowest: Duration,
}

/// One in a hundred is a failure; latencies differ by endpoint, vantage and moment.
fn seen(endpoint: i64, vantage: i64, tick: Timestamp) -> Finding {
    let mixed = (endpoint * 31 + vantage * 17 + tick.unix_ms() / SECOND_MS) % 7_919;
    Finding {
        endpoint: EndpointId::new(&format!("endpoint-{endpoint}")).unwrap(),
        vantage: vantage_id(vantage),
        observation: Observation {
            tick,
            at: tick.plus_ms(mixed % 9),
            outcome: match mixed % 100 {
                0 => Outcome::Failed(Fault::Status(503)),
                _ => Outcome::Answered {
                    latency_us: u32::try_from(20_000 + mixed * 5).unwrap(),
                    partial: false,
                },
            },
        },
        trace: Trace::default(),
    }
}
