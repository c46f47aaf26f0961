//! The exchange format: `vigie-evidence/1` in, `vigie-statement/1` out.
//!
//! A partner who doubts a figure gets the evidence and recomputes it, without our daemon, our
//! database or our network. The daemon's own month-end goes through the same documents, so that
//! what is published and what is recomputed cannot differ.
//!
//! `docs/evidence.md` describes both. Pure: no configuration, no clock, no store.

mod evidence;
mod signature;
mod statement;

pub use evidence::{Document, EvidenceError, SharedEvidence, WindowSpec, read_terms, terms_json};
pub use signature::{SignatureError, SigningKey, verify_signature};
pub use statement::{
    Comparison, Difference, StatementError, WrittenFigures, compare, read_figures, statement_json,
};

use aws_lc_rs::digest::{Context, SHA256};

/// What computed a statement: this program's version and that of its time-zone data.
pub fn engine() -> String {
    format!(
        "vigie {}, tzdata {}",
        env!("CARGO_PKG_VERSION"),
        crate::sla::window::TZDATA_VERSION
    )
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    sha256_hex_of(&[bytes])
}

/// SHA-256 of the parts one after the other.
fn sha256_hex_of(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    hex(context.finish().as_ref())
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// From a `vigie-evidence/1` document to the `vigie-statement/1` document it settles to.
///
/// # Errors
/// Anything in the document that is not of the format, named by its place.
pub fn settle_document(evidence: &[u8]) -> Result<Vec<u8>, EvidenceError> {
    let document = Document::parse(evidence)?;
    Ok(statement_json(&document.settle(), &document.sha256()))
}
