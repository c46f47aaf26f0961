//! What we show where a handshake asks who we are.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::ExposeSecret;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::super::ProbeSetupError;
use super::{minute, verify};
use crate::secret;
use crate::sla::catalog::{ClientCertificate, SecretPlace};
use crate::sla::window::{SECOND_MS, Timestamp};

/// Our certificate with its key.
#[derive(Debug)]
pub(in crate::probe) struct Ours {
    pub(super) certified: Arc<CertifiedKey>,
    /// The certificate's file.
    file: PathBuf,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
}

impl Ours {
    /// # Errors
    /// Files that cannot be read or used, a key that others can read, and a key of another
    /// certificate. A certificate whose time is over is none: the server decides.
    pub(super) fn read(
        ours: &ClientCertificate,
        provider: &CryptoProvider,
    ) -> Result<Self, ProbeSetupError> {
        let refuse = |reason: String| ProbeSetupError::ClientCertificate {
            path: ours.file.clone(),
            reason,
        };
        let pem = std::fs::read(&ours.file)
            .map_err(|error| refuse(format!("{error}; name a readable PEM file")))?;
        let chain = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| refuse(format!("{error}; it must be a PEM file")))?;
        let Some(leaf) = chain.first() else {
            return Err(refuse(
                "it must hold at least one `BEGIN CERTIFICATE` block".to_owned(),
            ));
        };
        let key = secret::read(&SecretPlace::File(ours.key_file.clone())).map_err(|source| {
            ProbeSetupError::Secret {
                key: "client_certificate",
                of: "the client certificate".to_owned(),
                source,
            }
        })?;
        let shown = ours.key_file.display();
        let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(|_| {
            refuse(format!(
                "`{shown}` holds no private key; it must be a PEM file without a passphrase"
            ))
        })?;
        let key = provider.key_provider.load_private_key(key).map_err(|_| {
            refuse(format!(
                "the key in `{shown}` is of no kind that TLS signs with; make one with RSA (2048 bits or more), ECDSA (P-256, P-384, P-521) or Ed25519"
            ))
        })?;
        // Not with the library's own comparison: it refuses certificates of version 1, which
        // `openssl x509 -req` makes unless told otherwise, and which many servers take.
        let (_, read) = X509Certificate::from_der(leaf).map_err(|_| {
            refuse(
                "its first block is no X.509 certificate; name a certificate and its key"
                    .to_owned(),
            )
        })?;
        if key
            .public_key()
            .is_some_and(|public| public.as_ref() != read.public_key().raw)
        {
            return Err(refuse(format!(
                "the key in `{shown}` is that of another certificate; name the two that belong together"
            )));
        }
        let facts = verify::facts(leaf);
        Ok(Self {
            not_before: facts.as_ref().and_then(|facts| facts.not_before),
            not_after: facts.as_ref().and_then(|facts| facts.not_after),
            certified: Arc::new(CertifiedKey::new(chain, key)),
            file: ours.file.clone(),
        })
    }

    /// What is wrong with its dates at `at`, as a fault of the configuration.
    pub(in crate::probe) fn outdated(&self, at: Timestamp) -> Option<ProbeSetupError> {
        let reason = match self.validity(at) {
            Validity::Over(end) => format!("it ended on {}; renew it", minute(end)),
            Validity::Before(begin) => format!(
                "it is not valid before {}; name the one that is valid now, or set this machine's clock",
                minute(begin)
            ),
            Validity::Valid => return None,
        };
        Some(ProbeSetupError::ClientCertificate {
            path: self.file.clone(),
            reason,
        })
    }

    /// What to do where it was shown at `at`, and the server refused us.
    pub(in crate::probe) fn remedy(&self, at: Timestamp) -> String {
        let file = self.file.display();
        match self.validity(at) {
            Validity::Over(end) => {
                format!(
                    "our certificate in `{file}` ended on {}: renew it",
                    minute(end)
                )
            }
            Validity::Before(begin) => format!(
                "our certificate in `{file}` is not valid before {}: use the one that is valid now",
                minute(begin)
            ),
            Validity::Valid => format!(
                "we showed the certificate in `{file}`: renew it, or have the service trust it"
            ),
        }
    }

    fn validity(&self, at: Timestamp) -> Validity {
        match (self.not_before, self.not_after) {
            (Some(begin), _) if at < begin => Validity::Before(begin),
            // Certificates count in seconds, the last one included.
            (_, Some(end)) if end.plus_ms(SECOND_MS) <= at => Validity::Over(end),
            _ => Validity::Valid,
        }
    }
}

/// A certificate's time at an instant.
enum Validity {
    Before(Timestamp),
    Valid,
    Over(Timestamp),
}
