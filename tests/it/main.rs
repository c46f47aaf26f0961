//! The one integration binary: one file per subject.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics is a test that fails"
)]

mod board;
mod cli;
mod close;
mod closed;
mod config;
mod daemon;
mod dashboards;
mod demo;
mod disk;
mod exchange;
mod export;
mod import;
mod letters;
mod mail;
mod metrics;
mod month_end;
mod postgres;
mod probe;
mod report;
mod schedule;
mod sla;
mod store;
mod tidy;
mod typography;
mod usage;
mod web;
