//! Signatures that outlive this program: Ed25519, in the format of the `minisign` tool.
//!
//! A partner checks a signed statement with `vigie verify --key` or, without any program of ours,
//! with `minisign -Vm statement.json -p vigie.pub`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Marks a signature over the file itself (minisign calls it "legacy"; it needs no second hash).
const ALGORITHM: &[u8; 2] = b"Ed";

/// Why a key or a signature cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a PKCS#8 PEM file with an Ed25519 key.
    #[error(
        "read signing key: it is not an Ed25519 private key in PKCS#8 PEM (make one with `vigie key new`)"
    )]
    NotAPrivateKey,
    /// Not a minisign public key.
    #[error("read public key: it is not a minisign public key (two lines, the second in base64)")]
    NotAPublicKey,
    /// Not a minisign signature.
    #[error("read signature: it is not a minisign signature (four lines)")]
    NotASignature,
    /// Made with another key.
    #[error("verify signature: it was made with another key")]
    OtherKey,
    /// The file or its trusted comment was changed.
    #[error("verify signature: the file or its comment was changed after it was signed")]
    Changed,
    /// The system gave no randomness.
    #[error("make signing key: the system gave no randomness")]
    NoRandomness,
}

/// A key that signs. Never shown, not even by `Debug`.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new key, as the PKCS#8 PEM text to keep secret.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn generate() -> Result<String, SignatureError> {
        let key = Ed25519KeyPair::generate().map_err(|_| SignatureError::NoRandomness)?;
        let pkcs8 = key.to_pkcs8v1().map_err(|_| SignatureError::NoRandomness)?;
        let body = BASE64.encode(pkcs8.as_ref());
        let lines: Vec<&str> = (0..body.len())
            .step_by(64)
            .filter_map(|at| body.get(at..body.len().min(at + 64)))
            .collect();
        Ok(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            lines.join("\n")
        ))
    }

    /// The key of a PKCS#8 PEM text, also as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// Another kind of file or key.
    pub fn from_pem(pem: &str) -> Result<Self, SignatureError> {
        let body: String = pem
            .trim()
            .strip_prefix("-----BEGIN PRIVATE KEY-----")
            .and_then(|rest| rest.strip_suffix("-----END PRIVATE KEY-----"))
            .ok_or(SignatureError::NotAPrivateKey)?
            .split_whitespace()
            .collect();
        let pkcs8 = BASE64
            .decode(body)
            .map_err(|_| SignatureError::NotAPrivateKey)?;
        Ed25519KeyPair::from_pkcs8(&pkcs8)
            .map(Self)
            .map_err(|_| SignatureError::NotAPrivateKey)
    }

    /// The public key, as a minisign public key file.
    pub fn public_key(&self) -> String {
        let public = self.0.public_key().as_ref();
        let id = key_id(public);
        let blob = [ALGORITHM.as_slice(), &id, public].concat();
        format!(
            "untrusted comment: vigie public key {}\n{}\n",
            super::hex(&id),
            BASE64.encode(blob)
        )
    }

    /// The signature of `bytes`, as a minisign signature file. The comment is signed too.
    pub fn sign(&self, bytes: &[u8], trusted_comment: &str) -> String {
        let trusted_comment = trusted_comment.replace(['\n', '\r'], " ");
        let signature = self.0.sign(bytes);
        let signature = signature.as_ref();
        let id = key_id(self.0.public_key().as_ref());
        let blob = [ALGORITHM.as_slice(), &id, signature].concat();
        let both = self
            .0
            .sign(&[signature, trusted_comment.as_bytes()].concat());
        format!(
            "untrusted comment: signature of vigie\n{}\ntrusted comment: {trusted_comment}\n{}\n",
            BASE64.encode(blob),
            BASE64.encode(both.as_ref())
        )
    }
}

/// Checks that `signature` was made over `bytes` with the private part of `public_key`; returns
/// the trusted comment.
///
/// # Errors
/// A changed byte, another key, or files of another kind.
pub fn verify_signature(
    bytes: &[u8],
    signature: &str,
    public_key: &str,
) -> Result<String, SignatureError> {
    let blob = public_key
        .lines()
        .nth(1)
        .and_then(|line| BASE64.decode(line.trim()).ok())
        .ok_or(SignatureError::NotAPublicKey)?;
    let (id, public) = blob
        .strip_prefix(ALGORITHM)
        .and_then(|rest| rest.split_at_checked(8))
        .filter(|(_, public)| public.len() == 32)
        .ok_or(SignatureError::NotAPublicKey)?;

    let mut lines = signature.lines().skip(1);
    let mut decoded = || lines.next().map(str::trim);
    let blob = decoded().and_then(|line| BASE64.decode(line).ok());
    let comment = decoded().and_then(|line| line.strip_prefix("trusted comment: "));
    let both = decoded().and_then(|line| BASE64.decode(line).ok());
    let (Some(blob), Some(comment), Some(both)) = (blob, comment, both) else {
        return Err(SignatureError::NotASignature);
    };
    let (signer, signed) = blob
        .strip_prefix(ALGORITHM)
        .and_then(|rest| rest.split_at_checked(8))
        .ok_or(SignatureError::NotASignature)?;
    if signer != id {
        return Err(SignatureError::OtherKey);
    }
    let key = UnparsedPublicKey::new(&ED25519, public);
    let holds = |message: &[u8], signature: &[u8]| {
        key.verify(message, signature)
            .map_err(|_| SignatureError::Changed)
    };
    holds(bytes, signed)?;
    holds(&[signed, comment.as_bytes()].concat(), &both)?;
    Ok(comment.to_owned())
}

/// Eight bytes that name a key.
fn key_id(public: &[u8]) -> Vec<u8> {
    digest(&SHA256, public)
        .as_ref()
        .iter()
        .copied()
        .take(8)
        .collect()
}
