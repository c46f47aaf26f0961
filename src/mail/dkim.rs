//! DKIM: a signature over a letter by its sender's domain (RFC 6376): `rsa-sha256`, head and body
//! in their `relaxed` forms.
//!
//! Most operators let their relay sign; this is for those whose relay does not.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;

use super::MailError;
use crate::config::DkimConfig;
use crate::secret::{self, SecretError};
use crate::sla::window::Timestamp;

/// The headers that are signed. Each is named twice: a letter has at most one of a name, and what is
/// named and not there is signed as absent, so that nobody can add it on the way.
const SIGNED: [&str; 10] = [
    "from",
    "reply-to",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-language",
    "auto-submitted",
];

/// The longest piece of base64 on a line of a header.
const LINE_CHARS_MAX: usize = 72;

/// The longest string in a TXT record.
const TXT_STRING_BYTES_MAX: usize = 255;

/// What signs letters in the name of a domain.
#[derive(Clone)]
pub struct Dkim {
    domain: String,
    selector: String,
    key: Arc<KeyPair>,
}

impl Dkim {
    /// Reads the key that the configuration names.
    ///
    /// # Errors
    /// A file or variable that cannot be read or that too many can read, or that holds no RSA key
    /// of at least 2048 bits.
    pub fn from_config(config: &DkimConfig) -> Result<Self, MailError> {
        let pem = secret::read(&config.key).map_err(MailError::DkimKey)?;
        let unfit = |what| MailError::DkimKey(SecretError::unfit(&config.key, what));
        let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| unfit("no private key: write one to it with `openssl genrsa 2048`"))?;
        // The library takes no shorter keys, and the large receivers trust none.
        let wanted = "no RSA key of 2048 to 8192 bits: make one with `openssl genrsa 2048`";
        let key = match &der {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(unfit(wanted)),
        }
        .map_err(|_| unfit(wanted))?;
        Ok(Self {
            domain: config.domain.clone(),
            selector: config.selector.clone(),
            key: Arc::new(key),
        })
    }

    /// The record that receivers look the key up in, as a line of a zone file.
    ///
    /// # Errors
    /// The public half of the key cannot be written.
    pub fn record(&self) -> Result<String, MailError> {
        let der: PublicKeyX509Der<'_> =
            self.key
                .public_key()
                .as_der()
                .map_err(|_| MailError::DkimSign {
                    domain: self.domain.clone(),
                })?;
        let text = format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(der.as_ref()));
        let strings: Vec<String> = pieces(&text, TXT_STRING_BYTES_MAX)
            .map(|piece| format!("\"{piece}\""))
            .collect();
        Ok(format!(
            "{}._domainkey.{}. IN TXT ( {} )",
            self.selector,
            self.domain,
            strings.join(" ")
        ))
    }

    /// `message` with the header that signs it in front. Equal arguments give equal bytes.
    pub(super) fn sign(&self, message: Vec<u8>, at: Timestamp) -> Result<Vec<u8>, MailError> {
        let failed = || MailError::DkimSign {
            domain: self.domain.clone(),
        };
        // Letters are composed in ASCII, whatever is written in them.
        let text = std::str::from_utf8(&message).map_err(|_| failed())?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let body_sha256 = STANDARD.encode(digest(&SHA256, relaxed_body(body).as_bytes()));
        let unsigned = format!(
            "v=1; a=rsa-sha256; c=relaxed/relaxed; d={}; s={};\r\n t={};\r\n h={};\r\n bh={body_sha256};\r\n b=",
            self.domain,
            self.selector,
            at.unix_ms() / 1_000,
            SIGNED.map(|name| format!("{name}:{name}")).join(":\r\n "),
        );
        let mut signed = relaxed_head(head);
        signed.push_str(&format!("dkim-signature:{}", relaxed_value(&unsigned)));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| failed())?;
        let signature = STANDARD.encode(signature);
        let lines: Vec<&str> = pieces(&signature, LINE_CHARS_MAX).collect();
        let mut bytes =
            format!("DKIM-Signature: {unsigned}{}\r\n", lines.join("\r\n ")).into_bytes();
        bytes.extend_from_slice(&message);
        Ok(bytes)
    }
}

/// Without the key.
impl fmt::Debug for Dkim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dkim")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

/// `text`, which is ASCII, in pieces of at most `length` bytes.
fn pieces(text: &str, length: usize) -> impl Iterator<Item = &str> {
    (0..text.len())
        .step_by(length)
        .map(move |start| &text[start..text.len().min(start + length)])
}

/// The signed headers of `head` in their relaxed form, each with its line end.
fn relaxed_head(head: &str) -> String {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers: Vec<(String, String)> = unfolded
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim_end().to_ascii_lowercase(), relaxed_value(value)))
        .collect();
    let signed = SIGNED
        .iter()
        .filter_map(|name| headers.iter().find(|header| header.0 == *name));
    signed
        .map(|(name, value)| format!("{name}:{value}\r\n"))
        .collect()
}

/// RFC 6376, 3.4.2: one space for any white space, none at either end.
fn relaxed_value(value: &str) -> String {
    let words: Vec<&str> = value
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// RFC 6376, 3.4.4: one space for any white space within a line, none at its end, and no empty
/// lines at the end of all.
fn relaxed_body(body: &str) -> String {
    let mut relaxed = String::with_capacity(body.len());
    for line in body.split("\r\n") {
        let line = line.trim_end_matches([' ', '\t']);
        let mut in_space = false;
        for c in line.chars() {
            let is_space = matches!(c, ' ' | '\t');
            if !is_space {
                relaxed.push(c);
            } else if !in_space {
                relaxed.push(' ');
            }
            in_space = is_space;
        }
        relaxed.push_str("\r\n");
    }
    relaxed.truncate(relaxed.trim_end_matches("\r\n").len());
    if !relaxed.is_empty() {
        relaxed.push_str("\r\n");
    }
    relaxed
}
