use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Outbox;
use super::outcome::Outcome;
use super::worker::Worker;
use crate::client::Client;
use crate::error::Result;

/// Outcomes as they are recorded, from [`Outbox::run`].
///
/// * **An outcome is recorded before it is given out**, and then exactly once in the store, however
///   many workers there are. A process that dies in between has not given it out: what must not
///   miss one reads [`Outbox::outcomes`].
/// * **An error is the store's**, such as a database that is away. The run goes on and tries again;
///   what is under way meanwhile is recorded when the store is back, or sent again by whoever claims
///   it then.
/// * **Memory is flat.** At most eight parcels for each request that the client has
///   [in flight](crate::client::ClientBuilder::in_flight) are claimed at once, and half of what it
///   [queues](crate::client::ClientBuilder::queue); a quarter of that in one lane. Sending pauses while nobody reads the stream, and leases are renewed meanwhile.
/// * **Waiting takes no place.** A failed attempt goes back to the store until it is time for the
///   next. A client with [retries](crate::client::ClientBuilder::retry) makes the short ones itself:
///   give it a policy whose [`with_max_elapsed`](crate::layers::RetryPolicy::with_max_elapsed) is
///   seconds.
///
/// It works by itself, read or not, until it is dropped or [drained](Self::drain). What a dropped
/// one held is claimed by others when its leases run out.
pub struct Run {
    outcomes: mpsc::Receiver<Result<Outcome>>,
    stop: watch::Sender<Option<Duration>>,
    /// Aborts the worker when it is dropped.
    _worker: JoinSet<()>,
}

impl Run {
    pub(super) fn start(outbox: &Outbox, client: Client) -> Self {
        let (sender, outcomes) = mpsc::channel(UNREAD);
        let (stop, stopped) = watch::channel(None);
        let mut worker = JoinSet::new();
        worker.spawn(Worker::new(Arc::clone(&outbox.0), client, sender).run(stopped));
        Self { outcomes, stop, _worker: worker }
    }

    /// Ends in order: claims no more, starts no more, gives the requests under way until the
    /// deadline, counted from this call, and gives back what was not tried. The outcomes that were
    /// not read yet are in the answer.
    ///
    /// Dropping the future loses nothing: call it again, or read the stream to its end.
    pub async fn drain(&mut self, deadline: Duration) -> Vec<Result<Outcome>> {
        self.stop.send_if_modified(|stop| stop.replace(deadline).is_none());
        let mut rest = Vec::new();
        while let Some(outcome) = self.outcomes.recv().await {
            rest.push(outcome);
        }
        rest
    }
}

impl Stream for Run {
    type Item = Result<Outcome>;

    /// Ends after [`drain`](Self::drain) only.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().outcomes.poll_recv(cx)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("unread", &self.outcomes.len()).finish_non_exhaustive()
    }
}

/// Outcomes that wait for a reader before sending pauses.
const UNREAD: usize = 1024;
