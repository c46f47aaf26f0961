//! Promises, planned work and memberships.

use super::*;

#[test]
fn every_policy_of_a_commitment_arrives() {
    let config = good(&with(
        "period = \"text\"",
        r#"period = "assumption"
until = 2026-01-01
maintenance = "credited"
maintenance_notice = "48h"
maintenance_cap = "8h"
maintenance_hours = [{ from = "22:00", to = "06:00" }]
degraded = "down"
rule = { main = "entrance" }
quorum = { at_least = 1 }
confirmation = { failures = 3, within = "130s" }
minimum_outage = "90s"
service_hours = [{ days = ["monday", "friday"], from = "08:00", to = "20:00" }]
trajectory = [{ from = 2025-07-01, target = "95,5 %" }, { from = 2025-10-01, target = "96 %" }]"#,
    ));
    let commitment = &config.catalog.services[0].commitments[0];
    assert_eq!(commitment.period, PeriodSource::Assumption);
    assert_eq!(commitment.until.unwrap().to_string(), "2026-01-01");
    let Maintenance::Credited(terms) = &commitment.terms.maintenance else {
        panic!("{:?}", commitment.terms.maintenance);
    };
    assert_eq!(
        (terms.notice_ms, terms.cap_ms),
        (48 * HOUR_MS, Some(8 * HOUR_MS))
    );
    assert_eq!(terms.hours.as_ref().unwrap().ranges.len(), 7);
    let Rule::Main(main) = &commitment.terms.rule else {
        panic!("{:?}", commitment.terms.rule);
    };
    assert_eq!(main.as_str(), "entrance");
    assert!(matches!(commitment.terms.quorum, Quorum::AtLeast(n) if n.get() == 1));
    assert_eq!(commitment.terms.confirmation.failures.get(), 3);
    assert_eq!(commitment.terms.confirmation.within_ms, 130_000);
    assert_eq!(commitment.terms.minimum_outage_ms, 90_000);
    let hours = commitment.terms.service_hours.as_ref().unwrap();
    let october = Month::new(2025, 10, hours.zone).unwrap().window();
    // Nine Mondays and Fridays of twelve hours.
    assert_eq!(hours.within(october).length_ms(), 9 * 12 * HOUR_MS);
    let steps: Vec<u32> = commitment
        .trajectory
        .iter()
        .map(|(_, step)| step.parts())
        .collect();
    assert_eq!(steps, [955_000, 960_000]);
}

#[test]
fn wall_clock_times_are_those_of_the_service() {
    // 01:30 to 03:30 on the night on which clocks go back lasts three hours.
    let config = good(&with(
        "daily = { from = \"01:10\", to = \"02:30\" }",
        "declared = 2025-10-17T10:00:00\ndated = { from = 2025-10-26T01:30:00, to = 2025-10-26T03:30:00 }",
    ));
    let work = &config.catalog.services[0].maintenances[0];
    let Recurrence::Once(window) = work.when else {
        panic!("{:?}", work.when);
    };
    assert_eq!(window.length_ms(), 3 * HOUR_MS);
    assert_eq!(
        work.declared.unwrap().to_string(),
        "2025-10-17T08:00:00.000Z"
    );

    // The second half past two of that night, and another zone.
    let config = good(
        &with(
            "daily = { from = \"01:10\", to = \"02:30\" }",
            "dated = { from = 2025-10-26T02:30:00+01:00, to = 2025-10-26T23:00:00Z }",
        )
        .replace(
            "period = \"text\"",
            "period = \"text\"\nzone = \"America/Guadeloupe\"",
        ),
    );
    let Recurrence::Once(window) = config.catalog.services[0].maintenances[0].when else {
        panic!("not dated");
    };
    assert_eq!(window.start().to_string(), "2025-10-26T01:30:00.000Z");
    let membership = &config.catalog.partners[0].memberships[0];
    let joined = membership.windows.as_slice()[0].start();
    assert_eq!(joined.to_string(), "2025-01-01T04:00:00.000Z");
}

#[test]
fn work_may_cross_midnight() {
    let config = good(&with(
        "daily = { from = \"01:10\", to = \"02:30\" }",
        "weekly = { days = [\"sunday\"], from = \"23:00\", to = \"08:00\" }",
    ));
    let zone = config.catalog.services[0].zone();
    let october = Month::new(2025, 10, zone).unwrap().window();
    let windows = config.catalog.services[0].maintenances[0]
        .when
        .within(october);
    // Four Sundays; on the last one clocks had gone back before it began.
    assert_eq!(windows.as_slice().len(), 4);
    assert_eq!(windows.length_ms(), 4 * 9 * HOUR_MS);
}

#[test]
fn a_partner_may_leave_and_come_back() {
    let config = good(&with(
        "service = \"api\"\nfrom = 2025-01-01",
        "service = \"api\"\nfrom = 2025-01-01\nuntil = 2025-03-01\n\n[[partner.membership]]\nservice = \"api\"\nfrom = 2025-06-01",
    ));
    let memberships = &config.catalog.partners[0].memberships;
    assert_eq!(memberships.len(), 1, "one per service");
    let windows = memberships[0].windows.as_slice();
    assert_eq!(windows.len(), 2);
    assert_eq!(windows[0].end().to_string(), "2025-02-28T23:00:00.000Z");
    assert_eq!(windows[1].end(), Timestamp::MAX);
}

#[test]
fn versions_of_a_promise_follow_each_other_in_time() {
    let second = r#"[[service.commitment]]
quote = "Available 99 % of the time."
reference = "Old terms"
target = "99 %"
from = 2024-01-01
until = 2025-01-01
period = "text"

[[service.maintenance]]"#;
    let config = good(&with("[[service.maintenance]]", second));
    let targets: Vec<Ppm> = config.catalog.services[0]
        .commitments
        .iter()
        .map(|commitment| commitment.terms.target)
        .collect();
    let expected = [990_000, 950_000].map(|parts| Ppm::new(parts).unwrap());
    assert_eq!(targets, expected, "in the order of their dates");
}

#[test]
fn promises_that_cannot_be_meant_are_refused() {
    let period = "period = \"text\"";
    let from = "from = 2025-01-01\nperiod";
    let no_effect = "remove it, or write `maintenance = \"excluded\"` or `\"credited\"` if the convention says so";
    let cases = [
        (
            from,
            "from = 2025-01-01\nuntil = «2025-01-01»\nperiod",
            "`until` (2025-01-01) is not after `from` (2025-01-01)",
            "write the first day on which it is no longer in force",
        ),
        (
            period,
            "period = \"text\"\nrule = { main = «\"second\"» }",
            "`second` is not a contractual endpoint of this service",
            "write `entrance`",
        ),
        (
            period,
            "period = \"text\"\nrule = { main = «\"entrence\"» }",
            "`entrence` is not a contractual endpoint of this service",
            "did you mean `entrance`?",
        ),
        (
            period,
            "period = \"text\"\nrule = { at_least = «2» }",
            "the rule asks for 2 endpoints, and 1 of the service are contractual",
            "write a smaller number, or `contractual = true` in more endpoints",
        ),
        (
            period,
            "period = \"text\"\nrule = «{ }»",
            "a rule has one of `at_least` and `main`",
            "write `rule = { at_least = 2 }` or `rule = { main = \"an-endpoint\" }`",
        ),
        (
            period,
            "period = \"text\"\nrule = «\"al\"»",
            "`rule` is not a rule: `al`",
            "did you mean `\"all\"`?",
        ),
        (
            period,
            "period = \"text\"\nquorum = { at_least = «2» }",
            "this many vantages can never agree that an endpoint is down: there is one, this installation",
            "write `quorum = \"majority\"`",
        ),
        (
            period,
            "period = \"text\"\nmaintenance_notice = «\"48h\"»",
            "`maintenance_notice` has no effect: planned work is counted like any other time",
            no_effect,
        ),
        (
            period,
            "period = \"text\"\nmaintenance_cap = «\"8h\"»",
            "`maintenance_cap` has no effect: planned work is counted like any other time",
            no_effect,
        ),
        (
            period,
            "period = \"text\"\nmaintenance_hours = [«{ from = \"22:00\", to = \"06:00\" }»]",
            "`maintenance_hours` has no effect: planned work is counted like any other time",
            no_effect,
        ),
        (
            period,
            "period = \"text\"\nconfirmation = { failures = 3, within = «\"2min\"» }",
            "3 failures cannot follow each other within 2min: none would ever be confirmed",
            "leave time for the intervals between them and a timeout: `within = \"2min 10s\"`",
        ),
        (
            period,
            "period = \"text\"\ntrajectory = [{ from = 2025-07-01, target = «\"94 %\"» }]",
            "the step is below the target, 95 %",
            "a trajectory leads beyond what was promised: write a higher step",
        ),
        (
            period,
            "period = \"text\"\ntrajectory = [{ from = 2025-07-01, target = \"96 %\" }, { from = «2025-07-01», target = \"97 %\" }]",
            "the step does not come after the one before it",
            "write the steps in the order of their dates",
        ),
        (
            period,
            "period = \"text\"\ntrajectory = [{ from = «2024-07-01», target = \"96 %\" }]",
            "the step comes before the commitment",
            "write 2025-01-01 or later",
        ),
        (
            period,
            "period = \"text\"\nservice_hours = [{ from = \"08:00\", to = «\"08:00\"» }]",
            "`to` is the same time as `from`, 08:00",
            "write when it ends; `from = \"00:00\", to = \"00:00\"` is a whole day",
        ),
        (
            period,
            "period = \"text\"\nservice_hours = [{ days = [«\"lundi\"»], from = \"08:00\", to = \"20:00\" }]",
            "`days` is not a day of the week: `lundi`",
            "write its English name in quotes, for example `days = [\"sunday\"]`",
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
    let none_counts = with("contractual = true\n", "")
        .replace("[[service.commitment]]", "«[[service.commitment]]»");
    let (found, spans) = faults(&none_counts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].span, spans[0]);
    assert_eq!(
        found[0].message,
        "the service has a commitment but no endpoint that counts for it"
    );

    check(
        "[[service.maintenance]]",
        "[[service.commitment]]\nquote = \"q\"\nreference = \"r\"\ntarget = \"99 %\"\nfrom = «2025-06-01»\nperiod = \"text\"\n\n[[service.maintenance]]",
        "on 2025-06-01 the commitment of line 34 is still in force",
        "end the earlier one with `until = 2025-06-01`",
    );
}

/// A commitment that wants more failures in a row than an endpoint's confirmations bring, within
/// less than its regular probes take, would never see an outage.
#[test]
fn confirmations_must_bring_the_failures_that_a_commitment_wants() {
    let asked_again = |probes: u32, within: &str| {
        let text = with(
            "timeout = \"10s\"",
            &format!(
                "timeout = \"10s\"\nconfirmation = {{ interval = \"15s\", probes = {probes} }}"
            ),
        );
        text.replace(
            "period = \"text\"",
            &format!("period = \"text\"\nconfirmation = {{ failures = 3, within = \"{within}\" }}"),
        )
    };
    // Two more, 15 s apart, and time for the last answer.
    good(&asked_again(2, "40s"));
    // One more after 15 s, the next at the regular tick.
    good(&asked_again(1, "70s"));
    for (probes, within, enough) in [(2, "39s", "40s"), (1, "60s", "1min 10s")] {
        let faults = read(&asked_again(probes, within)).unwrap_err();
        let [fault] = faults.as_slice() else {
            panic!("{faults}");
        };
        assert!(
            fault.message.contains("none would ever be confirmed"),
            "{fault:?}"
        );
        let remedy = format!("`within = \"{enough}\"`");
        assert!(fault.remedy.contains(&remedy), "{fault:?}");
    }
}

#[test]
fn planned_work_that_cannot_be_meant_is_refused() {
    let daily = "daily = { from = \"01:10\", to = \"02:30\" }";
    let work = "[[service.maintenance]]\nreason = \"Update\"\ndaily = { from = \"01:10\", to = \"02:30\" }";
    let forms = "write one of `daily = { from = \"01:10\", to = \"02:30\" }`, `weekly = { days = [\"sunday\"], from = \"23:00\", to = \"23:45\" }` and `dated = { from = 2025-10-12T22:00:00, to = 2025-10-13T01:00:00 }`";
    let cases = [
        (
            daily,
            "dated = { from = «2025-10-26T02:30:00», to = 2025-10-26T04:00:00 }",
            "`from`: 2025-10-26T02:30:00 happens twice in Europe/Paris, as clocks go back",
            "say which one with its offset, for example `from = 2025-10-26T02:30:00+02:00`",
        ),
        (
            daily,
            "dated = { from = 2025-03-30T01:00:00, to = «2025-03-30T02:30:00» }",
            "`to`: 2025-03-30T02:30:00 does not exist in Europe/Paris, as clocks go forward",
            "write an instant with its offset, for example `to = 2025-03-30T02:30:00Z`",
        ),
        (
            daily,
            "dated = «{ from = 2025-10-12T22:00:00, to = 2025-10-12T21:00:00 }»",
            "the work ends at or before its start",
            "write `to` after `from`, each with its date",
        ),
        (
            daily,
            "dated = { from = «\"22:00\"», to = 2025-10-12T21:00:00 }",
            "`from` is a time of day without its date",
            "write a date, with a time of day if need be, for example `from = 2025-10-12T22:00:00`",
        ),
        (
            daily,
            "dated = { from = «1969-10-12», to = 2025-10-12T21:00:00 }",
            "`from` lies outside the years 1970 to 2199",
            "write a date, with a time of day if need be, for example `from = 2025-10-12T22:00:00`",
        ),
        (
            daily,
            "weekly = «{ from = \"23:00\", to = \"23:45\" }»",
            "`days` is missing in [service.maintenance.weekly]",
            "add a list, for example `days = [\"sunday\"]`",
        ),
        (
            daily,
            "weekly = { days = [«\"sundey\"»], from = \"23:00\", to = \"23:45\" }",
            "`days` is not a day of the week: `sundey`",
            "did you mean `\"sunday\"`?",
        ),
        (
            daily,
            "endpoint = «\"entree\"»\ndaily = { from = \"01:10\", to = \"02:30\" }",
            "the service has no endpoint `entree`",
            "write one of `entrance` and `second`",
        ),
        (
            work,
            "«[[service.maintenance]]»\nreason = \"Update\"",
            "planned work takes place in one way: `daily`, `weekly` or `dated`",
            forms,
        ),
        (
            work,
            "«[[service.maintenance]]»\nreason = \"Update\"\ndaily = { from = \"01:10\", to = \"02:30\" }\ndated = { from = 2025-01-01, to = 2025-01-02 }",
            "planned work takes place in one way: `daily`, `weekly` or `dated`",
            forms,
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
}

/// Counting the notice from the receipt is our proposal, and nobody's word: it is shown, not taken.
#[test]
fn leaving_asks_for_a_date_and_proposes_one() {
    let leaving = DEFAULT_TOML.replace(
        "#leave_received = 2025-12-17",
        "leave_received = 2025-10-20",
    );
    let faults =
        vigie::config::parse(&leaving, "vigie.toml", std::path::Path::new("")).unwrap_err();
    let [fault] = faults.as_slice() else {
        panic!("{faults}")
    };
    assert!(
        fault.remedy.contains("15 days") && fault.remedy.contains("until = 2025-11-04"),
        "{faults}"
    );
}

#[test]
fn a_revoked_partner_is_known_as_such() {
    let text = |end: &str| GOOD.trim_end().to_owned() + "\n" + end;
    let membership = |end: &str| {
        let config = good(&text(end));
        config.catalog.partners[0].memberships[0].clone()
    };
    let summer: Timestamp = "2025-06-18T00:00:00+02:00".parse().unwrap();
    assert_eq!(membership("").revoked, None);
    assert_eq!(membership("until = 2025-06-18").revoked, None);
    let revoked = membership("revoked = 2025-06-18");
    assert_eq!(revoked.revoked, Some(summer));
    assert!(!revoked.windows.contains(summer));
    let both = read(&text("until = 2025-06-18\nrevoked = 2025-06-18")).unwrap_err();
    assert_eq!(
        both.as_slice()[0].message,
        "the membership ends once: `until` is there already"
    );
}

/// A month that was closed must not begin elsewhere because a later version names another zone.
#[test]
fn versions_of_a_promise_share_their_months() {
    let second = r#"[[service.commitment]]
quote = "Available 99 % of the time."
reference = "Old terms"
target = "99 %"
from = 2024-01-01
until = 2025-01-01
zone = "Asia/Tokyo"
period = "text"

[[service.maintenance]]"#;
    let text = with("[[service.maintenance]]", second);
    let faults = vigie::config::parse(&text, "vigie.toml", std::path::Path::new("")).unwrap_err();
    let [fault] = faults.as_slice() else {
        panic!("{faults}")
    };
    assert!(fault.message.contains("Europe/Paris"), "{faults}");
}
