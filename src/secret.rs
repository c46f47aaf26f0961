//! Secrets where they are kept: in a file of its own, or in an environment variable.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use secrecy::SecretString;

use crate::sla::catalog::SecretPlace;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file that holds it.
    #[error("file `{}`: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The environment variable that holds it.
    #[error("environment variable `{variable}` is {what}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl SecretError {
    /// What is kept at `place` is no good: it is `what`, which also says what would be right.
    pub fn unfit(place: &SecretPlace, what: &'static str) -> Self {
        match place {
            SecretPlace::File(path) => Self::File {
                path: path.clone(),
                reason: format!("it is {what}"),
            },
            SecretPlace::Env(variable) => Self::Variable {
                variable: variable.clone(),
                what,
            },
        }
    }
}

/// The secret kept at `place`.
///
/// # Errors
/// A file or variable that is absent or empty, and a file that every user of the machine can read.
pub fn read(place: &SecretPlace) -> Result<SecretString, SecretError> {
    let (secret, empty) = match place {
        SecretPlace::File(path) => {
            let refuse = |reason: String| SecretError::File {
                path: path.clone(),
                reason,
            };
            let missing = |error: std::io::Error| {
                refuse(format!("{error}; write the secret to it, on one line"))
            };
            let mut file = std::fs::File::open(path).map_err(missing)?;
            // Of the open file, so that it cannot be exchanged between the look and the reading.
            let mode = file.metadata().map_err(missing)?.permissions().mode();
            if mode & 0o007 != 0 {
                return Err(refuse(format!(
                    "every user of this machine can open it (mode {:03o}); run `chmod o= {}`, and change the secret if others were here",
                    mode & 0o777,
                    path.display()
                )));
            }
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(missing)?;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            let line = line.strip_suffix('\r').unwrap_or(line);
            (
                line.to_owned(),
                refuse("it is empty; write the secret to it, on one line".to_owned()),
            )
        }
        SecretPlace::Env(variable) => {
            let refuse = |what: &'static str| SecretError::Variable {
                variable: variable.clone(),
                what,
            };
            let text = std::env::var(variable).map_err(|error| match error {
                std::env::VarError::NotPresent => refuse("not set"),
                std::env::VarError::NotUnicode(_) => refuse("not valid UTF-8"),
            })?;
            (text, refuse("empty"))
        }
    };
    if secret.is_empty() {
        return Err(empty);
    }
    Ok(secret.into())
}

/// What a file looked like from outside: another look tells whether it was changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    path: PathBuf,
    seen: Option<(SystemTime, u64, u64)>,
}

impl Stamp {
    /// The file as it is now; a missing one has a look of its own.
    pub fn of(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        let seen = metadata.and_then(|seen| Some((seen.modified().ok()?, seen.len(), seen.ino())));
        Self {
            path: path.to_owned(),
            seen,
        }
    }

    /// Whether the file looks as it did.
    pub fn is_current(&self) -> bool {
        *self == Self::of(&self.path)
    }
}
