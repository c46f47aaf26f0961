//! What travels between a vantage that hands in what it saw and the collector that keeps it.
//!
//! A parcel is the body of a POST, as it lay in the spool; what is said beside it stands in
//! headers ([`Cover`]). The answer is JSON ([`Answer`]), and says at which instant it was given:
//! the sender reckons from it how far its clock is off. No I/O here: both sides' edges do that.

use serde::{Deserialize, Serialize};

use crate::sla::catalog::VantageId;
use crate::sla::window::{MINUTE_MS, Timestamp};

/// Where parcels are handed in, below the collector's address.
pub const PATH: &str = "/intake";
/// The version of all this; one that we do not know is refused.
pub const VERSION: &str = "1";
/// The most bytes of a parcel on its way. A sender hands in what has more, compressed or not, in
/// parts.
pub const SENT_BYTES_MAX: usize = 8 << 20;
/// The most bytes of a parcel that are unpacked.
pub const PARCEL_BYTES_MAX: usize = 32 << 20;
/// The most findings in a parcel.
pub const FINDINGS_MAX: usize = 5_000;
/// A token with fewer letters could be guessed.
pub const TOKEN_LETTERS_MIN: usize = 32;
/// A clock that is further off cannot say when something was seen, in milliseconds.
pub const CLOCK_OFF_MS: i64 = MINUTE_MS;

const VERSION_HEADER: &str = "vigie-handover";
const VANTAGE_HEADER: &str = "vigie-vantage";
const INSTANCE_HEADER: &str = "vigie-instance";
const BEGAN_HEADER: &str = "vigie-began";
const SENT_HEADER: &str = "vigie-sent";
const AHEAD_HEADER: &str = "vigie-ahead";
const PROGRAM_HEADER: &str = "vigie-program";

/// What is said beside a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// As whom the sender speaks.
    pub vantage: VantageId,
    /// Which installation of that vantage it is.
    pub instance: String,
    /// When its process began, by its own clock.
    pub began: Timestamp,
    /// When it sent this, by its own clock.
    pub sent: Timestamp,
    /// How far it has found its clock to be ahead of the collector's, in milliseconds; absent
    /// before the first answer.
    pub ahead_ms: Option<i64>,
    /// The version of its program.
    pub program: String,
}

impl Cover {
    /// As headers: names and values.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (VERSION_HEADER, VERSION.to_owned()),
            (VANTAGE_HEADER, self.vantage.to_string()),
            (INSTANCE_HEADER, self.instance.clone()),
            (BEGAN_HEADER, self.began.unix_ms().to_string()),
            (SENT_HEADER, self.sent.unix_ms().to_string()),
            (PROGRAM_HEADER, self.program.clone()),
        ];
        if let Some(ahead_ms) = self.ahead_ms {
            headers.push((AHEAD_HEADER, ahead_ms.to_string()));
        }
        headers
    }

    /// What the headers say; `header` gives the value of one.
    ///
    /// # Errors
    /// Another version, or a value that is absent or cannot be, with what is to be answered.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, (Refusal, String)> {
        match header(VERSION_HEADER) {
            Some(VERSION) => {}
            Some(other) => {
                let message = format!(
                    "this collector reads handovers of version {VERSION}, not {}: run the same version of vigie on both sides",
                    other.escape_debug()
                );
                return Err((Refusal::Version, message));
            }
            None => {
                let message =
                    "this is for instances of vigie that hand in what they saw (`[forward]`)";
                return Err((Refusal::Version, message.to_owned()));
            }
        }
        let cannot_be = |name: &str| {
            let message = format!("the header `{name}` is absent, or holds what cannot be");
            (Refusal::Unreadable, message)
        };
        let text = |name: &'static str| {
            let sane = |text: &&str| !text.is_empty() && text.len() <= 64;
            header(name).filter(sane).ok_or_else(|| cannot_be(name))
        };
        let instant = |name: &'static str| {
            let unix_ms = text(name)?.parse().map_err(|_| cannot_be(name))?;
            Timestamp::from_unix_ms(unix_ms).ok_or_else(|| cannot_be(name))
        };
        Ok(Self {
            vantage: VantageId::new(text(VANTAGE_HEADER)?)
                .ok_or_else(|| cannot_be(VANTAGE_HEADER))?,
            instance: text(INSTANCE_HEADER)?.to_owned(),
            began: instant(BEGAN_HEADER)?,
            sent: instant(SENT_HEADER)?,
            ahead_ms: match header(AHEAD_HEADER) {
                Some(text) => Some(text.parse().map_err(|_| cannot_be(AHEAD_HEADER))?),
                None => None,
            },
            program: text(PROGRAM_HEADER)?.to_owned(),
        })
    }

    /// How far the sender's clock is ahead of the collector's, which showed `arrived` when this
    /// came in, in milliseconds; nothing if what the sender found does not fit: its clock was
    /// set, this was on its way for long, or it was sent a second time by somebody else.
    pub fn clock_ahead_ms(&self, arrived: Timestamp) -> Option<i64> {
        let apparent_ms = self.sent.since(arrived);
        let ahead_ms = self.ahead_ms.unwrap_or(0);
        ((apparent_ms - ahead_ms).abs() <= CLOCK_OFF_MS).then_some(ahead_ms)
    }
}

/// What became of a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is kept, durably.
    Taken(Receipt),
    /// Nothing of it is.
    Refused {
        /// Why.
        refusal: Refusal,
        /// In one sentence, with what to do.
        message: String,
    },
}

/// What is kept of a parcel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Findings that are kept now.
    pub new: usize,
    /// Findings that were there already.
    pub repeated: usize,
    /// Findings that can never be kept.
    pub refused: Vec<Item>,
}

/// A finding that can never be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which of the parcel, counted from 0.
    pub idx: usize,
    /// Why.
    pub why: String,
}

/// Why nothing of a parcel is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Nothing proves that the sender is that vantage.
    Credential,
    /// A version that we do not read.
    Version,
    /// It is not a parcel.
    Unreadable,
    /// It has more bytes than we read.
    TooLarge,
    /// The sender's clock is not where it said it is: ask again.
    Clock,
    /// Another installation speaks for that vantage.
    InUse,
    /// Too much at once.
    Busy,
    /// The collector's store does not take it now.
    Store,
}

impl Refusal {
    /// Its HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Credential => 401,
            Self::Version => 400,
            Self::Unreadable => 422,
            Self::TooLarge => 413,
            Self::Clock | Self::InUse => 409,
            Self::Busy => 429,
            Self::Store => 503,
        }
    }

    /// When it is worth trying again, in seconds.
    pub fn retry_after_s(self) -> Option<u64> {
        match self {
            Self::Busy => Some(1),
            Self::Store => Some(5),
            Self::InUse => Some(30),
            Self::Credential | Self::Version | Self::Unreadable | Self::TooLarge | Self::Clock => {
                None
            }
        }
    }

    /// Whether the same parcel will never be taken.
    pub fn is_for_good(self) -> bool {
        match self {
            Self::Unreadable | Self::TooLarge => true,
            Self::Credential
            | Self::Version
            | Self::Clock
            | Self::InUse
            | Self::Busy
            | Self::Store => false,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    /// The collector's clock, in milliseconds since 1970.
    now: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<Receipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<WrittenRefusal>,
}

#[derive(Serialize, Deserialize)]
struct WrittenRefusal {
    code: Refusal,
    message: String,
}

impl Answer {
    /// A refusal.
    pub fn refused(refusal: Refusal, message: impl Into<String>) -> Self {
        Self::Refused {
            refusal,
            message: message.into(),
        }
    }

    /// Its HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Taken(_) => 200,
            Self::Refused { refusal, .. } => refusal.status(),
        }
    }

    /// As JSON, given at `now`.
    pub fn to_json(&self, now: Timestamp) -> String {
        let written = match self {
            Self::Taken(receipt) => Written {
                now: now.unix_ms(),
                taken: Some(receipt.clone()),
                refused: None,
            },
            Self::Refused { refusal, message } => Written {
                now: now.unix_ms(),
                taken: None,
                refused: Some(WrittenRefusal {
                    code: *refusal,
                    message: message.clone(),
                }),
            },
        };
        // Numbers and texts: nothing that JSON could not hold.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// What such JSON says, and when the collector's clock gave it. Nothing if it is no answer of
    /// a collector: something else on the way gave it.
    pub fn from_json(bytes: &[u8]) -> Option<(Self, Timestamp)> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let answer = match (written.taken, written.refused) {
            (Some(receipt), None) => Self::Taken(receipt),
            (None, Some(WrittenRefusal { code, message })) => Self::refused(code, message),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some((answer, Timestamp::from_unix_ms(written.now)?))
    }
}
