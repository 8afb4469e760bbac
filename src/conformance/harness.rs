//! What the author of a provider tells the kit about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};

use super::secret::Secret;
use super::vendor::Vendor;
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

    /// The sealed octets that arrived, oldest first. Only a provider without a wire
    /// ([`Wire::None`]) needs its own.
    fn arrived(&self, vendor: &Vendor) -> Vec<Bytes> {
        vendor.requests().iter().filter_map(|request| self.body(request)).collect()
    }
}

/// How a provider reaches its push service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Wire {
    /// With an HTTP client of its own, over the loopback interface: it must send to
    /// [`Vendor::url`] and give up after [`Vendor::deadline`]. Checks run in real time.
    Loopback,
    /// Not at all: it speaks no HTTP. The checks that need an answer are skipped.
    None,
    /// Through [`Vendor::transport`]. Checks run in paused time and can lose, hold and refuse every
    /// request exactly.
    Transport,
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

/// Puts a layer around the provider of a harness, so that the kit proves both together.
///
/// ```
/// # fn example(harness: impl sealpush::conformance::Harness) {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use sealpush::conformance::{behind, run};
/// use sealpush::layers::Timeout;
///
/// let timeout = |provider| Arc::new(Timeout::new(provider, Duration::from_secs(30))) as _;
/// let report = run(behind(harness, timeout));
/// # }
/// ```
pub fn behind<H, W>(harness: H, wrap: W) -> Behind<H, W>
where
    H: Harness,
    W: Fn(Arc<dyn PushProvider>) -> Arc<dyn PushProvider> + Send + Sync + 'static,
{
    Behind { harness, wrap, repeats: false }
}

/// A harness whose provider stands behind a layer; see [`behind`].
pub struct Behind<H, W> {
    harness: H,
    wrap: W,
    repeats: bool,
}

impl<H, W> Behind<H, W> {
    /// Says that the layer repeats attempts, as `Retry` does.
    #[must_use]
    pub fn repeating(mut self) -> Self {
        self.repeats = true;
        self
    }
}

impl<H, W> fmt::Debug for Behind<H, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behind").field("repeats", &self.repeats).finish_non_exhaustive()
    }
}

impl<H, W> Harness for Behind<H, W>
where
    H: Harness,
    W: Fn(Arc<dyn PushProvider>) -> Arc<dyn PushProvider> + Send + Sync + 'static,
{
    fn provider(&self, vendor: &Vendor) -> Arc<dyn PushProvider> {
        (self.wrap)(self.harness.provider(vendor))
    }

    fn token(&self, vendor: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        self.harness.token(vendor, name, keys)
    }

    fn answers(&self, scenario: Scenario) -> Vec<Response<Bytes>> {
        self.harness.answers(scenario)
    }

    fn body(&self, request: &Request<Bytes>) -> Option<Bytes> {
        self.harness.body(request)
    }

    fn wire(&self) -> Wire {
        self.harness.wire()
    }

    fn dead_statuses(&self) -> &[u16] {
        self.harness.dead_statuses()
    }

    fn credentials(&self) -> Credentials {
        self.harness.credentials()
    }

    fn credential(&self, request: &Request<Bytes>) -> Option<Bytes> {
        self.harness.credential(request)
    }

    fn takes(&self, vendor: &Vendor, credential: &[u8]) -> bool {
        self.harness.takes(vendor, credential)
    }

    fn mint(&self, request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>> {
        self.harness.mint(request, nth)
    }

    fn secrets(&self) -> Vec<Secret> {
        self.harness.secrets()
    }

    fn malformed(&self, vendor: &Vendor, keys: UserAgentKeys) -> Vec<Token> {
        self.harness.malformed(vendor, keys)
    }

    fn checks_addresses(&self) -> bool {
        self.harness.checks_addresses()
    }

    fn idempotency_key(&self, request: &Request<Bytes>) -> Option<String> {
        self.harness.idempotency_key(request)
    }

    fn repeats(&self) -> bool {
        self.repeats || self.harness.repeats()
    }

    fn arrived(&self, vendor: &Vendor) -> Vec<Bytes> {
        self.harness.arrived(vendor)
    }
}
