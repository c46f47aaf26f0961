//! What an installation is connected to: store, collector, mail, metrics.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::{At, Given, Named, Table};
use crate::config::MailSecurity;
use crate::config::kind::{
    DatabaseUrl, DnsName, FileName, HostName, LabelName, Line, Mailbox, Ms, OwnVantage, Prose,
    StoreSecurity, Variable,
};
use crate::sla::catalog::{HostPort, Url};

/// Where observations are kept; each key may be left out.
pub(in crate::config) struct Store {
    pub(in crate::config) path: Given<PathBuf>,
    pub(in crate::config) url: Given<DatabaseUrl>,
    pub(in crate::config) password: Given<Password>,
    pub(in crate::config) security: Given<StoreSecurity>,
    pub(in crate::config) ca_file: Given<PathBuf>,
    pub(in crate::config) connect_timeout: Given<Ms>,
    pub(in crate::config) statement_timeout: Given<Ms>,
    pub(in crate::config) spool: Given<PathBuf>,
}

pub(in crate::config) struct Password {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) file: Given<PathBuf>,
    pub(in crate::config) env: Given<Variable>,
}

/// Where what is seen is handed in.
pub(in crate::config) struct Forward {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) url: Given<Url>,
    pub(in crate::config) token: Given<Password>,
    pub(in crate::config) certificate: Given<Certificate>,
    pub(in crate::config) ca_file: Given<PathBuf>,
    pub(in crate::config) spool: Given<PathBuf>,
}

/// Where other vantages hand in what they saw.
pub(in crate::config) struct Intake {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) listen: Given<SocketAddr>,
    pub(in crate::config) certificate: Given<Certificate>,
    pub(in crate::config) client_ca_file: Given<PathBuf>,
    pub(in crate::config) behind_proxy: Given<bool>,
    pub(in crate::config) vantages: Option<Vec<IntakeVantage>>,
}

pub(in crate::config) struct IntakeVantage {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) id: At<OwnVantage>,
    pub(in crate::config) token: Given<Password>,
    pub(in crate::config) certificate_name: Given<HostName>,
}

pub(in crate::config) struct Metrics {
    pub(in crate::config) duration_buckets: Option<Vec<Spanned<Ms>>>,
    pub(in crate::config) phase_buckets: Option<Vec<Spanned<Ms>>>,
    pub(in crate::config) partners_max: Given<NonZeroU32>,
    pub(in crate::config) labels: Vec<Named<Line>>,
}

/// Letters; each key may be left out.
pub(in crate::config) struct Mail {
    pub(in crate::config) relay: Given<HostPort>,
    pub(in crate::config) security: Given<MailSecurity>,
    pub(in crate::config) login: Given<Login>,
    pub(in crate::config) ca_file: Given<PathBuf>,
    pub(in crate::config) hello: Given<HostName>,
    pub(in crate::config) timeout: Given<Ms>,
    pub(in crate::config) folder: Given<PathBuf>,
    pub(in crate::config) from: Given<Mailbox>,
    pub(in crate::config) label: Given<Line>,
    pub(in crate::config) reply_to: Given<Mailbox>,
    pub(in crate::config) return_path: Given<Mailbox>,
    pub(in crate::config) dkim: Given<Dkim>,
    pub(in crate::config) signature: Given<Prose>,
    pub(in crate::config) attach: Option<Vec<Spanned<FileName>>>,
    pub(in crate::config) base_url: Given<Url>,
    pub(in crate::config) link_only: Given<bool>,
    pub(in crate::config) review: Given<bool>,
    pub(in crate::config) revoked_partners: Given<bool>,
}

/// What signs letters, and where its key is kept.
pub(in crate::config) struct Dkim {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) domain: Given<HostName>,
    pub(in crate::config) selector: At<DnsName>,
    pub(in crate::config) file: Given<PathBuf>,
    pub(in crate::config) env: Given<Variable>,
}

/// An account, and where its password is kept.
pub(in crate::config) struct Login {
    pub(in crate::config) at: Range<usize>,
    pub(in crate::config) user: At<Line>,
    pub(in crate::config) file: Given<PathBuf>,
    pub(in crate::config) env: Given<Variable>,
}

/// Where the calls of a service are counted, and how.
pub(in crate::config) struct Usage {
    pub(in crate::config) prometheus: At<Url>,
    pub(in crate::config) authorization: Given<Password>,
    pub(in crate::config) ca_file: Given<PathBuf>,
    pub(in crate::config) calls: At<String>,
    pub(in crate::config) successes: At<String>,
    pub(in crate::config) label: Given<LabelName>,
    pub(in crate::config) source: Given<Line>,
}

/// A certificate and its key.
pub(in crate::config) struct Certificate {
    pub(in crate::config) file: At<PathBuf>,
    pub(in crate::config) key_file: At<PathBuf>,
}

pub(super) fn store(table: &Table<'_>) -> Store {
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

pub(super) fn password(table: Table<'_>) -> Password {
    Password {
        at: table.at(),
        file: table.optional("file"),
        env: table.optional("env"),
    }
}

pub(super) fn usage(table: Table<'_>) -> Usage {
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

pub(super) fn certificate(table: Table<'_>) -> Certificate {
    Certificate {
        file: table.required("file"),
        key_file: table.required("key_file"),
    }
}

pub(super) fn forward(table: Table<'_>) -> Forward {
    Forward {
        at: table.at(),
        url: table.optional("url"),
        token: table.optional_table("token", password),
        certificate: table.optional_table("certificate", certificate),
        ca_file: table.optional("ca_file"),
        spool: table.optional("spool"),
    }
}

pub(super) fn intake(table: Table<'_>) -> Intake {
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

pub(super) fn metrics(table: &Table<'_>) -> Metrics {
    Metrics {
        duration_buckets: table.optional_list("duration_buckets"),
        phase_buckets: table.optional_list("phase_buckets"),
        partners_max: table.optional("partners_max"),
        labels: table.free_values("labels"),
    }
}

pub(super) fn mail(table: Table<'_>) -> Mail {
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
