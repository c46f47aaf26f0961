//! `vigie trace`: why an endpoint failed the last times.

use super::seen::{describe_phases, finding_json, outcome};
use super::{ConfigPlace, Failure, exit, open_reader, print};
use crate::app::load::unknown;

/// Show what was seen the last times an endpoint did not answer as expected
///
/// Read from the store, newest first: when, from where, what came of it and why, the address, and
/// how long each stage took. `vigie probe` shows even more, of one probe now.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The endpoint's id, as in the configuration
    endpoint: String,
    /// How many
    #[arg(long, default_value_t = 10, value_name = "N")]
    last: usize,
    /// Print them as a JSON list
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    let config = place.load()?;
    let id = args.endpoint.as_str();
    let (_, endpoint) = config.catalog.endpoint(id).ok_or_else(|| {
        let known = config.catalog.endpoints().map(|(_, endpoint)| &endpoint.id);
        Failure::input(anyhow::Error::msg(unknown("endpoint", id, known)))
    })?;
    let traces = open_reader(&config)?
        .traces(&endpoint.id, args.last)
        .map_err(Failure::system)?;
    if args.json {
        let json: serde_json::Value = traces.iter().map(finding_json).collect();
        print(format!("{json:#}\n"))?;
        return Ok(exit::OK);
    }
    print(format!("{}  {}\n", endpoint.id, endpoint.probe))?;
    if traces.is_empty() {
        print("  nothing but expected answers is on record\n")?;
    }
    for finding in &traces {
        let (at, vantage) = (finding.observation.at, &finding.vantage);
        let mut text = format!("\n{at} from {vantage}: {}\n", outcome(finding));
        if let Some(cause) = &finding.trace.cause {
            text.push_str(&format!("  the service's own error code: {cause}\n"));
        }
        if let Some(address) = finding.trace.address {
            text.push_str(&format!("  at {address}"));
            if let Some(status) = finding.trace.status {
                text.push_str(&format!(", status {status}"));
            }
            text.push('\n');
        }
        if let Some(end) = finding.trace.certificate_not_after {
            text.push_str(&format!("  certificate valid until {end}\n"));
        }
        describe_phases(&mut text, &finding.trace.phases);
        print(text)?;
    }
    Ok(exit::OK)
}
