//! One HTTP or HTTPS request over a connection of its own.
//!
//! Reading order: this file, [`request`] (what is sent), [`redirect`] (where an answer leads),
//! [`mod@broken`] (what broke off), [`watched`] (when the request had left us), [`mod@replay`] (an answer
//! without a connection).

mod broken;
mod redirect;
mod replay;
mod request;
mod watched;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, HOST, HeaderValue, PROXY_AUTHORIZATION, RETRY_AFTER,
};
use hyper::http::uri::Authority;
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, BufWriter};
use tokio::time::error::Elapsed;
use tokio::time::timeout_at;

use super::dial::Dialer;
use super::judge::{self, Answer};
use super::oauth::{Token, Tokens};
use super::tls::{self, Trust};
use super::trail::Trail;
use super::{Ending, Verdict, proxy, quoted};
use crate::sla::catalog::{HttpProbe, HttpVersion, ProxyKind};
use crate::sla::observation::{Fault, Stage, TlsFault, Void};
use crate::sla::window::{HOUR_MS, Timestamp};

use broken::broken;
use redirect::redirected;
use replay::Recorded;
use request::Leg;
use watched::{Outgoing, Watched};

pub(super) use broken::timed_out;
pub(super) use request::{Prepared, faults, prepare};
pub(super) use watched::Marks;

/// The most bytes that the head of an answer may take.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How much we read of the body of an answer with an unexpected status: enough for an error code.
const UNEXPECTED_BODY_BYTES_MAX: usize = 16 * 1024;

/// As many bytes of an HTTP/2 connection are gathered until it wants them to leave.
const H2_BUFFER_BYTES: usize = 512;

/// What one probe needs.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) trust: &'a Trust,
    pub(super) dialer: &'a Dialer,
    pub(super) probe: &'a HttpProbe,
    pub(super) prepared: &'a Prepared,
    /// When asking began.
    pub(super) at: Timestamp,
}

/// Asks once. Everything that happens is in the ending and on the trail.
pub(super) async fn ask(asking: Asking<'_>, trail: &mut Trail) -> Ending {
    let mut token = None;
    let exchanged = timeout_at(trail.deadline(), follow(asking, &mut token, trail)).await;
    trail.end();
    conclude(asking, exchanged, token.as_ref(), trail).await
}

/// The same with `answer`, as HTTP/1.1 sends it, in place of what connections would bring.
pub(super) async fn replay(asking: Asking<'_>, answer: &[u8], trail: &mut Trail) -> Ending {
    let leg = &asking.prepared.first;
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    let stream = Recorded::new(answer.to_vec());
    let request = leg.request(Uri::from(leg.path.clone()), &trail.marks);
    let exchange = over_http1(asking, stream, nobody, leg, request, trail);
    let exchanged = match exchange.await {
        Ok(answer) => Ok(answer),
        Err(ending) => Err(without_body(asking.probe, trail).unwrap_or(ending)),
    };
    trail.end();
    conclude(asking, Ok(exchanged), None, trail).await
}

/// Judges what came of asking.
async fn conclude(
    asking: Asking<'_>,
    exchanged: Result<Result<Answer, Ending>, Elapsed>,
    token: Option<&Token>,
    trail: &mut Trail,
) -> Ending {
    let Asking {
        probe, prepared, ..
    } = asking;

    let mut ending = match exchanged {
        Ok(Ok(answer)) => {
            let (assertions, sent_secret) = (&prepared.assertions, trail.sends_secret);
            let judgement = judge::answer(probe, assertions, answer, &trail.headers, sent_secret);
            trail.judged(judgement.assessments);
            trail.trace.cause = judgement.cause;
            if let (Some(401), Some(tokens)) = (trail.hop.status, &prepared.tokens) {
                tokens.forget().await;
            }
            judgement.ending
        }
        Ok(Err(ending)) => ending,
        Err(_elapsed) => without_body(probe, trail).unwrap_or_else(|| timed_out(trail)),
    };
    if !ending.is_good() {
        trail.tell_headers();
    }
    if let (Verdict::Void(Void::Credential(_) | Void::Certificate), Some(ours)) =
        (&ending.verdict, &trail.shown)
    {
        ending.message.push_str("; ");
        ending.message.push_str(&ours.remedy(asking.at));
    }
    let token = token.map(Token::secret);
    for secret in prepared.secrets.iter().chain(token) {
        let secret = secret.expose_secret();
        if !secret.is_empty() {
            trail.mask(secret);
            if ending.message.contains(secret) {
                ending.message = ending.message.replace(secret, "***");
            }
        }
    }
    ending
}

/// An unexpected status says more than what went wrong with the body after it.
fn without_body(probe: &HttpProbe, trail: &mut Trail) -> Option<Ending> {
    let status = trail.hop.status?;
    if probe.expected_statuses.contains(status) {
        return None;
    }
    trail.judged(vec![judge::status(probe, status)]);
    Some(judge::unexpected_status(
        probe,
        status,
        None,
        trail.sends_secret,
    ))
}

/// Asks, and follows redirects as far as the probe wants it.
async fn follow(
    asking: Asking<'_>,
    token: &mut Option<Token>,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    let probe = asking.probe;
    // Another one than the first: with a token, or where a redirect led.
    let mut other: Option<Leg> = match &asking.prepared.tokens {
        Some(tokens) => Some(Box::pin(authorized(asking, tokens, token, trail)).await?),
        None => None,
    };
    let mut visited = Vec::new();
    loop {
        let leg = other.as_ref().unwrap_or(&asking.prepared.first);
        trail.hop.url = leg.url.without_query();
        trail.sends_secret = leg.sends_secret();
        trail.shown = None;
        let answer = match exchange(asking, leg, trail).await {
            Ok(answer) => answer,
            Err(ending) => return Err(without_body(probe, trail).unwrap_or(ending)),
        };
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        if !is_redirect
            || probe.redirects_max == 0
            || probe.expected_statuses.contains(answer.status)
        {
            return Ok(answer);
        }
        visited.push((leg.method.clone(), leg.url.clone()));
        let next = redirected(asking, leg, answer.status, &trail.headers)?;
        let shown = quoted(&next.url.without_query());
        if visited.contains(&(next.method.clone(), next.url.clone())) {
            let message = format!("the redirects lead in a circle, back to {shown}");
            return Err(Ending::failed(Fault::RedirectLoop, message));
        }
        if visited.len() > probe.redirects_max {
            let message = format!(
                "more than {} redirects, the next to {shown}",
                probe.redirects_max
            );
            return Err(Ending::failed(Fault::Redirect, message));
        }
        other = Some(next);
        trail.next_hop();
    }
}

/// The first request, with a token: the one at hand, or a new one.
async fn authorized(
    asking: Asking<'_>,
    tokens: &Tokens,
    token: &mut Option<Token>,
    trail: &mut Trail,
) -> Result<Leg, Ending> {
    let first = &asking.prepared.first;
    trail.hop.url = first.url.without_query();
    let given = match tokens.at_hand().await {
        Some(token) => token,
        None => {
            trail.enter(Stage::Auth);
            tokens.fetch().await?
        }
    };
    first.with_token(token.insert(given)).ok_or_else(|| {
        let message = "the token has a sign that HTTP cannot carry";
        Ending::void(Void::Token, message)
    })
}

/// Connects, asks, and reads the answer to its end. What not every probe does is boxed: a probe
/// begins by making room for all that it may do.
async fn exchange(asking: Asking<'_>, leg: &Leg, trail: &mut Trail) -> Result<Answer, Ending> {
    let Asking {
        dialer, probe, at, ..
    } = asking;
    let credentials = asking.prepared.proxy.as_ref();
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
            let mut stream = Box::pin(proxy::open(dialer, proxy, route.family, trail)).await?;
            handed_to_proxy = proxy.kind == ProxyKind::Http && !leg.url.tls;
            if !handed_to_proxy {
                let tunnel = proxy::tunnel(&mut stream, proxy, credentials, host, leg.url.port);
                Box::pin(tunnel).await?;
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
            Box::pin(over_http2(asking, stream, address, leg, trail)).await
        } else {
            let mut request = leg.request(Uri::from(leg.path.clone()), &trail.marks);
            if handed_to_proxy {
                *request.uri_mut() = leg.absolute_uri()?;
                if let Some(credentials) = credentials
                    && let Ok(mut value) = HeaderValue::try_from(credentials.basic())
                {
                    value.set_sensitive(true);
                    request.headers_mut().insert(PROXY_AUTHORIZATION, value);
                }
            }
            over_http1(asking, stream, address, leg, request, trail).await
        };
    };
    trail.enter(Stage::Tls);
    let (stream, seen) = Box::pin(tls::handshake(stream, address, terms, at)).await;
    trail.shown = terms.shown(&seen).cloned();
    trail.sends_secret |= trail.shown.is_some();
    trail.hop.tls = Some(seen);
    let stream = stream?;
    if stream.get_ref().1.alpn_protocol() == Some(tls::H2) {
        Box::pin(over_http2(asking, stream, address, leg, trail)).await
    } else if route.version == HttpVersion::Http2 {
        let message = format!("{address} does not speak HTTP/2");
        Err(Ending::failed(Fault::Tls(TlsFault::Handshake), message))
    } else {
        let request = leg.request(Uri::from(leg.path.clone()), &trail.marks);
        Box::pin(over_http1(asking, stream, address, leg, request, trail)).await
    }
}

async fn over_http1(
    asking: Asking<'_>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: SocketAddr,
    leg: &Leg,
    mut request: Request<Outgoing>,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    trail.enter(Stage::Write);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(Watched::new(stream, trail.marks.clone())))
        .await
        .map_err(|error| broken(&error, address, trail))?;
    let headers = request.headers_mut();
    headers.insert(HOST, host_value(&leg.authority)?);
    // We never ask twice on a connection: the server may close it at once.
    headers
        .entry(CONNECTION)
        .or_insert(HeaderValue::from_static("close"));
    let response = sender.send_request(request);
    let exchange = async { receive(asking, response.await, address, trail).await };
    drive(pin!(connection), pin!(exchange)).await
}

async fn over_http2(
    asking: Asking<'_>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: SocketAddr,
    leg: &Leg,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    trail.enter(Stage::Write);
    let tasks = AbortOnDrop(Tasks::default());
    // What opens the connection is written in pieces and leaves as one.
    let stream = BufWriter::with_capacity(H2_BUFFER_BYTES, stream);
    let (mut sender, connection) = http2::Builder::new(tasks.0.clone())
        .handshake(TokioIo::new(Watched::new(stream, trail.marks.clone())))
        .await
        .map_err(|error| broken(&error, address, trail))?;
    let mut request = leg.request(leg.absolute_uri()?, &trail.marks);
    *request.version_mut() = Version::HTTP_2;
    let response = sender.send_request(request);
    let exchange = async { receive(asking, response.await, address, trail).await };
    drive(pin!(connection), pin!(exchange)).await
}

/// Runs the connection for as long as the exchange on it needs it, in the same task: when this
/// future is dropped, the socket is closed.
async fn drive<T>(
    connection: Pin<&mut impl Future>,
    mut exchange: Pin<&mut impl Future<Output = T>>,
) -> T {
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
    asking: Asking<'_>,
    response: hyper::Result<Response<Incoming>>,
    address: SocketAddr,
    trail: &mut Trail,
) -> Result<Answer, Ending> {
    let Asking { probe, at, .. } = asking;
    let response = response.map_err(|error| broken(&error, address, trail))?;
    trail.enter(Stage::Transfer);
    let (head, mut incoming) = response.into_parts();
    let status = head.status.as_u16();
    trail.hop.status = Some(status);
    trail.hop.http_version = Some(format!("{:?}", head.version));
    if let 429 | 503 = status {
        trail.trace.retry_after_ms = head
            .headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| judge::retry_after_ms(text, at));
    }
    let is_encoded = head.headers.contains_key(CONTENT_ENCODING);
    trail.headers = head.headers;
    let expected = probe.expected_statuses.contains(status);
    // A body that nobody will look at is counted, not kept.
    let keep =
        !expected || is_encoded || asking.prepared.assertions.want_body() || probe.json.is_some();

    let mut body = Vec::new();
    let mut is_whole = true;
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
            is_whole = false;
            break;
        }
        if keep {
            body.extend_from_slice(data);
        }
    }
    let verified_not_after = trail
        .hop
        .tls
        .as_ref()
        .and_then(|tls| tls.verified_not_after);
    Ok(Answer {
        status,
        version: head.version,
        body,
        is_whole,
        // Through a proxy, the address that answered is not known.
        address: probe.route.proxy.is_none().then_some(address.ip()),
        certificate_days: verified_not_after.map(|end| end.since(at).div_euclid(24 * HOUR_MS)),
    })
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
