//! The connections, by where they lead: which one a request takes, and which are kept.
//!
//! The first request to an origin opens a connection and the others wait for it. HTTP/2 shares it;
//! over HTTP/1.1 each request under way has one of its own. What waits is served in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::life::{Ending, Life};
use crate::endpoint::Origin;
use crate::guard::Reach;
use crate::transport::failure::{self, Failure};

/// Where a connection leads. What the operator listed shares none with what the guard let through.
pub(super) type Key = (Reach, Origin);

/// The connections of a transport.
pub(super) struct Pool {
    /// HTTP/2 connections per origin.
    connections: usize,
    /// Most connections in all that are kept though nobody uses them.
    idle: usize,
    state: Mutex<State>,
}

/// The half of a connection that takes requests.
pub(super) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(h2::client::SendRequest<Bytes>),
}

/// What a request gets.
pub(super) enum Turn {
    /// A place on a connection.
    Use(Lease),
    /// The task to open one.
    Open(Opening),
    /// Somebody else tried to open one, and failed.
    Failed(Failure),
}

impl Pool {
    pub(super) fn new(connections: usize, idle: usize) -> Arc<Self> {
        Arc::new(Self { connections, idle, state: Mutex::default() })
    }

    /// Waits for a turn.
    pub(super) async fn turn(self: &Arc<Self>, key: &Key) -> Turn {
        let waiting = {
            let mut state = self.lock();
            let state = &mut *state;
            let lane = state.lanes.entry(key.clone()).or_default();
            state.open -= lane.forget();
            match lane.waiting.is_empty().then(|| lane.next(self.connections)) {
                Some(Next::Use(index)) => {
                    if let Some(lease) = lane.lease(index, self, key) {
                        return Turn::Use(lease);
                    }
                    lane.wait(VecDeque::push_back)
                }
                Some(Next::Open) => return Turn::Open(lane.open(self, key)),
                Some(Next::Wait) | None => lane.wait(VecDeque::push_back),
            }
        };
        waited(waiting).await
    }

    /// Closes what nobody uses.
    pub(super) fn close_idle(&self) {
        self.lock().trim(0);
    }

    /// Gives a turn to those who wait, as far as there are any.
    pub(super) fn serve(self: &Arc<Self>, key: &Key) {
        let mut turns = Vec::new();
        {
            let mut state = self.lock();
            let state = &mut *state;
            if let Some(lane) = state.lanes.get_mut(key) {
                state.open -= lane.forget();
                lane.waiting.retain(|waiting| !waiting.is_closed());
                while !lane.waiting.is_empty() {
                    let turn = match lane.next(self.connections) {
                        Next::Use(index) => lane.lease(index, self, key).map(Turn::Use),
                        Next::Open => Some(Turn::Open(lane.open(self, key))),
                        Next::Wait => None,
                    };
                    let Some(turn) = turn else { break };
                    turns.push((lane.waiting.pop_front(), turn));
                }
                if lane.is_unused() {
                    state.lanes.remove(key);
                }
            }
            if state.open > self.idle {
                state.trim(self.idle);
            }
        }
        // Outside of the lock: a turn that nobody takes any more comes back at once.
        for (waiting, turn) in turns {
            if let Some(waiting) = waiting {
                drop(waiting.send(turn));
            }
        }
    }

    fn release(self: &Arc<Self>, lease: &mut Lease) {
        {
            let mut state = self.lock();
            let lane = state.lanes.get_mut(&lease.key);
            let found = lane.and_then(|lane| {
                lane.connections.iter_mut().find(|found| Arc::ptr_eq(&found.life, &lease.life))
            });
            if let Some(found) = found {
                found.under_way -= 1;
                lease.life.settle(found.under_way);
                if found.under_way == 0 {
                    lease.life.set_idle(Some(Instant::now()));
                }
                match lease.sender.take() {
                    Some(Sender::Http1(sender)) if lease.reusable && !sender.is_closed() => {
                        found.sender = Some(Sender::Http1(sender));
                    }
                    Some(Sender::Http1(_)) => lease.life.end(Ending::Closed),
                    _ => {}
                }
                if found.under_way == 0 && lease.life.is_over() {
                    lease.life.end(Ending::Closed);
                }
            }
        }
        self.serve(&lease.key);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for connection in state.lanes.values().flat_map(|lane| &lane.connections) {
            connection.life.end(Ending::Closed);
        }
    }
}

/// A place on a connection, given back when dropped.
pub(super) struct Lease {
    pool: Arc<Pool>,
    key: Key,
    answers: u64,
    pub(super) life: Arc<Life>,
    pub(super) sender: Option<Sender>,
    /// The whole response has been read, so that HTTP/1.1 can go on.
    pub(super) reusable: bool,
    /// It is the first on its connection.
    pub(super) fresh: bool,
    /// The request has an end: an answer, or a failure of its own.
    pub(super) finished: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Given up, and not one answer came meanwhile: nobody else should wait for this server.
        if !self.finished && self.life.answers() == self.answers {
            self.life.retire();
        }
        let pool = Arc::clone(&self.pool);
        pool.release(self);
    }
}

/// The task to open a connection; given to the next who waits when dropped.
pub(super) struct Opening {
    pool: Arc<Pool>,
    key: Key,
}

impl Opening {
    /// Adds the connection, and waits for a place on it before all others.
    pub(super) async fn opened(self, sender: Sender, life: Arc<Life>) -> Turn {
        let waiting = {
            let mut state = self.pool.lock();
            state.open += 1;
            let lane = state.lanes.entry(self.key.clone()).or_default();
            lane.connections.push(Connection { life, sender: Some(sender), under_way: 0, uses: 0 });
            lane.wait(VecDeque::push_front)
        };
        // Ends the opening, and serves those who waited for it.
        drop(self);
        waited(waiting).await
    }

    /// Tells all who wait for the connection why there is none.
    pub(super) fn failed(self, failure: &Failure) {
        let waiting = {
            let mut state = self.pool.lock();
            let lane = state.lanes.get_mut(&self.key);
            lane.map(|lane| std::mem::take(&mut lane.waiting)).unwrap_or_default()
        };
        for waiting in waiting {
            drop(waiting.send(Turn::Failed(failure.clone())));
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        {
            let mut state = self.pool.lock();
            if let Some(lane) = state.lanes.get_mut(&self.key) {
                lane.opening -= 1;
            }
        }
        let pool = Arc::clone(&self.pool);
        pool.serve(&self.key);
    }
}

/// Waits for a turn that a lane has promised.
async fn waited(turn: oneshot::Receiver<Turn>) -> Turn {
    // The lane holds the other end until it has sent, and forgets nobody who waits.
    turn.await.unwrap_or(Turn::Failed(failure::NOT_CONNECTED))
}

#[derive(Default)]
struct State {
    lanes: HashMap<Key, Lane>,
    /// Connections in all lanes.
    open: usize,
}

impl State {
    /// Closes idle connections beyond the limit: first those of origins that were used once, then
    /// those that were not used for the longest.
    fn trim(&mut self, most: usize) {
        let connections = self.lanes.values().flat_map(|lane| &lane.connections);
        let mut idle: Vec<_> = connections
            .filter(|found| found.under_way == 0)
            .map(|found| (found.uses > 1, found.life.idle_since(), &found.life))
            .collect();
        let surplus = idle.len().saturating_sub(most);
        idle.sort_unstable_by_key(|&(proven, since, _)| (proven, since));
        for (_, _, life) in idle.into_iter().take(surplus) {
            life.end(Ending::Closed);
        }
        if surplus > 0 {
            for lane in self.lanes.values_mut() {
                self.open -= lane.forget();
            }
            self.lanes.retain(|_, lane| !lane.is_unused());
        }
    }
}

/// What leads to one origin.
#[derive(Default)]
struct Lane {
    connections: Vec<Connection>,
    opening: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

struct Connection {
    life: Arc<Life>,
    /// Absent while a request over HTTP/1.1 has it.
    sender: Option<Sender>,
    under_way: usize,
    uses: u64,
}

impl Connection {
    fn is_gone(&self) -> bool {
        self.under_way == 0 && self.life.is_over()
    }

    fn has_room(&self) -> bool {
        let room = match &self.sender {
            Some(Sender::Http1(sender)) => !sender.is_closed(),
            Some(Sender::Http2(_)) => self.under_way < self.life.streams(),
            None => false,
        };
        room && !self.life.is_over()
    }

    fn is_http2(&self) -> bool {
        matches!(self.sender, Some(Sender::Http2(_))) && !self.life.is_over()
    }
}

enum Next {
    Use(usize),
    Open,
    Wait,
}

impl Lane {
    fn wait(
        &mut self,
        put: fn(&mut VecDeque<oneshot::Sender<Turn>>, oneshot::Sender<Turn>),
    ) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        put(&mut self.waiting, sender);
        receiver
    }

    /// Forgets the connections that are gone, and says how many these are.
    fn forget(&mut self) -> usize {
        let before = self.connections.len();
        self.connections.retain(|found| !found.is_gone());
        before - self.connections.len()
    }

    fn is_unused(&self) -> bool {
        self.opening == 0 && self.waiting.is_empty() && self.connections.is_empty()
    }

    fn open(&mut self, pool: &Arc<Pool>, key: &Key) -> Opening {
        self.opening += 1;
        Opening { pool: Arc::clone(pool), key: key.clone() }
    }

    /// What the next who waits should do.
    fn next(&self, connections: usize) -> Next {
        let http2 = self.connections.iter().filter(|found| found.is_http2()).count();
        let with_room = self.connections.iter().enumerate().filter(|(_, found)| found.has_room());
        let best = with_room.min_by_key(|(_, found)| found.under_way);
        match best {
            // One more shared connection, as long as the others are busy, opened by one request.
            Some((_, found)) if found.under_way > 0 && http2 < connections && self.opening == 0 => {
                Next::Open
            }
            Some((index, _)) => Next::Use(index),
            None if http2 > 0 && http2 + self.opening >= connections => Next::Wait,
            None if self.opening == 0 => Next::Open,
            // Over HTTP/1.1 nobody can share what is being opened.
            None if http2 == 0 && !self.connections.is_empty() => Next::Open,
            None => Next::Wait,
        }
    }

    fn lease(&mut self, index: usize, pool: &Arc<Pool>, key: &Key) -> Option<Lease> {
        let found = self.connections.get_mut(index)?;
        found.under_way += 1;
        found.uses += 1;
        found.life.grant();
        found.life.set_idle(None);
        let sender = match &found.sender {
            Some(Sender::Http2(sender)) => Some(Sender::Http2(sender.clone())),
            _ => found.sender.take(),
        };
        Some(Lease {
            pool: Arc::clone(pool),
            key: key.clone(),
            answers: found.life.answers(),
            life: Arc::clone(&found.life),
            sender,
            reusable: false,
            fresh: found.uses == 1,
            finished: false,
        })
    }
}
