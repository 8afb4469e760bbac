use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::message::SealedMessage;
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::token::Token;

/// Several ways to the same push service, asked in order: accounts, VAPID keys, relays.
///
/// All have one [`id`](PushProvider::id), since a token belongs to one provider, and the capability
/// that all share. To go from one push service to another, a person must have a token at both: that
/// is [`Client::send_first`](crate::Client::send_first).
///
/// The next one is asked when it is certain that the message was not accepted *and* another way can
/// make a difference:
///
/// | failure | next? | because |
/// |---|---|---|
/// | outcome unknown, whatever the kind | no | the message may have arrived, and would arrive twice |
/// | `RateLimited`, `Timeout`, `Transport`, `Unavailable` | yes | another account or path may be free |
/// | `TokenMismatch`, `Unauthorized` | yes | another account may be the right one |
/// | `Blocked`, `Configuration`, `Expired`, `InvalidToken`, `PayloadTooLarge`, `Rejected` | no | it is about the token or the message, and those stay the same |
///
/// When all fail, the error is the first one that may succeed later, else the last one.
#[derive(Clone)]
pub struct Failover {
    id: ProviderId,
    capabilities: Capabilities,
    providers: Arc<[Arc<dyn PushProvider>]>,
}

impl Failover {
    /// Asks these providers, in this order: several of one type, or `Arc<dyn PushProvider>`.
    ///
    /// ```
    /// # #[cfg(feature = "mock")] {
    /// use sealpush::layers::Failover;
    /// use sealpush::providers::Mock;
    ///
    /// let (first, second) = (Mock::new(), Mock::new());
    /// Failover::new([first, second])?;
    /// # } Ok::<_, sealpush::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Configuration` when there is none, or when two have different names.
    pub fn new<P: PushProvider>(providers: impl IntoIterator<Item = P>) -> Result<Self> {
        let share = |provider| Arc::new(provider) as Arc<dyn PushProvider>;
        let providers: Arc<[_]> = providers.into_iter().map(share).collect();
        let [first, rest @ ..] = &*providers else {
            return Err(Error::new(ErrorKind::Configuration, "failover needs a provider"));
        };
        let id = first.id();
        if let Some(other) = rest.iter().map(|provider| provider.id()).find(|other| *other != id) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("failover cannot go from '{id}' to '{other}': a token belongs to one"),
            ));
        }
        let capabilities = shared(first.capabilities(), rest.iter().map(|p| p.capabilities()));
        Ok(Self { id, capabilities, providers })
    }
}

impl fmt::Debug for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failover").field(&self.providers).finish()
    }
}

#[async_trait]
impl PushProvider for Failover {
    fn id(&self) -> ProviderId {
        self.id.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        // Checked here, so that no provider is asked for what the next one cannot do.
        self.capabilities.check(message).map_err(|error| error.with_provider(self.id()))?;

        let mut worth_a_retry = None;
        let mut last = None;
        for provider in &*self.providers {
            match provider.as_ref().send(token, message).await {
                Ok(accepted) => return Ok(accepted),
                Err(error) if !moves_on(&error) => return Err(error),
                Err(error) if error.is_retryable() && worth_a_retry.is_none() => {
                    worth_a_retry = Some(error);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(worth_a_retry
            .or(last)
            .unwrap_or_else(|| Error::new(ErrorKind::Configuration, "failover has no provider")))
    }
}

fn moves_on(error: &Error) -> bool {
    error.is_outcome_known()
        && (error.is_retryable()
            || matches!(error.kind(), ErrorKind::TokenMismatch | ErrorKind::Unauthorized))
}

/// What all can do. Never idempotent: only one push service account drops its own duplicates.
fn shared(first: Capabilities, rest: impl Iterator<Item = Capabilities>) -> Capabilities {
    rest.fold(first, |all, one| Capabilities {
        max_body: all.max_body.min(one.max_body),
        ttl: all.ttl && one.ttl,
        urgency: all.urgency && one.urgency,
        topic: all.topic && one.topic,
        idempotent: false,
    })
}
