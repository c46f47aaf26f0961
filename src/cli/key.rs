//! `vigie key`: the key that signs statements.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;

use super::{Failure, exit, print, read_input};
use crate::exchange::SigningKey;

/// Make the key that signs statements, or show its public part
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new key and write it to a file that only its owner can read
    New {
        /// Where to write the private key; must not exist yet
        file: PathBuf,
    },
    /// Print the public key of a private key file, to publish
    Public {
        /// The private key
        file: PathBuf,
    },
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.command {
        Command::New { file } => {
            let pem = SigningKey::generate().map_err(Failure::system)?;
            write_private(file, &pem)
                .with_context(|| format!("write signing key `{}`", file.display()))
                .map_err(Failure::system)?;
            let key = SigningKey::from_pem(&pem).map_err(Failure::system)?;
            print(key.public_key().as_bytes())?;
        }
        Command::Public { file } => {
            let pem = read_input(file)?;
            let key =
                SigningKey::from_pem(&String::from_utf8_lossy(&pem)).map_err(Failure::input)?;
            print(key.public_key().as_bytes())?;
        }
    }
    Ok(exit::OK)
}

fn write_private(file: &std::path::Path, pem: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    out.write_all(pem.as_bytes())?;
    out.sync_all()
}
