//! Endpoints: how they are asked, and what a good answer is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use hyper::header::{HeaderName, HeaderValue};
use toml::Spanned;

use crate::config::fault::names_a_secret;
use crate::config::kind::{Bytes, Method, Redirects};
use crate::config::raw;
use crate::config::reader::Given;
use crate::sla::catalog::{
    ConfirmationProbes, Endpoint, EndpointId, Family, HttpProbe, HttpVersion, Proxy, ProxyKind,
    Route, SecretPlace, Value, VantageId,
};
use crate::sla::window::{HOUR_MS, SECOND_MS};

use super::answer::statuses;
use super::{Checker, all, ms};
use crate::sla::window::show_duration_ms;

const DEFAULT_INTERVAL_MS: i64 = 60 * SECOND_MS;
const INTERVAL_MS_MAX: i64 = 24 * HOUR_MS;
const DEFAULT_TIMEOUT_MS: i64 = 10 * SECOND_MS;
const DEFAULT_METHOD: &str = "GET";
const DEFAULT_BODY_BYTES_MAX: usize = 1 << 20;

/// How often it is asked; nothing if that is wrong.
pub(super) fn interval_ms(endpoint: &raw::Endpoint) -> Option<i64> {
    ms(&endpoint.interval, DEFAULT_INTERVAL_MS)
}

/// How long an answer may take; nothing if that is wrong.
pub(super) fn timeout_ms(endpoint: &raw::Endpoint) -> Option<i64> {
    ms(&endpoint.timeout, DEFAULT_TIMEOUT_MS)
}

/// How soon an endpoint can be asked again, in milliseconds.
pub(super) struct Repeats {
    interval_ms: i64,
    timeout_ms: i64,
    /// The interval of its confirmations, and how many there are.
    confirming: Option<(i64, i64)>,
}

impl Repeats {
    /// Nothing if what it is told by is wrong.
    pub(super) fn of(endpoint: &raw::Endpoint) -> Option<Self> {
        let confirming = match &endpoint.confirmation {
            Given::LeftOut => None,
            Given::Wrong => return None,
            Given::Written(written) => {
                let raw = written.get_ref();
                let probes = raw.probes.as_ref()?.get_ref().get();
                Some((raw.interval.as_ref()?.get_ref().0, i64::from(probes)))
            }
        };
        Some(Self {
            interval_ms: interval_ms(endpoint)?,
            timeout_ms: timeout_ms(endpoint)?,
            confirming,
        })
    }

    /// How long it takes to ask `repeats` times more after a failure, to the end of the last answer.
    pub(super) fn time_for_ms(&self, repeats: i64) -> i64 {
        let until_last_ms = match self.confirming {
            Some((confirming_ms, probes)) if repeats <= probes => repeats * confirming_ms,
            // The regular probes follow each other as if there were no others.
            Some((_, probes)) => (repeats - probes) * self.interval_ms,
            None => repeats * self.interval_ms,
        };
        until_last_ms + self.timeout_ms
    }
}

/// How often it is asked, and what follows from that; in milliseconds.
struct Rhythm {
    interval_ms: i64,
    timeout_ms: i64,
    validity_ms: i64,
    latency_objective_ms: Option<u32>,
    confirmation: Option<ConfirmationProbes>,
}

impl Checker<'_> {
    pub(super) fn endpoint(&self, raw: raw::Endpoint) -> Option<Endpoint> {
        let is = |flag: &Given<bool>| flag.written().is_some_and(|yes| *yes.get_ref());
        if let Some(at) = raw.contractual.at()
            && is(&raw.contractual)
            && is(&raw.retired)
        {
            self.notes.fault(
                at,
                "a retired endpoint is no longer asked and cannot count for a commitment",
                "write `contractual = false`, or remove `retired`",
            );
        }
        let rhythm = self.rhythm(&raw);
        let probe = self.probe(raw.ways);
        let rhythm = rhythm?;
        Some(Endpoint {
            id: EndpointId::new(&raw.id?.get_ref().0)?,
            label: raw.label?.into_inner().0,
            data_provider: raw.data_provider.maybe()?.map(|name| name.0),
            contractual: raw.contractual.or(false)?,
            retired: raw.retired.or(false)?,
            vantages: raw
                .vantages
                .unwrap_or_default()
                .into_iter()
                .filter_map(|id| VantageId::new(&id.into_inner().0))
                .collect(),
            probe: probe?,
            interval_ms: rhythm.interval_ms,
            timeout_ms: rhythm.timeout_ms,
            validity_ms: rhythm.validity_ms,
            latency_objective_ms: rhythm.latency_objective_ms,
            confirmation: rhythm.confirmation,
        })
    }

    fn rhythm(&self, raw: &raw::Endpoint) -> Option<Rhythm> {
        let (interval_ms, timeout_ms) = (interval_ms(raw), timeout_ms(raw));
        if let (Some(at), Some(interval_ms)) = (raw.interval.at(), interval_ms)
            && !(SECOND_MS..=INTERVAL_MS_MAX).contains(&interval_ms)
        {
            self.notes.fault(
                at,
                "`interval` is out of range",
                "write a duration from `\"1s\"` to `\"24h\"`",
            );
            return None;
        }
        if let Some(at) = raw.timeout.at()
            && timeout_ms == Some(0)
        {
            self.notes.fault(
                at,
                "`timeout` leaves no time for an answer",
                format!(
                    "write how long to wait, for example `timeout = \"{}\"`",
                    show_duration_ms(DEFAULT_TIMEOUT_MS)
                ),
            );
            return None;
        }
        let (interval_ms, timeout_ms) = (interval_ms?, timeout_ms?);
        if timeout_ms >= interval_ms {
            self.notes.fault(
                raw.timeout
                    .at()
                    .or(raw.interval.at())
                    .unwrap_or(raw.at.clone()),
                format!(
                    "`timeout` ({}) must be shorter than `interval` ({}): probes would overlap",
                    show_duration_ms(timeout_ms),
                    show_duration_ms(interval_ms)
                ),
                format!(
                    "write a shorter one, for example `timeout = \"{}\"`",
                    show_duration_ms(interval_ms / 2)
                ),
            );
        }
        // Two intervals and a half and one timeout: one lost observation is tolerated.
        let validity_ms = ms(&raw.validity, interval_ms * 5 / 2 + timeout_ms)?;
        if let Some(at) = raw.validity.at()
            && validity_ms < interval_ms + timeout_ms
        {
            self.notes.fault(
                at,
                "`validity` ends before the next observation can be there: the state would be unknown between two good answers",
                format!(
                    "write at least `interval` and `timeout` together, `validity = \"{}\"`, or leave it out",
                    show_duration_ms(interval_ms + timeout_ms)
                ),
            );
        }
        let objective_ms = match &raw.latency_objective {
            Given::LeftOut => None,
            Given::Wrong => return None,
            Given::Written(objective) => Some(objective.get_ref().0),
        };
        if let (Some(at), Some(objective_ms)) = (raw.latency_objective.at(), objective_ms)
            && !(1..timeout_ms).contains(&objective_ms)
        {
            self.notes.fault(
                at,
                format!(
                    "`latency_objective` is not between 0 and `timeout` ({}): slower answers are failures anyway",
                    show_duration_ms(timeout_ms)
                ),
                format!(
                    "write a shorter one, for example `latency_objective = \"{}\"`",
                    show_duration_ms((timeout_ms / 5).max(1))
                ),
            );
        }
        Some(Rhythm {
            interval_ms,
            timeout_ms,
            validity_ms,
            latency_objective_ms: objective_ms.and_then(|ms| u32::try_from(ms).ok()),
            confirmation: match &raw.confirmation {
                Given::LeftOut => None,
                Given::Wrong => return None,
                Given::Written(written) => {
                    Some(self.confirmation_probes(written.get_ref(), interval_ms, timeout_ms)?)
                }
            },
        })
    }

    fn confirmation_probes(
        &self,
        raw: &raw::ConfirmationProbes,
        interval_ms: i64,
        timeout_ms: i64,
    ) -> Option<ConfirmationProbes> {
        let (interval, probes) = (raw.interval.as_ref()?, raw.probes.as_ref()?);
        let confirming_ms = interval.get_ref().0;
        if confirming_ms <= timeout_ms {
            self.notes.fault(
                interval.span(),
                format!(
                    "`interval` of `confirmation` must be longer than `timeout` ({}): probes would overlap",
                    show_duration_ms(timeout_ms)
                ),
                "write a longer one, or a shorter `timeout`",
            );
            return None;
        }
        let probes_max = interval_ms / confirming_ms - 1;
        if i64::from(probes.get_ref().get()) > probes_max {
            let remedy = if probes_max < 1 {
                format!(
                    "write an interval of at most {}, half of the endpoint's",
                    show_duration_ms(interval_ms / 2)
                )
            } else {
                format!("write at most `probes = {probes_max}`, or a shorter interval")
            };
            self.notes.fault(
                probes.span(),
                format!(
                    "so many confirmations do not fit before the next regular probe, {} later",
                    show_duration_ms(interval_ms)
                ),
                remedy,
            );
            return None;
        }
        Some(ConfirmationProbes {
            interval_ms: confirming_ms,
            probes: *probes.get_ref(),
        })
    }

    pub(super) fn http(&self, raw: raw::Http) -> Option<HttpProbe> {
        let assertions = self.assertions(&raw);
        for (key, at) in [
            ("ca_file", raw.ca_file.at()),
            ("client_certificate", raw.client_certificate.at()),
            ("tls_name", raw.tls_name.at()),
        ] {
            if let (Some(at), Some(url)) = (at, &raw.url)
                && !url.get_ref().tls
            {
                self.notes.fault(
                    at,
                    format!("`{key}` has no effect: the address is not `https`"),
                    format!("write an `https://` address, or remove `{key}`"),
                );
            }
        }
        if let (Some(at), Some(family)) = (raw.ip_address.at(), raw.ip_family.written())
            && *family.get_ref() != Family::Any
        {
            self.notes.fault(
                at,
                "`ip_address` is one address, and `ip_family` chooses among several",
                "remove one of the two",
            );
        }
        // Through a proxy, its addresses are the ones that are tried.
        let first = match (&raw.proxy, &raw.url) {
            (Given::LeftOut, Some(url)) => Some(&url.get_ref().host),
            (Given::Written(proxy), _) => proxy
                .get_ref()
                .address
                .as_ref()
                .map(|address| &address.get_ref().host),
            (Given::LeftOut, None) | (Given::Wrong, _) => None,
        };
        self.family(&raw.ip_family, first);
        if let (Some(at), Some((name, _))) = (
            raw.auth.at(),
            raw.headers
                .iter()
                .find(|(name, _)| name.get_ref().eq_ignore_ascii_case("authorization")),
        ) {
            self.notes.fault(
                at,
                format!(
                    "`auth` and the header `{}` are two answers to one question",
                    name.get_ref()
                ),
                "remove one of the two",
            );
        }
        let authentication = match raw.auth {
            Given::LeftOut => Some(None),
            Given::Wrong => None,
            Given::Written(auth) => self.authentication(auth.into_inner()).map(Some),
        };
        let client_certificate = match raw.client_certificate {
            Given::LeftOut => Some(None),
            Given::Wrong => None,
            Given::Written(ours) => self.client_certificate(ours.into_inner()).map(Some),
        };
        let headers = self.headers(raw.headers);
        let proxy = match raw.proxy {
            Given::LeftOut => Some(None),
            Given::Wrong => None,
            Given::Written(proxy) => self.proxy(proxy.into_inner()).map(Some),
        };
        let json = match raw.json {
            Given::LeftOut => Some(None),
            Given::Wrong => None,
            Given::Written(json) => self.json(json.into_inner()).map(Some),
        };
        Some(HttpProbe {
            url: raw.url?.into_inner(),
            method: raw.method.or(Method(DEFAULT_METHOD))?.0.to_owned(),
            headers: headers?,
            body: raw.body.maybe()?,
            authentication: authentication?,
            expected_statuses: statuses(raw.expected_statuses)?,
            assertions: assertions?,
            json: json?,
            body_bytes_max: raw.body_limit.or(Bytes(DEFAULT_BODY_BYTES_MAX))?.0,
            ca_file: raw.ca_file.maybe()?.map(|path| self.base.join(path)),
            client_certificate: client_certificate?,
            redirects_max: raw.redirects_max.or(Redirects(0))?.0,
            route: Route {
                family: raw.ip_family.or(Family::Any)?,
                address: raw.ip_address.maybe()?,
                tls_name: raw.tls_name.maybe()?.map(|name| name.0),
                version: raw.http_version.or(HttpVersion::Any)?,
                proxy: proxy?,
            },
        })
    }

    /// An address has no other family than its own.
    pub(super) fn family(&self, wanted: &Given<Family>, host: Option<&String>) {
        let (Some(wanted), Some(host)) = (wanted.written(), host) else {
            return;
        };
        let Ok(address) = host.parse::<IpAddr>() else {
            return;
        };
        let (fits, one, right) = match wanted.get_ref() {
            Family::Any | Family::PreferIpv4 | Family::PreferIpv6 => return,
            Family::Ipv4 => (address.is_ipv4(), "an IPv6 address", "an IPv4 address"),
            Family::Ipv6 => (address.is_ipv6(), "an IPv4 address", "an IPv6 address"),
        };
        if !fits {
            self.notes.fault(
                wanted.span(),
                format!(
                    "`ip_family` chooses among the addresses of a name, and `{address}` is {one}"
                ),
                format!("remove `ip_family`, or write a name or {right}"),
            );
        }
    }

    fn proxy(&self, raw: raw::Proxy) -> Option<Proxy> {
        if let (Given::LeftOut, Some(at)) = (&raw.user, raw.password.at()) {
            self.notes.fault(
                at,
                "`password` is of no use without `user`",
                "write `user` as well, or remove `password`",
            );
        }
        if let (Some(at), Given::LeftOut) = (raw.user.at(), &raw.password) {
            self.notes.fault(
                at,
                "`user` has no `password`",
                "write `password = { file = \"/etc/vigie/password\" }`, or remove `user`",
            );
        }
        let password = match raw.password {
            Given::LeftOut => Some(None),
            Given::Wrong => None,
            Given::Written(password) => self
                .text_or_secret("password", password.into_inner())
                .map(Some),
        };
        let address = raw.address?.into_inner();
        Some(Proxy {
            kind: raw.kind.or(ProxyKind::Http)?,
            host: address.host,
            port: address.port,
            credentials: raw.user.maybe()?.zip(password?),
        })
    }

    fn headers(
        &self,
        headers: Vec<(Spanned<String>, Option<raw::Value>)>,
    ) -> Option<Vec<(String, Value)>> {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        all(Some(headers), |(name, value)| {
            let at = name.span();
            let name = name.into_inner();
            if let Some(first) = seen.insert(name.to_ascii_lowercase(), name.clone()) {
                self.notes.fault(
                    at.clone(),
                    format!("the header `{name}` is already there, as `{first}`"),
                    "remove one of them: capitals make no difference",
                );
            }
            self.header_name(&name, at);
            let value = self.text_or_secret(&name, value?)?;
            Some((name, value))
        })
    }

    fn header_name(&self, name: &str, at: Range<usize>) {
        const OURS: [&str; 4] = [
            "connection",
            "content-length",
            "transfer-encoding",
            "upgrade",
        ];
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            self.notes.fault(
                at,
                format!("`{}` is not the name of a header", name.escape_debug()),
                "write letters, figures and hyphens, for example `Accept`",
            );
        } else if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            self.notes.fault(
                at,
                format!("the header `{name}` follows from the request itself"),
                "remove it",
            );
        }
    }

    /// The value is never repeated in a message.
    pub(super) fn text_or_secret(&self, name: &str, value: raw::Value) -> Option<Value> {
        match value {
            raw::Value::Plain(text) if names_a_secret(name) => {
                self.notes.fault(
                    text.span(),
                    format!("the value of `{name}` is a secret, and secrets are not written in this file"),
                    format!(
                        "put it in a file or an environment variable: `{name} = {{ file = \"/etc/vigie/{}\" }}` or `{name} = {{ env = \"{}\" }}`",
                        name.to_ascii_lowercase(),
                        name.to_ascii_uppercase().replace('-', "_")
                    ),
                );
                None
            }
            raw::Value::Plain(text) => {
                let value = text.get_ref();
                if !value.is_ascii() || HeaderValue::from_str(value).is_err() {
                    self.notes.fault(
                        text.span(),
                        format!("the value of `{name}` cannot be sent"),
                        "write visible ASCII characters and spaces",
                    );
                    return None;
                }
                Some(Value::Plain(text.into_inner()))
            }
            raw::Value::Secret { at, file, env } => match (file, env) {
                (Given::Written(file), Given::LeftOut) => Some(Value::Secret(SecretPlace::File(
                    self.base.join(file.into_inner()),
                ))),
                (Given::LeftOut, Given::Written(env)) => {
                    Some(Value::Secret(SecretPlace::Env(env.into_inner().0)))
                }
                (Given::Wrong, _) | (_, Given::Wrong) => None,
                (Given::Written(_), Given::Written(_)) | (Given::LeftOut, Given::LeftOut) => {
                    self.notes.fault(
                        at,
                        format!("the secret `{name}` has one place: a `file` or an `env`"),
                        format!(
                            "write `{name} = {{ file = \"/etc/vigie/{}\" }}` or `{name} = {{ env = \"{}\" }}`",
                            name.to_ascii_lowercase(),
                            name.to_ascii_uppercase().replace('-', "_")
                        ),
                    );
                    None
                }
            },
        }
    }
}
