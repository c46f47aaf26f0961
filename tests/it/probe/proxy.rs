//! Probes through a proxy, whose failures are ours.

use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use vigie::sla::catalog::{Proxy, ProxyKind, SecretPlace};

use super::zoo::{
    Authority, answers, converses, hang, read_request, response, self_signed, serve, serve_tls,
};
use super::*;

fn through(kind: ProxyKind, proxy: SocketAddr, probe: &HttpProbe) -> HttpProbe {
    let mut probe = probe.clone();
    probe.route.proxy = Some(Proxy {
        kind,
        host: proxy.ip().to_string(),
        port: proxy.port(),
        credentials: None,
    });
    probe
}

/// The same with a user whose password lies in `path`.
fn with_password(mut probe: HttpProbe, path: &std::path::Path) -> HttpProbe {
    let password = Value::Secret(SecretPlace::File(path.to_owned()));
    let proxy = probe.route.proxy.as_mut().unwrap();
    proxy.credentials = Some(("vigie".to_owned(), password));
    probe
}

/// A proxy that connects every `CONNECT` to `target`, wherever it should lead.
async fn http_proxy(target: SocketAddr) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let heard = heard.clone();
        async move {
            let request = read_request(&mut stream).await;
            let mut onward = TcpStream::connect(target).await.unwrap();
            heard.send(request).unwrap();
            let established = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n";
            stream.write_all(established).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut onward).await;
        }
    })
    .await;
    (address, requests)
}

/// A SOCKS proxy that connects everything to `target`. It hands on what it was asked for.
async fn socks_proxy(
    target: SocketAddr,
    password: Option<&'static str>,
    reply: u8,
) -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let heard = heard.clone();
        async move {
            let n_methods = {
                assert_eq!(stream.read_u8().await.unwrap(), 5);
                stream.read_u8().await.unwrap()
            };
            let mut methods = vec![0; usize::from(n_methods)];
            stream.read_exact(&mut methods).await.unwrap();
            let method = if password.is_some() { 2 } else { 0 };
            if !methods.contains(&method) {
                stream.write_all(&[5, 0xff]).await.unwrap();
                return;
            }
            stream.write_all(&[5, method]).await.unwrap();
            if let Some(password) = password {
                assert_eq!(stream.read_u8().await.unwrap(), 1);
                let mut pair = Vec::new();
                for _ in 0..2 {
                    let mut text = vec![0; usize::from(stream.read_u8().await.unwrap())];
                    stream.read_exact(&mut text).await.unwrap();
                    pair.push(String::from_utf8(text).unwrap());
                }
                let is_right = pair == ["vigie", password];
                stream.write_all(&[1, u8::from(!is_right)]).await.unwrap();
                if !is_right {
                    return;
                }
            }
            let mut head = [0; 4];
            stream.read_exact(&mut head).await.unwrap();
            let length = match head[3] {
                1 => 4,
                3 => usize::from(stream.read_u8().await.unwrap()),
                _ => 16,
            };
            let mut asked = vec![0; length + 2];
            stream.read_exact(&mut asked).await.unwrap();
            heard.send(asked).unwrap();
            stream
                .write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
                .await
                .unwrap();
            if reply == 0 {
                let mut onward = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut onward).await;
            }
        }
    })
    .await;
    (address, requests)
}

/// A TLS server for `service.example`, and a probe of it that only a proxy can find.
async fn hidden_service() -> (SocketAddr, HttpProbe, NamedTempFile) {
    let authority = Authority::new("Vigie test authority");
    let ca = NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), authority.pem()).unwrap();
    let identity = authority.issue(&["service.example"], (2020, 2040));
    let address = serve_tls(&identity, &["http/1.1"], |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(&response("200 OK", "", "pong")).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let mut probe = get("service.example", address);
    probe.url.tls = true;
    probe.ca_file = Some(ca.path().to_owned());
    probe.assertions = assertions(&[r#"body contains "pong""#]);
    (address, probe, ca)
}

#[tokio::test]
async fn an_http_proxy_makes_a_tunnel_and_resolves_the_name() {
    let (service, probe, _ca) = hidden_service().await;
    let (proxy, mut heard) = http_proxy(service).await;
    let target = format!("service.example:{}", service.port());
    let (finding, hops) = connections(&endpoint(through(ProxyKind::Http, proxy, &probe))).await;
    assert_finding("tunnel", &finding, "answered", "");
    assert_eq!(hops[0].address, Some(proxy));
    let request = heard.recv().await.unwrap();
    assert_eq!(
        request,
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")
    );

    let password = NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "s3cr3t").unwrap();
    let probe = with_password(through(ProxyKind::Http, proxy, &probe), password.path());
    assert_eq!(verdict(&ask(&endpoint(probe)).await), "answered");
    let request = heard.recv().await.unwrap();
    let expected = "Proxy-Authorization: Basic dmlnaWU6czNjcjN0\r\n";
    assert!(request.contains(expected), "{request}");
}

#[tokio::test]
async fn an_http_proxy_is_handed_plain_requests() {
    let (proxy, mut heard) = converses(|_| response("200 OK", "", "pong")).await;
    let probe = get("service.example", "127.0.0.1:80".parse().unwrap());
    let probe = through(ProxyKind::Http, proxy, &probe);
    let password = NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "s3cr3t").unwrap();
    let finding = ask(&endpoint(with_password(probe, password.path()))).await;
    assert_finding("handed on", &finding, "answered", "");
    let request = heard.recv().await.unwrap();
    assert!(
        request.starts_with("GET http://service.example/ HTTP/1.1\r\n")
            && request.contains("host: service.example\r\n")
            && request.contains("proxy-authorization: Basic dmlnaWU6czNjcjN0\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_socks_proxy_makes_a_tunnel_and_resolves_the_name() {
    let (service, probe, _ca) = hidden_service().await;
    let right = NamedTempFile::new().unwrap();
    std::fs::write(right.path(), "s3cr3t").unwrap();
    let port = service.port().to_be_bytes();

    let (open, mut heard) = socks_proxy(service, None, 0).await;
    let finding = ask(&endpoint(through(ProxyKind::Socks5, open, &probe))).await;
    assert_finding("open", &finding, "answered", "");
    let asked = heard.recv().await.unwrap();
    assert_eq!(asked, [b"service.example", port.as_slice()].concat());

    let (closed, _heard) = socks_proxy(service, Some("s3cr3t"), 0).await;
    let probe = through(ProxyKind::Socks5, closed, &probe);
    let finding = ask(&endpoint(with_password(probe.clone(), right.path()))).await;
    assert_finding("password", &finding, "answered", "");

    let refuses = format!(
        "our proxy refuses to connect to `service.example:{}`",
        service.port()
    );
    let finding = ask(&endpoint(probe.clone())).await;
    let message = format!("{refuses}: it wants another authentication");
    assert_finding("no password", &finding, "void not_executed", &message);

    std::fs::write(right.path(), "other").unwrap();
    let finding = ask(&endpoint(with_password(probe, right.path()))).await;
    let message = format!("{refuses}: wrong user or password");
    assert_finding("wrong password", &finding, "void not_executed", &message);
}

#[tokio::test]
async fn what_the_proxy_does_wrong_is_not_the_services_fault() {
    let (service, probe, _ca) = hidden_service().await;
    let target = format!("`service.example:{}`", service.port());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let refuses = format!("our proxy refuses to connect to {target}");
    let cannot = format!("our proxy could not connect to {target}");
    let no_proxy = "our proxy does not speak its protocol".to_owned();
    for (what, proxy, expected, message) in [
        (
            "refused",
            nobody,
            "void uplink",
            "our proxy: connection refused by ADDRESS".to_owned(),
        ),
        (
            "forbidden",
            answers("HTTP/1.1 403 No\r\n\r\n").await,
            "void not_executed",
            format!("{refuses}: status 403"),
        ),
        (
            "password",
            answers("HTTP/1.1 407 Who?\r\n\r\n").await,
            "void not_executed",
            format!("{refuses}: status 407"),
        ),
        (
            "garbage",
            answers("SSH-2.0\r\n\r\n").await,
            "void uplink",
            no_proxy.clone(),
        ),
        (
            "too much",
            answers("HTTP/1.1 200 OK\r\n\r\nmore").await,
            "void uplink",
            no_proxy.clone(),
        ),
        (
            "endless",
            answers(vec![b'a'; 100_000]).await,
            "void uplink",
            no_proxy.clone(),
        ),
        ("closed", answers("").await, "void uplink", no_proxy),
        // Here the proxy works, and says that the service does not.
        (
            "service is down",
            answers("HTTP/1.1 503 Down\r\n\r\n").await,
            "connect",
            format!("{cannot}: status 503"),
        ),
        (
            "service is slow",
            answers("HTTP/1.0 504 Slow\r\n\r\n").await,
            "connect",
            format!("{cannot}: status 504"),
        ),
    ] {
        let finding = ask(&endpoint(through(ProxyKind::Http, proxy, &probe))).await;
        assert_finding(what, &finding, expected, &message);
    }
    for (reply, expected, message) in [
        (
            2,
            "void not_executed",
            format!("{refuses}: its rules do not allow it"),
        ),
        (1, "void not_executed", format!("{refuses}: reply 1")),
        (3, "connect", format!("{cannot}: network unreachable")),
        (4, "connect", format!("{cannot}: host unreachable")),
        (5, "connect", format!("{cannot}: connection refused")),
        (6, "connect", format!("{cannot}: no answer in time")),
    ] {
        let (proxy, _heard) = socks_proxy(service, None, reply).await;
        let finding = ask(&endpoint(through(ProxyKind::Socks5, proxy, &probe))).await;
        assert_finding("socks", &finding, expected, &message);
    }
    let closing = serve(|stream| async move { drop(stream) }).await;
    let finding = ask(&endpoint(through(ProxyKind::Socks5, closing, &probe))).await;
    assert_eq!(verdict(&finding), "void uplink", "{finding:?}");

    let plain = get("service.example", "127.0.0.1:80".parse().unwrap());
    let asks_who = answers(response("407 Who?", "", "")).await;
    let finding = ask(&endpoint(through(ProxyKind::Http, asks_who, &plain))).await;
    let message = "our proxy refuses our credentials: status 407";
    assert_finding("plain", &finding, "void not_executed", message);
}

#[tokio::test]
async fn behind_a_proxy_the_certificate_and_the_deadline_still_count() {
    let (_, probe, _ca) = hidden_service().await;
    let stranger = serve_tls(&self_signed(&["service.example"], true), &[], hang).await;
    let (proxy, _heard) = http_proxy(stranger).await;
    let finding = ask(&endpoint(through(ProxyKind::Http, proxy, &probe))).await;
    assert_finding(
        "stranger",
        &finding,
        "tls:self_signed",
        "the certificate is self-signed",
    );

    for kind in [ProxyKind::Http, ProxyKind::Socks5] {
        let silent = serve(hang).await;
        let finding = ask(&endpoint_within(through(kind, silent, &probe), 100)).await;
        let message = "no connection to ADDRESS within 100 ms";
        assert_finding("silent", &finding, "timeout:connect", message);
    }
}
