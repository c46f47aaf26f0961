//! The certificates that a server presents: what they say, and whether they are to be trusted.
//!
//! Verifies as the standard verifier does and keeps what it saw, also when it refuses.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::ours::Ours;
use super::trust::Authorities;
use crate::sla::explanation::Certificate;
use crate::sla::window::Timestamp;

/// Certificates as a server presented them.
#[derive(Debug)]
pub(super) struct Presented {
    /// The leaf first, as they came.
    as_sent: Vec<CertificateDer<'static>>,
    /// Those that can be read.
    pub(super) chain: Vec<Certificate>,
    /// When the first of those ends that lead from the leaf to a trusted authority, by whatever
    /// name; absent where none does.
    pub(super) verified_not_after: Option<Timestamp>,
    /// When all of it was found to be in order, for the name that was asked for.
    accepted_at: OnceLock<Timestamp>,
}

/// What a server presented last. It mostly presents the same again: reading and verifying it costs
/// a good part of a handshake.
pub(super) type Remembered = Arc<Mutex<Option<Arc<Presented>>>>;

impl Presented {
    fn is(&self, leaf: &CertificateDer<'_>, above: &[CertificateDer<'_>]) -> bool {
        self.as_sent.len() == above.len() + 1
            && std::iter::once(leaf)
                .chain(above)
                .zip(&self.as_sent)
                .all(|(one, other)| one.as_ref() == other.as_ref())
    }

    fn read(
        authorities: &Authorities,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Self {
        let all = || std::iter::once(leaf).chain(above);
        Self {
            as_sent: all().map(|one| one.clone().into_owned()).collect(),
            chain: all().filter_map(|one| facts(one)).collect(),
            verified_not_after: verified_not_after(authorities, leaf, above, at),
            accepted_at: OnceLock::new(),
        }
    }

    /// Whether it was accepted before, and nothing in it began or ended meanwhile.
    fn is_still_accepted(&self, at: Timestamp) -> bool {
        let accepted_at = self.accepted_at.get();
        accepted_at.is_some_and(|accepted_at| *accepted_at <= at)
            && self.verified_not_after.is_some_and(|end| at < end)
    }
}

/// When the first of the certificates ends that lead from `leaf` to a trusted authority.
fn verified_not_after(
    authorities: &Authorities,
    leaf: &CertificateDer<'_>,
    above: &[CertificateDer<'_>],
    at: UnixTime,
) -> Option<Timestamp> {
    let algorithms = authorities.provider.signature_verification_algorithms.all;
    let end_entity = webpki::EndEntityCert::try_from(leaf).ok();
    let path = end_entity.as_ref().and_then(|end_entity| {
        end_entity
            .verify_for_usage(
                algorithms,
                &authorities.roots.roots,
                above,
                at,
                webpki::KeyUsage::server_auth(),
                None,
                None,
            )
            .ok()
    });
    let ends = match path {
        Some(path) => path
            .intermediate_certificates()
            .map(|one| facts(&one.der())?.not_after)
            .chain([facts(leaf)?.not_after])
            .collect::<Option<Vec<_>>>()?,
        None if authorities.names(leaf) => vec![facts(leaf)?.not_after?],
        None => return None,
    };
    ends.into_iter().min()
}

fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(at.unix_ms().max(0).unsigned_abs()))
}

impl Authorities {
    /// Whether this very certificate is in the list.
    fn names(&self, certificate: &CertificateDer<'_>) -> bool {
        let mut trusted = self.certificates.iter();
        trusted.any(|trusted| trusted.as_ref() == certificate.as_ref())
    }
}

/// What was presented in one handshake, and what we made of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) presented: Option<Arc<Presented>>,
    pub(super) refusal: Option<CertificateError>,
}

/// What people ask about a certificate; nothing if it cannot be read.
pub(super) fn facts(der: &[u8]) -> Option<Certificate> {
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
pub(super) struct Recorder {
    pub(super) authorities: Arc<Authorities>,
    /// The instant of the probe: certificates are judged at the same instant as the rest.
    pub(super) at: Timestamp,
    pub(super) remembered: Remembered,
    pub(super) seen: Mutex<Seen>,
}

impl Recorder {
    /// What was presented, read anew only if it was not presented last time as well.
    fn presented(&self, leaf: &CertificateDer<'_>, above: &[CertificateDer<'_>]) -> Arc<Presented> {
        let mut last = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(known) if known.is(leaf, above) => known.clone(),
            _ => {
                let read = Presented::read(&self.authorities, leaf, above, unix_time(self.at));
                let read = Arc::new(read);
                // What is not to be trusted now may be tomorrow.
                *last = read.verified_not_after.map(|_| read.clone());
                read
            }
        }
    }

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
            unix_time(self.at),
        );
        // A certificate that is itself in the list is trusted as it is: that is how one names a
        // self-signed certificate. Its dates and names still count.
        if verdict.is_err()
            && let Some(leaf) = leaf
            && self.authorities.names(end_entity)
        {
            // Certificates count in seconds.
            let at_s = self.at.unix_ms().div_euclid(1_000);
            let seconds = |limit: Timestamp| limit.unix_ms().div_euclid(1_000);
            if leaf.not_after.is_none_or(|end| seconds(end) < at_s) {
                return Err(CertificateError::Expired.into());
            }
            if leaf.not_before.is_none_or(|begin| at_s < seconds(begin)) {
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
        let presented = self.presented(end_entity, intermediates);
        let verdict = if presented.is_still_accepted(self.at) {
            Ok(ServerCertVerified::assertion())
        } else {
            let leaf = presented.chain.first();
            self.verify(end_entity, intermediates, server_name, ocsp_response, leaf)
        };
        if verdict.is_ok() {
            presented.accepted_at.get_or_init(|| self.at);
        }
        let refusal = match &verdict {
            Err(rustls::Error::InvalidCertificate(refusal)) => Some(refusal.clone()),
            _ => None,
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen {
            presented: Some(presented),
            refusal,
        };
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

/// Shows our certificate, if we have one, and notes that it was asked for.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) ours: Option<Arc<Ours>>,
    pub(super) was_asked: AtomicBool,
}

impl ResolvesClientCert for Identity {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Release);
        self.ours.as_ref().map(|ours| ours.certified.clone())
    }

    fn has_certs(&self) -> bool {
        self.ours.is_some()
    }
}
