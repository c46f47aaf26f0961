//! The thread that a connection's protocol runs on, and how long it may be waited for.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::super::{DbError, Result};

/// The thread of a connection. Present until it is dropped, which must not wait: asynchronous
/// code may drop it.
#[derive(Debug)]
pub(super) struct Thread(Option<Runtime>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Thread {
    pub(super) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("database")
            .enable_all()
            .build()
            .map_err(|error| DbError::Unreachable(format!("start its thread: {error}")))?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(work);
        }
    }

    /// Does `work` and waits for it, but not for ever.
    pub(super) fn call<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (hand_over, done) = mpsc::sync_channel(1);
        self.spawn(async move {
            let done = tokio::time::timeout(deadline, work).await;
            let _ = hand_over.send(done.unwrap_or_else(|_| Err(too_late(deadline))));
        });
        done.recv().unwrap_or_else(|_| Err(gone()))
    }
}

pub(super) fn gone() -> DbError {
    DbError::Unreachable("the connection to the database is gone".to_owned())
}

pub(super) fn too_late(deadline: Duration) -> DbError {
    DbError::Unreachable(format!(
        "the database gave no answer in {} s",
        deadline.as_secs()
    ))
}
