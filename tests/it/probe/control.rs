//! Whose fault a silence is: control targets stand for our own way out.

use std::sync::atomic::Ordering;

use tokio::net::TcpListener;
use vigie::sla::catalog::HostPort;

use super::zoo::{Guestbook, answers, hang, response, serve};
use super::*;

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

fn control(host: &str, address: SocketAddr) -> HostPort {
    HostPort {
        host: host.to_owned(),
        port: address.port(),
    }
}

#[tokio::test]
async fn a_silence_is_the_services_fault_only_while_a_control_target_answers() {
    let alive = serve(hang).await;
    let dead = nobody().await;
    let refused = nobody().await;
    let silent = serve(hang).await;
    let busy = answers(response("503 Busy", "", "")).await;
    let garbage = answers("garbage").await;
    let good = answers(response("200 OK", "", "")).await;
    let reached = format!("`127.0.0.1:{}` could be reached", alive.port());

    let with_alive = prober().with_controls(vec![
        control("127.0.0.1", dead),
        control("127.0.0.1", alive),
    ]);
    let with_dead = prober().with_controls(vec![
        control("127.0.0.1", dead),
        control("nobody.invalid", dead),
    ]);
    for (what, address, alone, message, while_dead) in [
        ("good", good, "answered", "", "answered"),
        (
            "refused",
            refused,
            "connect",
            "connection refused by ADDRESS",
            "void uplink",
        ),
        (
            "silent",
            silent,
            "timeout:processing",
            "no answer from ADDRESS within 100 ms",
            "void uplink",
        ),
        // Whatever answered us, our network carried it.
        (
            "busy",
            busy,
            "status:503",
            "status 503, expected 200",
            "status:503",
        ),
        (
            "garbage",
            garbage,
            "io:processing",
            "what ADDRESS answered is not HTTP",
            "io:processing",
        ),
    ] {
        // A hang must be seen soon, an answer must not be missed on a loaded machine.
        let timeout_ms = if what == "silent" { 100 } else { 10_000 };
        let endpoint = endpoint_within(get("127.0.0.1", address), timeout_ms);
        let finding = ask(&endpoint).await;
        assert_finding(what, &finding, alone, message);

        let finding = with_alive.probe(&endpoint, at(), at()).await;
        if while_dead == alone {
            assert_finding(what, &finding, alone, message);
        } else {
            assert_finding(what, &finding, alone, &format!("{message}; {reached}"));
        }

        let finding = with_dead.probe(&endpoint, at(), at()).await;
        if while_dead == alone {
            assert_finding(what, &finding, alone, message);
        } else {
            let message = format!("{message}; no control target could be reached either");
            assert_finding(what, &finding, while_dead, &message);
        }
    }
}

#[tokio::test]
async fn many_failures_at_once_ask_the_control_target_once() {
    let guests = Guestbook::new();
    let alive = serve({
        let guests = guests.clone();
        move |stream| {
            let visit = guests.enter();
            async move {
                hang(stream).await;
                drop(visit);
            }
        }
    })
    .await;
    let prober = prober().with_controls(vec![control("localhost", alive)]);
    let refused = endpoint(get("127.0.0.1", nobody().await));
    let mut probes = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (prober, refused) = (prober.clone(), refused.clone());
        probes.spawn(async move { prober.probe(&refused, at(), at()).await });
    }
    for finding in probes.join_all().await {
        assert_eq!(verdict(&finding), "connect", "{finding:?}");
    }
    guests.all_gone().await;
    assert_eq!(guests.seen.load(Ordering::SeqCst), 1);
}
