//! The time of day, handed in: expiry dates and `Retry-After` are computed from it, and a test can
//! set it.

use std::fmt::Debug;
use std::sync::Arc;
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
