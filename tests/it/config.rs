//! Configuration: what is meant is understood, and what is wrong is told with its place and a
//! remedy, all of it at once.
//!
//! Method: a small good file, in which each case replaces one line; `«…»` marks where the fault
//! must be found.

mod assertions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vigie::config::{
    Config, ConfigError, DEFAULT_TOML, Fault, Faults, IntakeWay, Overrides, ServerSecurity,
    StoreConfig, find, keys, load, load_with, parse,
};
use vigie::sla::catalog::{
    HttpVersion, Language, Probe, ProxyKind, Recurrence, SecretPlace, Value,
};
use vigie::sla::commitment::{Maintenance, PeriodSource, Ppm, Quorum, Rule};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp, Window};

const GOOD: &str = r#"[provider]
name = "Operator"
contact = "operator@operator.example"

[close]
delay = "6h"

[[service]]
id = "api"
name = "API"

[[service.endpoint]]
id = "entrance"
label = "Entrance"
contractual = true
interval = "60s"
timeout = "10s"

[service.endpoint.http]
url = "https://api.example/ping"
method = "GET"

[[service.endpoint]]
id = "second"
label = "Second"

[service.endpoint.http]
url = "https://api.example/second"

[[service.commitment]]
quote = "Available 95 % of the time."
reference = "Terms"
target = "95 %"
from = 2025-01-01
period = "text"

[[service.maintenance]]
reason = "Update"
daily = { from = "01:10", to = "02:30" }

[[partner]]
id = "commune"
name = "Commune"

[[partner.membership]]
service = "api"
from = 2025-01-01
"#;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(text: &str) -> Result<Config, Faults> {
    parse(text, "vigie.toml", Path::new("/etc/vigie"))
}

fn good(text: &str) -> Config {
    read(text).unwrap_or_else(|faults| panic!("{faults}"))
}

/// `GOOD` with `line` replaced.
fn with(line: &str, replacement: &str) -> String {
    assert_eq!(GOOD.matches(line).count(), 1, "`{line}` is one place");
    GOOD.replacen(line, replacement, 1)
}

/// The faults of a text whose `«…»` are left out, and the spans between them.
fn faults(marked: &str) -> (Vec<Fault>, Vec<std::ops::Range<usize>>) {
    let mut text = String::new();
    let mut spans = Vec::new();
    let mut rest = marked;
    while let Some((before, after)) = rest.split_once('«') {
        let (inside, after) = after.split_once('»').unwrap();
        text.push_str(before);
        spans.push(text.len()..text.len() + inside.len());
        text.push_str(inside);
        rest = after;
    }
    text.push_str(rest);
    let faults = match read(&text) {
        Ok(_) => panic!("no fault in\n{text}"),
        Err(faults) => faults,
    };
    for fault in faults.as_slice() {
        let before = &text[..fault.span.start];
        assert_eq!(fault.file, "vigie.toml");
        assert_eq!(fault.line, before.split('\n').count());
        let line = before.rsplit('\n').next().unwrap();
        assert_eq!(fault.column, line.chars().count() + 1);
        let place = format!("vigie.toml:{}:{}\n", fault.line, fault.column);
        assert!(faults.to_string().contains(&place), "{place} in\n{faults}");
    }
    (faults.as_slice().to_vec(), spans)
}

/// `GOOD` with `line` replaced by `marked` has exactly the fault that is marked.
fn check(line: &str, marked: &str, message: &str, remedy: &str) {
    let (faults, spans) = faults(&with(line, marked));
    let found: Vec<_> = faults
        .iter()
        .map(|fault| (fault.span.clone(), &*fault.message, &*fault.remedy))
        .collect();
    let expected: Vec<_> = spans
        .into_iter()
        .map(|span| (span, message, remedy))
        .collect();
    assert_eq!(found, expected, "in {marked}");
}

#[test]
fn a_small_file_is_understood() {
    let config = good(GOOD);
    let catalog = &config.catalog;
    let (service, endpoint) = catalog.endpoint("entrance").unwrap();
    assert_eq!(service.id.as_str(), "api");
    assert_eq!(endpoint.validity_ms, 160_000, "2.5 intervals and a timeout");
    assert!(endpoint.contractual);
    assert!(!catalog.endpoint("second").unwrap().1.contractual);
    let Probe::Http(probe) = &endpoint.probe else {
        panic!("an HTTP endpoint");
    };
    assert_eq!(probe.url.to_string(), "https://api.example/ping");
    assert_eq!(probe.expected_statuses.to_string(), "200");
    assert_eq!(probe.body_bytes_max, 1_048_576);
    assert_eq!(
        catalog.partner("commune").unwrap().language,
        Language::French
    );
    assert_eq!(config.close.delay_ms, 6 * HOUR_MS);
    assert!(config.web.listen.ip().is_loopback());
    assert_eq!(
        config.sha256,
        // printf '%s' "$GOOD" | sha256sum
        "152f8120f3930b8facdba3a4662f522b597259e6525072b3b01e5217575329d5"
    );
}

#[test]
fn every_value_of_a_request_arrives() {
    let config = good(&with(
        "method = \"GET\"",
        r#"method = "POST"
headers = { Accept = "text/plain", Authorization = { file = "token" }, X-Api-Key = { env = "API_KEY" } }
body = "{}"
expected_statuses = [200, "300-303", 404]
assertions = ['body contains "pong"', '$.a[0]["b c"] >= 2.50']
json = { path = "data.status", up = ["ok"], maintenance = ["maintenance"], dated_by = "last_update" }
body_limit = "64KiB"
redirects_max = 3
ip_address = "2001:db8::1"
tls_name = "other.example"
http_version = "1.1"
proxy = { kind = "socks5", address = "[::1]:1080", user = "vigie", password = { env = "PROXY_PASSWORD" } }
ca_file = "/etc/ssl/ca.pem""#,
    ));
    let Probe::Http(probe) = &config.catalog.endpoint("entrance").unwrap().1.probe else {
        panic!("an HTTP endpoint");
    };
    assert_eq!(probe.method, "POST");
    assert_eq!(
        probe.headers,
        [
            ("Accept".to_owned(), Value::Plain("text/plain".to_owned())),
            (
                "Authorization".to_owned(),
                Value::Secret(SecretPlace::File("/etc/vigie/token".into()))
            ),
            (
                "X-Api-Key".to_owned(),
                Value::Secret(SecretPlace::Env("API_KEY".to_owned()))
            ),
        ],
        "in the order of the file; a relative path starts at its folder"
    );
    assert_eq!(probe.body.as_deref(), Some("{}"));
    assert_eq!(probe.expected_statuses.to_string(), "200, 300-303 or 404");
    let assertions: Vec<String> = probe.assertions.iter().map(ToString::to_string).collect();
    assert_eq!(
        assertions,
        [r#"body contains "pong""#, r#"$.a[0]["b c"] >= 2.50"#]
    );
    let json = probe.json.as_ref().unwrap();
    assert_eq!(json.path.to_string(), "$.data.status");
    assert_eq!((json.up.len(), json.maintenance.len()), (1, 1));
    assert!(json.unknown.is_empty());
    assert_eq!(json.dated_by.as_ref().unwrap().to_string(), "$.last_update");
    assert_eq!(probe.redirects_max, 3);
    assert_eq!(probe.route.address.unwrap().to_string(), "2001:db8::1");
    assert_eq!(probe.route.tls_name.as_deref(), Some("other.example"));
    assert_eq!(probe.route.version, HttpVersion::Http1);
    let proxy = probe.route.proxy.as_ref().unwrap();
    assert_eq!(
        (proxy.kind, &*proxy.host, proxy.port),
        (ProxyKind::Socks5, "::1", 1080)
    );
    let password = Value::Secret(SecretPlace::Env("PROXY_PASSWORD".to_owned()));
    assert_eq!(proxy.credentials, Some(("vigie".to_owned(), password)));
    assert_eq!(probe.body_bytes_max, 65_536);
    assert_eq!(probe.ca_file.as_deref(), Some(Path::new("/etc/ssl/ca.pem")));
}

#[test]
fn addresses_are_read_as_browsers_read_them() {
    let cases = [
        ("http://h.example", (false, "h.example", 80, "/")),
        (
            "https://h.example:8443/a?b=c",
            (true, "h.example", 8443, "/a?b=c"),
        ),
        ("https://[::1]/", (true, "::1", 443, "/")),
        ("http://127.0.0.1:9000/x", (false, "127.0.0.1", 9000, "/x")),
        (
            "https://préfecture.example/é",
            (true, "xn--prfecture-c4a.example", 443, "/%C3%A9"),
        ),
    ];
    for (written, (tls, host, port, path)) in cases {
        let config = good(&with("https://api.example/ping", written));
        let Probe::Http(probe) = &config.catalog.endpoint("entrance").unwrap().1.probe else {
            panic!("an HTTP endpoint");
        };
        let url = &probe.url;
        assert_eq!(
            (url.tls, &*url.host, url.port, &*url.path),
            (tls, host, port, path),
            "{written}"
        );
    }
}

#[test]
fn control_targets_are_hosts_and_ports() {
    let config = good(&with(
        "[close]",
        "[probing]\ncontrols = [\"gateway.example:443\", \"[2001:db8::1]:53\"]\n[close]",
    ));
    let controls: Vec<(&str, u16)> = config
        .probing
        .controls
        .iter()
        .map(|control| (control.host.as_str(), control.port))
        .collect();
    assert_eq!(controls, [("gateway.example", 443), ("2001:db8::1", 53)]);
}

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
fn unknown_keys_are_refused() {
    check(
        "timeout = \"10s\"",
        "«timeuot» = \"10s\"",
        "unknown key `timeuot` in [[service.endpoint]]",
        "did you mean `timeout`?",
    );
    check(
        "label = \"Second\"",
        "label = \"Second\"\n«url» = \"https://x.example/\"",
        "unknown key `url` in [[service.endpoint]]",
        "`url` belongs in `forward`, `service.endpoint.http` and `store`",
    );
    check(
        "delay = \"6h\"",
        "delay = \"6h\"\n«colour» = \"red\"",
        "unknown key `colour` in [close]",
        "remove it; known here: `delay`",
    );
    check(
        "[close]",
        "[«stor»]\npath = \"x\"\n[close]",
        "unknown table `stor` in the file",
        "did you mean `store`?",
    );
    check(
        "daily = { from = \"01:10\", to = \"02:30\" }",
        "daily = { from = \"01:10\", to = \"02:30\", «days» = [\"monday\"] }",
        "unknown key `days` in [service.maintenance.daily]",
        "`days` belongs in `service.commitment.maintenance_hours`, `service.commitment.service_hours` and `service.maintenance.weekly`",
    );
}

#[test]
fn missing_keys_are_told_at_their_table() {
    check(
        "[[service.endpoint]]\nid = \"second\"\n",
        "«[[service.endpoint]]»\n",
        "`id` is missing in [[service.endpoint]]",
        "add 1 to 63 lower-case letters a to z, figures and hyphens, not beginning with a hyphen, for example `id = \"qf-cnaf-msa\"`",
    );
    check(
        "[provider]\nname = \"Operator\"\ncontact = \"operator@operator.example\"\n",
        "«»",
        "`provider` is missing in the file",
        "add a table, for example `[provider]`",
    );
    check(
        "[[service.commitment]]\nquote = \"Available 95 % of the time.\"\n",
        "«[[service.commitment]]»\n",
        "`quote` is missing in [[service.commitment]]",
        "add a text in quotes, for example `quote = \"…\"`",
    );
    check(
        "[[service.endpoint]]\nid = \"second\"\nlabel = \"Second\"\n\n[service.endpoint.http]\nurl = \"https://api.example/second\"\n",
        "«[[service.endpoint]]»\nid = \"second\"\nlabel = \"Second\"\n",
        "the endpoint does not say how to ask it",
        "add a `[service.endpoint.http]` below it, with `url = \"https://…\"`",
    );
    check(
        "daily = { from = \"01:10\", to = \"02:30\" }",
        "daily = «{ from = \"01:10\" }»",
        "`to` is missing in [service.maintenance.daily]",
        "add hours from 00 to 23, a colon and minutes, in quotes, for example `to = \"23:45\"`",
    );
    check(
        "[[partner]]\nid = \"commune\"\nname = \"Commune\"\n\n[[partner.membership]]\nservice = \"api\"\nfrom = 2025-01-01\n",
        "«[[partner]]»\nid = \"commune\"\nname = \"Commune\"\n",
        "the partner is connected to no service: it would get no report",
        "add a `[[partner.membership]]` with `service` and `from` below it",
    );
    let (faults, _) = faults("[provider]\nname = \"Operator\"\ncontact = \"o@o.example\"\n");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].message, "no service is described");
}

#[test]
fn values_of_another_kind_are_refused() {
    let name = "name = \"Commune\"";
    for (value, kind) in [
        ("3", "a whole number"),
        ("3.5", "a fraction"),
        ("true", "a yes or no"),
        ("2025-01-01", "a date or time"),
        ("[\"x\"]", "a list"),
        ("{ x = 1 }", "a table"),
    ] {
        check(
            name,
            &format!("name = «{value}»"),
            &format!("`name` is {kind}, not a line of text"),
            "write `name = \"…\"`",
        );
    }
    check(
        name,
        "name = \"Commune\"\ncontacts = «\"api@commune.example\"»",
        "`contacts` is a text, not a list",
        "write `contacts = [\"api@commune.example\"]`",
    );
    check(
        name,
        "name = \"Commune\"\ncontacts = [\"a@b.example\", «7»]",
        "`contacts` is a whole number, not an e-mail address",
        "write `contacts = [\"api@commune.example\"]`",
    );
    check(
        name,
        "name = \"Commune\"\ncontacts = «[]»",
        "`contacts` is empty",
        "leave it out, or name at least one: `contacts = [\"api@commune.example\"]`",
    );
    check(
        "contractual = true",
        "contractual = «\"yes\"»",
        "`contractual` is a text, not a yes or no",
        "write `contractual = true`",
    );
    check(
        "daily = { from = \"01:10\", to = \"02:30\" }",
        "daily = «\"01:10\"»",
        "`daily` is a text, not a table",
        "write `[service.maintenance.daily]`",
    );
    check(
        "[[partner]]\nid = \"commune\"\nname = \"Commune\"\n\n[[partner.membership]]\nservice = \"api\"",
        "«[partner]»\nid = \"commune\"\nname = \"Commune\"\n\n[[partner.membership]]\nservice = \"api\"",
        "`partner` is not a list of tables",
        "write `[[partner]]`, one for each",
    );
}

#[test]
fn values_that_are_written_wrongly_are_refused() {
    let id = "write 1 to 63 lower-case letters a to z, figures and hyphens, not beginning with a hyphen, for example `id = \"qf-cnaf-msa\"`";
    for bad in ["Commune", "commune d'Ys", "-x", "é", "", "../x"] {
        check(
            "id = \"commune\"",
            &format!("id = «\"{bad}\"»"),
            "`id` is not an id, which becomes a path and a label",
            id,
        );
    }
    let cases = [
        (
            "delay = \"6h\"",
            "delay = «6»",
            "`delay` is a duration without its unit",
            "write the unit, for example `\"6s\"`",
        ),
        (
            "delay = \"6h\"",
            "delay = «\"6 fortnights\"»",
            "`delay` is not a duration",
            "write a whole number and a unit in quotes (ms, s, min, h, days), for example `delay = \"30s\"`",
        ),
        (
            "delay = \"6h\"",
            "delay = «\"6h 1us\"»",
            "`delay` is not a duration",
            "write a whole number and a unit in quotes (ms, s, min, h, days), for example `delay = \"30s\"`",
        ),
        (
            "delay = \"6h\"",
            "delay = «\"800 days\"»",
            "`delay` is longer than a year",
            "write a whole number and a unit in quotes (ms, s, min, h, days), for example `delay = \"30s\"`",
        ),
        (
            "target = \"95 %\"",
            "target = «95»",
            "`target` is a target without its unit",
            "write it as a text, for example `\"95 %\"`",
        ),
        (
            "target = \"95 %\"",
            "target = «99.5»",
            "`target` is a binary fraction, which is not exact",
            "write it as a text, for example `\"99.5 %\"`",
        ),
        (
            "target = \"95 %\"",
            "target = «\"101 %\"»",
            "`target` is not a target",
            "write a percentage above 0 and up to 100, with at most four decimals, in quotes, for example `target = \"95 %\"`",
        ),
        (
            "target = \"95 %\"",
            "target = «\"0 %\"»",
            "`target` is not a target",
            "write a percentage above 0 and up to 100, with at most four decimals, in quotes, for example `target = \"95 %\"`",
        ),
        (
            "period = \"text\"",
            "period = «\"texte\"»",
            "`period` is not where the period comes from: `texte`",
            "did you mean `\"text\"`?",
        ),
        (
            "period = \"text\"",
            "period = \"text\"\nzone = «\"Europe/Pariss\"»",
            "`zone` names no time zone: `Europe/Pariss`",
            "did you mean `\"Europe/Paris\"`?",
        ),
        (
            "period = \"text\"",
            "period = \"text\"\nmaintenance = «\"ignored\"»\nmaintenance_notice = \"48h\"",
            "`maintenance` is not a treatment of planned work: `ignored`",
            "write `\"counted\"`, `\"excluded\"` or `\"credited\"`, for example `maintenance = \"counted\"`",
        ),
        (
            "from = 2025-01-01\nperiod",
            "from = «2025-01-10»\nperiod",
            "`from` is not the first of a month: 2025-01-10",
            "a month is judged under one version as a whole: write 2025-01-01 or 2025-02-01",
        ),
        (
            "from = 2025-01-01\nperiod",
            "from = «2025-01-01T00:00:00»\nperiod",
            "`from` has a time of day; a date has none",
            "write the first day of a month, for example `from = 2025-10-01`",
        ),
        (
            "to = \"02:30\"",
            "to = «\"23h45\"»",
            "`to` is not a time of day: `23h45`",
            "write hours from 00 to 23, a colon and minutes, in quotes, for example `to = \"23:45\"`",
        ),
        (
            "to = \"02:30\"",
            "to = «\"25:00\"»",
            "`to` is not a time of day: `25:00`",
            "write hours from 00 to 23, a colon and minutes, in quotes, for example `to = \"23:45\"`",
        ),
        (
            "to = \"02:30\"",
            "to = «\"24:00\"»",
            "`to` is not a time of day: `24:00`",
            "write `\"00:00\"`, which ends the day",
        ),
        (
            "contact = \"operator@operator.example\"",
            "contact = «\"operator at operator.example\"»",
            "`contact` is not an e-mail address",
            "write a bare address, for example `contact = \"api@commune.example\"`",
        ),
        (
            "name = \"Commune\"",
            "name = «\"Commune\\u0007\"»",
            "`name` holds the character U+0007, which reports cannot show",
            "write it with Latin, Greek or Cyrillic letters, figures and punctuation",
        ),
        (
            "name = \"Commune\"",
            "name = «\"市\"»",
            "`name` holds the character U+5E02, which reports cannot show",
            "write it with Latin, Greek or Cyrillic letters, figures and punctuation",
        ),
        (
            "name = \"Commune\"",
            "name = «\"Com\u{202e}mune\"»",
            "`name` holds the character U+202E, which reports cannot show",
            "write it with Latin, Greek or Cyrillic letters, figures and punctuation",
        ),
        (
            "[close]",
            "[reports]\nen = { closing = [«\"\u{05d0}\"»] }\n[close]",
            "`closing` holds the character U+05D0, which reports cannot show",
            "write it with Latin, Greek or Cyrillic letters, figures and punctuation",
        ),
        (
            "[close]",
            "[reports]\naccent = «\"teal\"»\n[close]",
            "`accent` is not a colour",
            "write # and six figures from 0 to f, two each for red, green and blue, for example `accent = \"#155e66\"`",
        ),
        (
            "[close]",
            "[reports]\naccent = «\"#7a9ea2\"»\n[close]",
            "`accent` has too little contrast with the paper (2.7 to 1; 4.5 are needed)",
            "take a darker colour: texts stand in it",
        ),
        (
            "name = \"Commune\"",
            "name = «\" \"»",
            "`name` must not be empty",
            "write one line of text in quotes, for example `name = \"…\"`",
        ),
        (
            "[close]",
            "[web]\nlisten = «\"localhost\"»\n[close]",
            "`listen` is not an IP address and a port",
            "write an IP address and a port in quotes, for example `listen = \"127.0.0.1:8430\"`",
        ),
        (
            "[close]",
            "[probing]\nconcurrency_max = «0»\n[close]",
            "`concurrency_max` is out of range",
            "write a whole number from 1 on, without quotes, for example `concurrency_max = 2`",
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
}

#[test]
fn what_is_kept_is_kept_for_months_or_for_ever() {
    let kept = good(GOOD).retention;
    assert_eq!(
        (
            kept.evidence_months,
            kept.journal_months,
            kept.contacts_months
        ),
        (Some(13), Some(12), Some(18))
    );
    let text = GOOD.replace(
        "[close]",
        "[retention]\nevidence = \"forever\"\ncontacts = \"1 months\"\n[close]",
    );
    let kept = good(&text).retention;
    assert_eq!(
        (kept.evidence_months, kept.contacts_months),
        (None, Some(1))
    );
    let cases = [
        (
            "[retention]\nevidence = «\"5 months\"»\n[close]",
            "`evidence` is kept too short for what it is kept for",
            "write at least `evidence = \"6 months\"`",
        ),
        (
            "[retention]\njournal = «\"30 days\"»\n[close]",
            "`journal` is not a number of months, 1 to 1200",
            "write a number of months in quotes, or \"forever\", for example `journal = \"13 months\"`",
        ),
    ];
    for (marked, message, remedy) in cases {
        check("[close]", marked, message, remedy);
    }
}

#[test]
fn requests_that_cannot_be_meant_are_refused() {
    let address = "write an absolute http or https address in quotes, for example `url = \"https://api.example/ping\"`";
    let secret = "send it as a header whose value is read from a file: `headers = { Authorization = { file = \"/etc/vigie/authorization\" } }`";
    let url = "url = \"https://api.example/ping\"";
    let method = "method = \"GET\"";
    let cases = [
        (
            url,
            "url = «\"api.example/ping\"»",
            "`url` is not an address: it begins with neither `http://` nor `https://`",
            address,
        ),
        (
            url,
            "url = «\"https:///ping me\"»",
            "`url` is not an address: it holds a space or a control character",
            address,
        ),
        (
            url,
            "url = «\"https://\"»",
            "`url` is not an address: empty host",
            address,
        ),
        (
            url,
            "url = «\"https://h.example:99999/\"»",
            "`url` is not an address: invalid port number",
            address,
        ),
        (
            url,
            "url = «\"https://h.example/#top\"»",
            "`url` is not an address: it has a `#` part, which is never sent",
            address,
        ),
        (
            url,
            "url = «\"https://me:sesame@h.example/\"»",
            "`url` holds a user name or password",
            secret,
        ),
        (
            url,
            "url = «\"https://h.example/?access_token=sesame\"»",
            "`url` holds a secret in its query, as `access_token`: addresses are shown and logged",
            secret,
        ),
        (
            method,
            "method = «\"get\"»",
            "`method` is not an HTTP method: `get`",
            "did you mean `\"GET\"`?",
        ),
        (
            method,
            "method = «\"CONNECT\"»",
            "`method` is not an HTTP method: `CONNECT`",
            "write `\"GET\"`, `\"HEAD\"`, `\"POST\"` and so on, in capitals, for example `method = \"GET\"`",
        ),
        (
            method,
            "method = \"HEAD\"\nassertions = [«'body contains \"pong\"'»]",
            "an answer to `HEAD` has no body to look at",
            "write `method = \"GET\"`, or expect nothing of the body",
        ),
        (
            method,
            "expected_statuses = [200, «99»]",
            "`expected_statuses` is not the status of a final answer",
            "write a number from 200 to 599 without quotes, or a range in quotes, for example `expected_statuses = [200, \"300-303\"]`",
        ),
        (
            method,
            "expected_statuses = [«\"204-200\"»]",
            "`expected_statuses` ends before it begins",
            "write a number from 200 to 599 without quotes, or a range in quotes, for example `expected_statuses = [200, \"300-303\"]`",
        ),
        (
            method,
            "body_limit = «\"1 GiB\"»",
            "`body_limit` is not a size",
            "write a whole number and a unit in quotes (B, KiB, MiB), up to 64 MiB, for example `body_limit = \"1MiB\"`",
        ),
        (
            method,
            "body_limit = «\"65MiB\"»",
            "`body_limit` is out of range",
            "write a whole number and a unit in quotes (B, KiB, MiB), up to 64 MiB, for example `body_limit = \"1MiB\"`",
        ),
        (
            method,
            "headers = { «\"X Y\"» = \"1\" }",
            "`X Y` is not the name of a header",
            "write letters, figures and hyphens, for example `Accept`",
        ),
        (
            method,
            "headers = { «Content-Length» = \"1\" }",
            "the header `Content-Length` follows from the request itself",
            "remove it",
        ),
        (
            method,
            "headers = { accept = \"a\", «Accept» = \"b\" }",
            "the header `Accept` is already there, as `accept`",
            "remove one of them: capitals make no difference",
        ),
        (
            method,
            "headers = { Accept = «\"a\\nb\"» }",
            "the value of `Accept` cannot be sent",
            "write visible ASCII characters and spaces",
        ),
        (
            method,
            "headers = { Accept = «3» }",
            "`Accept` is a whole number, not a text",
            "write `Accept = \"…\"`",
        ),
        (
            method,
            "headers = { X-Api-Key = «{ }» }",
            "the secret `X-Api-Key` has one place: a `file` or an `env`",
            "write `X-Api-Key = { file = \"/etc/vigie/x-api-key\" }` or `X-Api-Key = { env = \"X_API_KEY\" }`",
        ),
        (
            method,
            "headers = { X-Api-Key = { env = «\"not a name\"» } }",
            "`env` is not the name of an environment variable",
            "write its name (letters, figures and underscores) in quotes, for example `env = \"PARTICULIER_TOKEN\"`",
        ),
        (
            method,
            "json = { path = «\"a..b\"», up = [\"ok\"] }",
            "`path` is not the path of a field: a field name is missing in the path",
            "write it after the dot, as in `$.data.status`, or in brackets and quotes, as in `$[\"a field\"]`",
        ),
        (
            method,
            "json = { path = \"a\", up = [\"ok\"], unknown = [«\"ok\"»] }",
            "`unknown` names a text that `up` names already",
            "let each text mean one thing",
        ),
        (
            "url = \"https://api.example/second\"",
            "url = \"http://api.example/second\"\nca_file = «\"ca.pem\"»",
            "`ca_file` has no effect: the address is not `https`",
            "write an `https://` address, or remove `ca_file`",
        ),
        (
            method,
            "proxy = { address = \"p.example:3128\", user = \"me\", password = «\"sesame\"» }",
            "the value of `password` is a secret, and secrets are not written in this file",
            "put it in a file or an environment variable: `password = { file = \"/etc/vigie/password\" }` or `password = { env = \"PASSWORD\" }`",
        ),
        (
            method,
            "proxy = { address = \"p.example:3128\", user = «\"me\"» }",
            "`user` has no `password`",
            "write `password = { file = \"/etc/vigie/password\" }`, or remove `user`",
        ),
        (
            method,
            "proxy = { address = \"p.example:3128\", password = «{ file = \"x\" }» }",
            "`password` is of no use without `user`",
            "write `user` as well, or remove `password`",
        ),
        (
            method,
            "proxy = «{ }»",
            "`address` is missing in [service.endpoint.http.proxy]",
            "add a name or address, a colon and a port, in quotes, for example `address = \"resolver.example:443\"`",
        ),
        (
            method,
            "redirects_max = «11»",
            "`redirects_max` is out of range",
            "write a number from 0 to 10, without quotes, for example `redirects_max = 3`",
        ),
        (
            method,
            "ip_family = «\"ip4\"»",
            "`ip_family` is not a family of addresses: `ip4`",
            "did you mean `\"ipv4\"`?",
        ),
        (
            method,
            "ip_family = \"ipv6\"\nip_address = «\"192.0.2.1\"»",
            "`ip_address` is one address, and `ip_family` chooses among several",
            "remove one of the two",
        ),
        (
            method,
            "ip_address = «\"localhost\"»",
            "`ip_address` is not an IP address",
            "write an IPv4 or IPv6 address in quotes, for example `ip_address = \"192.0.2.10\"`",
        ),
        (
            method,
            "tls_name = «\"https://x.example\"»",
            "`tls_name` is not the name of a host",
            "write a name without scheme, port or path, in quotes, for example `tls_name = \"api.example\"`",
        ),
        (
            method,
            "http_version = «\"3\"»",
            "`http_version` is not a version of HTTP: `3`",
            "write `\"any\"`, `\"1.1\"` or `\"2\"`, for example `http_version = \"any\"`",
        ),
        (
            "[close]",
            "[probing]\ncontrols = [«\"gateway\"»]\n[close]",
            "`controls` is not a host and a port",
            "write a name or address, a colon and a port, in quotes, for example `controls = [\"resolver.example:443\"]`",
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
    for name in ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"] {
        check(
            method,
            &format!("headers = {{ {name} = «\"sesame\"» }}"),
            &format!("the value of `{name}` is a secret, and secrets are not written in this file"),
            &format!(
                "put it in a file or an environment variable: `{name} = {{ file = \"/etc/vigie/{}\" }}` or `{name} = {{ env = \"{}\" }}`",
                name.to_lowercase(),
                name.to_uppercase().replace('-', "_")
            ),
        );
    }
}

#[test]
fn rhythms_that_cannot_work_are_refused() {
    let (interval, timeout) = ("interval = \"60s\"", "timeout = \"10s\"");
    let cases = [
        (
            interval,
            "interval = «\"500ms\"»",
            "`interval` is out of range",
            "write a duration from `\"1s\"` to `\"24h\"`",
        ),
        (
            interval,
            "interval = «\"2days\"»",
            "`interval` is out of range",
            "write a duration from `\"1s\"` to `\"24h\"`",
        ),
        (
            timeout,
            "timeout = «\"0s\"»",
            "`timeout` leaves no time for an answer",
            "write how long to wait, for example `timeout = \"10s\"`",
        ),
        (
            timeout,
            "timeout = «\"60s\"»",
            "`timeout` (1min) must be shorter than `interval` (1min): probes would overlap",
            "write a shorter one, for example `timeout = \"30s\"`",
        ),
        (
            timeout,
            "timeout = \"10s\"\nvalidity = «\"69s\"»",
            "`validity` ends before the next observation can be there: the state would be unknown between two good answers",
            "write at least `interval` and `timeout` together, `validity = \"1min 10s\"`, or leave it out",
        ),
        (
            timeout,
            "timeout = \"10s\"\nlatency_objective = «\"10s\"»",
            "`latency_objective` is not between 0 and `timeout` (10s): slower answers are failures anyway",
            "write a shorter one, for example `latency_objective = \"2s\"`",
        ),
        (
            timeout,
            "timeout = \"10s\"\nconfirmation = { interval = «\"10s\"», probes = 2 }",
            "`interval` of `confirmation` must be longer than `timeout` (10s): probes would overlap",
            "write a longer one, or a shorter `timeout`",
        ),
        (
            timeout,
            "timeout = \"10s\"\nconfirmation = { interval = \"15s\", probes = «4» }",
            "so many confirmations do not fit before the next regular probe, 1min later",
            "write at most `probes = 3`, or a shorter interval",
        ),
        (
            timeout,
            "timeout = \"10s\"\nconfirmation = { interval = \"40s\", probes = «1» }",
            "so many confirmations do not fit before the next regular probe, 1min later",
            "write an interval of at most 30s, half of the endpoint's",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.tcp]\naddress = \"mail.example:25\"\ntls_name = «\"mx.example\"»",
            "`tls_name` has no effect: the connection does not change to TLS",
            "write `starttls` as well, use `tls` in place of `tcp`, or remove `tls_name`",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.tcp]\naddress = \"mail.example:25\"\nexpect = «\"\"»",
            "`expect` is empty: anything would be as expected",
            "write a text that must come back, or remove `expect`: a connection is then enough",
        ),
        (
            "[service.endpoint.http]\nurl = \"https://api.example/second\"",
            "[service.endpoint.dns]\nname = \"x.example\"\nrcode = \"NXDOMAIN\"\nexpected = [«\"192.0.2.1\"»]",
            "an answer with NXDOMAIN has no records to compare",
            "remove `expected`, or expect `rcode = \"NOERROR\"`",
        ),
        (
            "delay = \"6h\"",
            "delay = «\"9s\"»",
            "`delay` closes a month before its last probe can have ended",
            "write at least the longest timeout, `delay = \"10s\"`",
        ),
        (
            "[close]",
            "[probing]\nconcurrency_max = «5000»\n[close]",
            "`concurrency_max` asks for more connections at once than a process may open",
            "write a number from 1 to 4096",
        ),
        (
            "contractual = true",
            "contractual = «true»\nretired = true",
            "a retired endpoint is no longer asked and cannot count for a commitment",
            "write `contractual = false`, or remove `retired`",
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
    // What the remedies write is accepted.
    good(&with(timeout, "timeout = \"10s\"\nvalidity = \"1min 10s\""));
    good(&with("delay = \"6h\"", "delay = \"10s\""));
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
fn pages_are_for_everybody_unless_they_are_on_this_machine_only() {
    for (web, public) in [
        ("", false),
        ("[web]\nlisten = \"[::1]:80\"\n", false),
        ("[web]\nlisten = \"0.0.0.0:80\"\n", true),
        ("[web]\npublic = true\n", true),
        ("[web]\nlisten = \"192.0.2.1:80\"\npublic = false\n", false),
    ] {
        let config = good(&with("[close]", &format!("{web}[close]")));
        assert_eq!(config.web.public, public, "{web}");
    }
}

#[test]
fn failures_are_kept_in_full_in_a_number_that_can_be_read() {
    let config = |line: &str| good(&with("[close]", &format!("[retention]\n{line}\n[close]")));
    assert_eq!(config("").retention.failures_in_full, 20);
    assert_eq!(
        config("failures_in_full = 1000").retention.failures_in_full,
        1_000
    );
    check(
        "[close]",
        "[retention]\nfailures_in_full = «1001»\n[close]",
        "`failures_in_full` keeps more of each endpoint than anybody reads",
        "write a number from 1 to 1000",
    );
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

#[test]
fn references_must_resolve_and_ids_be_unique() {
    let membership = "service = \"api\"\nfrom = 2025-01-01";
    let cases = [
        (
            "id = \"second\"",
            "id = «\"entrance\"»",
            "the endpoint id `entrance` is already used in line 13",
            "give each endpoint of the file an id of its own",
        ),
        (
            "service = \"api\"",
            "service = «\"apis\"»",
            "no service has the id `apis`",
            "did you mean `api`?",
        ),
        (
            "service = \"api\"",
            "service = «\"something\"»",
            "no service has the id `something`",
            "write `api`",
        ),
        (
            membership,
            "service = \"api\"\nfrom = 2025-01-01\nuntil = «2025-01-01»",
            "`until` is not after `from`",
            "write the first day on which the partner is no longer connected",
        ),
        (
            membership,
            "service = \"api\"\nfrom = 2025-01-01\n«[[partner.membership]]»\nservice = \"api\"\nfrom = 2025-06-01",
            "the membership overlaps the one of line 45",
            "end the earlier one with `until`, the first day on which the partner is no longer connected",
        ),
    ];
    for (line, marked, message, remedy) in cases {
        check(line, marked, message, remedy);
    }
}

/// One slip is one fault: nothing is concluded from a value that could not be read.
#[test]
fn a_wrong_value_does_not_make_others_wrong() {
    for (line, marked) in [
        ("id = \"api\"", "id = «\"API\"»"),
        ("id = \"entrance\"", "id = «\"Entrance\"»"),
        ("contractual = true", "contractual = «\"true\"»"),
        (
            "interval = \"60s\"\ntimeout = \"10s\"",
            "interval = «300»\ntimeout = \"90s\"",
        ),
        (
            "period = \"text\"",
            "period = \"text\"\nmaintenance = «\"exclude it\"»\nmaintenance_cap = \"8h\"",
        ),
        (
            "[[service.maintenance]]",
            "[[service.commitment]]\nquote = \"q\"\nreference = \"r\"\ntarget = \"99 %\"\nfrom = 2024-01-01\nuntil = «2024-12-31»\nperiod = \"text\"\n\n[[service.maintenance]]",
        ),
    ] {
        let (found, spans) = faults(&with(line, marked));
        let found: Vec<_> = found.into_iter().map(|fault| fault.span).collect();
        assert_eq!(found, spans, "{marked}");
    }
}

#[test]
fn ten_faults_are_ten() {
    let marked = r#"[provider]
name = «7»
contact = «"nobody"»
«colour» = "red"

[web]
listen = «"localhost"»

[[service]]
id = "api"
name = "API"

«[[service.endpoint]]»
id = "entrance"
«intervall» = "60s"
contractual = true

[service.endpoint.http]
url = "https://api.example/ping"
headers = { Authorization = «"Bearer sesame"» }

[[service.commitment]]
quote = "Available 95 % of the time."
reference = "Terms"
target = «95.0»
from = 2025-01-01
period = "text"
rule = { main = «"entry"» }

[[service.maintenance]]
reason = "Update"
daily = { from = "23:00", to = «"23h45"» }
"#;
    let (found, spans) = faults(marked);
    let found: Vec<_> = found.into_iter().map(|fault| fault.span).collect();
    assert_eq!(found.len(), 10);
    assert_eq!(found, spans, "in the order of the file");
}

#[test]
fn a_file_that_is_not_toml_tells_what_can_be_told() {
    let (found, spans) = faults(
        r#"[provider]
name = "Operator«»
contact = «7»

[[service]]
id = «API»
«nam» = "API"
"#,
    );
    let places: Vec<_> = found.iter().map(|fault| fault.span.clone()).collect();
    assert_eq!(places, spans);
    let syntax: Vec<bool> = found
        .iter()
        .map(|fault| fault.message.starts_with("not TOML: "))
        .collect();
    // Nothing is said to be missing: it may be there and could not be read.
    assert_eq!(syntax, [true, false, true, false]);
}

#[test]
fn a_fault_is_shown_with_its_line() {
    let faults = read(&with("name = \"Commune\"", "nam = \"Commune d'Été\"")).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "\
error: `name` is missing in [[partner]]
  --> vigie.toml:41:1
   |
41 | [[partner]]
   | ^^^^^^^^^^^
   |
   = help: add one line of text in quotes, for example `name = \"…\"`

error: unknown key `nam` in [[partner]]
  --> vigie.toml:43:1
   |
43 | nam = \"Commune d'Été\"
   | ^^^
   |
   = help: did you mean `name`?

2 faults in vigie.toml"
    );
    assert!(faults.colored().contains("\u{1b}["));
}

/// A secret that was written in the file all the same is on no screen and in no log: not where it
/// is refused, not beside another fault, not in a file that is not TOML.
#[test]
fn secrets_are_never_shown() {
    let method = "method = \"GET\"";
    for text in [
        with(
            method,
            "headers = { Authorization = \"Bearer sesame\", «X» = 3 }",
        ),
        with(method, "headers = { \"x-api-key\" = 'sesame', X = 3 }"),
        with(method, "headers.Cookie = \"\"\"\nses\nsesame\"\"\"\nX = 3"),
        with(method, "Authorization = \"Bearer sesame\""),
        with(method, "password = \"a \\\" sesame\""),
        with(method, "Authorization = \"Bearer sesame"),
        with(method, "Authorization = sesame"),
        with(
            method,
            "headers = { X-Token = { file = \"x\" }, X-Secret = \"sesame\" }",
        ),
        with(
            method,
            "headers = { X-Token = { env = \"Bearer sesame\" } }",
        ),
        with(
            "https://api.example/ping",
            "https://user:sesame@api.example/ping",
        ),
        with(
            "https://api.example/ping",
            "https://api.example/ping?token=sesame",
        ),
    ] {
        let faults = read(&text).unwrap_err();
        let shown = format!("{faults} {faults:?} {}", faults.colored());
        assert!(!shown.contains("sesame"), "{shown}");
        let error = ConfigError::from(faults);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sesame"), "{shown}");
    }
    // The place of a secret is no secret.
    let faults = read(&with(
        method,
        "headers = { Authorization = { file = \"/etc/here\" } }\nx = 1",
    ));
    assert!(format!("{faults:?}").contains("unknown key `x`"));
}

#[test]
fn a_file_is_found_read_and_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.toml");
    assert_eq!(find(Some(&path)), path);

    let error = load(&path).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("read config `{}`: ", path.display())),
        "{error}"
    );
    assert!(error.contains("--config"), "{error}");

    std::fs::write(&path, b"[provider]\nname = \"\xe9t\xe9\"\n").unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("line 2 is not UTF-8"), "{error}");

    std::fs::write(&path, "[provider]\nname = 3\n").unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(
        error.contains(&format!("{}:2:8", path.display())),
        "{error}"
    );

    let text = format!("{GOOD}\n[store]\npath = \"evidence/vigie.db\"\n");
    std::fs::write(&path, text).unwrap();
    let config = load(&path).unwrap();
    assert_eq!(
        config.store,
        StoreConfig::File(folder.path().join("evidence/vigie.db"))
    );
    assert_eq!(
        config.reports.directory,
        Path::new("/var/lib/vigie/reports")
    );
}

/// Whatever a file looks like, it is read or refused with faults that can be shown.
#[test]
fn a_damaged_file_is_refused_and_not_more() {
    let text = std::fs::read_to_string(repository("config/vigie.toml")).unwrap();
    let cuts = text.char_indices().map(|(at, _)| at).step_by(61);
    let lines: Vec<&str> = text.lines().collect();
    let without_a_line = (0..lines.len()).map(|left_out| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != left_out);
        kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
    });
    for damaged in cuts.map(|at| text[..at].to_owned()).chain(without_a_line) {
        if let Err(faults) = read(&damaged) {
            assert!(
                !faults.as_slice().is_empty(),
                "refused without a reason:\n{damaged}"
            );
            assert!(faults.to_string().contains("vigie.toml:"));
        }
    }
}

// ------------------------------------------------------------------ the files that come with it

#[test]
fn buckets_and_labels_of_metrics() {
    let metrics = good(&with(
        "[close]",
        "[metrics]\nduration_buckets = [\"20ms\", \"1s\"]\nlabels = { environment = \"production\" }\n\n[close]",
    ))
    .metrics;
    assert_eq!(metrics.duration_bounds_ms, [20, 1_000]);
    assert_eq!(metrics.phase_bounds_ms[0], 1);
    assert_eq!(
        metrics.labels,
        [("environment".to_owned(), "production".to_owned())]
    );
    let check = |marked: &str, message: &str, remedy: &str| {
        let marked = format!("[metrics]\n{marked}\n\n[close]");
        check("[close]", &marked, message, remedy);
    };
    check(
        "duration_buckets = [\"1s\", «\"300ms\"»]",
        "`duration_buckets` does not ascend here",
        "write each upper bound once, above 0, the smallest first",
    );
    check(
        "labels = { «job» = \"vigie\", environment = \"test\" }",
        "the label `job` has a meaning already, in our metrics or in Prometheus",
        "choose another name, for example `my_job`",
    );
    check(
        "labels = { «\"team-name\"» = \"a\" }",
        "`team-name` is not the name of a label",
        "write letters, figures and underscores, not a figure first nor `__`, for example `environment`",
    );
    check(
        "labels = { site = «3» }",
        "`site` is a whole number, not a line of text",
        "write `site = \"…\"`",
    );
}

/// What a line that is commented out as `#key = …` or `#[table]` would say.
fn commented_in(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('#')?;
    rest.starts_with(|first: char| first.is_ascii_lowercase() || first == '[')
        .then_some(rest)
}

/// The dotted paths of every key of `table`; what is under `headers` and `labels` has free
/// names.
fn paths(table: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = match (prefix, key) {
            ("", key) => key.clone(),
            (prefix, _) if prefix.ends_with(".headers") || prefix.ends_with(".labels") => {
                prefix.to_owned()
            }
            (prefix, key) => format!("{prefix}.{key}"),
        };
        found.insert(path.clone());
        let tables: Vec<&toml::Table> = match value {
            toml::Value::Table(table) => vec![table],
            toml::Value::Array(items) => items.iter().filter_map(toml::Value::as_table).collect(),
            _ => Vec::new(),
        };
        for table in tables {
            paths(table, &path, found);
        }
    }
}

#[test]
fn a_logo_is_a_picture_that_can_be_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| {
        std::fs::write(folder.path().join("logo"), bytes).unwrap();
        let text = with("[close]", "[reports]\nlogo = \"logo\"\n[close]");
        parse(&text, "vigie.toml", folder.path())
    };
    let logo = std::fs::read(repository("tests/it/report/logo.svg")).unwrap();
    assert!(read(&logo).unwrap().reports.look.logo.is_some());
    assert!(good(GOOD).reports.look.logo.is_none());

    let refused = |bytes: &[u8], why: &str| {
        let faults = read(bytes).unwrap_err();
        let [fault] = faults.as_slice() else {
            panic!("{faults}");
        };
        assert!(fault.message.contains(why), "{}", fault.message);
        assert!(
            fault
                .remedy
                .starts_with("give a PNG, or an SVG whose texts")
        );
    };
    refused(b"GIF89a not ours", "is not a PNG or SVG picture");
    refused(b"\xff\xfe", "is not a PNG or SVG picture");
    refused(b"\x89PNG\r\n\x1a\n cut off", "is not a PNG or SVG picture");
    refused(
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        "is not a PNG or SVG picture",
    );
    refused(
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"90\" height=\"30\"><text y=\"20\">Logo</text></svg>",
        "has text in it",
    );
    refused(&vec![b' '; 300 * 1_024], "is larger than 256 KiB");

    std::fs::remove_file(folder.path().join("logo")).unwrap();
    let text = with("[close]", "[reports]\nlogo = \"logo\"\n[close]");
    let faults = parse(&text, "vigie.toml", folder.path()).unwrap_err();
    assert!(faults.to_string().contains("cannot be read"), "{faults}");
}

#[test]
fn a_collector_and_who_hands_in_are_understood() {
    let config = good(&format!(
        "{GOOD}\n[forward]\nurl = \"https://collector.example/vigie/\"\ntoken = {{ env = \"TOKEN\" }}\n"
    ));
    let StoreConfig::Collector(collector) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!(
        collector.url.to_string(),
        "https://collector.example/vigie/"
    );
    assert_eq!(collector.token, Some(SecretPlace::Env("TOKEN".to_owned())));
    assert_eq!(collector.spool, Path::new("/var/lib/vigie/spool"));
    // What the command line says takes the place of the address, written or not.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vigie.toml");
    for url in ["", "url = \"https://collector.example/\"\n"] {
        let text = format!("{GOOD}\n[forward]\n{url}token = {{ env = \"TOKEN\" }}\n");
        std::fs::write(&file, text).unwrap();
        let overrides = Overrides {
            forward: Some(vigie::config::url("https://other.example/").unwrap()),
        };
        let StoreConfig::Collector(collector) = load_with(&file, overrides).unwrap().store else {
            panic!("a collector")
        };
        assert_eq!(collector.url.host, "other.example");
    }
    std::fs::write(&file, GOOD).unwrap();
    let overrides = Overrides {
        forward: Some(vigie::config::url("https://other.example/").unwrap()),
    };
    let refused = load_with(&file, overrides).unwrap_err().to_string();
    assert!(
        refused.contains("nothing says who hands them in"),
        "{refused}"
    );

    let taking = "[web.intake]\nlisten = \"0.0.0.0:8431\"\ncertificate = { file = \"a.pem\", key_file = \"b.pem\" }\n[[web.intake.vantage]]\nid = \"lyon\"\ntoken = { file = \"lyon\" }\n";
    let intake = good(&format!("{GOOD}\n{taking}")).web.intake.unwrap();
    assert!(matches!(intake.way, IntakeWay::Tls { .. }), "{intake:?}");
    assert_eq!(intake.vantages.len(), 1);
    let proxied = "[web.intake]\nbehind_proxy = true\n[[web.intake.vantage]]\nid = \"lyon\"\ntoken = { file = \"lyon\" }\n";
    let intake = good(&format!("{GOOD}\n{proxied}")).web.intake.unwrap();
    assert_eq!(intake.way, IntakeWay::Proxy);
}

#[test]
fn what_cannot_be_handed_in_is_told() {
    let check = |lines: &str, message: &str, remedy: &str| {
        let marked = format!("{lines}\n[close]\n");
        check("[close]\n", &marked, message, remedy);
    };
    let token = "token = { env = \"TOKEN\" }";
    check(
        &format!("[forward]\nurl = «\"http://collector.example/\"»\n{token}"),
        "observations and the token would cross a network in the clear",
        "write an `https://` address",
    );
    check(
        &format!("«[forward]»\n{token}"),
        "`url` is missing in [forward]",
        "add the collector's address, for example `url = \"https://collector.example/\"`, or give it with `vigie run --forward`",
    );
    check(
        "«[forward]»\nurl = \"https://collector.example/\"",
        "nothing says who hands in: neither `token` nor `certificate` is there",
        "add `token = { file = \"/etc/vigie/token\" }`, or `certificate = { file = \"/etc/vigie/vigie.pem\", key_file = \"/etc/vigie/vigie-key.pem\" }`",
    );
    let forward = format!("[forward]\nurl = \"https://collector.example/\"\n{token}\n");
    check(
        &format!("{forward}[store]\npath = «\"vigie.db\"»"),
        "`path` is about a store, and this instance hands in what it sees",
        "remove `path`, or `[forward]`",
    );
    check(
        &format!("{forward}[mail]\nfolder = «\"letters\"»"),
        "letters are written where the store is, and this instance has none",
        "remove it here, and write it where the collector runs",
    );
    let vantage = "[[web.intake.vantage]]\nid = \"lyon\"\ntoken = { file = \"lyon\" }\n";
    check(
        &format!("«[web.intake]»\nlisten = \"0.0.0.0:8431\"\n{vantage}"),
        "it is not said how other vantages come in",
        "write `listen` and `certificate = { file = \"…\", key_file = \"…\" }`; or `behind_proxy = true` where a proxy with a certificate stands before the pages",
    );
    check(
        "«[web.intake]»\nbehind_proxy = true",
        "nobody may hand in: no vantage is named",
        "add a `[[web.intake.vantage]]` with its `id` and `token` below it",
    );
    let proxied = "[web.intake]\nbehind_proxy = true\n";
    check(
        &format!("{proxied}[[web.intake.vantage]]\nid = «\"main\"»\ntoken = {{ file = \"lyon\" }}"),
        "`main` is this instance itself (`vantage.id`)",
        "give each vantage an id of its own",
    );
    check(
        &format!("{proxied}«[[web.intake.vantage]]»\nid = \"lyon\""),
        "nothing proves that it is this vantage",
        "add `token = { file = \"…\" }`, or `certificate_name` and `client_ca_file` above",
    );
    check(
        &format!(
            "{proxied}{vantage}[[web.intake.vantage]]\nid = «\"lyon\"»\ntoken = {{ file = \"other\" }}"
        ),
        "the vantage `lyon` is named twice",
        "give each vantage one entry",
    );
}

#[test]
fn the_default_file_has_every_key() {
    good(DEFAULT_TOML);
    let all: Vec<&str> = DEFAULT_TOML
        .lines()
        .map(|line| commented_in(line).unwrap_or(line))
        .collect();
    let mut found = BTreeSet::new();
    paths(&all.join("\n").parse().unwrap(), "", &mut found);
    let known = keys();
    let unknown: Vec<_> = found.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "in the file, but not known: {unknown:?}"
    );
    for missing in known.difference(&found) {
        // Another way to write a key that is there, shown in its comment.
        let (_, key) = missing.rsplit_once('.').unwrap();
        assert!(
            DEFAULT_TOML.contains(&format!("{{ {key} = ")),
            "{missing} is not in the file"
        );
    }
    assert!(known.contains("service.endpoint.http.headers.file"));
    assert!(known.len() > 70, "{}", known.len());
}

#[test]
fn what_the_default_file_writes_is_what_leaving_it_out_gives() {
    let whole = Config {
        sha256: String::new(),
        ..good(DEFAULT_TOML)
    };
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    let mut n_defaults = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| {
            key.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        }) else {
            continue;
        };
        let comments = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("# "));
        let required = comments.clone().any(|line| line.contains("Required"))
            || ["reason", "daily", "weekly", "dated"].contains(&key);
        let without: Vec<&str> = lines
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, line)| *line)
            .collect();
        match read(&without.join("\n")) {
            Err(faults) => assert!(required, "line {}: `{key}`\n{faults}", at + 1),
            Ok(config) => {
                assert!(!required, "line {}: `{key}` is not required", at + 1);
                let config = Config {
                    sha256: String::new(),
                    ..config
                };
                assert_eq!(format!("{config:#?}"), format!("{whole:#?}"), "`{key}`");
                n_defaults += 1;
            }
        }
    }
    assert!(n_defaults >= 20, "{n_defaults}");
}

#[test]
fn every_key_without_a_default_can_be_put_in() {
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    let place_of = |start: &str| lines.iter().position(|line| line.starts_with(start));
    for (at, line) in lines.iter().enumerate() {
        let Some(key) = commented_in(line) else {
            continue;
        };
        let (file, url) = (place_of("path = ").unwrap(), place_of("#url = ").unwrap());
        let forward = place_of("#[forward]").unwrap();
        let (web, intake) = (
            place_of("[web]").unwrap(),
            place_of("#[web.intake]").unwrap(),
        );
        let is_of_the_server = file < at && at < forward;
        let mut lines = lines.clone();
        // A table that is left out is put in as a whole.
        let whole = match at {
            _ if forward <= at && at < web => forward..web,
            _ if intake <= at && Some(at) < place_of("[reports]") => {
                intake..place_of("[reports]").unwrap()
            }
            _ => 0..0,
        };
        for line in &mut lines[whole.clone()] {
            *line = commented_in(line).unwrap_or(line);
        }
        if whole.contains(&forward) {
            lines[file] = "";
        }
        // Parcels come over TLS or through a proxy.
        let other_ways: &[&str] = match key.starts_with("behind_proxy") {
            true => &[
                "listen",
                "certificate",
                "client_ca_file",
                "certificate_name",
            ],
            false => &["behind_proxy"],
        };
        if whole.contains(&intake) {
            for line in &mut lines[whole] {
                if other_ways.iter().any(|other| line.starts_with(other)) {
                    *line = "";
                }
            }
        }
        if is_of_the_server {
            lines[file] = "";
            lines[url] = lines[url].trim_start_matches('#');
        }
        lines[at] = key;
        let mut text = lines.join("\n");
        if key.starts_with("maintenance_") {
            text = text.replace("maintenance = \"counted\"", "maintenance = \"excluded\"");
        }
        if key.starts_with("logo") {
            let logo = repository("tests/it/report/logo.svg");
            text = text.replace("/etc/vigie/logo.svg", logo.to_str().unwrap());
        }
        if Some(at) > place_of("[service.endpoint.tcp]")
            && ["tls_name", "ca_file", "certificate_days_min"]
                .iter()
                .any(|terms| key.starts_with(terms))
        {
            text = text.replace("#starttls = ", "starttls = ");
        }
        if key.starts_with("leave_received") {
            text = text.replace("#until = 2026-01-01", "until = 2026-01-01");
        }
        good(&text);
    }
}

#[test]
fn the_reference_has_every_key() {
    let reference = std::fs::read_to_string(repository("docs/configuration.md")).unwrap();
    let sections: Vec<(&str, &str)> = reference
        .split("\n## ")
        .filter_map(|section| section.split_once('\n'))
        .collect();
    for path in keys() {
        // The section of the nearest table that has one; the rest is told in its row.
        let mut table = path.as_str();
        let section = loop {
            let Some((parent, _)) = table.rsplit_once('.') else {
                break None;
            };
            table = parent;
            let headings = [format!("`[{parent}]`"), format!("`[[{parent}]]`")];
            let found = sections
                .iter()
                .find(|(heading, _)| headings.iter().any(|known| known == heading));
            if let Some((_, section)) = found {
                break Some(*section);
            }
        };
        let Some(section) = section else {
            let headings = [format!("`[{path}]`"), format!("`[[{path}]]`")];
            assert!(
                sections
                    .iter()
                    .any(|(heading, _)| headings.iter().any(|known| known == heading)),
                "no section for `{path}`"
            );
            continue;
        };
        let (_, key) = path.rsplit_once('.').unwrap();
        let told = section.contains(&format!("`{key}`")) || section.contains(&format!("{key} = "));
        assert!(told, "`{path}` is not in the reference");
    }
}

#[test]
fn the_installation_file_is_what_it_says() {
    let config = load(&repository("config/vigie.toml")).unwrap_or_else(|error| panic!("{error}"));
    let catalog = &config.catalog;
    assert_eq!(catalog.services.len(), 2);
    assert_eq!(catalog.endpoints().count(), 12);
    assert_eq!(catalog.partners.len(), 10);
    let counting: Vec<&str> = catalog
        .endpoints()
        .filter(|(_, endpoint)| endpoint.contractual)
        .map(|(_, endpoint)| endpoint.id.as_str())
        .collect();
    assert_eq!(counting, ["socle", "entree", "sante"]);
    let retired: Vec<&str> = catalog
        .endpoints()
        .filter(|(_, endpoint)| endpoint.retired)
        .map(|(_, endpoint)| endpoint.id.as_str())
        .collect();
    assert_eq!(retired, ["svair-dgfip"]);
    for (service, quote, period) in [
        (
            "particulier",
            "La DINSIC s'engage à ce que le Service soit accessible à 95% et la DINSIC s'engage à améliorer progressivement ce rendement.",
            PeriodSource::Assumption,
        ),
        (
            "droits-cnam",
            "La DINSIC garantit la disponibilité du Service 95 % du temps mensuel, apprécié au terme de chaque mois. Elle s'engage à améliorer progressivement cette disponibilité.",
            PeriodSource::Text,
        ),
    ] {
        let commitments = &catalog.service(service).unwrap().commitments;
        assert_eq!(commitments.len(), 1);
        assert_eq!(commitments[0].clause.quote, quote);
        assert_eq!(commitments[0].terms.target.to_string(), "95 %");
        assert_eq!(commitments[0].terms.maintenance, Maintenance::Counted);
        assert_eq!(commitments[0].period, period);
    }
    let october = Month::new(2025, 10, chrono_tz::Tz::Europe__Paris)
        .unwrap()
        .window();
    let work: Vec<(&str, i64)> = catalog.services[0]
        .maintenances
        .iter()
        .map(|work| {
            let endpoint = work.endpoint.as_ref().unwrap().as_str();
            (endpoint, work.when.within(october).length_ms() / MINUTE_MS)
        })
        .collect();
    assert_eq!(
        work,
        [
            // 31 nights of 80 minutes; in the one when clocks go back, 02:30 comes first at once.
            ("scolarite-men", 31 * 80),
            ("qf-cnaf-msa", 4 * 45),
            ("c2s", 180),
            ("socle", 180),
        ]
    );
    let region = catalog.partner("region-demonstration").unwrap();
    let windows: Vec<&Window> = region.memberships[0].windows.iter().collect();
    assert_eq!(windows[0].end().to_string(), "2025-11-04T23:00:00.000Z");
}

#[test]
fn the_file_of_a_remote_vantage_is_what_it_says() {
    let config = load(&repository("config/vantage.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(config.store, StoreConfig::Collector(_)));
    assert!(config.catalog.partners.is_empty());
    // What it says of the collector holds there.
    let text = std::fs::read_to_string(repository("config/vantage.toml")).unwrap();
    let intake: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .collect();
    let intake = good(&format!("{GOOD}\n{}\n", intake.join("\n")))
        .web
        .intake
        .unwrap();
    assert_eq!(intake.vantages[0].id, config.vantage);
}

#[test]
fn the_installation_file_can_take_the_later_terms() {
    let text = std::fs::read_to_string(repository("config/vigie.toml")).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| commented_in(line).unwrap_or(line))
        .collect();
    let config = good(&lines.join("\n"));
    let commitments = &config.catalog.service("particulier").unwrap().commitments;
    let targets: Vec<String> = commitments
        .iter()
        .map(|commitment| commitment.terms.target.to_string())
        .collect();
    assert_eq!(targets, ["95 %", "99.5 %"]);
    assert_eq!(commitments[1].period, PeriodSource::Text);
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

// --------------------------------------------------------------------------------------- letters

#[test]
fn letters_are_understood() {
    use vigie::config::{MailSecurity, MailTransport};

    let config = good(GOOD).mail;
    assert_eq!(config.transport, None);
    assert_eq!(config.from, "operator@operator.example");
    assert_eq!(config.label, "Operator");
    assert_eq!(config.attach, ["rapport.pdf"]);

    let config = good(&format!(
        "{GOOD}\n[mail]\nrelay = \"[::1]:25\"\nsecurity = \"plain\"\nfrom = \"a@b.example\"\nbase_url = \"https://r.example/reports/\"\nlink_only = true\nlogin = {{ user = \"vigie\", file = \"password\" }}\n"
    ))
    .mail;
    let Some(MailTransport::Relay(relay)) = config.transport else {
        panic!("{config:?}");
    };
    assert_eq!((relay.host.as_str(), relay.port), ("::1", 25));
    assert_eq!(relay.security, MailSecurity::Plain);
    assert_eq!(relay.hello, "b.example");
    assert_eq!(relay.timeout_ms, MINUTE_MS);
    let place = SecretPlace::File("/etc/vigie/password".into());
    assert_eq!(relay.login, Some(("vigie".to_owned(), place)));
    assert!(config.attach.is_empty());
    assert_eq!(
        config.base_url.as_deref(),
        Some("https://r.example/reports")
    );

    let config = good(&format!("{GOOD}\n[mail]\nfolder = \"letters\"\n")).mail;
    let folder = MailTransport::Folder("/etc/vigie/letters".into());
    assert_eq!(config.transport, Some(folder));
    assert_eq!(config.dkim, None);

    let dkim = |lines: &str| {
        let lines = format!("{GOOD}\n[mail]\nfrom = \"a@api.Exämple.example\"\n{lines}\n");
        good(&lines).mail.dkim.unwrap()
    };
    let signed = dkim("dkim = { selector = \"v1\", file = \"dkim.pem\" }");
    assert_eq!(signed.domain, "api.xn--exmple-cua.example");
    assert_eq!(signed.selector, "v1");
    assert_eq!(signed.key, SecretPlace::File("/etc/vigie/dkim.pem".into()));
    let above = "dkim = { selector = \"v1\", env = \"KEY\", domain = \"xn--exmple-cua.example\" }";
    assert_eq!(dkim(above).key, SecretPlace::Env("KEY".to_owned()));
}

#[test]
fn letters_that_cannot_be_sent_are_refused() {
    let check = |lines: &str, message: &str, remedy: &str| {
        let marked = format!("[mail]\n{lines}\n[close]\n");
        check("[close]\n", &marked, message, remedy);
    };
    check(
        "relay = \"mail.example:25\"\nsecurity = «\"plain\"»",
        "letters and the password would cross a network in the clear",
        "write `\"tls\"` or `\"starttls\"`; `\"plain\"` is for a relay on this machine",
    );
    check(
        "relay = \"mail.example:465\"\nfolder = «\"letters\"»",
        "letters go one way: `relay` is there already",
        "remove `folder`, or `relay`",
    );
    check(
        "link_only = «true»",
        "letters would bring neither the report nor a link to it",
        "write `base_url`, where the reports' folder is served",
    );
    let place = "write `login = { user = \"vigie\", file = \"/etc/vigie/mail-password\" }` or `login = { user = \"vigie\", env = \"MAIL_PASSWORD\" }`";
    check(
        "login = «{ user = \"vigie\" }»",
        "the password has one place: a `file` or an `env`",
        place,
    );
    check(
        "from = \"a@api.operator.example\"\ndkim = { selector = \"vigie\", file = \"dkim.pem\", domain = «\"operator.test\"» }",
        "`operator.test` cannot sign for a sender of `api.operator.example`: receivers would not count its signature (DMARC)",
        "write `domain = \"api.operator.example\"`, or leave it out",
    );
    check(
        "dkim = «{ selector = \"vigie\", file = \"dkim.pem\", env = \"DKIM_KEY\" }»",
        "the key has one place: a `file` or an `env`",
        "write `dkim = { selector = \"vigie\", file = \"/etc/vigie/dkim.pem\" }` or `dkim = { selector = \"vigie\", env = \"DKIM_KEY\" }`",
    );
    check(
        "dkim = { selector = «\"vi gie\"», file = \"dkim.pem\" }",
        "`selector` is not a name that name servers know",
        "write a whole name, in quotes, for example `selector = \"api.example\"`",
    );
    check(
        "attach = [\"rapport.html\", «\"raport.pdf\"»]",
        "no document of a report is called `raport.pdf`",
        "write `\"rapport.pdf\"`",
    );
    check(
        "attach = [«\"../../etc/passwd\"»]",
        "`attach` `../../etc/passwd` is not the name of a document",
        "write its name without a folder, in quotes, for example `attach = [\"rapport.pdf\"]`",
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

#[test]
fn a_database_server_is_understood_and_its_password_is_elsewhere() {
    let config = good(&format!(
        "{GOOD}\n[store]\nurl = \"postgres://vigie@db1.example,db2.example:5433/evidence\"\npassword = {{ file = \"secret\" }}\nstatement_timeout = \"10s\"\n"
    ));
    let StoreConfig::Server(server) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!(
        server.name,
        "postgres://vigie@db1.example:5432,db2.example:5433/evidence"
    );
    assert_eq!(server.security, ServerSecurity::Tls { ca_file: None });
    assert_eq!(server.statement_timeout, std::time::Duration::from_secs(10));
    assert_eq!(server.vantage, config.vantage);
    assert!(matches!(server.password, Some(SecretPlace::File(_))));
    let socket = good(&format!(
        "{GOOD}\n[store]\nurl = \"postgres:///vigie?user=vigie&host=/run/postgresql\"\n"
    ));
    let StoreConfig::Server(server) = &socket.store else {
        panic!("{:?}", socket.store)
    };
    assert_eq!(server.security, ServerSecurity::Plain);
}

#[test]
fn faults_of_a_database_server_are_told() {
    let check = |lines: &str, message: &str, remedy: &str| {
        let marked = format!("[store]\n{lines}\n[close]\n");
        check("[close]\n", &marked, message, remedy);
    };
    check(
        "url = «\"postgres://vigie:hunter2@db.example/vigie\"»",
        "`url` holds a password: addresses are shown and logged",
        "take it out, change it, and write `password = { file = \"/etc/vigie/database-password\" }`",
    );
    check(
        "url = «\"postgres://db.example/vigie\"»",
        "`url` is not the address of a database: it names no user",
        "write `postgres://user@host:port/database` in quotes; several hosts with commas between them, for example `url = \"postgres://vigie@db.example/vigie\"`",
    );
    check(
        "path = \"vigie.db\"\nurl = «\"postgres://vigie@db.example/vigie\"»",
        "observations are kept in one place: `path` is there already",
        "remove `url`, or `path`",
    );
    check(
        "security = «\"plain\"»",
        "`security` belongs to a database server, and none is named",
        "write the server's `url`, or remove `security`",
    );
    check(
        "url = \"postgres://vigie@db.example/vigie\"\npassword = «{ }»",
        "the password has one place: a `file` or an `env`",
        "write `password = { file = \"/etc/vigie/database-password\" }` or `password = { env = \"DATABASE_PASSWORD\" }`",
    );
}

#[test]
fn where_calls_are_counted_is_understood() {
    assert_eq!(good(GOOD).usage, []);
    let with_usage = |lines: &str| {
        let counted = format!(
            "[service.usage]\nprometheus = \"https://prometheus.example/base\"\n{lines}\n\n[[service.commitment]]"
        );
        with("[[service.commitment]]", &counted)
    };
    let text = with_usage(
        "authorization = { env = \"AUTHORIZATION\" }\ncalls = 'c[$month]'\nsuccesses = 's[$month]'",
    );
    let usage = good(&text).usage;
    let [usage] = usage.as_slice() else {
        panic!("{usage:?}")
    };
    assert_eq!(usage.url, "https://prometheus.example/base");
    let place = SecretPlace::Env("AUTHORIZATION".to_owned());
    assert_eq!(usage.authorization, Some(place));
    assert_eq!(usage.service.as_str(), "api");
    assert_eq!(
        (&*usage.calls, &*usage.successes),
        ("c[$month]", "s[$month]")
    );
    assert_eq!((&*usage.label, &*usage.source), ("partner", "Prometheus"));

    let broken = with_usage(
        "authorization = «{ }»\ncalls = «'c[30d]'»\nsuccesses = 's[$month]'\nlabel = «\"2nd\"»",
    );
    let (found, spans) = faults(&broken);
    let mut found: Vec<_> = (found.iter())
        .map(|one| (one.span.clone(), &*one.message))
        .collect();
    found.sort_by_key(|(span, _)| span.start);
    let expected = [
        "the authorization has one place: a `file` or an `env`",
        "`calls` does not say which time it counts",
        "`label` `2nd` is not the name of a label",
    ];
    let expected: Vec<_> = spans.into_iter().zip(expected).collect();
    assert_eq!(found, expected);
}
