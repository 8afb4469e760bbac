use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::Route;
use crate::client::job::Payload;
use crate::error::{Error, Result};
use crate::layers::Call;
use crate::message::SealedMessage;
use crate::pace::{Attempts, Origin};
use crate::provider::Accepted;
use crate::token::Token;

/// One job on its way.
pub(in crate::client) struct Waiting<K> {
    pub(in crate::client) ticket: Ticket<K>,
    pub(in crate::client) stage: Stage,
}

/// Whose the message is: what stays behind while it is under way.
pub(in crate::client) struct Ticket<K> {
    pub(in crate::client) key: K,
    pub(in crate::client) token: Token,
    pub(in crate::client) origin: Origin,
    pub(in crate::client) route: Arc<Route>,
}

/// How far a job came.
pub(in crate::client) enum Stage {
    /// Not tried yet.
    Fresh(Payload),
    /// Refused, to be tried again with the same octets.
    Refused(Box<Refused>),
}

/// What is kept of a job between two attempts.
pub(in crate::client) struct Refused {
    pub(in crate::client) sealed: SealedMessage,
    pub(in crate::client) attempts: Attempts,
    pub(in crate::client) call: Option<Call>,
    pub(in crate::client) error: Error,
}

impl Refused {
    /// Gives the job up: its outcome is what the last attempt answered.
    pub(in crate::client) fn give_up(self) -> Result<Accepted> {
        let outcome = Err(self.error);
        if let Some(call) = self.call {
            call.end(&outcome);
        }
        outcome
    }
}

/// What the end of an attempt says about its origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::client) enum Pace {
    /// It took the message.
    Accepted,
    /// It answered something else.
    Answered,
    /// It asked to slow down.
    SlowDown,
    /// It did not answer in time.
    Silent,
    /// Nothing: the request did not arrive, or was cut off.
    Unknown,
}

impl Pace {
    /// Whether the origin takes in what is sent. One that asks to slow down does not.
    pub(in crate::client) fn is_answer(self) -> bool {
        matches!(self, Self::Accepted | Self::Answered)
    }
}

/// What goes to one origin.
pub(super) struct Lane<K> {
    pub(super) queue: VecDeque<Waiting<K>>,
    pub(super) delayed: usize,
    pub(super) running: usize,
    pub(super) width: usize,
    pub(super) listed: bool,
    pub(super) is_proven: bool,
    /// Those of the waiting and of the running that count as newcomers'.
    pub(super) waiting_as_newcomer: usize,
    pub(super) running_as_newcomer: usize,
    /// Since when others wait for room in its queue without an answer.
    pub(super) held_up_since: Option<Instant>,
    /// How long its last answer took.
    pub(super) answer_time: Duration,
}

impl<K> Lane<K> {
    pub(super) fn new(is_proven: bool) -> Self {
        Self {
            queue: VecDeque::new(),
            delayed: 0,
            running: 0,
            width: 1,
            listed: false,
            is_proven,
            waiting_as_newcomer: 0,
            running_as_newcomer: 0,
            held_up_since: None,
            answer_time: Duration::ZERO,
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.delayed
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting() == 0
    }

    /// Follows the end of an attempt. A proof is lost by silence when there is no width left to
    /// lose: one silent request among many that are answered changes little.
    pub(super) fn adapt(&mut self, pace: Pace, widest: usize, may_lose_proof: bool) {
        match pace {
            Pace::Accepted | Pace::Answered => {
                self.width = self.width.saturating_mul(2).min(widest);
            }
            Pace::Silent if self.width == 1 => self.is_proven &= !may_lose_proof,
            Pace::SlowDown | Pace::Silent => self.width = (self.width / 2).max(1),
            Pace::Unknown => {}
        }
        self.is_proven |= pace == Pace::Accepted;
        if pace.is_answer() {
            self.held_up_since = None;
        }
    }
}
