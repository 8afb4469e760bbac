//! The access tokens of one provider: one set of credentials, its scopes, and what was obtained.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use crate::providers::credential::CredentialCache;
use crate::providers::http::Http;
use crate::transport::Transport;
use crate::{Accepted, Error, Result};

use super::{AccessToken, AccessTokenRequest, Credentials};

/// Keeps the access token of one set of credentials.
pub(in crate::providers) struct AccessTokens {
    cache: CredentialCache<AccessToken>,
    credentials: Box<dyn Credentials>,
    scopes: &'static [&'static str],
}

/// A refusal for the caller, and whether another access token may be taken.
pub(in crate::providers) struct Refused {
    pub(in crate::providers) about_access_token: bool,
    pub(in crate::providers) error: Error,
}

impl AccessTokens {
    pub(in crate::providers) fn new(
        credentials: Box<dyn Credentials>,
        scopes: &'static [&'static str],
    ) -> Self {
        Self { cache: CredentialCache::new(), credentials, scopes }
    }

    /// One attempt. Whoever refuses an access token has not accepted the message, so sending it with
    /// another one is still the one attempt.
    pub(in crate::providers) async fn attempt<F>(
        &self,
        http: &Http,
        post: impl Fn(Arc<AccessToken>) -> F + Send + Sync,
    ) -> Result<Accepted>
    where
        F: Future<Output = Result<Result<Accepted, Refused>>> + Send,
    {
        let access = self.get(http.transport(), http.now()).await?;
        let refused = match post(Arc::clone(&access)).await? {
            Ok(accepted) => return Ok(accepted),
            Err(refused) if refused.about_access_token => refused.error,
            Err(refused) => return Err(refused.error),
        };
        match self.replace(&access, http.transport(), http.now()).await? {
            Some(access) => post(access).await?.map_err(|refused| refused.error),
            None => Err(refused),
        }
    }

    /// An access token that is good for another few minutes.
    async fn get(&self, transport: &dyn Transport, now: SystemTime) -> Result<Arc<AccessToken>> {
        self.cache.get(now, || self.obtain(transport, now)).await
    }

    /// Another access token than the one that was refused, if another may be taken.
    async fn replace(
        &self,
        refused: &Arc<AccessToken>,
        transport: &dyn Transport,
        now: SystemTime,
    ) -> Result<Option<Arc<AccessToken>>> {
        self.cache.replace(refused, now, || self.obtain(transport, now)).await
    }

    async fn obtain(
        &self,
        transport: &dyn Transport,
        now: SystemTime,
    ) -> Result<(AccessToken, SystemTime)> {
        let request = AccessTokenRequest::new(self.scopes, transport, now);
        let token = self.credentials.access_token(request).await.map_err(|error| named(&error))?;
        let end = token.expires_at();
        Ok((token, end))
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.credentials.fmt(f)
    }
}

/// Says what failed, where the credentials' own error does not.
fn named(error: &Error) -> Error {
    let text = error.to_string();
    let text = if text.starts_with(PREFIX) { text } else { format!("{PREFIX}{text}") };
    Error::new(error.kind(), text).with_retry_after(error.retry_after())
}

const PREFIX: &str = "no access token: ";
