//! What is kept: facts, declarations, statements, letters and the journal, in one SQLite file.
//!
//! A [`Store`] is one connection and blocks: call it from a thread that may wait. One process
//! records into a file ([`Store::open`]); others read it at the same time
//! ([`Store::open_reader`]), and one-shot commands write their records beside the recorder
//! ([`Store::open_beside`]).
//!
//! What a call returned from is kept: it survives `kill -9` at any moment, and a power cut as far
//! as the disk keeps its promise to have written (every commit waits for it). What was not yet
//! committed is gone as a whole. Nothing is ever half there.
//!
//! Facts and statements are only appended. Every action of a person or of the month-end writes
//! its journal entry in the same transaction as its record.
//!
//! No SQL type shows in the interface, and callers depend on no property of SQLite, so that
//! another database can stand behind the same methods.

pub mod block;
mod declaration;
mod error;
mod facts;
mod import;
mod journal;
mod open;
mod outbox;
mod outcome;
mod statement;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::window::Timestamp;

pub use declaration::{Decision, Declaration, DeclarationFilter, DeclarationId, NewDeclaration};
pub use error::StoreError;
pub use facts::{Appended, Missed};
pub use import::Import;
pub use journal::{Action, ActionKind, JournalCheck, JournalEntry, JournalFault};
pub use outbox::{
    Attempt, LetterContent, LetterFilter, LetterId, LetterState, OutboxCounts, Release, SavedLetter,
};
pub use statement::{NewStatement, Saved, SavedStatement};

use error::{Failure, damaged, database_error};
use facts::Series;

/// A SHA-256.
pub type Sha256 = [u8; 32];

/// One connection to the store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// The series met so far, as the table has them. Forgotten when a transaction fails.
    series: HashMap<(EndpointId, VantageId), Series>,
    /// About how many observations wait in `fresh` to be filed.
    n_fresh: usize,
    /// Held as long as we record.
    _lock: Option<File>,
}

impl Store {
    /// Opens the store at `path` as its recorder; creates or upgrades it where needed.
    ///
    /// # Errors
    /// A file that is not ours or of a newer version (it is left as it is), another recorder, or
    /// what the file system or the database say.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        open::open(path)
    }

    /// Opens the store at `path` for a command that writes while a recorder may be running;
    /// creates or upgrades it if no recorder is.
    ///
    /// # Errors
    /// As [`open`](Self::open); another recorder only if the file needs an upgrade.
    pub fn open_beside(path: &Path) -> Result<Self, StoreError> {
        open::open_beside(path)
    }

    /// Opens the store at `path` for reading only; any number may, at any time.
    ///
    /// # Errors
    /// No such file, one that is not ours, or one of another version.
    pub fn open_reader(path: &Path) -> Result<Self, StoreError> {
        open::open_reader(path)
    }

    /// The id of the process that records into the store at `path`; nothing if none does.
    ///
    /// # Errors
    /// What the file system says.
    pub fn recorder(path: &Path) -> Result<Option<u32>, StoreError> {
        open::recorder(path)
    }

    /// The bytes on disk, with what waits in the log.
    ///
    /// # Errors
    /// What the file system says.
    pub fn size_bytes(&self) -> Result<u64, StoreError> {
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        let mut size_bytes = 0;
        for path in [&self.path, &PathBuf::from(log)] {
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

    fn new(connection: Connection, path: PathBuf, lock: Option<File>) -> Result<Self, StoreError> {
        let n_fresh = connection
            .query_row("SELECT count(*) FROM fresh", [], |row| row.get(0))
            .map_err(|error| database_error(error, "open", &path))?;
        Ok(Self {
            connection,
            path,
            series: HashMap::new(),
            n_fresh,
            _lock: lock,
        })
    }

    /// Runs `work` as one transaction: all of it or nothing.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        // Immediate: a writer that begins by reading could otherwise be refused half-way.
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Failure::from)
            .and_then(|transaction| {
                let done = work(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
            .map_err(|failure| failure.explain(doing, &self.path))
    }

    /// Runs `work` on one unchanging picture of the store.
    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.connection
            .unchecked_transaction()
            .map_err(Failure::from)
            .and_then(|transaction| work(&transaction))
            .map_err(|failure| failure.explain(doing, &self.path))
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
fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let unix_ms: i64 = row.get(column)?;
    Timestamp::from_unix_ms(unix_ms).ok_or_else(|| {
        damaged(
            column,
            format!("{unix_ms} ms is not an instant that we know"),
        )
    })
}

/// The instant in a column that may be empty.
fn optional_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => instant(row, column).map(Some),
        None => Ok(None),
    }
}

/// The id in a column, as its type reads it.
fn id<T>(row: &Row<'_>, column: usize, read: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| damaged(column, format!("`{text}` is not an id")))
}
