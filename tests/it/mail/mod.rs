//! Letters on the wire: against a relay of our own that misbehaves, and against Postfix.

mod dkim;
pub(crate) mod postfix;
pub(crate) mod relay;

use std::time::Duration;

use secrecy::SecretString;
use vigie::mail::{
    Dispatch, Login, Mail, Mailer, Outgoing, Security, Sender, Smtp, SmtpSettings, masked,
};
use vigie::report::{Document, Letter, LetterText};
use vigie::secret;
use vigie::sla::catalog::{Language, PartnerId, SecretPlace};
use vigie::sla::window::Timestamp;

use relay::{Cover, Relay, Trick};

const PASSWORD: &str = "correct horse";

fn letter() -> Letter {
    Letter {
        number: "2025-10-particulier-v1".to_owned(),
        partner: PartnerId::new("valfictif").unwrap(),
        to_name: "Commune de Valfictif, service scolaire".to_owned(),
        to_address: "api@valfictif.example".to_owned(),
        language: Language::French,
        text: LetterText {
            subject: "Disponibilité d’API Particulier — octobre 2025\u{a0}: engagement non tenu"
                .to_owned(),
            plain: "Bonjour,\n\n.\nLe Service a été disponible 94,60\u{a0}% du temps.\n".to_owned(),
            html: "<!DOCTYPE html><html lang=\"fr\"><title>t</title><p>94,60&nbsp;% é</html>"
                .to_owned(),
        },
        documents: vec![
            Document {
                name: "rapport-2025-10-particulier-v1.pdf".to_owned(),
                media_type: "application/pdf",
                bytes: (0..=255).cycle().take(3_000).collect(),
            },
            Document {
                name: "relevé-2025-10.csv".to_owned(),
                media_type: "text/csv; charset=utf-8",
                bytes: "é;1\n.\n\r\nFrom here\n".as_bytes().to_vec(),
            },
        ],
    }
}

fn sender() -> Sender {
    Sender::new(
        Some("Direction de démonstration"),
        "supervision@operateur.example",
        Some("questions@operateur.example"),
        Some("retours@operateur.example"),
    )
    .unwrap()
}

fn written() -> Timestamp {
    "2025-11-03T06:00:00Z".parse().unwrap()
}

fn mail() -> Mail {
    Mail::compose(&letter(), &sender(), written()).unwrap()
}

fn settings(relay: &Relay, security: Security) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port: relay.port,
        security,
        login: Some(Login {
            user: "vigie".to_owned(),
            password: SecretString::from(PASSWORD),
        }),
        ca_pem: Some(relay.ca_pem.clone()),
        hello_name: "vigie.operateur.example".to_owned(),
        timeout: Duration::from_millis(400),
    }
}

fn smtp(settings: SmtpSettings) -> Mailer {
    Mailer::Smtp(Box::new(Smtp::new(settings).unwrap()))
}

fn headers(message: &str) -> Vec<&str> {
    message
        .split("\r\n\r\n")
        .next()
        .unwrap()
        .split("\r\n")
        .collect()
}

/// Goal: what every receiver looks at stands in the head, and no other partner's address does.
#[test]
fn a_message_says_who_wrote_it_and_that_a_machine_sent_it() {
    let mail = mail();
    assert!(mail.bytes().is_ascii(), "any relay can carry it");
    let message = String::from_utf8(mail.bytes().to_vec()).unwrap();
    let head = headers(&message);
    for line in [
        "Date: Mon, 03 Nov 2025 06:00:00 +0000",
        "Auto-Submitted: auto-generated",
        "Content-Language: fr",
        "Reply-To: questions@operateur.example",
        "MIME-Version: 1.0",
    ] {
        assert!(head.contains(&line), "no `{line}` in\n{message}");
    }
    let id = format!("Message-ID: <{}>", mail.message_id());
    assert!(head.contains(&id.as_str()), "{message}");
    assert!(!message.contains("retours@"), "the envelope stays outside");
}

/// Goal: a letter sent again is the same message, so that receivers can tell; another letter is
/// another message, also where two partners share a mailbox.
#[test]
fn the_same_letter_is_the_same_message() {
    let base = mail();
    assert_eq!(base, mail());

    let differs = |change: fn(&mut Letter)| {
        let mut letter = letter();
        change(&mut letter);
        let other = Mail::compose(&letter, &sender(), written()).unwrap();
        assert_ne!(base.message_id(), other.message_id());
        assert_ne!(base.file_name(), other.file_name());
    };
    differs(|letter| letter.number = "2025-10-particulier-v2".to_owned());
    differs(|letter| letter.partner = PartnerId::new("trois-exemples").unwrap());
    differs(|letter| letter.to_address = "dsi@valfictif.example".to_owned());

    let mut reworded = letter();
    reworded.text.plain.push('!');
    let reworded = Mail::compose(&reworded, &sender(), written()).unwrap();
    assert_eq!(base.message_id(), reworded.message_id());
}

/// Goal: names and addresses from the configuration cannot write headers.
#[test]
fn no_text_can_break_out_of_its_header() {
    let mut letter = letter();
    letter.text.subject = "Bonjour\r\nBcc: x@evil.example".to_owned();
    letter.to_name = "Mairie\r\nBcc: y@evil.example".to_owned();
    letter.number = "a\r\nBcc: z@evil.example".to_owned();
    letter.documents[0].name = "a\"\r\nBcc: w@evil.example".to_owned();
    let mail = Mail::compose(&letter, &sender(), written()).unwrap();
    let message = String::from_utf8(mail.bytes().to_vec()).unwrap();
    assert!(
        !message.lines().any(|line| line.starts_with("Bcc")),
        "{message}"
    );
    letter.to_address = "api@valfictif.example\r\nRCPT TO:<x@evil.example>".to_owned();
    assert!(Mail::compose(&letter, &sender(), written()).is_err());
}

#[test]
fn addresses_are_masked_in_logs() {
    let check = |address: &str, shown: &str| assert_eq!(masked(address), shown);
    check("api@valfictif.example", "a…@valfictif.example");
    check("é.dupont@ville.example", "é…@ville.example");
    check("a@ville.example", "…@ville.example");
    check("nonsense", "…");
    let debug = format!("{:?}", mail());
    assert!(!debug.contains("api@"), "{debug}");
}

/// Goal: TLS is used when asked for, on both ways, and the account and its password reach the
/// relay.
#[tokio::test]
async fn letters_go_over_tls_with_a_login() {
    for (cover, security) in [
        (Cover::Tls, Security::Tls),
        (Cover::StartTls, Security::StartTls),
        (Cover::None, Security::Plain),
    ] {
        let relay = Relay::start(cover, &[]).await;
        let mut mailer = smtp(settings(&relay, security));
        let sent = mailer.send(&mail()).await;
        assert_eq!(
            sent,
            Dispatch::Sent {
                answer: "250 2.0.0 queued as 4711".to_owned()
            }
        );
        let taken = relay.taken();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].encrypted, security != Security::Plain);
        assert_eq!(taken[0].user.as_deref(), Some("vigie"));
        assert_eq!(taken[0].from, "retours@operateur.example");
        assert_eq!(taken[0].to, ["api@valfictif.example"]);
        assert!(taken[0].message.as_bytes() == mail().bytes());
    }
}

/// Goal: nothing is sent, not even the password, where the relay is not who we meant, or offers
/// no protection, or is elsewhere and would be spoken to in the clear.
#[tokio::test]
async fn nothing_is_said_to_a_relay_that_cannot_be_trusted() {
    let stranger = Relay::start(Cover::Tls, &[]).await;
    let unprotected = Relay::start(Cover::None, &[]).await;
    let check = async |relay: &Relay, settings: SmtpSettings, word: &str| {
        match smtp(settings).send(&mail()).await {
            Dispatch::Unavailable { reason } => assert!(reason.contains(word), "{reason}"),
            other => panic!("{other:?}"),
        }
        assert!(relay.taken().is_empty());
    };
    let mut system_roots = settings(&stranger, Security::Tls);
    system_roots.ca_pem = None;
    check(&stranger, system_roots, "certificate").await;
    let mut other_name = settings(&stranger, Security::Tls);
    other_name.host = "127.0.0.1".to_owned();
    check(&stranger, other_name, "certificate").await;
    check(
        &unprotected,
        settings(&unprotected, Security::StartTls),
        "does not offer STARTTLS",
    )
    .await;

    for host in [
        "mail.operateur.example",
        "192.0.2.1",
        "localhost.evil.example",
    ] {
        let mut abroad = settings(&stranger, Security::Plain);
        abroad.host = host.to_owned();
        let error = Smtp::new(abroad).unwrap_err().to_string();
        assert!(
            error.contains(host) && error.contains("starttls"),
            "{error}"
        );
    }
    let mut empty = settings(&stranger, Security::Tls);
    empty.ca_pem = Some(b"not a certificate".to_vec());
    assert!(Smtp::new(empty).is_err());
}

/// Goal: every way in which a relay can fail has its own outcome, and nothing arrives that was
/// not taken over.
#[tokio::test]
async fn failures_are_told_apart() {
    let check = async |trick: Trick, expected: &str, n_taken: usize| {
        let relay = Relay::start(Cover::None, &[trick]).await;
        let mut mailer = smtp(settings(&relay, Security::Plain));
        let (outcome, words) = match mailer.send(&mail()).await {
            Dispatch::Sent { answer } => ("sent", answer),
            Dispatch::Deferred { answer } => ("deferred", answer),
            Dispatch::Refused { answer } => ("refused", answer),
            Dispatch::Interrupted { reason } => ("interrupted", reason),
            Dispatch::Unavailable { reason } => ("unavailable", reason),
        };
        assert_eq!(outcome, expected, "{trick:?}: {words}");
        assert_eq!(relay.taken().len(), n_taken, "{trick:?}");
        assert!(!words.contains(PASSWORD), "{trick:?}: {words}");
        // What was quoted is the password in base64.
        assert!(!words.contains("AUTH"), "{trick:?}: {words}");
        // Whatever happened, the next mail goes through.
        let next = mailer.send(&mail()).await;
        assert!(matches!(next, Dispatch::Sent { .. }), "{trick:?}: {next:?}");
    };
    check(Trick::Accept, "sent", 1).await;
    check(Trick::AcceptAndLeave, "sent", 1).await;
    check(Trick::Greet("554 no service here"), "unavailable", 0).await;
    check(Trick::Greet("421 too busy"), "unavailable", 0).await;
    check(Trick::Greet("HTTP/1.1 400 Bad Request"), "unavailable", 0).await;
    check(Trick::SilentFromTheStart, "unavailable", 0).await;
    check(Trick::Login("535 5.7.8 no"), "unavailable", 0).await;
    check(Trick::Login("454 4.7.0 later"), "unavailable", 0).await;
    check(Trick::Sender("550 5.7.1 not you"), "unavailable", 0).await;
    check(Trick::Sender("451 4.3.0 later"), "unavailable", 0).await;
    check(Trick::Recipient("550 5.1.1 no such mailbox"), "refused", 0).await;
    check(Trick::Recipient("450 4.2.0 greylisted"), "deferred", 0).await;
    check(Trick::Recipient("421 4.3.2 closing"), "deferred", 0).await;
    check(Trick::HangUpAtRecipient, "interrupted", 0).await;
    check(Trick::Data("554 5.5.1 no"), "refused", 0).await;
    check(Trick::Data("451 4.3.0 later"), "deferred", 0).await;
    check(Trick::HangUpInMessage, "interrupted", 0).await;
    check(Trick::Message("552 5.3.4 too big"), "refused", 0).await;
    check(Trick::Message("452 4.3.1 disk full"), "deferred", 0).await;
    check(Trick::Message("354 go ahead"), "interrupted", 0).await;
    check(Trick::KeepAndHangUp, "interrupted", 1).await;
}

/// Goal: a relay that falls silent after the message holds us up for a bounded time.
#[tokio::test]
async fn a_silent_relay_is_left() {
    let relay = Relay::start(Cover::None, &[Trick::SilentAfterMessage]).await;
    let mut impatient = settings(&relay, Security::Plain);
    impatient.timeout = Duration::from_millis(50);
    let outcome = smtp(impatient).send(&mail()).await;
    assert!(
        matches!(outcome, Dispatch::Interrupted { .. }),
        "{outcome:?}"
    );
}

/// Goal: a relay's answer cannot forge a log line or fill the store.
#[tokio::test]
async fn answers_are_kept_short_and_on_one_line() {
    let long: &'static str = Box::leak(format!("550 {}", "x".repeat(900)).into_boxed_str());
    for words in ["550-a\r\n550 b\u{1b}[31m", long] {
        let relay = Relay::start(Cover::None, &[Trick::Recipient(words)]).await;
        let Dispatch::Refused { answer } =
            smtp(settings(&relay, Security::Plain)).send(&mail()).await
        else {
            panic!("not refused");
        };
        assert!(answer.starts_with("550"), "{answer}");
        assert!(!answer.chars().any(char::is_control), "{answer:?}");
        assert!(answer.chars().count() <= 300, "{answer}");
    }
}

/// Goal: many mails go over one connection, and one refused in between stops none of them.
#[tokio::test]
async fn a_round_uses_one_connection() {
    let tricks = [Trick::Accept, Trick::Recipient("550 no"), Trick::Accept];
    let relay = Relay::start(Cover::Tls, &tricks).await;
    let mut mailer = smtp(settings(&relay, Security::Tls));
    for _ in 0..4 {
        mailer.send(&mail()).await;
    }
    mailer.close().await;
    assert_eq!((relay.taken().len(), relay.n_connections()), (3, 1));
}

/// Goal: a folder gets whole files under stable names.
#[tokio::test]
async fn a_folder_holds_one_file_per_letter() {
    let folder = tempfile::tempdir().unwrap();
    let mut mailer = Mailer::Folder(folder.path().to_owned());
    for _ in 0..2 {
        let sent = mailer.send(&mail()).await;
        assert!(matches!(sent, Dispatch::Sent { .. }), "{sent:?}");
    }
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, [mail().file_name()]);
    let bytes = std::fs::read(folder.path().join(&names[0])).unwrap();
    assert_eq!(bytes, mail().bytes());

    let mut gone = Mailer::Folder(folder.path().join("gone"));
    let failed = gone.send(&mail()).await;
    assert!(matches!(failed, Dispatch::Unavailable { .. }), "{failed:?}");
}

#[tokio::test]
async fn memory_keeps_what_it_is_given() {
    let outgoing = Outgoing::default();
    Mailer::Memory(outgoing.clone()).send(&mail()).await;
    assert_eq!(*outgoing.lock().unwrap(), [mail()]);
}

/// Goal: a password that every user of the machine can read is refused, and named so that it can
/// be repaired.
#[test]
fn a_password_file_is_for_few_eyes() {
    use secrecy::ExposeSecret as _;
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let check = |content: &str, mode: u32| {
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        secret::read(&SecretPlace::File(path.clone()))
            .map(|password| password.expose_secret().to_owned())
            .map_err(|error| error.to_string())
    };
    assert_eq!(check("s3cret\n", 0o600).unwrap(), "s3cret");
    assert_eq!(check("s3 cret\r\n", 0o640).unwrap(), "s3 cret");
    for mode in [0o644, 0o604, 0o602, 0o601] {
        let error = check("s3cret\n", mode).unwrap_err();
        assert!(error.contains("chmod o="), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    assert!(check("\n", 0o600).unwrap_err().contains("empty"));
    std::fs::remove_file(&path).unwrap();
    let absent = secret::read(&SecretPlace::File(path.clone())).unwrap_err();
    assert!(absent.to_string().contains("write the secret"), "{absent}");
    let unset = SecretPlace::Env("VIGIE_TEST_NO_SUCH_VARIABLE".to_owned());
    assert!(
        secret::read(&unset)
            .unwrap_err()
            .to_string()
            .contains("not set")
    );
}
