//! Opening a file: whose it is, which version, who records, and how durable it is.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::db::{Database, DbError};
use super::error::{cannot_open, database_error};
use super::{Store, StoreError, migrations};

/// Marks the file as ours, in the field that SQLite keeps for this: `Vigi`.
const APPLICATION_ID: i32 = 0x5669_6769;

/// How long a writer waits for another one's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Seen from outside, without changing anything.
enum Found {
    Nothing,
    Ours { schema: i64 },
}

pub(super) fn open(path: &Path) -> Result<Store, StoreError> {
    let path = real_path(path)?;
    let found = look_at(&path)?;
    let lock = lock(&path)?;
    let connection = match found {
        Found::Nothing => create(&path),
        Found::Ours { .. } => connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE),
    }
    .map_err(|error| cannot_open(error, &path.display().to_string()))?;
    let mut store = store(connection, path, Some(lock));
    store.bring_up_to_date()?;
    Ok(store)
}

pub(super) fn open_beside(path: &Path) -> Result<Store, StoreError> {
    let path = real_path(path)?;
    let up_to_date = match look_at(&path)? {
        Found::Nothing => false,
        Found::Ours { schema } => schema == migrations::last(),
    };
    if !up_to_date {
        // Creating and upgrading need the lock; it is given back at once.
        drop(open(&path)?);
    }
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| cannot_open(error, &path.display().to_string()))?;
    Ok(store(connection, path, None))
}

pub(super) fn open_reader(path: &Path) -> Result<Store, StoreError> {
    let path = real_path(path)?;
    let known = migrations::last();
    match look_at(&path)? {
        Found::Nothing => return Err(StoreError::Missing { path }),
        Found::Ours { schema } if schema < known => {
            return Err(StoreError::Older {
                store: path.display().to_string(),
                found: schema,
                known,
            });
        }
        Found::Ours { .. } => {}
    }
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| cannot_open(error, &path.display().to_string()))?;
    Ok(store(connection, path, None))
}

fn store(connection: Connection, path: PathBuf, lock: Option<File>) -> Store {
    let name = path.display().to_string();
    Store::new(Database::Sqlite(connection), name, Some(path), lock)
}

fn refused(error: impl Into<DbError>, doing: &'static str, path: &Path) -> StoreError {
    database_error(error.into(), doing, &path.display().to_string())
}

/// One name per file, so that two names of it share a lock.
pub(super) fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(source) => Err(StoreError::File {
            doing: "open store",
            path: path.to_owned(),
            source,
            remedy: "correct the path, or let this user reach it",
        }),
    }
}

/// Refuses a file that is not ours or too new, from its first bytes and then by reading only.
fn look_at(path: &Path) -> Result<Found, StoreError> {
    let mut header = Vec::new();
    match File::open(path).and_then(|file| file.take(100).read_to_end(&mut header)) {
        Ok(0) => return Ok(Found::Nothing),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => {
            return Err(StoreError::File {
                doing: "open store",
                path: path.to_owned(),
                source,
                remedy: "give the path of a file that this user can read",
            });
        }
    }
    let not_ours = |what| StoreError::NotOurs {
        store: path.display().to_string(),
        what,
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(not_ours("this is not a database"));
    }
    if header.get(68..72) != Some(&APPLICATION_ID.to_be_bytes()) {
        return Err(not_ours("this is a database of another program"));
    }
    let schema =
        schema_of(path).map_err(|error| refused(error, "read the schema version", path))?;
    let known = migrations::last();
    if schema > known {
        return Err(StoreError::Newer {
            store: path.display().to_string(),
            found: schema,
            known,
        });
    }
    Ok(Found::Ours { schema })
}

/// The version of the last migration that ran; 0 if creation was interrupted before the first.
fn schema_of(path: &Path) -> rusqlite::Result<i64> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if !connection.table_exists(None, "refinery_schema_history")? {
        return Ok(0);
    }
    connection.query_row(
        "SELECT coalesce(max(version), 0) FROM refinery_schema_history",
        [],
        |row| row.get(0),
    )
}

/// The process that records into the store at `path`, if there is one.
pub(super) fn recorder(path: &Path) -> Result<Option<u32>, StoreError> {
    let lock_path = lock_path(&real_path(path)?);
    let refused = |source| StoreError::File {
        doing: "look into the lock file",
        path: lock_path.clone(),
        source,
        remedy: "let this user read and write it",
    };
    let mut file = match File::options().read(true).write(true).open(&lock_path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(refused)?;
            Ok(text.trim().parse().ok())
        }
        Err(TryLockError::Error(source)) => Err(refused(source)),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    PathBuf::from(lock_path)
}

/// Opens a file for its user, who writes, and its group, which reads; creates it if need be.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(0o640);
    options
}

pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = lock_path(path);
    let refused = |source| StoreError::File {
        doing: "create lock file",
        path: lock_path.clone(),
        source,
        remedy: "create its directory and let this user write there",
    };
    // The file stays behind: what counts is the lock on it, which ends with the process.
    let mut file = private().open(&lock_path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {
            // Who holds it, for those who want to send a signal: true as long as it is held.
            file.set_len(0).map_err(refused)?;
            writeln!(file, "{}", std::process::id()).map_err(refused)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            store: path.display().to_string(),
            how: format!("it holds `{}`", lock_path.display()),
            remedy: "stop that one first, or give this one another path",
        }),
        Err(TryLockError::Error(source)) => Err(refused(source)),
    }
}

fn create(path: &Path) -> rusqlite::Result<Connection> {
    // Addresses of partners stand in it: it is not for every account of the machine, and the log
    // beside it takes its permissions from it. A refusal is told better by what follows.
    let _ = private().open(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags(path, flags)?;
    // Before anything else and before WAL mode: whenever we are interrupted, the file itself,
    // not a log beside it, says whose it is.
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    drop(connection);
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        // Every commit waits for the disk. Commits are groups, about one per second, so this
        // costs little, and a letter never speaks of a statement that a power cut took away.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // A long reader lets the log grow; afterwards it shrinks to this many bytes again.
        connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    }
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}
