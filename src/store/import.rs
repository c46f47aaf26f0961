//! Where imported observations come from.

use serde_json::json;

use super::db::{self, Database, Row, values};
use super::journal::{self, Account};
use super::{Sha256, Store, StoreError, hex, id, instant};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::window::Timestamp;

/// The kind of journal entries that speak of imports.
pub(super) const KIND: &str = "evidence_imported";

/// Observations that another tool made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// About what.
    pub endpoint: EndpointId,
    /// The vantage that stands for the other tool.
    pub vantage: VantageId,
    /// Which tool: `csv`, `kuma`, `prometheus`.
    pub tool: String,
    /// Where they were read, in words.
    pub source: String,
    /// Of the file, or of what the server answered.
    pub source_sha256: Sha256,
    /// The first instant.
    pub first: Timestamp,
    /// The last instant.
    pub last: Timestamp,
    /// How many they are.
    pub n_observations: u64,
    /// Who imported them.
    pub author: String,
    /// When.
    pub at: Timestamp,
}

const COLUMNS: &str = "endpoint, vantage, tool, source, source_sha256, first_at, last_at, \
                       n_observations, author, at";

impl Store {
    /// Records an import with its journal entry, before its observations are appended: so none is
    /// ever without its origin. If the same was recorded before, that record is given back and
    /// nothing is written.
    ///
    /// # Errors
    /// What the database says.
    pub fn record_import(&mut self, import: &Import) -> Result<Option<Import>, StoreError> {
        self.write("record an import", |transaction| {
            let known = transaction.first(
                &format!(
                    "SELECT {COLUMNS} FROM import
                     WHERE endpoint = ?1 AND vantage = ?2 AND source_sha256 = ?3
                       AND first_at = ?4 AND last_at = ?5"
                ),
                &values![
                    import.endpoint.as_str(),
                    import.vantage.as_str(),
                    import.source_sha256,
                    import.first.unix_ms(),
                    import.last.unix_ms(),
                ],
                read,
            )?;
            if known.is_some() {
                return Ok(known);
            }
            transaction.execute(
                &format!(
                    "INSERT INTO import ({COLUMNS})
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                ),
                &values![
                    import.endpoint.as_str(),
                    import.vantage.as_str(),
                    &import.tool,
                    &import.source,
                    import.source_sha256,
                    import.first.unix_ms(),
                    import.last.unix_ms(),
                    import.n_observations,
                    &import.author,
                    import.at.unix_ms(),
                ],
            )?;
            let what = imported_text(import);
            journal::append(transaction, &import.author, import.at, KIND, &what)?;
            Ok(None)
        })
    }

    /// Every import, in the order they were made.
    ///
    /// # Errors
    /// What the database says.
    pub fn imports(&self) -> Result<Vec<Import>, StoreError> {
        self.read("read the imports", |snapshot| {
            let all = format!("SELECT {COLUMNS} FROM import ORDER BY id");
            Ok(snapshot.query(&all, &[], read)?)
        })
    }
}

/// Tells what the journal must say of each.
pub(super) fn accounts(database: &Database, take_note: &mut impl FnMut(Account)) -> db::Result<()> {
    let all = format!("SELECT {COLUMNS} FROM import ORDER BY id");
    database.for_each(&all, &[], |row| {
        let import = read(row)?;
        take_note(Account {
            kind: KIND,
            at_ms: import.at.unix_ms(),
            what: imported_text(&import),
            who: import.author,
        });
        Ok(())
    })
}

fn read(row: &Row<'_>) -> db::Result<Import> {
    Ok(Import {
        endpoint: id(row, 0, EndpointId::new)?,
        vantage: id(row, 1, VantageId::new)?,
        tool: row.get(2)?,
        source: row.get(3)?,
        source_sha256: row.get(4)?,
        first: instant(row, 5)?,
        last: instant(row, 6)?,
        n_observations: row.get(7)?,
        author: row.get(8)?,
        at: instant(row, 9)?,
    })
}

/// What the journal says of it. Keys stand in alphabetical order: so the text does not depend on
/// whether the JSON library sorts them.
fn imported_text(import: &Import) -> String {
    json!({
        "endpoint": import.endpoint.as_str(),
        "first": import.first.to_string(),
        "last": import.last.to_string(),
        "observations": import.n_observations,
        "source": import.source,
        "source_sha256": hex(&import.source_sha256),
        "tool": import.tool,
        "vantage": import.vantage.as_str(),
    })
    .to_string()
}
