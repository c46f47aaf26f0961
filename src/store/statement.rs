//! What months said: statements, revision by revision, as the bytes that were handed out.

use std::collections::BTreeSet;

use serde_json::json;

use super::db::{self, Database, Row, damaged, values};
use super::journal::{self, Account};
use super::{Sha256, Store, StoreError, hex, id, instant, outbox, sha256};
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::window::{Month, Timestamp, parse_zone};

/// The kind of journal entries that speak of statements.
pub(super) const KIND: &str = "statement_saved";

/// The number of a saved statement: later ones have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementNumber(pub(super) i64);

impl StatementNumber {
    /// Of one that is about to be saved.
    const NEW: Self = Self(0);
}

/// What a statement was settled from beside the observations, as the month-end writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBasis {
    /// What it has in common with others; kept once.
    pub shared: Vec<u8>,
    /// What it has not.
    pub own: Vec<u8>,
}

/// What is kept of it with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedBasis {
    /// Of what it has in common with others; see [`Store::basis`].
    pub shared: Sha256,
    /// What it has not.
    pub own: Vec<u8>,
}

/// A statement to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStatement {
    /// To whom.
    pub partner: PartnerId,
    /// About what.
    pub service: ServiceId,
    /// Of which month.
    pub month: Month,
    /// The statement, as it is handed out.
    pub json: Vec<u8>,
    /// Of the evidence that it was settled from.
    pub evidence_sha256: Sha256,
    /// Which version of the commitment it was settled under.
    pub commitment: String,
    /// Which program settled it, with its time-zone data.
    pub engine: String,
    /// Why it replaces what was said before. Not kept with a first revision, which replaces
    /// nothing.
    pub reason: Option<String>,
    /// What it was settled from beside the observations.
    pub basis: Option<NewBasis>,
    /// How far its evidence reaches.
    pub evidence_end: Timestamp,
    /// The mailboxes that are to have it: a letter to each is in the outbox from the same moment
    /// on as the statement is saved.
    pub letters_to: Vec<String>,
}

/// A statement as it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedStatement {
    /// Its number.
    pub number: StatementNumber,
    /// To whom.
    pub partner: PartnerId,
    /// About what.
    pub service: ServiceId,
    /// Of which month.
    pub month: Month,
    /// From 1; each replaces the one before.
    pub revision: u32,
    /// The statement, as it was handed out.
    pub json: Vec<u8>,
    /// Of the evidence that it was settled from.
    pub evidence_sha256: Sha256,
    /// Which version of the commitment it was settled under.
    pub commitment: String,
    /// Which program settled it, with its time-zone data.
    pub engine: String,
    /// Who saved it.
    pub author: String,
    /// When it was saved.
    pub saved: Timestamp,
    /// Why it replaces the revision before; absent in the first.
    pub reason: Option<String>,
    /// What it was settled from beside the observations; absent if it was saved by a version that
    /// did not keep it.
    pub basis: Option<SavedBasis>,
}

impl SavedStatement {
    /// The revision that it replaces.
    pub fn replaces(&self) -> Option<u32> {
        (self.revision > 1).then(|| self.revision - 1)
    }
}

/// What became of a statement that was to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is the first of its month.
    First,
    /// It replaces what was said before.
    Revised {
        /// Its own revision.
        revision: u32,
    },
    /// The latest revision says the same, byte for byte; nothing was written.
    Unchanged {
        /// That revision.
        revision: u32,
    },
}

const COLUMNS: &str = "partner, service, month, revision, zone, json, json_sha256, \
                       evidence_sha256, commitment, engine, author, saved, reason, \
                       shared_basis, basis";

impl Store {
    /// Saves statements with their journal entries and their letters, in one transaction: all of
    /// them or none. What became of each is told in their order.
    ///
    /// # Errors
    /// One that says something else than the latest saved of its month and gives no reason, or
    /// what the database says.
    pub fn save_statements(
        &mut self,
        statements: &[NewStatement],
        who: &str,
        at: Timestamp,
    ) -> Result<Vec<Saved>, StoreError> {
        self.write("save statements", |transaction| {
            let mut outcomes = Vec::with_capacity(statements.len());
            for statement in statements {
                let latest = transaction.first(
                    "SELECT revision, json, shared_basis, basis FROM statement
                     WHERE partner = ?1 AND service = ?2 AND month = ?3
                     ORDER BY revision DESC LIMIT 1",
                    &values![
                        statement.partner.as_str(),
                        statement.service.as_str(),
                        statement.month.to_string(),
                    ],
                    |row| {
                        let basis: (Option<Sha256>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
                        Ok((row.get::<u32>(0)?, row.get::<Vec<u8>>(1)?, basis))
                    },
                )?;
                let basis = statement.basis.as_ref();
                let basis = (
                    basis.map(|basis| sha256(&basis.shared)),
                    basis.map(|basis| basis.own.clone()),
                );
                let (outcome, revision, reason) = match (latest, &statement.reason) {
                    (None, _) => (Saved::First, 1, None),
                    // A revision may also say the same of what was told anew beside the figures.
                    (Some((revision, json, then)), reason)
                        if json == statement.json && (reason.is_none() || then == basis) =>
                    {
                        outcomes.push(Saved::Unchanged { revision });
                        continue;
                    }
                    (Some((revision, ..)), Some(reason)) => {
                        let revision = revision + 1;
                        (Saved::Revised { revision }, revision, Some(reason.clone()))
                    }
                    (Some((revision, ..)), None) => {
                        return Err(StoreError::NeedsReason {
                            partner: statement.partner.clone(),
                            service: statement.service.clone(),
                            month: statement.month,
                            revision,
                        }
                        .into());
                    }
                };
                let saved = SavedStatement {
                    number: StatementNumber::NEW,
                    partner: statement.partner.clone(),
                    service: statement.service.clone(),
                    month: statement.month,
                    revision,
                    json: statement.json.clone(),
                    evidence_sha256: statement.evidence_sha256,
                    commitment: statement.commitment.clone(),
                    engine: statement.engine.clone(),
                    author: who.to_owned(),
                    saved: at,
                    reason,
                    basis: match &statement.basis {
                        None => None,
                        Some(basis) => Some(SavedBasis {
                            shared: keep_basis(transaction, &basis.shared)?,
                            own: basis.own.clone(),
                        }),
                    },
                };
                let row = insert(transaction, &saved, statement.evidence_end)?;
                outbox::enqueue(transaction, row, &statement.letters_to, at)?;
                journal::append(transaction, who, at, KIND, &saved_text(&saved))?;
                outcomes.push(outcome);
            }
            Ok(outcomes)
        })
    }

    /// The latest revision of what was said to `partner` about `service` in `month`, whatever
    /// zone its bounds were taken in.
    ///
    /// # Errors
    /// Bytes that are no longer those that were saved, or what the database says.
    pub fn statement(
        &self,
        partner: &PartnerId,
        service: &ServiceId,
        month: Month,
    ) -> Result<Option<SavedStatement>, StoreError> {
        Ok(self.statement_revisions(partner, service, month)?.pop())
    }

    /// Every revision of it, in order.
    ///
    /// # Errors
    /// Bytes that are no longer those that were saved, or what the database says.
    pub fn statement_revisions(
        &self,
        partner: &PartnerId,
        service: &ServiceId,
        month: Month,
    ) -> Result<Vec<SavedStatement>, StoreError> {
        self.read("read statements", |snapshot| {
            Ok(snapshot.query(
                &format!(
                    "SELECT {COLUMNS}, id FROM statement
                     WHERE partner = ?1 AND service = ?2 AND month = ?3 ORDER BY revision"
                ),
                &values![partner.as_str(), service.as_str(), month.to_string()],
                read_intact,
            )?)
        })
    }

    /// What statements have in common, by its [name](SavedBasis::shared).
    ///
    /// # Errors
    /// Bytes that are no longer those that were saved, or what the database says.
    pub fn basis(&self, name: &Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        self.read("read the basis of a statement", |snapshot| {
            let json = snapshot.first(
                "SELECT json FROM basis WHERE sha256 = ?1",
                &values![*name],
                |row| row.get::<Vec<u8>>(0),
            )?;
            match json {
                Some(json) if sha256(&json) != *name => {
                    let what = format!("the basis {} is not as it was saved", hex(name));
                    Err(damaged(what).into())
                }
                json => Ok(json),
            }
        })
    }

    /// The digests of the evidence that reaches beyond `since` and that a statement, of whatever
    /// revision, was settled from.
    ///
    /// # Errors
    /// What the database says.
    pub fn evidence_since(&self, since: Timestamp) -> Result<BTreeSet<String>, StoreError> {
        self.read("read which evidence statements rest on", |snapshot| {
            let digests = snapshot.query(
                "SELECT DISTINCT evidence_sha256 FROM statement
                 WHERE coalesce(evidence_end, ?1) >= ?1",
                &values![since.unix_ms()],
                |row| Ok(hex(&row.get::<Sha256>(0)?)),
            )?;
            Ok(digests.into_iter().collect())
        })
    }

    /// The latest revision of every month said to `partner` about `service` (absent: to all,
    /// about all), in order of month, partner, service.
    ///
    /// # Errors
    /// Bytes that are no longer those that were saved, or what the database says.
    pub fn latest_statements(
        &self,
        partner: Option<&PartnerId>,
        service: Option<&ServiceId>,
    ) -> Result<Vec<SavedStatement>, StoreError> {
        self.read("read statements", |snapshot| {
            Ok(snapshot.query(
                &format!(
                    "SELECT {COLUMNS}, id FROM statement AS s
                     WHERE partner = coalesce(?1, partner) AND service = coalesce(?2, service)
                       AND revision = (SELECT max(revision) FROM statement AS other
                                       WHERE other.partner = s.partner
                                         AND other.service = s.service
                                         AND other.month = s.month)
                     ORDER BY month, partner, service"
                ),
                &values![
                    partner.map(PartnerId::as_str),
                    service.map(ServiceId::as_str),
                ],
                read_intact,
            )?)
        })
    }
}

/// Hands on what the journal must say of each statement, from the bytes as they are now.
pub(super) fn accounts(database: &Database, take_note: &mut impl FnMut(Account)) -> db::Result<()> {
    let all = format!("SELECT {COLUMNS}, id FROM statement ORDER BY id");
    database.for_each(&all, &[], |row| {
        let saved = read(row)?;
        take_note(Account {
            kind: KIND,
            at_ms: saved.saved.unix_ms(),
            what: saved_text(&saved),
            who: saved.author,
        });
        Ok(())
    })
}

/// Keeps a shared document, once; gives its name.
fn keep_basis(database: &Database, json: &[u8]) -> db::Result<Sha256> {
    let name = sha256(json);
    database.execute(
        "INSERT INTO basis (sha256, json) VALUES (?1, ?2) ON CONFLICT (sha256) DO NOTHING",
        &values![name, json],
    )?;
    Ok(name)
}

/// The number of its row.
fn insert(database: &Database, saved: &SavedStatement, evidence_end: Timestamp) -> db::Result<i64> {
    database.one(
        &format!(
            "INSERT INTO statement ({COLUMNS}, evidence_end)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             RETURNING id"
        ),
        &values![
            saved.partner.as_str(),
            saved.service.as_str(),
            saved.month.to_string(),
            saved.revision,
            saved.month.zone().name(),
            saved.json.as_slice(),
            sha256(&saved.json),
            saved.evidence_sha256,
            &saved.commitment,
            &saved.engine,
            &saved.author,
            saved.saved.unix_ms(),
            saved.reason.as_ref(),
            saved.basis.as_ref().map(|basis| basis.shared),
            saved.basis.as_ref().map(|basis| basis.own.as_slice()),
            evidence_end.unix_ms(),
        ],
        |row| row.get(0),
    )
}

/// The statement of a row with [`COLUMNS`], if its bytes are those that were saved.
fn read_intact(row: &Row<'_>) -> db::Result<SavedStatement> {
    let saved = read(row)?;
    if row.get::<Vec<u8>>(6)? != sha256(&saved.json) {
        return Err(damaged(format!(
            "revision {} of {} for partner `{}`, service `{}` is not as it was saved",
            saved.revision, saved.month, saved.partner, saved.service
        )));
    }
    Ok(saved)
}

fn read(row: &Row<'_>) -> db::Result<SavedStatement> {
    let (month, zone): (String, String) = (row.get(2)?, row.get(4)?);
    let month = parse_zone(&zone)
        .and_then(|zone| Month::parse(&month, zone))
        .map_err(|error| damaged(error.to_string()))?;
    Ok(SavedStatement {
        partner: id(row, 0, PartnerId::new)?,
        service: id(row, 1, ServiceId::new)?,
        month,
        revision: row.get(3)?,
        json: row.get(5)?,
        evidence_sha256: row.get(7)?,
        commitment: row.get(8)?,
        engine: row.get(9)?,
        author: row.get(10)?,
        saved: instant(row, 11)?,
        reason: row.get(12)?,
        basis: match row.get::<Option<Sha256>>(13)? {
            None => None,
            Some(shared) => Some(SavedBasis {
                shared,
                own: row.get(14)?,
            }),
        },
        number: StatementNumber(row.get(15)?),
    })
}

/// What the journal says of it. Keys stand in alphabetical order: so the text does not depend on
/// whether the JSON library sorts them.
fn saved_text(saved: &SavedStatement) -> String {
    let mut text = json!({
        "commitment": saved.commitment,
        "engine": saved.engine,
        "evidence_sha256": hex(&saved.evidence_sha256),
        "month": saved.month.to_string(),
        "partner": saved.partner.as_str(),
        "reason": saved.reason,
        "replaces": saved.replaces(),
        "revision": saved.revision,
        "service": saved.service.as_str(),
        "statement_sha256": hex(&sha256(&saved.json)),
        "zone": saved.month.zone().name(),
    });
    // Named where it is kept: entries about earlier statements stay as they were.
    if let Some(SavedBasis { shared, own }) = &saved.basis {
        text["basis_sha256"] = json!(hex(&sha256(own)));
        text["shared_basis_sha256"] = json!(hex(shared));
    }
    text.to_string()
}
