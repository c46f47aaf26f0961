//! How partners used a service: from what was counted elsewhere to what reports show.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::bail;

use super::load::{membership, unknown};
use crate::config::Config;
use crate::import::usage::Count;
use crate::report::Usage;
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::window::{Month, Timestamp};
use crate::store::{Store, StoreError, UsageEntry};

/// What `counts` mean; `source` is what reports will name.
///
/// # Errors
/// All that cannot be meant, place by place: a partner or service that is not known (the error
/// names the known ones), a month that has not begun or in which the partner was not connected,
/// more successes than calls, or a month that is told twice.
pub fn entries(
    config: &Config,
    now: Timestamp,
    counts: &[Count],
    source: &str,
) -> anyhow::Result<Vec<UsageEntry>> {
    let mut told = BTreeSet::new();
    let mut entries = Vec::with_capacity(counts.len());
    let mut faults = String::new();
    for count in counts {
        match entry(config, now, count, source) {
            Ok(entry) if told.insert((&count.partner, &count.service, entry.month.clone())) => {
                entries.push(entry);
            }
            // Writing to a String does not fail.
            Ok(_) => {
                let _ = write!(faults, "\n  {}: this month was told before", count.place);
            }
            Err(fault) => {
                let _ = write!(faults, "\n  {}: {fault}", count.place);
            }
        }
    }
    if !faults.is_empty() {
        bail!("take the use of services from {source}; nothing was taken:{faults}");
    }
    Ok(entries)
}

fn entry(
    config: &Config,
    now: Timestamp,
    count: &Count,
    source: &str,
) -> Result<UsageEntry, String> {
    let Some(service) = config.catalog.service(&count.service) else {
        let known = config.catalog.services.iter().map(|service| &service.id);
        return Err(unknown("service", &count.service, known));
    };
    let Some(partner) = config.catalog.partner(&count.partner) else {
        let known = config.catalog.partners.iter().map(|partner| &partner.id);
        return Err(unknown("partner", &count.partner, known));
    };
    let month = Month::parse(&count.month, service.zone()).map_err(|error| error.to_string())?;
    if month.window().start() >= now {
        return Err(format!("{month} has not begun"));
    }
    if membership(partner, service, month.window()).is_empty() {
        return Err(format!(
            "partner `{}` was not connected to `{}` in {month}",
            partner.id, service.id
        ));
    }
    if count.n_successes > count.n_calls {
        return Err(format!(
            "{} successes of {} calls: there cannot be more of them",
            count.n_successes, count.n_calls
        ));
    }
    Ok(UsageEntry {
        partner: partner.id.clone(),
        service: service.id.clone(),
        month: month.to_string(),
        n_calls: count.n_calls,
        n_successes: count.n_successes,
        source: source.to_owned(),
    })
}

/// How `partner` used `service` in `month`, as its report shows it.
///
/// # Errors
/// The store cannot be read.
pub(super) fn usage(
    store: &Store,
    partner: &PartnerId,
    service: &ServiceId,
    month: Month,
) -> Result<Option<Usage>, StoreError> {
    let entry = store.usage(partner, service, &month.to_string())?;
    Ok(entry.map(|entry| Usage {
        n_calls: entry.n_calls,
        n_successes: entry.n_successes,
        source: entry.source,
    }))
}
