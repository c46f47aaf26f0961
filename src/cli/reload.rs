//! `vigie reload`: has the running daemon read its configuration again.

use std::path::Path;
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
    let recorder = Store::recorder(&config.store).map_err(Failure::system)?;
    let pid = recorder
        .and_then(|pid| Pid::from_raw(pid.try_into().ok()?))
        .ok_or_else(|| {
            Failure::system(match &config.store {
                StoreConfig::File(path) => anyhow!(
                    "find the daemon: none records into `{}`; start it with `vigie run`",
                    path.display()
                ),
                StoreConfig::Server(server) => nobody_uses(&server.spool),
                StoreConfig::Collector(collector) => nobody_uses(&collector.spool),
            })
        })?;
    if let StoreConfig::Collector(_) = &config.store {
        hang_up(pid)?;
        print(
            "the daemon was asked to reload; what came of it is in its log and in `vigie_config_last_reload_successful`\n",
        )?;
        return Ok(exit::OK);
    }
    let store = open_reader(&config)?;
    let before = latest(&store).map_err(Failure::system)?;
    let number = before.map_or(0, |entry| entry.number);
    hang_up(pid)?;
    for _ in 0..LOOKS {
        sleep(LOOK_EVERY);
        let entries = store.journal_entries(50).map_err(Failure::system)?;
        let new = entries.iter().filter(|entry| entry.number > number);
        let answers =
            new.filter(|entry| matches!(entry.kind.as_str(), "config_loaded" | "config_refused"));
        let mut answers = answers.filter_map(|entry| {
            let what: serde_json::Value = serde_json::from_str(&entry.what).ok()?;
            // On a server, other instances have their say in the same journal.
            (what["vantage"] == config.vantage.as_str()).then_some(what)
        });
        let Some(what) = answers.next() else {
            continue;
        };
        if let Some(reason) = what["reason"].as_str() {
            let file = place.path();
            return Err(Failure {
                status: exit::USAGE,
                text: format!(
                    "{}\nvigie: failed to reload `{}`: the daemon refuses it; the former configuration stays in force",
                    reason.trim_end(),
                    file.display()
                ),
            });
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

fn nobody_uses(spool: &Path) -> anyhow::Error {
    anyhow!(
        "find the daemon: none on this machine uses the spool `{}`; run this where it runs, or start it with `vigie run`",
        spool.display()
    )
}

fn hang_up(pid: Pid) -> Result<(), Failure> {
    kill_process(pid, Signal::HUP).map_err(|error| {
        Failure::system(anyhow::Error::new(error).context(format!(
            "send a signal to the daemon (process {}): run this as its user",
            pid.as_raw_nonzero()
        )))
    })
}

fn latest(store: &Store) -> Result<Option<JournalEntry>, StoreError> {
    let entries = store.journal_entries(1)?;
    Ok(entries.into_iter().max_by_key(|entry| entry.number))
}
