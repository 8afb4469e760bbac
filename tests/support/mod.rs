//! What the tests share.

#![allow(dead_code, unused_imports, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a failing test panics; clippy knows test functions only")]

pub(crate) mod every_layer;
pub(crate) mod exchanges;
pub(crate) mod hostile;
pub(crate) mod script;
pub(crate) mod scripted;
pub(crate) mod transports;
pub(crate) mod vendors;
pub(crate) mod web_push;
