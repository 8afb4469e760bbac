//! Which job goes next: a queue for each origin, and those who wait for a time.
//!
//! Pure: no I/O, no clock. [`fan_out`](super::fan_out) calls it under one lock.
//!
//! A stranger can bring any number of origins, so that being fair to each is not enough. An origin
//! that never took a message is a newcomer. Newcomers share a quarter of the places under way and
//! of the queue; the rest belongs to those that took one ([`Proof`](crate::pace::Proof)). Half of
//! the newcomers' places is given out in turn, the other half slowly and to the longest queues, so
//! that an honest newcomer gets one beside any number that hang.

mod delayed;
mod lane;

use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use self::delayed::Delayed;
use self::lane::Lane;
pub(super) use self::lane::{Pace, Refused, Stage, Ticket, Waiting};
use super::Limits;
use crate::pace::Origin;

/// The jobs that wait.
///
/// An origin starts narrow: one request alone, which opens the connection that the others will
/// share. Every answer doubles its width, up to the limit; being told to slow down halves it, and so
/// does no answer.
pub(super) struct Lanes<K> {
    lanes: HashMap<Origin, Lane<K>>,
    /// The proven origins that may start a job, each once: taken in turn, so that none waits for
    /// another.
    ready: VecDeque<Origin>,
    /// The newcomers that may start a job, each once.
    ready_newcomers: VecDeque<Origin>,
    newcomers_turn: bool,
    newcomers: Newcomers,
    delayed: BinaryHeap<Delayed<K>>,
    waiting: usize,
    delays: u64,
    limits: Limits,
}

/// What newcomers share.
struct Newcomers {
    waiting: usize,
    running: usize,
    /// When the slow half of their places gives out the next one.
    next: Option<Instant>,
    /// Since when others wait for room among them without one of them answering.
    held_up_since: Option<Instant>,
}

/// Whether there is room for one more job of an origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Room {
    Free,
    /// Its part of the queue is full; there is hope until this time.
    Full(Instant),
    /// It is full of jobs for origins that do not answer.
    Stuck,
}

impl<K> Lanes<K> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            ready_newcomers: VecDeque::new(),
            newcomers_turn: false,
            newcomers: Newcomers { waiting: 0, running: 0, next: None, held_up_since: None },
            delayed: BinaryHeap::new(),
            waiting: 0,
            delays: 0,
            limits,
        }
    }

    /// How many jobs wait, for their turn or for a time.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a job for this origin can be queued. Whoever waits for room waits as long as answers
    /// come, and for `patience` after the last: longer while all jobs go to one origin, because to
    /// turn its jobs away would help nobody.
    pub(super) fn room(
        &mut self,
        origin: &Origin,
        is_proven: bool,
        patience: Duration,
        now: Instant,
    ) -> Room {
        let wait = |since: &mut Option<Instant>, patience| {
            let until = *since.get_or_insert(now) + patience;
            if until > now { Room::Full(until) } else { Room::Stuck }
        };
        let alone = self.lanes.len() == 1 && self.lanes.contains_key(origin);
        let patience = if alone { PATIENCE_ALONE } else { patience };
        let mut is_proven = is_proven;
        if let Some(lane) = self.lanes.get_mut(origin) {
            if lane.waiting() >= self.limits.queue_per_origin() {
                let patience = lane.answer_time.saturating_mul(2).min(MOST_PATIENCE).max(patience);
                return wait(&mut lane.held_up_since, patience);
            }
            is_proven = lane.is_proven;
        }
        if is_proven || self.newcomers.waiting < self.limits.newcomers_queue() {
            return Room::Free;
        }
        wait(&mut self.newcomers.held_up_since, patience)
    }

    /// Takes the newcomers' job that waited the longest, where that makes room for one of this
    /// origin's.
    pub(super) fn displace(&mut self, newcomer: &Origin) -> Option<Waiting<K>> {
        let limit = self.limits.queue_per_origin();
        if self.lanes.get(newcomer).is_some_and(|lane| lane.waiting() >= limit) {
            return None;
        }
        let origin = self.ready_newcomers.pop_front()?;
        let lane = self.lanes.get_mut(&origin)?;
        lane.listed = false;
        let job = lane.queue.pop_front()?;
        self.left(&origin);
        self.list(origin);
        Some(job)
    }

    /// Queues a job behind the others of its origin.
    pub(super) fn push(&mut self, job: Waiting<K>, is_proven: bool) {
        let origin = job.ticket.origin.clone();
        let lane = self.lanes.entry(origin.clone()).or_insert_with(|| Lane::new(is_proven));
        lane.queue.push_back(job);
        self.waiting += 1;
        if !lane.is_proven {
            lane.waiting_as_newcomer += 1;
            self.newcomers.waiting += 1;
        }
        self.list(origin);
    }

    /// Queues a job until a time, before its attempt is reported [`finished`](Self::finished).
    pub(super) fn delay(&mut self, job: Waiting<K>, until: Instant) {
        self.waiting += 1;
        if let Some(lane) = self.lanes.get_mut(&job.ticket.origin) {
            lane.delayed += 1;
            if !lane.is_proven {
                lane.waiting_as_newcomer += 1;
                self.newcomers.waiting += 1;
            }
        }
        self.delays += 1;
        self.delayed.push(Delayed { until, number: self.delays, job });
    }

    /// When something may start that may not now: a job that waits for a time, or a newcomer.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let delayed = self.delayed.peek().map(|delayed| delayed.until);
        let waits = !self.ready_newcomers.is_empty()
            && self.newcomers.running >= self.limits.newcomers_in_turn()
            && self.newcomers.running < self.limits.newcomers();
        let newcomer = self.newcomers.next.filter(|next| waits && *next > now);
        delayed.into_iter().chain(newcomer).min()
    }

    /// Puts the jobs whose time has come before the others of their origin.
    pub(super) fn release(&mut self, now: Instant) {
        while self.delayed.peek().is_some_and(|delayed| delayed.until <= now) {
            let Some(Delayed { job, .. }) = self.delayed.pop() else { return };
            let origin = job.ticket.origin.clone();
            if let Some(lane) = self.lanes.get_mut(&origin) {
                lane.delayed -= 1;
                lane.queue.push_front(job);
                self.list(origin);
            }
        }
    }

    /// Takes the next job that may start. Report its end with [`finished`](Self::finished).
    pub(super) fn take(&mut self, now: Instant) -> Option<Waiting<K>> {
        // In turn, so that neither the proven nor the newcomers wait for the others.
        self.newcomers_turn = !self.newcomers_turn;
        let origin = if self.newcomers_turn {
            self.next_newcomer(now).or_else(|| self.ready.pop_front())
        } else {
            self.ready.pop_front().or_else(|| self.next_newcomer(now))
        }?;
        let lane = self.lanes.get_mut(&origin)?;
        lane.listed = false;
        let job = lane.queue.pop_front()?;
        lane.running += 1;
        if !lane.is_proven {
            lane.running_as_newcomer += 1;
            self.newcomers.running += 1;
        }
        self.left(&origin);
        self.list(origin);
        Some(job)
    }

    /// Frees the place of a job; whether its origin is proven from here on.
    pub(super) fn finished(&mut self, origin: &Origin, pace: Pace) -> bool {
        let Some(lane) = self.lanes.get_mut(origin) else { return false };
        lane.running -= 1;
        if lane.running_as_newcomer > lane.running {
            lane.running_as_newcomer -= 1;
            self.newcomers.running -= 1;
        }
        let was_proven = lane.is_proven;
        lane.adapt(pace, self.limits.in_flight_per_origin, origin.is_strangers_choice());
        if pace.is_answer() && !was_proven {
            self.newcomers.held_up_since = None;
        }
        let is_proven = lane.is_proven;
        if is_proven != was_proven {
            self.change_class(origin);
        }
        let idle = self.lanes.get(origin).is_some_and(Lane::is_idle);
        if idle && self.lanes.len() > MAX_LANES {
            self.lanes.remove(origin);
        } else {
            self.list(origin.clone());
        }
        is_proven
    }

    /// Notes how long an answer of the origin took.
    pub(super) fn answered_in(&mut self, origin: &Origin, took: Duration) {
        if let Some(lane) = self.lanes.get_mut(origin) {
            lane.answer_time = took;
        }
    }

    /// Takes all jobs that wait.
    pub(super) fn take_all(&mut self) -> Vec<Waiting<K>> {
        self.waiting = 0;
        self.newcomers.waiting = 0;
        self.ready.clear();
        self.ready_newcomers.clear();
        let mut jobs: Vec<_> = self.delayed.drain().map(|delayed| delayed.job).collect();
        for lane in self.lanes.values_mut() {
            lane.listed = false;
            lane.delayed = 0;
            lane.waiting_as_newcomer = 0;
            jobs.extend(lane.queue.drain(..));
        }
        jobs
    }

    /// A newcomer that may start: the next in turn while there are many places, and else, now and
    /// then, the one for which the most jobs wait.
    fn next_newcomer(&mut self, now: Instant) -> Option<Origin> {
        if self.newcomers.running < self.limits.newcomers_in_turn() {
            return self.ready_newcomers.pop_front();
        }
        let is_due = self.newcomers.next.is_none_or(|next| next <= now);
        if !is_due || self.newcomers.running >= self.limits.newcomers() {
            return None;
        }
        let queue = |origin| self.lanes.get(origin).map_or(0, |lane| lane.queue.len());
        // Of equals, the one that waits the longest.
        let longest = self.ready_newcomers.iter().enumerate().rev();
        let (index, _) = longest.max_by_key(|(_, origin)| queue(origin))?;
        self.newcomers.next = Some(now + NEWCOMER_EVERY);
        self.ready_newcomers.remove(index)
    }

    /// A job of this origin waits no more.
    fn left(&mut self, origin: &Origin) {
        self.waiting -= 1;
        let Some(lane) = self.lanes.get_mut(origin) else { return };
        if lane.waiting_as_newcomer > lane.waiting() {
            lane.waiting_as_newcomer -= 1;
            self.newcomers.waiting -= 1;
        }
    }

    /// The origin has become proven, or a newcomer again.
    fn change_class(&mut self, origin: &Origin) {
        let Some(lane) = self.lanes.get_mut(origin) else { return };
        if lane.is_proven {
            self.newcomers.waiting -= std::mem::take(&mut lane.waiting_as_newcomer);
            self.newcomers.running -= std::mem::take(&mut lane.running_as_newcomer);
        }
        if lane.listed {
            lane.listed = false;
            self.ready.retain(|listed| listed != origin);
            self.ready_newcomers.retain(|listed| listed != origin);
        }
    }

    /// Lists an origin that may start a job and is not listed yet.
    fn list(&mut self, origin: Origin) {
        let Some(lane) = self.lanes.get_mut(&origin) else { return };
        if !lane.listed && lane.running < lane.width && !lane.queue.is_empty() {
            lane.listed = true;
            let ready = if lane.is_proven { &mut self.ready } else { &mut self.ready_newcomers };
            ready.push_back(origin);
        }
    }
}

/// How often the slow half of the newcomers' places gives one out. At most 200 are under way for
/// the 15 seconds that a request may take.
const NEWCOMER_EVERY: Duration = Duration::from_millis(250);

/// The longest that others wait for room in the queue of one origin without an answer of it, though
/// its answers usually take long.
const MOST_PATIENCE: Duration = Duration::from_secs(5);

/// The longest with an origin that nobody else waits for: as long as a request usually may take.
const PATIENCE_ALONE: Duration = Duration::from_secs(15);

/// Most origins whose width is remembered while they have nothing to do.
const MAX_LANES: usize = 1024;

#[cfg(test)]
mod tests;
