//! Where other vantages hand in what they saw: who they are, how much, how often. What becomes of
//! a parcel is for whoever takes the deliveries.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::{constant_time, digest};
use flate2::read::GzDecoder;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use secrecy::ExposeSecret as _;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::respond;
use crate::config::{CertificateFiles, IntakeVantage};
use crate::handover::{
    Answer, Cover, PARCEL_BYTES_MAX, PATH, Refusal, SENT_BYTES_MAX, TOKEN_LETTERS_MIN,
};
use crate::pem::{self, PemError};
use crate::secret::{self, SecretError, Stamp};
use crate::sla::catalog::VantageId;
use crate::sla::window::Timestamp;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long whoever takes deliveries may take.
const TAKING_TIMEOUT: Duration = Duration::from_secs(45);
/// Parcels of one vantage in a row, and how often one more.
const PARCELS_AT_ONCE: u32 = 50;
const PARCEL_EVERY: Duration = Duration::from_millis(100);

/// A parcel that came from who it says.
#[derive(Debug)]
pub struct Delivery {
    /// What was said beside it.
    pub cover: Cover,
    /// When it began to arrive, by our clock.
    pub arrived: Timestamp,
    /// Its bytes.
    pub parcel: Vec<u8>,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Answer>,
}

/// Where parcels are handed in; cheap to clone.
#[derive(Clone)]
pub struct Intake {
    entries: Arc<[Entry]>,
    deliveries: mpsc::Sender<Delivery>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

/// Why nobody can hand in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The token of a vantage cannot be had.
    #[error("read the token of vantage `{vantage}` in `[web.intake]`: {source}")]
    Token {
        /// Whose.
        vantage: VantageId,
        /// Why.
        source: SecretError,
    },
    /// It is too weak.
    #[error(
        "use the token of vantage `{vantage}` in `[web.intake]`: it has fewer than {TOKEN_LETTERS_MIN} letters and could be guessed: make one with `openssl rand -hex 32`"
    )]
    ShortToken {
        /// Whose.
        vantage: VantageId,
    },
    /// A certificate, its key or the authorities.
    #[error("use a file of `[web.intake]`: {0}")]
    File(#[from] PemError),
}

/// A vantage that may hand in.
struct Entry {
    vantage: IntakeVantage,
    /// One parcel at a time: they are in order.
    turn: Semaphore,
    allowance: Mutex<Allowance>,
}

/// How many more parcels may come now.
struct Allowance {
    n_parcels: u32,
    since: Instant,
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        let n_more =
            u32::try_from(passed.as_millis() / PARCEL_EVERY.as_millis()).unwrap_or(u32::MAX);
        if n_more > 0 {
            self.n_parcels = self.n_parcels.saturating_add(n_more).min(PARCELS_AT_ONCE);
            self.since = now;
        }
        let taken = self.n_parcels.checked_sub(1);
        self.n_parcels = taken.unwrap_or(0);
        taken.is_some()
    }
}

impl Intake {
    /// For these vantages; what they hand in goes to `deliveries`.
    ///
    /// # Errors
    /// A token that cannot be read or could be guessed.
    pub fn new(
        vantages: &[IntakeVantage],
        deliveries: mpsc::Sender<Delivery>,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Result<Self, IntakeError> {
        check_tokens(vantages)?;
        let entry = |vantage: &IntakeVantage| Entry {
            vantage: vantage.clone(),
            turn: Semaphore::new(1),
            allowance: Mutex::new(Allowance {
                n_parcels: PARCELS_AT_ONCE,
                since: Instant::now(),
            }),
        };
        Ok(Self {
            entries: vantages.iter().map(entry).collect(),
            deliveries,
            now,
        })
    }

    /// Whether a request is for here.
    pub(super) fn is_for<B>(request: &Request<B>) -> bool {
        request.uri().path() == PATH
    }

    /// The answer to a request; `names` are those in the certificate that the sender showed.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        names: &[String],
    ) -> Response<Full<Bytes>> {
        let arrived = (self.now)();
        let answer = self.take(request, names, arrived).await;
        let json = answer.to_json((self.now)());
        let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = respond(status, "application/json", json);
        let headers = response.headers_mut();
        if let Answer::Refused { refusal, .. } = &answer {
            if let Some(seconds) = refusal.retry_after_s() {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            if *refusal == Refusal::Credential {
                let scheme = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            // What was not read of the body is not waited for.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|text: String| Full::new(text.into()))
    }

    async fn take(
        &self,
        request: Request<Incoming>,
        names: &[String],
        arrived: Timestamp,
    ) -> Answer {
        let (head, body) = request.into_parts();
        if head.uri.path() != PATH || head.method != Method::POST {
            return Answer::refused(
                Refusal::Version,
                format!("parcels are handed in with POST at {PATH}, and nothing else is here"),
            );
        }
        let header = |name: &str| head.headers.get(name)?.to_str().ok();
        let cover = match Cover::read(header) {
            Ok(cover) => cover,
            Err((refusal, message)) => return Answer::refused(refusal, message),
        };
        let known = self
            .entries
            .iter()
            .find(|entry| entry.vantage.id == cover.vantage);
        // Who is not that vantage does not learn whether there is one of that name.
        let Some(entry) = known.filter(|entry| proves(&entry.vantage, &head.headers, names)) else {
            return Answer::refused(
                Refusal::Credential,
                format!(
                    "nothing proves that this is vantage `{}`: it needs the token or the certificate that `[web.intake]` names for it",
                    cover.vantage
                ),
            );
        };
        let allowed = entry
            .allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(Instant::now());
        let (true, Ok(_turn)) = (allowed, entry.turn.try_acquire()) else {
            return Answer::refused(
                Refusal::Busy,
                "too many parcels of this vantage at once: one at a time, and ten a second",
            );
        };
        let sent = Limited::new(body, SENT_BYTES_MAX).collect();
        let sent = match tokio::time::timeout(BODY_TIMEOUT, sent).await {
            Ok(Ok(sent)) => sent.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return too_large();
            }
            Ok(Err(_)) | Err(_) => {
                return Answer::refused(Refusal::Busy, "the parcel did not arrive whole in time");
            }
        };
        let parcel = match unpacked(&head.headers, &sent) {
            Ok(Some(parcel)) => parcel,
            Ok(None) => return too_large(),
            Err(error) => {
                return Answer::refused(Refusal::Unreadable, format!("not a parcel: {error}"));
            }
        };
        let (answer, answered) = oneshot::channel();
        let delivery = Delivery {
            cover,
            arrived,
            parcel,
            answer,
        };
        if self.deliveries.try_send(delivery).is_err() {
            return Answer::refused(Refusal::Busy, "other parcels wait to be kept");
        }
        match tokio::time::timeout(TAKING_TIMEOUT, answered).await {
            Ok(Ok(answer)) => answer,
            // It may be kept or not: handed in again, it counts once.
            Ok(Err(_)) | Err(_) => Answer::refused(
                Refusal::Store,
                "the store did not answer in time: hand it in again",
            ),
        }
    }
}

/// Whether every token can be read and none could be guessed.
///
/// # Errors
/// The first that is not so.
pub fn check_tokens(vantages: &[IntakeVantage]) -> Result<(), IntakeError> {
    for vantage in vantages {
        let Some(place) = &vantage.token else {
            continue;
        };
        let token = secret::read(place).map_err(|source| IntakeError::Token {
            vantage: vantage.id.clone(),
            source,
        })?;
        if token.expose_secret().len() < TOKEN_LETTERS_MIN {
            return Err(IntakeError::ShortToken {
                vantage: vantage.id.clone(),
            });
        }
    }
    Ok(())
}

fn too_large() -> Answer {
    Answer::refused(
        Refusal::TooLarge,
        format!(
            "a parcel has at most {} MiB, {} MiB on its way",
            PARCEL_BYTES_MAX >> 20,
            SENT_BYTES_MAX >> 20
        ),
    )
}

/// Whether all that is asked of a vantage was shown. The token is read anew, so that it can be
/// changed while we run.
fn proves(vantage: &IntakeVantage, headers: &HeaderMap, names: &[String]) -> bool {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let token_fits = match &vantage.token {
        None => true,
        Some(place) => match (secret::read(place), shown) {
            (Ok(token), Some(shown)) => is_same(token.expose_secret().as_bytes(), shown),
            (Ok(_), None) => false,
            (Err(error), _) => {
                tracing::error!(
                    "failed to read the token of vantage `{}`: {error}",
                    vantage.id
                );
                false
            }
        },
    };
    let certificate_fits = vantage
        .certificate_name
        .as_ref()
        .is_none_or(|name| names.contains(name));
    token_fits && certificate_fits
}

/// In a time that says nothing about where they differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let [a, b] = [a, b].map(|bytes| digest::digest(&digest::SHA256, bytes));
    constant_time::verify_slices_are_equal(a.as_ref(), b.as_ref()).is_ok()
}

/// The parcel in what was sent; nothing if it is too large.
fn unpacked(headers: &HeaderMap, sent: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut parcel = Vec::new();
    let limit = u64::try_from(PARCEL_BYTES_MAX).unwrap_or(u64::MAX);
    match headers
        .get(header::CONTENT_ENCODING)
        .map(HeaderValue::as_bytes)
    {
        None | Some(b"identity") => parcel.extend_from_slice(sent),
        Some(b"gzip") => {
            GzDecoder::new(sent)
                .take(limit + 1)
                .read_to_end(&mut parcel)?;
        }
        Some(_) => return Err(io::Error::other("only gzip is unpacked")),
    }
    Ok((parcel.len() <= PARCEL_BYTES_MAX).then_some(parcel))
}

/// The certificate that vantages see, and whose certificates of theirs are believed. Read again
/// when a file has changed: certificates of servers are renewed every few weeks.
pub struct Gate {
    certificate: CertificateFiles,
    client_ca_file: Option<PathBuf>,
    ready: Mutex<(Vec<Stamp>, TlsAcceptor)>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    /// Reads the files.
    ///
    /// # Errors
    /// One that cannot be read or used.
    pub fn open(
        certificate: &CertificateFiles,
        client_ca_file: Option<&PathBuf>,
    ) -> Result<Self, IntakeError> {
        let ready = (
            stamps(certificate, client_ca_file),
            acceptor(certificate, client_ca_file)?,
        );
        Ok(Self {
            certificate: certificate.clone(),
            client_ca_file: client_ca_file.cloned(),
            ready: Mutex::new(ready),
        })
    }

    /// What the files say now; files that became unusable are passed over.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.0.iter().all(Stamp::is_current) {
            let client_ca_file = self.client_ca_file.as_ref();
            ready.0 = stamps(&self.certificate, client_ca_file);
            match acceptor(&self.certificate, client_ca_file) {
                Ok(acceptor) => ready.1 = acceptor,
                Err(error) => {
                    tracing::error!("failed to {error}; what was there before stays in force");
                }
            }
        }
        ready.1.clone()
    }
}

fn stamps(certificate: &CertificateFiles, client_ca_file: Option<&PathBuf>) -> Vec<Stamp> {
    [&certificate.file, &certificate.key_file]
        .into_iter()
        .chain(client_ca_file)
        .map(|path| Stamp::of(path))
        .collect()
}

fn acceptor(
    certificate: &CertificateFiles,
    client_ca_file: Option<&PathBuf>,
) -> Result<TlsAcceptor, PemError> {
    let refused =
        |error: &dyn std::fmt::Display| PemError::new(&certificate.file, error.to_string());
    let (chain, key) = pem::identity(&certificate.file, &certificate.key_file)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?;
    let builder = match client_ca_file {
        Some(path) => {
            let authorities = Arc::new(pem::authorities(path)?);
            // Who shows none may still have a token, and is told what is missing.
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| PemError::new(path, error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| refused(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The names (DNS) in a certificate that was verified.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    alternatives
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}
