//! The laws of a settlement, on random evidence under random terms: build, transform, compare.
//!
//! P1 to P16 are those of `docs/settlement.md`; the others are of the engine alone.

use std::num::NonZeroU32;

use chrono_tz::Tz;
use proptest::prelude::*;
use proptest::sample::Index;
use vigie::exchange::{Document, WindowSpec};
use vigie::sla::availability::{Availability, Ratio, Tally, Verdict};
use vigie::sla::commitment::{Maintenance, MaintenanceTerms, Ppm, Quorum, Rule, Terms};
use vigie::sla::ledger::{Acceptance, Exclusion, ExclusionKind, in_time};
use vigie::sla::observation::Outcome;
use vigie::sla::statement::{Incident, Seen, Statement, judge, observe, settle};
use vigie::sla::timeline::{Segment, State};
use vigie::sla::window::{HOUR_MS, Timestamp, WeeklyHours, Window, Windows};

use super::random::{ANSWERED, Case, FAILED, any_case, cases, endpoint_id, observation, target};

const WEEK_MS: i64 = 7 * 24 * HOUR_MS;

proptest! {
    #![proptest_config(cases(96))]

    /// P1.
    #[test]
    fn classes_partition_the_window(case in any_case()) {
        let statement = case.settle();
        prop_assert_eq!(statement.tally.total_ms(), case.evidence.window.length_ms());
        let entries = statement.ledger.entries();
        prop_assert_eq!(entries[0].window.start(), case.evidence.window.start());
        prop_assert_eq!(entries[entries.len() - 1].window.end(), case.evidence.window.end());
        for pair in entries.windows(2) {
            prop_assert_eq!(pair[0].window.end(), pair[1].window.start());
            prop_assert_ne!(pair[0].class, pair[1].class);
        }
    }

    /// P2.
    #[test]
    fn the_bounds_enclose_what_was_observed(tally in tally()) {
        let Some(figures) = tally.availability() else {
            prop_assert_eq!(tally.counted_ms(), 0);
            return Ok(());
        };
        prop_assert!(figures.lower <= figures.upper);
        prop_assert!(figures.upper <= Ratio::new(1, 1).unwrap());
        prop_assert_eq!(figures.observed.is_none(), tally.unknown_ms == tally.counted_ms());
        if let Some(observed) = figures.observed {
            prop_assert!(figures.lower <= observed && observed <= figures.upper);
        }
    }

    /// P3.
    #[test]
    fn splitting_and_saying_nothing_change_nothing(case in any_case(), idle in any::<Index>()) {
        let mut split = case.clone();
        for (_, seen) in split.vantages() {
            if let Seen::Segments(segments) = seen {
                *segments = halves(segments);
            }
        }
        // A refused request and an endpoint-wide Unknown say nothing.
        let at = case.frame.at(idle.index(20) as i64);
        split.evidence.exclusions.push(Exclusion {
            kind: ExclusionKind::ForceMajeure,
            window: Window::new(at, at.plus_ms(case.frame.unit_ms)).unwrap(),
            declared: None,
            acceptance: Acceptance::Refused,
            reason: String::new(),
        });
        prop_assert_eq!(split.settle(), case.settle());
    }

    /// P4, for what was seen and for what was asked.
    #[test]
    fn order_and_repetition_change_nothing(case in any_case(), seed in any::<u64>()) {
        let mut shuffled = case.clone();
        for (_, seen) in shuffled.vantages() {
            match seen {
                Seen::Observations(observations) => *observations = repeated(observations, seed),
                Seen::Segments(segments) => shuffle(segments, seed),
            }
        }
        let exclusions = repeated(&case.evidence.exclusions, seed);
        shuffled.evidence.exclusions = exclusions;
        prop_assert_eq!(shuffled.settle(), case.settle());
    }

    /// P4: planned work that was announced in time may be told in one piece or in several.
    #[test]
    fn merging_planned_work_changes_nothing(case in any_case()) {
        let notice_ms = match &case.terms.maintenance {
            Maintenance::Counted => 0,
            Maintenance::Excluded(conditions) | Maintenance::Credited(conditions) => {
                conditions.notice_ms
            }
        };
        let mut pieces = case.clone();
        pieces.evidence.exclusions = case
            .evidence
            .exclusions
            .iter()
            .flat_map(|whole| {
                if !in_time(whole, notice_ms) {
                    return vec![whole.clone()];
                }
                let [first, second] = half(whole.window);
                // The pieces overlap: the second begins where the first does.
                vec![
                    Exclusion { window: first, ..whole.clone() },
                    Exclusion { window: first.hull(&second), ..whole.clone() },
                    Exclusion { window: second, ..whole.clone() },
                ]
            })
            .collect();
        prop_assert_eq!(pieces.settle(), case.settle());
    }

    /// P5. Hours of the week are civil time: they move with it by whole weeks, in a zone without
    /// clock changes.
    #[test]
    fn moving_everything_moves_everything(mut case in any_case(), weeks in -500_i64..500) {
        in_utc(&mut case.terms);
        let statement = case.settle();
        let moved = moved(&case, weeks * WEEK_MS).settle();
        prop_assert_eq!(moved.tally, statement.tally);
        prop_assert_eq!(moved.verdict, statement.verdict);
        prop_assert_eq!(moved.outlook, statement.outlook);
        prop_assert_eq!(moved.transient_ms, statement.transient_ms);
        prop_assert_eq!(moved.disputed_ms, statement.disputed_ms);
        prop_assert_eq!(moved.conditional, statement.conditional);
        let incidents: Vec<Incident> = statement
            .incidents
            .into_iter()
            .map(|incident| Incident {
                window: shifted(incident.window, weeks * WEEK_MS),
                ..incident
            })
            .collect();
        prop_assert_eq!(moved.incidents, incidents);
    }

    /// P6, and the fourth law of ARCHITECTURE.md read backwards.
    #[test]
    fn a_failure_raises_no_figure(
        mut case in any_case(),
        vantage in any::<Index>(),
        which in any::<Index>(),
    ) {
        // Forgiving short outages lets the proof of one raise the lower bound: see `timeline`.
        case.terms.minimum_outage_ms = 0;
        let before = case.settle();
        prop_assume!(fail(&mut case, vantage, which));
        not_raised(&before, &case.settle())?;
    }

    /// P6 where short outages are forgiven: what is certainly Down never becomes less.
    #[test]
    fn a_failure_never_raises_the_upper_bound(
        mut case in any_case(),
        vantage in any::<Index>(),
        which in any::<Index>(),
    ) {
        let before = case.settle();
        prop_assume!(fail(&mut case, vantage, which));
        prop_assert!(case.settle().tally.down_ms >= before.tally.down_ms);
    }

    /// P7: knowledge where there was none (silence, a void observation, failures that nothing
    /// confirmed or refuted).
    #[test]
    fn knowing_more_only_narrows(
        mut case in any_case(),
        vantage in any::<Index>(),
        news in proptest::collection::vec((any::<Index>(), any::<bool>()), 1..6),
    ) {
        let before = case.settle();
        let mut told = false;
        for (which, good) in news {
            told |= tell(&mut case, vantage, which, good);
        }
        prop_assume!(told);
        narrowed(&before, &case.settle())?;
    }

    /// P8.
    #[test]
    fn parts_add_up_to_the_whole(case in any_case(), piece_units in 1_i64..100) {
        let statement = case.settle();
        let window = case.evidence.window;
        let sum = |parts: Vec<Window>| -> Tally {
            parts.into_iter().map(|part| statement.ledger.tally_within(part)).sum()
        };
        let dated = |parts: Vec<(chrono::NaiveDate, Window)>| {
            parts.into_iter().map(|(_, part)| part).collect()
        };
        prop_assert_eq!(sum(dated(window.local_days(Tz::Europe__Paris))), statement.tally);
        let pieces = window.pieces(piece_units * case.frame.unit_ms).collect();
        prop_assert_eq!(sum(pieces), statement.tally);
        let down_ms: i64 = statement.incidents.iter().map(|incident| incident.down_ms).sum();
        prop_assert_eq!(down_ms, statement.tally.down_ms);
    }

    /// P10: what is shown and what is decided cannot disagree.
    #[test]
    fn the_shown_figure_decides(mut tally in tally(), hundredths in 0_u32..=10_000) {
        tally.unknown_ms = 0;
        let Some(figures) = tally.availability() else {
            return Ok(());
        };
        let target = Ppm::new(hundredths * 100).unwrap();
        let shown: Ppm = format!("{} %", figures.lower).parse().unwrap();
        prop_assert_eq!(tally.verdict(target) == Verdict::Met, shown >= target);
        prop_assert_eq!(figures.lower.to_string() == "100.00", tally.down_ms == 0);
    }

    /// P11.
    #[test]
    fn all_is_at_most_each_and_each_at_most_any(mut case in any_case(), which in any::<Index>()) {
        case.terms.minimum_outage_ms = 0;
        prop_assume!(!case.evidence.endpoints.is_empty());
        let id = endpoint_id(which.index(case.evidence.endpoints.len()));
        let [all, each, any] = [Rule::All, Rule::Main(id), Rule::Any].map(|rule| under(&case, rule));
        not_raised(&each, &all)?;
        not_raised(&any, &each)?;
    }

    /// P12.
    #[test]
    fn asking_for_more_endpoints_raises_nothing(mut case in any_case(), n in 1_u32..5) {
        case.terms.minimum_outage_ms = 0;
        let at_least = |n| under(&case, Rule::AtLeast(NonZeroU32::new(n).unwrap()));
        not_raised(&at_least(n), &at_least(n + 1))?;
    }

    /// P12, over vantages: the more must agree on Down, the better it looks.
    #[test]
    fn asking_for_more_vantages_lowers_nothing(case in any_case(), k in 1_u32..5) {
        let with = |k| {
            let mut terms = case.terms.clone();
            terms.minimum_outage_ms = 0;
            terms.quorum = Quorum::AtLeast(NonZeroU32::new(k).unwrap());
            settle(&case.evidence, &terms)
        };
        prop_assert!(with(k).tally.down_ms >= with(k + 1).tally.down_ms);
    }

    /// P13.
    #[test]
    fn equal_vantages_say_what_one_says(mut case in any_case(), n in 1_usize..6) {
        case.terms.quorum = Quorum::Majority;
        for endpoint in &mut case.evidence.endpoints {
            endpoint.vantages.truncate(1);
        }
        let one = case.settle();
        for endpoint in &mut case.evidence.endpoints {
            endpoint.vantages = vec![endpoint.vantages.clone(); n].concat();
        }
        prop_assert_eq!(case.settle(), one);
    }

    /// P14.
    #[test]
    fn the_published_fractions_give_the_verdict(tally in tally(), target in target()) {
        let reaches = |ratio: Ratio| {
            i128::from(ratio.part_ms()) * 1_000_000
                >= i128::from(target.parts()) * i128::from(ratio.whole_ms())
        };
        let verdict = match tally.availability() {
            None => Verdict::NotApplicable,
            Some(Availability { lower, .. }) if reaches(lower) => Verdict::Met,
            Some(Availability { upper, .. }) if reaches(upper) => Verdict::Undetermined,
            Some(_) => Verdict::Missed,
        };
        prop_assert_eq!(tally.verdict(target), verdict);
        let budget = tally.budget(target);
        prop_assert_eq!(budget.remaining_min_ms >= 0, matches!(verdict, Verdict::Met | Verdict::NotApplicable));
        prop_assert_eq!(budget.remaining_max_ms < 0, verdict == Verdict::Missed);
    }

    /// P15 and what lets anybody recompute: the exported document settles to the same figures,
    /// and to the same bytes each time.
    #[test]
    fn an_exported_document_settles_to_the_same(mut case in any_case()) {
        // The format refuses what could never be decided.
        let endpoints = &case.evidence.endpoints;
        prop_assume!(!endpoints.is_empty());
        let exceeds = |n: NonZeroU32, there: usize| usize::try_from(n.get()).unwrap() > there;
        if matches!(case.terms.rule, Rule::AtLeast(n) if exceeds(n, endpoints.len())) {
            case.terms.rule = Rule::Any;
        }
        let fewest = endpoints.iter().map(|endpoint| endpoint.vantages.len()).min().unwrap_or(0);
        if matches!(case.terms.quorum, Quorum::AtLeast(n) if exceeds(n, fewest)) {
            case.terms.quorum = Quorum::Majority;
        }
        let spec = WindowSpec::Between(case.evidence.window);
        let document = Document::new(spec, &case.terms, &case.evidence);
        let bytes = document.canonical();
        let read = Document::parse(&bytes).unwrap();
        prop_assert_eq!(&read.canonical(), &bytes);
        let (here, there) = (case.settle(), read.settle());
        prop_assert_eq!(there.tally, here.tally);
        prop_assert_eq!(there.verdict, here.verdict);
        prop_assert_eq!(there.outlook, here.outlook);
        prop_assert_eq!(there.transient_ms, here.transient_ms);
        prop_assert_eq!(there.disputed_ms, here.disputed_ms);
        let windows = |statement: &Statement| -> Vec<(Window, i64)> {
            statement.incidents.iter().map(|one| (one.window, one.down_ms)).collect()
        };
        prop_assert_eq!(windows(&there), windows(&here));
        prop_assert_eq!(
            vigie::exchange::settle_document(&bytes).unwrap(),
            vigie::exchange::settle_document(&document.canonical()).unwrap()
        );
    }

    /// P16.
    #[test]
    fn the_order_of_endpoints_vantages_and_partners_is_irrelevant(
        case in any_case(),
        seed in any::<u64>(),
        other in proptest::collection::vec(0_i64..100, 2),
    ) {
        let mut turned = case.clone();
        shuffle(&mut turned.evidence.endpoints, seed);
        for endpoint in &mut turned.evidence.endpoints {
            shuffle(&mut endpoint.vantages, seed);
        }
        let settled = case.settle();
        prop_assert_eq!(turned.settle(), settled.clone());

        // One record serves all partners, whoever was judged before.
        let evidence = &case.evidence;
        let record = observe(evidence.window, evidence.now, &evidence.endpoints, &case.terms);
        let ours = || judge(&record, &evidence.membership, &evidence.exclusions, &case.terms);
        prop_assert_eq!(ours(), settled.clone());
        let membership = Window::between(case.frame.at(other[0]), case.frame.at(other[1]));
        judge(&record, &membership.into_iter().collect(), &[], &case.terms);
        prop_assert_eq!(ours(), settled);
    }

    /// The house's third law. A cap is granted once per window, so it is left out.
    #[test]
    fn cutting_the_window_changes_no_sum(mut case in any_case(), cut in any::<Index>()) {
        if let Some(conditions) = conditions(&mut case.terms) {
            conditions.cap_ms = None;
        }
        let whole = case.settle();
        let units = usize::try_from(case.frame.n_units()).unwrap();
        let cut = case.frame.at(1 + cut.index(units - 1) as i64);
        let part = |start, end| {
            let mut part = case.clone();
            part.evidence.window = Window::new(start, end).unwrap();
            part.settle()
        };
        let window = case.evidence.window;
        let (first, second) = (part(window.start(), cut), part(cut, window.end()));
        prop_assert_eq!(first.tally + second.tally, whole.tally);
        prop_assert_eq!(first.transient_ms + second.transient_ms, whole.transient_ms);
        prop_assert_eq!(first.disputed_ms + second.disputed_ms, whole.disputed_ms);
    }

    /// The conditional figure is what an acceptance would make of it.
    #[test]
    fn accepting_what_is_pending_gives_the_conditional_figure(case in any_case()) {
        let before = case.settle();
        let mut accepted = case;
        let mut any_pending = false;
        for exclusion in &mut accepted.evidence.exclusions {
            if exclusion.acceptance == Acceptance::Pending {
                exclusion.acceptance = Acceptance::Accepted;
                any_pending = true;
            }
        }
        let after = accepted.settle();
        prop_assert_eq!(before.conditional.is_some(), any_pending);
        if let Some(conditional) = before.conditional {
            prop_assert_eq!(conditional.tally, after.tally);
            prop_assert_eq!(conditional.verdict, after.verdict);
        }
    }

    /// A month that runs promises nothing that its end could break.
    #[test]
    fn an_outlook_is_never_broken(mut case in any_case()) {
        let end = case.settle();
        prop_assume!(end.now.is_none());
        for unit in [0, case.frame.n_units() / 2, case.frame.n_units() - 1] {
            case.evidence.now = Some(case.frame.at(unit));
            let running = case.settle();
            prop_assert!(running.outlook.is_some());
            narrowed(&running, &end)?;
        }
    }
}

/// Any tally of up to ten years.
fn tally() -> impl Strategy<Value = Tally> {
    let ms = || prop_oneof![1 => Just(0), 2 => 0_i64..400, 2 => 0_i64..45_000_000_000];
    (ms(), ms(), ms(), ms(), ms(), ms(), ms()).prop_map(
        |(up_ms, degraded_ms, down_ms, unknown_ms, credited_ms, excluded_ms, out_of_scope_ms)| {
            Tally {
                up_ms,
                degraded_ms,
                down_ms,
                unknown_ms,
                credited_ms,
                excluded_ms,
                out_of_scope_ms,
            }
        },
    )
}

fn under(case: &Case, rule: Rule) -> Statement {
    let terms = Terms {
        rule,
        ..case.terms.clone()
    };
    settle(&case.evidence, &terms)
}

/// `after` is at most `before` in every figure.
fn not_raised(before: &Statement, after: &Statement) -> Result<(), TestCaseError> {
    prop_assert_eq!(before.tally.counted_ms(), after.tally.counted_ms());
    let (Some(old), Some(new)) = (before.availability, after.availability) else {
        return Ok(());
    };
    prop_assert!(new.lower <= old.lower);
    prop_assert!(new.upper <= old.upper);
    if let (Some(old), Some(new)) = (old.observed, new.observed) {
        prop_assert!(new <= old);
    }
    prop_assert!(after.budget.remaining_min_ms <= before.budget.remaining_min_ms);
    prop_assert!(after.budget.remaining_max_ms <= before.budget.remaining_max_ms);
    Ok(())
}

/// The bounds of `after` lie within those of `before`, and a verdict that stood stands.
fn narrowed(before: &Statement, after: &Statement) -> Result<(), TestCaseError> {
    prop_assert_eq!(before.tally.counted_ms(), after.tally.counted_ms());
    if let (Some(old), Some(new)) = (before.availability, after.availability) {
        prop_assert!(old.lower <= new.lower);
        prop_assert!(new.upper <= old.upper);
    }
    if before.verdict != Verdict::Undetermined {
        prop_assert_eq!(after.verdict, before.verdict);
    }
    Ok(())
}

/// Turns one answer of one vantage into a failure; whether there was one.
fn fail(case: &mut Case, vantage: Index, which: Index) -> bool {
    match case.vantage(vantage) {
        None => false,
        Some(Seen::Observations(observations)) => {
            let mut answers: Vec<&mut Outcome> = observations
                .iter_mut()
                .map(|observation| &mut observation.outcome)
                .filter(|outcome| matches!(outcome, Outcome::Answered { .. }))
                .collect();
            if answers.is_empty() {
                return false;
            }
            *answers.swap_remove(which.index(answers.len())) = FAILED;
            true
        }
        Some(Seen::Segments(segments)) => {
            let mut good: Vec<&mut State> = segments
                .iter_mut()
                .map(|segment| &mut segment.state)
                .filter(|state| matches!(state, State::Up | State::Degraded))
                .collect();
            if good.is_empty() {
                return false;
            }
            *good.swap_remove(which.index(good.len())) = State::Down;
            true
        }
    }
}

/// Tells what one vantage saw at a grid point at which its state was Unknown; whether it was.
fn tell(case: &mut Case, vantage: Index, which: Index, good: bool) -> bool {
    let frame = case.frame;
    let at = frame.at(which.index(usize::try_from(frame.n_units()).unwrap()) as i64);
    let until = at.plus_ms(frame.unit_ms);
    let here = Window::new(at, until).unwrap();
    if case.evidence.now.is_some_and(|now| now <= at)
        || state_of(case, vantage, at) != State::Unknown
    {
        return false;
    }
    match case.vantage(vantage) {
        None => false,
        Some(Seen::Observations(observations)) => {
            let outcome = if good { ANSWERED } else { FAILED };
            observations.push(observation(at, outcome));
            true
        }
        Some(Seen::Segments(segments)) => {
            let state = if good { State::Up } else { State::Down };
            let rest = segments.iter().flat_map(|segment| {
                let around = Windows::from(segment.window).difference(&here.into());
                let pieces = around.as_slice().to_vec().into_iter();
                pieces.map(move |window| Segment {
                    window,
                    state: segment.state,
                })
            });
            let known = [Segment {
                window: here,
                state,
            }];
            *segments = rest.chain(known).collect();
            true
        }
    }
}

/// What one vantage alone says at `at`.
fn state_of(case: &Case, vantage: Index, at: Timestamp) -> State {
    let mut endpoints = case.evidence.endpoints.clone();
    let mut left = match endpoints
        .iter()
        .map(|endpoint| endpoint.vantages.len())
        .sum()
    {
        0 => return State::Unknown,
        n_vantages => vantage.index(n_vantages),
    };
    for endpoint in &mut endpoints {
        if left >= endpoint.vantages.len() {
            left -= endpoint.vantages.len();
            continue;
        }
        endpoint.vantages = vec![endpoint.vantages[left].clone()];
        let terms = Terms {
            degraded: case.terms.degraded,
            confirmation: case.terms.confirmation,
            ..Terms::silent(case.terms.target)
        };
        let evidence = &case.evidence;
        let alone = std::slice::from_ref(endpoint);
        return observe(evidence.window, evidence.now, alone, &terms)
            .service
            .state_at(at);
    }
    State::Unknown
}

fn half(window: Window) -> [Window; 2] {
    let middle = window.start().plus_ms(window.length_ms() / 2);
    [(window.start(), middle), (middle, window.end())]
        .map(|(start, end)| Window::new(start, end).unwrap())
}

fn halves(segments: &[Segment]) -> Vec<Segment> {
    segments
        .iter()
        .flat_map(|segment| half(segment.window).map(|window| Segment { window, ..*segment }))
        .collect()
}

/// Another order of `items`, decided by `seed`.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for idx in (1..items.len()).rev() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        items.swap(idx, (seed >> 33) as usize % (idx + 1));
    }
}

/// `items` in another order, some of them twice.
fn repeated<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let mut repeated = items.to_vec();
    repeated.extend_from_slice(&items[items.len() / 2..]);
    shuffle(&mut repeated, seed);
    repeated
}

fn conditions(terms: &mut Terms) -> Option<&mut MaintenanceTerms> {
    match &mut terms.maintenance {
        Maintenance::Counted => None,
        Maintenance::Excluded(conditions) | Maintenance::Credited(conditions) => Some(conditions),
    }
}

fn in_utc(terms: &mut Terms) {
    let utc = |hours: &mut WeeklyHours| hours.zone = Tz::UTC;
    terms.service_hours.as_mut().map(utc);
    conditions(terms)
        .and_then(|conditions| conditions.hours.as_mut())
        .map(utc);
}

fn shifted(window: Window, ms: i64) -> Window {
    Window::new(window.start().plus_ms(ms), window.end().plus_ms(ms)).unwrap()
}

fn moved(case: &Case, ms: i64) -> Case {
    let mut moved = case.clone();
    let evidence = &mut moved.evidence;
    evidence.window = shifted(evidence.window, ms);
    evidence.now = evidence.now.map(|now| now.plus_ms(ms));
    evidence.membership = evidence
        .membership
        .iter()
        .map(|window| shifted(*window, ms))
        .collect();
    for exclusion in &mut evidence.exclusions {
        exclusion.window = shifted(exclusion.window, ms);
        exclusion.declared = exclusion.declared.map(|declared| declared.plus_ms(ms));
    }
    for endpoint in &mut evidence.endpoints {
        for vantage in &mut endpoint.vantages {
            vantage.present = vantage.present.map(|present| shifted(present, ms));
        }
    }
    for (_, seen) in moved.vantages() {
        match seen {
            Seen::Observations(observations) => {
                for observation in observations {
                    observation.at = observation.at.plus_ms(ms);
                    observation.tick = observation.at;
                }
            }
            Seen::Segments(segments) => {
                for segment in segments {
                    segment.window = shifted(segment.window, ms);
                }
            }
        }
    }
    moved
}
