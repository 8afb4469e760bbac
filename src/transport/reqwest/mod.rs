//! The transport over reqwest, rustls and HTTP/2, with the endpoint guard inside.

mod failure;
mod resolver;

use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use reqwest::{Certificate, Client, Url};

use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::{EndpointGuard, Reach};

use self::resolver::{GuardedResolver, Lookup, SystemLookup};
use super::{MAX_RESPONSE, Transport, endpoint_of};

/// Sends requests over TLS (rustls) and HTTP/2 or HTTP/1.1, as the server chooses.
///
/// It asks its [`EndpointGuard`] about the URL, and about every address the URL's name resolves
/// to. It follows no redirect: a 3xx is a response like any other. It takes no proxy from the
/// environment, keeps no cookies, asks for no compression, and adds no field but `Accept: */*`.
/// HTTP/2 connections are pinged, also while idle, so that a dead one is noticed.
///
/// One attempt is one request. The single exception is a request that the server declares not to
/// have processed (RFC 9113 §8.7) or that never left because the connection it was meant for had
/// closed: it goes out again.
///
/// A response whose body breaks off, or is longer than [`MAX_RESPONSE`] octets, is a response with
/// the octets that came: the status is the push service's answer.
///
/// ```
/// use std::time::Duration;
/// use sealpush::EndpointGuard;
/// use sealpush::transport::ReqwestTransport;
///
/// # fn main() -> sealpush::Result<()> {
/// let transport = ReqwestTransport::builder()
///     .guard(EndpointGuard::allow_hosts(["push.lan"])?)
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// # Ok(()) }
/// ```
pub struct ReqwestTransport {
    guard: EndpointGuard,
    pools: Vec<Pool>,
}

impl ReqwestTransport {
    /// A transport with the defaults of [`ReqwestTransportBuilder`].
    ///
    /// # Errors
    ///
    /// `Configuration` when TLS cannot be set up: the system has no root certificates.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Starts from the defaults.
    #[must_use]
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder::default()
    }

    fn client(&self, reach: Reach) -> Result<&Client> {
        self.pools
            .iter()
            .find(|pool| pool.reach == reach)
            .and_then(Pool::next)
            .ok_or_else(|| Error::new(ErrorKind::Blocked, "no client may reach this address"))
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let (head, body) = request.into_parts();
        let endpoint = endpoint_of(&head)?;
        let reach = self.guard.admit(&endpoint)?;
        let url = url_of(&endpoint)?;
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(body.into());

        let response = self.client(reach)?.execute(request).await;
        let mut response = response.map_err(|error| failure::classify(&error))?;
        let (status, version) = (response.status(), response.version());
        let headers = std::mem::take(response.headers_mut());
        let mut answer = Response::new(read(response).await);
        *answer.status_mut() = status;
        *answer.version_mut() = version;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

impl Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// Builds a [`ReqwestTransport`].
#[derive(Clone)]
pub struct ReqwestTransportBuilder {
    guard: EndpointGuard,
    connect_timeout: Duration,
    timeout: Duration,
    connections: NonZeroUsize,
    http2_prior_knowledge: bool,
    root_certificates: Vec<Vec<u8>>,
    lookup: Arc<dyn Lookup>,
}

impl ReqwestTransportBuilder {
    /// Which endpoints may be connected to. Default: [`EndpointGuard::public`].
    #[must_use]
    pub fn guard(mut self, guard: EndpointGuard) -> Self {
        self.guard = guard;
        self
    }

    /// Longest time for name resolution, TCP and TLS together. Default: 5 seconds.
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

    /// HTTP/2 connections per origin, used in turn. Default: 1. More help where the push service
    /// allows fewer concurrent streams on one connection than are in flight (often 100).
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
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

    /// Builds the transport.
    ///
    /// # Errors
    ///
    /// `Configuration` when a root certificate is not PEM, or TLS cannot be set up.
    pub fn build(self) -> Result<ReqwestTransport> {
        let certificates = self.certificates()?;
        let pools = [Reach::Listed, Reach::Loopback, Reach::Public]
            .into_iter()
            .map(|reach| {
                let clients = (0..self.connections.get())
                    .map(|_| self.client(reach, &certificates))
                    .collect::<Result<_>>()?;
                Ok(Pool { reach, clients, turn: AtomicUsize::new(0) })
            })
            .collect::<Result<_>>()?;
        Ok(ReqwestTransport { guard: self.guard, pools })
    }

    fn certificates(&self) -> Result<Vec<Certificate>> {
        let mut certificates = Vec::new();
        for pem in &self.root_certificates {
            match Certificate::from_pem_bundle(pem) {
                Ok(found) if !found.is_empty() => certificates.extend(found),
                _ => {
                    let fact = "a root certificate is not in PEM form";
                    return Err(Error::new(ErrorKind::Configuration, fact));
                }
            }
        }
        Ok(certificates)
    }

    fn client(&self, reach: Reach, certificates: &[Certificate]) -> Result<Client> {
        let lookup = Arc::clone(&self.lookup);
        let resolver = GuardedResolver { lookup, guard: self.guard.clone(), reach };
        let mut builder = Client::builder()
            .dns_resolver(resolver)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(TCP_KEEPALIVE)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_LIST)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true);
        if self.http2_prior_knowledge {
            builder = builder.http2_prior_knowledge();
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate.clone());
        }
        builder.build().map_err(|error| {
            Error::new(ErrorKind::Configuration, "TLS cannot be set up")
                .with_source(error.without_url())
        })
    }
}

impl Default for ReqwestTransportBuilder {
    fn default() -> Self {
        Self {
            guard: EndpointGuard::public(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            connections: NonZeroUsize::MIN,
            http2_prior_knowledge: false,
            root_certificates: Vec::new(),
            lookup: Arc::new(SystemLookup),
        }
    }
}

impl Debug for ReqwestTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransportBuilder")
            .field("guard", &self.guard)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("connections", &self.connections)
            .field("http2_prior_knowledge", &self.http2_prior_knowledge)
            .finish_non_exhaustive()
    }
}

/// The clients that may reach one kind of address. They share no connection with another kind, so
/// that what the operator listed cannot be reached through a URL that is not.
struct Pool {
    reach: Reach,
    clients: Vec<Client>,
    turn: AtomicUsize,
}

impl Pool {
    /// The client whose turn it is: each keeps one HTTP/2 connection per origin.
    fn next(&self) -> Option<&Client> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.clients.get(turn.checked_rem(self.clients.len())?)
    }
}

/// The URL that leads to the origin of the endpoint and nowhere else.
fn url_of(endpoint: &Endpoint) -> Result<Url> {
    let path = endpoint.expose().path_and_query().map_or("/", |path| path.as_str());
    let url = Url::parse(&[endpoint.origin().as_str(), path].concat());
    url.map_err(|_| Error::new(ErrorKind::Rejected, "the request cannot be sent over HTTP"))
}

/// Reads at most [`MAX_RESPONSE`] octets; dropping the response then closes its stream.
async fn read(mut response: reqwest::Response) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_RESPONSE.saturating_sub(body.len());
        if chunk.len() >= room {
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body.freeze()
}

const TCP_KEEPALIVE: Duration = Duration::from_secs(15);
/// A dead HTTP/2 connection is noticed after the sum of the two, 20 seconds.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Fields of an HTTP/1.1 response; its head is bounded to some 400 KiB by hyper.
const MAX_HEADERS: usize = 100;
/// Octets of an HTTP/2 response's fields (RFC 9113 §6.5.2).
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Octets of a response that a server may send unasked (RFC 9113 §6.9.2): twice what is read.
const STREAM_WINDOW: u32 = 32 * 1024;
/// The same for all responses on one connection together.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

#[cfg(test)]
mod tests;
