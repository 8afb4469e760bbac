//! Where access tokens for Google's APIs come from (OAuth 2.0, RFC 6749 and RFC 7523).
//!
//! This is written here, not taken from a crate. `google-cloud-auth` 1.18 would take the feature
//! `fcm` from 118 crates to 211. `gcp_auth` 0.12 adds ten, among them `ring`, but sends through an
//! HTTP client of its own: past the endpoint guard and the caller's [`Transport`], with retries
//! and a cache that no clock of ours moves. What is needed of either is two requests and one
//! signature. An application that has one of them anyway plugs it in as its own [`Credentials`].

pub(super) mod access_tokens;
mod application_default;
mod authorized_user;
mod file;
mod metadata;
mod oauth;
mod project;
mod service_account;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::providers::http::authorization;
use crate::transport::Transport;
use crate::{Error, ErrorKind, Result};

pub use self::application_default::ApplicationDefault;
pub use self::authorized_user::AuthorizedUser;
pub use self::metadata::MetadataServer;
pub use self::project::ProjectId;
pub use self::service_account::ServiceAccount;

/// Obtains access tokens.
///
/// ```
/// use std::time::Duration;
/// use sealpush::Result;
/// use sealpush::providers::google::{AccessToken, AccessTokenRequest, Credentials};
///
/// #[derive(Debug)]
/// struct Vault;
///
/// #[async_trait::async_trait]
/// impl Credentials for Vault {
///     async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
///         let text = "ya29.from-your-vault";
///         AccessToken::new(text, request.now + Duration::from_secs(3600))
///     }
/// }
/// ```
#[async_trait]
pub trait Credentials: fmt::Debug + Send + Sync + 'static {
    /// Obtains a new access token.
    ///
    /// A provider calls it when it has none that is good for another few minutes, once at a time,
    /// and keeps what it gets: an implementation caches nothing.
    ///
    /// # Errors
    ///
    /// `Unauthorized` when the credentials are refused; `Unavailable`, `Timeout` or `Transport`
    /// when asking again may help.
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken>;

    /// The project that the credentials belong to, where they know it.
    fn project_id(&self) -> Option<&ProjectId> {
        None
    }

    /// The project whose quota is used, where the credentials belong to a person and so to no
    /// project (the header `X-Goog-User-Project`).
    fn quota_project_id(&self) -> Option<&ProjectId> {
        None
    }
}

#[async_trait]
impl<C: Credentials + ?Sized> Credentials for Arc<C> {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        (**self).access_token(request).await
    }

    fn project_id(&self) -> Option<&ProjectId> {
        (**self).project_id()
    }

    fn quota_project_id(&self) -> Option<&ProjectId> {
        (**self).quota_project_id()
    }
}

/// What an access token is asked for with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccessTokenRequest<'a> {
    /// What it must allow (RFC 6749 §3.3).
    pub scopes: &'a [&'a str],
    /// The way out of the provider that asks, with its endpoint guard.
    pub transport: &'a dyn Transport,
    /// The time of day.
    pub now: SystemTime,
}

impl<'a> AccessTokenRequest<'a> {
    /// Asks for scopes.
    #[must_use]
    pub fn new(scopes: &'a [&'a str], transport: &'a dyn Transport, now: SystemTime) -> Self {
        Self { scopes, transport, now }
    }
}

/// A bearer token (RFC 6750) and when it ends. Wiped when dropped.
pub struct AccessToken {
    text: Zeroizing<String>,
    expires_at: SystemTime,
}

impl AccessToken {
    /// Takes a token.
    ///
    /// # Errors
    ///
    /// `Unauthorized` for text that is no bearer token (RFC 6750 §2.1): empty, or with characters
    /// that cannot stand in a header.
    pub fn new(text: impl Into<String>, expires_at: SystemTime) -> Result<Self> {
        Self::of(Zeroizing::new(text.into()), expires_at)
    }

    fn of(text: Zeroizing<String>, expires_at: SystemTime) -> Result<Self> {
        let graphic = text.bytes().all(|octet| octet.is_ascii_graphic());
        if text.is_empty() || !graphic {
            return Err(Error::new(
                ErrorKind::Unauthorized,
                "the access token is not a bearer token (RFC 6750 section 2.1)",
            ));
        }
        Ok(Self { text, expires_at })
    }

    /// The token.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    pub(in crate::providers) fn authorization(&self) -> HeaderValue {
        authorization("Bearer", self.expose()).expect("`new` takes graphic ASCII only")
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
