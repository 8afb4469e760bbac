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
use http::{Request, Response, StatusCode};
use reqwest::{Certificate, Client, Url};

use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::guard::Reach;

use self::resolver::GuardedResolver;
use super::failure as common;
use super::outgoing;
use super::settings::{Settings, setters};
use super::tls::Tls;
use super::{MAX_RESPONSE, Transport};

/// Sends requests over TLS (rustls) and HTTP/2 or HTTP/1.1, as the server chooses.
///
/// [`HyperTransport`](super::HyperTransport) is the default, costs less and bounds more. This one
/// is for those who have reqwest in their program and want one HTTP client in it.
///
/// It asks its [`EndpointGuard`](crate::EndpointGuard) about the origin, and about every address the origin's name
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
    settings: Settings,
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
#[derive(Clone, Debug, Default)]
pub struct ReqwestTransportBuilder {
    settings: Settings,
}

impl ReqwestTransportBuilder {
    setters!();

    /// HTTP/2 connections per origin, used in turn. Default: 1. More help where the push service
    /// allows fewer concurrent streams on one connection than are in flight (often 100).
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.settings.connections = connections;
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
        let settings = self.settings;
        let tls = Arc::new(Tls::new(&settings.root_certificates)?);
        if let Some(url) = &settings.proxy {
            proxy(url)?;
        }
        let pools = [Reach::Listed, Reach::Loopback, Reach::Public];
        let pools =
            pools.map(|reach| Pool { reach, clients: OnceLock::new(), turn: AtomicUsize::new(0) });
        Ok(ReqwestTransport { settings, tls, pools })
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
    fn next(&self, settings: &Settings, tls: &Tls) -> Option<&Client> {
        let clients = self.clients.get_or_init(|| {
            let certificates = tls.certificates();
            let certificates: Vec<_> = certificates
                .iter()
                .filter_map(|certificate| Certificate::from_der(certificate).ok())
                .collect();
            let client = |_| client(settings, self.reach, &certificates);
            (0..settings.connections.get()).map(client).collect::<Result<_>>().unwrap_or_default()
        });
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        clients.get(turn.checked_rem(clients.len())?)
    }
}

fn client(settings: &Settings, reach: Reach, certificates: &[Certificate]) -> Result<Client> {
    // With a proxy, its name is the only one that is resolved here.
    let guard = settings.proxy.is_none().then(|| settings.guard.clone());
    let resolver = GuardedResolver { lookup: Arc::clone(&settings.lookup), guard, reach };
    let mut builder = Client::builder()
        .tls_backend_rustls()
        .tls_certs_only(certificates.iter().cloned())
        .dns_resolver(resolver)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.timeout)
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(MAX_HEADER_LIST)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true);
    if settings.http2_prior_knowledge {
        builder = builder.http2_prior_knowledge();
    }
    if let Some(url) = &settings.proxy {
        builder = builder.proxy(proxy(url)?);
    }
    builder.build().map_err(|error| {
        Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up")
            .with_source(error.without_url())
    })
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
