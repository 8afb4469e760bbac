//! One credential for all sends, renewed before it ends, by one request at a time.
//!
//! For a provider of your own, too: Apple refuses a token that was renewed within 20 minutes of the
//! one before, and takes none that is older than an hour, which is
//! [`with_least_age`](CredentialCache::with_least_age) and
//! [`with_most_age`](CredentialCache::with_most_age).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use crate::{Error, ErrorKind, Result};

/// Keeps one credential and renews it: single flight, on a clock that is handed in.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::time::{Duration, SystemTime};
/// use sealpush::providers::credential::CredentialCache;
///
/// let cache = CredentialCache::new()
///     .with_least_age(Duration::from_secs(20 * 60))
///     .with_most_age(Duration::from_secs(55 * 60));
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_437_179_036);
/// let sign = || async { Ok(("a signed token", now + Duration::from_secs(3600))) };
/// let first = cache.get(now, sign).await?;
/// // Refused too early: another one would be refused as well.
/// assert!(cache.replace(&first, now, sign).await?.is_none());
/// # Ok::<_, sealpush::Error>(()) }).unwrap();
/// ```
pub struct CredentialCache<T> {
    least_age: Duration,
    most_age: Option<Duration>,
    current: RwLock<Option<Held<T>>>,
    /// Held while a credential is obtained.
    flight: Mutex<()>,
    landed: RwLock<Landed>,
}

impl<T: Send + Sync> CredentialCache<T> {
    /// An empty cache: a credential is used until shortly before its end, and replaced as soon as
    /// it is refused.
    #[must_use]
    pub fn new() -> Self {
        Self {
            least_age: Duration::ZERO,
            most_age: None,
            current: RwLock::default(),
            flight: Mutex::default(),
            landed: RwLock::default(),
        }
    }

    /// Replaces no credential that is younger, though it was refused.
    #[must_use]
    pub fn with_least_age(self, age: Duration) -> Self {
        Self { least_age: age, ..self }
    }

    /// Uses no credential that is older, though its end is far.
    #[must_use]
    pub fn with_most_age(self, age: Duration) -> Self {
        Self { most_age: Some(age), ..self }
    }

    /// A credential that is good for another few minutes. `obtain` is asked for one and the moment
    /// of its end when there is none; whoever asks meanwhile waits for the same answer.
    ///
    /// # Errors
    ///
    /// Those of `obtain`, but never with an unknown outcome and never about a token: no message was
    /// sent.
    pub async fn get<F>(&self, now: SystemTime, obtain: impl FnOnce() -> F + Send) -> Result<Arc<T>>
    where
        F: Future<Output = Result<(T, SystemTime)>> + Send,
    {
        self.get_but(None, now, obtain).await
    }

    /// Another credential than the one that was refused: one that somebody else has obtained
    /// meanwhile, or a new one. `None` when another would be refused too: the refused one is younger
    /// than the [least age](Self::with_least_age), or was itself a replacement within a minute.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn replace<F>(
        &self,
        refused: &Arc<T>,
        now: SystemTime,
        obtain: impl FnOnce() -> F + Send,
    ) -> Result<Option<Arc<T>>>
    where
        F: Future<Output = Result<(T, SystemTime)>> + Send,
    {
        if let Some(held) = &*read(&self.current)
            && Arc::ptr_eq(&held.credential, refused)
        {
            let least =
                if held.is_replacement { self.least_age.max(PAUSE) } else { self.least_age };
            if now < held.obtained_at.checked_add(least).unwrap_or(now) {
                return Ok(None);
            }
        }
        self.get_but(Some(refused), now, obtain).await.map(Some)
    }

    async fn get_but<F>(
        &self,
        refused: Option<&Arc<T>>,
        now: SystemTime,
        obtain: impl FnOnce() -> F + Send,
    ) -> Result<Arc<T>>
    where
        F: Future<Output = Result<(T, SystemTime)>> + Send,
    {
        if let Some(credential) = self.usable(refused, now) {
            return Ok(credential);
        }
        let before = read(&self.landed).count;
        let _flight = self.flight.lock().await;
        if let Some(credential) = self.usable(refused, now) {
            return Ok(credential);
        }
        // A request that failed while this one waited has answered for it too. Otherwise a
        // thousand sends would ask a token endpoint in trouble one after the other.
        if let Landed { count, failure: Some(failure) } = &*read(&self.landed)
            && *count != before
        {
            return Err(failure.to_error());
        }
        let obtained = obtain().await.map_err(|error| Failure::of(&error));
        let mut landed = self.landed.write().unwrap_or_else(PoisonError::into_inner);
        landed.count = landed.count.wrapping_add(1);
        landed.failure = obtained.as_ref().err().cloned();
        drop(landed);
        let (credential, end) = obtained.map_err(|failure| failure.to_error())?;
        let credential = Arc::new(credential);
        let held = Held {
            credential: Arc::clone(&credential),
            obtained_at: now,
            renew_at: self.renew_at(now, end),
            is_replacement: refused.is_some(),
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(credential)
    }

    fn usable(&self, refused: Option<&Arc<T>>, now: SystemTime) -> Option<Arc<T>> {
        let current = read(&self.current);
        let held = current.as_ref().filter(|held| now < held.renew_at)?;
        match refused {
            Some(refused) if Arc::ptr_eq(refused, &held.credential) => None,
            _ => Some(Arc::clone(&held.credential)),
        }
    }

    fn renew_at(&self, now: SystemTime, end: SystemTime) -> SystemTime {
        let lifetime = end.duration_since(now).unwrap_or(Duration::ZERO);
        // One that lives for minutes only is used for half of them, not renewed for every send.
        let used_for = lifetime - MARGIN.min(lifetime / 2);
        let used_for = self.most_age.map_or(used_for, |most| used_for.min(most));
        now.checked_add(used_for).unwrap_or(now)
    }
}

impl<T: Send + Sync> Default for CredentialCache<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for CredentialCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache").finish_non_exhaustive()
    }
}

struct Held<T> {
    credential: Arc<T>,
    obtained_at: SystemTime,
    renew_at: SystemTime,
    is_replacement: bool,
}

/// How the last request for a credential ended, and how many ended before.
#[derive(Default)]
struct Landed {
    count: u64,
    failure: Option<Failure>,
}

/// An error that can be told to everyone who waited.
#[derive(Clone)]
struct Failure {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    fn of(error: &Error) -> Self {
        let kind = match error.kind() {
            kind @ (ErrorKind::Blocked
            | ErrorKind::Configuration
            | ErrorKind::RateLimited
            | ErrorKind::Timeout
            | ErrorKind::Transport
            | ErrorKind::Unauthorized
            | ErrorKind::Unavailable) => kind,
            ErrorKind::UnexpectedResponse => ErrorKind::Unavailable,
            // What is left speaks of a message or its token, and there was none.
            _ => ErrorKind::Unauthorized,
        };
        Self { kind, message: error.to_string(), retry_after: error.retry_after() }
    }

    fn to_error(&self) -> Error {
        Error::new(self.kind, self.message.clone()).with_retry_after(self.retry_after)
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    // Every value is whole after each statement, so a panic elsewhere does not spoil it.
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// How long before its end a credential is renewed: 3 min 45 s, as in Google's own clients.
const MARGIN: Duration = Duration::from_secs(225);

/// How long nothing is asked for after a replacement was refused.
const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Obtains 1, 2, 3 and so on, each good for an hour.
    #[derive(Default)]
    struct Issuer(AtomicU64);

    impl Issuer {
        async fn issue(&self, now: SystemTime) -> Result<(u64, SystemTime)> {
            Ok((self.0.fetch_add(1, Ordering::SeqCst) + 1, now + 60 * MINUTE))
        }
    }

    #[tokio::test]
    async fn nothing_is_replaced_before_its_least_age() {
        let (issuer, start) = (Issuer::default(), SystemTime::UNIX_EPOCH + 1000 * MINUTE);
        let cache = CredentialCache::new().with_least_age(20 * MINUTE);
        let first = cache.get(start, || issuer.issue(start)).await.unwrap();
        for (minutes, replacement) in [(0, None), (19, None), (20, Some(2))] {
            let now = start + minutes * MINUTE;
            let other = cache.replace(&first, now, || issuer.issue(now)).await.unwrap();
            assert_eq!(other.as_deref(), replacement.as_ref(), "after {minutes} minutes");
        }
        // The replacement has an age of its own.
        let second = cache.get(start + 20 * MINUTE, || async { unreachable!() }).await.unwrap();
        let now = start + 39 * MINUTE;
        assert!(cache.replace(&second, now, || async { unreachable!() }).await.unwrap().is_none());
        // Who was refused with the first gets the second.
        let shared = cache.replace(&first, now, || async { unreachable!() }).await.unwrap();
        assert_eq!(shared.as_deref(), Some(&2));
    }

    #[tokio::test]
    async fn nothing_is_used_beyond_its_most_age() {
        let (issuer, start) = (Issuer::default(), SystemTime::UNIX_EPOCH + 1000 * MINUTE);
        let cache = CredentialCache::new().with_most_age(50 * MINUTE);
        for (minutes, expected) in [(0, 1), (49, 1), (50, 2), (99, 2), (100, 3)] {
            let now = start + minutes * MINUTE;
            let got = cache.get(now, || issuer.issue(now)).await.unwrap();
            assert_eq!(*got, expected, "after {minutes} minutes");
        }
    }

    #[tokio::test]
    async fn a_failure_says_nothing_of_a_message() {
        let cache = CredentialCache::<u8>::new();
        for (kind, seen) in [
            (ErrorKind::Expired, ErrorKind::Unauthorized),
            (ErrorKind::TokenMismatch, ErrorKind::Unauthorized),
            (ErrorKind::UnexpectedResponse, ErrorKind::Unavailable),
            (ErrorKind::Timeout, ErrorKind::Timeout),
        ] {
            let failing = || async { Err(Error::new(kind, "no").with_unknown_outcome()) };
            let error = cache.get(SystemTime::UNIX_EPOCH, failing).await.unwrap_err();
            assert_eq!(error.kind(), seen);
            assert!(error.is_outcome_known() && !error.is_token_dead());
        }
    }
}
