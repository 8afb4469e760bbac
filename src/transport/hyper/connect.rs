//! From an origin to a connection that takes requests: resolve, check, connect, TLS, HTTP.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use h2::client as http2;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::life::{Life, UNSETTLED, drive};
use super::pool::Sender;
use super::proxy::Proxy;
use super::stream::{Gathered, Metered, Stream};
use crate::endpoint::Origin;
use crate::error::{ErrorKind, Result};
use crate::guard::{EndpointGuard, Reach};
use crate::transport::failure::{self, Failure};
use crate::transport::lookup::Lookup;
use crate::transport::tls::Tls;

/// Opens connections.
pub(super) struct Connector {
    pub(super) guard: EndpointGuard,
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) tls: Tls,
    pub(super) proxy: Option<Proxy>,
    pub(super) http2_prior_knowledge: bool,
    pub(super) timeout: Duration,
}

impl Connector {
    /// Opens a connection; `changed` is called whenever it can take more requests, or fewer.
    pub(super) async fn connect(
        &self,
        reach: Reach,
        origin: &Origin,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Sender, Arc<Life>), Failure> {
        let connecting = async {
            let life = Life::new();
            let socket = self.socket(reach, origin).await?;
            let (stream, http2) =
                self.secure(origin, Metered::new(socket, Arc::clone(&life))).await?;
            let sender = match http2 {
                true => speak_http2(stream, &life, changed).await?,
                false => speak_http1(stream, &life, changed).await?,
            };
            Ok((sender, life))
        };
        let connected = timeout(self.timeout, connecting).await;
        connected.unwrap_or(Err(failure::NOT_CONNECTED_IN_TIME))
    }

    /// A TCP connection to the server, or a tunnel to it.
    async fn socket(&self, reach: Reach, origin: &Origin) -> Result<TcpStream, Failure> {
        if let Some(address) = origin.address() {
            self.check(reach, &[SocketAddr::new(address, origin.port())])?;
        }
        if let Some(proxy) = &self.proxy {
            // Whether the name has public addresses is for the proxy to see.
            let addresses = self.resolve(&proxy.origin).await?;
            return proxy.tunnel(dial(addresses).await?, origin).await;
        }
        let addresses = self.resolve(origin).await?;
        self.check(reach, &addresses)?;
        dial(addresses).await
    }

    async fn resolve(&self, origin: &Origin) -> Result<Vec<SocketAddr>, Failure> {
        if let Some(address) = origin.address() {
            return Ok(vec![SocketAddr::new(address, origin.port())]);
        }
        let found = self.lookup.lookup(origin.host()).await;
        let found = found.map_err(|error| failure::NOT_RESOLVED.because_of(&error))?;
        if found.is_empty() {
            return Err(failure::NOT_RESOLVED);
        }
        let port = |address: SocketAddr| match address.port() {
            0 => origin.port(),
            port => port,
        };
        Ok(found.into_iter().map(|found| SocketAddr::new(found.ip(), port(found))).collect())
    }

    fn check(&self, reach: Reach, addresses: &[SocketAddr]) -> Result<(), Failure> {
        let addresses = addresses.iter().map(SocketAddr::ip);
        self.guard.check_reach(reach, addresses).map_err(|refusal| Failure::refused(&refusal))
    }

    /// TLS where the scheme asks for it; and whether HTTP/2 is spoken.
    async fn secure(
        &self,
        origin: &Origin,
        socket: Metered,
    ) -> Result<(Gathered<Stream>, bool), Failure> {
        if !origin.is_https() {
            return Ok((Gathered::new(Stream::Plain(socket)), self.http2_prior_knowledge));
        }
        // rustls writes an IPv6 address without brackets.
        let host = origin.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|_| failure::UNSENDABLE)?;
        let connector = TlsConnector::from(self.tls.config()?);
        let stream = connector.connect(name, socket).await;
        let stream = stream.map_err(|error| Failure::tls(&error))?;
        let (_, session) = stream.get_ref();
        let http2 = self.http2_prior_knowledge || session.alpn_protocol() == Some(b"h2");
        Ok((Gathered::new(Stream::Tls(Box::new(stream))), http2))
    }
}

async fn speak_http1(
    stream: Gathered<Stream>,
    life: &Arc<Life>,
    changed: impl Fn() + Send + Sync + 'static,
) -> Result<Sender, Failure> {
    let mut builder = http1::Builder::new();
    builder.max_headers(super::MAX_HEADERS).max_buf_size(super::MAX_HEAD);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|_| failure::NOT_CONNECTED)?;
    let connection = Box::pin(connection);
    tokio::spawn(drive(connection, Arc::clone(life), None, |_| 1, changed));
    Ok(Sender::Http1(sender))
}

/// Waits for the server's settings too: before them nobody knows how many requests it takes, and
/// a server that has none does not speak HTTP/2.
async fn speak_http2(
    stream: Gathered<Stream>,
    life: &Arc<Life>,
    changed: impl Fn() + Send + Sync + 'static,
) -> Result<Sender, Failure> {
    let mut builder = http2::Builder::new();
    builder
        .enable_push(false)
        .initial_max_send_streams(UNSETTLED)
        .initial_window_size(super::STREAM_WINDOW)
        .initial_connection_window_size(super::CONNECTION_WINDOW)
        .max_header_list_size(super::MAX_HEADER_LIST);
    let handshake = builder.handshake(stream).await;
    let (sender, mut connection) =
        handshake.map_err(|error| failure::NOT_CONNECTED.because_of(&error))?;
    let ping = connection.ping_pong();
    let streams = |connection: &http2::Connection<_, _>| connection.max_concurrent_send_streams();
    tokio::spawn(drive(connection, Arc::clone(life), ping, streams, changed));
    life.settled().await;
    match life.ending() {
        None => Ok(Sender::Http2(sender)),
        Some(_) => Err(failure::NOT_CONNECTED),
    }
}

/// Connects to the first address that answers, the next one being tried when the one before it has
/// failed or taken its time (RFC 8305 §5).
async fn dial(addresses: Vec<SocketAddr>) -> Result<TcpStream, Failure> {
    let mut remaining = addresses.into_iter().take(MAX_ADDRESSES);
    let mut attempts = FuturesUnordered::new();
    let mut last = failure::NOT_CONNECTED;
    loop {
        if let Some(address) = remaining.next() {
            attempts.push(dial_one(address));
        }
        let in_time = match remaining.len() {
            0 => attempts.next().await,
            _ => first(attempts.next(), sleep(ATTEMPT_DELAY)).await.flatten(),
        };
        match in_time {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => last = failure::NOT_CONNECTED.because_of(&error),
            None if attempts.is_empty() && remaining.len() == 0 => return Err(last),
            None => {}
        }
    }
}

async fn dial_one(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    socket.set_keepalive(true)?;
    // What the kernel takes in before anybody has read it.
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.connect(address).await
}

async fn first<T>(wanted: impl Future<Output = T>, limit: impl Future) -> Option<T> {
    match select(pin!(wanted), pin!(limit)).await {
        Either::Left((found, _)) => Some(found),
        Either::Right(_) => None,
    }
}

impl Failure {
    /// Whether the process has no more descriptors: `EMFILE` or `ENFILE`.
    pub(super) fn is_out_of_descriptors(&self) -> bool {
        matches!(self.system, Some(23 | 24))
    }

    /// What a connection that ended early says about a request.
    pub(super) fn ended(ending: Option<super::life::Ending>) -> Option<Self> {
        match ending? {
            super::life::Ending::Flooded => Some(FLOODED),
            super::life::Ending::Unresponsive => Some(failure::NO_ANSWER_IN_TIME),
            super::life::Ending::Closed => None,
        }
    }
}

const FLOODED: Failure = Failure::after(
    ErrorKind::Transport,
    "the server sent more than 64 KiB or 16 interim responses before the status",
);

/// Delay between attempts to connect (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;
/// Octets; answers of push services have some hundred.
const RECEIVE_BUFFER: u32 = 64 * 1024;
