//! A TLS handshake and nothing after it: does the server present a certificate that holds?

use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::client::TlsStream;

use super::dial::{self, Dialer};
use super::tls::{self, Terms, Trust};
use super::trail::Trail;
use super::{Ending, ProbeSetupError, http};
use crate::sla::assertion::Subject;
use crate::sla::catalog::{HostPort, TlsProbe, TlsTerms};
use crate::sla::explanation::Assessment;
use crate::sla::observation::{Fault, Stage};
use crate::sla::window::Timestamp;

const DAY_MS: i64 = 24 * 3_600_000;

/// What a handshake needs from this machine.
pub(super) struct Prepared {
    terms: Terms,
    days_min: Option<u32>,
}

/// Reads what a handshake with `address` needs.
pub(super) fn prepare(
    trust: &Trust,
    address: &HostPort,
    terms: &TlsTerms,
) -> Result<Prepared, ProbeSetupError> {
    let name = terms.name.as_ref().unwrap_or(&address.host);
    let name = ServerName::try_from(name.clone()).map_err(|_unfit| ProbeSetupError::Request {
        url: address.to_string(),
        part: "the name in the TLS handshake".to_owned(),
    })?;
    let authorities = trust.authorities(terms.ca_file.as_deref(), address)?;
    Ok(Prepared {
        // No protocol is offered: what is spoken afterwards, if anything, is not HTTP.
        terms: Terms::new(name, authorities, &[], None),
        days_min: terms.days_min,
    })
}

/// Asks once. Everything that happens is in the ending and on the trail.
pub(super) async fn ask(
    dialer: &Dialer,
    probe: &TlsProbe,
    prepared: &Prepared,
    at: Timestamp,
    trail: &mut Trail,
) -> Ending {
    trail.hop.url = probe.to_string();
    let deadline = trail.deadline();
    let exchange = async {
        let address = &probe.address;
        let stream = dialer
            .open(&address.host, address.port, probe.family, trail)
            .await?;
        let peer = dial::peer(&stream)?;
        make(stream, peer, prepared, at, trail).await
    };
    match timeout_at(deadline, exchange).await {
        Ok(Ok(_stream)) => Ending::good(),
        Ok(Err(ending)) => ending,
        Err(_elapsed) => http::timed_out(trail),
    }
}

/// Makes the handshake on an open connection, and judges how long the certificate is still valid.
pub(super) async fn make(
    stream: TcpStream,
    peer: SocketAddr,
    prepared: &Prepared,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<TlsStream<TcpStream>, Ending> {
    trail.enter(Stage::Tls);
    let (stream, seen) = tls::handshake(stream, peer, &prepared.terms, at).await;
    let ends = seen.verified_not_after.or_else(|| seen.chain_not_after());
    trail.hop.tls = Some(seen);
    let stream = stream?;
    if let (Some(days_min), Some(end)) = (prepared.days_min, ends) {
        let days = end.since(at).div_euclid(DAY_MS);
        let holds = days >= i64::from(days_min);
        trail.assess(Assessment {
            subject: Subject::CertificateDays.to_string(),
            found: Some(days.to_string()),
            test: format!(">= {days_min}"),
            holds,
        });
        if !holds {
            return Err(Ending::failed(
                Fault::Content,
                format!(
                    "the first of the certificates ends in {days} days, expected at least {days_min}"
                ),
            ));
        }
    }
    Ok(stream)
}
