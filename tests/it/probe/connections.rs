//! Each probe makes exactly one connection and one request, and leaves nothing open behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;

use super::zoo::{Guestbook, hang, pour, read_request, response, serve};
use super::*;

#[tokio::test]
async fn every_probe_has_a_connection_of_its_own_and_never_a_second() {
    for (what, bytes, expected) in [
        (
            "kept alive",
            response("200 OK", "Connection: keep-alive\r\n", "pong"),
            "answered",
        ),
        ("failing", response("503 Busy", "", ""), "status:503"),
        // Where some clients would try again on a fresh connection.
        ("closed", Vec::new(), "io:processing"),
    ] {
        let guests = Guestbook::new();
        let requests = Arc::new(AtomicUsize::new(0));
        let address = serve({
            let (guests, requests) = (guests.clone(), requests.clone());
            move |mut stream| {
                let (visit, requests, bytes) = (guests.enter(), requests.clone(), bytes.clone());
                async move {
                    read_request(&mut stream).await;
                    requests.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(&bytes).await.unwrap();
                    if !bytes.is_empty() {
                        hang(stream).await;
                    }
                    drop(visit);
                }
            }
        })
        .await;
        let prober = prober();
        let endpoint = endpoint(get("127.0.0.1", address));
        for _ in 0..3 {
            let finding = prober.probe(&endpoint, at(), at()).await;
            assert_eq!(verdict(&finding), expected, "{what}");
        }
        guests.all_gone().await;
        assert_eq!(guests.seen.load(Ordering::SeqCst), 3, "{what}");
        assert_eq!(requests.load(Ordering::SeqCst), 3, "{what}");
    }
}

#[tokio::test]
async fn a_probe_that_ends_early_closes_its_connection() {
    let guests = Guestbook::new();
    let silent = serve({
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
    let pouring = serve({
        let guests = guests.clone();
        move |mut stream| {
            let visit = guests.enter();
            async move {
                read_request(&mut stream).await;
                pour(
                    &mut stream,
                    b"HTTP/1.1 200 OK\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaa",
                )
                .await;
                drop(visit);
            }
        }
    })
    .await;
    let prober = prober();
    for _ in 0..20 {
        let hung = endpoint_within(get("127.0.0.1", silent), 50);
        let poured = endpoint(get("127.0.0.1", pouring));
        let (hung, poured) = tokio::join!(
            prober.probe(&hung, at(), at()),
            prober.probe(&poured, at(), at())
        );
        assert_eq!(verdict(&hung), "timeout:processing");
        assert_eq!(verdict(&poured), "too_large");
    }
    guests.all_gone().await;
    // A probe that is given up halfway, as when the daemon stops.
    let given_up = endpoint(get("127.0.0.1", silent));
    tokio::select! {
        _ = prober.probe(&given_up, at(), at()) => panic!("the server is silent"),
        () = guests.one_there() => {}
    }
    guests.all_gone().await;
    assert_eq!(guests.seen.load(Ordering::SeqCst), 41);
}
