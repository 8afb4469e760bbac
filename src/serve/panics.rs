//! Panics of tasks, carried to whoever holds the server.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::watch;

/// What the first task that panicked said.
#[derive(Clone)]
pub(super) struct Panics {
    first: Arc<Mutex<Option<String>>>,
    happened: watch::Sender<bool>,
}

impl Panics {
    /// Runs a task, and remembers its panic before the task's connection is seen to break.
    pub(super) async fn watch(self, task: impl Future<Output = ()> + Send) {
        let mut task = pin!(AssertUnwindSafe(task).catch_unwind());
        if let Err(panic) = task.as_mut().await {
            self.first().get_or_insert_with(|| text(panic.as_ref()));
            self.happened.send_replace(true);
        }
    }

    pub(super) async fn happened(&self) {
        let mut happened = self.happened.subscribe();
        // The sender is here, so it does not fail.
        let _ = happened.wait_for(|happened| *happened).await;
    }

    /// What the first task that panicked said; nobody panics for it any more.
    pub(super) fn take(&self) -> Option<String> {
        self.first().take()
    }

    /// Panics as the first task did.
    pub(super) fn resume(&self) {
        let first = self.first().clone();
        if let Some(text) = first {
            panic!("a task of the server panicked: {text}");
        }
    }

    fn first(&self) -> MutexGuard<'_, Option<String>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Panics {
    fn default() -> Self {
        Self { first: Arc::default(), happened: watch::Sender::new(false) }
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
