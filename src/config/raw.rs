//! What was written: one struct per table of the file, each value of its kind and with its place.
//!
//! A value that must be there and is absent here has been noted, as missing or as wrong; one that
//! may be left out is a [`Given`].

mod commitment;
mod edges;
mod endpoint;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::PathBuf;

use chrono::NaiveDate;
use toml::Spanned;
use toml::de::DeTable;

use crate::report::Colour;
use crate::sla::catalog::{HostPort, Language, Progress};

use super::kind::{Keep, Line, Mailbox, Moment, Ms, OwnVantage, Prose, Slug};
use super::reader::{Entry, Given, Named, Notes, Table};

pub(super) use commitment::*;
pub(super) use edges::*;
pub(super) use endpoint::*;

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

pub(super) struct Provider {
    pub(super) name: At<Line>,
    pub(super) contact: At<Mailbox>,
    pub(super) data_protection_contact: Given<Line>,
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

fn provider(table: Table<'_>) -> Provider {
    Provider {
        name: table.required("name"),
        contact: table.required("contact"),
        data_protection_contact: table.optional("data_protection_contact"),
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
