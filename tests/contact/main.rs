//! What `contact` promises, in a world of one process. Tests named `tNN_` are those of the design.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conversation;
mod hostile;
mod memory;
mod registration;
mod replay;
mod rotation;
mod views;
mod world;
