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
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, COOKIE, HOST, HeaderMap,
    HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION, RETRY_AFTER, USER_AGENT,
};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout_at;

use super::dial::Dialer;
use super::judge::{self, Answer};
use super::proxy::{self, Credentials};
use super::tls::{self, Terms, Trust};
use super::trail::Trail;
use super::{Ending, ProbeSetupError, quoted, read_secret};
use crate::sla::catalog::{HttpProbe, HttpVersion, ProxyKind, Url, Value};
use crate::sla::observation::{Fault, Stage, TlsFault, Void};
use crate::sla::window::Timestamp;

/// The most bytes that the head of an answer may take.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How much we read of the body of an answer with an unexpected status: enough for an error code.
const UNEXPECTED_BODY_BYTES_MAX: usize = 16 * 1024;

/// A probe ready to be made.
pub(super) struct Prepared {
    first: Leg,
    proxy: Option<Credentials>,
    /// What no message may show.
    secrets: Vec<SecretString>,
}

/// One request: the first, or one that a redirect led to.
struct Leg {
    url: Url,
    method: Method,
    path: PathAndQuery,
    /// What goes into `Host` or `:authority`.
    authority: Authority,
    headers: HeaderMap,
    body: Bytes,
    /// Present for `https`.
    terms: Option<Terms>,
}

/// Reads what the probe needs from this machine.
pub(super) fn prepare(trust: &Trust, probe: &HttpProbe) -> Result<Prepared, ProbeSetupError> {
    let unfit = |part: String| unfit(&probe.url, part);
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
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!(
            "vigie/",
            env!("CARGO_PKG_VERSION")
        )));
    headers
        .entry(ACCEPT_ENCODING)
        .or_insert(HeaderValue::from_static("gzip, deflate"));
    let method = Method::from_bytes(probe.method.as_bytes())
        .map_err(|_unfit| unfit(format!("the method `{}`", probe.method)))?;
    let body = probe.body.clone().unwrap_or_default().into();
    let mut first = Leg::new(trust, probe, probe.url.clone(), method, headers, body)?;
    if let Some(host) = host {
        first.authority = Authority::try_from(host.as_bytes())
            .map_err(|_unfit| unfit("the value of the header `Host`".to_owned()))?;
    }
    let proxy = match &probe.route.proxy {
        Some(proxy) => proxy::credentials(proxy)?,
        None => None,
    };
    secrets.extend(proxy.iter().map(|proxy| proxy.password().clone()));
    Ok(Prepared {
        first,
        proxy,
        secrets,
    })
}

fn unfit(url: &Url, part: String) -> ProbeSetupError {
    ProbeSetupError::Request {
        url: url.origin(),
        part,
    }
}

impl Leg {
    fn new(
        trust: &Trust,
        probe: &HttpProbe,
        url: Url,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self, ProbeSetupError> {
        let unfit = |part: &str| unfit(&url, part.to_owned());
        let origin = url.origin();
        let authority = origin.split("://").last().unwrap_or_default();
        let authority = Authority::try_from(authority).map_err(|_unfit| unfit("the host"))?;
        let path = PathAndQuery::try_from(url.path.as_str()).map_err(|_unfit| unfit("the path"))?;
        let terms = if url.tls {
            let name = match &probe.route.tls_name {
                Some(name) if url.host == probe.url.host => name.clone(),
                Some(_) | None => url.host.clone(),
            };
            Some(Terms {
                name: ServerName::try_from(name)
                    .map_err(|_unfit| unfit("the name in the TLS handshake"))?,
                authorities: trust.authorities(probe.ca_file.as_deref(), &origin)?,
                version: probe.route.version,
            })
        } else {
            None
        };
        Ok(Self {
            url,
            method,
            path,
            authority,
            headers,
            body,
            terms,
        })
    }

    fn request(&self, uri: Uri) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        request
    }

    fn absolute_uri(&self) -> Result<Uri, Ending> {
        let mut uri = hyper::http::uri::Parts::default();
        uri.scheme = Some(if self.url.tls {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        });
        uri.authority = Some(self.authority.clone());
        uri.path_and_query = Some(self.path.clone());
        Uri::from_parts(uri).map_err(|error| {
            let message = format!("could not write the address: {error}");
            Ending::void(Void::NotExecuted, message)
        })
    }

    fn sends_secret(&self) -> bool {
        self.headers.values().any(HeaderValue::is_sensitive)
    }
}

/// Asks once. Everything that happens is in the ending and on the trail.
pub(super) async fn ask(
    trust: &Trust,
    dialer: &Dialer,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Ending {
    let Prepared {
        first,
        proxy,
        secrets,
    } = match prepare(trust, probe) {
        Ok(prepared) => prepared,
        Err(error) => return Ending::void(Void::NotExecuted, format!("could not {error}")),
    };
    let deadline = trail.deadline();
    let exchanged = timeout_at(
        deadline,
        follow(trust, dialer, first, proxy.as_ref(), probe, at, trail),
    )
    .await;
    trail.end();

    let mut ending = match exchanged {
        Ok(Ok(answer)) => {
            let (ending, cause) = judge::answer(probe, answer, trail.sends_secret);
            trail.trace.cause = cause;
            ending
        }
        Ok(Err(ending)) => ending,
        Err(_elapsed) => without_body(probe, trail).unwrap_or_else(|| timed_out(trail)),
    };
    for secret in &secrets {
        let secret = secret.expose_secret();
        if !secret.is_empty() && ending.message.contains(secret) {
            ending.message = ending.message.replace(secret, "***");
        }
    }
    ending
}

/// An unexpected status says more than what went wrong with the body after it.
fn without_body(probe: &HttpProbe, trail: &Trail) -> Option<Ending> {
    let status = trail.hop.status?;
    let unexpected = !judge::is_expected(probe, status);
    unexpected.then(|| judge::unexpected_status(probe, status, None, trail.sends_secret))
}

/// Asks, and follows redirects as far as the probe wants it.
async fn follow(
    trust: &Trust,
    dialer: &Dialer,
    first: Leg,
    proxy: Option<&Credentials>,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    let mut leg = first;
    let mut visited = Vec::new();
    loop {
        trail.hop.url = leg.url.without_query();
        trail.sends_secret = leg.sends_secret();
        let exchanged = exchange(&leg, dialer, proxy, probe, at, trail).await;
        let answer = exchanged.map_err(|ending| without_body(probe, trail).unwrap_or(ending))?;
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        if !is_redirect || probe.redirects_max == 0 || judge::is_expected(probe, answer.status) {
            return Ok(answer);
        }
        visited.push((leg.method.clone(), leg.url.clone()));
        let next = redirected(trust, leg, probe, &answer)?;
        let shown = quoted(&next.url.without_query());
        if visited.contains(&(next.method.clone(), next.url.clone())) {
            let message = format!("the redirects lead in a circle, back to {shown}");
            return Err(Ending::failed(Fault::Redirect, message));
        }
        if visited.len() > probe.redirects_max {
            let message = format!(
                "more than {} redirects, the next to {shown}",
                probe.redirects_max
            );
            return Err(Ending::failed(Fault::Redirect, message));
        }
        leg = next;
        trail.next_hop();
    }
}

/// The request that `answer` leads to. What is meant for one origin is not sent to another.
fn redirected(trust: &Trust, leg: Leg, probe: &HttpProbe, answer: &Answer) -> Result<Leg, Ending> {
    let status = answer.status;
    let nowhere = |why: String| Ending::failed(Fault::Redirect, format!("status {status} {why}"));
    let Some(location) = &answer.location else {
        return Err(nowhere("without `Location`".to_owned()));
    };
    let Some(url) = resolve(&leg.url, location) else {
        return Err(nowhere("leads to no `http` or `https` address".to_owned()));
    };
    let same_origin = url.origin() == leg.url.origin();
    // As browsers do it: 307 and 308 repeat the request, the others ask for a page.
    let repeats = matches!(status, 307 | 308) || matches!(leg.method, Method::GET | Method::HEAD);
    let (method, body) = if repeats {
        (leg.method, leg.body)
    } else {
        (Method::GET, Bytes::new())
    };
    if !same_origin && !body.is_empty() {
        return Err(nowhere(format!(
            "leads to {}, where the request's body is not sent",
            quoted(&url.origin())
        )));
    }
    let headers = if same_origin {
        leg.headers
    } else {
        without_credentials(&leg.headers)
    };
    let mut next = Leg::new(trust, probe, url, method, headers, body)
        .map_err(|error| Ending::void(Void::NotExecuted, format!("could not {error}")))?;
    if same_origin {
        next.authority = leg.authority;
    }
    Ok(next)
}

/// Where `location` leads from `base`.
fn resolve(base: &Url, location: &str) -> Option<Url> {
    let url = url::Url::parse(&base.to_string())
        .ok()?
        .join(location)
        .ok()?;
    let tls = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let host = match url.host()? {
        url::Host::Domain(name) => name.to_owned(),
        url::Host::Ipv4(address) => address.to_string(),
        url::Host::Ipv6(address) => address.to_string(),
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Some(Url {
        tls,
        host,
        port: url.port_or_known_default()?,
        path,
    })
}

/// The headers that may be sent to another origin.
fn without_credentials(headers: &HeaderMap) -> HeaderMap {
    let private = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
    headers
        .iter()
        .filter(|(name, value)| !value.is_sensitive() && !private.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Connects, asks, and reads the answer to its end.
async fn exchange(
    leg: &Leg,
    dialer: &Dialer,
    credentials: Option<&Credentials>,
    probe: &HttpProbe,
    at: Timestamp,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    let route = &probe.route;
    let pinned = route
        .address
        .filter(|_| leg.url.host == probe.url.host)
        .map(|address| address.to_string());
    let host = pinned.as_deref().unwrap_or(&leg.url.host);
    // Plain HTTP is not tunnelled through an HTTP proxy but handed to it.
    let mut handed_to_proxy = false;
    let stream = match &route.proxy {
        None => dialer.open(host, leg.url.port, route.family, trail).await?,
        Some(proxy) => {
            let mut stream = proxy::open(dialer, proxy, route.family, trail).await?;
            handed_to_proxy = proxy.kind == ProxyKind::Http && !leg.url.tls;
            if !handed_to_proxy {
                proxy::tunnel(&mut stream, proxy, credentials, host, leg.url.port).await?;
            }
            stream
        }
    };
    let address = stream.peer_addr().map_err(|error| {
        Ending::failed(Fault::Connect, format!("the connection broke: {error}"))
    })?;
    let Some(terms) = &leg.terms else {
        let by_prior_knowledge = route.version == HttpVersion::Http2 && !handed_to_proxy;
        return if by_prior_knowledge {
            over_http2(stream, address, leg, probe, at, trail).await
        } else {
            let mut request = leg.request(Uri::from(leg.path.clone()));
            if handed_to_proxy {
                *request.uri_mut() = leg.absolute_uri()?;
                if let Some(credentials) = credentials
                    && let Ok(mut value) = HeaderValue::try_from(credentials.basic())
                {
                    value.set_sensitive(true);
                    request.headers_mut().insert(PROXY_AUTHORIZATION, value);
                }
            }
            over_http1(stream, request, address, leg, probe, at, trail).await
        };
    };
    trail.enter(Stage::Tls);
    let (stream, seen) = tls::handshake(stream, address, terms, at).await;
    trail.hop.tls = Some(seen);
    let stream = stream?;
    if stream.get_ref().1.alpn_protocol() == Some(tls::H2) {
        over_http2(stream, address, leg, probe, at, trail).await
    } else if route.version == HttpVersion::Http2 {
        let message = format!("{address} does not speak HTTP/2");
        Err(Ending::failed(Fault::Tls(TlsFault::Handshake), message))
    } else {
        let request = leg.request(Uri::from(leg.path.clone()));
        over_http1(stream, request, address, leg, probe, at, trail).await
    }
}

async fn over_http1(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut request: Request<Full<Bytes>>,
    address: SocketAddr,
    leg: &Leg,
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
    let headers = request.headers_mut();
    headers.insert(HOST, host_value(&leg.authority)?);
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
    leg: &Leg,
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
    let mut request = leg.request(leg.absolute_uri()?);
    *request.version_mut() = Version::HTTP_2;
    let exchange = async {
        let response = sender.send_request(request).await;
        receive(response, address, probe, at, trail).await
    };
    drive(connection, exchange).await
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
    trail.hop.status = Some(status);
    trail.hop.http_version = Some(format!("{:?}", response.version()));
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
    let location = response.headers().get(LOCATION);
    let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
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
        trail.hop.body_bytes += data.len();
        if expected && trail.hop.body_bytes > probe.body_bytes_max {
            return Err(judge::too_large(probe, ""));
        }
        if !expected && trail.hop.body_bytes > UNEXPECTED_BODY_BYTES_MAX {
            break;
        }
        if keep {
            body.extend_from_slice(data);
        }
    }
    Ok(Answer {
        status,
        content_encoding,
        location,
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
        Stage::Transfer => format!(" after {} bytes of the body", trail.hop.body_bytes),
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
fn timed_out(trail: &Trail) -> Ending {
    let stage = trail.stage();
    let within = format!("within {} ms", trail.timeout_ms());
    let peer = trail
        .hop
        .address
        .map_or_else(|| quoted(&trail.hop.url), |address| address.to_string());
    let message = match stage {
        Stage::Resolve | Stage::Connect if trail.before_proxy => {
            let message = format!("our proxy could not be reached {within}");
            return Ending::void(Void::Uplink, message);
        }
        // Our resolver, or the service's own name servers: without a control target we cannot
        // tell, and do not accuse.
        Stage::Resolve => {
            let message = format!("our resolver gave no answer for the host of {peer} {within}");
            return Ending::void(Void::Resolver, message);
        }
        Stage::Connect => format!("no connection to {peer} {within}"),
        Stage::Tls => format!("the TLS handshake with {peer} was not over {within}"),
        Stage::Processing => format!("no answer from {peer} {within}"),
        Stage::Transfer => format!(
            "the body from {peer} was not complete {within}, {} bytes had come",
            trail.hop.body_bytes
        ),
    };
    Ending::failed(Fault::Timeout(stage), message)
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
