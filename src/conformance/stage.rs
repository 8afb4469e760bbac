//! How far a check has come, for the one who asks after it panicked or did not stop.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::watch::Watch;

/// Shared between the thread of a check and the one that waits for it.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Inner>);

#[derive(Default)]
struct Inner {
    watch: OnceLock<Arc<Watch>>,
    doing: Mutex<String>,
}

impl Stage {
    /// Keeps the watch of the check that begins.
    pub(crate) fn open(&self, watch: Arc<Watch>) {
        // A stage has one check.
        let _ = self.0.watch.set(watch);
    }

    /// The watch, once the check has begun.
    pub(crate) fn watch(&self) -> Option<&Watch> {
        self.0.watch.get().map(|watch| &**watch)
    }

    /// Says what the check does next.
    pub(crate) fn set(&self, doing: String) {
        *self.0.doing.lock().unwrap_or_else(PoisonError::into_inner) = doing;
    }

    /// What the check did last, in brackets; empty if it said nothing.
    pub(crate) fn last(&self) -> String {
        let doing = self.0.doing.lock().unwrap_or_else(PoisonError::into_inner);
        if doing.is_empty() { String::new() } else { format!(" ({doing})") }
    }
}
