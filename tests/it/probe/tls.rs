//! TLS seen through: certificates of every kind, and HTTP over what is left.

use std::sync::atomic::Ordering;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use vigie::sla::observation::{Fault, Stage};

use super::zoo::{
    Authority, Guestbook, Identity, hang, read_request, response, self_signed, serve, serve_tls,
};
use super::*;

fn file_of(pem: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    file
}

/// An `https` request to `host`, trusting what is in `ca`.
fn get_tls(host: &str, address: SocketAddr, ca: &NamedTempFile) -> HttpProbe {
    let mut probe = get(host, address);
    probe.url.tls = true;
    probe.ca_file = Some(ca.path().to_owned());
    probe
}

/// A TLS server that answers `pong` over HTTP/1.1.
async fn pong(identity: &Identity) -> SocketAddr {
    serve_tls(identity, &["http/1.1"], |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(&response("200 OK", "", "pong")).await;
        let _ = stream.shutdown().await;
    })
    .await
}

#[tokio::test]
async fn each_bad_certificate_has_a_fault_of_its_own() {
    let ours = Authority::new("Vigie test authority");
    let theirs = Authority::new("Somebody else");
    let ca = file_of(&ours.pem());
    let good = (2020, 2040);
    let here: &[&str] = &["localhost", "127.0.0.1"];
    for (what, identity, host, expected, message, not_after) in [
        (
            "good",
            ours.issue(here, good),
            "localhost",
            "answered",
            "",
            2040,
        ),
        (
            "good for the address",
            ours.issue(here, good),
            "127.0.0.1",
            "answered",
            "",
            2040,
        ),
        (
            "expired",
            ours.issue(here, (2020, 2024)),
            "localhost",
            "tls:expired",
            "the certificate or one of its authorities has expired; the certificate itself ends on 2024-01-01 00:00 UTC",
            2024,
        ),
        (
            "not yet valid",
            ours.issue(here, (2030, 2040)),
            "localhost",
            "tls:not_yet_valid",
            "the certificate is not valid yet; it begins on 2030-01-01 00:00 UTC",
            2040,
        ),
        (
            "wrong host",
            ours.issue(&["a.example", "b.example", "c.example", "d.example"], good),
            "localhost",
            "tls:wrong_host",
            "the certificate is for `a.example`, `b.example`, `c.example` and others, not for `localhost`",
            2040,
        ),
        (
            "unknown authority",
            theirs.issue(here, good),
            "localhost",
            "tls:unknown_authority",
            "no trusted authority signed the certificate; it names `Somebody else`",
            2040,
        ),
        (
            "self-signed",
            self_signed(here, false),
            "localhost",
            "tls:self_signed",
            "the certificate is self-signed",
            2040,
        ),
        (
            "self-signed, as openssl makes them",
            self_signed(here, true),
            "localhost",
            "tls:self_signed",
            "the certificate is self-signed",
            2040,
        ),
    ] {
        let address = pong(&identity).await;
        let finding = ask(&endpoint(get_tls(host, address, &ca))).await;
        assert_finding(what, &finding, expected, message);
        // The facts of the certificate are there also when it was refused.
        let ends = finding.trace.certificate_not_after.unwrap().to_utc();
        assert_eq!(
            ends.to_rfc3339(),
            format!("{not_after}-01-01T00:00:00+00:00"),
            "{what}"
        );
        let explanation = finding.trace.explanation.as_ref().unwrap();
        let seen = explanation.hops[0].tls.as_ref().unwrap();
        let told = seen.refusal.map(|fault| Fault::Tls(fault).to_string());
        let refused = (expected != "answered").then(|| expected.to_owned());
        assert_eq!(told, refused, "{what}");
        assert!(finding.trace.phases.of(Stage::Tls).unwrap() > 0, "{what}");
        assert_eq!(
            finding.trace.phases.of(Stage::Processing).is_some(),
            expected == "answered",
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_certificate_is_judged_at_the_instant_of_the_probe() {
    let ours = Authority::new("Vigie test authority");
    let ca = file_of(&ours.pem());
    let address = pong(&ours.issue(&["localhost"], (2020, 2024))).await;
    let endpoint = endpoint(get_tls("localhost", address, &ca));
    let earlier = Timestamp::from_unix_ms(1_600_000_000_000).unwrap();
    let prober = prober();
    assert_eq!(
        verdict(&prober.probe(&endpoint, earlier, earlier).await),
        "answered"
    );
    // What was accepted once is judged again when a date lies between.
    assert_eq!(
        verdict(&prober.probe(&endpoint, at(), at()).await),
        "tls:expired"
    );
    let too_early = Timestamp::from_unix_ms(1_500_000_000_000).unwrap();
    assert_eq!(
        verdict(&prober.probe(&endpoint, too_early, too_early).await),
        "tls:not_yet_valid"
    );
}

#[tokio::test]
async fn a_self_signed_certificate_can_be_trusted_by_naming_it() {
    for claims_authority in [false, true] {
        let identity = self_signed(&["localhost"], claims_authority);
        let ca = file_of(&identity.pem);
        let address = pong(&identity).await;
        let finding = ask(&endpoint(get_tls("localhost", address, &ca))).await;
        assert_finding("named", &finding, "answered", "");

        // Its name and its dates still count.
        let finding = ask(&endpoint(get_tls("127.0.0.1", address, &ca))).await;
        assert_eq!(verdict(&finding), "tls:wrong_host");
        let late = Timestamp::from_unix_ms(2_300_000_000_000).unwrap();
        let endpoint = endpoint(get_tls("localhost", address, &ca));
        let finding = prober().probe(&endpoint, late, late).await;
        assert_eq!(verdict(&finding), "tls:expired");

        // Somebody else with another key does not profit from it.
        let other = self_signed(&["localhost"], claims_authority);
        let address = pong(&other).await;
        let finding = ask(&super::endpoint(get_tls("localhost", address, &ca))).await;
        assert_eq!(verdict(&finding), "tls:self_signed");
    }
}

#[tokio::test]
async fn a_changed_file_of_authorities_is_read_again_and_a_broken_one_is_not() {
    let (old, new) = (Authority::new("Old"), Authority::new("New"));
    let ca = file_of(&old.pem());
    let address = pong(&new.issue(&["localhost"], (2020, 2040))).await;
    let endpoint = endpoint(get_tls("localhost", address, &ca));
    let prober = prober();
    let finding = prober.probe(&endpoint, at(), at()).await;
    assert_eq!(verdict(&finding), "tls:unknown_authority");

    let write = |text: &str, age_s: u64| {
        std::fs::write(ca.path(), text).unwrap();
        let modified = std::time::UNIX_EPOCH + std::time::Duration::from_secs(age_s);
        ca.as_file().set_modified(modified).unwrap();
    };
    write(&new.pem(), 1_000);
    assert_eq!(
        verdict(&prober.probe(&endpoint, at(), at()).await),
        "answered"
    );
    write("broken", 2_000);
    assert_eq!(
        verdict(&prober.probe(&endpoint, at(), at()).await),
        "answered"
    );
}

#[tokio::test]
async fn a_handshake_that_goes_wrong() {
    let ca = file_of(&Authority::new("unused").pem());
    let plain = serve(|mut stream| async move {
        // Nothing is read first: a TLS greeting has no line end.
        let _ = stream.write_all(&response("400 Bad Request", "", "")).await;
        hang(stream).await;
    })
    .await;
    let finding = ask(&endpoint(get_tls("127.0.0.1", plain, &ca))).await;
    assert_finding(
        "plain",
        &finding,
        "tls:handshake",
        "what ADDRESS answered is not TLS",
    );
    assert_eq!(finding.trace.certificate_not_after, None);

    let closing = serve(|mut stream| async move {
        let mut greeting = [0; 5];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut greeting)
            .await
            .unwrap();
        stream.set_zero_linger().unwrap();
    })
    .await;
    let finding = ask(&endpoint(get_tls("127.0.0.1", closing, &ca))).await;
    assert_finding(
        "reset",
        &finding,
        "io:tls",
        "ADDRESS reset the connection during the TLS handshake",
    );

    // A server that speaks neither of our protocols says so.
    let ours = Authority::new("Vigie test authority");
    let ca = file_of(&ours.pem());
    let other = serve_tls(&ours.issue(&["localhost"], (2020, 2040)), &["imap"], hang).await;
    let finding = ask(&endpoint(get_tls("localhost", other, &ca))).await;
    assert_finding(
        "no protocol in common",
        &finding,
        "tls:refused",
        "ADDRESS refused the TLS handshake: NoApplicationProtocol",
    );
}

/// Without `close_notify`, a body that ends with the connection may have been cut by anybody.
#[tokio::test]
async fn a_body_without_length_and_without_farewell_is_cut_short() {
    let ours = Authority::new("Vigie test authority");
    let ca = file_of(&ours.pem());
    let identity = ours.issue(&["localhost"], (2020, 2040));
    for farewell in [true, false] {
        let address = serve_tls(&identity, &[], move |mut stream| async move {
            read_request(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\n\r\npong")
                .await
                .unwrap();
            stream.flush().await.unwrap();
            if farewell {
                stream.shutdown().await.unwrap();
            }
        })
        .await;
        let finding = ask(&endpoint(get_tls("localhost", address, &ca))).await;
        if farewell {
            assert_finding("farewell", &finding, "answered", "");
        } else {
            let message = "ADDRESS closed the connection after 4 bytes of the body";
            assert_finding("none", &finding, "io:transfer", message);
        }
    }
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered() {
    let ours = Authority::new("Vigie test authority");
    let ca = file_of(&ours.pem());
    let guests = Guestbook::new();
    let identity = ours.issue(&["localhost"], (2020, 2040));
    let address =
        serve_tls(&identity, &["h2", "http/1.1"], {
            let guests = guests.clone();
            move |stream| {
                let visit = guests.enter();
                async move {
                    let service =
                        service_fn(
                            |request: hyper::Request<hyper::body::Incoming>| async move {
                                match request.uri().path() {
                                    "/silent" => std::future::pending().await,
                                    "/reset" => Err(std::io::Error::other("reset")),
                                    "/large" => Ok(hyper::Response::new(Full::new(Bytes::from(
                                        vec![b'a'; 10_000_000],
                                    )))),
                                    _ => {
                                        let text = format!(
                                            r#"{{"status":"{} {} {}"}}"#,
                                            request.method(),
                                            request.uri(),
                                            request.headers().contains_key("connection"),
                                        );
                                        Ok(hyper::Response::new(Full::new(Bytes::from(text))))
                                    }
                                }
                            },
                        );
                    let _ = http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                    drop(visit);
                }
            }
        })
        .await;
    let mut probe = get_tls("localhost", address, &ca);
    probe.url.path = "/a?b".to_owned();
    probe.json = ping_state();
    probe.json.as_mut().unwrap().up = vec![format!(
        "GET https://localhost:{}/a?b false",
        address.port()
    )];
    let finding = ask(&endpoint(probe.clone())).await;
    assert_finding("answer", &finding, "answered", "");

    let virtual_host = Value::Plain("other.example".to_owned());
    probe.headers = vec![("Host".to_owned(), virtual_host)];
    probe.json.as_mut().unwrap().up = vec!["GET https://other.example/a?b false".to_owned()];
    let finding = ask(&endpoint(probe.clone())).await;
    assert_finding("virtual host", &finding, "answered", "");

    probe.url.path = "/large".to_owned();
    let finding = ask(&endpoint(probe.clone())).await;
    assert_eq!(verdict(&finding), "too_large");

    probe.url.path = "/reset".to_owned();
    let finding = ask(&endpoint(probe.clone())).await;
    assert_eq!(verdict(&finding), "io:processing", "{finding:?}");

    probe.url.path = "/silent".to_owned();
    let finding = ask(&endpoint_within(probe, 500)).await;
    assert_finding(
        "silent",
        &finding,
        "timeout:processing",
        "no answer from ADDRESS within 500 ms",
    );

    guests.all_gone().await;
    assert_eq!(guests.seen.load(Ordering::SeqCst), 5);
}

/// A server that promises HTTP/2 and says something else.
#[tokio::test]
async fn garbage_instead_of_http2() {
    let ours = Authority::new("Vigie test authority");
    let ca = file_of(&ours.pem());
    let identity = ours.issue(&["localhost"], (2020, 2040));
    let address = serve_tls(&identity, &["h2"], |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\npong").await;
        hang(stream).await;
    })
    .await;
    let finding = ask(&endpoint(get_tls("localhost", address, &ca))).await;
    assert_eq!(verdict(&finding), "io:processing", "{finding:?}");
}

/// An address of the web with TLS, on a server without it.
#[tokio::test]
async fn plain_http_on_a_tls_port() {
    let ours = Authority::new("Vigie test authority");
    let identity = ours.issue(&["localhost"], (2020, 2040));
    let address = pong(&identity).await;
    let finding = ask(&endpoint(get("localhost", address))).await;
    assert_eq!(verdict(&finding), "io:processing", "{finding:?}");
}
