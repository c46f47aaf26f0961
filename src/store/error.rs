//! What can go wrong with a store, and what to do about it.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use super::declaration::DeclarationId;
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::window::Month;

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
        "open store `{}`: {what}, not a store of vigie: give another path; the file was not touched", path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        what: &'static str,
    },
    /// A later program wrote it.
    #[error(
        "open store `{}`: written by a newer vigie (schema {found}, this program knows {known}): upgrade vigie; the file was not touched", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Our schema version.
        known: i64,
    },
    /// An earlier program wrote it, and a reader may not upgrade it.
    #[error(
        "open store `{}` for reading: written by an older vigie (schema {found}, this program needs {known}): start `vigie run` of this version once, it upgrades the file", path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Our schema version.
        known: i64,
    },
    /// Another process records into it.
    #[error(
        "open store `{}`: another vigie records into it (it holds `{}`): stop that one first, or give this one another path", path.display(), lock.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// The lock file.
        lock: PathBuf,
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
    /// The database refused.
    #[error("{doing} in store `{}`: {source}{remedy}", path.display())]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
        /// What to do, after a colon; empty if nothing general can be said.
        remedy: &'static str,
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

/// What a piece of work inside a transaction can end in.
pub(super) enum Failure {
    Sql(rusqlite::Error),
    Refused(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl Failure {
    pub(super) fn explain(self, doing: &'static str, path: &Path) -> StoreError {
        match self {
            Self::Sql(error) => database_error(error, doing, path),
            Self::Refused(error) => error,
        }
    }
}

pub(super) fn database_error(
    error: rusqlite::Error,
    doing: &'static str,
    path: &Path,
) -> StoreError {
    use rusqlite::ErrorCode;
    let remedy = match error.sqlite_error_code() {
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
    };
    let (source, remedy) = match error {
        // The reader's words alone: what SQL type the column has helps nobody.
        rusqlite::Error::FromSqlConversionFailure(_, _, damage) => (
            damage,
            ": something else than vigie changed the file: see `vigie journal verify`, and restore the last backup",
        ),
        error => (error.into(), remedy),
    };
    StoreError::Database {
        doing,
        path: path.to_owned(),
        source,
        remedy,
    }
}

/// A value that the store should not hold.
pub(super) fn damaged(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Null, what.into())
}
