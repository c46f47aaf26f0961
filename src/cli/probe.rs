//! `vigie probe`: ask once, and tell what came of it.

use super::{ConfigPlace, Failure, exit, print, runtime};
use crate::app::load::find_endpoint;
use crate::clock::Clock;
use crate::probe::Prober;
use crate::sla::catalog::Endpoint;
use crate::sla::explanation::{Explanation, Hop};
use crate::sla::observation::{Finding, Outcome, Phases, Stage};

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
        Some(id) => vec![find_endpoint(&config, id).map_err(Failure::input)?.1],
        None => config
            .catalog
            .endpoints()
            .map(|(_, endpoint)| endpoint)
            .filter(|endpoint| !endpoint.retired)
            .collect(),
    };
    let prober = Prober::new(config.vantage.clone())
        .map_err(Failure::system)?
        .with_controls(config.probing.controls.clone());
    let findings = runtime()?.block_on(async {
        let mut findings = Vec::with_capacity(asked.len());
        for endpoint in &asked {
            prober.prepare(endpoint).map_err(Failure::input)?;
            let now = Clock::System.now();
            findings.push(prober.explain(endpoint, now, now).await);
        }
        Ok::<_, Failure>(findings)
    })?;
    let mut n_answered = 0;
    for (endpoint, (finding, explanation)) in asked.iter().zip(&findings) {
        print(describe(endpoint, finding, explanation))?;
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
fn describe(endpoint: &Endpoint, finding: &Finding, explanation: &Explanation) -> String {
    let mut text = format!("{}  {}\n", endpoint.id, endpoint.probe);
    match finding.observation.outcome {
        Outcome::Answered {
            latency_us,
            partial,
        } => {
            let slow = endpoint.latency_objective_ms.is_some_and(|objective_ms| {
                u64::from(latency_us) > u64::from(objective_ms) * 1_000
            });
            let how = match (partial, slow) {
                (true, _) => ", in part",
                (false, true) => ", slower than its objective",
                (false, false) => "",
            };
            text.push_str(&format!(
                "  answered as expected in {} ms{how}\n",
                f64::from(latency_us) / 1e3
            ));
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
    for hop in &explanation.hops {
        describe_hop(&mut text, hop);
    }
    if let Some(us) = explanation.evaluate_us {
        text.push_str(&format!(
            "  {:<10} {:>6}.{:03} ms\n",
            "evaluate",
            us / 1_000,
            us % 1_000
        ));
    }
    for assessment in &explanation.assessments {
        let mark = if assessment.holds { "✓" } else { "✗" };
        text.push_str(&format!("  {mark} {assessment}\n"));
    }
    text
}

/// One connection: where to, over which protocols, which certificates, and how long each stage
/// took.
fn describe_hop(text: &mut String, hop: &Hop) {
    text.push_str(&format!("  {}", hop.url));
    if let Some(address) = hop.address {
        text.push_str(&format!(" at {address}"));
    }
    if let Some(version) = &hop.http_version {
        text.push_str(&format!(", {version}"));
    }
    if let Some(status) = hop.status {
        text.push_str(&format!(", status {status}, {} bytes", hop.body_bytes));
    }
    text.push('\n');
    if let Some(tls) = &hop.tls {
        if let (Some(version), Some(suite)) = (&tls.version, &tls.cipher_suite) {
            text.push_str(&format!("  {version}, {suite}\n"));
        }
        for certificate in &tls.chain {
            let end = certificate
                .not_after
                .map_or("an unreadable date".to_owned(), |end| end.to_string());
            text.push_str(&format!(
                "  certificate of {}, by {}, valid until {end}\n",
                certificate.subject, certificate.issuer
            ));
        }
    }
    describe_phases(text, &hop.phases);
}

fn describe_phases(text: &mut String, phases: &Phases) {
    const WIDTH: u64 = 40;
    let total_us: u32 = Stage::ALL
        .iter()
        .filter_map(|stage| phases.of(*stage))
        .sum();
    let scale = |us: u32| -> usize {
        let cells = u64::from(us) * WIDTH / u64::from(total_us.max(1));
        usize::try_from(cells).unwrap_or(0)
    };
    let mut before_us = 0;
    for stage in Stage::ALL {
        let Some(us) = phases.of(stage) else {
            continue;
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
}
