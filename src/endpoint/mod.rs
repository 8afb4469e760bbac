//! One parse of a stranger's address: guard, limits, signatures and transport go by the same
//! reading of it.
//!
//! A push resource is text that a stranger wrote. Two readers of one text may see two hosts in it,
//! and one host has many spellings (`:443`, `:0443`, a trailing dot, capital letters, decimal
//! IPv4). So the text is read once, by the URL standard, and from then on an [`Endpoint`] travels:
//! its [`Origin`] says whom it leads to, in one normal form. Whether that may be connected to is
//! the affair of the guard.

#[cfg(feature = "guard")]
mod read;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;

#[cfg(feature = "guard")]
pub(crate) use self::read::read;

/// A push resource (RFC 8030 §2) that has been read: an `https` or `http` URL of at most
/// [`MAX_LEN`](Self::MAX_LEN) octets, without user information and without a fragment.
///
/// Reading text with `parse` needs the feature `guard`. A provider puts the endpoint into the
/// [extensions](http::Request::extensions_mut) of its request, and the transport connects to what
/// the endpoint says.
///
/// Whoever knows a push resource can push, so `Debug` shows the origin only.
///
/// ```
/// # #[cfg(feature = "guard")] {
/// use sealpush::endpoint::Endpoint;
///
/// let endpoint: Endpoint = "https://Push.Example.net.:0443/p/JzLQ3raZ".parse()?;
/// assert_eq!(endpoint.origin().as_str(), "https://push.example.net");
/// # } Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone)]
pub struct Endpoint {
    uri: Uri,
    origin: Origin,
}

impl Endpoint {
    /// Longest push resource, in octets. No push service comes near it; the limit keeps tokens
    /// storable.
    pub const MAX_LEN: usize = 2048;

    /// The address to post to, its octets as they were; only where the host was written in a way
    /// of which another reader could think otherwise, it is in its normal form.
    #[must_use]
    pub fn expose(&self) -> &Uri {
        &self.uri
    }

    /// Whom it leads to.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Scheme, host and port (RFC 6454 §4) in one normal form: the host in ASCII and lower case
/// without a trailing dot, an address as an address, the port as a number.
///
/// Cloning is cheap.
#[derive(Clone)]
pub struct Origin {
    text: Arc<str>,
    host: std::ops::Range<usize>,
    address: Option<IpAddr>,
    port: u16,
}

impl Origin {
    /// The ASCII serialization, the port only where it is not the scheme's own (RFC 6454 §6.2):
    /// `https://push.example.net:8443`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        if self.is_https() { "https" } else { "http" }
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// The host; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text.get(self.host.clone()).unwrap_or_default()
    }

    /// The host's address, where the host is one and not a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The port, also where it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as in the field `Host` and in `:authority` (RFC 9110 §7.2).
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text.get(self.host.start..).unwrap_or_default()
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
