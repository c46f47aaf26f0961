//! Works out from the store what takes more than the last few observations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tracing::error;

use super::Event;
use crate::app::load::{declarations, exclusions, requests, service_month};
use crate::clock::Clock;
use crate::config::{Config, StoreConfig};
use crate::sla::availability::Tally;
use crate::sla::catalog::{EndpointId, Service, ServiceId, VantageId};
use crate::sla::observation::Observation;
use crate::sla::statement::{Statement, judge};
use crate::sla::timeline::Timeline;
use crate::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};
use crate::store::Store;

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
    pub(super) recent: Vec<Recent>,
}

pub(super) struct Recent {
    pub(super) endpoint: EndpointId,
    pub(super) vantage: VantageId,
    pub(super) observations: Vec<Observation>,
}

/// What is worked out once and does not change any more.
#[derive(Default)]
struct Past {
    /// By service: the month that was running, the statement of the one before, and the days
    /// before it.
    services: BTreeMap<ServiceId, PastService>,
}

struct PastService {
    running: Month,
    previous: Option<Statement>,
    days: BTreeMap<NaiveDate, Tally>,
}

fn read_pictures(config: &Config, past: &mut Past, now: Timestamp) -> anyhow::Result<Vec<Picture>> {
    let store = Store::open_reader(&config.store)?;
    config
        .catalog
        .services
        .iter()
        .map(|service| read_picture(config, &store, service, past, now))
        .collect()
}

fn read_picture(
    config: &Config,
    store: &Store,
    service: &Service,
    past: &mut Past,
    now: Timestamp,
) -> anyhow::Result<Picture> {
    let running = Month::containing(now, service.zone());
    let mut recent = Vec::new();
    if past
        .services
        .get(&service.id)
        .is_none_or(|known| known.running != running)
    {
        let known = read_past(store, service, running, now)?;
        past.services.insert(service.id.clone(), known);
        recent = read_recent(store, service, now.plus_ms(-24 * HOUR_MS), now)?;
    } else if let StoreConfig::Server(server) = &config.store {
        // What we see ourselves is on the board already.
        recent = read_recent(store, service, now.plus_ms(-OTHERS_MS), now)?;
        recent.retain(|recent| recent.vantage != server.vantage);
    }
    let (statement, timeline) = match whole_month(store, service, running, now)? {
        Some((statement, timeline)) => (Some(statement), Some(timeline)),
        None => (None, None),
    };
    let known = past.services.get(&service.id);
    let mut days: BTreeMap<NaiveDate, Tally> =
        known.map(|known| known.days.clone()).unwrap_or_default();
    if let Some(statement) = &statement {
        days.extend(days_of(statement, running, now));
    }
    let first = now.plus_ms(-(DAYS_SHOWN - 1) * 24 * HOUR_MS);
    let first = first.to_local(service.zone()).date_naive();
    Ok(Picture {
        service: service.id.clone(),
        running: statement,
        previous: known.and_then(|known| known.previous.clone()),
        timeline,
        days: days
            .into_iter()
            .filter(|(date, _)| *date >= first)
            .collect(),
        recent,
    })
}

fn read_past(
    store: &Store,
    service: &Service,
    running: Month,
    now: Timestamp,
) -> anyhow::Result<PastService> {
    let mut days = BTreeMap::new();
    let mut previous = None;
    // Ninety days touch at most three months before the running one.
    for back in (1..=3).rev() {
        let month = running.plus_months(-back);
        let Some((statement, _)) = whole_month(store, service, month, now)? else {
            continue;
        };
        days.extend(days_of(&statement, month, now));
        previous = (back == 1).then_some(statement);
    }
    Ok(PastService {
        running,
        previous,
        days,
    })
}

/// A month of a service as it is for a partner who is connected all through it, with the time
/// line of the service.
fn whole_month(
    store: &Store,
    service: &Service,
    month: Month,
    now: Timestamp,
) -> anyhow::Result<Option<(Statement, Timeline)>> {
    let Some(seen) = service_month(store, service, month, now)? else {
        return Ok(None);
    };
    let window = month.window();
    let declarations = declarations(store, &service.id, month)?;
    let exclusions = exclusions(&requests(service, &declarations, None, month));
    let statement = judge(&seen.record, &window.into(), &exclusions, seen.terms());
    Ok(Some((statement, seen.record.service)))
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

/// What was seen in the last hours, for the states and their beginnings.
fn read_recent(
    store: &Store,
    service: &Service,
    since: Timestamp,
    now: Timestamp,
) -> anyhow::Result<Vec<Recent>> {
    let window = Window::new(since, now)?;
    let mut recent = Vec::new();
    for endpoint in &service.endpoints {
        let seen = store.observations(&endpoint.id, window)?;
        // What another tool saw says nothing about now, and its silence is no vote.
        for (vantage, observations) in seen.into_iter().filter(|(id, _)| !id.is_import()) {
            recent.push(Recent {
                endpoint: endpoint.id.clone(),
                vantage,
                observations,
            });
        }
    }
    Ok(recent)
}
