//! The last observations of a vantage, and the last changes of a state.

use std::collections::VecDeque;

use crate::sla::catalog::VantageId;
use crate::sla::observation::Observation;
use crate::sla::timeline::{Reading, Segment, State, Timeline};
use crate::sla::window::{Timestamp, Window};

/// How many changes of state are kept.
const COURSE_MAX: usize = 32;

/// The last observations of one vantage.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    pub(super) vantage: VantageId,
    pub(super) observations: Vec<Observation>,
}

impl Recent {
    /// Forgets all but the last `kept`, and of those the rest of a run of failures that has lost
    /// its beginning: it could not be judged as it was.
    pub(super) fn forget(&mut self, kept: usize, reading: &Reading) {
        let surplus = self.observations.len().saturating_sub(kept);
        if surplus == 0 {
            return;
        }
        self.observations.drain(..surplus);
        let whole = self
            .observations
            .iter()
            .position(|observation| reading.state(observation.outcome) != State::Down);
        self.observations.drain(..whole.unwrap_or(0));
        // After a long past; there is room for the next one.
        self.observations.shrink_to(kept + 1);
    }
}

/// The last changes of state, in order; neighbours differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Course(VecDeque<(Timestamp, State)>);

impl Course {
    /// From `at` on it is `state`, whatever was said before about that time.
    pub(super) fn settle(&mut self, at: Timestamp, state: State) {
        while self.0.back().is_some_and(|(since, _)| *since >= at) {
            self.0.pop_back();
        }
        if self.0.back().is_none_or(|(_, before)| *before != state) {
            self.0.push_back((at, state));
            if self.0.len() > COURSE_MAX {
                self.0.pop_front();
            }
        }
    }

    pub(super) fn settle_all(&mut self, timeline: &Timeline) {
        for segment in timeline.segments() {
            self.settle(segment.window.start(), segment.state);
        }
    }

    /// Where it begins.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.0.front().map(|(since, _)| *since)
    }

    /// What it says about `window`; Unknown before it begins.
    pub(super) fn timeline(&self, window: Window) -> Timeline {
        let ends = self.0.iter().skip(1).map(|(at, _)| *at);
        let segments: Vec<Segment> = self
            .0
            .iter()
            .zip(ends.chain([window.end()]))
            .filter_map(|((start, state), end)| {
                Some(Segment {
                    window: Window::between(*start, end)?,
                    state: *state,
                })
            })
            .collect();
        Timeline::from_segments(window, &segments)
    }

    pub(super) fn present(&self) -> (State, Option<Timestamp>) {
        self.0
            .back()
            .map_or((State::Unknown, None), |(since, state)| {
                (*state, Some(*since))
            })
    }
}
