//! From the outbox to the mailbox: whatever the relay does and whenever we die, every letter
//! arrives, and arrives once as far as that lies with us.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use vigie::app::letters::{Post, Round, message, send_due};
use vigie::clock::{Clock, ManualClock};
use vigie::mail::{Mail, Mailer, Outgoing, Security, Sender, Smtp, SmtpSettings};
use vigie::sla::catalog::{
    Catalog, EndpointId, Language, Partner, PartnerId, Provider, ServiceId, VantageId,
};
use vigie::sla::observation::{Fault, Finding, Observation, Outcome, Trace};
use vigie::sla::window::{HOUR_MS, MINUTE_MS, Month, Timestamp};
use vigie::store::{
    LetterContent, LetterFilter, LetterId, LetterState, NewStatement, Release, Store,
};

use crate::mail::relay::{Cover, Relay, Trick};

fn now() -> Timestamp {
    "2025-11-03T06:00:00Z".parse().unwrap()
}

fn sender() -> Sender {
    Sender::new(None, "supervision@operateur.example", None, None).unwrap()
}

fn partner(number: usize) -> Partner {
    Partner {
        id: PartnerId::new(&format!("commune-{number}")).unwrap(),
        name: format!("Commune n° {number}"),
        kind: None,
        language: Language::French,
        contacts: vec![format!("api@commune-{number}.example")],
        memberships: Vec::new(),
    }
}

/// An installation with letters in its outbox, written and due.
struct House {
    directory: TempDir,
    catalog: Catalog,
    store: Store,
    clock: ManualClock,
}

impl House {
    fn new(n_letters: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("vigie.db")).unwrap();
        let mut house = Self {
            catalog: Catalog {
                provider: Provider {
                    name: "Direction de démonstration".to_owned(),
                    contact: "supervision@operateur.example".to_owned(),
                    data_protection_contact: None,
                },
                services: Vec::new(),
                partners: (0..n_letters).map(partner).collect(),
            },
            store,
            clock: ManualClock::new(now()),
            directory,
        };
        for number in 0..n_letters {
            house.write(number);
        }
        house
    }

    fn write(&mut self, number: usize) {
        let partner = partner(number);
        let folder = self.folder(number);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("rapport.html"), format!("<p>{number}</p>")).unwrap();
        let statement = NewStatement {
            partner: partner.id.clone(),
            service: ServiceId::new("particulier").unwrap(),
            month: Month::parse("2025-10", chrono_tz::Europe::Paris).unwrap(),
            json: b"{}".to_vec(),
            evidence_sha256: [7; 32],
            commitment: "2025-01-01".to_owned(),
            engine: "vigie".to_owned(),
            reason: None,
            basis: None,
            evidence_end: now(),
            letters_to: partner.contacts,
        };
        self.store
            .save_statements(&[statement], "vigie", now())
            .unwrap();
        let content = LetterContent {
            subject: format!("Disponibilité — commune n° {number}"),
            text: "Bonjour,\n".to_owned(),
            html: "<p>Bonjour,</p>".to_owned(),
            documents: vec!["rapport.html".to_owned()],
        };
        let id = LetterId(u32::try_from(number).unwrap() + 1);
        let written = self.store.write_letter(id, &content, Release::Now, now());
        assert!(written.unwrap());
    }

    fn reports(&self) -> PathBuf {
        self.directory.path().join("reports")
    }

    fn folder(&self, number: usize) -> PathBuf {
        self.reports()
            .join(format!("commune-{number}"))
            .join("2025-10/particulier-v1")
    }

    async fn round(&mut self, mailer: &mut Mailer) -> Round {
        let (sender, reports) = (sender(), self.reports());
        let post = Post {
            catalog: &self.catalog,
            sender: &sender,
            reports: &reports,
            who: "vigie",
        };
        let clock = Clock::Manual(self.clock.clone());
        send_due(&mut self.store, mailer, post, &clock, &|| true)
            .await
            .unwrap()
    }

    /// Rounds, ten minutes apart (longer where it takes days), until nothing is due or `hours`
    /// have passed.
    async fn rounds(&mut self, mailer: &mut Mailer, hours: i64) {
        let end = self.clock.now().plus_ms(hours * HOUR_MS);
        while self.clock.now() < end && self.count(LetterState::Due) > 0 {
            self.round(mailer).await;
            self.clock.advance_ms((hours / 24).max(1) * 10 * MINUTE_MS);
        }
    }

    fn count(&self, state: LetterState) -> usize {
        let filter = LetterFilter {
            state: Some(state),
            ..LetterFilter::default()
        };
        self.store.letters(&filter).unwrap().len()
    }

    fn kinds(&self) -> Vec<String> {
        let entries = self.store.journal_entries(1_000).unwrap();
        let kinds = entries.into_iter().rev().map(|entry| entry.kind);
        kinds.filter(|kind| kind.starts_with("letter")).collect()
    }
}

fn smtp(relay: &Relay) -> Mailer {
    let settings = SmtpSettings {
        host: "localhost".to_owned(),
        port: relay.port,
        security: Security::Plain,
        login: None,
        ca_pem: None,
        hello_name: "vigie.operateur.example".to_owned(),
        timeout: Duration::from_millis(300),
    };
    Mailer::Smtp(Box::new(Smtp::new(settings).unwrap()))
}

/// How often each message was taken over, by its Message-ID.
fn messages(relay: &Relay) -> BTreeMap<String, Vec<String>> {
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for taken in relay.taken() {
        let id = taken
            .message
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: "))
            .unwrap();
        messages
            .entry(id.to_owned())
            .or_default()
            .push(taken.message);
    }
    messages
}

/// Goal: whatever a relay does first, in the end exactly one letter has arrived and none is lost.
#[tokio::test]
async fn exactly_one_letter_arrives_in_the_end() {
    let check = async |tricks: &[Trick], journal: &[&str]| {
        let relay = Relay::start(Cover::None, tricks).await;
        let mut house = House::new(1);
        house.rounds(&mut smtp(&relay), 24).await;
        assert_eq!(house.count(LetterState::Sent), 1, "{tricks:?}");
        assert_eq!(relay.taken().len(), 1, "{tricks:?}");
        assert_eq!(house.kinds(), journal, "{tricks:?}");
    };
    let sent = ["letter_sent"];
    let interrupted_then_sent = ["letter_interrupted", "letter_sent"];
    check(&[], &sent).await;
    check(&[Trick::Greet("421 busy")], &sent).await;
    check(&[Trick::SilentFromTheStart], &sent).await;
    check(&[Trick::Sender("550 5.7.1 not you")], &sent).await;
    check(&[Trick::Recipient("450 4.2.0 greylisted")], &sent).await;
    check(&[Trick::Recipient("450 4.2.0 greylisted"); 6], &sent).await;
    check(&[Trick::HangUpAtRecipient], &interrupted_then_sent).await;
    check(&[Trick::HangUpInMessage], &interrupted_then_sent).await;
    check(&[Trick::Message("452 4.3.1 full")], &sent).await;
    check(
        &[
            Trick::Greet("554 no"),
            Trick::HangUpInMessage,
            Trick::Message("451 later"),
            Trick::Data("451 later"),
        ],
        &interrupted_then_sent,
    )
    .await;
    check(&[Trick::AcceptAndLeave], &sent).await;
}

/// Goal: a relay that takes a letter and dies before it says so gets it twice, as the same
/// message: a receiver that looks at Message-IDs shows one.
#[tokio::test]
async fn a_letter_sent_twice_is_the_same_message() {
    let relay = Relay::start(Cover::None, &[Trick::KeepAndHangUp]).await;
    let mut house = House::new(1);
    house.rounds(&mut smtp(&relay), 24).await;
    let messages = messages(&relay);
    assert_eq!(messages.len(), 1);
    let copies = messages.values().next().unwrap();
    assert_eq!(copies.len(), 2);
    assert!(copies[0] == copies[1]);
    assert_eq!(house.kinds(), ["letter_interrupted", "letter_sent"]);
}

/// Goal: a permanent refusal ends the attempts; a temporary one does so after days; what is ours
/// to repair never does.
#[tokio::test]
async fn attempts_end_when_they_should() {
    let check = async |tricks: &[Trick], days: i64, state: LetterState, n_attempts: u32| {
        let relay = Relay::start(Cover::None, tricks).await;
        let mut house = House::new(1);
        house.rounds(&mut smtp(&relay), days * 24).await;
        let letter = house.store.letter(LetterId(1)).unwrap().unwrap();
        assert_eq!(letter.state, state, "{letter:?}");
        assert_eq!(letter.n_attempts, n_attempts, "{letter:?}");
        assert!(letter.last_answer.unwrap().contains('5'), "says why");
        assert_eq!(relay.taken().len(), 0);
        house
    };
    let refused = [Trick::Recipient("550 5.1.1 no such mailbox")];
    let house = check(&refused, 1, LetterState::Failed, 1).await;
    assert_eq!(house.kinds(), ["letter_failed"]);

    let greylisted = [Trick::Recipient("450 4.2.0 again"); 99];
    check(&greylisted, 4, LetterState::Due, 29).await;
    check(&greylisted, 7, LetterState::Failed, 30).await;

    let closed = [Trick::Greet("554 5.3.2 closed"); 1_100];
    let house = check(&closed, 7, LetterState::Due, 0).await;
    let late = house.store.outbox_counts(house.clock.now(), 24 * HOUR_MS);
    assert_eq!(late.unwrap().late, 1);
}

/// Goal: one bad mailbox holds nobody else up, and a relay that is gone is asked once a round,
/// not once a letter.
#[tokio::test]
async fn letters_do_not_hold_each_other_up() {
    let tricks = [
        Trick::Recipient("550 5.1.1 no such mailbox"),
        Trick::HangUpInMessage,
        Trick::Recipient("450 4.2.0 again"),
    ];
    let relay = Relay::start(Cover::None, &tricks).await;
    let mut house = House::new(6);
    std::fs::remove_file(house.folder(5).join("rapport.html")).unwrap();
    let round = house.round(&mut smtp(&relay)).await;
    assert_eq!(
        round,
        Round {
            sent: 2,
            postponed: 3,
            failed: 1,
            stopped: None,
        }
    );
    // What was missing is there again.
    std::fs::write(house.folder(5).join("rapport.html"), "<p>5</p>").unwrap();
    house.rounds(&mut smtp(&relay), 24).await;
    assert_eq!(messages(&relay).len(), 5);
    assert_eq!(relay.taken().len(), 5);

    let gone = Relay::start(Cover::None, &[Trick::Greet("554 no"); 9]).await;
    let mut house = House::new(6);
    let round = house.round(&mut smtp(&gone)).await;
    assert!(round.stopped.unwrap().contains("554"), "says why");
    assert_eq!((round.sent, gone.n_connections()), (0, 1));

    let dying = Relay::start(Cover::None, &[Trick::HangUpInMessage; 9]).await;
    let mut house = House::new(6);
    let round = house.round(&mut smtp(&dying)).await;
    assert!(round.stopped.is_some());
    assert_eq!((round.postponed, dying.n_connections()), (3, 3));
}

/// Goal: a preview is what is sent, byte for byte.
#[tokio::test]
async fn a_preview_is_what_is_sent() {
    let mut house = House::new(1);
    let letter = house.store.letter(LetterId(1)).unwrap().unwrap();
    let (sender, reports) = (sender(), house.reports());
    let post = Post {
        catalog: &house.catalog,
        sender: &sender,
        reports: &reports,
        who: "vigie",
    };
    let preview: Mail = message(post, &letter, now()).unwrap();
    let outgoing = Outgoing::default();
    house.round(&mut Mailer::Memory(outgoing.clone())).await;
    assert!(*outgoing.lock().unwrap() == [preview]);
}

/// Names the house to the child, which is this same test in another process.
const CHILD: &str = "VIGIE_TEST_LETTERS_TO_SEND";
const N_LETTERS: usize = 12;
/// A greeting, six steps of a message (see `Relay::hold_at`), and three of the next message.
const N_STEPS: usize = 10;

/// Goal: killed at any moment, again and again, we lose no letter, and what arrives twice is the
/// same message. Method: a child sends through our relay, which holds it up at a step of each
/// message; there it is killed, and another one takes over after the claims have run out.
#[tokio::test(flavor = "multi_thread")]
async fn no_letter_is_lost_to_kill_9() {
    if let Ok(told) = std::env::var(CHILD) {
        let mut told = told.split('|');
        let mut next = || told.next().unwrap().to_owned();
        let (directory, port, at): (String, u16, Timestamp) =
            (next(), next().parse().unwrap(), next().parse().unwrap());
        return send_in_child(Path::new(&directory), port, at).await;
    }
    let relay = Relay::start(Cover::None, &[]).await;
    let house = House::new(N_LETTERS);
    let directory = house.directory.path().display().to_string();
    let mut at = now();
    let mut n_kills = 0;
    // Every child is killed one step later than the one before, until one has nothing to do.
    for step in 0.. {
        assert!(step < 500, "no end");
        at = at.plus_ms(2 * HOUR_MS);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "letters::no_letter_is_lost_to_kill_9"])
            .env(CHILD, format!("{directory}|{}|{at}", relay.port))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let held = relay.hold_at(step % N_STEPS);
        // Its output ends when it does.
        let mut output = child.stdout.take().unwrap();
        let ended =
            tokio::task::spawn_blocking(move || std::io::copy(&mut output, &mut std::io::sink()));
        tokio::select! {
            () = held => {
                child.kill().unwrap();
                n_kills += 1;
            }
            _ = ended => {}
        }
        child.wait().unwrap();
        if house.count(LetterState::Sent) == N_LETTERS {
            break;
        }
    }
    assert!(n_kills >= N_STEPS, "killed at every step: {n_kills}");
    let messages = messages(&relay);
    assert_eq!(messages.len(), N_LETTERS);
    for copies in messages.values() {
        assert!(copies.iter().all(|copy| copy == &copies[0]));
    }
    assert!(house.store.verify_journal().unwrap().is_whole());
}

async fn send_in_child(directory: &Path, port: u16, at: Timestamp) {
    let mut store = Store::open_beside(&directory.join("vigie.db")).unwrap();
    let settings = SmtpSettings {
        host: "localhost".to_owned(),
        port,
        security: Security::Plain,
        login: None,
        ca_pem: None,
        hello_name: "vigie.operateur.example".to_owned(),
        timeout: Duration::from_secs(60),
    };
    let mut mailer = Mailer::Smtp(Box::new(Smtp::new(settings).unwrap()));
    let catalog = Catalog {
        provider: Provider {
            name: String::new(),
            contact: String::new(),
            data_protection_contact: None,
        },
        services: Vec::new(),
        partners: (0..N_LETTERS).map(partner).collect(),
    };
    let (sender, reports) = (sender(), directory.join("reports"));
    let post = Post {
        catalog: &catalog,
        sender: &sender,
        reports: &reports,
        who: "vigie",
    };
    let clock = Clock::Manual(ManualClock::new(at));
    send_due(&mut store, &mut mailer, post, &clock, &|| true)
        .await
        .unwrap();
}

// ------------------------------------------------------------------------ from close to mailbox

const CONFIG: &str = r#"
[provider]
name = "Direction de démonstration"
contact = "supervision@operateur.example"

[store]
path = "vigie.db"

[reports]
directory = "reports"

[mail]
folder = "mail"
base_url = "https://rapports.operateur.example"
attach = ["rapport.html", "mesures.csv"]
revoked_partners = false
review = false

[[service]]
id = "particulier"
name = "API Particulier"

[[service.endpoint]]
id = "socle"
label = "Socle"
contractual = true
interval = "1h"

[service.endpoint.http]
url = "https://api-particulier.example/api/ping"

[[service.commitment]]
quote = "Le Service est disponible 95 % du temps mensuel."
reference = "Convention"
target = "95 %"
from = 2025-01-01
period = "text"

[[partner]]
id = "valfictif"
name = "Commune de Valfictif"
contacts = ["api@valfictif.example", "mairie@valfictif.example", "api@valfictif.example"]
membership = [{ service = "particulier", from = 2025-01-01 }]

[[partner]]
id = "partie"
name = "Région partie"
contacts = ["api@partie.example"]
membership = [{ service = "particulier", from = 2025-01-01, until = 2025-10-15 }]

[[partner]]
id = "revoquee"
name = "Université révoquée"
contacts = ["api@revoquee.example"]
membership = [{ service = "particulier", from = 2025-01-01, revoked = 2025-10-15 }]

[[partner]]
id = "muette"
name = "Commune muette"
membership = [{ service = "particulier", from = 2025-01-01 }]
"#;

/// An installation that watched October 2025, as its files: `config.toml`, `vigie.db`, `mail`.
fn watched_october(config: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.toml"), config).unwrap();
    std::fs::create_dir(directory.path().join("mail")).unwrap();
    let mut store = Store::open(&directory.path().join("vigie.db")).unwrap();
    let start: Timestamp = "2025-09-30T20:00:00Z".parse().unwrap();
    let findings: Vec<Finding> = (0..750)
        .map(|hour| {
            let tick = start.plus_ms(hour * HOUR_MS);
            Finding {
                endpoint: EndpointId::new("socle").unwrap(),
                vantage: VantageId::new("main").unwrap(),
                observation: Observation {
                    tick,
                    at: tick,
                    outcome: if hour == 300 {
                        Outcome::Failed(Fault::Status(503))
                    } else {
                        Outcome::Answered {
                            latency_us: 40_000,
                            partial: false,
                        }
                    },
                },
                trace: Trace::default(),
            }
        })
        .collect();
    store.append(&findings).unwrap();
    directory
}

/// Runs the program there; what it printed and its exit status.
fn vigie(directory: &TempDir, args: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .arg("--config")
        .arg(directory.path().join("config.toml"))
        .args(args)
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        String::from_utf8_lossy(&text).into_owned(),
        output.status.code().unwrap(),
    )
}

fn mails(directory: &TempDir) -> Vec<String> {
    let mut mails: Vec<String> = std::fs::read_dir(directory.path().join("mail"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    mails.sort();
    mails
}

/// Goal: after a closed month, each mailbox of each partner that should have a letter has one
/// file, and the commands tell what became of it.
#[test]
fn a_closed_month_reaches_its_mailboxes() {
    let directory = watched_october(CONFIG);
    let (closed, status) = vigie(&directory, &["close", "2025-10"]);
    assert_eq!(status, 0, "{closed}");
    let line = |partner: &str| {
        let found = closed.lines().find(|line| line.starts_with(partner));
        found.unwrap_or_else(|| panic!("no {partner} in\n{closed}"))
    };
    assert!(line("muette").contains("NO LETTER: the partner has no contact"));
    assert!(line("revoquee").contains("no letter: revoked"));

    // Closing again adds nothing.
    vigie(&directory, &["close", "2025-10"]);
    let (listed, _) = vigie(&directory, &["letters", "list"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert_eq!(listed.matches("  due ").count(), 3, "{listed}");

    let (preview, status) = vigie(&directory, &["letters", "preview", "1", "-o", "one.eml"]);
    assert_eq!(status, 0, "{preview}");
    let preview = std::fs::read_to_string(directory.path().join("one.eml")).unwrap();

    let (sent, status) = vigie(&directory, &["letters", "send"]);
    assert_eq!(
        (sent.as_str(), status),
        ("3 sent, 0 postponed, 0 given up\n", 0)
    );
    let mails = mails(&directory);
    let to = |address: &str| {
        let one: Vec<_> = mails
            .iter()
            .filter(|mail| mail.contains(&format!("<{address}>\r\n")))
            .collect();
        assert_eq!(one.len(), 1, "{address}");
        one[0]
    };
    assert!(to("api@valfictif.example") == &preview);
    to("mairie@valfictif.example");
    let text = quoted_printable(to("api@partie.example"));
    assert!(
        text.contains("Vous avez été raccordé à API Particulier jusqu’au 14 octobre 2025."),
        "{text}"
    );
    assert!(
        text.contains(
            "https://rapports.operateur.example/partie/2025-10/particulier-v1/rapport.html"
        ),
        "{text}"
    );
    assert!(text.contains("filename=\"mesures-2025-10-particulier-v1.csv\""));

    let (sent, status) = vigie(&directory, &["letters", "send"]);
    assert_eq!(
        (sent.as_str(), status),
        ("0 sent, 0 postponed, 0 given up\n", 0)
    );
    let (shown, _) = vigie(&directory, &["letters", "show", "1"]);
    assert!(shown.contains("state         sent since"), "{shown}");
    assert!(shown.contains("Bonjour,"), "{shown}");
    let (again, status) = vigie(&directory, &["letters", "resend", "1", "2"]);
    assert_eq!(status, 0, "{again}");
    let (again, status) = vigie(&directory, &["letters", "resend", "1"]);
    assert_eq!(status, 1, "it is due already: {again}");
    let (missing, status) = vigie(&directory, &["letters", "show", "99"]);
    assert_eq!(status, 2, "{missing}");
    let (journal, _) = vigie(&directory, &["journal", "show"]);
    assert_eq!(journal.matches("letter_sent").count(), 3, "{journal}");
    assert!(!journal.contains("@valfictif"), "{journal}");
    let (verified, status) = vigie(&directory, &["journal", "verify"]);
    assert_eq!(status, 0, "{verified}");
}

/// Goal: a closing that was cut off after the documents and before the letters is repaired by
/// closing again; what was published stays as it was.
#[test]
fn letters_cut_off_from_their_documents_are_written_after_all() {
    let directory = watched_october(CONFIG);
    vigie(&directory, &["close", "2025-10"]);
    let page = "reports/valfictif/2025-10/particulier-v1/rapport.html";
    let page = directory.path().join(page);
    let published = std::fs::metadata(&page).unwrap().modified().unwrap();
    rusqlite::Connection::open(directory.path().join("vigie.db"))
        .unwrap()
        .execute(
            "UPDATE letter SET state = 'unwritten', next_attempt = NULL, dated = NULL,
                 subject = NULL, text = NULL, html = NULL, documents = NULL",
            [],
        )
        .unwrap();
    let (sent, _) = vigie(&directory, &["letters", "send"]);
    assert_eq!(sent, "0 sent, 0 postponed, 0 given up\n");
    vigie(&directory, &["close", "2025-10"]);
    let (sent, _) = vigie(&directory, &["letters", "send"]);
    assert_eq!(sent, "3 sent, 0 postponed, 0 given up\n");
    assert_eq!(
        std::fs::metadata(&page).unwrap().modified().unwrap(),
        published
    );
}

/// The text of a message whose parts are quoted-printable, near enough to look for sentences.
fn quoted_printable(message: &str) -> String {
    let joined = message.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) if byte == b'=' => {
                bytes.push(code);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn letters_wait_for_somebody_where_asked_to() {
    let directory = watched_october(&CONFIG.replace("review = false", "review = true"));
    vigie(&directory, &["close", "2025-10"]);
    let (sent, _) = vigie(&directory, &["letters", "send"]);
    assert_eq!(sent, "0 sent, 0 postponed, 0 given up\n");
    let (approved, status) = vigie(&directory, &["approve", "2025-10", "--partner", "partie"]);
    assert_eq!((approved.as_str(), status), ("1 letter may be sent\n", 0));
    let (approved, status) = vigie(&directory, &["approve", "2025-10"]);
    assert_eq!((approved.as_str(), status), ("2 letters may be sent\n", 0));
    let (approved, status) = vigie(&directory, &["approve", "2025-10"]);
    assert_eq!(status, 2, "{approved}");
    vigie(&directory, &["letters", "send"]);
    assert_eq!(mails(&directory).len(), 3);
}

#[test]
fn a_revoked_partner_gets_letters_if_the_operator_says_so() {
    let config = CONFIG.replace("revoked_partners = false", "revoked_partners = true");
    let directory = watched_october(&config);
    vigie(&directory, &["close", "2025-10"]);
    vigie(&directory, &["letters", "send"]);
    assert_eq!(mails(&directory).len(), 4);
}

/// Goal: a password that every user of the machine can read is named by `vigie check`, and
/// nothing is sent with it.
#[test]
fn a_password_for_all_eyes_is_refused_before_anything_is_sent() {
    use std::os::unix::fs::PermissionsExt as _;
    let config = CONFIG.replace(
        "folder = \"mail\"",
        "relay = \"localhost:2525\"\nlogin = { user = \"vigie\", file = \"password\" }",
    );
    let directory = watched_october(&config);
    let password = directory.path().join("password");
    std::fs::write(&password, "s3cret\n").unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    for command in [&["check"][..], &["letters", "send"]] {
        let (text, status) = vigie(&directory, command);
        assert_eq!(status, 2, "{text}");
        assert!(text.contains("chmod o="), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(vigie(&directory, &["check"]).1, 0);
}
