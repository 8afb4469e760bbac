//! The time of day, handed in: expiry dates and `Retry-After` are computed from it, and a test can
//! set it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Tells the time of day.
///
/// Providers take one, so that a test can move a credential to its expiry without waiting.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> SystemTime;

    /// Seconds since the UNIX epoch, as JSON Web Tokens count them (RFC 7519 §2, NumericDate).
    /// Zero for a clock set before 1970.
    fn unix_seconds(&self) -> u64 {
        self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn unix_seconds(&self) -> u64 {
        (**self).unix_seconds()
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the time of day")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that stands still until it is set, for tests. Clones are the same clock.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use sealpush::clock::{Clock, SetClock};
///
/// let clock = SetClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
/// let seen_by_a_provider = clock.clone();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(seen_by_a_provider.unix_seconds(), 1_000_003_600);
/// ```
#[derive(Clone, Debug)]
pub struct SetClock(Arc<Mutex<SystemTime>>);

impl SetClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, time: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for SetClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
