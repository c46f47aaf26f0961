//! Numbers, with their units and ranges.

use std::num::NonZeroU32;

use toml::de::DeValue;

use super::{Kind, Refusal, string};
use crate::sla::commitment::Ppm;

impl Kind for NonZeroU32 {
    const NAME: &'static str = "a number";
    const WRITTEN: &'static str = "a whole number from 1 on, without quotes";
    const EXAMPLE: &'static str = "2";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let number = value.as_integer().ok_or(Refusal::Other)?;
        u32::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| Refusal::Wrong("is out of range".to_owned()))
    }
}

/// One HTTP status, or a range of them: the first and the last.
pub(in crate::config) struct StatusRange(pub(in crate::config) (u16, u16));

impl Kind for StatusRange {
    const NAME: &'static str = "an HTTP status";
    const WRITTEN: &'static str = "a number from 200 to 599 without quotes, or a range in quotes";
    const EXAMPLE: &'static str = "200, \"300-303\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let status = |text: &str, radix| {
            u16::from_str_radix(text, radix)
                .ok()
                .filter(|status| (200..=599).contains(status))
                .ok_or_else(|| Refusal::Wrong("is not the status of a final answer".to_owned()))
        };
        if let Some(number) = value.as_integer() {
            return status(number.as_str(), number.radix()).map(|one| Self((one, one)));
        }
        let text = string(value)?;
        if let Some(class @ ("2" | "3" | "4" | "5")) = text.strip_suffix("xx") {
            return Err(Refusal::Wrong(format!(
                "is not a range of statuses: `{text}` is written `\"{class}00-{class}99\"`"
            )));
        }
        let (first, last) = text
            .split_once('-')
            .ok_or_else(|| Refusal::Wrong("is not a range of statuses".to_owned()))?;
        let (first, last) = (status(first.trim(), 10)?, status(last.trim(), 10)?);
        if last < first {
            return Err(Refusal::Wrong("ends before it begins".to_owned()));
        }
        Ok(Self((first, last)))
    }
}

/// A number of bytes, 1 to 64 MiB.
pub(in crate::config) struct Bytes(pub(in crate::config) usize);

impl Kind for Bytes {
    const NAME: &'static str = "a size";
    const WRITTEN: &'static str = "a whole number and a unit in quotes (B, KiB, MiB), up to 64 MiB";
    const EXAMPLE: &'static str = "\"1MiB\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        if value.is_integer() {
            return Err(Refusal::Wrong("is a size without its unit".to_owned()));
        }
        let text = string(value)?;
        let figures = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(figures);
        let unit_bytes: usize = match unit.trim_start() {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            _ => return Err(Refusal::Wrong("is not a size".to_owned())),
        };
        number
            .parse()
            .ok()
            .and_then(|number: usize| number.checked_mul(unit_bytes))
            .filter(|bytes| (1..=64 << 20).contains(bytes))
            .map(Self)
            .ok_or_else(|| Refusal::Wrong("is out of range".to_owned()))
    }
}

impl Kind for Ppm {
    const NAME: &'static str = "a target";
    const WRITTEN: &'static str =
        "a percentage above 0 and up to 100, with at most four decimals, in quotes";
    const EXAMPLE: &'static str = "\"95 %\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        match value {
            DeValue::Integer(number) => Err(Refusal::WrongWithRemedy(
                "is a target without its unit".to_owned(),
                format!("write it as a text, for example `\"{number} %\"`"),
            )),
            DeValue::Float(number) => Err(Refusal::WrongWithRemedy(
                "is a binary fraction, which is not exact".to_owned(),
                format!(
                    "write it as a text, for example `\"{} %\"`",
                    number.as_str()
                ),
            )),
            _ => string(value)?
                .parse()
                .ok()
                .filter(|target: &Self| target.parts() > 0)
                .ok_or_else(|| Refusal::Wrong("is not a target".to_owned())),
        }
    }
}

/// How many redirects are followed.
pub(in crate::config) struct Redirects(pub(in crate::config) usize);

impl Kind for Redirects {
    const NAME: &'static str = "a number";
    const WRITTEN: &'static str = "a number from 0 to 10, without quotes";
    const EXAMPLE: &'static str = "3";

    fn read(value: &DeValue<'_>) -> Result<Self, Refusal> {
        let number = value.as_integer().ok_or(Refusal::Other)?;
        usize::from_str_radix(number.as_str(), number.radix())
            .ok()
            .filter(|number| *number <= 10)
            .map(Self)
            .ok_or_else(|| Refusal::Wrong("is out of range".to_owned()))
    }
}
