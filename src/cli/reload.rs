//! `vigie reload`: has the running daemon read its configuration again.

use std::thread::sleep;
use std::time::Duration;

use anyhow::anyhow;
use rustix::process::{Pid, Signal, kill_process};

use super::{ConfigPlace, Failure, exit, open_reader, print};
use crate::config::StoreConfig;
use crate::store::{JournalEntry, Store, StoreError};

/// How often, and how many times, to look for the daemon's answer.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: usize = 300;

/// Have the running daemon read its configuration again
///
/// The configuration is checked here first, then by the daemon, which takes it as a whole or not at
/// all. The same as sending the daemon a SIGHUP, and waiting for what becomes of it. Exit status 0
/// if it is in force, 2 if it was refused.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let StoreConfig::File(path) = &config.store else {
        return Err(Failure::input(anyhow!(
            "find the daemon: it records on a server, and may be on any machine: send it a SIGHUP there (`systemctl reload vigie`)"
        )));
    };
    let recorder = Store::recorder(path).map_err(Failure::system)?;
    let pid = recorder
        .and_then(|pid| Pid::from_raw(pid.try_into().ok()?))
        .ok_or_else(|| {
            Failure::system(anyhow!(
                "find the daemon: none records into `{}`; start it with `vigie run`",
                path.display()
            ))
        })?;
    let store = open_reader(&config)?;
    let before = latest(&store).map_err(Failure::system)?;
    let number = before.map_or(0, |entry| entry.number);
    kill_process(pid, Signal::HUP).map_err(|error| {
        Failure::system(anyhow::Error::new(error).context(format!(
            "send a signal to the daemon (process {}): run this as its user",
            pid.as_raw_nonzero()
        )))
    })?;
    for _ in 0..LOOKS {
        sleep(LOOK_EVERY);
        let entries = store.journal_entries(50).map_err(Failure::system)?;
        let Some(answer) = entries.iter().find(|entry| {
            entry.number > number
                && matches!(entry.kind.as_str(), "config_loaded" | "config_refused")
        }) else {
            continue;
        };
        let what: serde_json::Value = serde_json::from_str(&answer.what).map_err(|error| {
            Failure::system(anyhow::Error::new(error).context("read the journal"))
        })?;
        if let Some(reason) = what["reason"].as_str() {
            return Err(Failure::input(anyhow!(
                "reload: {reason}; the former configuration stays in force"
            )));
        }
        if what["sha256"].as_str() != Some(&config.sha256) {
            return Err(Failure::input(anyhow!(
                "reload `{}`: the daemon was started with another file, and has read that one",
                place.path().display()
            )));
        }
        print(format!(
            "in force: {} services, {} endpoints\n",
            config.catalog.services.len(),
            config.catalog.endpoints().count()
        ))?;
        return Ok(exit::OK);
    }
    Err(Failure::system(anyhow!(
        "hear from the daemon (process {}) within 30 s: see its log",
        pid.as_raw_nonzero()
    )))
}

fn latest(store: &Store) -> Result<Option<JournalEntry>, StoreError> {
    let entries = store.journal_entries(1)?;
    Ok(entries.into_iter().max_by_key(|entry| entry.number))
}
