//! A question to a name server: over UDP, and over TCP if the answer does not fit.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{self, Name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::dial::{self, Dialer};
use super::tcp::{broken, closed};
use super::trail::Trail;
use super::{Ending, ProbeSetupError, http, quoted};
use crate::sla::catalog::{DnsProbe, Family, Rcode, RecordType};
use crate::sla::observation::{Fault, Stage, Void};

/// The most that a message over UDP takes (RFC 6891 allows more only where it is agreed on).
const UDP_BYTES_MAX: usize = 4_096;

/// Where the system names its name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A probe ready to be made.
pub(super) struct Prepared {
    name: Name,
    /// The system's first name server, if the probe names none.
    system: Option<IpAddr>,
}

/// Reads what the probe needs from this machine.
pub(super) fn prepare(probe: &DnsProbe) -> Result<Prepared, ProbeSetupError> {
    let mut name = Name::from_ascii(&probe.name).map_err(|_unfit| ProbeSetupError::Request {
        url: probe.to_string(),
        part: "the name".to_owned(),
    })?;
    // A name without a dot at its end is whole too: no search domain is added.
    name.set_fqdn(true);
    let system = match &probe.server {
        Some(_) => None,
        None => Some(system_server().ok_or(ProbeSetupError::NoNameServer {
            name: probe.name.clone(),
        })?),
    };
    Ok(Prepared { name, system })
}

fn system_server() -> Option<IpAddr> {
    let text = std::fs::read_to_string(RESOLV_CONF).ok()?;
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next())??;
        // A scope (`fe80::1%eth0`) is not supported.
        address.parse().ok()
    })
}

/// Asks once. Everything that happens is in the ending and on the trail.
pub(super) async fn ask(
    dialer: &Dialer,
    probe: &DnsProbe,
    prepared: &Prepared,
    trail: &mut Trail,
) -> Ending {
    trail.hop.url = probe.to_string();
    match timeout_at(trail.deadline(), exchange(dialer, probe, prepared, trail)).await {
        Ok(Ok(answer)) => {
            trail.end();
            judge(probe, &answer, trail)
        }
        Ok(Err(ending)) => ending,
        Err(_elapsed) => http::timed_out(trail),
    }
}

async fn exchange(
    dialer: &Dialer,
    probe: &DnsProbe,
    prepared: &Prepared,
    trail: &mut Trail,
) -> Result<Message, Ending> {
    let servers = match (&probe.server, prepared.system) {
        (Some(server), _) => {
            let family = Family::Any;
            dialer
                .addresses(&server.host, server.port, family, trail)
                .await?
        }
        (None, Some(system)) => vec![SocketAddr::new(system, 53)],
        (None, None) => Vec::new(),
    };
    let Some(server) = servers.first().copied() else {
        return Err(Ending::void(Void::Resolver, "no name server is known"));
    };
    trail.hop.address = Some(server);
    trail.enter(Stage::Processing);
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    let query = Query::query(prepared.name.clone(), record_type(probe.record));
    question.add_query(query);
    let sent = question.to_vec().map_err(|error| {
        let message = format!("could not write the question: {error}");
        Ending::void(Void::NotExecuted, message)
    })?;
    let answer = over_udp(server, &sent, &question).await?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    over_tcp(server, &sent, &question, trail).await
}

async fn over_udp(server: SocketAddr, sent: &[u8], question: &Message) -> Result<Message, Ending> {
    let ours: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Ending::failed(Fault::Connect, format!("nobody listens at {server} (UDP)"))
        }
        io::ErrorKind::NetworkUnreachable => {
            Ending::void(Void::Uplink, format!("no route to {server}"))
        }
        io::ErrorKind::HostUnreachable => {
            Ending::failed(Fault::Connect, format!("{server} is unreachable"))
        }
        _ => Ending::void(
            Void::NotExecuted,
            format!("this machine could not ask {server}: {error}"),
        ),
    };
    let socket = UdpSocket::bind(SocketAddr::new(ours, 0))
        .await
        .map_err(failed)?;
    // Connected: only what comes from there is heard, and a refusal is told.
    socket.connect(server).await.map_err(failed)?;
    socket.send(sent).await.map_err(failed)?;
    let mut heard = [0; UDP_BYTES_MAX];
    loop {
        let n_read = socket.recv(&mut heard).await.map_err(failed)?;
        match Message::from_vec(&heard[..n_read]) {
            // An answer to another question was not meant for us, or is forged.
            Ok(answer) if !is_answer(&answer, question) => {}
            Ok(answer) => return Ok(answer),
            // A head that is ours, and then nonsense.
            Err(error) if heard[..2] == sent[..2] => return Err(nonsense(server, &error)),
            Err(_) => {}
        }
    }
}

async fn over_tcp(
    server: SocketAddr,
    sent: &[u8],
    question: &Message,
    trail: &mut Trail,
) -> Result<Message, Ending> {
    let mut stream = dial::connect(&server.ip().to_string(), &[server], trail).await?;
    trail.enter(Stage::Processing);
    let length = u16::try_from(sent.len()).unwrap_or(u16::MAX).to_be_bytes();
    let sent = [&length[..], sent].concat();
    let lost = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => closed(server, 0),
        _ => broken(&error, server, 0),
    };
    stream.write_all(&sent).await.map_err(lost)?;
    let n_bytes = stream.read_u16().await.map_err(lost)?;
    let mut heard = vec![0; usize::from(n_bytes)];
    stream.read_exact(&mut heard).await.map_err(lost)?;
    match Message::from_vec(&heard) {
        Ok(answer) if is_answer(&answer, question) => Ok(answer),
        Ok(_) => Err(Ending::failed(
            Fault::Io(Stage::Processing),
            format!("{server} answered another question"),
        )),
        Err(error) => Err(nonsense(server, &error)),
    }
}

fn is_answer(answer: &Message, question: &Message) -> bool {
    answer.metadata.id == question.metadata.id && answer.queries == question.queries
}

fn nonsense(server: SocketAddr, error: &impl ToString) -> Ending {
    Ending::failed(
        Fault::Io(Stage::Processing),
        format!("what {server} answered is not DNS: {}", error.to_string()),
    )
}

fn judge(probe: &DnsProbe, answer: &Message, trail: &mut Trail) -> Ending {
    let code = answer.metadata.response_code;
    if code != response_code(probe.rcode) {
        let told = Rcode::ALL
            .into_iter()
            .find(|known| response_code(*known) == code)
            .map_or_else(|| code.to_string(), |known| known.code().to_owned());
        let expected = probe.rcode.code();
        let message = format!("the name server says {told}, expected {expected}");
        return Ending::failed(Fault::Content, message);
    }
    let mut found: Vec<String> = answer
        .answers
        .iter()
        .filter(|record| record.record_type() == record_type(probe.record))
        .map(|record| canonical(&record.data.to_string()))
        .collect();
    found.sort();
    found.dedup();
    trail.hop.body_bytes = found.iter().map(String::len).sum();
    let mut expected: Vec<String> = probe.expected.iter().map(|text| canonical(text)).collect();
    expected.sort();
    expected.dedup();
    let is_good = match (expected.as_slice(), probe.rcode) {
        ([], Rcode::NoError) => !found.is_empty(),
        ([], _) => true,
        (expected, _) => found == expected,
    };
    if is_good {
        return Ending::good();
    }
    let list = |texts: &[String]| match texts {
        [] => "none".to_owned(),
        texts => texts.join(", "),
    };
    let message = match expected.as_slice() {
        [] => format!("there is no {} record", probe.record.code()),
        expected => format!(
            "the {} records are {}, expected {}",
            probe.record.code(),
            quoted(&list(&found)),
            quoted(&list(expected))
        ),
    };
    Ending::failed(Fault::Content, message)
}

/// Names are equal whatever their case, and with or without the dot at their end.
fn canonical(text: &str) -> String {
    let text = text.trim().trim_matches('"');
    text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()
}

fn record_type(record: RecordType) -> rr::RecordType {
    match record {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Caa => rr::RecordType::CAA,
        RecordType::Cname => rr::RecordType::CNAME,
        RecordType::Mx => rr::RecordType::MX,
        RecordType::Ns => rr::RecordType::NS,
        RecordType::Ptr => rr::RecordType::PTR,
        RecordType::Soa => rr::RecordType::SOA,
        RecordType::Srv => rr::RecordType::SRV,
        RecordType::Txt => rr::RecordType::TXT,
    }
}

fn response_code(rcode: Rcode) -> ResponseCode {
    match rcode {
        Rcode::NoError => ResponseCode::NoError,
        Rcode::NxDomain => ResponseCode::NXDomain,
        Rcode::Refused => ResponseCode::Refused,
        Rcode::ServFail => ResponseCode::ServFail,
    }
}
