//! Time limits on the real clock.
//!
//! Tokio's clock will not do: a test that pauses it makes it jump to the next timer whenever the
//! runtime has nothing to do, also while octets are still on their way through the kernel, and
//! every limit would be over at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Time limits, kept by one thread that ends with the last clone.
#[derive(Clone)]
pub(crate) struct Deadlines(Arc<Shared>);

struct Shared {
    pending: Mutex<BTreeMap<Key, Arc<Notify>>>,
    next: AtomicU64,
    /// Its end tells the thread to stop.
    _alive: Sender<()>,
}

/// A deadline, and a number that tells it from others at the same moment.
type Key = (Instant, u64);

impl Deadlines {
    pub(crate) fn start() -> Self {
        let (alive, ended) = channel();
        let shared =
            Arc::new(Shared { pending: Mutex::default(), next: AtomicU64::new(0), _alive: alive });
        let watched = Arc::downgrade(&shared);
        // Without the thread nothing is late, which a test can live with.
        let _ = thread::Builder::new().name("deadlines".to_owned()).spawn(move || {
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                fire(&watched);
            }
        });
        Self(shared)
    }

    /// A moment that far away.
    pub(crate) fn deadline(&self, limit: Duration) -> Deadline {
        let at = Instant::now() + limit;
        let key = (at, self.0.next.fetch_add(1, Ordering::Relaxed));
        let passed = Arc::<Notify>::default();
        self.0.pending().insert(key, Arc::clone(&passed));
        Deadline { shared: Arc::clone(&self.0), key, passed }
    }

    /// What `work` gives within the time.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let deadline = self.deadline(limit);
        tokio::select! {
            biased;
            done = work => Some(done),
            () = deadline.passed() => None,
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Notify>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One moment of [`Deadlines`].
pub(crate) struct Deadline {
    shared: Arc<Shared>,
    key: Key,
    passed: Arc<Notify>,
}

impl Deadline {
    /// Waits for it, once.
    pub(crate) async fn passed(&self) {
        self.passed.notified().await;
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.shared.pending().remove(&self.key);
    }
}

fn fire(shared: &Weak<Shared>) {
    let Some(shared) = shared.upgrade() else { return };
    let mut pending = shared.pending();
    let later = pending.split_off(&(Instant::now(), u64::MAX));
    for passed in std::mem::replace(&mut *pending, later).into_values() {
        passed.notify_one();
    }
}

/// How late a deadline may be noticed.
const TICK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn real_time_passes_though_the_clock_of_tokio_stands_still_or_jumps() {
        let deadlines = Deadlines::start();
        let started = Instant::now();
        let hours = tokio::time::sleep(Duration::from_secs(36_000));
        assert!(deadlines.within(Duration::from_secs(3_600), hours).await.is_some());
        assert!(started.elapsed() < Duration::from_secs(60));

        let limit = Duration::from_millis(30);
        assert_eq!(deadlines.within(limit, std::future::pending::<()>()).await, None);
        assert!(started.elapsed() >= limit);
        assert!(deadlines.0.pending().is_empty());
    }
}
