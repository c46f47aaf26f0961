//! How long what is kept.

use std::num::NonZeroU32;

use super::Checker;
use crate::config::kind::Keep;
use crate::config::reader::Given;
use crate::config::{RetentionConfig, raw};

/// The page shows ninety days in whole months, and a month is closed after its end.
const EVIDENCE_MONTHS_MIN: u32 = 6;
/// Less than half a year of a journal is no journal (CNIL, délibération 2021-122).
const JOURNAL_MONTHS_MIN: u32 = 6;

/// Up to 16 KiB each, of every endpoint.
const FAILURES_IN_FULL_MAX: u32 = 1_000;
const DEFAULT_FAILURES_IN_FULL: u32 = 20;

impl Checker<'_> {
    pub(super) fn retention(&self, raw: raw::Retention) -> Option<RetentionConfig> {
        let evidence = self.months("evidence", raw.evidence, 13, EVIDENCE_MONTHS_MIN);
        let journal = self.months("journal", raw.journal, 12, JOURNAL_MONTHS_MIN);
        let contacts = self.months("contacts", raw.contacts, 18, 1);
        let failures_in_full = self.failures_in_full(raw.failures_in_full);
        Some(RetentionConfig {
            evidence_months: evidence?,
            journal_months: journal?,
            contacts_months: contacts?,
            failures_in_full: failures_in_full?,
        })
    }

    fn failures_in_full(&self, written: Given<NonZeroU32>) -> Option<usize> {
        let at = written.at();
        let number = match written.maybe()? {
            Some(number) => number.get(),
            None => DEFAULT_FAILURES_IN_FULL,
        };
        if let Some(at) = at
            && number > FAILURES_IN_FULL_MAX
        {
            self.notes.fault(
                at,
                "`failures_in_full` keeps more of each endpoint than anybody reads",
                format!("write a number from 1 to {FAILURES_IN_FULL_MAX}"),
            );
        }
        usize::try_from(number).ok()
    }

    fn months(
        &self,
        key: &str,
        written: Given<Keep>,
        default: u32,
        least: u32,
    ) -> Option<Option<u32>> {
        let at = written.at();
        let months = match written.or(Keep::Months(default))? {
            Keep::Forever => return Some(None),
            Keep::Months(months) => months,
        };
        if let Some(at) = at
            && months < least
        {
            self.notes.fault(
                at,
                format!("`{key}` is kept too short for what it is kept for"),
                format!("write at least `{key} = \"{least} months\"`"),
            );
        }
        Some(Some(months))
    }
}
