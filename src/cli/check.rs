//! `vigie check`: is the configuration right?

use super::{ConfigPlace, Failure, exit, print};
use crate::config::{self, IntakeWay, StoreConfig};
use crate::forward::Collector;
use crate::mail::{Mailer, Sender};
use crate::probe::Prober;
use crate::web::{self, Gate};

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
    let prober = Prober::new(config.vantage.clone()).map_err(Failure::system)?;
    let mut faults = String::new();
    for (_, endpoint) in config.catalog.endpoints() {
        if endpoint.retired {
            continue;
        }
        if let Err(fault) = prober.prepare(endpoint) {
            let (id, why) = (endpoint.id.as_str(), fault.to_string());
            let shown = config::fault_of_endpoint(&place.path(), id, fault.key(), &why);
            faults.push_str(&match shown {
                Some(shown) => format!("endpoint `{id}`:\n{shown}\n"),
                None => format!("endpoint `{id}`: failed to {why}\n"),
            });
        }
    }
    if let Err(fault) = crate::app::press::signing_key(&config) {
        faults.push_str(&format!("failed to {fault:#}\n"));
    }
    if let Err(fault) = Mailer::new(&config.mail) {
        faults.push_str(&format!("failed to {fault}\n"));
    }
    if let Err(fault) = Sender::from_config(&config.mail) {
        faults.push_str(&format!("failed to {fault}\n"));
    }
    if let StoreConfig::Collector(collector) = &config.store
        && let Err(fault) = Collector::new(collector)
    {
        faults.push_str(&format!("failed to {fault}\n"));
    }
    if let Some(intake) = &config.web.intake {
        if let Err(fault) = web::check_tokens(&intake.vantages) {
            faults.push_str(&format!("failed to {fault}\n"));
        }
        if let IntakeWay::Tls {
            certificate,
            client_ca_file,
            ..
        } = &intake.way
            && let Err(fault) = Gate::open(certificate, client_ca_file.as_ref())
        {
            faults.push_str(&format!("failed to {fault}\n"));
        }
    }
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
    if !faults.is_empty() {
        print(format!(
            "{faults}the file itself is right; what it points to must be there, and readable for the user that runs this\n"
        ))?;
        return Ok(exit::USAGE);
    }
    Ok(exit::OK)
}

fn counted(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}
