//! `vigie demo`: a scene to look at, on a fresh machine, with no other preparation.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::close::progress_bar;
use super::{Failure, asked_to_reload, asked_to_stop, exit, print, run_daemon, start_logging};
use crate::app::close::{Kind, Order, close};
use crate::app::watch::{self, missed_row};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::demo::history::Past;
use crate::demo::simulator::Scenario;
use crate::demo::{self, NOTICE};
use crate::sla::window::Window;
use crate::store::{Action, ActionKind, Missed, Store};

/// Show Vigie at work: simulated services, a year of history, reports
///
/// Starts a simulator of both APIs on loopback, writes thirteen months of synthetic history,
/// closes the past months, probes the simulator live, and runs until Ctrl-C.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Where to put configuration, store and reports; a demo that is there is replaced
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// Where the status page listens; a free port of loopback if that is taken
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8650")]
    listen: SocketAddr,
    /// Prepare everything and stop, without probing
    #[arg(long)]
    prepare_only: bool,
}

/// Marks a folder as ours to replace.
const MARK: &str = ".vigie-demo";

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    start_logging();
    let directory = match &args.directory {
        Some(directory) => directory.clone(),
        None => std::env::temp_dir().join("vigie-demo"),
    };
    make_room(&directory).map_err(Failure::input)?;
    print(format!("{NOTICE}\n\n"))?;
    run_daemon(async { play(args, &directory).await.map_err(Failure::system) })?;
    Ok(exit::OK)
}

async fn play(args: &Args, directory: &Path) -> anyhow::Result<()> {
    let clock = Clock::System;
    let listener = match TcpListener::bind(args.listen).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind("127.0.0.1:0")
            .await
            .context("find a free port on loopback")?,
    };
    let listen = listener.local_addr()?;
    let scene = demo::set_up(directory, listen, Scenario::demo(), clock.clone()).await?;
    let config = config::load(&scene.config_file)?;
    let past = tokio::task::spawn_blocking({
        let (config, clock) = (config.clone(), clock.clone());
        move || write_past(&config, &clock)
    });
    past.await??;
    let reports = config.reports.directory.display();
    if args.prepare_only {
        tell(&format!(
            "Reports        {reports}\nConfiguration  {}\n",
            scene.config_file.display()
        ));
        return Ok(());
    }
    tell(&format!(
        "Status page    http://{listen}/\n\
         Metrics        http://{listen}/metrics\n\
         Reports        {reports}\n\
         Configuration  {}\n\
         \n\
         In another terminal: vigie --config {0} explain particulier 2025-10\n\
         Stop with Ctrl-C.\n",
        scene.config_file.display()
    ));
    let reloads = asked_to_reload(scene.config_file);
    watch::run(config, clock, listener, reloads, asked_to_stop()).await
}

/// Thirteen months of history, and a statement and a report for each of them.
fn write_past(config: &Config, clock: &Clock) -> anyhow::Result<()> {
    let now = clock.now();
    let zone = config
        .catalog
        .services
        .first()
        .context("find a service in the demo's configuration")?
        .zone();
    let past = Past::until(now, zone);
    let mut store = Store::open(&config.store)?;
    let days = past.days(&config.catalog, &config.vantage);
    let bar = progress_bar("days: synthetic history");
    bar.set_length(u64::try_from(days.len())?);
    for findings in days {
        store.append(&findings)?;
        if let Some(last) = findings.last() {
            store.seal_all(last.observation.tick.min(now))?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (_, endpoint) in config.catalog.endpoints() {
        let missed: Vec<Missed> = past
            .missed(endpoint)
            .into_iter()
            .map(|ticks| missed_row(&ticks, &config.vantage))
            .collect();
        store.save_missed(&missed)?;
    }
    let invented = Action {
        kind: ActionKind::HistoryInvented,
        what: serde_json::json!({ "notice": NOTICE }),
    };
    store.journal("vigie demo", now, &invented)?;
    let bar = progress_bar("months: statements and reports");
    bar.set_length(u64::try_from(past.months().count())?);
    for month in past.months() {
        let month = month.to_string();
        let order = Order {
            month: &month,
            partner: None,
            service: None,
            kind: Kind::Final,
            who: "vigie demo",
        };
        close(config, &mut store, now, &order, &mut |_| {})?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    // That took a while: history goes on up to where live probing takes over.
    let past = Past::until(clock.now(), zone);
    if let Some(meanwhile) = Window::between(now, past.window().end()) {
        for (_, endpoint) in config.catalog.endpoints() {
            let findings = past.findings(endpoint, &config.vantage, meanwhile);
            store.append(&findings.collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// An empty folder of ours: a demo that is there goes, anything else stays.
fn make_room(directory: &Path) -> anyhow::Result<()> {
    let shown = directory.display();
    let occupied = directory
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        anyhow::ensure!(
            directory.join(MARK).exists(),
            "use `{shown}` for the demo: it holds something else; name another folder with --directory"
        );
        std::fs::remove_dir_all(directory)
            .with_context(|| format!("remove the former demo in `{shown}`"))?;
    }
    std::fs::create_dir_all(directory).with_context(|| format!("create `{shown}`"))?;
    std::fs::write(
        directory.join(MARK),
        "made by `vigie demo`, replaced by the next one\n",
    )
    .with_context(|| format!("write to `{shown}`"))
}

fn tell(text: &str) {
    // A closed standard output does not stop the demo.
    let _ = print(text);
}
