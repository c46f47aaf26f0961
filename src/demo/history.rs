//! The demo's past: thirteen whole months of synthetic observations, and the running month up to
//! now.
//!
//! Pure and deterministic: the same `now` gives the same past, to the millisecond of latency.
//! Every observation comes from an address reserved for documentation (192.0.2.0/24) and every
//! failure says in words that it is synthetic, so that no row of it can be taken for a fact.
//!
//! A state lasts from one observation to the next, so an episode whose length is a multiple of
//! the endpoint's interval lasts exactly that long, wherever it begins on the grid. That is how
//! the months with known answers come out to the millisecond.

mod manner;
mod story;

use chrono_tz::Tz;

use self::manner::Manner;
use self::story::{Chapter, Episode, Event, Script, event_at};
use crate::schedule::{self, MissedTicks};
use crate::sla::catalog::{Catalog, Endpoint, VantageId};
use crate::sla::observation::{Finding, MissCause, Observation};
use crate::sla::window::{HOUR_MS, Month, Timestamp, Window};

/// Whole months before the running one. So many hold every month of the year at least once.
pub const MONTHS: i32 = 13;

/// Before the first month, so that a state is carried into it.
const LEAD_IN_MS: i64 = HOUR_MS;

/// How every failure of the past begins its message.
pub const MARK: &str = "synthetic demonstration data";

/// The past as seen from an instant.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    now: Timestamp,
    zone: Tz,
}

impl Past {
    /// The past until `now`, in the months of `zone`.
    pub fn until(now: Timestamp, zone: Tz) -> Self {
        Self { now, zone }
    }

    /// The whole months of the past, oldest first.
    pub fn months(&self) -> impl Iterator<Item = Month> + use<> {
        let running = Month::containing(self.now, self.zone);
        (1..=MONTHS)
            .rev()
            .map(move |months| running.plus_months(-months))
    }

    /// From a little before the first month until now.
    pub fn window(&self) -> Window {
        let first = Month::containing(self.now, self.zone).plus_months(-MONTHS);
        let start = first.window().start().plus_ms(-LEAD_IN_MS);
        Window::between(start, self.now).expect("thirteen months lie between")
    }

    /// What `vantage` saw of `endpoint` in `window`, in order, one finding for every tick that was
    /// taken. Cutting a window in two changes nothing.
    pub fn findings<'a>(
        &self,
        endpoint: &'a Endpoint,
        vantage: &'a VantageId,
        window: Window,
    ) -> impl Iterator<Item = Finding> + use<'a> {
        let past = *self;
        let window = window.intersection(&past.window());
        let months = window.into_iter().flat_map(move |window| {
            let first = Month::containing(window.start(), past.zone);
            std::iter::successors(Some(first), |month| Some(month.next()))
                .map(move |month| (month, month.window().intersection(&window)))
                .map_while(|(month, part)| Some((month, part?)))
        });
        let manner = Manner::of(endpoint);
        months.flat_map(move |(month, part)| {
            let episodes = past.episodes(endpoint, month);
            schedule::ticks(&endpoint.id, endpoint.interval_ms, part).filter_map(move |tick| {
                let event = event_at(&episodes, tick);
                let (outcome, trace) = manner.see(tick, past.zone, event)?;
                Some(Finding {
                    endpoint: endpoint.id.clone(),
                    vantage: vantage.clone(),
                    observation: Observation {
                        tick,
                        at: tick,
                        outcome,
                    },
                    trace,
                })
            })
        })
    }

    /// What `vantage` saw of every endpoint of `catalog`: day by day, each in order of time, as a
    /// store wants it.
    pub fn days<'a>(
        &self,
        catalog: &'a Catalog,
        vantage: &'a VantageId,
    ) -> impl ExactSizeIterator<Item = Vec<Finding>> + use<'a> {
        let past = *self;
        let days = past.window().local_days(past.zone);
        days.into_iter().map(move |(_, day)| {
            let mut findings: Vec<Finding> = catalog
                .endpoints()
                .flat_map(|(_, endpoint)| past.findings(endpoint, vantage, day))
                .collect();
            findings.sort_by_key(|finding| finding.observation.tick);
            findings
        })
    }

    /// The ticks of `endpoint` that nobody took because the monitor was stopped.
    pub fn missed(&self, endpoint: &Endpoint) -> Vec<MissedTicks> {
        let mut missed = Vec::new();
        for month in self.months() {
            let episodes = self.episodes(endpoint, month);
            let stops = episodes
                .iter()
                .filter(|episode| matches!(episode.event, Event::Stopped));
            for stop in stops {
                let mut ticks: Vec<Timestamp> =
                    schedule::ticks(&endpoint.id, endpoint.interval_ms, stop.window).collect();
                ticks.retain(|tick| matches!(event_at(&episodes, *tick), Event::Stopped));
                if let (Some(first), Some(last)) = (ticks.first(), ticks.last()) {
                    missed.push(MissedTicks {
                        endpoint: endpoint.id.clone(),
                        first: *first,
                        last: *last,
                        count: u64::try_from(ticks.len()).unwrap_or(u64::MAX),
                        cause: MissCause::NotRunning,
                    });
                }
            }
        }
        missed
    }

    /// What happened to `endpoint` in `month`; where two overlap, the first holds.
    fn episodes(&self, endpoint: &Endpoint, month: Month) -> Vec<Episode> {
        let running = Month::containing(self.now, self.zone);
        let months_ago = (running.year() - month.year()) * 12
            + i32::try_from(running.number()).unwrap_or(0)
            - i32::try_from(month.number()).unwrap_or(0);
        let chapter = match months_ago {
            0 => Chapter::Running,
            1 => Chapter::Recent,
            MONTHS => Chapter::First(month.number()),
            2..MONTHS => Chapter::Calendar(month.number()),
            _ => Chapter::Before,
        };
        let mut script = Script::new(month);
        // First: what is not asked any more is not touched by what befalls the others.
        if endpoint.id.as_str() == "svair-dgfip" {
            script.svair_dgfip(chapter);
        }
        script.everywhere(chapter);
        match endpoint.id.as_str() {
            "entree" => script.entree(chapter),
            "sante" => script.droits_cnam(chapter),
            id => {
                script.banned(chapter);
                match id {
                    "socle" => script.socle(chapter),
                    "qf-cnaf-msa" => script.qf_cnaf_msa(chapter),
                    "c2s" => script.c2s(chapter),
                    "etudiant-mesri" => script.etudiant_mesri(chapter),
                    "boursier-cnous" => script.boursier_cnous(),
                    "emploi-ft" => script.emploi_ft(chapter),
                    "scolarite-men" => script.scolarite_men(),
                    "franceconnect" => script.franceconnect(chapter),
                    "etudiant-donnee" => script.etudiant_donnee(chapter),
                    _ => {}
                }
            }
        }
        script.episodes
    }
}
