//! What a provider leaves out, because one call of it is one attempt: waiting, repeating, limiting,
//! watching. Each layer wraps a [`PushProvider`](crate::PushProvider) and is one.
//!
//! From the outside in; leave out what you do not need, but keep the order:
//!
//! | layer | what it does | why it stands here |
//! |---|---|---|
//! | [`Trace`] | one span and one event for each call | outside `Retry` it reports what the application gets, inside it reports every attempt |
//! | [`Retry`] | repeats what may succeed later | outside the limits, so that its attempts count and a timeout is one more thing to retry |
//! | [`Failover`] | asks the next of several accounts | inside `Retry`, so that another account is tried before a wait; outside the limits, which are an account's own |
//! | [`RateLimit`] | holds calls back to a rate | inside `Retry`, so that an attempt is a call; outside `Timeout`, so that waiting for a turn is not the push service's slowness |
//! | [`Timeout`] | bounds one attempt | innermost: it times the provider and nothing else |
//!
//! ```
//! # #[cfg(feature = "mock")] {
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//! use sealpush::layers::{Rate, RateLimit, Retry, RetryPolicy, Timeout, Trace};
//! use sealpush::{PushProvider, providers::Mock};
//!
//! let provider = Timeout::new(Mock::new(), Duration::from_secs(15));
//! let provider = RateLimit::new(provider, Rate::per_second(NonZeroU32::new(500).unwrap()));
//! let provider = Trace::new(Retry::new(provider, RetryPolicy::default()));
//! assert_eq!(provider.id(), Mock::ID);
//! # }
//! ```
//!
//! Under a [`Client`](crate::Client), give the policy to
//! [`ClientBuilder::retry`](crate::client::ClientBuilder::retry) in place of the layer `Retry`:
//! then a message that waits for its next attempt does not occupy a place in
//! [`send_many`](crate::Client::send_many).
//!
//! Limits and budgets are kept for each origin: the provider, and the scheme, host and port of the
//! push resource where the token has one. A provider has one set of credentials, so a layer, which
//! wraps one provider, counts for each credential too.

mod failover;
mod rate_limit;
mod retry;
mod timeout;
mod trace;

pub use self::failover::Failover;
pub use self::rate_limit::{Rate, RateLimit};
pub use self::retry::Retry;
pub use self::timeout::Timeout;
pub(crate) use self::trace::Call;
pub use self::trace::Trace;
pub use crate::pace::RetryPolicy;
