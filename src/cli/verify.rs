//! `vigie verify`: does this statement follow from this evidence?

use std::path::{Path, PathBuf};

use super::{Failure, exit, print, read_input};
use crate::exchange::{SignatureError, compare, settle_document, verify_signature};

/// Verify a statement against its evidence
///
/// Recomputes the statement from the evidence and compares the two, key by key. Exit status 0 if
/// they agree, 1 if not.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The statement, as it was published
    statement: PathBuf,
    /// The evidence document; `-` reads standard input
    evidence: PathBuf,
    /// Also verify the statement's signature (`<statement>.minisig`) with this public key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    let statement = read_input(&args.statement)?;
    let evidence = read_input(&args.evidence)?;
    let recomputed = settle_document(&evidence).map_err(Failure::input)?;
    if let Some(key) = &args.key
        && let Some(refusal) = check_signature(&args.statement, &statement, key)?
    {
        print(format!("not verified: failed to {refusal}\n").as_bytes())?;
        return Ok(exit::NEGATIVE);
    }
    let comparison = compare(&statement, &recomputed).map_err(Failure::input)?;
    if let Some(engine) = &comparison.other_engine {
        print(format!("note: written by another engine ({engine})\n").as_bytes())?;
    }
    if comparison.differences.is_empty() {
        print(b"verified: the statement follows from the evidence, figure by figure\n")?;
        return Ok(exit::OK);
    }
    for difference in &comparison.differences {
        print(
            format!(
                "differs at `{}`: the statement says {}, the evidence gives {}\n",
                difference.place, difference.written, difference.recomputed
            )
            .as_bytes(),
        )?;
    }
    Ok(exit::NEGATIVE)
}

/// Why the signature beside the statement does not hold, if it does not.
fn check_signature(
    path: &Path,
    statement: &[u8],
    key: &Path,
) -> Result<Option<SignatureError>, Failure> {
    let text = |path: &Path| -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&read_input(path)?).into_owned())
    };
    let mut signature = path.as_os_str().to_owned();
    signature.push(".minisig");
    match verify_signature(statement, &text(signature.as_ref())?, &text(key)?) {
        Ok(comment) => {
            print(format!("signature holds: {comment}\n").as_bytes())?;
            Ok(None)
        }
        Err(refusal @ (SignatureError::OtherKey | SignatureError::Changed)) => Ok(Some(refusal)),
        Err(error) => Err(Failure::input(error)),
    }
}
