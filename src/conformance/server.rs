//! The kit's push service over HTTP/1.1 on the loopback interface, for providers that bring their
//! own HTTP client.

use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use tokio::net::TcpListener;

use super::answer::Answer;
use super::vendor::Vendor;
use crate::serve::{self, Abandoned};
use crate::{Error, ErrorKind, Result};

/// A port that is taken but not yet served.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    pub(crate) async fn bind() -> Result<Self> {
        let failed =
            |error| Error::new(ErrorKind::Transport, "no loopback port is free").with_source(error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn serve(self, vendor: Vendor) -> Running {
        let server = serve::Server::start(self.listener, move |_, request| {
            let vendor = vendor.clone();
            async move { answer(request, &vendor).await }
        });
        Running(server)
    }
}

/// Serves until it is dropped; then connections are refused.
pub(crate) struct Running(
    #[allow(dead_code, reason = "it serves as long as it is here")] serve::Server,
);

/// An error breaks the connection off without an answer.
async fn answer(request: Request<Incoming>, vendor: &Vendor) -> Result<Response<Reply>, Abandoned> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Abandoned)?.to_bytes();
    // Hyper gives the path alone; checks compare with the whole address.
    if let Ok(uri) = format!("{}{}", vendor.url(), parts.uri).parse() {
        parts.uri = uri;
    }
    match vendor.take(Request::from_parts(parts, body)) {
        Answer::Block | Answer::Refuse | Answer::Reset => Err(Abandoned),
        Answer::Endless(response) => {
            Ok(response.map(|()| Reply::Endless { left: ENOUGH, vendor: vendor.clone() }))
        }
        Answer::Hang => pending().await,
        Answer::Late(delay, response) => {
            tokio::time::sleep(delay).await;
            Ok(response.map(Reply::whole))
        }
        Answer::Reply(response) => Ok(response.map(Reply::whole)),
    }
}

enum Reply {
    /// Ends all the same when it is clear that the client has no limit.
    Endless {
        left: usize,
        vendor: Vendor,
    },
    Whole(Option<Bytes>),
}

impl Reply {
    fn whole(body: Bytes) -> Self {
        Self::Whole(Some(body).filter(|body| !body.is_empty()))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const PIECE: &[u8] = &[b'a'; 16 * 1024];
        let piece = match self.get_mut() {
            Self::Endless { left: 0, vendor } => {
                vendor.set_overread();
                None
            }
            Self::Endless { left, .. } => {
                *left = left.saturating_sub(PIECE.len());
                Some(Bytes::from_static(PIECE))
            }
            Self::Whole(body) => body.take(),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Endless { .. } => hyper::body::SizeHint::default(),
            Self::Whole(body) => hyper::body::SizeHint::with_exact(
                body.as_ref().map_or(0, Bytes::len).try_into().unwrap_or(u64::MAX),
            ),
        }
    }
}

/// More than the buffers of a connection hold, so that what was sent was read, in octets.
const ENOUGH: usize = 32 * 1024 * 1024;
