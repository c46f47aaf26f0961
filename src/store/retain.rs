//! What is past its retention goes, and what stays can still be verified.
//!
//! Of a chain only the oldest links go, so that the rest holds together: the digest of the last
//! one that went is kept, and the first that stays was written over it.

use std::collections::BTreeMap;
use std::iter;

use super::block::Hour;
use super::block::day::{Day, Sheet};
use super::days;
use super::db::{Database, Value, damaged, values};
use super::error::Failure;
use super::journal;
use super::series::{Names, all_series};
use super::{Action, ActionKind, Store, StoreError, id, instant};
use crate::sla::catalog::PartnerId;
use crate::sla::window::{HOUR_MS, Timestamp};

/// Until when what may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Observations of ticks before this instant, with their traces and missed ticks; whole hours.
    pub evidence_before: Timestamp,
    /// Journal entries from before this instant.
    pub journal_before: Timestamp,
    /// Letters to these partners, with their addresses.
    pub letters_of: Vec<PartnerId>,
}

/// What went, or would go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Sealed observations.
    pub n_observations: u64,
    /// The blocks they are in.
    pub n_blocks: u64,
    /// Traces of failures.
    pub n_traces: u64,
    /// Records of missed ticks.
    pub n_missed: u64,
    /// Journal entries.
    pub n_journal_entries: u64,
    /// Letters.
    pub n_letters: u64,
}

impl Removed {
    /// Whether nothing went.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// What would go under these limits.
    ///
    /// # Errors
    /// What the database says.
    pub fn retained(&self, limits: &Limits) -> Result<Removed, StoreError> {
        self.read("find what is past its retention", |snapshot| {
            removable(snapshot, limits)
        })
    }

    /// The partners that letters were written to, each with when its last one came to its state.
    ///
    /// # Errors
    /// What the database says.
    pub fn partners_with_letters(&self) -> Result<Vec<(PartnerId, Timestamp)>, StoreError> {
        self.read("read whom letters went to", |snapshot| {
            Ok(snapshot.query(
                "SELECT partner, max(since) FROM letter
                 JOIN statement ON statement.id = letter.statement
                 GROUP BY partner ORDER BY partner",
                &[],
                |row| Ok((id(row, 0, PartnerId::new)?, instant(row, 1)?)),
            )?)
        })
    }

    /// Removes what is past its retention. The journal says so first, in a transaction of its own,
    /// and what it says is removed piece by piece, so that appending never waits long; if that is
    /// interrupted, the next time goes on.
    ///
    /// # Errors
    /// What the database says.
    pub fn remove(
        &mut self,
        limits: &Limits,
        who: &str,
        now: Timestamp,
    ) -> Result<Removed, StoreError> {
        let removed = self.retained(limits)?;
        if removed.is_nothing() {
            return Ok(removed);
        }
        let action = Action {
            kind: ActionKind::RetentionApplied,
            what: serde_json::json!({
                "evidence_before": limits.evidence_before.to_string(),
                "observations": removed.n_observations,
                "blocks": removed.n_blocks,
                "traces": removed.n_traces,
                "missed": removed.n_missed,
                "journal_before": limits.journal_before.to_string(),
                "journal_entries": removed.n_journal_entries,
                "letters": removed.n_letters,
                "letters_of": limits.letters_of.iter().map(PartnerId::as_str).collect::<Vec<_>>(),
            }),
        };
        self.journal(who, now, &action)?;
        let all = self.read("find what is past its retention", |snapshot| {
            Ok(all_series(snapshot)?)
        })?;
        let hour = first_hour_kept(limits);
        for (names, series) in all {
            self.write("remove evidence", |transaction| {
                remove_evidence(transaction, &names, series.id, hour)
            })?;
        }
        self.write("remove journal entries", |transaction| {
            journal::remove_before(transaction, limits.journal_before)?;
            Ok(())
        })?;
        self.write("remove letters", |transaction| {
            for partner in &limits.letters_of {
                transaction.execute(
                    "DELETE FROM letter WHERE statement IN
                         (SELECT id FROM statement WHERE partner = ?1)",
                    &values![partner.as_str()],
                )?;
            }
            Ok(())
        })?;
        Ok(removed)
    }
}

/// Refuses what cannot be whole any more: removed evidence must not be taken for silence.
pub(super) fn check_kept(database: &Database, asked: Timestamp) -> Result<(), Failure> {
    let hour: Option<i64> = database.one("SELECT max(kept_from_hour) FROM chain", &[], |row| {
        row.get(0)
    })?;
    match hour.and_then(|hour| Timestamp::from_unix_ms(hour * HOUR_MS)) {
        Some(kept_from) if asked < kept_from => {
            Err(StoreError::EvidenceRemoved { asked, kept_from }.into())
        }
        _ => Ok(()),
    }
}

fn first_hour_kept(limits: &Limits) -> Hour {
    Hour::of(limits.evidence_before)
}

fn removable(snapshot: &Database, limits: &Limits) -> Result<Removed, Failure> {
    let hour = first_hour_kept(limits);
    let mut removed = Removed::default();
    for (names, series) in all_series(snapshot)? {
        for sheet in links_before(snapshot, &names, series.id, hour)? {
            removed.n_blocks += 1;
            removed.n_observations += u64::from(sheet.header.n_observations);
        }
    }
    let before = values![hour.start().unix_ms()];
    let count = |sql: &str, values: &[Value]| snapshot.one(sql, values, |row| row.get::<u64>(0));
    removed.n_traces = count("SELECT count(*) FROM trace WHERE tick < ?1", &before)?;
    removed.n_missed = count("SELECT count(*) FROM missed WHERE last_tick < ?1", &before)?;
    removed.n_journal_entries = journal::count_before(snapshot, limits.journal_before)?;
    for partner in &limits.letters_of {
        removed.n_letters += count(
            "SELECT count(*) FROM letter JOIN statement ON statement.id = letter.statement
             WHERE partner = ?1",
            &values![partner.as_str()],
        )?;
    }
    Ok(removed)
}

/// The first links of a chain that are all of hours before `hour`, in order. A block that came late
/// for an old hour stays as long as one before it in the chain does.
fn links_before(
    database: &Database,
    (endpoint, vantage): &Names,
    series: i64,
    hour: Hour,
) -> Result<Vec<Sheet>, Failure> {
    let n_removed: Option<u64> = database.first(
        "SELECT n_removed FROM chain WHERE series = ?1",
        &values![series],
        |row| row.get(0),
    )?;
    let days = (Day::ALL.0, Day::of(hour));
    let mut links = days::sheets(database, series, (endpoint, vantage), days)?;
    links.retain(|sheet| sheet.hour < hour);
    links.sort_by_key(|sheet| sheet.number);
    let first = n_removed.unwrap_or(0) + 1;
    let n_links = iter::zip(first.., &links)
        .take_while(|(number, sheet)| *number == sheet.number)
        .count();
    links.truncate(n_links);
    Ok(links)
}

fn remove_evidence(
    transaction: &Database,
    names: &Names,
    series: i64,
    hour: Hour,
) -> Result<(), Failure> {
    let links = links_before(transaction, names, series, hour)?;
    if let Some(last) = links.last() {
        let n_kept = transaction.execute(
            "UPDATE chain SET n_removed = ?2, kept_from_hour = ?3,
                 removed_sha256 = (SELECT sha256 FROM content WHERE id = ?4)
             WHERE series = ?1",
            &values![series, last.number, hour.number(), last.content],
        )?;
        if n_kept != 1 {
            return Err(damaged(format!("series {series} has blocks and no chain")).into());
        }
        let contents = links.iter().map(|sheet| values![sheet.content].to_vec());
        transaction.execute_many("DELETE FROM content WHERE id = ?1", contents.collect())?;
        let mut kept: BTreeMap<Day, Vec<Sheet>> = links
            .iter()
            .map(|sheet| (Day::of(sheet.hour), Vec::new()))
            .collect();
        let (endpoint, vantage) = names;
        let days = (Day::ALL.0, Day::of(hour));
        for sheet in days::sheets(transaction, series, (endpoint, vantage), days)? {
            if let Some(kept) = kept.get_mut(&Day::of(sheet.hour))
                && last.number < sheet.number
            {
                kept.push(sheet);
            }
        }
        let days = kept.into_iter().map(|(day, sheets)| (series, day, sheets));
        days::write(transaction, &days.collect::<Vec<_>>())?;
    }
    let before = values![series, hour.start().unix_ms()];
    transaction.execute(
        "DELETE FROM explanation WHERE series = ?1 AND tick < ?2",
        &before,
    )?;
    transaction.execute("DELETE FROM trace WHERE series = ?1 AND tick < ?2", &before)?;
    transaction.execute(
        "DELETE FROM missed WHERE series = ?1 AND last_tick < ?2",
        &before,
    )?;
    transaction.execute("DELETE FROM late WHERE series = ?1 AND tick < ?2", &before)?;
    Ok(())
}
