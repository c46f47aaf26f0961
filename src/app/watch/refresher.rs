//! Works out from the store what takes more than the last few observations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tracing::error;

use super::Event;
use crate::app::load::{declarations, exclusions, requests};
use crate::app::record::month_records;
use crate::clock::Clock;
use crate::config::{Config, StoreConfig};
use crate::sla::availability::Tally;
use crate::sla::catalog::{EndpointId, Service, ServiceId};
use crate::sla::statement::{Statement, judge};
use crate::sla::timeline::Timeline;
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};
use crate::store::{Seen, Store};

/// How often the running month is worked out again.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// The days that the page shows.
const DAYS_SHOWN: i64 = 90;

/// Works out the running month every minute, until stopped.
pub(super) async fn refresh(
    config: Arc<Config>,
    clock: Clock,
    events: mpsc::Sender<Event>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut past = Past::default();
    loop {
        let work = spawn_blocking({
            let (config, now) = (Arc::clone(&config), clock.now());
            move || {
                let pictures = read_pictures(&config, &mut past, now);
                (past, pictures)
            }
        });
        let done = tokio::select! {
            done = work => done,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match done {
            Ok((kept, Ok(pictures))) => {
                past = kept;
                let _ = events.send(Event::Loaded(pictures)).await;
            }
            Ok((kept, Err(failure))) => {
                past = kept;
                error!("failed to work out the running month: {failure:#}");
            }
            Err(failure) => {
                past = Past::default();
                error!("failed to work out the running month: {failure}");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(REFRESH_EVERY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// About how many observations are recalled at the start, at most.
const RECALLED_MAX: i64 = 1_000_000;

/// How far back to look, each time, for what other vantages saw: some of it arrives late.
const OTHERS_MS: i64 = 5 * MINUTE_MS;

/// What the store says of one service.
pub(super) struct Picture {
    pub(super) service: ServiceId,
    pub(super) running: Option<Statement>,
    pub(super) previous: Option<Statement>,
    pub(super) timeline: Option<Timeline>,
    pub(super) days: Vec<(NaiveDate, Tally)>,
    /// The last observations of each endpoint; after the start, of other vantages only.
    pub(super) recent: Vec<Seen>,
}

/// What is worked out once and does not change any more.
#[derive(Default)]
struct Past {
    /// By service: the month that was running, the statement of the one before, and the days
    /// before it.
    services: BTreeMap<ServiceId, PastService>,
}

impl Past {
    /// Whether what lies before the running `month` of `service` is known.
    fn is_of(&self, service: &Service, month: Month) -> bool {
        let known = self.services.get(&service.id);
        known.is_some_and(|known| known.running == month)
    }
}

struct PastService {
    running: Month,
    previous: Option<Statement>,
    days: BTreeMap<NaiveDate, Tally>,
}

fn read_pictures(config: &Config, past: &mut Past, now: Timestamp) -> anyhow::Result<Vec<Picture>> {
    let store = Store::open_reader(&config.store)?;
    let services = &config.catalog.services;
    // All services at once: what is fresh is in no order of theirs.
    let running: Vec<(&Service, Month)> = services
        .iter()
        .map(|service| (service, Month::containing(now, service.zone())))
        .collect();
    let begun: Vec<(&Service, Month)> = running
        .iter()
        .filter(|(service, month)| !past.is_of(service, *month))
        .copied()
        .collect();
    let mut recent = read_recent(&store, &begun, now.plus_ms(-recall_ms(config)), now)?;
    if let StoreConfig::Server(server) = &config.store {
        let known: Vec<(&Service, Month)> = running
            .iter()
            .filter(|(service, month)| past.is_of(service, *month))
            .copied()
            .collect();
        let mut others = read_recent(&store, &known, now.plus_ms(-OTHERS_MS), now)?;
        for seen in others.values_mut() {
            // What we see ourselves is on the board already.
            seen.retain(|seen| seen.vantage != server.vantage);
        }
        recent.extend(others);
    }
    read_past(&store, &begun, past, now)?;
    let first = now.plus_ms(-(DAYS_SHOWN - 1) * 24 * HOUR_MS);
    let months = whole_months(&store, &running, now)?;
    Ok(running
        .into_iter()
        .zip(months)
        .map(|((service, month), whole)| {
            let known = past.services.get(&service.id);
            let mut days: BTreeMap<NaiveDate, Tally> =
                known.map(|known| known.days.clone()).unwrap_or_default();
            if let Some((statement, _)) = &whole {
                days.extend(days_of(statement, month, now));
            }
            let first = first.to_local(service.zone()).date_naive();
            let (running, timeline) = whole.unzip();
            Picture {
                service: service.id.clone(),
                running,
                previous: known.and_then(|known| known.previous.clone()),
                timeline,
                days: days
                    .into_iter()
                    .filter(|(date, _)| *date >= first)
                    .collect(),
                recent: recent.remove(&service.id).unwrap_or_default(),
            }
        })
        .collect())
}

/// Works out what lies before the running month of these services.
fn read_past(
    store: &Store,
    services: &[(&Service, Month)],
    past: &mut Past,
    now: Timestamp,
) -> anyhow::Result<()> {
    for (service, running) in services {
        past.services.insert(
            service.id.clone(),
            PastService {
                running: *running,
                previous: None,
                days: BTreeMap::new(),
            },
        );
    }
    // Ninety days touch at most three months before the running one.
    for back in (1..=3).rev() {
        let months: Vec<(&Service, Month)> = services
            .iter()
            .map(|(service, running)| (*service, running.plus_months(-back)))
            .collect();
        let whole = whole_months(store, &months, now)?;
        for ((service, month), whole) in months.into_iter().zip(whole) {
            if let (Some(known), Some((statement, _))) = (past.services.get_mut(&service.id), whole)
            {
                known.days.extend(days_of(&statement, month, now));
                known.previous = (back == 1).then_some(statement);
            }
        }
    }
    Ok(())
}

/// Months of services as they are for a partner who is connected all through them, with the time
/// lines of the services.
fn whole_months(
    store: &Store,
    months: &[(&Service, Month)],
    now: Timestamp,
) -> anyhow::Result<Vec<Option<(Statement, Timeline)>>> {
    let records = month_records(store, months, now)?;
    months
        .iter()
        .zip(records)
        .map(|((service, month), seen)| {
            let Some(seen) = seen else {
                return Ok(None);
            };
            let declarations = declarations(store, &service.id, *month)?;
            let exclusions = exclusions(&requests(service, &declarations, None, *month));
            let connected = month.window().into();
            let statement = judge(
                &seen.record,
                &connected,
                &exclusions,
                &seen.commitment.terms,
            );
            Ok(Some((statement, seen.record.service)))
        })
        .collect()
}

/// The days of a month up to now, each with its time by class.
fn days_of(statement: &Statement, month: Month, now: Timestamp) -> Vec<(NaiveDate, Tally)> {
    month
        .window()
        .local_days(month.zone())
        .into_iter()
        .filter_map(|(date, day)| {
            let known = Window::between(day.start(), day.end().min(now))?;
            Some((date, statement.ledger.tally_within(known)))
        })
        .collect()
}

/// How far back the states of endpoints are recalled at the start, in milliseconds: a day, or as
/// far as about [`RECALLED_MAX`] observations of one vantage reach, so that many endpoints do not
/// fill the memory.
fn recall_ms(config: &Config) -> i64 {
    let endpoints = config.catalog.endpoints();
    let per_day: i64 = endpoints
        .map(|(_, endpoint)| 24 * HOUR_MS / endpoint.interval_ms.max(1))
        .sum();
    24 * HOUR_MS * RECALLED_MAX / per_day.max(RECALLED_MAX)
}

/// What was seen of these services in the last hours, for the states and their beginnings.
fn read_recent(
    store: &Store,
    services: &[(&Service, Month)],
    since: Timestamp,
    now: Timestamp,
) -> anyhow::Result<BTreeMap<ServiceId, Vec<Seen>>> {
    let window = Window::new(since, now)?;
    let service_of: BTreeMap<&EndpointId, &ServiceId> = services
        .iter()
        .flat_map(|(service, _)| {
            let endpoints = service.endpoints.iter();
            endpoints.map(|endpoint| (&endpoint.id, &service.id))
        })
        .collect();
    let endpoints: Vec<&EndpointId> = service_of.keys().copied().collect();
    let mut recent: BTreeMap<ServiceId, Vec<Seen>> = BTreeMap::new();
    // What another tool saw says nothing about now, and its silence is no vote.
    let seen = store.observations_of(&endpoints, window)?.into_iter();
    for seen in seen.filter(|seen| !seen.vantage.is_import()) {
        if let Some(service) = service_of.get(&seen.endpoint) {
            recent.entry((*service).clone()).or_default().push(seen);
        }
    }
    Ok(recent)
}
