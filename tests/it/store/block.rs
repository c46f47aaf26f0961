//! Blocks: nothing is lost in them, and nothing else is taken for one.

use proptest::prelude::*;
use vigie::sla::condensed::{Condensed, Folded, Measure, Unbroken};
use vigie::sla::observation::{Fault, Observation, Outcome, Stage, TlsFault, Void};
use vigie::sla::window::{HOUR_MS, Timestamp, Window};
use vigie::store::block::day::{self, Day, Sheet};
use vigie::store::block::{Damage, Header, Hour, Place, decode, digest, encode};

use super::{at, endpoint, vantage};

fn hour() -> Hour {
    Hour::of(at("2025-10-26T00:30:00Z"))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let answered = (0..=42_949_672_u32, prop::bool::weighted(0.1)).prop_map(|(steps, partial)| {
        Outcome::Answered {
            latency_us: steps * 100,
            partial,
        }
    });
    let usual = (0..3_000_u32).prop_map(|steps| Outcome::Answered {
        latency_us: 20_000 + steps * 100,
        partial: false,
    });
    let failed = prop_oneof![
        Just(Fault::Dns),
        Just(Fault::Content),
        any::<u16>().prop_map(Fault::Status),
        prop::sample::select(&Stage::ALL[..]).prop_map(Fault::Timeout),
        prop::sample::select(&TlsFault::ALL[..]).prop_map(Fault::Tls),
    ]
    .prop_map(Outcome::Failed);
    let void = prop_oneof![Just(Void::Uplink), any::<u16>().prop_map(Void::Credential)]
        .prop_map(Outcome::Void);
    prop_oneof![20 => usual, 2 => answered, 2 => failed, 1 => void]
}

/// Some observations of one hour: on a grid or not, late as it happens.
fn observations() -> impl Strategy<Value = Vec<Observation>> {
    let late_ms = prop_oneof![
        8 => 0..30_i64,
        1 => -HOUR_MS..HOUR_MS,
        1 => Just(i64::from(i32::MIN) * 400),
        1 => any::<i64>(),
    ];
    let grid = (1..120_000_i64, 0..120_000_i64).prop_flat_map(|(interval_ms, offset_ms)| {
        (1..=400_usize).prop_map(move |n| {
            (0..)
                .map(|tick| offset_ms + tick * interval_ms)
                .take_while(|ms| *ms < HOUR_MS)
                .take(n)
                .collect::<Vec<i64>>()
        })
    });
    let anyhow = prop::collection::btree_set(0..HOUR_MS, 1..200)
        .prop_map(|ticks| ticks.into_iter().collect());
    prop_oneof![3 => grid, 1 => anyhow]
        .prop_flat_map(move |ticks| {
            let n = ticks.len();
            let seen = prop::collection::vec((late_ms.clone(), outcome()), n);
            (Just(ticks), seen)
        })
        .prop_map(|(ticks, seen)| {
            ticks
                .into_iter()
                .zip(seen)
                .map(|(ms, (late_ms, outcome))| {
                    let tick = hour().start().plus_ms(ms);
                    Observation {
                        tick,
                        at: tick.plus_ms(late_ms),
                        outcome,
                    }
                })
                .collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_goes_in_comes_out(observations in observations()) {
        let header = Header::of(&observations).unwrap();
        let content = encode(hour(), &observations);
        prop_assert_eq!(decode(hour(), &header, &content).unwrap(), observations);
    }

    /// Whatever became of its bytes, it is either refused or says what its header says.
    #[test]
    fn changed_bytes_are_refused_or_harmless(
        observations in observations(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
        more in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let header = Header::of(&observations).unwrap();
        let mut content = encode(hour(), &observations);
        for (place, byte) in changes {
            let place = place.index(content.len());
            content[place] = byte;
        }
        if let Some(cut) = cut {
            content.truncate(cut.index(content.len()));
        }
        content.extend(more);
        if let Ok(read) = decode(hour(), &header, &content) {
            prop_assert_eq!(Header::of(&read), Some(header));
        }
    }

    #[test]
    fn nonsense_is_refused_and_breaks_nothing(
        n_observations in any::<u32>(),
        mut content in prop::collection::vec(any::<u8>(), 0..300),
        version in prop::option::of(1..=2_u8),
        latency_us_max in prop::option::of(any::<u32>()),
    ) {
        if let (Some(version), Some(first)) = (version, content.first_mut()) {
            *first = version;
        }
        let header = Header {
            n_observations,
            first: at("2025-10-26T00:30:00Z"),
            last: at("2025-10-26T00:31:00Z"),
            silence_ms: 60_000,
            latency_us_max,
            outline: None,
        };
        if let Ok(read) = decode(hour(), &header, &content) {
            prop_assert!(header.is_of(&read));
        }
    }

    /// A header says of its hour what all its observations say, or that they have to be read.
    #[test]
    fn a_header_tells_what_the_content_tells(
        observations in observations(),
        validity_ms in 1..300_000_i64,
        latency_objective_ms in prop::option::of(0..400_u32),
        (start_ms, length_ms) in (-HOUR_MS..HOUR_MS, 1..3 * HOUR_MS),
    ) {
        let measure = Measure { validity_ms, latency_objective_ms };
        let start = hour().start().plus_ms(start_ms);
        let window = Window::new(start, start.plus_ms(length_ms)).unwrap();
        let header = Header::of(&observations).unwrap();
        let mut told = Folded::default();
        if header.tell(window, &measure, &mut told) {
            prop_assert!(observations.iter().all(|seen| window.contains(seen.at)));
            prop_assert_eq!(
                standing(told.observations, told.unbroken, &measure),
                standing(observations, Vec::new(), &measure)
            );
        } else {
            prop_assert_eq!(told, Folded::default());
        }
    }

    #[test]
    fn a_day_lists_what_was_put_there(
        listed in prop::collection::vec((0..24_i64, observations(), any::<(u32, bool)>()), 0..30),
        number in 1..u64::from(u32::MAX),
    ) {
        let sheets = listed_sheets(listed, number);
        prop_assert_eq!(day::decode(today(), &day::encode(today(), &sheets)).unwrap(), sheets);
    }

    /// Whatever became of its bytes, reading it comes to an end.
    #[test]
    fn a_changed_day_is_refused_or_lists_something_else(
        listed in prop::collection::vec((0..24_i64, observations(), any::<(u32, bool)>()), 1..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let sheets = listed_sheets(listed, 1);
        let mut bytes = day::encode(today(), &sheets);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(read) = day::decode(today(), &bytes) {
            prop_assert!(read.iter().all(|sheet| Day::of(sheet.hour) == today()));
        }
    }

    #[test]
    fn nonsense_is_no_day(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        if let Ok(read) = day::decode(today(), &bytes) {
            prop_assert!(read.len() <= bytes.len());
        }
    }
}

fn today() -> Day {
    Day::of(hour())
}

/// Observations as if they were of these hours of today. Some headers say nothing of what is not a
/// whole answer, as those of the first blocks.
fn listed_sheets(listed: Vec<(i64, Vec<Observation>, (u32, bool))>, mut number: u64) -> Vec<Sheet> {
    let sheet =
        |(of_day, observations, (content, outlined)): (i64, Vec<Observation>, (u32, bool))| {
            number += 1 + u64::from(content % 3);
            let mut header = Header::of(&observations).unwrap();
            if !outlined {
                header.outline = None;
            }
            Sheet {
                hour: Hour::from_number(today().number() * 24 + of_day).unwrap(),
                number,
                header,
                content: i64::from(content),
            }
        };
    listed.into_iter().map(sheet).collect()
}

/// What stands for itself, by instants. Of whole answers only that they came.
fn standing(
    observations: Vec<Observation>,
    unbroken: Vec<Unbroken>,
    measure: &Measure,
) -> Vec<Observation> {
    let mut standing = Condensed::new(observations, unbroken, measure).into_observations();
    for seen in &mut standing {
        seen.tick = seen.at;
        if let Outcome::Answered {
            latency_us,
            partial: false,
        } = &mut seen.outcome
        {
            *latency_us = 0;
        }
    }
    standing
}

fn answered(tick: Timestamp, latency_us: u32) -> Observation {
    Observation {
        tick,
        at: tick,
        outcome: Outcome::Answered {
            latency_us,
            partial: false,
        },
    }
}

fn three() -> Vec<Observation> {
    let start = hour().start();
    [(0, 20_000), (10_000, 35_300), (25_000, 20_100)]
        .map(|(ms, latency_us)| answered(start.plus_ms(ms), latency_us))
        .to_vec()
}

#[test]
fn a_header_says_whether_anything_happened() {
    let mut seen = three();
    let header = Header::of(&seen).unwrap();
    assert_eq!(header.n_observations, 3);
    assert_eq!(header.first, seen[0].at);
    assert_eq!(header.last, seen[2].at);
    assert_eq!(header.silence_ms, 15_000);
    assert_eq!(header.latency_us_max, Some(35_300));
    assert_eq!(header.outline, None);
    seen[1].outcome = Outcome::Failed(Fault::Dns);
    let header = Header::of(&seen).unwrap();
    assert_eq!(header.latency_us_max, None);
    let outline = header.outline.unwrap();
    assert_eq!(outline.latency_us_max, 20_100);
    let outcomes: Vec<Outcome> = outline.seen.iter().map(|seen| seen.outcome).collect();
    let answer = answered(hour().start(), 0).outcome;
    assert_eq!(outcomes, [answer, seen[1].outcome, answer]);
    assert_eq!(Header::of(&[]), None);
}

/// Bytes that the first version wrote, of an hour with a failure and of one without.
#[test]
fn what_the_first_version_wrote_is_read() {
    let hour = Hour::from_number(493_054).unwrap();
    let failed = Outcome::Failed(Fault::Status(503));
    for (hex, late_ms, failures, latencies_us) in [
        (
            "01000001809f4905010002f0d8001e01190502088213ff2cb59560900200ee07",
            [5, 1, 1, 1, 3, 3],
            &[failed][..],
            &[121_700, 14_800, 25_500, 16_900, 16_400][..],
        ),
        (
            "01000001809f4905010002f9880004060208d40359c2510487740000",
            [6, 1, 3, 1, 1, 2],
            &[],
            &[23_400, 14_400, 28_100, 42_500, 26_300, 50_700],
        ),
    ] {
        let content: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let whole = |latency_us: &u32| answered(hour.start(), *latency_us).outcome;
        let outcomes = failures
            .iter()
            .copied()
            .chain(latencies_us.iter().map(whole));
        let expected: Vec<Observation> = (0..)
            .zip(late_ms)
            .zip(outcomes)
            .map(|((tick, late_ms), outcome)| {
                let tick = hour.start().plus_ms(tick * 600_000);
                Observation {
                    tick,
                    at: tick.plus_ms(late_ms),
                    outcome,
                }
            })
            .collect();
        let header = Header::of(&expected).unwrap();
        assert_eq!(decode(hour, &header, &content).unwrap(), expected);
        let content = encode(hour, &expected);
        assert_eq!((content[0], content.len() < hex.len() / 2), (2, true));
    }
}

#[test]
fn a_block_of_another_version_is_named_as_such() {
    let header = Header::of(&three()).unwrap();
    let mut content = encode(hour(), &three());
    content[0] = 3;
    let damage = decode(hour(), &header, &content).unwrap_err();
    assert_eq!(damage, Damage::Version(3));
    let message = damage.to_string();
    assert!(
        message.contains("version 3") && message.contains("upgrade vigie"),
        "{message}"
    );
}

#[test]
fn a_block_is_of_its_hour() {
    let header = Header::of(&three()).unwrap();
    let content = encode(hour(), &three());
    let next = Hour::from_number(hour().number() + 1).unwrap();
    assert_eq!(decode(next, &header, &content), Err(Damage::Header));
    let mut unordered = three();
    unordered.reverse();
    assert_eq!(
        decode(hour(), &header, &encode(hour(), &unordered)),
        Err(Damage::Ticks)
    );
}

/// Whatever is said of a block goes into its digest.
#[test]
fn a_digest_is_of_everything() {
    let header = Header::of(&three()).unwrap();
    let content = encode(hour(), &three());
    let (socle, cnaf, paris) = (endpoint("socle"), endpoint("cnaf"), vantage("paris"));
    let place = Place {
        endpoint: &socle,
        vantage: &paris,
        number: 1,
        hour: hour(),
    };
    let of = |place: &Place<'_>, header: &Header| digest(&[0; 32], place, header, &content);
    let digests = [
        of(&place, &header),
        digest(&[1; 32], &place, &header, &content),
        digest(&[0; 32], &place, &header, &content[1..]),
        of(
            &Place {
                endpoint: &cnaf,
                ..place
            },
            &header,
        ),
        of(
            &Place {
                vantage: &vantage("lyon"),
                ..place
            },
            &header,
        ),
        of(&Place { number: 2, ..place }, &header),
        of(
            &Place {
                hour: Hour::of(at("2025-10-26T01:30:00Z")),
                ..place
            },
            &header,
        ),
        of(
            &place,
            &Header {
                n_observations: 4,
                ..header.clone()
            },
        ),
        of(
            &place,
            &Header {
                first: header.last,
                ..header.clone()
            },
        ),
        of(
            &place,
            &Header {
                last: header.first,
                ..header.clone()
            },
        ),
        of(
            &place,
            &Header {
                silence_ms: 1,
                ..header.clone()
            },
        ),
        of(
            &place,
            &Header {
                latency_us_max: None,
                ..header.clone()
            },
        ),
    ];
    for (idx, digest) in digests.iter().enumerate() {
        assert!(!digests[..idx].contains(digest), "{idx}");
    }
}
