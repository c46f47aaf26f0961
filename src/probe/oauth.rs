//! Tokens for asking, fetched with our credentials and kept while they are good (OAuth 2.0, client
//! credentials). That none can be had says nothing about the service.

use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};
use std::time::Duration;

use hyper::header::HeaderValue;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::form_urlencoded;

use super::tls::Authorities;
use super::{Ending, ProbeSetupError, quoted};
use crate::sla::catalog::{ClientCredentials, Proxy, ProxyKind};
use crate::sla::observation::Void;

/// The most bytes that an authorization server's answer may have.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a token is taken to be good whose end is not told, in seconds.
const UNTOLD_S: u64 = 60;
/// A token is not used in the last part of its life: it must still be good when it arrives.
const MARGIN_S_MAX: u64 = 60;

/// Where tokens come from, and the one at hand.
pub(super) struct Tokens {
    client: reqwest::Client,
    source: Source,
    kept: Mutex<Option<Kept>>,
}

/// Who gives tokens, to whom, and the way there.
pub(super) struct Source {
    pub(super) authorities: Arc<Authorities>,
    pub(super) credentials: ClientCredentials,
    pub(super) secret: SecretString,
    /// The endpoint's own: who cannot reach the one directly mostly cannot reach the other.
    pub(super) proxy: Option<(Proxy, Option<SecretString>)>,
}

impl Source {
    fn is(&self, other: &Self) -> bool {
        let exposed = |secret: &SecretString| secret.expose_secret().to_owned();
        let proxy = |source: &Self| {
            let proxy = source.proxy.as_ref();
            proxy.map(|(proxy, password)| (proxy.clone(), password.as_ref().map(exposed)))
        };
        Arc::ptr_eq(&self.authorities, &other.authorities)
            && self.credentials == other.credentials
            && exposed(&self.secret) == exposed(&other.secret)
            && proxy(self) == proxy(other)
    }

    fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.authorities.for_others())
            // What stands in the environment is not part of the configuration.
            .no_proxy()
            // Credentials go nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0);
        let Some((proxy, password)) = &self.proxy else {
            return builder.build();
        };
        // The proxy resolves names, as for the endpoint.
        let scheme = match proxy.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5h",
        };
        let host = match proxy.host.contains(':') {
            true => format!("[{}]", proxy.host),
            false => proxy.host.clone(),
        };
        let mut way = reqwest::Proxy::all(format!("{scheme}://{host}:{}", proxy.port))?;
        if let (Some((user, _)), Some(password)) = (&proxy.credentials, password) {
            way = way.basic_auth(user, password.expose_secret());
        }
        builder.proxy(way).build()
    }
}

/// The sources of tokens in use: endpoints with the same credentials share their tokens, as an
/// authorization server wants it.
#[derive(Default)]
pub(super) struct Offices(StdMutex<Vec<Weak<Tokens>>>);

impl Offices {
    /// Tokens from `source`: those that others get there already, if there are others.
    ///
    /// # Errors
    /// If the client for the authorization server cannot be made.
    pub(super) fn tokens(&self, source: Source) -> Result<Arc<Tokens>, ProbeSetupError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|tokens| tokens.strong_count() > 0);
        let same = known.iter().filter_map(Weak::upgrade);
        if let Some(tokens) = same.into_iter().find(|tokens| tokens.source.is(&source)) {
            return Ok(tokens);
        }
        let tokens = Arc::new(Tokens::new(source)?);
        known.push(Arc::downgrade(&tokens));
        Ok(tokens)
    }
}

/// A token, as it is sent.
#[derive(Clone)]
pub(super) struct Token(SecretString);

struct Kept {
    token: Token,
    good_until: Instant,
}

/// What an authorization server answers, as far as we need it.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

/// What it answers when it refuses.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Token {
    /// As `Authorization` carries it; nothing if HTTP cannot.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0.expose_secret())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl Tokens {
    fn new(source: Source) -> Result<Self, ProbeSetupError> {
        let client = source.client().map_err(|error| ProbeSetupError::Tokens {
            url: source.credentials.token_url.origin(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            client,
            source,
            kept: Mutex::default(),
        })
    }

    /// The token at hand, if it is still good; before any waiting.
    pub(super) async fn at_hand(&self) -> Option<Token> {
        let kept = self.kept.lock().await;
        let kept = kept.as_ref()?;
        (Instant::now() < kept.good_until).then(|| kept.token.clone())
    }

    /// A fresh token. Others wait for it and share it.
    pub(super) async fn fetch(&self) -> Result<Token, Ending> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref()
            && Instant::now() < kept.good_until
        {
            return Ok(kept.token.clone());
        }
        *kept = None;
        let asked = Instant::now();
        let granted = self.ask().await.map_err(|why| {
            let server = quoted(&self.source.credentials.token_url.origin());
            let message = format!("no token from the authorization server {server}: {why}");
            Ending::void(Void::Token, message)
        })?;
        let life_s = granted.expires_in.unwrap_or(UNTOLD_S).min(30 * 86_400);
        let margin_s = (life_s / 10).clamp(1, MARGIN_S_MAX);
        let token = Token(granted.access_token.into());
        *kept = Some(Kept {
            token: token.clone(),
            good_until: asked + Duration::from_secs(life_s.saturating_sub(margin_s)),
        });
        Ok(token)
    }

    /// A service does not take the token: the next probe gets another one.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    async fn ask(&self) -> Result<Granted, String> {
        let mut response = self.request().send().await.map_err(|error| {
            // The innermost cause: the outer ones repeat the address.
            let mut cause: &dyn std::error::Error = &error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            cause.to_string()
        })?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|_broken| "its answer broke off".to_owned())?
        {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!(
                    "its answer is larger than {ANSWER_BYTES_MAX} bytes"
                ));
            }
            body.extend_from_slice(&chunk);
        }
        if status != 200 {
            let told = serde_json::from_slice::<Refused>(&body).ok();
            return Err(match told {
                Some(told) => format!("status {status}, {}", quoted(&told.error)),
                None => format!("status {status}"),
            });
        }
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_other| "its answer is not JSON with an `access_token`".to_owned())?;
        match &granted.token_type {
            Some(kind) if !kind.eq_ignore_ascii_case("bearer") => Err(format!(
                "its token is a {}, not a bearer token",
                quoted(kind)
            )),
            Some(_) | None => Ok(granted),
        }
    }

    fn request(&self) -> reqwest::RequestBuilder {
        let Source {
            credentials,
            secret,
            ..
        } = &self.source;
        let request = self
            .client
            .post(credentials.token_url.to_string())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let (id, secret) = (&credentials.client_id, secret.expose_secret());
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &credentials.scope {
            form.append_pair("scope", scope);
        }
        if credentials.in_body {
            form.append_pair("client_id", id);
            form.append_pair("client_secret", secret);
            return request.body(form.finish());
        }
        // RFC 6749 section 2.3.1: both are form-encoded first.
        let encode =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        request
            .basic_auth(encode(id), Some(encode(secret)))
            .body(form.finish())
    }
}
