//! How long what is kept.

use super::Checker;
use crate::config::kind::Keep;
use crate::config::reader::Given;
use crate::config::{RetentionConfig, raw};

/// The page shows ninety days in whole months, and a month is closed after its end.
const EVIDENCE_MONTHS_MIN: u32 = 6;
/// Less than half a year of a journal is no journal (CNIL, délibération 2021-122).
const JOURNAL_MONTHS_MIN: u32 = 6;

impl Checker<'_> {
    pub(super) fn retention(&self, raw: raw::Retention) -> Option<RetentionConfig> {
        let evidence = self.months("evidence", raw.evidence, 13, EVIDENCE_MONTHS_MIN);
        let journal = self.months("journal", raw.journal, 12, JOURNAL_MONTHS_MIN);
        let contacts = self.months("contacts", raw.contacts, 18, 1);
        Some(RetentionConfig {
            evidence_months: evidence?,
            journal_months: journal?,
            contacts_months: contacts?,
        })
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
