//! `vigie man`: the help as manual pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::{Failure, exit, print};

/// Print the manual page, or write one for each command into a folder
///
/// For example: vigie man | man -l -, or sudo vigie man /usr/local/share/man/man1
#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder, which is made if needed
    folder: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let command = super::Args::command();
    match &args.folder {
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder))
            .with_context(|| format!("write manual pages into `{}`", folder.display()))
            .map_err(Failure::system)?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command)
                .render(&mut page)
                .context("write the manual page")
                .map_err(Failure::system)?;
            print(page)?;
        }
    }
    Ok(exit::OK)
}
