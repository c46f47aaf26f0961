//! Which servers are trusted over TLS.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::super::{DbError, Result};

/// Trust in the authorities of `ca_file`, or in those of the system.
pub(super) fn tls(ca_file: Option<&Path>) -> Result<ClientConfig> {
    let refused = |what: String| DbError::Unreachable(what);
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let shown = path.display();
            let file = File::open(path)
                .map_err(|error| refused(format!("read authorities `{shown}`: {error}")))?;
            for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
                let added = certificate
                    .map_err(|error| error.to_string())
                    .and_then(|it| roots.add(it).map_err(|error| error.to_string()));
                added.map_err(|error| refused(format!("read authorities `{shown}`: {error}")))?;
            }
            if roots.is_empty() {
                return Err(refused(format!(
                    "read authorities `{shown}`: it holds no certificate (PEM)"
                )));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
