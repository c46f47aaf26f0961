//! The command line: one file per command.

mod key;
mod settle;
mod verify;

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};

use crate::sla::window::TZDATA_VERSION;

/// Exit statuses, the same for every command.
pub mod exit {
    /// Done, and all is well.
    pub const OK: u8 = 0;
    /// Done, and the answer is no: a probe failed, a verification found a difference, a month
    /// could not be closed for some partner.
    pub const NEGATIVE: u8 = 1;
    /// Not done: wrong arguments, wrong input, wrong configuration.
    pub const USAGE: u8 = 2;
    /// Not done: the system refused (files, network, database).
    pub const SYSTEM: u8 = 3;
}

/// Watches service endpoints, keeps what it saw, and says each month whether a written
/// availability commitment was kept.
#[derive(Parser)]
#[command(name = "vigie", version = VERSION.as_str(), max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
First steps:
  vigie demo                      a scene to look at: simulated services, a year of history, reports
  vigie check                     reads the configuration and names every fault in it
  vigie probe socle               asks one endpoint once and tells what came of it
  vigie run                       the daemon
  vigie close 2025-10             settles a month and writes the reports

Exit status: 0 done; 1 done, and the answer is no; 2 wrong arguments, input or configuration;
3 the system refused.")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Key(key::Args),
    Settle(settle::Args),
    Verify(verify::Args),
}

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (tzdata {TZDATA_VERSION})", env!("CARGO_PKG_VERSION")));

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.command {
        Command::Key(args) => key::run(&args),
        Command::Settle(args) => settle::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    ExitCode::from(result.unwrap_or_else(|failure| {
        eprintln!("vigie: failed to {:#}", failure.error);
        failure.status
    }))
}

/// Why a command was not done.
struct Failure {
    status: u8,
    error: anyhow::Error,
}

impl Failure {
    /// What was given is wrong.
    fn input(error: impl Into<anyhow::Error>) -> Self {
        Self {
            status: exit::USAGE,
            error: error.into(),
        }
    }

    /// The system refused.
    fn system(error: impl Into<anyhow::Error>) -> Self {
        Self {
            status: exit::SYSTEM,
            error: error.into(),
        }
    }
}

/// The bytes of a file, or of standard input for `-`.
fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| {
        Failure::input(anyhow::Error::new(error).context(format!("read `{}`", path.display())))
    })
}

/// Writes to standard output; a reader that went away (`| head`) is no failure.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::system(
            anyhow::Error::new(error).context("write to standard output"),
        )),
        _ => Ok(()),
    }
}
