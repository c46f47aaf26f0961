//! A folder of files that keeps parcels, in order, while the store cannot be reached.
//!
//! A file holds parcels one after the other: how many bytes, the beginning of their SHA-256, the
//! bytes. Each is on the disk before [`Spool::put`] returns. A last one that was cut off by a
//! crash was never acknowledged, and is passed over. A file is deleted once everything in it is
//! in the store; what is handed in twice around a crash counts once there. A file in which
//! something else is not what was written keeps nothing waiting: what can be read of it is handed
//! in, and it stays beside the others as `….damaged`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;

use super::parcel::Parcel;
use super::{StoreError, open, sha256};
use crate::sla::window::Timestamp;

/// A file that has grown beyond it is followed by a new one.
const FILE_BYTES: u64 = 4 << 20;
/// Length and digest before each parcel.
const HEAD_BYTES: usize = 12;
/// The file that names the installation.
const NAME_FILE: &str = "instance";

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
    /// Held as long as we use the folder; it also says who we are.
    _lock: File,
}

#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    size_bytes: u64,
    n_findings: u64,
    first_tick: Option<Timestamp>,
}

/// What became of a parcel that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is on disk.
    Yes,
    /// There is no room: it was not kept.
    Full,
}

/// What waits longest.
#[derive(Clone, Debug, PartialEq)]
pub struct Longest {
    /// In order; those that can be read.
    pub parcels: Vec<Parcel>,
    /// The file that they are in.
    pub file: PathBuf,
}

/// The installation that hands in what waits in a folder: one process at a time.
#[derive(Debug)]
pub struct Sender {
    /// A name that no other installation has, and that outlives the process.
    pub name: String,
    _lock: File,
}

impl Sender {
    /// Takes the folder for this process, creating it where needed.
    ///
    /// # Errors
    /// Another process has it, or what the file system says.
    pub fn of(folder: &Path) -> Result<Self, StoreError> {
        let refused = |source| refused("open spool", folder, source);
        fs::create_dir_all(folder).map_err(refused)?;
        let lock = open::lock(&folder.join("spool"))?;
        let path = folder.join(NAME_FILE);
        let name = match fs::read_to_string(&path) {
            Ok(name) if is_name(name.trim()) => name.trim().to_owned(),
            Ok(_) => new_name(&path).map_err(refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                new_name(&path).map_err(refused)?
            }
            Err(error) => return Err(refused(error)),
        };
        Ok(Self { name, _lock: lock })
    }
}

fn is_name(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn new_name(path: &Path) -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(path, &name)?;
    Ok(name)
}

impl Spool {
    /// Opens the folder, creating it where needed, with what waits in it. At most `bytes_max`
    /// bytes will.
    ///
    /// # Errors
    /// Another process that uses it, and what the file system says.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self, StoreError> {
        let refused = |source| refused("open spool", folder, source);
        fs::create_dir_all(folder).map_err(refused)?;
        let lock = open::lock(&used(folder))?;
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
            _lock: lock,
        };
        for (_, path) in paths {
            let bytes = fs::read(&path).map_err(refused)?;
            let (parcels, _) = parcels_in(&bytes);
            spool.files.push_back(Waiting {
                path,
                size_bytes: size(bytes.len()),
                n_findings: parcels.iter().map(|p| size(p.findings.len())).sum(),
                first_tick: parcels.iter().filter_map(first_tick).min(),
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

    /// The tick of the finding that waits longest.
    pub fn first_tick(&self) -> Option<Timestamp> {
        self.files.iter().find_map(|file| file.first_tick)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
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
        let written = self.write(&record, parcel);
        if written.is_err() {
            self.mend();
        }
        written.map_err(|source| refused("write to spool", &self.folder, source))?;
        Ok(Kept::Yes)
    }

    fn write(&mut self, record: &[u8], parcel: &Parcel) -> io::Result<()> {
        let full = self
            .files
            .back()
            .is_some_and(|file| file.size_bytes >= FILE_BYTES);
        if self.open.is_none() || full {
            let path = self.folder.join(format!("{:012}.spool", self.next_number));
            let file = File::options().create_new(true).append(true).open(&path)?;
            self.next_number += 1;
            self.open = Some(file);
            self.files.push_back(Waiting {
                path,
                size_bytes: 0,
                n_findings: 0,
                first_tick: None,
            });
            // The name of the file has to survive, too.
            File::open(&self.folder)?.sync_all()?;
        }
        if let (Some(file), Some(waiting)) = (&mut self.open, self.files.back_mut()) {
            file.write_all(record)?;
            file.sync_data()?;
            waiting.size_bytes += size(record.len());
            waiting.n_findings += size(parcel.findings.len());
            waiting.first_tick = waiting.first_tick.or(first_tick(parcel));
        }
        Ok(())
    }

    /// Takes away what a failed write left behind; where that fails as well, nothing more goes
    /// behind it. A full disk would otherwise collect an empty file for each parcel it refuses.
    fn mend(&mut self) {
        let Some(file) = self.open.take() else {
            return;
        };
        let Some(waiting) = self.files.back() else {
            return;
        };
        if waiting.size_bytes == 0 {
            if fs::remove_file(&waiting.path).is_ok() {
                self.files.pop_back();
            }
        } else if file.set_len(waiting.size_bytes).is_ok() {
            self.open = Some(file);
        }
    }

    /// What waits longest: one file, which takes no more from now on. Nothing if nothing waits.
    ///
    /// # Errors
    /// What the file system says.
    pub fn longest_waiting(&mut self) -> Result<Option<Longest>, StoreError> {
        if self.files.len() == 1 {
            self.open = None;
        }
        let Some(waiting) = self.files.front() else {
            return Ok(None);
        };
        Ok(Some(Longest {
            parcels: parcels_in(&read(waiting)?).0,
            file: waiting.path.clone(),
        }))
    }

    /// Forgets the `file` that waited longest, all of which was taken. One that does not is
    /// forgotten already.
    ///
    /// # Errors
    /// What the file system says.
    pub fn forget(&mut self, file: &Path) -> Result<(), StoreError> {
        let Some(waiting) = self.files.front().filter(|waiting| waiting.path == file) else {
            return Ok(());
        };
        match parcels_in(&read(waiting)?).1 {
            Ending::Whole => fs::remove_file(file),
            Ending::Damaged => fs::rename(file, file.with_extension("damaged")),
        }
        .map_err(|source| refused("remove from spool", file, source))?;
        self.files.pop_front();
        if self.files.is_empty() {
            self.open = None;
        }
        Ok(())
    }
}

/// The id of the process that uses the spool in `folder`; nothing if none does.
pub(super) fn user(folder: &Path) -> Result<Option<u32>, StoreError> {
    match folder.exists() {
        true => open::recorder(&used(folder)),
        false => Ok(None),
    }
}

/// What is locked while the folder is used.
fn used(folder: &Path) -> PathBuf {
    folder.join("recorder")
}

fn read(file: &Waiting) -> Result<Vec<u8>, StoreError> {
    fs::read(&file.path).map_err(|source| refused("read spool", &file.path, source))
}

fn first_tick(parcel: &Parcel) -> Option<Timestamp> {
    parcel.ticks().map(|(first, _)| first)
}

/// How a file of parcels is.
enum Ending {
    /// What was written, but for a last parcel that a crash cut off.
    Whole,
    /// Something in it is not what was written.
    Damaged,
}

/// The parcels that are what was written.
fn parcels_in(mut bytes: &[u8]) -> (Vec<Parcel>, Ending) {
    let mut parcels = Vec::new();
    let mut ending = Ending::Whole;
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() {
        let [a, b, c, d, digest @ ..] = *head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let Some((content, behind)) = rest.split_at_checked(length) else {
            break;
        };
        let is_as_written = sha256(content)[..8] == digest;
        match Parcel::from_bytes(content) {
            Ok(parcel) if is_as_written => parcels.push(parcel),
            Ok(_) | Err(_) => ending = Ending::Damaged,
        }
        bytes = behind;
    }
    (parcels, ending)
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
