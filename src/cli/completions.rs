//! `vigie completions`: what the shell offers on Tab.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Failure, exit, print};

/// Print what a shell needs to complete commands and options
///
/// For example: vigie completions bash > /etc/bash_completion.d/vigie
#[derive(clap::Args)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut super::Args::command(), "vigie", &mut text);
    print(text)?;
    Ok(exit::OK)
}
