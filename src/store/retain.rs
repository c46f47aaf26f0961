//! What is past its retention goes, and what stays can still be verified.
//!
//! Of a chain only the oldest links go, so that the rest holds together: the digest of the last
//! one that went is kept, and the first that stays was written over it.

use super::db::{Database, Value, damaged, values};
use super::error::Failure;
use super::journal;
use super::series::all_series;
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

/// The part of one chain that goes: its first links up to this one.
struct Part {
    series: i64,
    /// The last block that goes.
    number: u64,
    n_blocks: u64,
    n_observations: u64,
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
        for (_, series) in all {
            self.write("remove evidence", |transaction| {
                remove_evidence(transaction, series.id, hour)
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

/// By its number since 1970.
fn first_hour_kept(limits: &Limits) -> i64 {
    limits.evidence_before.unix_ms().div_euclid(HOUR_MS)
}

fn removable(snapshot: &Database, limits: &Limits) -> Result<Removed, Failure> {
    let hour = first_hour_kept(limits);
    let mut removed = Removed::default();
    for (_, series) in all_series(snapshot)? {
        if let Some(part) = part(snapshot, series.id, hour)? {
            removed.n_blocks += part.n_blocks;
            removed.n_observations += part.n_observations;
        }
    }
    let before = values![hour * HOUR_MS];
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

/// The first links of a chain that are all of hours before `hour`. A block that came late for an
/// old hour stays as long as one before it in the chain does.
fn part(database: &Database, series: i64, hour: i64) -> Result<Option<Part>, Failure> {
    let first_kept: Option<i64> = database.one(
        "SELECT min(number) FROM block WHERE series = ?1 AND ?2 <= hour",
        &values![series, hour],
        |row| row.get(0),
    )?;
    let part: (Option<u64>, u64, Option<u64>) = database.one(
        "SELECT max(number), count(*), CAST(sum(n_observations) AS BIGINT) FROM block
         WHERE series = ?1 AND hour < ?2 AND number < ?3",
        &values![series, hour, first_kept.unwrap_or(i64::MAX)],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    Ok(match part {
        (Some(number), n_blocks, Some(n_observations)) => Some(Part {
            series,
            number,
            n_blocks,
            n_observations,
        }),
        _ => None,
    })
}

fn remove_evidence(transaction: &Database, series: i64, hour: i64) -> Result<(), Failure> {
    if let Some(part) = part(transaction, series, hour)? {
        let upto = values![part.series, part.number];
        let n_kept = transaction.execute(
            "UPDATE chain SET n_removed = ?2, kept_from_hour = ?3,
                 removed_sha256 = (SELECT sha256 FROM block JOIN content ON id = content
                                   WHERE series = ?1 AND number = ?2)
             WHERE series = ?1",
            &values![part.series, part.number, hour],
        )?;
        if n_kept != 1 {
            return Err(damaged(format!("series {series} has blocks and no chain")).into());
        }
        transaction.execute(
            "DELETE FROM content WHERE id IN
                 (SELECT content FROM block WHERE series = ?1 AND number <= ?2)",
            &upto,
        )?;
        transaction.execute(
            "DELETE FROM block WHERE series = ?1 AND number <= ?2",
            &upto,
        )?;
    }
    let before = values![series, hour * HOUR_MS];
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
