//! What every provider over HTTP needs: a way out that the endpoint guard watches, the time of day,
//! and where the vendor's API lives. Public, so that a provider of your own has it too.

mod base_url;
mod guarded;
#[cfg(not(feature = "hyper"))]
mod no_transport;
#[cfg(feature = "hyper")]
mod own_transport;
mod request;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};

use crate::clock::{Clock, SystemClock};
use crate::endpoint::Endpoint;
use crate::transport::Transport;
use crate::{EndpointGuard, Result};

pub use self::base_url::BaseUrl;
pub use self::request::{authorization, post_json, sensitive, wiped};

use self::guarded::Guarded;
#[cfg(not(feature = "hyper"))]
use self::no_transport::with_guard;
#[cfg(feature = "hyper")]
use self::own_transport::with_guard;

/// The settings that all providers' builders share.
///
/// ```
/// use sealpush::EndpointGuard;
/// use sealpush::providers::http::HttpBuilder;
///
/// # #[cfg(feature = "hyper")] {
/// let http = HttpBuilder::default().guard(EndpointGuard::loopback_for_tests()).build()?;
/// # }
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct HttpBuilder {
    clock: Option<Arc<dyn Clock>>,
    guard: Option<EndpointGuard>,
    http2_only: bool,
    transport: Option<Arc<dyn Transport>>,
}

impl HttpBuilder {
    /// Says which addresses may be connected to. Default: those on the public internet.
    ///
    /// With a [`transport`](Self::transport) of the caller's own there is no default: where it
    /// connects to is its own affair. A guard that is set as well looks at every URL first, but
    /// cannot see what a name resolves to.
    pub fn guard(mut self, guard: EndpointGuard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// The guard where none is set, and no transport of the caller's own: for a provider whose
    /// default is not the public internet.
    pub fn default_guard(mut self, guard: EndpointGuard) -> Self {
        if self.guard.is_none() && self.transport.is_none() {
            self.guard = Some(guard);
        }
        self
    }

    /// Sends through this transport. Default: the crate's own, which needs the feature `hyper`.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Reads the time of day from this clock. Default: the operating system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Has the crate's own transport speak nothing but HTTP/2, from the first octet and also without
    /// TLS (RFC 9113 §3.3): for push services that speak nothing else. Default: as TLS negotiates. A
    /// [`transport`](Self::transport) of the caller's own is left as it is.
    pub fn http2_only(mut self) -> Self {
        self.http2_only = true;
        self
    }

    /// Puts it together. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Configuration` when TLS cannot be set up or no transport is compiled in; never with a
    /// transport of the caller's own.
    pub fn build(self) -> Result<Http> {
        let (guard, transport): (_, Arc<dyn Transport>) = match (self.transport, self.guard) {
            (Some(transport), None) => (None, transport),
            (Some(transport), Some(guard)) => {
                (Some(guard.clone()), Arc::new(Guarded::new(guard, transport)))
            }
            (None, guard) => {
                let guard = guard.unwrap_or_default();
                (Some(guard.clone()), with_guard(guard, self.http2_only)?)
            }
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        Ok(Http { clock, guard, transport })
    }
}

/// A way out and the time of day.
#[derive(Clone)]
pub struct Http {
    clock: Arc<dyn Clock>,
    guard: Option<EndpointGuard>,
    transport: Arc<dyn Transport>,
}

impl Http {
    /// Sends one request.
    ///
    /// # Errors
    ///
    /// As [`Transport::send`]; `Blocked` when a guard refuses the URL.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.transport().send(request).await
    }

    /// Looks whether the guard lets an endpoint pass, without a request. What a name resolves to is
    /// seen when it is sent to.
    ///
    /// # Errors
    ///
    /// `Blocked` when it does not; never without a guard.
    pub fn check(&self, endpoint: &Endpoint) -> Result<()> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard.check_endpoint(endpoint))
    }

    /// What carries the requests, behind the guard.
    #[must_use]
    pub fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// The time of day in seconds since the UNIX epoch.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.clock.unix_seconds()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// The setters of [`HttpBuilder`] on a builder that has one in its field `http`.
#[allow(unused_macros, reason = "a build without a provider over HTTP has no builder")]
macro_rules! http_setters {
    () => {
        /// Says which addresses may be connected to. Default: those on the public internet. A
        /// double needs [`EndpointGuard::loopback_for_tests`](crate::EndpointGuard).
        ///
        /// With a [`transport`](Self::transport) of the caller's own there is no default: where it
        /// connects to is its own affair. A guard that is set as well looks at every URL first, but
        /// cannot see what a name resolves to.
        pub fn guard(mut self, guard: crate::EndpointGuard) -> Self {
            self.http = self.http.guard(guard);
            self
        }

        /// Sends through this transport. Default: the crate's own, which needs the feature
        /// `hyper`.
        pub fn transport(mut self, transport: impl crate::transport::Transport) -> Self {
            self.http = self.http.transport(transport);
            self
        }

        /// Reads the time of day from this clock. Default: the operating system's.
        pub fn clock(mut self, clock: impl crate::clock::Clock) -> Self {
            self.http = self.http.clock(clock);
            self
        }
    };
}
#[allow(unused_imports, reason = "as above")]
pub(in crate::providers) use http_setters;
