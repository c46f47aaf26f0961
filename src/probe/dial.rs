//! From a name to an open connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::trail::Trail;
use super::{Ending, quoted};
use crate::sla::catalog::Family;
use crate::sla::observation::{Fault, Stage, Void};

/// How many names are looked up at a time. The system's resolver blocks a thread for each; when it
/// hangs, it must not take the threads that everything else needs.
const LOOKUPS_MAX: usize = 64;

/// Opens connections, with a bounded number of lookups under way.
pub(super) struct Dialer {
    lookups: Arc<Semaphore>,
}

impl Dialer {
    pub(super) fn new() -> Self {
        Self {
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }

    /// Opens a connection to `host`, trying its addresses in the order of the system's resolver
    /// as far as `family` allows.
    pub(super) async fn open(
        &self,
        host: &str,
        port: u16,
        family: Family,
        trail: &mut Trail,
    ) -> Result<TcpStream, Ending> {
        let addresses = self.addresses(host, port, family, trail).await?;
        trail.enter(Stage::Connect);
        connect(host, &addresses, trail).await
    }

    /// The addresses of `host` in the order of the system's resolver as far as `family` allows; at
    /// least one.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
        family: Family,
        trail: &mut Trail,
    ) -> Result<Vec<SocketAddr>, Ending> {
        let mut addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_a_name) => {
                trail.enter(Stage::Resolve);
                Box::pin(self.resolve(host, port)).await?
            }
        };
        match family {
            Family::Any => {}
            Family::Ipv4 => addresses.retain(SocketAddr::is_ipv4),
            Family::Ipv6 => addresses.retain(SocketAddr::is_ipv6),
            // Sorting is stable: within a family, the resolver's order stays.
            Family::PreferIpv4 => addresses.sort_by_key(SocketAddr::is_ipv6),
            Family::PreferIpv6 => addresses.sort_by_key(SocketAddr::is_ipv4),
        }
        if addresses.is_empty() {
            let kind = match family {
                Family::Any | Family::PreferIpv4 | Family::PreferIpv6 => "address",
                Family::Ipv4 => "IPv4 address",
                Family::Ipv6 => "IPv6 address",
            };
            let message = format!("{} has no {kind}", quoted(host));
            return Err(Ending::failed(Fault::Dns, message));
        }
        Ok(addresses)
    }

    /// Asks the system's resolver, which knows hosts files and search domains.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Ending> {
        let permit = self.lookups.clone().acquire_owned().await;
        let name = host.to_owned();
        let mut lookup = tokio::task::JoinSet::new();
        // A lookup that has not begun when its probe is given up never does; one that has begun
        // keeps its permit until the resolver lets go of the thread.
        lookup.spawn_blocking(move || {
            let _permit = permit;
            let hints = AddrInfoHints {
                socktype: SockType::Stream.into(),
                ..AddrInfoHints::default()
            };
            // An address family that is neither IPv4 nor IPv6 is of no use to us.
            getaddrinfo(Some(&name), None, Some(hints))
                .map(|found| found.filter_map(Result::ok).collect::<Vec<_>>())
        });
        let host = quoted(host);
        let found = match lookup.join_next().await {
            Some(Ok(Ok(found))) => found,
            Some(Ok(Err(error))) => {
                let kind = error.kind();
                let detail = io::Error::from(error);
                return Err(match kind {
                    LookupErrorKind::NoName | LookupErrorKind::NoData => {
                        Ending::failed(Fault::Dns, format!("{host} has no address"))
                    }
                    // Also what a broken zone of the service looks like from here: we cannot tell
                    // which it was, so we do not accuse.
                    LookupErrorKind::Again
                    | LookupErrorKind::Fail
                    | LookupErrorKind::System
                    | LookupErrorKind::Memory
                    | LookupErrorKind::Badflags
                    | LookupErrorKind::Family
                    | LookupErrorKind::Socktype
                    | LookupErrorKind::Service
                    | LookupErrorKind::Unknown
                    | LookupErrorKind::IO => Ending::void(
                        Void::Resolver,
                        format!("our resolver could not answer for {host}: {detail}"),
                    ),
                });
            }
            Some(Err(_)) | None => {
                return Err(Ending::void(
                    Void::NotExecuted,
                    "the lookup was given up because the program stops",
                ));
            }
        };
        let mut addresses: Vec<SocketAddr> = Vec::with_capacity(found.len());
        for info in found {
            let address = SocketAddr::new(info.sockaddr.ip(), port);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }
}

/// The other side of an open connection.
pub(super) fn peer(stream: &TcpStream) -> Result<SocketAddr, Ending> {
    stream
        .peer_addr()
        .map_err(|error| Ending::failed(Fault::Connect, format!("the connection broke: {error}")))
}

/// Tries one address after the other. One that is silent takes at most its share of the time
/// left, so that it cannot hide one that works.
pub(super) async fn connect(
    host: &str,
    addresses: &[SocketAddr],
    trail: &mut Trail,
) -> Result<TcpStream, Ending> {
    let mut all_without_route = true;
    for (tried, &address) in addresses.iter().enumerate() {
        trail.hop.address = Some(address);
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let socket = match socket {
            Ok(socket) => socket,
            // A kernel without this address family has no route either.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                trail.hop.misses.push(format!("{address}: {error}"));
                continue;
            }
            Err(error) => {
                return Err(Ending::void(
                    Void::NotExecuted,
                    format!("this machine could not open a socket: {error}"),
                ));
            }
        };
        let n_left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = (trail.deadline() - Instant::now()) / n_left;
        let attempt = socket.connect(address);
        let connected = if n_left == 1 {
            // The deadline of the whole probe ends the last attempt.
            Ok(attempt.await)
        } else {
            timeout(share, attempt).await
        };
        match connected {
            Ok(Ok(stream)) => {
                // Small requests must leave at once; without it only latency suffers.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => match error.kind() {
                // Our own ports are used up, or our own firewall forbids it.
                io::ErrorKind::AddrNotAvailable | io::ErrorKind::PermissionDenied => {
                    return Err(Ending::void(
                        Void::NotExecuted,
                        format!("this machine could not connect to {address}: {error}"),
                    ));
                }
                io::ErrorKind::NetworkUnreachable => {
                    trail.hop.misses.push(format!("no route to {address}"));
                }
                kind => {
                    all_without_route = false;
                    trail.hop.misses.push(match kind {
                        io::ErrorKind::ConnectionRefused => {
                            format!("connection refused by {address}")
                        }
                        io::ErrorKind::ConnectionReset => {
                            format!("connection reset by {address}")
                        }
                        io::ErrorKind::HostUnreachable => format!("{address} is unreachable"),
                        io::ErrorKind::TimedOut => format!("no connection to {address}"),
                        _ => format!("no connection to {address}: {error}"),
                    });
                }
            },
            Err(_elapsed) => {
                all_without_route = false;
                trail.hop.misses.push(format!(
                    "no connection to {address} within {} ms",
                    share.as_millis()
                ));
            }
        }
    }
    // The message says them all.
    let misses = std::mem::take(&mut trail.hop.misses);
    let message = match misses.as_slice() {
        [only] => only.clone(),
        several => format!("{}: {}", quoted(host), several.join(", ")),
    };
    Err(if all_without_route {
        Ending::void(Void::Uplink, message)
    } else {
        Ending::failed(Fault::Connect, message)
    })
}
