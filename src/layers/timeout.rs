use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::message::SealedMessage;
use crate::pace::check_runtime;
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::token::Token;

/// Bounds one attempt in time.
///
/// The bundled transport bounds its requests too; this layer covers everything around them, such as
/// fetching an access token, and providers that do not bound themselves. When time is up the
/// attempt is dropped wherever it stands, so that its outcome is unknown.
#[derive(Clone, Debug)]
pub struct Timeout<P> {
    inner: P,
    limit: Duration,
}

impl<P: PushProvider> Timeout<P> {
    /// Gives every attempt of `inner` this long.
    #[must_use]
    pub fn new(inner: P, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

#[async_trait]
impl<P: PushProvider> PushProvider for Timeout<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    /// # Errors
    ///
    /// `Timeout` with an unknown outcome when time is up; otherwise what the provider answers.
    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        check_runtime().map_err(|error| error.with_provider(self.id()))?;
        match tokio::time::timeout(self.limit, self.inner.send(token, message)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(Error::new(ErrorKind::Timeout, format!("no answer within {:?}", self.limit))
                    .with_provider(self.id())
                    .with_unknown_outcome())
            }
        }
    }
}
