//! The push resource: where a message for one user agent is posted.

use std::fmt;

use http::Uri;
use url::Url;

use super::service::Service;
use crate::{Error, ErrorKind, Result, Token};

/// The push resource of a [`Token`] (RFC 8030 §2), parsed.
///
/// Whoever knows it can push, so `Debug` shows nothing of it.
///
/// Its octets are kept as they are: Microsoft's carry the subscription in the query. Parsing says
/// nothing about where it leads; the endpoint guard does.
#[derive(Clone)]
pub struct PushResource {
    uri: Uri,
    origin: String,
    service: Service,
}

impl PushResource {
    /// Longest push resource, in octets.
    pub const MAX_LEN: usize = 2048;

    /// The address to post to.
    #[must_use]
    pub fn expose(&self) -> &Uri {
        &self.uri
    }

    /// Scheme, host and port, the port only where it is not the scheme's own (RFC 6454 §6.2):
    /// the audience of a VAPID header.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn service(&self) -> Service {
        self.service
    }

    fn parse(endpoint: &str) -> Option<Self> {
        if endpoint.len() > Self::MAX_LEN || !endpoint.is_ascii() || endpoint.contains('#') {
            return None;
        }
        let uri = endpoint.parse().ok()?;
        // What the transport will connect to is read by the URL standard, so the origin is too.
        let url = Url::parse(endpoint).ok()?;
        let bare = url.username().is_empty() && url.password().is_none();
        let host = url.host_str().filter(|host| !host.is_empty())?;
        if !matches!(url.scheme(), "http" | "https") || !bare {
            return None;
        }
        Some(Self {
            uri,
            origin: url.origin().ascii_serialization(),
            service: Service::of(host, url.query()),
        })
    }
}

impl TryFrom<&Token> for PushResource {
    type Error = Error;

    /// Reads the member `endpoint`.
    ///
    /// # Errors
    ///
    /// `InvalidToken` when it is absent, longer than [`MAX_LEN`](Self::MAX_LEN), or not an
    /// `https` or `http` URL without user name, password and fragment.
    fn try_from(token: &Token) -> Result<Self> {
        let endpoint = token.expose("endpoint").ok_or_else(|| {
            Error::new(ErrorKind::InvalidToken, "the token has no 'endpoint' as text")
        })?;
        Self::parse(endpoint).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidToken,
                "the token's 'endpoint' must be an https URL of at most 2048 octets without user \
                 name, password and fragment",
            )
        })
    }
}

impl fmt::Debug for PushResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushResource([redacted])")
    }
}
