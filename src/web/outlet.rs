//! An answer that is sent while it is written, so that it takes no room as a whole.

use std::io;

use http_body_util::channel::{Channel, Sender};
use hyper::body::Bytes;
use tokio::runtime::Handle;

/// As many parts wait to be sent; the writer waits when they are more.
const PARTS_MAX: usize = 4;

/// Where an answer is written, from a thread that may wait for a slow reader.
pub(super) struct Outlet {
    /// Absent once all is said.
    sender: Option<Sender<Bytes, io::Error>>,
    runtime: Handle,
}

/// What is written, as a body.
pub(super) type Outgoing = Channel<Bytes, io::Error>;

impl Outlet {
    /// An outlet, and the body that comes out of it. Within a runtime.
    pub(super) fn new() -> (Self, Outgoing) {
        let (sender, body) = Channel::new(PARTS_MAX);
        let outlet = Self {
            sender: Some(sender),
            runtime: Handle::current(),
        };
        (outlet, body)
    }

    /// All is said.
    pub(super) fn finish(mut self) {
        self.sender = None;
    }
}

impl io::Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = Bytes::copy_from_slice(bytes);
        let sender = self.sender.as_mut();
        let sent = sender.map(|sender| self.runtime.block_on(sender.send_data(part)));
        match sent {
            Some(Ok(())) => Ok(bytes.len()),
            // The reader has gone.
            Some(Err(_)) | None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was not finished must not look as if it were.
impl Drop for Outlet {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.abort(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
