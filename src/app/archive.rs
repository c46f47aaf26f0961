//! The folders that reports stand in: `<reports>/<partner>/<month>/<edition>/`.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::exchange::sha256_hex;
use crate::report::Document;
use crate::sla::catalog::PartnerId;
use crate::sla::window::Month;

/// Names every file of a report with its SHA-256; written last, so that its presence means that
/// the report is whole. `sha256sum -c SHA256SUMS` checks it.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";

/// Reports are for the partner, the operator and the program that serves them (by its group), not
/// for every account of the machine.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// `<reports>/<partner>/<month>/<number without the month>/`
pub(super) fn folder(reports: &Path, partner: &PartnerId, month: Month, number: &str) -> PathBuf {
    let edition = number.strip_prefix(&format!("{month}-")).unwrap_or(number);
    reports
        .join(partner.as_str())
        .join(month.to_string())
        .join(edition)
}

/// What a month was settled from, in the folder of its report.
const EVIDENCE: &str = "evidence.json";

/// Where documents of evidence stand once, by digest: partners of a service mostly have the same,
/// and a month of observations is large.
const POOL: &str = ".evidence";

/// Puts a document of evidence into the pool, unless it stands there.
pub(super) fn pool_evidence(
    reports: &Path,
    sha256: &str,
    document: impl FnOnce() -> Vec<u8>,
) -> io::Result<PathBuf> {
    let pool = reports.join(POOL);
    let name = format!("{sha256}.json");
    let pooled = pool.join(&name);
    if !pooled.exists() {
        make(&pool)?;
        put(&pool, &name, &document())?;
    }
    Ok(pooled)
}

/// The documents of evidence in the pool, each with its digest.
pub(super) fn pooled(reports: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(reports.join(POOL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut documents = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let sha256 = name.strip_suffix(".json").unwrap_or_default();
        // What is being written begins with a dot.
        if sha256.len() == 64 && !sha256.starts_with('.') {
            documents.push((sha256.to_owned(), path));
        }
    }
    documents.sort();
    Ok(documents)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
}

/// A file of the pool as a file of a report: the same bytes on the disk where it allows that.
fn link(pooled: &Path, folder: &Path) -> io::Result<()> {
    match std::fs::remove_file(folder.join(EVIDENCE)) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        Ok(()) | Err(_) => {}
    }
    match std::fs::hard_link(pooled, folder.join(EVIDENCE)) {
        Ok(()) => Ok(()),
        Err(_) => put(folder, EVIDENCE, &std::fs::read(pooled)?),
    }
}

/// Writes documents so that none is ever half there: written beside, synced, renamed. `evidence`
/// is the digest of a document in the pool, and its place.
pub(super) fn deliver(
    folder: &Path,
    documents: &[Document],
    evidence: Option<(&str, &Path)>,
) -> io::Result<()> {
    make(folder)?;
    let mut checksums = String::new();
    if let Some((sha256, pooled)) = evidence {
        link(pooled, folder)?;
        checksums.push_str(&format!("{sha256}  {EVIDENCE}\n"));
    }
    for document in documents {
        put(folder, &document.name, &document.bytes)?;
        checksums.push_str(&format!(
            "{}  {}\n",
            sha256_hex(&document.bytes),
            document.name
        ));
    }
    File::open(folder)?.sync_all()?;
    put(folder, CHECKSUMS, checksums.as_bytes())?;
    File::open(folder)?.sync_all()
}

/// Writes one document so that it is never half there.
pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let partial = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&partial)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&partial, folder.join(name)));
    if written.is_err() {
        // What could not be written takes no room from what can.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

/// Whether every document of a report is there as it was written.
pub(super) fn is_whole(folder: &Path) -> bool {
    let Ok(checksums) = std::fs::read_to_string(folder.join(CHECKSUMS)) else {
        return false;
    };
    checksums.lines().all(|line| {
        line.split_once("  ").is_some_and(|(sha256, name)| {
            std::fs::read(folder.join(name)).is_ok_and(|bytes| sha256_hex(&bytes) == sha256)
        })
    })
}
