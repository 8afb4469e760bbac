//! Which job goes next: a queue for each origin, and those who wait for a time.
//!
//! Pure: no I/O, no clock. [`fan_out`](super::fan_out) calls it under one lock.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use tokio::time::Instant;

use crate::error::Error;
use crate::layers::{Attempts, Origin};
use crate::message::{Message, SealedMessage};
use crate::token::Token;

/// One message on its way to one user agent.
pub(super) struct Job<K> {
    pub(super) ticket: Ticket<K>,
    pub(super) stage: Stage,
}

/// Whose the message is: what stays behind while it is under way.
pub(super) struct Ticket<K> {
    pub(super) key: K,
    pub(super) token: Token,
    pub(super) origin: Origin,
}

/// How far a job came.
pub(super) enum Stage {
    /// Not tried yet.
    Fresh(Message),
    /// Refused, to be tried again with the same octets.
    Refused { sealed: SealedMessage, attempts: Attempts, error: Error },
}

/// What the end of a job says about its origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    /// It answered: there is a connection for more.
    Faster,
    /// Nothing: the request did not leave, or was cut off.
    Same,
    /// It asked to slow down.
    Slower,
}

/// The jobs that wait.
///
/// An origin starts narrow: one request alone, which opens the connection that the others will
/// share. Every outcome doubles its width, up to the limit; being told to slow down halves it.
pub(super) struct Lanes<K> {
    lanes: HashMap<Origin, Lane<K>>,
    /// The origins that may start a job, each once: taken in turn, so that none waits for another.
    ready: VecDeque<Origin>,
    delayed: BinaryHeap<Delayed<K>>,
    waiting: usize,
    widest: usize,
    delays: u64,
}

impl<K> Lanes<K> {
    pub(super) fn new(widest: usize) -> Self {
        Self {
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            delayed: BinaryHeap::new(),
            waiting: 0,
            widest,
            delays: 0,
        }
    }

    /// How many jobs wait, for their turn or for a time.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queues a job behind the others of its origin.
    pub(super) fn push(&mut self, job: Job<K>) {
        self.waiting += 1;
        self.enqueue(job, VecDeque::push_back);
    }

    /// Queues a job until a time.
    pub(super) fn delay(&mut self, job: Job<K>, until: Instant) {
        self.waiting += 1;
        self.delays += 1;
        self.delayed.push(Delayed { until, number: self.delays, job });
    }

    /// When the next job that waits for a time is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.peek().map(|delayed| delayed.until)
    }

    /// Puts the jobs whose time has come before the others of their origin.
    pub(super) fn release(&mut self, now: Instant) {
        while self.next_due().is_some_and(|due| due <= now) {
            if let Some(Delayed { job, .. }) = self.delayed.pop() {
                self.enqueue(job, VecDeque::push_front);
            }
        }
    }

    /// Takes the next job that may start. Report its end with [`finished`](Self::finished).
    pub(super) fn take(&mut self) -> Option<Job<K>> {
        let origin = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&origin)?;
        lane.listed = false;
        let job = lane.queue.pop_front()?;
        lane.running += 1;
        self.waiting -= 1;
        self.list(origin);
        Some(job)
    }

    /// Frees the place of a job.
    pub(super) fn finished(&mut self, origin: &Origin, pace: Pace) {
        let Some(lane) = self.lanes.get_mut(origin) else { return };
        lane.running -= 1;
        lane.width = match pace {
            Pace::Faster => lane.width.saturating_mul(2).min(self.widest),
            Pace::Same => lane.width,
            Pace::Slower => (lane.width / 2).max(1),
        };
        self.list(origin.clone());
        if self.lanes.len() > MAX_LANES {
            self.lanes.retain(|_, lane| lane.running > 0 || !lane.queue.is_empty());
        }
    }

    /// Takes all jobs that wait.
    pub(super) fn take_all(&mut self) -> Vec<Job<K>> {
        self.waiting = 0;
        self.ready.clear();
        let mut jobs: Vec<_> = self.delayed.drain().map(|delayed| delayed.job).collect();
        for lane in self.lanes.values_mut() {
            lane.listed = false;
            jobs.extend(lane.queue.drain(..));
        }
        jobs
    }

    fn enqueue(&mut self, job: Job<K>, put: fn(&mut VecDeque<Job<K>>, Job<K>)) {
        let origin = job.ticket.origin.clone();
        put(&mut self.lanes.entry(origin.clone()).or_default().queue, job);
        self.list(origin);
    }

    /// Lists an origin that may start a job and is not listed yet.
    fn list(&mut self, origin: Origin) {
        let Some(lane) = self.lanes.get_mut(&origin) else { return };
        if !lane.listed && lane.running < lane.width && !lane.queue.is_empty() {
            lane.listed = true;
            self.ready.push_back(origin);
        }
    }
}

/// Most origins whose width is remembered while they have nothing to do.
const MAX_LANES: usize = 1024;

/// What goes to one origin.
struct Lane<K> {
    queue: VecDeque<Job<K>>,
    running: usize,
    width: usize,
    listed: bool,
}

impl<K> Default for Lane<K> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), running: 0, width: 1, listed: false }
    }
}

/// Ordered by time, the earliest greatest, and by age.
struct Delayed<K> {
    until: Instant,
    number: u64,
    job: Job<K>,
}

impl<K> Ord for Delayed<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.until, other.number).cmp(&(self.until, self.number))
    }
}

impl<K> PartialOrd for Delayed<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> PartialEq for Delayed<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K> Eq for Delayed<K> {}
