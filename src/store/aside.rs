//! A file of what was refused for good, line by line, for somebody who will look into it.
//!
//! What can never be taken in must not keep everything behind it waiting; nor may it vanish.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::parcel::line_of;
use super::{Kept, StoreError};
use crate::sla::observation::Finding;

/// The file grows no further; what is refused after that is counted only.
const BYTES_MAX: u64 = 16 << 20;

/// A finding that was refused, and will be whenever it is handed in.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// What was seen.
    pub finding: Finding,
    /// Why it cannot be taken.
    pub why: String,
}

/// Where refused findings are put: a file of JSON, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    path: PathBuf,
}

impl Aside {
    /// The file at `path`; it is made when the first is put there.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts them there, unless the file is full (16 MiB).
    ///
    /// # Errors
    /// What the file system says.
    pub fn put(&self, refused: &[Refused]) -> Result<Kept, StoreError> {
        self.write(refused).map_err(|source| StoreError::File {
            doing: "set aside what was refused, in",
            path: self.path.clone(),
            source,
            remedy: "let this user write there, and see that its disk has space",
        })
    }

    fn write(&self, refused: &[Refused]) -> io::Result<Kept> {
        let mut file = File::options()
            .create(true)
            .append(true)
            .mode(0o640)
            .open(&self.path)?;
        let lines: String = refused
            .iter()
            .map(|one| line_of(&one.finding, &one.why) + "\n")
            .collect();
        let size_bytes = file.metadata()?.len();
        if size_bytes + u64::try_from(lines.len()).unwrap_or(u64::MAX) > BYTES_MAX {
            return Ok(Kept::Full);
        }
        file.write_all(lines.as_bytes())?;
        file.sync_data()?;
        Ok(Kept::Yes)
    }
}
