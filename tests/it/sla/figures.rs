//! From milliseconds to figures, verdicts and trends: the cases at the edges.

use vigie::sla::availability::{Outlook, Ratio, Tally, Verdict};
use vigie::sla::commitment::Ppm;
use vigie::sla::trend::{Trend, VerdictCount, pooled};

const HOUR_MS: i64 = 3_600_000;

fn tally(up_ms: i64, down_ms: i64, unknown_ms: i64) -> Tally {
    Tally {
        up_ms,
        down_ms,
        unknown_ms,
        ..Tally::default()
    }
}

fn target(text: &str) -> Ppm {
    text.parse().unwrap()
}

#[test]
fn a_percentage_is_rounded_down() {
    for (part, whole, shown) in [
        (9_499_996, 10_000_000, "94.99"),
        (95, 100, "95.00"),
        (1, 1, "100.00"),
        (2_591_999_999, 2_592_000_000, "99.99"),
        (0, 1, "0.00"),
        (1, 3, "33.33"),
        (7, 10_000, "0.07"),
        (i64::MAX - 1, i64::MAX, "99.99"),
    ] {
        assert_eq!(
            Ratio::new(part, whole).unwrap().to_string(),
            shown,
            "{part}/{whole}"
        );
    }
    for (part, whole) in [(-1, 1), (2, 1), (0, 0), (0, -1)] {
        assert_eq!(Ratio::new(part, whole), None, "{part}/{whole}");
    }
}

#[test]
fn ratios_compare_by_value() {
    let ratio = |part, whole| Ratio::new(part, whole).unwrap();
    assert_eq!(ratio(1, 2), ratio(2, 4));
    assert!(ratio(i64::MAX - 1, i64::MAX) < ratio(1, 1));
    assert!(ratio(1, 3) < ratio(334, 1_000));
}

/// Rule 19 at its edges, on a month of 30 days: 36 h are allowed.
#[test]
fn the_target_is_inclusive_and_the_unknown_decides_nothing() {
    let month_ms = 720 * HOUR_MS;
    for (down_ms, unknown_ms, verdict) in [
        (0, 0, Verdict::Met),
        (36 * HOUR_MS, 0, Verdict::Met),
        (36 * HOUR_MS + 1, 0, Verdict::Missed),
        (0, 36 * HOUR_MS, Verdict::Met),
        (0, 36 * HOUR_MS + 1, Verdict::Undetermined),
        (36 * HOUR_MS, 1, Verdict::Undetermined),
        (36 * HOUR_MS + 1, 100 * HOUR_MS, Verdict::Missed),
        (0, month_ms, Verdict::Undetermined),
    ] {
        let tally = tally(month_ms - down_ms - unknown_ms, down_ms, unknown_ms);
        assert_eq!(
            tally.verdict(target("95 %")),
            verdict,
            "{down_ms} {unknown_ms}"
        );
    }
    let nothing = Tally {
        excluded_ms: 5,
        out_of_scope_ms: 7,
        ..Tally::default()
    };
    assert_eq!(nothing.verdict(target("95 %")), Verdict::NotApplicable);
    assert_eq!(nothing.availability(), None);
}

#[test]
fn credited_time_is_good_and_excluded_time_is_not_there() {
    let credited = Tally {
        up_ms: 90,
        down_ms: 5,
        credited_ms: 5,
        ..Tally::default()
    };
    assert_eq!(credited.availability().unwrap().lower.to_string(), "95.00");
    let excluded = Tally {
        up_ms: 90,
        down_ms: 5,
        excluded_ms: 5,
        ..Tally::default()
    };
    assert_eq!(excluded.availability().unwrap().lower.to_string(), "94.73");
}

#[test]
fn a_budget_is_signed_and_rounded_down() {
    let budget = tally(900, 60, 39).budget(target("95 %"));
    // 5 % of 999 ms is 49.95 ms.
    assert_eq!(budget.allowed_ms, 49);
    assert_eq!(budget.remaining_max_ms, -11);
    assert_eq!(budget.remaining_min_ms, -50);
    let century_ms = 876_600 * HOUR_MS;
    assert_eq!(
        tally(century_ms, 0, 0).budget(target("0 %")).allowed_ms,
        century_ms
    );
    assert_eq!(
        tally(century_ms, 0, 0).budget(target("100 %")).allowed_ms,
        0
    );
}

#[test]
fn the_worst_verdict_of_a_set() {
    use Verdict::{Met, Missed, NotApplicable, Undetermined};
    for (verdicts, worst) in [
        (&[][..], NotApplicable),
        (&[NotApplicable, Met], Met),
        (&[Met, Undetermined, NotApplicable], Undetermined),
        (&[Undetermined, Missed, Met], Missed),
    ] {
        assert_eq!(
            Verdict::worst(verdicts.iter().copied()),
            worst,
            "{verdicts:?}"
        );
    }
    let outlooks = Verdict::ALL.map(Outlook::from);
    assert_eq!(
        outlooks,
        [
            Outlook::Secured,
            Outlook::Lost,
            Outlook::Open,
            Outlook::Open
        ]
    );
    let count: VerdictCount = [Met, Met, Missed, NotApplicable, Undetermined]
        .into_iter()
        .collect();
    assert_eq!(
        count,
        VerdictCount {
            met: 2,
            missed: 1,
            undetermined: 1
        }
    );
}

/// Rule 29: months are pooled, and only bounds that do not touch show anything.
#[test]
fn a_trend_is_shown_by_bounds_that_do_not_touch() {
    let month = |up_ms, unknown_ms| tally(up_ms, 1_000 - up_ms - unknown_ms, unknown_ms);
    for (before, last, trend) in [
        (month(950, 0), month(960, 0), Trend::Improved),
        (month(960, 0), month(950, 0), Trend::Regressed),
        (month(950, 0), month(950, 0), Trend::NotShown),
        // 95.0 to 96.0 against 96.0: the bounds touch.
        (month(950, 10), month(960, 0), Trend::NotShown),
        (month(950, 9), month(960, 0), Trend::Improved),
        (month(960, 0), month(940, 30), Trend::NotShown),
    ] {
        assert_eq!(
            Trend::between(&[before], &[last]),
            trend,
            "{before:?} {last:?}"
        );
        assert_eq!(
            Trend::of_last_three(&[before, before, before, last, last, last]),
            trend
        );
    }
    assert_eq!(Trend::of_last_three(&[month(950, 0); 5]), Trend::NotShown);
    assert_eq!(Trend::between(&[], &[month(1_000, 0)]), Trend::NotShown);
    // A short month weighs less: 10 of 10 and 0 of 990 are 1 %, not 50 %.
    let lower = pooled(&[tally(10, 0, 0), tally(0, 990, 0)]).unwrap().lower;
    assert_eq!(lower.to_string(), "1.00");
}
