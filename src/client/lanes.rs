//! Which job goes next: a queue for each origin, and those who wait for a time.
//!
//! Pure: no I/O, no clock. [`fan_out`](super::fan_out) calls it under one lock.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use tokio::time::Instant;

use crate::error::Error;
use crate::message::{Message, SealedMessage};
use crate::pace::{Attempts, Origin};
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
    /// Any other outcome: there is a connection for more, or at least nobody waits for one.
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
        let idle = lane.running == 0 && lane.queue.is_empty();
        if idle && self.lanes.len() > MAX_LANES {
            self.lanes.remove(origin);
        } else {
            self.list(origin.clone());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEYS: &str = r#""keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}"#;

    fn job(host: usize, key: usize) -> Job<usize> {
        let token = format!(r#"{{"endpoint":"https://host{host}/{key}",{KEYS}}}"#);
        let token: Token = token.parse().unwrap();
        let origin = Origin::of(&token);
        let stage = Stage::Fresh(Message::new("hello"));
        Job { ticket: Ticket { key, token, origin }, stage }
    }

    fn keys(lanes: &mut Lanes<usize>) -> Vec<usize> {
        std::iter::from_fn(|| lanes.take()).map(|job| job.ticket.key).collect()
    }

    #[test]
    fn origins_take_turns() {
        let mut lanes = Lanes::new(100);
        for (host, key) in [(0, 0), (0, 1), (0, 2), (1, 10), (1, 11), (1, 12)] {
            lanes.push(job(host, key));
        }
        assert_eq!(keys(&mut lanes), [0, 10]);
        for host in [0, 1] {
            lanes.finished(&job(host, 0).ticket.origin, Pace::Faster);
        }
        assert_eq!(keys(&mut lanes), [1, 11, 2, 12]);
        assert_eq!(lanes.waiting(), 0);
    }

    #[test]
    fn a_lane_widens_with_answers_and_narrows_when_told() {
        let mut lanes = Lanes::new(6);
        (0..100).for_each(|key| lanes.push(job(0, key)));
        let origin = job(0, 0).ticket.origin;
        for (pace, expected) in [
            (Pace::Faster, 2),
            (Pace::Same, 2),
            (Pace::Faster, 4),
            (Pace::Faster, 6),
            (Pace::Slower, 3),
            (Pace::Slower, 1),
            (Pace::Slower, 1),
        ] {
            lanes.take().unwrap();
            lanes.finished(&origin, pace);
            let running = keys(&mut lanes).len();
            assert_eq!(running, expected);
            // Given back, so that the next round starts from nothing.
            (0..running).for_each(|_| lanes.finished(&origin, Pace::Same));
        }
    }

    #[test]
    fn a_job_comes_back_when_it_is_due_before_those_that_wait() {
        let mut lanes = Lanes::new(100);
        let now = Instant::now();
        let second = Duration::from_secs(1);
        lanes.push(job(0, 1));
        lanes.delay(job(0, 2), now + 2 * second);
        lanes.delay(job(0, 3), now + second);
        assert_eq!((lanes.waiting(), lanes.next_due()), (3, Some(now + second)));
        lanes.release(now + second);
        assert_eq!(lanes.next_due(), Some(now + 2 * second));
        assert_eq!(lanes.take().unwrap().ticket.key, 3);
        assert_eq!(lanes.take_all().len(), 2);
        assert_eq!((lanes.waiting(), lanes.next_due()), (0, None));
    }

    #[test]
    fn idle_origins_are_forgotten_beyond_a_bound() {
        let mut lanes = Lanes::new(100);
        for host in 0..2 * MAX_LANES {
            lanes.push(job(host, 0));
            let job = lanes.take().unwrap();
            lanes.finished(&job.ticket.origin, Pace::Faster);
            assert!(lanes.lanes.len() <= MAX_LANES);
        }
    }
}
