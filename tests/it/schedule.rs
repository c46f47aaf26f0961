//! The schedule in virtual time: no drift, nothing twice, nothing lost without being counted.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vigie::schedule::{MissedTicks, Schedule};
use vigie::sla::catalog::EndpointId;
use vigie::sla::observation::MissCause;
use vigie::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp};

const DAY_MS: i64 = 24 * HOUR_MS;

fn id(text: &str) -> EndpointId {
    EndpointId::new(text).expect("a valid id")
}

fn start() -> Timestamp {
    "2025-10-25T12:00:00Z".parse().expect("an instant")
}

/// Runs a schedule and keeps the books: what was asked, what was missed.
struct Run {
    endpoints: Vec<(EndpointId, i64)>,
    schedule: Schedule,
    now: Timestamp,
    asked: BTreeSet<(EndpointId, Timestamp)>,
    missed: BTreeSet<(EndpointId, Timestamp)>,
    causes: Vec<MissCause>,
    /// Whether probes are over as soon as they begin.
    prompt: bool,
}

impl Run {
    fn new(endpoints: &[(&str, i64)]) -> Self {
        let endpoints: Vec<(EndpointId, i64)> = endpoints
            .iter()
            .map(|(text, interval_ms)| (id(text), *interval_ms))
            .collect();
        Self {
            schedule: Schedule::new(endpoints.clone(), &[], start()),
            endpoints,
            now: start(),
            asked: BTreeSet::new(),
            missed: BTreeSet::new(),
            causes: Vec::new(),
            prompt: true,
        }
    }

    fn interval_ms(&self, endpoint: &EndpointId) -> i64 {
        self.endpoints
            .iter()
            .find(|(id, _)| id == endpoint)
            .expect("a known endpoint")
            .1
    }

    fn look(&mut self) {
        let due = self.schedule.due(self.now);
        for missed in due.missed {
            self.keep_missed(&missed);
        }
        for tick in due.ticks {
            assert!(tick.at <= self.now, "a tick ahead of the clock");
            let age_ms = self.now.since(tick.at);
            assert!(age_ms < self.interval_ms(&tick.endpoint), "an old tick");
            if self.prompt {
                self.schedule.finished(&tick.endpoint);
            }
            let new = self.asked.insert((tick.endpoint.clone(), tick.at));
            assert!(new, "{tick:?} was handed out twice");
        }
    }

    fn keep_missed(&mut self, missed: &MissedTicks) {
        let interval_ms = self.interval_ms(&missed.endpoint);
        let span_ms = missed.last.since(missed.first);
        assert_eq!(
            span_ms,
            interval_ms * (missed.count as i64 - 1),
            "{missed:?}"
        );
        for n in 0..missed.count as i64 {
            let at = missed.first.plus_ms(n * interval_ms);
            let new = self.missed.insert((missed.endpoint.clone(), at));
            assert!(new, "{missed:?} counts {at} twice");
        }
        self.causes.push(missed.cause);
    }

    /// Lives through `ms` milliseconds as the daemon does: sleeps until the next wake.
    fn live(&mut self, ms: i64) {
        let end = self.now.plus_ms(ms);
        self.look();
        while let Some(wake) = self.schedule.next_wake()
            && wake <= end
        {
            self.now = self.now.max(wake);
            self.look();
        }
        self.now = end;
    }

    /// The clock moves and nobody looks.
    fn leap(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
    }

    fn restart(&mut self, off_ms: i64) {
        self.leap(off_ms);
        let last: Vec<(EndpointId, Timestamp)> = self.asked.iter().cloned().collect();
        self.schedule = Schedule::new(self.endpoints.clone(), &last, self.now);
        self.look();
    }

    /// How far the clock is behind the latest tick asked.
    fn ahead_ms(&self) -> i64 {
        let latest = self.asked.iter().map(|(_, at)| at.since(self.now)).max();
        latest.unwrap_or(0)
    }

    /// Every grid point from the start to the last one known was asked or counted.
    fn assert_nothing_lost(&self) {
        for (endpoint, interval_ms) in &self.endpoints {
            let mine = |set: &BTreeSet<(EndpointId, Timestamp)>| -> BTreeSet<Timestamp> {
                set.iter()
                    .filter(|(id, at)| id == endpoint && at.plus_ms(*interval_ms) > start())
                    .map(|(_, at)| *at)
                    .collect()
            };
            let known: BTreeSet<Timestamp> = mine(&self.asked)
                .union(&mine(&self.missed))
                .copied()
                .collect();
            let first = *known.first().expect("at least one tick");
            let last = *known.last().expect("at least one tick");
            let grid: BTreeSet<Timestamp> = (0..=last.since(first) / interval_ms)
                .map(|n| first.plus_ms(n * interval_ms))
                .collect();
            assert_eq!(known, grid, "the grid of {endpoint}");
        }
    }
}

#[test]
fn a_quiet_day_has_every_tick_and_no_drift() {
    let mut run = Run::new(&[("a", MINUTE_MS), ("b", 7 * SECOND_MS)]);
    run.live(DAY_MS);
    run.assert_nothing_lost();
    assert!(run.missed.is_empty());
    // One more than fits between: the newest one is due at the start.
    let n = run
        .asked
        .iter()
        .filter(|(id, _)| id.as_str() == "a")
        .count();
    assert_eq!(n, 24 * 60 + 1);
}

#[test]
fn a_simulated_day_with_restart_suspend_and_clock_steps() {
    let mut run = Run::new(&[
        ("a", MINUTE_MS),
        ("b", 5 * MINUTE_MS),
        ("c", 10 * SECOND_MS),
    ]);
    run.live(6 * HOUR_MS);
    // The machine sleeps for an hour.
    run.leap(HOUR_MS);
    run.live(HOUR_MS);
    // The program is stopped for nine hours.
    run.restart(9 * HOUR_MS);
    run.live(HOUR_MS);
    // The clock is put back by twenty minutes, then forward by an hour and a half.
    run.leap(-20 * MINUTE_MS);
    run.live(HOUR_MS);
    run.leap(90 * MINUTE_MS);
    run.live(3 * HOUR_MS);
    run.assert_nothing_lost();
    let suspended = run
        .causes
        .iter()
        .filter(|cause| **cause == MissCause::Suspended)
        .count();
    assert_eq!(suspended, 6, "two leaps of three endpoints");
    let stopped = run
        .causes
        .iter()
        .filter(|cause| **cause == MissCause::NotRunning)
        .count();
    assert_eq!(stopped, 3, "one stop of three endpoints");
    assert!(run.asked.is_disjoint(&run.missed));
}

#[test]
fn an_endpoint_still_being_probed_misses_its_tick_and_no_other_does() {
    let mut schedule = Schedule::new(
        [(id("slow"), MINUTE_MS), (id("quick"), MINUTE_MS)],
        &[],
        start(),
    );
    let first = schedule.due(start());
    assert_eq!(first.ticks.len(), 2);
    schedule.finished(&id("quick"));
    let second = schedule.due(start().plus_ms(MINUTE_MS));
    let asked: Vec<&str> = second.ticks.iter().map(|t| t.endpoint.as_str()).collect();
    assert_eq!(asked, ["quick"]);
    let [missed] = &second.missed[..] else {
        panic!("{:?}", second.missed);
    };
    assert_eq!(
        (missed.endpoint.as_str(), missed.count, missed.cause),
        ("slow", 1, MissCause::Overrun)
    );
    schedule.finished(&id("slow"));
    schedule.finished(&id("quick"));
    let third = schedule.due(start().plus_ms(2 * MINUTE_MS));
    assert_eq!(third.ticks.len(), 2);
    assert!(third.missed.is_empty());
}

#[test]
fn after_a_long_sleep_with_a_probe_in_flight_only_the_newest_tick_is_an_overrun() {
    let mut schedule = Schedule::new([(id("a"), MINUTE_MS)], &[], start());
    assert_eq!(schedule.due(start()).ticks.len(), 1);
    let due = schedule.due(start().plus_ms(8 * HOUR_MS));
    let counts: Vec<(u64, MissCause)> = due.missed.iter().map(|m| (m.count, m.cause)).collect();
    assert_eq!(
        counts,
        [(479, MissCause::Suspended), (1, MissCause::Overrun)]
    );
    assert!(due.ticks.is_empty());
}

#[test]
fn a_restart_takes_up_the_same_grid_and_asks_nothing_twice() {
    let endpoints = [(id("a"), MINUTE_MS)];
    let mut before = Schedule::new(endpoints.clone(), &[], start());
    let tick = before.due(start()).ticks.remove(0);
    // Back within the same minute: the tick was taken.
    let mut again = Schedule::new(endpoints.clone(), &[(id("a"), tick.at)], start());
    assert_eq!(again.due(start()).ticks, []);
    assert_eq!(again.next_wake(), Some(tick.at.plus_ms(MINUTE_MS)));
    // Back after ten minutes: the newest is due, nine are missed.
    let later = start().plus_ms(10 * MINUTE_MS);
    let mut late = Schedule::new(endpoints, &[(id("a"), tick.at)], later);
    let due = late.due(later);
    assert_eq!(due.ticks[0].at, tick.at.plus_ms(10 * MINUTE_MS));
    assert_eq!(due.missed[0].count, 9);
    assert_eq!(due.missed[0].cause, MissCause::NotRunning);
}

#[test]
fn a_clock_that_was_a_month_ahead_does_not_stop_the_watch() {
    let mut run = Run::new(&[("a", MINUTE_MS)]);
    run.live(10 * MINUTE_MS);
    run.leap(30 * DAY_MS);
    run.live(MINUTE_MS);
    let asked = run.asked.len();
    run.leap(-30 * DAY_MS);
    run.live(10 * MINUTE_MS);
    assert_eq!(
        run.asked.len(),
        asked + 11,
        "the one leapt over, and ten more"
    );

    // The same across a restart: the stored tick lies a month ahead.
    let ahead = start().plus_ms(30 * DAY_MS);
    let mut restarted = Schedule::new([(id("a"), MINUTE_MS)], &[(id("a"), ahead)], start());
    assert_eq!(restarted.due(start()).ticks.len(), 1);
}

#[test]
fn the_grid_of_an_id_never_changes() {
    // Known values: a change would shift every installation's ticks.
    for (text, expected) in [
        ("a", "2025-10-25T12:00:01.996Z"),
        ("socle", "2025-10-25T12:00:15.695Z"),
    ] {
        let mut schedule = Schedule::new([(id(text), MINUTE_MS)], &[], start());
        schedule.due(start());
        let next = schedule.next_wake().expect("an endpoint");
        assert_eq!(next.to_string(), expected, "{text}");
    }
}

#[test]
fn endpoints_spread_over_their_interval() {
    let endpoints: Vec<(EndpointId, i64)> = (0..10_000)
        .map(|n| (id(&format!("endpoint-{n:05}")), MINUTE_MS))
        .collect();
    let mut schedule = Schedule::new(endpoints, &[], start());
    schedule.due(start());
    let mut per_second = [0_u32; 60];
    for second in 0..60 {
        let due = schedule.due(start().plus_ms((second + 1) * SECOND_MS));
        per_second[second as usize] = (due.ticks.len() + due.missed.len()) as u32;
    }
    assert_eq!(per_second.iter().sum::<u32>(), 10_000);
    let (least, most) = (per_second.iter().min(), per_second.iter().max());
    assert!(least >= Some(&100), "{per_second:?}");
    assert!(most <= Some(&240), "{per_second:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Live(i64),
    Leap(i64),
    Restart(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..20 * MINUTE_MS).prop_map(Step::Live),
        2 => (-30 * MINUTE_MS..60 * MINUTE_MS).prop_map(Step::Leap),
        1 => (-10 * MINUTE_MS..90 * MINUTE_MS).prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the clock does: nothing twice (asserted on the way), nothing lost.
    #[test]
    fn nothing_twice_nothing_lost(steps in steps(), interval_s in 5_i64..300) {
        let mut run = Run::new(&[("a", interval_s * SECOND_MS), ("b", MINUTE_MS)]);
        run.live(40 * MINUTE_MS);
        for step in steps {
            match step {
                Step::Live(ms) => run.live(ms),
                Step::Leap(ms) => run.leap(ms),
                // What a clock more than an hour ahead left behind is not believed at the start.
                Step::Restart(ms) if run.ahead_ms() < HOUR_MS - 10 * MINUTE_MS => run.restart(ms),
                Step::Restart(ms) => run.live(ms),
            }
        }
        run.live(5 * MINUTE_MS);
        run.assert_nothing_lost();
    }
}
