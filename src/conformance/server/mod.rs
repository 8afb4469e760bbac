//! The kit's push service on the loopback interface, for providers that bring their own HTTP
//! client: HTTP/1.1 and HTTP/2 on one port, in clear with prior knowledge (RFC 9113 §3.3), over TLS
//! by ALPN.

#[cfg(not(feature = "conformance-tls"))]
mod absent;
mod reply;
#[cfg(feature = "conformance-tls")]
mod tls;

use std::fmt;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::answer::Answer;
use super::vendor::Vendor;
use crate::{Error, ErrorKind, Result};

#[cfg(not(feature = "conformance-tls"))]
use self::absent::Tls;
use self::reply::Reply;
#[cfg(feature = "conformance-tls")]
use self::tls::Tls;

/// A port that is taken but not yet served.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Server {
    pub(crate) async fn bind(over_tls: bool) -> Result<Self> {
        let failed =
            |error| Error::new(ErrorKind::Transport, "no loopback port is free").with_source(error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let tls = over_tls.then(Tls::new).transpose()?;
        Ok(Self { listener, address, tls })
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate that a client must trust, in PEM.
    pub(crate) fn root_certificate(&self) -> Option<String> {
        self.tls.as_ref().map(Tls::root_certificate)
    }

    pub(crate) fn serve(self, vendor: Vendor) -> Running {
        Running(tokio::spawn(accept(self.listener, self.tls, vendor)).abort_handle())
    }
}

/// Serves until it is dropped; then connections are refused.
pub(crate) struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a connection is read from and written to.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn accept(listener: TcpListener, tls: Option<Tls>, vendor: Vendor) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(serve(stream, tls.clone(), vendor.clone()));
            }
            Some(ended) = connections.join_next() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    vendor.set_broken();
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, tls: Option<Tls>, vendor: Vendor) {
    let _open = vendor.connection();
    // Answers are small; waiting to fill a segment only adds latency.
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => stream,
            // A client that does not trust the certificate says so itself.
            Err(_) => return,
        },
    };
    let service = service_fn(|request| answer(request, vendor.clone()));
    // How a connection ends is the client's affair, and is seen there.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An error breaks the exchange off without an answer.
async fn answer(request: Request<Incoming>, vendor: Vendor) -> Result<Response<Reply>, Broken> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    // HTTP/1.1 gives the path alone; checks compare with the whole address.
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Ok(uri) = format!("{}{path}", vendor.url()).parse() {
        parts.uri = uri;
    }
    match vendor.take(Request::from_parts(parts, body)) {
        Answer::Block | Answer::Refuse | Answer::Reset => Err(Broken),
        Answer::Endless(response) => Ok(response.map(|()| Reply::endless(vendor))),
        Answer::Hang | Answer::Provoke(_) | Answer::Silence => pending().await,
        Answer::Late(delay, response) => {
            tokio::time::sleep(delay).await;
            Ok(response.map(Reply::whole))
        }
        Answer::Reply(response) => Ok(response.map(Reply::whole)),
    }
}

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script breaks the connection")
    }
}

impl std::error::Error for Broken {}
