//! Whether the sealed evidence is what was sealed: every block read again.

use std::fmt;

use super::block::day::Day;
use super::block::{self, BlockName, Damage, Hour};
use super::days;
use super::db::{Database, values};
use super::error::Failure;
use super::series::{Names, all_series};
use super::{Sha256, Store, StoreError};

/// Blocks whose contents are in memory at once.
const CHUNK_BLOCKS: usize = 32;

/// What became of reading all the blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceCheck {
    /// Blocks read.
    pub n_blocks: u64,
    /// Observations in those that fit.
    pub n_observations: u64,
    /// Blocks that retention took away, before those that were read.
    pub n_removed: u64,
    /// Of each endpoint and vantage, the first block that does not fit.
    pub faults: Vec<BlockFault>,
}

/// A block that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFault {
    /// Which.
    pub block: BlockName,
    /// Why.
    pub damage: Damage,
}

impl fmt::Display for BlockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.block, self.damage)
    }
}

impl EvidenceCheck {
    /// Whether everything fits.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// What is known of the end of a chain, and of what went before it.
struct Ends {
    n_blocks: u64,
    sha256: Sha256,
    n_removed: u64,
    removed_sha256: Sha256,
}

impl Store {
    /// Reads every block again, and tells of each endpoint and vantage the first that is not what
    /// was sealed: changed, missing, moved or put in. `progress` hears how many series are done,
    /// of how many.
    ///
    /// # Errors
    /// What the database says.
    pub fn verify_evidence(
        &self,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<EvidenceCheck, StoreError> {
        self.read("verify the evidence", |snapshot| {
            let mut check = EvidenceCheck::default();
            let all = all_series(snapshot)?;
            for (done, (names, series)) in all.iter().enumerate() {
                progress(done, all.len());
                verify_series(snapshot, names, series.id, &mut check)?;
            }
            progress(all.len(), all.len());
            Ok(check)
        })
    }
}

fn verify_series(
    snapshot: &Database,
    (endpoint, vantage): &Names,
    series: i64,
    check: &mut EvidenceCheck,
) -> Result<(), Failure> {
    let ends = snapshot.first(
        "SELECT n_blocks, sha256, n_removed, removed_sha256 FROM chain WHERE series = ?1",
        &values![series],
        |row| {
            Ok(Ends {
                n_blocks: row.get(0)?,
                sha256: row.get(1)?,
                n_removed: row.get(2)?,
                removed_sha256: row.get(3)?,
            })
        },
    )?;
    let ends = ends.unwrap_or(Ends {
        n_blocks: 0,
        sha256: [0; 32],
        n_removed: 0,
        removed_sha256: [0; 32],
    });
    let name = |number, hour| BlockName {
        endpoint: endpoint.clone(),
        vantage: vantage.clone(),
        number,
        hour,
    };
    let mut fault = None;
    let mut sheets = Vec::new();
    for listed in days::listed(snapshot, series, Day::ALL)? {
        match listed.sheets {
            Ok(listed) => sheets.extend(listed),
            // Which they are is not known: the first of them may be the next one.
            Err(damage) => {
                let next = ends.n_removed + 1 + sheets.len() as u64;
                fault.get_or_insert((name(next, Some(Hour::of(listed.day.start()))), damage));
            }
        }
    }
    sheets.sort_by_key(|sheet| sheet.number);
    let mut number = ends.n_removed;
    let mut previous = ends.removed_sha256;
    for sheets in sheets.chunks(CHUNK_BLOCKS) {
        if fault.is_some() {
            break;
        }
        let contents = days::contents(snapshot, sheets)?;
        for sheet in sheets {
            number += 1;
            if sheet.number != number {
                fault = Some((name(number, None), Damage::Missing));
                break;
            }
            let place = sheet.place((endpoint, vantage));
            let Some(content) = contents.get(&sheet.content) else {
                fault = Some((place.name(), Damage::Missing));
                break;
            };
            check.n_blocks += 1;
            let (sha256, bytes) = (&content.sha256, &content.bytes);
            match block::open(&previous, &place, &sheet.header, sha256, bytes) {
                Ok(read) => check.n_observations += read.len() as u64,
                Err(damage) => {
                    fault = Some((place.name(), damage));
                    break;
                }
            }
            previous = *sha256;
        }
    }
    check.n_removed += ends.n_removed;
    if fault.is_none() && number < ends.n_blocks {
        fault = Some((name(number + 1, None), Damage::Missing));
    }
    if fault.is_none() && (ends.n_blocks < number || previous != ends.sha256) {
        fault = Some((name(number, None), Damage::Digest));
    }
    check
        .faults
        .extend(fault.map(|(block, damage)| BlockFault { block, damage }));
    Ok(())
}
