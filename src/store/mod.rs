//! What is kept: facts, declarations, statements, letters and the journal, in one SQLite file or
//! in a PostgreSQL database.
//!
//! A [`Store`] is one connection and blocks: call it from a thread that may wait. One process
//! records into a file, or under a vantage's id into a database ([`Store::open`]); others read at
//! the same time ([`Store::open_reader`]), and one-shot commands write their records beside the
//! recorder ([`Store::open_beside`]).
//!
//! What a call returned from is kept: it survives `kill -9` at any moment, and a power cut as far
//! as the disk keeps its promise to have written (every commit waits for it). What was not yet
//! committed is gone as a whole. Nothing is ever half there. When the connection to a server
//! breaks, the call that is under way fails, and may or may not have been carried out; the next
//! one connects again. Whatever is handed in again counts once.
//!
//! Facts and statements are only appended. Every action of a person or of the month-end writes
//! its journal entry in the same transaction as its record.
//!
//! No SQL type shows in the interface, and callers depend on no property of either database. What
//! differs between them is in [`db`], in `open` and `server`, and nowhere else.

mod aside;
mod backup;
pub mod block;
mod cause;
mod days;
mod db;
mod declaration;
mod definition;
mod error;
mod explanation;
mod facts;
mod fresh;
mod import;
mod journal;
mod migrations;
mod observations;
mod open;
mod outbox;
mod outcome;
mod parcel;
mod retain;
mod seal;
mod sealed;
mod series;
mod server;
mod spool;
mod statement;
mod traces;
mod usage;
mod vantage;
mod verify;

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use crate::config::{ForwardConfig, StoreConfig};
use crate::sla::window::Timestamp;
use aws_lc_rs::digest;

pub use aside::{Aside, Refused};
pub use declaration::{Decision, Declaration, DeclarationFilter, DeclarationId, NewDeclaration};
pub use definition::{Definitions, Differing};
pub use error::StoreError;
pub use explanation::explanation_json;
pub use facts::{Appended, Missed, Taken};
pub use import::Import;
pub use journal::{Action, ActionKind, JournalCheck, JournalEntry, JournalFault};
pub use observations::{Asked, Seen};
pub use outbox::{
    Attempt, LetterContent, LetterFilter, LetterId, LetterState, OutboxCounts, Release, SavedLetter,
};
pub use parcel::Parcel;
pub use retain::{Limits, Removed};
pub use seal::Sealed;
pub use spool::{Kept, Longest, Sender, Spool};
pub use statement::{NewBasis, NewStatement, Saved, SavedBasis, SavedStatement, StatementNumber};
pub use traces::IN_FULL;
pub use usage::UsageEntry;
pub use vantage::{Caller, Heard, Instance, Presence, VantageNow};
pub use verify::{BlockFault, EvidenceCheck};

use db::{Database, Isolation, Row, damaged};
use error::Failure;
use series::KnownSeries;

/// A SHA-256.
pub type Sha256 = [u8; 32];

/// One connection to the store.
#[derive(Debug)]
pub struct Store {
    database: Database,
    /// How it is called in messages.
    name: String,
    /// The file, if it is one.
    path: Option<PathBuf>,
    /// The series met so far, as the table has them. Forgotten when a transaction fails.
    series: KnownSeries,
    /// The number of the leader that we write as; absent: as nobody special.
    fence: Option<i64>,
    /// See [`with_failures_in_full`](Self::with_failures_in_full).
    in_full: usize,
    /// Held as long as we record.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store at `place` as its recorder; creates or upgrades it where needed.
    ///
    /// # Errors
    /// One that is not ours or of a newer version (it is left as it is), another recorder, or
    /// what the file system, the network or the database say.
    pub fn open(place: impl Into<StoreConfig>) -> Result<Self, StoreError> {
        match place.into() {
            StoreConfig::File(path) => open::open(&path),
            StoreConfig::Server(server) => server::open(&server),
            StoreConfig::Collector(collector) => Err(elsewhere("open", &collector)),
        }
    }

    /// Opens the store at `place` for a command that writes while a recorder may be running;
    /// creates or upgrades it if no recorder is.
    ///
    /// # Errors
    /// As [`open`](Self::open); another recorder only if a file needs an upgrade.
    pub fn open_beside(place: impl Into<StoreConfig>) -> Result<Self, StoreError> {
        match place.into() {
            StoreConfig::File(path) => open::open_beside(&path),
            StoreConfig::Server(server) => server::open_beside(&server),
            StoreConfig::Collector(collector) => Err(elsewhere("open", &collector)),
        }
    }

    /// Opens the store at `place` for reading only; any number may, at any time.
    ///
    /// # Errors
    /// No such store, one that is not ours, or one of another version.
    pub fn open_reader(place: impl Into<StoreConfig>) -> Result<Self, StoreError> {
        match place.into() {
            StoreConfig::File(path) => open::open_reader(&path),
            StoreConfig::Server(server) => server::open_reader(&server),
            StoreConfig::Collector(collector) => Err(elsewhere("open for reading", &collector)),
        }
    }

    /// The id of the process of this machine that records into the store at `place`; nothing if none
    /// does. One that records elsewhere is known by its spool.
    ///
    /// # Errors
    /// What the file system says.
    pub fn recorder(place: &StoreConfig) -> Result<Option<u32>, StoreError> {
        match place {
            StoreConfig::File(path) => open::recorder(path),
            StoreConfig::Server(server) => spool::user(&server.spool),
            StoreConfig::Collector(collector) => spool::user(&collector.spool),
        }
    }

    /// The bytes on disk, with what waits in the log.
    ///
    /// # Errors
    /// What the file system or the database say.
    pub fn size_bytes(&self) -> Result<u64, StoreError> {
        let Some(path) = &self.path else {
            return self.read("measure the database", |snapshot| {
                let sql = "SELECT pg_database_size(current_database())";
                Ok(snapshot.one(sql, &[], |row| row.get(0))?)
            });
        };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let mut size_bytes = 0;
        for path in [path, &PathBuf::from(log)] {
            match fs::metadata(path) {
                Ok(metadata) => size_bytes += metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(StoreError::File {
                        doing: "measure",
                        path: path.clone(),
                        source,
                        remedy: "let this user read it",
                    });
                }
            }
        }
        Ok(size_bytes)
    }

    fn new(database: Database, name: String, path: Option<PathBuf>, lock: Option<File>) -> Self {
        Self {
            database,
            name,
            path,
            series: KnownSeries::default(),
            fence: None,
            in_full: IN_FULL,
            _lock: lock,
        }
    }

    fn bring_up_to_date(&mut self) -> Result<(), StoreError> {
        migrations::run(&mut self.database)
            .map_err(|failure| failure.explain("bring the schema up to date", &self.name))
    }

    /// Runs `work` as one transaction, all of it or nothing, while nobody else writes.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let fence = self.fence;
        self.transaction(doing, Isolation::Exclusive, |transaction| {
            if let Some(fence) = fence
                && !vantage::still_leads(transaction, fence)?
            {
                return Err(StoreError::NotLeader { doing }.into());
            }
            work(transaction)
        })
    }

    /// Runs `work` as one transaction, all of it or nothing, while others may append as well.
    fn append_to<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.transaction(doing, Isolation::Append, work)
    }

    /// Runs `work` on one unchanging picture of the store.
    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.transaction(doing, Isolation::Picture, work)
    }

    fn transaction<T>(
        &self,
        doing: &'static str,
        isolation: Isolation,
        work: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.database
            .transaction(isolation, work)
            .map_err(|failure| failure.explain(doing, &self.name))
    }
}

fn elsewhere(doing: &'static str, collector: &ForwardConfig) -> StoreError {
    StoreError::Elsewhere {
        doing,
        collector: collector.url.to_string(),
    }
}

fn sha256(bytes: &[u8]) -> Sha256 {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    sha256
}

fn hex(sha256: &Sha256) -> String {
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The instant in a column.
fn instant(row: &Row<'_>, column: usize) -> db::Result<Timestamp> {
    let unix_ms: i64 = row.get(column)?;
    Timestamp::from_unix_ms(unix_ms)
        .ok_or_else(|| damaged(format!("{unix_ms} ms is not an instant that we know")))
}

/// The instant in a column that may be empty.
fn optional_instant(row: &Row<'_>, column: usize) -> db::Result<Option<Timestamp>> {
    match row.get::<Option<i64>>(column)? {
        Some(_) => instant(row, column).map(Some),
        None => Ok(None),
    }
}

/// The id in a column, as its type reads it.
fn id<T>(row: &Row<'_>, column: usize, read: fn(&str) -> Option<T>) -> db::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| damaged(format!("`{text}` is not an id")))
}
