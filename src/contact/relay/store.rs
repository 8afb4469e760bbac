//! What a relay keeps, behind three small traits: revoked slots, counters, the mailbox.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

/// What a slot or a token is called in a store: 16 octets of a hash, from which neither can be
/// found.
pub type RowName = [u8; 16];

/// Slots that take nothing any more.
#[async_trait]
pub trait Revocations: Debug + Send + Sync + 'static {
    /// Remembers a slot until a time after which its address is dead anyway.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the store has trouble.
    async fn revoke(&self, slot: RowName, until: SystemTime) -> Result<()>;

    /// Whether a slot was revoked.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the store has trouble.
    async fn is_revoked(&self, slot: RowName) -> Result<bool>;
}

/// Counts by name and window of time.
#[async_trait]
pub trait Counters: Debug + Send + Sync + 'static {
    /// Adds `amount` in the window of this length that `now` falls into, unless the sum would be
    /// over `limit`. Answers how long to wait in that case, else `None`.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the store has trouble.
    async fn add(
        &self,
        name: RowName,
        amount: u32,
        limit: u32,
        window: Duration,
        now: SystemTime,
    ) -> Result<Option<Duration>>;
}

/// Sealed messages that wait for a device to ask.
#[async_trait]
pub trait Mailbox: Debug + Send + Sync + 'static {
    /// Keeps `hint ‖ sealed message` of a slot until a time; at most
    /// [`MAX_HELD`](super::MAX_HELD) messages a slot, the oldest go first.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the store has trouble.
    async fn put(&self, slot: RowName, carried: Bytes, until: SystemTime) -> Result<()>;

    /// What waits for a slot, oldest first. It is kept for a little longer, for an answer that is
    /// lost: after `forget_at` it is gone.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the store has trouble.
    async fn fetch(&self, slot: RowName, now: SystemTime, forget_at: SystemTime) -> Result<Held>;
}

/// What waited for one slot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Held {
    /// Each `hint ‖ sealed message`, oldest first.
    pub messages: Vec<Bytes>,
    /// Older ones were dropped to make room since the slot was last asked for.
    pub dropped: bool,
}

/// All three stores in memory: for tests and for a relay that may forget on a restart.
#[derive(Debug, Default)]
pub struct MemoryStore {
    revoked: Mutex<HashMap<RowName, SystemTime>>,
    counters: Mutex<HashMap<RowName, (u64, u32)>>,
    held: Mutex<HashMap<RowName, Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    messages: VecDeque<(Bytes, SystemTime)>,
    dropped: bool,
}

impl MemoryStore {
    /// Forgets what is over.
    pub fn tidy(&self, now: SystemTime) {
        lock(&self.revoked).retain(|_, until| *until >= now);
        lock(&self.counters).retain(|_, (window_end, _)| *window_end >= unix(now));
        lock(&self.held).retain(|_, slot| {
            slot.messages.retain(|(_, until)| *until >= now);
            !slot.messages.is_empty() || slot.dropped
        });
    }
}

#[async_trait]
impl Revocations for MemoryStore {
    async fn revoke(&self, slot: RowName, until: SystemTime) -> Result<()> {
        lock(&self.revoked).insert(slot, until);
        Ok(())
    }

    async fn is_revoked(&self, slot: RowName) -> Result<bool> {
        Ok(lock(&self.revoked).contains_key(&slot))
    }
}

#[async_trait]
impl Counters for MemoryStore {
    async fn add(
        &self,
        name: RowName,
        amount: u32,
        limit: u32,
        window: Duration,
        now: SystemTime,
    ) -> Result<Option<Duration>> {
        let (now, window) = (unix(now), window.as_secs().max(1));
        let end = (now / window).saturating_add(1).saturating_mul(window);
        let mut counters = lock(&self.counters);
        let (until, count) = counters.entry(name).or_insert((end, 0));
        if *until <= now {
            (*until, *count) = (end, 0);
        }
        match count.checked_add(amount).filter(|sum| *sum <= limit) {
            Some(sum) => {
                *count = sum;
                Ok(None)
            }
            None => Ok(Some(Duration::from_secs(until.saturating_sub(now)))),
        }
    }
}

#[async_trait]
impl Mailbox for MemoryStore {
    async fn put(&self, slot: RowName, carried: Bytes, until: SystemTime) -> Result<()> {
        let mut held = lock(&self.held);
        let slot = held.entry(slot).or_default();
        slot.messages.push_back((carried, until));
        if slot.messages.len() > super::MAX_HELD {
            slot.messages.pop_front();
            slot.dropped = true;
        }
        Ok(())
    }

    async fn fetch(&self, slot: RowName, now: SystemTime, forget_at: SystemTime) -> Result<Held> {
        let mut held = lock(&self.held);
        let Some(slot) = held.get_mut(&slot) else { return Ok(Held::default()) };
        slot.messages.retain(|(_, until)| *until >= now);
        let messages = slot.messages.iter().map(|(carried, _)| carried.clone()).collect();
        for (_, until) in &mut slot.messages {
            *until = forget_at.min(*until);
        }
        Ok(Held { messages, dropped: std::mem::take(&mut slot.dropped) })
    }
}

fn unix(time: SystemTime) -> u64 {
    crate::contact::octets::seconds(time)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each state is whole between statements, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
