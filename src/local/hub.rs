//! What all push services of one [`PushService`](super::PushService) share: the store, the faults,
//! the record, the clock.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::request::Parts;
use tokio::sync::{Notify, Semaphore};

use super::acknowledgement::{Acknowledgement, Acknowledgements};
use super::faults::{Fault, Faults};
use super::paths::{self, PathKind};
use super::record::{Record, Request};
use super::site::Site;
use super::store::{Deposit, Line, NotRegistered, NotStored, PublicKey, Store};
use crate::clock::Clock;
use crate::seal::keys::{NO_RANDOMNESS, fill_random};
use crate::{Error, ErrorKind, Result};

/// The state that connections share.
pub(super) struct Hub {
    site: Site,
    clock: Arc<dyn Clock>,
    observer: Option<Observer>,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    record: Mutex<Record>,
    acknowledgements: Mutex<Acknowledgements>,
    /// One permit for each octet that requests in flight may take.
    room: Arc<Semaphore>,
    /// Tells those who wait for what a user agent does.
    told: Notify,
}

impl Hub {
    pub(super) fn new(
        site: Site,
        clock: Arc<dyn Clock>,
        max_stored: usize,
        faults: Faults,
        observer: Option<Observer>,
    ) -> Self {
        Self {
            site,
            clock,
            observer,
            store: Mutex::new(Store::new(max_stored)),
            faults: Mutex::new(faults),
            record: Mutex::default(),
            acknowledgements: Mutex::default(),
            room: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            told: Notify::new(),
        }
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    pub(super) fn origin(&self) -> &str {
        self.site.origin()
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(super) fn room(&self) -> &Arc<Semaphore> {
        &self.room
    }

    /// Stores a message.
    pub(super) fn deposit(
        &self,
        address: &str,
        id: String,
        deposit: Deposit,
    ) -> Result<(), NotStored> {
        let now = self.now();
        self.store().deposit(address, id, deposit, now)
    }

    /// Deletes a message of this user agent, and remembers what it said about it.
    pub(super) fn acknowledge(&self, uaid: &str, id: String, code: Acknowledgement) {
        if self.store().acknowledge(uaid, &id) {
            lock(&self.acknowledgements).insert(id, code);
            self.told.notify_waiters();
            self.observe(|| Event::Acknowledged(code));
        }
    }

    /// Makes a subscription; see [`Store::register`].
    pub(super) fn register(
        &self,
        uaid: &str,
        channel_id: &str,
        key: Option<PublicKey>,
        address: String,
    ) -> Result<String, NotRegistered> {
        let registered = self.store().register(uaid, channel_id, key, address)?;
        self.observe(|| Event::Subscribed);
        Ok(registered)
    }

    pub(super) fn unregister(&self, uaid: &str, channel_id: &str) {
        if self.store().unregister(uaid, channel_id) {
            self.told.notify_waiters();
            self.observe(|| Event::Unsubscribed);
        }
    }

    /// Waits for what the user agent says about the message of this URL.
    pub(super) async fn acknowledgement(&self, message_resource: &str) -> Acknowledgement {
        let id = paths::last_segment(message_resource);
        self.until(|| lock(&self.acknowledgements).get(id)).await
    }

    /// What the user agent said about a message, if anything.
    pub(super) fn acknowledged(&self, id: &str) -> Option<Acknowledgement> {
        lock(&self.acknowledgements).get(id)
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
        self.observe(|| Event::Connected);
        Some(uaid)
    }

    /// Waits until a user agent is connected.
    pub(super) async fn connected(&self) {
        self.until(|| self.store().has_user_agent().then_some(())).await;
    }

    /// Waits until there is no subscription at this URL.
    pub(super) async fn ended(&self, push_resource: &str) {
        let address = paths::last_segment(push_resource);
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

    pub(super) fn next_fault(&self) -> Fault {
        lock(&self.faults).next()
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        *lock(&self.faults) = faults;
    }

    /// Records a request as it arrives; [`finish`](Self::finish) adds the rest.
    pub(super) fn record(&self, head: &Parts, kind: PathKind) -> u64 {
        lock(&self.record).push(Request::new(head, kind))
    }

    pub(super) fn finish(&self, entry: u64, body_len: usize, status: Option<StatusCode>) {
        if let Some(request) = lock(&self.record).get_mut(entry) {
            request.body_len = body_len;
            request.status = status;
        }
    }

    /// Tells the observer that a request has come to its end.
    pub(super) fn observe_end(&self, entry: u64) {
        if self.observer.is_some() {
            let ended = lock(&self.record).get_mut(entry).map(|request| request.clone());
            if let Some(request) = ended {
                self.observe(|| Event::Request(request));
            }
        }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        lock(&self.record).requests()
    }

    fn observe(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            (observer.0)(&event());
        }
    }
}

/// Something that happened at a [`PushService`](super::PushService), for those who
/// [watch](super::PushServiceBuilder::on_event).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A user agent said what became of a message.
    Acknowledged(Acknowledgement),
    /// A user agent connected.
    Connected,
    /// A request was answered or cut off.
    Request(Request),
    /// A user agent, or a device of a double, subscribed.
    Subscribed,
    /// A user agent, or a device of a double, ended a subscription.
    Unsubscribed,
}

/// Who is told of events.
#[derive(Clone)]
pub(super) struct Observer(pub(super) Arc<dyn Fn(&Event) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// A random name of `N` octets in base64url.
///
/// # Errors
///
/// `Unavailable` when the operating system has no randomness.
pub(super) fn random_name<const N: usize>() -> Result<String> {
    let mut octets = [0; N];
    fill_random(&mut octets).map_err(|_| Error::new(ErrorKind::Unavailable, NO_RANDOMNESS))?;
    Ok(URL_SAFE_NO_PAD.encode(octets))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each state is whole between statements, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most octets that the requests in flight take together: 6 MiB.
const MAX_IN_FLIGHT: usize = 6 * 1024 * 1024;
