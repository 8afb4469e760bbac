use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::keys::KeyRing;
use super::outcome::{Outcome, Status};
use super::parcel::{Letter, ParcelId};
use super::rules::Rules;
use super::run::Run;
use super::store::Store;
use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::error::Result;

/// A store with the keys to it: letters go in, and a worker sends them.
///
/// Cloning is cheap; the clones are the same outbox.
///
/// ```
/// # #[cfg(feature = "mock")]
/// # async fn example(token: sealpush::Token) -> sealpush::Result<()> {
/// use std::time::Duration;
/// use futures_util::StreamExt;
/// use sealpush::outbox::{KeyRing, Letter, Memory, Outbox};
/// use sealpush::{Client, Message, providers::Mock};
///
/// let client = Client::builder().provider(Mock::new()).build()?;
/// let outbox = Outbox::builder(Memory::new(), KeyRing::generate()?).build();
///
/// let sealed = client.seal(&token, &Message::new("hello"))?;
/// outbox.add([Letter::new(token, sealed).with_tag("user-17".parse()?)]).await?;
/// // From here on, it will have an outcome.
///
/// let mut run = outbox.run(client);
/// while let Some(outcome) = run.next().await {
///     match outcome {
///         Ok(outcome) if outcome.is_token_dead() => println!("forget {:?}", outcome.tag),
///         Ok(outcome) => println!("{}: {}", outcome.id, outcome.verdict),
///         Err(error) => eprintln!("the store: {error}"),
///     }
/// #   break;
/// }
/// run.drain(Duration::from_secs(20)).await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Outbox(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: KeyRing,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rules: Rules,
    pub(super) lease: Duration,
    pub(super) poll: Duration,
    pub(super) wake: Notify,
}

impl Outbox {
    /// Starts with the defaults.
    pub fn builder(store: impl Store, keys: KeyRing) -> OutboxBuilder {
        OutboxBuilder {
            store: Arc::new(store),
            keys,
            clock: Arc::new(SystemClock),
            rules: Rules::default(),
            lease: Duration::from_secs(60),
            poll: Duration::from_millis(500),
        }
    }

    /// Closes letters and puts them into the store, all or none. When it has answered, each of them
    /// will have exactly one outcome.
    ///
    /// # Errors
    ///
    /// `Configuration` for a letter that would expire before it may be sent. The store's errors may
    /// leave open whether it took them: repeat the call with letters that have
    /// [ids](Letter::with_id).
    pub async fn add(&self, letters: impl IntoIterator<Item = Letter>) -> Result<Vec<ParcelId>> {
        let now = self.0.clock.now();
        let letters = letters.into_iter();
        let parcels: Vec<_> =
            letters.map(|letter| self.0.keys.pack(&letter, now)).collect::<Result<_>>()?;
        let ids = parcels.iter().map(|parcel| parcel.id()).collect();
        self.0.store.enqueue(parcels).await?;
        self.0.wake.notify_one();
        Ok(ids)
    }

    /// Starts a worker, which sends what is due through the client, until the answer is dropped or
    /// drained. See [`Run`]. Any number of workers, in any number of processes, may share a store.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "dropping it ends the worker"]
    pub fn run(&self, client: Client) -> Run {
        Run::start(self, client)
    }

    /// Recorded outcomes, from the first number after `after`; see [`Store::outcomes`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn outcomes(&self, after: u64, limit: usize) -> Result<Vec<(u64, Outcome)>> {
        self.0.store.outcomes(after, limit).await
    }

    /// Forgets outcomes up to a number; see [`Store::forget`]. Until then the store grows.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn forget(&self, through: u64) -> Result<()> {
        self.0.store.forget(through, self.0.clock.now()).await
    }

    /// Dead parcels; see [`Store::dead`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn dead(&self, limit: usize) -> Result<Vec<Outcome>> {
        self.0.store.dead(limit).await
    }

    /// Sends dead parcels again; see [`Store::retry`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn retry(&self, ids: &[ParcelId]) -> Result<u64> {
        let retried = self.0.store.retry(ids, self.0.clock.now()).await?;
        self.0.wake.notify_one();
        Ok(retried)
    }

    /// Counts what is in the store.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn status(&self) -> Result<Status> {
        self.0.store.status(self.0.clock.now()).await
    }
}

/// Configures an [`Outbox`].
#[derive(Debug)]
#[must_use]
pub struct OutboxBuilder {
    store: Arc<dyn Store>,
    keys: KeyRing,
    clock: Arc<dyn Clock>,
    rules: Rules,
    lease: Duration,
    poll: Duration,
}

impl OutboxBuilder {
    /// Most attempts at one parcel, before it is dead. Default: 32, which is about a day.
    pub fn attempts(mut self, attempts: NonZeroU32) -> Self {
        self.rules.attempts = attempts;
        self
    }

    /// The wait before the second attempt, doubled for each one after it up to the cap. Half of it
    /// is random, and a `Retry-After` is a lower bound. Default: 2 s, up to an hour.
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        (self.rules.base, self.rules.cap) = (base, cap);
        self
    }

    /// How long a parcel stays with a worker that does not renew its claim, because it died or
    /// hangs: a running one renews three times in that time. Default: 60 s. At least 1 s, and well
    /// over the time that one attempt may take.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// How often an idle worker looks for parcels that another process has added, or whose time has
    /// come. Default: 500 ms.
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval.max(Duration::from_millis(1));
        self
    }

    /// Tells the time, for tests. Default: the operating system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the outbox.
    #[must_use]
    pub fn build(self) -> Outbox {
        let Self { store, keys, clock, rules, lease, poll } = self;
        Outbox(Arc::new(Inner { store, keys, clock, rules, lease, poll, wake: Notify::new() }))
    }
}
