//! What is past its retention, by category.

use std::path::PathBuf;

use anyhow::Context as _;
use chrono::Months;

use super::archive::pooled;
use crate::config::{Config, RetentionConfig};
use crate::sla::catalog::{Partner, PartnerId};
use crate::sla::window::{HOUR_MS, Timestamp};
use crate::store::{Action, ActionKind, Limits, Store};

/// What may go at `now`.
///
/// # Errors
/// The store cannot be read.
pub fn limits(config: &Config, store: &Store, now: Timestamp) -> anyhow::Result<Limits> {
    let RetentionConfig {
        evidence_months,
        journal_months,
        contacts_months,
        // A number, which the store keeps to by itself.
        failures_in_full: _,
    } = config.retention;
    let evidence_before = before(now, evidence_months);
    let contacts_before = before(now, contacts_months);
    let mut letters_of = Vec::new();
    for (partner, last_letter) in store.partners_with_letters()? {
        let departed = match config.catalog.partner(partner.as_str()) {
            Some(partner) => departure(partner),
            // Of one who is no longer described, the last letter is all that is known.
            None => Some(last_letter),
        };
        if departed.is_some_and(|departed| departed < contacts_before) {
            letters_of.push(partner);
        }
    }
    Ok(Limits {
        // Blocks go whole.
        evidence_before: evidence_before.plus_ms(-evidence_before.unix_ms().rem_euclid(HOUR_MS)),
        journal_before: before(now, journal_months),
        letters_of,
    })
}

/// The documents of evidence beside the reports that no statement rests on whose evidence is kept.
/// Those in the partners' own folders stay, as parts of their reports.
///
/// # Errors
/// The store or the folder cannot be read.
pub fn documents_past_retention(
    config: &Config,
    store: &Store,
    limits: &Limits,
) -> anyhow::Result<Vec<PathBuf>> {
    let kept = store.evidence_since(limits.evidence_before)?;
    let mut past = pooled(&config.reports.directory).with_context(|| {
        let directory = config.reports.directory.display();
        format!("list the evidence under `{directory}`")
    })?;
    past.retain(|(sha256, _)| !kept.contains(sha256));
    Ok(past.into_iter().map(|(_, path)| path).collect())
}

/// Removes such documents; the journal says so first.
///
/// # Errors
/// The store or the folder refuses.
pub fn remove_documents(
    store: &mut Store,
    documents: &[PathBuf],
    who: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    if documents.is_empty() {
        return Ok(());
    }
    let names = documents.iter().filter_map(|path| path.file_name());
    let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
    let action = Action {
        kind: ActionKind::RetentionApplied,
        what: serde_json::json!({ "evidence_documents": names }),
    };
    store.journal(who, now, &action)?;
    for path in documents {
        std::fs::remove_file(path).with_context(|| format!("remove `{}`", path.display()))?;
    }
    Ok(())
}

/// The partners whose mailboxes should no longer stand in the configuration.
pub fn contacts_past_retention(config: &Config, now: Timestamp) -> Vec<PartnerId> {
    let limit = before(now, config.retention.contacts_months);
    config
        .catalog
        .partners
        .iter()
        .filter(|partner| !partner.contacts.is_empty())
        .filter(|partner| departure(partner).is_some_and(|departed| departed < limit))
        .map(|partner| partner.id.clone())
        .collect()
}

/// When the last connection of `partner` ended or will end; none if it never had one.
fn departure(partner: &Partner) -> Option<Timestamp> {
    partner
        .memberships
        .iter()
        .flat_map(|membership| membership.windows.iter())
        .map(|window| window.end())
        .max()
}

/// So many months before `now`; before everything if they never end.
fn before(now: Timestamp, months: Option<u32>) -> Timestamp {
    months
        .and_then(|months| now.to_utc().checked_sub_months(Months::new(months)))
        .and_then(|limit| Timestamp::from_unix_ms(limit.timestamp_millis()))
        .unwrap_or(Timestamp::MIN)
}
