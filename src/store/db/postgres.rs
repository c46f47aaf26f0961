//! A connection to PostgreSQL that blocks, breaks off what takes too long, and comes back.
//!
//! The protocol runs on a thread of the connection's own, so that it may be used from any thread,
//! also from one that runs asynchronous work. There is no pool: a store is one connection, and
//! each thread that needs one opens its own, as with SQLite.
//!
//! A call that fails because the connection is gone fails as a whole; the next transaction
//! connects again. Who calls decides whether to try again, and how patiently.

mod refusal;
mod session;
mod thread;
mod trust;

use std::cell::{Cell, RefCell};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, pin_mut};
use refinery::Runner;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::{DbError, Isolation, Result, Value};
use crate::config::ServerConfig;
use crate::sla::catalog::VantageId;

pub(in crate::store) use refusal::{remedy, words};

use session::Session;
use thread::{gone, too_late};

/// Beside the time that the server gives a statement: what the network may take.
const NETWORK_GRACE: Duration = Duration::from_secs(5);
/// How long bringing the schema up to date may take.
const MIGRATION_MAX: Duration = Duration::from_secs(3_600);
/// Rows that travel together from the connection's thread.
const CHUNK_ROWS: usize = 512;

/// First keys of our advisory locks: `Vigi` and a number for what is locked.
const LOCKS: i32 = 0x5669_6769;
/// With [`LOCKS`]: one brings the schema up to date.
const LOCK_SCHEMA: i32 = 1;
/// With [`LOCKS`]: who writes; shared by those that append facts.
const LOCK_WRITE: i32 = 2;

/// What a connection is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Role {
    /// Records what this vantage sees; nobody else does.
    Recorder(VantageId),
    /// Writes beside recorders.
    Beside,
    /// Reads only.
    Reader,
}

/// What stands in a database, seen without changing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Found {
    Nothing,
    Foreign,
    Ours { schema: i64 },
}

/// A connection that comes back.
#[derive(Debug)]
pub(in crate::store) struct Postgres {
    server: ServerConfig,
    role: Role,
    session: RefCell<Option<Session>>,
    n_sessions: Cell<u64>,
    /// Whether rows of a query are being handed out: another call would wait for ever.
    in_rows: Cell<bool>,
}

impl Postgres {
    /// Connects, without looking at what is there.
    pub(in crate::store) fn connect(server: &ServerConfig, role: Role) -> Result<Self> {
        let session = Session::open(server, &role)?;
        Ok(Self {
            server: server.clone(),
            role,
            session: RefCell::new(Some(session)),
            n_sessions: Cell::new(1),
            in_rows: Cell::new(false),
        })
    }

    /// What stands in the database.
    pub(in crate::store) fn look(&self) -> Result<Found> {
        self.with_session(|session| {
            let client = Arc::clone(&session.client);
            session.call(async move { look(&client).await })
        })
    }

    /// Runs the migrations that the database does not have yet; one instance at a time.
    pub(in crate::store) fn migrate(&self, runner: Runner) -> Result<()> {
        let mut session = Session::open(&self.server, &Role::Beside)?;
        let lock = format!(
            "SET statement_timeout = 0; SET lock_timeout = 0;
             SELECT pg_advisory_lock({LOCKS}, {LOCK_SCHEMA});"
        );
        session.deadline = MIGRATION_MAX;
        session.batch(&lock)?;
        let Some(mut client) = Arc::into_inner(session.client) else {
            return Err(gone());
        };
        // The lock ends with the connection, which ends here.
        session.thread.call(MIGRATION_MAX, async move {
            runner.run_async(&mut client).await?;
            Ok(())
        })
    }

    /// Begins a transaction, on a new connection if the old one is gone.
    pub(super) fn begin(&self, isolation: Isolation) -> Result<()> {
        let sql = match isolation {
            Isolation::Picture => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY".to_owned(),
            Isolation::OwnRows => "BEGIN".to_owned(),
            Isolation::Append => {
                format!("BEGIN; SELECT pg_advisory_xact_lock_shared({LOCKS}, {LOCK_WRITE})")
            }
            Isolation::Exclusive => {
                format!("BEGIN; SELECT pg_advisory_xact_lock({LOCKS}, {LOCK_WRITE})")
            }
        };
        let lives = self.session.borrow().as_ref().is_some_and(Session::lives);
        if lives {
            match self.batch(&sql) {
                // It was gone, and we did not know yet. Who waited in vain does not wait again.
                Err(DbError::Postgres(_)) if self.session.borrow().is_none() => {}
                done => return done,
            }
        }
        *self.session.borrow_mut() = None;
        let session = Session::open(&self.server, &self.role)?;
        *self.session.borrow_mut() = Some(session);
        self.n_sessions.set(self.n_sessions.get() + 1);
        self.batch(&sql)
    }

    /// How many connections were made so far.
    pub(super) fn n_sessions(&self) -> u64 {
        self.n_sessions.get()
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        self.with_session(|session| session.batch(sql))
    }

    pub(super) fn execute_many(&self, sql: &str, rows: Vec<Vec<Value>>) -> Result<Vec<usize>> {
        self.with_session(|session| {
            let statement = session.prepare(sql)?;
            let client = Arc::clone(&session.client);
            session.call(async move {
                // All are on their way before the first answer is waited for.
                let changed = rows.iter().map(|values| {
                    let values: Vec<&(dyn ToSql + Sync)> = borrowed(values);
                    let (client, statement) = (&client, &statement);
                    async move { client.execute(statement, &values).await }
                });
                let changed = try_join_all(changed).await?;
                changed.into_iter().map(|n| Ok(n.try_into()?)).collect()
            })
        })
    }

    pub(super) fn for_each(
        &self,
        sql: &str,
        values: Vec<Value>,
        mut take: impl FnMut(&tokio_postgres::Row) -> Result<()>,
    ) -> Result<()> {
        let chunks = self.with_session(|session| {
            let statement = session.prepare(sql)?;
            let client = Arc::clone(&session.client);
            let (hand_over, chunks) = mpsc::sync_channel(2);
            let deadline = session.deadline;
            session.thread.spawn(async move {
                let read = async {
                    let rows = client.query_raw(&statement, borrowed(&values)).await?;
                    let rows = rows.chunks(CHUNK_ROWS);
                    pin_mut!(rows);
                    while let Some(chunk) = rows.next().await {
                        let chunk: std::result::Result<Vec<_>, _> = chunk.into_iter().collect();
                        if hand_over.send(Ok(chunk?)).is_err() {
                            break;
                        }
                    }
                    Ok(())
                };
                let ended = tokio::time::timeout(deadline, read).await;
                if let Err(error) = ended.unwrap_or_else(|_| Err(too_late(deadline))) {
                    let _ = hand_over.send(Err(error));
                }
            });
            Ok(chunks)
        })?;
        debug_assert!(
            !self.in_rows.replace(true),
            "a query among the rows of another"
        );
        let mut done = Ok(());
        'all: for chunk in chunks {
            match chunk {
                Ok(rows) => {
                    for row in &rows {
                        done = take(row);
                        if done.is_err() {
                            break 'all;
                        }
                    }
                }
                Err(error) => {
                    done = Err(error);
                    break;
                }
            }
        }
        self.in_rows.set(false);
        done.inspect_err(|error| self.drop_what_is_useless(error))
    }

    /// Uses the session; drops it when it turns out to be useless.
    fn with_session<T>(&self, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        debug_assert!(!self.in_rows.get(), "a query among the rows of another");
        let done = match self.session.borrow_mut().as_mut() {
            Some(session) => work(session),
            None => Err(gone()),
        };
        done.inspect_err(|error| self.drop_what_is_useless(error))
    }

    fn drop_what_is_useless(&self, error: &DbError) {
        let useless = match error {
            DbError::Unreachable(_) => true,
            DbError::Postgres(error) => refusal::ends_connection(error, self.role != Role::Reader),
            DbError::Sqlite(_)
            | DbError::NoHost(_)
            | DbError::Held(_)
            | DbError::Migration(_)
            | DbError::Damaged(_) => false,
        };
        if useless {
            *self.session.borrow_mut() = None;
        }
    }
}

async fn look(client: &Client) -> Result<Found> {
    let row = client
        .query_one(
            "SELECT to_regclass('refinery_schema_history') IS NOT NULL,
                    to_regclass('journal_head') IS NOT NULL,
                    EXISTS (SELECT 1 FROM information_schema.tables
                            WHERE table_schema = current_schema()
                              AND table_name <> 'refinery_schema_history')",
            &[],
        )
        .await?;
    let (history, journal, any): (bool, bool, bool) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if !any {
        // The history alone: somebody is creating the rest at this moment, or broke off.
        return Ok(Found::Nothing);
    }
    if !history || !journal {
        return Ok(Found::Foreign);
    }
    let row = client
        .query_one(
            "SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history",
            &[],
        )
        .await?;
    Ok(Found::Ours {
        schema: row.try_get(0)?,
    })
}

fn borrowed(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}
