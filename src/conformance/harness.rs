//! What the author of a provider tells the kit about it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};

use super::secret::Secret;
use super::vendor::Vendor;
use super::wire::Wire;
use crate::{PushProvider, Token, UserAgentKeys};

/// Makes the provider under test and explains its push service to the kit.
///
/// Four methods are needed; the rest have defaults that skip the checks which need them. The kit
/// plays the push service: see [`Vendor`].
pub trait Harness: Send + Sync + 'static {
    /// A fresh provider that speaks to `vendor`, with test credentials.
    ///
    /// It must share nothing with the ones made before, or one check would disturb another.
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider>;

    /// A good token of this provider for a user agent.
    ///
    /// `name` is 16 to 32 of `a-z`, `0-9`; different names must give different addresses, and the
    /// address is searched for in everything that the provider shows.
    fn token(&self, vendor: &Vendor, name: &str, keys: UserAgentKeys) -> Token;

    /// How the push service says it: every form that its documentation knows. An empty list when
    /// it has no such answer, but for [`Scenario::Accepted`], which needs one.
    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>>;

    /// The sealed octets that a request carries, decoded from the form in which they travel;
    /// `None` where there are none.
    fn body(&self, request: &Request<Bytes>) -> Option<Bytes>;

    /// How the provider reaches its push service.
    fn wire(&self) -> Wire {
        Wire::Transport
    }

    /// The statuses by which alone, whatever the body, the push service says that the subscription
    /// is gone: 404 and 410 for Web Push (RFC 8030 §7.3). Default: none.
    fn dead_statuses(&self) -> &[u16] {
        &[]
    }

    /// What the provider proves itself with. Default: nothing.
    fn credentials(&self) -> Credentials {
        Credentials::Absent
    }

    /// The credential that a request carries. Default: the field `Authorization`.
    fn credential(&self, request: &Request<Bytes>) -> Option<Bytes> {
        request.headers().get(AUTHORIZATION).map(|value| Bytes::copy_from_slice(value.as_bytes()))
    }

    /// Whether the push service would take a credential: its audience and expiry, where it has
    /// them. Default: yes.
    fn takes(&self, vendor: &Vendor, credential: &[u8]) -> bool {
        let _ = (vendor, credential);
        true
    }

    /// Answers a request for a credential, such as one to an OAuth token endpoint; `None` for
    /// every other request. `nth` counts from zero, and every answer must hold another credential.
    fn mint(&self, request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>> {
        let _ = (request, nth);
        None
    }

    /// The secrets of the provider's settings: keys, passwords, credentials. What the kit can see
    /// for itself (token, user agent's keys, payload, credential in the request) is added.
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }

    /// Tokens whose address cannot be one of this push service, beside those that the kit makes
    /// out of a good one.
    fn malformed(&self, vendor: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        let _ = (vendor, keys);
        Vec::new()
    }

    /// Whether the provider looks into a token's address at all. Default: yes.
    fn checks_addresses(&self) -> bool {
        true
    }

    /// The key by which the push service recognizes a repeated request. Needed by a provider that
    /// claims [`Capabilities::idempotent`](crate::Capabilities::idempotent).
    fn idempotency_key(&self, request: &Request<Bytes>) -> Option<String> {
        let _ = request;
        None
    }

    /// Whether a layer around the provider repeats attempts, as [`behind`](super::behind) sets it.
    /// The promises about one attempt are skipped then.
    fn repeats(&self) -> bool {
        false
    }

    /// The origin of the push service, for a provider that knows its push services by their hosts
    /// and is reached over [`Wire::Transport`]. Nothing is ever sent to it. Default: one that no
    /// provider knows, with a port that is not the default one, so that a provider that loses the
    /// port is found out.
    fn origin(&self) -> &str {
        ORIGIN
    }

    /// The sealed octets that arrived, oldest first. Only a provider without a wire
    /// ([`Wire::None`]) needs its own.
    fn arrived(&self, vendor: &Vendor) -> Vec<Bytes> {
        vendor.requests().iter().filter_map(|request| self.body(request)).collect()
    }
}

/// What a provider proves itself with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Credentials {
    /// Nothing.
    Absent,
    /// One that the provider makes or fetches, uses for a while, and renews.
    Renewed {
        /// How long one may be used, at most. The kit moves [`Vendor::clock`] past it.
        lifetime: Duration,
    },
    /// One that the provider was given and cannot renew.
    Static,
}

/// What a push service can say.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scenario {
    /// The message was taken.
    Accepted,
    /// The message was not taken, although the status is 2xx.
    AcceptedButRefused,
    /// The subscription is gone, beyond doubt.
    Expired,
    /// The subscription belongs to another sender or key.
    Mismatch,
    /// The request for a credential was refused for good.
    MintRefused,
    /// The request for a credential failed for the moment.
    MintUnavailable,
    /// The message is too large.
    PayloadTooLarge,
    /// Too many requests.
    RateLimited,
    /// This message is refused for another reason.
    Rejected,
    /// The credential was refused, and a new one may help.
    Unauthorized,
    /// The push service has trouble.
    Unavailable,
}

/// A name that an endpoint guard takes for public.
const ORIGIN: &str = "https://push.example.net:8443";
