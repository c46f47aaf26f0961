//! A month as it was known when its statement was saved.
//!
//! From it an old revision is explained, its evidence handed out and its report written again,
//! whatever the configuration says today and whatever was seen or decided since.

use anyhow::{Context as _, bail};

use super::basis::{Found, PartnerBasis, ServiceBasis, partner_of, read_own, read_shared};
use super::load::{
    ServiceMonth, declarations, find_partner, find_service, requests, service_month,
    service_month_as_saved,
};
use crate::config::Config;
use crate::exchange::read_figures;
use crate::report::MonthResult;
use crate::sla::catalog::{PartnerId, ServiceId};
use crate::sla::window::Month;
use crate::store::{SavedStatement, Store};

/// A saved statement with what it was settled from.
pub struct SavedMonth {
    /// The statement.
    pub statement: SavedStatement,
    basis: ServiceBasis,
    found: Found,
    /// What concerns the partner alone.
    pub own: PartnerBasis,
}

impl SavedMonth {
    /// Loads what `statement` was settled from. Of one that kept nothing, which only versions
    /// before 0.1.0 wrote, today's configuration and decisions have to do.
    ///
    /// # Errors
    /// The store cannot be read, or holds something else.
    pub fn load(config: &Config, store: &Store, statement: SavedStatement) -> anyhow::Result<Self> {
        let month = statement.month;
        let Some(kept) = &statement.basis else {
            return Self::of_today(config, store, statement);
        };
        let (basis, found) = shared(store, &kept.shared)?;
        let own = read_own(&kept.own, &statement.service, month)?;
        Ok(Self {
            statement,
            basis,
            found,
            own,
        })
    }

    fn of_today(config: &Config, store: &Store, statement: SavedStatement) -> anyhow::Result<Self> {
        let month = statement.month;
        let service = find_service(config, statement.service.as_str())?;
        let partner = find_partner(config, statement.partner.as_str())?;
        let Some((basis, seen)) = ServiceBasis::of(config, service, month).zip(service_month(
            store,
            service,
            month,
            statement.saved,
        )?) else {
            bail!(
                "settle {month} of `{}`: no commitment was in force on {}",
                service.id,
                month.first_day()
            );
        };
        let declarations = declarations(store, &service.id, month)?;
        let own = PartnerBasis {
            partner: partner_of(partner, &service.id),
            requests: requests(service, &declarations, Some(&partner.id), month),
            usage: None,
            earlier: earlier_revisions(store, &partner.id, &service.id, month)?,
        };
        Ok(Self {
            found: seen.found(),
            statement,
            basis,
            own,
        })
    }

    /// What the partners of its service share.
    pub fn basis(&self) -> &ServiceBasis {
        &self.basis
    }

    /// What was seen until it was saved.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn service_month(&self, store: &Store) -> anyhow::Result<ServiceMonth<'_>> {
        service_month_as_saved(
            store,
            (&self.basis, &self.found),
            self.statement.month,
            self.statement.number,
        )
    }
}

/// What the partners of a service shared when some of them were told of a month.
///
/// # Errors
/// The store cannot be read, or holds something else.
pub fn shared(store: &Store, sha256: &[u8; 32]) -> anyhow::Result<(ServiceBasis, Found)> {
    let bytes = store
        .basis(sha256)?
        .context("read the basis of a statement: it is not in the store")?;
    read_shared(&bytes)
}

/// The latest revisions of the twelve months before `month`, as they were stated to this partner.
///
/// # Errors
/// The store cannot be read.
pub fn earlier_revisions(
    store: &Store,
    partner: &PartnerId,
    service: &ServiceId,
    month: Month,
) -> anyhow::Result<Vec<(Month, u32)>> {
    let mut earlier = Vec::new();
    for back in (1..=12).rev() {
        let month = month.plus_months(-back);
        if let Some(saved) = store.statement(partner, service, month)? {
            earlier.push((month, saved.revision));
        }
    }
    Ok(earlier)
}

/// What these revisions said.
///
/// # Errors
/// The store cannot be read.
pub fn results(
    store: &Store,
    partner: &PartnerId,
    service: &ServiceId,
    revisions: &[(Month, u32)],
) -> anyhow::Result<Vec<MonthResult>> {
    let mut results = Vec::with_capacity(revisions.len());
    for (month, revision) in revisions {
        let saved = store.statement_revisions(partner, service, *month)?;
        // Its retention may have ended.
        let Some(saved) = saved.into_iter().find(|saved| saved.revision == *revision) else {
            continue;
        };
        let figures = read_figures(&saved.json)
            .with_context(|| format!("read the saved statement of {month}"))?;
        results.push(MonthResult {
            month: *month,
            target: figures.target,
            tally: figures.tally,
            verdict: figures.verdict,
        });
    }
    Ok(results)
}
