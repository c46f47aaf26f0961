//! Instants, windows, months and hours of the week: tables of the calendar, and the algebra of
//! sets against a set of bits.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use chrono_tz::Tz;
use proptest::prelude::*;
use vigie::sla::window::{
    DayRange, HOUR_MS, Month, TimeError, Timestamp, WeeklyHours, Window, Windows, instant_of_local,
    parse_zone,
};

use super::random::cases;

const PARIS: Tz = Tz::Europe__Paris;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

fn month(text: &str, zone: Tz) -> Month {
    Month::parse(text, zone).unwrap()
}

fn local(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

#[test]
fn a_month_of_paris_has_the_hours_its_clock_shows() {
    let hours = |text| month(text, PARIS).window().length_ms() / HOUR_MS;
    for (text, expected) in [
        ("2026-01", 744),
        ("2026-02", 672),
        ("2028-02", 696),
        ("2026-03", 743),
        ("2026-04", 720),
        ("2025-10", 745),
        ("2026-10", 745),
        ("2026-11", 720),
    ] {
        assert_eq!(hours(text), expected, "{text}");
    }
    assert_eq!(
        month("2025-10", PARIS).window(),
        window("2025-09-30T22:00:00Z", "2025-10-31T23:00:00Z")
    );
}

/// P9, and that months leave no gap.
#[test]
fn the_months_of_a_year_make_the_year() {
    for zone in [
        PARIS,
        Tz::UTC,
        Tz::America__Havana,
        Tz::Africa__Cairo,
        Tz::Asia__Kolkata,
    ] {
        let mut before = Month::new(1999, 12, zone).unwrap();
        for year in 2000..=2099 {
            let mut hours = 0;
            for number in 1..=12 {
                let month = Month::new(year, number, zone).unwrap();
                assert_eq!(
                    before.window().end(),
                    month.window().start(),
                    "{zone} {month}"
                );
                assert_eq!(before.next(), month);
                assert_eq!(month.previous(), before);
                hours += month.window().length_ms() / HOUR_MS;
                before = month;
            }
            let leap = NaiveDate::from_ymd_opt(year, 2, 29).is_some();
            // Cairo and Havana changed their rules in the middle of a winter.
            if zone != Tz::Africa__Cairo && zone != Tz::America__Havana {
                assert_eq!(hours, if leap { 8_784 } else { 8_760 }, "{zone} {year}");
            }
        }
    }
}

#[test]
fn a_month_whose_midnight_is_skipped_or_doubled_starts_once() {
    for (zone, text, expected) in [
        // Clocks went from 00:00 to 01:00.
        (Tz::America__Asuncion, "2017-10", "2017-10-01T04:00:00Z"),
        (Tz::Africa__Cairo, "2014-08", "2014-07-31T22:00:00Z"),
        // Clocks go from 01:00 back to 00:00: the first midnight counts.
        (Tz::America__Havana, "2026-11", "2026-11-01T04:00:00Z"),
    ] {
        let month = month(text, zone);
        assert_eq!(month.window().start(), at(expected), "{zone}");
        assert_eq!(month.previous().window().end(), at(expected), "{zone}");
        assert_eq!(Month::containing(at(expected), zone), month);
        assert_eq!(
            Month::containing(at(expected).plus_ms(-1), zone),
            month.previous()
        );
    }
}

#[test]
fn what_is_not_a_month_is_refused() {
    for text in [
        "2025-13",
        "2025-00",
        "2025-1",
        "25-10",
        "2025/10",
        "2025-10-01",
        "1969-12",
        "2200-01",
        "+202-10",
        "2025-+1",
        "",
        "-",
        "octobre",
    ] {
        let error = Month::parse(text, PARIS).unwrap_err();
        assert!(error.to_string().contains("YYYY-MM"), "{text}: {error}");
    }
    assert_eq!(month("2025-10", PARIS).to_string(), "2025-10");
    assert_eq!(
        month("2025-10", PARIS).plus_months(-10),
        month("2024-12", PARIS)
    );
    assert_eq!(month("2028-02", PARIS).last_day().to_string(), "2028-02-29");
    assert!(month("2025-12", PARIS) < month("2026-01", PARIS));
}

#[test]
fn an_instant_needs_an_offset_and_whole_milliseconds() {
    let shown = |text: &str| text.parse::<Timestamp>().map(|at| at.to_string());
    assert_eq!(
        shown("2025-10-01T00:00:00+02:00").unwrap(),
        "2025-09-30T22:00:00.000Z"
    );
    assert_eq!(
        shown("2025-10-01T00:00:00.125Z").unwrap(),
        "2025-10-01T00:00:00.125Z"
    );
    for text in [
        "2025-10-01T00:00:00",
        "2025-10-01",
        "01/10/2025",
        "",
        "2025-10-01T25:00:00Z",
    ] {
        assert!(
            matches!(shown(text), Err(TimeError::NotAnInstant { .. })),
            "{text}"
        );
    }
    assert!(matches!(
        shown("2025-10-01T00:00:00.0001Z"),
        Err(TimeError::FinerThanMilliseconds { .. })
    ));
    assert_eq!(shown("0000-12-31T23:59:59Z"), Err(TimeError::OutOfRange));
    assert_eq!(Timestamp::MIN.plus_ms(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::MAX.plus_ms(i64::MAX), Timestamp::MAX);
}

#[test]
fn a_window_that_ends_where_it_starts_is_refused() {
    let noon = at("2025-10-01T12:00:00Z");
    for end in [noon, noon.plus_ms(-1)] {
        let error = Window::new(noon, end).unwrap_err();
        assert!(
            error.to_string().contains("at or before its start"),
            "{error}"
        );
    }
    assert_eq!(Window::new(noon, noon.plus_ms(1)).unwrap().length_ms(), 1);
}

#[test]
fn a_time_that_clocks_show_twice_or_never_is_refused() {
    let twice = instant_of_local(local("2025-10-26T02:30:00"), PARIS).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "2025-10-26T02:30:00 happens twice in Europe/Paris (clocks go back): \
         give the offset, for example `2025-10-26T02:30:00+02:00`"
    );
    let never = instant_of_local(local("2026-03-29T02:30:00"), PARIS).unwrap_err();
    assert!(
        never.to_string().contains("does not exist in Europe/Paris"),
        "{never}"
    );
    assert_eq!(
        instant_of_local(local("2025-10-26T03:00:00"), PARIS).unwrap(),
        at("2025-10-26T02:00:00Z")
    );
    assert!(
        parse_zone("Europe/Pari")
            .unwrap_err()
            .to_string()
            .contains("IANA")
    );
}

#[test]
fn days_are_as_long_as_the_clock_makes_them() {
    let hours_of = |start: &str, end: &str| -> Vec<(String, i64)> {
        window(start, end)
            .local_days(PARIS)
            .into_iter()
            .map(|(date, day)| (date.to_string(), day.length_ms() / HOUR_MS))
            .collect()
    };
    let days = |expected: &[(&str, i64)]| -> Vec<(String, i64)> {
        expected
            .iter()
            .map(|(date, hours)| ((*date).to_owned(), *hours))
            .collect()
    };
    assert_eq!(
        hours_of("2026-03-28T12:00:00+01:00", "2026-03-30T06:00:00+02:00"),
        days(&[("2026-03-28", 12), ("2026-03-29", 23), ("2026-03-30", 6)])
    );
    assert_eq!(
        hours_of("2025-10-26T00:00:00+02:00", "2025-10-27T00:00:00+01:00"),
        days(&[("2025-10-26", 25)])
    );
    // Samoa had no 30 December 2011.
    let samoa =
        window("2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z").local_days(Tz::Pacific__Apia);
    let dates: Vec<String> = samoa.iter().map(|(date, _)| date.to_string()).collect();
    assert_eq!(dates, ["2011-12-29", "2011-12-31", "2012-01-01"]);
    let total_ms: i64 = samoa.iter().map(|(_, day)| day.length_ms()).sum();
    assert_eq!(total_ms, 48 * HOUR_MS);
}

#[test]
fn days_reach_to_both_ends_of_the_calendar() {
    for zone in [
        Tz::UTC,
        PARIS,
        Tz::America__New_York,
        Tz::Pacific__Kiritimati,
    ] {
        for whole in [
            Window::new(Timestamp::MIN, Timestamp::MIN.plus_ms(40 * HOUR_MS)).unwrap(),
            Window::new(Timestamp::MAX.plus_ms(-40 * HOUR_MS), Timestamp::MAX).unwrap(),
        ] {
            let days = whole.local_days(zone);
            let total_ms: i64 = days.iter().map(|(_, day)| day.length_ms()).sum();
            assert_eq!(total_ms, whole.length_ms(), "{zone} {whole:?}");
        }
    }
}

fn hours(zone: Tz, ranges: &[(Weekday, &str, &str)]) -> WeeklyHours {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M:%S%.f").unwrap();
    WeeklyHours {
        zone,
        ranges: ranges
            .iter()
            .map(|(day, from, to)| DayRange {
                day: *day,
                from: time(from),
                to: time(to),
            })
            .collect(),
    }
}

/// `hours` on the Sundays of both clock changes in Paris, and around them.
#[track_caller]
fn check_hours(hours: &WeeklyHours, within: Window, expected: &[(&str, &str)]) {
    let expected: Windows = expected
        .iter()
        .map(|(start, end)| window(start, end))
        .collect();
    assert_eq!(hours.within(within), expected);
}

#[test]
fn hours_of_the_week_follow_the_wall_clock() {
    let sunday = |from, to| hours(PARIS, &[(Weekday::Sun, from, to)]);
    let spring = window("2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z");
    let autumn = window("2025-10-25T00:00:00Z", "2025-10-27T12:00:00Z");
    // The same clock times are another instant after the change.
    check_hours(
        &hours(
            PARIS,
            &[
                (Weekday::Sat, "08:00:00", "20:00:00"),
                (Weekday::Mon, "08:00:00", "20:00:00"),
            ],
        ),
        spring,
        &[
            ("2026-03-28T07:00:00Z", "2026-03-28T19:00:00Z"),
            ("2026-03-30T06:00:00Z", "2026-03-30T12:00:00Z"),
        ],
    );
    // A whole day has 23 or 25 hours.
    check_hours(
        &sunday("00:00:00", "00:00:00"),
        spring,
        &[("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")],
    );
    check_hours(
        &sunday("00:00:00", "00:00:00"),
        autumn,
        &[("2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z")],
    );
    // A skipped limit is the instant at which clocks jump, whatever its minute.
    for from in ["02:00:00", "02:20:30", "02:59:59.999"] {
        check_hours(
            &sunday(from, "04:00:00"),
            spring,
            &[("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")],
        );
    }
    check_hours(
        &sunday("01:30:00", "02:20:00"),
        spring,
        &[("2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z")],
    );
    check_hours(&sunday("02:10:00", "02:50:00"), spring, &[]);
    // A doubled limit is the first of both.
    check_hours(
        &sunday("02:30:00", "04:00:00"),
        autumn,
        &[("2025-10-26T00:30:00Z", "2025-10-26T03:00:00Z")],
    );
    check_hours(
        &sunday("01:00:00", "02:30:00"),
        autumn,
        &[("2025-10-25T23:00:00Z", "2025-10-26T00:30:00Z")],
    );
}

#[test]
fn hours_of_the_week_reach_over_midnight() {
    let nights = hours(PARIS, &[(Weekday::Sun, "23:00:00", "01:00:00")]);
    check_hours(
        &nights,
        window("2026-06-01T00:00:00+02:00", "2026-06-08T12:00:00+02:00"),
        &[
            // Begun on the Sunday before the window.
            ("2026-06-01T00:00:00+02:00", "2026-06-01T01:00:00+02:00"),
            ("2026-06-07T23:00:00+02:00", "2026-06-08T01:00:00+02:00"),
        ],
    );
    let overlapping = hours(
        Tz::UTC,
        &[
            (Weekday::Mon, "08:00:00", "12:00:00"),
            (Weekday::Mon, "10:00:00", "14:00:00"),
        ],
    );
    check_hours(
        &overlapping,
        window("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"),
        &[("2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z")],
    );
}

/// The bits of an integer as a set of windows: bit 0 is the first second.
fn of_bits(bits: u64) -> Windows {
    (0..64)
        .filter(|bit| bits >> bit & 1 == 1)
        .map(second)
        .collect()
}

fn second(bit: i64) -> Window {
    let start = at("2026-03-29T00:59:30Z").plus_ms(bit * 1_000);
    Window::new(start, start.plus_ms(1_000)).unwrap()
}

fn to_bits(set: &Windows) -> u64 {
    (0..64)
        .filter(|bit| set.contains(second(*bit).start()))
        .fold(0, |bits, bit| bits | 1 << bit)
}

/// Sets of long and short runs.
fn bits() -> impl Strategy<Value = u64> {
    (any::<u64>(), any::<u64>(), any::<bool>())
        .prop_map(|(a, b, wide)| if wide { a | a << 1 | a << 2 & b } else { a & b })
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn sets_of_windows_behave_like_sets(a in bits(), b in bits(), limit in 0_u32..70) {
        let (left, right) = (of_bits(a), of_bits(b));
        prop_assert_eq!(to_bits(&left), a);
        for (set, expected) in [
            (left.intersection(&right), a & b),
            (left.union(&right), a | b),
            (left.difference(&right), a & !b),
        ] {
            // Also in order, disjoint and apart: there is one way to write a set.
            prop_assert_eq!(&set, &of_bits(expected));
            prop_assert_eq!(set.length_ms(), i64::from(expected.count_ones()) * 1_000);
            prop_assert_eq!(set.is_empty(), expected == 0);
        }
        let mut first = a;
        while first.count_ones() > limit {
            first &= !(1 << (63 - first.leading_zeros()));
        }
        prop_assert_eq!(left.first_ms(i64::from(limit) * 1_000), of_bits(first));
    }

    #[test]
    fn pieces_make_the_whole(length in 1_i64..500, piece in 1_i64..80) {
        let start = at("2026-01-01T00:00:00Z");
        let whole = Window::new(start, start.plus_ms(length)).unwrap();
        let pieces: Vec<Window> = whole.pieces(piece).collect();
        prop_assert_eq!(pieces[0].start(), whole.start());
        prop_assert_eq!(pieces[pieces.len() - 1].end(), whole.end());
        for pair in pieces.windows(2) {
            prop_assert_eq!(pair[0].length_ms(), piece);
            prop_assert_eq!(pair[0].end(), pair[1].start());
        }
    }
}
