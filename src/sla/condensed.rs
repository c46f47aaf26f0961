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

/// Which answers are good, and how long each speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// How long one observation speaks, in milliseconds.
    pub validity_ms: i64,
    /// Slower correct answers are Degraded, in milliseconds.
    pub latency_objective_ms: Option<u32>,
}

impl Measure {
    /// Whether an answer after `latency_us` microseconds is within the latency objective.
    pub fn is_in_time(&self, latency_us: u32) -> bool {
        self.latency_objective_ms
            .is_none_or(|objective_ms| u64::from(latency_us) <= u64::from(objective_ms) * 1_000)
    }

    fn is_good(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Answered {
                latency_us,
                partial,
            } => self.is_in_time(latency_us) && !partial,
            Outcome::Failed(_) | Outcome::Void(_) => false,
        }
    }
}

/// Observations of one vantage without the good answers in a row among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// What is not good, in order of time.
    pub observations: Vec<Observation>,
    /// Where nothing but good answers came, in order of time.
    pub unbroken: Vec<Unbroken>,
}

/// Folds observations of one vantage one by one, so that good answers in a row take no room.
#[derive(Clone, Debug)]
pub struct Folding {
    measure: Measure,
    /// The last observations, all of one instant: they go together.
    twins: Vec<Observation>,
    run: Option<Unbroken>,
    folded: Folded,
}

impl Folding {
    /// Of nothing yet.
    pub fn new(measure: Measure) -> Self {
        Self {
            measure,
            twins: Vec::new(),
            run: None,
            folded: Folded::default(),
        }
    }

    /// All of `observations`, which are in order of time, folded.
    pub fn of(measure: Measure, observations: Vec<Observation>) -> Folded {
        let mut folding = Self::new(measure);
        for seen in observations {
            folding.take(seen);
        }
        folding.finish()
    }

    /// Takes the next one in order of time.
    pub fn take(&mut self, seen: Observation) {
        if let Some(last) = self.twins.last()
            && last.at != seen.at
        {
            debug_assert!(last.at < seen.at, "it may lie among what is folded");
            self.fold_twins();
        }
        if self.twins.is_empty() {
            // Mostly it stays the only one, of each of very many endpoints.
            self.twins.reserve_exact(1);
        }
        self.twins.push(seen);
    }

    /// What was taken, folded.
    pub fn finish(mut self) -> Folded {
        self.fold_twins();
        self.folded.unbroken.extend(self.run);
        self.folded
    }

    fn fold_twins(&mut self) {
        let mut twins = self.twins.iter();
        let Some(at) = self.twins.first().map(|seen| seen.at) else {
            return;
        };
        if twins.all(|seen| self.measure.is_good(seen.outcome)) {
            match &mut self.run {
                Some(run) if at.since(run.last) <= self.measure.validity_ms => run.last = at,
                run => self.folded.unbroken.extend(run.replace(Unbroken {
                    first: at,
                    last: at,
                })),
            }
            self.twins.clear();
        } else {
            self.folded.unbroken.extend(self.run.take());
            self.folded.observations.append(&mut self.twins);
        }
    }
}

impl Condensed {
    /// `observations` in any order, and stretches of time of which nothing is among them.
    /// Stretches that follow each other closely enough, with nothing seen between, are one; good
    /// answers in a row are one, too.
    pub fn new(
        mut observations: Vec<Observation>,
        mut unbroken: Vec<Unbroken>,
        measure: &Measure,
    ) -> Self {
        let validity_ms = measure.validity_ms;
        observations.sort_by_key(|observation| observation.at);
        let Folded {
            mut observations,
            unbroken: runs,
        } = Folding::of(*measure, observations);
        unbroken.extend(runs);
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
        observations.extend(joined.iter().flat_map(|stretch| {
            let last = (stretch.first < stretch.last).then_some(stretch.last);
            [stretch.first].into_iter().chain(last).map(good)
        }));
        observations.sort_by_key(|observation| observation.at);
        observations.shrink_to_fit();
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
    pub fn into_observations(self) -> Vec<Observation> {
        self.observations
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
