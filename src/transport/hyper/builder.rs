//! How a [`HyperTransport`] is put together.

use std::num::NonZeroUsize;

use super::HyperTransport;
use super::connect::Connector;
use super::pool::Pool;
use super::proxy::Proxy;
use crate::error::Result;
use crate::transport::settings::{Settings, setters};
use crate::transport::tls::Tls;

/// Builds a [`HyperTransport`].
#[derive(Clone, Debug)]
pub struct HyperTransportBuilder {
    settings: Settings,
    idle_connections: usize,
}

impl HyperTransportBuilder {
    setters!();

    /// Most HTTP/2 connections per origin; one more is opened while all are busy. Default: 1.
    /// More help where the push service allows fewer concurrent streams on one connection than
    /// are in flight (often 100). Over HTTP/1.1 there are as many as requests in flight.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.settings.connections = connections;
        self
    }

    /// Most connections in all that are kept while nobody uses them, for 90 seconds at most.
    /// Default: 64. Those of origins that were used once go first.
    #[must_use]
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.idle_connections = connections;
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
        let settings = self.settings;
        let connector = Connector {
            guard: settings.guard.clone(),
            lookup: settings.lookup,
            tls: Tls::new(&settings.root_certificates)?,
            proxy: settings.proxy.map(|url| Proxy::read(&url)).transpose()?,
            http2_prior_knowledge: settings.http2_prior_knowledge,
            timeout: settings.connect_timeout,
        };
        Ok(HyperTransport {
            guard: settings.guard,
            connector,
            pool: Pool::new(settings.connections.get(), self.idle_connections),
            timeout: settings.timeout,
            user_agent: settings.user_agent,
        })
    }
}

impl Default for HyperTransportBuilder {
    fn default() -> Self {
        Self { settings: Settings::default(), idle_connections: 64 }
    }
}
