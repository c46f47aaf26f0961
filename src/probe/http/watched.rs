//! When a request has left us: seen where its last byte is handed to the system.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What has become of a request so far. Clones are about the same one.
#[derive(Clone, Debug, Default)]
pub(in crate::probe) struct Marks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The protocol has taken all of it.
    taken: AtomicBool,
    /// It was handed to the system.
    written: OnceLock<Instant>,
}

impl Marks {
    /// When the request had left us, if it has.
    pub(in crate::probe) fn written(&self) -> Option<Instant> {
        self.0.written.get().copied()
    }

    fn flushed(&self) {
        if self.0.taken.load(Ordering::Acquire) {
            self.0.written.get_or_init(Instant::now);
        }
    }
}

/// The body of a request. Protocols let go of it once they have taken it over.
#[derive(Debug)]
pub(in crate::probe) struct Outgoing {
    body: Full<Bytes>,
    marks: Marks,
}

impl Outgoing {
    pub(super) fn new(body: Full<Bytes>, marks: Marks) -> Self {
        Self { body, marks }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.marks.0.taken.store(true, Ordering::Release);
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that notices when the request has left it.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    marks: Marks,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, marks: Marks) -> Self {
        Self { stream, marks }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.marks.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }
}
