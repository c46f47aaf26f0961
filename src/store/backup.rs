//! A copy of the store at one instant, and the way back from it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::db::{Database, DbError};
use super::error::database_error;
use super::open::{lock, real_path};
use super::{Store, StoreError};
use crate::config::StoreConfig;

/// What the store keeps beside its file while it is open.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

impl Store {
    /// Copies the store as it is at this instant into a new file at `path`, while others read and
    /// write; tells how many bytes it takes. It is whole on the disk before it gets its name, and
    /// has no free pages.
    ///
    /// # Errors
    /// A file that is there already, a store on a server, or what the file system or the database
    /// say; then nothing is at `path`.
    pub fn backup(&self, path: &Path) -> Result<u64, StoreError> {
        let Database::Sqlite(connection) = &self.database else {
            return Err(StoreError::OnServer {
                doing: "back up",
                store: self.name.clone(),
                remedy: "back it up with `pg_dump`: docs/operations.md says how",
            });
        };
        let doing = "write backup";
        if path.exists() {
            return Err(StoreError::File {
                doing,
                path: path.to_owned(),
                source: io::ErrorKind::AlreadyExists.into(),
                remedy: "name a file that is not there: a backup replaces nothing",
            });
        }
        let partial = with_ending(path, ".partial");
        let refused = |source| StoreError::File {
            doing,
            path: path.to_owned(),
            source,
            remedy: "let this user write in its folder, on a disk with room for the whole store",
        };
        let copied = remove_if_there(&partial).map_err(refused).and_then(|()| {
            let name = partial
                .to_str()
                .ok_or_else(|| refused(io::ErrorKind::InvalidFilename.into()))?;
            connection
                .execute("VACUUM INTO ?1", [name])
                .map_err(|error| {
                    database_error(DbError::from(error), doing, &path.display().to_string())
                })?;
            // It holds addresses, and letters.
            fs::set_permissions(&partial, Permissions::from_mode(0o600)).map_err(refused)?;
            publish(&partial, path).map_err(refused)?;
            Ok(fs::metadata(path).map_err(refused)?.len())
        });
        if copied.is_err() {
            // What is half there helps nobody.
            let _ = fs::remove_file(&partial);
        }
        copied
    }

    /// Puts the backup at `backup` in the place of the store at `place`. A store that is there is
    /// kept beside it under another name, which is told.
    ///
    /// # Errors
    /// Something that is not a store or of a newer version (nothing is changed then), a recorder
    /// that is running, a store on a server, or what the file system says.
    pub fn restore(
        backup: &Path,
        place: impl Into<StoreConfig>,
    ) -> Result<Option<PathBuf>, StoreError> {
        let path = match place.into() {
            StoreConfig::File(path) => real_path(&path)?,
            StoreConfig::Server(server) => {
                return Err(StoreError::OnServer {
                    doing: "restore",
                    store: server.name.clone(),
                    remedy: "restore it with `pg_restore`: docs/operations.md says how",
                });
            }
            StoreConfig::Collector(collector) => {
                return Err(super::elsewhere("restore", &collector));
            }
        };
        // Refuses what is not a store of ours; a backup of an older version is brought up to date
        // when it is opened in its place.
        match Self::open_reader(StoreConfig::File(backup.to_owned())) {
            Ok(_) | Err(StoreError::Older { .. }) => {}
            Err(refused) => return Err(refused),
        }
        let refused = |source| StoreError::File {
            doing: "restore",
            path: path.clone(),
            source,
            remedy: "let this user write in its folder, on a disk with room for both",
        };
        let _lock = lock(&path)?;
        let partial = with_ending(&path, ".partial");
        fs::copy(backup, &partial).map_err(refused)?;
        let former = if path.exists() {
            let former = (1..)
                .map(|n| with_ending(&path, &format!(".replaced-{n}")))
                .find(|former| !former.exists())
                .unwrap_or_else(|| with_ending(&path, ".replaced"));
            // The log first: a file without its log is an older store, not a broken one.
            for companion in COMPANIONS {
                let log = with_ending(&path, companion);
                if log.exists() {
                    fs::rename(&log, with_ending(&former, companion)).map_err(refused)?;
                }
            }
            fs::rename(&path, &former).map_err(refused)?;
            Some(former)
        } else {
            None
        };
        publish(&partial, &path).map_err(refused)?;
        Ok(former)
    }
}

/// Gives a file its name once it is on the disk.
fn publish(partial: &Path, path: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    fs::rename(partial, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(ending);
    PathBuf::from(longer)
}
