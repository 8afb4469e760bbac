//! The state that connections share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::request::Parts;

use super::faults::{Fault, Faults};
use super::http::{MESSAGE_PATH, OPEN_PATH, RESTRICTED_PATH, Refusal};
use super::store::{Deposit, PublicKey, Store};
use super::{PathKind, Request};
use crate::clock::Clock;
use crate::seal::keys::fill_random;

/// One push service: its store, its faults, its record, its clock.
#[derive(Debug)]
pub(crate) struct Service {
    origin: String,
    clock: Arc<dyn Clock>,
    require_vapid: bool,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    record: Mutex<Record>,
}

impl Service {
    pub(super) fn new(
        origin: String,
        clock: Arc<dyn Clock>,
        require_vapid: bool,
        max_stored: usize,
        faults: Faults,
    ) -> Self {
        Self {
            origin,
            clock,
            require_vapid,
            store: Mutex::new(Store::new(max_stored)),
            faults: Mutex::new(faults),
            record: Mutex::default(),
        }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(super) fn requires_vapid(&self) -> bool {
        self.require_vapid
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// Stores a message under a fresh name, and answers the name.
    pub(super) fn deposit(&self, address: &str, deposit: Deposit) -> Result<String, Refusal> {
        let id = random_name::<16>().ok_or(Refusal::UNKNOWN)?;
        self.store().deposit(address, id.clone(), deposit, self.now())?;
        Ok(id)
    }

    /// The URL of a message.
    pub(super) fn message_resource(&self, id: &str) -> String {
        format!("{}{MESSAGE_PATH}{id}", self.origin)
    }

    /// The URL of a subscription.
    pub(super) fn push_resource(&self, address: &str, key: Option<&PublicKey>) -> String {
        let path = if key.is_some() { RESTRICTED_PATH } else { OPEN_PATH };
        format!("{}{path}{address}", self.origin)
    }

    pub(crate) fn next_fault(&self) -> Fault {
        lock(&self.faults).next()
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        *lock(&self.faults) = faults;
    }

    /// Records a request as it arrives; [`finish`](Self::finish) adds the rest.
    pub(crate) fn record(&self, head: &Parts, kind: PathKind) -> u64 {
        lock(&self.record).push(Request {
            method: head.method.clone(),
            kind,
            headers: head.headers.clone(),
            body_len: 0,
            status: None,
        })
    }

    pub(crate) fn finish(&self, entry: u64, body_len: usize, status: Option<StatusCode>) {
        if let Some(request) = lock(&self.record).get_mut(entry) {
            request.body_len = body_len;
            request.status = status;
        }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        lock(&self.record).requests.iter().cloned().collect()
    }
}

/// A random name of `N` octets in base64url; `None` when the operating system has no randomness.
pub(super) fn random_name<const N: usize>() -> Option<String> {
    let mut octets = [0; N];
    fill_random(&mut octets).ok()?;
    Some(URL_SAFE_NO_PAD.encode(octets))
}

/// The latest requests, oldest first.
#[derive(Debug, Default)]
struct Record {
    /// How many were dropped from the front.
    dropped: u64,
    requests: VecDeque<Request>,
}

impl Record {
    fn push(&mut self, request: Request) -> u64 {
        if self.requests.len() == super::MAX_RECORDED {
            self.requests.pop_front();
            self.dropped += 1;
        }
        self.requests.push_back(request);
        self.dropped + self.requests.len() as u64 - 1
    }

    fn get_mut(&mut self, entry: u64) -> Option<&mut Request> {
        let index = entry.checked_sub(self.dropped)?;
        self.requests.get_mut(usize::try_from(index).ok()?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each state is whole between statements, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
