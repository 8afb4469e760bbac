//! When to send: how often an attempt is repeated, how soon, and at what price.
//!
//! Decisions only: the layers and the client, which both stand on it, do the sending and waiting.
//! Time is tokio's, so that a test can set it.

mod budget;
mod jitter;
mod origin;
mod policy;
mod proof;
mod retrier;
mod runtime;
mod table;

#[cfg(feature = "outbox")]
pub(crate) use self::jitter::Jitter;
pub(crate) use self::origin::Origin;
pub use self::policy::RetryPolicy;
pub(crate) use self::proof::Proof;
pub(crate) use self::retrier::{Attempts, Next, Retrier};
pub(crate) use self::runtime::check_runtime;
pub(crate) use self::table::PerOrigin;
