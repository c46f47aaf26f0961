//! Where observations are kept.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::Host;

use super::{Checker, DEFAULT_STORE, Places};
use crate::config::kind::{Ms, StoreSecurity};
use crate::config::reader::Given;
use crate::config::{ServerConfig, ServerSecurity, StoreConfig, raw};
use crate::sla::catalog::{SecretPlace, VantageId};

pub(super) const DEFAULT_SPOOL: &str = "/var/lib/vigie/spool";
const DEFAULT_CONNECT_TIMEOUT_MS: i64 = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS: i64 = 60_000;

impl Checker<'_> {
    pub(super) fn store(
        &self,
        raw: raw::Store,
        vantage: Option<&VantageId>,
    ) -> Option<StoreConfig> {
        if let (Some(_), Some(at)) = (raw.path.at(), raw.url.at()) {
            self.notes.fault(
                at,
                "observations are kept in one place: `path` is there already",
                "remove `url`, or `path`",
            );
            return None;
        }
        if matches!(raw.url, Given::LeftOut) {
            self.server_only(&raw);
            return self.path(raw.path, DEFAULT_STORE).map(StoreConfig::File);
        }
        let password = match raw.password.maybe()? {
            Some(password) => Some(self.password(password)?),
            None => None,
        };
        let connection = raw.url.maybe()??.0;
        let default = match connection.get_hosts().iter().all(is_socket) {
            true => StoreSecurity::Plain,
            false => StoreSecurity::Tls,
        };
        let ca_file_at = raw.ca_file.at();
        let ca_file = raw.ca_file.maybe()?.map(|path| self.base.join(path));
        let security = match raw.security.or(default)? {
            StoreSecurity::Tls => ServerSecurity::Tls { ca_file },
            StoreSecurity::Plain => {
                if let Some(at) = ca_file_at {
                    self.notes.fault(
                        at,
                        "without TLS no authority is asked",
                        "remove `ca_file`, or write `security = \"tls\"`",
                    );
                }
                ServerSecurity::Plain
            }
        };
        let timeout = |written: Given<Ms>, default_ms| {
            let Ms(ms) = written.or(Ms(default_ms))?;
            Some(Duration::from_millis(ms.unsigned_abs()))
        };
        Some(StoreConfig::Server(Box::new(ServerConfig {
            name: name(&connection),
            connection,
            password,
            security,
            connect_timeout: timeout(raw.connect_timeout, DEFAULT_CONNECT_TIMEOUT_MS)?,
            statement_timeout: timeout(raw.statement_timeout, DEFAULT_STATEMENT_TIMEOUT_MS)?,
            vantage: vantage?.clone(),
            spool: self.path(raw.spool, DEFAULT_SPOOL)?,
        })))
    }

    /// Refuses keys that say something about a server where there is none.
    fn server_only(&self, raw: &raw::Store) {
        for (key, at) in of_a_server(raw) {
            if let Some(at) = at {
                self.notes.fault(
                    at,
                    format!("`{key}` belongs to a database server, and none is named"),
                    format!("write the server's `url`, or remove `{key}`"),
                );
            }
        }
    }

    fn password(&self, raw: raw::Password) -> Option<SecretPlace> {
        self.secret_place(
            raw.at,
            raw.file,
            raw.env,
            Places {
                what: "the password",
                file: "password = { file = \"/etc/vigie/database-password\" }",
                env: "password = { env = \"DATABASE_PASSWORD\" }",
            },
        )
    }
}

/// The keys that say something about a server, and where they were written.
pub(super) fn of_a_server(raw: &raw::Store) -> [(&'static str, Option<Range<usize>>); 6] {
    [
        ("password", raw.password.at()),
        ("security", raw.security.at()),
        ("ca_file", raw.ca_file.at()),
        ("connect_timeout", raw.connect_timeout.at()),
        ("statement_timeout", raw.statement_timeout.at()),
        ("spool", raw.spool.at()),
    ]
}

fn is_socket(host: &Host) -> bool {
    match host {
        Host::Tcp(_) => false,
        Host::Unix(_) => true,
    }
}

/// How messages call it: `postgres://vigie@db.example:5432/vigie`.
fn name(connection: &tokio_postgres::Config) -> String {
    let ports = connection.get_ports();
    let hosts: Vec<String> = connection
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(n, host)| {
            let port = ports.get(n).or(ports.first()).unwrap_or(&5432);
            match host {
                Host::Tcp(host) => format!("{host}:{port}"),
                Host::Unix(folder) => PathBuf::from(folder).display().to_string(),
            }
        })
        .collect();
    format!(
        "postgres://{}@{}/{}",
        connection.get_user().unwrap_or_default(),
        hosts.join(","),
        connection.get_dbname().unwrap_or_default()
    )
}
