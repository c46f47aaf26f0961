//! What can go wrong with a store, and what to do about it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::block::day::Day;
use super::block::{BlockName, Damage, Place};
use super::db::{self, DbError};
use super::declaration::DeclarationId;
use crate::sla::catalog::{EndpointId, PartnerId, ServiceId, VantageId};
use crate::sla::window::{Month, Timestamp};

/// Why the store did not do what it was asked to; it then did nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is nothing to read yet.
    #[error(
        "open store `{}`: there is no such file: start `vigie run` (or `vigie demo`) once, or correct the path", path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to something else.
    #[error(
        "open store `{store}`: {what}, not a store of vigie: name another one; it was not touched"
    )]
    NotOurs {
        /// The file or the server.
        store: String,
        /// What it seems to be.
        what: &'static str,
    },
    /// A later program wrote it.
    #[error(
        "open store `{store}`: written by a newer vigie (schema {found}, this program knows {known}): upgrade vigie; it was not touched"
    )]
    Newer {
        /// The file or the server.
        store: String,
        /// Its schema version.
        found: i64,
        /// Our schema version.
        known: i64,
    },
    /// An earlier program wrote it, and a reader may not upgrade it.
    #[error(
        "open store `{store}` for reading: written by an older vigie (schema {found}, this program needs {known}): start `vigie run` of this version once, it upgrades the store"
    )]
    Older {
        /// The file or the server.
        store: String,
        /// Its schema version.
        found: i64,
        /// Our schema version.
        known: i64,
    },
    /// Another process records into it.
    #[error("open store `{store}`: another vigie records into it ({how}): {remedy}")]
    InUse {
        /// The file or the server.
        store: String,
        /// How we know.
        how: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The file system refused.
    #[error("{doing} `{}`: {source}: {remedy}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// It cannot be opened.
    #[error("open store `{store}`: {source}{remedy}")]
    Unopened {
        /// The file or the server.
        store: String,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
        /// What to do, after a colon; empty if nothing general can be said.
        remedy: &'static str,
    },
    /// The database refused.
    #[error("{doing} in store `{store}`: {source}{remedy}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The file or the server.
        store: String,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
        /// What to do, after a colon; empty if nothing general can be said.
        remedy: &'static str,
    },
    /// The lease went to another instance meanwhile.
    #[error("{doing}: another instance closes months and sends letters now; nothing was written")]
    NotLeader {
        /// What was being done.
        doing: &'static str,
    },
    /// What can be done with a file only.
    #[error("{doing} store `{store}`: it is on a server: {remedy}")]
    OnServer {
        /// What was being done.
        doing: &'static str,
        /// The server.
        store: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Another instance keeps what is seen here.
    #[error(
        "{doing} the store: there is none here, what is seen is handed in at `{collector}`: run the command where that collector is"
    )]
    Elsewhere {
        /// What was being done.
        doing: &'static str,
        /// Where the collector's intake is.
        collector: String,
    },
    /// What is asked for is past its retention.
    #[error(
        "read evidence from {asked} on: what was seen before {kept_from} was removed at the end of its retention: saved statements stand, and cannot be settled anew"
    )]
    EvidenceRemoved {
        /// From when it was asked for.
        asked: Timestamp,
        /// From when all of it is kept.
        kept_from: Timestamp,
    },
    /// A block is not what was sealed.
    #[error("read {block}: {damage}: see `vigie evidence verify`, and restore the last backup")]
    Block {
        /// Which.
        block: BlockName,
        /// What is wrong.
        damage: Damage,
    },
    /// What a day lists is not what was written.
    #[error(
        "read which blocks of `{endpoint}` from `{vantage}` the day from {day} has: {damage}: see `vigie evidence verify`, and restore the last backup"
    )]
    Day {
        /// Of which endpoint.
        endpoint: EndpointId,
        /// From where.
        vantage: VantageId,
        /// The day's first instant.
        day: Timestamp,
        /// What is wrong.
        damage: Damage,
    },
    /// No declaration has this number.
    #[error("decide declaration {id}: there is none of this number: see `vigie declare list`")]
    UnknownDeclaration {
        /// The number.
        id: DeclarationId,
    },
    /// It was decided so before.
    #[error("decide declaration {id}: `{by}` already decided so; nothing was changed")]
    AlreadyDecided {
        /// The number.
        id: DeclarationId,
        /// Who did.
        by: String,
    },
    /// A closed month says something else now.
    #[error(
        "save the statement of {month} for partner `{partner}`, service `{service}`: revision {revision} is saved and says something else: give the reason of the correction (`vigie close {month} --revise --reason \"…\"`)"
    )]
    NeedsReason {
        /// Whose.
        partner: PartnerId,
        /// About what.
        service: ServiceId,
        /// Which month.
        month: Month,
        /// The latest saved revision.
        revision: u32,
    },
}

impl StoreError {
    /// Whether it is about what was handed in, so that handing it in again changes nothing.
    pub fn is_for_good(&self) -> bool {
        match self {
            Self::Block { .. } | Self::Day { .. } => true,
            Self::Database { source, .. } => source.downcast_ref().is_some_and(is_about_values),
            _ => false,
        }
    }

    pub(super) fn day(
        (endpoint, vantage): (&EndpointId, &VantageId),
        day: Day,
        damage: Damage,
    ) -> Self {
        Self::Day {
            endpoint: endpoint.clone(),
            vantage: vantage.clone(),
            day: day.start(),
            damage,
        }
    }

    pub(super) fn block(place: &Place<'_>, damage: Damage) -> Self {
        Self::Block {
            block: place.name(),
            damage,
        }
    }
}

/// What a piece of work inside a transaction can end in.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(DbError),
    Refused(StoreError),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Sql(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl Failure {
    pub(super) fn explain(self, doing: &'static str, store: &str) -> StoreError {
        match self {
            Self::Sql(error) => database_error(error, doing, store),
            Self::Refused(error) => error,
        }
    }
}

pub(super) fn database_error(error: DbError, doing: &'static str, store: &str) -> StoreError {
    match held(error, store) {
        Ok(in_use) => in_use,
        Err(error) => StoreError::Database {
            doing,
            store: store.to_owned(),
            remedy: remedy(&error),
            source: error.into(),
        },
    }
}

/// The same where the store was being opened.
pub(super) fn cannot_open(error: impl Into<DbError>, store: &str) -> StoreError {
    match held(error.into(), store) {
        Ok(in_use) => in_use,
        Err(error) => StoreError::Unopened {
            store: store.to_owned(),
            remedy: remedy(&error),
            source: error.into(),
        },
    }
}

/// Another process records; or the error as it was.
fn held(error: DbError, store: &str) -> Result<StoreError, DbError> {
    match error {
        DbError::Held(how) => Ok(StoreError::InUse {
            store: store.to_owned(),
            how,
            remedy: "stop that one first, or give this one an id of its own (`vantage.id`)",
        }),
        other => Err(other),
    }
}

/// What to do, after a colon; empty if nothing general can be said.
fn remedy(error: &DbError) -> &'static str {
    match error {
        DbError::Sqlite(error) => sqlite_remedy(error),
        DbError::Postgres(error) => db::remedy(error),
        DbError::Unreachable(_) => {
            ": see that the server runs and can be reached from here (`store.url`)"
        }
        DbError::NoHost(_) => {
            ": see that one of them runs, takes writes and can be reached from here (`store.url`)"
        }
        DbError::Held(_) | DbError::Migration(_) => "",
        DbError::Damaged(_) => {
            ": something else than vigie changed the store: see `vigie journal verify`, and restore the last backup"
        }
    }
}

/// Whether the database refused the values themselves.
fn is_about_values(error: &DbError) -> bool {
    match error {
        DbError::Sqlite(error) => {
            use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
            matches!(
                error.sqlite_error_code(),
                Some(ConstraintViolation | TooBig | TypeMismatch)
            )
        }
        // Data exceptions, and violated constraints.
        DbError::Postgres(error) => error
            .code()
            .is_some_and(|state| ["22", "23"].iter().any(|it| state.code().starts_with(it))),
        DbError::Unreachable(_)
        | DbError::NoHost(_)
        | DbError::Held(_)
        | DbError::Migration(_)
        | DbError::Damaged(_) => false,
    }
}

fn sqlite_remedy(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ": free space on its disk; what was saved before is intact",
        Some(ErrorCode::ReadOnly) => {
            ": it was opened for reading only, or this user may not write the file and its directory"
        }
        Some(ErrorCode::DatabaseBusy) => {
            ": another program holds it (a backup or an open `sqlite3` shell?); try again"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ": the file is damaged: stop vigie, keep the file, and restore the last backup"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            ": this user must be able to write the file and its directory"
        }
        _ => "",
    }
}
