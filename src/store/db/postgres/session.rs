//! One connection: how it is made, and what it is told first.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::{DbError, Result};
use super::thread::Thread;
use super::{LOCKS, NETWORK_GRACE, Role, trust};
use crate::config::{ServerConfig, ServerSecurity};
use crate::secret;
use crate::sla::catalog::VantageId;

/// One instance records under a vantage's id.
const LOCK_RECORDER: i32 = LOCKS + 1;
/// What cannot be recorded soon waits in the spool, and is shown from there.
const RECORDING_MAX: Duration = Duration::from_secs(20);
/// Where a server listens if the address does not say.
const PORT: u16 = 5432;

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Arc<Client>,
    statements: HashMap<String, Statement>,
    pub(super) thread: Thread,
    pub(super) deadline: Duration,
}

impl Session {
    pub(super) fn open(server: &ServerConfig, role: &Role) -> Result<Self> {
        let thread = Thread::start()?;
        let client = connect(&thread, server, role)?;
        let session = Self {
            client: Arc::new(client),
            statements: HashMap::new(),
            thread,
            deadline: statement_timeout(server, role) + NETWORK_GRACE,
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

    pub(super) fn lives(&self) -> bool {
        !self.client.is_closed()
    }

    pub(super) fn call<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.thread.call(self.deadline, work)
    }

    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        let client = Arc::clone(&self.client);
        let sql = sql.to_owned();
        self.call(async move { Ok(client.batch_execute(&sql).await?) })
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Statement> {
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

/// Connects to the first server that takes us, in the order of the address. Each is given a time
/// of its own: one that hangs keeps us from no other.
fn connect(thread: &Thread, server: &ServerConfig, role: &Role) -> Result<Client> {
    let password = match &server.password {
        Some(place) => Some(secret::read(place).map_err(|error| {
            DbError::Unreachable(format!("read the password of the database: {error}"))
        })?),
        None => None,
    };
    let tls = match &server.security {
        ServerSecurity::Plain => None,
        ServerSecurity::Tls { ca_file } => {
            Some(MakeRustlsConnect::new(trust::tls(ca_file.as_deref())?))
        }
    };
    let mut refusals = Vec::new();
    for (host, mut config) in hosts(&server.connection) {
        if let Some(password) = &password {
            config.password(password.expose_secret());
        }
        config
            .application_name(application_name(role))
            .connect_timeout(server.connect_timeout)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(20));
        let (tls, settings) = (tls.clone(), settings(server, role));
        let connecting = async move {
            let client = match tls {
                Some(tls) => {
                    config.ssl_mode(SslMode::Require);
                    let (client, connection) = config.connect(tls).await?;
                    tokio::spawn(connection);
                    client
                }
                None => {
                    config.ssl_mode(SslMode::Disable);
                    let (client, connection) = config.connect(NoTls).await?;
                    tokio::spawn(connection);
                    client
                }
            };
            client.batch_execute(&settings).await?;
            Ok(client)
        };
        match thread.call(server.connect_timeout + NETWORK_GRACE, connecting) {
            Ok(client) => return Ok(client),
            Err(error) => refusals.push((host, error)),
        }
    }
    Err(match <[_; 1]>::try_from(refusals) {
        Ok([(_, error)]) => error,
        Err(refusals) => DbError::NoHost(refusals),
    })
}

/// Each server of an address, and how to connect to it alone.
fn hosts(all: &Config) -> Vec<(String, Config)> {
    let attributes = match all.get_target_session_attrs() {
        // Of several, only one writes.
        TargetSessionAttrs::Any if all.get_hosts().len() > 1 => TargetSessionAttrs::ReadWrite,
        as_written => as_written,
    };
    let one = |(n, host): (usize, &Host)| {
        let mut config = Config::new();
        config
            .target_session_attrs(attributes)
            .ssl_negotiation(all.get_ssl_negotiation())
            .channel_binding(all.get_channel_binding())
            .load_balance_hosts(all.get_load_balance_hosts());
        if let Some(user) = all.get_user() {
            config.user(user);
        }
        if let Some(database) = all.get_dbname() {
            config.dbname(database);
        }
        if let Some(options) = all.get_options() {
            config.options(options);
        }
        if let Some(address) = all.get_hostaddrs().get(n) {
            config.hostaddr(*address);
        }
        let ports = all.get_ports();
        let port = *ports.get(n).or(ports.first()).unwrap_or(&PORT);
        config.port(port);
        let name = match host {
            Host::Tcp(host) => {
                config.host(host);
                format!("{host}:{port}")
            }
            Host::Unix(folder) => {
                config.host_path(folder);
                folder.display().to_string()
            }
        };
        (name, config)
    };
    all.get_hosts().iter().enumerate().map(one).collect()
}

fn statement_timeout(server: &ServerConfig, role: &Role) -> Duration {
    match role {
        Role::Recorder(_) => server.statement_timeout.min(RECORDING_MAX),
        Role::Beside | Role::Reader => server.statement_timeout,
    }
}

/// What is said to the server before anything else.
fn settings(server: &ServerConfig, role: &Role) -> String {
    let timeout_ms = statement_timeout(server, role).as_millis();
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

/// The statement as PostgreSQL numbers its values: `$1` for `?1`.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}
