//! A harness whose provider stands behind a layer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use super::harness::{Credentials, Harness, Scenario};
use super::secret::Secret;
use super::vendor::Vendor;
use super::wire::Wire;
use crate::{PushProvider, Token, UserAgentKeys};

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

// A method that is left out here would answer for the harness instead of it.
#[deny(clippy::missing_trait_methods)]
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

    fn origin(&self) -> &str {
        self.harness.origin()
    }

    fn arrived(&self, vendor: &Vendor) -> Vec<Bytes> {
        self.harness.arrived(vendor)
    }
}
