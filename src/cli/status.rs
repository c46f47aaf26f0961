//! `vigie status`: what the running daemon sees, in a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;

use super::{ConfigPlace, Failure, exit, print, runtime};
use crate::sla::commitment::Ppm;
use crate::sla::window::{SECOND_MS, show_duration_ms};
use crate::web::status::{ServiceStatus, Status};

/// Ask the running daemon what it sees
///
/// Exit status 0 if every service is up, 1 if one is not.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The daemon's address, for example http://127.0.0.1:8430; by default where the configuration
    /// says that it listens
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let url = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", place.load()?.web.listen),
    };
    let body = runtime()?
        .block_on(fetch(&format!("{url}/api/status")))
        .map_err(Failure::system)?;
    if args.json {
        print(&body)?;
    }
    let status: Status = serde_json::from_slice(&body)
        .with_context(|| format!("read the answer of {url}: is it a vigie of this version?"))
        .map_err(Failure::system)?;
    if !args.json {
        print(describe(&status))?;
    }
    let all_up = status
        .services
        .iter()
        .all(|service| matches!(service.state.as_str(), "up" | "degraded"));
    Ok(if all_up { exit::OK } else { exit::NEGATIVE })
}

async fn fetch(url: &str) -> anyhow::Result<Vec<u8>> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .context("set up the HTTP client")?;
    let answer = client
        .get(url)
        .send()
        .await
        .with_context(|| format!("ask {url}: is the daemon running there?"))?
        .error_for_status()
        .with_context(|| format!("ask {url}"))?;
    let body = answer
        .bytes()
        .await
        .with_context(|| format!("read {url}"))?;
    Ok(body.to_vec())
}

fn describe(status: &Status) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_status(&mut out, status);
    out
}

fn write_status(out: &mut String, status: &Status) -> std::fmt::Result {
    for service in &status.services {
        write_service(out, service)?;
    }
    let store = &status.store;
    write!(
        out,
        "as of {}; {} observations wait for the store, {} lost, {} write errors",
        status.now, store.backlog, store.lost, store.write_errors
    )?;
    if store.refused > 0 {
        write!(out, ", {} refused for good", store.refused)?;
    }
    if store.is_forwarding {
        let taken_at = store.taken_at.as_deref().unwrap_or("never since the start");
        write!(out, "; handed in at a collector, last taken {taken_at}")?;
    }
    if let Some(waits_since) = &store.waits_since {
        write!(out, ", waiting since {waits_since}")?;
    }
    let missed = &status.missed_ticks;
    writeln!(
        out,
        "; ticks missed: {} suspended, {} not running, {} overrun",
        missed.suspended, missed.not_running, missed.overrun
    )
}

fn write_service(out: &mut String, service: &ServiceStatus) -> std::fmt::Result {
    let since = service
        .since
        .as_ref()
        .map_or(String::new(), |since| format!(" since {since}"));
    writeln!(out, "{}: {}{since}", service.name, service.state)?;
    if let Some(month) = &service.month {
        let bound = |ratio: &Option<String>| ratio.clone().unwrap_or_else(|| "-".to_owned());
        let target = Ppm::new(month.target_ppm).map_or_else(
            || format!("{} ppm", month.target_ppm),
            |target| target.to_string(),
        );
        let left = match month.remaining_max_ms {
            left_ms @ 0.. => format!(
                "{} of down time left",
                show_duration_ms(whole_seconds(left_ms))
            ),
            over_ms => format!(
                "{} of down time too many",
                show_duration_ms(whole_seconds(-over_ms))
            ),
        };
        writeln!(
            out,
            "  this month: at least {} %, at most {} %, for a target of {target}; {left}; outlook {}",
            bound(&month.lower),
            bound(&month.upper),
            bound(&month.outlook)
        )?;
    }
    for endpoint in service
        .endpoints
        .iter()
        .filter(|endpoint| !endpoint.retired)
    {
        let now_failing = !matches!(endpoint.state.as_str(), "up" | "degraded");
        // How fast it was before it failed says nothing of now.
        let latency = endpoint
            .latency_ms
            .filter(|_| !now_failing)
            .map_or(String::new(), |latency_ms| format!("{latency_ms} ms"));
        writeln!(
            out,
            "  {:<20} {:<9} {latency:>8}  {}",
            endpoint.id,
            endpoint.state,
            endpoint.since.as_deref().unwrap_or("never seen")
        )?;
        if let Some(last) = endpoint.failures.first().filter(|_| now_failing) {
            writeln!(out, "      {} {}: {}", last.at, last.code, last.message)?;
        }
    }
    Ok(())
}

fn whole_seconds(ms: i64) -> i64 {
    ms - ms % SECOND_MS
}
