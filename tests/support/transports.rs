//! Both transports of the crate behind one set of settings: what one promises, both keep.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use sealpush::transport::{HyperTransport, ReqwestTransport, Transport};
use sealpush::{EndpointGuard, Result};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Hyper,
    Reqwest,
}

pub(crate) const BOTH: [Kind; 2] = [Kind::Hyper, Kind::Reqwest];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What both builders can set.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) guard: EndpointGuard,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) connections: usize,
    pub(crate) http2_prior_knowledge: bool,
    pub(crate) root_certificate: Option<Vec<u8>>,
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) proxy: Option<String>,
}

impl Settings {
    /// Loopback only, with the deadlines of the defaults and no `User-Agent`.
    pub(crate) fn loopback() -> Self {
        Self::of(EndpointGuard::loopback_for_tests())
    }

    pub(crate) fn of(guard: EndpointGuard) -> Self {
        Self {
            guard,
            timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            connections: 1,
            http2_prior_knowledge: false,
            root_certificate: None,
            user_agent: None,
            proxy: None,
        }
    }

    pub(crate) fn http2(mut self) -> Self {
        self.http2_prior_knowledge = true;
        self
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(crate) fn trusting(mut self, pem: &str) -> Self {
        self.root_certificate = Some(pem.as_bytes().to_vec());
        self
    }

    pub(crate) fn build(&self, kind: Kind) -> Arc<dyn Transport> {
        self.try_build(kind).unwrap()
    }

    pub(crate) fn try_build(&self, kind: Kind) -> Result<Arc<dyn Transport>> {
        let connections = NonZeroUsize::new(self.connections).unwrap();
        // The two builders have the same methods, and no trait in common.
        macro_rules! build {
            ($builder:expr) => {{
                let mut builder = $builder
                    .guard(self.guard.clone())
                    .timeout(self.timeout)
                    .connect_timeout(self.connect_timeout)
                    .connections(connections)
                    .user_agent(self.user_agent.clone());
                if self.http2_prior_knowledge {
                    builder = builder.http2_prior_knowledge();
                }
                if let Some(pem) = &self.root_certificate {
                    builder = builder.add_root_certificate_pem(pem);
                }
                if let Some(proxy) = &self.proxy {
                    builder = builder.proxy(proxy);
                }
                builder.build()?
            }};
        }
        Ok(match kind {
            Kind::Hyper => Arc::new(build!(HyperTransport::builder())),
            Kind::Reqwest => Arc::new(build!(ReqwestTransport::builder())),
        })
    }
}

pub(crate) async fn post(transport: &dyn Transport, uri: &str) -> Result<Response<Bytes>> {
    transport.send(Request::post(uri).body(Bytes::from_static(b"sealed")).unwrap()).await
}
