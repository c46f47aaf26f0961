//! The TLS handshake, seen through: what certificate was presented and exactly why it was refused
//! is known even when the handshake fails.
//!
//! Reading order: this file (the handshake and what went wrong with it), [`trust`] (whom we trust),
//! [`verify`] (what was presented), [`ours`] (what we show).

mod ours;
mod trust;
mod verify;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Ending, quoted};
use crate::sla::explanation::{Certificate, Tls};
use crate::sla::observation::{Fault, Stage, TlsFault, Void};
use crate::sla::window::Timestamp;

use verify::{Identity, Recorder, Remembered};

pub(super) use ours::Ours;
pub(super) use trust::{Authorities, Trust};

/// HTTP/2 as ALPN names it.
pub(super) const H2: &[u8] = b"h2";
/// HTTP/1.1 as ALPN names it.
pub(super) const HTTP1: &[u8] = b"http/1.1";

/// How handshakes with one server are to be made.
#[derive(Clone)]
pub(super) struct Terms {
    /// The name that the certificate must carry.
    name: ServerName<'static>,
    /// Whom to trust.
    authorities: Arc<Authorities>,
    /// What we show where we are asked who we are.
    ours: Option<Arc<Ours>>,
    /// Offered, the preferred one first.
    protocols: &'static [&'static [u8]],
    remembered: Remembered,
}

impl Terms {
    /// Terms that offer `protocols`, the preferred one first.
    pub(super) fn new(
        name: ServerName<'static>,
        authorities: Arc<Authorities>,
        protocols: &'static [&'static [u8]],
        ours: Option<Arc<Ours>>,
    ) -> Self {
        Self {
            name,
            authorities,
            ours,
            protocols,
            remembered: Remembered::default(),
        }
    }

    /// What a server was shown with which we made this handshake.
    pub(super) fn shown(&self, seen: &Tls) -> Option<&Arc<Ours>> {
        self.ours.as_ref().filter(|_| seen.asks_for_certificate)
    }
}

/// Whether a server asked who we are, and what it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// We have no certificate for it.
    InVain,
    Ours,
}

impl Asked {
    pub(super) fn of(was_asked: bool, has_ours: bool) -> Self {
        match (was_asked, has_ours) {
            (false, _) => Self::Nothing,
            (true, false) => Self::InVain,
            (true, true) => Self::Ours,
        }
    }
}

/// Makes the handshake. What it shows is told also when it fails.
pub(super) async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    terms: &Terms,
    at: Timestamp,
) -> (Result<TlsStream<TcpStream>, Ending>, Tls) {
    let mut config = terms.authorities.config.clone();
    let protocols = terms.protocols.iter();
    config.alpn_protocols = protocols.map(|name| name.to_vec()).collect();
    let recorder = Arc::new(Recorder {
        authorities: terms.authorities.clone(),
        at,
        remembered: terms.remembered.clone(),
        seen: Mutex::default(),
    });
    let identity = Arc::new(Identity {
        ours: terms.ours.clone(),
        was_asked: AtomicBool::new(false),
    });
    config
        .dangerous()
        .set_certificate_verifier(recorder.clone());
    config.client_auth_cert_resolver = identity.clone();
    let done = TlsConnector::from(Arc::new(config))
        .connect(terms.name.clone(), stream)
        .await;
    let seen = std::mem::take(&mut *recorder.seen.lock().unwrap_or_else(PoisonError::into_inner));
    let was_asked = identity.was_asked.load(Ordering::Acquire);
    let chain = seen.presented.as_ref();
    let chain = chain.map_or_else(Vec::new, |presented| presented.chain.clone());
    let refusal = seen
        .refusal
        .as_ref()
        .map(|refusal| refused(refusal, chain.first(), &terms.name.to_str()));
    let done = done.map_err(|error| match &refusal {
        Some((fault, message)) => Ending::failed(Fault::Tls(*fault), message),
        None => broken(&error, address, Asked::of(was_asked, terms.ours.is_some())),
    });
    let agreed = done.as_ref().ok().map(|stream| stream.get_ref().1);
    let version = agreed.and_then(|agreed| agreed.protocol_version());
    let cipher_suite = agreed.and_then(|agreed| agreed.negotiated_cipher_suite());
    // A certificate of another name may well come from a trusted authority; any other refusal says
    // that this one does not.
    let is_trusted = matches!(
        seen.refusal,
        None | Some(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    );
    let tls = Tls {
        version: version
            .and_then(|version| version.as_str())
            .map(pretty_version),
        cipher_suite: cipher_suite
            .and_then(|suite| suite.suite().as_str())
            .map(ToOwned::to_owned),
        chain,
        verified_not_after: seen
            .presented
            .filter(|_| is_trusted)
            .and_then(|presented| presented.verified_not_after),
        refusal: refusal.map(|(fault, _)| fault),
        asks_for_certificate: was_asked,
    };
    (done, tls)
}

/// `TLSv1_3` as people write it.
fn pretty_version(name: &str) -> String {
    name.replace('_', ".")
}

/// Why a handshake failed because of the certificate.
fn refused(
    refusal: &CertificateError,
    leaf: Option<&Certificate>,
    expected: &str,
) -> (TlsFault, String) {
    let day =
        |instant: Option<Timestamp>| instant.map_or_else(|| "an unknown date".to_owned(), minute);
    let self_signed = leaf.is_some_and(|leaf| leaf.self_signed);
    match refusal {
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
                TlsFault::SelfSigned,
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
    }
}

/// An instant as messages show it.
fn minute(instant: Timestamp) -> String {
    instant.to_utc().format("%Y-%m-%d %H:%M UTC").to_string()
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

/// A handshake that failed for another reason.
fn broken(error: &io::Error, address: SocketAddr, asked: Asked) -> Ending {
    if let Some(error) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return match error {
            rustls::Error::AlertReceived(alert) => alerted(*alert, address, asked),
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => too_old(address),
            rustls::Error::InvalidMessage(_) => Ending::failed(
                Fault::Tls(TlsFault::Handshake),
                format!("what {address} answered is not TLS"),
            ),
            other => Ending::failed(
                Fault::Tls(TlsFault::Handshake),
                format!("the TLS handshake with {address} failed: {other}"),
            ),
        };
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

/// The server ended the handshake, and told why as far as an alert can. Where it asks for our
/// certificate, it may do so after the handshake was over for us. Where it refuses the one that we
/// show, nothing is known of the service.
pub(super) fn alerted(alert: AlertDescription, address: SocketAddr, asked: Asked) -> Ending {
    let about_us = matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            // A signature by an authority of the same name with another key.
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied
            | AlertDescription::HandshakeFailure
    );
    let (fault, message) = match alert {
        AlertDescription::ProtocolVersion => return too_old(address),
        _ if about_us && asked == Asked::Ours => {
            let message = format!("{address} refuses our certificate: {alert:?}");
            return Ending::void(Void::Certificate, message);
        }
        _ if about_us && asked == Asked::InVain => (
            TlsFault::ClientCertificate,
            format!("{address} wants a certificate of ours that it trusts: {alert:?}"),
        ),
        _ => (
            TlsFault::Refused,
            format!("{address} refused the TLS handshake: {alert:?}"),
        ),
    };
    Ending::failed(Fault::Tls(fault), message)
}

fn too_old(address: SocketAddr) -> Ending {
    Ending::failed(
        Fault::Tls(TlsFault::WeakProtocol),
        format!("{address} speaks no version of TLS from 1.2 on"),
    )
}
