//! Seals and sends for [`SendMany`](super::SendMany): the state it shares with its tasks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::Client;
use super::lanes::{Job, Lanes, Pace, Stage, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::message::SealedMessage;
use crate::pace::Attempts;
use crate::provider::Accepted;
use crate::token::Token;

pub(super) struct Shared<K> {
    pub(super) client: Client,
    state: Mutex<State<K>>,
}

impl<K> Shared<K> {
    pub(super) fn new(client: Client) -> Self {
        let lanes = Lanes::new(client.0.limits.in_flight_per_origin);
        let outcomes = VecDeque::new();
        let state = State { lanes, outcomes, running: 0, closed: false, reader: None };
        Self { client, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<K>> {
        // Nothing of others runs under the lock, so that a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no job is under way.
    pub(super) fn poll_at_rest(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.running == 0 {
            return Poll::Ready(());
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Records what an attempt came to, goes on in the same state, and wakes the reader.
    fn record<R>(
        &self,
        ticket: Ticket<K>,
        attempt: Attempt,
        go_on: impl FnOnce(&mut State<K>) -> R,
    ) -> R {
        let (pace, origin) = (attempt.pace(), ticket.origin.clone());
        let end = self.settle(ticket, attempt);

        let mut state = self.lock();
        state.running -= 1;
        state.lanes.finished(&origin, pace);
        match end {
            End::Outcome(key, outcome) => state.outcomes.push_back((key, outcome)),
            End::Again(job, until) => state.lanes.delay(job, until),
        }
        let result = go_on(&mut state);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        result
    }

    /// Decides between an outcome and another attempt.
    fn settle(&self, ticket: Ticket<K>, attempt: Attempt) -> End<K> {
        let Attempt { outcome, tried: Some((sealed, Some(mut attempts))) } = attempt else {
            return End::Outcome(ticket.key, attempt.outcome);
        };
        let route = self.client.route(&ticket.token).ok();
        let retrier = route.and_then(|route| route.retrier.as_ref());
        let delay = match (&outcome, retrier) {
            (Err(error), Some(retrier)) => {
                retrier.again(&mut attempts, &ticket.token, &ticket.origin, error)
            }
            (Ok(_), Some(retrier)) => {
                retrier.succeeded(&ticket.origin);
                None
            }
            (_, None) => None,
        };
        match (outcome, delay) {
            (Err(error), Some(delay)) => {
                let stage = Stage::Refused { sealed, attempts, error };
                End::Again(Job { ticket, stage }, Instant::now() + delay)
            }
            (outcome, _) => End::Outcome(ticket.key, outcome),
        }
    }
}

enum End<K> {
    Outcome(K, Result<Accepted>),
    Again(Job<K>, Instant),
}

pub(super) struct State<K> {
    pub(super) lanes: Lanes<K>,
    pub(super) outcomes: VecDeque<(K, Result<Accepted>)>,
    pub(super) running: usize,
    /// Draining: no job starts any more.
    pub(super) closed: bool,
    pub(super) reader: Option<Waker>,
}

impl<K> State<K> {
    /// Takes a job, if one may start: its origin's limit first, then the limit of all.
    pub(super) fn start(&mut self, client: &Client) -> Option<Job<K>> {
        let limit = client.0.limits.in_flight;
        while !self.closed && self.running < limit && self.outcomes.len() < limit {
            let Job { ticket, stage } = self.lanes.take()?;
            match stage {
                // Woken late, or kept waiting by others.
                Stage::Refused { attempts, error, .. } if attempts.is_over() => {
                    self.lanes.finished(&ticket.origin, Pace::Same);
                    self.outcomes.push_back((ticket.key, Err(error)));
                }
                stage => {
                    self.running += 1;
                    return Some(Job { ticket, stage });
                }
            }
        }
        None
    }
}

/// Seals and sends one job after another until none may start.
pub(super) struct Worker<K> {
    shared: Arc<Shared<K>>,
    /// The job at hand; its stage is taken out when it goes under way.
    ticket: Option<Ticket<K>>,
    stage: Option<Stage>,
}

impl<K> Worker<K> {
    pub(super) fn new(shared: Arc<Shared<K>>, Job { ticket, stage }: Job<K>) -> Self {
        Self { shared, ticket: Some(ticket), stage: Some(stage) }
    }

    pub(super) async fn run(mut self) {
        while let Some(stage) = self.stage.take() {
            let Some(token) = self.ticket.as_ref().map(|ticket| ticket.token.clone()) else {
                return;
            };
            let attempt = Attempt::make(&self.shared.client, &token, stage).await;
            let Some(ticket) = self.ticket.take() else { return };
            let next = self.shared.record(ticket, attempt, |s| s.start(&self.shared.client));
            if let Some(Job { ticket, stage }) = next {
                (self.ticket, self.stage) = (Some(ticket), Some(stage));
            }
        }
    }
}

impl<K> Drop for Worker<K> {
    /// Aborted, or unwound by a panic of the provider: the job has an outcome all the same, or
    /// waits again if it was not under way yet.
    fn drop(&mut self) {
        match (self.ticket.take(), self.stage.take()) {
            (None, _) => {}
            (Some(ticket), Some(stage)) => {
                let mut state = self.shared.lock();
                state.running -= 1;
                state.lanes.finished(&ticket.origin, Pace::Same);
                state.lanes.push(Job { ticket, stage });
            }
            (Some(ticket), None) => {
                let outcome = Err(Error::new(
                    ErrorKind::Timeout,
                    "the attempt was cut off before it had an outcome",
                )
                .with_provider(ticket.token.provider().clone())
                .with_unknown_outcome());
                self.shared.record(ticket, Attempt { outcome, tried: None }, |_| ());
            }
        }
    }
}

/// One attempt, and what another one needs; `tried` is `None` when nothing left us.
struct Attempt {
    outcome: Result<Accepted>,
    tried: Option<(SealedMessage, Option<Attempts>)>,
}

impl Attempt {
    async fn make(client: &Client, token: &Token, stage: Stage) -> Self {
        let route = match client.route(token) {
            Ok(route) => route,
            Err(error) => return Self { outcome: Err(error), tried: None },
        };
        let (sealed, attempts) = match stage {
            Stage::Fresh(message) => match route.seal(token, &message) {
                Ok(sealed) => {
                    let attempts = route.retrier.as_ref().map(|r| r.begin(sealed.ttl()));
                    (sealed, attempts)
                }
                Err(error) => return Self { outcome: Err(error), tried: None },
            },
            Stage::Refused { sealed, attempts, .. } => (sealed, Some(attempts)),
        };
        let outcome = route.provider.as_ref().send(token, &sealed).await;
        Self { outcome, tried: Some((sealed, attempts)) }
    }

    fn pace(&self) -> Pace {
        match (&self.tried, &self.outcome) {
            (None, _) => Pace::Same,
            (_, Err(error)) if error.kind() == ErrorKind::RateLimited => Pace::Slower,
            _ => Pace::Faster,
        }
    }
}
