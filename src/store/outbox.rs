//! Letters about statements: each stands here once, from the transaction that saves its statement
//! on.
//!
//! ```text
//! unwritten --write--> held --approve--> due --attempt--> sent
//!     '-----write---------------------->  |  '--attempt--> failed
//!                                         '<--requeue--- sent, failed
//! ```
//!
//! A letter is written once the documents that it brings stand on disk, so that none is sent
//! before them. A later revision of its statement supersedes a letter that was not sent.
//!
//! Sending cannot be part of a transaction. Whoever sends a letter claims it first, for a time; if
//! nothing is recorded in that time, it is due again. So a letter is sent at least once whatever
//! happens, and by one process at a time.

use std::fmt;

use serde_json::json;

use super::db::{self, Database, Row, damaged, values};
use super::journal::{self, ActionKind};
use super::{Sha256, Store, StoreError, hex, id, instant, optional_instant};
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::window::{Month, Timestamp, parse_zone};

/// The number of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId(pub u32);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A letter as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedLetter {
    /// Its number.
    pub id: LetterId,
    /// To whom.
    pub partner: PartnerId,
    /// About what.
    pub service: ServiceId,
    /// Of which month.
    pub month: Month,
    /// Which revision of the statement it brings.
    pub revision: u32,
    /// The mailbox.
    pub recipient: String,
    /// Where it stands.
    pub state: LetterState,
    /// Since when.
    pub since: Timestamp,
    /// The date that it carries: when it was last released. Absent until it may be sent.
    pub dated: Option<Timestamp>,
    /// When it may be tried; absent unless due.
    pub next_attempt: Option<Timestamp>,
    /// How often it was tried.
    pub n_attempts: u32,
    /// When it was last tried.
    pub last_attempt: Option<Timestamp>,
    /// What the mail server said last. May quote the mailbox.
    pub last_answer: Option<String>,
    /// Absent while unwritten.
    pub content: Option<LetterContent>,
}

impl SavedLetter {
    /// The number of the report that it brings, for example `2025-10-particulier-v1`.
    pub fn number(&self) -> String {
        format!("{}-{}-v{}", self.month, self.service, self.revision)
    }
}

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LetterState {
    /// The statement is saved, its documents are not there yet.
    Unwritten,
    /// Waits for somebody's approval.
    Held,
    /// To be sent at the next opportunity.
    Due,
    /// The mail server has taken it over.
    Sent,
    /// Given up: the mail server refused it for good, or for too long.
    Failed,
    /// A later revision of its statement was saved before it was sent.
    Superseded,
}

impl LetterState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unwritten,
        Self::Held,
        Self::Due,
        Self::Sent,
        Self::Failed,
        Self::Superseded,
    ];

    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unwritten => "unwritten",
            Self::Held => "held",
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }
}

/// What stands in a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterContent {
    /// One line.
    pub subject: String,
    /// The whole letter as plain text.
    pub text: String,
    /// The same letter as a page.
    pub html: String,
    /// The file names of what is attached, among the documents of the statement's report.
    pub documents: Vec<String>,
}

/// Whether a written letter may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// At once.
    Now,
    /// After somebody approved it.
    AfterApproval,
}

/// Which letters are asked for; the default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// In this state only.
    pub state: Option<LetterState>,
    /// About this month only, `YYYY-MM`.
    pub month: Option<String>,
    /// To this partner only.
    pub partner: Option<PartnerId>,
    /// About this service only.
    pub service: Option<ServiceId>,
}

/// What came of an attempt to send a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The mail server has taken it over.
    Sent {
        /// What it said.
        answer: String,
        /// The Message-ID.
        message_id: String,
        /// Of the whole message.
        message_sha256: Sha256,
    },
    /// To be tried again.
    Later {
        /// Why, or what the mail server said.
        answer: String,
        /// Not before.
        next: Timestamp,
        /// Whether the connection broke so late that the letter may have arrived.
        may_have_arrived: bool,
    },
    /// The letter was not looked at, for a reason that lies with us or with the mail server: not
    /// counted as an attempt.
    Unable {
        /// Why.
        reason: String,
        /// Not before.
        next: Timestamp,
    },
    /// Not to be tried again.
    Failed {
        /// Why, or what the mail server said.
        answer: String,
    },
}

/// How many letters stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Their documents are not there yet.
    pub unwritten: u64,
    /// Wait for approval.
    pub held: u64,
    /// To be sent.
    pub due: u64,
    /// Of those to be sent, the ones that have been due for too long.
    pub late: u64,
    /// Taken over by the mail server.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
}

const SELECT: &str = "SELECT letter.id, partner, service, month, zone, revision, recipient, state,
        since, dated, next_attempt, n_attempts, last_attempt, last_answer,
        subject, text, html, documents
    FROM letter JOIN statement ON statement.id = letter.statement";

impl Store {
    /// Writes a letter whose documents stand on disk. One that is written already stays as it is:
    /// what is said here is whether it was still unwritten.
    ///
    /// # Errors
    /// What the database says.
    pub fn write_letter(
        &mut self,
        letter: LetterId,
        content: &LetterContent,
        release: Release,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (state, released) = match release {
            Release::Now => (LetterState::Due, Some(at.unix_ms())),
            Release::AfterApproval => (LetterState::Held, None),
        };
        self.write("write a letter", |transaction| {
            let n_changed = transaction.execute(
                "UPDATE letter
                 SET state = ?2, since = ?3, dated = ?4, next_attempt = ?4,
                     subject = ?5, text = ?6, html = ?7, documents = ?8
                 WHERE id = ?1 AND state = 'unwritten'",
                &values![
                    letter.0,
                    state.code(),
                    at.unix_ms(),
                    released,
                    &content.subject,
                    &content.text,
                    &content.html,
                    json!(content.documents).to_string(),
                ],
            )?;
            Ok(n_changed > 0)
        })
    }

    /// Releases the letters of a month (`YYYY-MM`) that wait for approval, with a journal entry;
    /// of one partner if one is given. Tells how many there were.
    ///
    /// # Errors
    /// What the database says.
    pub fn approve_letters(
        &mut self,
        month: &str,
        partner: Option<&PartnerId>,
        who: &str,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        self.write("approve letters", |transaction| {
            let mut ids: Vec<u32> = transaction.query(
                "UPDATE letter SET state = 'due', since = ?3, dated = ?3, next_attempt = ?3
                 WHERE state = 'held' AND statement IN (
                     SELECT id FROM statement
                     WHERE month = ?1 AND partner = coalesce(?2, partner))
                 RETURNING id",
                &values![month, partner.map(PartnerId::as_str), at.unix_ms()],
                |row| row.get(0),
            )?;
            ids.sort_unstable();
            if !ids.is_empty() {
                let what = json!({
                    "letters": ids,
                    "month": month,
                    "partner": partner.map(PartnerId::as_str),
                });
                let kind = ActionKind::LettersApproved.code();
                journal::append(transaction, who, at, kind, &what.to_string())?;
            }
            Ok(ids.len())
        })
    }

    /// The letter of this number.
    ///
    /// # Errors
    /// What the database says.
    pub fn letter(&self, id: LetterId) -> Result<Option<SavedLetter>, StoreError> {
        self.read("read a letter", |snapshot| Ok(find(snapshot, id)?))
    }

    /// Letters, in the order of their months and numbers.
    ///
    /// # Errors
    /// What the database says.
    pub fn letters(&self, filter: &LetterFilter) -> Result<Vec<SavedLetter>, StoreError> {
        self.read("read letters", |snapshot| {
            Ok(snapshot.query(
                &format!(
                    "{SELECT}
                     WHERE state = coalesce(?1, state) AND month = coalesce(?2, month)
                       AND partner = coalesce(?3, partner) AND service = coalesce(?4, service)
                     ORDER BY month, letter.id"
                ),
                &values![
                    filter.state.map(LetterState::code),
                    filter.month.as_deref(),
                    filter.partner.as_ref().map(PartnerId::as_str),
                    filter.service.as_ref().map(ServiceId::as_str),
                ],
                read,
            )?)
        })
    }

    /// The letters of one revision of a statement that are not written yet.
    ///
    /// # Errors
    /// What the database says.
    pub fn unwritten_letters(
        &self,
        partner: &PartnerId,
        service: &ServiceId,
        month: Month,
        revision: u32,
    ) -> Result<Vec<SavedLetter>, StoreError> {
        self.read("read unwritten letters", |snapshot| {
            Ok(snapshot.query(
                &format!(
                    "{SELECT}
                     WHERE partner = ?1 AND service = ?2 AND month = ?3 AND revision = ?4
                       AND state = 'unwritten'
                     ORDER BY letter.id"
                ),
                &values![
                    partner.as_str(),
                    service.as_str(),
                    month.to_string(),
                    revision
                ],
                read,
            )?)
        })
    }

    /// Up to `n_max` letters that may be tried at `now`, those that wait longest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn due_letters(&self, now: Timestamp, n_max: usize) -> Result<Vec<LetterId>, StoreError> {
        self.read("read due letters", |snapshot| {
            Ok(snapshot.query(
                "SELECT id FROM letter WHERE state = 'due' AND next_attempt <= ?1
                 ORDER BY next_attempt, id LIMIT ?2",
                &values![now.unix_ms(), n_max],
                |row| row.get(0).map(LetterId),
            )?)
        })
    }

    /// Takes a letter that may be tried at `at`, until `until`: nobody else gets it before. Absent
    /// if it may not be tried (any more).
    ///
    /// # Errors
    /// What the database says.
    pub fn claim_letter(
        &mut self,
        letter: LetterId,
        at: Timestamp,
        until: Timestamp,
    ) -> Result<Option<SavedLetter>, StoreError> {
        self.write("claim a letter", |transaction| {
            let n_changed = transaction.execute(
                "UPDATE letter
                 SET next_attempt = ?3, last_attempt = ?2, n_attempts = n_attempts + 1
                 WHERE id = ?1 AND state = 'due' AND next_attempt <= ?2",
                &values![letter.0, at.unix_ms(), until.unix_ms()],
            )?;
            Ok(match n_changed {
                0 => None,
                _ => find(transaction, letter)?,
            })
        })
    }

    /// Records what came of an attempt, with its journal entry where the letter was sent, may
    /// have been, or was given up. A letter that was superseded meanwhile stays so, unless it was
    /// sent.
    ///
    /// # Errors
    /// What the database says.
    pub fn record_attempt(
        &mut self,
        letter: LetterId,
        attempt: &Attempt,
        who: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("record an attempt to send a letter", |transaction| {
            let (state, next, answer) = match attempt {
                Attempt::Sent { answer, .. } => (LetterState::Sent, None, answer),
                Attempt::Failed { answer } => (LetterState::Failed, None, answer),
                Attempt::Later { answer, next, .. } => (LetterState::Due, Some(next), answer),
                Attempt::Unable { reason, next } => (LetterState::Due, Some(next), reason),
            };
            let not_counted = matches!(attempt, Attempt::Unable { .. });
            transaction.execute(
                "UPDATE letter
                 SET since = CASE WHEN state = ?2 THEN since ELSE ?3 END, state = ?2,
                     next_attempt = ?4, last_answer = ?5, n_attempts = n_attempts - ?6
                 WHERE id = ?1 AND (state = 'due' OR ?2 = 'sent')",
                &values![
                    letter.0,
                    state.code(),
                    at.unix_ms(),
                    next.map(|next| next.unix_ms()),
                    answer,
                    not_counted,
                ],
            )?;
            let Some(saved) = find(transaction, letter)? else {
                return Ok(());
            };
            let mut what = about(&saved);
            what["answer"] = json!(answer);
            let kind = match attempt {
                Attempt::Sent {
                    message_id,
                    message_sha256,
                    ..
                } => {
                    what["message_id"] = json!(message_id);
                    what["message_sha256"] = json!(hex(message_sha256));
                    ActionKind::LetterSent
                }
                Attempt::Failed { .. } => ActionKind::LetterFailed,
                Attempt::Later {
                    may_have_arrived: true,
                    ..
                } => ActionKind::LetterInterrupted,
                Attempt::Later { .. } | Attempt::Unable { .. } => return Ok(()),
            };
            journal::append(transaction, who, at, kind.code(), &what.to_string())?;
            Ok(())
        })
    }

    /// Makes a letter that was sent or given up due again, with its journal entry. Tells whether
    /// it was one of these.
    ///
    /// # Errors
    /// What the database says.
    pub fn requeue_letter(
        &mut self,
        letter: LetterId,
        who: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write("put a letter back into the outbox", |transaction| {
            let n_changed = transaction.execute(
                "UPDATE letter SET state = 'due', since = ?2, dated = ?2, next_attempt = ?2,
                     n_attempts = 0
                 WHERE id = ?1 AND state IN ('sent', 'failed')",
                &values![letter.0, at.unix_ms()],
            )?;
            if n_changed == 0 {
                return Ok(false);
            }
            if let Some(saved) = find(transaction, letter)? {
                let kind = ActionKind::LetterRequeued.code();
                journal::append(transaction, who, at, kind, &about(&saved).to_string())?;
            }
            Ok(true)
        })
    }

    /// How many letters stand where; late are those that at `now` have been due for more than
    /// `late_ms`.
    ///
    /// # Errors
    /// What the database says.
    pub fn outbox_counts(&self, now: Timestamp, late_ms: i64) -> Result<OutboxCounts, StoreError> {
        self.read("count letters", |snapshot| {
            let mut counts = OutboxCounts::default();
            snapshot.for_each(
                "SELECT state, count(*), count(*) FILTER (WHERE since < ?1)
                 FROM letter GROUP BY state",
                &values![now.plus_ms(-late_ms).unix_ms()],
                |row| {
                    let n: u64 = row.get(1)?;
                    match state(row, 0)? {
                        LetterState::Unwritten => counts.unwritten = n,
                        LetterState::Held => counts.held = n,
                        LetterState::Due => (counts.due, counts.late) = (n, row.get(2)?),
                        LetterState::Sent => counts.sent = n,
                        LetterState::Failed => counts.failed = n,
                        LetterState::Superseded => {}
                    }
                    Ok(())
                },
            )?;
            Ok(counts)
        })
    }
}

/// Puts the letters of a new statement into the outbox, in the transaction that saves it. Letters
/// about an earlier revision that were not sent are not sent any more.
pub(super) fn enqueue(
    transaction: &Database,
    statement: i64,
    recipients: &[String],
    at: Timestamp,
) -> db::Result<()> {
    transaction.execute(
        "UPDATE letter SET state = 'superseded', since = ?2, next_attempt = NULL
         WHERE state IN ('unwritten', 'held', 'due', 'failed') AND statement IN (
             SELECT old.id FROM statement AS new JOIN statement AS old
                 ON old.partner = new.partner AND old.service = new.service
                 AND old.month = new.month AND old.revision < new.revision
             WHERE new.id = ?1)",
        &values![statement, at.unix_ms()],
    )?;
    for recipient in recipients {
        transaction.execute(
            "INSERT INTO letter (statement, recipient, state, since)
             VALUES (?1, ?2, 'unwritten', ?3) ON CONFLICT DO NOTHING",
            &values![statement, recipient, at.unix_ms()],
        )?;
    }
    Ok(())
}

fn find(database: &Database, letter: LetterId) -> db::Result<Option<SavedLetter>> {
    let sql = format!("{SELECT} WHERE letter.id = ?1");
    database.first(&sql, &values![letter.0], read)
}

/// What the journal says of a letter. Not its mailbox: entries are never deleted, addresses of
/// people must be; the Message-ID proves which mailbox it was to whoever names it.
fn about(letter: &SavedLetter) -> serde_json::Value {
    json!({
        "letter": letter.id.0,
        "month": letter.month.to_string(),
        "partner": letter.partner.as_str(),
        "revision": letter.revision,
        "service": letter.service.as_str(),
    })
}

fn read(row: &Row<'_>) -> db::Result<SavedLetter> {
    let (month, zone): (String, String) = (row.get(3)?, row.get(4)?);
    let month = parse_zone(&zone)
        .and_then(|zone| Month::parse(&month, zone))
        .map_err(|error| damaged(error.to_string()))?;
    let content = match row.get::<Option<String>>(14)? {
        None => None,
        Some(subject) => Some(LetterContent {
            subject,
            text: row.get(15)?,
            html: row.get(16)?,
            documents: serde_json::from_str(&row.get::<String>(17)?)
                .map_err(|error| damaged(error.to_string()))?,
        }),
    };
    Ok(SavedLetter {
        id: LetterId(row.get(0)?),
        partner: id(row, 1, PartnerId::new)?,
        service: id(row, 2, ServiceId::new)?,
        month,
        revision: row.get(5)?,
        recipient: row.get(6)?,
        state: state(row, 7)?,
        since: instant(row, 8)?,
        dated: optional_instant(row, 9)?,
        next_attempt: optional_instant(row, 10)?,
        n_attempts: row.get(11)?,
        last_attempt: optional_instant(row, 12)?,
        last_answer: row.get(13)?,
        content,
    })
}

fn state(row: &Row<'_>, column: usize) -> db::Result<LetterState> {
    let code: String = row.get(column)?;
    LetterState::ALL
        .into_iter()
        .find(|state| state.code() == code)
        .ok_or_else(|| damaged(format!("`{code}` is not a state of a letter")))
}
