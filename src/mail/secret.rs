//! The password of the relay.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use secrecy::SecretString;

use super::MailError;
use crate::sla::catalog::SecretPlace;

/// The password kept at `place`.
///
/// # Errors
/// A file or variable that is absent or empty, and a file that every user of the machine can read.
pub fn read_password(place: &SecretPlace) -> Result<SecretString, MailError> {
    let (password, empty) = match place {
        SecretPlace::File(path) => {
            let refuse = |reason: String| MailError::PasswordFile {
                path: path.clone(),
                reason,
            };
            let missing = |error: std::io::Error| {
                refuse(format!("{error}: write the password to it, on one line"))
            };
            let mut file = std::fs::File::open(path).map_err(missing)?;
            // Of the open file, so that it cannot be exchanged between the look and the reading.
            let mode = file.metadata().map_err(missing)?.permissions().mode();
            if mode & 0o007 != 0 {
                return Err(refuse(format!(
                    "every user of this machine can open it (mode {:03o}): run `chmod o= {}`, and change the password if others were here",
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
                refuse("it is empty: write the password to it, on one line".to_owned()),
            )
        }
        SecretPlace::Env(variable) => {
            let refuse = |what: &'static str| MailError::PasswordVariable {
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
    if password.is_empty() {
        return Err(empty);
    }
    Ok(password.into())
}
