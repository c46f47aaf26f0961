//! The store: what is kept is what was handed in, whoever asks, and whatever happens meanwhile.

/// Tells each story on a file, and on a server.
macro_rules! on_both_databases {
    ($($story:ident),* $(,)?) => {
        mod on_a_file {
            $(#[test] fn $story() { super::$story(crate::store::Site::File) })*
        }
        mod on_a_server {
            $(
                #[test]
                #[ignore = "needs PostgreSQL: tests/all"]
                fn $story() { super::$story(crate::store::Site::Server) }
            )*
        }
    };
}

mod backup;
mod block;
mod failover;
mod files;
mod full;
mod kill;
mod outbox;
mod partitioned;
mod retain;
mod seal;
mod secured;
mod spool;
mod story;
mod tampering;
mod traces;
mod vantages;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vigie::config::StoreConfig;
use vigie::sla::catalog::{EndpointId, PartnerId, ServiceId, VantageId};
use vigie::sla::observation::{Finding, Observation, Outcome, Trace};
use vigie::sla::window::{Month, Timestamp, Window};
use vigie::store::{NewStatement, Store};

use crate::postgres;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

fn october() -> Month {
    Month::new(2025, 10, chrono_tz::Europe::Paris).unwrap()
}

fn endpoint(id: &str) -> EndpointId {
    EndpointId::new(id).unwrap()
}

fn vantage(id: &str) -> VantageId {
    VantageId::new(id).unwrap()
}

fn service(id: &str) -> ServiceId {
    ServiceId::new(id).unwrap()
}

fn partner(id: &str) -> PartnerId {
    PartnerId::new(id).unwrap()
}

/// Which database a story is told on.
#[derive(Clone, Copy)]
enum Site {
    File,
    Server,
}

/// Where an empty store is; a file's directory goes away with it.
struct Home {
    place: StoreConfig,
    _directory: Option<TempDir>,
    database: Option<(&'static postgres::Server, String)>,
}

impl Home {
    /// Changes the store as somebody who knows nothing of our rules.
    fn change(&self, sql: &str) {
        match (&self.place, &self.database) {
            (StoreConfig::File(path), _) => raw(path).execute_batch(sql).unwrap(),
            (StoreConfig::Server(_), Some((server, database))) => {
                let sql = sql
                    .replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
                    .replace("zeroblob(3)", "decode('000000', 'hex')")
                    .replace(" AS BLOB)", " AS BYTEA)");
                server.sql(database, &sql);
            }
            (StoreConfig::Server(_), None) => unreachable!("a server has a database"),
            (StoreConfig::Collector(_), _) => unreachable!("a collector is no store"),
        }
    }

    /// The bytes that `select` finds.
    fn bytes(&self, select: &str) -> Vec<u8> {
        match (&self.place, &self.database) {
            (StoreConfig::File(path), _) => {
                raw(path).query_row(select, [], |row| row.get(0)).unwrap()
            }
            (_, Some((server, database))) => {
                let hex = server.sql(database, &format!("SELECT encode(({select}), 'hex')"));
                let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                (0..hex.len()).step_by(2).map(byte).collect()
            }
            (_, None) => unreachable!("a server has a database"),
        }
    }

    /// As they are written in SQL.
    fn literal(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.database {
            None => format!("x'{hex}'"),
            Some(_) => format!("decode('{hex}', 'hex')"),
        }
    }
}

/// An empty store, and where it is.
fn new_store(site: Site) -> (Home, StoreConfig, Store) {
    let home = match site {
        Site::File => {
            let directory = tempfile::tempdir().unwrap();
            Home {
                place: StoreConfig::File(directory.path().join("vigie.sqlite")),
                _directory: Some(directory),
                database: None,
            }
        }
        Site::Server => {
            let (server, database) = postgres::shared();
            Home {
                place: server.store(&database, "main"),
                _directory: None,
                database: Some((server, database)),
            }
        }
    };
    let place = home.place.clone();
    let store = Store::open(&place).unwrap();
    (home, place, store)
}

/// An empty store in a file, in a directory that goes away.
fn new_file() -> (TempDir, PathBuf, Store) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vigie.sqlite");
    let store = Store::open(&path).unwrap();
    (directory, path, store)
}

/// Asked at `tick`, spoken for from `late_ms` later.
fn finding(
    endpoint_id: &str,
    vantage_id: &str,
    tick: Timestamp,
    late_ms: i64,
    outcome: Outcome,
) -> Finding {
    Finding {
        endpoint: endpoint(endpoint_id),
        vantage: vantage(vantage_id),
        observation: Observation {
            tick,
            at: tick.plus_ms(late_ms),
            outcome,
        },
        trace: Trace::default(),
    }
}

fn answered(latency_ms: u32) -> Outcome {
    Outcome::Answered {
        latency_us: latency_ms * 1_000,
        partial: false,
    }
}

/// A statement of October 2025.
fn statement(partner_id: &str, json: &str, reason: Option<&str>) -> NewStatement {
    NewStatement {
        partner: partner(partner_id),
        service: service("api"),
        month: october(),
        json: json.into(),
        evidence_sha256: [7; 32],
        commitment: "2025-01-01".to_owned(),
        engine: "vigie 0.1.0, tzdata 2025b".to_owned(),
        reason: reason.map(str::to_owned),
        basis: None,
        evidence_end: october().window().end(),
        letters_to: Vec::new(),
    }
}

/// A connection that knows nothing of our rules.
fn raw(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}
