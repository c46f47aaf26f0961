//! The accept loop: bounded, and patient with errors of the machine but not with slow readers.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::intake::{Gate, Intake, names};
use super::{Body, Pages};

/// Connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 256;
/// A request's head must be there after this time; also the longest rest between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// A handshake must be over after this time.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// After this time a connection ends with the answer under way.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// How long an answer under way may take once its connection is to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// The wait after `accept` failed, for example because no file handle is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// The most bytes of a request's head, and of what is buffered of it.
const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// Serves `pages` on `listener` until `shutdown` is ready; then ends each connection after the
/// answer under way, and returns after ten seconds at most. Where a proxy brings parcels there,
/// they go to the `intake`.
pub async fn serve(
    listener: TcpListener,
    pages: Pages,
    intake: Option<Intake>,
    shutdown: impl Future<Output = ()>,
) {
    let host = Host::Pages(pages, intake);
    accept(listener, shutdown, move |stream, stopped| {
        converse(stream, host.clone(), stopped)
    })
    .await;
}

/// Serves `intake` behind `gate` on `listener` until `shutdown` is ready, and ends as [`serve`].
pub async fn serve_intake(
    listener: TcpListener,
    intake: Intake,
    gate: Gate,
    shutdown: impl Future<Output = ()>,
) {
    let gate = Arc::new(gate);
    accept(listener, shutdown, move |stream, stopped| {
        let (intake, gate) = (intake.clone(), Arc::clone(&gate));
        async move {
            let handshake = gate.acceptor().accept(stream);
            // Whoever cannot agree with us on TLS learns it from TLS.
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await else {
                return;
            };
            let (_, session) = stream.get_ref();
            let shown = session.peer_certificates().and_then(<[_]>::first);
            let names = shown.map(names).unwrap_or_default();
            converse(stream, Host::Intake(intake, names.into()), stopped).await;
        }
    })
    .await;
}

/// Who answers.
#[derive(Clone)]
enum Host {
    /// The pages, and the intake where a proxy brings parcels.
    Pages(Pages, Option<Intake>),
    /// The intake, for one who showed a certificate with these names.
    Intake(Intake, Arc<[String]>),
}

impl Host {
    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        match self {
            Self::Pages(_, Some(intake)) if Intake::is_for(&request) => {
                intake.answer(request, &[]).await.map(Either::Left)
            }
            Self::Pages(pages, _) => pages.answer(request).await,
            Self::Intake(intake, names) => intake.answer(request, &names).await.map(Either::Left),
        }
    }
}

async fn accept<F>(
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    converse: impl Fn(TcpStream, watch::Receiver<()>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let conversation = converse(stream, stopped.clone());
                connections.spawn(async move {
                    conversation.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the pages could not be accepted");
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    drop(stop);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIME_MAX, drained).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "connections to the pages were cut at shutdown"
        );
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    host: Host,
    mut stopped: watch::Receiver<()>,
) {
    let service = service_fn(|request| {
        let host = host.clone();
        async move { Ok::<_, Infallible>(host.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // How a conversation with a reader ends is the reader's business: nothing is logged.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = tokio::time::sleep(CONNECTION_TIME_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, connection).await;
}
