use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::iter::from_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Client;
use super::job::{Drained, Job};
use super::lanes::{Room, Stage, Ticket, Waiting};
use super::state::Shared;
use super::summary::Summary;
use super::worker::Worker;
use crate::error::Result;
use crate::pace::Origin;
use crate::provider::Accepted;

/// The outcomes of [`Client::send_many`], as they finish. It does nothing until it is polled.
///
/// * **Every job that was taken in has one outcome.** Even if a provider panics: then it is
///   `Timeout` with an unknown outcome.
/// * **Memory is flat.** Jobs are taken from their stream as they can be handled; at most
///   [`queue`](super::ClientBuilder::queue) wait, [`in_flight`](super::ClientBuilder::in_flight)
///   are under way, and as many outcomes are kept for a slow reader before sending pauses.
/// * **No origin starves another.** Each has its own queue, an eighth of the whole, and its own
///   [limit](super::ClientBuilder::in_flight_per_origin); they take turns. The first request to an
///   origin goes alone until it has an outcome, so that the rest find an open connection; an origin
///   that answers `RateLimited`, or not in time, gets half as many at once, down to one, until it
///   does better.
/// * **Many names are no advantage.** Origins that never took a message from this client share a
///   quarter of the requests under way and of the queue. One that stops answering is among them
///   again.
/// * **Nobody waits for those who do not answer.** A job for which there is no room holds up the
///   stream while its push service answers. When nothing comes back for a second, or for twice what
///   a first answer usually takes, jobs are turned away instead, as `RateLimited` with a known
///   outcome: of newcomers the ones that waited longest. Send them again later. While all jobs go to
///   one origin, nobody else waits: then this takes 15 seconds.
/// * **Waiting takes no place.** With [`retry`](super::ClientBuilder::retry), a job that waits for
///   its next attempt goes back to the queue.
///
/// Messages are sealed and sent by as many tasks as there are requests under way, so that a runtime
/// with several threads uses them: sealing is most of the work. The tasks belong to this value.
/// Dropping it aborts them, and with them the requests; [`drain`](Self::drain) ends in order.
///
/// # Panics
///
/// When polled outside of a tokio runtime.
#[must_use = "nothing is sent until the stream is polled"]
pub struct SendMany<K, S> {
    /// `None` when it is at its end, or no more is wanted of it.
    jobs: Option<Pin<Box<S>>>,
    /// Jobs that were taken from their stream and wait for room in the queue.
    read: VecDeque<Waiting<K>>,
    /// Until when the first of them waits for those that take its room.
    waits_until: Option<Instant>,
    shared: Arc<Shared<K>>,
    workers: JoinSet<()>,
    /// Outcomes taken from the shared state, so that it is locked once for many.
    outcomes: VecDeque<(K, Result<Accepted>)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<K: Send + 'static, S> SendMany<K, S> {
    /// Most jobs that are taken in under one lock.
    const BATCH: usize = 64;

    pub(super) fn new(client: Client, jobs: S) -> Self {
        Self {
            jobs: Some(Box::pin(jobs)),
            read: VecDeque::new(),
            waits_until: None,
            shared: Arc::new(Shared::new(client)),
            workers: JoinSet::new(),
            outcomes: VecDeque::new(),
            timer: None,
        }
    }

    /// Ends in order: takes in no more, starts no more, gives the requests under way until the
    /// deadline, counted from this call, and cuts off those that remain.
    ///
    /// Each job that was taken in and not yet given out is in the answer, once. What is still in
    /// the stream of jobs is dropped with it; pass a `&mut` of the stream to
    /// [`send_many`](Client::send_many) to keep it.
    ///
    /// Dropping the future loses nothing: call it again, or read the outcomes of what is under way
    /// from the stream.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use futures_util::{Stream, StreamExt};
    /// # use sealpush::client::Job;
    /// # use sealpush::{Accepted, Client, Message, Result, Token};
    /// # async fn record(user: u64, outcome: Result<Accepted>) {}
    /// # async fn store(job: Job<u64>) {}
    /// # async fn example(
    /// #     client: Client,
    /// #     jobs: impl Stream<Item = (u64, Token, Message)>,
    /// #     stop: tokio::sync::Notify,
    /// # ) {
    /// let mut outcomes = client.send_many(jobs);
    /// loop {
    ///     tokio::select! {
    ///         next = outcomes.next() => match next {
    ///             Some((user, outcome)) => record(user, outcome).await,
    ///             None => break,
    ///         },
    ///         () = stop.notified() => {
    ///             let drained = outcomes.drain(Duration::from_secs(20)).await;
    ///             for (user, outcome) in drained.finished {
    ///                 record(user, outcome).await;
    ///             }
    ///             for job in drained.unsent {
    ///                 store(job).await;
    ///             }
    ///             break;
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn drain(&mut self, deadline: Duration) -> Drained<K> {
        self.jobs = None;
        self.shared.lock().closed = true;

        let at_rest = poll_fn(|cx| self.shared.poll_at_rest(cx));
        // Past the deadline, the workers that are left report themselves cut off.
        let _ = timeout(deadline, at_rest).await;
        self.workers.shutdown().await;

        let mut state = self.shared.lock();
        let mut finished: Vec<_> = self.outcomes.drain(..).collect();
        finished.extend(state.outcomes.drain(..));
        let mut unsent = Vec::new();
        for Waiting { ticket, stage } in
            state.lanes.take_all().into_iter().chain(self.read.drain(..))
        {
            match stage {
                Stage::Fresh(message) => unsent.push(Job::new(ticket.key, ticket.token, message)),
                Stage::Refused(refused) => finished.push((ticket.key, refused.give_up())),
            }
        }
        Drained { finished, unsent }
    }
}

impl<K, S> SendMany<K, S>
where
    K: Send + 'static,
    S: Stream<Item: Into<Job<K>>>,
{
    /// Reads all outcomes and counts them; the keys are dropped.
    pub async fn summary(mut self) -> Summary {
        let mut summary = Summary::default();
        while let Some((_, outcome)) = poll_fn(|cx| Pin::new(&mut self).poll_next(cx)).await {
            summary.add(&outcome);
        }
        summary
    }

    /// Takes jobs from their stream and queues them while there is room; whether there may be more
    /// at once.
    fn take_in(&mut self, cx: &mut Context<'_>) -> bool {
        let more = self.read(cx);
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let limits = &shared.client.0.limits;
        let patience = shared.client.0.proof.patience();
        self.waits_until = None;
        while let Some(job) = self.read.front() {
            let origin = &job.ticket.origin;
            let is_proven = shared.client.0.proof.is_given(origin);
            if state.outcomes.len() >= limits.in_flight {
                break;
            }
            match state.lanes.room(origin, is_proven, patience, Instant::now()) {
                Room::Full(until) => {
                    self.waits_until = Some(until);
                    break;
                }
                Room::Stuck => match state.lanes.displace(origin) {
                    Some(longest) => state.turn_away(longest),
                    None => {
                        let job = self.read.pop_front();
                        job.into_iter().for_each(|job| state.turn_away(job));
                    }
                },
                Room::Free => {
                    let job = self.read.pop_front();
                    job.into_iter().for_each(|job| state.lanes.push(job, is_proven));
                }
            }
        }
        more && self.read.is_empty()
    }

    /// Reads jobs while there is room; whether the stream may have more at once.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(jobs) = &mut self.jobs else { return false };
        if !self.read.is_empty() {
            return true;
        }
        let client = &self.shared.client;
        let room = client.0.limits.queue.saturating_sub(self.shared.lock().lanes.waiting());
        while self.read.len() < room.min(Self::BATCH) {
            let Job { key, token, message } = match jobs.as_mut().poll_next(cx) {
                Poll::Ready(Some(job)) => job.into(),
                Poll::Ready(None) => {
                    self.jobs = None;
                    return false;
                }
                Poll::Pending => return false,
            };
            match client.route(&token).cloned() {
                Ok(route) => {
                    let origin = Origin::of(&token);
                    let ticket = Ticket { key, token, origin, route };
                    self.read.push_back(Waiting { ticket, stage: Stage::Fresh(message) });
                }
                Err(error) => self.outcomes.push_back((key, Err(error))),
            }
            if self.outcomes.len() >= client.0.limits.in_flight {
                break;
            }
        }
        true
    }

    fn poll_timer(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}

impl<K, S> Stream for SendMany<K, S>
where
    K: Send + 'static,
    S: Stream<Item: Into<Job<K>>>,
{
    type Item = (K, Result<Accepted>);

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(outcome) = this.outcomes.pop_front() {
                return Poll::Ready(Some(outcome));
            }
            while let Poll::Ready(Some(_)) = this.workers.poll_join_next(cx) {}

            let more = this.take_in(cx);
            let mut state = this.shared.lock();
            state.lanes.release(Instant::now());
            this.outcomes.append(&mut state.outcomes);
            let started: Vec<_> = from_fn(|| state.start(&this.shared.client)).collect();
            // Those that started have left room in the queue.
            let more = more && state.lanes.waiting() < this.shared.client.0.limits.queue;
            let room = !started.is_empty() && !this.read.is_empty();
            let again = more || room || !this.outcomes.is_empty() || !state.outcomes.is_empty();
            let nothing_waits = state.lanes.waiting() == 0 && this.read.is_empty();
            let at_rest = state.running == 0 && (state.closed || nothing_waits);
            let due =
                state.lanes.next_due(Instant::now()).into_iter().chain(this.waits_until).min();
            state.reader = Some(cx.waker().clone());
            drop(state);

            // Not under the lock, which a worker takes when it is dropped because it cannot be
            // spawned.
            for job in started {
                this.workers.spawn(Worker::new(Arc::clone(&this.shared), job).run());
            }
            if again {
                continue;
            }
            if this.jobs.is_none() && at_rest {
                return Poll::Ready(None);
            }
            match due {
                Some(due) => ready!(this.poll_timer(due, cx)),
                None => return Poll::Pending,
            }
        }
    }
}

// The streams and the timer are pinned in boxes; outcomes are only moved.
impl<K, S> Unpin for SendMany<K, S> {}

impl<K, S> fmt::Debug for SendMany<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("SendMany")
            .field("waiting", &(state.lanes.waiting() + self.read.len()))
            .field("running", &state.running)
            .field("outcomes", &(state.outcomes.len() + self.outcomes.len()))
            .finish_non_exhaustive()
    }
}
