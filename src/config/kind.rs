//! How each kind of value is written.

mod network;
mod number;
mod text;
mod time;
mod word;

use toml::de::DeValue;

pub(super) use network::{Asked, DatabaseUrl, DnsName, Host, HostName, url};
pub(super) use number::{Bytes, Redirects, StatusRange};
pub(super) use text::{FileName, LabelName, Line, Mailbox, OwnVantage, Prose, Slug, Variable};
pub(super) use time::{FirstOfMonth, Keep, Moment, Ms};
pub(super) use word::{MaintenanceWord, Majority, Method, RuleWord, StoreSecurity};

/// A kind of value that a key may have.
pub(super) trait Kind: Sized {
    /// What it is called: `a duration`.
    const NAME: &'static str;
    /// How it is written: `a number and a unit in quotes`.
    const WRITTEN: &'static str;
    /// One that is right, as TOML.
    const EXAMPLE: &'static str;

    /// The value, if it is one of this kind.
    fn read(value: &DeValue<'_>) -> Result<Self, Refusal>;
}

/// Why a value is not of the kind that its key asks for.
pub(super) enum Refusal {
    /// It is another kind of TOML value altogether.
    Other,
    /// It is written wrongly, or is out of range: why.
    Wrong(String),
    /// The same, with a remedy that fits better than the kind's own.
    WrongWithRemedy(String, String),
}

fn string<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Refusal> {
    value.as_str().ok_or(Refusal::Other)
}

/// Any text, as it is.
impl Kind for String {
    const NAME: &'static str = "a text";
    const WRITTEN: &'static str = "a text in quotes";
    const EXAMPLE: &'static str = "\"…\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        string(value).map(str::to_owned)
    }
}

impl Kind for bool {
    const NAME: &'static str = "a yes or no";
    const WRITTEN: &'static str = "`true` or `false` without quotes";
    const EXAMPLE: &'static str = "true";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        value.as_bool().ok_or(Refusal::Other)
    }
}
