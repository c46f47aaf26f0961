//! An exchange that broke off: at what point, and as far as can be told, why.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;

use rustls::AlertDescription;

use super::super::trail::Trail;
use super::super::{Ending, quoted, tls};
use super::HEAD_BYTES_MAX;
use crate::sla::observation::{Fault, Stage, Void};

/// The exchange broke in the stage under way.
pub(super) fn broken(error: &hyper::Error, address: SocketAddr, trail: &Trail) -> Ending {
    let stage = trail.stage();
    let io_kind = io_kind(error);
    if let Some(alert) = tls_alert(error) {
        let tls = trail.hop.tls.as_ref();
        let was_asked = tls.is_some_and(|tls| tls.asks_for_certificate);
        let asked = tls::Asked::of(was_asked, trail.shown.is_some());
        return tls::alerted(alert, address, asked);
    }
    let message = if error.is_parse_too_large() {
        format!("the head of the answer of {address} is larger than {HEAD_BYTES_MAX} bytes")
    } else if error.is_parse() {
        format!("what {address} answered is not HTTP")
    } else if io_kind == Some(io::ErrorKind::ConnectionReset) {
        format!("{address} reset the connection{}", progress(trail))
    } else if error.is_incomplete_message() || io_kind == Some(io::ErrorKind::UnexpectedEof) {
        format!("{address} closed the connection{}", progress(trail))
    } else {
        match error.source() {
            Some(source) => format!("the exchange with {address} broke: {error}: {source}"),
            None => format!("the exchange with {address} broke: {error}"),
        }
    };
    Ending::failed(Fault::Io(stage), message)
}

/// How far the answer had come.
fn progress(trail: &Trail) -> String {
    match trail.stage() {
        Stage::Auth
        | Stage::Resolve
        | Stage::Connect
        | Stage::Tls
        | Stage::Write
        | Stage::Processing => " before it answered".to_owned(),
        Stage::Transfer => format!(" after {} bytes of the body", trail.hop.body_bytes),
    }
}

/// The alert with which the server ended a connection that was already open.
fn tls_alert(error: &hyper::Error) -> Option<AlertDescription> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(rustls::Error::AlertReceived(alert)) = error
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref())
            .and_then(|error| error.downcast_ref())
        {
            return Some(*alert);
        }
        source = error.source();
    }
    None
}

/// The kind of the I/O error at the bottom of `error`.
fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

/// The deadline passed in the stage under way.
pub(in crate::probe) fn timed_out(trail: &Trail) -> Ending {
    let stage = trail.stage();
    let within = format!("within {} ms", trail.timeout_ms());
    let peer = trail
        .hop
        .address
        .map_or_else(|| quoted(&trail.hop.url), |address| address.to_string());
    let message = match stage {
        Stage::Resolve | Stage::Connect if trail.before_proxy => {
            let message = format!("our proxy could not be reached {within}");
            return Ending::void(Void::Uplink, message);
        }
        // Our resolver, or the service's own name servers: without a control target we cannot
        // tell, and do not accuse.
        Stage::Resolve => {
            let message = format!("our resolver gave no answer for the host of {peer} {within}");
            return Ending::void(Void::Resolver, message);
        }
        Stage::Auth => {
            let message = format!("no token from the authorization server {within}");
            return Ending::void(Void::Token, message);
        }
        Stage::Connect => format!("no connection to {peer} {within}"),
        Stage::Tls => format!("the TLS handshake with {peer} was not over {within}"),
        Stage::Write => format!("{peer} did not take the whole request {within}"),
        Stage::Processing => format!("no answer from {peer} {within}"),
        Stage::Transfer => format!(
            "the body from {peer} was not complete {within}, {} bytes had come",
            trail.hop.body_bytes
        ),
    };
    Ending::failed(Fault::Timeout(stage), message)
}
