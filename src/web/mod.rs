//! The pages: status, metrics, health, JSON; one listener, handed in. And [`Intake`], where other
//! vantages hand in what they saw.
//!
//! | path | answers |
//! |---|---|
//! | `/` | the status page; `?lang=fr` or `en`, `?refresh=off` |
//! | `/endpoint/ID` | the page of an endpoint, with the same parameters |
//! | `/api/status` | [`status::Status`] as JSON |
//! | `/metrics` | the Prometheus text format, or OpenMetrics 1.0 for who asks for it |
//! | `/probe?endpoint=ID` | the latest result of an endpoint, as blackbox_exporter names it |
//! | `/healthz` | 200 while the process answers |
//! | `/readyz` | 200 while what is shown is loaded, saved and present; else 503 and why |
//!
//! Every page is read-only, nothing is read from a request for it but its head, and none runs a
//! script.

mod accept;
mod endpoint;
mod intake;
mod outlet;
mod page;
mod server;
pub mod status;
mod words;

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;

pub use intake::{Delivery, Gate, Intake, IntakeError, check_tokens};
pub use server::{serve, serve_intake};

use outlet::{Outgoing, Outlet};

use crate::board::Board;
use crate::metrics::{Format, Metrics, write_probe};
use crate::sla::catalog::EndpointId;
use crate::sla::observation::Finding;
use crate::sla::window::Timestamp;

/// The last failures of an endpoint on record, newest first; nothing if they cannot be read. May
/// wait for the store.
pub type Failures = Arc<dyn Fn(&EndpointId) -> Option<Vec<Finding>> + Send + Sync>;

/// What the pages show, and where they learn the time.
#[derive(Clone)]
pub struct Pages {
    /// Snapshots of the board.
    pub board: watch::Receiver<Arc<Board>>,
    /// What `/metrics` writes.
    pub metrics: Arc<Metrics>,
    /// The present, to notice that the board is no longer renewed.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// What is on record of failures.
    pub failures: Failures,
    /// Whether everybody may read the pages: then they leave out what only ops are to know.
    pub public: bool,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

/// No script, no frame, no form; our own style sheet and icon only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Smaller answers are not worth compressing.
const GZIP_BYTES_MIN: usize = 1_024;

/// What the addresses of endpoints' pages begin with.
const ENDPOINT: &str = "/endpoint/";

type Answer = Response<Bytes>;

/// What is sent: at once, or while it is written.
type Body = Either<Full<Bytes>, Outgoing>;

impl Pages {
    /// The answer to a request, whatever it is.
    async fn answer<B>(&self, request: Request<B>) -> Response<Body> {
        let (head, _) = request.into_parts();
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let mut answer = plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "Only GET and HEAD are answered here.\n",
            );
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, allowed);
            return whole(answer);
        }
        if head.uri.path() == "/metrics" {
            return self.metrics(&head.headers).map(Either::Right);
        }
        let pages = self.clone();
        // Ten thousand endpoints take a while to write: not on a thread that others wait for.
        let written = tokio::task::spawn_blocking(move || pages.write(&head)).await;
        let answer = written.unwrap_or_else(|error| {
            tracing::error!(%error, "a page could not be written");
            failure()
        });
        whole(answer)
    }

    fn write(&self, head: &hyper::http::request::Parts) -> Answer {
        let answer = match head.uri.path() {
            "/" => self.status_page(head),
            "/api/status" => self.status_json(),
            "/probe" => self.probe(head),
            "/healthz" => plain(StatusCode::OK, "alive\n"),
            "/readyz" => self.ready(),
            "/status.css" => asset(
                "text/css; charset=utf-8",
                include_str!("templates/status.css"),
            ),
            "/icon.svg" => asset("image/svg+xml", include_str!("templates/icon.svg")),
            path if path.starts_with(ENDPOINT) => self.endpoint_page(head),
            _ => plain(
                StatusCode::NOT_FOUND,
                "There is no such page. Try /, /endpoint/ID, /api/status, /metrics, /probe, /healthz or /readyz.\n",
            ),
        };
        compressed(answer, &head.headers)
    }

    fn status_page(&self, head: &hyper::http::request::Parts) -> Answer {
        let board = self.board.borrow().clone();
        html(page::render(&board, (self.now)(), wish(head), self.public))
    }

    fn endpoint_page(&self, head: &hyper::http::request::Parts) -> Answer {
        let board = self.board.borrow().clone();
        let id = head.uri.path().strip_prefix(ENDPOINT).unwrap_or("");
        let Some(known) = EndpointId::new(id).and_then(|id| board.endpoint(&id)) else {
            return plain(
                StatusCode::NOT_FOUND,
                format!("No endpoint `{}` is watched. See /.\n", id.escape_debug()),
            );
        };
        let failures = (self.failures)(&known.1.id);
        let (now, wish) = ((self.now)(), wish(head));
        html(endpoint::render(
            &board,
            known,
            failures,
            now,
            wish,
            self.public,
        ))
    }

    fn status_json(&self) -> Answer {
        let mut status = status::Status::from(self.board.borrow().as_ref());
        if self.public {
            status.leave_out_messages();
        }
        match serde_json::to_string(&status) {
            Ok(json) => respond(StatusCode::OK, "application/json", json.into()),
            Err(error) => {
                tracing::error!(%error, "the status could not be written as JSON");
                failure()
            }
        }
    }

    /// Of ten thousand endpoints it has some 26 MB: it is sent while it is written.
    fn metrics(&self, request: &HeaderMap) -> Response<Outgoing> {
        let format = accept::metrics_format(request);
        let (mut outlet, body) = Outlet::new();
        let mut answer = metrics_page(body, format);
        let vary = HeaderValue::from_static("Accept-Encoding");
        answer.headers_mut().append(header::VARY, vary);
        let metrics = Arc::clone(&self.metrics);
        if accept::takes_gzip(request) {
            let gzip = HeaderValue::from_static("gzip");
            answer.headers_mut().insert(header::CONTENT_ENCODING, gzip);
            tokio::task::spawn_blocking(move || {
                let mut encoder = GzEncoder::new(outlet, Compression::fast());
                metrics.write(format, &mut encoder)?;
                encoder.finish().map(Outlet::finish)
            });
        } else {
            tokio::task::spawn_blocking(move || {
                metrics.write(format, &mut outlet)?;
                outlet.finish();
                io::Result::Ok(())
            });
        }
        answer
    }

    fn probe(&self, head: &hyper::http::request::Parts) -> Answer {
        let board = self.board.borrow().clone();
        let wish = query(head.uri.query().unwrap_or(""), "endpoint");
        let problem = match wish {
            None => "Which endpoint? Ask for /probe?endpoint=ID.".to_owned(),
            Some(id) => match EndpointId::new(&id).and_then(|id| board.endpoint(&id)) {
                Some((_, endpoint, shown)) if !endpoint.retired => {
                    let format = accept::metrics_format(&head.headers);
                    let mut page = Vec::new();
                    return match write_probe(endpoint, shown, (self.now)(), format, &mut page) {
                        Ok(()) => metrics_page(page.into(), format),
                        Err(_no_memory) => failure(),
                    };
                }
                Some(_) | None => format!("No endpoint `{}` is watched.", id.escape_debug()),
            },
        };
        let known: Vec<&str> = board
            .endpoints()
            .filter(|(_, endpoint, _)| !endpoint.retired)
            .map(|(_, endpoint, _)| endpoint.id.as_str())
            .collect();
        plain(
            StatusCode::NOT_FOUND,
            format!("{problem} Those that are:\n{}\n", known.join("\n")),
        )
    }

    fn ready(&self) -> Answer {
        let board = self.board.borrow().clone();
        let store = board.store();
        let age_ms = (self.now)().since(board.now());
        let problem = if !store.loaded {
            "the store has not been read yet\n".to_owned()
        } else if !store.keeps_up() {
            let (backlog, most) = (store.backlog, store.backlog_max);
            format!("the store does not keep up: {backlog} observations wait, at most {most} can\n")
        } else if age_ms > page::PRESENT_MS_MAX {
            format!("the board is {} s old\n", age_ms / 1_000)
        } else {
            return plain(StatusCode::OK, "ready\n");
        };
        plain(StatusCode::SERVICE_UNAVAILABLE, problem)
    }
}

/// How the reader wants a page.
fn wish(head: &hyper::http::request::Parts) -> page::Wish {
    let parameters = head.uri.query().unwrap_or("");
    page::Wish {
        language: accept::language(query(parameters, "lang").as_deref(), &head.headers),
        refresh: query(parameters, "refresh").as_deref() != Some("off"),
    }
}

fn html(page: Result<String, askama::Error>) -> Answer {
    match page {
        Ok(html) => {
            let mut answer = respond(StatusCode::OK, "text/html; charset=utf-8", html.into());
            let vary = HeaderValue::from_static("Accept-Language");
            answer.headers_mut().append(header::VARY, vary);
            answer
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            failure()
        }
    }
}

fn metrics_page<B>(text: B, format: Format) -> Response<B> {
    let mut answer = respond(StatusCode::OK, format.content_type(), text);
    let vary = HeaderValue::from_static("Accept");
    answer.headers_mut().append(header::VARY, vary);
    answer
}

fn plain(status: StatusCode, text: impl Into<String>) -> Answer {
    respond(status, "text/plain; charset=utf-8", text.into().into())
}

fn failure() -> Answer {
    plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "This page could not be written; the log says why.\n",
    )
}

/// A file of ours: its address changes with the version.
fn asset(content_type: &'static str, text: &'static str) -> Answer {
    let mut answer = respond(StatusCode::OK, content_type, Bytes::from(text));
    let cache = HeaderValue::from_static("public, max-age=3600");
    answer.headers_mut().insert(header::CACHE_CONTROL, cache);
    answer
}

fn whole(answer: Answer) -> Response<Body> {
    answer.map(|bytes| Either::Left(Full::new(bytes)))
}

fn respond<B>(status: StatusCode, content_type: &'static str, body: B) -> Response<B> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The same answer, compressed if it is worth it and the reader takes it.
fn compressed(answer: Answer, request: &HeaderMap) -> Answer {
    let (mut head, bytes) = answer.into_parts();
    let vary = HeaderValue::from_static("Accept-Encoding");
    head.headers.append(header::VARY, vary);
    if bytes.len() < GZIP_BYTES_MIN || !accept::takes_gzip(request) {
        return Response::from_parts(head, bytes);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let zipped = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    match zipped {
        Ok(zipped) => {
            let gzip = HeaderValue::from_static("gzip");
            head.headers.insert(header::CONTENT_ENCODING, gzip);
            Response::from_parts(head, Bytes::from(zipped))
        }
        // Writing to memory does not fail; if it did, the plain text is as good.
        Err(_) => Response::from_parts(head, bytes),
    }
}

/// The value of a parameter of the address.
fn query<'a>(text: &'a str, name: &str) -> Option<Cow<'a, str>> {
    url::form_urlencoded::parse(text.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}
