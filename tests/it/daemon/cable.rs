//! The way to a port of this machine, which can be cut: nothing comes through any more, and
//! neither end is told.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Cable {
    pub(super) port: u16,
    cut: watch::Sender<bool>,
}

impl Cable {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (cut, is_cut) = watch::channel(false);
        let cable = Self {
            port: listener.local_addr().unwrap().port(),
            cut,
        };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, port, is_cut.clone()));
            }
        });
        cable
    }

    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Both ends of what was under way learn that it is over.
    pub(super) fn mend(&self) {
        self.cut.send_replace(false);
    }
}

async fn carry(mut near: TcpStream, port: u16, mut cut: watch::Receiver<bool>) {
    let mut far = None;
    if !*cut.borrow_and_update()
        && let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await
    {
        tokio::select! {
            _ = copy_bidirectional(&mut near, far.insert(stream)) => return,
            _ = cut.wait_for(|cut| *cut) => {}
        }
    }
    // Both ends stay open, and nobody reads them.
    let _ = cut.wait_for(|cut| !*cut).await;
    drop(far);
}
