use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::{Error, ErrorKind, Result};
use crate::message::SealedMessage;
use crate::pace::{Origin, PerOrigin, check_runtime};
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::token::Token;

/// Holds attempts back to a rate, for each origin.
///
/// A token bucket: [`Rate`] says how fast it fills and how much it holds. Attempts that find it
/// empty wait their turn, first come first served; dropping one that waits takes nothing out.
///
/// It is written here rather than taken from the crate `governor`, which counts with a clock of its
/// own, so that no test can set it, and waits with a thread of its own.
#[derive(Debug)]
pub struct RateLimit<P> {
    inner: P,
    rate: Rate,
    max_wait: Duration,
    buckets: PerOrigin<Arc<Mutex<Bucket>>>,
}

impl<P: PushProvider> RateLimit<P> {
    /// Longest wait for a turn, unless [`with_max_wait`](Self::with_max_wait) sets another.
    pub const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(60);

    /// Holds the attempts of `inner` back to `rate`.
    #[must_use]
    pub fn new(inner: P, rate: Rate) -> Self {
        Self { inner, rate, max_wait: Self::DEFAULT_MAX_WAIT, buckets: PerOrigin::new(worth) }
    }

    /// Gives up an attempt that waited this long for its turn.
    #[must_use]
    pub fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    async fn turn(&self, token: &Token) {
        let bucket = self.buckets.with(&Origin::of(token), Arc::default, |bucket| bucket.clone());
        // The lock is tokio's, which is fair: it is the queue of those who wait.
        let mut bucket = bucket.lock().await;
        if let Some(filled) = bucket.empty_until(self.rate) {
            sleep_until(filled).await;
        }
        bucket.take(self.rate);
    }
}

#[async_trait]
impl<P: PushProvider> PushProvider for RateLimit<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    /// # Errors
    ///
    /// `RateLimited` when the turn did not come in time: nothing was sent. Otherwise what the
    /// provider answers.
    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        check_runtime().map_err(|error| error.with_provider(self.id()))?;
        if timeout(self.max_wait, self.turn(token)).await.is_err() {
            return Err(Error::new(
                ErrorKind::RateLimited,
                format!("our own rate limit gave no turn within {:?}", self.max_wait),
            )
            .with_provider(self.id()));
        }
        self.inner.send(token, message).await
    }
}

/// How many attempts in how much time, and how many of them at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// So many attempts in a second.
    #[must_use]
    pub fn per_second(attempts: NonZeroU32) -> Self {
        Self::new(attempts, Duration::from_secs(1))
    }

    /// So many attempts in a minute, as vendors count their quotas.
    #[must_use]
    pub fn per_minute(attempts: NonZeroU32) -> Self {
        Self::new(attempts, Duration::from_secs(60))
    }

    /// Lets so many attempts go at once after a pause. Default: a tenth of a second's worth, at
    /// least one. Timers tick in milliseconds, so that a rate above 1000 a second is reached only
    /// with a burst of several milliseconds' worth.
    #[must_use]
    pub fn with_burst(mut self, attempts: NonZeroU32) -> Self {
        self.burst = attempts.get();
        self
    }

    fn new(attempts: NonZeroU32, period: Duration) -> Self {
        let interval = period / attempts.get();
        let tenth = Duration::from_millis(100).as_nanos() / interval.as_nanos().max(1);
        Self { interval, burst: u32::try_from(tenth).unwrap_or(u32::MAX).max(1) }
    }
}

/// A bucket that is not full, or that somebody waits for, is worth more than one that a new one
/// could stand for.
fn worth(bucket: &Arc<Mutex<Bucket>>) -> u64 {
    match bucket.try_lock() {
        Ok(bucket) => {
            let left = bucket.full.saturating_duration_since(Instant::now());
            u64::try_from(left.as_nanos()).unwrap_or(u64::MAX)
        }
        Err(_) => u64::MAX,
    }
}

/// A bucket as the time at which it is full again (the generic cell rate algorithm): nothing has
/// to fill it, and one that was full long ago is like a new one.
#[derive(Debug)]
struct Bucket {
    full: Instant,
}

impl Bucket {
    /// When it holds one attempt's worth, if it does not.
    fn empty_until(&self, rate: Rate) -> Option<Instant> {
        let filled = self.full.checked_sub(rate.interval.saturating_mul(rate.burst - 1))?;
        (filled > Instant::now()).then_some(filled)
    }

    fn take(&mut self, rate: Rate) {
        self.full = self.full.max(Instant::now()) + rate.interval;
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self { full: Instant::now() }
    }
}
