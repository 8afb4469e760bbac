use std::cmp::Ordering;

use tokio::time::Instant;

use super::Waiting;

/// A job that waits for a time: the earliest is greatest, and of equals the oldest.
pub(super) struct Delayed<K> {
    pub(super) until: Instant,
    pub(super) number: u64,
    pub(super) job: Waiting<K>,
}

impl<K> Ord for Delayed<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.until, other.number).cmp(&(self.until, self.number))
    }
}

impl<K> PartialOrd for Delayed<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> PartialEq for Delayed<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K> Eq for Delayed<K> {}
