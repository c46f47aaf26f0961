//! A mail relay, spoken to in SMTP.
//!
//! The commands are given one by one, because it matters which of them is refused: a refused
//! password or sender stops all letters and is to be repaired here; a refused recipient stops one
//! letter and is to be repaired there.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::{Dispatch, Mail, MailError};
use crate::config::MailSecurity as Security;

/// The longest answer of a relay that is kept, in characters.
const ANSWER_CHARS_MAX: usize = 300;

/// How long to wait for the last word on a mail, in command timeouts. A relay may look at the
/// content before it answers, and whoever leaves early sends twice (RFC 5321, 4.5.3.2.6).
const LAST_WORD_PATIENCE: u32 = 10;

/// How to reach a relay.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// A name or an address.
    pub host: String,
    /// Usually 465 with TLS, 587 with STARTTLS, 25 on this machine.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who we are to the relay; absent: it takes mail from us unasked.
    pub login: Option<Login>,
    /// Trusted authorities (PEM) in place of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// How we call ourselves; usually the name of this machine.
    pub hello_name: String,
    /// How long to wait for each answer; ten times as long for the last word on a mail.
    pub timeout: Duration,
}

/// Who we are to a relay.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account.
    pub user: String,
    /// Never shown.
    pub password: SecretString,
}

/// A relay, and the connection to it while there is one.
pub struct Smtp {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    connection: Option<AsyncSmtpConnection>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Where a mail got stuck.
enum Setback {
    /// Before anything was said about its recipient.
    Session(String),
    /// After that.
    Mail(Dispatch),
}

impl Smtp {
    /// A relay; nothing is connected yet.
    ///
    /// # Errors
    /// A relay elsewhere that would be spoken to in the clear, or authorities that cannot be read.
    pub fn new(settings: SmtpSettings) -> Result<Self, MailError> {
        let tls = match settings.security {
            Security::Plain => {
                let literal: Result<IpAddr, _> = settings.host.parse();
                let here = match literal {
                    Ok(address) => address.is_loopback(),
                    Err(_) => settings.host == "localhost",
                };
                if !here {
                    return Err(MailError::PlainAbroad {
                        host: settings.host,
                    });
                }
                None
            }
            Security::Tls | Security::StartTls => Some(tls_parameters(&settings)?),
        };
        Ok(Self {
            settings,
            tls,
            connection: None,
        })
    }

    pub(super) async fn send(&mut self, mail: &Mail) -> Dispatch {
        // A connection kept from the mail before may have been closed meanwhile; that is found out
        // by the first command, and then a new one is worth a try.
        if let Some(connection) = self.connection.take() {
            match self.converse(connection, mail).await {
                Err(Setback::Session(_)) => {}
                Err(Setback::Mail(dispatch)) => return dispatch,
                Ok(answer) => return Dispatch::Sent { answer },
            }
        }
        let connection = match self.connect().await {
            Ok(connection) => connection,
            Err(reason) => return Dispatch::Unavailable { reason },
        };
        match self.converse(connection, mail).await {
            Ok(answer) => Dispatch::Sent { answer },
            Err(Setback::Mail(dispatch)) => dispatch,
            Err(Setback::Session(reason)) => Dispatch::Unavailable { reason },
        }
    }

    pub(super) async fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // A relay that does not take leave has nothing of ours any more.
            let _ = timeout(self.settings.timeout, connection.quit()).await;
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, String> {
        let settings = &self.settings;
        let relay = format!("relay `{}:{}`", settings.host, settings.port);
        let hello = ClientId::Domain(settings.hello_name.clone());
        let in_time = |step: &'static str| {
            let relay = relay.clone();
            move |_| {
                format!(
                    "{step} {relay}: no answer within {:?}",
                    self.settings.timeout
                )
            }
        };

        let addresses = self.resolve().await?;
        let wrapped = match settings.security {
            Security::Tls => self.tls.clone(),
            Security::StartTls | Security::Plain => None,
        };
        let mut connection = timeout(
            settings.timeout,
            AsyncSmtpConnection::connect_tokio1(
                addresses.as_slice(),
                Some(settings.timeout),
                &hello,
                wrapped,
                None,
            ),
        )
        .await
        .map_err(in_time("connect to"))?
        .map_err(|error| format!("connect to {relay}: {}", words_of(&error)))?;

        if settings.security == Security::StartTls
            && let Some(tls) = &self.tls
        {
            if !connection.can_starttls() {
                return Err(format!(
                    "start TLS with {relay}: it does not offer STARTTLS; nothing was sent"
                ));
            }
            timeout(settings.timeout, connection.starttls(tls.clone(), &hello))
                .await
                .map_err(in_time("start TLS with"))?
                .map_err(|error| format!("start TLS with {relay}: {}", words_of(&error)))?;
        }

        if let Some(login) = &settings.login {
            let credentials = Credentials::new(
                login.user.clone(),
                login.password.expose_secret().to_owned(),
            );
            timeout(
                settings.timeout,
                connection.auth(DEFAULT_MECHANISMS, &credentials),
            )
            .await
            .map_err(in_time("log in to"))?
            // The text of this answer is not repeated: relays have been seen to quote the command
            // that they refuse, and it holds the password.
            .map_err(|error| match error.status() {
                Some(code) => format!("log in to {relay} as `{}`: refused ({code})", login.user),
                None if error.is_client() => format!(
                    "log in to {relay} as `{}`: it offers neither PLAIN nor LOGIN",
                    login.user
                ),
                None => format!(
                    "log in to {relay} as `{}`: the connection broke",
                    login.user
                ),
            })?;
        }
        Ok(connection)
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        let (host, port) = (self.settings.host.as_str(), self.settings.port);
        let found = timeout(self.settings.timeout, tokio::net::lookup_host((host, port)))
            .await
            .map_err(|_| format!("resolve `{host}`: no answer"))?
            .map_err(|error| format!("resolve `{host}`: {error}"))?;
        let addresses: Vec<SocketAddr> = found
            .filter(|address| {
                self.settings.security != Security::Plain || address.ip().is_loopback()
            })
            .collect();
        if addresses.is_empty() {
            return Err(format!("resolve `{host}`: no usable address"));
        }
        Ok(addresses)
    }

    /// Hands one mail over; keeps the connection if it is good for another.
    async fn converse(
        &mut self,
        mut connection: AsyncSmtpConnection,
        mail: &Mail,
    ) -> Result<String, Setback> {
        let patience = self.settings.timeout;
        let mut parameters = Vec::new();
        if !(mail.recipient.as_ref() as &str).is_ascii()
            || !(mail.return_path.as_ref() as &str).is_ascii()
        {
            if !connection
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                self.connection = Some(connection);
                return Err(Setback::Mail(Dispatch::Refused {
                    answer: "the relay takes no address beyond ASCII (it does not offer SMTPUTF8)"
                        .to_owned(),
                }));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }

        let from = MailFrom::new(Some(mail.return_path.clone()), parameters);
        match timeout(patience, connection.command(from)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                return Err(Setback::Session(format!(
                    "name `{}` as sender: {}",
                    mail.return_path,
                    words_of(&error)
                )));
            }
            Err(_) => {
                return Err(Setback::Session(
                    "name the sender: no answer in time".to_owned(),
                ));
            }
        }

        let to = Rcpt::new(mail.recipient.clone(), Vec::new());
        let answered = timeout(patience, connection.command(to)).await;
        if let Some(dispatch) = setback("at the recipient's address", answered).err() {
            self.keep_after_refusal(connection, &dispatch).await;
            return Err(Setback::Mail(dispatch));
        }
        let answered = timeout(patience, connection.command(Data)).await;
        if let Some(dispatch) = setback("before the message", answered).err() {
            self.keep_after_refusal(connection, &dispatch).await;
            return Err(Setback::Mail(dispatch));
        }
        let content = Content(String::from_utf8_lossy(mail.bytes()));
        let answered = timeout(patience * LAST_WORD_PATIENCE, connection.command(content)).await;
        match setback("in the message", answered) {
            Ok(response) => {
                let lines: Vec<&str> = response.message().collect();
                let words = answer(&format!("{} {}", response.code(), lines.join(" ")));
                // Any other word of consent answers something that we did not ask last.
                if !response.has_code(250) {
                    return Err(Setback::Mail(Dispatch::Interrupted {
                        reason: format!("the relay is out of step: {words}"),
                    }));
                }
                self.connection = Some(connection);
                Ok(words)
            }
            Err(dispatch) => {
                self.keep_after_refusal(connection, &dispatch).await;
                Err(Setback::Mail(dispatch))
            }
        }
    }

    /// A relay that has said no is ready for the next mail; one that has gone silent is not.
    async fn keep_after_refusal(
        &mut self,
        mut connection: AsyncSmtpConnection,
        dispatch: &Dispatch,
    ) {
        match dispatch {
            Dispatch::Deferred { .. } | Dispatch::Refused { .. } => {
                if let Ok(Ok(_)) = timeout(self.settings.timeout, connection.command(Rset)).await {
                    self.connection = Some(connection);
                }
            }
            Dispatch::Sent { .. } | Dispatch::Interrupted { .. } | Dispatch::Unavailable { .. } => {
            }
        }
    }
}

/// The message as it goes over the wire, with the lone dot that ends it.
///
/// In one piece: written in two, the second would wait for the first to be acknowledged, and
/// receivers take their time for that (40 ms a letter were measured).
struct Content<'a>(Cow<'a, str>);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last line end is that of the lone dot.
        let text = self.0.strip_suffix("\r\n").unwrap_or(&self.0);
        for line in text.split("\r\n") {
            let dot = if line.starts_with('.') { "." } else { "" };
            write!(f, "{dot}{line}\r\n")?;
        }
        f.write_str(".\r\n")
    }
}

/// What an answer about a mail means for it.
fn setback(
    place: &str,
    answered: Result<Result<Response, SmtpError>, tokio::time::error::Elapsed>,
) -> Result<Response, Dispatch> {
    match answered {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) if error.is_permanent() => Err(Dispatch::Refused {
            answer: words_of(&error),
        }),
        Ok(Err(error)) if error.is_transient() => Err(Dispatch::Deferred {
            answer: words_of(&error),
        }),
        Ok(Err(error)) => Err(Dispatch::Interrupted {
            reason: format!("the connection broke {place}: {}", words_of(&error)),
        }),
        Err(_) => Err(Dispatch::Interrupted {
            reason: format!("no answer in time {place}"),
        }),
    }
}

/// `550 5.1.1 No such mailbox`, or what happened to the connection.
fn words_of(error: &SmtpError) -> String {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) => answer(&format!("{code} {cause}")),
        None if cause.is_empty() => answer(&error.to_string()),
        None => answer(&cause),
    }
}

/// The other side's words: on one line, and not too many.
fn answer(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(ANSWER_CHARS_MAX)
        .collect();
    line.trim().to_owned()
}

fn tls_parameters(settings: &SmtpSettings) -> Result<TlsParameters, MailError> {
    let refuse = |reason: String| MailError::Tls {
        host: settings.host.clone(),
        reason,
    };
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.ca_pem {
        if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(refuse(
                "the file of trusted authorities holds no certificate (PEM)".to_owned(),
            ));
        }
        let authorities = Certificate::from_pem(pem).map_err(|error| refuse(error.to_string()))?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authorities);
    }
    builder.build().map_err(|error| refuse(error.to_string()))
}
