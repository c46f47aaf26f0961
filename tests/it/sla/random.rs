//! Random evidence and random terms, in one place.
//!
//! Every instant lies on a coarse grid, so that edges meet often and the naive engine can walk
//! from grid point to grid point. Everything reaches a little beyond the settled window.

use std::num::NonZeroU32;

use chrono::{Datelike, Weekday};
use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::commitment::{
    Confirmation, Degraded, Maintenance, MaintenanceTerms, Ppm, Quorum, Rule, Terms,
};
use vigie::sla::ledger::{Acceptance, Exclusion, ExclusionKind};
use vigie::sla::observation::{Fault, Observation, Outcome, Stage, Void};
use vigie::sla::statement::{self, EndpointEvidence, Evidence, Seen, Statement, VantageEvidence};
use vigie::sla::timeline::{Segment, State};
use vigie::sla::window::{DayRange, MINUTE_MS, Month, SECOND_MS, Timestamp, WeeklyHours, Window};

/// Evidence with the terms it is judged by.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) frame: Frame,
    pub(super) evidence: Evidence,
    pub(super) terms: Terms,
}

impl Case {
    pub(super) fn settle(&self) -> Statement {
        statement::settle(&self.evidence, &self.terms)
    }

    /// The vantages of all endpoints, with the validity of their observations.
    pub(super) fn vantages(&mut self) -> Vec<(i64, &mut Seen)> {
        self.evidence
            .endpoints
            .iter_mut()
            .flat_map(|endpoint| {
                let validity_ms = endpoint.validity_ms;
                endpoint
                    .vantages
                    .iter_mut()
                    .map(move |vantage| (validity_ms, &mut vantage.seen))
            })
            .collect()
    }

    /// A vantage chosen by `index`, if there is any.
    pub(super) fn vantage(&mut self, index: Index) -> Option<&mut Seen> {
        let mut vantages = self.vantages();
        if vantages.is_empty() {
            return None;
        }
        let chosen = index.index(vantages.len());
        Some(vantages.swap_remove(chosen).1)
    }
}

/// The settled window and its grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) window: Window,
    pub(super) unit_ms: i64,
}

impl Frame {
    /// The grid point `unit` steps after the start of the window.
    pub(super) fn at(&self, unit: i64) -> Timestamp {
        self.window.start().plus_ms(unit * self.unit_ms)
    }

    pub(super) fn n_units(&self) -> i64 {
        self.window.length_ms() / self.unit_ms
    }
}

/// A suite that takes seconds; `PROPTEST_CASES` asks for more, with other seeds each time.
pub(super) fn cases(n_cases: u32) -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return config;
    }
    ProptestConfig {
        cases: n_cases,
        rng_seed: RngSeed::Fixed(0x5EA_1A3D),
        ..config
    }
}

/// A minute or two, second by second: on an ordinary night, and where Paris skips an hour.
pub(super) fn short() -> impl Strategy<Value = Case> {
    let starts = [
        "1970-01-01T00:00:00Z",
        "2026-03-29T00:59:00Z",
        "2026-06-30T21:59:00Z",
    ];
    (select(starts.to_vec()), 20_i64..120)
        .prop_map(|(start, n_units)| {
            let start: Timestamp = start.parse().unwrap();
            Frame {
                window: Window::new(start, start.plus_ms(n_units * SECOND_MS)).unwrap(),
                unit_ms: SECOND_MS,
            }
        })
        .prop_flat_map(case)
}

/// Months of Paris in quarters of an hour: with both clock changes, and of every length.
pub(super) fn month() -> impl Strategy<Value = Case> {
    let months = ["2026-02", "2028-02", "2026-03", "2026-04", "2025-10"];
    select(months.to_vec())
        .prop_map(|text| Frame {
            window: Month::parse(text, Tz::Europe__Paris).unwrap().window(),
            unit_ms: 15 * MINUTE_MS,
        })
        .prop_flat_map(case)
}

pub(super) fn any_case() -> impl Strategy<Value = Case> {
    prop_oneof![short(), month()]
}

fn case(frame: Frame) -> impl Strategy<Value = Case> {
    (evidence(frame), terms(frame)).prop_map(move |(evidence, terms)| Case {
        frame,
        evidence,
        terms,
    })
}

/// About how far apart observations lie, in units.
fn step(frame: Frame) -> i64 {
    frame.n_units() / 12 + 2
}

fn evidence(frame: Frame) -> impl Strategy<Value = Evidence> {
    let n_units = frame.n_units();
    let now = option::weighted(0.3, -5..n_units + 10);
    let membership = prop_oneof![
        2 => Just(vec![frame.window]),
        1 => vec(window(frame), 0..3),
    ];
    let endpoints = vec(endpoint(frame), 0..4);
    (now, membership, vec(exclusion(frame), 0..6), endpoints).prop_map(
        move |(now, membership, exclusions, mut endpoints)| {
            for (idx, endpoint) in endpoints.iter_mut().enumerate() {
                endpoint.id = endpoint_id(idx);
            }
            Evidence {
                window: frame.window,
                now: now.map(|unit| frame.at(unit)),
                membership: membership.into_iter().collect(),
                exclusions,
                endpoints,
            }
        },
    )
}

pub(super) fn endpoint_id(idx: usize) -> EndpointId {
    EndpointId::new(&format!("e{idx}")).unwrap()
}

/// A window that touches the frame or lies a little beside it.
fn window(frame: Frame) -> impl Strategy<Value = Window> {
    let n_units = frame.n_units();
    (-n_units / 8..n_units, 1..n_units / 2).prop_map(move |(start, length)| {
        Window::new(frame.at(start), frame.at(start + length)).unwrap()
    })
}

fn exclusion(frame: Frame) -> impl Strategy<Value = Exclusion> {
    let kinds = prop_oneof![
        2 => Just(ExclusionKind::Maintenance),
        1 => select(&ExclusionKind::ALL[..]),
    ];
    let acceptances = [
        Acceptance::Accepted,
        Acceptance::Accepted,
        Acceptance::Pending,
        Acceptance::Refused,
    ];
    let notice = option::weighted(0.8, -5..frame.n_units() / 2);
    (window(frame), kinds, notice, select(acceptances.to_vec())).prop_map(
        move |(window, kind, notice, acceptance)| Exclusion {
            kind,
            window,
            declared: notice.map(|notice| window.start().plus_ms(-notice * frame.unit_ms)),
            acceptance,
            reason: "random".to_owned(),
        },
    )
}

fn endpoint(frame: Frame) -> impl Strategy<Value = EndpointEvidence> {
    let objective = option::of(Just(500_u32));
    let present = option::weighted(0.2, window(frame));
    (
        1..2 * step(frame),
        objective,
        vec((present, seen(frame)), 0..5),
    )
        .prop_map(
            move |(validity, latency_objective_ms, vantages)| EndpointEvidence {
                id: endpoint_id(0),
                validity_ms: validity * frame.unit_ms,
                latency_objective_ms,
                vantages: vantages
                    .into_iter()
                    .enumerate()
                    .map(|(idx, (present, seen))| VantageEvidence {
                        id: VantageId::new(&format!("v{idx}")).unwrap(),
                        present,
                        seen,
                    })
                    .collect(),
            },
        )
}

fn seen(frame: Frame) -> impl Strategy<Value = Seen> {
    prop_oneof![
        3 => observations(frame).prop_map(Seen::Observations),
        1 => segments(frame).prop_map(Seen::Segments),
    ]
}

/// Runs of equal outcomes, mostly regular, now and then at one instant or far apart.
fn observations(frame: Frame) -> impl Strategy<Value = Vec<Observation>> {
    let step = step(frame);
    let gap = prop_oneof![1 => Just(0), 18 => 1..=step, 1 => 2 * step..4 * step];
    let runs = vec((vec(gap, 1..5), outcome()), 0..16);
    (-frame.n_units() / 8..step, runs).prop_map(move |(start, runs)| {
        let mut unit = start;
        let mut observations = Vec::new();
        for (gaps, outcome) in runs {
            for gap in gaps {
                unit += gap;
                observations.push(observation(frame.at(unit), outcome));
            }
        }
        observations
    })
}

pub(super) fn observation(at: Timestamp, outcome: Outcome) -> Observation {
    Observation {
        tick: at,
        at,
        outcome,
    }
}

pub(super) const ANSWERED: Outcome = Outcome::Answered {
    latency_us: 80_000,
    partial: false,
};
pub(super) const FAILED: Outcome = Outcome::Failed(Fault::Connect);

fn outcome() -> impl Strategy<Value = Outcome> {
    let slow = Outcome::Answered {
        latency_us: 500_100,
        partial: false,
    };
    let partial = Outcome::Answered {
        latency_us: 80_000,
        partial: true,
    };
    prop_oneof![
        6 => Just(ANSWERED),
        1 => Just(slow),
        1 => Just(partial),
        3 => Just(FAILED),
        1 => Just(Outcome::Failed(Fault::Timeout(Stage::Tls))),
        1 => Just(Outcome::Void(Void::Uplink)),
    ]
}

fn segments(frame: Frame) -> impl Strategy<Value = Vec<Segment>> {
    let step = step(frame);
    let gap = prop_oneof![2 => Just(0), 1 => 1..4 * step];
    let pieces = vec((gap, 1..4 * step, select(&State::ALL[..])), 0..12);
    (-frame.n_units() / 8..step, pieces).prop_map(move |(start, pieces)| {
        let mut unit = start;
        pieces
            .into_iter()
            .map(|(gap, length, state)| {
                let start = unit + gap;
                unit = start + length;
                Segment {
                    window: Window::new(frame.at(start), frame.at(unit)).unwrap(),
                    state,
                }
            })
            .collect()
    })
}

fn terms(frame: Frame) -> impl Strategy<Value = Terms> {
    let step = step(frame);
    let rule = prop_oneof![
        2 => Just(Rule::All),
        1 => Just(Rule::Any),
        1 => (1_u32..5).prop_map(|n| Rule::AtLeast(NonZeroU32::new(n).unwrap())),
        1 => Just(Rule::Main(endpoint_id(0))),
    ];
    let quorum = prop_oneof![
        2 => Just(Quorum::Majority),
        1 => (1_u32..5).prop_map(|n| Quorum::AtLeast(NonZeroU32::new(n).unwrap())),
    ];
    let confirmation = (1_u32..4, 1..3 * step).prop_map(move |(failures, within)| Confirmation {
        failures: NonZeroU32::new(failures).unwrap(),
        within_ms: within * frame.unit_ms,
    });
    let minimum_outage = prop_oneof![2 => Just(0), 1 => 1..3 * step];
    (
        target(),
        maintenance(frame),
        select(&[Degraded::Up, Degraded::Up, Degraded::Down][..]),
        rule,
        quorum,
        confirmation,
        minimum_outage,
        option::weighted(0.3, hours(frame)),
    )
        .prop_map(
            move |(
                target,
                maintenance,
                degraded,
                rule,
                quorum,
                confirmation,
                minimum,
                service_hours,
            )| Terms {
                target,
                maintenance,
                degraded,
                rule,
                quorum,
                confirmation,
                minimum_outage_ms: minimum * frame.unit_ms,
                service_hours,
            },
        )
}

pub(super) fn target() -> impl Strategy<Value = Ppm> {
    prop_oneof![
        1 => select(&[0, 500_000, 950_000, 999_900, Ppm::WHOLE][..]),
        2 => 0..=Ppm::WHOLE,
    ]
    .prop_map(|parts| Ppm::new(parts).unwrap())
}

fn maintenance(frame: Frame) -> impl Strategy<Value = Maintenance> {
    let n_units = frame.n_units();
    let cap = option::weighted(0.4, 0..n_units / 4);
    let hours = option::weighted(0.3, hours(frame));
    (0..3, prop_oneof![Just(0), 0..n_units / 4], cap, hours).prop_map(
        move |(kind, notice, cap, hours)| {
            let conditions = MaintenanceTerms {
                notice_ms: notice * frame.unit_ms,
                cap_ms: cap.map(|cap| cap * frame.unit_ms),
                hours,
            };
            match kind {
                0 => Maintenance::Counted,
                1 => Maintenance::Excluded(conditions),
                _ => Maintenance::Credited(conditions),
            }
        },
    )
}

/// Hours whose limits are times that the frame's clock shows, so that they cut through it.
fn hours(frame: Frame) -> impl Strategy<Value = WeeklyHours> {
    let n_units = frame.n_units();
    let zone = select(&[Tz::UTC, Tz::Europe__Paris][..]);
    let range = (0..n_units, 0..n_units, any::<[bool; 7]>());
    (zone, vec(range, 1..3)).prop_map(move |(zone, ranges)| {
        let clock = |unit: i64| frame.at(unit).to_local(zone).time();
        let today = frame.window.start().to_local(zone).weekday();
        let ranges = ranges
            .into_iter()
            .flat_map(|(from, to, days)| {
                let mut day = Weekday::Mon;
                let chosen = days.map(|on| {
                    day = day.succ();
                    // In a frame of two minutes only today matters.
                    (on || day == today).then_some(day)
                });
                chosen.into_iter().flatten().map(move |day| DayRange {
                    day,
                    from: clock(from),
                    to: clock(to),
                })
            })
            .collect();
        WeeklyHours { zone, ranges }
    })
}
