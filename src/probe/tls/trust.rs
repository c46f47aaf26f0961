//! Whom we trust.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CipherSuite, ClientConfig, RootCertStore};

use super::super::ProbeSetupError;
use super::ours::Ours;
use crate::secret::Stamp;
use crate::sla::catalog::ClientCertificate;

/// Whom we trust: the system's authorities, and those of files.
pub(in crate::probe) struct Trust {
    provider: Arc<CryptoProvider>,
    /// Read when the first endpoint wants them; absent on a system without any.
    system: OnceLock<Option<Arc<Authorities>>>,
    files: Mutex<HashMap<PathBuf, OfFile>>,
}

/// What a file of authorities held when it was last read.
#[derive(Clone)]
struct OfFile {
    stamp: Stamp,
    authorities: Arc<Authorities>,
}

/// A set of trusted authorities, ready for handshakes.
#[derive(Debug)]
pub(in crate::probe) struct Authorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) verifier: Arc<WebPkiServerVerifier>,
    /// For handshakes in which we show no certificate.
    pub(super) config: ClientConfig,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Trust {
    pub(in crate::probe) fn of_system() -> Result<Self, rustls::Error> {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // A probe is a handshake and little else, and processors compute SHA-256 themselves.
        provider.cipher_suites.sort_by_key(|suite| {
            !matches!(
                suite.suite(),
                CipherSuite::TLS13_AES_128_GCM_SHA256
                    | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                    | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            )
        });
        let provider = Arc::new(provider);
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
    pub(in crate::probe) fn authorities(
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
        let stamp = Stamp::of(path);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let known = files.get(path).cloned();
        if let Some(known) = &known
            && known.stamp == stamp
        {
            return Ok(known.authorities.clone());
        }
        match (self.read(path), known) {
            (Ok(authorities), _) => {
                let authorities = Arc::new(authorities);
                let of_file = OfFile {
                    stamp,
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
        let roots = Arc::new(roots);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.clone(), self.provider.clone())
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
            roots,
            verifier,
            config,
            provider: self.provider.clone(),
        })
    }

    /// What we show where a handshake asks who we are.
    ///
    /// # Errors
    /// See [`Ours::read`].
    pub(in crate::probe) fn identity(
        &self,
        ours: &ClientCertificate,
    ) -> Result<Arc<Ours>, ProbeSetupError> {
        Ours::read(ours, &self.provider).map(Arc::new)
    }
}

impl Authorities {
    /// For clients that do not need to know what was presented.
    pub(in crate::probe) fn for_others(&self) -> ClientConfig {
        self.config.clone()
    }
}
