//! How partners used a service: from what was counted elsewhere to what reports show.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::bail;

use super::load::{find_service, membership, unknown};
use crate::config::{Config, UsageConfig};
use crate::import::ImportError;
use crate::import::prometheus::{Counter, count};
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

/// What a server counted of one service in one month.
pub struct Counted {
    /// Of the partners that the configuration knows.
    pub counts: Vec<Count>,
    /// The others, as the server names them.
    pub strangers: Vec<String>,
}

/// Asks a server how the partners of a service used it in `month`.
///
/// # Errors
/// A server that cannot be reached or refuses, or that does not give one count per partner.
pub async fn ask(
    config: &Config,
    usage: &UsageConfig,
    month: Month,
) -> Result<Counted, ImportError> {
    let length = format!("{}s", month.window().length_ms() / 1_000);
    let counted = async |expression: &str| {
        count(&Counter {
            url: &usage.url,
            expression: &expression.replace("$month", &length),
            label: &usage.label,
            at: month.window().end(),
            authorization: usage.authorization.as_ref(),
            ca_file: usage.ca_file.as_deref(),
        })
        .await
    };
    let calls = counted(&usage.calls).await?;
    let mut successes = counted(&usage.successes).await?;
    let mut counts = Vec::new();
    let mut strangers = Vec::new();
    for (partner, n_calls) in calls {
        if config.catalog.partner(&partner).is_none() {
            strangers.push(partner);
            continue;
        }
        counts.push(Count {
            place: format!("partner `{partner}`"),
            // A counter that never counted has no series.
            n_successes: successes.remove(&partner).unwrap_or(0),
            partner,
            service: usage.service.to_string(),
            month: month.to_string(),
            n_calls,
        });
    }
    Ok(Counted { counts, strangers })
}

/// Takes in how a service was used in `month`, by the partners that were connected and of whom
/// nothing is known yet: neither a count, which somebody may have taken in by hand, nor a
/// statement, whose report stays as it is. Tells how many counts are new; asks nobody if nothing
/// is missing or the month is not over.
///
/// # Errors
/// A server that does not answer as it should, a count that cannot be meant, or the store.
pub async fn take_in(
    config: &Config,
    store: &mut Store,
    usage: &UsageConfig,
    month: Month,
    who: &str,
    now: Timestamp,
) -> anyhow::Result<usize> {
    let service = find_service(config, usage.service.as_str())?;
    let mut missing = BTreeSet::new();
    for partner in &config.catalog.partners {
        if !membership(partner, service, month.window()).is_empty()
            && (store.usage(&partner.id, &service.id, &month.to_string())?).is_none()
            && store.statement(&partner.id, &service.id, month)?.is_none()
        {
            missing.insert(partner.id.as_str());
        }
    }
    if missing.is_empty() || month.window().end() > now {
        return Ok(0);
    }
    let mut counted = ask(config, usage, month).await?.counts;
    counted.retain(|count| missing.contains(count.partner.as_str()));
    let entries = entries(config, now, &counted, &usage.source)?;
    Ok(store.save_usage(&entries, who, now)?)
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
