//! One request on its way through: read, play a fault, serve, finish.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Answer;
use super::hub::Hub;
use super::paths::PathKind;
use super::record;
use crate::serve::{Abandoned, Connection, Deadlines};

/// A request that is recorded and not yet answered.
pub(super) struct Call {
    hub: Arc<Hub>,
    connection: Connection,
    head: Parts,
    body: Incoming,
    entry: Entry,
}

impl Call {
    pub(super) fn new(
        hub: &Arc<Hub>,
        connection: Connection,
        request: Request<Incoming>,
        kind: PathKind,
    ) -> Self {
        let (head, body) = request.into_parts();
        let number = hub.record(&head, kind);
        let entry = Entry { hub: Arc::clone(hub), number };
        Self { hub: Arc::clone(hub), connection, head, body, entry }
    }

    pub(super) fn head(&self) -> &Parts {
        &self.head
    }

    pub(super) fn head_mut(&mut self) -> &mut Parts {
        &mut self.head
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Answers without a look at the body.
    pub(super) fn answer(self, answer: Answer) -> Answer {
        self.entry.finish(0, Some(answer.status()));
        answer
    }

    /// Reads the body, of which `max` octets are kept, and serves the request.
    pub(super) async fn serve(
        self,
        max: usize,
        serve: impl FnOnce(&Parts, Received) -> Answer + Send,
    ) -> Result<Answer, Abandoned> {
        let Self { hub, connection, head, body, entry } = self;
        let Some(_room) = room(&hub, &head, max) else { return Ok(entry.refuse_for_room()) };
        let received = read(connection.deadlines(), MAX_BODY_TIME, body, max).await?;
        let octets = received.octets;
        entry.finish(octets, None);
        let answer = serve(&head, received);
        entry.finish(octets, Some(answer.status()));
        Ok(answer)
    }

    /// As [`serve`](Self::serve), with the next fault played; `refuse` words a refusal as the
    /// service does.
    pub(super) async fn serve_with_faults(
        self,
        max: usize,
        refuse: fn(StatusCode) -> Answer,
        serve: impl FnOnce(&Parts, Received) -> Answer + Send,
    ) -> Result<Answer, Abandoned> {
        let Self { hub, connection, head, body, entry } = self;
        let fault = hub.next_fault();
        if fault.ends_connection() {
            connection.close();
        }
        if fault.is_before_body() {
            return Err(Abandoned);
        }
        let Some(_room) = room(&hub, &head, max) else { return Ok(entry.refuse_for_room()) };
        let received = read(connection.deadlines(), MAX_BODY_TIME, body, max).await?;
        let octets = received.octets;
        entry.finish(octets, None);
        let answer = fault.play(hub.now(), refuse, || serve(&head, received)).await?;
        entry.finish(octets, Some(answer.status()));
        Ok(answer)
    }
}

/// A body as it arrived.
pub(super) struct Received {
    /// The first octets of it.
    pub(super) body: Bytes,
    /// How many there were.
    pub(super) octets: usize,
}

/// The place of a request in the record.
struct Entry {
    hub: Arc<Hub>,
    number: u64,
}

impl Entry {
    fn finish(&self, body_len: usize, status: Option<StatusCode>) {
        self.hub.finish(self.number, body_len, status);
    }

    /// Says that there is more in flight than this service holds at a time.
    fn refuse_for_room(&self) -> Answer {
        let mut answer = Answer::default();
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer.headers_mut().insert(header::RETRY_AFTER, 1.into());
        self.finish(0, Some(answer.status()));
        answer
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.hub.observe_end(self.number);
        }
    }
}

/// Room for a request's head and for as much of its body as is kept.
fn room(hub: &Hub, head: &Parts, max: usize) -> Option<OwnedSemaphorePermit> {
    let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<usize>().ok());
    let body = length.map_or(max, |length| length.min(max));
    let octets = u32::try_from(record::octets(&head.headers).saturating_add(body)).ok()?;
    Arc::clone(hub.room()).try_acquire_many_owned(octets).ok()
}

/// Reads at most `max` octets, throws away more up to [`MAX_READ`], and counts both. A body that is
/// not there in time is abandoned.
async fn read<B>(
    deadlines: &Deadlines,
    limit: Duration,
    mut body: B,
    max: usize,
) -> Result<Received, Abandoned>
where
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Send,
{
    let read = async {
        let mut kept = BytesMut::new();
        let mut octets = 0_usize;
        while octets < max.saturating_add(MAX_READ) {
            let Some(frame) = body.frame().await else { break };
            let Ok(data) = frame.map_err(|_| Abandoned)?.into_data() else { continue };
            octets = octets.saturating_add(data.len());
            if octets <= max {
                kept.extend_from_slice(&data);
            }
        }
        // What is stored is as large as it looks: without the spare room of the buffer.
        Ok(Received { body: Bytes::copy_from_slice(&kept), octets })
    };
    deadlines.within(limit, read).await.unwrap_or(Err(Abandoned))
}

/// Most octets of a body that are read beyond those that are kept, so that a sender that writes all
/// of an oversized body before it reads gets to see the 413.
const MAX_READ: usize = 256 * 1024;
/// Longest time that the body may take.
const MAX_BODY_TIME: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::{self, StreamExt};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    /// A body that brings an octet now and then, for ever, or one that ends.
    fn body(ends: bool) -> impl Body<Data = Bytes, Error = Infallible> + Send + Unpin {
        let octet = || Ok(Frame::data(Bytes::from_static(b"a")));
        let first = stream::iter([octet(), octet()]);
        let rest = if ends { stream::empty().boxed() } else { stream::pending().boxed() };
        StreamBody::new(first.chain(rest))
    }

    #[tokio::test]
    async fn half_a_body_is_abandoned_in_time() {
        let deadlines = Deadlines::start();
        let received = read(&deadlines, MAX_BODY_TIME, body(true), 1).await.unwrap();
        assert_eq!((&received.body[..], received.octets), (&b"a"[..], 2));

        let started = std::time::Instant::now();
        let limit = Duration::from_millis(150);
        assert!(read(&deadlines, limit, body(false), 1).await.is_err());
        assert!(started.elapsed() >= limit);
    }
}
