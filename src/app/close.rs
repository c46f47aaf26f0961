//! The month-end: load, settle, save, render, deliver.
//!
//! No step calls an earlier one, and each may run twice: a statement that is saved already is
//! left as it is, and so is a report that is whole. So a crash between any two steps is repaired
//! by running again, and what partners have in hand does not change under its number.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::letters::{Addressees, addressees, write_letters};
use super::load::{
    ServiceMonth, announced_maintenance, check_known, closable_from, find_partner, find_service,
    membership, service_month,
};
use super::shelf::write_indexes;
use crate::config::Config;
use crate::exchange::{SigningKey, compare, engine, read_figures, sha256_hex, statement_json};
use crate::report::{
    self, DayLatency, Document, Edition, EndpointFigures, Latency, MonthResult, Replaced, Report,
    Workshop, report_number,
};
use crate::sla::availability::Verdict;
use crate::sla::catalog::{Partner, PartnerId, Service, VantageId};
use crate::sla::commitment::Terms;
use crate::sla::ledger::{Acceptance, Class, Exclusion, Ledger, Scope};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::statement::{EndpointEvidence, Seen, Statement, judge, observe};
use crate::sla::window::{Month, Timestamp, Window, Windows};
use crate::store::{
    Action, ActionKind, DeclarationFilter, NewStatement, Saved, SavedStatement, Store,
};

/// What to close.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Which month, `YYYY-MM`; of each service in its own zone.
    pub month: &'a str,
    /// One partner only.
    pub partner: Option<&'a str>,
    /// One service only.
    pub service: Option<&'a str>,
    /// What kind of closing.
    pub kind: Kind<'a>,
    /// Who asks, for the journal.
    pub who: &'a str,
}

/// What kind of closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// The month is over: statements are saved, documents written.
    Final,
    /// As [`Final`](Self::Final), and a statement that no longer fits its evidence is replaced by
    /// a new revision, for this reason.
    Revise(&'a str),
    /// The month may still be running: documents are written, nothing is saved.
    Provisional,
    /// Nothing is saved or written.
    DryRun,
}

/// What became of one partner's month of one service.
#[derive(Clone, Debug)]
pub struct Closed {
    /// `2025-10-particulier-v1`
    pub number: String,
    /// Whose.
    pub partner: String,
    /// Of what.
    pub service: String,
    /// Whether the commitment was kept.
    pub verdict: Verdict,
    /// The certain availability, as shown; absent if no time counted.
    pub lower: Option<String>,
    /// Whom its letters are for.
    pub addressees: Addressees,
    /// What was done.
    pub done: Done,
}

/// What was done with a settled month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Saved for the first time, documents written.
    Saved(PathBuf),
    /// A new revision was saved, documents written.
    Revised(PathBuf),
    /// The same statement stood there already; documents written only if some were missing or
    /// damaged.
    Unchanged(PathBuf),
    /// Documents written, nothing saved.
    Provisional(PathBuf),
    /// Nothing written.
    DryRun,
    /// The saved statement says something else and no reason to revise it was given; nothing
    /// written.
    Differs,
}

/// How far a closing is, for those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Reports done.
    pub done: usize,
    /// Reports in all.
    pub all: usize,
}

/// Closes a month.
///
/// # Errors
/// An unknown month, partner or service (the error names the known ones), a month that is not
/// over, a store or a folder that refuses.
pub fn close(
    config: &Config,
    store: &mut Store,
    now: Timestamp,
    order: &Order<'_>,
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<Vec<Closed>> {
    let services: Vec<&Service> = match order.service {
        Some(id) => vec![find_service(config, id)?],
        None => config.catalog.services.iter().collect(),
    };
    let partners: Vec<&Partner> = match order.partner {
        Some(id) => vec![find_partner(config, id)?],
        None => config.catalog.partners.iter().collect(),
    };
    let mut settled = Vec::new();
    let mut months = Vec::new();
    for service in services {
        let month = Month::parse(order.month, service.zone()).context("read the month")?;
        let Some(commitment) = service.commitment_on(month.first_day()) else {
            continue;
        };
        check_over(month, &commitment.terms, now, order)?;
        check_known(store, month)?;
        months.extend(service_month(store, service, month, now)?.filter(ServiceMonth::is_watched));
    }
    let shared: Vec<Shared> = months.iter().map(Shared::new).collect();
    for (month, shared) in months.iter().zip(&shared) {
        for partner in &partners {
            let membership = membership(partner, month.service, month.month.window());
            if !membership.is_empty() {
                settled.push(settle(store, month, shared, partner, &membership)?);
            }
        }
    }
    if settled.is_empty() {
        bail!(
            "close {}: no partner is connected to a service that was watched under a commitment in that month",
            order.month
        );
    }
    // Before anything is saved: a key that cannot be used must not leave statements unsigned.
    let signing_key = signing_key(config)?;
    let editions = save(config, store, &settled, now, order)?;
    let all = settled.len();
    let mut press = Press {
        config,
        now,
        who: order.who,
        signing_key,
        workshops: BTreeMap::new(),
    };
    let mut closed = Vec::with_capacity(all);
    for (done, (settled, edition)) in settled.iter().zip(editions).enumerate() {
        progress(Progress { done, all });
        closed.push(write(&mut press, store, settled, edition)?);
    }
    match order.kind {
        Kind::Final | Kind::Revise(_) => {
            for partner in partners {
                write_indexes(config, partner, order.month)?;
            }
        }
        // What is provisional is not kept.
        Kind::Provisional | Kind::DryRun => {}
    }
    progress(Progress { done: all, all });
    Ok(closed)
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

/// The months, newest first and at most `n_months`, that are over for `delay_ms` at `now` and in
/// which some partner's statement, documents or letters are missing.
///
/// # Errors
/// The store cannot be read.
pub fn unfinished_months(
    config: &Config,
    store: &Store,
    now: Timestamp,
    n_months: i32,
) -> anyhow::Result<Vec<String>> {
    let Some(span) = store.span()? else {
        return Ok(Vec::new());
    };
    let mut unfinished = Vec::new();
    for back in 1..=n_months {
        for service in &config.catalog.services {
            let month = Month::containing(now, service.zone()).plus_months(-back);
            let window = month.window();
            let Some(commitment) = service.commitment_on(month.first_day()) else {
                continue;
            };
            let due = window
                .end()
                .plus_ms(config.close.delay_ms)
                .max(closable_from(month, &commitment.terms));
            let seen = span.intersection(&window).is_some();
            if now < due || !seen || !was_watched(store, service, window)? {
                continue;
            }
            for partner in &config.catalog.partners {
                if membership(partner, service, window).is_empty() {
                    continue;
                }
                let finished = match store.statement(&partner.id, &service.id, month)? {
                    Some(saved) => {
                        let revision = saved.revision;
                        let number = report_number(month, service, revision);
                        let written =
                            folder(&config.reports.directory, &partner.id, month, &number)
                                .join(CHECKSUMS)
                                .exists();
                        written
                            && store
                                .unwritten_letters(&partner.id, &service.id, month, revision)?
                                .is_empty()
                    }
                    None => false,
                };
                let month = month.to_string();
                if !finished && !unfinished.contains(&month) {
                    unfinished.push(month);
                }
            }
        }
    }
    Ok(unfinished)
}

/// Whether `service` was asked before `window` ended.
fn was_watched(store: &Store, service: &Service, window: Window) -> anyhow::Result<bool> {
    for endpoint in service.contractual() {
        if store
            .first_tick(&endpoint.id)?
            .is_some_and(|first| first < window.end())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_over(
    month: Month,
    terms: &Terms,
    now: Timestamp,
    order: &Order<'_>,
) -> anyhow::Result<()> {
    let over = closable_from(month, terms);
    if order.kind != Kind::Provisional && now < over {
        bail!(
            "close {month}: the month is not over (it can be closed from {} on): use --provisional",
            over.to_local(month.zone()).format("%Y-%m-%d %H:%M %Z")
        );
    }
    if month.window().start() >= now {
        bail!("close {month}: the month has not begun");
    }
    Ok(())
}

/// One partner's month, settled.
struct Settled<'a> {
    month: &'a ServiceMonth<'a>,
    shared: &'a Shared,
    partner: &'a Partner,
    exclusions: Vec<Exclusion>,
    statement: Statement,
    evidence_sha256: String,
    json: Vec<u8>,
}

fn settle<'a>(
    store: &Store,
    month: &'a ServiceMonth<'a>,
    shared: &'a Shared,
    partner: &'a Partner,
    membership: &Windows,
) -> anyhow::Result<Settled<'a>> {
    let exclusions = exclusions(store, month, Some(partner))?;
    let document = month.document(membership, exclusions.clone());
    let evidence_sha256 = document.sha256();
    // What was seen is worked out once for all partners. Pending requests are no evidence, but
    // the report shows what they would change.
    let statement = judge(&month.record, membership, &exclusions, month.terms());
    let mut json = statement_json(&statement, &evidence_sha256);
    let saved = store.statement(&partner.id, &month.service.id, month.month)?;
    if let Some(saved) = saved {
        let comparison = compare(&saved.json, &json).with_context(|| {
            format!(
                "compare with the saved statement of {} for {}",
                month.month, partner.id
            )
        })?;
        if comparison.differences.is_empty() {
            // A later version of this program that comes to the same figures corrects nothing.
            json = saved.json;
        }
    }
    Ok(Settled {
        month,
        shared,
        partner,
        exclusions,
        statement,
        evidence_sha256,
        json,
    })
}

/// What was asked for a partner's month: announced work and declarations. Without a partner: what
/// concerns all of them.
///
/// # Errors
/// The store cannot be read.
pub fn exclusions(
    store: &Store,
    month: &ServiceMonth<'_>,
    partner: Option<&Partner>,
) -> anyhow::Result<Vec<Exclusion>> {
    let window = month.month.window();
    let mut exclusions = announced_maintenance(month.service, window);
    let declared = store.declarations(&DeclarationFilter {
        service: Some(month.service.id.clone()),
        partner: partner.map(|partner| partner.id.clone()),
        window: Some(window),
    })?;
    exclusions.extend(
        declared
            .into_iter()
            .filter(|declaration| declaration.partner.is_none() || partner.is_some())
            .map(|declaration| declaration.exclusion)
            .filter(|exclusion| exclusion.acceptance != Acceptance::Refused),
    );
    Ok(exclusions)
}

/// An edition of a report that is to be written, or the reason why not.
enum Step {
    Write {
        edition: Edition,
        saved: Option<Saved>,
    },
    Skip(Done),
}

fn save(
    config: &Config,
    store: &mut Store,
    settled: &[Settled<'_>],
    now: Timestamp,
    order: &Order<'_>,
) -> anyhow::Result<Vec<Step>> {
    let provisional = |settled: &Settled<'_>| Edition {
        number: format!(
            "{}-{}-provisoire",
            settled.month.month, settled.month.service.id
        ),
        established: now,
        replaces: None,
        evidence_sha256: settled.evidence_sha256.clone(),
        engine: engine(),
    };
    let reason = match order.kind {
        Kind::Provisional => {
            return Ok(settled
                .iter()
                .map(|settled| Step::Write {
                    edition: provisional(settled),
                    saved: None,
                })
                .collect());
        }
        Kind::DryRun => {
            return Ok(settled.iter().map(|_| Step::Skip(Done::DryRun)).collect());
        }
        Kind::Final => None,
        Kind::Revise(reason) if reason.trim().is_empty() => {
            bail!(
                "revise {}: partners must be told why: give a reason",
                order.month
            )
        }
        Kind::Revise(reason) => Some(reason.to_owned()),
    };
    let mut to_save = Vec::new();
    let mut differs = vec![false; settled.len()];
    for (idx, settled) in settled.iter().enumerate() {
        let latest = latest(store, settled)?;
        if reason.is_none() && latest.is_some_and(|latest| latest.json != settled.json) {
            differs[idx] = true;
            continue;
        }
        to_save.push(NewStatement {
            partner: settled.partner.id.clone(),
            service: settled.month.service.id.clone(),
            month: settled.month.month,
            json: settled.json.clone(),
            evidence_sha256: parse_sha256(&settled.evidence_sha256)?,
            commitment: settled.month.commitment.from.to_string(),
            engine: engine(),
            reason: reason.clone(),
            letters_to: match addressees(config, settled.partner, &settled.month.service.id, now) {
                Addressees::Mailboxes(mailboxes) => mailboxes,
                Addressees::Off | Addressees::Revoked | Addressees::NoContact => Vec::new(),
            },
        });
    }
    let mut saved = store.save_statements(&to_save, order.who, now)?.into_iter();
    settled
        .iter()
        .zip(differs)
        .map(|(settled, differs)| {
            if differs {
                return Ok(Step::Skip(Done::Differs));
            }
            Ok(Step::Write {
                edition: edition(store, settled)?,
                saved: saved.next(),
            })
        })
        .collect()
}

fn latest(store: &Store, settled: &Settled<'_>) -> anyhow::Result<Option<SavedStatement>> {
    Ok(store.statement(
        &settled.partner.id,
        &settled.month.service.id,
        settled.month.month,
    )?)
}

/// The edition that was saved last.
fn edition(store: &Store, settled: &Settled<'_>) -> anyhow::Result<Edition> {
    let month = settled.month;
    let mut revisions =
        store.statement_revisions(&settled.partner.id, &month.service.id, month.month)?;
    let last = revisions.pop().with_context(|| {
        format!(
            "read back the statement of {} for {}",
            month.month, settled.partner.id
        )
    })?;
    let number = |revision| report_number(month.month, month.service, revision);
    let replaces = match revisions.pop() {
        Some(before) => {
            let figures = read_figures(&before.json)
                .with_context(|| format!("read the replaced statement of {}", month.month))?;
            Some(Replaced {
                number: number(before.revision),
                established: before.saved,
                reason: phrase(last.reason.as_deref().unwrap_or_default()).to_owned(),
                tally: figures.tally,
                verdict: figures.verdict,
            })
        }
        None => None,
    };
    Ok(Edition {
        number: number(last.revision),
        established: last.saved,
        replaces,
        evidence_sha256: settled.evidence_sha256.clone(),
        engine: last.engine,
    })
}

/// A reason without the full stop that its sentence brings.
fn phrase(reason: &str) -> &str {
    reason.trim().trim_end_matches('.')
}

/// What writing a report needs beside the report.
struct Press<'a> {
    config: &'a Config,
    now: Timestamp,
    who: &'a str,
    signing_key: Option<SigningKey>,
    /// By service: its partners share most of their pictures.
    workshops: BTreeMap<String, Workshop>,
}

fn write(
    press: &mut Press<'_>,
    store: &mut Store,
    settled: &Settled<'_>,
    step: Step,
) -> anyhow::Result<Closed> {
    let service = settled.month.service;
    let addressees = addressees(press.config, settled.partner, &service.id, press.now);
    let closed = |number: String, done: Done| Closed {
        number,
        partner: settled.partner.id.to_string(),
        service: service.id.to_string(),
        verdict: settled.statement.verdict,
        lower: settled
            .statement
            .availability
            .map(|figures| figures.lower.to_string()),
        addressees: match done {
            Done::Saved(_) | Done::Revised(_) | Done::Unchanged(_) => addressees.clone(),
            Done::Provisional(_) | Done::DryRun | Done::Differs => Addressees::Off,
        },
        done,
    };
    let (edition, saved) = match step {
        Step::Write { edition, saved } => (edition, saved),
        Step::Skip(done) => {
            let number = format!("{}-{}", settled.month.month, service.id);
            return Ok(closed(number, done));
        }
    };
    let folder = folder(
        &press.config.reports.directory,
        &settled.partner.id,
        settled.month.month,
        &edition.number,
    );
    let revision = saved.map(|saved| match saved {
        Saved::First => 1,
        Saved::Revised { revision } | Saved::Unchanged { revision } => revision,
    });
    let published = matches!(saved, Some(Saved::Unchanged { .. })) && is_whole(&folder);
    if published && letters_are_written(store, settled, revision)? {
        return Ok(closed(edition.number, Done::Unchanged(folder)));
    }
    let history = history(store, settled)?;
    let report = Report {
        language: settled.partner.language,
        provider: &press.config.catalog.provider,
        partner: settled.partner,
        service,
        commitment: settled.month.commitment,
        month: settled.month.month,
        statement: &settled.statement,
        exclusions: &settled.exclusions,
        history: &history,
        endpoints: &settled.shared.endpoints,
        latencies: &settled.shared.latencies,
        vantages: &settled.shared.vantages,
        measured_since: settled.month.measured_since,
        usage: None,
        edition: &edition,
    };
    // A published report stays as it was.
    if !published {
        let workshop = press
            .workshops
            .entry(service.id.to_string())
            .or_insert_with(|| Workshop::new(press.config.reports.look.clone()));
        let mut documents = report::render(&report, workshop);
        documents.push(Document {
            name: "statement.json".to_owned(),
            media_type: "application/json",
            bytes: settled.json.clone(),
        });
        if let Some(key) = &press.signing_key {
            let comment = format!("{} {}", edition.number, settled.partner.id);
            documents.push(Document {
                name: "statement.json.minisig".to_owned(),
                media_type: "text/plain; charset=utf-8",
                bytes: key.sign(&settled.json, &comment).into_bytes(),
            });
        }
        deliver(&folder, &documents)
            .with_context(|| format!("write the report `{}`", folder.display()))?;
    }
    // The documents stand: the letters that bring them may go.
    if let Some(revision) = revision {
        write_letters(press.config, store, &report, revision, press.now)?;
    }
    let done = match saved {
        Some(Saved::First) => Done::Saved(folder.clone()),
        Some(Saved::Revised { .. }) => Done::Revised(folder.clone()),
        Some(Saved::Unchanged { .. }) => Done::Unchanged(folder.clone()),
        None => Done::Provisional(folder.clone()),
    };
    if !matches!(done, Done::Unchanged(_)) {
        let what = serde_json::json!({
            "report": edition.number,
            "partner": settled.partner.id.as_str(),
            "folder": folder.display().to_string(),
        });
        let action = Action {
            kind: ActionKind::ReportWritten,
            what,
        };
        store.journal(press.who, press.now, &action)?;
    }
    Ok(closed(edition.number, done))
}

fn letters_are_written(
    store: &Store,
    settled: &Settled<'_>,
    revision: Option<u32>,
) -> anyhow::Result<bool> {
    let Some(revision) = revision else {
        return Ok(true);
    };
    let (partner, month) = (&settled.partner.id, settled.month);
    let unwritten = store.unwritten_letters(partner, &month.service.id, month.month, revision)?;
    Ok(unwritten.is_empty())
}

/// This month and up to twelve before it, as they were stated to this partner.
fn history(store: &Store, settled: &Settled<'_>) -> anyhow::Result<Vec<MonthResult>> {
    let this = settled.month.month;
    let mut history = Vec::new();
    for back in (1..=12).rev() {
        let month = this.plus_months(-back);
        let saved = store.statement(&settled.partner.id, &settled.month.service.id, month)?;
        let Some(saved) = saved else { continue };
        let figures = read_figures(&saved.json)
            .with_context(|| format!("read the saved statement of {month}"))?;
        history.push(MonthResult {
            month,
            target: figures.target,
            tally: figures.tally,
            verdict: figures.verdict,
        });
    }
    history.push(MonthResult {
        month: this,
        target: settled.statement.target,
        tally: settled.statement.tally,
        verdict: settled.statement.verdict,
    });
    Ok(history)
}

/// What all partners of a service read in the same way.
struct Shared {
    endpoints: Vec<EndpointFigures>,
    latencies: Vec<DayLatency>,
    vantages: Vec<VantageId>,
}

impl Shared {
    fn new(month: &ServiceMonth<'_>) -> Self {
        let window = month.month.window();
        let endpoints = month
            .service
            .endpoints
            .iter()
            .filter_map(|endpoint| {
                let evidence = month
                    .contractual
                    .iter()
                    .chain(&month.informative)
                    .find(|evidence| evidence.id == endpoint.id)?;
                let record = observe(
                    window,
                    month.now,
                    std::slice::from_ref(evidence),
                    month.terms(),
                );
                let timeline = &record.endpoints.first()?.timeline;
                let ledger = Ledger::new(window, timeline, &Scope::everything(window));
                let n_incidents = ledger
                    .entries()
                    .iter()
                    .filter(|entry| entry.class == Class::Down)
                    .count();
                Some(EndpointFigures {
                    label: endpoint.label.clone(),
                    data_provider: endpoint.data_provider.clone(),
                    contractual: endpoint.contractual,
                    retired: endpoint.retired,
                    tally: ledger.tally(),
                    n_incidents: u32::try_from(n_incidents).unwrap_or(u32::MAX),
                    latency: latency(observations(std::slice::from_ref(evidence)), window),
                })
            })
            .collect();
        let latencies = window
            .local_days(month.month.zone())
            .into_iter()
            .filter_map(|(date, day)| {
                let latency = latency(observations(&month.contractual), day)?;
                Some(DayLatency { date, latency })
            })
            .collect();
        let mut vantages: Vec<VantageId> = month
            .contractual
            .iter()
            .flat_map(|endpoint| &endpoint.vantages)
            .map(|vantage| vantage.id.clone())
            .collect();
        vantages.sort();
        vantages.dedup();
        Self {
            endpoints,
            latencies,
            vantages,
        }
    }
}

/// The observations of each endpoint and vantage, in order of time as the store gives them.
fn observations(endpoints: &[EndpointEvidence]) -> impl Iterator<Item = &[Observation]> {
    endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.vantages)
        .filter_map(|vantage| match &vantage.seen {
            Seen::Observations(observations) => Some(observations.as_slice()),
            Seen::Segments(_) => None,
        })
}

/// How fast the correct answers of a window came: the nearest-rank percentiles.
fn latency<'a>(
    observations: impl Iterator<Item = &'a [Observation]>,
    window: Window,
) -> Option<Latency> {
    let mut latencies_us: Vec<u32> = observations
        .flat_map(|observations| {
            let first = observations.partition_point(|one| one.at < window.start());
            observations[first..]
                .iter()
                .take_while(|one| one.at < window.end())
        })
        .filter_map(|observation| match observation.outcome {
            // 0 is not known.
            Outcome::Answered { latency_us, .. } => (latency_us > 0).then_some(latency_us),
            Outcome::Failed(_) | Outcome::Void(_) => None,
        })
        .collect();
    latencies_us.sort_unstable();
    let percentile = |percent: usize| {
        let rank = (latencies_us.len() * percent).div_ceil(100);
        let latency_us = latencies_us.get(rank.saturating_sub(1))?;
        Some(latency_us.div_ceil(1_000))
    };
    Some(Latency {
        median_ms: percentile(50)?,
        p95_ms: percentile(95)?,
        p99_ms: percentile(99)?,
    })
}

/// Names every file of a report with its SHA-256; written last, so that its presence means that
/// the report is whole. `sha256sum -c SHA256SUMS` checks it.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";

/// `<reports>/<partner>/<month>/<number without the month>/`
pub(super) fn folder(reports: &Path, partner: &PartnerId, month: Month, number: &str) -> PathBuf {
    let edition = number.strip_prefix(&format!("{month}-")).unwrap_or(number);
    reports
        .join(partner.as_str())
        .join(month.to_string())
        .join(edition)
}

/// Writes documents so that none is ever half there: written beside, synced, renamed.
fn deliver(folder: &Path, documents: &[Document]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let put = |name: &str, bytes: &[u8]| -> std::io::Result<()> {
        let partial = folder.join(format!(".{name}.{}.partial", std::process::id()));
        let mut file = std::fs::File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&partial, folder.join(name))
    };
    let mut checksums = String::new();
    for document in documents {
        put(&document.name, &document.bytes)?;
        checksums.push_str(&format!(
            "{}  {}\n",
            sha256_hex(&document.bytes),
            document.name
        ));
    }
    std::fs::File::open(folder)?.sync_all()?;
    put(CHECKSUMS, checksums.as_bytes())?;
    std::fs::File::open(folder)?.sync_all()
}

/// Whether every document of a report is there as it was written.
fn is_whole(folder: &Path) -> bool {
    let Ok(checksums) = std::fs::read_to_string(folder.join(CHECKSUMS)) else {
        return false;
    };
    checksums.lines().all(|line| {
        line.split_once("  ").is_some_and(|(sha256, name)| {
            std::fs::read(folder.join(name)).is_ok_and(|bytes| sha256_hex(&bytes) == sha256)
        })
    })
}

fn parse_sha256(hex: &str) -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    for (idx, byte) in bytes.iter_mut().enumerate() {
        let digits = hex.get(2 * idx..2 * idx + 2).context("read a SHA-256")?;
        *byte = u8::from_str_radix(digits, 16).context("read a SHA-256")?;
    }
    Ok(bytes)
}
