//! How far a check has come, for the one who asks after it panicked or did not stop.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::known::Known;
use super::watch::Watch;

/// Shared between the thread of a check and the one that waits for it.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Inner>);

#[derive(Default)]
struct Inner {
    watch: OnceLock<Arc<Watch>>,
    known: OnceLock<Arc<Known>>,
    doing: Mutex<String>,
}

impl Stage {
    /// Keeps the watch of the check that begins.
    pub(crate) fn open(&self, watch: Arc<Watch>) {
        // A stage has one check.
        let _ = self.0.watch.set(watch);
    }

    /// Keeps what must not be shown.
    pub(crate) fn know(&self, known: Arc<Known>) {
        let _ = self.0.known.set(known);
    }

    /// What must not be shown, once the check has begun.
    pub(crate) fn known(&self) -> Option<&Known> {
        self.0.known.get().map(|known| &**known)
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
