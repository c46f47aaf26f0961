//! The one integration binary: one file per subject.

mod board;
mod config;
mod demo;
mod exchange;
mod probe;
mod report;
mod sla;
mod store;
mod web;
