//! How to build on this crate, by task. The code in it is tested.
//!
//! | chapter | answers |
//! |---|---|
//! | [`choosing`] | which push service carries what, and what each of them sees |
//! | [`tokens`] | where tokens come from, how to store them, when to delete them |
//! | [`failures`] | what to retry, and who may be notified twice |
//! | `outbox` (feature `outbox-sqlite`) | how to lose no message, in one process and in several |
//! | [`scale`] | what a message costs, and what to do past one machine |
//! | [`testing`] | how to test an application without a browser or an account |
//! | [`troubleshooting`] | what you see, why, and what to do |
//! | `contact` (feature `contact`) | how two people write to each other, and what stays visible |
//! | [`providers`] | how to write a provider, and prove it |
//! | [`promises`] | what a provider promises, why, and how each promise was broken |

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[cfg(feature = "contact")]
#[doc = include_str!("contact.md")]
pub mod contact {}

#[doc = include_str!("failures.md")]
pub mod failures {}

#[cfg(feature = "outbox-sqlite")]
#[doc = include_str!("outbox.md")]
pub mod outbox {}

#[doc = include_str!("promises.md")]
pub mod promises {}

#[doc = include_str!("providers.md")]
pub mod providers {}

#[doc = include_str!("scale.md")]
pub mod scale {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("tokens.md")]
pub mod tokens {}

#[doc = include_str!("troubleshooting.md")]
pub mod troubleshooting {}
