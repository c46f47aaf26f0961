//! A configuration ready to be worked by: checked, and with what was read from this machine for it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use super::Event;
use super::closer::close_months;
use super::presence::Lead;
use super::refresher::refresh;
use super::retainer::retain_daily;
use crate::app::letters;
use crate::app::usable::check_usable;
use crate::clock::Clock;
use crate::config::{self, Config, StoreConfig};
use crate::mail::{Mailer, Sender};
use crate::metrics::Metrics;
use crate::probe::Prober;
use crate::sla::catalog::{Endpoint, EndpointId};
use crate::sla::window::Timestamp;
use crate::store::{Action, ActionKind, Store};

/// What a configuration makes of the daemon.
pub(super) struct Plan {
    pub(super) config: Arc<Config>,
    pub(super) watch_list: WatchList,
    mailer: Option<Mailer>,
    sender: Sender,
}

/// Whom to ask, and how.
#[derive(Clone)]
pub(super) struct WatchList {
    pub(super) prober: Prober,
    pub(super) endpoints: Arc<HashMap<EndpointId, Arc<Endpoint>>>,
    pub(super) concurrency_max: usize,
    /// The latest tick already taken of each endpoint.
    pub(super) last_ticks: Arc<Vec<(EndpointId, Timestamp)>>,
}

impl Plan {
    /// Reads what `config` points to, so that what cannot be read is told at once.
    pub(super) fn new(config: Config, now: Timestamp) -> anyhow::Result<Self> {
        let prober =
            Prober::new(config.vantage.clone())?.with_controls(config.probing.controls.clone());
        let endpoints: HashMap<EndpointId, Arc<Endpoint>> = config
            .catalog
            .endpoints()
            .filter(|(_, endpoint)| endpoint.is_asked_from(&config.vantage))
            .map(|(_, endpoint)| (endpoint.id.clone(), Arc::clone(endpoint)))
            .collect();
        for (_, endpoint) in config.catalog.endpoints() {
            if endpoint.is_asked_from(&config.vantage) {
                prober
                    .prepare(endpoint)
                    .with_context(|| format!("prepare the probe of `{}`", endpoint.id))?;
                // No reason to watch nothing: it is asked all the same, and a refusal is void.
                if let Some(fault) = prober.outdated(endpoint, now) {
                    let id = &endpoint.id;
                    warn!(endpoint.id = %id, "endpoint `{id}` may be refused to us: failed to {fault}");
                }
            }
        }
        Ok(Self {
            watch_list: WatchList {
                prober,
                endpoints: Arc::new(endpoints),
                concurrency_max: config.probing.concurrency_max,
                last_ticks: Arc::default(),
            },
            mailer: Mailer::new(&config.mail)?,
            sender: Sender::from_config(&config.mail)?,
            config: Arc::new(config),
        })
    }

    /// Reads `file` in place of the configuration in force.
    pub(super) fn reload(file: &Path, in_force: &Config, now: Timestamp) -> anyhow::Result<Self> {
        let config = config::load_with(file, in_force.overrides.clone())?;
        check_usable(&config, file)?;
        for (key, same) in [
            (
                match config.store {
                    StoreConfig::Collector(_) => "forward",
                    StoreConfig::File(_) | StoreConfig::Server(_) => "store",
                },
                config.store == in_force.store,
            ),
            ("vantage.id", config.vantage == in_force.vantage),
            ("web.listen", config.web.listen == in_force.web.listen),
            ("web.intake", config.web.intake == in_force.web.intake),
            ("metrics", config.metrics == in_force.metrics),
            (
                "retention.failures_in_full",
                config.retention.failures_in_full == in_force.retention.failures_in_full,
            ),
        ] {
            ensure!(
                same,
                "change `{key}` while the daemon runs: put it back, or restart the daemon"
            );
        }
        Self::new(config, now)
    }

    /// Puts on record that it comes into force, and looks up where the schedule goes on.
    pub(super) fn comes_into_force(
        &mut self,
        store: &mut Store,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let loaded = Action {
            kind: ActionKind::ConfigLoaded,
            what: serde_json::json!({
                "sha256": self.config.sha256,
                "vantage": self.config.vantage.as_str(),
            }),
        };
        store.journal(super::WHO, now, &loaded)?;
        let last_ticks = store
            .last_ticks()?
            .into_iter()
            .filter(|(_, vantage, _)| *vantage == self.config.vantage)
            .map(|(endpoint, _, tick)| (endpoint, tick))
            .collect();
        self.watch_list.last_ticks = Arc::new(last_ticks);
        Ok(())
    }
}

/// The tasks beside probing, as one configuration wants them. A new configuration gets new ones.
pub(super) struct Shift {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Shift {
    pub(super) fn begin(
        plan: Plan,
        clock: &Clock,
        events: &mpsc::Sender<Event>,
        metrics: &Arc<Metrics>,
        lead: &watch::Receiver<Lead>,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let config = plan.config;
        if let StoreConfig::Collector(_) = config.store {
            // What is worked out from a store is worked out where the collector is.
            return Self {
                stop,
                tasks: Vec::new(),
            };
        }
        let mut tasks = vec![
            tokio::spawn(refresh(
                Arc::clone(&config),
                clock.clone(),
                events.clone(),
                stopped.clone(),
            )),
            tokio::spawn(close_months(
                Arc::clone(&config),
                clock.clone(),
                Arc::clone(metrics),
                lead.clone(),
                stopped.clone(),
            )),
        ];
        tasks.push(tokio::spawn(retain_daily(
            Arc::clone(&config),
            clock.clone(),
            lead.clone(),
            stopped.clone(),
        )));
        if let Some(mailer) = plan.mailer {
            tasks.push(tokio::spawn(letters::deliver(
                config,
                mailer,
                plan.sender,
                clock.clone(),
                Arc::clone(metrics),
                lead.clone(),
                stopped,
            )));
        }
        Self { stop, tasks }
    }

    /// Ends when nothing is begun any more; a letter under way is handed over first.
    pub(super) async fn end(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}
