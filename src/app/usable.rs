//! What a configuration points to, tried before anything is done with it.

use std::path::Path;

use anyhow::Context as _;

use super::press::signing_key;
use crate::config::{self, Config, IntakeWay, Key, StoreConfig};
use crate::forward::{Collector, ForwardError};
use crate::mail::{MailError, Mailer, Sender};
use crate::probe::Prober;
use crate::sla::window::Timestamp;
use crate::web::{self, Gate};

/// Checks that all that `config` points to can be used here: secrets, certificates, authorities,
/// keys. It was read from `file`, which is where faults are shown. Asks nothing over the network.
///
/// # Errors
/// All that cannot be used, as [`Faults`](config::Faults); and what keeps it from being tried.
pub fn check_usable(config: &Config, file: &Path) -> anyhow::Result<()> {
    told(file, found(config, None)?)
}

/// The same, and that nothing which proves who we are will be refused at `now` for its dates.
///
/// # Errors
/// As [`check_usable`].
pub fn check_usable_at(config: &Config, file: &Path, now: Timestamp) -> anyhow::Result<()> {
    told(file, found(config, Some(now))?)
}

fn told(file: &Path, found: Vec<(Key<'_>, String)>) -> anyhow::Result<()> {
    match config::faults_of_use(file, found) {
        Some(faults) => Err(faults.into()),
        None => Ok(()),
    }
}

fn found(config: &Config, now: Option<Timestamp>) -> anyhow::Result<Vec<(Key<'_>, String)>> {
    let prober = Prober::new(config.vantage.clone()).context("get ready to probe")?;
    let mut found: Vec<(Key<'_>, String)> = Vec::new();
    for (_, endpoint) in config.catalog.endpoints() {
        if !endpoint.is_asked_from(&config.vantage) {
            continue;
        }
        let outdated = now.and_then(|now| prober.outdated(endpoint, now));
        for fault in prober.faults(endpoint).into_iter().chain(outdated) {
            let key = Key::OfEndpoint(endpoint.id.as_str(), fault.key());
            found.push((key, fault.to_string()));
        }
    }
    if let Err(fault) = signing_key(config) {
        let key = Key::OfSection("reports", "signing_key_file");
        found.push((key, format!("{fault:#}")));
    }
    if let Err(fault) = Mailer::new(&config.mail) {
        let key = match fault {
            MailError::Password(_) => "login",
            MailError::Tls { .. } => "ca_file",
            MailError::DkimKey(_) | MailError::DkimSign { .. } => "dkim",
            MailError::PlainAbroad { .. }
            | MailError::Address { .. }
            | MailError::Compose { .. } => "relay",
        };
        found.push((Key::OfSection("mail", key), fault.to_string()));
    }
    if let Err(fault) = Sender::from_config(&config.mail) {
        found.push((Key::OfSection("mail", "from"), fault.to_string()));
    }
    if let StoreConfig::Collector(collector) = &config.store
        && let Err(fault) = Collector::new(collector)
    {
        let key = match fault {
            ForwardError::Token(_) | ForwardError::ShortToken => "token",
            ForwardError::File(_) | ForwardError::Client(_) => "certificate",
        };
        found.push((Key::OfSection("forward", key), fault.to_string()));
    }
    if let Some(intake) = &config.web.intake {
        let key = Key::OfSection("web", "intake");
        if let Err(fault) = web::check_tokens(&intake.vantages) {
            found.push((key, fault.to_string()));
        }
        if let IntakeWay::Tls {
            certificate,
            client_ca_file,
            ..
        } = &intake.way
            && let Err(fault) = Gate::open(certificate, client_ca_file.as_ref())
        {
            found.push((key, fault.to_string()));
        }
    }
    Ok(found)
}
