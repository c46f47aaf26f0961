//! How to ask over HTTP, and what a good answer is.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::{SecretPlace, Value};
use crate::sla::assertion::{Assertion, JsonPath};

/// An HTTP or HTTPS request and what a good answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProbe {
    /// Where.
    pub url: Url,
    /// `GET`, `HEAD`, `POST` and so on, in capitals.
    pub method: String,
    /// Sent as they are; a secret value is read from its place when the probe is made.
    pub headers: Vec<(String, Value)>,
    /// Sent with the request.
    pub body: Option<String>,
    /// What proves to the service who asks, if anything does.
    pub authentication: Option<Authentication>,
    /// The statuses of a good answer.
    pub expected_statuses: Statuses,
    /// What else a good answer must be; all of it.
    pub assertions: Vec<Assertion>,
    /// A field of a JSON body that tells the state.
    pub json: Option<JsonState>,
    /// The most bytes of body read, also after decompression.
    pub body_bytes_max: usize,
    /// A file of trusted authorities (PEM) in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// What we show where the TLS handshake asks who we are.
    pub client_certificate: Option<ClientCertificate>,
    /// How many redirects are followed. With 0, a redirect is an answer like any other; an
    /// expected status is one in any case. Secrets never follow to another origin.
    pub redirects_max: usize,
    /// How to get there, where the address does not say all.
    pub route: Route,
}

impl HttpProbe {
    /// A `GET` of `url` that expects status 200, reads at most 1 MiB, and nothing else.
    pub fn get(url: Url) -> Self {
        Self {
            url,
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: None,
            authentication: None,
            expected_statuses: Statuses::OK,
            assertions: Vec::new(),
            json: None,
            body_bytes_max: 1024 * 1024,
            ca_file: None,
            client_certificate: None,
            redirects_max: 0,
            route: Route::default(),
        }
    }
}

/// A set of HTTP statuses; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Cow<'static, [(u16, u16)]>);

impl Statuses {
    /// Only 200.
    pub const OK: Self = Self(Cow::Borrowed(&[(200, 200)]));

    /// The statuses of these ranges, from the first to the last of each, both included; nothing
    /// if there is no range or one ends before it begins.
    pub fn new(ranges: Vec<(u16, u16)>) -> Option<Self> {
        let fits = !ranges.is_empty() && ranges.iter().all(|(first, last)| first <= last);
        fits.then_some(Self(Cow::Owned(ranges)))
    }

    /// Whether `status` is one of them.
    pub fn contains(&self, status: u16) -> bool {
        let mut ranges = self.0.iter();
        ranges.any(|(first, last)| *first <= status && status <= *last)
    }

    /// Those that were named one by one, and not as part of a range.
    pub fn named(&self) -> impl Iterator<Item = u16> {
        let ranges = self.0.iter();
        ranges
            .filter(|(first, last)| first == last)
            .map(|(one, _)| *one)
    }

    /// The one that was named first.
    pub fn first(&self) -> u16 {
        self.0.first().map_or(200, |(first, _)| *first)
    }
}

/// `200`, `200 or 404`, `200-204, 301 or 404`.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, (first, last)) in self.0.iter().enumerate() {
            match idx {
                0 => {}
                idx if idx + 1 == self.0.len() => f.write_str(" or ")?,
                _ => f.write_str(", ")?,
            }
            write!(f, "{first}")?;
            if last != first {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

/// What proves to the service who asks. Like all secrets, it never follows to another origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// User and password, as RFC 7617 sends them.
    Basic {
        /// Without a colon.
        user: String,
        /// Where the password is.
        password: SecretPlace,
    },
    /// A token that we were given, as RFC 6750 sends it.
    Bearer(SecretPlace),
    /// A token that we fetch ourselves and keep until shortly before it ends.
    ClientCredentials(ClientCredentials),
}

/// How a token is fetched (OAuth 2.0, RFC 6749 section 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The authorization server's address for tokens.
    pub token_url: Url,
    /// Who we are to it.
    pub client_id: String,
    /// Where the secret is that proves it.
    pub client_secret: SecretPlace,
    /// What the token is to be good for, as the authorization server names it.
    pub scope: Option<String>,
    /// Whether id and secret are sent in the body; otherwise as user and password, which every
    /// authorization server must know.
    pub in_body: bool,
    /// A file of authorities (PEM) that the authorization server's certificate is checked with, in
    /// place of the system's.
    pub ca_file: Option<PathBuf>,
}

/// What we show where the TLS handshake asks who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and those that lead from it to its authority (PEM).
    pub file: PathBuf,
    /// Its private key (PEM), which others must not be able to read.
    pub key_file: PathBuf,
}

/// A field of a JSON body whose text tells the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonState {
    /// Where it is: `$.status`.
    pub path: JsonPath,
    /// Texts that mean that the service works.
    pub up: Vec<String>,
    /// Texts that mean announced maintenance: not available.
    pub maintenance: Vec<String>,
    /// Texts that mean that the service does not know: void.
    pub unknown: Vec<String>,
    /// The field that tells when the service last looked (`$.last_update`, RFC 3339), where an
    /// answer may come from a cache. A good answer then speaks from that instant.
    pub dated_by: Option<JsonPath>,
}

/// How to get to an endpoint, where its address does not say all. The default adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Which kind of address.
    pub family: Family,
    /// This address, in place of those of the host's name; redirects to other hosts do not use it.
    pub address: Option<IpAddr>,
    /// The name that the TLS handshake asks for and that the certificate must carry, in place of
    /// the host's; redirects to other hosts do not use it.
    pub tls_name: Option<String>,
    /// Which version of HTTP.
    pub version: HttpVersion,
    /// Through this, which then also resolves the host's name. The stages resolve and connect
    /// include the way to it.
    pub proxy: Option<Proxy>,
}

/// A proxy of ours. When it fails, the service is not blamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// How to speak to it.
    pub kind: ProxyKind,
    /// A name or an address (IPv6 without brackets).
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// User and password, if it wants them.
    pub credentials: Option<(String, Value)>,
}

/// The language of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyKind {
    /// HTTP: `CONNECT` for `https` endpoints, forwarding for `http`.
    Http,
    /// SOCKS 5.
    Socks5,
}

/// Which of a name's addresses are tried, and in what order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    /// All, in the order of the system's resolver.
    #[default]
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
    /// All, IPv4 first.
    PreferIpv4,
    /// All, IPv6 first.
    PreferIpv6,
}

/// Which version of HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/2 where it is offered over TLS, otherwise HTTP/1.1.
    #[default]
    Any,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS, by prior knowledge.
    Http2,
}

/// An absolute `http` or `https` address, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether the scheme is `https`.
    pub tls: bool,
    /// A name or an address (IPv6 without brackets).
    pub host: String,
    /// Given, or the scheme's own.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
}

impl Url {
    /// Scheme, host and port: what may be shown where the path may hold a secret.
    pub fn origin(&self) -> String {
        let origin = Self {
            path: String::new(),
            ..self.clone()
        };
        origin.to_string()
    }

    /// Everything but the query, which may hold a secret.
    pub fn without_query(&self) -> String {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        format!("{}{path}", self.origin())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let default_port = if self.tls { 443 } else { 80 };
        let (open, close) = if self.host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        write!(f, "{scheme}://{open}{}{close}", self.host)?;
        if self.port != default_port {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}
