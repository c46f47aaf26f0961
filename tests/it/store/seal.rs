//! What is over is sealed: it takes less room, reads the same, and shows when it was changed.

use proptest::prelude::*;
use vigie::config::StoreConfig;
use vigie::sla::commitment::{Confirmation, Ppm, Terms};
use vigie::sla::observation::{Fault, Finding, Outcome};
use vigie::sla::statement::{EndpointEvidence, Seen, VantageEvidence, observe, observe_condensed};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, SECOND_MS, Timestamp, Window};
use vigie::store::block::Hour;
use vigie::store::block::day::{self, Day, Sheet};
use vigie::store::{Appended, Asked, Parcel, Sealed, Store};

use super::{Site, answered, at, endpoint, finding, new_file, new_store, raw, vantage, window};

on_both_databases!(
    what_is_sealed_reads_the_same,
    an_hour_of_many_series_is_sealed_in_parts,
    an_hour_is_sealed_when_what_comes_late_has_come,
    late_arrivals_are_kept_once,
    what_can_never_be_kept_holds_nothing_else_up,
    an_untouched_chain_is_whole,
    a_changed_block_is_named,
    a_changed_header_is_named,
    a_missing_block_is_named,
    a_missing_content_is_named,
    a_moved_block_is_named,
    a_lost_tail_is_named,
    a_block_of_a_newer_program_is_named,
    a_damaged_day_is_named,
    what_headers_say_is_not_read_again,
    what_is_condensed_together_is_the_same,
    blocks_with_a_row_each_read_the_same,
);

const DAY: &str = "2025-10-01T00:00:00Z";

fn day() -> Window {
    window(DAY, "2025-10-02T00:00:00Z")
}

fn later() -> Timestamp {
    day().end()
}

/// Three hours of two endpoints from two vantages, with failures, in the order of arrival.
fn three_hours() -> Vec<Finding> {
    let mut findings = Vec::new();
    for tick in 0..3 * 60 {
        for (idx, (of, from)) in [("a", "paris"), ("a", "lyon"), ("b", "paris")]
            .into_iter()
            .enumerate()
        {
            let outcome = match tick % 50 {
                7 if idx == 0 => Outcome::Failed(Fault::Status(503)),
                _ => answered(20 + tick % 13),
            };
            let planned = at(DAY).plus_ms(i64::from(tick) * MINUTE_MS);
            findings.push(finding(of, from, planned, i64::from(tick % 7), outcome));
        }
    }
    findings
}

fn sealed_store(site: Site) -> (super::Home, StoreConfig, Store) {
    let (home, place, mut store) = new_store(site);
    store.append(&three_hours()).unwrap();
    let sealed = store.seal_all(later()).unwrap();
    assert_eq!(
        sealed,
        Sealed {
            n_blocks: 9,
            n_observations: 540
        }
    );
    (home, place, store)
}

fn what_is_sealed_reads_the_same(site: Site) {
    let (_home, place, mut store) = new_store(site);
    store.append(&three_hours()).unwrap();
    let read = |store: &Store| {
        // A window that begins and ends within an hour.
        let part = window("2025-10-01T00:20:00Z", "2025-10-01T02:10:00Z");
        let windows = [day(), part];
        let seen = windows.map(|window| {
            ["a", "b", "c"].map(|of| store.observations(&endpoint(of), window).unwrap())
        });
        (
            seen,
            store.span().unwrap(),
            store.first_tick(&endpoint("a")).unwrap(),
            store.last_ticks().unwrap(),
            store.traces(&endpoint("a"), 100).unwrap(),
        )
    };
    let before = read(&store);
    // One after the other: what is there is always all.
    while store.seal(later()).unwrap().n_blocks > 0 {
        assert_eq!(read(&store), before);
    }
    drop(store);
    let store = Store::open_reader(&place).unwrap();
    assert_eq!(read(&store), before);
    let all: Vec<_> = store
        .observations_of(&[&endpoint("b"), &endpoint("a")], day())
        .unwrap();
    let names: Vec<(&str, &str)> = all
        .iter()
        .map(|seen| (seen.endpoint.as_str(), seen.vantage.as_str()))
        .collect();
    assert_eq!(names, [("b", "paris"), ("a", "lyon"), ("a", "paris")]);
    assert_eq!(all[2].observations, before.0[0][0][1].1);
}

/// More than go into one transaction: what is not sealed yet is all there meanwhile.
fn an_hour_of_many_series_is_sealed_in_parts(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    let names: Vec<String> = (0..300).map(|n| format!("e-{n}")).collect();
    for n in 0..800 {
        let tick = at(DAY).plus_ms(n * 4_500);
        let findings: Vec<Finding> = names
            .iter()
            .map(|name| finding(name, "paris", tick, 0, answered(20)))
            .collect();
        store.append(&findings).unwrap();
    }
    let (first, last) = (endpoint("e-0"), endpoint("e-299"));
    let read = |store: &Store| store.observations_of(&[&first, &last], day()).unwrap();
    let before = read(&store);
    assert_eq!(before[1].observations.len(), 800);

    let mut parts = Vec::new();
    loop {
        let part = store.seal(later()).unwrap();
        assert_eq!(part.n_observations, part.n_blocks * 800);
        assert_eq!(read(&store), before);
        if part.n_blocks == 0 {
            break;
        }
        parts.push(part.n_blocks);
    }
    assert!(parts.len() > 1, "{parts:?}");
    assert_eq!(parts.iter().sum::<usize>(), 300);
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!((check.n_blocks, check.n_observations), (300, 240_000));
}

fn an_hour_is_sealed_when_what_comes_late_has_come(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    assert_eq!(store.seal(later()).unwrap(), Sealed::default());
    store.append(&three_hours()).unwrap();
    let first_hour_over = at("2025-10-01T01:10:00Z");
    let too_early = store.seal_all(first_hour_over.plus_ms(-1)).unwrap();
    assert_eq!(too_early, Sealed::default());
    let sealed = store.seal_all(first_hour_over).unwrap();
    assert_eq!((sealed.n_blocks, sealed.n_observations), (3, 180));
}

fn late_arrivals_are_kept_once(site: Site) {
    let (_home, _place, mut store) = sealed_store(site);
    let tick = |minutes: i64| at(DAY).plus_ms(minutes * MINUTE_MS);
    let late = |minutes: i64| finding("a", "paris", tick(minutes).plus_ms(30_000), 0, answered(9));
    // Between those that are sealed, and before all of them.
    let batch = [late(30), late(31), late(-90), late(30)];
    let expected = Appended {
        new: 3,
        repeated: 1,
    };
    assert_eq!(store.append(&batch).unwrap(), expected);
    let again = Appended {
        new: 0,
        repeated: 4,
    };
    assert_eq!(store.append(&batch).unwrap(), again);
    assert_eq!(store.append(&three_hours()).unwrap().new, 0);

    let sealed = store.seal_all(later()).unwrap();
    assert_eq!((sealed.n_blocks, sealed.n_observations), (2, 3));
    assert_eq!(store.append(&batch).unwrap(), again);
    assert_eq!(store.append(&three_hours()).unwrap().new, 0);
    assert_eq!(store.append(&[late(32)]).unwrap().new, 1);
    store.seal_all(later()).unwrap();

    let all = window("2025-09-30T00:00:00Z", "2025-10-02T00:00:00Z");
    let seen = store.observations(&endpoint("a"), all).unwrap();
    let (paris, observations) = &seen[1];
    assert_eq!((paris, observations.len()), (&vantage("paris"), 184));
    assert!(observations.is_sorted_by_key(|seen| seen.at));
    assert_eq!(observations[0], late(-90).observation);
    assert_eq!(
        store.first_tick(&endpoint("a")).unwrap(),
        Some(late(-90).observation.tick)
    );
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    assert_eq!((check.n_blocks, check.n_observations), (12, 544));
    assert!(check.is_whole(), "{check:?}");
}

/// A block that is damaged refuses whatever comes late for its hour, for ever: that is told finding
/// by finding, and everything else of the parcel is kept.
fn what_can_never_be_kept_holds_nothing_else_up(site: Site) {
    let (home, _place, mut store) = sealed_store(site);
    change_second_block(&home);
    let late = |minutes: i64| {
        let tick = at(DAY).plus_ms(minutes * MINUTE_MS + 30_000);
        finding("a", "paris", tick, 0, answered(9))
    };
    // The damaged hour is the second.
    let parcel = Parcel {
        findings: vec![late(10), late(70), late(130), late(75), late(140)],
        ..Parcel::default()
    };
    let taken = store.take_in(&parcel).unwrap();
    assert_eq!(taken.appended.new, 3);
    let refused: Vec<&Finding> = taken.refused.iter().map(|one| &one.finding).collect();
    assert_eq!(refused, [&late(70), &late(75)]);
    assert!(
        taken.refused[0].why.contains("block 2 of `a` from `paris`"),
        "{}",
        taken.refused[0].why
    );
    assert_eq!(store.take_in(&parcel).unwrap().appended.repeated, 3);
}

fn an_untouched_chain_is_whole(site: Site) {
    let (_home, _place, store) = sealed_store(site);
    let mut heard = Vec::new();
    let check = store
        .verify_evidence(&mut |done, all| heard.push((done, all)))
        .unwrap();
    assert!(check.is_whole(), "{check:?}");
    assert_eq!((check.n_blocks, check.n_observations), (9, 540));
    assert_eq!(heard, [(0, 3), (1, 3), (2, 3), (3, 3)]);
}

/// Verification finds one fault, and says this of it.
#[track_caller]
fn check_found(store: &Store, told: &str) {
    let check = store.verify_evidence(&mut |_, _| {}).unwrap();
    let faults: Vec<String> = check.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with(told), "{}", faults[0]);
}

/// Of endpoint `a` from Paris, the series of which was met first.
const OF_A: &str = "(SELECT id FROM series WHERE endpoint = 'a' AND vantage = 'paris')";

/// Changes what the day lists of endpoint `a` from Paris, as somebody who knows the format.
fn change_sheets(home: &super::Home, change: impl FnOnce(&mut Vec<Sheet>)) {
    let mut sheets = listed(home, OF_A);
    change(&mut sheets);
    let bytes = home.literal(&day::encode(today(), &sheets));
    home.change(&format!(
        "UPDATE sealed_day SET sheets = {bytes} WHERE series = {OF_A};"
    ));
}

fn today() -> Day {
    Day::of(Hour::of(at(DAY)))
}

/// The blocks that the day lists of a series.
fn listed(home: &super::Home, series: &str) -> Vec<Sheet> {
    let bytes = home.bytes(&format!(
        "SELECT sheets FROM sealed_day WHERE series = {series}"
    ));
    day::decode(today(), &bytes).unwrap()
}

/// The second block of endpoint `a` from Paris gets the content of the first one.
fn change_second_block(home: &super::Home) {
    let sheets = listed(home, OF_A);
    home.change(&format!(
        "UPDATE content SET bytes = (SELECT bytes FROM content WHERE id = {}) WHERE id = {};",
        sheets[0].content, sheets[1].content
    ));
}

fn a_changed_block_is_named(site: Site) {
    let (home, _place, store) = sealed_store(site);
    change_second_block(&home);
    check_found(
        &store,
        "block 2 of `a` from `paris`, the hour from 2025-10-01T01:00:00.000Z: its digest does not fit",
    );
    // It is not read as if nothing were.
    let refused = store
        .observations(&endpoint("a"), day())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("block 2 of `a` from `paris`"), "{refused}");
    assert!(refused.contains("restore the last backup"), "{refused}");
}

/// What a header says in short has no part in the digest, and has to be what the content says.
fn a_changed_header_is_named(site: Site) {
    for (change, told) in [
        (
            (|sheet| sheet.header.silence_ms += 1) as fn(&mut Sheet),
            "its digest does not fit",
        ),
        (
            |sheet| sheet.header.outline.as_mut().unwrap().latency_us_max += 100,
            "its header and its content differ",
        ),
        (
            |sheet| sheet.header.outline.as_mut().unwrap().seen.truncate(1),
            "its header and its content differ",
        ),
    ] {
        let (home, _place, store) = sealed_store(site);
        change_sheets(&home, |sheets| change(&mut sheets[0]));
        check_found(
            &store,
            &format!("block 1 of `a` from `paris`, the hour from 2025-10-01T00:00:00.000Z: {told}"),
        );
    }
}

fn a_missing_block_is_named(site: Site) {
    let (home, _place, store) = sealed_store(site);
    change_sheets(&home, |sheets| drop(sheets.remove(1)));
    check_found(&store, "block 2 of `a` from `paris`: it is missing");
}

fn a_missing_content_is_named(site: Site) {
    let (home, _place, store) = sealed_store(site);
    let content = listed(&home, OF_A)[1].content;
    home.change(&format!("DELETE FROM content WHERE id = {content};"));
    let told = "block 2 of `a` from `paris`, the hour from 2025-10-01T01:00:00.000Z: it is missing";
    check_found(&store, told);
    let refused = store.observations(&endpoint("a"), day()).unwrap_err();
    assert!(refused.to_string().contains(told), "{refused}");
}

fn a_moved_block_is_named(site: Site) {
    let (home, _place, store) = sealed_store(site);
    change_sheets(&home, |sheets| {
        (sheets[0].number, sheets[1].number) = (sheets[1].number, sheets[0].number);
    });
    check_found(&store, "block 1 of `a` from `paris`");
}

fn a_lost_tail_is_named(site: Site) {
    let (home, _place, store) = sealed_store(site);
    change_sheets(&home, |sheets| drop(sheets.pop()));
    check_found(&store, "block 3 of `a` from `paris`: it is missing");
}

fn a_block_of_a_newer_program_is_named(site: Site) {
    let (home, _place, store) = sealed_store(site);
    let content = listed(&home, OF_A)[0].content;
    home.change(&format!(
        "UPDATE content SET bytes = zeroblob(3) WHERE id = {content};"
    ));
    check_found(
        &store,
        "block 1 of `a` from `paris`, the hour from 2025-10-01T00:00:00.000Z: it is of version 0",
    );
}

/// A day that cannot be read is named, holds nothing else up, and is not taken for silence.
fn a_damaged_day_is_named(site: Site) {
    let (home, _place, mut store) = sealed_store(site);
    home.change(&format!(
        "UPDATE sealed_day SET sheets = zeroblob(3) WHERE series = {OF_A};"
    ));
    check_found(
        &store,
        "block 1 of `a` from `paris`, the hour from 2025-10-01T00:00:00.000Z: it is of version 0",
    );
    let refused = store.observations(&endpoint("a"), day()).unwrap_err();
    let told = "which blocks of `a` from `paris` the day from 2025-10-01T00:00:00.000Z has";
    assert!(refused.to_string().contains(told), "{refused}");
    let late = |of: &str| {
        let tick = at(DAY).plus_ms(10 * MINUTE_MS + 30_000);
        finding(of, "paris", tick, 0, answered(9))
    };
    let parcel = Parcel {
        findings: vec![late("a"), late("b")],
        ..Parcel::default()
    };
    let taken = store.take_in(&parcel).unwrap();
    assert_eq!(taken.appended.new, 1);
    assert_eq!(taken.refused[0].finding, late("a"));
}

/// An hour is settled from its header, also where something failed.
fn what_headers_say_is_not_read_again(site: Site) {
    let (home, _place, store) = sealed_store(site);
    let a = endpoint("a");
    let asked = |latency_objective_ms| Asked {
        endpoint: &a,
        validity_ms: 160 * SECOND_MS,
        latency_objective_ms,
        window: day(),
    };
    let before = store.condensed(&[asked(None)]).unwrap();
    assert_ne!(before[0].vantages[0].seen.ends(), None);
    home.change("DELETE FROM content;");
    assert_eq!(store.condensed(&[asked(None)]).unwrap(), before);
    // How many were too slow stands in the contents only.
    let refused = store.condensed(&[asked(Some(25))]).unwrap_err();
    assert!(refused.to_string().contains("it is missing"), "{refused}");
}

/// Whoever else is asked for, in whatever order, and more than once; sealed in part.
fn what_is_condensed_together_is_the_same(site: Site) {
    let (_home, _place, mut store) = new_store(site);
    store.append(&three_hours()).unwrap();
    store.seal_all(at("2025-10-01T01:10:00Z")).unwrap();
    let ids = ["b", "nobody", "a", "b"].map(endpoint);
    let asked: Vec<Asked<'_>> = ids
        .iter()
        .zip([day(), day(), day(), window(DAY, "2025-10-01T00:30:00Z")])
        .map(|(endpoint, window)| Asked {
            endpoint,
            validity_ms: 160 * SECOND_MS,
            latency_objective_ms: None,
            window,
        })
        .collect();
    let together = store.condensed(&asked).unwrap();
    let alone: Vec<_> = asked
        .iter()
        .flat_map(|asked| store.condensed(&[*asked]).unwrap())
        .collect();
    assert_eq!(together, alone);
    let n_vantages: Vec<usize> = together.iter().map(|one| one.vantages.len()).collect();
    assert_eq!(n_vantages, [1, 0, 2, 1]);
    assert_ne!(together[0], together[3]);
}

/// Puts a row for each block into the place of what its day lists, as it was before.
fn back_to_block_rows(home: &super::Home) {
    home.change(
        "CREATE TABLE block (series BIGINT NOT NULL, hour BIGINT NOT NULL, number BIGINT NOT NULL,
             n_observations BIGINT NOT NULL, first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL,
             silence_ms BIGINT NOT NULL, latency_us_max BIGINT, content BIGINT NOT NULL,
             PRIMARY KEY (series, hour, number));",
    );
    for series in 1..=3 {
        for sheet in listed(home, &series.to_string()) {
            let (hour, header) = (sheet.hour, sheet.header);
            let slowest = header
                .latency_us_max
                .map_or("NULL".to_owned(), |us| us.to_string());
            home.change(&format!(
                "INSERT INTO block VALUES ({series}, {}, {}, {}, {}, {}, {}, {slowest}, {});",
                hour.number(),
                sheet.number,
                header.n_observations,
                header.first.since(hour.start()),
                header.last.since(hour.start()),
                header.silence_ms,
                sheet.content,
            ));
        }
    }
}

/// Opening a store of before there were days moves its blocks there, and so does the next opening
/// if that was interrupted.
fn blocks_with_a_row_each_read_the_same(site: Site) {
    for before in [
        "DROP TABLE sealed_day; DELETE FROM refinery_schema_history WHERE version >= 14;",
        "DELETE FROM sealed_day; DELETE FROM refinery_schema_history WHERE version >= 15;",
    ] {
        let (home, place, store) = sealed_store(site);
        let a = endpoint("a");
        let read = |store: &Store| {
            let asked = Asked {
                endpoint: &a,
                validity_ms: 160 * SECOND_MS,
                latency_objective_ms: Some(25),
                window: day(),
            };
            (
                store.observations(&a, day()).unwrap(),
                store.condensed(&[asked]).unwrap(),
                store.verify_evidence(&mut |_, _| {}).unwrap(),
            )
        };
        let expected = read(&store);
        assert!(expected.2.is_whole(), "{:?}", expected.2);
        drop(store);
        back_to_block_rows(&home);
        home.change(before);
        home.change("DROP TABLE definition");

        let refused = Store::open_reader(&place).unwrap_err();
        assert!(refused.to_string().contains("upgrade"), "{refused}");
        let mut store = Store::open(&place).unwrap();
        assert_eq!(read(&store), expected);
        // What comes later for one of those days is listed with them.
        let late = finding("a", "paris", at(DAY).plus_ms(90_000), 0, answered(9));
        assert_eq!(store.append(std::slice::from_ref(&late)).unwrap().new, 1);
        assert_eq!(store.seal_all(later()).unwrap().n_blocks, 1);
        let check = store.verify_evidence(&mut |_, _| {}).unwrap();
        assert!(check.is_whole(), "{check:?}");
        assert_eq!((check.n_blocks, check.n_observations), (10, 541));
    }
}

/// The rows that a store of the first days had put in order come into blocks as well.
#[test]
fn what_was_kept_before_there_were_blocks_is_sealed() {
    let (_directory, path, store) = new_file();
    drop(store);
    std::fs::remove_file(&path).unwrap();
    let mut connection = raw(&path);
    connection
        .pragma_update(None, "application_id", 0x5669_6769)
        .unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations");
    let before: Vec<refinery::Migration> = refinery::load_sql_migrations(folder)
        .unwrap()
        .into_iter()
        .filter(|migration| migration.version() < 6)
        .collect();
    refinery::Runner::new(&before).run(&mut connection).unwrap();
    connection
        .execute_batch(
            "INSERT INTO series (endpoint, vantage) VALUES ('a', 'paris');
             INSERT INTO filed VALUES (1, 1759276800000, 0, 0, 20), (1, 1759276860000, 0, 15, 503);
             INSERT INTO fresh VALUES (1759276920000, 1, 0, 0, 21);",
        )
        .unwrap();
    drop(connection);

    let mut store = Store::open(&path).unwrap();
    let of_a = |store: &Store| store.observations(&endpoint("a"), day()).unwrap();
    let expected: Vec<_> = [
        finding("a", "paris", at(DAY), 0, answered(20)),
        finding(
            "a",
            "paris",
            at(DAY).plus_ms(60_000),
            0,
            Outcome::Failed(Fault::Status(503)),
        ),
        finding("a", "paris", at(DAY).plus_ms(120_000), 0, answered(21)),
    ]
    .map(|finding| finding.observation)
    .into();
    assert_eq!(of_a(&store), [(vantage("paris"), expected.clone())]);
    assert_eq!(store.seal_all(later()).unwrap().n_observations, 3);
    assert_eq!(of_a(&store), [(vantage("paris"), expected)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// An hour of which the header says that nothing happened is settled without being read: the
    /// same comes of it as of all its observations, whatever happened around it.
    #[test]
    fn headers_say_what_the_observations_say(
        events in prop::collection::vec((0..6 * 60_i64, 0..5_u8, 1..40_i64), 0..12),
        late in prop::collection::vec((0..6 * 60_i64, any::<bool>()), 0..6),
        dated in prop::collection::vec((0..6 * 60_i64, -150..90_i64), 0..6),
        validity_s in 60..400_i64,
        objective in prop::option::of(Just(500_u32)),
        (start, length) in (0..200_i64, 10..360_i64),
        sealed_until in 0..8_i64,
    ) {
        let (_directory, _path, mut store) = new_file();
        let mut outcomes = vec![Some(answered(40)); 6 * 60];
        for (first, what, n) in events {
            let outcome = match what {
                0 => None,
                1 => Some(Outcome::Failed(Fault::Connect)),
                2 => Some(answered(501)),
                3 => Some(Outcome::Answered { latency_us: 40_000, partial: true }),
                _ => Some(answered(499)),
            };
            for minute in first..(first + n).min(6 * 60) {
                outcomes[minute as usize] = outcome;
            }
        }
        // Some speak from before their tick, and from before what was seen before them.
        let seen = |minute: i64, late_s: i64, outcome: Outcome| {
            let tick = at(DAY).plus_ms(minute * MINUTE_MS + late_s * SECOND_MS);
            let dated_s = dated.iter().find(|(at, _)| *at == minute).map_or(0, |(_, dated_s)| *dated_s);
            finding("a", "paris", tick, dated_s * SECOND_MS, outcome)
        };
        let in_time: Vec<Finding> = (0..).zip(&outcomes)
            .filter_map(|(minute, outcome)| Some(seen(minute, 0, (*outcome)?)))
            .collect();
        store.append(&in_time).unwrap();
        store.seal_all(at(DAY).plus_ms(sealed_until * HOUR_MS)).unwrap();
        let too_late: Vec<Finding> = late.iter()
            .map(|(minute, good)| seen(*minute, 30, if *good { answered(1) } else { Outcome::Failed(Fault::Dns) }))
            .collect();
        store.append(&too_late).unwrap();
        store.seal_all(at(DAY).plus_ms((sealed_until - 1) * HOUR_MS)).unwrap();

        let month = Window::new(at(DAY).plus_ms(start * MINUTE_MS), at(DAY).plus_ms((start + length) * MINUTE_MS)).unwrap();
        let reach = Window::new(month.start().plus_ms(-90 * MINUTE_MS), month.end().plus_ms(90 * MINUTE_MS)).unwrap();
        let mut terms = Terms::silent(Ppm::new(950_000).unwrap());
        terms.confirmation = Confirmation { failures: 3.try_into().unwrap(), within_ms: 3 * MINUTE_MS };
        let a = endpoint("a");
        let asked = Asked { endpoint: &a, validity_ms: validity_s * SECOND_MS, latency_objective_ms: objective, window: reach };
        let condensed = store.condensed(&[asked]).unwrap();
        let evidence = EndpointEvidence {
            id: a.clone(),
            validity_ms: asked.validity_ms,
            latency_objective_ms: objective,
            vantages: store.observations(&a, reach).unwrap().into_iter()
                .map(|(id, observations)| VantageEvidence { id, present: None, seen: Seen::Observations(observations) })
                .collect(),
        };
        prop_assert_eq!(
            observe_condensed(month, None, &condensed, &terms),
            observe(month, None, &[evidence], &terms)
        );
    }
}
