//! Requests to treat a window apart, and what became of them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use super::db::{self, Database, Row, damaged, values};
use super::journal::{self, Account};
use super::{Store, StoreError, id, instant, optional_instant};
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use crate::sla::window::{Timestamp, Window};

/// The kinds of journal entries that speak of declarations.
pub(super) const KINDS: [&str; 3] = [DECLARED, ACCEPTED, REFUSED];
const DECLARED: &str = "declared";
const ACCEPTED: &str = "accepted";
const REFUSED: &str = "refused";

/// The number of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclarationId(pub u32);

impl fmt::Display for DeclarationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A request to treat a window apart; it is pending until it is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeclaration {
    /// Of which service.
    pub service: ServiceId,
    /// For one partner; absent: for all partners of the service.
    pub partner: Option<PartnerId>,
    /// Why, by kind.
    pub kind: ExclusionKind,
    /// When.
    pub window: Window,
    /// When it was asked for, as far as that is known; notice is reckoned from here.
    pub declared: Option<Timestamp>,
    /// Why, in words.
    pub reason: String,
    /// Who writes it down.
    pub author: String,
}

/// A request as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Its number.
    pub id: DeclarationId,
    /// Of which service.
    pub service: ServiceId,
    /// For one partner; absent: for all partners of the service.
    pub partner: Option<PartnerId>,
    /// The request, with what became of it, as a settlement takes it.
    pub exclusion: Exclusion,
    /// Who wrote it down.
    pub author: String,
    /// When it was written down.
    pub recorded: Timestamp,
    /// Every decision, in order; the last one acts.
    pub decisions: Vec<Decision>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it acts.
    pub accepted: bool,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Which declarations are asked for; the default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclarationFilter {
    /// Of this service only.
    pub service: Option<ServiceId>,
    /// Those that concern this partner: its own, and those for all.
    pub partner: Option<PartnerId>,
    /// Those that touch this window.
    pub window: Option<Window>,
}

impl Store {
    /// Writes a request down, with its journal entry.
    ///
    /// # Errors
    /// What the database says.
    pub fn declare(
        &mut self,
        declaration: &NewDeclaration,
        at: Timestamp,
    ) -> Result<DeclarationId, StoreError> {
        self.write("save a declaration", |transaction| {
            let id = transaction.one(
                "INSERT INTO declaration
                     (service, partner, kind, window_start, window_end, declared, reason, author, recorded)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
                &values![
                    declaration.service.as_str(),
                    declaration.partner.as_ref().map(PartnerId::as_str),
                    declaration.kind.code(),
                    declaration.window.start().unix_ms(),
                    declaration.window.end().unix_ms(),
                    declaration.declared.map(Timestamp::unix_ms),
                    &declaration.reason,
                    &declaration.author,
                    at.unix_ms(),
                ],
                |row| row.get(0).map(DeclarationId),
            )?;
            let what = declared_text(id, declaration);
            journal::append(transaction, &declaration.author, at, DECLARED, &what)?;
            Ok(id)
        })
    }

    /// Accepts a request, with its journal entry: it acts from now on. A later decision replaces
    /// an earlier one, which stays on record.
    ///
    /// # Errors
    /// No such declaration, one that is accepted already, or what the database says.
    pub fn accept(&mut self, id: DeclarationId, by: &str, at: Timestamp) -> Result<(), StoreError> {
        self.decide(id, true, by, at)
    }

    /// Refuses a request, with its journal entry: it does not act. A later decision replaces an
    /// earlier one, which stays on record.
    ///
    /// # Errors
    /// No such declaration, one that is refused already, or what the database says.
    pub fn refuse(&mut self, id: DeclarationId, by: &str, at: Timestamp) -> Result<(), StoreError> {
        self.decide(id, false, by, at)
    }

    /// The requests that `filter` lets through, in order of their numbers.
    ///
    /// # Errors
    /// What the database says.
    pub fn declarations(&self, filter: &DeclarationFilter) -> Result<Vec<Declaration>, StoreError> {
        self.read("read declarations", |snapshot| {
            let mut declarations = all(snapshot)?;
            declarations.retain(|declaration| {
                let of_service = match &filter.service {
                    Some(service) => *service == declaration.service,
                    None => true,
                };
                let for_partner = match (&filter.partner, &declaration.partner) {
                    (Some(asked), Some(partner)) => asked == partner,
                    (Some(_) | None, None) | (None, Some(_)) => true,
                };
                let touches = match &filter.window {
                    Some(window) => declaration.exclusion.window.intersection(window).is_some(),
                    None => true,
                };
                of_service && for_partner && touches
            });
            Ok(declarations)
        })
    }

    fn decide(
        &mut self,
        id: DeclarationId,
        accepted: bool,
        by: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("decide a declaration", |transaction| {
            let known = "SELECT id FROM declaration WHERE id = ?1";
            transaction
                .first(known, &values![id.0], |_| Ok(()))?
                .ok_or(StoreError::UnknownDeclaration { id })?;
            let mut decisions = decisions(transaction)?;
            let decisions = decisions.remove(&id).unwrap_or_default();
            if let Some(last) = decisions.last()
                && last.accepted == accepted
            {
                let by = last.by.clone();
                return Err(StoreError::AlreadyDecided { id, by }.into());
            }
            transaction.execute(
                "INSERT INTO decision VALUES (?1, ?2, ?3, ?4, ?5)",
                &values![id.0, decisions.len() + 1, accepted, by, at.unix_ms()],
            )?;
            let what = decided_text(id);
            journal::append(transaction, by, at, decided_kind(accepted), &what)?;
            Ok(())
        })
    }
}

/// Hands on what the journal must say of each declaration and decision.
pub(super) fn accounts(database: &Database, take_note: &mut impl FnMut(Account)) -> db::Result<()> {
    for declaration in all(database)? {
        let Declaration {
            id,
            service,
            partner,
            exclusion,
            author,
            recorded,
            decisions,
        } = declaration;
        let written = NewDeclaration {
            service,
            partner,
            kind: exclusion.kind,
            window: exclusion.window,
            declared: exclusion.declared,
            reason: exclusion.reason,
            author,
        };
        take_note(Account {
            kind: DECLARED,
            at_ms: recorded.unix_ms(),
            what: declared_text(id, &written),
            who: written.author,
        });
        for decision in decisions {
            take_note(Account {
                kind: decided_kind(decision.accepted),
                at_ms: decision.at.unix_ms(),
                what: decided_text(id),
                who: decision.by,
            });
        }
    }
    Ok(())
}

/// There are few: people write them.
fn all(database: &Database) -> db::Result<Vec<Declaration>> {
    let mut decisions = decisions(database)?;
    database.query(
        "SELECT id, service, partner, kind, window_start, window_end, declared, reason, author, recorded
         FROM declaration ORDER BY id",
        &[],
        |row| {
            let id = DeclarationId(row.get(0)?);
            declaration(row, id, decisions.remove(&id).unwrap_or_default())
        },
    )
}

fn declaration(
    row: &Row<'_>,
    declaration_id: DeclarationId,
    decisions: Vec<Decision>,
) -> db::Result<Declaration> {
    let partner = match row.get::<Option<String>>(2)? {
        Some(_) => Some(id(row, 2, PartnerId::new)?),
        None => None,
    };
    let kind: String = row.get(3)?;
    let window = Window::new(instant(row, 4)?, instant(row, 5)?)
        .map_err(|error| damaged(error.to_string()))?;
    Ok(Declaration {
        id: declaration_id,
        service: id(row, 1, ServiceId::new)?,
        partner,
        exclusion: Exclusion {
            kind: ExclusionKind::from_code(&kind)
                .ok_or_else(|| damaged(format!("`{kind}` is not a kind of exclusion")))?,
            window,
            declared: optional_instant(row, 6)?,
            acceptance: match decisions.last() {
                Some(decision) if decision.accepted => Acceptance::Accepted,
                Some(_) => Acceptance::Refused,
                None => Acceptance::Pending,
            },
            reason: row.get(7)?,
        },
        author: row.get(8)?,
        recorded: instant(row, 9)?,
        decisions,
    })
}

/// What became of each declaration, in order.
fn decisions(database: &Database) -> db::Result<BTreeMap<DeclarationId, Vec<Decision>>> {
    let mut decisions: BTreeMap<DeclarationId, Vec<Decision>> = BTreeMap::new();
    database.for_each(
        "SELECT declaration, accepted, author, at FROM decision ORDER BY declaration, number",
        &[],
        |row| {
            let of = decisions.entry(DeclarationId(row.get(0)?)).or_default();
            of.push(Decision {
                accepted: row.get(1)?,
                by: row.get(2)?,
                at: instant(row, 3)?,
            });
            Ok(())
        },
    )?;
    Ok(decisions)
}

/// What the journal says of it. Keys stand in alphabetical order: so the text does not depend on
/// whether the JSON library sorts them.
fn declared_text(id: DeclarationId, declaration: &NewDeclaration) -> String {
    json!({
        "declaration": id.0,
        "declared": declaration.declared.map(|declared| declared.to_string()),
        "end": declaration.window.end().to_string(),
        "kind": declaration.kind.code(),
        "partner": declaration.partner.as_ref().map(PartnerId::as_str),
        "reason": declaration.reason,
        "service": declaration.service.as_str(),
        "start": declaration.window.start().to_string(),
    })
    .to_string()
}

fn decided_text(id: DeclarationId) -> String {
    json!({ "declaration": id.0 }).to_string()
}

fn decided_kind(accepted: bool) -> &'static str {
    if accepted { ACCEPTED } else { REFUSED }
}
