//! What is sent, and what is needed to send it: read and compiled once, used by every probe.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, Uri};
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};

use super::super::assert::Assertions;
use super::super::body::CODINGS;
use super::super::oauth::{Offices, Source, Token, Tokens};
use super::super::proxy::{self, Credentials};
use super::super::tls::{H2, HTTP1, Ours, Terms, Trust};
use super::super::{Ending, ProbeSetupError, read_secret};
use super::watched::{Marks, Outgoing};
use crate::secret::Stamp;
use crate::sla::catalog::{Authentication, HttpProbe, HttpVersion, SecretPlace, Url, Value};
use crate::sla::observation::Void;

/// A probe ready to be made, as often as nothing that it was made from changes.
pub(in crate::probe) struct Prepared {
    made_from: Arc<HttpProbe>,
    /// The files that were read.
    stamps: Vec<Stamp>,
    pub(super) first: Leg,
    /// Where tokens come from, if some are needed.
    pub(super) tokens: Option<Arc<Tokens>>,
    /// What we show to the endpoint's own host where it asks who we are.
    identity: Option<Arc<Ours>>,
    pub(super) proxy: Option<Credentials>,
    pub(super) assertions: Assertions,
    /// What no message may show.
    pub(super) secrets: Vec<SecretString>,
}

/// One request: the first, or one that a redirect led to.
#[derive(Clone)]
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
    offices: &Offices,
    probe: &Arc<HttpProbe>,
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
                let secret = read_secret("headers", &format!("header `{name}`"), place)?;
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
        .or_insert(HeaderValue::from_static(CODINGS));
    let proxy = match &probe.route.proxy {
        Some(proxy) => proxy::credentials(proxy)?,
        None => None,
    };
    secrets.extend(proxy.iter().map(|proxy| proxy.password().clone()));
    let mut tokens = None;
    match &probe.authentication {
        None => {}
        Some(Authentication::Basic { user, password }) => {
            let password = read_secret("auth", "`basic`", password)?;
            let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
            headers.insert(
                AUTHORIZATION,
                sensitive(&probe.url, format!("Basic {pair}"))?,
            );
            secrets.extend([password, pair.into()]);
        }
        Some(Authentication::Bearer(token)) => {
            let token = read_secret("auth", "`bearer`", token)?;
            let value = format!("Bearer {}", token.expose_secret());
            headers.insert(AUTHORIZATION, sensitive(&probe.url, value)?);
            secrets.push(token);
        }
        Some(Authentication::ClientCredentials(credentials)) => {
            let origin = credentials.token_url.origin();
            let authorities = trust.authorities(credentials.ca_file.as_deref(), &origin)?;
            let secret = read_secret("auth", "`client_secret`", &credentials.client_secret)?;
            secrets.push(secret.clone());
            let password = proxy.as_ref().map(|proxy| proxy.password().clone());
            tokens = Some(offices.tokens(Source {
                authorities,
                credentials: credentials.clone(),
                secret,
                proxy: probe.route.proxy.clone().map(|proxy| (proxy, password)),
            })?);
        }
    }
    let identity = match &probe.client_certificate {
        Some(ours) => Some(trust.identity(ours)?),
        None => None,
    };
    let method = Method::from_bytes(probe.method.as_bytes())
        .map_err(|_unfit| unfit(format!("the method `{}`", probe.method)))?;
    let body = probe.body.clone().unwrap_or_default().into();
    let mut first = Leg::new(
        trust,
        probe,
        identity.clone(),
        probe.url.clone(),
        method,
        // A clone takes only the room that it needs, and each endpoint keeps one.
        headers.clone(),
        body,
    )?;
    if let Some(host) = host {
        first.authority = Authority::try_from(host.as_bytes())
            .map_err(|_unfit| unfit("the value of the header `Host`".to_owned()))?;
    }
    let assertions =
        Assertions::compile(&probe.assertions).map_err(|source| ProbeSetupError::Pattern {
            url: probe.url.origin(),
            source: Box::new(source),
        })?;
    Ok(Prepared {
        made_from: Arc::clone(probe),
        stamps: files_of(probe).map(Stamp::of).collect(),
        first,
        tokens,
        identity,
        proxy,
        assertions,
        secrets,
    })
}

/// All that keeps a probe from being made ready: each thing that it needs, without the others.
pub(in crate::probe) fn faults(
    trust: &Trust,
    offices: &Offices,
    probe: &HttpProbe,
) -> Vec<ProbeSetupError> {
    let mut bare = HttpProbe {
        headers: Vec::new(),
        authentication: None,
        assertions: Vec::new(),
        ca_file: None,
        client_certificate: None,
        ..probe.clone()
    };
    bare.route.proxy = None;
    let with = |change: &dyn Fn(&mut HttpProbe)| {
        let mut part = bare.clone();
        change(&mut part);
        part
    };
    let headers = probe.headers.iter();
    let mut parts: Vec<HttpProbe> = headers
        .map(|header| with(&|part| part.headers.push(header.clone())))
        .collect();
    parts.push(with(&|part| part.route.proxy = probe.route.proxy.clone()));
    parts.push(with(&|part| {
        part.authentication = probe.authentication.clone();
    }));
    if let Some(Authentication::ClientCredentials(credentials)) = &probe.authentication {
        // Its authorities are a file of their own.
        let mut credentials = credentials.clone();
        credentials.ca_file = None;
        parts.push(with(&|part| {
            let credentials = credentials.clone();
            part.authentication = Some(Authentication::ClientCredentials(credentials));
        }));
    }
    parts.push(with(&|part| {
        part.client_certificate = probe.client_certificate.clone();
    }));
    parts.push(with(&|part| part.ca_file = probe.ca_file.clone()));
    parts.push(with(&|part| part.assertions = probe.assertions.clone()));
    let faults = parts.into_iter();
    faults
        .filter_map(|part| prepare(trust, offices, &Arc::new(part)).err())
        // A part without `ca_file` asks for what the whole need not have.
        .filter(|fault| !matches!(fault, ProbeSetupError::NoSystemAuthorities { .. }))
        .collect()
}

/// Every file that a probe is made from.
fn files_of(probe: &HttpProbe) -> impl Iterator<Item = &Path> {
    fn of_place(place: &SecretPlace) -> Option<&PathBuf> {
        match place {
            SecretPlace::File(path) => Some(path),
            SecretPlace::Env(_) => None,
        }
    }
    fn of_value(value: &Value) -> Option<&PathBuf> {
        match value {
            Value::Secret(place) => of_place(place),
            Value::Plain(_) => None,
        }
    }
    let of_headers = probe
        .headers
        .iter()
        .filter_map(|(_, value)| of_value(value));
    let of_proxy = probe.route.proxy.iter().filter_map(|proxy| {
        let (_, password) = proxy.credentials.as_ref()?;
        of_value(password)
    });
    let of_authentication = match &probe.authentication {
        None => [None, None],
        Some(
            Authentication::Basic {
                password: place, ..
            }
            | Authentication::Bearer(place),
        ) => [of_place(place), None],
        Some(Authentication::ClientCredentials(credentials)) => [
            of_place(&credentials.client_secret),
            credentials.ca_file.as_ref(),
        ],
    };
    let of_identity = probe
        .client_certificate
        .iter()
        .flat_map(|ours| [&ours.file, &ours.key_file]);
    of_headers
        .chain(of_proxy)
        .chain(of_authentication.into_iter().flatten())
        .chain(of_identity)
        .chain(&probe.ca_file)
        .map(PathBuf::as_path)
}

impl Prepared {
    /// Whether it can still be used for `probe`.
    pub(in crate::probe) fn is_current(&self, probe: &Arc<HttpProbe>) -> bool {
        let same = Arc::ptr_eq(&self.made_from, probe) || self.made_from == *probe;
        same && self.stamps.iter().all(Stamp::is_current)
    }

    /// What is shown to `host` where it asks who we are: nothing to hosts that a redirect led to.
    pub(super) fn identity_for(&self, host: &str) -> Option<Arc<Ours>> {
        let is_own = host == self.made_from.url.host;
        self.identity.clone().filter(|_| is_own)
    }
}

fn sensitive(url: &Url, text: String) -> Result<HeaderValue, ProbeSetupError> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_unfit| unfit(url, "what is sent as `Authorization`".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
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
        identity: Option<Arc<Ours>>,
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
            let name = ServerName::try_from(name)
                .map_err(|_unfit| unfit("the name in the TLS handshake"))?;
            let authorities = trust.authorities(probe.ca_file.as_deref(), &origin)?;
            let protocols: &'static [&'static [u8]] = match probe.route.version {
                HttpVersion::Any => &[H2, HTTP1],
                HttpVersion::Http1 => &[HTTP1],
                HttpVersion::Http2 => &[H2],
            };
            Some(Terms::new(name, authorities, protocols, identity))
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

    /// The same request with a token.
    pub(super) fn with_token(&self, token: &Token) -> Option<Self> {
        let mut leg = self.clone();
        leg.headers.insert(AUTHORIZATION, token.header()?);
        Some(leg)
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
