//! `vigie trace`: why an endpoint failed the last times.

use super::seen::{describe, probe_json};
use super::{ConfigPlace, Failure, exit, open_reader, print};
use crate::app::load::unknown;

/// Show what was seen the last times an endpoint did not answer as expected
///
/// Read from the store, newest first, and shown as `vigie probe` would have shown it then. Of the
/// last failures all is kept (`retention.failures_in_full`); of older ones what came of it and why,
/// the address, and how long each stage took.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The endpoint's id, as in the configuration
    endpoint: String,
    /// How many
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: u32,
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
    let last = usize::try_from(args.last).unwrap_or(usize::MAX);
    let traces = open_reader(&config)?
        .traces(&endpoint.id, last)
        .map_err(Failure::system)?;
    let seen = |finding| probe_json(endpoint, finding, &finding.trace.explained());
    if args.json {
        let json: serde_json::Value = traces.iter().map(seen).collect();
        print(format!("{json:#}\n"))?;
        return Ok(exit::OK);
    }
    print(format!("{}  {}\n", endpoint.id, endpoint.probe))?;
    if traces.is_empty() {
        print("  nothing but expected answers is on record\n")?;
    }
    for finding in &traces {
        let (at, vantage) = (finding.observation.at, &finding.vantage);
        let explanation = finding.trace.explained();
        let told = describe(endpoint, at, finding, &explanation);
        print(format!("\n{at} from {vantage}\n{told}"))?;
    }
    Ok(exit::OK)
}
