//! From observations to states, as small drawings: one character is one second.
//!
//! Observations: `u` answered, `s` answered slowly, `x` failed, `v` void, `.` nothing.
//! States: `U` Up, `S` Degraded, `X` Down, `?` Unknown; `t` is Up and transient.

use std::num::NonZeroU32;

use vigie::sla::catalog::EndpointId;
use vigie::sla::commitment::{Confirmation, Degraded, Quorum, Rule};
use vigie::sla::observation::{Observation, Outcome, Sequence, Void};
use vigie::sla::timeline::{
    Reading, Segment, State, Timeline, Track, Voter, compose, forgive_short_outages, quorum,
    quorum_of_present,
};
use vigie::sla::window::{Timestamp, Window};

use super::random::{ANSWERED, FAILED, observation};

fn at(second: usize) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(second).unwrap() * 1_000).unwrap()
}

fn seconds(length: usize) -> Window {
    Window::new(at(0), at(length)).unwrap()
}

fn observations(drawing: &str) -> Vec<Observation> {
    drawing
        .chars()
        .enumerate()
        .filter_map(|(second, drawn)| {
            let outcome = match drawn {
                'u' => ANSWERED,
                's' => Outcome::Answered {
                    latency_us: 500_100,
                    partial: false,
                },
                'x' => FAILED,
                'v' => Outcome::Void(Void::Uplink),
                '.' => return None,
                other => panic!("`{other}` is not an observation"),
            };
            Some(observation(at(second), outcome))
        })
        .collect()
}

fn letter(state: State) -> char {
    match state {
        State::Up => 'U',
        State::Degraded => 'S',
        State::Down => 'X',
        State::Unknown => '?',
    }
}

fn state(letter: char) -> State {
    match letter {
        'U' => State::Up,
        'S' => State::Degraded,
        'X' => State::Down,
        '?' => State::Unknown,
        other => panic!("`{other}` is not a state"),
    }
}

fn timeline(drawing: &str) -> Timeline {
    let segments: Vec<Segment> = drawing
        .chars()
        .enumerate()
        .map(|(second, drawn)| Segment {
            window: Window::new(at(second), at(second + 1)).unwrap(),
            state: state(drawn),
        })
        .collect();
    Timeline::from_segments(seconds(drawing.len()), &segments)
}

fn drawn(timeline: &Timeline) -> String {
    let seconds = usize::try_from(timeline.window().length_ms() / 1_000).unwrap();
    (0..seconds)
        .map(|second| letter(timeline.state_at(at(second))))
        .collect()
}

/// An observation speaks for four seconds; `failures` of them within `within` seconds confirm.
fn reading(failures: u32, within: i64) -> Reading {
    Reading {
        validity_ms: 4_000,
        latency_objective_ms: Some(500),
        degraded: Degraded::Up,
        confirmation: Confirmation {
            failures: NonZeroU32::new(failures).unwrap(),
            within_ms: within * 1_000,
        },
    }
}

#[track_caller]
fn check(seen: &str, reading: &Reading, expected: &str) {
    let track = Track::observed(
        seconds(seen.len()),
        &Sequence::new(&observations(seen)),
        reading,
    );
    let shown: String = drawn(&track.timeline)
        .chars()
        .enumerate()
        .map(|(second, letter)| {
            if track.transient.contains(at(second)) {
                assert_eq!(letter, 'U', "transient time is Up");
                't'
            } else {
                letter
            }
        })
        .collect();
    assert_eq!(shown, expected, "of {seen}");
}

#[test]
fn an_observation_speaks_until_the_next_one_at_most_its_validity() {
    let one = reading(1, 60);
    check("u..x..u.", &one, "UUUXXXUU");
    check("u.......", &one, "UUUU????");
    check("...u....", &one, "???UUUU?");
    // Never interpolated between two equal ones.
    check("u.....u.", &one, "UUUU??UU");
    check("x.....x.", &one, "XXXX??XX");
    check("s...v...", &one, "SSSS????");
    check("u.v.....", &one, "UU??????");
    check("........", &one, "????????");
}

#[test]
fn a_run_of_failures_counts_from_its_first_when_confirmed() {
    let three = reading(3, 6);
    check("u.x.x.x.u.", &three, "UUXXXXXXUU");
    // Confirmed until the first success, also when failures come slowly afterwards.
    check("u.xxx...x...x...u.", &three, "UUXXXXXXXXXXXXXXUU");
    // Confirmed late: the onset is still the first failure.
    check("u.x...x...xxxu", &three, "UUXXXXXXXXXXXU");
    // Three, but never within six seconds.
    check("u.x...x...x...u", &three, "UU????????????U");
    // Exactly within.
    check("u.x..x..xu", &three, "UUXXXXXXXU");
    // Before a success, after silence, at the start: confirmed all the same.
    check("xxx...u", &three, "XXXXXXU");
    check("xxx.....", &three, "XXXXXX??");
}

#[test]
fn a_refuted_run_is_up_and_transient() {
    let three = reading(3, 6);
    check("u.x.u.", &three, "UUttUU");
    check("u.xx..u.", &three, "UUttttUU");
    check("s.x.s.", &three, "SSttSS");
    // At the limit, and one second beyond it.
    check("u.x..x..u", &three, "UUttttttU");
    check("u.x..x...u", &three, "UU???????U");
}

#[test]
fn a_run_that_is_neither_is_unknown() {
    let three = reading(3, 6);
    // Silence or a void where the missing failures or the missing success may be.
    check("u.xx......", &three, "UU????????");
    check("u.xx.v.u..", &three, "UU?????UUU");
    check("..x.u.", &three, "????UU");
    check("u.....x.u.", &three, "UUUU????UU");
    check("v.x.u.", &three, "????UU");
    // A void splits a run: two failures on either side are not four.
    check("u.xxvxxu", &three, "UU?????U");
    check("u.xxxvxxu", &three, "UUXXX???U");
}

#[test]
fn of_several_at_one_instant_the_worst_counts() {
    let twice = |first: &str, second: &str| {
        let mut seen = observations(first);
        seen.extend(observations(second));
        drawn(&Track::observed(seconds(2), &Sequence::new(&seen), &reading(1, 60)).timeline)
    };
    for (first, second, expected) in [
        ("u.", "x.", "XX"),
        ("u.", "s.", "SS"),
        ("s.", "x.", "XX"),
        ("v.", "u.", "UU"),
        ("v.", "x.", "XX"),
        ("v.", "v.", "??"),
        ("u.", "u.", "UU"),
    ] {
        assert_eq!(twice(first, second), expected, "{first} {second}");
        assert_eq!(twice(second, first), expected, "{second} {first}");
    }
}

#[test]
fn slow_answers_are_what_the_clause_says() {
    let strict = Reading {
        degraded: Degraded::Down,
        ..reading(1, 60)
    };
    check("s.u.", &reading(1, 60), "SSUU");
    check("s.u.", &strict, "XXUU");
    let partial = Outcome::Answered {
        latency_us: 1_000,
        partial: true,
    };
    assert_eq!(reading(1, 60).state(partial), State::Degraded);
    let at_the_objective = Outcome::Answered {
        latency_us: 500_000,
        partial: false,
    };
    assert_eq!(reading(1, 60).state(at_the_objective), State::Up);
}

/// Every way in which unknown states can turn out to be Up or Down.
fn resolutions(states: &[State]) -> Vec<Vec<State>> {
    let mut all = vec![Vec::new()];
    for state in states {
        let options = match state {
            State::Unknown => &[State::Up, State::Down][..],
            known => std::slice::from_ref(known),
        };
        all = all
            .into_iter()
            .flat_map(|resolved: Vec<State>| {
                options.iter().map(move |option| {
                    let mut resolved = resolved.clone();
                    resolved.push(*option);
                    resolved
                })
            })
            .collect();
    }
    all
}

/// Every combination of `n` states.
fn combinations(n: usize) -> Vec<Vec<State>> {
    (0..n).fold(vec![Vec::new()], |all, _| {
        all.into_iter()
            .flat_map(|states: Vec<State>| {
                State::ALL.map(|state| {
                    let mut states = states.clone();
                    states.push(state);
                    states
                })
            })
            .collect()
    })
}

/// What `decide` says of `states` must be what it would say however the unknown turned out, and
/// Unknown only if that differs.
#[track_caller]
fn check_tight(states: &[State], decide: impl Fn(&[State]) -> State) {
    let is_down = |state: State| state == State::Down;
    let outcomes: Vec<bool> = resolutions(states)
        .iter()
        .map(|resolved| is_down(decide(resolved)))
        .collect();
    let expected = match (outcomes.contains(&true), outcomes.contains(&false)) {
        (true, true) => None,
        (true, false) => Some(true),
        (false, _) => Some(false),
    };
    let said = decide(states);
    let said = (said != State::Unknown).then(|| is_down(said));
    assert_eq!(said, expected, "of {states:?}");
}

fn constants(states: &[State]) -> Vec<Timeline> {
    states
        .iter()
        .map(|state| Timeline::constant(seconds(1), *state))
        .collect()
}

#[test]
fn a_quorum_decides_exactly_when_the_silent_ones_could_not_change_it() {
    for n in 1..=4 {
        for k in 1..=n {
            let needed = Quorum::AtLeast(NonZeroU32::new(u32::try_from(k).unwrap()).unwrap());
            for states in combinations(n) {
                let decide = |states: &[State]| {
                    let tracks = constants(states);
                    let tracks: Vec<&Timeline> = tracks.iter().collect();
                    quorum(seconds(1), &tracks, needed).timeline.state_at(at(0))
                };
                check_tight(&states, decide);
                let n_down = states.iter().filter(|state| **state == State::Down).count();
                assert_eq!(
                    decide(&states) == State::Down,
                    n_down >= k,
                    "{k} of {states:?}"
                );
            }
        }
    }
}

/// A vantage that took over from another in mid-month: each alone while the other is not there,
/// both where they overlap.
#[test]
fn a_vantage_that_is_not_there_is_not_silent() {
    let (old, new) = (timeline("UXXUX?????"), timeline("???UUXXUXX"));
    let agreed = |old_present: Option<Window>, new_present: Option<Window>| {
        let voters = [(&old, old_present), (&new, new_present)]
            .map(|(timeline, present)| Voter { timeline, present });
        let consensus = quorum_of_present(seconds(10), &voters, Quorum::Majority);
        (0..10)
            .map(|second| letter(consensus.timeline.state_at(at(second))))
            .collect::<String>()
    };
    let between = |start, end| Some(Window::new(at(start), at(end)).unwrap());
    assert_eq!(agreed(between(0, 5), between(3, 10)), "UXXUUXXUXX");
    assert_eq!(agreed(None, None), "U??UU??U??");
    // Nobody there is Unknown.
    assert_eq!(agreed(between(0, 3), between(8, 20)), "UXX?????XX");
}

#[test]
fn vantages_that_contradict_each_other_are_disputed() {
    let said = |states: &str| {
        let tracks: Vec<Timeline> = states
            .chars()
            .map(|letter| timeline(&letter.to_string()))
            .collect();
        let tracks: Vec<&Timeline> = tracks.iter().collect();
        let consensus = quorum(seconds(1), &tracks, Quorum::Majority);
        (
            letter(consensus.timeline.state_at(at(0))),
            !consensus.disputed.is_empty(),
        )
    };
    for (states, expected) in [
        ("X", ('X', false)),
        ("UX", ('U', true)),
        ("X?", ('?', false)),
        ("XX", ('X', false)),
        ("UUX", ('U', true)),
        ("SUX", ('S', true)),
        ("UXX", ('X', false)),
        ("UX?", ('?', true)),
        ("X??", ('?', false)),
        ("UU?", ('U', false)),
        ("U??", ('?', false)),
        ("SSU", ('S', false)),
        ("SUU", ('U', false)),
    ] {
        assert_eq!(said(states), expected, "{states}");
    }
}

fn composed(states: &[State], rule: &Rule) -> State {
    let timelines = constants(states);
    let ids: Vec<EndpointId> = (0..states.len())
        .map(|idx| EndpointId::new(&format!("e{idx}")).unwrap())
        .collect();
    let endpoints: Vec<(&EndpointId, &Timeline)> = ids.iter().zip(&timelines).collect();
    compose(seconds(1), &endpoints, rule).state_at(at(0))
}

fn at_least(n: usize) -> Rule {
    Rule::AtLeast(NonZeroU32::new(u32::try_from(n).unwrap()).unwrap())
}

#[test]
fn a_rule_decides_exactly_when_the_silent_ones_could_not_change_it() {
    for n in 1..=4 {
        for states in combinations(n) {
            for rule in [Rule::All, Rule::Any] {
                check_tight(&states, |states| composed(states, &rule));
            }
            for k in 1..=n {
                check_tight(&states, |states| composed(states, &at_least(k)));
            }
            assert_eq!(
                composed(&states, &Rule::All),
                composed(&states, &at_least(n))
            );
            assert_eq!(
                composed(&states, &Rule::Any),
                composed(&states, &at_least(1))
            );
            let main = Rule::Main(EndpointId::new("e0").unwrap());
            assert_eq!(composed(&states, &main), states[0]);
        }
    }
    assert_eq!(composed(&[], &Rule::All), State::Unknown);
    assert_eq!(
        composed(&[State::Up], &Rule::Main(EndpointId::new("gone").unwrap())),
        State::Unknown
    );
    // One that is counted on and not there is silent.
    assert_eq!(composed(&[State::Up], &at_least(2)), State::Unknown);
}

/// Good, then doubtful, then bad.
fn badness(state: State) -> u8 {
    match state {
        State::Up | State::Degraded => 0,
        State::Unknown => 1,
        State::Down => 2,
    }
}

#[test]
fn no_rule_gets_better_when_an_endpoint_gets_worse() {
    for states in combinations(3) {
        for idx in 0..3 {
            for worse in State::ALL
                .into_iter()
                .filter(|state| badness(*state) > badness(states[idx]))
            {
                let mut changed = states.clone();
                changed[idx] = worse;
                for rule in [Rule::All, Rule::Any, at_least(2)] {
                    let (before, after) = (composed(&states, &rule), composed(&changed, &rule));
                    assert!(
                        badness(before) <= badness(after),
                        "{rule:?} {states:?} {changed:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn short_outages_are_forgiven_unless_silence_could_have_made_them_long() {
    let check = |before: &str, expected: &str| {
        let after = forgive_short_outages(&timeline(before), 4_000);
        assert_eq!(drawn(&after), expected, "of {before}");
    };
    check("UUXXXUUXXXXUU", "UUUUUUUXXXXUU");
    check("UXXX?UUUU", "U????UUUU");
    check("U?XX?UUUU", "U????UUUU");
    // Too little silence to make it long.
    check("UXX?UUUUU", "UUU?UUUUU");
    check("UX?XUXX?X?XU", "UU?UU??????U");
    // What lies beyond is unknown.
    check("XUUUUUUX", "?UUUUUU?");
    check("XXXXUUUUU", "XXXXUUUUU");
    assert_eq!(drawn(&forgive_short_outages(&timeline("UXU"), 0)), "UXU");
}

#[test]
fn a_timeline_covers_its_window_once() {
    let line = timeline("UUXX??UU");
    let starts: Vec<i64> = line
        .segments()
        .iter()
        .map(|segment| segment.window.start().unix_ms() / 1_000)
        .collect();
    assert_eq!(starts, [0, 2, 4, 6]);
    let longer = line.over(Window::new(at(1), at(10)).unwrap());
    assert_eq!(longer.state_at(at(0)), State::Unknown);
    assert_eq!(longer.state_at(at(1)), State::Up);
    assert_eq!(longer.state_at(at(9)), State::Unknown);
    assert_eq!(line.when(State::Down).length_ms(), 2_000);
}
