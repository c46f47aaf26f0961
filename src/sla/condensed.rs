//! What was seen, without what nobody needs to see again to know what it was.
//!
//! Where nothing but good answers came, none too slow and no two further apart than one speaks,
//! the first and the last of them say all there is to say of the time between. So a month in which
//! nothing happened is a handful of instants, and [`observe`] comes to the same [`Record`] as from
//! all its observations. It is no evidence: that is every observation, and another type.
//!
//! [`observe`]: super::statement::observe
//! [`Record`]: super::statement::Record

use super::catalog::{EndpointId, VantageId};
use super::observation::{Observation, Outcome};
use super::window::{Timestamp, Window};

/// Good answers, from the first to the last of them: whole, within the latency objective, and no
/// two neighbours further apart than the endpoint's validity. Nothing else was seen meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbroken {
    /// The instant of the first.
    pub first: Timestamp,
    /// The instant of the last; the first if there is only one.
    pub last: Timestamp,
}

/// What one vantage saw of one endpoint, condensed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condensed {
    /// What stands for itself, and the ends of what is unbroken; in order of time.
    observations: Vec<Observation>,
    unbroken: Vec<Unbroken>,
}

/// What was seen of one endpoint, condensed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CondensedEndpoint {
    /// Which.
    pub id: EndpointId,
    /// How long one observation speaks, in milliseconds.
    pub validity_ms: i64,
    /// Slower correct answers are Degraded, in milliseconds.
    pub latency_objective_ms: Option<u32>,
    /// From where; a vantage without anything is silent.
    pub vantages: Vec<CondensedVantage>,
}

/// What one vantage saw, condensed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CondensedVantage {
    /// Which.
    pub id: VantageId,
    /// While it takes part in the quorum; absent: always.
    pub present: Option<Window>,
    /// What it saw.
    pub seen: Condensed,
}

impl Condensed {
    /// `observations` in any order, and stretches of time of which nothing is among them.
    /// Stretches that follow each other within `validity_ms`, with nothing seen between, are one.
    pub fn new(
        mut observations: Vec<Observation>,
        mut unbroken: Vec<Unbroken>,
        validity_ms: i64,
    ) -> Self {
        observations.sort_by_key(|observation| observation.at);
        unbroken.sort_by_key(|stretch| stretch.first);
        let mut joined: Vec<Unbroken> = Vec::new();
        for stretch in unbroken {
            match joined.last_mut() {
                Some(before)
                    if stretch.first.since(before.last) <= validity_ms
                        && none_within(&observations, before.last, stretch.first) =>
                {
                    before.last = before.last.max(stretch.last);
                }
                _ => joined.push(stretch),
            }
        }
        // Sorted runs are found and merged by the sort.
        observations.extend(
            joined
                .iter()
                .flat_map(|stretch| [good(stretch.first), good(stretch.last)]),
        );
        observations.sort_by_key(|observation| observation.at);
        Self {
            observations,
            unbroken: joined,
        }
    }

    /// The first and the last instant of which anything is said.
    pub fn ends(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.observations.first()?.at, self.observations.last()?.at))
    }

    /// What stands for itself, and the ends of what is unbroken; in order of time.
    pub(super) fn observations(&self) -> &[Observation] {
        &self.observations
    }

    /// In order of time.
    pub(super) fn unbroken(&self) -> &[Unbroken] {
        &self.unbroken
    }
}

/// Whether none of `observations`, which are in order, lies from `start` to `end`.
fn none_within(observations: &[Observation], start: Timestamp, end: Timestamp) -> bool {
    let after = observations.partition_point(|observation| observation.at < start);
    observations
        .get(after)
        .is_none_or(|observation| observation.at > end)
}

/// A good answer, of which only that it was good is said.
fn good(at: Timestamp) -> Observation {
    Observation {
        tick: at,
        at,
        outcome: Outcome::Answered {
            latency_us: 0,
            partial: false,
        },
    }
}
