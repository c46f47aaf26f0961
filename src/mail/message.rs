//! A letter as an Internet message (RFC 5322, MIME).

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, MessageId,
};
use lettre::message::{Attachment, Body, Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, address::Envelope};

use super::{Dkim, MailError};
use crate::config::MailConfig;
use crate::report::Letter;
use crate::sla::catalog::Language;
use crate::sla::window::Timestamp;

/// In whose name letters are sent.
#[derive(Clone, Debug)]
pub struct Sender {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    return_path: Address,
    dkim: Option<Dkim>,
}

impl Sender {
    /// The sender that the configuration names. Reads the key that signs, if one does.
    ///
    /// # Errors
    /// What is not the address of a mailbox, and a key that cannot be read or cannot sign.
    pub fn from_config(config: &MailConfig) -> Result<Self, MailError> {
        let sender = Self::new(
            Some(&config.label),
            &config.from,
            config.reply_to.as_deref(),
            config.return_path.as_deref(),
        )?;
        Ok(match &config.dkim {
            Some(dkim) => sender.signing(Dkim::from_config(dkim)?),
            None => sender,
        })
    }

    /// The same, with letters signed by `dkim`.
    pub fn signing(self, dkim: Dkim) -> Self {
        Self {
            dkim: Some(dkim),
            ..self
        }
    }

    /// Letters come from `address`, shown with `label`; answers go to `reply_to` (absent: to the
    /// same), and reports of failed delivery to `return_path` (absent: to the same).
    ///
    /// # Errors
    /// What is not the address of a mailbox.
    pub fn new(
        label: Option<&str>,
        address: &str,
        reply_to: Option<&str>,
        return_path: Option<&str>,
    ) -> Result<Self, MailError> {
        let from = parse_address("the sender", address)?;
        Ok(Self {
            return_path: match return_path {
                Some(return_path) => parse_address("the envelope sender", return_path)?,
                None => from.clone(),
            },
            from: Mailbox::new(label.map(one_line), from),
            reply_to: match reply_to {
                Some(reply_to) => {
                    let reply_to = parse_address("where answers go", reply_to)?;
                    Some(Mailbox::new(None, reply_to))
                }
                None => None,
            },
            dkim: None,
        })
    }
}

/// A letter in its envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Without its angle brackets.
    message_id: String,
    pub(super) return_path: Address,
    pub(super) recipient: Address,
    bytes: Vec<u8>,
}

impl Mail {
    /// Puts `letter` into an envelope. Equal arguments give equal bytes.
    ///
    /// `date` is when the letter was written, not when it is sent: a letter sent again keeps it.
    ///
    /// # Errors
    /// A recipient that is not the address of a mailbox, a document without a valid media type, or
    /// a signature that could not be made.
    pub fn compose(letter: &Letter, sender: &Sender, date: Timestamp) -> Result<Self, MailError> {
        let recipient = parse_address("the recipient", &letter.to_address)?;
        let compose_error = |reason: String| MailError::Compose {
            number: letter.number.clone(),
            reason,
        };
        let digest = digest_of(letter, &recipient);
        let message_id = format!(
            "{}.{digest}@{}",
            dot_atom(&letter.number),
            sender.from.email.domain()
        );

        let mut builder = Message::builder()
            .from(sender.from.clone())
            .to(Mailbox::new(
                Some(one_line(&letter.to_name)),
                recipient.clone(),
            ))
            .subject(one_line(&letter.text.subject))
            .date(system_time(date))
            .header(MessageId::from(format!("<{message_id}>")))
            // Nobody's vacation programme is to answer a machine (RFC 3834); Exchange has a
            // header of its own for this.
            .raw_header(raw_header("Auto-Submitted", "auto-generated"))
            .raw_header(raw_header("X-Auto-Response-Suppress", "OOF, AutoReply"))
            .raw_header(raw_header(
                "Content-Language",
                match letter.language {
                    Language::French => "fr",
                    Language::English => "en",
                },
            ))
            .envelope(
                Envelope::new(Some(sender.return_path.clone()), vec![recipient.clone()])
                    .map_err(|error| compose_error(error.to_string()))?,
            );
        if let Some(reply_to) = &sender.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }

        // Boundaries are random unless given; these make equal letters equal bytes.
        let body = MultiPart::alternative()
            .boundary(format!("=_vigie_{digest}_a"))
            .singlepart(SinglePart::plain(letter.text.plain.clone()))
            .singlepart(SinglePart::html(letter.text.html.clone()));
        let body = if letter.documents.is_empty() {
            body
        } else {
            let mut mixed = MultiPart::mixed()
                .boundary(format!("=_vigie_{digest}_m"))
                .multipart(body);
            for document in &letter.documents {
                let media_type = ContentType::parse(document.media_type)
                    .map_err(|error| compose_error(format!("`{}`: {error}", document.name)))?;
                // Base64 whatever the content: a mail system may change line ends in anything
                // else, and the document's digest would no longer hold.
                let content = Body::new_with_encoding(
                    document.bytes.clone(),
                    ContentTransferEncoding::Base64,
                )
                .map_err(|_| compose_error(format!("`{}` cannot be encoded", document.name)))?;
                mixed = mixed.singlepart(match AttachedAs::plain(&document.name) {
                    Some(name) => SinglePart::builder()
                        .header(name)
                        .header(media_type)
                        .body(content),
                    None => Attachment::new(one_line(&document.name)).body(content, media_type),
                });
            }
            mixed
        };
        let message = builder
            .multipart(body)
            .map_err(|error| compose_error(error.to_string()))?;
        let bytes = message.formatted();
        Ok(Self {
            message_id,
            return_path: sender.return_path.clone(),
            recipient,
            bytes: match &sender.dkim {
                Some(dkim) => dkim.sign(bytes, date)?,
                None => bytes,
            },
        })
    }

    /// The message as it is sent and as an `.eml` file holds it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Which letter it is; the same whenever the same letter is sent. Without angle brackets.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The SHA-256 of the message.
    pub fn sha256(&self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, &self.bytes).as_ref());
        sha256
    }

    /// Where it goes.
    pub fn recipient(&self) -> &str {
        self.recipient.as_ref()
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        let local = self
            .message_id
            .split_once('@')
            .map_or(self.message_id.as_str(), |(local, _)| local);
        format!("{local}.eml")
    }
}

/// Without addresses and content, which are nobody's business in a log.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("message_id", &self.message_id)
            .field("recipient", &masked(self.recipient.as_ref()))
            .finish_non_exhaustive()
    }
}

/// An address as logs show it: `a…@valfictif.example`.
pub fn masked(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return "…".to_owned();
    };
    let first = local.chars().next().filter(|_| local.chars().count() > 1);
    let first = first.map(String::from).unwrap_or_default();
    format!("{first}…@{domain}")
}

/// How a document with a plain name is attached. The library writes all but the shortest names in
/// numbered pieces (RFC 2231), and with those some mail programs show a file without its name.
#[derive(Clone)]
struct AttachedAs(String);

impl AttachedAs {
    fn plain(name: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = name.len() <= 255 && name.bytes().all(is_plain);
        fits.then(|| Self(name.to_owned()))
    }
}

impl Header for AttachedAs {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Disposition")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Err("it is only written".into())
    }

    fn display(&self) -> HeaderValue {
        let Self(name) = self;
        HeaderValue::dangerous_new_pre_encoded(
            Self::name(),
            format!("attachment; filename=\"{name}\""),
            format!("attachment;\r\n filename=\"{name}\""),
        )
    }
}

fn parse_address(role: &'static str, address: &str) -> Result<Address, MailError> {
    address
        .parse()
        .map_err(|error: lettre::address::AddressError| MailError::Address {
            role,
            address: address.to_owned(),
            reason: error.to_string(),
        })
}

/// Ten bytes, in hexadecimal, that no two letters share.
fn digest_of(letter: &Letter, recipient: &Address) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [
        letter.number.as_str(),
        letter.partner.as_str(),
        recipient.as_ref(),
    ] {
        context.update(part.as_bytes());
        // Ids hold no control characters, so that the parts stay apart.
        context.update(b"\n");
    }
    context.finish().as_ref()[..10]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `text` with only what may stand unquoted left of the `@` of a Message-ID, in lower case.
fn dot_atom(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='z' | '0'..='9' | '-' => c,
            'A'..='Z' => c.to_ascii_lowercase(),
            _ => '-',
        })
        .collect()
}

/// `text` with a space for every control character: a line end in a name would end its header.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn raw_header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn system_time(at: Timestamp) -> SystemTime {
    let ms = u64::try_from(at.unix_ms()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}
