//! What is remembered of each origin, in bounded memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::origin::Origin;

/// Something for each origin. When it is full, half is forgotten: what is worth least, and of
/// equals what was not asked for the longest. So nobody who brings many names gets rid of what
/// matters.
pub(crate) struct PerOrigin<T> {
    table: Mutex<Table<T>>,
    worth: fn(&T) -> u64,
}

impl<T> PerOrigin<T> {
    /// Most origins that are remembered. A thousand push services would be many; more are a
    /// stranger's doing.
    pub(crate) const CAPACITY: usize = 4096;

    /// Remembers longest what `worth` says most of.
    pub(crate) fn new(worth: fn(&T) -> u64) -> Self {
        Self { table: Mutex::new(Table { entries: HashMap::new(), clock: 0 }), worth }
    }

    /// Works on what is kept for an origin, made first where there is none.
    pub(crate) fn with<R>(
        &self,
        origin: &Origin,
        make: impl FnOnce() -> T,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.clock += 1;
        let clock = table.clock;
        if table.entries.len() >= Self::CAPACITY && !table.entries.contains_key(origin) {
            table.forget_half(self.worth);
        }
        let entry = table.entries.entry(origin.clone());
        let entry = entry.or_insert_with(|| Entry { value: make(), used: clock });
        entry.used = clock;
        work(&mut entry.value)
    }

    /// Works on what is kept for an origin, if anything is.
    pub(crate) fn with_existing<R>(
        &self,
        origin: &Origin,
        work: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.clock += 1;
        let clock = table.clock;
        let entry = table.entries.get_mut(origin)?;
        entry.used = clock;
        Some(work(&mut entry.value))
    }

    /// Forgets an origin.
    pub(crate) fn forget(&self, origin: &Origin) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.entries.remove(origin);
    }
}

impl<T> fmt::Debug for PerOrigin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerOrigin").finish_non_exhaustive()
    }
}

struct Table<T> {
    entries: HashMap<Origin, Entry<T>>,
    /// Counts the questions, so that no two entries were used at the same time.
    clock: u64,
}

impl<T> Table<T> {
    fn forget_half(&mut self, worth: fn(&T) -> u64) {
        let rank = |entry: &Entry<T>| (worth(&entry.value), entry.used);
        let mut ranks: Vec<_> = self.entries.values().map(rank).collect();
        let middle = ranks.len() / 2;
        let median = *ranks.select_nth_unstable(middle).1;
        self.entries.retain(|_, entry| rank(entry) > median);
    }
}

struct Entry<T> {
    value: T,
    used: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::origin::tests::host;

    #[test]
    fn the_table_stays_bounded_and_keeps_what_is_in_use() {
        let kept = PerOrigin::<u32>::new(|_| 0);
        for n in 0..3 * PerOrigin::<u32>::CAPACITY {
            kept.with(&host(0), || 0, |count| *count += 1);
            kept.with(&host(n), || 0, |_| ());
            assert!(kept.table.lock().unwrap().entries.len() <= PerOrigin::<u32>::CAPACITY);
        }
        let count = kept.with(&host(0), || 0, |count| *count);
        assert_eq!(count as usize, 3 * PerOrigin::<u32>::CAPACITY);
    }

    #[test]
    fn a_full_table_forgets_half_and_only_for_a_newcomer() {
        let full = PerOrigin::<u32>::CAPACITY;
        let kept = PerOrigin::<u32>::new(|_| 0);
        (0..full).for_each(|n| kept.with(&host(n), || 0, |_| ()));
        kept.with(&host(7), || 0, |_| ());
        assert_eq!(kept.table.lock().unwrap().entries.len(), full);
        kept.with(&host(full), || 0, |_| ());
        let left = kept.table.lock().unwrap().entries.len();
        assert!((full / 2 - 1..=full / 2 + 1).contains(&left), "{left}");
    }

    #[test]
    fn what_is_worth_most_is_the_last_to_be_forgotten() {
        let kept = PerOrigin::<u64>::new(|value| *value);
        kept.with(&host(0), || 2, |_| ());
        for n in 1..3 * PerOrigin::<u64>::CAPACITY {
            kept.with(&host(n), || 1, |_| ());
        }
        assert_eq!(kept.with_existing(&host(0), |value| *value), Some(2));
        assert_eq!(kept.with_existing(&host(1), |value| *value), None);
        kept.forget(&host(0));
        assert_eq!(kept.with_existing(&host(0), |value| *value), None);
    }
}
