//! The settings of a [`HyperTransport`].

use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use zeroize::Zeroizing;

use super::HyperTransport;
use super::connect::Connector;
use super::pool::Pool;
use super::proxy::Proxy;
use crate::error::Result;
use crate::guard::EndpointGuard;
use crate::transport::lookup::{Lookup, SystemLookup};
use crate::transport::outgoing::DEFAULT_USER_AGENT;
use crate::transport::tls::Tls;

/// Builds a [`HyperTransport`].
#[derive(Clone)]
pub struct HyperTransportBuilder {
    guard: EndpointGuard,
    connect_timeout: Duration,
    timeout: Duration,
    connections: NonZeroUsize,
    idle_connections: usize,
    http2_prior_knowledge: bool,
    root_certificates: Vec<Vec<u8>>,
    user_agent: Option<HeaderValue>,
    proxy: Option<Zeroizing<String>>,
    lookup: Arc<dyn Lookup>,
}

impl HyperTransportBuilder {
    /// Which endpoints may be connected to. Default: [`EndpointGuard::public`].
    #[must_use]
    pub fn guard(mut self, guard: EndpointGuard) -> Self {
        self.guard = guard;
        self
    }

    /// Longest time for name resolution, TCP, TLS and the server's HTTP/2 settings together.
    /// Default: 5 seconds.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Longest time for the whole exchange, from the call to the last octet of the response that
    /// is read. Default: 15 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Most HTTP/2 connections per origin; one more is opened while all are busy. Default: 1.
    /// More help where the push service allows fewer concurrent streams on one connection than
    /// are in flight (often 100). Over HTTP/1.1 there are as many as requests in flight.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
        self
    }

    /// Most connections in all that are kept while nobody uses them, for 90 seconds at most.
    /// Default: 64. Those of origins that were used once go first.
    #[must_use]
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.idle_connections = connections;
        self
    }

    /// Speaks HTTP/2 from the first octet, also without TLS (RFC 9113 §3.3). Default: off, TLS
    /// negotiates.
    #[must_use]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.http2_prior_knowledge = true;
        self
    }

    /// Trusts one more root certificate, or several, in PEM (RFC 7468 §5), beside the system's.
    #[must_use]
    pub fn add_root_certificate_pem(mut self, pem: &[u8]) -> Self {
        self.root_certificates.push(pem.to_vec());
        self
    }

    /// The field `User-Agent` of requests that have none; `None` leaves it out. Default:
    /// `sealpush/` and the version.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<Option<HeaderValue>>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Goes through an HTTP proxy, `http://host:port` or `http://user:password@host:port`, with a
    /// tunnel (CONNECT, RFC 9110 §9.3.6) to every server. Default: none; the environment is never
    /// read.
    ///
    /// The guard still checks every URL, and every address that stands in one. But the proxy
    /// resolves the names: that a public name leads to no private address is for the proxy to see.
    #[must_use]
    pub fn proxy(mut self, url: &str) -> Self {
        self.proxy = Some(url.to_owned().into());
        self
    }

    /// Takes the place of the system's resolver.
    #[cfg(test)]
    pub(in crate::transport) fn lookup(mut self, lookup: Arc<dyn Lookup>) -> Self {
        self.lookup = lookup;
        self
    }

    /// Builds the transport.
    ///
    /// The root certificates are loaded at the first connection over TLS; where there are none,
    /// that is when it fails, with `Configuration`.
    ///
    /// # Errors
    ///
    /// `Configuration` when a root certificate or the proxy's URL is none.
    pub fn build(self) -> Result<HyperTransport> {
        let connector = Connector {
            guard: self.guard.clone(),
            lookup: self.lookup,
            tls: Tls::new(&self.root_certificates)?,
            proxy: self.proxy.map(|url| Proxy::read(&url)).transpose()?,
            http2_prior_knowledge: self.http2_prior_knowledge,
            timeout: self.connect_timeout,
        };
        Ok(HyperTransport {
            guard: self.guard,
            connector,
            pool: Pool::new(self.connections.get(), self.idle_connections),
            timeout: self.timeout,
            user_agent: self.user_agent,
        })
    }
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self {
            guard: EndpointGuard::public(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            connections: NonZeroUsize::MIN,
            idle_connections: 64,
            http2_prior_knowledge: false,
            root_certificates: Vec::new(),
            user_agent: Some(DEFAULT_USER_AGENT),
            proxy: None,
            lookup: Arc::new(SystemLookup),
        }
    }
}

impl Debug for HyperTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransportBuilder")
            .field("guard", &self.guard)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("connections", &self.connections)
            .field("idle_connections", &self.idle_connections)
            .field("http2_prior_knowledge", &self.http2_prior_knowledge)
            .finish_non_exhaustive()
    }
}
