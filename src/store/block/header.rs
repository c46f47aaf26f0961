//! What a block says without being read.

use crate::sla::condensed::{Condensed, Folded, Folding, Measure, Unbroken};
use crate::sla::observation::{Observation, Outcome};
use crate::sla::window::{Timestamp, Window};

/// As long as an outline may be: what fails all the time is read from the content.
pub(super) const SEEN_MAX: usize = 512;

/// Any whole answer is good, and nothing between two of them is silence.
const WHOLE: Measure = Measure {
    validity_ms: i64::MAX,
    latency_objective_ms: None,
};

/// A whole answer, of which only that it came is told.
pub(super) const ANSWER: Outcome = Outcome::Answered {
    latency_us: 0,
    partial: false,
};

/// What a block says without being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many observations it holds, at least one.
    pub n_observations: u32,
    /// The first instant that one of them speaks from.
    pub first: Timestamp,
    /// The last such instant.
    pub last: Timestamp,
    /// The longest time between two neighbouring instants, in milliseconds.
    pub silence_ms: i64,
    /// If all of them are whole answers: the longest latency, in microseconds.
    pub latency_us_max: Option<u32>,
    /// If not all of them are: what else they are. Absent where that would be long, and in what was
    /// sealed before there were outlines; it can be had from the content, and is not in the digest.
    pub outline: Option<Outline>,
}

/// Observations of an hour without the whole answers in a row among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The longest latency of a whole answer, in microseconds; 0 if there is none.
    pub latency_us_max: u32,
    /// What is not a whole answer, and the first and the last of whole answers in a row (one if
    /// there is only one), in order of time. Their ticks are their instants, and of whole answers
    /// no latency is told.
    pub seen: Vec<Observation>,
}

impl Header {
    /// Of `observations`; nothing if there are none.
    pub fn of(observations: &[Observation]) -> Option<Self> {
        let mut header = Self::without_outline(observations)?;
        if header.latency_us_max.is_none() {
            header.outline = Outline::of(observations);
        }
        Some(header)
    }

    /// Whether it is that of `observations`. One without an outline says nothing about that.
    pub fn is_of(&self, observations: &[Observation]) -> bool {
        let told = match self.outline {
            Some(_) => Self::of(observations),
            None => Self::without_outline(observations),
        };
        told.as_ref() == Some(self)
    }

    fn without_outline(observations: &[Observation]) -> Option<Self> {
        let mut instants: Vec<Timestamp> = observations.iter().map(|seen| seen.at).collect();
        instants.sort_unstable();
        let latency_us_max = observations
            .iter()
            .map(|seen| whole(seen.outcome))
            .try_fold(0, |slowest, latency_us| Some(latency_us?.max(slowest)));
        Some(Self {
            n_observations: u32::try_from(observations.len()).ok()?,
            first: *instants.first()?,
            last: *instants.last()?,
            silence_ms: instants
                .windows(2)
                .map(|pair| pair[1].since(pair[0]))
                .max()
                .unwrap_or(0),
            latency_us_max,
            outline: None,
        })
    }

    /// Adds to `folded` what it says, if that is all that counts by `measure`: all lies within
    /// `window`, no whole answer is too slow and no two observations are too far apart. Otherwise
    /// adds nothing and says no: the content has to be read.
    pub fn tell(&self, window: Window, measure: &Measure, folded: &mut Folded) -> bool {
        let outline = self.outline.as_ref();
        let slowest_us = self
            .latency_us_max
            .or(outline.map(|outline| outline.latency_us_max));
        let enough = slowest_us.is_some_and(|slowest_us| measure.is_in_time(slowest_us))
            && self.silence_ms <= measure.validity_ms
            && window.contains(self.first)
            && window.contains(self.last);
        if !enough {
            return false;
        }
        match outline {
            None => folded.unbroken.push(Unbroken {
                first: self.first,
                last: self.last,
            }),
            Some(outline) => {
                let mut folding = Folding::new(WHOLE);
                for seen in &outline.seen {
                    folding.take(*seen);
                }
                let told = folding.finish();
                folded.observations.extend(told.observations);
                folded.unbroken.extend(told.unbroken);
            }
        }
        true
    }
}

impl Outline {
    /// Of `observations`; nothing if it would be long.
    fn of(observations: &[Observation]) -> Option<Self> {
        let slowest = observations.iter().filter_map(|seen| whole(seen.outcome));
        let latency_us_max = slowest.max().unwrap_or(0);
        let standing = Condensed::new(observations.to_vec(), Vec::new(), &WHOLE);
        let mut seen = standing.into_observations();
        for one in &mut seen {
            one.tick = one.at;
            if whole(one.outcome).is_some() {
                one.outcome = ANSWER;
            }
        }
        (seen.len() <= SEEN_MAX).then_some(Self {
            latency_us_max,
            seen,
        })
    }
}

/// The latency of a whole answer.
fn whole(outcome: Outcome) -> Option<u32> {
    match outcome {
        Outcome::Answered {
            latency_us,
            partial: false,
        } => Some(latency_us),
        Outcome::Answered { partial: true, .. } | Outcome::Failed(_) | Outcome::Void(_) => None,
    }
}
