//! The access tokens of one provider: one set of credentials, its scopes, and what was obtained.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::providers::credential::CredentialCache;
use crate::transport::Transport;
use crate::{Error, Result};

use super::{AccessToken, AccessTokenRequest, Credentials};

/// Keeps the access token of one set of credentials.
pub(in crate::providers) struct AccessTokens {
    cache: CredentialCache<AccessToken>,
    credentials: Box<dyn Credentials>,
    scopes: &'static [&'static str],
}

impl AccessTokens {
    pub(in crate::providers) fn new(
        credentials: Box<dyn Credentials>,
        scopes: &'static [&'static str],
    ) -> Self {
        Self { cache: CredentialCache::new(), credentials, scopes }
    }

    /// An access token that is good for another few minutes.
    pub(in crate::providers) async fn get(
        &self,
        transport: &dyn Transport,
        now: SystemTime,
    ) -> Result<Arc<AccessToken>> {
        self.cache.get(now, || self.obtain(transport, now)).await
    }

    /// Another access token than the one that was refused, if another may be taken.
    pub(in crate::providers) async fn replace(
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
