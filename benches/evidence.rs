//! What years of evidence cost: bytes on disk, bytes written, and the time to settle a month.
//!
//! ```text
//! cargo bench --bench evidence -- write    FOLDER ENDPOINTS INTERVAL_S DAYS [START_S]
//! cargo bench --bench evidence -- settle   FOLDER ENDPOINTS INTERVAL_S DAYS
//! cargo bench --bench evidence -- rows     FOLDER ENDPOINTS INTERVAL_S DAYS
//! cargo bench --bench evidence -- metrics  FOLDER ENDPOINTS INTERVAL_S DAYS
//! cargo bench --bench evidence -- live     FOLDER ENDPOINTS INTERVAL_S MINUTES
//! ```
//!
//! `write` fills a store and seals it, from April 2026 or from the start given (Unix time);
//! `settle` settles the month in it, in a process of its own, for one partner and for a hundred;
//! `rows` writes the same observations to a table with a row for each; `metrics` writes them for
//! `promtool tsdb create-blocks-from openmetrics`; `live` commits once a second of monitored time,
//! as the daemon does, and tells what that writes.
//!
//! The scene: probes start a few milliseconds late, latencies are log-normal about a median of the
//! endpoint's own, one probe in two thousand fails alone, and once in ten days an endpoint is down
//! for ten minutes. Figures are processor time, which the machine's neighbours do not change.

mod cost;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use vigie::app::record::month_records;
use vigie::config::{Config, StoreConfig};
use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Stage, Trace};
use vigie::sla::statement::judge;
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, SECOND_MS, Timestamp};
use vigie::store::Store;

use cost::{cpu_s, proc};

/// The program's own, since the bench stands for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [mode, folder, numbers @ ..] = args.as_slice() else {
        println!("say what to measure: the head of benches/evidence.rs tells");
        return;
    };
    let numbers: Vec<i64> = numbers
        .iter()
        .map(|text| text.parse().expect("a number"))
        .collect();
    let [n_endpoints, interval_s, length, ref start_s @ ..] = numbers[..] else {
        panic!("three numbers: endpoints, interval in seconds, days (or minutes)");
    };
    // 2026-04-01 in Paris.
    let start_s = start_s.first().copied().unwrap_or(1_774_994_400);
    let scene = Scene {
        folder: folder.into(),
        n_endpoints,
        interval_ms: interval_s * SECOND_MS,
        start: Timestamp::from_unix_ms(start_s * SECOND_MS).expect("an instant"),
    };
    fs::create_dir_all(&scene.folder).expect("a folder");
    let before = cpu_s();
    match mode.as_str() {
        "write" => scene.write(length),
        "settle" => scene.settle(),
        "rows" => scene.rows(length),
        "metrics" => scene.metrics(length),
        "live" => scene.live(length),
        other => panic!("`{other}` is nothing that is measured here"),
    }
    println!("processor time {:.2} s in all", cpu_s() - before);
    println!("memory {} KiB at most", proc("/proc/self/status", "VmHWM:"));
}

struct Scene {
    folder: PathBuf,
    n_endpoints: i64,
    interval_ms: i64,
    start: Timestamp,
}

impl Scene {
    fn store(&self) -> PathBuf {
        self.folder.join("vigie.db")
    }

    fn config(&self) -> Config {
        let mut text = format!(
            "[provider]\nname = \"Bench\"\ncontact = \"a@b.example\"\n\
             [vantage]\nid = \"paris\"\n[store]\npath = \"{}\"\n\
             [[service]]\nid = \"api\"\nname = \"API\"\n",
            self.store().display()
        );
        for endpoint in 0..self.n_endpoints {
            let _ = write!(
                text,
                "[[service.endpoint]]\nid = \"e{endpoint}\"\nlabel = \"E{endpoint}\"\n\
                 contractual = true\ninterval = \"{}ms\"\ntimeout = \"5s\"\n\
                 [service.endpoint.http]\nurl = \"http://e{endpoint}.example/\"\n",
                self.interval_ms
            );
        }
        text.push_str(
            "[[service.commitment]]\nquote = \"95 % of the month\"\nreference = \"Bench\"\n\
             target = \"95 %\"\nfrom = 2026-01-01\nperiod = \"text\"\n",
        );
        let path = self.folder.join("vigie.toml");
        fs::write(&path, text).expect("the configuration");
        vigie::config::load(&path).unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// What is seen at the ticks from `from` to `end`, which lie on the grid, in order of time.
    fn findings(&self, from: Timestamp, end: Timestamp) -> Vec<Finding> {
        let first = from.since(self.start) / self.interval_ms;
        let mut findings = Vec::new();
        for tick in first.. {
            let base = self.start.plus_ms(tick * self.interval_ms);
            if base >= end {
                return findings;
            }
            for endpoint in 0..self.n_endpoints {
                findings.push(self.finding(endpoint, tick));
            }
        }
        findings
    }

    fn finding(&self, endpoint: i64, tick: i64) -> Finding {
        let mut chance = Chance(
            (endpoint as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                ^ (tick as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03),
        );
        // Endpoints lie at places of their own in the grid.
        let offset_ms = (endpoint * 7_919) % self.interval_ms;
        let planned = self.start.plus_ms(tick * self.interval_ms + offset_ms);
        let late_ms = 1 + (-2.0 * chance.unit().ln()) as i64;
        let minute = (tick * self.interval_ms) / MINUTE_MS + endpoint * 977;
        let outcome = if minute % 14_400 < 10 {
            Outcome::Failed(Fault::Status(503))
        } else if chance.unit() < 0.000_5 {
            Outcome::Failed(Fault::Timeout(Stage::Processing))
        } else {
            let median_ms = 25.0 + (endpoint % 20) as f64 * 6.0;
            let tail = if chance.unit() < 0.01 { 4.0 } else { 1.0 };
            let latency_ms = median_ms * (0.4 * chance.normal()).exp() * tail;
            Outcome::Answered {
                latency_us: (latency_ms * 10.0) as u32 * 100,
                partial: false,
            }
        };
        Finding {
            endpoint: EndpointId::new(&format!("e{endpoint}")).expect("an id"),
            vantage: VantageId::new("paris").expect("an id"),
            observation: Observation {
                tick: planned,
                at: planned.plus_ms(late_ms),
                outcome,
            },
            trace: Trace::default(),
        }
    }

    fn write(&self, days: i64) {
        let mut store = Store::open(StoreConfig::File(self.store())).expect("a store");
        let (mut n_all, mut sealing_s) = (0_usize, 0.0);
        for hour in 0..days * 24 {
            let from = self.start.plus_ms(hour * HOUR_MS);
            let findings = self.findings(from, from.plus_ms(HOUR_MS));
            n_all += findings.len();
            for batch in findings.chunks(20_000) {
                store.append(batch).expect("appended");
            }
            let before = cpu_s();
            store.seal_all(from.plus_ms(HOUR_MS)).expect("sealed");
            sealing_s += cpu_s() - before;
        }
        let before = cpu_s();
        let end = self.start.plus_ms((days * 24 + 1) * HOUR_MS);
        store.seal_all(end).expect("sealed");
        sealing_s += cpu_s() - before;
        let backup = self.folder.join("backup.db");
        let _ = fs::remove_file(&backup);
        store.backup(&backup).expect("a backup");
        drop(store);
        let per = |bytes: u64| bytes as f64 / n_all as f64;
        println!(
            "{n_all} observations; file {:.2} bytes each, without free pages {:.2}; \
             sealing {:.0} ns each",
            per(size(&self.store())),
            per(size(&backup)),
            sealing_s * 1e9 / n_all as f64,
        );
    }

    fn settle(&self) {
        let config = self.config();
        let store = Store::open_reader(&config.store).expect("a store");
        let service = &config.catalog.services[0];
        let month = Month::containing(self.start, service.zone());
        let before = cpu_s();
        let records =
            month_records(&store, &[(service, month)], month.window().end()).expect("what it was");
        let seen = records[0].as_ref().expect("a commitment");
        let judge = || {
            judge(
                &seen.record,
                &month.window().into(),
                &[],
                &seen.commitment.terms,
            )
        };
        let statement = judge();
        let for_one_s = cpu_s() - before;
        for _ in 1..100 {
            std::hint::black_box(judge());
        }
        println!(
            "settled {month} in {for_one_s:.3} s of processor time, for a hundred partners in \
             {:.3} s: up {} ms, {} incidents",
            cpu_s() - before,
            statement.tally.up_ms,
            statement.incidents.len()
        );
    }

    fn rows(&self, days: i64) {
        let path = self.folder.join("rows.db");
        let _ = fs::remove_file(&path);
        let mut connection = rusqlite::Connection::open(&path).expect("a database");
        connection
            .execute_batch(
                "CREATE TABLE probe (endpoint INTEGER, at INTEGER, up INTEGER, latency_us INTEGER,
                     status INTEGER);
                 CREATE INDEX probe_by_endpoint ON probe (endpoint, at);",
            )
            .expect("a table");
        let mut n_all = 0_usize;
        for hour in 0..days * 24 {
            let from = self.start.plus_ms(hour * HOUR_MS);
            let transaction = connection.transaction().expect("a transaction");
            for finding in self.findings(from, from.plus_ms(HOUR_MS)) {
                let endpoint: i64 = finding.endpoint.as_str()[1..].parse().expect("a number");
                let (up, latency_us) = match finding.observation.outcome {
                    Outcome::Answered { latency_us, .. } => (1, Some(latency_us)),
                    Outcome::Failed(_) | Outcome::Void(_) => (0, None),
                };
                transaction
                    .prepare_cached("INSERT INTO probe VALUES (?1, ?2, ?3, ?4, ?5)")
                    .and_then(|mut insert| {
                        insert.execute(rusqlite::params![
                            endpoint,
                            finding.observation.at.unix_ms(),
                            up,
                            latency_us,
                            if up == 1 { 200 } else { 503 },
                        ])
                    })
                    .expect("a row");
                n_all += 1;
            }
            transaction.commit().expect("a commit");
        }
        connection.execute_batch("VACUUM").expect("no free pages");
        drop(connection);
        println!(
            "{n_all} observations; a row and an index entry each: {:.2} bytes",
            size(&path) as f64 / n_all as f64
        );
    }

    /// Success and duration, as blackbox_exporter names them.
    fn metrics(&self, days: i64) {
        let path = self.folder.join("metrics.txt");
        let mut out = std::io::BufWriter::new(fs::File::create(&path).expect("a file"));
        let mut line = |text: String| out.write_all(text.as_bytes()).expect("written");
        let n_ticks = days * 24 * HOUR_MS / self.interval_ms;
        for (name, of) in [
            ("probe_success", success as fn(&Finding) -> f64),
            ("probe_duration_seconds", duration_s),
        ] {
            line(format!("# TYPE {name} gauge\n"));
            for endpoint in 0..self.n_endpoints {
                for tick in 0..n_ticks {
                    let finding = self.finding(endpoint, tick);
                    line(format!(
                        "{name}{{instance=\"e{endpoint}\"}} {} {}\n",
                        of(&finding),
                        // Prometheus scrapes on a grid of its own.
                        finding.observation.tick.unix_ms() as f64 / 1e3
                    ));
                }
            }
        }
        line("# EOF\n".to_owned());
        println!(
            "{} observations in {}",
            n_ticks * self.n_endpoints,
            path.display()
        );
    }

    fn live(&self, minutes: i64) {
        let mut store = Store::open(StoreConfig::File(self.store())).expect("a store");
        let mut findings = self.findings(self.start, self.start.plus_ms(minutes * MINUTE_MS));
        findings.sort_by_key(|finding| finding.observation.at);
        let written = || proc("/proc/self/io", "write_bytes:");
        let before = written();
        let mut sealed = self.start;
        for second in findings.chunk_by(|left, right| {
            left.observation.at.unix_ms() / 1_000 == right.observation.at.unix_ms() / 1_000
        }) {
            store.append(second).expect("appended");
            let now = second[0].observation.at;
            if now.since(sealed) >= MINUTE_MS {
                store.seal(now).expect("sealed");
                sealed = now;
            }
        }
        store
            .seal_all(self.start.plus_ms(minutes * MINUTE_MS + HOUR_MS))
            .expect("sealed");
        drop(store);
        let n_bytes = written() - before;
        println!(
            "{} observations, one commit a second: {:.0} bytes written for each",
            findings.len(),
            n_bytes as f64 / findings.len() as f64
        );
    }
}

fn success(finding: &Finding) -> f64 {
    match finding.observation.outcome {
        Outcome::Answered { .. } => 1.0,
        Outcome::Failed(_) | Outcome::Void(_) => 0.0,
    }
}

fn duration_s(finding: &Finding) -> f64 {
    match finding.observation.outcome {
        Outcome::Answered { latency_us, .. } => f64::from(latency_us) / 1e6,
        Outcome::Failed(_) | Outcome::Void(_) => 5.0,
    }
}

/// Splitmix: the same scene every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Above 0, at most 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// The file with what waits in its log.
fn size(path: &Path) -> u64 {
    let of = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    of(path) + of(Path::new(&log))
}
