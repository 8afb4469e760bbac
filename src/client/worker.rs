//! Seals and sends, one job after another.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Route;
use super::job::Payload;
use super::lanes::{Pace, Refused, Stage, Ticket, Waiting};
use super::state::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::layers::Call;
use crate::message::SealedMessage;
use crate::pace::Attempts;
use crate::provider::Accepted;
use crate::token::Token;

/// Seals and sends until no job may start.
pub(super) struct Worker<K> {
    shared: Arc<Shared<K>>,
    hand: Hand<K>,
}

/// The job at hand.
enum Hand<K> {
    Empty,
    Ready(Waiting<K>),
    UnderWay(Ticket<K>),
}

impl<K> Hand<K> {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Empty)
    }
}

impl<K> Worker<K> {
    pub(super) fn new(shared: Arc<Shared<K>>, job: Waiting<K>) -> Self {
        Self { shared, hand: Hand::Ready(job) }
    }

    pub(super) async fn run(mut self) {
        while let Hand::Ready(Waiting { ticket, stage }) = self.hand.take() {
            let (token, route) = (ticket.token.clone(), Arc::clone(&ticket.route));
            self.hand = Hand::UnderWay(ticket);
            let attempt = Attempt::make(&self.shared.client.0, &route, &token, stage).await;
            let Hand::UnderWay(ticket) = self.hand.take() else { return };
            let next = self.shared.record(ticket, attempt, |s| s.start(&self.shared.client));
            if let Some(job) = next {
                self.hand = Hand::Ready(job);
            }
        }
    }
}

impl<K> Drop for Worker<K> {
    /// Aborted, or unwound by a panic of the provider: the job has an outcome all the same, or
    /// waits again if it was not under way yet.
    fn drop(&mut self) {
        match self.hand.take() {
            Hand::Empty => {}
            Hand::Ready(job) => {
                let mut state = self.shared.lock();
                state.running -= 1;
                let is_proven = state.lanes.finished(&job.ticket.origin, Pace::Unknown);
                state.lanes.push(job, is_proven);
            }
            Hand::UnderWay(ticket) => self.shared.record(ticket, Attempt::CutOff, |_| ()),
        }
    }
}

/// What came of one attempt.
#[expect(clippy::large_enum_variant, reason = "most are `Made`: a box would be one for each send")]
pub(super) enum Attempt {
    /// It ended before its outcome.
    CutOff,
    /// Nothing left us.
    NotMade(Error),
    Made {
        outcome: Result<Accepted>,
        sealed: SealedMessage,
        /// `None` where there are no retries.
        attempts: Option<Attempts>,
        call: Option<Call>,
        took: Duration,
    },
}

impl Attempt {
    async fn make(client: &super::Inner, route: &Route, token: &Token, stage: Stage) -> Self {
        let (sealed, attempts, call) = match stage {
            Stage::Refused(refused) => {
                let Refused { sealed, attempts, call, .. } = *refused;
                (sealed, Some(attempts), call)
            }
            Stage::Fresh(payload) => {
                let sealed = match payload {
                    Payload::Clear(message) => match route.seal(token, &message) {
                        Ok(sealed) => sealed,
                        Err(error) => return Self::NotMade(error),
                    },
                    Payload::Sealed(sealed) => sealed,
                };
                let attempts = route.retrier.as_ref().map(|r| r.begin(sealed.ttl()));
                let call = client.trace.then(|| Call::begin(token, &sealed));
                (sealed, attempts, call)
            }
        };
        let started = Instant::now();
        let send = route.provider.as_ref().send(token, &sealed);
        let outcome = match &call {
            Some(call) => call.watch(send).await,
            None => send.await,
        };
        Self::Made { outcome, sealed, attempts, call, took: started.elapsed() }
    }

    /// How long the push service took to answer, if it did.
    pub(super) fn answer_time(&self) -> Option<Duration> {
        match self {
            Self::Made { took, .. } if self.pace().is_answer() => Some(*took),
            _ => None,
        }
    }

    pub(super) fn pace(&self) -> Pace {
        let Self::Made { outcome, .. } = self else { return Pace::Unknown };
        match outcome.as_ref().map_err(Error::kind) {
            Ok(_) => Pace::Accepted,
            Err(ErrorKind::RateLimited) => Pace::SlowDown,
            Err(ErrorKind::Timeout) => Pace::Silent,
            Err(ErrorKind::Transport) => Pace::Unknown,
            Err(_) => Pace::Answered,
        }
    }
}
