use std::num::NonZeroU32;
use std::time::Duration;

/// How often and how soon an attempt is repeated.
///
/// The wait before attempt *n* + 1 is random between 0 and `base` × 2^(*n* - 1), at most `cap`
/// ("full jitter"). A `Retry-After` of the push service is a lower bound, plus 0 to 10 %, so that
/// those who were told the same do not come back together. No attempt starts after the message's
/// own TTL, counted from the first, or after [`with_max_elapsed`](Self::with_max_elapsed); a
/// message with TTL 0 is therefore tried once.
///
/// A budget bounds what a push service that is down can cost, however many messages there are: for
/// each origin, [as many retries as it holds](Self::with_budget), one more for every ten successes;
/// a retry after a timeout counts double. First attempts are free.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    pub(super) attempts: NonZeroU32,
    pub(super) base: Duration,
    pub(super) rate_limited_base: Duration,
    pub(super) cap: Duration,
    pub(super) max_elapsed: Duration,
    pub(super) never_twice: bool,
    pub(super) budget: u32,
    pub(super) seed: Option<u64>,
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
    /// [is idempotent](crate::Capabilities::idempotent): rather lost than twice.
    #[must_use]
    pub fn never_twice(mut self) -> Self {
        self.never_twice = true;
        self
    }

    /// How many retries the budget of an origin holds when it is full. Default: 100. With 0 there
    /// are none.
    #[must_use]
    pub fn with_budget(mut self, retries: u32) -> Self {
        self.budget = retries;
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
            budget: 100,
            seed: None,
        }
    }
}
