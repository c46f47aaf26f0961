//! The configuration file: from TOML to a checked [`Config`], or to every fault of it.
//!
//! Two steps: `raw` is what was written, read by `reader` with the value kinds of `kind`; `check`
//! is what it means. Both note a fault and go on, so that `vigie check` tells them all at once.
//! Nothing here opens a socket or reads a secret.

mod check;
mod fault;
mod kind;
mod raw;
mod reader;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use crate::report::Look;
use crate::sla::catalog::{Catalog, HostPort, SecretPlace, ServiceId, Url, VantageId};

pub use fault::{Fault, Faults};

/// Every key with its default and a comment: a file to start from.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// Labels of metrics that an operator cannot give a meaning: our own, those of the formats, and
/// those that the scraping side puts on targets.
pub const RESERVED_LABELS: [&str; 30] = [
    "api",
    "bound",
    "cause",
    "certificate",
    "class",
    "code",
    "contractual",
    "customer",
    "endpoint",
    "fault",
    "instance",
    "job",
    "label",
    "le",
    "month",
    "name",
    "outlook",
    "partner",
    "period",
    "phase",
    "quantile",
    "reason",
    "region",
    "service",
    "stage",
    "state",
    "tzdata",
    "vantage",
    "verdict",
    "version",
];

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who and what: services, endpoints, commitments, partners.
    pub catalog: Catalog,
    /// The place this installation asks from.
    pub vantage: VantageId,
    /// Where observations are kept.
    pub store: StoreConfig,
    /// The pages, and the way in for other vantages.
    pub web: WebConfig,
    /// What partners read.
    pub reports: ReportsConfig,
    /// Letters to partners.
    pub mail: MailConfig,
    /// Where the calls of services are counted, of those whose calls are.
    pub usage: Vec<UsageConfig>,
    /// How endpoints are asked.
    pub probing: ProbingConfig,
    /// What is scraped.
    pub metrics: MetricsConfig,
    /// When a month is closed.
    pub close: CloseConfig,
    /// How long what is kept.
    pub retention: RetentionConfig,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// What was said beside the file.
    pub overrides: Overrides,
}

/// What the command line says in place of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Where observations are handed in, in place of `forward.url`.
    pub forward: Option<Url>,
}

/// Where observations are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// In this file (SQLite).
    File(PathBuf),
    /// On a server (PostgreSQL).
    Server(Box<ServerConfig>),
    /// By another instance, to which they are handed in.
    Collector(Box<ForwardConfig>),
}

impl From<&Path> for StoreConfig {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for StoreConfig {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Self> for StoreConfig {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

/// A database server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// How it is called in messages; without secrets.
    pub name: String,
    /// Hosts, user, database and other parameters; without the password.
    pub connection: tokio_postgres::Config,
    /// Where the password is kept, if one is needed.
    pub password: Option<SecretPlace>,
    /// How the connection is protected.
    pub security: ServerSecurity,
    /// How long to wait for a connection to one host.
    pub connect_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// As whom we record there.
    pub vantage: VantageId,
    /// The folder that keeps what was seen while the server cannot be reached.
    pub spool: PathBuf,
}

/// Another instance that keeps what is seen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardConfig {
    /// Where its intake is reached; without what we add to the path.
    pub url: Url,
    /// Where the token is kept that says which vantage we are, if we have one.
    pub token: Option<SecretPlace>,
    /// The certificate that says so, if we have one.
    pub certificate: Option<CertificateFiles>,
    /// A file of trusted authorities (PEM) in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The folder that keeps what was seen until it was taken.
    pub spool: PathBuf,
}

/// A certificate, with those that lead from it to its authority, and its private key; both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificates.
    pub file: PathBuf,
    /// The key, which others must not be able to read.
    pub key_file: PathBuf,
}

/// How the connection to a database server is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerSecurity {
    /// TLS; the server's certificate is checked.
    Tls {
        /// A file of trusted authorities (PEM) in place of the system's.
        ca_file: Option<PathBuf>,
    },
    /// Not at all: a socket of this machine, or a network that is trusted.
    Plain,
}

/// The pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// The address to listen on; loopback by default.
    pub listen: SocketAddr,
    /// Whether everybody may read them; if not, they are for ops.
    pub public: bool,
    /// Where other vantages hand in what they saw, if they may.
    pub intake: Option<IntakeConfig>,
}

/// Where other vantages hand in what they saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeConfig {
    /// How they come in.
    pub way: IntakeWay,
    /// Who may; at least one, each with an id of its own.
    pub vantages: Vec<IntakeVantage>,
}

/// How other vantages come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntakeWay {
    /// Through a proxy, which has the certificate, to where the pages are.
    Proxy,
    /// Over TLS, on an address of their own.
    Tls {
        /// The address to listen on.
        listen: SocketAddr,
        /// What is shown to them.
        certificate: CertificateFiles,
        /// The authorities (PEM) that vouch for their certificates, if they have some.
        client_ca_file: Option<PathBuf>,
    },
}

/// A vantage that may hand in, and what proves that it is the one; at least one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeVantage {
    /// As whom it speaks.
    pub id: VantageId,
    /// Where its token is kept, if it has one.
    pub token: Option<SecretPlace>,
    /// The name (DNS) in its certificate, if it has one.
    pub certificate_name: Option<String>,
}

/// What partners read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportsConfig {
    /// The folder under which each partner's months are written.
    pub directory: PathBuf,
    /// The private key (Ed25519, PKCS#8 PEM) that signs statements, if they are signed.
    pub signing_key_file: Option<PathBuf>,
    /// The operator's mark, colour and paragraphs.
    pub look: Look,
}

/// Letters to partners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// Where letters are handed over; absent: none are written.
    pub transport: Option<MailTransport>,
    /// The sender's mailbox.
    pub from: String,
    /// The sender's name.
    pub label: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
    /// Where reports of failed delivery go, if not to the sender.
    pub return_path: Option<String>,
    /// What signs letters, if they are signed here.
    pub dkim: Option<DkimConfig>,
    /// The last lines of a letter, if not the provider's name.
    pub signature: Option<String>,
    /// The documents of the report that are attached.
    pub attach: Vec<String>,
    /// Where the reports' folder is served, without a slash at its end, if it is.
    pub base_url: Option<String>,
    /// Whether letters wait for somebody's approval.
    pub review: bool,
    /// Whether a partner whose connection the provider ended still gets letters.
    pub revoked_partners: bool,
}

/// What signs letters (DKIM).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimConfig {
    /// In whose name: the sender's domain, or one above or below it.
    pub domain: String,
    /// Under which name the domain publishes the key.
    pub selector: String,
    /// Where the private key (RSA, PEM) is kept.
    pub key: SecretPlace,
}

/// Where letters are handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTransport {
    /// To a mail relay.
    Relay(RelayConfig),
    /// As files in this folder.
    Folder(PathBuf),
}

/// A mail relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayConfig {
    /// A name or an address.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// The account and where its password is kept; absent: the relay takes mail unasked.
    pub login: Option<(String, SecretPlace)>,
    /// A file of trusted authorities (PEM) in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// How we call ourselves.
    pub hello: String,
    /// How long to wait for each answer, in milliseconds.
    pub timeout_ms: i64,
}

/// How the connection to a mail relay is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS from the first command that matters; a relay that does not offer it is not used.
    StartTls,
    /// Not at all; only to this machine.
    Plain,
}

/// Where the calls of a service are counted, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageConfig {
    /// Of which service.
    pub service: ServiceId,
    /// A Prometheus, or what speaks its query API: scheme, host, port and path before `/api/v1`.
    pub url: String,
    /// Where the whole value of the header `Authorization` is kept, if one is wanted.
    pub authorization: Option<SecretPlace>,
    /// A file of trusted authorities (PEM) beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Requests made, in PromQL: one series per partner. `$month` stands for the month's length.
    pub calls: String,
    /// Requests that succeeded, in the same way.
    pub successes: String,
    /// The label that holds the partner's id.
    pub label: String,
    /// Where the numbers come from, as reports say it.
    pub source: String,
}

/// How endpoints are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbingConfig {
    /// The most probes that are under way at once; at least 1.
    pub concurrency_max: usize,
    /// Hosts that stand for our own way out, tried in this order; if none is named, a silence is
    /// always the endpoint's.
    pub controls: Vec<HostPort>,
}

/// What is scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Upper bounds of the buckets of a probe's time, in milliseconds, in ascending order.
    pub duration_bounds_ms: Vec<i64>,
    /// Upper bounds of the buckets of a stage's time, in milliseconds, in ascending order.
    pub phase_bounds_ms: Vec<i64>,
    /// The most partners whose statements are exported one by one; at least 1.
    pub partners_max: usize,
    /// Written with every series: name and value. None of [`RESERVED_LABELS`].
    pub labels: Vec<(String, String)>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            duration_bounds_ms: vec![100, 300, 1_000, 3_000, 10_000],
            phase_bounds_ms: vec![1, 5, 25, 100, 250, 500, 1_000, 5_000, 30_000],
            partners_max: 50,
            labels: Vec::new(),
        }
    }
}

/// When a month is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseConfig {
    /// How long after the end of a month the daemon closes it, in milliseconds; at least the
    /// longest timeout of an endpoint.
    pub delay_ms: i64,
}

/// How long what is kept, in months; absent: for ever. Statements are always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Observations, with their traces and missed ticks.
    pub evidence_months: Option<u32>,
    /// The journal.
    pub journal_months: Option<u32>,
    /// Letters, with the mailboxes they went to, after the partner's last connection.
    pub contacts_months: Option<u32>,
    /// How many of the last failures of an endpoint, seen from one vantage, are kept in full; at
    /// least 1. A number, and not a time.
    pub failures_in_full: usize,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "read config `{}`: {source}; name another file with --config, or start from config/default.toml",
        path.display()
    )]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not text.
    #[error("read config `{}`: line {line} is not UTF-8; save the file as UTF-8", path.display())]
    NotUtf8 {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The file says something that cannot be meant.
    #[error(transparent)]
    Faults(#[from] Faults),
}

/// The file to read: the one named with `--config`, else `/etc/vigie/vigie.toml` if there is one,
/// else `config/vigie.toml`.
pub fn find(explicit: Option<&Path>) -> PathBuf {
    let installed = Path::new("/etc/vigie/vigie.toml");
    match explicit {
        Some(path) => path.to_owned(),
        None if installed.exists() => installed.to_owned(),
        None => PathBuf::from("config/vigie.toml"),
    }
}

/// Reads and checks the file at `path`. Relative paths in it start at its folder.
///
/// # Errors
/// The file cannot be read, is not UTF-8, or has faults.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    load_with(path, Overrides::default())
}

/// As [`load`], with what was said beside the file.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, overrides: Overrides) -> Result<Config, ConfigError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let newlines = error.as_bytes()[..valid]
            .iter()
            .filter(|byte| **byte == b'\n');
        ConfigError::NotUtf8 {
            path: path.to_owned(),
            line: newlines.count() + 1,
        }
    })?;
    let base = path.parent().unwrap_or(Path::new(""));
    Ok(parse_with(
        &text,
        &path.display().to_string(),
        base,
        overrides,
    )?)
}

/// Checks the text of a configuration file that is shown as `name`. Relative paths in it start at
/// `base`.
///
/// # Errors
/// All the faults of the text.
pub fn parse(text: &str, name: &str, base: &Path) -> Result<Config, Faults> {
    parse_with(text, name, base, Overrides::default())
}

fn parse_with(text: &str, name: &str, base: &Path, overrides: Overrides) -> Result<Config, Faults> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let notes = if errors.is_empty() {
        reader::Notes::reading()
    } else {
        reader::Notes::salvaging()
    };
    notes.syntax(&errors, text);
    let file = raw::read(&notes, document.get_ref());
    let config = check::check(file, &notes, text, base, overrides);
    let faults = notes.into_faults();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(Faults::new(faults, text, name)),
    }
}

/// A key of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Of the endpoint with this id, and there of its kind.
    OfEndpoint(&'a str, &'a str),
    /// Of the section of this name.
    OfSection(&'a str, &'a str),
}

/// What was found wrong only when it was to be used, shown at its keys in the file at `path`; each
/// text says what, and after a semicolon what to do. Nothing if nothing was found.
pub fn faults_of_use(path: &Path, found: Vec<(Key<'_>, String)>) -> Option<Faults> {
    if found.is_empty() {
        return None;
    }
    // Should the file have changed since it was read, the faults are told all the same.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let document = DeTable::parse(&text).ok();
    let noted = found.into_iter().map(|(key, why)| {
        let at = document
            .as_ref()
            .and_then(|document| place_of(document.get_ref(), key));
        let (message, remedy) = why
            .split_once("; ")
            .unwrap_or((&why, "put right what is named here, or name another one"));
        let of = match key {
            Key::OfEndpoint(id, _) => format!("endpoint `{id}`: "),
            Key::OfSection(..) => String::new(),
        };
        fault::Noted {
            at: at.unwrap_or_default(),
            message: format!("{of}failed to {message}"),
            remedy: remedy.to_owned(),
        }
    });
    Some(Faults::new(
        noted.collect(),
        &text,
        &path.display().to_string(),
    ))
}

/// Where a key stands; where it is left out, what it would belong to.
fn place_of(document: &DeTable<'_>, key: Key<'_>) -> Option<Range<usize>> {
    let place = match key {
        Key::OfEndpoint(id, key) => {
            let endpoint = list_of_tables(document, "service")
                .into_iter()
                .flat_map(|service| list_of_tables(service, "endpoint"))
                .find(|table| table.get("id").and_then(|id| id.get_ref().as_str()) == Some(id))?;
            let mut kinds = endpoint
                .values()
                .filter_map(|value| value.get_ref().as_table());
            kinds
                .find_map(|kind| kind.get(key))
                .or(endpoint.get("id"))?
        }
        Key::OfSection(name, key) => {
            let section = document.get(name)?;
            let table = section.get_ref().as_table();
            table.and_then(|table| table.get(key)).unwrap_or(section)
        }
    };
    Some(place.span())
}

/// The tables of a list of tables; none if it is no such list.
fn list_of_tables<'a>(table: &'a DeTable<'a>, key: &str) -> Vec<&'a DeTable<'a>> {
    let items = table.get(key).and_then(|list| list.get_ref().as_array());
    let items = items.into_iter().flatten();
    items.filter_map(|item| item.get_ref().as_table()).collect()
}

/// The address that `text` writes.
///
/// # Errors
/// Why it writes none.
pub fn url(text: &str) -> Result<Url, String> {
    kind::url(text)
}

/// Every key that a file may have, as dotted paths: `service.endpoint.interval`.
pub fn keys() -> BTreeSet<String> {
    raw::keys()
}

/// The line of a place in `text`, counted from 1.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
