//! The press: from settled months to documents on disk, on every core.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, anyhow, bail};

use super::archive::{deliver, pool_evidence};
use super::settle::Settled;
use crate::config::Config;
use crate::exchange::SigningKey;
use crate::report::{self, Document, Edition, Workshop};

/// A report to be written.
pub(super) struct Job<'a> {
    /// What it says.
    pub(super) settled: &'a Settled<'a>,
    /// As which edition.
    pub(super) edition: &'a Edition,
    /// The statement as it was saved.
    pub(super) statement: &'a [u8],
    /// Where it stands.
    pub(super) folder: PathBuf,
}

/// Renders reports and writes them.
pub(super) struct Press {
    signing_key: Option<SigningKey>,
    /// Where reports stand. Held by whoever puts evidence there, so that none is written twice.
    reports: Mutex<PathBuf>,
    /// One for each core; each keeps the pictures that it drew, since partners share most of them.
    hands: Vec<Workshop>,
}

impl Press {
    /// # Errors
    /// A signing key that cannot be used.
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let n_hands = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            signing_key: signing_key(config)?,
            reports: Mutex::new(config.reports.directory.clone()),
            hands: (0..n_hands).map(|_| Workshop::default()).collect(),
        })
    }

    /// Writes reports; those that stand when it fails are whole.
    ///
    /// # Errors
    /// The first refusal of the file system.
    pub(super) fn print(&mut self, jobs: &[Job<'_>]) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let signing_key = self.signing_key.as_ref();
        let reports = &self.reports;
        let work = |workshop: &mut Workshop| -> anyhow::Result<()> {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                print(job, workshop, signing_key, reports)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let hands = self.hands.iter_mut().take(jobs.len());
            let hands: Vec<_> = hands
                .map(|workshop| scope.spawn(|| work(workshop)))
                .collect();
            let outcomes = hands.into_iter().map(|hand| match hand.join() {
                Ok(outcome) => outcome,
                Err(_) => Err(anyhow!("write reports: a renderer broke down; see the log")),
            });
            // All of them are awaited, whatever the first says.
            let outcomes: Vec<anyhow::Result<()>> = outcomes.collect();
            outcomes.into_iter().collect()
        })
    }
}

fn print(
    job: &Job<'_>,
    workshop: &mut Workshop,
    signing_key: Option<&SigningKey>,
    reports: &Mutex<PathBuf>,
) -> anyhow::Result<()> {
    let mut documents = report::render(&job.settled.report(job.edition), workshop);
    documents.push(Document {
        name: "statement.json".to_owned(),
        media_type: "application/json",
        bytes: job.statement.to_vec(),
    });
    if let Some(key) = signing_key {
        let comment = format!("{} {}", job.edition.number, job.settled.own.partner.id);
        documents.push(Document {
            name: "statement.json.minisig".to_owned(),
            media_type: "text/plain; charset=utf-8",
            bytes: key.sign(job.statement, &comment).into_bytes(),
        });
    }
    let sha256 = job.settled.evidence_sha256.as_str();
    // Of a running month it would change with every look.
    let pooled = match job.settled.statement.now {
        Some(_) => None,
        None => {
            let reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            let pooled = pool_evidence(&reports, sha256, || job.settled.evidence())
                .with_context(|| format!("write evidence under `{}`", reports.display()))?;
            Some(pooled)
        }
    };
    let evidence = pooled.as_deref().map(|pooled| (sha256, pooled));
    deliver(&job.folder, &documents, evidence)
        .with_context(|| format!("write the report `{}`", job.folder.display()))
}

/// The key that signs statements, if they are signed.
///
/// # Errors
/// A file that cannot be read, that others can read, or that holds no key.
pub fn signing_key(config: &Config) -> anyhow::Result<Option<SigningKey>> {
    let Some(path) = &config.reports.signing_key_file else {
        return Ok(None);
    };
    let shown = path.display();
    let pem =
        std::fs::read_to_string(path).with_context(|| format!("read signing key `{shown}`"))?;
    let mode = std::fs::metadata(path)
        .with_context(|| format!("read signing key `{shown}`"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!("use signing key `{shown}`: others can read it (mode {mode:o}): chmod 600 it");
    }
    let key = SigningKey::from_pem(&pem).with_context(|| format!("use signing key `{shown}`"))?;
    Ok(Some(key))
}
