//! What both transports can be told.

use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use zeroize::Zeroizing;

use super::lookup::{Lookup, SystemLookup};
use super::outgoing::DEFAULT_USER_AGENT;
use crate::guard::EndpointGuard;

/// The fields behind the setters that both builders have.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) guard: EndpointGuard,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) connections: NonZeroUsize,
    pub(super) http2_prior_knowledge: bool,
    pub(super) root_certificates: Vec<Vec<u8>>,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) proxy: Option<Zeroizing<String>>,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guard: EndpointGuard::public(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            connections: NonZeroUsize::MIN,
            http2_prior_knowledge: false,
            root_certificates: Vec::new(),
            user_agent: Some(DEFAULT_USER_AGENT),
            proxy: None,
            lookup: Arc::new(SystemLookup),
        }
    }
}

/// Neither the proxy's URL, which can hold a password, nor the certificates.
impl Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("guard", &self.guard)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("connections", &self.connections)
            .field("http2_prior_knowledge", &self.http2_prior_knowledge)
            .finish_non_exhaustive()
    }
}

/// The setters of [`Settings`] on a builder that has one in its field `settings`.
macro_rules! setters {
    () => {
        /// Which endpoints may be connected to. Default:
        /// [`EndpointGuard::public`](crate::EndpointGuard::public).
        #[must_use]
        pub fn guard(mut self, guard: crate::EndpointGuard) -> Self {
            self.settings.guard = guard;
            self
        }

        /// Longest time for name resolution, TCP and TLS together, and for the server's HTTP/2
        /// settings where the transport waits for them. Default: 5 seconds.
        #[must_use]
        pub fn connect_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.connect_timeout = timeout;
            self
        }

        /// Longest time for the whole exchange, from the call to the last octet of the response
        /// that is read. Default: 15 seconds.
        #[must_use]
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.timeout = timeout;
            self
        }

        /// Speaks HTTP/2 from the first octet, also without TLS (RFC 9113 §3.3). Default: off, TLS
        /// negotiates.
        #[must_use]
        pub fn http2_prior_knowledge(mut self) -> Self {
            self.settings.http2_prior_knowledge = true;
            self
        }

        /// Trusts one more root certificate, or several, in PEM (RFC 7468 §5), beside the
        /// system's.
        #[must_use]
        pub fn add_root_certificate_pem(mut self, pem: &[u8]) -> Self {
            self.settings.root_certificates.push(pem.to_vec());
            self
        }

        /// The field `User-Agent` of requests that have none; `None` leaves it out. Default:
        /// `sealpush/` and the version.
        #[must_use]
        pub fn user_agent(mut self, user_agent: impl Into<Option<http::HeaderValue>>) -> Self {
            self.settings.user_agent = user_agent.into();
            self
        }

        /// Goes through an HTTP proxy, `http://host:port` or `http://user:password@host:port`.
        /// Default: none; the environment is never read. Over TLS it is a tunnel (CONNECT,
        /// RFC 9110 §9.3.6).
        ///
        /// The guard still checks every URL, and every address that stands in one. But the proxy
        /// resolves the names: that a public name leads to no private address is for the proxy to
        /// see.
        #[must_use]
        pub fn proxy(mut self, url: &str) -> Self {
            self.settings.proxy = Some(url.to_owned().into());
            self
        }

        /// Takes the place of the system's resolver.
        #[cfg(test)]
        pub(in crate::transport) fn lookup(
            mut self,
            lookup: std::sync::Arc<dyn crate::transport::lookup::Lookup>,
        ) -> Self {
            self.settings.lookup = lookup;
            self
        }
    };
}
pub(super) use setters;
