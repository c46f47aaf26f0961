//! How to get there, where the address does not say all.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncWrite};
use vigie::sla::catalog::{Family, HttpVersion};
use vigie::sla::observation::Stage;

use super::zoo::{Authority, Identity, answers, converses, hang, response, serve, serve_tls};
use super::*;

fn private_authority() -> (Authority, NamedTempFile) {
    let authority = Authority::new("Vigie test authority");
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    (authority, file)
}

/// Answers over whatever version of HTTP it is asked in.
async fn speak_any_version(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(|_| async {
        Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::from("pong"))))
    });
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn secure(identity: &Identity, protocols: &[&str]) -> SocketAddr {
    serve_tls(identity, protocols, speak_any_version).await
}

#[tokio::test]
async fn a_pinned_address_replaces_the_resolver_and_nothing_else() {
    let (address, mut requests) = converses(|_| response("200 OK", "", "")).await;
    let mut probe = get("nobody.invalid", address);
    probe.route.address = Some(address.ip());
    let (finding, hops) = connections(&endpoint(probe)).await;
    assert_finding("pinned", &finding, "answered", "");
    assert_eq!(hops[0].phases.of(Stage::Resolve), None);
    assert_eq!(hops[0].address, Some(address));
    let request = requests.recv().await.unwrap();
    let host = format!("host: nobody.invalid:{}\r\n", address.port());
    assert!(request.contains(&host), "{request}");
}

#[tokio::test]
async fn the_name_in_the_handshake_can_differ_from_the_host() {
    let (authority, ca) = private_authority();
    let identity = authority.issue(&["inside.example"], (2020, 2040));
    let mut probe = get("127.0.0.1", secure(&identity, &["http/1.1"]).await);
    probe.url.tls = true;
    probe.ca_file = Some(ca.path().to_owned());
    assert_eq!(
        verdict(&ask(&endpoint(probe.clone())).await),
        "tls:wrong_host"
    );
    probe.route.tls_name = Some("inside.example".to_owned());
    assert_finding(
        "named",
        &ask(&endpoint(probe.clone())).await,
        "answered",
        "",
    );

    probe.route.tls_name = Some("not a name".to_owned());
    let error = prober().prepare(&endpoint(probe)).unwrap_err().to_string();
    assert!(
        error.ends_with("the name in the TLS handshake is not valid"),
        "{error}"
    );
}

#[tokio::test]
async fn only_addresses_of_the_wanted_family_are_tried() {
    let address = answers(response("200 OK", "", "")).await;
    for (family, expected, message) in [
        (Family::Any, "answered", ""),
        (Family::Ipv4, "answered", ""),
        (Family::PreferIpv4, "answered", ""),
        (Family::PreferIpv6, "answered", ""),
        (Family::Ipv6, "dns", "`127.0.0.1` has no IPv6 address"),
    ] {
        let mut probe = get("127.0.0.1", address);
        probe.route.family = family;
        assert_finding("family", &ask(&endpoint(probe)).await, expected, message);
    }
    // A name with both: whatever is first, the server behind the other is found.
    let mut probe = get("localhost", address);
    probe.route.family = Family::PreferIpv6;
    let finding = ask(&endpoint(probe)).await;
    assert_finding("the other one", &finding, "answered", "");
    assert_eq!(finding.trace.address, Some(address));
}

#[tokio::test]
async fn the_version_of_http_is_the_one_that_was_wanted() {
    let (authority, ca) = private_authority();
    let identity = authority.issue(&["localhost"], (2020, 2040));
    let both = secure(&identity, &["h2", "http/1.1"]).await;
    let old = secure(&identity, &["http/1.1"]).await;
    let silent_about_it = secure(&identity, &[]).await;
    let plain = serve(speak_any_version).await;
    let refuses = "ADDRESS refused the TLS handshake: NoApplicationProtocol";
    for (what, address, tls, version, spoken, expected, message) in [
        (
            "any of both",
            both,
            true,
            HttpVersion::Any,
            Some("HTTP/2.0"),
            "answered",
            "",
        ),
        (
            "the older of both",
            both,
            true,
            HttpVersion::Http1,
            Some("HTTP/1.1"),
            "answered",
            "",
        ),
        (
            "the newer of both",
            both,
            true,
            HttpVersion::Http2,
            Some("HTTP/2.0"),
            "answered",
            "",
        ),
        (
            "any of one",
            old,
            true,
            HttpVersion::Any,
            Some("HTTP/1.1"),
            "answered",
            "",
        ),
        (
            "not offered",
            old,
            true,
            HttpVersion::Http2,
            None,
            "tls:refused",
            refuses,
        ),
        (
            "not known",
            silent_about_it,
            true,
            HttpVersion::Any,
            Some("HTTP/1.1"),
            "answered",
            "",
        ),
        (
            "not known to be offered",
            silent_about_it,
            true,
            HttpVersion::Http2,
            None,
            "tls:handshake",
            "ADDRESS does not speak HTTP/2",
        ),
        (
            "plain",
            plain,
            false,
            HttpVersion::Any,
            Some("HTTP/1.1"),
            "answered",
            "",
        ),
        (
            "prior knowledge",
            plain,
            false,
            HttpVersion::Http2,
            Some("HTTP/2.0"),
            "answered",
            "",
        ),
    ] {
        let mut probe = get("localhost", address);
        probe.url.tls = tls;
        probe.ca_file = Some(ca.path().to_owned());
        probe.route.version = version;
        let (finding, hops) = connections(&endpoint(probe)).await;
        assert_finding(what, &finding, expected, message);
        assert_eq!(hops[0].http_version.as_deref(), spoken, "{what}");
    }
    let mut probe = get("127.0.0.1", serve(hang).await);
    probe.route.version = HttpVersion::Http2;
    let finding = ask(&endpoint_within(probe, 100)).await;
    assert_eq!(
        verdict(&finding),
        "timeout:processing",
        "prior knowledge, silence"
    );
}

#[tokio::test]
async fn the_handshake_is_told_also_when_it_fails() {
    let (authority, ca) = private_authority();
    for (years, expected) in [((2020, 2040), "answered"), ((2020, 2024), "tls:expired")] {
        let identity = authority.issue(&["localhost", "127.0.0.1"], years);
        let mut probe = get("localhost", secure(&identity, &["http/1.1"]).await);
        probe.url.tls = true;
        probe.ca_file = Some(ca.path().to_owned());
        let (finding, hops) = connections(&endpoint(probe)).await;
        assert_eq!(verdict(&finding), expected);
        let tls = hops[0].tls.as_ref().unwrap();
        let agreed = expected == "answered";
        assert_eq!(tls.version.as_deref(), agreed.then_some("TLSv1.3"));
        assert_eq!(tls.cipher_suite.is_some(), agreed);
        let [leaf] = tls.chain.as_slice() else {
            panic!("{:?}", tls.chain);
        };
        assert_eq!(leaf.names, ["localhost", "127.0.0.1"]);
        assert_eq!(leaf.issuer, "Vigie test authority");
        assert_eq!(leaf.subject, "O=Vigie tests");
        assert!(!leaf.self_signed);
        assert_eq!(leaf.not_after, finding.trace.certificate_not_after);
    }
}
