//! The push resource: where a message for one user agent is posted.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use http::Uri;

use crate::endpoint::Endpoint;
use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::WebPush;
use super::service::Service;

/// The push resource of a [`Token`] (RFC 8030 §2), with the push service that it belongs to.
///
/// Whoever knows it can push, so `Debug` shows nothing of it.
///
/// Its octets are kept as they are: Microsoft's carry the subscription in the query. Reading it
/// says nothing about where it leads; the endpoint guard does.
#[derive(Clone)]
pub struct PushResource {
    endpoint: Endpoint,
    service: Service,
}

impl PushResource {
    /// Longest push resource, in octets.
    pub const MAX_LEN: usize = Endpoint::MAX_LEN;

    /// The address to post to.
    #[must_use]
    pub fn expose(&self) -> &Uri {
        self.endpoint.expose()
    }

    /// The push resource as guard and transport go by it.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Scheme, host and port, the port only where it is not the scheme's own (RFC 6454 §6.2):
    /// the audience of a VAPID header.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.endpoint.origin().as_str()
    }

    /// Makes the [`Token`] that carries this push resource and the keys of the user agent.
    ///
    /// # Errors
    ///
    /// None in practice: a push resource is valid by its type.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        let address = BTreeMap::from([("endpoint", self.expose().to_string())]);
        Token::new(WebPush::ID, &address, keys)
    }

    pub(super) fn service(&self) -> Service {
        self.service
    }

    fn of(endpoint: Endpoint) -> Result<Self> {
        if is_nowhere(endpoint.origin().host()) {
            return Err(Error::new(
                ErrorKind::Expired,
                "the browser gave an address that leads nowhere, as it does right after \
                 unsubscribing; delete the token and subscribe again a little later",
            ));
        }
        let service = Service::of(endpoint.origin().host(), endpoint.expose().query());
        Ok(Self { endpoint, service })
    }
}

impl TryFrom<&Token> for PushResource {
    type Error = Error;

    /// Reads the member `endpoint`.
    ///
    /// # Errors
    ///
    /// `InvalidToken` when it is absent, longer than [`MAX_LEN`](Self::MAX_LEN), or not an
    /// `https` or `http` URL without user name, password and fragment. `Expired` when its host is
    /// below `.invalid` (RFC 6761 §6.4), such as `https://permanently-removed.invalid/`, which
    /// Chrome and Edge hand out for a subscription that was just ended.
    fn try_from(token: &Token) -> Result<Self> {
        Self::of(token.endpoint()?.clone())
    }
}

impl FromStr for PushResource {
    type Err = Error;

    /// # Errors
    ///
    /// As for a token.
    fn from_str(text: &str) -> Result<Self> {
        Self::of(text.parse()?)
    }
}

impl fmt::Debug for PushResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushResource([redacted])")
    }
}

/// Whether no name server will ever know the host (RFC 6761 §6.4).
fn is_nowhere(host: &str) -> bool {
    host.rsplit('.').next() == Some("invalid")
}
