//! `vigie run`: the daemon.

use std::panic::resume_unwind;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{
    ConfigPlace, Failure, asked_to_reload, asked_to_stop, exit, run_daemon, start_logging,
};
use crate::app::watch;
use crate::clock::Clock;
use crate::config::{self, Overrides};
use crate::sla::catalog::Url;

/// Watch: probe on schedule, keep, show, and close each month when it is over
///
/// SIGHUP (or `vigie reload`) has it read its configuration again: checked first, then taken as a
/// whole or not at all.
///
/// Stops cleanly on SIGTERM and SIGINT: probes under way may end, and what was seen is saved.
/// Logs go to standard error (VIGIE_LOG chooses what).
#[derive(clap::Args)]
pub(super) struct Args {
    /// Keep nothing here: hand in what is seen at this collector, as `[forward]` says; months are
    /// closed and letters sent there
    #[arg(long, value_name = "URL", value_parser = address)]
    forward: Option<Url>,
}

fn address(text: &str) -> Result<Url, String> {
    config::url(text)
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let overrides = Overrides {
        forward: args.forward.clone(),
    };
    // On a thread of its own: the memory that reading took is given back with it.
    let config = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let config = place.load_with(overrides)?;
            place.check_usable(&config)?;
            Ok(config)
        });
        reading.join().unwrap_or_else(|panic| resume_unwind(panic))
    })?;
    start_logging();
    run_daemon(async {
        let listen = config.web.listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("listen on {listen}: set `web.listen` to a free address"))
            .map_err(Failure::system)?;
        let reloads = asked_to_reload(place.path());
        watch::run(config, Clock::System, listener, reloads, asked_to_stop())
            .await
            .map_err(Failure::system)
    })?;
    Ok(exit::OK)
}
