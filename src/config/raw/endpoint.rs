//! An endpoint, and how it is asked.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::edges::{Certificate, certificate};
use super::{At, Entry, Given, Table};
use crate::config::kind::{
    Asked, Bytes, Host, HostName, Line, Method, Ms, OwnVantage, Redirects, Slug, StatusRange,
    Variable,
};
use crate::sla::assertion::JsonPath;
use crate::sla::catalog::{
    Family, HostPort, HttpVersion, ProxyKind, Rcode, RecordType, StartTls, Url,
};

pub(in crate::config) struct Endpoint {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) id: At<Slug>,
    pub(in crate::config) label: At<Line>,
    pub(in crate::config) data_provider: Given<Line>,
    pub(in crate::config) contractual: Given<bool>,
    pub(in crate::config) retired: Given<bool>,
    pub(in crate::config) vantages: Option<Vec<Spanned<OwnVantage>>>,
    pub(in crate::config) interval: Given<Ms>,
    pub(in crate::config) timeout: Given<Ms>,
    pub(in crate::config) validity: Given<Ms>,
    pub(in crate::config) latency_objective: Given<Ms>,
    pub(in crate::config) confirmation: Given<ConfirmationProbes>,
    pub(in crate::config) ways: Ways,
}

/// How an endpoint is asked: one of them.
pub(in crate::config) struct Ways {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) http: Given<Http>,
    pub(in crate::config) tcp: Given<Tcp>,
    pub(in crate::config) tls: Given<Tls>,
    pub(in crate::config) dns: Given<Dns>,
    pub(in crate::config) icmp: Given<Icmp>,
}

pub(in crate::config) struct ConfirmationProbes {
    pub(in crate::config) interval: At<Ms>,
    pub(in crate::config) probes: At<NonZeroU32>,
}

pub(in crate::config) struct Tcp {
    pub(in crate::config) address: At<HostPort>,
    pub(in crate::config) ip_family: Given<Family>,
    pub(in crate::config) starttls: Given<StartTls>,
    pub(in crate::config) send: Given<String>,
    pub(in crate::config) expect: Given<String>,
    pub(in crate::config) terms: TlsTerms,
}

pub(in crate::config) struct Tls {
    pub(in crate::config) address: At<HostPort>,
    pub(in crate::config) ip_family: Given<Family>,
    pub(in crate::config) terms: TlsTerms,
}

/// How the certificate of a server is judged.
pub(in crate::config) struct TlsTerms {
    pub(in crate::config) name: Given<HostName>,
    pub(in crate::config) ca_file: Given<PathBuf>,
    pub(in crate::config) days_min: Given<NonZeroU32>,
}

pub(in crate::config) struct Dns {
    pub(in crate::config) name: At<Asked>,
    pub(in crate::config) record: Given<RecordType>,
    pub(in crate::config) server: Given<HostPort>,
    pub(in crate::config) rcode: Given<Rcode>,
    pub(in crate::config) expected: Option<Vec<Spanned<Line>>>,
}

pub(in crate::config) struct Icmp {
    pub(in crate::config) host: At<Host>,
    pub(in crate::config) ip_family: Given<Family>,
}

pub(in crate::config) struct Http {
    pub(in crate::config) url: At<Url>,
    pub(in crate::config) method: Given<Method>,
    pub(in crate::config) headers: Vec<(Spanned<String>, Option<Value>)>,
    pub(in crate::config) body: Given<String>,
    pub(in crate::config) auth: Given<Auth>,
    pub(in crate::config) expected_statuses: Option<Vec<Spanned<StatusRange>>>,
    pub(in crate::config) assertions: Option<Vec<Spanned<String>>>,
    pub(in crate::config) json: Given<Json>,
    pub(in crate::config) body_limit: Given<Bytes>,
    pub(in crate::config) ca_file: Given<PathBuf>,
    pub(in crate::config) client_certificate: Given<Certificate>,
    pub(in crate::config) redirects_max: Given<Redirects>,
    pub(in crate::config) ip_family: Given<Family>,
    pub(in crate::config) ip_address: Given<IpAddr>,
    pub(in crate::config) tls_name: Given<HostName>,
    pub(in crate::config) http_version: Given<HttpVersion>,
    pub(in crate::config) proxy: Given<Proxy>,
}

pub(in crate::config) struct Proxy {
    pub(in crate::config) kind: Given<ProxyKind>,
    pub(in crate::config) address: At<HostPort>,
    pub(in crate::config) user: Given<String>,
    pub(in crate::config) password: Given<Value>,
}

/// What proves who asks; one of the three.
pub(in crate::config) struct Auth {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) basic: Given<Basic>,
    pub(in crate::config) bearer: Given<Value>,
    pub(in crate::config) oauth2: Given<OAuth2>,
}

pub(in crate::config) struct Basic {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) user: At<String>,
    pub(in crate::config) password: Given<Value>,
}

pub(in crate::config) struct OAuth2 {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) token_url: At<Url>,
    pub(in crate::config) client_id: At<String>,
    pub(in crate::config) client_secret: Given<Value>,
    pub(in crate::config) scope: Given<String>,
    pub(in crate::config) in_body: Given<bool>,
    pub(in crate::config) ca_file: Given<PathBuf>,
}

/// A text, or where a secret is kept.
pub(in crate::config) enum Value {
    Plain(Spanned<String>),
    Secret {
        at: Range<usize>,
        file: Given<PathBuf>,
        env: Given<Variable>,
    },
}

pub(in crate::config) struct Json {
    pub(in crate::config) path: At<JsonPath>,
    pub(in crate::config) up: Option<Vec<Spanned<String>>>,
    pub(in crate::config) maintenance: Option<Vec<Spanned<String>>>,
    pub(in crate::config) unknown: Option<Vec<Spanned<String>>>,
    pub(in crate::config) dated_by: Given<JsonPath>,
}

pub(super) fn endpoint(table: Table<'_>) -> Endpoint {
    Endpoint {
        at: table.at(),
        id: table.required("id"),
        label: table.required("label"),
        data_provider: table.optional("data_provider"),
        contractual: table.optional("contractual"),
        retired: table.optional("retired"),
        vantages: table.optional_list("vantages"),
        interval: table.optional("interval"),
        timeout: table.optional("timeout"),
        validity: table.optional("validity"),
        latency_objective: table.optional("latency_objective"),
        confirmation: table.optional_table("confirmation", |confirmation| ConfirmationProbes {
            interval: confirmation.required("interval"),
            probes: confirmation.required("probes"),
        }),
        ways: ways(&table),
    }
}

fn ways(table: &Table<'_>) -> Ways {
    Ways {
        at: table.at(),
        http: table.optional_table("http", http),
        tcp: table.optional_table("tcp", |tcp| Tcp {
            address: tcp.required("address"),
            ip_family: tcp.optional("ip_family"),
            starttls: tcp.optional("starttls"),
            send: tcp.optional("send"),
            expect: tcp.optional("expect"),
            terms: tls_terms(&tcp),
        }),
        tls: table.optional_table("tls", |tls| Tls {
            address: tls.required("address"),
            ip_family: tls.optional("ip_family"),
            terms: tls_terms(&tls),
        }),
        dns: table.optional_table("dns", |dns| Dns {
            name: dns.required("name"),
            record: dns.optional("record"),
            server: dns.optional("server"),
            rcode: dns.optional("rcode"),
            expected: dns.optional_list("expected"),
        }),
        icmp: table.optional_table("icmp", |icmp| Icmp {
            host: icmp.required("host"),
            ip_family: icmp.optional("ip_family"),
        }),
    }
}

fn tls_terms(table: &Table<'_>) -> TlsTerms {
    TlsTerms {
        name: table.optional("tls_name"),
        ca_file: table.optional("ca_file"),
        days_min: table.optional("certificate_days_min"),
    }
}

fn http(table: Table<'_>) -> Http {
    Http {
        url: table.required("url"),
        method: table.optional("method"),
        headers: table
            .free("headers")
            .into_iter()
            .map(|(name, entry)| {
                let value = match entry {
                    Entry::Value(value) => table.read(name.get_ref(), value).map(Value::Plain),
                    Entry::Table(place) => Some(secret(place)),
                };
                (name, value)
            })
            .collect(),
        body: table.optional("body"),
        auth: table.optional_table("auth", auth),
        expected_statuses: table.optional_list("expected_statuses"),
        assertions: table.optional_list("assertions"),
        json: table.optional_table("json", json),
        body_limit: table.optional("body_limit"),
        ca_file: table.optional("ca_file"),
        client_certificate: table.optional_table("client_certificate", certificate),
        redirects_max: table.optional("redirects_max"),
        ip_family: table.optional("ip_family"),
        ip_address: table.optional("ip_address"),
        tls_name: table.optional("tls_name"),
        http_version: table.optional("http_version"),
        proxy: table.optional_table("proxy", proxy),
    }
}

fn auth(table: Table<'_>) -> Auth {
    Auth {
        at: table.at(),
        basic: table.optional_table("basic", |table| Basic {
            at: table.at(),
            user: table.required("user"),
            password: table.either("password", Value::Plain, secret),
        }),
        bearer: table.either("bearer", Value::Plain, secret),
        oauth2: table.optional_table("oauth2", |table| OAuth2 {
            at: table.at(),
            token_url: table.required("token_url"),
            client_id: table.required("client_id"),
            client_secret: table.either("client_secret", Value::Plain, secret),
            scope: table.optional("scope"),
            in_body: table.optional("in_body"),
            ca_file: table.optional("ca_file"),
        }),
    }
}

fn proxy(table: Table<'_>) -> Proxy {
    Proxy {
        kind: table.optional("kind"),
        address: table.required("address"),
        user: table.optional("user"),
        password: table.either("password", Value::Plain, secret),
    }
}

fn secret(table: Table<'_>) -> Value {
    Value::Secret {
        at: table.at(),
        file: table.optional("file"),
        env: table.optional("env"),
    }
}

fn json(table: Table<'_>) -> Json {
    Json {
        path: table.required("path"),
        up: table.required_list("up"),
        maintenance: table.optional_list("maintenance"),
        unknown: table.optional_list("unknown"),
        dated_by: table.optional("dated_by"),
    }
}
