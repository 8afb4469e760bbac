//! The receivers in `examples/` open what the crate seals, seal what the crate opens, and refuse
//! what the crate refuses: one file of vectors for all languages, and live exchanges.

#![allow(clippy::unwrap_used)]

#[path = "../support/installed.rs"]
mod installed;
mod java;
mod node;
mod program;
mod vectors;
