use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::budget::Budget;
use super::jitter::Jitter;
use super::origin::Origin;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{SealedMessage, Ttl};
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::token::Token;

/// Repeats an attempt that may succeed later, with the same sealed octets.
///
/// What may succeed later is [`Error::is_retryable`]: `RateLimited`, `Timeout`, `Transport`,
/// `Unavailable`. Between attempts it waits; [`RetryPolicy`] says how long and how often. So a
/// message is delivered *at least* once: where an outcome is unknown, the receiver may get it
/// twice and drops the second by its own message id.
///
/// It does not hedge: there is never more than one attempt under way. Dropping the call ends it
/// wherever it stands.
///
/// Each retry is a `tracing` event of target `sealpush::retry`, level `DEBUG`, with the fields
/// `provider`, `token` (a fingerprint), `attempt` (the one that failed, from 1), `kind`, `status`
/// and `delay_ms`.
#[derive(Debug)]
pub struct Retry<P> {
    inner: P,
    retrier: Retrier,
}

impl<P: PushProvider> Retry<P> {
    /// Repeats the attempts of `inner` by a policy.
    #[must_use]
    pub fn new(inner: P, policy: RetryPolicy) -> Self {
        let retrier = Retrier::new(policy, inner.capabilities());
        Self { inner, retrier }
    }
}

#[async_trait]
impl<P: PushProvider> PushProvider for Retry<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    /// # Errors
    ///
    /// What the last attempt answered.
    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.retrier.send(&self.inner, token, message).await
    }
}

/// How often and how soon an attempt is repeated.
///
/// The wait before attempt *n* + 1 is random between 0 and `base` × 2^(*n* - 1), at most `cap`
/// ("full jitter"). A `Retry-After` of the push service is a lower bound, plus 0 to 10 %, so that
/// those who were told the same do not come back together. No attempt starts after the message's
/// own TTL, counted from the first, or after [`with_max_elapsed`](Self::with_max_elapsed); a
/// message with TTL 0 is therefore tried once.
///
/// A budget bounds what a push service that is down can cost, however many messages there are: for
/// each origin, 100 retries, one more for every ten successes; a retry after a timeout counts
/// double. First attempts are free.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    attempts: NonZeroU32,
    base: Duration,
    rate_limited_base: Duration,
    cap: Duration,
    max_elapsed: Duration,
    never_twice: bool,
    seed: Option<u64>,
}

impl RetryPolicy {
    /// Most attempts, the first included. Default: 8.
    #[must_use]
    pub fn with_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Upper bound of the first wait. Default: 500 ms.
    #[must_use]
    pub fn with_base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Upper bound of the first wait after `RateLimited`. Default: 1 s.
    #[must_use]
    pub fn with_rate_limited_base(mut self, base: Duration) -> Self {
        self.rate_limited_base = base;
        self
    }

    /// Upper bound of every wait but those that the push service asks for. Default: 60 s.
    #[must_use]
    pub fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// The time after the first attempt in which others may start. Default: 15 minutes.
    #[must_use]
    pub fn with_max_elapsed(mut self, max_elapsed: Duration) -> Self {
        self.max_elapsed = max_elapsed;
        self
    }

    /// Does not repeat an attempt with an unknown outcome, unless the provider
    /// [is idempotent](Capabilities::idempotent): rather lost than twice.
    #[must_use]
    pub fn never_twice(mut self) -> Self {
        self.never_twice = true;
        self
    }

    /// Makes the random waits repeatable, for a test.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::MIN.saturating_add(7),
            base: Duration::from_millis(500),
            rate_limited_base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            max_elapsed: Duration::from_secs(15 * 60),
            never_twice: false,
            seed: None,
        }
    }
}

/// Decides about retries; the same for the layer and for the client.
#[derive(Debug)]
pub(crate) struct Retrier {
    policy: RetryPolicy,
    repeats_unknown: bool,
    budget: Budget,
    jitter: Jitter,
}

impl Retrier {
    pub(crate) fn new(policy: RetryPolicy, capabilities: Capabilities) -> Self {
        Self {
            repeats_unknown: capabilities.idempotent || !policy.never_twice,
            budget: Budget::default(),
            jitter: Jitter::new(policy.seed),
            policy,
        }
    }

    /// Sends until something final happens, waiting in between.
    pub(crate) async fn send(
        &self,
        provider: &dyn PushProvider,
        token: &Token,
        message: &SealedMessage,
    ) -> Result<Accepted> {
        let origin = Origin::of(token);
        let mut attempts = self.begin(message.ttl());
        loop {
            let error = match provider.send(token, message).await {
                Ok(accepted) => {
                    self.succeeded(&origin);
                    return Ok(accepted);
                }
                Err(error) => error,
            };
            let Some(delay) = self.again(&mut attempts, token, &origin, &error) else {
                return Err(error);
            };
            sleep(delay).await;
            // A busy runtime wakes us late.
            if attempts.is_over() {
                return Err(error);
            }
        }
    }

    /// Starts counting at the first attempt.
    pub(crate) fn begin(&self, ttl: Ttl) -> Attempts {
        let last_start = Instant::now() + ttl.as_duration().min(self.policy.max_elapsed);
        Attempts { made: 1, last_start }
    }

    /// How long to wait before the next attempt; `None` when there is none.
    pub(crate) fn again(
        &self,
        attempts: &mut Attempts,
        token: &Token,
        origin: &Origin,
        error: &Error,
    ) -> Option<Duration> {
        let may_repeat = error.is_retryable() && (error.is_outcome_known() || self.repeats_unknown);
        if !may_repeat || attempts.made >= self.policy.attempts.get() {
            return None;
        }
        let delay = self.delay(attempts, error)?;
        if !self.budget.spend(origin, error.kind()) {
            return None;
        }
        debug!(
            target: "sealpush::retry",
            provider = token.provider().as_str(),
            token = %token.fingerprint(),
            attempt = attempts.made,
            kind = ?error.kind(),
            status = error.status(),
            delay_ms = delay.as_millis() as u64,
            "the attempt failed and will be repeated"
        );
        attempts.made += 1;
        Some(delay)
    }

    /// Pays into the budget of an origin.
    pub(crate) fn succeeded(&self, origin: &Origin) {
        self.budget.earn(origin);
    }

    fn delay(&self, attempts: &Attempts, error: &Error) -> Option<Duration> {
        let left = attempts.last_start.checked_duration_since(Instant::now())?;
        let asked = error.retry_after().unwrap_or(Duration::ZERO);
        if asked >= left {
            return None;
        }
        let base = match error.kind() {
            ErrorKind::RateLimited => self.policy.rate_limited_base,
            _ => self.policy.base,
        };
        let factor = 2_u32.saturating_pow(attempts.made - 1);
        let backoff = base.saturating_mul(factor).min(self.policy.cap).mul_f64(self.jitter.unit());
        let asked = asked + asked.mul_f64(self.jitter.unit() / 10.0);
        let delay = backoff.max(asked);
        (delay < left).then_some(delay)
    }
}

/// What was tried for one message so far.
#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    made: u32,
    last_start: Instant,
}

impl Attempts {
    /// Whether it is too late for another one.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.last_start
    }
}
