//! What the tests share: an outbox on tokio's paused clock, and stores that misbehave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::StreamExt;
use sealpush::clock::Clock;
use sealpush::outbox::{
    Claim, Claimed, KeyRing, Lease, Letter, Outbox, OutboxBuilder, Outcome, Parcel, ParcelId, Run,
    Settlement, Status, Store,
};
use sealpush::{Client, Error, ErrorKind, Message, PushProvider, Result, SealedMessage, Token};
use tokio::time::Instant;

/// The time of day as tokio's clock has it, which a test moves.
#[derive(Clone, Debug)]
pub(crate) struct Paused(Instant);

impl Paused {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Paused {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + self.0.elapsed()
    }
}

pub(crate) fn outbox(store: impl Store) -> OutboxBuilder {
    Outbox::builder(store, KeyRing::generate().unwrap()).clock(Paused::new())
}

pub(crate) fn client(provider: impl PushProvider) -> Client {
    Client::builder().provider(provider).build().unwrap()
}

pub(crate) fn sealed(token: &Token, message: Message) -> SealedMessage {
    message.seal(token.keys(), 4096).unwrap()
}

/// A letter to the token of a number at a host, tagged with the number.
pub(crate) fn letter(host: &str, name: usize) -> Letter {
    let token = crate::support::scripted::token(host, name);
    let message = sealed(&token, Message::new("hello"));
    Letter::new(token, message).with_tag(name.to_string().parse().unwrap())
}

pub(crate) fn letters(host: &str, count: usize) -> Vec<Letter> {
    (0..count).map(|name| letter(host, name)).collect()
}

/// The next outcomes of a run.
pub(crate) async fn next(run: &mut Run, count: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while outcomes.len() < count {
        outcomes.push(run.next().await.unwrap().unwrap());
    }
    outcomes
}

/// All outcomes on record, by parcel; fails when a parcel has two.
pub(crate) async fn recorded(outbox: &Outbox) -> BTreeMap<ParcelId, Outcome> {
    let mut all = BTreeMap::new();
    let mut last = 0;
    loop {
        let page = outbox.outcomes(last, 100).await.unwrap();
        let Some((number, _)) = page.last() else { return all };
        assert!(*number > last && page.is_sorted_by_key(|(number, _)| *number));
        last = *number;
        for (_, outcome) in page {
            assert_eq!(all.insert(outcome.id, outcome), None, "a parcel has two outcomes");
        }
    }
}

/// A store of which every n-th call fails, before or after it was done.
#[derive(Clone, Debug)]
pub(crate) struct Failing<S> {
    pub(crate) store: S,
    every: usize,
    calls: Arc<AtomicUsize>,
    away: Arc<AtomicBool>,
}

impl<S: Store> Failing<S> {
    pub(crate) fn new(store: S, every: usize) -> Self {
        Self { store, every, calls: Arc::default(), away: Arc::default() }
    }

    /// Whether no call gets through.
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    async fn perhaps<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let error = || Err(Error::new(ErrorKind::Unavailable, "the store is away"));
        if self.away.load(Ordering::SeqCst) {
            return error();
        }
        if !number.is_multiple_of(self.every) {
            return call.await;
        }
        if (number / self.every).is_multiple_of(2) {
            call.await?;
        }
        error()
    }
}

#[async_trait]
impl<S: Store> Store for Failing<S> {
    async fn enqueue(&self, parcels: Vec<Parcel>) -> Result<()> {
        self.perhaps(self.store.enqueue(parcels)).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>> {
        self.perhaps(self.store.claim(claim)).await
    }

    async fn renew(&self, leases: &[Lease], until: SystemTime) -> Result<Vec<bool>> {
        self.perhaps(self.store.renew(leases, until)).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>> {
        self.perhaps(self.store.settle(settlements)).await
    }

    async fn outcomes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Outcome)>> {
        self.store.outcomes(after, limit).await
    }

    async fn forget(&self, through: u64, now: SystemTime) -> Result<()> {
        self.store.forget(through, now).await
    }

    async fn dead(&self, limit: usize) -> Result<Vec<Outcome>> {
        self.store.dead(limit).await
    }

    async fn retry(&self, ids: &[ParcelId], now: SystemTime) -> Result<u64> {
        self.store.retry(ids, now).await
    }

    async fn status(&self, now: SystemTime) -> Result<Status> {
        self.store.status(now).await
    }
}
