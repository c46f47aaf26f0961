//! Signed letters: what a receiver's verifier says of them, and which keys are refused.
//!
//! Method: keys made for the test, in files as an operator has them; the verifier is Python's
//! `dkimpy`, asked about the bytes that a Postfix delivered, with a name service that knows one
//! record: the one that `vigie letters dkim-record` tells to publish.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vigie::config::DkimConfig;
use vigie::mail::{Dispatch, Dkim, Mail, Security};
use vigie::sla::catalog::SecretPlace;

use super::postfix::Postfix;
use super::{letter, sender, smtp, written};

/// 1024 bits, made for this test and used nowhere: `openssl genrsa -traditional 1024`.
const SHORT_KEY: &str = include_str!("short-key.pem");

fn rsa_key() -> String {
    let der: Pkcs8V1Der<'_> = KeyPair::generate(KeySize::Rsa2048)
        .unwrap()
        .as_der()
        .unwrap();
    let text = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn write(folder: &Path, pem: &str, mode: u32) -> PathBuf {
    let path = folder.join(format!("key-{mode:o}.pem"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let mut file = options.open(&path).unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    path
}

fn dkim(key: &Path) -> Result<Dkim, String> {
    let config = DkimConfig {
        domain: "operateur.example".to_owned(),
        selector: "vigie-2025".to_owned(),
        key: SecretPlace::File(key.to_owned()),
    };
    Dkim::from_config(&config).map_err(|error| error.to_string())
}

/// Goal: only a key that receivers accept signs, and only one that others cannot have read; what
/// is refused says where it is and what to do, and shows nothing of it.
#[test]
fn a_key_that_cannot_sign_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |pem: &str, mode: u32, expected: &str| {
        let key = write(folder.path(), pem, mode);
        let refused = dkim(&key).unwrap_err();
        let line = format!("file `{}`: {expected}", key.display());
        assert!(refused.ends_with(&line), "{refused}");
    };
    let wanted = "it is no RSA key of 2048 to 8192 bits: make one with `openssl genrsa 2048`";
    check(SHORT_KEY, 0o600, wanted);
    let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
    check(&elliptic, 0o600, wanted);
    let nothing = "it is no private key: write one to it with `openssl genrsa 2048`";
    check("v=DKIM1; k=rsa", 0o600, nothing);
    let open = dkim(&write(folder.path(), &rsa_key(), 0o644)).unwrap_err();
    assert!(open.contains("chmod o="), "{open}");
    let missing = dkim(&folder.path().join("none.pem")).unwrap_err();
    assert!(missing.contains("none.pem"), "{missing}");
}

/// Goal: a letter that is sent again is the same message, signature and all; and the signature is
/// all that is added.
#[test]
fn a_signed_letter_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let dkim = dkim(&write(folder.path(), &rsa_key(), 0o640)).unwrap();
    assert!(!format!("{dkim:?}").contains("KeyPair"));
    let compose = || Mail::compose(&letter(), &sender().signing(dkim.clone()), written()).unwrap();
    let signed = compose();
    assert_eq!(signed, compose());
    let unsigned = Mail::compose(&letter(), &sender(), written()).unwrap();
    assert!(signed.bytes().ends_with(unsigned.bytes()));
    let text = String::from_utf8(signed.bytes().to_vec()).unwrap();
    let start = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=operateur.example; s=vigie-2025;\r\n";
    assert!(text.starts_with(start), "{text}");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "{text}");
}

/// Goal: what reaches a mailbox through a real relay carries a signature that a verifier accepts
/// with the published record, and that it refuses once text, sender or answering address are
/// others.
#[tokio::test]
#[ignore = "needs postfix and dkimpy: tests/all"]
async fn a_receiver_verifies_what_postfix_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let dkim = dkim(&write(folder.path(), &rsa_key(), 0o600)).unwrap();
    let record = dkim.record().unwrap();
    let postfix = Postfix::start();
    // One with a place for answers, whose header is signed; one without, whose absence is.
    let plain = vigie::mail::Sender::new(None, "supervision@operateur.example", None, None);
    for (n, sender) in [sender(), plain.unwrap()].into_iter().enumerate() {
        let mail = Mail::compose(&letter(), &sender.signing(dkim.clone()), written()).unwrap();
        let mut mailer = smtp(postfix.settings(Security::Tls));
        let sent = mailer.send(&mail).await;
        assert!(matches!(sent, Dispatch::Sent { .. }), "{sent:?}");
        mailer.close().await;
        postfix.mailbox("api", n + 1);
    }
    for path in postfix.mailbox("api", 2) {
        let delivered = std::fs::read_to_string(&path).unwrap();
        assert!(delivered.contains("Received: "), "it came by the relay");
        assert_eq!(verify(&record, &delivered), "true");
        for (there, forged) in [
            ("From: ", "From: mallory@evil.example\nFrom: "),
            (
                "Auto-Submitted:",
                "Reply-To: mallory@evil.example\nAuto-Submitted:",
            ),
            ("Content-Type: text/plain", "Content-Type: text/html"),
            ("Bonjour", "Bonsoir"),
        ] {
            assert!(delivered.contains(there), "{there}");
            let forged = delivered.replacen(there, forged, 1);
            assert_eq!(verify(&record, &forged), "false", "{there}");
        }
    }
}

/// What `dkimpy` says of `message` where the name service knows `record` only.
fn verify(record: &str, message: &str) -> String {
    const SCRIPT: &str = r#"
import re, sys, dkim
name, text = sys.argv[1].split(" IN TXT ")
txt = "".join(re.findall(r'"([^"]*)"', text)).encode()
known = lambda asked, timeout=5: txt if asked.decode() == name else None
print(str(dkim.verify(sys.stdin.buffer.read(), dnsfunc=known)).lower(), end="")
"#;
    let python = std::env::var("VIGIE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .args(["-c", SCRIPT, record])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(message.as_bytes()).unwrap();
    drop(input);
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}
