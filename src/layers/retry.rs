use async_trait::async_trait;

use crate::error::Result;
use crate::message::SealedMessage;
use crate::pace::{Retrier, RetryPolicy};
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::token::Token;

/// Repeats an attempt that may succeed later, with the same sealed octets.
///
/// What may succeed later is [`Error::is_retryable`](crate::Error::is_retryable): `RateLimited`, `Timeout`, `Transport`,
/// `Unavailable`. Between attempts it waits; [`RetryPolicy`] says how long and how often. So a
/// message is delivered *at least* once: where an outcome is unknown, the receiver may get it
/// twice and drops the second by its own message id.
///
/// It does not hedge: there is never more than one attempt under way. Dropping the call ends it
/// wherever it stands.
///
/// Each retry is a `tracing` event of target `sealpush::retry`, level `DEBUG`, with the fields
/// `provider`, `token` (a fingerprint), `attempt` (the one that failed, from 1), `kind`, `status`
/// and `delay_ms`.
#[derive(Debug)]
pub struct Retry<P> {
    inner: P,
    retrier: Retrier,
}

impl<P: PushProvider> Retry<P> {
    /// Repeats the attempts of `inner` by a policy.
    #[must_use]
    pub fn new(inner: P, policy: RetryPolicy) -> Self {
        let retrier = Retrier::new(policy, inner.capabilities());
        Self { inner, retrier }
    }
}

#[async_trait]
impl<P: PushProvider> PushProvider for Retry<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    /// # Errors
    ///
    /// What the last attempt answered.
    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.retrier.send(&self.inner, token, message).await
    }
}
