//! Hands parcels in at a collector, over HTTPS.

use std::error::Error as _;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::ForwardConfig;
use crate::handover::{Answer, Cover, PATH, TOKEN_LETTERS_MIN};
use crate::pem::{self, PemError};
use crate::secret::{self, SecretError};
use crate::sla::window::Timestamp;

/// How long to wait for a connection, and for the answer in all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// An answer has no more bytes than this.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Why nothing can be handed in from here.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The token cannot be had.
    #[error("read the token of `[forward]`: {0}")]
    Token(#[from] SecretError),
    /// The token is too weak.
    #[error(
        "use the token of `[forward]`: it has fewer than {TOKEN_LETTERS_MIN} letters and could be guessed: make one with `openssl rand -hex 32`"
    )]
    ShortToken,
    /// A certificate, its key or the authorities.
    #[error("use a file of `[forward]`: {0}")]
    File(#[from] PemError),
    /// The library.
    #[error("prepare the connection to the collector: {0}")]
    Client(String),
}

/// Why a parcel is not known to be kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("hand in at `{collector}`: {why}")]
pub struct HandInError {
    /// Where.
    pub collector: String,
    /// What happened, and what to do.
    pub why: String,
    /// How long we were asked to wait.
    pub retry_after: Option<Duration>,
}

/// A collector, and what we show it.
#[derive(Debug)]
pub struct Collector {
    client: reqwest::Client,
    address: String,
    token: Option<SecretString>,
}

/// What a collector answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What became of the parcel.
    pub answer: Answer,
    /// What its clock showed then.
    pub at: Timestamp,
    /// How long it asks us to wait.
    pub retry_after: Option<Duration>,
}

impl Collector {
    /// Reads what proves who we are, and whom we trust.
    ///
    /// # Errors
    /// A file or variable that cannot be read or used.
    pub fn new(config: &ForwardConfig) -> Result<Self, ForwardError> {
        let token = config.token.as_ref().map(secret::read).transpose()?;
        if let Some(token) = &token
            && token.expose_secret().len() < TOKEN_LETTERS_MIN
        {
            return Err(ForwardError::ShortToken);
        }
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(config)?)
            // What stands in the environment is not part of the configuration.
            .no_proxy()
            // What we say goes nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| ForwardError::Client(error.to_string()))?;
        Ok(Self {
            client,
            address: format!("{}{PATH}", config.url.to_string().trim_end_matches('/')),
            token,
        })
    }

    /// Hands in a parcel. Whatever comes of it, it may be handed in again.
    ///
    /// # Errors
    /// No answer, or one that no collector gave.
    pub async fn hand_in(&self, cover: &Cover, parcel: &[u8]) -> Result<Answered, HandInError> {
        let failed = |why: String, retry_after| HandInError {
            collector: self.address.clone(),
            why,
            retry_after,
        };
        let body = compressed(parcel).map_err(|error| failed(error.to_string(), None))?;
        let mut request = self
            .client
            .post(&self.address)
            .header(CONTENT_TYPE, "application/json")
            .header(CONTENT_ENCODING, "gzip")
            .body(body);
        for (name, value) in cover.headers() {
            request = request.header(name, value);
        }
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {}", token.expose_secret());
            let mut value = HeaderValue::try_from(bearer).map_err(|_| {
                let why = "the token holds what a header cannot carry: make another one";
                failed(why.to_owned(), None)
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| failed(words(&error), None))?;
        let status = answer.status();
        let retry_after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let bytes = read(answer)
            .await
            .map_err(|error| failed(words(&error), retry_after))?;
        match Answer::from_json(&bytes) {
            Some((answer, at)) if answer.status() == status.as_u16() => Ok(Answered {
                answer,
                at,
                retry_after,
            }),
            // A proxy's word is no reason to give a parcel up.
            Some(_) | None => Err(failed(
                format!(
                    "status {status}, which no collector gave: is the address right, and what does a proxy on the way allow (length of a request, time)?"
                ),
                retry_after,
            )),
        }
    }
}

async fn read(mut answer: reqwest::Response) -> reqwest::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The whole chain: the library's own words say little. The address stands before them already.
fn words(error: &reqwest::Error) -> String {
    let mut words = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "no answer in time".to_owned(),
        (false, true) => "cannot connect".to_owned(),
        (false, false) => "no answer".to_owned(),
    };
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

fn tls(config: &ForwardConfig) -> Result<ClientConfig, ForwardError> {
    let roots = match &config.ca_file {
        Some(path) => pem::authorities(path)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ForwardError::Client(error.to_string()))?
        .with_root_certificates(roots);
    match &config.certificate {
        Some(files) => {
            let (chain, key) = pem::identity(&files.file, &files.key_file)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| PemError::new(&files.file, error.to_string()).into())
        }
        None => Ok(builder.with_no_client_auth()),
    }
}
