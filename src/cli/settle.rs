//! `vigie settle`: from an evidence document to a statement, without configuration, clock or
//! store.

use std::path::PathBuf;

use super::{Failure, exit, print, read_input};

/// Recompute a statement from an evidence document
///
/// Reads one `vigie-evidence/1` document and prints the `vigie-statement/1` document it settles
/// to. Needs no configuration, no store and no network; equal input gives equal bytes.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The evidence document; `-` reads standard input
    evidence: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let evidence = read_input(&args.evidence)?;
    let statement = crate::exchange::settle_document(&evidence).map_err(Failure::input)?;
    print(&statement)?;
    Ok(exit::OK)
}
