//! Who did what, when: entries that are only appended, each chained to the one before.
//!
//! An entry's digest is the SHA-256 over the digest of the entry before and its own instant,
//! author, kind and content. A row beside the journal tells how many entries there are and the
//! digest of the last. So a changed, missing, moved, added or cut-off entry shows, and so does a
//! declaration, a decision or a statement that is no longer as its entry says.
//!
//! Whoever may write the file and knows this page can also rewrite all of it. Against that, note
//! the head of the journal elsewhere from time to time: a later journal must still contain it.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;

use super::db::{self, Database, Row, values};
use super::{
    Sha256, Store, StoreError, cause, declaration, hex, import, instant, sha256, statement, usage,
};
use crate::sla::window::Timestamp;

/// An action that has no record of its own in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// What kind of action.
    pub kind: ActionKind,
    /// What exactly; without secrets.
    pub what: Value,
}

/// What kind of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// A configuration came into force.
    ConfigLoaded,
    /// A configuration that was to come into force was wrong: the former one stayed.
    ConfigRefused,
    /// A report was written to files.
    ReportWritten,
    /// A letter was handed to the mail server.
    LetterSent,
    /// The connection broke while a letter was handed over: it may have arrived.
    LetterInterrupted,
    /// A letter was given up: refused for good, or for too long.
    LetterFailed,
    /// A letter is to be sent again, because somebody said so.
    LetterRequeued,
    /// Letters that waited for approval were released.
    LettersApproved,
    /// Evidence was handed out.
    EvidenceExported,
    /// The store was copied.
    BackupWritten,
    /// A copy took the place of the store.
    BackupRestored,
    /// What was past its retention was removed.
    RetentionApplied,
    /// Invented history was written, for a demonstration.
    HistoryInvented,
}

impl ActionKind {
    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ConfigLoaded => "config_loaded",
            Self::ConfigRefused => "config_refused",
            Self::ReportWritten => "report_written",
            Self::LetterSent => "letter_sent",
            Self::LetterInterrupted => "letter_interrupted",
            Self::LetterFailed => "letter_failed",
            Self::LetterRequeued => "letter_requeued",
            Self::LettersApproved => "letters_approved",
            Self::EvidenceExported => "evidence_exported",
            Self::BackupWritten => "backup_written",
            Self::BackupRestored => "backup_restored",
            Self::RetentionApplied => "retention_applied",
            Self::HistoryInvented => "history_invented",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its place, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who: a person, or the program.
    pub who: String,
    /// An [`ActionKind`]'s code, or that of a record: `declared`, `accepted`, `refused`,
    /// `statement_saved`, `evidence_imported`, `usage_counted`, `cause_stated`.
    pub kind: String,
    /// What exactly, as JSON text.
    pub what: String,
    /// Its link in the chain.
    pub sha256: Sha256,
}

/// What a look at the whole journal found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalCheck {
    /// How many entries there are.
    pub n_entries: u64,
    /// How many of them retention took away; they are counted, and not read.
    pub n_removed: u64,
    /// The digest of the last one; zeros if there is none.
    pub head: Sha256,
    /// What does not fit, in order; empty if all does.
    pub faults: Vec<JournalFault>,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalFault {
    /// The entry does not have its digest: it was changed after it was written.
    Changed {
        /// Which.
        entry: u64,
    },
    /// Entries are not there.
    Missing {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// The entry was written after another one than the one that stands before it.
    Moved {
        /// Which.
        entry: u64,
        /// Where the entry stands now after which it was written.
        written_after: u64,
    },
    /// What the entry was written after is not there: the entry before was replaced, or one
    /// between them was taken out and the numbers were closed up.
    Replaced {
        /// Before which; one more than the last entry if that one was replaced.
        before: u64,
    },
    /// Entries stand after the end of the journal.
    Added {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// The row that tells the journal's length and head is gone.
    NoHead,
    /// There is no record as the entry says: it was changed or taken out.
    RecordDiffers {
        /// Which entry.
        entry: u64,
        /// What it says.
        what: String,
    },
    /// A record has no entry: it was changed or put in.
    RecordWithoutEntry {
        /// The entry's kind.
        kind: &'static str,
        /// What its entry would say.
        what: String,
    },
}

impl fmt::Display for JournalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { entry } => write!(f, "entry {entry} was changed after it was written"),
            Self::Missing { first, last } if first == last => write!(f, "entry {first} is missing"),
            Self::Missing { first, last } => {
                write!(f, "entries {first} to {last} are missing")
            }
            Self::Moved {
                entry,
                written_after,
            } => write!(
                f,
                "entry {entry} was moved: it was written right after what is now entry {written_after}"
            ),
            Self::Replaced { before } => write!(
                f,
                "entry {} was replaced, or one was taken out before entry {before}",
                before - 1
            ),
            Self::Added { first, last } if first == last => {
                write!(f, "entry {first} was added without its link")
            }
            Self::Added { first, last } => {
                write!(f, "entries {first} to {last} were added without their link")
            }
            Self::NoHead => f.write_str("the journal's length and head are missing"),
            Self::RecordDiffers { entry, what } => write!(
                f,
                "the record of entry {entry} was changed or taken out; the entry says {what}"
            ),
            Self::RecordWithoutEntry { kind, what } => write!(
                f,
                "a record was changed or put in: no entry `{kind}` says {what}"
            ),
        }
    }
}

impl JournalCheck {
    /// Whether everything fits.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

impl Store {
    /// Appends an action that has no record of its own.
    ///
    /// # Errors
    /// What the database says.
    pub fn journal(
        &mut self,
        who: &str,
        at: Timestamp,
        action: &Action,
    ) -> Result<JournalEntry, StoreError> {
        self.write("append to the journal", |transaction| {
            let what = action.what.to_string();
            Ok(append(transaction, who, at, action.kind.code(), &what)?)
        })
    }

    /// The `last` entries, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn journal_entries(&self, last: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read("read the journal", |snapshot| {
            Ok(snapshot.query(
                "SELECT number, at, who, kind, what, sha256 FROM journal
                 ORDER BY number DESC LIMIT ?1",
                &values![last],
                entry,
            )?)
        })
    }

    /// Reads the whole journal and the records it speaks of, and tells what does not fit.
    ///
    /// # Errors
    /// What the database says.
    pub fn verify_journal(&self) -> Result<JournalCheck, StoreError> {
        self.read("verify the journal", |snapshot| Ok(verify(snapshot)?))
    }
}

/// Appends an entry, in the transaction of what it speaks of.
pub(super) fn append(
    transaction: &Database,
    who: &str,
    at: Timestamp,
    kind: &str,
    what: &str,
) -> db::Result<JournalEntry> {
    let (n_entries, previous): (u64, Sha256) =
        transaction.one("SELECT n_entries, sha256 FROM journal_head", &[], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let entry = JournalEntry {
        number: n_entries + 1,
        at,
        who: who.to_owned(),
        kind: kind.to_owned(),
        what: what.to_owned(),
        sha256: link(&previous, at.unix_ms(), who, kind, what),
    };
    transaction.execute(
        "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &values![
            entry.number,
            at.unix_ms(),
            who,
            kind,
            what,
            previous,
            entry.sha256
        ],
    )?;
    transaction.execute(
        "UPDATE journal_head SET n_entries = ?1, sha256 = ?2",
        &values![entry.number, entry.sha256],
    )?;
    Ok(entry)
}

/// The digest of an entry. Lengths stand before texts, so that no two entries read alike.
fn link(previous: &Sha256, at_ms: i64, who: &str, kind: &str, what: &str) -> Sha256 {
    let mut bytes = b"vigie-journal/1\n".to_vec();
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(&at_ms.to_be_bytes());
    for text in [who, kind, what] {
        // A text is shorter than 2^64 bytes.
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    sha256(&bytes)
}

fn entry(row: &Row<'_>) -> db::Result<JournalEntry> {
    Ok(JournalEntry {
        number: row.get(0)?,
        at: instant(row, 1)?,
        who: row.get(2)?,
        kind: row.get(3)?,
        what: row.get(4)?,
        sha256: row.get(5)?,
    })
}

/// What an entry must say of a record, and who did it when.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Account {
    pub(super) kind: &'static str,
    pub(super) at_ms: i64,
    pub(super) who: String,
    pub(super) what: String,
}

/// Of the entries from before `limit`, those that no entry from after it stands before.
const REMOVABLE: &str = "number < (SELECT coalesce(min(number), 9223372036854775807) FROM journal
                                   WHERE ?1 <= at)";

/// How many entries [`remove_before`] would remove.
pub(super) fn count_before(database: &Database, limit: Timestamp) -> db::Result<u64> {
    let count = format!("SELECT count(*) FROM journal WHERE {REMOVABLE}");
    database.one(&count, &values![limit.unix_ms()], |row| row.get(0))
}

/// Removes the oldest entries; the head keeps the digest that the first of the others was written
/// over.
pub(super) fn remove_before(database: &Database, limit: Timestamp) -> db::Result<()> {
    let last: Option<(u64, Sha256)> = database.first(
        &format!(
            "SELECT number, sha256 FROM journal WHERE {REMOVABLE} ORDER BY number DESC LIMIT 1"
        ),
        &values![limit.unix_ms()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let Some((number, sha256)) = last else {
        return Ok(());
    };
    database.execute("DELETE FROM journal WHERE number <= ?1", &values![number])?;
    database.execute(
        "UPDATE journal_head SET n_removed = ?1, removed_sha256 = ?2, removed_before = ?3",
        &values![number, sha256, limit.unix_ms()],
    )?;
    Ok(())
}

/// What the journal's head says.
#[derive(Clone, Copy)]
struct Head {
    n_entries: u64,
    sha256: Sha256,
    n_removed: u64,
    removed_sha256: Option<Sha256>,
    removed_before_ms: Option<i64>,
}

fn verify(snapshot: &Database) -> db::Result<JournalCheck> {
    let head = snapshot.first(
        "SELECT n_entries, sha256, n_removed, removed_sha256, removed_before FROM journal_head",
        &[],
        |row| {
            Ok(Head {
                n_entries: row.get(0)?,
                sha256: row.get(1)?,
                n_removed: row.get(2)?,
                removed_sha256: row.get(3)?,
                removed_before_ms: row.get(4)?,
            })
        },
    )?;
    // Accounts of records by the digest of their text, which is short where a text is long.
    let mut records: HashMap<Sha256, Account> = HashMap::new();
    let mut take_note = |account: Account| {
        let text = link(
            &[0; 32],
            account.at_ms,
            &account.who,
            account.kind,
            &account.what,
        );
        records.insert(text, account);
    };
    declaration::accounts(snapshot, &mut take_note)?;
    statement::accounts(snapshot, &mut take_note)?;
    import::accounts(snapshot, &mut take_note)?;
    usage::accounts(snapshot, &mut take_note)?;
    cause::accounts(snapshot, &mut take_note)?;

    // Where each digest stands: to tell of a moved entry where it came from.
    let mut places: HashMap<Vec<u8>, u64> = HashMap::new();
    snapshot.for_each("SELECT sha256, number FROM journal", &[], |row| {
        places.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;

    let mut faults = Vec::new();
    let mut last_number = head.as_ref().map_or(0, |head| head.n_removed);
    let removed_sha256 = head.as_ref().and_then(|head| head.removed_sha256);
    let mut last_sha256 = removed_sha256.unwrap_or_default();
    let all = "SELECT number, at, who, kind, what, previous, sha256 FROM journal ORDER BY number";
    snapshot.for_each(all, &[], |row| {
        let number: u64 = row.get(0)?;
        let at_ms: i64 = row.get(1)?;
        let (who, kind, what): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        // A digest of another length is a changed one.
        let previous: Vec<u8> = row.get(5)?;
        let sha256: Vec<u8> = row.get(6)?;
        let previous: Sha256 = previous.try_into().unwrap_or_default();
        let sha256: Sha256 = sha256.try_into().unwrap_or_default();
        if link(&previous, at_ms, &who, &kind, &what) != sha256 {
            faults.push(JournalFault::Changed { entry: number });
        } else if number > last_number + 1 {
            faults.push(JournalFault::Missing {
                first: last_number + 1,
                last: number - 1,
            });
        } else if previous != last_sha256 {
            faults.push(match places.get(previous.as_slice()) {
                Some(&written_after) => JournalFault::Moved {
                    entry: number,
                    written_after,
                },
                None => JournalFault::Replaced { before: number },
            });
        }
        let speaks_of_a_record = declaration::KINDS.contains(&kind.as_str())
            || [statement::KIND, import::KIND, usage::KIND, cause::KIND].contains(&kind.as_str());
        let text = link(&[0; 32], at_ms, &who, &kind, &what);
        if speaks_of_a_record && records.remove(&text).is_none() {
            faults.push(JournalFault::RecordDiffers {
                entry: number,
                what,
            });
        }
        (last_number, last_sha256) = (number, sha256);
        Ok(())
    })?;

    match head {
        None => faults.push(JournalFault::NoHead),
        Some(Head { n_entries, .. }) if last_number < n_entries => {
            faults.push(JournalFault::Missing {
                first: last_number + 1,
                last: n_entries,
            })
        }
        Some(Head { n_entries, .. }) if n_entries < last_number => {
            faults.push(JournalFault::Added {
                first: n_entries + 1,
                last: last_number,
            })
        }
        Some(Head { sha256, .. }) if sha256 != last_sha256 => faults.push(JournalFault::Replaced {
            before: last_number + 1,
        }),
        Some(_) => {}
    }
    // Records outlive their entries, which retention takes away.
    let removed_before_ms = head.and_then(|head| head.removed_before_ms);
    records.retain(|_, record| removed_before_ms.is_none_or(|limit| limit <= record.at_ms));
    let mut without_entry: Vec<Account> = records.into_values().collect();
    without_entry.sort_by(|a, b| (a.at_ms, &a.what).cmp(&(b.at_ms, &b.what)));
    faults.extend(
        without_entry
            .into_iter()
            .map(|account| JournalFault::RecordWithoutEntry {
                kind: account.kind,
                what: account.what,
            }),
    );
    Ok(JournalCheck {
        n_entries: last_number,
        n_removed: head.map_or(0, |head| head.n_removed),
        head: last_sha256,
        faults,
    })
}

/// The head in the form that people note elsewhere.
impl fmt::Display for JournalCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.n_entries)?;
        if self.n_removed > 0 {
            write!(f, " (the first {} removed by retention)", self.n_removed)?;
        }
        write!(f, ", head {}", hex(&self.head))
    }
}
