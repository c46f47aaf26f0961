//! A connection to PostgreSQL that blocks, breaks off what takes too long, and comes back.
//!
//! The protocol runs on a thread of the connection's own, so that it may be used from any thread,
//! also from one that runs asynchronous work. There is no pool: a store is one connection, and
//! each thread that needs one opens its own, as with SQLite.
//!
//! A call that fails because the connection is gone fails as a whole; the next transaction
//! connects again. Who calls decides whether to try again, and how patiently.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error as _;
use std::fs::File;
use std::future::Future;
use std::io::BufReader;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, pin_mut};
use refinery::Runner;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use tokio::runtime::Runtime;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{DbError, Isolation, Result, Value};
use crate::config::{ServerConfig, ServerSecurity};
use crate::secret;
use crate::sla::catalog::VantageId;

/// Beside the time that the server gives a statement: what the network may take.
const NETWORK_GRACE: Duration = Duration::from_secs(5);
/// How long bringing the schema up to date may take.
const MIGRATION_MAX: Duration = Duration::from_secs(3_600);
/// Rows that travel together from the connection's thread.
const CHUNK_ROWS: usize = 512;

/// First keys of our advisory locks: `Vigi` and a number for what is locked.
const LOCKS: i32 = 0x5669_6769;
/// One instance records under a vantage's id.
const LOCK_RECORDER: i32 = LOCKS + 1;
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
                // It was gone, and we did not know yet.
                Err(_) if self.session.borrow().is_none() => {}
                done => return done,
            }
        }
        *self.session.borrow_mut() = None;
        let session = Session::open(&self.server, &self.role)?;
        *self.session.borrow_mut() = Some(session);
        self.batch(&sql)
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
            // A server that was demoted, or is only a copy by now: look for the one that writes.
            DbError::Postgres(error) => {
                error.is_closed()
                    || (error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
                        && self.role != Role::Reader)
                    || error.as_db_error().is_none()
                    || error
                        .code()
                        .is_some_and(|code| code.code().starts_with("57P"))
            }
            DbError::Sqlite(_) | DbError::Held(_) | DbError::Migration(_) | DbError::Damaged(_) => {
                false
            }
        };
        if useless {
            *self.session.borrow_mut() = None;
        }
    }
}

/// One connection.
#[derive(Debug)]
struct Session {
    client: Arc<Client>,
    statements: HashMap<String, Statement>,
    thread: Thread,
    deadline: Duration,
}

/// The thread of a connection. Present until it is dropped, which must not wait: asynchronous
/// code may drop it.
#[derive(Debug)]
struct Thread(Option<Runtime>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Thread {
    fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("database")
            .enable_all()
            .build()
            .map_err(|error| DbError::Unreachable(format!("start its thread: {error}")))?;
        Ok(Self(Some(runtime)))
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(work);
        }
    }

    /// Does `work` and waits for it, but not for ever.
    fn call<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (hand_over, done) = mpsc::sync_channel(1);
        self.spawn(async move {
            let done = tokio::time::timeout(deadline, work).await;
            let _ = hand_over.send(done.unwrap_or_else(|_| Err(too_late(deadline))));
        });
        done.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl Session {
    fn open(server: &ServerConfig, role: &Role) -> Result<Self> {
        let thread = Thread::start()?;
        let mut config = server.connection.clone();
        if let Some(place) = &server.password {
            let password = secret::read(place).map_err(|error| {
                DbError::Unreachable(format!("read the password of the database: {error}"))
            })?;
            config.password(password.expose_secret());
        }
        if config.get_hosts().len() > 1
            && config.get_target_session_attrs() == TargetSessionAttrs::Any
        {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        config
            .application_name(application_name(role))
            .connect_timeout(server.connect_timeout)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(20));
        let n_hosts = u32::try_from(config.get_hosts().len()).unwrap_or(1);
        let deadline = server.connect_timeout * n_hosts.max(1) + NETWORK_GRACE;
        let tls = match &server.security {
            ServerSecurity::Plain => {
                config.ssl_mode(SslMode::Disable);
                None
            }
            ServerSecurity::Tls { ca_file } => {
                config.ssl_mode(SslMode::Require);
                Some(MakeRustlsConnect::new(tls(ca_file.as_deref())?))
            }
        };
        let settings = settings(server, role);
        let client = thread.call(deadline, async move {
            let client = match tls {
                Some(tls) => {
                    let (client, connection) = config.connect(tls).await?;
                    tokio::spawn(connection);
                    client
                }
                None => {
                    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
                    tokio::spawn(connection);
                    client
                }
            };
            client.batch_execute(&settings).await?;
            Ok(client)
        })?;
        let session = Self {
            client: Arc::new(client),
            statements: HashMap::new(),
            thread,
            deadline: server.statement_timeout + NETWORK_GRACE,
        };
        if let Role::Recorder(vantage) = role {
            session.lock_vantage(vantage)?;
        }
        Ok(session)
    }

    /// Takes the right to record as `vantage`, for as long as the connection lasts.
    fn lock_vantage(&self, vantage: &VantageId) -> Result<()> {
        let client = Arc::clone(&self.client);
        let id = vantage.as_str().to_owned();
        let free: bool = self.call(async move {
            let row = client
                .query_one(
                    &format!("SELECT pg_try_advisory_lock({LOCK_RECORDER}, hashtext($1))"),
                    &[&id],
                )
                .await?;
            Ok(row.try_get(0)?)
        })?;
        match free {
            true => Ok(()),
            false => Err(DbError::Held(format!(
                "another vigie records as vantage `{vantage}`"
            ))),
        }
    }

    fn lives(&self) -> bool {
        !self.client.is_closed()
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.thread.call(self.deadline, work)
    }

    fn batch(&self, sql: &str) -> Result<()> {
        let client = Arc::clone(&self.client);
        let sql = sql.to_owned();
        self.call(async move { Ok(client.batch_execute(&sql).await?) })
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let client = Arc::clone(&self.client);
        let text = numbered(sql);
        let statement = self.call(async move { Ok(client.prepare(&text).await?) })?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn gone() -> DbError {
    DbError::Unreachable("the connection to the database is gone".to_owned())
}

fn too_late(deadline: Duration) -> DbError {
    DbError::Unreachable(format!(
        "the database gave no answer in {} s",
        deadline.as_secs()
    ))
}

/// What is said to the server before anything else.
fn settings(server: &ServerConfig, role: &Role) -> String {
    let timeout_ms = server.statement_timeout.as_millis();
    let read_only = match role {
        Role::Reader => "on",
        Role::Recorder(_) | Role::Beside => "off",
    };
    // The server, too, must notice soon that we are gone: our locks end with the connection.
    format!(
        "SET client_min_messages = warning;
         SET statement_timeout = {timeout_ms};
         SET lock_timeout = {timeout_ms};
         SET idle_in_transaction_session_timeout = {timeout_ms};
         SET tcp_keepalives_idle = 5;
         SET tcp_keepalives_interval = 5;
         SET tcp_keepalives_count = 3;
         SET default_transaction_read_only = {read_only};"
    )
}

fn application_name(role: &Role) -> String {
    match role {
        Role::Recorder(vantage) => format!("vigie {vantage}"),
        Role::Beside => "vigie (beside)".to_owned(),
        Role::Reader => "vigie (reader)".to_owned(),
    }
}

async fn look(client: &Client) -> Result<Found> {
    let row = client
        .query_one(
            "SELECT to_regclass('refinery_schema_history') IS NOT NULL,
                    to_regclass('journal_head') IS NOT NULL,
                    EXISTS (SELECT 1 FROM information_schema.tables
                            WHERE table_schema = current_schema())",
            &[],
        )
        .await?;
    let (history, journal, any): (bool, bool, bool) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if !any {
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

/// Trust in the authorities of `ca_file`, or in those of the system.
fn tls(ca_file: Option<&std::path::Path>) -> Result<ClientConfig> {
    let refused = |what: String| DbError::Unreachable(what);
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let shown = path.display();
            let file = File::open(path)
                .map_err(|error| refused(format!("read authorities `{shown}`: {error}")))?;
            for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
                let added = certificate
                    .map_err(|error| error.to_string())
                    .and_then(|it| roots.add(it).map_err(|error| error.to_string()));
                added.map_err(|error| refused(format!("read authorities `{shown}`: {error}")))?;
            }
            if roots.is_empty() {
                return Err(refused(format!(
                    "read authorities `{shown}`: it holds no certificate (PEM)"
                )));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn borrowed(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}

/// The statement as PostgreSQL numbers its values: `$1` for `?1`.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

/// What the server said, or what kept us from hearing it.
pub(super) fn words(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", said.message(), said.code().code());
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
