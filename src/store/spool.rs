//! A folder of files that keeps parcels, in order, while the store cannot be reached.
//!
//! A file holds parcels one after the other: how many bytes, the beginning of their SHA-256, the
//! bytes. Each is on the disk before [`Spool::put`] returns. A last one that was cut off by a
//! crash was never acknowledged, and is passed over. A file is deleted once everything in it is
//! in the store; what is handed in twice around a crash counts once there.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::parcel::Parcel;
use super::{StoreError, sha256};

/// A file that has grown beyond it is followed by a new one.
const FILE_BYTES: u64 = 4 << 20;
/// Length and digest before each parcel.
const HEAD_BYTES: usize = 12;

/// Parcels that wait on disk.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    /// In order.
    files: VecDeque<Waiting>,
    /// The last of them, as long as it takes more.
    open: Option<File>,
    next_number: u64,
}

#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    size_bytes: u64,
    n_findings: u64,
}

/// What became of a parcel that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is on disk.
    Yes,
    /// The spool is full: it was not kept.
    Full,
}

impl Spool {
    /// Opens the folder, creating it where needed, with what waits in it. At most `bytes_max`
    /// bytes will.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, StoreError> {
        let refused = |source| refused("open spool", folder, source);
        fs::create_dir_all(folder).map_err(refused)?;
        let mut paths: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder).map_err(refused)? {
            let path = entry.map_err(refused)?.path();
            let number = path
                .file_name()
                .and_then(|name| name.to_str()?.strip_suffix(".spool")?.parse().ok());
            if let Some(number) = number {
                paths.push((number, path));
            }
        }
        paths.sort();
        let next_number = paths.last().map_or(0, |(number, _)| number + 1);
        let mut spool = Self {
            folder: folder.to_owned(),
            bytes_max,
            files: VecDeque::new(),
            open: None,
            next_number,
        };
        for (_, path) in paths {
            let bytes = fs::read(&path).map_err(refused)?;
            let parcels = parcels_in(&bytes);
            spool.files.push_back(Waiting {
                path,
                size_bytes: size(bytes.len()),
                n_findings: parcels.iter().map(|p| size(p.findings.len())).sum(),
            });
        }
        Ok(spool)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many findings wait.
    pub fn n_findings(&self) -> u64 {
        self.files.iter().map(|file| file.n_findings).sum()
    }

    /// Keeps a parcel behind all that wait already.
    ///
    /// # Errors
    /// What the file system says; the parcel is then not kept.
    pub fn put(&mut self, parcel: &Parcel) -> Result<Kept, StoreError> {
        let bytes = parcel.to_bytes();
        let mut record = Vec::with_capacity(HEAD_BYTES + bytes.len());
        record.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        record.extend_from_slice(&sha256(&bytes)[..8]);
        record.extend_from_slice(&bytes);
        let waiting: u64 = self.files.iter().map(|file| file.size_bytes).sum();
        if waiting + size(record.len()) > self.bytes_max {
            return Ok(Kept::Full);
        }
        let written = self.write(&record, size(parcel.findings.len()));
        if written.is_err() {
            // What was written of it may be torn: nothing more goes behind it.
            self.open = None;
        }
        written.map_err(|source| refused("write to spool", &self.folder, source))?;
        Ok(Kept::Yes)
    }

    fn write(&mut self, record: &[u8], n_findings: u64) -> io::Result<()> {
        let full = self
            .files
            .back()
            .is_some_and(|file| file.size_bytes >= FILE_BYTES);
        if self.open.is_none() || full {
            let path = self.folder.join(format!("{:012}.spool", self.next_number));
            let file = File::options().create_new(true).append(true).open(&path)?;
            // The name of the file has to survive, too.
            File::open(&self.folder)?.sync_all()?;
            self.next_number += 1;
            self.open = Some(file);
            self.files.push_back(Waiting {
                path,
                size_bytes: 0,
                n_findings: 0,
            });
        }
        if let (Some(file), Some(waiting)) = (&mut self.open, self.files.back_mut()) {
            file.write_all(record)?;
            file.sync_data()?;
            waiting.size_bytes += size(record.len());
            waiting.n_findings += n_findings;
        }
        Ok(())
    }

    /// Hands what waits longest to `hand_in`, parcel by parcel, and forgets it once all of it was
    /// taken: one file. If `hand_in` fails, everything stays.
    ///
    /// # Errors
    /// What `hand_in` says, and what the file system says.
    pub fn hand_in(
        &mut self,
        mut hand_in: impl FnMut(Parcel) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(file) = self.files.front() else {
            return Ok(());
        };
        let refused = |source| refused("read spool", &file.path, source);
        let bytes = fs::read(&file.path).map_err(refused)?;
        for parcel in parcels_in(&bytes) {
            hand_in(parcel)?;
        }
        fs::remove_file(&file.path).map_err(refused)?;
        self.files.pop_front();
        if self.files.is_empty() {
            self.open = None;
        }
        Ok(())
    }
}

/// The parcels that are whole, up to the first that is not.
fn parcels_in(mut bytes: &[u8]) -> Vec<Parcel> {
    let mut parcels = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() {
        let [a, b, c, d, digest @ ..] = *head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let Some((content, behind)) = rest.split_at_checked(length) else {
            break;
        };
        if sha256(content)[..8] != digest {
            break;
        }
        let Ok(parcel) = Parcel::from_bytes(content) else {
            break;
        };
        parcels.push(parcel);
        bytes = behind;
    }
    parcels
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn refused(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File {
        doing,
        path: path.to_owned(),
        source,
        remedy: "let this user write the folder (`store.spool`), and see that its disk has space",
    }
}
