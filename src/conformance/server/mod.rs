//! The kit's push service on the loopback interface, for providers that bring their own HTTP
//! client: HTTP/1.1 and HTTP/2 on one port, in clear with prior knowledge (RFC 9113 §3.3), over TLS
//! by ALPN.

#[cfg(not(feature = "conformance-tls"))]
mod absent;
mod reply;
#[cfg(feature = "conformance-tls")]
mod tls;

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpListener;

use super::answer::Answer;
use crate::serve::{Abandoned, Connection, Server};
use crate::{Error, ErrorKind, Result};

#[cfg(not(feature = "conformance-tls"))]
use self::absent::Tls;
use self::reply::Reply;
#[cfg(feature = "conformance-tls")]
use self::tls::Tls;

/// Who answers the requests.
pub(crate) trait Front: Clone + Send + Sync + 'static {
    /// The origin of the push service.
    fn url(&self) -> &str;
    /// Takes a request in and finds its answer.
    fn take(&self, request: Request<Bytes>) -> Answer;
    /// Notes that an endless body was read far beyond any limit.
    fn set_overread(&self);
}

/// A port that is taken but not yet served.
pub(crate) struct Port {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Port {
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

    pub(crate) fn serve(self, front: impl Front) -> Running {
        let handle = move |_: Connection, request| answer(request, front.clone());
        Running(match self.tls {
            None => Server::start(self.listener, handle),
            Some(tls) => Server::start_over(self.listener, tls, handle),
        })
    }
}

/// Serves until it is dropped; then connections are refused.
pub(crate) struct Running(Server);

impl Running {
    /// How many connections were made, and how many there are.
    pub(crate) fn connections(&self) -> (usize, usize) {
        self.0.connections()
    }

    /// Whether the push service itself panicked.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.has_panicked()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A panic is the harness's, and the check reports it; here it would end the process.
        self.0.has_panicked();
    }
}

/// An error breaks the exchange off without an answer.
async fn answer(
    request: Request<Incoming>,
    front: impl Front,
) -> Result<Response<Reply>, Abandoned> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Abandoned)?.to_bytes();
    // HTTP/1.1 gives the path alone; checks compare with the whole address.
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Ok(uri) = format!("{}{path}", front.url()).parse() {
        parts.uri = uri;
    }
    match front.take(Request::from_parts(parts, body)) {
        Answer::Block | Answer::Refuse | Answer::Reset => Err(Abandoned),
        Answer::Endless(response) => {
            let overread = Box::new(move || front.set_overread());
            Ok(response.map(|()| Reply::endless(overread)))
        }
        Answer::Hang | Answer::Provoke(_) | Answer::Silence => pending().await,
        Answer::Late(delay, response) => {
            tokio::time::sleep(delay).await;
            Ok(response.map(Reply::whole))
        }
        Answer::Reply(response) => Ok(response.map(Reply::whole)),
    }
}
