//! Everything but HTTP: connections and what is said on them, handshakes, name servers, echoes.

use std::io::BufRead as _;
use std::net::UdpSocket as StdUdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CAA, CNAME, MX, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use vigie::config::MailSecurity;
use vigie::sla::catalog::{
    DnsProbe, DnsRecord, Family, HostPort, IcmpProbe, Rcode, RecordType, StartTls, TcpProbe,
    TlsProbe, TlsTerms,
};

use tokio_rustls::rustls::ALL_VERSIONS;

use super::zoo::{Authority, Identity, acceptor, hang, pour, serve, serve_tls};
use super::*;
use crate::mail::postfix::Postfix;

fn at_address(address: SocketAddr) -> HostPort {
    HostPort {
        host: address.ip().to_string(),
        port: address.port(),
    }
}

fn tcp(address: SocketAddr, send: Option<&str>, expect: Option<&str>) -> TcpProbe {
    TcpProbe {
        address: at_address(address),
        family: Family::Any,
        starttls: None,
        send: send.map(str::to_owned),
        expect: expect.map(str::to_owned),
    }
}

async fn ask_within(probe: Probe, timeout_ms: i64) -> (Finding, Explanation) {
    let mut endpoint = endpoint_within(get("unused", ([127, 0, 0, 1], 1).into()), timeout_ms);
    endpoint.probe = probe;
    explain(&endpoint).await
}

async fn check(what: &str, probe: Probe, timeout_ms: i64, expected: &str, message: &str) {
    let (finding, _) = ask_within(probe, timeout_ms).await;
    assert_finding(what, &finding, expected, message);
}

/// Nobody listens there.
async fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_tcp_connection_and_what_is_said_on_it() {
    let greets = serve(|mut stream| async move {
        let _ = stream.write_all(b"220 ready\r\n").await;
        hang(stream).await;
    })
    .await;
    let echoes = serve(|mut stream| async move {
        let mut heard = [0; 16];
        while let Ok(n) = stream.read(&mut heard).await
            && n > 0
        {
            // Piece by piece: what is expected need not come at once.
            for byte in &heard[..n] {
                let _ = stream.write_all(&[*byte]).await;
            }
        }
    })
    .await;
    let leaves = serve(|stream| async move { drop(stream) }).await;
    let refuses = serve(|mut stream| async move {
        let _ = stream.write_all(b"554 go away\r\n").await;
    })
    .await;
    let pours = serve(|mut stream| async move { pour(&mut stream, &[b'x'; 4096]).await }).await;
    let mute = serve(hang).await;
    let long = 10_000;
    for (what, probe, timeout_ms, expected, message) in [
        (
            "a connection is enough",
            tcp(mute, None, None),
            long,
            "answered",
            "",
        ),
        (
            "a greeting",
            tcp(greets, None, Some("220")),
            long,
            "answered",
            "",
        ),
        (
            "an echo",
            tcp(echoes, Some("ping pong"), Some("pong")),
            long,
            "answered",
            "",
        ),
        (
            "another greeting",
            tcp(refuses, None, Some("220")),
            long,
            "content",
            "the server said `554 go away` and closed the connection, expected `220`",
        ),
        (
            "no greeting",
            tcp(leaves, None, Some("220")),
            long,
            "io:processing",
            "ADDRESS closed the connection after 0 bytes",
        ),
        (
            "silence",
            tcp(mute, None, Some("220")),
            300,
            "timeout:processing",
            "no answer from ADDRESS within 300 ms",
        ),
        (
            "nobody",
            tcp(nowhere().await, None, None),
            long,
            "connect",
            "connection refused by ADDRESS",
        ),
    ] {
        check(what, Probe::Tcp(probe), timeout_ms, expected, message).await;
    }
    let (finding, _) = ask_within(Probe::Tcp(tcp(pours, None, Some("220"))), long).await;
    assert_eq!(verdict(&finding), "content");
    assert!(finding.trace.message.ends_with("and more, expected `220`"));
    // What is sent may be a secret: it shows nowhere.
    let secret = tcp(refuses, Some("password"), Some("220"));
    let (finding, explanation) = ask_within(Probe::Tcp(secret), long).await;
    let shown = format!("{finding:?} {explanation:?}");
    assert!(!shown.contains("password"), "{shown}");
    let phases = explanation.hops[0].phases;
    assert!(phases.connect_us.is_some() && phases.processing_us.is_some());
    assert!(phases.tls_us.is_none() && phases.transfer_us.is_none());
}

/// Says each line after having heard the one before it begin as it must; then makes a handshake,
/// or says no more.
async fn dialogue(
    identity: &Identity,
    greeting: &'static [u8],
    lines: &'static [(&'static str, &'static [u8])],
) -> SocketAddr {
    let acceptor = acceptor(identity, &[], None, ALL_VERSIONS);
    serve(move |mut stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            let _ = stream.write_all(greeting).await;
            for (heard, said) in lines {
                let mut line = Vec::new();
                // Byte by byte: what follows belongs to the handshake.
                while !line.ends_with(b"\n") && line.len() < heard.len().max(1) + 32 {
                    match stream.read_u8().await {
                        Ok(byte) => line.push(byte),
                        Err(_) => return,
                    }
                    if heard.starts_with('\0') && line.len() == 8 {
                        break;
                    }
                }
                assert!(line.starts_with(heard.as_bytes()), "{line:?}");
                let _ = stream.write_all(said).await;
            }
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"under TLS\r\n").await;
                hang(stream).await;
            }
        }
    })
    .await
}

fn file_of(pem: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    file
}

fn starttls(address: SocketAddr, protocol: StartTls, ca: &NamedTempFile) -> TcpProbe {
    let terms = TlsTerms {
        ca_file: Some(ca.path().to_owned()),
        ..TlsTerms::default()
    };
    TcpProbe {
        starttls: Some((protocol, terms)),
        ..tcp(address, None, None)
    }
}

#[tokio::test]
async fn each_protocol_changes_to_tls_in_its_own_way() {
    let authority = Authority::new("Vigie test authority");
    let ca = file_of(&authority.pem());
    let identity = authority.issue(&["127.0.0.1"], (2020, 2040));
    let changes = "the server does not change to TLS: it ";
    type Text = &'static str;
    type Lines = &'static [(Text, &'static [u8])];
    type Case = (Text, StartTls, &'static [u8], Lines, Text, Text);
    let cases: [Case; 9] = [
        (
            "SMTP",
            StartTls::Smtp,
            b"220-one moment\r\n220 mx.example ESMTP\r\n",
            &[
                (
                    "EHLO vigie",
                    b"250-mx.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n",
                ),
                ("STARTTLS", b"220 go ahead\r\n"),
            ],
            "answered",
            "",
        ),
        (
            "SMTP without",
            StartTls::Smtp,
            b"220 mx.example ESMTP\r\n",
            &[("EHLO vigie", b"250-mx.example\r\n250 SIZE 1000\r\n")],
            "content",
            "does not offer STARTTLS",
        ),
        (
            "SMTP, busy",
            StartTls::Smtp,
            b"421 too busy\r\n",
            &[],
            "content",
            "says `421 too busy`",
        ),
        (
            "IMAP",
            StartTls::Imap,
            b"* OK ready\r\n",
            &[("a STARTTLS", b"* 3 EXISTS\r\na OK begin\r\n")],
            "answered",
            "",
        ),
        (
            "IMAP, refused",
            StartTls::Imap,
            b"* OK ready\r\n",
            &[("a STARTTLS", b"a BAD no such command\r\n")],
            "content",
            "says `a BAD no such command`",
        ),
        (
            "POP3",
            StartTls::Pop3,
            b"+OK ready\r\n",
            &[("STLS", b"+OK begin\r\n")],
            "answered",
            "",
        ),
        (
            "FTP",
            StartTls::Ftp,
            b"220 ready\r\n",
            &[("AUTH TLS", b"234 begin\r\n")],
            "answered",
            "",
        ),
        (
            "PostgreSQL",
            StartTls::Postgres,
            b"",
            &[("\0\0\0\u{8}", b"S")],
            "answered",
            "",
        ),
        (
            "PostgreSQL without",
            StartTls::Postgres,
            b"",
            &[("\0\0\0\u{8}", b"N")],
            "content",
            "does not offer TLS",
        ),
    ];
    for (what, protocol, greeting, lines, expected, why) in cases {
        let address = dialogue(&identity, greeting, lines).await;
        let probe = starttls(address, protocol, &ca);
        let (finding, explanation) = ask_within(Probe::Tcp(probe), 10_000).await;
        let message = match why {
            "" => String::new(),
            why => format!("{changes}{why}"),
        };
        assert_finding(what, &finding, expected, &message);
        let tls = explanation.hops[0].tls.as_ref();
        assert_eq!(tls.is_some(), expected == "answered", "{what}");
    }
    // What is expected is looked for under TLS, and the certificate must hold.
    let address = dialogue(&identity, b"+OK ready\r\n", &[("STLS", b"+OK begin\r\n")]).await;
    let mut probe = starttls(address, StartTls::Pop3, &ca);
    probe.expect = Some("under TLS".to_owned());
    check(
        "expected",
        Probe::Tcp(probe.clone()),
        10_000,
        "answered",
        "",
    )
    .await;
    probe.starttls = Some((
        StartTls::Pop3,
        TlsTerms {
            name: Some("mail.example".to_owned()),
            ca_file: Some(ca.path().to_owned()),
            days_min: None,
        },
    ));
    let (finding, explanation) = ask_within(Probe::Tcp(probe), 10_000).await;
    assert_eq!(verdict(&finding), "tls:wrong_host");
    let chain = &explanation.hops[0].tls.as_ref().unwrap().chain;
    assert_eq!(chain[0].names, ["127.0.0.1"]);
}

#[tokio::test]
async fn a_handshake_is_judged_by_its_certificate() {
    let authority = Authority::new("Vigie test authority");
    let ca = file_of(&authority.pem());
    let good = serve_tls(&authority.issue(&["127.0.0.1"], (2020, 2026)), &[], hang).await;
    let expired = serve_tls(&authority.issue(&["127.0.0.1"], (2020, 2024)), &[], hang).await;
    let probe = |address, days_min| {
        Probe::Tls(TlsProbe {
            address: at_address(address),
            family: Family::Any,
            terms: TlsTerms {
                name: None,
                ca_file: Some(ca.path().to_owned()),
                days_min,
            },
        })
    };
    check("good", probe(good, None), 10_000, "answered", "").await;
    // From 15 June 2025 to 1 January 2026.
    check(
        "long enough",
        probe(good, Some(199)),
        10_000,
        "answered",
        "",
    )
    .await;
    let soon = "the first of the certificates ends in 199 days, expected at least 200";
    check("too soon", probe(good, Some(200)), 10_000, "content", soon).await;
    let (finding, explanation) = ask_within(probe(expired, None), 10_000).await;
    assert_eq!(verdict(&finding), "tls:expired");
    assert!(finding.trace.certificate_not_after.is_some());
    assert!(explanation.hops[0].phases.processing_us.is_none());
    let mute = serve(hang).await;
    check(
        "silence",
        probe(mute, None),
        300,
        "timeout:tls",
        "the TLS handshake with ADDRESS was not over within 300 ms",
    )
    .await;
    let speaks = serve(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-x\r\n").await;
        hang(stream).await;
    })
    .await;
    check(
        "not TLS",
        probe(speaks, None),
        10_000,
        "tls:handshake",
        "what ADDRESS answered is not TLS",
    )
    .await;
}

/// A name server over UDP and TCP; `answer` makes the answers, given whether it is over TCP.
async fn name_server(
    answer: impl Fn(Message, bool) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> SocketAddr {
    // The same port must be free for both.
    let (udp, listener) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(listener) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, listener);
        }
    };
    let address = udp.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn({
        let answer = Arc::clone(&answer);
        async move {
            let mut heard = [0; 1024];
            while let Ok((n, from)) = udp.recv_from(&mut heard).await {
                let question = Message::from_vec(&heard[..n]).unwrap();
                for datagram in answer(question, false) {
                    let _ = udp.send_to(&datagram, from).await;
                }
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Ok(n) = stream.read_u16().await else {
                continue;
            };
            let mut heard = vec![0; usize::from(n)];
            let _ = stream.read_exact(&mut heard).await;
            for message in answer(Message::from_vec(&heard).unwrap(), true) {
                let _ = stream.write_u16(message.len() as u16).await;
                let _ = stream.write_all(&message).await;
            }
        }
    });
    address
}

fn reply(question: &Message, code: ResponseCode, addresses: &[[u8; 4]]) -> Message {
    let mut reply = question.clone();
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.response_code = code;
    for address in addresses {
        let [a, b, c, d] = *address;
        let data = RData::A(A::new(a, b, c, d));
        let name = question.queries[0].name().clone();
        reply.add_answer(Record::from_rdata(name, 60, data));
    }
    reply
}

fn dns(address: SocketAddr, rcode: Rcode, expected: &[&str]) -> Probe {
    Probe::Dns(DnsProbe {
        rcode,
        ..records(address, RecordType::A, expected)
    })
}

/// A question for records, these and no other.
fn records(address: SocketAddr, record: RecordType, expected: &[&str]) -> DnsProbe {
    let read = |text: &&str| DnsRecord::read(record, text).expect(text);
    DnsProbe {
        name: "api.example".to_owned(),
        record,
        server: Some(at_address(address)),
        rcode: Rcode::NoError,
        expected: expected.iter().map(read).collect(),
    }
}

/// A name server that knows these records of whatever it is asked for.
async fn knows(records: &[RData]) -> SocketAddr {
    let records = records.to_vec();
    name_server(move |question, _| {
        let mut answer = reply(&question, ResponseCode::NoError, &[]);
        let name = question.queries[0].name().clone();
        for data in &records {
            answer.add_answer(Record::from_rdata(name.clone(), 60, data.clone()));
        }
        vec![answer.to_vec().unwrap()]
    })
    .await
}

#[tokio::test]
async fn a_name_server_is_asked_and_its_records_compared() {
    let two = name_server(|question, _| {
        let answer = reply(
            &question,
            ResponseCode::NoError,
            &[[192, 0, 2, 2], [192, 0, 2, 1]],
        );
        let mut forged = answer.clone();
        forged.metadata.id = !forged.metadata.id;
        // Somebody else's answer first: it is not ours.
        vec![forged.to_vec().unwrap(), answer.to_vec().unwrap()]
    })
    .await;
    let none = name_server(|question, _| {
        vec![
            reply(&question, ResponseCode::NXDomain, &[])
                .to_vec()
                .unwrap(),
        ]
    })
    .await;
    let empty = name_server(|question, _| {
        vec![
            reply(&question, ResponseCode::NoError, &[])
                .to_vec()
                .unwrap(),
        ]
    })
    .await;
    let large = name_server(|question, over_tcp| {
        let mut answer = reply(&question, ResponseCode::NoError, &[]);
        if over_tcp {
            answer = reply(&question, ResponseCode::NoError, &[[192, 0, 2, 7]]);
        } else {
            answer.metadata.truncation = true;
        }
        vec![answer.to_vec().unwrap()]
    })
    .await;
    let broken = name_server(|question, _| {
        let mut answer = reply(&question, ResponseCode::NoError, &[[1, 2, 3, 4]])
            .to_vec()
            .unwrap();
        answer.truncate(14);
        vec![answer]
    })
    .await;
    let mute = name_server(|_, _| Vec::new()).await;
    let nobody = StdUdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let good = Rcode::NoError;
    for (what, probe, timeout_ms, expected, message) in [
        ("any", dns(two, good, &[]), 10_000, "answered", ""),
        (
            "both, in another order",
            dns(two, good, &["192.0.2.1", "192.0.2.2"]),
            10_000,
            "answered",
            "",
        ),
        (
            "one too many",
            dns(two, good, &["192.0.2.1"]),
            10_000,
            "content",
            "the A records are `192.0.2.1, 192.0.2.2`, expected `192.0.2.1`",
        ),
        (
            "no such name",
            dns(none, good, &[]),
            10_000,
            "content",
            "the name server says NXDOMAIN, expected NOERROR",
        ),
        (
            "rightly none",
            dns(none, Rcode::NxDomain, &[]),
            10_000,
            "answered",
            "",
        ),
        (
            "a name without addresses",
            dns(empty, good, &[]),
            10_000,
            "content",
            "there is no A record",
        ),
        (
            "too large for UDP",
            dns(large, good, &["192.0.2.7"]),
            10_000,
            "answered",
            "",
        ),
        (
            "silence",
            dns(mute, good, &[]),
            300,
            "timeout:processing",
            "no answer from ADDRESS within 300 ms",
        ),
    ] {
        check(what, probe, timeout_ms, expected, message).await;
    }
    let (finding, _) = ask_within(dns(broken, good, &[]), 10_000).await;
    assert_eq!(verdict(&finding), "io:processing");
    assert!(finding.trace.message.contains("is not DNS"), "{finding:?}");
    check(
        "nobody",
        dns(nobody, good, &[]),
        10_000,
        "connect",
        "nobody listens at ADDRESS (UDP)",
    )
    .await;
}

/// What is one thing to name servers is one thing to us: names and addresses, however written.
/// What they keep as it is must be as it is: a key of which one letter changed its case is another.
#[tokio::test]
async fn records_are_equal_when_name_servers_say_so() {
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let key = |end: &str| {
        format!(
            "v=DKIM1; k=rsa; p={}{end}",
            "MIGfMA0GCSqGSIb3DQEB".repeat(15)
        )
    };
    let caa = |tag: &str, value: &str| {
        let mut caa = CAA::new_issue(true, None, Vec::new());
        caa.tag = tag.to_owned();
        caa.value = value.as_bytes().to_vec();
        RData::CAA(caa)
    };
    let halves = key("AQAB");
    let (first, second) = halves.split_at(200);
    let text = RData::TXT(TXT::new(vec![first.to_owned(), second.to_owned()]));
    let v6 = RData::AAAA(AAAA("2001:db8::1".parse().unwrap()));
    let mail = RData::MX(MX::new(10, name("MX.mail.example.")));
    let none = RData::MX(MX::new(0, name(".")));
    let service = RData::SRV(SRV::new(10, 5, 5060, name("Sip.example.")));
    let alias = RData::CNAME(CNAME(name("xn--bcher-kva.Example.")));
    let quoted = format!("\"{first}\" \"{second}\"");
    for (what, data, record, expected, is_good) in [
        (
            "IPv6, in full",
            &v6,
            RecordType::Aaaa,
            "2001:0DB8:0:0::1",
            true,
        ),
        ("another", &v6, RecordType::Aaaa, "2001:db8::2", false),
        (
            "a name in any case",
            &mail,
            RecordType::Mx,
            "10 mx.MAIL.example",
            true,
        ),
        (
            "with its dot",
            &mail,
            RecordType::Mx,
            "10  mx.mail.example.",
            true,
        ),
        (
            "less preferred",
            &mail,
            RecordType::Mx,
            "20 mx.mail.example",
            false,
        ),
        ("no mail at all", &none, RecordType::Mx, "0 .", true),
        (
            "a service",
            &service,
            RecordType::Srv,
            "10 5 5060 sip.example",
            true,
        ),
        (
            "another port",
            &service,
            RecordType::Srv,
            "10 5 5061 sip.example",
            false,
        ),
        (
            "not ASCII",
            &alias,
            RecordType::Cname,
            "XN--bcher-kva.example",
            true,
        ),
        (
            "a key in two strings",
            &text,
            RecordType::Txt,
            &key("AQAB"),
            true,
        ),
        (
            "as zone files write it",
            &text,
            RecordType::Txt,
            &quoted,
            true,
        ),
        ("another key", &text, RecordType::Txt, &key("AQAb"), false),
        (
            "who issues certificates",
            &caa("ISSUE", "ca.example"),
            RecordType::Caa,
            "128 issue \"ca.example\"",
            true,
        ),
        (
            "and for whom",
            &caa("issue", "ca.example; accounturi=https://ca.example/A1"),
            RecordType::Caa,
            "128 issue \"ca.example; accounturi=https://ca.example/a1\"",
            false,
        ),
    ] {
        let server = knows(std::slice::from_ref(data)).await;
        let probe = Probe::Dns(records(server, record, &[expected]));
        let (finding, _) = ask_within(probe, 10_000).await;
        let wanted = if is_good { "answered" } else { "content" };
        assert_eq!(verdict(&finding), wanted, "{what}: {finding:?}");
    }
    // A difference far behind is shown all the same.
    let server = knows(&[text]).await;
    check(
        "another key",
        Probe::Dns(records(server, RecordType::Txt, &[&key("AQAb")])),
        10_000,
        "content",
        "the TXT records are `…fMA0GCSqGSIb3DQEBAQAB`, expected `…fMA0GCSqGSIb3DQEBAQAb`",
    )
    .await;
}

/// A good answer, too, shows what it was taken for good by.
#[tokio::test]
async fn what_was_asked_for_is_told_with_what_was_found() {
    let two = [[192, 0, 2, 2], [192, 0, 2, 1]].map(|[a, b, c, d]| RData::A(A::new(a, b, c, d)));
    let two = knows(&two).await;
    let refuses = name_server(|question, _| {
        let answer = reply(&question, ResponseCode::Refused, &[]);
        vec![answer.to_vec().unwrap()]
    })
    .await;
    let authority = Authority::new("Vigie test authority");
    let ca = file_of(&authority.pem());
    let identity = authority.issue(&["127.0.0.1"], (2020, 2026));
    let handshake = |address, days_min| {
        Probe::Tls(TlsProbe {
            address: at_address(address),
            family: Family::Any,
            terms: TlsTerms {
                name: None,
                ca_file: Some(ca.path().to_owned()),
                days_min: Some(days_min),
            },
        })
    };
    let tls = serve_tls(&identity, &[], hang).await;
    let greets = serve(|mut stream| async move {
        let _ = stream.write_all(b"220 mail.example\r\n").await;
        hang(stream).await;
    })
    .await;
    let repeats = serve(|mut stream| async move {
        let mut heard = [0; 32];
        let n = stream.read(&mut heard).await.unwrap_or(0);
        let said = [b"500 what is ", &heard[..n]].concat();
        let _ = stream.write_all(&said).await;
    })
    .await;
    let leaves = serve(|stream| async move { drop(stream) }).await;
    let good = Rcode::NoError;
    for (probe, expected) in [
        (
            dns(two, good, &[]),
            &[
                "✓ rcode (NOERROR) == NOERROR",
                "✓ A (192.0.2.1, 192.0.2.2) exists",
            ][..],
        ),
        (
            dns(two, good, &["192.0.2.2"]),
            &[
                "✓ rcode (NOERROR) == NOERROR",
                "✗ A (192.0.2.1, 192.0.2.2) == 192.0.2.2",
            ],
        ),
        (
            dns(refuses, good, &["192.0.2.2"]),
            &["✗ rcode (REFUSED) == NOERROR", "✗ A (missing) == 192.0.2.2"],
        ),
        (
            dns(refuses, Rcode::Refused, &[]),
            &["✓ rcode (REFUSED) == REFUSED"],
        ),
        (handshake(tls, 199), &["✓ certificate_days (199) >= 199"]),
        (handshake(tls, 200), &["✗ certificate_days (199) >= 200"]),
        (
            Probe::Tcp(tcp(greets, None, Some("220 "))),
            &[r#"✓ answer (220 mail.example) contains "220 ""#],
        ),
        (
            Probe::Tcp(tcp(leaves, None, Some("220 "))),
            &[r#"✗ answer (missing) contains "220 ""#],
        ),
        // What we say is shown nowhere, not even where it comes back.
        (
            Probe::Tcp(tcp(repeats, Some("AUTH secret\r\n"), Some("220 "))),
            &[r#"✗ answer (500 what is ***) contains "220 ""#],
        ),
    ] {
        let asked = probe.to_string();
        let (finding, explanation) = ask_within(probe, 10_000).await;
        assert_eq!(checked(&explanation), expected, "{asked}");
        assert!(!finding.trace.message.contains("secret"), "{finding:?}");
    }
}

/// Where the system lets us, loopback answers; where it does not, that is said before anything is
/// asked.
#[tokio::test]
async fn an_echo_comes_back_or_cannot_be_sent() {
    let probe = Probe::Icmp(IcmpProbe {
        host: "127.0.0.1".to_owned(),
        family: Family::Any,
    });
    let mut endpoint = endpoint(get("unused", ([127, 0, 0, 1], 1).into()));
    endpoint.probe = probe;
    match prober().prepare(&endpoint) {
        Ok(()) => assert_eq!(verdict(&ask(&endpoint).await), "answered"),
        Err(refusal) => {
            assert!(
                refusal.to_string().contains("ping_group_range"),
                "{refusal}"
            );
            assert_eq!(verdict(&ask(&endpoint).await), "void not_executed");
        }
    }
}

#[tokio::test]
#[ignore = "needs postfix: tests/all"]
async fn postfix_changes_to_tls() {
    let postfix = Postfix::start();
    let settings = postfix.settings(MailSecurity::StartTls);
    let ca = file_of(&String::from_utf8(settings.ca_pem.clone().unwrap()).unwrap());
    let terms = TlsTerms {
        name: Some("localhost".to_owned()),
        ca_file: Some(ca.path().to_owned()),
        days_min: Some(1),
    };
    let probe = TcpProbe {
        starttls: Some((StartTls::Smtp, terms)),
        ..tcp(
            ([127, 0, 0, 1], settings.port).into(),
            Some("EHLO vigie\r\n"),
            Some("250 "),
        )
    };
    check("postfix", Probe::Tcp(probe), 20_000, "answered", "").await;
}

/// dnsmasq, ended when dropped.
struct Dnsmasq(Child);

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "needs dnsmasq: tests/all"]
async fn dnsmasq_knows_its_names() {
    let socket = StdUdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let mut child = Command::new("dnsmasq")
        .args([
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
        ])
        .args([
            "--log-facility=-",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
        ])
        .args(["--no-dhcp-interface=lo", "--pid-file="])
        .arg(format!("--port={}", address.port()))
        .arg("--address=/api.example/192.0.2.10")
        .arg("--mx-host=mail.example,mx.mail.example,10")
        .arg("--user=root")
        .stderr(Stdio::piped())
        .spawn()
        .expect("start dnsmasq (Debian: dnsmasq-base)");
    let stderr = child.stderr.take().unwrap();
    let _dnsmasq = Dnsmasq(child);
    // Ready once it says so.
    let ready = std::io::BufReader::new(stderr)
        .lines()
        .any(|line| line.is_ok_and(|line| line.contains("started")));
    assert!(ready, "dnsmasq did not start");
    check(
        "an address",
        dns(address, Rcode::NoError, &["192.0.2.10"]),
        10_000,
        "answered",
        "",
    )
    .await;
    let mail = DnsProbe {
        name: "mail.example".to_owned(),
        ..records(address, RecordType::Mx, &["10 MX.mail.example"])
    };
    check("a mail server", Probe::Dns(mail), 10_000, "answered", "").await;
}
