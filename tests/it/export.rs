//! Leaving for another tool.
//!
//! Goal: everything that was seen, settled and said can be taken away, complete and readable by
//! programs that are not ours. Method: the built program in an installation that saw October 2025;
//! its CSV is read back by `vigie import`, its Parquet (ignored) by Apache's own reader.

use std::process::Command;

use crate::cli::Place;

fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn exported_observations_are_read_back_and_settle_to_the_same() {
    let from = Place::new();
    let said = from.say(&["export", "observations"]);
    assert_eq!(said.status, 0, "{said:?}");
    let rows = rows(&said.out);
    assert_eq!(
        rows[0].join(","),
        "endpoint,vantage,tick,at,outcome,cause,latency_ms"
    );
    // Every half hour of a month of 745 hours, and half a day on both sides.
    assert_eq!(rows.len(), 1 + 2 * (745 + 24));
    assert!(rows[1..].is_sorted_by_key(|row| row[3]));
    assert_eq!(
        rows[1].join(","),
        "socle,demo,2025-09-30T10:00:00.000Z,2025-09-30T10:00:00.000Z,answered,,120"
    );
    let n_failed = rows
        .iter()
        .filter(|row| row[4] == "failed" && row[5] == "status:502" && row[6].is_empty());
    assert_eq!(n_failed.count(), 12);

    // Into a store that saw nothing itself.
    let file = from.file("all.csv", &said.out);
    let text = std::fs::read_to_string(from.path("vigie.toml")).unwrap();
    let other = from.file(
        "other.toml",
        text.replace("path = \"vigie.db\"", "path = \"other.db\""),
    );
    crate::cli::say(&[
        "--config",
        &other,
        "import",
        "csv",
        &file,
        "--endpoint",
        "socle",
    ])
    .check(0, &["1538 new observations"]);
    let explained = |config: &str| {
        let said = crate::cli::say(&[
            "--config",
            config,
            "explain",
            "particulier",
            "2025-10",
            "--partner",
            "valfictif",
        ]);
        assert_eq!(said.status, 0, "{said:?}");
        said.out
    };
    let own = from.path("vigie.toml").display().to_string();
    assert_eq!(explained(&other), explained(&own));
}

#[test]
fn a_part_is_exported_by_time_and_by_name() {
    let place = Place::new();
    let day = [
        "--from",
        "2025-10-01T00:00:00+02:00",
        "--until",
        "2025-10-02T00:00:00+02:00",
    ];
    let said = place.say(&[&["export", "observations"], &day[..]].concat());
    assert_eq!(rows(&said.out).len(), 1 + 48);

    // The day in states: up, six hours down, up; the service and its only endpoint alike.
    let said = place.say(&[&["export", "segments"], &day[..]].concat());
    let expected = |endpoint: &str| {
        [
            (
                "2025-09-30T22:00:00.000Z,2025-10-01T10:00:00.000Z,43200000",
                "up",
            ),
            (
                "2025-10-01T10:00:00.000Z,2025-10-01T16:00:00.000Z,21600000",
                "down",
            ),
            (
                "2025-10-01T16:00:00.000Z,2025-10-01T22:00:00.000Z,21600000",
                "up",
            ),
        ]
        .map(|(window, state)| format!("particulier,{endpoint},{window},{state}\r\n"))
        .concat()
    };
    assert_eq!(
        said.out,
        format!(
            "service,endpoint,start,end,length_ms,state\r\n{}{}",
            expected(""),
            expected("socle")
        )
    );
    let said = place.say(&[&["export", "segments", "--endpoint", "socle"], &day[..]].concat());
    assert_eq!(rows(&said.out).len(), 1 + 3);

    place
        .say(&["export", "observations", "--endpoint", "nope"])
        .check(2, &["`nope`", "known are `socle`"]);
    place
        .say(&["export", "statements", "--endpoint", "socle"])
        .check(2, &["--service"]);
    place
        .say(&["export", "observations", "--from", "yesterday"])
        .check(2, &["--from"]);
    place
        .say(&["export", "observations", "-o", "/nowhere/all.csv"])
        .check(3, &["/nowhere/all.csv"]);
}

#[test]
fn statements_are_exported_with_their_digests() {
    let place = Place::new();
    let none = place.say(&["export", "statements"]);
    assert_eq!((none.status, rows(&none.out).len()), (0, 1), "{none:?}");
    place.say(&["close", "2025-10"]).check(0, &["saved"]);
    let file = place.path("statements.csv").display().to_string();
    place
        .say(&["export", "statements", "-o", &file])
        .check(0, &["1 rows in"]);
    let mut table = csv::Reader::from_path(&file).unwrap();
    let names = table.headers().unwrap().clone();
    let row = table.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[names.iter().position(|column| column == name).unwrap()];
    assert_eq!(cell("month"), "2025-10");
    assert_eq!(cell("verdict"), "met");
    assert_eq!(cell("lower_percent"), "99.19");
    assert_eq!(cell("down_ms"), "21600000");
    assert_eq!(cell("evidence_sha256").len(), 64);
    assert!(!place.path("statements.csv.part").exists());
}

/// Apache's own reader, from PyPI: the same rows, with types.
#[test]
#[ignore = "needs pyarrow: tests/all"]
fn apache_arrow_reads_our_parquet() {
    let place = Place::new();
    place.say(&["close", "2025-10"]).check(0, &["saved"]);
    for (what, n_rows) in [
        ("observations", 1_538),
        ("segments", 2 * 7),
        ("statements", 1),
    ] {
        let file = place
            .path(what)
            .with_extension("parquet")
            .display()
            .to_string();
        place
            .say(&["export", what, "-o", &file])
            .check(0, &[&format!("{n_rows} rows in")]);
        let csv = place.say(&["export", what]).out;
        let read = Command::new(std::env::var("VIGIE_TEST_PYTHON").unwrap_or("python3".to_owned()))
            .args(["-c", READ, &file])
            .output()
            .unwrap();
        assert!(read.status.success(), "{read:?}");
        assert_eq!(
            String::from_utf8(read.stdout).unwrap(),
            csv.replace("\r\n", "\n"),
            "{what}"
        );
    }
}

/// Prints a Parquet file as our CSV shows it.
const READ: &str = r"
import csv, sys, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
def show(value):
    if value is None: return ''
    if hasattr(value, 'isoformat'): return value.strftime('%Y-%m-%dT%H:%M:%S.') + '%03dZ' % (value.microsecond // 1000)
    if isinstance(value, float): return ('%.3f' % value).rstrip('0').rstrip('.')
    return str(value)
out = csv.writer(sys.stdout, lineterminator='\n')
out.writerow(table.column_names)
for row in table.to_pylist():
    out.writerow(show(row[name]) for name in table.column_names)
";
