//! The worker: claims, sends through the client, settles, renews.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tracing::{debug, warn};

use super::courier::Inner;
use super::outcome::{Outcome, Verdict};
use super::parcel::{Lane, ParcelId};
use super::rules::Held;
use super::store::{Claim, Claimed, Lease, Settlement};
use crate::client::{Client, Job, SendMany};
use crate::error::{Error, Result};
use crate::message::SealedMessage;
use crate::pace::Jitter;
use crate::token::Token;

pub(super) struct Worker {
    outbox: Arc<Inner>,
    client: Client,
    jitter: Jitter,
    /// What is claimed and has no settlement in the store yet.
    held: HashMap<ParcelId, (Lane, Held)>,
    lanes: Lanes,
    /// Settlements that the store has not taken yet.
    unsettled: Vec<Settlement>,
    settle_at: Instant,
    claim_at: Instant,
    /// What the reader has not taken yet.
    unread: VecDeque<Result<Outcome>>,
    events: mpsc::Sender<Result<Outcome>>,
    jobs: mpsc::UnboundedSender<Job<ParcelId>>,
    sending: SendMany<ParcelId, Jobs>,
}

type Jobs = Pin<Box<dyn Stream<Item = Job<ParcelId>> + Send>>;

impl Worker {
    pub(super) fn new(
        outbox: Arc<Inner>,
        client: Client,
        events: mpsc::Sender<Result<Outcome>>,
    ) -> Self {
        // Bounded by what is held.
        let (jobs, mut claimed) = mpsc::unbounded_channel();
        let stream: Jobs = Box::pin(stream::poll_fn(move |cx| claimed.poll_recv(cx)));
        let now = Instant::now();
        Self {
            outbox,
            jitter: Jitter::new(None),
            held: HashMap::new(),
            lanes: Lanes::new(client.parcels_in_hand()),
            unsettled: Vec::new(),
            settle_at: now,
            claim_at: now,
            unread: VecDeque::new(),
            events,
            jobs,
            sending: client.send_many(stream),
            client,
        }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<Option<Duration>>) {
        let third = (self.outbox.lease / 3).max(Duration::from_millis(1));
        let mut renewal = interval_at(Instant::now() + third, third);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (outbox, events) = (Arc::clone(&self.outbox), self.events.clone());
        let deadline = loop {
            let may_claim = self.lanes.free() > 0 && self.unsettled.is_empty();
            let claim_at = if may_claim && self.lanes.want_more() {
                self.claim_at.min(Instant::now())
            } else {
                self.claim_at
            };
            tokio::select! {
                biased;
                deadline = told(&mut stop) => break deadline,
                _ = renewal.tick() => self.renew().await,
                Ok(place) = events.reserve(), if !self.unread.is_empty() => {
                    if let Some(outcome) = self.unread.pop_front() {
                        place.send(outcome);
                    }
                }
                () = sleep_until(self.settle_at), if !self.unsettled.is_empty() => {
                    self.settle().await;
                }
                Some(first) = self.sending.next(), if self.unread.len() < BATCH => {
                    self.attempted(first);
                    while self.unsettled.len() < BATCH
                        && let Some(Some(next)) = self.sending.next().now_or_never()
                    {
                        self.attempted(next);
                    }
                    if Instant::now() >= self.settle_at {
                        self.settle().await;
                    }
                }
                () = sleep_until(claim_at), if may_claim => self.claim().await,
                () = outbox.wake.notified(), if may_claim => self.claim().await,
            }
        };
        self.end(deadline).await;
    }

    async fn claim(&mut self) {
        let now = self.now();
        let mut claim = Claim::new(now, self.outbox.lease, self.lanes.free());
        claim.room = self.lanes.room();
        claim.first = self.lanes.next_first();
        self.claim_at = Instant::now() + self.outbox.poll;
        let claimed = match self.outbox.store.claim(&claim).await {
            Ok(claimed) => claimed,
            Err(error) => return self.failed(error),
        };
        self.lanes.claimed(&claim, &claimed);
        for parcel in claimed {
            self.take(parcel, now);
        }
        if !self.unsettled.is_empty() && Instant::now() >= self.settle_at {
            self.settle().await;
        }
    }

    /// Hands a parcel to the client, unless it has its end already.
    fn take(&mut self, claimed: Claimed, now: SystemTime) {
        let held = Held::of(&claimed);
        let lane = claimed.parcel.lane();
        if let Some((_, mine)) = self.held.get_mut(&held.id()) {
            // The lease ran out, but nobody else has it, and the attempt is still under way here.
            mine.lease = held.lease;
            self.lanes.left(lane);
            return;
        }
        let settlement = held.refuse(&self.outbox.rules, now).or_else(|| {
            match self.open(&claimed, now) {
                Ok((token, message)) => {
                    // The other end is in `sending`, which lives as long as this.
                    let _ = self.jobs.send(Job::new(held.id(), token, message));
                    None
                }
                Err(settlement) => Some(settlement),
            }
        });
        self.unsettled.extend(settlement);
        self.held.insert(held.id(), (lane, held));
    }

    /// Opens a parcel, and takes from the TTL what has passed of it.
    fn open(
        &self,
        claimed: &Claimed,
        now: SystemTime,
    ) -> Result<(Token, SealedMessage), Settlement> {
        let held = Held::of(claimed);
        let dead = |error: Error| held.end(Verdict::Dead, Some(&error), now);
        let (token, message) = self.outbox.keys.unpack(&claimed.parcel).map_err(dead)?;
        // One that knows no TTL would refuse what is left of one.
        if !self.client.capabilities(&token).is_some_and(|can| can.ttl) {
            return Ok((token, message));
        }
        let waited = now.duration_since(claimed.parcel.not_before()).unwrap_or_default();
        match message.after(waited) {
            Ok(message) => Ok((token, message)),
            Err(_) => Err(held.end(Verdict::Expired, None, now)),
        }
    }

    fn attempted(&mut self, (id, outcome): (ParcelId, Result<crate::Accepted>)) {
        let Some((_, held)) = self.held.get(&id) else { return };
        let (rules, now) = (&self.outbox.rules, self.now());
        self.unsettled.push(held.clone().settle(&outcome, rules, &self.jitter, now));
    }

    /// Whether the store took what there was.
    async fn settle(&mut self) -> bool {
        let settled = match self.outbox.store.settle(&self.unsettled).await {
            Ok(settled) => settled,
            Err(error) => {
                self.settle_at = Instant::now() + PAUSE;
                self.failed(error);
                return false;
            }
        };
        let settlements = std::mem::take(&mut self.unsettled);
        for (settlement, is_recorded) in settlements.into_iter().zip(settled) {
            let id = settlement.lease().id;
            if let Some((lane, _)) = self.held.remove(&id) {
                self.lanes.left(lane);
            }
            match settlement {
                _ if !is_recorded => {
                    debug!(target: "sealpush::outbox", parcel = %id, "another worker has claimed it");
                }
                Settlement::Done { outcome, .. } => self.unread.push_back(Ok(outcome)),
                Settlement::Again { .. } => {}
            }
        }
        true
    }

    async fn renew(&mut self) {
        let leases: Vec<Lease> = self.held.values().map(|(_, held)| held.lease).collect();
        if leases.is_empty() {
            return;
        }
        let now = self.now();
        let until = now.checked_add(self.outbox.lease).unwrap_or(now);
        match self.outbox.store.renew(&leases, until).await {
            Ok(renewed) => {
                let lost = renewed.iter().filter(|is_renewed| !**is_renewed).count();
                if lost > 0 {
                    warn!(target: "sealpush::outbox", lost, "leases ran out before they were renewed");
                }
            }
            Err(error) => self.failed(error),
        }
    }

    /// Ends in order.
    async fn end(mut self, deadline: Duration) {
        let until = Instant::now() + deadline;
        let drained = self.sending.drain(deadline).await;
        drained.finished.into_iter().for_each(|finished| self.attempted(finished));
        // The rest was not tried: the client has given it back, or never had it.
        let now = self.now();
        let settled: Vec<_> =
            self.unsettled.iter().map(|settlement| settlement.lease().id).collect();
        settled.iter().for_each(|id| {
            if let Some((lane, _)) = self.held.remove(id) {
                self.lanes.left(lane);
            }
        });
        self.unsettled.extend(self.held.values().map(|(_, held)| held.give_back(now)));
        // Then the leases run out, and others go on.
        while !self.settle().await && Instant::now() < until + PAUSE * 3 {
            sleep_until(self.settle_at).await;
        }
        for outcome in std::mem::take(&mut self.unread) {
            if self.events.send(outcome).await.is_err() {
                return;
            }
        }
    }

    /// The store failed; one report of many is enough for a reader who is slow.
    fn failed(&mut self, error: Error) {
        warn!(target: "sealpush::outbox", kind = error.kind().as_str(), "the store failed: {error}");
        if !matches!(self.unread.back(), Some(Err(_))) {
            self.unread.push_back(Err(error));
        }
    }

    fn now(&self) -> SystemTime {
        self.outbox.clock.now()
    }
}

/// Waits until the worker is told to end. Whoever drops the sender aborts the worker.
async fn told(stop: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match stop.wait_for(Option::is_some).await {
        Ok(deadline) => deadline.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    }
}

/// How many parcels of each lane are in hand.
struct Lanes {
    most: usize,
    most_of_one: usize,
    all: usize,
    of: [usize; Lane::COUNT as usize],
    /// Whether the last claim left some of the lane behind, for want of room.
    left_behind: [bool; Lane::COUNT as usize],
    first: Lane,
}

impl Lanes {
    fn new((most, most_of_one): (usize, usize)) -> Self {
        Self {
            most,
            most_of_one,
            all: 0,
            of: [0; Lane::COUNT as usize],
            left_behind: [false; Lane::COUNT as usize],
            first: Lane::new(0),
        }
    }

    fn free(&self) -> usize {
        self.most.saturating_sub(self.all)
    }

    fn room(&self) -> [usize; Lane::COUNT as usize] {
        self.of.map(|held| self.most_of_one.saturating_sub(held))
    }

    /// Whether a claim will find some, enough to be worth it.
    fn want_more(&self) -> bool {
        let worth = |room: usize, most: usize| room >= most.div_ceil(2);
        worth(self.free(), self.most.min(self.most_of_one))
            && self
                .room()
                .iter()
                .zip(self.left_behind)
                .any(|(room, left_behind)| left_behind && worth(*room, self.most_of_one))
    }

    fn next_first(&mut self) -> Lane {
        let first = self.first;
        self.first = Lane::new(first.number() + 1);
        first
    }

    fn claimed(&mut self, claim: &Claim, claimed: &[Claimed]) {
        let mut count = [0; Lane::COUNT as usize];
        for parcel in claimed {
            count[usize::from(parcel.parcel.lane().number())] += 1;
        }
        let is_full = claimed.len() >= claim.limit;
        for ((held, left_behind), (count, room)) in
            self.of.iter_mut().zip(&mut self.left_behind).zip(count.into_iter().zip(claim.room))
        {
            *held += count;
            *left_behind = is_full || count >= room;
        }
        self.all += claimed.len();
    }

    fn left(&mut self, lane: Lane) {
        self.all = self.all.saturating_sub(1);
        if let Some(held) = self.of.get_mut(usize::from(lane.number())) {
            *held = held.saturating_sub(1);
        }
    }
}

/// Most settlements that go to the store at once.
const BATCH: usize = 512;
/// The wait before a store that failed is asked again.
const PAUSE: Duration = Duration::from_secs(1);
