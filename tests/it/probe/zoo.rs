//! The servers: each one an accept loop on loopback with one habit.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::server::TlsStream;

/// A server that treats each connection with `habit`.
pub(super) async fn serve<F>(habit: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(habit(stream));
        }
    });
    address
}

/// Reads the head of a request, and as much of its body as it announces.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; announced];
    stream.read_exact(&mut body).await.unwrap();
    request.extend(body);
    String::from_utf8(request).unwrap()
}

/// A server that answers each request with these bytes and closes.
pub(super) async fn answers(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<[u8]> = bytes.into().into();
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            read_request(&mut stream).await;
            // The probe may well hang up before it has heard everything.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_u8().await;
        }
    })
    .await
}

/// A server that answers each request as `answer` says, given the request, and closes. The second
/// part hands on the requests.
pub(super) async fn converses(
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (heard, requests) = mpsc::unbounded_channel();
    let answer = Arc::new(answer);
    let address = serve(move |mut stream| {
        let (heard, answer) = (heard.clone(), answer.clone());
        async move {
            let request = read_request(&mut stream).await;
            let _ = stream.write_all(&answer(&request)).await;
            // A test may have heard enough.
            let _ = heard.send(request);
        }
    })
    .await;
    (address, requests)
}

/// A whole answer with a content length.
pub(super) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Writes `piece` again and again, until the other side has had enough.
pub(super) async fn pour(stream: &mut (impl AsyncWrite + Unpin), piece: &[u8]) {
    while stream.write_all(piece).await.is_ok() {}
}

/// Says nothing more, and notices when the other side leaves.
pub(super) async fn hang(mut stream: impl AsyncRead + Unpin) {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.is_ok_and(|n| n > 0) {}
}

/// How many connections a server has seen, and how many are still open.
#[derive(Clone)]
pub(super) struct Guestbook {
    pub(super) seen: Arc<AtomicUsize>,
    open: watch::Sender<usize>,
}

impl Guestbook {
    pub(super) fn new() -> Self {
        Self {
            seen: Arc::default(),
            open: watch::Sender::new(0),
        }
    }

    /// A visit that lasts as long as the returned value.
    pub(super) fn enter(&self) -> impl Drop + Send + 'static + use<> {
        struct Visit(watch::Sender<usize>);
        impl Drop for Visit {
            fn drop(&mut self) {
                self.0.send_modify(|open| *open -= 1);
            }
        }
        self.seen.fetch_add(1, Ordering::SeqCst);
        self.open.send_modify(|open| *open += 1);
        Visit(self.open.clone())
    }

    /// Waits until a visitor is there.
    pub(super) async fn one_there(&self) {
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open > 0).await.unwrap();
    }

    /// Waits until every visitor has left.
    pub(super) async fn all_gone(&self) {
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open == 0).await.unwrap();
    }
}

/// A private authority, valid from 2020 to 2040.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, and its chain as a server presents it.
pub(crate) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(crate) pem: String,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(&[], (2020, 2040));
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn key_pem(&self) -> String {
        self.0.key().serialize_pem()
    }

    /// A certificate for `names`, valid from the first of `years` to the first of the other.
    pub(crate) fn issue(&self, names: &[&str], years: (i32, i32)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names, years).signed_by(&key, &self.0).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            pem: certificate.pem(),
            key,
        }
    }
}

/// A certificate that signed itself; as `openssl req -x509` does, it may claim to be an authority.
pub(super) fn self_signed(names: &[&str], claims_authority: bool) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = params(names, (2020, 2040));
    if claims_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        pem: certificate.pem(),
        key,
    }
}

fn params(names: &[&str], (from, to): (i32, i32)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::OrganizationName, "Vigie tests");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}

/// A TLS server with this identity, which offers these protocols.
pub(super) async fn serve_tls<F>(
    identity: &Identity,
    protocols: &[&str],
    habit: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    serve_tls_to(identity, protocols, None, ALL_VERSIONS, habit).await
}

/// The same, which wants certificates of `clients` where some are named.
pub(super) async fn serve_tls_to<F>(
    identity: &Identity,
    protocols: &[&str],
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
    habit: impl Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = acceptor(identity, protocols, clients, versions);
    serve(move |stream| {
        let acceptor = acceptor.clone();
        let habit = habit.clone();
        async move {
            // A probe that refuses the certificate ends the handshake.
            if let Ok(stream) = acceptor.accept(stream).await {
                habit(stream).await;
            }
        }
    })
    .await
}

/// The server's side of a handshake.
pub(super) fn acceptor(
    identity: &Identity,
    protocols: &[&str],
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsAcceptor {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let verifier = match clients {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.0.der().clone()).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap()
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain.clone(), key)
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    TlsAcceptor::from(Arc::new(config))
}
