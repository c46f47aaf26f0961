//! The evidence of one partner's month, as it is handed out.

use anyhow::{Context as _, bail};

use super::load::{
    check_known, declarations, exclusions, find_partner, find_service, membership, requests,
    service_month,
};
use super::saved::SavedMonth;
use crate::config::Config;
use crate::exchange::Document;
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::window::{Month, Timestamp};
use crate::store::{SavedStatement, Store};

/// Whose month of what.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The service.
    pub service: &'a str,
    /// The partner.
    pub partner: &'a str,
    /// `YYYY-MM`
    pub month: &'a str,
    /// Which revision of its statement; absent: the latest, or the month as it is now if it was
    /// not closed yet.
    pub revision: Option<u32>,
}

/// The document that a partner's month is settled from. Of a closed month, it is the one that its
/// statement was settled from, whatever the configuration says since.
///
/// # Errors
/// An unknown service, partner, month or revision (the error names the known ones), a partner who
/// was not connected, evidence that is no longer there, or a store that cannot be read.
pub fn document(
    config: &Config,
    store: &Store,
    now: Timestamp,
    subject: Subject<'_>,
) -> anyhow::Result<Document> {
    match saved(config, store, subject)? {
        Some(then) => document_as_saved(store, &then),
        None => document_of_today(config, store, now, subject),
    }
}

/// The month as it was when its statement was saved; nothing if it was not closed yet.
///
/// # Errors
/// A revision that is not there, or a store that cannot be read.
pub fn saved(
    config: &Config,
    store: &Store,
    subject: Subject<'_>,
) -> anyhow::Result<Option<SavedMonth>> {
    let Some((partner, service)) =
        PartnerId::new(subject.partner).zip(ServiceId::new(subject.service))
    else {
        return Ok(None);
    };
    let zone = config.catalog.service(subject.service);
    let zone = zone.map_or(chrono_tz::Tz::UTC, |service| service.zone());
    let month = Month::parse(subject.month, zone).context("read the month")?;
    let mut revisions = store.statement_revisions(&partner, &service, month)?;
    let statement = match subject.revision {
        None => revisions.pop(),
        Some(revision) => {
            let n_revisions = revisions.len();
            let found = revisions
                .into_iter()
                .find(|saved| saved.revision == revision);
            let found = found.with_context(|| match n_revisions {
                0 => format!("find revision {revision} of {month}: it is not closed yet: `vigie close {month}`"),
                n => format!("find revision {revision} of {month}: there are revisions 1 to {n}"),
            });
            Some(found?)
        }
    };
    statement
        .map(|statement| SavedMonth::load(config, store, statement))
        .transpose()
}

fn document_as_saved(store: &Store, then: &SavedMonth) -> anyhow::Result<Document> {
    let seen = then.service_month(store)?;
    let partner = &then.own.partner;
    let membership = membership(partner, seen.service, seen.month.window());
    let document = seen.document(&membership, exclusions(&then.own.requests));
    let SavedStatement {
        month,
        revision,
        evidence_sha256,
        ..
    } = &then.statement;
    let sha256: String = evidence_sha256
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if document.sha256() != sha256 {
        bail!(
            "hand out the evidence of revision {revision} of {month}: what is in the store makes another document than the one it was settled from ({sha256}): observations of it were deleted or changed"
        );
    }
    Ok(document)
}

fn document_of_today(
    config: &Config,
    store: &Store,
    now: Timestamp,
    subject: Subject<'_>,
) -> anyhow::Result<Document> {
    let service = find_service(config, subject.service)?;
    let partner = find_partner(config, subject.partner)?;
    let month = Month::parse(subject.month, service.zone()).context("read the month")?;
    check_known(store, month)?;
    let Some(seen) = service_month(store, service, month, now)? else {
        bail!(
            "settle {month} of `{}`: no commitment was in force on {}",
            service.id,
            month.first_day()
        );
    };
    let membership = membership(partner, service, month.window());
    if membership.is_empty() {
        bail!(
            "settle {month} of `{}`: partner `{}` was not connected in that month",
            service.id,
            partner.id
        );
    }
    let declarations = declarations(store, &service.id, month)?;
    let requests = requests(service, &declarations, Some(&partner.id), month);
    Ok(seen.document(&membership, exclusions(&requests)))
}
