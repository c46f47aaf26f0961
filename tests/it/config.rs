//! Configuration: what is meant is understood, and what is wrong is told with its place and a
//! remedy, all of it at once.
//!
//! Method: a small good file, in which each case replaces one line; `«…»` marks where the fault
//! must be found.

mod assertions;
mod commitment;
mod edges;
mod endpoint;
mod shipped;

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
