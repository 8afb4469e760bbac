use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::outcome::{Outcome, Status};
use super::parcel::{Lane, Parcel, ParcelId};
use crate::error::Result;

/// Keeps parcels until they have an outcome.
///
/// A parcel is *open* until an outcome is recorded. An open parcel waits until a time, and may be
/// claimed from then on; a claim makes it wait for as long as its lease lasts. So a worker that
/// dies gives back what it held by doing nothing. Claims of one parcel are numbered, and only the
/// last one can settle it: of two workers that hold the same parcel, because the lease of one ran
/// out, one records the outcome.
///
/// What was acknowledged (`Ok`) outlives the process; what that means for a power failure is for
/// the store to say. Calls may be dropped at any await, and have then happened whole or not at all.
/// Errors are `Unavailable` where the same call may succeed later, and `Configuration` where it
/// will not; they hold nothing of a parcel.
///
/// The stores that there are stand in the table of the [module](crate::outbox).
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Takes parcels, all or none. One whose id is known, open or ended, is not taken again, and
    /// that is no error.
    ///
    /// # Errors
    ///
    /// When they could not be stored, or when that is not certain: repeat it with the same ids.
    async fn enqueue(&self, parcels: Vec<Parcel>) -> Result<()>;

    /// Claims parcels whose time has come, see [`Claim`]. Of a lane, the longest due first.
    ///
    /// A parcel whose last lease ran out has one more attempt with one more unknown outcome: its
    /// worker may have sent it.
    ///
    /// # Errors
    ///
    /// When nothing could be claimed, or when that is not certain: leases run out.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>>;

    /// Makes leases last until `until`; for each, whether it was still the parcel's last one.
    ///
    /// # Errors
    ///
    /// When that is not certain.
    async fn renew(&self, leases: &[Lease], until: SystemTime) -> Result<Vec<bool>>;

    /// Records what became of claimed parcels, in one step; for each, whether its lease was still
    /// the parcel's last one. Where it was not, nothing is recorded.
    ///
    /// # Errors
    ///
    /// When nothing was recorded, or when that is not certain: repeat it.
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>>;

    /// Outcomes in the order of their numbers, from the first after `after`, at most so many.
    /// Numbers grow from 1 and are never given twice; no outcome appears with a number below one
    /// that was already read.
    ///
    /// # Errors
    ///
    /// When they could not be read.
    async fn outcomes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Outcome)>>;

    /// Forgets outcomes up to this number, and with them that their parcels were known. Dead
    /// parcels that have not expired at `now` are kept.
    ///
    /// # Errors
    ///
    /// When that is not certain.
    async fn forget(&self, through: u64, now: SystemTime) -> Result<()>;

    /// Dead parcels, the longest dead first, at most so many.
    ///
    /// # Errors
    ///
    /// When they could not be read.
    async fn dead(&self, limit: usize) -> Result<Vec<Outcome>>;

    /// Takes back the outcome of dead parcels: they are open again, due now, with no attempts. How
    /// many there were; other ids are passed over.
    ///
    /// # Errors
    ///
    /// When that is not certain.
    async fn retry(&self, ids: &[ParcelId], now: SystemTime) -> Result<u64>;

    /// Counts.
    ///
    /// # Errors
    ///
    /// When they could not be read.
    async fn status(&self, now: SystemTime) -> Result<Status>;
}

/// What a worker asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The time. Workers on several machines need clocks that agree within a fraction of the lease.
    pub now: SystemTime,
    /// How long the claim lasts.
    pub lease: Duration,
    /// Most parcels in all.
    pub limit: usize,
    /// Where to begin; lanes follow each other in a circle.
    pub first: Lane,
    /// Most parcels of each lane.
    pub room: [usize; Lane::COUNT as usize],
}

impl Claim {
    /// Asks for at most so many parcels, of whatever lane.
    #[must_use]
    pub fn new(now: SystemTime, lease: Duration, limit: usize) -> Self {
        let room = [limit; Lane::COUNT as usize];
        Self { now, lease, limit, first: Lane::new(0), room }
    }

    /// Each lane in turn, with the most parcels to take of it; the [limit](Self::limit) bounds all
    /// of them together.
    pub fn lanes(&self) -> impl Iterator<Item = (Lane, usize)> {
        let room = |lane: &Lane| self.room.get(usize::from(lane.number())).copied().unwrap_or(0);
        self.first.all_from().map(move |lane| (lane, room(&lane))).filter(|(_, room)| *room > 0)
    }

    /// When the lease ends.
    #[must_use]
    pub fn until(&self) -> SystemTime {
        self.now.checked_add(self.lease).unwrap_or(self.now)
    }
}

/// A parcel with the right to settle it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Claimed {
    /// The right.
    pub lease: Lease,
    /// The parcel.
    pub parcel: Parcel,
    /// Attempts so far, those of workers that died among them.
    pub attempts: u32,
    /// How many of them had no known outcome.
    pub unknown: u32,
}

impl Claimed {
    /// Puts together what a store has kept apart.
    #[must_use]
    pub fn new(lease: Lease, parcel: Parcel, attempts: u32, unknown: u32) -> Self {
        Self { lease, parcel, attempts, unknown }
    }
}

/// The right to settle a parcel: the number of a claim.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Lease {
    /// Which parcel.
    pub id: ParcelId,
    /// Which claim of it. Only the last one counts.
    pub number: u64,
}

/// What became of a claimed parcel.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Settlement {
    /// It is to be claimed again, from a time on.
    Again {
        /// The claim.
        lease: Lease,
        /// From when on.
        at: SystemTime,
        /// Attempts so far.
        attempts: u32,
        /// How many of them had no known outcome.
        unknown: u32,
    },
    /// It has its outcome. Contents are deleted, but those of a dead parcel.
    Done {
        /// The claim.
        lease: Lease,
        /// The outcome, of the same parcel.
        outcome: Outcome,
    },
}

impl Settlement {
    /// The claim.
    #[must_use]
    pub fn lease(&self) -> Lease {
        match self {
            Self::Again { lease, .. } | Self::Done { lease, .. } => *lease,
        }
    }
}
