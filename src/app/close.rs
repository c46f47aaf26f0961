//! The month-end: load, settle, save, render, deliver.
//!
//! No step calls an earlier one, and each may run twice: a statement that is saved already is
//! left as it is, and so is a report that is whole. So a crash between any two steps is repaired
//! by running again, and what partners have in hand does not change under its number.
//!
//! Partners are closed in batches, each through all the steps, so that the work needs the memory
//! of one batch and what an interruption cost is one batch.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::archive::{self, CHECKSUMS, folder};
use super::basis::{PartnerBasis, ServiceBasis, partner_of, read_own, write_own, write_shared};
use super::hold::held;
use super::letters::{Addressees, addressees, write_letters};
use super::load::{
    ServiceMonth, check_known, closable_from, declarations, find_partner, find_service, membership,
    requests, service_month,
};
use super::press::{Job, Press};
use super::saved::{SavedMonth, earlier_revisions, results, shared};
use super::settle::{Settled, Shared};
use super::shelf::write_indexes;
use super::usage::usage;
use crate::config::Config;
use crate::exchange::{Difference, compare, engine, read_figures};
use crate::report::{Edition, Replaced, Usage, report_number};
use crate::sla::availability::Verdict;
use crate::sla::catalog::{Partner, Service};
use crate::sla::cause::StatedCause;
use crate::sla::commitment::Terms;
use crate::sla::window::{Month, Timestamp, Window};
use crate::store::{
    Action, ActionKind, Declaration, NewBasis, NewStatement, Saved, SavedBasis, SavedStatement,
    Sha256, Store,
};

/// Partners closed at a time.
const BATCH: usize = 32;

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
    /// The month is over: statements are saved, documents written. What was saved before is
    /// compared with the facts and decisions of today, under the configuration of then.
    Final,
    /// The month is settled anew, with today's configuration and decisions; a statement that says
    /// something else then is replaced by a new revision, for this reason.
    Revise(&'a str),
    /// The month may still be running: documents are written, nothing is saved.
    Provisional,
    /// The month is settled anew, as [`Revise`](Self::Revise) does; nothing is saved or written.
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
    /// Where what was settled now differs from the statement that was saved before.
    pub differences: Vec<Difference>,
    /// What the configuration, edited since the statement was saved, would change. Nothing does
    /// until somebody decides to revise.
    pub edited: Vec<Difference>,
    /// What was said beside the figures since the statement was saved, and its report does not
    /// tell: causes, counts of calls.
    pub told: Vec<Difference>,
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
    /// The saved statement says something else, by facts or decisions since, and no reason to
    /// revise it was given; nothing written.
    Differs,
    /// The saved statement stands, but its report is not whole and cannot be written again.
    Lost(String),
    /// Somebody has to say first whether it was an outage; nothing written.
    Held(String),
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
    if let Kind::Revise(reason) = order.kind
        && reason.trim().is_empty()
    {
        bail!(
            "revise {}: partners must be told why: give a reason",
            order.month
        );
    }
    let months = plan(config, store, now, order)?;
    let all = months.iter().map(|month| month.partners.len()).sum();
    if all == 0 {
        bail!(
            "close {}: no partner is connected to a service that was watched under a commitment in that month",
            order.month
        );
    }
    let mut closing = Closing {
        config,
        now,
        order,
        // Before anything is saved: a key that cannot be used must not leave statements unsigned.
        press: Press::new(config)?,
        closed: Vec::with_capacity(all),
        progress: &mut |done| progress(Progress { done, all }),
    };
    for month in &months {
        closing.service(store, month)?;
    }
    Ok(closing.closed)
}

/// A service and the partners that are connected to it in its month.
struct Plan<'a> {
    service: &'a Service,
    month: Month,
    partners: Vec<&'a Partner>,
}

fn plan<'a>(
    config: &'a Config,
    store: &Store,
    now: Timestamp,
    order: &Order<'_>,
) -> anyhow::Result<Vec<Plan<'a>>> {
    let services: Vec<&Service> = match order.service {
        Some(id) => vec![find_service(config, id)?],
        None => config.catalog.services.iter().collect(),
    };
    let partners: Vec<&Partner> = match order.partner {
        Some(id) => vec![find_partner(config, id)?],
        None => config.catalog.partners.iter().collect(),
    };
    let mut plans = Vec::new();
    for service in services {
        let month = Month::parse(order.month, service.zone()).context("read the month")?;
        let Some(commitment) = service.commitment_on(month.first_day()) else {
            continue;
        };
        check_over(month, &commitment.terms, now, order)?;
        check_known(store, month)?;
        if was_watched(store, service, month.window())? {
            let partners = partners.iter().copied();
            plans.push(Plan {
                service,
                month,
                partners: partners
                    .filter(|one| !membership(one, service, month.window()).is_empty())
                    .collect(),
            });
        }
    }
    Ok(plans)
}

/// A closing under way.
struct Closing<'a> {
    config: &'a Config,
    now: Timestamp,
    order: &'a Order<'a>,
    press: Press,
    closed: Vec<Closed>,
    progress: &'a mut dyn FnMut(usize),
}

/// What a group of partners is settled from.
struct Sources<'a> {
    shared: &'a Shared<'a>,
    /// What the configuration says today.
    today: &'a Shared<'a>,
    declarations: &'a [Declaration],
    /// What a statement that is saved now keeps.
    basis: &'a [u8],
    /// What was said of why when statements were saved, by what they keep.
    causes_then: &'a BTreeMap<Sha256, Vec<StatedCause>>,
    /// Why a first statement has to wait.
    held: Option<&'a str>,
}

/// One partner's month, with what was said of it before.
struct Case<'a> {
    partner: &'a Partner,
    settled: Settled<'a>,
    /// Every revision that was saved before, in order.
    revisions: Vec<SavedStatement>,
    /// From the latest of them.
    differences: Vec<Difference>,
    edited: Vec<Difference>,
    told: Vec<Difference>,
}

impl Closing<'_> {
    /// Closes the month of one service; partners who were told of it before are compared under
    /// what was configured then.
    fn service(&mut self, store: &mut Store, plan: &Plan<'_>) -> anyhow::Result<()> {
        let month = plan.month;
        let today = ServiceBasis::of(self.config, plan.service, month)
            .context("find the commitment in force")?;
        let mut as_today = Vec::new();
        let mut as_then: BTreeMap<Sha256, (ServiceBasis, Vec<&Partner>)> = BTreeMap::new();
        let mut causes_then: BTreeMap<Sha256, Vec<StatedCause>> = BTreeMap::new();
        for partner in &plan.partners {
            let saved = match self.order.kind {
                Kind::Provisional => None,
                Kind::Final | Kind::Revise(_) | Kind::DryRun => {
                    store.statement(&partner.id, &plan.service.id, month)?
                }
            };
            let Some(kept) = saved.and_then(|saved| saved.basis) else {
                as_today.push(*partner);
                continue;
            };
            if let Entry::Vacant(unread) = causes_then.entry(kept.shared) {
                let (basis, found) = shared(store, &kept.shared)?;
                unread.insert(found.causes);
                if self.order.kind == Kind::Final {
                    as_then.insert(kept.shared, (basis, Vec::new()));
                }
            }
            match as_then.get_mut(&kept.shared) {
                Some((_, partners)) => partners.push(partner),
                None => as_today.push(*partner),
            }
        }
        let declarations = declarations(store, &plan.service.id, month)?;
        let seen = self.see(store, &today, month)?;
        let of_today = Shared::new(&today, &seen);
        let basis = write_shared(&today, &seen.found());
        let held = held(store, &seen, &declarations)?;
        let first = self.closed.len();
        let sources = Sources {
            shared: &of_today,
            today: &of_today,
            declarations: &declarations,
            basis: &basis,
            causes_then: &causes_then,
            held: held.as_deref(),
        };
        self.group(store, &sources, &as_today)?;
        for (basis, partners) in as_then.values() {
            if *basis == today {
                self.group(store, &sources, partners)?;
                continue;
            }
            let seen = self.see(store, basis, month)?;
            let shared = Shared::new(basis, &seen);
            let sources = Sources {
                shared: &shared,
                ..sources
            };
            self.group(store, &sources, partners)?;
        }
        let places: BTreeMap<&str, usize> = (plan.partners.iter())
            .enumerate()
            .map(|(place, partner)| (partner.id.as_str(), place))
            .collect();
        self.closed[first..].sort_by_key(|closed| places.get(closed.partner.as_str()).copied());
        Ok(())
    }

    fn see<'b>(
        &self,
        store: &Store,
        basis: &'b ServiceBasis,
        month: Month,
    ) -> anyhow::Result<ServiceMonth<'b>> {
        service_month(store, basis.service(), month, self.now)?
            .context("find the commitment in force")
    }

    fn group(
        &mut self,
        store: &mut Store,
        sources: &Sources<'_>,
        partners: &[&Partner],
    ) -> anyhow::Result<()> {
        for batch in partners.chunks(BATCH) {
            let cases = batch
                .iter()
                .map(|partner| self.settle(store, sources, partner));
            let cases: Vec<Case<'_>> = cases.collect::<anyhow::Result<_>>()?;
            self.batch(store, sources, cases)?;
            (self.progress)(self.closed.len());
        }
        Ok(())
    }

    fn settle<'b>(
        &self,
        store: &Store,
        sources: &Sources<'b>,
        partner: &'b Partner,
    ) -> anyhow::Result<Case<'b>> {
        let month = sources.shared.month.month;
        let service = &sources.shared.month.service.id;
        let revisions = store.statement_revisions(&partner.id, service, month)?;
        let latest = revisions.last();
        let requests = |shared: &Shared<'_>| {
            requests(
                shared.month.service,
                sources.declarations,
                Some(&partner.id),
                month,
            )
        };
        let kept = match (
            self.order.kind,
            latest.and_then(|latest| latest.basis.as_ref()),
        ) {
            (Kind::Final, Some(kept)) => Some(read_own(&kept.own, service, month)?),
            _ => None,
        };
        let partner_today = partner_of(partner, service);
        let own = match &kept {
            Some(kept) => PartnerBasis {
                requests: requests(sources.shared),
                ..kept.clone()
            },
            None => PartnerBasis {
                partner: partner_today.clone(),
                requests: requests(sources.shared),
                usage: usage(store, &partner.id, service, month)?,
                earlier: earlier_revisions(store, &partner.id, service, month)?,
            },
        };
        let earlier = results(store, &partner.id, service, &own.earlier)?;
        let mut settled = Settled::new(sources.shared, own, earlier);
        let about = || {
            format!(
                "compare with the saved statement of {month} for {}",
                partner.id
            )
        };
        let mut edited = Vec::new();
        if let Some(kept) = kept
            && (kept.partner != partner_today || sources.shared.basis != sources.today.basis)
        {
            let own = PartnerBasis {
                partner: partner_today,
                requests: requests(sources.today),
                ..kept
            };
            let anew = Settled::new(sources.today, own, Vec::new());
            edited = compare(&settled.json, &anew.json)
                .with_context(about)?
                .differences;
        }
        let mut differences = Vec::new();
        if let Some(latest) = latest {
            differences = compare(&latest.json, &settled.json)
                .with_context(about)?
                .differences;
            if differences.is_empty() {
                // A later version of this program that comes to the same figures corrects nothing.
                settled.json.clone_from(&latest.json);
            }
        }
        let told = match latest.and_then(|latest| latest.basis.as_ref()) {
            Some(kept) => told_since(store, sources, kept, &settled)?,
            None => Vec::new(),
        };
        Ok(Case {
            partner,
            settled,
            revisions,
            differences,
            edited,
            told,
        })
    }

    /// Takes a batch through the steps that follow its settlement.
    fn batch(
        &mut self,
        store: &mut Store,
        sources: &Sources<'_>,
        cases: Vec<Case<'_>>,
    ) -> anyhow::Result<()> {
        let editions = self.save(store, sources, &cases)?;
        let reports = &self.config.reports.directory;
        let mut jobs = Vec::new();
        for (case, step) in cases.iter().zip(&editions) {
            if let Step::Write { edition, .. } = step {
                let (partner, month) = (&case.partner.id, case.settled.shared.month.month);
                jobs.push(Job {
                    settled: &case.settled,
                    folder: folder(reports, partner, month, &edition.number),
                    edition,
                    statement: &case.settled.json,
                });
            }
        }
        self.press.print(&jobs)?;
        let mut folders = jobs.into_iter().map(|job| job.folder);
        for (case, step) in cases.iter().zip(&editions) {
            let (number, done) = match step {
                Step::Skip(done) => {
                    let month = case.settled.shared.month;
                    let number = format!("{}-{}", month.month, month.service.id);
                    (number, done.clone())
                }
                Step::Stands => self.mend(store, case)?,
                Step::Write { edition, revision } => {
                    let folder = folders.next().unwrap_or_default();
                    self.conclude(store, case, edition, *revision, &folder)?;
                    let done = match revision {
                        Some(1) => Done::Saved(folder),
                        Some(_) => Done::Revised(folder),
                        None => Done::Provisional(folder),
                    };
                    (edition.number.clone(), done)
                }
            };
            match self.order.kind {
                Kind::Final | Kind::Revise(_) => {
                    write_indexes(self.config, case.partner, self.order.month)?;
                }
                // What is provisional is not kept.
                Kind::Provisional | Kind::DryRun => {}
            }
            self.note(case, number, done);
        }
        Ok(())
    }

    fn note(&mut self, case: &Case<'_>, number: String, done: Done) {
        let service = &case.settled.shared.month.service.id;
        let statement = &case.settled.statement;
        self.closed.push(Closed {
            number,
            partner: case.partner.id.to_string(),
            service: service.to_string(),
            verdict: statement.verdict,
            lower: statement
                .availability
                .map(|figures| figures.lower.to_string()),
            addressees: match done {
                Done::Saved(_) | Done::Revised(_) | Done::Unchanged(_) => {
                    addressees(self.config, case.partner, service, self.now)
                }
                Done::Provisional(_)
                | Done::DryRun
                | Done::Differs
                | Done::Lost(_)
                | Done::Held(_) => Addressees::Off,
            },
            differences: case.differences.clone(),
            edited: case.edited.clone(),
            told: case.told.clone(),
            done,
        });
    }

    fn save(
        &self,
        store: &mut Store,
        sources: &Sources<'_>,
        cases: &[Case<'_>],
    ) -> anyhow::Result<Vec<Step>> {
        let reason = match self.order.kind {
            Kind::Revise(reason) => Some(reason.to_owned()),
            Kind::Final | Kind::Provisional | Kind::DryRun => None,
        };
        let new = |case: &Case<'_>| -> anyhow::Result<NewStatement> {
            let settled = &case.settled;
            let month = settled.shared.month;
            let letters_to =
                match addressees(self.config, case.partner, &month.service.id, self.now) {
                    Addressees::Mailboxes(mailboxes) => mailboxes,
                    Addressees::Off | Addressees::Revoked | Addressees::NoContact => Vec::new(),
                };
            Ok(NewStatement {
                partner: case.partner.id.clone(),
                service: month.service.id.clone(),
                month: month.month,
                json: settled.json.clone(),
                evidence_sha256: parse_sha256(&settled.evidence_sha256)?,
                commitment: month.commitment.from.to_string(),
                engine: engine(),
                reason: reason.clone(),
                basis: Some(NewBasis {
                    shared: sources.basis.to_vec(),
                    own: write_own(&settled.own),
                }),
                evidence_end: closable_from(month.month, month.terms()),
                letters_to,
            })
        };
        let mut to_save = Vec::new();
        let mut steps = Vec::with_capacity(cases.len());
        for case in cases {
            // Only a revision brings what was said beside the figures.
            let told = matches!(self.order.kind, Kind::Revise(_)) && !case.told.is_empty();
            let stands = !case.revisions.is_empty() && case.differences.is_empty() && !told;
            steps.push(match self.order.kind {
                Kind::DryRun => Step::Skip(Done::DryRun),
                Kind::Provisional => Step::Write {
                    edition: self.provisional(case),
                    revision: None,
                },
                Kind::Final | Kind::Revise(_) if stands => Step::Stands,
                Kind::Final if !case.revisions.is_empty() => Step::Skip(Done::Differs),
                Kind::Final if let Some(why) = sources.held => {
                    Step::Skip(Done::Held(why.to_owned()))
                }
                Kind::Final | Kind::Revise(_) => {
                    to_save.push(new(case)?);
                    Step::Stands
                }
            });
        }
        let mut saved = store
            .save_statements(&to_save, self.order.who, self.now)?
            .into_iter();
        let mut to_save = to_save.iter().map(|new| &new.partner).peekable();
        for (case, step) in cases.iter().zip(&mut steps) {
            if to_save
                .next_if(|partner| **partner == case.partner.id)
                .is_none()
            {
                continue;
            }
            // Another closing may have been faster.
            if let Some(Saved::First | Saved::Revised { .. }) = saved.next() {
                let month = case.settled.shared.month;
                let revisions =
                    store.statement_revisions(&case.partner.id, &month.service.id, month.month)?;
                *step = Step::Write {
                    edition: edition(month.service, &revisions)?,
                    revision: revisions.last().map(|last| last.revision),
                };
            }
        }
        Ok(steps)
    }

    fn provisional(&self, case: &Case<'_>) -> Edition {
        let month = case.settled.shared.month;
        Edition {
            number: format!("{}-{}-provisoire", month.month, month.service.id),
            established: self.now,
            replaces: None,
            evidence_sha256: case.settled.evidence_sha256.clone(),
            engine: engine(),
        }
    }

    /// The documents of an edition stand: the letters that bring them may go, and it is on record.
    fn conclude(
        &self,
        store: &mut Store,
        case: &Case<'_>,
        edition: &Edition,
        revision: Option<u32>,
        folder: &std::path::Path,
    ) -> anyhow::Result<()> {
        if let Some(revision) = revision {
            let report = case.settled.report(edition);
            write_letters(self.config, store, &report, revision, self.now)?;
        }
        let what = serde_json::json!({
            "report": edition.number,
            "partner": case.partner.id.as_str(),
            "folder": folder.display().to_string(),
        });
        let action = Action {
            kind: ActionKind::ReportWritten,
            what,
        };
        store.journal(self.order.who, self.now, &action)?;
        Ok(())
    }

    /// Writes what is missing of the reports of a statement that stands, of each revision as it
    /// was: a published report stays as it is.
    fn mend(&mut self, store: &mut Store, case: &Case<'_>) -> anyhow::Result<(String, Done)> {
        let month = case.settled.shared.month;
        let service = month.service;
        let revisions = store.statement_revisions(&case.partner.id, &service.id, month.month)?;
        let mut stands = (String::new(), Done::DryRun);
        for (idx, saved) in revisions.iter().enumerate() {
            let revision = saved.revision;
            let edition = edition(service, &revisions[..=idx])?;
            let reports = &self.config.reports.directory;
            let folder = folder(reports, &case.partner.id, month.month, &edition.number);
            let is_whole = archive::is_whole(&folder);
            let has_letters = store
                .unwritten_letters(&case.partner.id, &service.id, month.month, revision)?
                .is_empty();
            stands = (edition.number.clone(), Done::Unchanged(folder.clone()));
            if is_whole && has_letters {
                continue;
            }
            let then = SavedMonth::load(self.config, store, saved.clone())?;
            let seen = then.service_month(store)?;
            let shared = Shared::new(then.basis(), &seen);
            let earlier = results(store, &case.partner.id, &service.id, &then.own.earlier)?;
            let settled = Settled::new(&shared, then.own.clone(), earlier);
            if !compare(&saved.json, &settled.json)?.differences.is_empty() {
                let reason = format!(
                    "what report {} was settled from is no longer there, or this version settles it otherwise",
                    edition.number
                );
                return Ok((edition.number, Done::Lost(reason)));
            }
            if !is_whole {
                self.press.print(&[Job {
                    settled: &settled,
                    folder,
                    edition: &edition,
                    statement: &saved.json,
                }])?;
            }
            write_letters(
                self.config,
                store,
                &settled.report(&edition),
                revision,
                self.now,
            )?;
        }
        Ok(stands)
    }
}

/// What was said beside the figures of a month since a statement of it was saved with `kept`.
fn told_since(
    store: &Store,
    sources: &Sources<'_>,
    kept: &SavedBasis,
    settled: &Settled<'_>,
) -> anyhow::Result<Vec<Difference>> {
    let month = sources.shared.month;
    let mut told = Vec::new();
    let causes = |causes: &[StatedCause]| {
        let causes: Vec<&str> = causes.iter().map(|cause| cause.french.as_str()).collect();
        match causes.as_slice() {
            [] => "none".to_owned(),
            causes => causes.join("; "),
        }
    };
    let then = sources.causes_then.get(&kept.shared);
    if let Some(then) = then.filter(|then| **then != month.causes) {
        told.push(Difference {
            place: "causes".to_owned(),
            written: causes(then),
            recomputed: causes(&month.causes),
        });
    }
    let calls = |usage: &Option<Usage>| match usage {
        Some(usage) => format!("{} of {}", usage.n_successes, usage.n_calls),
        None => "not measured".to_owned(),
    };
    let service = &month.service.id;
    let then = read_own(&kept.own, service, month.month)?.usage;
    let now = usage(store, &settled.own.partner.id, service, month.month)?;
    if then != now {
        told.push(Difference {
            place: "calls".to_owned(),
            written: calls(&then),
            recomputed: calls(&now),
        });
    }
    Ok(told)
}

/// What is to be done with a settled month.
enum Step {
    /// An edition is to be written; without a revision, a provisional one.
    Write {
        edition: Edition,
        revision: Option<u32>,
    },
    /// What was saved before says the same.
    Stands,
    /// Nothing.
    Skip(Done),
}

/// The last of these revisions as an edition of the report.
fn edition(service: &Service, revisions: &[SavedStatement]) -> anyhow::Result<Edition> {
    let (last, before) = revisions.split_last().context("read back a statement")?;
    let number = |saved: &SavedStatement| report_number(saved.month, service, saved.revision);
    let replaces = match before.last() {
        Some(before) => {
            let figures = read_figures(&before.json)
                .with_context(|| format!("read the replaced statement of {}", before.month))?;
            Some(Replaced {
                number: number(before),
                established: before.saved,
                reason: phrase(last.reason.as_deref().unwrap_or_default()).to_owned(),
                tally: figures.tally,
                verdict: figures.verdict,
            })
        }
        None => None,
    };
    Ok(Edition {
        number: number(last),
        established: last.saved,
        replaces,
        evidence_sha256: last
            .evidence_sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        engine: last.engine.clone(),
    })
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

/// A reason without the full stop that its sentence brings.
fn phrase(reason: &str) -> &str {
    reason.trim().trim_end_matches('.')
}

fn parse_sha256(hex: &str) -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    for (idx, byte) in bytes.iter_mut().enumerate() {
        let digits = hex.get(2 * idx..2 * idx + 2).context("read a SHA-256")?;
        *byte = u8::from_str_radix(digits, 16).context("read a SHA-256")?;
    }
    Ok(bytes)
}
