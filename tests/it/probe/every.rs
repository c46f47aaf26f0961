//! Every fault there is, and every reason to say nothing, each from a real socket; and the time of
//! each probe accounted for to the last stage.

use std::collections::BTreeSet;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use vigie::sla::catalog::{Authentication, ClientCertificate, ClientCredentials, Proxy, ProxyKind};
use vigie::sla::observation::{Fault, Stage, TlsFault, Void};

use super::zoo::{
    Authority, Identity, answers, converses, hang, pour, read_request, response, self_signed,
    serve, serve_tls, serve_tls_to,
};
use super::*;

/// Everything that can come of a probe but the right answer. The matches have no `_`: whoever adds
/// a fault is led here.
fn everything() -> BTreeSet<String> {
    let staged = Stage::ALL.into_iter().flat_map(|stage| {
        let (times_out, breaks) = match stage {
            // Void: that these take too long speaks against us, or says nothing.
            Stage::Auth | Stage::Resolve => (false, false),
            // What breaks while connecting is no connection.
            Stage::Connect => (true, false),
            Stage::Tls | Stage::Write | Stage::Processing | Stage::Transfer => (true, true),
        };
        [
            times_out.then_some(Fault::Timeout(stage)),
            breaks.then_some(Fault::Io(stage)),
        ]
    });
    let mut faults: Vec<Fault> = vec![
        Fault::Dns,
        Fault::Connect,
        Fault::Status(503),
        Fault::Redirect,
        Fault::RedirectLoop,
        Fault::Content,
        Fault::TooLarge,
        Fault::Maintenance,
    ];
    faults.extend(staged.flatten());
    faults.extend(TlsFault::ALL.map(Fault::Tls));
    for fault in &faults {
        match fault {
            Fault::Dns
            | Fault::Connect
            | Fault::Timeout(_)
            | Fault::Tls(_)
            | Fault::Io(_)
            | Fault::Status(_)
            | Fault::Redirect
            | Fault::RedirectLoop
            | Fault::Content
            | Fault::TooLarge
            | Fault::Maintenance => {}
            Fault::Unspecified => panic!("only imported evidence does not know its cause"),
        }
    }
    let voids = [
        Void::Resolver,
        Void::Uplink,
        Void::Credential(401),
        Void::Certificate,
        Void::Token,
        Void::RateLimited,
        Void::StatedUnknown,
        Void::NotExecuted,
    ];
    for void in voids {
        match void {
            Void::Resolver
            | Void::Uplink
            | Void::Credential(_)
            | Void::Certificate
            | Void::Token
            | Void::RateLimited
            | Void::StatedUnknown
            | Void::NotExecuted => {}
            Void::Clock => panic!("no service can make our clock wrong"),
        }
    }
    let faults = faults.iter().map(ToString::to_string);
    let voids = voids.iter().map(|void| format!("void {void}"));
    faults.chain(voids).collect()
}

/// Long enough to get there on a loaded machine, short enough to wait for.
const HANG_MS: i64 = 500;

struct Zoo {
    ca: tempfile::NamedTempFile,
    ours: Authority,
    secret: tempfile::NamedTempFile,
    /// Every connection that was left hanging on purpose.
    queue: Vec<TcpStream>,
    seen: Vec<(String, Finding, Explanation)>,
}

impl Zoo {
    async fn look(&mut self, endpoint: Endpoint) {
        let (finding, explanation) = explain(&endpoint).await;
        self.seen.push((verdict(&finding), finding, explanation));
    }

    async fn plain(&mut self, address: SocketAddr, change: impl FnOnce(&mut HttpProbe)) {
        let mut probe = get("127.0.0.1", address);
        change(&mut probe);
        self.look(endpoint(probe)).await;
    }

    async fn hangs(&mut self, address: SocketAddr, change: impl FnOnce(&mut HttpProbe)) {
        let mut probe = get("127.0.0.1", address);
        change(&mut probe);
        self.look(endpoint_within(probe, HANG_MS)).await;
    }

    fn tls(&self) -> impl FnOnce(&mut HttpProbe) + use<> {
        let ca = self.ca.path().to_owned();
        move |probe| {
            probe.url.tls = true;
            probe.url.host = "localhost".to_owned();
            probe.ca_file = Some(ca);
        }
    }

    async fn presents(&mut self, identity: &Identity) {
        let address = serve_tls(identity, &[], hang).await;
        let tls = self.tls();
        self.plain(address, tls).await;
    }

    /// A server that answers the TLS greeting with these bytes.
    async fn greets(&mut self, answer: &'static [u8]) {
        let address = serve(move |mut stream| async move {
            let mut greeting = [0; 5];
            stream.read_exact(&mut greeting).await.unwrap();
            let _ = stream.write_all(answer).await;
            hang(stream).await;
        })
        .await;
        let tls = self.tls();
        self.plain(address, tls).await;
    }

    async fn before_the_answer(&mut self) {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = nobody.local_addr().unwrap();
        drop(nobody);
        self.plain(refused, |_| {}).await;
        // A label of 64 letters cannot be in the DNS.
        let name = format!("{}.example", "a".repeat(64));
        self.plain(refused, |probe| probe.url.host = name).await;
        let (finding, explanation) = std::thread::spawn(move || late_lookup(refused))
            .join()
            .unwrap();
        self.seen.push((verdict(&finding), finding, explanation));

        // A listener whose queue is full.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let full = listener.local_addr().unwrap();
        let patience = std::time::Duration::from_millis(50);
        while let Ok(connected) = tokio::time::timeout(patience, TcpStream::connect(full)).await {
            self.queue.push(connected.unwrap());
            assert!(self.queue.len() < 100, "the queue never fills");
        }
        self.hangs(full, |_| {}).await;
        drop(listener);

        let silent = serve(hang).await;
        let tls = self.tls();
        self.hangs(silent, tls).await;
        self.hangs(silent, |_| {}).await;
        // More than the buffers between us hold.
        let deaf = serve(|stream| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let large = |probe: &mut HttpProbe| {
            probe.method = "POST".to_owned();
            probe.body = Some("a".repeat(32 << 20));
        };
        self.hangs(deaf, large).await;
        let slams = serve(|mut stream| async move {
            let _ = stream.read_u8().await;
            stream.set_zero_linger().unwrap();
        })
        .await;
        self.plain(slams, large).await;
        let tls = self.tls();
        self.plain(slams, tls).await;
    }

    async fn certificates(&mut self) {
        let here: &[&str] = &["localhost"];
        for identity in [
            self.ours.issue(here, (2020, 2024)),
            self.ours.issue(here, (2030, 2040)),
            self.ours.issue(&["other.example"], (2020, 2040)),
            self_signed(here, false),
            Authority::new("Theirs").issue(here, (2020, 2040)),
        ] {
            self.presents(&identity).await;
        }
        // Alerts as RFC 8446 writes them: fatal, protocol_version; fatal, handshake_failure.
        self.greets(&[21, 3, 1, 0, 2, 2, 70]).await;
        self.greets(&[21, 3, 3, 0, 2, 2, 40]).await;
        self.greets(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let identity = self.ours.issue(here, (2020, 2040));
        let versions = tokio_rustls::rustls::ALL_VERSIONS;
        let wants = serve_tls_to(&identity, &[], Some(&self.ours), versions, hang).await;
        let tls = self.tls();
        self.plain(wants, tls).await;
        let other = Authority::new("Theirs").issue(here, (2020, 2040));
        let [file, key] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
        std::fs::write(file.path(), &other.pem).unwrap();
        std::fs::write(key.path(), other.key.serialize_pem()).unwrap();
        let tls = self.tls();
        let shown = ClientCertificate {
            file: file.path().to_owned(),
            key_file: key.path().to_owned(),
        };
        self.plain(wants, |probe| {
            tls(probe);
            probe.client_certificate = Some(shown);
        })
        .await;
    }

    async fn answers(&mut self) {
        let json = |body| response("200 OK", "", body);
        let stated = |probe: &mut HttpProbe| probe.json = ping_state();
        for (bytes, change) in [
            (response("503 Busy", "", ""), None),
            (json(r#"{"status":"maintenance"}"#), Some(())),
            (json(r#"{"status":"unknown"}"#), Some(())),
            (json(r#"{"status":"broken"}"#), Some(())),
            (response("429 Wait", "", ""), None),
            (b"SSH-2.0\r\n".to_vec(), None),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1".to_vec(),
                None,
            ),
        ] {
            let address = answers(bytes).await;
            self.plain(address, |probe| {
                if change.is_some() {
                    stated(probe);
                }
            })
            .await;
        }
        let half = serve(|mut stream| async move {
            read_request(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1";
            stream.write_all(head).await.unwrap();
            hang(stream).await;
        })
        .await;
        self.hangs(half, |_| {}).await;
        let pours = serve(|mut stream| async move {
            read_request(&mut stream).await;
            pour(&mut stream, b"HTTP/1.1 200 OK\r\n\r\naaaaaaaaaaaaaaaa").await;
        })
        .await;
        self.plain(pours, |_| {}).await;

        let following = |probe: &mut HttpProbe| probe.redirects_max = 2;
        let itself = answers(response("302 Found", "Location: /\r\n", "")).await;
        self.plain(itself, following).await;
        let (onwards, _requests) = converses(|request| {
            let target = request.split(' ').nth(1).unwrap();
            response("302 Found", &format!("Location: {target}a\r\n"), "")
        })
        .await;
        self.plain(onwards, following).await;
    }

    async fn ourselves(&mut self) {
        let place = SecretPlace::File(self.secret.path().to_owned());
        let no = answers(response("401 Unauthorized", "", "")).await;
        let bearer = Authentication::Bearer(place.clone());
        self.plain(no, |probe| probe.authentication = Some(bearer))
            .await;
        let credentials = ClientCredentials {
            token_url: get("127.0.0.1", no).url,
            client_id: "vigie".to_owned(),
            client_secret: place,
            scope: None,
            in_body: false,
            ca_file: None,
        };
        let oauth2 = Authentication::ClientCredentials(credentials);
        self.plain(no, |probe| probe.authentication = Some(oauth2))
            .await;
        for answer in ["HTTP/1.1 403 No\r\n\r\n", "SSH-2.0\r\n\r\n"] {
            let proxy = answers(answer).await;
            let mut probe = get("service.example", proxy);
            probe.url.tls = true;
            probe.ca_file = Some(self.ca.path().to_owned());
            probe.route.proxy = Some(Proxy {
                kind: ProxyKind::Http,
                host: proxy.ip().to_string(),
                port: proxy.port(),
                credentials: None,
            });
            self.look(endpoint(probe)).await;
        }
    }
}

#[tokio::test]
async fn every_fault_and_every_reason_to_say_nothing_comes_from_a_real_socket() {
    let ours = Authority::new("Ours");
    let (ca, secret) = (
        tempfile::NamedTempFile::new().unwrap(),
        tempfile::NamedTempFile::new().unwrap(),
    );
    std::fs::write(ca.path(), ours.pem()).unwrap();
    std::fs::write(secret.path(), "secret").unwrap();
    let mut zoo = Zoo {
        ca,
        ours,
        secret,
        queue: Vec::new(),
        seen: Vec::new(),
    };
    zoo.before_the_answer().await;
    zoo.certificates().await;
    zoo.answers().await;
    zoo.ourselves().await;

    let seen: BTreeSet<String> = zoo.seen.iter().map(|(code, ..)| code.clone()).collect();
    assert_eq!(seen, everything());
    for (code, finding, explanation) in &zoo.seen {
        assert!(!finding.trace.message.is_empty(), "{code} says nothing");
        let accounted_us =
            finding.trace.phases.total_us() + u64::from(explanation.evaluate_us.unwrap_or(0));
        let duration_us = u64::from(explanation.duration_us);
        assert!(
            accounted_us.abs_diff(duration_us) <= 1_000 + duration_us / 100,
            "{code}: {accounted_us} of {duration_us}: {explanation:?}"
        );
        // Stages are reached in their order, and none after the one that failed.
        let of_hops = explanation.hops.iter().map(|hop| hop.phases.total_us());
        assert_eq!(
            of_hops.sum::<u64>(),
            finding.trace.phases.total_us(),
            "{code}"
        );
    }
}

/// A probe whose lookup never begins: the only thread for it is taken.
fn late_lookup(address: SocketAddr) -> (Finding, Explanation) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, taken) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || taken.recv());
    let endpoint = endpoint_within(get("localhost", address), 50);
    let seen = runtime.block_on(prober().explain(&endpoint, at(), at()));
    drop(release);
    seen
}
