//! Vigie watches service endpoints, keeps what it saw, and says each month whether a written
//! availability commitment was kept.
//!
//! # Reading order
//!
//! 1. [`sla`]: the core. What time, facts, a promise and a judgement are.
//! 2. [`schedule`], [`board`], [`report`], [`exchange`], [`handover`]: pure code around the core:
//!    when to ask, what it looks like now, what partners read, what anybody can recompute, what
//!    travels between vantages.
//! 3. [`config`], [`probe`], [`store`], [`forward`], [`import`], [`export`], [`mail`], [`metrics`],
//!    [`web`], [`clock`], [`secret`], [`pem`]: the edges, which do not know each other.
//! 4. [`app`]: the only code that knows the order of things. [`demo`] sets a scene for it.
//! 5. [`cli`]: one file per command.
//!
//! # Laws
//!
//! Imports point inwards; `tests/it/tidy.rs` holds the table. The core and the pure modules read
//! no clock, do no I/O and are not async. Silence is Unknown. Integers decide. A probe does not
//! fail: it has an outcome. First stored, then shown.

pub mod sla;

pub mod board;
pub mod exchange;
pub mod handover;
pub mod report;
pub mod schedule;

pub mod clock;
pub mod config;
pub mod export;
pub mod forward;
pub mod import;
pub mod mail;
pub mod metrics;
pub mod pem;
pub mod probe;
pub mod secret;
pub mod store;
pub mod web;

pub mod app;
pub mod demo;

pub mod cli;
