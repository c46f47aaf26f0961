//! Certificates and their keys, from files (PEM).

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret as _;

use crate::secret;
use crate::sla::catalog::SecretPlace;

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {reason}", path.display())]
pub struct PemError {
    path: PathBuf,
    reason: String,
}

impl PemError {
    /// About the file at `path`; `reason` says what to do.
    pub fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// The certificates in a file, at least one.
///
/// # Errors
/// A file that cannot be read or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(PemError::new(
            path,
            "it holds no certificate; name a PEM file",
        )),
        Err(error) => Err(PemError::new(
            path,
            format!("{error}; name a readable PEM file"),
        )),
    }
}

/// Trust in the authorities of a file.
///
/// # Errors
/// As [`certificates`], and a certificate that cannot be one of an authority.
pub fn authorities(path: &Path) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| PemError::new(path, error.to_string()))?;
    }
    Ok(roots)
}

/// A certificate, with those that lead from it to its authority, and its key.
///
/// # Errors
/// Files that cannot be read or used, and a key that every user of the machine can read.
pub fn identity(
    file: &Path,
    key_file: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), PemError> {
    let chain = certificates(file)?;
    let key = secret::read(&SecretPlace::File(key_file.to_owned()))
        .map_err(|error| PemError::new(key_file, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(|_| {
        PemError::new(
            key_file,
            "it holds no private key; name a PEM file without a passphrase",
        )
    })?;
    Ok((chain, key))
}
