//! `vigie journal`: who did what, when; and whether that record is whole.

use clap::Subcommand;

use super::{ConfigPlace, Failure, exit, open_reader, print};

/// Show the journal, or verify that nobody changed it
///
/// Every action is appended with who, when and what, chained to the one before by its SHA-256.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the last entries, oldest first
    Show {
        /// How many
        #[arg(long, default_value_t = 50)]
        last: usize,
    },
    /// Find a changed, missing or reordered entry; exit status 1 if there is one
    Verify,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let store = open_reader(&config)?;
    match args.command {
        Command::Show { last } => {
            let mut entries = store.journal_entries(last).map_err(Failure::system)?;
            entries.sort_by_key(|entry| entry.number);
            for entry in entries {
                print(format!(
                    "{:>6}  {}  {:<18} {:<20} {}\n",
                    entry.number, entry.at, entry.who, entry.kind, entry.what
                ))?;
            }
            Ok(exit::OK)
        }
        Command::Verify => {
            let check = store.verify_journal().map_err(Failure::system)?;
            for fault in &check.faults {
                print(format!("{fault}\n"))?;
            }
            if check.is_whole() {
                print(format!("the journal is whole: {check}\n"))?;
                return Ok(exit::OK);
            }
            print(format!(
                "the journal is NOT whole: {} faults in {} entries\n",
                check.faults.len(),
                check.n_entries
            ))?;
            Ok(exit::NEGATIVE)
        }
    }
}
