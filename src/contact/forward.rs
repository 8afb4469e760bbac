//! Through one's own relay: the receiver's relay then does not see the sender's network address,
//! and one's own does not see the receiver's token.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};

use super::octets::Reader;
use super::{RelayOrigin, Request, paths};
use crate::{Error, ErrorKind, Result};

/// A request that one's own relay passes on: `length 1 ‖ relay of the card ‖ request`.
///
/// A relay that forwards connects to where a stranger says: it must do so through a transport with
/// [`EndpointGuard::Public`](crate::EndpointGuard), to the path and in the sizes that
/// [`post`] makes, and answer only what [`Answer::from_octets`](super::Answer::from_octets) reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forward {
    /// The relay of the receiver's card.
    pub relay: RelayOrigin,
    /// What to post there.
    pub request: Request,
}

impl Forward {
    /// The octets to post to one's own relay's [`FORWARD`](paths::FORWARD).
    #[must_use]
    pub fn to_octets(&self) -> Bytes {
        let relay = self.relay.as_str();
        // A parsed origin is at most 64 octets long.
        [&[relay.len() as u8], relay.as_bytes(), &self.request.to_octets()].concat().into()
    }

    /// Reads what a device posted.
    ///
    /// # Errors
    ///
    /// `Rejected` for octets that are no such thing.
    pub fn from_octets(octets: &[u8]) -> Result<Self> {
        let read = || {
            let mut reader = Reader(octets);
            let len = reader.u8()?;
            let relay = std::str::from_utf8(reader.take(len.into())?).ok()?.parse().ok()?;
            Some(Self { relay, request: Request::from_octets(reader.0).ok()? })
        };
        read().ok_or_else(|| Error::new(ErrorKind::Rejected, "the octets are nothing to forward"))
    }
}

/// The HTTP request that posts octets to one of a relay's [`paths`]: constant header fields, no
/// cookie, nothing that tells one sender from another.
///
/// # Panics
///
/// When `path` is not one of [`paths`].
#[must_use]
pub fn post(relay: &RelayOrigin, path: &'static str, octets: Bytes) -> http::Request<Bytes> {
    assert!(paths::ALL.contains(&path), "a path of the module `paths`");
    let mut request = http::Request::new(octets);
    *request.method_mut() = Method::POST;
    *request.uri_mut() =
        format!("{}{path}", relay.url()).parse().expect("an origin and a path are a URI");
    let octet_stream = HeaderValue::from_static("application/octet-stream");
    request.headers_mut().insert(CONTENT_TYPE, octet_stream);
    request
}
