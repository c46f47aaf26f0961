//! Why services were down, as their operators say.

use serde_json::json;

use super::db::{self, Database, Row, damaged, values};
use super::journal::{self, Account};
use super::{Store, StoreError, id, instant};
use crate::sla::catalog::ServiceId;
use crate::sla::cause::{Attribution, StatedCause};
use crate::sla::window::Window;

/// The kind of journal entries that speak of it.
pub(super) const KIND: &str = "cause_stated";

const COLUMNS: &str =
    "window_start, window_end, french, english, attribution, said_by, recorded, service, author";

impl Store {
    /// Writes down what is said of the outages of `service`, with its journal entry; `who` writes.
    ///
    /// # Errors
    /// What the database says.
    pub fn state_cause(
        &mut self,
        service: &ServiceId,
        cause: &StatedCause,
        who: &str,
    ) -> Result<(), StoreError> {
        self.write("save a cause", |transaction| {
            transaction.execute(
                &format!(
                    "INSERT INTO stated_cause ({COLUMNS})
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                ),
                &values![
                    cause.window.start().unix_ms(),
                    cause.window.end().unix_ms(),
                    &cause.french,
                    cause.english.as_deref(),
                    cause.attribution.code(),
                    &cause.by,
                    cause.said.unix_ms(),
                    service.as_str(),
                    who,
                ],
            )?;
            let what = stated_text(service, cause);
            journal::append(transaction, who, cause.said, KIND, &what)?;
            Ok(())
        })
    }

    /// What was said of outages of `service` that touch `window`, in the order it was said.
    ///
    /// # Errors
    /// What the database says.
    pub fn stated_causes(
        &self,
        service: &ServiceId,
        window: Window,
    ) -> Result<Vec<StatedCause>, StoreError> {
        self.read("read causes", |snapshot| {
            Ok(snapshot.query(
                &format!(
                    "SELECT {COLUMNS} FROM stated_cause
                     WHERE service = ?1 AND window_start < ?2 AND window_end > ?3 ORDER BY id"
                ),
                &values![
                    service.as_str(),
                    window.end().unix_ms(),
                    window.start().unix_ms(),
                ],
                read,
            )?)
        })
    }
}

/// Tells what the journal must say of each.
pub(super) fn accounts(database: &Database, take_note: &mut impl FnMut(Account)) -> db::Result<()> {
    let all = format!("SELECT {COLUMNS} FROM stated_cause ORDER BY id");
    database.for_each(&all, &[], |row| {
        let cause = read(row)?;
        take_note(Account {
            kind: KIND,
            at_ms: cause.said.unix_ms(),
            what: stated_text(&id(row, 7, ServiceId::new)?, &cause),
            who: row.get(8)?,
        });
        Ok(())
    })
}

fn read(row: &Row<'_>) -> db::Result<StatedCause> {
    let attribution: String = row.get(4)?;
    Ok(StatedCause {
        window: Window::new(instant(row, 0)?, instant(row, 1)?)
            .map_err(|error| damaged(error.to_string()))?,
        french: row.get(2)?,
        english: row.get(3)?,
        attribution: Attribution::from_code(&attribution)
            .ok_or_else(|| damaged(format!("`{attribution}` is no attribution of an outage")))?,
        by: row.get(5)?,
        said: instant(row, 6)?,
    })
}

/// What the journal says of it. Keys stand in alphabetical order: so the text does not depend on
/// whether the JSON library sorts them.
fn stated_text(service: &ServiceId, cause: &StatedCause) -> String {
    json!({
        "attribution": cause.attribution.code(),
        "by": cause.by,
        "end": cause.window.end().to_string(),
        "english": cause.english,
        "french": cause.french,
        "service": service.as_str(),
        "start": cause.window.start().to_string(),
    })
    .to_string()
}
