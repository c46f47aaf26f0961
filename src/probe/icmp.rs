//! An ICMP echo, over the socket that Linux gives to ordinary users.

use std::io;
use std::net::UdpSocket as StdUdpSocket;
use std::sync::atomic::{AtomicU64, Ordering};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::dial::Dialer;
use super::trail::Trail;
use super::{Ending, ProbeSetupError, http};
use crate::sla::catalog::{Family, IcmpProbe};
use crate::sla::observation::{Fault, Stage, Void};

const ECHO_V4: u8 = 8;
const ECHO_V6: u8 = 128;
const ECHO_REPLY_V4: u8 = 0;
const ECHO_REPLY_V6: u8 = 129;
/// Type, code, checksum, identifier and sequence; the kernel fills in checksum and identifier.
const HEAD_BYTES: usize = 8;

/// Tells echoes of this process apart.
static NTH_ECHO: AtomicU64 = AtomicU64::new(0);

/// Whether this system lets us send echoes at all.
pub(super) fn prepare(probe: &IcmpProbe) -> Result<(), ProbeSetupError> {
    let is_v6 = matches!(probe.family, Family::Ipv6) || probe.host.contains(':');
    open(is_v6)
        .map(drop)
        .map_err(|source| ProbeSetupError::NoEcho {
            host: probe.host.clone(),
            source,
        })
}

fn open(is_v6: bool) -> io::Result<Socket> {
    let (domain, protocol) = if is_v6 {
        (Domain::IPV6, Protocol::ICMPV6)
    } else {
        (Domain::IPV4, Protocol::ICMPV4)
    };
    Socket::new(domain, Type::DGRAM.nonblocking(), Some(protocol))
}

/// Asks once. Everything that happens is in the ending and on the trail.
pub(super) async fn ask(dialer: &Dialer, probe: &IcmpProbe, trail: &mut Trail) -> Ending {
    trail.hop.url = probe.to_string();
    match timeout_at(trail.deadline(), exchange(dialer, probe, trail)).await {
        Ok(Ok(())) => Ending::good(),
        Ok(Err(ending)) => ending,
        Err(_elapsed) => match (trail.stage(), trail.hop.address) {
            (Stage::Processing, Some(address)) => {
                let within = trail.timeout_ms();
                let message = format!("no echo from {} within {within} ms", address.ip());
                Ending::failed(Fault::Timeout(Stage::Processing), message)
            }
            _ => http::timed_out(trail),
        },
    }
}

async fn exchange(dialer: &Dialer, probe: &IcmpProbe, trail: &mut Trail) -> Result<(), Ending> {
    let addresses = dialer
        .addresses(&probe.host, 0, probe.family, trail)
        .await?;
    let Some(address) = addresses.first().copied() else {
        return Err(Ending::failed(Fault::Dns, "the host has no address"));
    };
    trail.hop.address = Some(address);
    trail.enter(Stage::Processing);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NetworkUnreachable => {
            Ending::void(Void::Uplink, format!("no route to {}", address.ip()))
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::ConnectionRefused => {
            let message = format!("{} is unreachable: {error}", address.ip());
            Ending::failed(Fault::Connect, message)
        }
        _ => Ending::void(
            Void::NotExecuted,
            format!("this machine could not ask {}: {error}", address.ip()),
        ),
    };
    let socket = open(address.is_ipv6()).map_err(failed)?;
    let socket = UdpSocket::from_std(StdUdpSocket::from(socket)).map_err(failed)?;
    socket.connect(address).await.map_err(failed)?;
    let (request, reply) = if address.is_ipv6() {
        (ECHO_V6, ECHO_REPLY_V6)
    } else {
        (ECHO_V4, ECHO_REPLY_V4)
    };
    let nth = NTH_ECHO.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let mut echo = vec![request, 0, 0, 0, 0, 0, nth[6], nth[7]];
    echo.extend_from_slice(b"vigie ");
    echo.extend_from_slice(&nth);
    socket.send(&echo).await.map_err(failed)?;
    let mut heard = [0; 128];
    loop {
        let n_read = socket.recv(&mut heard).await.map_err(failed)?;
        let is_ours =
            heard[0] == reply && heard[..n_read].get(HEAD_BYTES..) == echo.get(HEAD_BYTES..);
        if is_ours {
            return Ok(());
        }
    }
}
