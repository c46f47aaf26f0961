//! How partners used a service in a month, as the service or they counted it.
//!
//! A later entry about the same month replaces an earlier one, which stays on record.

use serde_json::json;

use super::db::{self, Database, Row, values};
use super::journal::{self, Account};
use super::{Store, StoreError, id, instant};
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::window::Timestamp;

/// The kind of journal entries that speak of it.
pub(super) const KIND: &str = "usage_counted";

/// What one partner's use of one service in one month came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageEntry {
    /// Whose.
    pub partner: PartnerId,
    /// Of what.
    pub service: ServiceId,
    /// `YYYY-MM`
    pub month: String,
    /// Requests made.
    pub n_calls: u64,
    /// Requests that succeeded.
    pub n_successes: u64,
    /// Where the numbers come from, as reports say it.
    pub source: String,
}

const COLUMNS: &str = "partner, service, month, n_calls, n_successes, source, author, recorded";

impl Store {
    /// Saves entries with their journal entries: all of them or none. One that says what was said
    /// last is left out. Tells how many were new.
    ///
    /// # Errors
    /// What the database says.
    pub fn save_usage(
        &mut self,
        entries: &[UsageEntry],
        who: &str,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        self.write("save the use of services", |transaction| {
            let mut n_new = 0;
            for entry in entries {
                let last = latest(transaction, &entry.partner, &entry.service, &entry.month)?;
                if last.as_ref() == Some(entry) {
                    continue;
                }
                n_new += 1;
                transaction.execute(
                    &format!(
                        "INSERT INTO usage_entry ({COLUMNS})
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                    ),
                    &values![
                        entry.partner.as_str(),
                        entry.service.as_str(),
                        &entry.month,
                        entry.n_calls,
                        entry.n_successes,
                        &entry.source,
                        who,
                        at.unix_ms(),
                    ],
                )?;
                journal::append(transaction, who, at, KIND, &counted_text(entry))?;
            }
            Ok(n_new)
        })
    }

    /// How `partner` used `service` in `month` (`YYYY-MM`), as was said last.
    ///
    /// # Errors
    /// What the database says.
    pub fn usage(
        &self,
        partner: &PartnerId,
        service: &ServiceId,
        month: &str,
    ) -> Result<Option<UsageEntry>, StoreError> {
        self.read("read the use of a service", |snapshot| {
            Ok(latest(snapshot, partner, service, month)?)
        })
    }

    /// What was said last of every partner, service and month, in this order; of one month if one
    /// is given.
    ///
    /// # Errors
    /// What the database says.
    pub fn usages(&self, month: Option<&str>) -> Result<Vec<UsageEntry>, StoreError> {
        self.read("read the use of services", |snapshot| {
            Ok(snapshot.query(
                &format!(
                    "SELECT {COLUMNS} FROM usage_entry AS one
                     WHERE month = coalesce(?1, month)
                       AND id = (SELECT max(id) FROM usage_entry AS other
                                 WHERE other.partner = one.partner
                                   AND other.service = one.service
                                   AND other.month = one.month)
                     ORDER BY partner, service, month"
                ),
                &values![month],
                read,
            )?)
        })
    }
}

fn latest(
    database: &Database,
    partner: &PartnerId,
    service: &ServiceId,
    month: &str,
) -> db::Result<Option<UsageEntry>> {
    database.first(
        &format!(
            "SELECT {COLUMNS} FROM usage_entry
             WHERE partner = ?1 AND service = ?2 AND month = ?3 ORDER BY id DESC LIMIT 1"
        ),
        &values![partner.as_str(), service.as_str(), month],
        read,
    )
}

/// Tells what the journal must say of each.
pub(super) fn accounts(database: &Database, take_note: &mut impl FnMut(Account)) -> db::Result<()> {
    let all = format!("SELECT {COLUMNS} FROM usage_entry ORDER BY id");
    database.for_each(&all, &[], |row| {
        take_note(Account {
            kind: KIND,
            at_ms: instant(row, 7)?.unix_ms(),
            what: counted_text(&read(row)?),
            who: row.get(6)?,
        });
        Ok(())
    })
}

fn read(row: &Row<'_>) -> db::Result<UsageEntry> {
    Ok(UsageEntry {
        partner: id(row, 0, PartnerId::new)?,
        service: id(row, 1, ServiceId::new)?,
        month: row.get(2)?,
        n_calls: row.get(3)?,
        n_successes: row.get(4)?,
        source: row.get(5)?,
    })
}

/// What the journal says of it. Keys stand in alphabetical order: so the text does not depend on
/// whether the JSON library sorts them.
fn counted_text(entry: &UsageEntry) -> String {
    json!({
        "month": entry.month,
        "n_calls": entry.n_calls,
        "n_successes": entry.n_successes,
        "partner": entry.partner.as_str(),
        "service": entry.service.as_str(),
        "source": entry.source,
    })
    .to_string()
}
