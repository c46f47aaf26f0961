//! Letters in a mailbox that Postfix delivered to, read by Python's `email`.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::{Value, json};
use vigie::mail::{Dispatch, Login, Mail, Security, SmtpSettings};

use super::{PASSWORD, letter, sender, smtp, written};

/// A Postfix of our own: its own directory, its own ports, stopped when dropped. Nothing of the
/// machine's own mail system is read or touched.
pub(crate) struct Postfix {
    directory: tempfile::TempDir,
    master: Child,
    tls_port: u16,
    starttls_port: u16,
    ca_pem: Vec<u8>,
}

impl Postfix {
    pub(crate) fn start() -> Self {
        let directory = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["conf", "conf/sasl", "queue", "data", "mailboxes"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        run(Command::new("chown").args(["postfix"]).arg(at("data")));
        run(Command::new("chown").args(["nobody"]).arg(at("mailboxes")));

        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(at("conf/cert.pem"), cert.pem()).unwrap();
        std::fs::write(at("conf/key.pem"), signing_key.serialize_pem()).unwrap();

        let accounts = at("conf/sasldb2");
        let mut saslpasswd = Command::new("saslpasswd2")
            .args(["-p", "-c", "-u", "relay.example", "-f"])
            .arg(&accounts)
            .arg("vigie")
            .stdin(Stdio::piped())
            .spawn()
            .expect("start saslpasswd2 (Debian: sasl2-bin)");
        std::io::Write::write_all(saslpasswd.stdin.as_mut().unwrap(), PASSWORD.as_bytes()).unwrap();
        drop(saslpasswd.stdin.take());
        assert!(saslpasswd.wait().unwrap().success());
        run(Command::new("chown").arg("postfix").arg(&accounts));
        std::fs::write(
            at("conf/sasl/smtpd.conf"),
            format!(
                "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: {}\n",
                accounts.display()
            ),
        )
        .unwrap();

        let here = directory.path().display();
        std::fs::write(
            at("conf/main.cf"),
            format!(
                "compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
maillog_file = {here}/log
maillog_file_prefixes = {here}
myhostname = relay.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtputf8_enable = yes
virtual_mailbox_domains = valfictif.example, trois-exemples.example
virtual_mailbox_base = {here}/mailboxes
virtual_mailbox_maps = texthash:{here}/conf/mailboxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {here}/conf/cert.pem
smtpd_tls_key_file = {here}/conf/key.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = relay.example
cyrus_sasl_config_path = {here}/conf/sasl
smtpd_recipient_restrictions =
  check_recipient_access texthash:{here}/conf/recipients
  reject_unauth_destination
  permit_sasl_authenticated
  reject
"
            ),
        )
        .unwrap();
        std::fs::write(
            at("conf/mailboxes"),
            "api@valfictif.example api/\nnumerique@trois-exemples.example numerique/\n",
        )
        .unwrap();
        std::fs::write(
            at("conf/recipients"),
            "gris@valfictif.example 450 4.2.0 Greylisted\n",
        )
        .unwrap();
        let (tls_port, starttls_port) = free_ports();
        std::fs::write(
            at("conf/master.cf"),
            format!(
                "127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{starttls_port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"
            ),
        )
        .unwrap();
        let master = Command::new("postfix")
            .arg("-c")
            .arg(at("conf"))
            .arg("start-fg")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start postfix (Debian: postfix)");
        let postfix = Self {
            ca_pem: cert.pem().into_bytes(),
            directory,
            master,
            tls_port,
            starttls_port,
        };
        postfix.wait_for("its port", || {
            std::net::TcpStream::connect(("127.0.0.1", tls_port)).is_ok()
        });
        postfix
    }

    pub(crate) fn settings(&self, security: Security) -> SmtpSettings {
        SmtpSettings {
            host: "localhost".to_owned(),
            port: match security {
                Security::Tls => self.tls_port,
                Security::StartTls | Security::Plain => self.starttls_port,
            },
            security,
            login: Some(Login {
                user: "vigie".to_owned(),
                password: SecretString::from(PASSWORD),
            }),
            ca_pem: Some(self.ca_pem.clone()),
            hello_name: "vigie.operateur.example".to_owned(),
            timeout: Duration::from_secs(20),
        }
    }

    /// The messages in a mailbox, once there are `n`.
    pub(super) fn mailbox(&self, name: &str, n: usize) -> Vec<PathBuf> {
        let folder = self
            .directory
            .path()
            .join("mailboxes")
            .join(name)
            .join("new");
        let list = || -> Vec<PathBuf> {
            std::fs::read_dir(&folder)
                .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
                .unwrap_or_default()
        };
        self.wait_for(&format!("{n} messages in {name}"), || list().len() >= n);
        list()
    }

    fn wait_for(&self, what: &str, reached: impl Fn() -> bool) {
        let started = Instant::now();
        while !reached() {
            if started.elapsed() > Duration::from_secs(30) {
                let log = std::fs::read_to_string(self.directory.path().join("log"));
                panic!("waited in vain for {what}: {log:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("postfix")
            .arg("-c")
            .arg(self.directory.path().join("conf"))
            .arg("abort")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let _ = self.master.wait();
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Two ports that nobody listens on.
fn free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, other) = (bind(), bind());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    (port(&one), port(&other))
}

/// What Python makes of a message.
pub(super) fn read_with_python(path: &Path) -> Value {
    const SCRIPT: &str = r#"
import email, email.policy, email.utils, hashlib, json, sys
with open(sys.argv[1], "rb") as file:
    message = email.message_from_binary_file(file, policy=email.policy.default)
defects, parts = [], []
for part in message.walk():
    defects += [repr(defect) for defect in part.defects]
    for name, value in part.items():
        defects += [name + ": " + repr(defect) for defect in getattr(value, "defects", [])]
    if part.is_multipart():
        parts.append({"type": part.get_content_type()})
        continue
    content = part.get_payload(decode=True)
    parts.append({
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "name": part.get_filename(),
        "disposition": part.get_content_disposition(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "text": part.get_content() if part.get_content_maintype() == "text" else None,
    })
people = lambda name: [[a.display_name, a.addr_spec] for h in message.get_all(name, []) for a in h.addresses]
json.dump({
    "defects": defects, "parts": parts, "names": [name.lower() for name in message.keys()],
    "subject": str(message["subject"]), "date": message["date"].datetime.isoformat(),
    "from": people("from"), "to": people("to"), "cc": people("cc"), "reply-to": people("reply-to"),
    "auto": str(message["auto-submitted"]), "id": str(message["message-id"]),
    "return-path": str(message["return-path"]), "delivered-to": message.get_all("delivered-to"),
    "raw": open(sys.argv[1], "rb").read().decode("ascii"),
}, sys.stdout)
"#;
    let output = Command::new("python3")
        .arg("-c")
        .arg(SCRIPT)
        .arg(path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Goal: what reaches a partner's mailbox through a real relay is, to a reader that is not ours,
/// the letter we wrote: structure, encoding, attachments to the byte, one recipient, and no trace
/// of the other partner.
#[tokio::test]
#[ignore = "needs postfix: tests/all"]
async fn postfix_delivers_what_python_reads() {
    let postfix = Postfix::start();
    let mut other = letter();
    other.to_address = "numerique@trois-exemples.example".to_owned();
    other.to_name = "Communauté de communes des Trois-Exemples".to_owned();
    for (security, letter) in [(Security::Tls, letter()), (Security::StartTls, other)] {
        let mut mailer = smtp(postfix.settings(security));
        let mail = Mail::compose(&letter, &sender(), written()).unwrap();
        let sent = mailer.send(&mail).await;
        assert!(
            matches!(sent, Dispatch::Sent { .. }),
            "{security:?}: {sent:?}"
        );
        mailer.close().await;
    }

    for (mailbox, address, name, other) in [
        (
            "api",
            "api@valfictif.example",
            "Commune de Valfictif, service scolaire",
            "trois-exemples",
        ),
        (
            "numerique",
            "numerique@trois-exemples.example",
            "Communauté de communes des Trois-Exemples",
            "valfictif.example",
        ),
    ] {
        let messages = postfix.mailbox(mailbox, 1);
        assert_eq!(messages.len(), 1);
        let read = read_with_python(&messages[0]);
        assert_eq!(read["defects"], json!([]));
        assert_eq!(read["to"], json!([[name, address]]));
        assert_eq!(read["cc"], json!([]));
        assert_eq!(read["delivered-to"], json!([address]));
        assert!(!read["raw"].as_str().unwrap().contains(other));
        assert_eq!(
            read["from"],
            json!([[
                "Direction de démonstration",
                "supervision@operateur.example"
            ]])
        );
        assert_eq!(
            read["reply-to"],
            json!([["", "questions@operateur.example"]])
        );
        assert_eq!(read["return-path"], "<retours@operateur.example>");
        assert_eq!(read["auto"], "auto-generated");
        assert_eq!(read["date"], "2025-11-03T06:00:00+00:00");
        assert_eq!(read["subject"], letter().text.subject);
        for name in [
            "date",
            "from",
            "to",
            "subject",
            "message-id",
            "mime-version",
        ] {
            let n = read["names"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|other| *other == name)
                .count();
            assert_eq!(n, 1, "{name}");
        }

        let parts = read["parts"].as_array().unwrap();
        let types: Vec<&str> = parts
            .iter()
            .map(|part| part["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            types,
            [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "application/pdf",
                "text/csv"
            ]
        );
        assert_eq!(parts[2]["text"], letter().text.plain);
        assert_eq!(parts[2]["charset"], "utf-8");
        assert_eq!(
            parts[3]["text"].as_str().unwrap().trim_end(),
            letter().text.html
        );
        for (part, document) in parts[4..].iter().zip(letter().documents) {
            assert_eq!(part["name"], document.name);
            assert_eq!(part["disposition"], "attachment");
            assert_eq!(part["sha256"], sha256_hex(&document.bytes));
        }
    }
}

/// Goal: a real relay's refusals are understood as ours are.
#[tokio::test]
#[ignore = "needs postfix: tests/all"]
async fn postfix_refuses_and_is_understood() {
    let postfix = Postfix::start();
    let check = async |settings: SmtpSettings, address: &str| -> (&'static str, String) {
        let mut letter = letter();
        letter.to_address = address.to_owned();
        let mail = Mail::compose(&letter, &sender(), written()).unwrap();
        match smtp(settings).send(&mail).await {
            Dispatch::Sent { answer } => ("sent", answer),
            Dispatch::Deferred { answer } => ("deferred", answer),
            Dispatch::Refused { answer } => ("refused", answer),
            Dispatch::Interrupted { reason } => ("interrupted", reason),
            Dispatch::Unavailable { reason } => ("unavailable", reason),
        }
    };
    let settings = || postfix.settings(Security::StartTls);

    let (outcome, words) = check(settings(), "nobody@valfictif.example").await;
    assert_eq!(outcome, "refused", "{words}");
    assert!(words.starts_with("550 5.1.1"), "{words}");
    let (outcome, words) = check(settings(), "gris@valfictif.example").await;
    assert_eq!(outcome, "deferred", "{words}");
    assert!(words.contains("Greylisted"), "{words}");

    let mut wrong = settings();
    if let Some(login) = &mut wrong.login {
        login.password = SecretString::from("wrong");
    }
    let (outcome, words) = check(wrong, "api@valfictif.example").await;
    assert_eq!(outcome, "unavailable", "{words}");
    assert!(words.contains("535"), "{words}");

    let mut plain = settings();
    plain.security = Security::Plain;
    plain.login = None;
    let (outcome, words) = check(plain, "api@valfictif.example").await;
    assert_eq!(
        outcome, "unavailable",
        "STARTTLS is required first: {words}"
    );
}
