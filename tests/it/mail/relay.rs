//! A mail relay of our own, on loopback, that misbehaves on demand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// What the relay does with the next mail (or, for those that say so, the next connection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    Accept,
    /// Says this in place of its greeting.
    Greet(&'static str),
    /// Takes the connection and says nothing.
    SilentFromTheStart,
    /// Says this to the login.
    Login(&'static str),
    /// Says this to the sender's address.
    Sender(&'static str),
    /// Says this to the recipient's address.
    Recipient(&'static str),
    /// Closes the connection at the recipient's address.
    HangUpAtRecipient,
    /// Says this in place of "go ahead".
    Data(&'static str),
    /// Closes the connection after some of the message.
    HangUpInMessage,
    /// Takes the whole message and says this.
    Message(&'static str),
    /// Takes the whole message, does not keep it and says nothing.
    SilentAfterMessage,
    /// Takes the whole message, keeps it and hangs up without a word.
    KeepAndHangUp,
    /// Takes the mail, then closes the connection politely.
    AcceptAndLeave,
}

/// A message that the relay has taken over.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) message: String,
    /// Whether it came over TLS.
    pub(crate) encrypted: bool,
    /// Who sent it, if they logged in.
    pub(crate) user: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cover {
    None,
    Tls,
    StartTls,
}

#[derive(Default)]
struct Shared {
    tricks: VecDeque<Trick>,
    /// How many more steps are taken before everything stands still; absent: no end.
    steps_left: Option<usize>,
    taken: Vec<Taken>,
    n_connections: usize,
}

pub(crate) struct Relay {
    pub(crate) port: u16,
    /// Whom to trust, in PEM.
    pub(crate) ca_pem: Vec<u8>,
    shared: Arc<Mutex<Shared>>,
    /// Told when everything stands still.
    held: Arc<Notify>,
}

impl Relay {
    /// A relay that does `tricks` one after the other and then accepts everything.
    pub(crate) async fn start(cover: Cover, tricks: &[Trick]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared {
            tricks: tricks.iter().copied().collect(),
            ..Shared::default()
        }));
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der())),
        )
        .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let held = Arc::new(Notify::new());
        let (ours, ours_held) = (Arc::clone(&shared), Arc::clone(&held));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                ours.lock().unwrap().n_connections += 1;
                let (acceptor, ours) = (acceptor.clone(), Arc::clone(&ours));
                let held = Arc::clone(&ours_held);
                tokio::spawn(async move { serve(stream, cover, acceptor, ours, held).await });
            }
        });
        Self {
            port,
            ca_pem: cert.pem().into_bytes(),
            shared,
            held,
        }
    }

    /// Stands still, for good, at a step of the connections from now on: 0 is the greeting; then
    /// come EHLO and, for each message, MAIL, RCPT, DATA, its content (not kept yet) and the last
    /// word on it (kept, not said). Returns when it does.
    pub(crate) fn hold_at(&self, step: usize) -> impl Future<Output = ()> + use<> {
        self.shared.lock().unwrap().steps_left = Some(step);
        let held = Arc::clone(&self.held);
        async move { held.notified().await }
    }

    /// What it has taken over so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.shared.lock().unwrap().taken.clone()
    }

    pub(crate) fn n_connections(&self) -> usize {
        self.shared.lock().unwrap().n_connections
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Serves one connection; an I/O error ends it.
async fn serve(
    stream: TcpStream,
    cover: Cover,
    acceptor: TlsAcceptor,
    shared: Arc<Mutex<Shared>>,
    held: Arc<Notify>,
) -> Option<()> {
    let step = async || {
        let hold = match &mut shared.lock().unwrap().steps_left {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        };
        if hold {
            held.notify_one();
            std::future::pending::<()>().await;
        }
    };
    step().await;
    let next = shared.lock().unwrap().tricks.front().copied();
    let greeting = match next {
        Some(Trick::SilentFromTheStart) => {
            shared.lock().unwrap().tricks.pop_front();
            std::future::pending::<()>().await;
            return None;
        }
        Some(Trick::Greet(words)) => {
            shared.lock().unwrap().tricks.pop_front();
            words
        }
        _ => "220 relay.example ESMTP",
    };
    let mut encrypted = false;
    let mut stream: BufReader<Box<dyn Stream>> = BufReader::new(match cover {
        Cover::Tls => {
            encrypted = true;
            Box::new(acceptor.accept(stream).await.ok()?)
        }
        Cover::None | Cover::StartTls => Box::new(stream),
    });
    say(&mut stream, greeting).await?;

    let mut user = None;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let line = hear(&mut stream).await?;
        if line.starts_with("QUIT") {
            say(&mut stream, "221 bye").await?;
            return None;
        }
        step().await;
        let trick = shared.lock().unwrap().tricks.front().copied();
        let use_up = || {
            shared.lock().unwrap().tricks.pop_front();
        };
        let verb = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match (verb.as_str(), trick) {
            ("EHLO", _) => {
                if cover == Cover::StartTls && !encrypted {
                    say(&mut stream, "250-relay.example\r\n250 STARTTLS").await?;
                } else {
                    say(&mut stream, "250-relay.example\r\n250 AUTH PLAIN LOGIN").await?;
                }
            }
            ("STARTTLS", _) => {
                say(&mut stream, "220 go ahead").await?;
                encrypted = true;
                let inner = acceptor.accept(stream.into_inner()).await.ok()?;
                stream = BufReader::new(Box::new(inner));
            }
            ("AUTH", Some(Trick::Login(words))) => {
                use_up();
                // As rude as relays are: quotes the command.
                say(&mut stream, &format!("{words} {line}")).await?;
            }
            ("AUTH", _) => {
                let secret = line.rsplit(' ').next().unwrap_or_default();
                let secret = base64::engine::general_purpose::STANDARD
                    .decode(secret)
                    .ok()?;
                let parts: Vec<String> = secret
                    .split(|byte| *byte == 0)
                    .map(|part| String::from_utf8_lossy(part).into_owned())
                    .collect();
                if parts.get(2).map(String::as_str) == Some(super::PASSWORD) {
                    user = parts.get(1).cloned();
                    say(&mut stream, "235 welcome").await?;
                } else {
                    say(&mut stream, "535 5.7.8 wrong password").await?;
                }
            }
            ("MAIL", Some(Trick::Sender(words))) => {
                use_up();
                say(&mut stream, words).await?;
            }
            ("MAIL", _) => {
                from = address(&line);
                to.clear();
                say(&mut stream, "250 ok").await?;
            }
            ("RCPT", Some(Trick::Recipient(words))) => {
                use_up();
                say(&mut stream, words).await?;
            }
            ("RCPT", Some(Trick::HangUpAtRecipient)) => {
                use_up();
                return None;
            }
            ("RCPT", _) => {
                to.push(address(&line));
                say(&mut stream, "250 ok").await?;
            }
            ("DATA", Some(Trick::Data(words))) => {
                use_up();
                say(&mut stream, words).await?;
            }
            ("DATA", trick) => {
                say(&mut stream, "354 go ahead").await?;
                if trick == Some(Trick::HangUpInMessage) {
                    use_up();
                    hear(&mut stream).await?;
                    return None;
                }
                let message = hear_message(&mut stream).await?;
                step().await;
                let taken = Taken {
                    from: from.clone(),
                    to: to.clone(),
                    message,
                    encrypted,
                    user: user.clone(),
                };
                use_up();
                match trick {
                    Some(Trick::Message(words)) => say(&mut stream, words).await?,
                    Some(Trick::SilentAfterMessage) => std::future::pending::<()>().await,
                    Some(Trick::KeepAndHangUp) => {
                        shared.lock().unwrap().taken.push(taken);
                        return None;
                    }
                    trick => {
                        shared.lock().unwrap().taken.push(taken);
                        step().await;
                        say(&mut stream, "250 2.0.0 queued as 4711").await?;
                        if trick == Some(Trick::AcceptAndLeave) {
                            return None;
                        }
                    }
                }
            }
            ("RSET" | "NOOP", _) => say(&mut stream, "250 ok").await?,
            _ => say(&mut stream, "500 what?").await?,
        }
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), words: &str) -> Option<()> {
    stream
        .write_all(format!("{words}\r\n").as_bytes())
        .await
        .ok()?;
    stream.flush().await.ok()
}

async fn hear(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = String::new();
    let n_bytes = stream.read_line(&mut line).await.ok()?;
    (n_bytes > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Up to the lone dot, which is left away as are the dots that protect dots.
async fn hear_message(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut message = String::new();
    loop {
        let line = hear(stream).await?;
        if line == "." {
            return Some(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
        message.push_str("\r\n");
    }
}

fn address(line: &str) -> String {
    let inside = line.split_once('<').map_or("", |(_, rest)| rest);
    inside
        .split_once('>')
        .map_or("", |(address, _)| address)
        .to_owned()
}
