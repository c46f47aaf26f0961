//! How an [`Outcome`] is written in two small integers.
//!
//! The numbers are in every store there is: one may be added, none may ever change its meaning.
//!
//! | outcome | meaning | detail |
//! |---|---|---|
//! | 0 | answered, as was written at first | latency in milliseconds |
//! | 1 | answered in part, as was written at first | latency in milliseconds |
//! | 2 | answered | latency in steps of 100 µs |
//! | 3 | answered, in part | latency in steps of 100 µs |
//! | 10 to 21 | failed: dns, connect, timeout, tls, io, status, content, too large, maintenance, unspecified, redirect, redirect loop | stage, TLS fault or status, where there is one |
//! | 30 to 38 | void: resolver, uplink, clock, credential, rate limited, stated unknown, not executed, token, certificate | status, where there is one |

use crate::sla::observation::{Fault, Outcome, Stage, TlsFault, Void};

/// As fine as latencies are kept.
const LATENCY_STEP_US: u32 = 100;
const LATENCY_US_MAX: u32 = u32::MAX / LATENCY_STEP_US * LATENCY_STEP_US;

/// A whole answer.
pub(super) const WHOLE: i64 = 2;

/// The columns `outcome` and `detail`.
pub(super) fn to_columns(outcome: Outcome) -> (i64, i64) {
    match outcome {
        Outcome::Answered {
            latency_us,
            partial,
        } => {
            let code = if partial { 3 } else { WHOLE };
            (
                code,
                latency_us
                    .min(LATENCY_US_MAX)
                    .div_ceil(LATENCY_STEP_US)
                    .into(),
            )
        }
        Outcome::Failed(fault) => match fault {
            Fault::Dns => (10, 0),
            Fault::Connect => (11, 0),
            Fault::Timeout(stage) => (12, stage_number(stage)),
            Fault::Tls(fault) => (13, tls_number(fault)),
            Fault::Io(stage) => (14, stage_number(stage)),
            Fault::Status(status) => (15, status.into()),
            Fault::Content => (16, 0),
            Fault::TooLarge => (17, 0),
            Fault::Maintenance => (18, 0),
            Fault::Unspecified => (19, 0),
            Fault::Redirect => (20, 0),
            Fault::RedirectLoop => (21, 0),
        },
        Outcome::Void(void) => match void {
            Void::Resolver => (30, 0),
            Void::Uplink => (31, 0),
            Void::Clock => (32, 0),
            Void::Credential(status) => (33, status.into()),
            Void::RateLimited => (34, 0),
            Void::StatedUnknown => (35, 0),
            Void::NotExecuted => (36, 0),
            Void::Token => (37, 0),
            Void::Certificate => (38, 0),
        },
    }
}

/// Whether the code says that an answer came, so that its detail is a latency.
pub(super) const fn is_answer(outcome: i64) -> bool {
    matches!(outcome, 0..=3)
}

/// What the columns mean, if they mean anything.
pub(super) fn from_columns(outcome: i64, detail: i64) -> Option<Outcome> {
    let status = || u16::try_from(detail).ok();
    let stage = || {
        Stage::ALL
            .into_iter()
            .find(|stage| stage_number(*stage) == detail)
    };
    let tls = || {
        TlsFault::ALL
            .into_iter()
            .find(|fault| tls_number(*fault) == detail)
    };
    Some(match outcome {
        0 | 1 => Outcome::Answered {
            // Longer than an hour and a bit: as long as we can say.
            latency_us: u32::try_from(detail)
                .ok()?
                .saturating_mul(1_000)
                .min(LATENCY_US_MAX),
            partial: outcome == 1,
        },
        2 | 3 => Outcome::Answered {
            latency_us: u32::try_from(detail).ok()?.checked_mul(LATENCY_STEP_US)?,
            partial: outcome == 3,
        },
        10 => Outcome::Failed(Fault::Dns),
        11 => Outcome::Failed(Fault::Connect),
        12 => Outcome::Failed(Fault::Timeout(stage()?)),
        13 => Outcome::Failed(Fault::Tls(tls()?)),
        14 => Outcome::Failed(Fault::Io(stage()?)),
        15 => Outcome::Failed(Fault::Status(status()?)),
        16 => Outcome::Failed(Fault::Content),
        17 => Outcome::Failed(Fault::TooLarge),
        18 => Outcome::Failed(Fault::Maintenance),
        19 => Outcome::Failed(Fault::Unspecified),
        20 => Outcome::Failed(Fault::Redirect),
        21 => Outcome::Failed(Fault::RedirectLoop),
        30 => Outcome::Void(Void::Resolver),
        31 => Outcome::Void(Void::Uplink),
        32 => Outcome::Void(Void::Clock),
        33 => Outcome::Void(Void::Credential(status()?)),
        34 => Outcome::Void(Void::RateLimited),
        35 => Outcome::Void(Void::StatedUnknown),
        36 => Outcome::Void(Void::NotExecuted),
        37 => Outcome::Void(Void::Token),
        38 => Outcome::Void(Void::Certificate),
        _ => return None,
    })
}

fn stage_number(stage: Stage) -> i64 {
    match stage {
        Stage::Resolve => 0,
        Stage::Connect => 1,
        Stage::Tls => 2,
        Stage::Processing => 3,
        Stage::Transfer => 4,
        Stage::Auth => 5,
        Stage::Write => 6,
    }
}

fn tls_number(fault: TlsFault) -> i64 {
    match fault {
        TlsFault::Expired => 0,
        TlsFault::NotYetValid => 1,
        TlsFault::WrongHost => 2,
        TlsFault::UnknownAuthority => 3,
        TlsFault::Handshake => 4,
        TlsFault::SelfSigned => 5,
        TlsFault::WeakProtocol => 6,
        TlsFault::ClientCertificate => 7,
        TlsFault::Refused => 8,
    }
}
