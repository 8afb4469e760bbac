//! The outbox: what it has taken has exactly one recorded outcome, whatever dies when.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chaos;
mod kills;
mod promises;
mod sqlite;
#[path = "../support/mod.rs"]
mod support;
mod worker;
mod world;
