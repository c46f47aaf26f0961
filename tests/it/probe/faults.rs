//! Every way in which asking can fail, each by a real socket, and the time that each stage took.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use vigie::sla::catalog::HttpProbe;
use vigie::sla::observation::{Outcome, Stage};

use super::zoo::{answers, hang, pour, read_request, response, serve};
use super::*;

/// How long a probe waits that is to see a hang.
const SHORT_MS: i64 = 100;

/// Asks the server at `address`.
async fn check(what: &str, address: SocketAddr, expected: &str, message: &str) -> Finding {
    let finding = ask(&endpoint(get("127.0.0.1", address))).await;
    assert_finding(what, &finding, expected, message);
    finding
}

/// Asks the server at `address`, which keeps us waiting, and checks that the time is told.
async fn check_hang(probe: HttpProbe, stage: Stage, message: &str) -> Finding {
    let finding = ask(&endpoint_within(probe, SHORT_MS)).await;
    let expected = format!("timeout:{}", stage.code());
    assert_finding(&expected, &finding, &expected, message);
    assert_phases_end_in(&finding, stage);
    let elapsed_us: u32 = phases(&finding).iter().map(|(_, us)| us).sum();
    assert!(
        (90_000..1_000_000).contains(&elapsed_us),
        "{:?}",
        finding.trace.phases
    );
    finding
}

fn phases(finding: &Finding) -> Vec<(Stage, u32)> {
    let phases = &finding.trace.phases;
    Stage::ALL
        .into_iter()
        .filter_map(|stage| phases.of(stage).map(|us| (stage, us)))
        .collect()
}

#[track_caller]
fn assert_phases_end_in(finding: &Finding, last: Stage) {
    let reached = phases(finding);
    assert_eq!(
        reached.last().map(|(stage, _)| *stage),
        Some(last),
        "{finding:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let finding = check(
        "refused",
        address,
        "connect",
        "connection refused by ADDRESS",
    )
    .await;
    assert_eq!(finding.trace.address, Some(address));
    let explanation = finding.trace.explanation.as_ref().unwrap();
    // The message says it, and nothing says it a second time.
    assert_eq!(explanation.hops[0].misses, [""; 0]);
    assert_phases_end_in(&finding, Stage::Connect);

    // No host can have the broadcast address: the system itself finds no way.
    let probe = get("255.255.255.255", address);
    let finding = ask(&endpoint(probe)).await;
    assert_finding("no route", &finding, "void uplink", "no route to ADDRESS");
}

#[tokio::test]
async fn a_name_without_an_address() {
    // A label of 64 characters cannot be in the DNS: every resolver says so without asking.
    let name = format!("{}.example", "a".repeat(64));
    let probe = get(&name, "127.0.0.1:80".parse().unwrap());
    let finding = ask(&endpoint(probe)).await;
    assert_eq!(verdict(&finding), "dns", "{finding:?}");
    assert!(
        finding.trace.message.ends_with("has no address"),
        "{finding:?}"
    );
    assert_phases_end_in(&finding, Stage::Resolve);
    assert_eq!(finding.trace.address, None);
}

#[tokio::test]
async fn silence_at_each_stage() {
    // A listener whose queue is full lets further connections hang.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let full = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(full)).await
    {
        queue.push(connected.unwrap());
        assert!(queue.len() < 100, "the queue never fills");
    }
    check_hang(
        get("127.0.0.1", full),
        Stage::Connect,
        "no connection to ADDRESS within 100 ms",
    )
    .await;

    let silent = serve(hang).await;
    check_hang(
        get("127.0.0.1", silent),
        Stage::Processing,
        "no answer from ADDRESS within 100 ms",
    )
    .await;

    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), super::zoo::Authority::new("unused").pem()).unwrap();
    let mut probe = get("127.0.0.1", silent);
    probe.url.tls = true;
    probe.ca_file = Some(ca.path().to_owned());
    check_hang(
        probe,
        Stage::Tls,
        "the TLS handshake with ADDRESS was not over within 100 ms",
    )
    .await;

    let head_only = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123";
        stream.write_all(head).await.unwrap();
        hang(stream).await;
    })
    .await;
    let finding = check_hang(
        get("127.0.0.1", head_only),
        Stage::Transfer,
        "the body from ADDRESS was not complete within 100 ms, 3 bytes had come",
    )
    .await;
    assert_eq!(finding.trace.status, Some(200));
}

#[tokio::test]
async fn a_drip_that_never_ends_is_cut_off_at_the_deadline() {
    // One byte every few milliseconds: each read succeeds in time, the whole does not.
    for (head, stage) in [
        ("", Stage::Processing),
        ("HTTP/1.1 200 OK\r\n\r\n", Stage::Transfer),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            Stage::Transfer,
        ),
    ] {
        let address = serve(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            let piece: &[u8] = match head {
                "" => b"HTTP/1.1 100 Continue\r\n\r\n",
                head if head.contains("chunked") => b"1\r\na\r\n",
                _ => b"a",
            };
            let mut beat = tokio::time::interval(Duration::from_millis(5));
            while stream.write_all(piece).await.is_ok() {
                beat.tick().await;
            }
        })
        .await;
        let finding = ask(&endpoint_within(get("127.0.0.1", address), SHORT_MS)).await;
        assert_eq!(
            verdict(&finding),
            format!("timeout:{}", stage.code()),
            "{head}"
        );
    }
}

#[tokio::test]
async fn an_unexpected_status_is_told_also_when_its_body_fails() {
    let address = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\n123";
        stream.write_all(head).await.unwrap();
        hang(stream).await;
    })
    .await;
    let finding = ask(&endpoint_within(get("127.0.0.1", address), SHORT_MS)).await;
    assert_finding("hang", &finding, "status:503", "status 503, expected 200");
    assert_phases_end_in(&finding, Stage::Transfer);

    let cut = answers("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 10\r\n\r\n123").await;
    check("cut", cut, "status:502", "status 502, expected 200").await;
}

#[tokio::test]
async fn what_is_not_http_or_breaks_off() {
    for (what, bytes, expected, message) in [
        (
            "garbage",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "io:processing",
            "what ADDRESS answered is not HTTP",
        ),
        (
            "no status",
            "HTTP/1.1 OK\r\n\r\n",
            "io:processing",
            "what ADDRESS answered is not HTTP",
        ),
        (
            "nothing",
            "",
            "io:processing",
            "ADDRESS closed the connection before it answered",
        ),
        (
            "half a head",
            "HTTP/1.1 200 OK\r\nServer: a",
            "io:processing",
            "ADDRESS closed the connection before it answered",
        ),
        (
            "cut short",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234",
            "io:transfer",
            "ADDRESS closed the connection after 4 bytes of the body",
        ),
        (
            "chunks without end",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n",
            "io:transfer",
            "ADDRESS closed the connection after 4 bytes of the body",
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "io:processing",
            "what ADDRESS answered is not HTTP",
        ),
    ] {
        check(what, answers(bytes).await, expected, message).await;
    }

    let malformed = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    let finding = ask(&endpoint(get("127.0.0.1", answers(malformed).await))).await;
    assert_eq!(verdict(&finding), "io:transfer");

    let huge_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(200_000));
    let message = "the head of the answer of ADDRESS is larger than 65536 bytes";
    check(
        "huge head",
        answers(huge_head).await,
        "io:processing",
        message,
    )
    .await;

    let longer_than_announced = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef";
    check(
        "longer",
        answers(longer_than_announced).await,
        "answered",
        "",
    )
    .await;
}

#[tokio::test]
async fn chunks_without_end_stop_at_the_limit() {
    let address = serve(|mut stream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        pour(&mut stream, b"8\r\nabcdefgh\r\n").await;
    })
    .await;
    check(
        "chunks",
        address,
        "too_large",
        "the body is larger than 1048576 bytes",
    )
    .await;
}

#[tokio::test]
async fn a_reset_is_told_with_its_stage() {
    for (head, expected, message) in [
        (
            "",
            "io:processing",
            "ADDRESS reset the connection before it answered",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234",
            "io:transfer",
            "ADDRESS reset the connection after 4 bytes of the body",
        ),
    ] {
        let address = serve(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            if !head.is_empty() {
                // The probe must have read the head before the reset throws it away.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            stream.set_zero_linger().unwrap();
        })
        .await;
        check("reset", address, expected, message).await;
    }
}

#[tokio::test]
async fn phases_add_up_to_the_latency() {
    let address = answers(response("200 OK", "", "pong")).await;
    for host in ["127.0.0.1", "localhost"] {
        let finding = ask(&endpoint(get(host, address))).await;
        let Outcome::Answered { latency_us, .. } = finding.observation.outcome else {
            panic!("{finding:?}");
        };
        let phases = phases(&finding);
        let reached: Vec<Stage> = phases.iter().map(|(stage, _)| *stage).collect();
        // An address needs no resolving, and plain HTTP no handshake: both are absent, not zero.
        let expected: &[Stage] = match host {
            "localhost" => &[
                Stage::Resolve,
                Stage::Connect,
                Stage::Write,
                Stage::Processing,
                Stage::Transfer,
            ],
            _ => &[
                Stage::Connect,
                Stage::Write,
                Stage::Processing,
                Stage::Transfer,
            ],
        };
        assert_eq!(reached, expected, "{host}");
        let sum_us: u32 = phases.iter().map(|(_, us)| us).sum();
        assert!(latency_us.is_multiple_of(100), "{latency_us}");
        assert!(sum_us <= latency_us, "{sum_us} of {latency_us}");
        // Within 1 ms and 1 %, and the millisecond that latency is rounded up to.
        assert!(
            latency_us - sum_us <= 2_000 + latency_us / 100,
            "{sum_us} of {latency_us}"
        );
    }
}

/// A machine that was asleep cannot say what the service did meanwhile.
#[tokio::test]
async fn our_own_stall_is_not_the_services_fault() {
    let address = serve(hang).await;
    let endpoint = endpoint_within(get("127.0.0.1", address), 50);
    let probing = tokio::spawn(async move { ask(&endpoint).await });
    tokio::task::yield_now().await;
    // The one thread of this runtime stands still, as under SIGSTOP.
    std::thread::sleep(Duration::from_millis(1_200));
    let finding = probing.await.unwrap();
    assert_eq!(verdict(&finding), "void not_executed", "{finding:?}");
    assert!(
        finding.trace.message.starts_with("this machine stalled"),
        "{finding:?}"
    );
}
