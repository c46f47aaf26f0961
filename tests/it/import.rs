//! Coming from another tool.
//!
//! Goal: what another tool saw counts as what it saw and no more; it is marked as such wherever it
//! is shown; and what is not readable leaves no trace. Method: the built program in an
//! installation that saw October 2025 itself, files written here, a server on loopback that says
//! what a test tells it to say, and (ignored) a real Prometheus; only output, statements and
//! evidence are looked at.

pub(crate) mod prometheus;

use std::fmt::Write as _;

use rusqlite::Connection;

use crate::cli::{Place, Said};

/// Lines every half hour of September 2025 in Paris, and until Vigie began to look itself at noon
/// of its last day; `0` in `failing` half hours from the start of the month on.
fn september(failing: std::ops::Range<i64>) -> String {
    let start = 1_756_677_600_i64; // 2025-09-01T00:00+02:00
    let mut text = "at,outcome,latency_ms\n".to_owned();
    for half_hour in 0..(29 * 48 + 24) {
        let at = chrono::DateTime::from_timestamp(start + half_hour * 1_800, 0).unwrap();
        let at = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let (outcome, latency) = match failing.contains(&half_hour) {
            true => ("0", ""),
            false => ("1", "81.25"),
        };
        writeln!(text, "{at},{outcome},{latency}").unwrap();
    }
    text
}

fn import_csv(place: &Place, file: &str, more: &[&str]) -> Said {
    place.say(&[&["import", "csv", file, "--endpoint", "socle"], more].concat())
}

fn explain(place: &Place, month: &str) -> String {
    let said = place.say(&["explain", "particulier", month, "--partner", "valfictif"]);
    assert_eq!(said.status, 0, "{said:?}");
    said.out
}

/// The time of a class, as `explain` sums it up; empty if there is none.
fn time_of<'a>(explanation: &'a str, class: &str) -> &'a str {
    let (_, sums) = explanation.split_once("Time by class").unwrap();
    sums.lines()
        .find_map(|line| line.trim().strip_prefix(class)?.split_whitespace().next())
        .unwrap_or_default()
}

/// Nothing was imported: no record, no entry, no observation before Vigie's own.
fn check_untouched(place: &Place) {
    place
        .say(&["import", "list"])
        .check(0, &["nothing was imported"]);
    let journal = place.say(&["journal", "show"]);
    assert!(!journal.out.contains("evidence_imported"), "{journal:?}");
    let connection = Connection::open(place.path("vigie.db")).unwrap();
    let n_series: i64 = connection
        .query_row("SELECT count(*) FROM series", [], |row| row.get(0))
        .unwrap();
    assert_eq!(n_series, 1);
}

#[test]
fn lines_of_another_tool_become_evidence_that_says_so() {
    let place = Place::new();
    let file = place.file("september.csv", september(48..54));

    let dry = import_csv(&place, &file, &["--dry-run"]);
    dry.check(
        0,
        &[
            "1416 observations from 2025-08-31T22:00:00.000Z to 2025-09-30T09:30:00.000Z: 1410 answered, 6 failed, 0 void",
            "no silence",
            "as vantage `import-csv` of endpoint `socle`",
            "2025-09  without: undetermined (",
            "with: met (99.5",
            "dry run: nothing was written",
        ],
    );
    check_untouched(&place);

    import_csv(&place, &file, &[]).check(0, &["imported: 1416 new observations"]);
    // The file's own digest, as `sha256sum` gives it.
    let sha256 = vigie::exchange::sha256_hex(september(48..54).as_bytes());
    place.say(&["import", "list"]).check(
        0,
        &["socle@import-csv: 1416 observations", "csv: ", &sha256],
    );
    place.say(&["journal", "show"]).check(
        0,
        &["evidence_imported", &sha256, "\"vantage\":\"import-csv\""],
    );
    place.say(&["journal", "verify"]).check(0, &["is whole"]);

    // Three hours of the 2nd of September failed, and October has its own six hours still.
    let september = explain(&place, "2025-09");
    assert!(september.contains("Verdict: met"), "{september}");
    assert_eq!(time_of(&september, "down"), "3:00:00.000", "{september}");
    let october = explain(&place, "2025-10");
    assert_eq!(time_of(&october, "down"), "6:00:00.000", "{october}");

    // A second time it changes nothing, and says so.
    import_csv(&place, &file, &[]).check(
        0,
        &[
            "imported: 0 new observations, 1416 were there already",
            "the same was imported on",
        ],
    );
    assert_eq!(explain(&place, "2025-09"), september);
    place.say(&["journal", "verify"]).check(0, &["is whole"]);

    // Statement and evidence agree, and both name the other tool.
    place.say(&["close", "2025-09"]).check(0, &["saved"]);
    let evidence = place.say(&[
        "evidence",
        "--service",
        "particulier",
        "--partner",
        "valfictif",
        "--month",
        "2025-09",
    ]);
    assert!(
        evidence.out.contains("\"id\": \"import-csv\", \"present\""),
        "{}",
        &evidence.out[..2_000]
    );
    let statement = vigie::exchange::settle_document(evidence.out.as_bytes()).unwrap();
    let statement = String::from_utf8(statement).unwrap();
    assert!(statement.contains("\"verdict\": \"met\""), "{statement}");
}

/// The switch in mid-month: an outage after it is Down although the other tool is silent by then,
/// and one before it although Vigie was not there yet.
#[test]
fn an_outage_on_either_side_of_the_switch_is_down() {
    let place = Place::new();
    let before = september(48 * 29 + 18..48 * 29 + 24);
    let file = place.file("september.csv", before);
    import_csv(&place, &file, &[]).check(0, &["with: met ("]);
    // Vigie itself saw the last twelve hours of September, and six hours of failures in October.
    let september = explain(&place, "2025-09");
    assert_eq!(time_of(&september, "down"), "3:00:00.000", "{september}");
    assert_eq!(time_of(&september, "unknown"), "", "{september}");
}

#[test]
fn what_cannot_be_read_leaves_no_trace() {
    let place = Place::new();
    let good = "at,outcome\n2025-09-01T00:00:00Z,up\n";
    for (content, parts) in [
        ("", &["names no column `at`"][..]),
        ("time,state\n", &["names no column `at`", "`latency_ms`"]),
        (
            "at;outcome\n2025-09-01T00:00:00Z;up\n",
            &["names no column `at`", "separated by commas"],
        ),
        ("at,outcome,uptime\n", &["column `uptime` is not known"]),
        (
            "at,outcome\n2025-09-01T00:00:00Z,0.5\n",
            &["line 2", "`0.5` is not an outcome", "nothing was imported"],
        ),
        (
            "at,outcome\n2025-09-01T00:00:00Z,up\n2025-09-01 01:00,up\n",
            &["line 3", "column `at`", "2025-09-01 01:00"],
        ),
        (
            "at,outcome\n2025-09-01T00:00:00Z,up,1\n",
            &["line 2", "3 columns", "head has 2"],
        ),
        (
            "at,outcome,cause\n2025-09-01T00:00:00Z,failed,tired\n",
            &["line 2", "`tired` is not a cause"],
        ),
        (
            "at,outcome,latency_ms\n2025-09-01T00:00:00Z,up,-3\n",
            &["line 2", "`-3` is not a number of milliseconds"],
        ),
        (
            "at,outcome\n2925-09-01T00:00:00Z,up\n",
            &["line 2", "lies in the future"],
        ),
        ("at,outcome\n", &["there is nothing in it"]),
        (
            "endpoint,vantage,at,outcome\na,x,2025-09-01T00:00:00Z,1\nb,x,2025-09-01T00:00:00Z,1\n",
            &["2 series", "  a@x\n  b@x", "--series"],
        ),
    ] {
        let file = place.file("bad.csv", content);
        import_csv(&place, &file, &[]).check(2, parts);
    }
    let file = place.file("bad.csv", b"at,outcome\n\xff\xfe,1\n");
    import_csv(&place, &file, &[]).check(2, &["line 2", "not UTF-8"]);
    import_csv(&place, "/nowhere.csv", &[]).check(3, &["/nowhere.csv"]);

    let file = place.file("good.csv", good);
    import_csv(&place, &file, &["--from", "2025-10-01"])
        .check(2, &["nothing from 2025-09-30T22:00"]);
    import_csv(&place, &file, &["--vantage", "demo"]).check(2, &["must begin with `import-`"]);
    import_csv(&place, &file, &["--series", "socle"]).check(2, &["--series"]);
    place
        .say(&["import", "csv", &file, "--endpoint", "nope"])
        .check(2, &["`nope`", "known are `socle`"]);
    check_untouched(&place);
}

/// The name that marks imported evidence cannot be taken by a vantage that probes.
#[test]
fn no_vantage_of_ours_looks_imported() {
    let place = Place::new();
    let text = std::fs::read_to_string(place.path("vigie.toml")).unwrap();
    let wrong = text.replace("id = \"demo\"", "id = \"import-demo\"");
    let config = place.file("wrong.toml", wrong);
    crate::cli::say(&["--config", &config, "check"])
        .check(2, &["import-demo", "imported from other tools", "paris-1"]);
}

/// The part of Uptime Kuma's tables that matters, as its migrations make them: version 1's, and
/// what version 2 added.
fn kuma(place: &Place, name: &str, version: u8) -> (String, Connection) {
    let path = place.path(name);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE monitor (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, name VARCHAR(150),
                 active BOOLEAN DEFAULT 1 NOT NULL, user_id INTEGER, interval INTEGER DEFAULT 20 NOT NULL,
                 url TEXT, type VARCHAR(20), maxretries INTEGER NOT NULL DEFAULT 0,
                 upside_down BOOLEAN DEFAULT 0 NOT NULL);
             CREATE TABLE heartbeat (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
                 important BOOLEAN DEFAULT 0 NOT NULL, monitor_id INTEGER NOT NULL,
                 status SMALLINT NOT NULL, msg TEXT, time DATETIME NOT NULL, ping INTEGER,
                 duration INTEGER DEFAULT 0 NOT NULL, down_count INTEGER DEFAULT 0 NOT NULL);
             INSERT INTO monitor (name, type, maxretries) VALUES ('API', 'http', 2);
             INSERT INTO heartbeat (monitor_id, status, time, ping, msg) VALUES
                 (1, 1, '2025-09-01 10:00:00.123', 80, '200 - OK'),
                 (1, 2, '2025-09-01 10:30:00.200', NULL, 'connect ECONNREFUSED'),
                 (1, 0, '2025-09-01 11:00:00.300', NULL, 'connect ECONNREFUSED'),
                 (1, 3, '2025-09-01 11:30:00', NULL, 'Monitor under maintenance'),
                 (1, 1, '2025-09-01 12:00:00.5', 4.25, '200 - OK');",
        )
        .unwrap();
    if version == 2 {
        connection
            .execute_batch(
                "ALTER TABLE heartbeat ADD COLUMN end_time DATETIME DEFAULT NULL;
                 ALTER TABLE heartbeat ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
                 ALTER TABLE heartbeat ADD COLUMN response TEXT DEFAULT NULL;",
            )
            .unwrap();
    }
    (path.display().to_string(), connection)
}

fn import_kuma(place: &Place, file: &str, more: &[&str]) -> Said {
    place.say(&[&["import", "kuma", file, "--endpoint", "socle"], more].concat())
}

#[test]
fn the_beats_of_uptime_kuma_are_read() {
    for version in [1, 2] {
        let place = Place::new();
        let (file, connection) = kuma(&place, "kuma.db", version);
        drop(connection);
        import_kuma(&place, &file, &[]).check(
            0,
            &[
                "5 observations from 2025-09-01T10:00:00.123Z to 2025-09-01T12:00:00.500Z: 2 answered, 2 failed, 1 void",
                "beats under Kuma's maintenance: 1;",
                "monitor 1 `API`",
                "imported: 5 new observations",
            ],
        );
        // From the first failed attempt on, not from when Kuma believed it.
        let september = explain(&place, "2025-09");
        assert_eq!(time_of(&september, "down"), "0:59:59.800", "{september}");
    }
}

#[test]
fn a_monitor_of_uptime_kuma_is_chosen() {
    let place = Place::new();
    let (file, connection) = kuma(&place, "kuma.db", 1);
    connection
        .execute_batch(
            "INSERT INTO monitor (name, type) VALUES ('Web', 'group'), ('Web', 'http');
             INSERT INTO heartbeat (monitor_id, status, time) VALUES (2, 2, '2025-09-02 10:00:00.123');",
        )
        .unwrap();
    drop(connection);
    import_kuma(&place, &file, &[]).check(
        2,
        &[
            "3 series",
            "1 `API` (http, 5 beats)",
            "2 `Web` (group, 1 beats)",
            "--monitor",
        ],
    );
    import_kuma(&place, &file, &["--monitor", "Web"]).check(2, &["2 series", "3 `Web`"]);
    import_kuma(&place, &file, &["--monitor", "Nope"]).check(2, &["3 series"]);
    import_kuma(&place, &file, &["--monitor", "3"]).check(2, &["nothing in it"]);
    check_untouched(&place);
    // A group that is pending says nothing.
    import_kuma(&place, &file, &["--monitor", "2", "--dry-run"]).check(0, &["0 failed, 1 void"]);
    import_kuma(&place, &file, &["--monitor", "API"]).check(0, &["5 new"]);
}

#[test]
fn what_is_not_uptime_kuma_leaves_no_trace() {
    let place = Place::new();
    let file = place.file("kuma.db", "I am a text, and a long one: ".repeat(100));
    import_kuma(&place, &file, &[]).check(2, &["not an SQLite file", "MariaDB"]);
    let file = place.path("empty.db").display().to_string();
    Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE monitors (id)")
        .unwrap();
    import_kuma(&place, &file, &[]).check(2, &["not Uptime Kuma's `kuma.db`: no such table"]);

    let (file, connection) = kuma(&place, "other.db", 1);
    connection
        .execute("UPDATE heartbeat SET status = 7 WHERE id = 2", [])
        .unwrap();
    import_kuma(&place, &file, &[]).check(2, &["beat 2", "status 7"]);
    connection
        .execute(
            "UPDATE heartbeat SET status = 0, time = 'noon' WHERE id = 2",
            [],
        )
        .unwrap();
    import_kuma(&place, &file, &[]).check(2, &["beat 2", "`noon` is not a time"]);
    // Kuma still writes it: what stands in its log would be missing.
    connection
        .execute_batch(
            "PRAGMA journal_mode = wal; UPDATE heartbeat SET time = '2925-01-01 00:00:00'",
        )
        .unwrap();
    import_kuma(&place, &file, &[]).check(2, &["other.db-wal", ".backup"]);
    drop(connection);
    import_kuma(&place, &file, &[]).check(2, &["lies in the future"]);
    check_untouched(&place);
}
