//! What a probe saw in full, as JSON: in a column, in a spool, and for who asks a command for it.
//!
//! Instants are RFC 3339 in UTC, durations whole microseconds; what was not reached is absent. Keys
//! may be added; none changes its meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sla::explanation::{Assessment, Certificate, Explanation, Hop, Tls};
use crate::sla::observation::{Phases, Stage, TlsFault};
use crate::sla::window::Timestamp;

/// The most bytes that one explanation takes in the store. One of many redirects or of a
/// certificate for hundreds of names is shortened to it.
const BYTES_MAX: usize = 16 * 1024;

/// The names of a certificate that are kept when there is too much to keep.
const NAMES_KEPT: usize = 3;

/// As JSON.
pub fn explanation_json(explanation: &Explanation) -> serde_json::Value {
    // Numbers, texts and lists of them: nothing that JSON could not hold.
    serde_json::to_value(Written::new(explanation)).unwrap_or_default()
}

/// As JSON of at most [`BYTES_MAX`] bytes; absent where even a shortened one would be longer.
pub(super) fn to_json(explanation: &Explanation) -> Option<String> {
    let mut written = Written::new(explanation);
    let fits = |written: &Written| {
        let json = serde_json::to_string(written).ok()?;
        (json.len() <= BYTES_MAX).then_some(json)
    };
    fits(&written).or_else(|| {
        written.shorten();
        fits(&written)
    })
}

/// What the JSON says.
///
/// # Errors
/// Where it is not such JSON, in words.
pub(super) fn from_json(json: &str) -> Result<Explanation, String> {
    let written: Written = serde_json::from_str(json).map_err(|error| error.to_string())?;
    written.read()
}

/// A part of a larger JSON, as in a spool.
#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    duration_us: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evaluate_us: Option<u32>,
    hops: Vec<WrittenHop>,
    assertions: Vec<WrittenAssessment>,
}

#[derive(Serialize, Deserialize)]
struct WrittenAssessment {
    subject: String,
    found: Option<String>,
    test: String,
    holds: bool,
}

#[derive(Serialize, Deserialize)]
struct WrittenHop {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    misses: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    body_bytes: usize,
    phases_us: BTreeMap<String, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<WrittenTls>,
}

#[derive(Serialize, Deserialize)]
struct WrittenTls {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cipher_suite: Option<String>,
    /// Why the certificate was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    chain: Vec<WrittenCertificate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verified_not_after: Option<String>,
    asks_for_certificate: bool,
}

#[derive(Serialize, Deserialize)]
struct WrittenCertificate {
    subject: String,
    issuer: String,
    self_signed: bool,
    names: Vec<String>,
    not_before: Option<String>,
    not_after: Option<String>,
}

impl Written {
    pub(super) fn new(explanation: &Explanation) -> Self {
        // Field by field, here and below: a new one is not forgotten.
        let Explanation {
            hops,
            assessments,
            evaluate_us,
            duration_us,
        } = explanation;
        Self {
            duration_us: *duration_us,
            evaluate_us: *evaluate_us,
            hops: hops.iter().map(WrittenHop::new).collect(),
            assertions: assessments
                .iter()
                .map(|one| WrittenAssessment {
                    subject: one.subject.clone(),
                    found: one.found.clone(),
                    test: one.test.clone(),
                    holds: one.holds,
                })
                .collect(),
        }
    }

    pub(super) fn read(self) -> Result<Explanation, String> {
        Ok(Explanation {
            hops: all(self.hops, WrittenHop::read)?,
            assessments: self
                .assertions
                .into_iter()
                .map(|one| Assessment {
                    subject: one.subject,
                    found: one.found,
                    test: one.test,
                    holds: one.holds,
                })
                .collect(),
            evaluate_us: self.evaluate_us,
            duration_us: self.duration_us,
        })
    }

    /// Leaves out what is long and says least: most names of certificates, and the hops between the
    /// first and the last.
    fn shorten(&mut self) {
        if let [_first, .., _last] = self.hops.as_slice() {
            self.hops.drain(1..self.hops.len() - 1);
        }
        let tls = self.hops.iter_mut().filter_map(|hop| hop.tls.as_mut());
        for certificate in tls.flat_map(|tls| &mut tls.chain) {
            certificate.names.truncate(NAMES_KEPT);
        }
    }
}

impl WrittenHop {
    fn new(hop: &Hop) -> Self {
        let Hop {
            url,
            address,
            misses,
            tls,
            http_version,
            status,
            headers,
            body_bytes,
            phases,
        } = hop;
        let reached = Stage::ALL
            .into_iter()
            .filter_map(|stage| Some((stage.code().to_owned(), phases.of(stage)?)));
        Self {
            url: url.clone(),
            address: address.map(|address| address.to_string()),
            misses: misses.clone(),
            http_version: http_version.clone(),
            status: *status,
            headers: headers.clone(),
            body_bytes: *body_bytes,
            phases_us: reached.collect(),
            tls: tls.as_ref().map(WrittenTls::new),
        }
    }

    fn read(self) -> Result<Hop, String> {
        let mut phases = Phases::default();
        for (code, us) in self.phases_us {
            let stage = Stage::from_code(&code).ok_or_else(|| unknown(&code))?;
            *phases.of_mut(stage) = Some(us);
        }
        let address = self.address.map(|text| {
            let address = text.parse();
            address.map_err(|_unread| unknown(&text))
        });
        Ok(Hop {
            url: self.url,
            address: address.transpose()?,
            misses: self.misses,
            tls: self.tls.map(WrittenTls::read).transpose()?,
            http_version: self.http_version,
            status: self.status,
            headers: self.headers,
            body_bytes: self.body_bytes,
            phases,
        })
    }
}

impl WrittenTls {
    fn new(tls: &Tls) -> Self {
        let Tls {
            version,
            cipher_suite,
            chain,
            verified_not_after,
            refusal,
            asks_for_certificate,
        } = tls;
        Self {
            version: version.clone(),
            cipher_suite: cipher_suite.clone(),
            refusal: refusal.map(|fault| fault.code().to_owned()),
            chain: chain.iter().map(WrittenCertificate::new).collect(),
            verified_not_after: verified_not_after.map(|end| end.to_string()),
            asks_for_certificate: *asks_for_certificate,
        }
    }

    fn read(self) -> Result<Tls, String> {
        let refusal = self
            .refusal
            .map(|code| TlsFault::from_code(&code).ok_or_else(|| unknown(&code)));
        Ok(Tls {
            version: self.version,
            cipher_suite: self.cipher_suite,
            chain: all(self.chain, WrittenCertificate::read)?,
            verified_not_after: instant(self.verified_not_after)?,
            refusal: refusal.transpose()?,
            asks_for_certificate: self.asks_for_certificate,
        })
    }
}

impl WrittenCertificate {
    fn new(certificate: &Certificate) -> Self {
        let Certificate {
            subject,
            issuer,
            self_signed,
            names,
            not_before,
            not_after,
        } = certificate;
        Self {
            subject: subject.clone(),
            issuer: issuer.clone(),
            self_signed: *self_signed,
            names: names.clone(),
            not_before: not_before.map(|at| at.to_string()),
            not_after: not_after.map(|at| at.to_string()),
        }
    }

    fn read(self) -> Result<Certificate, String> {
        Ok(Certificate {
            subject: self.subject,
            issuer: self.issuer,
            self_signed: self.self_signed,
            names: self.names,
            not_before: instant(self.not_before)?,
            not_after: instant(self.not_after)?,
        })
    }
}

fn all<T, U>(written: Vec<T>, read: fn(T) -> Result<U, String>) -> Result<Vec<U>, String> {
    written.into_iter().map(read).collect()
}

fn instant(written: Option<String>) -> Result<Option<Timestamp>, String> {
    let read = written.map(|text| text.parse().map_err(|_unread| unknown(&text)));
    read.transpose()
}

fn unknown(text: &str) -> String {
    format!("`{text}` is not a value that we know")
}
