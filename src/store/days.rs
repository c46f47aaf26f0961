//! Where the blocks of each day are listed, and their contents.

use std::collections::HashMap;

use super::block::Damage;
use super::block::day::{self, Day, Sheet};
use super::db::{self, Database, Row, Value, damaged, values};
use super::error::Failure;
use super::series::Names;
use super::{Sha256, StoreError};
use crate::sla::catalog::{EndpointId, VantageId};

/// Rows asked for by their keys in one statement.
const KEYS_AT_ONCE: usize = 32;

/// A content, with the digest of its block.
pub(super) struct Content {
    /// Zeros where what stands there is no digest.
    pub(super) sha256: Sha256,
    pub(super) bytes: Vec<u8>,
}

/// What one day lists.
pub(super) struct Listed {
    pub(super) day: Day,
    pub(super) sheets: Result<Vec<Sheet>, Damage>,
}

/// The blocks of a series that the days from the first to the last list.
///
/// # Errors
/// What the database says, and a day that is not what was written.
pub(super) fn sheets(
    database: &Database,
    series: i64,
    names: (&EndpointId, &VantageId),
    days: (Day, Day),
) -> Result<Vec<Sheet>, Failure> {
    let mut sheets = Vec::new();
    for listed in listed(database, series, days)? {
        let refused = |damage| StoreError::day(names, listed.day, damage);
        sheets.extend(listed.sheets.map_err(refused)?);
    }
    Ok(sheets)
}

/// What each day of a series from the first to the last lists, in order.
pub(super) fn listed(
    database: &Database,
    series: i64,
    (first, last): (Day, Day),
) -> db::Result<Vec<Listed>> {
    database.query(
        "SELECT day, sheets FROM sealed_day WHERE series = ?1 AND ?2 <= day AND day <= ?3
         ORDER BY day",
        &values![series, first.number(), last.number()],
        |row| {
            let number: i64 = row.get(0)?;
            let day = Day::from_number(number)
                .ok_or_else(|| damaged(format!("{number} is not a day that we know")))?;
            Ok(Listed {
                day,
                sheets: day::decode(day, &row.get::<Vec<u8>>(1)?),
            })
        },
    )
}

/// Lists one more block of each of these series, the last of its day.
pub(super) fn list(
    transaction: &Database,
    day: Day,
    sealed: Vec<(i64, &Names, Sheet)>,
) -> Result<(), Failure> {
    let mut listed: HashMap<i64, Vec<u8>> = HashMap::new();
    by_keys(
        transaction,
        "SELECT series, sheets FROM sealed_day WHERE day = ?1 AND series IN",
        &values![day.number()],
        &sealed.iter().map(|(id, _, _)| *id).collect::<Vec<_>>(),
        |row| {
            listed.insert(row.get(0)?, row.get(1)?);
            Ok(())
        },
    )?;
    let mut days = Vec::with_capacity(sealed.len());
    for (series, (endpoint, vantage), sheet) in sealed {
        let mut sheets = match listed.get(&series) {
            Some(bytes) => day::decode(day, bytes)
                .map_err(|damage| StoreError::day((endpoint, vantage), day, damage))?,
            None => Vec::new(),
        };
        sheets.push(sheet);
        days.push((series, day, sheets));
    }
    Ok(write(transaction, &days)?)
}

/// Puts what these days list in the place of what they listed; one that lists nothing goes.
pub(super) fn write(transaction: &Database, days: &[(i64, Day, Vec<Sheet>)]) -> db::Result<()> {
    let (empty, listing): (Vec<_>, Vec<_>) =
        days.iter().partition(|(_, _, sheets)| sheets.is_empty());
    let key = |series: &i64, day: &Day| values![*series, day.number()].to_vec();
    transaction.execute_many(
        "DELETE FROM sealed_day WHERE series = ?1 AND day = ?2",
        empty
            .into_iter()
            .map(|(series, day, _)| key(series, day))
            .collect(),
    )?;
    let row = |(series, day, sheets): &(i64, Day, Vec<Sheet>)| {
        let mut row = key(series, day);
        row.push(day::encode(*day, sheets).into());
        row
    };
    transaction.execute_many(
        "INSERT INTO sealed_day VALUES (?1, ?2, ?3)
         ON CONFLICT (series, day) DO UPDATE SET sheets = excluded.sheets",
        listing.into_iter().map(row).collect(),
    )?;
    Ok(())
}

/// The contents of these blocks, by number; one that is missing is not among them.
pub(super) fn contents<'a>(
    database: &Database,
    sheets: impl IntoIterator<Item = &'a Sheet>,
) -> db::Result<HashMap<i64, Content>> {
    let mut contents = HashMap::new();
    let numbers: Vec<i64> = sheets.into_iter().map(|sheet| sheet.content).collect();
    by_keys(
        database,
        "SELECT id, sha256, bytes FROM content WHERE id IN",
        &[],
        &numbers,
        |row| {
            let sha256: Vec<u8> = row.get(1)?;
            let content = Content {
                sha256: sha256.try_into().unwrap_or_default(),
                bytes: row.get(2)?,
            };
            contents.insert(row.get(0)?, content);
            Ok(())
        },
    )?;
    Ok(contents)
}

/// Hands over the rows that `sql`, which ends in `IN`, finds under `keys`.
fn by_keys(
    database: &Database,
    sql: &str,
    values: &[Value],
    keys: &[i64],
    mut take: impl FnMut(&Row<'_>) -> db::Result<()>,
) -> db::Result<()> {
    let places: Vec<String> = (1..=KEYS_AT_ONCE)
        .map(|place| format!("?{}", values.len() + place))
        .collect();
    let sql = format!("{sql} ({})", places.join(", "));
    for keys in keys.chunks(KEYS_AT_ONCE) {
        // Always as many, so that the statement is prepared once: asking twice finds once.
        let padding = keys.last().into_iter().cycle();
        let keys = keys.iter().chain(padding).take(KEYS_AT_ONCE);
        let mut values = values.to_vec();
        values.extend(keys.map(|key| Value::from(*key)));
        database.for_each(&sql, &values, &mut take)?;
    }
    Ok(())
}
