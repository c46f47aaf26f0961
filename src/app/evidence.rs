//! The evidence of one partner's month, as it is handed out.

use anyhow::{Context as _, bail};

use super::close::exclusions;
use super::load::{check_known, find_partner, find_service, membership, service_month};
use crate::config::Config;
use crate::exchange::Document;
use crate::sla::window::{Month, Timestamp};
use crate::store::Store;

/// The document that the month of `service` for `partner` is settled from.
///
/// # Errors
/// An unknown service, partner or month (the error names the known ones), a partner who was not
/// connected, or a store that cannot be read.
pub fn document(
    config: &Config,
    store: &Store,
    now: Timestamp,
    service: &str,
    partner: &str,
    month: &str,
) -> anyhow::Result<Document> {
    let service = find_service(config, service)?;
    let partner = find_partner(config, partner)?;
    let month = Month::parse(month, service.zone()).context("read the month")?;
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
    let exclusions = exclusions(store, &seen, Some(partner))?;
    Ok(seen.document(&membership, exclusions))
}
