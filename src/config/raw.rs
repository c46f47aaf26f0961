//! What was written: one struct per table of the file, each value of its kind and with its place.
//!
//! A value that must be there and is absent here has been noted, as missing or as wrong; one that
//! may be left out is a [`Given`].

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::PathBuf;

use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;
use toml::Spanned;
use toml::de::DeTable;

use crate::report::Colour;
use crate::sla::assertion::JsonPath;
use crate::sla::catalog::{
    Family, HostPort, HttpVersion, Language, Progress, ProxyKind, Rcode, RecordType, StartTls, Url,
};
use crate::sla::commitment::{Degraded, PeriodSource, Ppm};

use super::MailSecurity;
use super::kind::{
    Bytes, DatabaseUrl, DnsName, FileName, FirstOfMonth, Host, HostName, Keep, LabelName, Line,
    Mailbox, MaintenanceWord, Majority, Method, Moment, Ms, OwnVantage, Prose, Redirects, RuleWord,
    Slug, StatusRange, StoreSecurity, Variable,
};
use super::reader::{Entry, Given, Named, Notes, Table};

/// A value that must be there, with its place.
type At<T> = Option<Spanned<T>>;

pub(super) struct File {
    pub(super) provider: Option<Provider>,
    pub(super) vantage_id: Given<OwnVantage>,
    pub(super) store: Store,
    pub(super) forward: Given<Forward>,
    pub(super) web_listen: Given<SocketAddr>,
    pub(super) intake: Given<Intake>,
    pub(super) web_public: Given<bool>,
    pub(super) reports_directory: Given<PathBuf>,
    pub(super) signing_key_file: Given<PathBuf>,
    pub(super) look: Look,
    pub(super) mail: Mail,
    pub(super) close_delay: Given<Ms>,
    pub(super) retention: Retention,
    pub(super) probing: Probing,
    pub(super) metrics: Metrics,
    pub(super) services: Option<Vec<Service>>,
    pub(super) partners: Option<Vec<Partner>>,
}

/// How reports look, and what is added to them.
pub(super) struct Look {
    pub(super) logo: Given<PathBuf>,
    pub(super) accent: Given<Colour>,
    pub(super) french: Additions,
    pub(super) english: Additions,
}

pub(super) struct Additions {
    pub(super) introduction: Option<Vec<Spanned<Prose>>>,
    pub(super) closing: Option<Vec<Spanned<Prose>>>,
}

/// Where observations are kept; each key may be left out.
pub(super) struct Store {
    pub(super) path: Given<PathBuf>,
    pub(super) url: Given<DatabaseUrl>,
    pub(super) password: Given<Password>,
    pub(super) security: Given<StoreSecurity>,
    pub(super) ca_file: Given<PathBuf>,
    pub(super) connect_timeout: Given<Ms>,
    pub(super) statement_timeout: Given<Ms>,
    pub(super) spool: Given<PathBuf>,
}

pub(super) struct Password {
    pub(super) at: Range<usize>,
    pub(super) file: Given<PathBuf>,
    pub(super) env: Given<Variable>,
}

/// Where what is seen is handed in.
pub(super) struct Forward {
    pub(super) at: Range<usize>,
    pub(super) url: Given<Url>,
    pub(super) token: Given<Password>,
    pub(super) certificate: Given<Certificate>,
    pub(super) ca_file: Given<PathBuf>,
    pub(super) spool: Given<PathBuf>,
}

/// Where other vantages hand in what they saw.
pub(super) struct Intake {
    pub(super) at: Range<usize>,
    pub(super) listen: Given<SocketAddr>,
    pub(super) certificate: Given<Certificate>,
    pub(super) client_ca_file: Given<PathBuf>,
    pub(super) behind_proxy: Given<bool>,
    pub(super) vantages: Option<Vec<IntakeVantage>>,
}

pub(super) struct IntakeVantage {
    pub(super) at: Range<usize>,
    pub(super) id: At<OwnVantage>,
    pub(super) token: Given<Password>,
    pub(super) certificate_name: Given<HostName>,
}

/// How long what is kept; each key may be left out.
pub(super) struct Retention {
    pub(super) evidence: Given<Keep>,
    pub(super) journal: Given<Keep>,
    pub(super) contacts: Given<Keep>,
    pub(super) failures_in_full: Given<NonZeroU32>,
}

pub(super) struct Probing {
    pub(super) concurrency_max: Given<NonZeroU32>,
    pub(super) controls: Option<Vec<Spanned<HostPort>>>,
}

pub(super) struct Metrics {
    pub(super) duration_buckets: Option<Vec<Spanned<Ms>>>,
    pub(super) phase_buckets: Option<Vec<Spanned<Ms>>>,
    pub(super) partners_max: Given<NonZeroU32>,
    pub(super) labels: Vec<Named<Line>>,
}

pub(super) struct Provider {
    pub(super) name: At<Line>,
    pub(super) contact: At<Mailbox>,
    pub(super) data_protection_contact: Given<Line>,
}

/// Letters; each key may be left out.
pub(super) struct Mail {
    pub(super) relay: Given<HostPort>,
    pub(super) security: Given<MailSecurity>,
    pub(super) login: Given<Login>,
    pub(super) ca_file: Given<PathBuf>,
    pub(super) hello: Given<HostName>,
    pub(super) timeout: Given<Ms>,
    pub(super) folder: Given<PathBuf>,
    pub(super) from: Given<Mailbox>,
    pub(super) label: Given<Line>,
    pub(super) reply_to: Given<Mailbox>,
    pub(super) return_path: Given<Mailbox>,
    pub(super) dkim: Given<Dkim>,
    pub(super) signature: Given<Prose>,
    pub(super) attach: Option<Vec<Spanned<FileName>>>,
    pub(super) base_url: Given<Url>,
    pub(super) link_only: Given<bool>,
    pub(super) review: Given<bool>,
    pub(super) revoked_partners: Given<bool>,
}

/// What signs letters, and where its key is kept.
pub(super) struct Dkim {
    pub(super) at: Range<usize>,
    pub(super) domain: Given<HostName>,
    pub(super) selector: At<DnsName>,
    pub(super) file: Given<PathBuf>,
    pub(super) env: Given<Variable>,
}

/// An account, and where its password is kept.
pub(super) struct Login {
    pub(super) at: Range<usize>,
    pub(super) user: At<Line>,
    pub(super) file: Given<PathBuf>,
    pub(super) env: Given<Variable>,
}

/// Where the calls of a service are counted, and how.
pub(super) struct Usage {
    pub(super) prometheus: At<Url>,
    pub(super) authorization: Given<Password>,
    pub(super) ca_file: Given<PathBuf>,
    pub(super) calls: At<String>,
    pub(super) successes: At<String>,
    pub(super) label: Given<LabelName>,
    pub(super) source: Given<Line>,
}

pub(super) struct Service {
    pub(super) at: Range<usize>,
    pub(super) id: At<Slug>,
    pub(super) name: At<Line>,
    pub(super) usage: Given<Usage>,
    pub(super) endpoints: Option<Vec<Endpoint>>,
    pub(super) commitments: Option<Vec<Commitment>>,
    pub(super) maintenances: Option<Vec<Maintenance>>,
    pub(super) improvements: Option<Vec<Improvement>>,
}

/// An action to improve the service.
pub(super) struct Improvement {
    pub(super) what: At<Prose>,
    pub(super) progress: At<Progress>,
    pub(super) date: Given<NaiveDate>,
}

pub(super) struct Endpoint {
    pub(super) at: Range<usize>,
    pub(super) id: At<Slug>,
    pub(super) label: At<Line>,
    pub(super) data_provider: Given<Line>,
    pub(super) contractual: Given<bool>,
    pub(super) retired: Given<bool>,
    pub(super) vantages: Option<Vec<Spanned<OwnVantage>>>,
    pub(super) interval: Given<Ms>,
    pub(super) timeout: Given<Ms>,
    pub(super) validity: Given<Ms>,
    pub(super) latency_objective: Given<Ms>,
    pub(super) confirmation: Given<ConfirmationProbes>,
    pub(super) ways: Ways,
}

/// How an endpoint is asked: one of them.
pub(super) struct Ways {
    pub(super) at: Range<usize>,
    pub(super) http: Given<Http>,
    pub(super) tcp: Given<Tcp>,
    pub(super) tls: Given<Tls>,
    pub(super) dns: Given<Dns>,
    pub(super) icmp: Given<Icmp>,
}

pub(super) struct ConfirmationProbes {
    pub(super) interval: At<Ms>,
    pub(super) probes: At<NonZeroU32>,
}

pub(super) struct Tcp {
    pub(super) address: At<HostPort>,
    pub(super) ip_family: Given<Family>,
    pub(super) starttls: Given<StartTls>,
    pub(super) send: Given<String>,
    pub(super) expect: Given<String>,
    pub(super) terms: TlsTerms,
}

pub(super) struct Tls {
    pub(super) address: At<HostPort>,
    pub(super) ip_family: Given<Family>,
    pub(super) terms: TlsTerms,
}

/// How the certificate of a server is judged.
pub(super) struct TlsTerms {
    pub(super) name: Given<HostName>,
    pub(super) ca_file: Given<PathBuf>,
    pub(super) days_min: Given<NonZeroU32>,
}

pub(super) struct Dns {
    pub(super) name: At<DnsName>,
    pub(super) record: Given<RecordType>,
    pub(super) server: Given<HostPort>,
    pub(super) rcode: Given<Rcode>,
    pub(super) expected: Option<Vec<Spanned<Line>>>,
}

pub(super) struct Icmp {
    pub(super) host: At<Host>,
    pub(super) ip_family: Given<Family>,
}

pub(super) struct Http {
    pub(super) url: At<Url>,
    pub(super) method: Given<Method>,
    pub(super) headers: Vec<(Spanned<String>, Option<Value>)>,
    pub(super) body: Given<String>,
    pub(super) auth: Given<Auth>,
    pub(super) expected_statuses: Option<Vec<Spanned<StatusRange>>>,
    pub(super) assertions: Option<Vec<Spanned<String>>>,
    pub(super) json: Given<Json>,
    pub(super) body_limit: Given<Bytes>,
    pub(super) ca_file: Given<PathBuf>,
    pub(super) client_certificate: Given<Certificate>,
    pub(super) redirects_max: Given<Redirects>,
    pub(super) ip_family: Given<Family>,
    pub(super) ip_address: Given<IpAddr>,
    pub(super) tls_name: Given<HostName>,
    pub(super) http_version: Given<HttpVersion>,
    pub(super) proxy: Given<Proxy>,
}

pub(super) struct Proxy {
    pub(super) kind: Given<ProxyKind>,
    pub(super) address: At<HostPort>,
    pub(super) user: Given<String>,
    pub(super) password: Given<Value>,
}

/// What proves who asks; one of the three.
pub(super) struct Auth {
    pub(super) at: Range<usize>,
    pub(super) basic: Given<Basic>,
    pub(super) bearer: Given<Value>,
    pub(super) oauth2: Given<OAuth2>,
}

pub(super) struct Basic {
    pub(super) at: Range<usize>,
    pub(super) user: At<String>,
    pub(super) password: Given<Value>,
}

pub(super) struct OAuth2 {
    pub(super) at: Range<usize>,
    pub(super) token_url: At<Url>,
    pub(super) client_id: At<String>,
    pub(super) client_secret: Given<Value>,
    pub(super) scope: Given<String>,
    pub(super) in_body: Given<bool>,
    pub(super) ca_file: Given<PathBuf>,
}

/// A certificate and its key.
pub(super) struct Certificate {
    pub(super) file: At<PathBuf>,
    pub(super) key_file: At<PathBuf>,
}

/// A text, or where a secret is kept.
pub(super) enum Value {
    Plain(Spanned<String>),
    Secret {
        at: Range<usize>,
        file: Given<PathBuf>,
        env: Given<Variable>,
    },
}

pub(super) struct Json {
    pub(super) path: At<JsonPath>,
    pub(super) up: Option<Vec<Spanned<String>>>,
    pub(super) maintenance: Option<Vec<Spanned<String>>>,
    pub(super) unknown: Option<Vec<Spanned<String>>>,
    pub(super) dated_by: Given<JsonPath>,
}

pub(super) struct Commitment {
    pub(super) at: Range<usize>,
    pub(super) quote: At<Prose>,
    pub(super) reference: At<Line>,
    pub(super) target: At<Ppm>,
    pub(super) from: At<FirstOfMonth>,
    pub(super) until: Given<FirstOfMonth>,
    pub(super) zone: Given<Tz>,
    pub(super) period: At<PeriodSource>,
    pub(super) maintenance: Given<MaintenanceWord>,
    pub(super) maintenance_notice: Given<Ms>,
    pub(super) maintenance_cap: Given<Ms>,
    pub(super) maintenance_hours: Option<Vec<Hours>>,
    pub(super) degraded: Given<Degraded>,
    pub(super) rule: Given<Rule>,
    pub(super) quorum: Given<Quorum>,
    pub(super) confirmation: Given<Confirmation>,
    pub(super) minimum_outage: Given<Ms>,
    pub(super) service_hours: Option<Vec<Hours>>,
    pub(super) trajectory: Option<Vec<Step>>,
}

pub(super) enum Rule {
    Word(RuleWord),
    Table {
        at: Range<usize>,
        at_least: Given<NonZeroU32>,
        main: Given<Slug>,
    },
}

pub(super) enum Quorum {
    Majority,
    AtLeast(At<NonZeroU32>),
}

pub(super) struct Confirmation {
    pub(super) failures: Given<NonZeroU32>,
    pub(super) within: Given<Ms>,
}

/// A step of a trajectory.
pub(super) struct Step {
    pub(super) from: At<FirstOfMonth>,
    pub(super) target: At<Ppm>,
}

/// Hours of some days of the week; of all seven if none is named.
pub(super) struct Hours {
    pub(super) at: Range<usize>,
    pub(super) days: Option<Vec<Spanned<Weekday>>>,
    pub(super) from: At<NaiveTime>,
    pub(super) to: At<NaiveTime>,
}

pub(super) struct Maintenance {
    pub(super) at: Range<usize>,
    pub(super) reason: At<Line>,
    pub(super) endpoint: Given<Slug>,
    pub(super) declared: Given<Moment>,
    pub(super) daily: Given<Hours>,
    pub(super) weekly: Given<Hours>,
    pub(super) dated: Given<Dated>,
}

pub(super) struct Dated {
    pub(super) from: At<Moment>,
    pub(super) to: At<Moment>,
}

pub(super) struct Partner {
    pub(super) at: Range<usize>,
    pub(super) id: At<Slug>,
    pub(super) name: At<Line>,
    pub(super) kind: Given<Line>,
    pub(super) language: Given<Language>,
    pub(super) contacts: Option<Vec<Spanned<Mailbox>>>,
    pub(super) memberships: Option<Vec<Membership>>,
}

pub(super) struct Membership {
    pub(super) at: Range<usize>,
    pub(super) service: At<Slug>,
    pub(super) from: At<Moment>,
    pub(super) until: Given<Moment>,
    pub(super) leave_received: Given<NaiveDate>,
    pub(super) revoked: Given<Moment>,
}

/// Reads a document.
pub(super) fn read(notes: &Notes, document: &DeTable<'_>) -> File {
    file(Table::root(notes, Some(document)))
}

/// Every key that a file may have, as dotted paths: `service.endpoint.interval`.
pub(super) fn keys() -> BTreeSet<String> {
    let notes = Notes::listing();
    file(Table::root(&notes, None));
    notes.into_keys()
}

fn file(table: Table<'_>) -> File {
    let reports = table.section("reports");
    let web = table.section("web");
    File {
        provider: table.required_table("provider", provider),
        vantage_id: table.section("vantage").optional("id"),
        store: store(&table.section("store")),
        forward: table.optional_table("forward", forward),
        web_listen: web.optional("listen"),
        web_public: web.optional("public"),
        intake: web.optional_table("intake", intake),
        reports_directory: reports.optional("directory"),
        signing_key_file: reports.optional("signing_key_file"),
        look: Look {
            logo: reports.optional("logo"),
            accent: reports.optional("accent"),
            french: additions(&reports.section("fr")),
            english: additions(&reports.section("en")),
        },
        mail: mail(table.section("mail")),
        close_delay: table.section("close").optional("delay"),
        retention: retention(&table.section("retention")),
        probing: probing(&table.section("probing")),
        metrics: metrics(&table.section("metrics")),
        services: table.tables("service", service),
        partners: table.tables("partner", partner),
    }
}

fn additions(table: &Table<'_>) -> Additions {
    Additions {
        introduction: table.optional_list("introduction"),
        closing: table.optional_list("closing"),
    }
}

fn store(table: &Table<'_>) -> Store {
    Store {
        path: table.optional("path"),
        url: table.optional("url"),
        password: table.optional_table("password", password),
        security: table.optional("security"),
        ca_file: table.optional("ca_file"),
        connect_timeout: table.optional("connect_timeout"),
        statement_timeout: table.optional("statement_timeout"),
        spool: table.optional("spool"),
    }
}

fn password(table: Table<'_>) -> Password {
    Password {
        at: table.at(),
        file: table.optional("file"),
        env: table.optional("env"),
    }
}

fn usage(table: Table<'_>) -> Usage {
    Usage {
        prometheus: table.required("prometheus"),
        authorization: table.optional_table("authorization", password),
        ca_file: table.optional("ca_file"),
        calls: table.required("calls"),
        successes: table.required("successes"),
        label: table.optional("label"),
        source: table.optional("source"),
    }
}

fn certificate(table: Table<'_>) -> Certificate {
    Certificate {
        file: table.required("file"),
        key_file: table.required("key_file"),
    }
}

fn forward(table: Table<'_>) -> Forward {
    Forward {
        at: table.at(),
        url: table.optional("url"),
        token: table.optional_table("token", password),
        certificate: table.optional_table("certificate", certificate),
        ca_file: table.optional("ca_file"),
        spool: table.optional("spool"),
    }
}

fn intake(table: Table<'_>) -> Intake {
    Intake {
        at: table.at(),
        listen: table.optional("listen"),
        certificate: table.optional_table("certificate", certificate),
        client_ca_file: table.optional("client_ca_file"),
        behind_proxy: table.optional("behind_proxy"),
        vantages: table.tables("vantage", |vantage| IntakeVantage {
            at: vantage.at(),
            id: vantage.required("id"),
            token: vantage.optional_table("token", password),
            certificate_name: vantage.optional("certificate_name"),
        }),
    }
}

fn retention(table: &Table<'_>) -> Retention {
    Retention {
        evidence: table.optional("evidence"),
        journal: table.optional("journal"),
        contacts: table.optional("contacts"),
        failures_in_full: table.optional("failures_in_full"),
    }
}

fn probing(table: &Table<'_>) -> Probing {
    Probing {
        concurrency_max: table.optional("concurrency_max"),
        controls: table.optional_list("controls"),
    }
}

fn metrics(table: &Table<'_>) -> Metrics {
    Metrics {
        duration_buckets: table.optional_list("duration_buckets"),
        phase_buckets: table.optional_list("phase_buckets"),
        partners_max: table.optional("partners_max"),
        labels: table.free_values("labels"),
    }
}

fn provider(table: Table<'_>) -> Provider {
    Provider {
        name: table.required("name"),
        contact: table.required("contact"),
        data_protection_contact: table.optional("data_protection_contact"),
    }
}

fn mail(table: Table<'_>) -> Mail {
    Mail {
        relay: table.optional("relay"),
        security: table.optional("security"),
        login: table.optional_table("login", |login| Login {
            at: login.at(),
            user: login.required("user"),
            file: login.optional("file"),
            env: login.optional("env"),
        }),
        ca_file: table.optional("ca_file"),
        hello: table.optional("hello"),
        timeout: table.optional("timeout"),
        folder: table.optional("folder"),
        from: table.optional("from"),
        label: table.optional("label"),
        reply_to: table.optional("reply_to"),
        return_path: table.optional("return_path"),
        dkim: table.optional_table("dkim", |dkim| Dkim {
            at: dkim.at(),
            domain: dkim.optional("domain"),
            selector: dkim.required("selector"),
            file: dkim.optional("file"),
            env: dkim.optional("env"),
        }),
        signature: table.optional("signature"),
        attach: table.optional_list("attach"),
        base_url: table.optional("base_url"),
        link_only: table.optional("link_only"),
        review: table.optional("review"),
        revoked_partners: table.optional("revoked_partners"),
    }
}

fn service(table: Table<'_>) -> Service {
    Service {
        at: table.at(),
        id: table.required("id"),
        name: table.required("name"),
        usage: table.optional_table("usage", usage),
        endpoints: table.tables("endpoint", endpoint),
        commitments: table.tables("commitment", commitment),
        maintenances: table.tables("maintenance", maintenance),
        improvements: table.tables("improvement", |table| Improvement {
            what: table.required("what"),
            progress: table.required("progress"),
            date: table.optional("date"),
        }),
    }
}

fn endpoint(table: Table<'_>) -> Endpoint {
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

fn commitment(table: Table<'_>) -> Commitment {
    Commitment {
        at: table.at(),
        quote: table.required("quote"),
        reference: table.required("reference"),
        target: table.required("target"),
        from: table.required("from"),
        until: table.optional("until"),
        zone: table.optional("zone"),
        period: table.required("period"),
        maintenance: table.optional("maintenance"),
        maintenance_notice: table.optional("maintenance_notice"),
        maintenance_cap: table.optional("maintenance_cap"),
        maintenance_hours: table.tables("maintenance_hours", hours),
        degraded: table.optional("degraded"),
        rule: table.either(
            "rule",
            |word: Spanned<RuleWord>| Rule::Word(word.into_inner()),
            composite,
        ),
        quorum: table.either(
            "quorum",
            |_: Spanned<Majority>| Quorum::Majority,
            |quorum| Quorum::AtLeast(quorum.required("at_least")),
        ),
        confirmation: table.optional_table("confirmation", confirmation),
        minimum_outage: table.optional("minimum_outage"),
        service_hours: table.tables("service_hours", hours),
        trajectory: table.tables("trajectory", step),
    }
}

fn composite(table: Table<'_>) -> Rule {
    Rule::Table {
        at: table.at(),
        at_least: table.optional("at_least"),
        main: table.optional("main"),
    }
}

fn confirmation(table: Table<'_>) -> Confirmation {
    Confirmation {
        failures: table.optional("failures"),
        within: table.optional("within"),
    }
}

fn step(table: Table<'_>) -> Step {
    Step {
        from: table.required("from"),
        target: table.required("target"),
    }
}

fn hours(table: Table<'_>) -> Hours {
    Hours {
        at: table.at(),
        days: table.optional_list("days"),
        from: table.required("from"),
        to: table.required("to"),
    }
}

fn maintenance(table: Table<'_>) -> Maintenance {
    Maintenance {
        at: table.at(),
        reason: table.required("reason"),
        endpoint: table.optional("endpoint"),
        declared: table.optional("declared"),
        daily: table.optional_table("daily", |daily| Hours {
            at: daily.at(),
            days: None,
            from: daily.required("from"),
            to: daily.required("to"),
        }),
        weekly: table.optional_table("weekly", |weekly| Hours {
            at: weekly.at(),
            days: weekly.required_list("days"),
            from: weekly.required("from"),
            to: weekly.required("to"),
        }),
        dated: table.optional_table("dated", |dated| Dated {
            from: dated.required("from"),
            to: dated.required("to"),
        }),
    }
}

fn partner(table: Table<'_>) -> Partner {
    Partner {
        at: table.at(),
        id: table.required("id"),
        name: table.required("name"),
        kind: table.optional("kind"),
        language: table.optional("language"),
        contacts: table.optional_list("contacts"),
        memberships: table.tables("membership", membership),
    }
}

fn membership(table: Table<'_>) -> Membership {
    Membership {
        at: table.at(),
        service: table.required("service"),
        from: table.required("from"),
        until: table.optional("until"),
        leave_received: table.optional("leave_received"),
        revoked: table.optional("revoked"),
    }
}
