//! Parcels in a file, by SQLite.

mod rows;
mod thread;

use std::path::Path;
use std::time::SystemTime;

use async_trait::async_trait;

use self::thread::Thread;
use super::outcome::{Outcome, Status};
use super::parcel::{Parcel, ParcelId, millis};
use super::store::{Claim, Claimed, Lease, Settlement, Store};
use crate::error::Result;

/// A [`Store`] in a file: the one to begin with. Needs no server.
///
/// * **What was acknowledged survives** the death of the process and, on a disk that keeps what it
///   was told to, a loss of power: every commit is synchronised (`WAL`, `synchronous=FULL`).
/// * **One commit for many.** Calls that come while a commit is under way share the next one, so
///   that many tasks that add one letter each are as fast as one that adds many. Blocking work is
///   done by a thread of its own, which ends with the last clone.
/// * **Processes on one machine may share a file**; not over a network file system. Each waits up to
///   10 s for the others.
/// * The file grows with what is in it and does not shrink; room is used again.
///   [Forget](Store::forget) outcomes that were read.
///
/// Beside the file there are two more with the suffixes `-wal` and `-shm`: back up all three, or with
/// SQLite's own `.backup`.
///
/// Clones are the same store.
///
/// ```
/// # async fn example() -> sealpush::Result<()> {
/// use sealpush::outbox::{KeyRing, Outbox, Sqlite};
///
/// let keys: KeyRing = std::env::var("OUTBOX_KEYS").unwrap_or_default().parse()?;
/// let outbox = Outbox::builder(Sqlite::open("outbox.db").await?, keys).build();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Sqlite(Thread);

impl Sqlite {
    /// Opens a file, which is made where there is none.
    ///
    /// # Errors
    ///
    /// `Configuration` when the file cannot be opened, is no database, or was written by a later
    /// version of this crate; `Unavailable` when it is in use or the disk fails.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self(Thread::open(path.as_ref().to_owned()).await?))
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn enqueue(&self, parcels: Vec<Parcel>) -> Result<()> {
        self.0.call(move |database| rows::enqueue(database, &parcels)).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>> {
        let claim = claim.clone();
        self.0.call(move |database| rows::claim(database, &claim)).await
    }

    async fn renew(&self, leases: &[Lease], until: SystemTime) -> Result<Vec<bool>> {
        let leases = leases.to_vec();
        self.0.call(move |database| rows::renew(database, &leases, millis(until))).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>> {
        let settlements = settlements.to_vec();
        self.0.call(move |database| rows::settle(database, &settlements)).await
    }

    async fn outcomes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Outcome)>> {
        self.0.call(move |database| rows::outcomes(database, after, limit)).await
    }

    async fn forget(&self, through: u64, now: SystemTime) -> Result<()> {
        self.0.call(move |database| rows::forget(database, through, millis(now))).await
    }

    async fn dead(&self, limit: usize) -> Result<Vec<Outcome>> {
        self.0.call(move |database| rows::dead(database, limit)).await
    }

    async fn retry(&self, ids: &[ParcelId], now: SystemTime) -> Result<u64> {
        let ids = ids.to_vec();
        self.0.call(move |database| rows::retry(database, &ids, millis(now))).await
    }

    async fn status(&self, now: SystemTime) -> Result<Status> {
        self.0.call(move |database| rows::status(database, millis(now))).await
    }
}
