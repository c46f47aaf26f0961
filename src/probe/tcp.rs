//! A TCP connection, and what is said on it: a greeting, a question, a change to TLS.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout_at;

use super::dial::{self, Dialer};
use super::handshake::{self, Prepared};
use super::tls::Trust;
use super::trail::Trail;
use super::{Ending, ProbeSetupError, cut, http, quoted, starttls};
use crate::sla::assertion::Test;
use crate::sla::catalog::TcpProbe;
use crate::sla::explanation::Assessment;
use crate::sla::observation::{Fault, Stage};
use crate::sla::window::Timestamp;

/// How much of what the server says is read while looking for what was expected.
const HEARD_BYTES_MAX: usize = 64 * 1024;

/// From what length on a line that we said is looked for in the answer: a shorter one hides nothing.
const SAID_BYTES_MIN: usize = 4;

/// Reads what the probe needs from this machine.
pub(super) fn prepare(
    trust: &Trust,
    probe: &TcpProbe,
) -> Result<Option<Prepared>, ProbeSetupError> {
    probe
        .starttls
        .as_ref()
        .map(|(_, terms)| handshake::prepare(trust, &probe.address, terms))
        .transpose()
}

/// Asks once. Everything that happens is in the ending and on the trail.
pub(super) async fn ask(
    dialer: &Dialer,
    probe: &TcpProbe,
    prepared: Option<&Prepared>,
    at: Timestamp,
    trail: &mut Trail,
) -> Ending {
    trail.hop.url = probe.to_string();
    let asked = timeout_at(
        trail.deadline(),
        exchange(dialer, probe, prepared, at, trail),
    )
    .await;
    let mut ending = match asked {
        Ok(Ok(())) => Ending::good(),
        Ok(Err(ending)) => ending,
        Err(_elapsed) => http::timed_out(trail),
    };
    // A server may repeat what was said to it, which is shown nowhere.
    for said in probe.send.iter().flat_map(|said| said.lines()) {
        let said = said.trim();
        if said.len() >= SAID_BYTES_MIN {
            trail.mask(said);
            ending.message = ending.message.replace(said, "***");
        }
    }
    ending
}

async fn exchange(
    dialer: &Dialer,
    probe: &TcpProbe,
    prepared: Option<&Prepared>,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<(), Ending> {
    let address = &probe.address;
    let mut stream = dialer
        .open(&address.host, address.port, probe.family, trail)
        .await?;
    let peer = dial::peer(&stream)?;
    match (&probe.starttls, prepared) {
        (Some((protocol, _)), Some(prepared)) => {
            trail.enter(Stage::Processing);
            starttls::change(&mut stream, *protocol, peer).await?;
            let mut stream = handshake::make(stream, peer, prepared, at, trail).await?;
            converse(&mut stream, probe, peer, trail).await?;
            starttls::part(&mut stream, *protocol).await;
            Ok(())
        }
        _ => converse(&mut stream, probe, peer, trail).await,
    }
}

async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    probe: &TcpProbe,
    peer: SocketAddr,
    trail: &mut Trail,
) -> Result<(), Ending> {
    if probe.send.is_none() && probe.expect.is_none() {
        return Ok(());
    }
    trail.enter(Stage::Processing);
    if let Some(said) = &probe.send {
        let sent = stream.write_all(said.as_bytes()).await;
        sent.map_err(|error| broken(&error, peer, 0))?;
    }
    let Some(wanted) = &probe.expect else {
        return Ok(());
    };
    let mut heard = Vec::new();
    let listened = listen(stream, wanted, peer, &mut heard).await;
    trail.hop.body_bytes = heard.len();
    let test = Test::Contains {
        text: wanted.clone(),
        wanted: true,
    };
    trail.assess(Assessment {
        subject: "answer".to_owned(),
        found: (!heard.is_empty()).then(|| cut(String::from_utf8_lossy(&heard).trim_end())),
        test: test.to_string(),
        holds: listened.is_ok(),
    });
    listened
}

/// Reads until what is wanted has come.
async fn listen(
    stream: &mut (impl AsyncRead + Unpin),
    wanted: &str,
    peer: SocketAddr,
    heard: &mut Vec<u8>,
) -> Result<(), Ending> {
    loop {
        let n_read = stream
            .read_buf(heard)
            .await
            .map_err(|error| broken(&error, peer, heard.len()))?;
        if contains(heard, wanted.as_bytes()) {
            return Ok(());
        }
        if n_read == 0 {
            return Err(match heard.as_slice() {
                [] => closed(peer, 0),
                _ => other(heard, wanted, "and closed the connection"),
            });
        }
        if heard.len() > HEARD_BYTES_MAX {
            return Err(other(heard, wanted, "and more"));
        }
    }
}

fn contains(heard: &[u8], wanted: &[u8]) -> bool {
    heard
        .windows(wanted.len().max(1))
        .any(|part| part == wanted)
}

fn other(heard: &[u8], wanted: &str, then: &str) -> Ending {
    let said = String::from_utf8_lossy(heard);
    Ending::failed(
        Fault::Content,
        format!(
            "the server said {} {then}, expected {}",
            quoted(said.trim_end()),
            quoted(wanted)
        ),
    )
}

/// The connection ended before everything was said.
pub(super) fn closed(peer: SocketAddr, n_heard: usize) -> Ending {
    let message = format!("{peer} closed the connection after {n_heard} bytes");
    Ending::failed(Fault::Io(Stage::Processing), message)
}

/// The connection broke.
pub(super) fn broken(error: &io::Error, peer: SocketAddr, n_heard: usize) -> Ending {
    let message = match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            format!("{peer} reset the connection after {n_heard} bytes")
        }
        _ => format!("the connection to {peer} broke: {error}"),
    };
    Ending::failed(Fault::Io(Stage::Processing), message)
}
