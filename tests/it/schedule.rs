//! The schedule in virtual time: no drift, nothing twice, nothing lost without being counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;

use proptest::prelude::*;
use vigie::schedule::{MissedTicks, Planned, Schedule, Tick, ticks};
use vigie::sla::catalog::{ConfirmationProbes, EndpointId};
use vigie::sla::observation::{Fault, MissCause, Outcome, Void};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp, Window};

const DAY_MS: i64 = 24 * HOUR_MS;

fn id(text: &str) -> EndpointId {
    EndpointId::new(text).expect("a valid id")
}

/// A good answer.
const GOOD: Outcome = Outcome::Answered {
    latency_us: 1_000,
    partial: false,
};

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
        let due = self.schedule.due(self.now, usize::MAX);
        for missed in due.missed {
            self.keep_missed(&missed);
        }
        for tick in due.ticks {
            assert!(tick.at <= self.now, "a tick ahead of the clock");
            let age_ms = self.now.since(tick.at);
            assert!(age_ms < self.interval_ms(&tick.endpoint), "an old tick");
            if self.prompt {
                self.schedule.finished(&tick.endpoint, GOOD);
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
    let first = schedule.due(start(), usize::MAX);
    assert_eq!(first.ticks.len(), 2);
    schedule.finished(&id("quick"), GOOD);
    let second = schedule.due(start().plus_ms(MINUTE_MS), usize::MAX);
    let asked: Vec<&str> = second.ticks.iter().map(|t| t.endpoint.as_str()).collect();
    assert_eq!(asked, ["quick"]);
    let [missed] = &second.missed[..] else {
        panic!("{:?}", second.missed);
    };
    assert_eq!(
        (missed.endpoint.as_str(), missed.count, missed.cause),
        ("slow", 1, MissCause::Overrun)
    );
    schedule.finished(&id("slow"), GOOD);
    schedule.finished(&id("quick"), GOOD);
    let third = schedule.due(start().plus_ms(2 * MINUTE_MS), usize::MAX);
    assert_eq!(third.ticks.len(), 2);
    assert!(third.missed.is_empty());
}

#[test]
fn after_a_long_sleep_with_a_probe_in_flight_only_the_newest_tick_is_an_overrun() {
    let mut schedule = Schedule::new([(id("a"), MINUTE_MS)], &[], start());
    assert_eq!(schedule.due(start(), usize::MAX).ticks.len(), 1);
    let due = schedule.due(start().plus_ms(8 * HOUR_MS), usize::MAX);
    let counts: Vec<(u64, MissCause)> = due.missed.iter().map(|m| (m.count, m.cause)).collect();
    assert_eq!(
        counts,
        [(479, MissCause::Suspended), (1, MissCause::Overrun)]
    );
    assert!(due.ticks.is_empty());
}

/// Ten endpoints of one rhythm, and room for three at a time.
#[test]
fn no_more_is_handed_out_than_there_is_room_for_and_what_waits_too_long_is_counted() {
    let endpoints: Vec<(EndpointId, i64)> = (0..10)
        .map(|n| (id(&format!("endpoint-{n}")), MINUTE_MS))
        .collect();
    let mut schedule = Schedule::new(endpoints, &[], start());
    let first = schedule.due(start(), 3);
    assert_eq!(first.ticks.len(), 3);
    assert_eq!(schedule.due(start(), 0).ticks, []);
    let waits = schedule.next_wake().expect("seven wait");
    assert!(first.ticks.iter().all(|tick| tick.at <= waits));
    // Those that were never asked wait for their next tick: nothing was owed to them before.
    for tick in &first.ticks {
        schedule.finished(&tick.endpoint, GOOD);
    }
    let all = schedule.due(start().plus_ms(MINUTE_MS), usize::MAX);
    assert_eq!((all.ticks.len(), all.missed.len()), (10, 0));
    // From now on each tick is owed. Nothing ends for two minutes, so there is room for nobody.
    for tick in &all.ticks {
        schedule.finished(&tick.endpoint, GOOD);
    }
    assert_eq!(schedule.due(start().plus_ms(2 * MINUTE_MS), 0).ticks, []);
    let late = schedule.due(start().plus_ms(3 * MINUTE_MS), usize::MAX);
    assert_eq!(late.ticks.len(), 10);
    let missed: Vec<(u64, MissCause)> = late.missed.iter().map(|m| (m.count, m.cause)).collect();
    assert_eq!(missed, [(1, MissCause::Overrun); 10]);
}

#[test]
fn a_restart_takes_up_the_same_grid_and_asks_nothing_twice() {
    let endpoints = [(id("a"), MINUTE_MS)];
    let mut before = Schedule::new(endpoints.clone(), &[], start());
    let tick = before.due(start(), usize::MAX).ticks.remove(0);
    // Back within the same minute: the tick was taken.
    let mut again = Schedule::new(endpoints.clone(), &[(id("a"), tick.at)], start());
    assert_eq!(again.due(start(), usize::MAX).ticks, []);
    assert_eq!(again.next_wake(), Some(tick.at.plus_ms(MINUTE_MS)));
    // Back after ten minutes: the newest is due, nine are missed.
    let later = start().plus_ms(10 * MINUTE_MS);
    let mut late = Schedule::new(endpoints, &[(id("a"), tick.at)], later);
    let due = late.due(later, usize::MAX);
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
    assert_eq!(restarted.due(start(), usize::MAX).ticks.len(), 1);
}

#[test]
fn the_grid_of_an_id_never_changes() {
    // Known values: a change would shift every installation's ticks.
    for (text, expected) in [
        ("a", "2025-10-25T12:00:01.996Z"),
        ("socle", "2025-10-25T12:00:15.695Z"),
    ] {
        let mut schedule = Schedule::new([(id(text), MINUTE_MS)], &[], start());
        schedule.due(start(), usize::MAX);
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
    schedule.due(start(), usize::MAX);
    let mut per_second = [0_u32; 60];
    for second in 0..60 {
        let due = schedule.due(start().plus_ms((second + 1) * SECOND_MS), usize::MAX);
        per_second[second as usize] = (due.ticks.len() + due.missed.len()) as u32;
    }
    assert_eq!(per_second.iter().sum::<u32>(), 10_000);
    let (least, most) = (per_second.iter().min(), per_second.iter().max());
    assert!(least >= Some(&100), "{per_second:?}");
    assert!(most <= Some(&240), "{per_second:?}");
}

/// An endpoint that is asked every minute, and confirms a failure twice, 15 s apart.
fn confirming(text: &str) -> Planned {
    Planned {
        confirmation: Some(ConfirmationProbes {
            interval_ms: 15 * SECOND_MS,
            probes: NonZeroU32::new(2).expect("not zero"),
        }),
        ..(id(text), MINUTE_MS).into()
    }
}

const BAD: Outcome = Outcome::Failed(Fault::Connect);

/// An instant of the grid of `a`.
fn on_the_tick() -> Timestamp {
    let window = Window::new(start(), start().plus_ms(MINUTE_MS)).expect("a minute");
    ticks(&id("a"), MINUTE_MS, window).next().expect("a tick")
}

/// The ticks that are handed out in the five minutes after `begin`, in seconds after the first one;
/// `outcome` answers each.
fn asked_s(mut schedule: Schedule, begin: Timestamp, outcome: impl Fn(i64) -> Outcome) -> Vec<i64> {
    let mut first = None;
    let mut asked = Vec::new();
    let mut now = begin;
    while now < begin.plus_ms(5 * MINUTE_MS) {
        for tick in schedule.due(now, usize::MAX).ticks {
            let after_s = tick.at.since(*first.get_or_insert(tick.at)) / SECOND_MS;
            asked.push(after_s);
            schedule.finished(&tick.endpoint, outcome(after_s));
        }
        now = schedule.next_wake().expect("an endpoint");
    }
    asked
}

#[test]
fn the_first_failure_of_a_run_is_confirmed_on_ticks_of_their_own() {
    let begin = on_the_tick();
    let schedule = || Schedule::new([confirming("a")], &[], begin);
    for (what, outcome, expected) in [
        (
            "good",
            (|_| GOOD) as fn(i64) -> Outcome,
            vec![0, 60, 120, 180, 240],
        ),
        (
            "down for good",
            |s| if s < 60 { GOOD } else { BAD },
            vec![0, 60, 75, 90, 120, 180, 240],
        ),
        (
            "refuted by the first",
            |s| if s == 60 { BAD } else { GOOD },
            vec![0, 60, 75, 120, 180, 240],
        ),
        (
            "two runs",
            |s| if s == 60 || s == 180 { BAD } else { GOOD },
            vec![0, 60, 75, 120, 180, 195, 240],
        ),
        (
            "nothing said on the way",
            |s| match s {
                60 => BAD,
                75 => Outcome::Void(Void::Uplink),
                _ => GOOD,
            },
            vec![0, 60, 75, 90, 120, 180, 240],
        ),
    ] {
        assert_eq!(asked_s(schedule(), begin, outcome), expected, "{what}");
    }
    // Only those beside the grid say what they confirm, and all of a run the same.
    let mut down = schedule();
    let mut told = Vec::new();
    let mut now = begin;
    while told.len() < 4 {
        for tick in down.due(now, usize::MAX).ticks {
            down.finished(&tick.endpoint, BAD);
            told.push(tick.confirms);
        }
        now = down.next_wake().expect("an endpoint");
    }
    assert_eq!(told, [None, Some(begin), Some(begin), None]);
    // After a restart in the middle of an outage, its next failure is confirmed anew.
    let again = Schedule::new([confirming("a")], &[(id("a"), begin)], begin.plus_ms(1));
    assert_eq!(asked_s(again, begin, |_| BAD)[..4], [0, 15, 30, 60]);
    // Asked 20 s late, as after a start: what lies behind was never planned.
    let late = begin.plus_ms(20 * SECOND_MS);
    let schedule = Schedule::new([confirming("a")], &[], late);
    assert_eq!(asked_s(schedule, late, |_| BAD)[..3], [0, 30, 60]);
}

#[test]
fn a_confirmation_that_passes_unasked_is_missed() {
    let mut schedule = Schedule::new([confirming("a")], &[], on_the_tick());
    let failed = schedule.due(on_the_tick(), usize::MAX).ticks.remove(0);
    schedule.finished(&failed.endpoint, BAD);
    // Both confirmations have passed: the newer one is asked, the older one is on record.
    let now = failed.at.plus_ms(31 * SECOND_MS);
    let due = schedule.due(now, usize::MAX);
    assert_eq!(due.ticks[0].at, failed.at.plus_ms(30 * SECOND_MS));
    let [missed] = &due.missed[..] else {
        panic!("{:?}", due.missed);
    };
    assert_eq!(
        (missed.first, missed.count, missed.cause),
        (failed.at.plus_ms(15 * SECOND_MS), 1, MissCause::Suspended)
    );
    // A clock that is put back takes the plan with it; nothing is asked twice.
    schedule.finished(&failed.endpoint, BAD);
    assert!(schedule.due(on_the_tick(), usize::MAX).ticks.is_empty());
}

#[test]
fn a_new_watch_list_disturbs_nobody_who_stays() {
    let mut schedule = Schedule::new(
        [
            (id("stays"), MINUTE_MS),
            (id("goes"), MINUTE_MS),
            (id("changes"), MINUTE_MS),
        ],
        &[],
        start(),
    );
    let first = schedule.due(start(), usize::MAX).ticks;
    assert_eq!(first.len(), 3);
    let of = |ticks: &[Tick], text: &str| {
        ticks
            .iter()
            .find(|tick| tick.endpoint.as_str() == text)
            .map(|tick| tick.at)
    };
    let stays_at = of(&first, "stays").expect("asked");
    // While the probes are under way. `back` was asked before, and is watched again.
    let earlier = start().plus_ms(-5 * MINUTE_MS);
    let now = start().plus_ms(SECOND_MS);
    schedule.replace(
        [
            (id("back"), MINUTE_MS),
            (id("changes"), 10 * SECOND_MS),
            (id("new"), MINUTE_MS),
            (id("stays"), MINUTE_MS),
        ],
        &[(id("back"), earlier), (id("stays"), stays_at)],
        now,
    );
    let due = schedule.due(now, usize::MAX);
    assert!(of(&due.ticks, "new").is_some() && of(&due.ticks, "back").is_some());
    assert!(of(&due.ticks, "stays").is_none(), "it was asked already");
    assert!(
        due.missed
            .iter()
            .all(|missed| missed.endpoint.as_str() != "stays"),
        "{due:?}"
    );
    let back = due
        .missed
        .iter()
        .find(|missed| missed.endpoint.as_str() == "back");
    assert_eq!(back.map(|missed| missed.cause), Some(MissCause::NotRunning));
    for text in ["stays", "goes", "changes"] {
        schedule.finished(&id(text), GOOD);
    }
    let mut seen = Vec::new();
    let end = now.plus_ms(MINUTE_MS);
    while let Some(wake) = schedule.next_wake()
        && wake <= end
    {
        for tick in schedule.due(wake, usize::MAX).ticks {
            schedule.finished(&tick.endpoint, GOOD);
            seen.push(tick);
        }
    }
    assert_eq!(of(&seen, "stays"), Some(stays_at.plus_ms(MINUTE_MS)));
    assert_eq!(of(&seen, "goes"), None);
    let n_changes = seen
        .iter()
        .filter(|tick| tick.endpoint.as_str() == "changes");
    assert_eq!(n_changes.count(), 6);
}

/// Ten thousand endpoints through a bad day: one hangs for good, some take longer than their
/// interval, the clock is put back by 30 s and ahead by an hour, and the machine sleeps six hours.
/// What was asked and what was missed must tile the grid of each endpoint exactly.
#[test]
fn ten_thousand_endpoints_lose_nothing_uncounted_and_are_asked_nothing_twice() {
    const INTERVAL_MS: i64 = 10 * SECOND_MS;
    let hangs = id("endpoint-00007");
    let is_slow = |endpoint: &EndpointId| endpoint.as_str().ends_with("00");
    let all = (0..10_000).map(|n| (id(&format!("endpoint-{n:05}")), INTERVAL_MS));
    let mut schedule = Schedule::new(all, &[], start());
    // By endpoint: first and last tick of each stretch, and whether it was asked.
    let mut books: HashMap<EndpointId, Vec<(Timestamp, Timestamp, bool)>> = HashMap::new();
    let mut under_way: BTreeMap<Timestamp, Vec<EndpointId>> = BTreeMap::new();
    let mut now = start();
    for leap_ms in [0, -30 * SECOND_MS, HOUR_MS, 6 * HOUR_MS] {
        now = now.plus_ms(leap_ms);
        let end = now.plus_ms(MINUTE_MS);
        while now <= end {
            let later = under_way.split_off(&now.plus_ms(1));
            for endpoint in std::mem::replace(&mut under_way, later)
                .into_values()
                .flatten()
            {
                schedule.finished(&endpoint, GOOD);
            }
            let due = schedule.due(now, usize::MAX);
            for missed in due.missed {
                let of = books.entry(missed.endpoint).or_default();
                of.push((missed.first, missed.last, false));
            }
            for tick in due.ticks {
                if is_slow(&tick.endpoint) {
                    let over = under_way
                        .entry(now.plus_ms(INTERVAL_MS * 3 / 2))
                        .or_default();
                    over.push(tick.endpoint.clone());
                } else if tick.endpoint != hangs {
                    schedule.finished(&tick.endpoint, GOOD);
                }
                books
                    .entry(tick.endpoint)
                    .or_default()
                    .push((tick.at, tick.at, true));
            }
            // As the daemon does: until the next wake, at most a second.
            let wake = schedule.next_wake().expect("endpoints");
            now = wake.min(now.plus_ms(SECOND_MS)).max(now.plus_ms(1));
        }
    }
    assert_eq!(books.len(), 10_000);
    for (endpoint, mut stretches) in books {
        stretches.sort();
        for pair in stretches.windows(2) {
            assert_eq!(
                pair[1].0.since(pair[0].1),
                INTERVAL_MS,
                "{endpoint}: a tick is lost or there twice: {pair:?}"
            );
        }
        let n_asked = stretches.iter().filter(|(.., asked)| *asked).count();
        // Four minutes, of which 30 s were lived twice.
        let expected = match endpoint {
            _ if endpoint == hangs => 1..2,
            _ if is_slow(&endpoint) => 9..14,
            _ => 20..26,
        };
        assert!(
            expected.contains(&n_asked),
            "{endpoint} was asked {n_asked} times"
        );
    }
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
