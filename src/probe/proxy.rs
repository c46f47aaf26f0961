//! Through a proxy to the endpoint. What the proxy does wrong is ours, not the service's.

use std::io;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::dial::Dialer;
use super::trail::Trail;
use super::{Ending, ProbeSetupError, Verdict, quoted, read_secret};
use crate::sla::catalog::{Family, Proxy, ProxyKind, Value};
use crate::sla::observation::{Fault, Void};

/// The most bytes of a proxy's answer to `CONNECT`.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// User and password.
pub(super) struct Credentials {
    user: String,
    password: SecretString,
}

/// Reads what the proxy wants to know from its place.
pub(super) fn credentials(proxy: &Proxy) -> Result<Option<Credentials>, ProbeSetupError> {
    let Some((user, password)) = &proxy.credentials else {
        return Ok(None);
    };
    let password = match password {
        Value::Plain(text) => text.clone().into(),
        Value::Secret(place) => read_secret("proxy", "the proxy", place)?,
    };
    Ok(Some(Credentials {
        user: user.clone(),
        password,
    }))
}

impl Credentials {
    /// As `Proxy-Authorization` carries them.
    pub(super) fn basic(&self) -> String {
        let pair = format!("{}:{}", self.user, self.password.expose_secret());
        format!("Basic {}", STANDARD.encode(pair))
    }

    pub(super) fn password(&self) -> &SecretString {
        &self.password
    }
}

/// Opens a connection to the proxy itself.
pub(super) async fn open(
    dialer: &Dialer,
    proxy: &Proxy,
    family: Family,
    trail: &mut Trail,
) -> Result<TcpStream, Ending> {
    trail.before_proxy = true;
    let opened = dialer.open(&proxy.host, proxy.port, family, trail).await;
    trail.before_proxy = false;
    opened.map_err(|ending| match ending.verdict {
        Verdict::Failed(_) => Ending::void(Void::Uplink, format!("our proxy: {}", ending.message)),
        Verdict::Good | Verdict::Void(_) => ending,
    })
}

/// Has the proxy connect to `host`. The connecting stage goes on meanwhile.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    proxy: &Proxy,
    credentials: Option<&Credentials>,
    host: &str,
    port: u16,
) -> Result<(), Ending> {
    match proxy.kind {
        ProxyKind::Http => connect(stream, credentials, host, port).await,
        ProxyKind::Socks5 => socks5(stream, credentials, host, port).await,
    }
}

/// `CONNECT` of RFC 9110.
async fn connect(
    stream: &mut TcpStream,
    credentials: Option<&Credentials>,
    host: &str,
    port: u16,
) -> Result<(), Ending> {
    let target = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = credentials {
        request.push_str(&format!("Proxy-Authorization: {}\r\n", credentials.basic()));
    }
    request.push_str("\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|error| broken(&error))?;

    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > HEAD_BYTES_MAX
            || stream
                .read_buf(&mut head)
                .await
                .map_err(|error| broken(&error))?
                == 0
        {
            return Err(nonsense());
        }
    }
    let nothing_follows = head.ends_with(b"\r\n\r\n");
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split_ascii_whitespace();
    let status = match (words.next(), words.next()) {
        (Some("HTTP/1.0" | "HTTP/1.1"), Some(status)) => status.parse::<u16>().ok(),
        _ => None,
    };
    match status {
        Some(200..=299) if nothing_follows => Ok(()),
        // Nobody may speak before us through the tunnel: what follows the head would be lost.
        Some(200..=299) => Err(nonsense()),
        // What proxies say when the other side does not answer them; tinyproxy says 500.
        Some(status @ (500 | 502..=504)) => Err(Ending::failed(
            Fault::Connect,
            format!(
                "our proxy could not connect to {}: status {status}",
                quoted(&target)
            ),
        )),
        Some(status) => Err(refused(&target, &format!("status {status}"))),
        None => Err(nonsense()),
    }
}

/// `CONNECT` of RFC 1928, with the password of RFC 1929.
async fn socks5(
    stream: &mut TcpStream,
    credentials: Option<&Credentials>,
    host: &str,
    port: u16,
) -> Result<(), Ending> {
    const VERSION: u8 = 5;
    const NO_PASSWORD: u8 = 0;
    const PASSWORD: u8 = 2;
    let target = format!("{host}:{port}");
    let offer: &[u8] = match credentials {
        None => &[VERSION, 1, NO_PASSWORD],
        Some(_) => &[VERSION, 2, NO_PASSWORD, PASSWORD],
    };
    let [version, method] = exchange(stream, offer).await?;
    match (version, method, credentials) {
        (VERSION, NO_PASSWORD, _) => {}
        (VERSION, PASSWORD, Some(credentials)) => {
            let mut pair = vec![1];
            for text in [&*credentials.user, credentials.password.expose_secret()] {
                push_text(&mut pair, text, &target)?;
            }
            let [_, status] = exchange(stream, &pair).await?;
            if status != 0 {
                return Err(refused(&target, "wrong user or password"));
            }
        }
        (VERSION, _, _) => return Err(refused(&target, "it wants another authentication")),
        _ => return Err(nonsense()),
    }

    let mut request = vec![VERSION, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_a_name) => {
            request.push(3);
            push_text(&mut request, host, &target)?;
        }
    }
    request.extend(port.to_be_bytes());
    let [version, reply, _, kind] = exchange(stream, &request).await?;
    if version != VERSION {
        return Err(nonsense());
    }
    let why = match reply {
        0 => {
            // The address that the proxy connects from, and its port: of no use to us.
            let length = match kind {
                1 => 4,
                4 => 16,
                3 => {
                    let [length] = exchange(stream, &[]).await?;
                    length
                }
                _ => return Err(nonsense()),
            };
            let mut ignored = vec![0; usize::from(length) + 2];
            stream
                .read_exact(&mut ignored)
                .await
                .map_err(|error| broken(&error))?;
            return Ok(());
        }
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "no answer in time",
        2 => return Err(refused(&target, "its rules do not allow it")),
        _ => return Err(refused(&target, &format!("reply {reply}"))),
    };
    Err(Ending::failed(
        Fault::Connect,
        format!("our proxy could not connect to {}: {why}", quoted(&target)),
    ))
}

/// Sends `bytes` and reads `N` bytes of answer.
async fn exchange<const N: usize>(stream: &mut TcpStream, bytes: &[u8]) -> Result<[u8; N], Ending> {
    let mut answer = [0; N];
    let exchanged = async {
        stream.write_all(bytes).await?;
        stream.read_exact(&mut answer).await
    };
    exchanged.await.map_err(|error| broken(&error))?;
    Ok(answer)
}

/// A text with its length before it.
fn push_text(bytes: &mut Vec<u8>, text: &str, target: &str) -> Result<(), Ending> {
    let length = u8::try_from(text.len())
        .map_err(|_too_long| refused(target, "a name longer than 255 bytes cannot be told"))?;
    bytes.push(length);
    bytes.extend(text.as_bytes());
    Ok(())
}

/// The proxy does not want to: we could not ask.
fn refused(target: &str, why: &str) -> Ending {
    let message = format!("our proxy refuses to connect to {}: {why}", quoted(target));
    Ending::void(Void::NotExecuted, message)
}

fn broken(error: &io::Error) -> Ending {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "our proxy closed the connection".to_owned(),
        _ => format!("the connection to our proxy broke: {error}"),
    };
    Ending::void(Void::Uplink, message)
}

fn nonsense() -> Ending {
    Ending::void(Void::Uplink, "our proxy does not speak its protocol")
}
