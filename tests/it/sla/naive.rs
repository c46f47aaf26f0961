//! A second engine, as simple as it can be: it walks from grid point to grid point and asks of
//! each one what the specification asks. It shares types with the engine under test, and nothing
//! else; where the two disagree, one of them is wrong.

use chrono::{Datelike, Days};
use proptest::prelude::*;
use vigie::sla::availability::Verdict;
use vigie::sla::commitment::{Degraded, Maintenance, MaintenanceTerms, Ppm, Quorum, Rule, Terms};
use vigie::sla::ledger::{Acceptance, Class, Exclusion, ExclusionKind};
use vigie::sla::observation::Outcome;
use vigie::sla::statement::{EndpointEvidence, Evidence, Seen, Statement};
use vigie::sla::timeline::State;
use vigie::sla::window::{Timestamp, WeeklyHours, Window};

use super::random::{Case, cases, short};

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn both_engines_agree(case in short()) {
        let figures = Figures::of(&case.settle());
        prop_assert_eq!(figures, settle(&case));
    }
}

/// What both engines are asked for.
#[derive(Debug, PartialEq)]
struct Figures {
    classes_ms: [i64; 7],
    conditional_ms: Option<[i64; 7]>,
    transient_ms: i64,
    disputed_ms: i64,
    n_incidents: usize,
    n_incidents_counted: usize,
    allowed_ms: i64,
    verdict: Verdict,
}

impl Figures {
    fn of(statement: &Statement) -> Self {
        Self {
            classes_ms: Class::ALL.map(|class| statement.tally.of(class)),
            conditional_ms: statement
                .conditional
                .map(|conditional| Class::ALL.map(|class| conditional.tally.of(class))),
            transient_ms: statement.transient_ms,
            disputed_ms: statement.disputed_ms,
            n_incidents: statement.incidents.len(),
            n_incidents_counted: statement.counted_incidents().count(),
            allowed_ms: statement.budget.allowed_ms,
            verdict: statement.verdict,
        }
    }
}

fn settle(case: &Case) -> Figures {
    let (evidence, terms, unit_ms) = (&case.evidence, &case.terms, case.frame.unit_ms);
    let grid = grid(evidence, unit_ms);
    let endpoints: Vec<Vec<Opinion>> = evidence
        .endpoints
        .iter()
        .map(|endpoint| {
            let vantages: Vec<(Option<Window>, Heard)> = endpoint
                .vantages
                .iter()
                .map(|vantage| {
                    let heard = Heard::from(&vantage.seen, endpoint, evidence.now, terms);
                    (vantage.present, heard)
                })
                .collect();
            grid.iter()
                .map(|at| {
                    let there: Vec<&Heard> = vantages
                        .iter()
                        .filter(|(present, _)| present.is_none_or(|present| present.contains(*at)))
                        .map(|(_, heard)| heard)
                        .collect();
                    opinion(*at, &there, evidence.now, terms)
                })
                .collect()
        })
        .collect();
    let voices = |at: usize| endpoints.iter().map(move |opinions| opinions[at]);
    let composed: Vec<State> = (0..grid.len())
        .map(|at| {
            compose(
                &voices(at).map(|voice| voice.state).collect::<Vec<_>>(),
                &terms.rule,
            )
        })
        .collect();
    let minimum = usize::try_from(terms.minimum_outage_ms / unit_ms).unwrap();
    let service: Vec<State> = (0..grid.len())
        .map(|at| forgive(&composed, at, minimum))
        .collect();

    let inside: Vec<usize> = (0..grid.len())
        .filter(|at| evidence.window.contains(grid[*at]))
        .collect();
    let classes = |acts: fn(Acceptance) -> bool| -> Vec<Class> {
        let mut cap = Cap::default();
        inside
            .iter()
            .map(|at| cap.class(grid[*at], service[*at], evidence, terms, unit_ms, acts))
            .collect()
    };
    let accepted = classes(|acceptance| acceptance == Acceptance::Accepted);
    let sums = |classes: &[Class]| {
        Class::ALL.map(|class| {
            let n_units = classes.iter().filter(|other| **other == class).count();
            i64::try_from(n_units).unwrap() * unit_ms
        })
    };
    let counted_time = |wanted: &dyn Fn(usize) -> bool| {
        let n_units = inside
            .iter()
            .zip(&accepted)
            .filter(|(at, class)| {
                let accepted = |acceptance| acceptance == Acceptance::Accepted;
                !matches!(class, Class::Excluded | Class::OutOfScope)
                    && withdrawn(grid[**at], evidence, accepted).is_none()
                    && wanted(**at)
            })
            .count();
        i64::try_from(n_units).unwrap() * unit_ms
    };
    let listened = |idx: &usize| match &terms.rule {
        Rule::All | Rule::Any | Rule::AtLeast(_) => true,
        Rule::Main(main) => evidence.endpoints[*idx].id == *main,
    };
    let heard = |at: usize| {
        (0..endpoints.len())
            .filter(listened)
            .map(move |idx| (idx, at))
    };
    let transient_ms = counted_time(&|at| {
        matches!(service[at], State::Up | State::Degraded)
            && heard(at).any(|(idx, at)| endpoints[idx][at].transient)
    });
    let disputed_ms = counted_time(&|at| heard(at).any(|(idx, at)| endpoints[idx][at].disputed));

    // Outages, from end to end; those that touch the window are incidents.
    let mut n_incidents = 0;
    let mut n_incidents_counted = 0;
    let mut at = 0;
    while at < grid.len() {
        let length = service[at..]
            .iter()
            .take_while(|state| **state == State::Down)
            .count();
        let run = at..at + length;
        n_incidents += usize::from(inside.iter().any(|at| run.contains(at)));
        n_incidents_counted += usize::from(
            inside
                .iter()
                .zip(&accepted)
                .any(|(at, class)| run.contains(at) && *class == Class::Down),
        );
        at += length.max(1);
    }

    let classes_ms = sums(&accepted);
    let any_pending = evidence
        .exclusions
        .iter()
        .any(|exclusion| exclusion.acceptance == Acceptance::Pending);
    Figures {
        classes_ms,
        conditional_ms: any_pending
            .then(|| sums(&classes(|acceptance| acceptance != Acceptance::Refused))),
        transient_ms,
        disputed_ms,
        n_incidents,
        n_incidents_counted,
        allowed_ms: allowed_ms(classes_ms, terms.target),
        verdict: verdict(classes_ms, terms.target),
    }
}

/// From the earliest to the latest instant that anything speaks of.
fn grid(evidence: &Evidence, unit_ms: i64) -> Vec<Timestamp> {
    let mut start = evidence.window.start();
    let mut end = evidence.window.end();
    for endpoint in &evidence.endpoints {
        for vantage in &endpoint.vantages {
            match &vantage.seen {
                Seen::Observations(observations) => {
                    for observation in observations {
                        start = start.min(observation.at);
                        end = end.max(observation.at.plus_ms(endpoint.validity_ms));
                    }
                }
                Seen::Segments(segments) => {
                    for segment in segments {
                        start = start.min(segment.window.start());
                        end = end.max(segment.window.end());
                    }
                }
            }
        }
    }
    let n_units = end.since(start) / unit_ms;
    (0..n_units)
        .map(|unit| start.plus_ms(unit * unit_ms))
        .collect()
}

/// What one vantage reported, ready to be asked.
enum Heard {
    /// One entry per instant, in order.
    Samples {
        samples: Vec<(Timestamp, State)>,
        validity_ms: i64,
    },
    Known(Vec<(Timestamp, Timestamp, State)>),
}

impl Heard {
    fn from(
        seen: &Seen,
        endpoint: &EndpointEvidence,
        now: Option<Timestamp>,
        terms: &Terms,
    ) -> Self {
        let judged = |state: State| {
            if state == State::Degraded && terms.degraded == Degraded::Down {
                State::Down
            } else {
                state
            }
        };
        match seen {
            Seen::Segments(segments) => Self::Known(
                segments
                    .iter()
                    .map(|segment| {
                        let window = segment.window;
                        (window.start(), window.end(), judged(segment.state))
                    })
                    .collect(),
            ),
            Seen::Observations(observations) => {
                // Of several at one instant the worst that says anything.
                let rank = |state: State| match state {
                    State::Unknown => 0,
                    State::Up => 1,
                    State::Degraded => 2,
                    State::Down => 3,
                };
                let mut samples = std::collections::BTreeMap::new();
                for observation in observations {
                    if now.is_some_and(|now| now <= observation.at) {
                        continue;
                    }
                    let state = judged(match observation.outcome {
                        Outcome::Answered { partial: true, .. } => State::Degraded,
                        Outcome::Answered { latency_us, .. } => {
                            match endpoint.latency_objective_ms {
                                Some(objective_ms) if latency_us > objective_ms * 1_000 => {
                                    State::Degraded
                                }
                                _ => State::Up,
                            }
                        }
                        Outcome::Failed(_) => State::Down,
                        Outcome::Void(_) => State::Unknown,
                    });
                    let slot = samples.entry(observation.at).or_insert(state);
                    if rank(state) > rank(*slot) {
                        *slot = state;
                    }
                }
                Self::Samples {
                    samples: samples.into_iter().collect(),
                    validity_ms: endpoint.validity_ms,
                }
            }
        }
    }

    /// The state at `at`, and whether it is Up only because a failure was refuted.
    fn at(&self, at: Timestamp, now: Option<Timestamp>, terms: &Terms) -> (State, bool) {
        if now.is_some_and(|now| now <= at) {
            return (State::Unknown, false);
        }
        match self {
            Self::Known(pieces) => {
                let state = pieces
                    .iter()
                    .find(|(start, end, _)| *start <= at && at < *end)
                    .map_or(State::Unknown, |(_, _, state)| *state);
                (state, false)
            }
            Self::Samples {
                samples,
                validity_ms,
            } => sampled(at, samples, *validity_ms, terms),
        }
    }
}

fn sampled(
    at: Timestamp,
    samples: &[(Timestamp, State)],
    validity_ms: i64,
    terms: &Terms,
) -> (State, bool) {
    // The last sample at or before this instant speaks, if it is still valid.
    let Some(speaking) = samples.iter().rposition(|(when, _)| *when <= at) else {
        return (State::Unknown, false);
    };
    if at.since(samples[speaking].0) >= validity_ms {
        return (State::Unknown, false);
    }
    if samples[speaking].1 != State::Down {
        return (samples[speaking].1, false);
    }
    // Failures in a row around it, with no silence between them.
    let silence_before = |idx: usize| samples[idx].0.since(samples[idx - 1].0) > validity_ms;
    let failed = |idx: usize| samples[idx].1 == State::Down;
    let mut first = speaking;
    while first > 0 && failed(first - 1) && !silence_before(first) {
        first -= 1;
    }
    let mut last = speaking;
    while last + 1 < samples.len() && failed(last + 1) && !silence_before(last + 1) {
        last += 1;
    }
    // Confirmed: so many of them within so long.
    let needed = usize::try_from(terms.confirmation.failures.get()).unwrap();
    let within_ms = terms.confirmation.within_ms;
    let confirmed = (first..=last).any(|idx| {
        idx + needed - 1 <= last && samples[idx + needed - 1].0.since(samples[idx].0) <= within_ms
    });
    if confirmed {
        return (State::Down, false);
    }
    // Refuted: good before, good after, and after soon enough.
    let good = |idx: usize| matches!(samples[idx].1, State::Up | State::Degraded);
    let good_before = first > 0 && good(first - 1) && !silence_before(first);
    let good_after = last + 1 < samples.len()
        && good(last + 1)
        && !silence_before(last + 1)
        && samples[last + 1].0.since(samples[first].0) <= within_ms;
    if good_before && good_after {
        (State::Up, true)
    } else {
        (State::Unknown, false)
    }
}

/// What the vantages of an endpoint say together at one instant.
#[derive(Clone, Copy)]
struct Opinion {
    state: State,
    transient: bool,
    disputed: bool,
}

fn opinion(at: Timestamp, vantages: &[&Heard], now: Option<Timestamp>, terms: &Terms) -> Opinion {
    let heard: Vec<(State, bool)> = vantages
        .iter()
        .map(|vantage| vantage.at(at, now, terms))
        .collect();
    let count = |state: State| heard.iter().filter(|(other, _)| *other == state).count();
    let n = vantages.len();
    let k = match terms.quorum {
        Quorum::Majority => n / 2 + 1,
        Quorum::AtLeast(k) => usize::try_from(k.get()).unwrap(),
    };
    let d = count(State::Down);
    // A vantage that is asked for and not there says nothing.
    let u = count(State::Unknown) + k.saturating_sub(n);
    let state = if n == 0 {
        State::Unknown
    } else if d >= k {
        State::Down
    } else if d + u >= k {
        State::Unknown
    } else if d + count(State::Degraded) >= k {
        State::Degraded
    } else {
        State::Up
    };
    let good = count(State::Up) + count(State::Degraded);
    Opinion {
        state,
        transient: heard.iter().any(|(_, transient)| *transient),
        disputed: 0 < d && d < k && 0 < good,
    }
}

fn compose(states: &[State], rule: &Rule) -> State {
    let count = |state: State| states.iter().filter(|other| **other == state).count();
    let (up, degraded) = (count(State::Up), count(State::Degraded));
    let (down, unknown) = (count(State::Down), count(State::Unknown));
    if states.is_empty() {
        return State::Unknown;
    }
    match rule {
        Rule::All if down > 0 => State::Down,
        Rule::All if unknown > 0 => State::Unknown,
        Rule::All if degraded > 0 => State::Degraded,
        Rule::All => State::Up,
        Rule::Any if up > 0 => State::Up,
        Rule::Any if degraded > 0 => State::Degraded,
        Rule::Any if unknown > 0 => State::Unknown,
        Rule::Any => State::Down,
        Rule::AtLeast(n) => {
            let n = usize::try_from(n.get()).unwrap();
            // Too few endpoints: the missing ones say nothing.
            let unknown = unknown + n.saturating_sub(states.len());
            if up >= n {
                State::Up
            } else if up + degraded >= n {
                State::Degraded
            } else if up + degraded + unknown >= n {
                State::Unknown
            } else {
                State::Down
            }
        }
        // The generator's main endpoint is the first.
        Rule::Main(_) => states[0],
    }
}

/// The state at `at` once outages shorter than `minimum` grid steps are forgiven.
fn forgive(service: &[State], at: usize, minimum: usize) -> State {
    if service[at] != State::Down || minimum == 0 {
        return service[at];
    }
    let run = around(service, at, |state| state == State::Down);
    if run.len() >= minimum {
        return State::Down;
    }
    let doubtful = around(service, at, |state| {
        matches!(state, State::Down | State::Unknown)
    });
    // Nothing is known beyond the grid: it may go on there.
    let open = doubtful.start == 0 || doubtful.end == service.len();
    if open || doubtful.len() >= minimum {
        State::Unknown
    } else {
        State::Up
    }
}

/// The longest run around `at` in which `member` holds.
fn around(service: &[State], at: usize, member: impl Fn(State) -> bool) -> std::ops::Range<usize> {
    let mut range = at..at + 1;
    while range.start > 0 && member(service[range.start - 1]) {
        range.start -= 1;
    }
    while range.end < service.len() && member(service[range.end]) {
        range.end += 1;
    }
    range
}

/// How much planned work was granted so far in the window.
#[derive(Default)]
struct Cap {
    granted_ms: i64,
}

/// When the work began that `exclusion` is a part of: back from one window to the next, as long as
/// they touch.
fn work_began(
    exclusion: &Exclusion,
    evidence: &Evidence,
    acts: fn(Acceptance) -> bool,
) -> Timestamp {
    let mut began = exclusion.window.start();
    while let Some(earlier) = evidence.exclusions.iter().find(|other| {
        other.kind == ExclusionKind::Maintenance
            && acts(other.acceptance)
            && other.window.start() < began
            && began <= other.window.end()
    }) {
        began = earlier.window.start();
    }
    began
}

impl Cap {
    /// How one grid step counts; to be asked in order of time.
    fn class(
        &mut self,
        at: Timestamp,
        state: State,
        evidence: &Evidence,
        terms: &Terms,
        unit_ms: i64,
        acts: fn(Acceptance) -> bool,
    ) -> Class {
        let connected = evidence.membership.iter().any(|window| window.contains(at));
        let served = terms
            .service_hours
            .as_ref()
            .is_none_or(|hours| shows(hours, at));
        if !connected || !served {
            return Class::OutOfScope;
        }
        let acting = |exclusion: &&Exclusion| {
            acts(exclusion.acceptance)
                && exclusion.window.start() <= at
                && at < exclusion.window.end()
        };
        let mut planned = |conditions: &MaintenanceTerms| {
            let announced = evidence.exclusions.iter().filter(acting).any(|exclusion| {
                let start = exclusion.window.start();
                exclusion.kind == ExclusionKind::Maintenance
                    && match exclusion.declared {
                        Some(declared) => {
                            declared <= work_began(exclusion, evidence, acts)
                                && start.since(declared) >= conditions.notice_ms
                        }
                        None => conditions.notice_ms == 0,
                    }
            });
            let allowed = conditions
                .hours
                .as_ref()
                .is_none_or(|hours| shows(hours, at));
            let room = conditions
                .cap_ms
                .is_none_or(|cap_ms| self.granted_ms + unit_ms <= cap_ms);
            let granted = announced && allowed && room;
            if granted {
                self.granted_ms += unit_ms;
            }
            granted
        };
        let (excluded, credited) = match &terms.maintenance {
            Maintenance::Counted => (false, false),
            Maintenance::Excluded(conditions) => (planned(conditions), false),
            Maintenance::Credited(conditions) => (false, planned(conditions)),
        };
        let other = evidence.exclusions.iter().filter(acting).any(|exclusion| {
            !matches!(
                exclusion.kind,
                ExclusionKind::Maintenance | ExclusionKind::Correction
            )
        });
        match withdrawn(at, evidence, acts).unwrap_or(state) {
            _ if excluded || other => Class::Excluded,
            State::Down | State::Unknown if credited => Class::Credited,
            State::Up => Class::Up,
            State::Degraded => Class::Degraded,
            State::Down => Class::Down,
            State::Unknown => Class::Unknown,
        }
    }
}

/// Unknown, if the measurement at `at` was withdrawn.
fn withdrawn(at: Timestamp, evidence: &Evidence, acts: fn(Acceptance) -> bool) -> Option<State> {
    evidence
        .exclusions
        .iter()
        .any(|exclusion| {
            exclusion.kind == ExclusionKind::Correction
                && acts(exclusion.acceptance)
                && exclusion.window.contains(at)
        })
        .then_some(State::Unknown)
}

/// Whether the wall clock shows one of these hours.
fn shows(hours: &WeeklyHours, at: Timestamp) -> bool {
    let local = at.to_local(hours.zone).naive_local();
    let today = local.date();
    let yesterday = today - Days::new(1);
    hours.ranges.iter().any(|range| {
        if range.from < range.to {
            range.day == today.weekday() && range.from <= local.time() && local.time() < range.to
        } else {
            range.day == today.weekday() && range.from <= local.time()
                || range.day == yesterday.weekday() && local.time() < range.to
        }
    })
}

/// Rule 19 as it is written, with `p/q` for the target.
fn verdict(classes_ms: [i64; 7], target: Ppm) -> Verdict {
    let [up, degraded, down, unknown, credited, _, _] = classes_ms.map(i128::from);
    let r = up + degraded + down + unknown + credited;
    let (p, q) = (i128::from(target.parts()), 1_000_000);
    if r == 0 {
        Verdict::NotApplicable
    } else if q * (r - down - unknown) >= p * r {
        Verdict::Met
    } else if q * (r - down) < p * r {
        Verdict::Missed
    } else {
        Verdict::Undetermined
    }
}

/// Rule 21: the most whole milliseconds that may be Down.
fn allowed_ms(classes_ms: [i64; 7], target: Ppm) -> i64 {
    let [up, degraded, down, unknown, credited, _, _] = classes_ms.map(i128::from);
    let r = up + degraded + down + unknown + credited;
    let (p, q) = (i128::from(target.parts()), 1_000_000);
    i64::try_from((q - p) * r / q).unwrap()
}
