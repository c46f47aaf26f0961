//! What is sent, and what is needed to send it: read and compiled once, used by every probe.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, Uri};
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};

use super::super::assert::Assertions;
use super::super::proxy::{self, Credentials};
use super::super::tls::{Terms, Trust};
use super::super::{Ending, ProbeSetupError, read_secret};
use super::watched::{Marks, Outgoing};
use crate::sla::catalog::{HttpProbe, Url, Value};
use crate::sla::observation::Void;

/// A probe ready to be made.
pub(in crate::probe) struct Prepared {
    pub(super) first: Leg,
    pub(super) proxy: Option<Credentials>,
    pub(super) assertions: Assertions,
    /// What no message may show.
    pub(super) secrets: Vec<SecretString>,
}

/// One request: the first, or one that a redirect led to.
pub(super) struct Leg {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) path: PathAndQuery,
    /// What goes into `Host` or `:authority`.
    pub(super) authority: Authority,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Present for `https`.
    pub(super) terms: Option<Terms>,
}

/// Reads what the probe needs from this machine.
pub(in crate::probe) fn prepare(
    trust: &Trust,
    probe: &HttpProbe,
) -> Result<Prepared, ProbeSetupError> {
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
    let assertions =
        Assertions::compile(&probe.assertions).map_err(|source| ProbeSetupError::Pattern {
            url: probe.url.origin(),
            source: Box::new(source),
        })?;
    Ok(Prepared {
        first,
        proxy,
        assertions,
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
    pub(super) fn new(
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

    pub(super) fn request(&self, uri: Uri, marks: &Marks) -> Request<Outgoing> {
        let body = Full::new(self.body.clone());
        let mut request = Request::new(Outgoing::new(body, marks.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        request
    }

    pub(super) fn absolute_uri(&self) -> Result<Uri, Ending> {
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

    pub(super) fn sends_secret(&self) -> bool {
        self.headers.values().any(HeaderValue::is_sensitive)
    }
}
