//! The core: how a month is judged.
//!
//! Reading order: [`window`] (time), [`observation`] (facts), [`catalog`] (who and what),
//! [`commitment`] (the promise), [`timeline`] (facts become states), [`ledger`] (states become
//! counted time), [`availability`] (counted time becomes figures and a verdict), [`statement`]
//! (all of it for one month), [`trend`] (several months). Beside them: [`assertion`] (what an answer
//! must be like), [`explanation`] (what a probe saw, for people) and [`cause`] (why a service was down, as
//! its operator says).
//!
//! What a figure means and why is written down in `docs/settlement.md`; its rules are named here by
//! their numbers.
//!
//! Nothing here reads a clock, does I/O, waits, logs or knows a file format. Every decision is
//! taken on integers. Instants are bounded (years 1 to 9999), so sums and differences of
//! milliseconds cannot overflow an `i64` and products with a [`Ppm`](commitment::Ppm) are taken
//! in `i128`.

#![deny(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]
// The lints above hold for the engine; its tests may index and unwrap.
#![cfg_attr(
    test,
    allow(
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "a test that panics is a test that fails"
    )
)]

pub mod assertion;
pub mod availability;
pub mod catalog;
pub mod cause;
pub mod commitment;
pub mod condensed;
pub mod explanation;
pub mod ledger;
pub mod observation;
pub mod statement;
pub mod timeline;
pub mod trend;
pub mod window;
