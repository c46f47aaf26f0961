//! The commands, as somebody at a terminal or a script meets them.
//!
//! Goal: every command does what its help says, tells by its exit status what came of it, says
//! what to do when it refuses, and shows no secret. Method: the built program in a folder that
//! goes away, with a store that saw October 2025; only its output, its exit status and the files
//! it leaves are looked at.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use vigie::sla::catalog::{EndpointId, VantageId};
use vigie::sla::explanation::{Assessment, Explanation, Hop};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Phases, Trace};
use vigie::sla::window::Timestamp;

use crate::close::Installation;
use crate::probe::zoo::Authority;

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn check(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        for part in parts {
            let said = self.out.contains(part) || self.err.contains(part);
            assert!(said, "`{part}` is missing: {self:?}");
        }
    }
}

fn vigie(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(arguments)
        .env("USER", "essai")
        .env_remove("SUDO_USER")
        .env("TEST_SECRET", SECRET_OF_ENVIRONMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that ends before it reads its input has its reasons.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub(crate) fn say(arguments: &[&str]) -> Said {
    say_with(arguments, b"")
}

fn say_with(arguments: &[&str], input: &[u8]) -> Said {
    let output = vigie(arguments, input);
    Said {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An installation that saw October 2025, with its configuration in a file.
pub(crate) struct Place {
    installation: Installation,
    config: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let installation = Installation::with_october();
        let config = installation.path("vigie.toml").display().to_string();
        Self {
            installation,
            config,
        }
    }

    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        say(&[&["--config", &self.config], arguments].concat())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.installation.path(name)
    }

    /// Writes a file that few can read, and gives its path as an argument.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        let few_eyes = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, few_eyes).unwrap();
        path.display().to_string()
    }

    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("vigie.db")).unwrap()
    }
}

const EVIDENCE: [&str; 7] = [
    "evidence",
    "--service",
    "particulier",
    "--partner",
    "valfictif",
    "--month",
    "2025-10",
];

#[test]
fn every_command_explains_itself() {
    fn visit(command: &[&str], met: &mut Vec<String>) {
        let said = say(&[command, &["--help"]].concat());
        said.check(0, &["Usage: vigie"]);
        assert_eq!(said.err, "");
        met.push(command.join(" "));
        let commands = said
            .out
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for line in commands {
            let (name, about) = line.trim().split_once(' ').unwrap();
            assert!(about.trim().len() > 10, "{command:?}: {line}");
            if name != "help" {
                visit(&[command, &[name]].concat(), met);
            }
        }
    }
    let mut met = Vec::new();
    visit(&[], &mut met);
    for command in [
        "run",
        "check",
        "probe",
        "trace",
        "status",
        "close",
        "explain",
        "settle",
        "verify",
        "evidence",
        "demo",
        "declare maintenance",
        "declare accept",
        "journal verify",
        "key new",
    ] {
        assert!(met.iter().any(|one| one == command), "{command}: {met:?}");
    }
    say(&["--help"]).check(
        0,
        &[
            "Exit status: 0 done; 1 done, and the answer is no",
            "First steps:",
        ],
    );
    say(&["--version"]).check(0, &["vigie ", "tzdata"]);
    say(&[]).check(2, &["Usage: vigie"]);
    say(&["clsoe"]).check(2, &["close"]);
}

#[test]
fn ten_faults_of_a_configuration_are_ten_messages() {
    let place = Place::new();
    let text = std::fs::read_to_string(&place.config).unwrap();
    let wrong = [
        (
            "name = \"Opérateur d'essai\"",
            "nom = \"Opérateur d'essai\"",
        ),
        ("id = \"demo\"", "id = \"Démo\""),
        ("path = \"vigie.db\"", "path = 5"),
        ("interval = \"30min\"", "interval = \"30 moments\""),
        (
            "url = \"http://127.0.0.1:9/api/ping\"",
            "url = \"ftp://127.0.0.1/\"",
        ),
        ("target = \"95 %\"", "target = \"950 %\""),
        ("from = 2019-01-01", "from = 2019-01-02"),
        ("zone = \"Europe/Paris\"", "zone = \"Europe/Pairs\""),
        ("language = \"fr\"", "language = \"latin\""),
        ("until = 2025-10-01", "until = 2023-10-01"),
    ]
    .iter()
    .fold(text, |text, (right, wrong)| {
        assert!(text.contains(right), "{right}");
        text.replacen(right, wrong, 1)
    });
    let config = place.file("wrong.toml", wrong);
    let said = say(&["--config", &config, "check"]);
    let n_places = said.err.matches("--> ").count();
    let last = said.err.lines().last();
    let n_said = last.and_then(|line| line.split(' ').next()?.parse().ok());
    assert_eq!(n_said, Some(n_places), "{}", said.err);
    assert!(n_places >= 10, "{}", said.err);
    for part in [
        "nom",
        "Démo",
        "30 moments",
        "ftp://",
        "950 %",
        "2019-01-02",
        "Europe/Pairs",
        "latin",
        "2023-10-01",
        "path = 5",
    ] {
        said.check(2, &[part]);
    }
    assert_eq!(said.out, "");
    // Right ones are counted, and a file that is not there is named.
    place
        .say(&["check"])
        .check(0, &["1 service, 1 endpoint, 3 partners"]);
    say(&["--config", "/nowhere/vigie.toml", "check"])
        .check(2, &["/nowhere/vigie.toml", "--config"]);
}

#[test]
fn a_client_certificate_whose_time_is_over_is_told_at_its_line() {
    let place = Place::new();
    let authority = Authority::new("Clients");
    let ours = authority.issue(&["vigie.example"], (2020, 2024));
    place.file("ca.pem", authority.pem());
    place.file("old.pem", &ours.pem);
    place.file("old-key.pem", ours.key.serialize_pem());
    let text = std::fs::read_to_string(&place.config).unwrap();
    let config = place.file(
        "old.toml",
        text.replace(
            "url = \"http://127.0.0.1:9/api/ping\"",
            "url = \"https://127.0.0.1:9/api/ping\"\nca_file = \"ca.pem\"\n\
             client_certificate = { file = \"old.pem\", key_file = \"old-key.pem\" }",
        ),
    );
    say(&["--config", &config, "check"]).check(
        2,
        &[
            "failed to use the client certificate in `",
            "old.pem`: it ended on 2024-01-01 00:00 UTC",
            "| client_certificate = { file",
            "help: renew it",
            "1 fault in ",
        ],
    );
}

#[test]
fn the_default_configuration_can_be_printed() {
    let said = say(&["check", "--print-default"]);
    said.check(0, &["[[service.endpoint]]"]);
    assert_eq!(said.out, vigie::config::DEFAULT_TOML);
}

/// The way of a partner who doubts: the evidence is handed out, settled elsewhere, and compared.
#[test]
fn a_month_is_closed_handed_out_settled_again_and_verified() {
    let place = Place::new();
    place
        .say(&["close", "2025-10", "--dry-run"])
        .check(0, &["valfictif", "met", "dry run"]);
    assert!(!place.path("rapports").exists());
    place.say(&["close", "2025-10"]).check(
        0,
        &[
            "2025-10-particulier-v1",
            "met",
            "at least 99.19 %",
            "saved, ",
        ],
    );
    place
        .say(&["close", "2025-10"])
        .check(0, &["saved before, "]);
    let statement = place.path("rapports/valfictif/2025-10/particulier-v1/statement.json");
    let published = std::fs::read(&statement).unwrap();
    let statement = statement.display().to_string();

    let evidence = place.say(&EVIDENCE);
    evidence.check(0, &["vigie-evidence/1"]);
    let settled = vigie(&["settle", "-"], evidence.out.as_bytes());
    assert_eq!(settled.status.code(), Some(0));
    assert!(settled.stdout == published, "other bytes than published");
    let evidence = place.file("evidence.json", &evidence.out);
    assert!(vigie(&["settle", &evidence], b"").stdout == published);
    say(&["verify", &statement, &evidence]).check(0, &["verified"]);

    let text = String::from_utf8(published).unwrap();
    let down = "\"down\": 21600000";
    assert!(text.contains(down), "{text}");
    let flattered = place.file("flattered.json", text.replace(down, "\"down\": 21599999"));
    say(&["verify", &flattered, &evidence]).check(
        1,
        &[
            "differs at `tally_ms.down`",
            "21599999",
            "the evidence gives 21600000",
        ],
    );
    let broken = place.file("broken.json", "{");
    say(&["verify", &broken, &evidence]).check(2, &["statement"]);
    say(&["verify", "/nowhere.json", &evidence]).check(2, &["/nowhere.json"]);

    for input in ["", "{}", "[1]", "{\"format\": \"vigie-evidence/9\"}"] {
        let said = say_with(&["settle", "-"], input.as_bytes());
        said.check(2, &["vigie: failed to "]);
        assert_eq!(said.out, "", "{input}");
    }
    place
        .say(&["close", "2025-10", "--partner", "valfictive"])
        .check(2, &["known are `valfictif`"]);
    place
        .say(&["close", "2025-07"])
        .check(2, &["known are 2025-09 to 2025-11"]);
    place
        .say(&["close", "2025-10", "--revise"])
        .check(2, &["--reason"]);
    place
        .say(&["close", "2025-10", "--revise", "--reason", ""])
        .check(2, &["--reason"]);
    place.say(&["journal", "show"]).check(
        0,
        &["statement_saved", "report_written", "evidence_exported"],
    );
    // The folder of the reports is in the way: that is no fault of the arguments.
    std::fs::remove_dir_all(place.path("rapports")).unwrap();
    place.file("rapports", "");
    place.say(&["close", "2025-10"]).check(3, &["rapports"]);
}

#[test]
fn a_signed_statement_is_verified_and_the_private_key_is_shown_to_nobody() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let private = place.path("vigie.key").display().to_string();
    let made = say(&["key", "new", &private]);
    made.check(0, &[]);
    let mode = std::fs::metadata(&private).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let pem = std::fs::read_to_string(&private).unwrap();
    let public = say(&["key", "public", &private]);
    assert_eq!(public.out, made.out);
    for line in pem.lines().filter(|line| !line.starts_with("---")) {
        assert!(!made.out.contains(line) && !made.err.contains(line));
    }
    let again = say(&["key", "new", &private]);
    assert_ne!(again.status, 0, "{again:?}");
    assert_eq!(std::fs::read_to_string(&private).unwrap(), pem);

    let evidence = place.say(&EVIDENCE).out;
    let statement = vigie(&["settle", "-"], evidence.as_bytes()).stdout;
    let evidence = place.file("evidence.json", evidence);
    let signature = vigie::exchange::SigningKey::from_pem(&pem)
        .unwrap()
        .sign(&statement, "2025-10-particulier-v1");
    let file = place.file("statement.json", &statement);
    place.file("statement.json.minisig", &signature);
    let key = place.file("vigie.pub", &made.out);
    let verify = |file: &str, key: &str| say(&["verify", file, &evidence, "--key", key]);
    verify(&file, &key).check(0, &["signature holds: 2025-10-particulier-v1", "verified"]);

    let other = say(&["key", "new", &place.path("other.key").display().to_string()]);
    let other = place.file("other.pub", other.out);
    verify(&file, &other).check(1, &["not verified"]);
    let changed = place.file("changed.json", [&statement[..], b"\n"].concat());
    place.file("changed.json.minisig", &signature);
    verify(&changed, &key).check(1, &["not verified"]);
    let unsigned = place.file("unsigned.json", &statement);
    verify(&unsigned, &key).check(2, &["unsigned.json.minisig"]);
}

#[test]
fn evidence_is_verified_backed_up_restored_and_kept_as_long_as_it_should_be() {
    let place = Place::new();
    place
        .say(&["evidence", "verify"])
        .check(0, &["the evidence is whole: "]);
    // Nothing to export was named.
    place.say(&["evidence"]).check(2, &["--service"]);

    let backup = place.path("backup.db").display().to_string();
    place
        .say(&["backup", &backup])
        .check(0, &["was written", "head "]);
    place
        .say(&["backup", &backup])
        .check(3, &["a backup replaces nothing"]);

    // October 2025 is more than 13 months ago by now, or will be: what goes depends on the day.
    let told = place.say(&["retain", "--dry-run"]);
    told.check(0, &["would go", "letters to partners who left: 0"]);
    let journal = place.say(&["journal", "show"]).out;
    assert!(!journal.contains("retention_applied"), "{journal}");
    place.say(&["retain"]).check(0, &["went"]);
    place
        .say(&["journal", "verify"])
        .check(0, &["the journal is whole"]);
    place
        .say(&["evidence", "verify"])
        .check(0, &["the evidence is whole: "]);

    // The store is in use here; elsewhere the backup takes its place.
    place
        .say(&["restore", &backup])
        .check(3, &["stop that one first"]);
    let written = std::fs::read_to_string(&place.config).unwrap();
    let elsewhere = place.file("elsewhere.toml", written.replace("vigie.db", "other.db"));
    let restored = ["--config", elsewhere.as_str()];
    say(&[&restored[..], &["restore", &backup]].concat()).check(0, &["is the store now"]);
    say(&[&restored[..], &["restore", &backup]].concat()).check(0, &["other.db.replaced-1"]);
    say(&[&restored[..], &EVIDENCE].concat()).check(0, &["vigie-evidence/1"]);
    say(&[&restored[..], &["journal", "show"]].concat()).check(0, &["backup_restored"]);
}

#[test]
fn a_figure_is_explained_line_by_line() {
    let place = Place::new();
    place.say(&["explain", "particulier", "2025-10"]).check(
        0,
        &[
            "Le Service est accessible à 95 %.",
            "2025-10-01 12:00:00.000+02:00  2025-10-01 18:00:00.000+02:00",
            "6:00:00.000",
            "counts as bad",
            "first failure: status:502 at socle",
            "2682000000 ms",
            "Verdict: met",
            "allowed down time 37:15:00.000",
        ],
    );
    place
        .say(&["explain", "particulier", "2025-10", "--partner", "parti"])
        .check(0, &["Parti avant", "No time counted"]);
    place
        .say(&["explain", "particulier", "2025-07"])
        .check(2, &["known are 2025-09 to 2025-11"]);
    place
        .say(&["explain", "particuliers", "2025-10"])
        .check(2, &["known are `particulier`"]);
}

#[test]
fn a_cause_is_said_in_words_that_reports_can_show() {
    let place = Place::new();
    let cause = |from: &str, french: &str| {
        let window = [
            "--service",
            "particulier",
            "--from",
            from,
            "--to",
            "2025-10-01T18:00",
        ];
        let words = ["--attributed-to", "host", "--french", french];
        place.say(&[&["declare", "cause"], &window[..], &words[..]].concat())
    };
    cause("2025-10-01T12:00", " . ").check(2, &["--french", "empty"]);
    cause("2025-10-01T12:00", "panne \u{1f525}").check(2, &["--french", "U+1F525"]);
    cause("2025-10-01T18:00", "panne").check(2, &["start"]);
    place
        .say(&["declare", "list"])
        .check(0, &["nothing was declared"]);
    cause("2025-10-01T12:00", "panne d'alimentation.").check(
        0,
        &["2025-10-01T10:00:00.000Z", "vigie close MONTH --revise"],
    );
    place.say(&["declare", "list"]).check(
        0,
        &[
            "cause",
            "host; said for Opérateur d'essai on ",
            "panne d'alimentation",
        ],
    );
    place.say(&["close", "2025-10"]).check(0, &["saved, "]);
    let page = place.path("rapports/valfictif/2025-10/particulier-v1/rapport.html");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("panne d'alimentation. Imputable à l’hébergeur."));
    place.say(&["journal", "verify"]).check(0, &[]);
}

#[test]
fn what_is_declared_is_on_record_and_acts_once_accepted() {
    let place = Place::new();
    place.say(&["close", "2025-10"]).check(0, &["saved, "]);
    place
        .say(&["declare", "list"])
        .check(0, &["nothing was declared"]);
    let correction = |from: &str, to: &str| {
        place.say(&[
            "declare",
            "correction",
            "--service",
            "particulier",
            "--from",
            from,
            "--to",
            to,
            "--reason",
            "sonde défectueuse",
        ])
    };
    correction("2025-10-26T02:30", "2025-10-26T04:00").check(2, &["--from", "2025-10-26"]);
    correction("2025-10-02T12:00", "2025-10-01T12:00").check(2, &["start"]);
    correction("hier", "2025-10-01T12:00").check(2, &["--from", "hier"]);
    correction("2025-10-01T12:00", "2025-10-01T14").check(2, &["--to"]);
    correction("2025-10-01T12:00", "2025-10-01T14:00+02:00")
        .check(0, &["declaration 1", "vigie declare accept 1"]);
    place.say(&["declare", "list"]).check(
        0,
        &["correction", "pending", "sonde défectueuse", "declared by "],
    );
    place
        .say(&["declare", "accept", "7"])
        .check(2, &["7", "vigie declare list"]);
    place
        .say(&["declare", "accept", "1"])
        .check(0, &["accepted"]);
    place.say(&["declare", "accept", "1"]).check(2, &["1"]);
    place.say(&["declare", "list"]).check(0, &["accepted by "]);

    place
        .say(&["close", "2025-10"])
        .check(1, &["NOT REPLACED", "--revise"]);
    place
        .say(&[
            "close",
            "2025-10",
            "--revise",
            "--reason",
            "sonde défectueuse",
        ])
        .check(0, &["2025-10-particulier-v2", "revised, "]);
    place
        .say(&["close", "2025-10"])
        .check(0, &["2025-10-particulier-v2"]);

    place
        .say(&["journal", "verify"])
        .check(0, &["the journal is whole"]);
    place
        .raw()
        .execute("UPDATE journal SET who = 'personne' WHERE number = 2", [])
        .unwrap();
    place
        .say(&["journal", "verify"])
        .check(1, &["2", "NOT whole"]);
}

#[test]
fn a_store_that_is_not_for_this_program_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let commands: [&[&str]; 6] = [
        &["close", "2025-10"],
        &["explain", "particulier", "2025-10"],
        &["journal", "verify"],
        &["declare", "list"],
        &EVIDENCE,
        &["run"],
    ];
    let check_refused = |part: &str| {
        let before = std::fs::read(place.path("vigie.db")).unwrap();
        for command in commands {
            place.say(command).check(3, &[part, "was not touched"]);
        }
        assert!(
            std::fs::read(place.path("vigie.db")).unwrap() == before,
            "{part}"
        );
    };
    let raw = place.raw();
    raw.execute_batch(
        "INSERT INTO refinery_schema_history
             SELECT 999, 'of_tomorrow', applied_on, checksum FROM refinery_schema_history LIMIT 1;
         PRAGMA wal_checkpoint(truncate);",
    )
    .unwrap();
    drop(raw);
    check_refused("written by a newer vigie (schema 999");
    place.file("vigie.db", "a letter to the town hall\n");
    check_refused("this is not a database");
    std::fs::remove_file(place.path("vigie.db")).unwrap();
    place
        .say(&["journal", "verify"])
        .check(3, &["no such file", "vigie run"]);
}

const SECRET_OF_FILE: &str = "Bearer tres-secret-4f1d";
const SECRET_OF_ENVIRONMENT: &str = "cle-tres-secrete-99c2";

/// Answers every request with its own text, as `status` says.
fn echo(status: &'static str) -> SocketAddr {
    slow_echo(status, Duration::ZERO)
}

/// The same, but takes its time.
fn slow_echo(status: &'static str, taken: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                request.push(byte[0]);
            }
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                request.len()
            );
            std::thread::sleep(taken);
            let _ = stream.write_all(&[head.as_bytes(), &request].concat());
        }
    });
    address
}

/// A failure that was kept in full is shown as `vigie probe` would have shown it; one that was kept
/// in short is still shown.
#[test]
fn the_last_failures_are_shown_as_they_were_seen() {
    let mut place = Place::new();
    let tick: Timestamp = "2025-10-31T12:00:00Z".parse().unwrap();
    let failure = |tick, trace| Finding {
        endpoint: EndpointId::new("socle").unwrap(),
        vantage: VantageId::new("paris-1").unwrap(),
        observation: Observation {
            tick,
            at: tick,
            outcome: Outcome::Failed(Fault::Content),
        },
        trace,
    };
    let connected_in = |us| Phases {
        connect_us: Some(us),
        ..Phases::default()
    };
    let short = Trace {
        message: "the body is not JSON".to_owned(),
        address: Some("192.0.2.7:443".parse().unwrap()),
        status: Some(200),
        phases: connected_in(2_500),
        ..Trace::default()
    };
    let full = Trace {
        message: "the assertion does not hold".to_owned(),
        confirms: Some(tick),
        explanation: Some(Arc::new(Explanation {
            hops: vec![
                Hop {
                    url: "tcp 192.0.2.7:443".to_owned(),
                    address: Some("192.0.2.7:443".parse().unwrap()),
                    phases: connected_in(10_000),
                    ..Hop::default()
                },
                Hop {
                    url: "https://api.example/ping".to_owned(),
                    status: Some(200),
                    headers: vec![("server".to_owned(), "nginx".to_owned())],
                    phases: connected_in(20_000),
                    ..Hop::default()
                },
            ],
            evaluate_us: Some(1_000),
            duration_us: 40_000,
            assessments: vec![Assessment {
                subject: "$.status".to_owned(),
                found: Some("maintenance".to_owned()),
                test: "== \"ok\"".to_owned(),
                holds: false,
            }],
        })),
        ..Trace::default()
    };
    place
        .say(&["trace", "socle", "--last", "1"])
        .check(0, &["socle  GET http"]);
    let findings = [failure(tick, short), failure(tick.plus_ms(5_000), full)];
    place.installation.store.append(&findings).unwrap();
    let said = place.say(&["trace", "socle", "--last", "2"]);
    said.check(
        0,
        &[
            "2025-10-31T12:00:05.000Z from paris-1\n  failed (content): the assertion does not hold\n",
            "  asked to confirm the failure of 2025-10-31T12:00:00.000Z\n",
            // The place once; all connections on one scale, which is the whole probe.
            "  tcp 192.0.2.7:443\n  connect        10.000 ms  ██████████\n",
            "  https://api.example/ping, status 200\n  server: nginx\n",
            "  connect        20.000 ms            ████████████████████\n",
            "  evaluate        1.000 ms                                █\n",
            "  total          40.000 ms\n",
            "  ✗ $.status (maintenance) == \"ok\"\n",
            "2025-10-31T12:00:00.000Z from paris-1\n  failed (content): the body is not JSON\n",
            "  at 192.0.2.7:443, status 200\n  connect         2.500 ms  █",
            "  total           2.500 ms\n",
        ],
    );
    place
        .say(&["trace", "socle", "--last", "0"])
        .check(2, &["0 is not in 1.."]);
    let json = place.say(&["trace", "socle", "--last", "2", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[0]["assertions"][0]["found"], "maintenance");
    assert_eq!(json[0]["hops"][1]["headers"][0][1], "nginx");
    assert_eq!(json[1]["hops"][0]["phases_us"]["connect"], 2_500);
    assert_eq!(json.as_array().unwrap().len(), 2);
}

#[test]
fn probes_tell_what_came_of_them_and_no_command_shows_a_secret() {
    let place = Place::new();
    let original = std::fs::read_to_string(&place.config).unwrap();
    place.file("authorization", format!("{SECRET_OF_FILE}\n"));
    let say = |address: SocketAddr, expected_body: &str, arguments: &[&str]| {
        let text = original.replace(
            "url = \"http://127.0.0.1:9/api/ping\"",
            &format!(
                "url = \"http://{address}/api/ping\"\n\
                 headers = {{ Authorization = {{ file = \"authorization\" }}, X-Api-Key = {{ env = \"TEST_SECRET\" }} }}\n\
                 assertions = ['body contains \"{expected_body}\"']"
            ),
        );
        place.file("vigie.toml", text);
        let said = place.say(arguments);
        for secret in [SECRET_OF_FILE, "tres-secret-4f1d", SECRET_OF_ENVIRONMENT] {
            assert!(
                !said.out.contains(secret) && !said.err.contains(secret),
                "{arguments:?} shows a secret: {said:?}"
            );
        }
        said
    };
    let probe = ["probe", "socle"];
    let good = echo("200 OK");
    say(good, "api/ping", &["check"]).check(0, &["1 endpoint"]);
    // The answer repeats the request: its secrets were sent.
    for body in ["api/ping", "authorization: Bearer t", "x-api-key: cle"] {
        let said = say(good, body, &probe);
        said.check(0, &["answered as expected", "status 200", "processing"]);
    }
    say(good, "absent", &probe).check(1, &["failed (content)"]);
    say(good, "api/ping", &["probe", "--all"]).check(0, &["1 of 1 answered as expected"]);
    let bad = echo("503 Service Unavailable");
    say(bad, "api/ping", &probe).check(1, &["failed (status:503)", "status 503"]);
    say(bad, "api/ping", &["probe", "--all"]).check(1, &["0 of 1 answered"]);
    // An address needs no configuration; JSON says the same.
    let url = format!("http://{good}/somewhere?secret=1");
    super::cli::say(&["--config", "/nowhere", "probe", &url]).check(0, &["status 200"]);
    let json = super::cli::say(&["--config", "/nowhere", "probe", "--json", &url]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["outcome"], "answered");
    assert_eq!(json["hops"][0]["status"], 200);
    assert!(json["phases_us"]["connect"].is_u64(), "{json}");
    super::cli::say(&["probe", "ftp://api.example/"]).check(2, &["neither http nor https"]);
    let bare = super::cli::say(&["--config", "/nowhere", "probe", "localhost:9001"]);
    bare.check(2, &["for an address, write `http://localhost:9001`"]);
    let all = say(bad, "api/ping", &["probe", "--all", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(all[0]["code"], "status:503");
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    say(closed, "api/ping", &probe).check(1, &["failed (connect)"]);
    say(bad, "api/ping", &["probe", "socles"])
        .check(2, &["endpoint `socles`", "known are `socle`"]);
    std::fs::remove_file(place.path("authorization")).unwrap();
    say(good, "api/ping", &probe).check(2, &["authorization"]);
    say(good, "api/ping", &["check"]).check(
        2,
        &[
            "endpoint `socle`",
            "authorization",
            // The place in the file: its line and column, and the line itself.
            "vigie.toml:",
            "headers = ",
        ],
    );
}

/// One that cannot be asked keeps no other from being asked, and is a failure.
#[test]
fn every_endpoint_is_told_in_a_line_also_one_that_cannot_be_asked() {
    let place = Place::new();
    let original = std::fs::read_to_string(&place.config).unwrap();
    let good = echo("200 OK");
    let slow = slow_echo("200 OK", Duration::from_millis(20));
    let more = [("prompt", good, "2s"), ("tardy", slow, "10ms")].map(|(id, address, objective)| {
        format!(
            "[[service.endpoint]]\nid = \"{id}\"\nlabel = \"{id}\"\ncontractual = false\n\
             latency_objective = \"{objective}\"\n\n\
             [service.endpoint.http]\nurl = \"http://{address}/\"\n\n"
        )
    });
    let text = original.replacen(
        "[[service.commitment]]\n",
        &format!(
            "headers = {{ Authorization = {{ file = \"gone\" }} }}\n\n{}[[service.commitment]]\n",
            more.concat()
        ),
        1,
    );
    place.file("vigie.toml", text);

    let said = place.say(&["probe", "--all"]);
    said.check(
        1,
        &[
            "✗ socle   not asked: could not read the secret of header ",
            "✓ prompt  answered as expected in ",
            "slower than its objective of 10 ms\n",
            "2 of 3 answered as expected, 1 of them slower than its objective; 1 could not be asked\n",
        ],
    );
    assert!(!said.out.contains("objective of 2000 ms"), "{said:?}");
    let json = place.say(&["probe", "--all", "--json"]);
    json.check(1, &[]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[0]["code"], "not_executed");
    let message = json[0]["message"].as_str().unwrap();
    assert!(message.contains("gone"), "{message}");
    assert_eq!(json[1]["outcome"], "answered");
}

#[test]
fn what_the_system_refuses_is_told_apart_from_wrong_arguments() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = std::fs::read_to_string(&place.config).unwrap();
    place.file(
        "vigie.toml",
        format!("{text}\n[web]\nlisten = \"{address}\"\n"),
    );
    place.say(&["run"]).check(3, &[&address, "web.listen"]);
    drop(taken);
    place
        .say(&["status"])
        .check(3, &[&address, "is the daemon running there?"]);
    let occupied = place.path("").display().to_string();
    say(&["demo", "--prepare-only", "--directory", &occupied])
        .check(2, &["it holds something else", "--directory"]);
    assert!(Path::new(&place.config).exists());
}

/// What a newcomer copies first is right, and the daemon's own help is there in every form.
#[test]
fn the_first_steps_work_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once("```toml\n").unwrap();
    let (first, _) = after.split_once("```").unwrap();
    let config = folder.path().join("vigie.toml");
    std::fs::write(&config, first).unwrap();
    let config = config.display().to_string();
    say(&["--config", &config, "check"]).check(0, &["1 service, 1 endpoint, 0 partners"]);

    let vigie = |arguments: &[&str]| {
        let said = say(arguments);
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{arguments:?}");
        said.out
    };
    assert!(vigie(&["completions", "bash"]).contains("vigie__subcmd__close"));
    assert!(vigie(&["completions", "zsh"]).starts_with("#compdef vigie"));
    assert!(vigie(&["man"]).contains(".TH vigie 1"));
    let pages = folder.path().join("man");
    vigie(&["man", &pages.display().to_string()]);
    let close = std::fs::read_to_string(pages.join("vigie-close.1")).unwrap();
    assert!(close.contains("dry\\-run"), "{close}");
    say(&["man", "/proc/nowhere"]).check(3, &["/proc/nowhere"]);
}

/// The unit is one that systemd understands, and that gives away little.
#[test]
#[ignore = "needs systemd-analyze: tests/all"]
fn the_service_is_hardened() {
    let unit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packaging/systemd/vigie.service"
    );
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze")
            .args(arguments)
            .arg(unit)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8(said).unwrap()
    };
    let security = analyze(&["security", "--offline=true", "--no-pager"]);
    let (_, level) = security
        .split_once("exposure level for vigie.service: ")
        .unwrap();
    let level: f64 = level.split(' ').next().unwrap().parse().unwrap();
    assert!(level <= 1.5, "{security}");
    // The program is not installed where this runs; nothing else is wrong.
    let wrong: Vec<String> = analyze(&["verify"])
        .lines()
        .filter(|line| !line.contains("vigie is not executable"))
        .map(str::to_owned)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
