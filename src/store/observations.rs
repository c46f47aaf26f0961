//! What was seen, wherever it is kept by now: in blocks and in fresh rows.

use std::collections::HashMap;

use super::fresh;
use super::retain::check_kept;
use super::sealed::{condense, sealed};
use super::series::{Names, Series, all_series, series_of_endpoint};
use super::{Store, StoreError};
use crate::sla::catalog::{EndpointId, VantageId};
use crate::sla::condensed::{CondensedEndpoint, CondensedVantage, Measure};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::window::{Timestamp, Window};

/// What one vantage saw of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Of which endpoint.
    pub endpoint: EndpointId,
    /// From where.
    pub vantage: VantageId,
    /// In order of their instants.
    pub observations: Vec<Observation>,
}

/// Of what [`Store::condensed`] is to tell.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Which endpoint.
    pub endpoint: &'a EndpointId,
    /// How long one observation speaks, in milliseconds.
    pub validity_ms: i64,
    /// Slower correct answers are Degraded, in milliseconds.
    pub latency_objective_ms: Option<u32>,
    /// At which instants.
    pub window: Window,
}

impl Asked<'_> {
    pub(super) fn measure(&self) -> Measure {
        Measure {
            validity_ms: self.validity_ms,
            latency_objective_ms: self.latency_objective_ms,
        }
    }
}

impl Store {
    /// What was seen of `endpoint` at the instants of `window`, by vantage (in order of their
    /// ids), each in order of its instants. A vantage that never asked is absent.
    ///
    /// Every block is checked against its digest and that of the block before it.
    ///
    /// # Errors
    /// What the database says, and a block that is not what was sealed.
    pub fn observations(
        &self,
        endpoint: &EndpointId,
        window: Window,
    ) -> Result<Vec<(VantageId, Vec<Observation>)>, StoreError> {
        let seen = self.observations_of(&[endpoint], window)?;
        Ok(seen
            .into_iter()
            .map(|seen| (seen.vantage, seen.observations))
            .collect())
    }

    /// The same for several endpoints: what is fresh is in no order of theirs, and is read once.
    ///
    /// # Errors
    /// As [`observations`](Self::observations).
    pub fn observations_of(
        &self,
        endpoints: &[&EndpointId],
        window: Window,
    ) -> Result<Vec<Seen>, StoreError> {
        self.read("read observations", |snapshot| {
            check_kept(snapshot, window.start())?;
            let mut asked = Vec::new();
            for endpoint in endpoints {
                for (vantage, series) in series_of_endpoint(snapshot, endpoint)? {
                    asked.push(((*endpoint).clone(), vantage, series));
                }
            }
            let mut fresh: HashMap<i64, Vec<Observation>> = asked
                .iter()
                .map(|(_, _, series)| (series.id, Vec::new()))
                .collect();
            let ticks = asked.iter().map(|(_, _, series)| series.ticks_of(window));
            fresh::each(snapshot, ticks, |series, observation| {
                if let Some(fresh) = fresh.get_mut(&series) {
                    fresh.push(observation);
                }
            })?;
            asked
                .into_iter()
                .map(|(endpoint, vantage, series)| {
                    let names = (&endpoint, &vantage);
                    let mut observations = sealed(snapshot, &series, names, window)?;
                    observations.extend(fresh.remove(&series.id).unwrap_or_default());
                    observations.retain(|observation| window.contains(observation.at));
                    observations.sort_by_key(|observation| (observation.at, observation.tick));
                    Ok(Seen {
                        endpoint,
                        vantage,
                        observations,
                    })
                })
                .collect()
        })
    }

    /// Whether `endpoint` ever gave an expected answer before `instant`, to anybody. Where evidence
    /// of that time was removed, it is taken to have.
    ///
    /// # Errors
    /// As [`observations`](Self::observations).
    pub fn answered_before(
        &self,
        endpoint: &EndpointId,
        instant: Timestamp,
    ) -> Result<bool, StoreError> {
        let first = self.first_tick(endpoint)?;
        let Some(window) = first.and_then(|first| Window::between(first, instant)) else {
            return Ok(false);
        };
        let asked = Asked {
            endpoint,
            // Any answer will do, however far from the next one.
            validity_ms: window.length_ms(),
            latency_objective_ms: None,
            window,
        };
        let condensed = match self.condensed(&[asked]) {
            Err(StoreError::EvidenceRemoved { .. }) => return Ok(true),
            condensed => condensed?,
        };
        let vantages = condensed.into_iter().flat_map(|endpoint| endpoint.vantages);
        let mut seen = vantages.flat_map(|vantage| vantage.seen.into_observations());
        Ok(seen.any(|seen| matches!(seen.outcome, Outcome::Answered { .. })))
    }

    /// What was seen of each endpoint at the instants of its window, condensed: a block whose header
    /// says all that counts is not read.
    ///
    /// # Errors
    /// As [`observations`](Self::observations).
    pub fn condensed(&self, asked: &[Asked<'_>]) -> Result<Vec<CondensedEndpoint>, StoreError> {
        self.read("read observations", |snapshot| {
            if let Some(first) = asked.iter().map(|asked| asked.window.start()).min() {
                check_kept(snapshot, first)?;
            }
            let all = all_series(snapshot)?;
            let by_endpoint: HashMap<&EndpointId, &[(Names, Series)]> = all
                .chunk_by(|((one, _), _), ((other, _), _)| one == other)
                .filter_map(|series| series.first().map(|((endpoint, _), _)| (endpoint, series)))
                .collect();
            let of = |endpoint| by_endpoint.get(endpoint).copied().unwrap_or_default();
            let fresh = fresh::folded(
                snapshot,
                asked.iter().flat_map(|asked| {
                    let vantages = of(asked.endpoint).iter();
                    vantages.map(|(_, series)| (*asked, *series))
                }),
            )?;
            let mut fresh = fresh.into_iter();
            // There may be many: they take no more room than they need.
            let mut condensed = Vec::with_capacity(asked.len());
            for asked in asked {
                let series = of(asked.endpoint);
                let mut vantages = Vec::with_capacity(series.len());
                for (((_, vantage), series), fresh) in series.iter().zip(fresh.by_ref()) {
                    vantages.push(CondensedVantage {
                        id: vantage.clone(),
                        present: None,
                        seen: condense(snapshot, asked, vantage, series, fresh)?,
                    });
                }
                condensed.push(CondensedEndpoint {
                    id: asked.endpoint.clone(),
                    validity_ms: asked.validity_ms,
                    latency_objective_ms: asked.latency_objective_ms,
                    vantages,
                });
            }
            Ok(condensed)
        })
    }
}
