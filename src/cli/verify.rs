//! `vigie verify`: does this statement follow from this evidence?

use std::path::PathBuf;

use super::{Failure, exit, print, read_input};
use crate::exchange::{compare, settle_document};

/// Verify a statement against its evidence
///
/// Recomputes the statement from the evidence and compares the two, key by key. Exit status 0 if
/// they agree, 1 if not.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The statement, as it was published
    statement: PathBuf,
    /// The evidence document; `-` reads standard input
    evidence: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let statement = read_input(&args.statement)?;
    let evidence = read_input(&args.evidence)?;
    let recomputed = settle_document(&evidence).map_err(Failure::input)?;
    let comparison = compare(&statement, &recomputed).map_err(Failure::input)?;
    if let Some(engine) = &comparison.other_engine {
        print(format!("note: written by another engine ({engine})\n").as_bytes())?;
    }
    if comparison.differences.is_empty() {
        print(b"verified: the statement follows from the evidence, figure by figure\n")?;
        return Ok(exit::OK);
    }
    for difference in &comparison.differences {
        print(
            format!(
                "differs at `{}`: the statement says {}, the evidence gives {}\n",
                difference.place, difference.written, difference.recomputed
            )
            .as_bytes(),
        )?;
    }
    Ok(exit::NEGATIVE)
}
