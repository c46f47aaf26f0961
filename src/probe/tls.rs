//! The TLS handshake, seen through: what certificate was presented and exactly why it was refused
//! is known even when the handshake fails.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::{Ending, ProbeSetupError, quoted};
use crate::sla::catalog::HttpVersion;
use crate::sla::explanation::{Certificate, Tls};
use crate::sla::observation::{Fault, Stage, TlsFault};
use crate::sla::window::Timestamp;

/// HTTP/2 as ALPN names it.
pub(super) const H2: &[u8] = b"h2";
/// HTTP/1.1 as ALPN names it.
const HTTP1: &[u8] = b"http/1.1";

/// Whom we trust: the system's authorities, and those of files.
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    /// Read when the first endpoint wants them; absent on a system without any.
    system: OnceLock<Option<Arc<Authorities>>>,
    files: Mutex<HashMap<PathBuf, OfFile>>,
}

/// What a file of authorities held when it was last read.
#[derive(Clone)]
struct OfFile {
    changed: Option<SystemTime>,
    authorities: Arc<Authorities>,
}

/// A set of trusted authorities, ready for handshakes.
#[derive(Debug)]
pub(super) struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
    config: ClientConfig,
}

impl Trust {
    pub(super) fn of_system() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // Fails here, once, if the provider does not support the default versions.
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        Ok(Self {
            provider,
            system: OnceLock::new(),
            files: Mutex::new(HashMap::new()),
        })
    }

    /// The system's authorities, or those in `ca_file`. `url` is for the message.
    pub(super) fn authorities(
        &self,
        ca_file: Option<&Path>,
        url: &impl ToString,
    ) -> Result<Arc<Authorities>, ProbeSetupError> {
        match ca_file {
            Some(path) => self.of_file(path),
            None => self
                .system
                .get_or_init(|| {
                    let found = rustls_native_certs::load_native_certs();
                    self.authorities_of(found.certs).ok().map(Arc::new)
                })
                .clone()
                .ok_or_else(|| ProbeSetupError::NoSystemAuthorities {
                    url: url.to_string(),
                }),
        }
    }

    /// Read again when the file has changed; a file that became unusable keeps what it held.
    fn of_file(&self, path: &Path) -> Result<Arc<Authorities>, ProbeSetupError> {
        let changed = std::fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let known = files.get(path).cloned();
        if let Some(known) = &known
            && known.changed == changed
        {
            return Ok(known.authorities.clone());
        }
        match (self.read(path), known) {
            (Ok(authorities), _) => {
                let authorities = Arc::new(authorities);
                let of_file = OfFile {
                    changed,
                    authorities: authorities.clone(),
                };
                files.insert(path.to_owned(), of_file);
                Ok(authorities)
            }
            (Err(_now_unusable), Some(known)) => Ok(known.authorities),
            (Err(error), None) => Err(error),
        }
    }

    fn read(&self, path: &Path) -> Result<Authorities, ProbeSetupError> {
        let unusable = |reason: String| ProbeSetupError::UseAuthorities {
            path: path.to_owned(),
            reason,
        };
        let pem = std::fs::read(path).map_err(|source| ProbeSetupError::ReadAuthorities {
            path: path.to_owned(),
            source,
        })?;
        let certificates = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(error.to_string()))?;
        self.authorities_of(certificates).map_err(unusable)
    }

    fn authorities_of(
        &self,
        certificates: Vec<CertificateDer<'static>>,
    ) -> Result<Authorities, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
                .build()
                .map_err(|error| error.to_string())?;
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        // Every probe makes a full handshake: only that proves the certificate.
        config.resumption = Resumption::disabled();
        Ok(Authorities {
            certificates,
            verifier,
            config,
        })
    }
}

/// What was presented in one handshake, and what we made of it.
#[derive(Debug, Default)]
struct Seen {
    chain: Vec<Certificate>,
    refusal: Option<CertificateError>,
}

/// What people ask about a certificate; nothing if it cannot be read.
fn facts(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let instant = |unix_s: i64| Timestamp::from_unix_ms(unix_s.saturating_mul(1_000));
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map_or_else(Vec::new, |names| {
        let names = names.value.general_names.iter();
        names.filter_map(name_of).collect()
    });
    Some(Certificate {
        subject: common_name(certificate.subject()),
        issuer: common_name(certificate.issuer()),
        self_signed: certificate.issuer().as_raw() == certificate.subject().as_raw(),
        names,
        not_before: instant(certificate.validity().not_before.timestamp()),
        not_after: instant(certificate.validity().not_after.timestamp()),
    })
}

/// The common name, or everything if there is none.
fn common_name(name: &X509Name<'_>) -> String {
    name.iter_common_name()
        .next()
        .and_then(|common| common.as_str().ok())
        .map_or_else(|| name.to_string(), ToOwned::to_owned)
}

/// Verifies as the standard verifier does and keeps what it saw.
#[derive(Debug)]
struct Recorder {
    authorities: Arc<Authorities>,
    /// The instant of the probe: certificates are judged at the same instant as the rest.
    at: UnixTime,
    seen: Mutex<Seen>,
}

impl Recorder {
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        leaf: Option<&Certificate>,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.authorities.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            self.at,
        );
        // A certificate that is itself in the list is trusted as it is: that is how one names a
        // self-signed certificate. Its dates and names still count.
        if verdict.is_err()
            && let Some(leaf) = leaf
            && self
                .authorities
                .certificates
                .iter()
                .any(|trusted| trusted.as_ref() == end_entity.as_ref())
        {
            let at_ms = i64::try_from(self.at.as_secs())
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000);
            let is_after =
                |limit: Option<Timestamp>| limit.is_none_or(|limit| limit.unix_ms() < at_ms);
            let is_before =
                |limit: Option<Timestamp>| limit.is_none_or(|limit| at_ms < limit.unix_ms());
            if is_after(leaf.not_after) {
                return Err(CertificateError::Expired.into());
            }
            if is_before(leaf.not_before) {
                return Err(CertificateError::NotValidYet.into());
            }
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        verdict
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let leaf = facts(end_entity);
        let verdict = self.verify(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            leaf.as_ref(),
        );
        let refusal = match &verdict {
            Err(rustls::Error::InvalidCertificate(refusal)) => Some(refusal.clone()),
            _ => None,
        };
        let above = intermediates.iter().filter_map(|der| facts(der));
        let chain = leaf.into_iter().chain(above).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen { chain, refusal };
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verifier = &self.authorities.verifier;
        verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verifier = &self.authorities.verifier;
        verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.verifier.supported_verify_schemes()
    }
}

/// How one handshake is to be made.
pub(super) struct Terms {
    /// The name that the certificate must carry.
    pub(super) name: ServerName<'static>,
    /// Whom to trust.
    pub(super) authorities: Arc<Authorities>,
    /// Which protocols to offer.
    pub(super) version: HttpVersion,
}

/// Makes the handshake. What it shows is told also when it fails.
pub(super) async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    terms: &Terms,
    at: Timestamp,
) -> (Result<TlsStream<TcpStream>, Ending>, Tls) {
    let mut config = terms.authorities.config.clone();
    config.alpn_protocols = match terms.version {
        HttpVersion::Any => vec![H2.to_vec(), HTTP1.to_vec()],
        HttpVersion::Http1 => vec![HTTP1.to_vec()],
        HttpVersion::Http2 => vec![H2.to_vec()],
    };
    let since_epoch = Duration::from_millis(at.unix_ms().max(0).unsigned_abs());
    let recorder = Arc::new(Recorder {
        authorities: terms.authorities.clone(),
        at: UnixTime::since_unix_epoch(since_epoch),
        seen: Mutex::default(),
    });
    config
        .dangerous()
        .set_certificate_verifier(recorder.clone());
    let done = TlsConnector::from(Arc::new(config))
        .connect(terms.name.clone(), stream)
        .await;
    let seen = std::mem::take(&mut *recorder.seen.lock().unwrap_or_else(PoisonError::into_inner));
    let done = done.map_err(|error| match &seen.refusal {
        Some(refusal) => refused(refusal, seen.chain.first(), &terms.name.to_str()),
        None => broken(&error, address),
    });
    let agreed = done.as_ref().ok().map(|stream| stream.get_ref().1);
    let version = agreed.and_then(|agreed| agreed.protocol_version());
    let cipher_suite = agreed.and_then(|agreed| agreed.negotiated_cipher_suite());
    let tls = Tls {
        version: version
            .and_then(|version| version.as_str())
            .map(pretty_version),
        cipher_suite: cipher_suite
            .and_then(|suite| suite.suite().as_str())
            .map(ToOwned::to_owned),
        chain: seen.chain,
        verified_not_after: None,
    };
    (done, tls)
}

/// `TLSv1_3` as people write it.
fn pretty_version(name: &str) -> String {
    name.replace('_', ".")
}

/// A handshake that failed because of the certificate.
fn refused(refusal: &CertificateError, leaf: Option<&Certificate>, expected: &str) -> Ending {
    let day = |instant: Option<Timestamp>| {
        instant.map_or_else(
            || "an unknown date".to_owned(),
            |instant| instant.to_utc().format("%Y-%m-%d %H:%M UTC").to_string(),
        )
    };
    let self_signed = leaf.is_some_and(|leaf| leaf.self_signed);
    let (fault, message) = match refusal {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            TlsFault::Expired,
            // An intermediate may be what expired: then the leaf's own date would mislead.
            format!(
                "the certificate or one of its authorities has expired; the certificate itself ends on {}",
                day(leaf.and_then(|leaf| leaf.not_after))
            ),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            TlsFault::NotYetValid,
            format!(
                "the certificate is not valid yet; it begins on {}",
                day(leaf.and_then(|leaf| leaf.not_before))
            ),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            TlsFault::WrongHost,
            format!(
                "the certificate is for {}, not for {}",
                names(leaf),
                quoted(expected)
            ),
        ),
        // A self-signed certificate that claims to be an authority has an error of its own.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::Other(_)
            if self_signed =>
        {
            (
                TlsFault::UnknownAuthority,
                "the certificate is self-signed".to_owned(),
            )
        }
        // A bad signature in the chain: an authority of the same name with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            TlsFault::UnknownAuthority,
            format!(
                "no trusted authority signed the certificate; it names {}",
                leaf.map_or_else(|| "nobody".to_owned(), |leaf| quoted(&leaf.issuer))
            ),
        ),
        other => (
            TlsFault::Handshake,
            format!("the certificate was refused: {other}"),
        ),
    };
    Ending::failed(Fault::Tls(fault), message)
}

/// The first names of a certificate.
fn names(leaf: Option<&Certificate>) -> String {
    const NAMES_MAX: usize = 3;
    let names = leaf.map_or(&[][..], |leaf| leaf.names.as_slice());
    let shown: Vec<String> = names
        .iter()
        .take(NAMES_MAX)
        .map(|name| quoted(name))
        .collect();
    match (shown.len(), names.len()) {
        (0, _) => "no name".to_owned(),
        (shown_len, len) if shown_len < len => format!("{} and others", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// A name that a client can ask for; certificates know many other kinds.
fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// A handshake that failed for another reason.
fn broken(error: &io::Error, address: SocketAddr) -> Ending {
    if let Some(error) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        let message = match error {
            rustls::Error::AlertReceived(alert) => {
                format!("{address} refused the TLS handshake: {alert:?}")
            }
            rustls::Error::InvalidMessage(_) => {
                format!("what {address} answered is not TLS")
            }
            other => format!("the TLS handshake with {address} failed: {other}"),
        };
        return Ending::failed(Fault::Tls(TlsFault::Handshake), message);
    }
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            format!("{address} closed the connection during the TLS handshake")
        }
        io::ErrorKind::ConnectionReset => {
            format!("{address} reset the connection during the TLS handshake")
        }
        _ => format!("the connection to {address} broke during the TLS handshake: {error}"),
    };
    Ending::failed(Fault::Io(Stage::Tls), message)
}
