//! What asking alone costs: the same requests, sent by a bare loop over the same libraries.
//!
//! ```text
//! cargo bench --bench bare -- URL RATE SECONDS [CA_FILE]
//! ```
//!
//! One thread opens a new connection `RATE` times a second, evenly spread, asks once, reads the
//! answer and closes: over TLS with HTTP/2, as a probe does where it can. It keeps nothing and
//! measures nothing but its own processor time, so what a monitor costs beyond it is what the
//! monitor does. `benches/probes/run` shows it beside the others.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot be taken says so by ending"
)]

mod cost;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Collected, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use cost::{cpu_s, proc};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let [url, rate, seconds, ca_file @ ..] = args.as_slice() else {
        println!("say whom to ask: the head of benches/bare.rs tells");
        return;
    };
    let url: Uri = url.parse().unwrap();
    let tls = ca_file.first().map(|path| {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(path).unwrap();
        roots.add(authority).unwrap();
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A probe shows what a newcomer would see: it takes up no session again.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    });
    let (rate, seconds): (u32, u32) = (rate.parse().unwrap(), seconds.parse().unwrap());
    let n_probes = rate * seconds;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (cpu, began) = (cpu_s(), Instant::now());
    runtime.block_on(async {
        let mut under_way = JoinSet::new();
        for n in 0..n_probes {
            let due = began + Duration::from_secs(1) * n / rate;
            tokio::time::sleep_until(due.into()).await;
            under_way.spawn(ask(url.clone(), tls.clone()));
            while let Some(ended) = under_way.try_join_next() {
                ended.unwrap();
            }
        }
        under_way.join_all().await;
    });
    let us = (cpu_s() - cpu) * 1e6 / f64::from(n_probes);
    let per_second = f64::from(n_probes) / began.elapsed().as_secs_f64();
    let rss_kib = proc("/proc/self/status", "VmRSS:");
    println!(
        "{n_probes} probes, {per_second:.0} a second, {us:.0} us of processor time each, {rss_kib} KiB"
    );
}

async fn ask(url: Uri, tls: Option<TlsConnector>) {
    let (host, port) = (url.host().unwrap(), url.port_u16().unwrap());
    let stream = TcpStream::connect((host, port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    match tls {
        None => {
            let stream = TokioIo::new(stream);
            let (mut sender, connection) = http1::handshake(stream).await.unwrap();
            let connection = tokio::spawn(connection);
            let request = Request::get(url.path()).header("Host", format!("{host}:{port}"));
            read(
                sender
                    .send_request(request.body(Empty::<Bytes>::new()).unwrap())
                    .await,
            )
            .await;
            connection.abort();
        }
        Some(tls) => {
            let name = ServerName::try_from(host.to_owned()).unwrap();
            let stream = TokioIo::new(tls.connect(name, stream).await.unwrap());
            let executor = TokioExecutor::new();
            let (mut sender, connection) = http2::handshake(executor, stream).await.unwrap();
            let connection = tokio::spawn(connection);
            let request = Request::get(url);
            read(
                sender
                    .send_request(request.body(Empty::<Bytes>::new()).unwrap())
                    .await,
            )
            .await;
            connection.abort();
        }
    }
}

async fn read(answer: hyper::Result<Response<Incoming>>) {
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    let _: Collected<Bytes> = answer.into_body().collect().await.unwrap();
}
