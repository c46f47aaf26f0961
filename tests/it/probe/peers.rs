//! Proxies that we did not write.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use vigie::sla::catalog::{Proxy, ProxyKind};

use super::zoo::{Authority, answers, read_request, response, serve_tls};
use super::*;

/// A running proxy, stopped when the test ends.
struct Peer {
    process: Child,
    address: SocketAddr,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Peer {
    fn start(program: &str, arguments: &[&str], address: SocketAddr) -> Self {
        let process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}: run tests/all"));
        let peer = Self { process, address };
        let patience = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < patience, "{program} does not start");
            std::thread::yield_now();
        }
        peer
    }
}

fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
#[ignore = "needs tinyproxy and microsocks: tests/all"]
async fn through_tinyproxy_and_microsocks() {
    let folder = tempfile::tempdir().unwrap();
    let [http, socks, nobody] = [free_port(), free_port(), free_port()];
    let configuration = folder.path().join("tinyproxy.conf");
    let text = format!(
        "Port {}\nListen 127.0.0.1\nTimeout 20\nAllow 127.0.0.1\nBasicAuth vigie sesame\n",
        http.port()
    );
    std::fs::write(&configuration, text).unwrap();
    let arguments = ["-d", "-c", configuration.to_str().unwrap()];
    let tinyproxy = Peer::start("tinyproxy", &arguments, http);
    let port = socks.port().to_string();
    let arguments = [
        "-i",
        "127.0.0.1",
        "-p",
        &port,
        "-u",
        "vigie",
        "-P",
        "sesame",
    ];
    let microsocks = Peer::start("microsocks", &arguments, socks);

    let authority = Authority::new("Vigie test authority");
    let [ca, right, wrong] = [authority.pem().as_str(), "sesame", "else"].map(|text| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    });
    let identity = authority.issue(&["127.0.0.1"], (2020, 2040));
    let secure = serve_tls(&identity, &["http/1.1"], |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(&response("200 OK", "", "pong")).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let plain = answers(response("200 OK", "", "pong")).await;
    for (kind, peer) in [
        (ProxyKind::Http, &tinyproxy),
        (ProxyKind::Socks5, &microsocks),
    ] {
        for (what, address, tls, password, expected) in [
            ("secure", secure, true, &right, "answered"),
            ("plain", plain, false, &right, "answered"),
            ("not there", nobody, true, &right, "connect"),
            ("wrong password", secure, true, &wrong, "void not_executed"),
        ] {
            let mut probe = get("127.0.0.1", address);
            probe.url.tls = tls;
            probe.ca_file = Some(ca.path().to_owned());
            let place = SecretPlace::File(password.path().to_owned());
            probe.route.proxy = Some(Proxy {
                kind,
                host: peer.address.ip().to_string(),
                port: peer.address.port(),
                credentials: Some(("vigie".to_owned(), Value::Secret(place))),
            });
            let finding = ask(&endpoint(probe)).await;
            assert_eq!(verdict(&finding), expected, "{kind:?}, {what}: {finding:?}");
        }
    }
}
