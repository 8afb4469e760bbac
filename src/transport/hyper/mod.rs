//! The transport over hyper, h2 and rustls, with the endpoint guard inside.
//!
//! A connection pool of its own, because what it is about is not what a browser's is about: a
//! stranger chooses the servers, so what they may send, and what is kept for them, is bounded.

mod builder;
mod connect;
mod exchange;
mod life;
mod pool;
mod proxy;
mod stream;

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use tokio::time::{Instant, sleep, timeout_at};

use crate::endpoint::{Endpoint, Origin};
use crate::error::{ErrorKind, Result};
use crate::guard::EndpointGuard;

use self::connect::Connector;
use self::exchange::{Answer, Lost};
use self::pool::{Key, Lease, Opening, Pool, Turn};
use super::failure::{self, Failure};
use super::{Transport, outgoing};

pub use self::builder::HyperTransportBuilder;

/// Sends requests over TLS (rustls) and HTTP/2 or HTTP/1.1, as the server chooses.
///
/// It asks its [`EndpointGuard`] about the origin, and about every address the origin's name
/// resolves to. It follows no redirect: a 3xx is a response like any other. It takes no proxy from
/// the environment, keeps no cookies, asks for no compression, and adds no fields but
/// `User-Agent` and `Content-Length`. HTTP/2 connections are pinged, also while idle, so that a
/// dead one is noticed.
///
/// One attempt is one request. The single exception is a request that the server declares not to
/// have processed (RFC 9113 §8.7) or that never left because the connection it was meant for had
/// closed: it goes out again, and if the server keeps refusing, the error's
/// [outcome is known](crate::Error::is_outcome_known).
///
/// What a hostile server can cost is bounded: before the status at most 64 KiB and 16 interim
/// responses are read, counted at the socket, whatever they are made of; then the connection is
/// dropped. A response whose body breaks off, or is longer than
/// [`MAX_RESPONSE`](super::MAX_RESPONSE) octets, is a response with the octets that came: the
/// status is the push service's answer. A connection on which a request was given up without an
/// answer takes no more requests, and idle connections are bounded in all.
///
/// Over HTTP/2, path, query and `Authorization` do not enter the compression table (RFC 7541
/// §6.2.2), so that no other request on the connection can be used to guess them; a value that is
/// [sensitive](HeaderValue::set_sensitive), as providers make their credentials, is also marked so
/// that no proxy puts it into its own table (§6.2.3). Fields that repeat and are no secret take one
/// octet from the second request on.
///
/// Connections live in tasks on the tokio runtime of the first request to an origin; it needs the
/// drivers for time and I/O.
///
/// ```
/// use std::time::Duration;
/// use sealpush::EndpointGuard;
/// use sealpush::transport::HyperTransport;
///
/// # fn main() -> sealpush::Result<()> {
/// let transport = HyperTransport::builder()
///     .guard(EndpointGuard::allow_hosts(["push.lan"])?)
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// # Ok(()) }
/// ```
pub struct HyperTransport {
    guard: EndpointGuard,
    connector: Connector,
    pool: Arc<Pool>,
    timeout: Duration,
    user_agent: Option<HeaderValue>,
}

impl HyperTransport {
    /// A transport with the defaults of [`HyperTransportBuilder`].
    ///
    /// # Errors
    ///
    /// None with the defaults; see [`HyperTransportBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Starts from the defaults.
    #[must_use]
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder::default()
    }

    /// Sends until there is a status, or a failure that is not to be repeated.
    async fn answer(
        &self,
        key: &Key,
        head: &Parts,
        body: &Bytes,
        progress: &Progress,
    ) -> Result<Answer, Failure> {
        let mut again = RESENDS;
        loop {
            progress.set(Progress::CONNECTING);
            let lease = self.lease(key, progress).await?;
            let (fresh, sent) = (lease.fresh, || progress.set(Progress::SENT));
            match exchange::send(lease, head, body.clone(), sent).await {
                Ok(answer) => return Ok(answer),
                Err(Lost::Failed(failure)) => return Err(failure),
                // Closed while it was idle, as connections are.
                Err(Lost::Unsent) if !fresh => {}
                Err(Lost::Unsent | Lost::Unprocessed) if again > 0 => again -= 1,
                Err(Lost::Unsent) => return Err(CLOSED),
                Err(Lost::Unprocessed) => return Err(failure::UNPROCESSED),
            }
        }
    }

    /// A place on a connection, opened where nobody has.
    async fn lease(&self, key: &Key, progress: &Progress) -> Result<Lease, Failure> {
        let mut turn = self.pool.turn(key).await;
        loop {
            turn = match turn {
                Turn::Use(lease) => return Ok(lease),
                Turn::Failed(failure) => return Err(failure),
                Turn::Open(opening) => self.open(key, opening).await?,
            };
            progress.set(Progress::WAITING);
        }
    }

    async fn open(&self, key: &Key, opening: Opening) -> Result<Turn, Failure> {
        let mut connected = self.connect(key).await;
        if connected.as_ref().is_err_and(Failure::is_out_of_descriptors) {
            self.pool.close_idle();
            // Their tasks close them.
            sleep(DESCRIPTOR_DELAY).await;
            connected = self.connect(key).await;
        }
        match connected {
            Ok((sender, life)) => Ok(opening.opened(sender, life).await),
            Err(failure) => {
                opening.failed(&failure);
                Err(failure)
            }
        }
    }

    async fn connect(&self, key: &Key) -> Result<(pool::Sender, Arc<life::Life>), Failure> {
        let (pool, lane) = (Arc::downgrade(&self.pool), key.clone());
        let changed = move || {
            if let Some(pool) = pool.upgrade() {
                pool.serve(&lane);
            }
        };
        self.connector.connect(key.0, &key.1, changed).await
    }
}

#[async_trait]
impl Transport for HyperTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        outgoing::check_runtime()?;
        let deadline = Instant::now() + self.timeout;
        let (mut head, body) = request.into_parts();
        let endpoint = outgoing::endpoint_of(&head)?;
        let reach = self.guard.admit(&endpoint)?;
        head.uri = uri_of(&endpoint)?;
        outgoing::complete(&mut head, body.len(), self.user_agent.as_ref());

        let key = (reach, endpoint.origin().clone());
        let progress = Progress::default();
        let answer = timeout_at(deadline, self.answer(&key, &head, &body, &progress)).await;
        match answer {
            Ok(Ok(answer)) => Ok(answer.read(deadline).await),
            Ok(Err(failure)) => Err(failure.into()),
            Err(_elapsed) => Err(progress.at_the_deadline().into()),
        }
    }
}

impl Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// How far a request came, which is what a deadline says about its outcome.
struct Progress(AtomicU8);

impl Progress {
    const CONNECTING: u8 = 0;
    const WAITING: u8 = 1;
    const SENT: u8 = 2;

    fn set(&self, stage: u8) {
        self.0.store(stage, Ordering::Relaxed);
    }

    fn at_the_deadline(&self) -> Failure {
        match self.0.load(Ordering::Relaxed) {
            Self::SENT => failure::NO_ANSWER_IN_TIME,
            Self::WAITING => NO_PLACE_IN_TIME,
            _ => failure::NOT_CONNECTED_IN_TIME,
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self(AtomicU8::new(Self::CONNECTING))
    }
}

/// The URI that leads to the origin of the endpoint and nowhere else.
fn uri_of(endpoint: &Endpoint) -> Result<Uri> {
    let (uri, origin) = (endpoint.expose(), endpoint.origin());
    let written = uri.authority().map(Authority::as_str);
    if written == Some(origin.authority()) && uri.scheme_str() == Some(origin.scheme()) {
        return Ok(uri.clone());
    }
    let normal = |origin: &Origin| {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if origin.is_https() { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(origin.authority().parse().ok()?);
        let root = || PathAndQuery::from_static("/");
        parts.path_and_query = Some(uri.path_and_query().cloned().unwrap_or_else(root));
        Uri::from_parts(parts).ok()
    };
    normal(origin).ok_or_else(|| failure::UNSENDABLE.into())
}

const NO_PLACE_IN_TIME: Failure = Failure::before(
    ErrorKind::Timeout,
    "the server allowed no more requests at a time within the deadline; nothing was sent",
);

const CLOSED: Failure = Failure::before(
    ErrorKind::Transport,
    "the server closes connections before a request goes out; nothing was sent",
);

/// How often a request goes out again that did not leave, or that the server declares not to have
/// processed.
const RESENDS: usize = 2;
/// How long the tasks of idle connections have to close them.
const DESCRIPTOR_DELAY: Duration = Duration::from_millis(20);

/// Interim responses (RFC 9110 §15.2) before the final one.
const MAX_INTERIM: usize = 16;
/// Fields of an HTTP/1.1 response.
const MAX_HEADERS: usize = 100;
/// Octets of an HTTP/1.1 head.
const MAX_HEAD: usize = 64 * 1024;
/// Octets of an HTTP/2 response's fields (RFC 9113 §6.5.2).
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Octets of a response that a server may send unasked (RFC 9113 §6.9.2): twice what is read.
const STREAM_WINDOW: u32 = 32 * 1024;
/// The same for all responses on one connection together.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
