//! Why a service was down, as its operator says.
//!
//! Probes see that a service does not answer, not why. What is said here stands beside what was
//! observed, in the name of whoever says so, and changes no figure.

use super::window::{Timestamp, Window};

/// Where an outage came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// From the service itself.
    Service,
    /// From somebody whose data the service hands on.
    DataProvider,
    /// From whoever houses the service.
    Host,
    /// From where is not known.
    Unknown,
}

impl Attribution {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Service, Self::DataProvider, Self::Host, Self::Unknown];

    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::DataProvider => "data_provider",
            Self::Host => "host",
            Self::Unknown => "unknown",
        }
    }

    /// The attribution of this name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

/// What an operator says of the outages that touch a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedCause {
    /// Of which outages.
    pub window: Window,
    /// Why, in French: a phrase without a full stop.
    pub french: String,
    /// The same in English, if it was written.
    pub english: Option<String>,
    /// Where it came from.
    pub attribution: Attribution,
    /// Who says so, as partners read it.
    pub by: String,
    /// When it was said.
    pub said: Timestamp,
}

/// Of `causes` in the order they were said, the one that holds for `outage`: the last that touches
/// it.
pub fn cause_of<'a>(causes: &'a [StatedCause], outage: &Window) -> Option<&'a StatedCause> {
    let touches = |cause: &&StatedCause| cause.window.intersection(outage).is_some();
    causes.iter().rev().find(touches)
}
