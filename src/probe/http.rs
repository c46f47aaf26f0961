//! One HTTP or HTTPS request over a connection of its own.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, USER_AGENT,
};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout_at;

use super::judge::{self, Answer};
use super::tls::{self, Authorities, Trust};
use super::trail::Trail;
use super::{Ending, ProbeSetupError, dial, read_secret};
use crate::sla::catalog::{HttpProbe, Value};
use crate::sla::observation::{Fault, Stage, Void};
use crate::sla::window::Timestamp;

/// The most bytes that the head of an answer may take.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How much we read of the body of an answer with an unexpected status: enough for an error code.
const UNEXPECTED_BODY_BYTES_MAX: usize = 16 * 1024;

/// A request ready to be sent.
pub(super) struct Prepared {
    method: Method,
    path: PathAndQuery,
    /// What goes into `Host` or `:authority`.
    authority: Authority,
    headers: HeaderMap,
    body: Bytes,
    /// Present for `https`.
    tls: Option<(ServerName<'static>, Arc<Authorities>)>,
    /// What no message may show.
    secrets: Vec<SecretString>,
}

/// Reads what the request needs from this machine.
pub(super) fn prepare(trust: &Trust, probe: &HttpProbe) -> Result<Prepared, ProbeSetupError> {
    let unfit = |part: String| ProbeSetupError::Request {
        url: origin(probe),
        part,
    };
    let mut secrets = Vec::new();
    let mut headers = HeaderMap::new();
    let mut host = None;
    for (name, value) in &probe.headers {
        let key = HeaderName::try_from(name.as_str())
            .map_err(|_unfit| unfit(format!("the header name `{name}`")))?;
        let value = match value {
            Value::Plain(text) => HeaderValue::try_from(text.as_str()),
            Value::Secret(place) => {
                let secret = read_secret(name, place)?;
                let value = HeaderValue::try_from(secret.expose_secret()).map(|mut value| {
                    value.set_sensitive(true);
                    value
                });
                secrets.push(secret);
                value
            }
        };
        let value = value.map_err(|_unfit| unfit(format!("the value of the header `{name}`")))?;
        if key == HOST {
            host = Some(value);
        } else {
            headers.append(key, value);
        }
    }
    let authority = match host {
        Some(host) => Authority::try_from(host.as_bytes())
            .map_err(|_unfit| unfit("the value of the header `Host`".to_owned()))?,
        None => {
            Authority::try_from(authority(probe)).map_err(|_unfit| unfit("the host".to_owned()))?
        }
    };
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!(
            "vigie/",
            env!("CARGO_PKG_VERSION")
        )));
    headers
        .entry(ACCEPT_ENCODING)
        .or_insert(HeaderValue::from_static("gzip, deflate"));
    let tls = if probe.url.tls {
        let name = ServerName::try_from(probe.url.host.clone())
            .map_err(|_unfit| unfit("the host".to_owned()))?;
        let authorities = trust.authorities(probe.ca_file.as_deref(), &origin(probe))?;
        Some((name, authorities))
    } else {
        None
    };
    Ok(Prepared {
        method: Method::from_bytes(probe.method.as_bytes())
            .map_err(|_unfit| unfit(format!("the method `{}`", probe.method)))?,
        path: PathAndQuery::try_from(probe.url.path.as_str())
            .map_err(|_unfit| unfit("the path".to_owned()))?,
        authority,
        headers,
        body: probe.body.clone().unwrap_or_default().into(),
        tls,
        secrets,
    })
}

/// Asks once. Everything that happens is in the ending and on the trail.
pub(super) async fn ask(
    trust: &Trust,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Ending {
    let prepared = match prepare(trust, probe) {
        Ok(prepared) => prepared,
        Err(error) => return Ending::void(Void::NotExecuted, format!("could not {error}")),
    };
    let deadline = trail.deadline();
    let exchanged = timeout_at(deadline, exchange(&prepared, probe, at, trail)).await;
    trail.end();

    let mut ending = match exchanged {
        Ok(Ok(answer)) => {
            let (ending, cause) = judge::answer(probe, answer);
            trail.trace.cause = cause;
            ending
        }
        Ok(Err(ending)) => without_body(probe, trail).unwrap_or(ending),
        Err(_elapsed) => without_body(probe, trail).unwrap_or_else(|| timed_out(probe, trail)),
    };
    for secret in &prepared.secrets {
        let secret = secret.expose_secret();
        if !secret.is_empty() && ending.message.contains(secret) {
            ending.message = ending.message.replace(secret, "***");
        }
    }
    ending
}

/// An unexpected status says more than what went wrong with the body after it.
fn without_body(probe: &HttpProbe, trail: &Trail) -> Option<Ending> {
    let status = trail.trace.status?;
    (!judge::is_expected(probe, status)).then(|| judge::unexpected_status(probe, status, None))
}

/// Connects, asks, and reads the answer to its end.
async fn exchange(
    prepared: &Prepared,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    let stream = dial::open(&probe.url.host, probe.url.port, trail).await?;
    let address = stream.peer_addr().map_err(|error| {
        Ending::failed(Fault::Connect, format!("the connection broke: {error}"))
    })?;
    let Some((name, authorities)) = &prepared.tls else {
        return over_http1(stream, address, prepared, probe, at, trail).await;
    };
    trail.enter(Stage::Tls);
    let (stream, not_after) =
        tls::handshake(stream, address, name.clone(), authorities.clone(), at).await;
    trail.trace.certificate_not_after = not_after;
    let stream = stream?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        over_http2(stream, address, prepared, probe, at, trail).await
    } else {
        over_http1(stream, address, prepared, probe, at, trail).await
    }
}

async fn over_http1(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: SocketAddr,
    prepared: &Prepared,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    trail.enter(Stage::Processing);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error, address, trail))?;
    let mut request = prepared.request(Uri::from(prepared.path.clone()));
    let headers = request.headers_mut();
    headers.insert(HOST, host_value(&prepared.authority)?);
    // We never ask twice on a connection: the server may close it at once.
    headers
        .entry(CONNECTION)
        .or_insert(HeaderValue::from_static("close"));
    let exchange = async {
        let response = sender.send_request(request).await;
        receive(response, address, probe, at, trail).await
    };
    drive(connection, exchange).await
}

async fn over_http2(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: SocketAddr,
    prepared: &Prepared,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    trail.enter(Stage::Processing);
    let tasks = AbortOnDrop(Tasks::default());
    let (mut sender, connection) = http2::Builder::new(tasks.0.clone())
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error, address, trail))?;
    let mut uri = hyper::http::uri::Parts::default();
    uri.scheme = Some(Scheme::HTTPS);
    uri.authority = Some(prepared.authority.clone());
    uri.path_and_query = Some(prepared.path.clone());
    let uri = Uri::from_parts(uri).map_err(|error| {
        Ending::void(
            Void::NotExecuted,
            format!("could not write the address: {error}"),
        )
    })?;
    let mut request = prepared.request(uri);
    *request.version_mut() = Version::HTTP_2;
    let exchange = async {
        let response = sender.send_request(request).await;
        receive(response, address, probe, at, trail).await
    };
    drive(connection, exchange).await
}

impl Prepared {
    fn request(&self, uri: Uri) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Runs the connection for as long as the exchange on it needs it, in the same task: when this
/// future is dropped, the socket is closed.
async fn drive<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let mut exchange = pin!(exchange);
    tokio::select! {
        biased;
        done = &mut exchange => return done,
        // What ended the connection reaches the exchange through its own channel.
        _ended = connection => {}
    }
    exchange.await
}

/// Reads the answer, as much of it as is allowed.
async fn receive(
    response: hyper::Result<Response<Incoming>>,
    address: SocketAddr,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    let response = response.map_err(|error| broken(&error, address, trail))?;
    trail.enter(Stage::Transfer);
    let status = response.status().as_u16();
    trail.trace.status = Some(status);
    if let 429 | 503 = status {
        trail.trace.retry_after_ms = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| judge::retry_after_ms(text, at));
    }
    let expected = judge::is_expected(probe, status);
    let content_encoding = response
        .headers()
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    // A body that nobody will look at is counted, not kept.
    let keep = !expected
        || !content_encoding.is_empty()
        || !probe.body_contains.is_empty()
        || probe.json.is_some();

    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| broken(&error, address, trail))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        trail.body_bytes += data.len();
        if expected && trail.body_bytes > probe.body_bytes_max {
            return Err(judge::too_large(probe, ""));
        }
        if !expected && trail.body_bytes > UNEXPECTED_BODY_BYTES_MAX {
            break;
        }
        if keep {
            body.extend_from_slice(data);
        }
    }
    Ok(Answer {
        status,
        content_encoding,
        body,
    })
}

/// The exchange broke in the stage under way.
fn broken(error: &hyper::Error, address: SocketAddr, trail: &Trail) -> Ending {
    let stage = trail.stage();
    let io_kind = io_kind(error);
    let message = if error.is_parse_too_large() {
        format!("the head of the answer of {address} is larger than {HEAD_BYTES_MAX} bytes")
    } else if error.is_parse() {
        format!("what {address} answered is not HTTP")
    } else if io_kind == Some(io::ErrorKind::ConnectionReset) {
        format!("{address} reset the connection{}", progress(trail))
    } else if error.is_incomplete_message() || io_kind == Some(io::ErrorKind::UnexpectedEof) {
        format!("{address} closed the connection{}", progress(trail))
    } else {
        match error.source() {
            Some(source) => format!("the exchange with {address} broke: {error}: {source}"),
            None => format!("the exchange with {address} broke: {error}"),
        }
    };
    Ending::failed(Fault::Io(stage), message)
}

/// How far the answer had come.
fn progress(trail: &Trail) -> String {
    match trail.stage() {
        Stage::Resolve | Stage::Connect | Stage::Tls | Stage::Processing => {
            " before it answered".to_owned()
        }
        Stage::Transfer => format!(" after {} bytes of the body", trail.body_bytes),
    }
}

/// The kind of the I/O error at the bottom of `error`.
fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

/// The deadline passed in the stage under way.
fn timed_out(probe: &HttpProbe, trail: &Trail) -> Ending {
    let stage = trail.stage();
    let within = format!("within {} ms", trail.timeout_ms());
    let peer = trail
        .trace
        .address
        .map_or_else(|| origin(probe), |address| address.to_string());
    let message = match stage {
        Stage::Resolve => format!("`{}` was not resolved {within}", probe.url.host),
        Stage::Connect => format!("no connection to {peer} {within}"),
        Stage::Tls => format!("the TLS handshake with {peer} was not over {within}"),
        Stage::Processing => format!("no answer from {peer} {within}"),
        Stage::Transfer => format!(
            "the body from {peer} was not complete {within}, {} bytes had come",
            trail.body_bytes
        ),
    };
    Ending::failed(Fault::Timeout(stage), message)
}

/// Scheme, host and port: path and query may carry a token and are not shown.
fn origin(probe: &HttpProbe) -> String {
    let scheme = if probe.url.tls { "https" } else { "http" };
    format!("{scheme}://{}", authority(probe))
}

/// Host and port as `Host` wants them: without the scheme's own port.
fn authority(probe: &HttpProbe) -> String {
    let host = if probe.url.host.contains(':') {
        format!("[{}]", probe.url.host)
    } else {
        probe.url.host.clone()
    };
    match (probe.url.tls, probe.url.port) {
        (false, 80) | (true, 443) => host,
        (_, port) => format!("{host}:{port}"),
    }
}

fn host_value(authority: &Authority) -> Result<HeaderValue, Ending> {
    HeaderValue::try_from(authority.as_str()).map_err(|_unfit| {
        Ending::void(
            Void::NotExecuted,
            "could not write the header `Host`: it has a sign that HTTP cannot carry",
        )
    })
}

/// Runs what an HTTP/2 connection wants to do on the side, and can end all of it.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<tokio::task::AbortHandle>>>);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        let handle = tokio::spawn(task).abort_handle();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(handle);
    }
}

/// Ends the tasks with the probe, whatever way it ends.
struct AbortOnDrop(Tasks);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        let tasks = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.iter() {
            task.abort();
        }
    }
}
