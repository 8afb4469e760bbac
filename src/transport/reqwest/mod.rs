//! The transport over reqwest, rustls and HTTP/2, with the endpoint guard inside.

mod failure;
mod resolver;

use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode};
use reqwest::{Certificate, Client, Url};
use zeroize::Zeroizing;

use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::{EndpointGuard, Reach};

use self::resolver::GuardedResolver;
use super::failure as common;
use super::lookup::{Lookup, SystemLookup};
use super::outgoing::{self, DEFAULT_USER_AGENT};
use super::tls::Tls;
use super::{MAX_RESPONSE, Transport};

/// Sends requests over TLS (rustls) and HTTP/2 or HTTP/1.1, as the server chooses.
///
/// [`HyperTransport`](super::HyperTransport) is the default, costs less and bounds more. This one
/// is for those who have reqwest in their program and want one HTTP client in it.
///
/// It asks its [`EndpointGuard`] about the origin, and about every address the origin's name
/// resolves to. It follows no redirect: a 3xx is a response like any other. It takes no proxy from
/// the environment, keeps no cookies, asks for no compression, and adds no fields but `Accept: */*`,
/// `User-Agent` and `Content-Length`. HTTP/2 connections are pinged, also while idle, so that a
/// dead one is noticed. TLS is rustls, whatever features of reqwest are on.
///
/// One attempt is one request. The single exception is a request that the server declares not to
/// have processed (RFC 9113 §8.7) or that never left because the connection it was meant for had
/// closed: it goes out again.
///
/// A response whose body breaks off, or is longer than [`MAX_RESPONSE`] octets, is a response with
/// the octets that came: the status is the push service's answer.
///
/// # What it does not bound
///
/// reqwest offers no way to come between it and the socket. Interim responses without end, written
/// as fast as they are read, hold up a thread of the runtime until the server tires, so that
/// deadlines and timers on it are late; frames without end over HTTP/2 cost CPU until the
/// deadline. The connection stays in the pool afterwards. Idle connections are not bounded in
/// all, but per origin. Where `SETTINGS_MAX_CONCURRENT_STREAMS` lets no request go out, the
/// outcome is reported as unknown.
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
    settings: ReqwestTransportBuilder,
    tls: Arc<Tls>,
    pools: [Pool; 3],
}

impl ReqwestTransport {
    /// A transport with the defaults of [`ReqwestTransportBuilder`].
    ///
    /// # Errors
    ///
    /// None with the defaults; see [`ReqwestTransportBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Starts from the defaults.
    #[must_use]
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder::default()
    }

    fn client(&self, reach: Reach) -> Result<&Client> {
        let pool = self.pools.iter().find(|pool| pool.reach == reach);
        let unbuilt = || Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up");
        pool.and_then(|pool| pool.next(&self.settings, &self.tls)).ok_or_else(unbuilt)
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        outgoing::check_runtime()?;
        let (mut head, body) = request.into_parts();
        let endpoint = outgoing::endpoint_of(&head)?;
        let reach = self.settings.guard.admit(&endpoint)?;
        if endpoint.origin().is_https() {
            // Says why there is no TLS, which reqwest does not.
            self.tls.config()?;
        }
        outgoing::complete(&mut head, body.len(), self.settings.user_agent.as_ref());
        let mut request = reqwest::Request::new(head.method, url_of(&endpoint)?);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(body.into());

        let response = self.client(reach)?.execute(request).await;
        let mut response = response.map_err(|error| failure::classify(&error))?;
        let (status, version) = (response.status(), response.version());
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(common::SWITCHED.into());
        }
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
        f.debug_struct("ReqwestTransport")
            .field("guard", &self.settings.guard)
            .finish_non_exhaustive()
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
    user_agent: Option<HeaderValue>,
    proxy: Option<Zeroizing<String>>,
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

    /// The field `User-Agent` of requests that have none; `None` leaves it out. Default:
    /// `sealpush/` and the version.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<Option<HeaderValue>>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Goes through an HTTP proxy, `http://host:port` or `http://user:password@host:port`. Default:
    /// none; the environment is never read.
    ///
    /// The guard still checks every URL, and every address that stands in one. But the proxy
    /// resolves the names: that a public name leads to no private address is for the proxy to see.
    #[must_use]
    pub fn proxy(mut self, url: &str) -> Self {
        self.proxy = Some(Zeroizing::new(url.to_owned()));
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
    /// The root certificates are loaded at the first connection; where there are none, that is when
    /// TLS fails, with `Configuration`.
    ///
    /// # Errors
    ///
    /// `Configuration` when a root certificate or the proxy's URL is none.
    pub fn build(self) -> Result<ReqwestTransport> {
        let tls = Arc::new(Tls::new(&self.root_certificates)?);
        if let Some(url) = &self.proxy {
            proxy(url)?;
        }
        let pools = [Reach::Listed, Reach::Loopback, Reach::Public];
        let pools =
            pools.map(|reach| Pool { reach, clients: OnceLock::new(), turn: AtomicUsize::new(0) });
        Ok(ReqwestTransport { settings: self, tls, pools })
    }

    fn client(&self, reach: Reach, certificates: &[Certificate]) -> Result<Client> {
        // With a proxy, its name is the only one that is resolved here.
        let guard = self.proxy.is_none().then(|| self.guard.clone());
        let resolver = GuardedResolver { lookup: Arc::clone(&self.lookup), guard, reach };
        let mut builder = Client::builder()
            .tls_backend_rustls()
            .tls_certs_only(certificates.iter().cloned())
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
        if let Some(url) = &self.proxy {
            builder = builder.proxy(proxy(url)?);
        }
        builder.build().map_err(|error| {
            Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up")
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
            user_agent: Some(DEFAULT_USER_AGENT),
            proxy: None,
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

/// The clients that may reach one kind of address, made when first needed. They share no
/// connection with another kind, so that what the operator listed cannot be reached through a URL
/// that is not.
struct Pool {
    reach: Reach,
    clients: OnceLock<Vec<Client>>,
    turn: AtomicUsize,
}

impl Pool {
    /// The client whose turn it is: each keeps one HTTP/2 connection per origin.
    fn next(&self, settings: &ReqwestTransportBuilder, tls: &Tls) -> Option<&Client> {
        let clients = self.clients.get_or_init(|| {
            let certificates = tls.certificates();
            let certificates: Vec<_> = certificates
                .iter()
                .filter_map(|certificate| Certificate::from_der(certificate).ok())
                .collect();
            let client = |_| settings.client(self.reach, &certificates);
            (0..settings.connections.get()).map(client).collect::<Result<_>>().unwrap_or_default()
        });
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        clients.get(turn.checked_rem(clients.len())?)
    }
}

fn proxy(url: &str) -> Result<reqwest::Proxy> {
    let http = url.starts_with("http://");
    let proxy = http.then(|| reqwest::Proxy::all(url).ok()).flatten();
    proxy.ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            "the proxy is not a URL of the form `http://host:port`",
        )
    })
}

/// The URL that leads to the origin of the endpoint and nowhere else.
fn url_of(endpoint: &Endpoint) -> Result<Url> {
    let path = endpoint.expose().path_and_query().map_or("/", |path| path.as_str());
    let url = Url::parse(&[endpoint.origin().as_str(), path].concat());
    url.map_err(|_| common::UNSENDABLE.into())
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
