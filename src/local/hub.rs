//! The state that connections share.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::request::Parts;
use tokio::sync::Notify;

use super::acknowledgement::{Acknowledgement, Acknowledgements};
use super::faults::{Fault, Faults};
use super::store::{Deposit, Line, PublicKey, Store};
use super::vendors::Vendors;
use super::webpush::{MESSAGE_PATH, OPEN_PATH, RESTRICTED_PATH, Refusal};
use super::{PathKind, Request};
use crate::clock::Clock;
use crate::seal::keys::fill_random;

/// One push service: its store, its faults, its record, its clock.
pub(crate) struct Service {
    origin: String,
    clock: Arc<dyn Clock>,
    require_vapid: bool,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    record: Mutex<Record>,
    acknowledgements: Mutex<Acknowledgements>,
    vendors: Vendors,
    /// Tells those who wait for what a user agent does.
    told: Notify,
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
            acknowledgements: Mutex::default(),
            vendors: Vendors::default(),
            told: Notify::new(),
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

    pub(super) fn vendors(&self) -> &Vendors {
        &self.vendors
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

    /// Deletes a message of this user agent, and remembers what it said about it.
    pub(super) fn acknowledge(&self, uaid: &str, id: String, code: Acknowledgement) {
        if self.store().acknowledge(uaid, &id) {
            lock(&self.acknowledgements).insert(id, code);
            self.told.notify_waiters();
        }
    }

    pub(super) fn unregister(&self, uaid: &str, channel_id: &str) {
        self.store().unregister(uaid, channel_id);
        self.told.notify_waiters();
    }

    /// Waits for what the user agent says about the message of this URL.
    pub(super) async fn acknowledgement(&self, message_resource: &str) -> Acknowledgement {
        let id = last_segment(message_resource);
        self.until(|| lock(&self.acknowledgements).get(id)).await
    }

    /// Connects a user agent; see [`Store::hello`].
    pub(super) fn hello(
        &self,
        claimed: Option<String>,
        fresh: String,
        line: Arc<Line>,
    ) -> Option<String> {
        let uaid = self.store().hello(claimed, fresh, line)?;
        self.told.notify_waiters();
        Some(uaid)
    }

    /// Waits until a user agent is connected.
    pub(super) async fn connected(&self) {
        self.until(|| self.store().has_user_agent().then_some(())).await;
    }

    /// Waits until there is no subscription at this URL.
    pub(super) async fn ended(&self, push_resource: &str) {
        let address = last_segment(push_resource);
        self.until(|| self.store().key(address).err()).await;
    }

    async fn until<T>(&self, look: impl Fn() -> Option<T> + Send) -> T {
        loop {
            let mut told = pin!(self.told.notified());
            // From here on nothing is missed, so that it is safe to look.
            told.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            told.await;
        }
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

fn last_segment(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, segment)| segment)
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
