//! `vigie vantages`: who asks, since when, and whether it still does.

use super::{ConfigPlace, Failure, exit, open_reader, print};
use crate::clock::Clock;
use crate::sla::window::{Timestamp, show_duration_ms};
use crate::store::VantageNow;

/// A vantage that was silent for longer is taken for gone, in milliseconds.
const SILENT_MS: i64 = 60_000;

/// Show the vantages that record into the store or hand in, and whether they are alive
///
/// Signs of life are reckoned by the store's clock; LAG is how far the last tick that was kept
/// lies back. Where the store is a file and nobody hands in there is one vantage, and `vigie
/// status` tells more. Warns of endpoints that two of them define differently. Exit status 1 if
/// there is one, or a vantage is silent.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let store = open_reader(&config)?;
    let now = store.clock(Clock::System.now()).map_err(Failure::system)?;
    let vantages = store.vantages().map_err(Failure::system)?;
    let mut lines = format!(
        "{:<20} {:<8} {:<22} {:<12} {:<22} {:<10} {:<10} {:<8} {}\n",
        "VANTAGE", "STATE", "SINCE", "SIGN OF LIFE", "LAST TICK", "LAG", "CLOCK", "VERSION", "ROLE"
    );
    let mut any_silent = false;
    for vantage in &vantages {
        let silent = vantage.seen.is_some_and(|seen| now.since(seen) > SILENT_MS);
        any_silent |= silent;
        lines.push_str(&line(vantage, silent, now));
    }
    let differing = store
        .differing(Clock::System.now())
        .map_err(Failure::system)?;
    for one in &differing {
        lines.push_str(&format!("\nwarning: {one}\n"));
    }
    print(lines)?;
    Ok(if any_silent || !differing.is_empty() {
        exit::NEGATIVE
    } else {
        exit::OK
    })
}

fn line(vantage: &VantageNow, silent: bool, now: Timestamp) -> String {
    let shown = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.to_string());
    let state = match vantage.seen {
        None => "unknown",
        Some(_) if silent => "silent",
        Some(_) => "alive",
    };
    let back = |at: Timestamp| {
        // Whole seconds: signs are seconds apart.
        show_duration_ms(now.since(at).max(0) / 1_000 * 1_000)
    };
    let ago = vantage
        .seen
        .map_or("-".to_owned(), |seen| format!("{} ago", back(seen)));
    let lag = vantage.last_tick.map_or("-".to_owned(), back);
    let clock = vantage
        .ahead_ms
        .map_or("-".to_owned(), |ms| format!("{:+.1} s", ms as f64 / 1e3));
    format!(
        "{:<20} {:<8} {:<22} {:<12} {:<22} {:<10} {:<10} {:<8} {}\n",
        vantage.id.as_str(),
        state,
        shown(vantage.began),
        ago,
        shown(vantage.last_tick),
        lag,
        clock,
        vantage.version.as_deref().unwrap_or("-"),
        if vantage.leads && !silent {
            "leads"
        } else {
            ""
        }
    )
}
