//! `vigie check`: is the configuration right?

use super::{ConfigPlace, Failure, exit, print};
use crate::config::StoreConfig;

/// Read the configuration and name every fault in it
///
/// Also checks that what it points to can be read (secrets, certificates). Asks nothing over the
/// network and changes nothing.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the default configuration, with every key and its comment, and check nothing
    #[arg(long)]
    print_default: bool,
}

pub(super) fn run(args: &Args, place: &ConfigPlace) -> Result<u8, Failure> {
    if args.print_default {
        print(crate::config::DEFAULT_TOML)?;
        return Ok(exit::OK);
    }
    let config = place.load()?;
    let n_endpoints = config.catalog.endpoints().count();
    let n_services = config.catalog.services.len();
    let n_partners = config.catalog.partners.len();
    print(format!(
        "{}: {}, {}, {}\n",
        place.path().display(),
        counted(n_services, "service"),
        counted(n_endpoints, "endpoint"),
        counted(n_partners, "partner"),
    ))?;
    if let StoreConfig::Collector(collector) = &config.store {
        print(format!(
            "what is seen is handed in at {}; months are closed and letters sent there\n",
            collector.url
        ))?;
    }
    place.check_usable_now(&config).inspect_err(|_| {
        eprintln!("the file itself is right; what it points to must be there, and readable for the user that runs this");
    })?;
    Ok(exit::OK)
}

fn counted(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}
