//! One request and its response on a connection that has a place for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::{Reason, RecvStream};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Response, response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use tokio::time::{Instant, timeout_at};

use super::life::{Ending, Life};
use super::pool::{Lease, Sender};
use crate::transport::MAX_RESPONSE;
use crate::transport::failure::{self, Failure};

/// Why there is no status.
pub(super) enum Lost {
    /// The connection was over before the request went into it.
    Unsent,
    /// The server says that it has not processed the request (RFC 9113 §8.7).
    Unprocessed,
    /// Anything else.
    Failed(Failure),
}

/// The head of a response, and where its body comes from.
pub(super) struct Answer {
    head: response::Parts,
    body: Body,
    lease: Lease,
}

enum Body {
    Http1(Incoming),
    Http2(RecvStream),
}

/// Sends the request and waits for the final head. `sent` is called before the first octet can go
/// out.
pub(super) async fn send(
    mut lease: Lease,
    head: &Parts,
    body: Bytes,
    sent: impl Fn(),
) -> Result<Answer, Lost> {
    let life = Arc::clone(&lease.life);
    let answer = match lease.sender.as_mut() {
        Some(Sender::Http1(sender)) => over_http1(sender, &life, head, body, sent)
            .await
            .map(|(head, body)| (head, Body::Http1(body))),
        Some(Sender::Http2(sender)) => over_http2(sender, &life, head, body, sent)
            .await
            .map(|(head, body)| (head, Body::Http2(body))),
        None => Err(Lost::Unsent),
    };
    lease.finished = true;
    match answer {
        Ok((head, body)) => {
            life.answered();
            Ok(Answer { head, body, lease })
        }
        Err(lost) => {
            if matches!(lost, Lost::Unsent) {
                life.retire();
            }
            match (lost, Failure::ended(life.ending())) {
                (Lost::Failed(failure), Some(ended)) if !failure.outcome_known => {
                    Err(Lost::Failed(ended))
                }
                (lost, _) => Err(lost),
            }
        }
    }
}

impl Answer {
    /// Reads at most [`MAX_RESPONSE`] octets of the body, until a deadline. A body that breaks off
    /// is no failure: the status has answered.
    pub(super) async fn read(mut self, deadline: Instant) -> Response<Bytes> {
        let mut body = BytesMut::new();
        let read = async {
            loop {
                let chunk = match self.body.next().await {
                    Some(Ok(chunk)) => chunk,
                    Some(Err(Broken)) => return false,
                    None => return true,
                };
                let room = MAX_RESPONSE.saturating_sub(body.len());
                if chunk.len() > room {
                    body.extend_from_slice(chunk.get(..room).unwrap_or_default());
                    return false;
                }
                body.extend_from_slice(&chunk);
            }
        };
        // At the deadline the octets that came are the body.
        self.lease.reusable = timeout_at(deadline, read).await.unwrap_or(false);
        Response::from_parts(self.head, body.freeze())
    }
}

/// The body ended before its end.
struct Broken;

impl Body {
    /// The next octets; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            let chunk = match self {
                Self::Http1(body) => match body.frame().await?.map(Frame::into_data) {
                    Ok(Err(_trailers)) => continue,
                    Ok(Ok(chunk)) => Ok(chunk),
                    Err(_) => Err(Broken),
                },
                // The window is not opened again: it is twice what is read.
                Self::Http2(body) => body.data().await?.map_err(|_| Broken),
            };
            return Some(chunk);
        }
    }
}

async fn over_http1(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    life: &Arc<Life>,
    head: &Parts,
    body: Bytes,
    sent: impl Fn(),
) -> Result<(response::Parts, Incoming), Lost> {
    // Until the connection has done with the request before this one.
    sender.ready().await.map_err(|_| Lost::Unsent)?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = match head.uri.path_and_query() {
        Some(path) => path.clone().into(),
        None => PathAndQuery::from_static("/").into(),
    };
    *request.headers_mut() = head.headers.clone();
    if let Some(authority) = head.uri.authority() {
        let host = http::HeaderValue::from_str(authority.as_str());
        let host = host.map_err(|_| Lost::Failed(failure::UNSENDABLE))?;
        request.headers_mut().insert(http::header::HOST, host);
    }
    let (interim, flooded) = (AtomicUsize::new(0), Arc::clone(life));
    hyper::ext::on_informational(&mut request, move |_| {
        if interim.fetch_add(1, Ordering::Relaxed) >= super::MAX_INTERIM {
            flooded.end(Ending::Flooded);
        }
    });
    sent();
    let response =
        sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(_unsent) => Lost::Unsent,
            None => broken(error.error()),
        })?;
    if life.ending() == Some(Ending::Flooded) {
        return Err(Lost::Failed(failure::BROKEN));
    }
    let (head, body) = response.into_parts();
    match head.status {
        http::StatusCode::SWITCHING_PROTOCOLS => Err(Lost::Failed(failure::SWITCHED)),
        _ => Ok((head, body)),
    }
}

async fn over_http2(
    sender: &mut h2::client::SendRequest<Bytes>,
    life: &Life,
    head: &Parts,
    body: Bytes,
    sent: impl Fn(),
) -> Result<(response::Parts, RecvStream), Lost> {
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.version_mut() = http::Version::HTTP_2;
    *request.headers_mut() = head.headers.clone();
    request.headers_mut().remove(http::header::HOST);

    sent();
    let (mut response, mut stream) =
        sender.send_request(request, body.is_empty()).map_err(|error| {
            let of_connection = error.is_go_away() || error.is_io() || error.is_reset();
            if of_connection || life.is_over() {
                Lost::Unsent
            } else {
                Lost::Failed(failure::UNSENDABLE)
            }
        })?;
    // An error here shows in the response, too, which knows why.
    if !body.is_empty() {
        let _ = stream.send_data(body, true);
    }
    let mut interim = 0;
    let response = poll_fn(|cx| {
        loop {
            match response.poll_informational(cx) {
                Poll::Ready(Some(Ok(_))) if interim < super::MAX_INTERIM => interim += 1,
                Poll::Ready(Some(Ok(_))) => {
                    life.end(Ending::Flooded);
                    return Poll::Ready(Err(Lost::Failed(failure::BROKEN)));
                }
                _ => break,
            }
        }
        Poll::Ready(ready!(Pin::new(&mut response).poll(cx)).map_err(|error| lost(&error)))
    })
    .await?;
    Ok(response.into_parts())
}

/// What the end of a stream without a status says. GOAWAY ends only those streams that the server
/// has not looked at (RFC 9113 §6.8); those that it may have processed end with the connection.
fn lost(error: &h2::Error) -> Lost {
    let unprocessed = error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM);
    if error.is_remote() && unprocessed { Lost::Unprocessed } else { broken(error) }
}

fn broken(error: &(dyn std::error::Error + 'static)) -> Lost {
    Lost::Failed(failure::BROKEN.because_of(error))
}
