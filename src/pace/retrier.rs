use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::debug;

use super::budget::Budget;
use super::jitter::Jitter;
use super::origin::Origin;
use super::policy::RetryPolicy;
use super::runtime::check_runtime;
use crate::error::{Error, ErrorKind, Result};
use crate::message::SealedMessage;
use crate::options::Ttl;
use crate::provider::{Accepted, Capabilities, PushProvider};
use crate::token::Token;

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
            budget: Budget::new(policy.budget),
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
        check_runtime().map_err(|error| error.with_provider(provider.id()))?;
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
            match self.next(&mut attempts, token, &origin, error) {
                Next::Final(error) => return Err(error),
                Next::Repeat { delay, error } => {
                    sleep(delay).await;
                    // A busy runtime wakes us late.
                    if attempts.is_over() {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Starts counting at the first attempt.
    pub(crate) fn begin(&self, ttl: Ttl) -> Attempts {
        let last_start = Instant::now() + ttl.as_duration().min(self.policy.max_elapsed);
        Attempts { made: 1, last_start }
    }

    /// Whether a failure is the last, or how long to wait before the next attempt.
    pub(crate) fn next(
        &self,
        attempts: &mut Attempts,
        token: &Token,
        origin: &Origin,
        error: Error,
    ) -> Next {
        let error = error.with_attempts(attempts.made);
        let may_repeat = error.is_retryable() && (error.is_outcome_known() || self.repeats_unknown);
        if !may_repeat || attempts.made >= self.policy.attempts.get() {
            return Next::Final(error);
        }
        let Some(delay) = self.delay(attempts, &error) else { return Next::Final(error) };
        if !self.budget.spend(origin, error.kind()) {
            return Next::Final(error.with_spent_budget());
        }
        debug!(
            target: "sealpush::retry",
            provider = token.provider().as_str(),
            token = %token.fingerprint(),
            attempt = attempts.made,
            kind = error.kind().as_str(),
            status = error.status(),
            delay_ms = delay.as_millis() as u64,
            "the attempt failed and will be repeated"
        );
        attempts.made += 1;
        Next::Repeat { delay, error }
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

/// What follows a failure.
pub(crate) enum Next {
    Final(Error),
    Repeat { delay: Duration, error: Error },
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
