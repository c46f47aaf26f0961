//! Puts letters into envelopes and hands them over, to a mail relay or into a folder.
//!
//! What stands in a letter is decided in [`report`](crate::report); when it is sent, and what is
//! done if it could not be, is none of its business.

mod dkim;
mod folder;
mod message;
mod smtp;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{MailConfig, MailTransport};
use crate::secret::{self, SecretError};

pub use crate::config::MailSecurity as Security;
pub use dkim::Dkim;
pub use message::{Mail, Sender, masked};
pub use smtp::{Login, Smtp, SmtpSettings};

/// Where letters are handed over.
#[derive(Debug)]
pub enum Mailer {
    /// To a mail relay, which delivers them.
    Smtp(Box<Smtp>),
    /// Into a folder, one `.eml` file per letter, for another program to deliver.
    Folder(PathBuf),
    /// Into memory, for tests.
    Memory(Outgoing),
}

/// Mails that were handed over in memory. Clones share them.
pub type Outgoing = Arc<Mutex<Vec<Mail>>>;

/// What became of a mail that was to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// The other side has taken it over.
    Sent {
        /// What it said.
        answer: String,
    },
    /// The other side will not take this mail now, and may later.
    Deferred {
        /// What it said.
        answer: String,
    },
    /// The other side will not take this mail, now or later.
    Refused {
        /// What it said.
        answer: String,
    },
    /// The connection broke in the middle: the mail may have arrived, most likely not.
    Interrupted {
        /// What happened.
        reason: String,
    },
    /// No mail at all can be handed over now; nothing was said about this one.
    Unavailable {
        /// What happened.
        reason: String,
    },
}

/// Why a mail cannot be written, or a mailer not be made.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Not an address of a mailbox.
    #[error("read mail address `{address}` ({role}): {reason}: write it as `name@domain`")]
    Address {
        /// Whose.
        role: &'static str,
        /// As written.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The headers or the body could not be put together.
    #[error("compose letter {number}: {reason}")]
    Compose {
        /// Of the statement.
        number: String,
        /// What is wrong.
        reason: String,
    },
    /// Passwords and reports would cross a network in the clear.
    #[error(
        "use mail relay `{host}` without TLS: only a relay on this machine (`localhost`, `127.0.0.1`, `::1`) may be spoken to in the clear: set the security to `starttls` or `tls`"
    )]
    PlainAbroad {
        /// The relay.
        host: String,
    },
    /// The trusted authorities, or the name of the relay, are of no use.
    #[error("set up TLS for mail relay `{host}`: {reason}")]
    Tls {
        /// The relay.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// The password of the relay cannot be had.
    #[error("read the password of the mail relay: {0}")]
    Password(#[from] SecretError),
    /// The key that signs letters cannot be had, or cannot sign.
    #[error("use the key that signs letters (DKIM): {0}")]
    DkimKey(SecretError),
    /// The library did not sign.
    #[error("sign a letter for `{domain}` (DKIM): make another key with `openssl genrsa 2048`")]
    DkimSign {
        /// In whose name.
        domain: String,
    },
}

impl Mailer {
    /// The mailer that the configuration asks for; absent if it asks for no letters. Reads the
    /// password and the trusted authorities, connects to nothing.
    ///
    /// # Errors
    /// A password or authorities that cannot be read, or may be read by too many.
    pub fn new(config: &MailConfig) -> Result<Option<Self>, MailError> {
        let relay = match &config.transport {
            None => return Ok(None),
            Some(MailTransport::Folder(folder)) => return Ok(Some(Self::Folder(folder.clone()))),
            Some(MailTransport::Relay(relay)) => relay,
        };
        let login = match &relay.login {
            None => None,
            Some((user, place)) => Some(Login {
                user: user.clone(),
                password: secret::read(place)?,
            }),
        };
        let ca_pem = match &relay.ca_file {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| MailError::Tls {
                host: relay.host.clone(),
                reason: format!("read trusted authorities `{}`: {error}", path.display()),
            })?),
        };
        let smtp = Smtp::new(SmtpSettings {
            host: relay.host.clone(),
            port: relay.port,
            security: relay.security,
            login,
            ca_pem,
            hello_name: relay.hello.clone(),
            timeout: Duration::from_millis(u64::try_from(relay.timeout_ms).unwrap_or(0)),
        })?;
        Ok(Some(Self::Smtp(Box::new(smtp))))
    }

    /// Hands `mail` over. A mail that is handed over again is the same mail, byte for byte, under
    /// the same Message-ID.
    pub async fn send(&mut self, mail: &Mail) -> Dispatch {
        match self {
            Self::Smtp(smtp) => smtp.send(mail).await,
            Self::Folder(folder) => folder::put(folder, mail),
            Self::Memory(outgoing) => {
                outgoing
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(mail.clone());
                Dispatch::Sent {
                    answer: "kept in memory".to_owned(),
                }
            }
        }
    }

    /// Takes leave of the other side, after the last mail of a round.
    pub async fn close(&mut self) {
        match self {
            Self::Smtp(smtp) => smtp.close().await,
            Self::Folder(_) | Self::Memory(_) => {}
        }
    }
}
