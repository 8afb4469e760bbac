use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;

use super::outcome::{Outcome, Status, Verdict};
use super::parcel::{Lane, Parcel, ParcelId};
use super::store::{Claim, Claimed, Lease, Settlement, Store};
use crate::error::Result;

/// A store in memory, for tests of an application: it keeps every promise of a [`Store`] but that
/// parcels outlive the process.
///
/// Clones are the same store.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn enqueue(&self, parcels: Vec<Parcel>) -> Result<()> {
        let mut state = self.lock();
        for parcel in parcels {
            let id = parcel.id();
            if !state.open.contains_key(&id) && !state.numbers.contains_key(&id) {
                let row = Row {
                    at: parcel.not_before(),
                    parcel,
                    claim: 0,
                    held: false,
                    attempts: 0,
                    unknown: 0,
                };
                state.insert(row);
            }
        }
        Ok(())
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>> {
        let mut state = self.lock();
        let mut claimed = Vec::new();
        for (lane, room) in claim.lanes() {
            let room = room.min(claim.limit - claimed.len());
            let due = state.order.range((lane, SystemTime::UNIX_EPOCH, ParcelId::from([0; 16]))..);
            let due = due.take_while(|(of, at, _)| *of == lane && *at <= claim.now);
            let ids: Vec<_> = due.take(room).map(|(.., id)| *id).collect();
            for id in ids {
                let Some(mut row) = state.remove(&id) else { continue };
                row.attempts = row.attempts.saturating_add(u32::from(row.held));
                row.unknown = row.unknown.saturating_add(u32::from(row.held));
                (row.held, row.claim, row.at) = (true, row.claim + 1, claim.until());
                let lease = Lease { id, number: row.claim };
                claimed.push(Claimed::new(lease, row.parcel.clone(), row.attempts, row.unknown));
                state.insert(row);
            }
        }
        Ok(claimed)
    }

    async fn renew(&self, leases: &[Lease], until: SystemTime) -> Result<Vec<bool>> {
        let mut state = self.lock();
        let renewed = leases.iter().map(|lease| match state.held(lease) {
            Some(row) => {
                state.insert(Row { at: until, ..row });
                true
            }
            None => false,
        });
        Ok(renewed.collect())
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>> {
        let mut state = self.lock();
        let settled = settlements.iter().map(|settlement| {
            let Some(row) = state.held(&settlement.lease()) else { return false };
            match settlement {
                Settlement::Again { at, attempts, unknown, .. } => {
                    let (at, attempts, unknown) = (*at, *attempts, *unknown);
                    state.insert(Row { at, attempts, unknown, held: false, ..row });
                }
                Settlement::Done { outcome, .. } => state.end(row, outcome.clone()),
            }
            true
        });
        Ok(settled.collect())
    }

    async fn outcomes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Outcome)>> {
        let state = self.lock();
        let later = state.outcomes.range(after.saturating_add(1)..).take(limit);
        Ok(later.map(|(number, outcome)| (*number, outcome.clone())).collect())
    }

    async fn forget(&self, through: u64, now: SystemTime) -> Result<()> {
        let mut state = self.lock();
        let State { outcomes, numbers, dead, .. } = &mut *state;
        outcomes.retain(|number, outcome| {
            let is_kept = *number > through
                || dead.get(&outcome.id).is_some_and(|row| row.parcel.expires() > now);
            if !is_kept {
                numbers.remove(&outcome.id);
                dead.remove(&outcome.id);
            }
            is_kept
        });
        Ok(())
    }

    async fn dead(&self, limit: usize) -> Result<Vec<Outcome>> {
        let state = self.lock();
        let dead = state.outcomes.values().filter(|outcome| outcome.verdict == Verdict::Dead);
        Ok(dead.take(limit).cloned().collect())
    }

    async fn retry(&self, ids: &[ParcelId], now: SystemTime) -> Result<u64> {
        let mut state = self.lock();
        let mut retried = 0;
        for id in ids {
            let Some(row) = state.dead.remove(id) else { continue };
            if let Some(number) = state.numbers.remove(id) {
                state.outcomes.remove(&number);
            }
            state.insert(Row { at: now, held: false, attempts: 0, unknown: 0, ..row });
            retried += 1;
        }
        Ok(retried)
    }

    async fn status(&self, now: SystemTime) -> Result<Status> {
        let state = self.lock();
        let mut status = Status::default();
        for row in state.open.values() {
            if row.at <= now {
                status.due += 1;
                status.oldest = Some(status.oldest.map_or(row.at, |oldest| oldest.min(row.at)));
            } else if row.held {
                status.claimed += 1;
            } else {
                status.waiting += 1;
            }
        }
        for outcome in state.outcomes.values() {
            status.add(outcome.verdict, 1, outcome.unknown.into());
        }
        Ok(status)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Memory")
            .field("open", &state.open.len())
            .field("outcomes", &state.outcomes.len())
            .finish()
    }
}

#[derive(Default)]
struct State {
    open: HashMap<ParcelId, Row>,
    order: BTreeSet<(Lane, SystemTime, ParcelId)>,
    outcomes: BTreeMap<u64, Outcome>,
    numbers: HashMap<ParcelId, u64>,
    dead: HashMap<ParcelId, Row>,
    last: u64,
}

impl State {
    fn insert(&mut self, row: Row) {
        self.order.insert(row.key());
        self.open.insert(row.parcel.id(), row);
    }

    fn remove(&mut self, id: &ParcelId) -> Option<Row> {
        let row = self.open.remove(id)?;
        self.order.remove(&row.key());
        Some(row)
    }

    /// Takes out a parcel whose last claim this is.
    fn held(&mut self, lease: &Lease) -> Option<Row> {
        let row = self.open.get(&lease.id)?;
        if row.held && row.claim == lease.number { self.remove(&lease.id) } else { None }
    }

    fn end(&mut self, row: Row, outcome: Outcome) {
        let id = row.parcel.id();
        self.last += 1;
        self.numbers.insert(id, self.last);
        if outcome.verdict == Verdict::Dead {
            self.dead.insert(id, row);
        }
        self.outcomes.insert(self.last, outcome);
    }
}

struct Row {
    parcel: Parcel,
    /// When it may be claimed.
    at: SystemTime,
    /// How often it was claimed.
    claim: u64,
    /// Whether the last claim is not settled.
    held: bool,
    attempts: u32,
    unknown: u32,
}

impl Row {
    fn key(&self) -> (Lane, SystemTime, ParcelId) {
        (self.parcel.lane(), self.at, self.parcel.id())
    }
}
