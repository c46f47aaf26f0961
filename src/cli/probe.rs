//! `vigie probe`: ask once, and tell what came of it.

use super::{ConfigPlace, Failure, exit, print, runtime};
use crate::app::load::unknown;
use crate::clock::Clock;
use crate::probe::Prober;
use crate::sla::catalog::{Endpoint, Probe};
use crate::sla::observation::{Finding, Outcome, Stage};

/// Ask an endpoint once and tell what came of it
///
/// Nothing is stored. Exit status 0 if it answered as expected, 1 if it failed or nothing can be
/// said of it.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The endpoint's id, as in the configuration
    #[arg(required_unless_present = "all")]
    endpoint: Option<String>,
    /// Ask every endpoint once
    #[arg(long, conflicts_with = "endpoint")]
    all: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let asked: Vec<&Endpoint> = match &args.endpoint {
        Some(id) => {
            let known = || config.catalog.endpoints().map(|(_, endpoint)| &endpoint.id);
            let found = config.catalog.endpoint(id).ok_or_else(|| {
                Failure::input(anyhow::Error::msg(unknown("endpoint", id, known())))
            })?;
            vec![found.1]
        }
        None => config
            .catalog
            .endpoints()
            .map(|(_, endpoint)| endpoint)
            .filter(|endpoint| !endpoint.retired)
            .collect(),
    };
    let prober = Prober::new(config.vantage.clone()).map_err(Failure::system)?;
    let findings = runtime()?.block_on(async {
        let mut findings = Vec::with_capacity(asked.len());
        for endpoint in &asked {
            prober.prepare(endpoint).map_err(Failure::input)?;
            let now = Clock::System.now();
            findings.push(prober.probe(endpoint, now, now).await);
        }
        Ok::<_, Failure>(findings)
    })?;
    let mut n_answered = 0;
    for (endpoint, finding) in asked.iter().zip(&findings) {
        print(describe(endpoint, finding))?;
        if matches!(finding.observation.outcome, Outcome::Answered { .. }) {
            n_answered += 1;
        }
    }
    if args.all {
        print(format!(
            "{n_answered} of {} answered as expected\n",
            asked.len()
        ))?;
    }
    Ok(if n_answered == asked.len() {
        exit::OK
    } else {
        exit::NEGATIVE
    })
}

/// What came of it, for a terminal: the outcome, why, and how long each stage took.
fn describe(endpoint: &Endpoint, finding: &Finding) -> String {
    let Probe::Http(http) = &endpoint.probe;
    let mut text = format!("{}  {} {}\n", endpoint.id, http.method, http.url);
    match finding.observation.outcome {
        Outcome::Answered {
            latency_ms,
            partial,
        } => {
            let slow = endpoint
                .latency_objective_ms
                .is_some_and(|objective_ms| latency_ms > objective_ms);
            let how = match (partial, slow) {
                (true, _) => ", in part",
                (false, true) => ", slower than its objective",
                (false, false) => "",
            };
            text.push_str(&format!("  answered as expected in {latency_ms} ms{how}\n"));
        }
        Outcome::Failed(fault) => {
            text.push_str(&format!("  failed ({fault}): {}\n", finding.trace.message));
        }
        Outcome::Void(reason) => text.push_str(&format!(
            "  nothing can be said of it ({reason}): {}\n",
            finding.trace.message
        )),
    }
    if let Some(cause) = &finding.trace.cause {
        text.push_str(&format!("  the service's own error code: {cause}\n"));
    }
    if let Some(address) = finding.trace.address {
        text.push_str(&format!("  address {address}"));
        if let Some(status) = finding.trace.status {
            text.push_str(&format!(", status {status}"));
        }
        text.push('\n');
    }
    if let Some(end) = finding.trace.certificate_not_after {
        text.push_str(&format!("  certificate valid until {end}\n"));
    }
    let total_us: u32 = Stage::ALL
        .iter()
        .filter_map(|stage| finding.trace.phases.of(*stage))
        .sum();
    let mut before_us = 0;
    for stage in Stage::ALL {
        let Some(us) = finding.trace.phases.of(stage) else {
            continue;
        };
        const WIDTH: u64 = 40;
        let scale = |us: u32| -> usize {
            let cells = u64::from(us) * WIDTH / u64::from(total_us.max(1));
            usize::try_from(cells).unwrap_or(0)
        };
        text.push_str(&format!(
            "  {:<10} {:>6}.{:03} ms  {}{}\n",
            stage.code(),
            us / 1_000,
            us % 1_000,
            " ".repeat(scale(before_us)),
            "█".repeat(scale(us).max(1)),
        ));
        before_us += us;
    }
    text
}
