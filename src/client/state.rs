//! What [`SendMany`](super::SendMany) shares with its tasks.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::Client;
use super::lanes::{Lanes, Pace, Refused, Stage, Ticket, Waiting};
use super::worker::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::pace::Next;
use crate::provider::Accepted;

pub(super) struct Shared<K> {
    pub(super) client: Client,
    state: Mutex<State<K>>,
}

impl<K> Shared<K> {
    pub(super) fn new(client: Client) -> Self {
        let lanes = Lanes::new(client.0.limits);
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
    pub(super) fn record<R>(
        &self,
        ticket: Ticket<K>,
        attempt: Attempt,
        go_on: impl FnOnce(&mut State<K>) -> R,
    ) -> R {
        let (pace, origin) = (attempt.pace(), ticket.origin.clone());
        let proof = &self.client.0.proof;
        let first = pace == Pace::Accepted && !proof.is_given(&origin);
        let took = attempt.answer_time();
        if let (true, Some(took)) = (first, took) {
            proof.answered_first(took);
        }
        let end = settle(ticket, attempt);

        let mut state = self.lock();
        state.running -= 1;
        match end {
            End::Outcome(key, outcome) => state.outcomes.push_back((key, outcome)),
            End::Again(job, until) => state.lanes.delay(job, until),
        }
        let is_proven = state.lanes.finished(&origin, pace);
        if let Some(took) = took {
            state.lanes.answered_in(&origin, took);
        }
        match pace {
            Pace::Accepted => proof.give(&origin),
            Pace::Silent if !is_proven => proof.take_back(&origin),
            _ => {}
        }
        let result = go_on(&mut state);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        result
    }
}

/// Decides between an outcome and another attempt.
fn settle<K>(ticket: Ticket<K>, attempt: Attempt) -> End<K> {
    let (outcome, sealed, attempts, call) = match attempt {
        Attempt::CutOff => {
            let error =
                Error::new(ErrorKind::Timeout, "the attempt was cut off before it had an outcome")
                    .with_provider(ticket.token.provider().clone())
                    .with_unknown_outcome();
            return End::Outcome(ticket.key, Err(error));
        }
        Attempt::NotMade(error) => return End::Outcome(ticket.key, Err(error)),
        Attempt::Made { outcome, sealed, attempts, call, .. } => (outcome, sealed, attempts, call),
    };
    let next = match (outcome, &ticket.route.retrier, attempts) {
        (Ok(accepted), Some(retrier), _) => {
            retrier.succeeded(&ticket.origin);
            Ok(accepted)
        }
        (Err(error), Some(retrier), Some(mut attempts)) => {
            match retrier.next(&mut attempts, &ticket.token, &ticket.origin, error) {
                Next::Final(error) => Err(error),
                Next::Repeat { delay, error } => {
                    let refused = Refused { sealed, attempts, call, error };
                    let stage = Stage::Refused(Box::new(refused));
                    return End::Again(Waiting { ticket, stage }, Instant::now() + delay);
                }
            }
        }
        (outcome, ..) => outcome,
    };
    if let Some(call) = call {
        call.end(&next);
    }
    End::Outcome(ticket.key, next)
}

enum End<K> {
    Outcome(K, Result<Accepted>),
    Again(Waiting<K>, Instant),
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
    pub(super) fn start(&mut self, client: &Client) -> Option<Waiting<K>> {
        let limit = client.0.limits.in_flight;
        while !self.closed && self.running < limit && self.outcomes.len() < limit {
            let Waiting { ticket, stage } = self.lanes.take(Instant::now())?;
            match stage {
                // Woken late, or kept waiting by others.
                Stage::Refused(refused) if refused.attempts.is_over() => {
                    self.lanes.finished(&ticket.origin, Pace::Unknown);
                    self.outcomes.push_back((ticket.key, refused.give_up()));
                }
                stage => {
                    self.running += 1;
                    return Some(Waiting { ticket, stage });
                }
            }
        }
        None
    }

    /// Gives a job that there is no room for its outcome.
    pub(super) fn turn_away(&mut self, Waiting { ticket, stage }: Waiting<K>) {
        let outcome = Err(Error::new(
            ErrorKind::RateLimited,
            "too many messages wait for push services that do not answer; nothing was sent",
        )
        .with_provider(ticket.token.provider().clone()));
        if let Stage::Refused(refused) = stage
            && let Some(call) = refused.call
        {
            call.end(&outcome);
        }
        self.outcomes.push_back((ticket.key, outcome));
    }
}
