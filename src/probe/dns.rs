//! A question to a name server: over UDP, and over TCP if the answer does not fit.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{self, Name, RData};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::dial::{self, Dialer};
use super::tcp::{broken, closed};
use super::trail::Trail;
use super::{Ending, ProbeSetupError, cut_to, http, quoted};
use crate::sla::catalog::{DnsProbe, DnsRecord, DomainName, Family, Rcode, RecordType};
use crate::sla::explanation::Assessment;
use crate::sla::observation::{Fault, Stage, Void};

/// The most that a message over UDP takes (RFC 6891 allows more only where it is agreed on).
const UDP_BYTES_MAX: usize = 4_096;

/// How much of the records is kept to be shown: a key for DKIM is a long one.
const RECORDS_CHARS_MAX: usize = 512;

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
    let told = Rcode::ALL
        .into_iter()
        .find(|known| response_code(*known) == code)
        .map_or_else(|| code.to_string(), |known| known.code().to_owned());
    let rcode = Assessment {
        subject: "rcode".to_owned(),
        test: format!("== {}", probe.rcode.code()),
        holds: code == response_code(probe.rcode),
        found: Some(told),
    };
    let found: BTreeSet<DnsRecord> = answer
        .answers
        .iter()
        .filter(|record| record.record_type() == record_type(probe.record))
        .filter_map(|record| read(&record.data))
        .collect();
    // An answer that rightly is another than NOERROR has none.
    let records = (probe.rcode == Rcode::NoError).then(|| records(probe, &found));

    let ending = if !rcode.holds {
        let (told, expected) = (rcode.found.as_deref(), probe.rcode.code());
        let told = told.unwrap_or_default();
        let message = format!("the name server says {told}, expected {expected}");
        Ending::failed(Fault::Content, message)
    } else if records.as_ref().is_none_or(|records| records.holds) {
        Ending::good()
    } else if probe.expected.is_empty() {
        let message = format!("there is no {} record", probe.record.code());
        Ending::failed(Fault::Content, message)
    } else {
        let code = probe.record.code();
        let (found, expected) = apart(&list(&found), &list(&probe.expected));
        let message = format!("the {code} records are {found}, expected {expected}");
        Ending::failed(Fault::Content, message)
    };
    trail.judged(std::iter::once(rcode).chain(records).collect());
    ending
}

/// Whether the records are those that were expected.
fn records(probe: &DnsProbe, found: &BTreeSet<DnsRecord>) -> Assessment {
    let shown = |records| cut_to(&list(records), RECORDS_CHARS_MAX);
    let (test, holds) = if probe.expected.is_empty() {
        ("exists".to_owned(), !found.is_empty())
    } else {
        let test = format!("== {}", shown(&probe.expected));
        (test, *found == probe.expected)
    };
    Assessment {
        subject: probe.record.code().to_owned(),
        found: (!found.is_empty()).then(|| shown(found)),
        test,
        holds,
    }
}

fn list(records: &BTreeSet<DnsRecord>) -> String {
    let texts: Vec<_> = records.iter().map(DnsRecord::to_string).collect();
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}

/// Two texts that differ, quoted; from shortly before the difference on if it would not show.
fn apart(found: &str, expected: &str) -> (String, String) {
    const CHARS_BEFORE: usize = 20;
    let shown = (quoted(found), quoted(expected));
    if shown.0 != shown.1 {
        return shown;
    }
    let pairs = found.chars().zip(expected.chars());
    let n_same = pairs
        .take_while(|(found, expected)| found == expected)
        .count();
    let from = |text: &str| {
        let rest = text.chars().skip(n_same.saturating_sub(CHARS_BEFORE));
        quoted(&std::iter::once('…').chain(rest).collect::<String>())
    };
    (from(found), from(expected))
}

/// What a record of an answer holds; absent of a kind that nobody can ask for.
fn read(data: &RData) -> Option<DnsRecord> {
    let name = |name: &Name| DomainName::new(&name.to_ascii());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match data {
        RData::A(address) => DnsRecord::Address(address.0.into()),
        RData::AAAA(address) => DnsRecord::Address(address.0.into()),
        RData::CNAME(target) => DnsRecord::Name(name(target)),
        RData::NS(target) => DnsRecord::Name(name(target)),
        RData::PTR(target) => DnsRecord::Name(name(target)),
        RData::MX(mail) => DnsRecord::Mail {
            preference: mail.preference,
            host: name(&mail.exchange),
        },
        RData::SRV(service) => DnsRecord::Service {
            priority: service.priority,
            weight: service.weight,
            port: service.port,
            host: name(&service.target),
        },
        RData::SOA(zone) => DnsRecord::Zone {
            primary: name(&zone.mname),
            mailbox: name(&zone.rname),
            numbers: [
                zone.serial.into(),
                zone.refresh.into(),
                zone.retry.into(),
                zone.expire.into(),
                zone.minimum.into(),
            ],
        },
        RData::CAA(issuance) => DnsRecord::Issuance {
            flags: issuance.flags(),
            tag: issuance.tag.to_ascii_lowercase(),
            value: text(&issuance.value),
        },
        RData::TXT(strings) => DnsRecord::Text(text(&strings.txt_data.concat())),
        _ => return None,
    })
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
