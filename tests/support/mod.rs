//! What several test programs share.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

pub(crate) mod transports;
