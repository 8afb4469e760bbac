//! The relay: opens addresses, wraps for the carrier, keeps what waits. It never sees a text, and
//! the sender never sees a token.
//!
//! It does no I/O. An application gives each body that was posted to one of the
//! [`paths`](super::paths) to the method of that name, sends what comes back through a
//! [`PushProvider`](crate::PushProvider), and answers. Its state is the key ring, and what three
//! small traits keep: [`Revocations`], [`Counters`], [`Mailbox`].

mod delivery;
mod held;
mod keys;
mod registration;
mod services;
mod store;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::Slot;
use super::address::AddressContent;
use super::card::{ADDRESS_LEN, DAY};
use super::carrier::{VapidId, vapid_id};
use super::challenge::Issued;
use super::octets::{same, seconds, sha256};
use crate::clock::{Clock, SystemClock};
use crate::seal::keys::decode_base64;
use crate::{Error, ErrorKind, Result, SealedMessage, Token};

pub use self::delivery::{Decision, Later};
pub use self::held::{Fetched, read_held};
pub use self::keys::KeyRing;
#[cfg(test)]
pub(crate) use self::keys::Keys;
pub use self::store::{Counters, Held, Mailbox, MemoryStore, Revocations, RowName};

/// What a relay decides, as pure functions over its keys and stores.
pub struct Relay {
    ring: Mutex<KeyRing>,
    revocations: Arc<dyn Revocations>,
    counters: Arc<dyn Counters>,
    mailbox: Option<Arc<dyn Mailbox>>,
    vapid: Vec<(VapidId, String)>,
    any_push_service: bool,
    slot_limit: u32,
    clock: Arc<dyn Clock>,
}

impl Relay {
    /// A relay with these keys and this store for everything, in front of the known push services.
    #[must_use]
    pub fn new<S: Revocations + Counters + Mailbox>(ring: KeyRing, store: Arc<S>) -> Self {
        Self {
            ring: Mutex::new(ring),
            revocations: Arc::clone(&store) as Arc<dyn Revocations>,
            counters: Arc::clone(&store) as Arc<dyn Counters>,
            mailbox: Some(store),
            vapid: Vec::new(),
            any_push_service: false,
            slot_limit: MAX_PER_HOUR,
            clock: Arc::new(SystemClock),
        }
    }

    /// Keeps no messages. Say then that they may be lost while a phone is off: Apple keeps only the
    /// newest notification of an app.
    #[must_use]
    pub fn without_mailbox(mut self) -> Self {
        self.mailbox = None;
        self
    }

    /// Takes subscriptions made with this VAPID key: its public half in base64url. An address names
    /// its key, so that keys can be rotated.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not base64url.
    pub fn with_vapid_key(mut self, public_key: &str) -> Result<Self> {
        let octets = decode_base64(public_key).ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "the VAPID public key is not base64url")
        })?;
        self.vapid.push((vapid_id(&octets), public_key.to_owned()));
        Ok(self)
    }

    /// Takes Web Push subscriptions of any push service. Without it, only those of Apple, Google,
    /// Microsoft and Mozilla: a push service of a stranger's could be the stranger, and note when
    /// which relay pushes.
    #[must_use]
    pub fn with_any_push_service(mut self) -> Self {
        self.any_push_service = true;
        self
    }

    /// Takes this many messages an hour for one slot. Default: 240. Junk to a stolen card is a flood
    /// of notifications otherwise.
    #[must_use]
    pub fn with_slot_limit(mut self, messages: u32) -> Self {
        self.slot_limit = messages;
        self
    }

    /// Reads the time from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Rotates the keys when it is time, and calls `store` with the ring if it changed. Call it once
    /// a day.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn rotate_keys(&self, store: impl FnOnce(&KeyRing)) -> Result<()> {
        let mut ring = self.ring();
        if ring.rotate(self.clock.now())? {
            store(&ring);
        }
        Ok(())
    }

    /// Calls `store` with the ring, which counts the addresses it issues.
    pub fn store_keys(&self, store: impl FnOnce(&KeyRing)) {
        store(&self.ring());
    }

    /// What [`KEYS`](super::paths::KEYS) answers.
    #[must_use]
    pub fn keys(&self) -> Bytes {
        self.ring().ids().into()
    }

    /// Revokes the slots of `address ‖ slot`, for whoever knows both. It answers nothing about them.
    ///
    /// # Errors
    ///
    /// `Rejected` for octets that are no such pair, an address that does not open and a slot that
    /// is not its own, all with one message; `Unavailable` when the store has trouble.
    pub async fn revoke(&self, octets: &[u8]) -> Result<()> {
        let owned = Issued::read_ownerships(octets).filter(|owned| owned.len() == 1);
        let owned = owned.and_then(|owned| owned.first().copied()).ok_or_else(not_owned)?;
        let content = self.owned(&owned).ok_or_else(not_owned)?;
        let forget = (u64::from(content.issue_day) + LAST_DAY + 1) * u64::from(DAY);
        self.revocations.revoke(row_name(&owned.slot), at(forget)).await
    }

    fn ring(&self) -> MutexGuard<'_, KeyRing> {
        // The ring is whole after every statement, so a panic elsewhere does not spoil it.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn today(&self) -> u64 {
        seconds(self.clock.now()) / u64::from(DAY)
    }

    /// Opens an address that lives.
    fn open_address(&self, address: &[u8; ADDRESS_LEN]) -> Option<AddressContent> {
        let content =
            self.ring().all().find_map(|keys| AddressContent::open(&keys.address, address))?;
        content.is_valid_on(self.today()).then_some(content)
    }

    /// Opens an address for somebody who knows its slot.
    fn owned(&self, owned: &Issued) -> Option<AddressContent> {
        let content = self.open_address(&owned.address)?;
        same(&content.slot.0, &owned.slot.0).then_some(content)
    }

    fn token_of(&self, content: &AddressContent) -> Result<Token> {
        let id = content.token.vapid;
        let key = self.vapid.iter().find(|(known, _)| *known == id).map(|(_, key)| key.as_str());
        if key.is_none() && id != [0; 8] {
            return Err(Error::new(
                ErrorKind::TokenMismatch,
                "the subscription was made with a VAPID key that this relay does not have",
            ));
        }
        content.token.to_token(key)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("ring", &*self.ring()).finish_non_exhaustive()
    }
}

/// What the relay wants pushed: send it through the provider of the token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Push {
    /// Whom to push to.
    pub token: Token,
    /// What to push: TTL 7 days, urgency normal, no topic, always.
    pub message: SealedMessage,
}

/// What a slot is called in the stores: the first 16 octets of its SHA-256.
fn row_name(slot: &Slot) -> RowName {
    *sha256(&[&slot.0]).first_chunk().expect("16 of 32 octets")
}

fn at(seconds: u64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

fn not_owned() -> Error {
    Error::new(ErrorKind::Rejected, "the octets are not an address of this relay with its slot")
}

/// Messages an hour to one slot unless the operator says otherwise.
const MAX_PER_HOUR: u32 = 240;
/// Messages that wait for one slot at most.
pub const MAX_HELD: usize = 32;
/// Slots that one request may ask for.
pub const MAX_HELD_SLOTS: usize = 32;
/// Days from issue to death.
const LAST_DAY: u64 = super::address::LIFETIME_DAYS;
