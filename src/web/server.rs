//! The accept loop: bounded, and patient with errors of the machine but not with slow readers.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::Pages;

/// Connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 256;
/// A request's head must be there after this time; also the longest rest between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// After this time a connection ends with the answer under way.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// How long an answer under way may take once its connection is to end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// The wait after `accept` failed, for example because no file handle is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// The most bytes of a request's head, and of what is buffered of it.
const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// Serves `pages` on `listener` until `shutdown` is ready; then ends each connection after the
/// answer under way, and returns after ten seconds at most.
pub async fn serve(listener: TcpListener, pages: Pages, shutdown: impl Future<Output = ()>) {
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
                let (pages, stopped) = (pages.clone(), stopped.clone());
                connections.spawn(async move {
                    converse(stream, pages, stopped).await;
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

async fn converse(stream: TcpStream, pages: Pages, mut stopped: watch::Receiver<()>) {
    let service = service_fn(|request| {
        let pages = pages.clone();
        async move { Ok::<_, Infallible>(pages.answer(request).await) }
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
