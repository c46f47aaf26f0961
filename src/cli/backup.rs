//! `vigie backup` and `vigie restore`: a copy of the store, and back.

use std::path::PathBuf;

use super::{ConfigPlace, Failure, exit, open_beside, print, whoami};
use crate::clock::Clock;
use crate::config::StoreConfig;
use crate::store::{Action, ActionKind, Store};

/// Copy the store into a file, while the daemon goes on
///
/// The copy is of one instant, whole on the disk before it gets its name, and checked: its journal
/// is read again. It replaces no file. The backup stands in the journal.
#[derive(clap::Args)]
pub(super) struct BackupArgs {
    /// Where; a file that is not there yet
    file: PathBuf,
}

pub(super) fn backup(args: &BackupArgs, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let mut store = open_beside(&config)?;
    let size_bytes = store.backup(&args.file).map_err(Failure::system)?;
    let copy = Store::open_reader(StoreConfig::File(args.file.clone())).map_err(Failure::system)?;
    let check = copy.verify_journal().map_err(Failure::system)?;
    let shown = args.file.display();
    if !check.is_whole() {
        print(format!(
            "the backup `{shown}` was written, and its journal is NOT whole: see `vigie journal verify`\n"
        ))?;
        return Ok(exit::NEGATIVE);
    }
    let action = Action {
        kind: ActionKind::BackupWritten,
        what: serde_json::json!({ "file": shown.to_string(), "size_bytes": size_bytes }),
    };
    store
        .journal(&whoami(), Clock::System.now(), &action)
        .map_err(Failure::system)?;
    print(format!(
        "the backup `{shown}` was written: {size_bytes} bytes, {check}\n"
    ))?;
    Ok(exit::OK)
}

/// Put a backup in the place of the store; stop the daemon first
///
/// The store that is there is kept beside it under another name.
#[derive(clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup
    file: PathBuf,
}

pub(super) fn restore(args: &RestoreArgs, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let former = Store::restore(&args.file, &config.store).map_err(Failure::system)?;
    let mut store = open_beside(&config)?;
    let action = Action {
        kind: ActionKind::BackupRestored,
        what: serde_json::json!({ "file": args.file.display().to_string() }),
    };
    store
        .journal(&whoami(), Clock::System.now(), &action)
        .map_err(Failure::system)?;
    let kept = former.map_or(String::new(), |former| {
        format!("; what was there is now `{}`", former.display())
    });
    print(format!(
        "the backup `{}` is the store now{kept}\n",
        args.file.display()
    ))?;
    Ok(exit::OK)
}
