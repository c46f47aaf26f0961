//! One connection to a database that speaks SQL: SQLite or PostgreSQL, behind the same few calls.
//!
//! Every statement of the store is written once and runs on both: numbered values `?1`, names of
//! tables and columns that neither reserves, `ON CONFLICT` with its target, no function that only
//! one of them has. Integers are 64 bits wide, instants are milliseconds, digests are bytes.
//!
//! What differs is here and in [`postgres`]: how a connection is made and kept, how a transaction
//! excludes others, and how many rows travel at once.

mod postgres;
mod value;

use refinery::Runner;
use rusqlite::{Connection, params_from_iter};

pub(super) use postgres::{Found, Postgres, Role, remedy};
pub(super) use value::{Column, Value, values};

use super::error::Failure;
use crate::sla::window::Timestamp;
use value::Cell;

/// What comes of a call to the database.
pub(super) type Result<T> = std::result::Result<T, DbError>;

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum DbError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The server's own words, where it has some: the library says only that there was an error.
    #[error("{}", postgres::words(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// There is no connection, or it gives no answer.
    #[error("{0}")]
    Unreachable(String),
    /// None of several servers took us: each with why.
    #[error("{}", listed(.0))]
    NoHost(Vec<(String, DbError)>),
    /// Another instance holds what we asked for.
    #[error("{0}")]
    Held(String),
    #[error(transparent)]
    Migration(#[from] refinery::Error),
    /// A value that the store should not hold.
    #[error("{0}")]
    Damaged(String),
}

fn listed(refusals: &[(String, DbError)]) -> String {
    let refusals = refusals.iter();
    let each: Vec<String> = refusals
        .map(|(host, why)| format!("{host}: {why}"))
        .collect();
    each.join("; ")
}

/// A value that the store should not hold.
pub(super) fn damaged(what: String) -> DbError {
    DbError::Damaged(what)
}

/// One connection.
#[derive(Debug)]
pub(super) enum Database {
    Sqlite(Connection),
    Postgres(Box<Postgres>),
}

/// What a transaction keeps others from doing meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Nothing: it sees one unchanging picture, and writes nothing.
    Picture,
    /// Nothing but what its own rows say.
    OwnRows,
    /// Appending of facts: others may append theirs at the same time, as far as the database can.
    Append,
    /// Everything: it is the only one that writes.
    Exclusive,
}

impl Database {
    /// Runs `work` as one transaction: all of it or nothing.
    pub(super) fn transaction<T>(
        &self,
        isolation: Isolation,
        work: impl FnOnce(&Self) -> std::result::Result<T, Failure>,
    ) -> std::result::Result<T, Failure> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(match isolation {
                Isolation::Picture => "BEGIN",
                // A writer that begins by reading could otherwise be refused half-way.
                Isolation::OwnRows | Isolation::Append | Isolation::Exclusive => "BEGIN IMMEDIATE",
            })?,
            Self::Postgres(postgres) => postgres.begin(isolation)?,
        }
        let done = work(self).and_then(|done| {
            self.batch("COMMIT")?;
            Ok(done)
        });
        if done.is_err() {
            // If even this fails, the connection is gone, and the transaction with it.
            let _ = self.batch("ROLLBACK");
        }
        done
    }

    /// Which connection it is on, counted: whatever was learnt on another may not be so here, as
    /// when a server that took the place of one that failed lacks the last of what that one had.
    pub(super) fn connection(&self) -> u64 {
        match self {
            Self::Sqlite(_) => 0,
            Self::Postgres(postgres) => postgres.n_sessions(),
        }
    }

    /// Runs the migrations of `runner` that the database does not have yet.
    pub(super) fn migrate(&mut self, runner: Runner) -> Result<()> {
        match self {
            Self::Sqlite(connection) => runner.run(connection).map(drop)?,
            Self::Postgres(postgres) => postgres.migrate(runner)?,
        }
        Ok(())
    }

    /// The server's clock; `now` where the database is on this machine.
    pub(super) fn clock(&self, now: Timestamp) -> Result<Timestamp> {
        match self {
            Self::Sqlite(_) => Ok(now),
            Self::Postgres(_) => self.one(
                "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
                &[],
                |row| super::instant(row, 0),
            ),
        }
    }

    /// Runs statements that take no values.
    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(postgres) => postgres.batch(sql),
        }
    }

    /// Runs one statement; tells how many rows it changed.
    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        match self {
            Self::Sqlite(connection) => Ok(connection
                .prepare_cached(sql)?
                .execute(params_from_iter(values))?),
            Self::Postgres(postgres) => {
                let changed = postgres.execute_many(sql, vec![values.to_vec()])?;
                Ok(changed.into_iter().sum())
            }
        }
    }

    /// Runs one statement once for each of `rows`, in order, without waiting for the network in
    /// between; tells how many rows each changed.
    pub(super) fn execute_many(&self, sql: &str, rows: Vec<Vec<Value>>) -> Result<Vec<usize>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                rows.iter()
                    .map(|values| Ok(statement.execute(params_from_iter(values))?))
                    .collect()
            }
            Self::Postgres(postgres) => postgres.execute_many(sql, rows),
        }
    }

    /// Hands each row of a query to `take`, as it comes.
    pub(super) fn for_each(
        &self,
        sql: &str,
        values: &[Value],
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    take(&Row::Sqlite(row))?;
                }
                Ok(())
            }
            Self::Postgres(postgres) => {
                postgres.for_each(sql, values.to_vec(), |row| take(&Row::Postgres(row)))
            }
        }
    }

    /// Every row of a query, as `read` reads it.
    pub(super) fn query<T>(
        &self,
        sql: &str,
        values: &[Value],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.for_each(sql, values, |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The first row of a query, if it has one.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.query(sql, values, read)?.into_iter().next())
    }

    /// The row of a query that always has one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.first(sql, values, read)?
            .ok_or_else(|| damaged(format!("a row is missing: `{sql}` found none")))
    }
}

/// One row of a query.
pub(super) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    /// The value in a column, counted from 0.
    pub(super) fn get<T: Column>(&self, column: usize) -> Result<T> {
        let cell = match self {
            Self::Sqlite(row) => Cell::of_sqlite(row.get_ref(column)?)?,
            Self::Postgres(row) => row.try_get(column)?,
        };
        T::from_cell(cell).ok_or_else(|| damaged(format!("column {column} holds {cell}")))
    }
}
