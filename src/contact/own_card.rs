//! A card of one's own: the public part that was given away, and the secrets that open what comes.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::card::{ADDRESS_LEN, Card, DAY, Flags};
use super::challenge::Issued;
use super::hint::Carried;
use super::pseudonym::VerificationKey;
use super::{RelayOrigin, SizeClass, Slot};
use crate::{OpenError, Result, UserAgentSecret};

/// What opens the messages to one card of one's own.
#[derive(Serialize, Deserialize)]
pub(crate) struct SlotKeys {
    pub(crate) slot: Slot,
    #[serde(with = "super::text::array")]
    pub(crate) address: [u8; ADDRESS_LEN],
    #[serde(with = "super::text::secret")]
    secret: UserAgentSecret,
    #[serde(with = "super::text::array")]
    pub(crate) card_hash: [u8; 32],
    /// Seconds since the epoch; nothing is opened after it.
    pub(crate) until: u64,
}

impl SlotKeys {
    /// Opens a sealed message of this slot. Strict: one of three sizes, and the record size that
    /// this version writes, because nothing authenticates that field (RFC 8188 §2.1).
    pub(crate) fn open(&self, carried: &Carried) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let sealed = carried.sealed();
        if SizeClass::of(sealed.len()).is_none() || sealed.get(16..20) != Some(&RECORD_SIZE) {
            return Err(OpenError);
        }
        crate::open(&self.secret, sealed).map(Zeroizing::new)
    }

    pub(crate) fn issued(&self) -> Issued {
        Issued { slot: self.slot, address: self.address }
    }
}

/// A card in use.
#[derive(Serialize, Deserialize)]
pub(crate) struct OwnCard {
    pub(crate) card: Card,
    pub(crate) keys: SlotKeys,
    /// Seconds since the epoch.
    pub(crate) made_at: u64,
    /// Signed messages that were opened with it.
    pub(crate) opened: u32,
    /// It was handed out as a link or shown as a QR code, not inside a message.
    pub(crate) handed_out: bool,
}

impl OwnCard {
    /// Makes a card out of an address: a fresh encryption key and card secret.
    pub(crate) fn make(
        origin: &RelayOrigin,
        address: &PooledAddress,
        flags: Flags,
        verification_key: &VerificationKey,
        now: u64,
        handed_out: bool,
    ) -> Result<Self> {
        let secret = UserAgentSecret::generate()?;
        let not_after = address.not_after();
        let card = Card::new(
            flags,
            u32::try_from(not_after).unwrap_or(u32::MAX / DAY * DAY),
            origin.clone(),
            address.issued.address,
            secret.keys().clone(),
            *verification_key,
        );
        let keys = SlotKeys {
            slot: address.issued.slot,
            address: address.issued.address,
            secret,
            card_hash: card.hash(),
            until: not_after,
        };
        Ok(Self { card, keys, made_at: now, opened: 0, handed_out })
    }

    /// The keys alone, kept for what is still on its way.
    pub(crate) fn retire(self, now: u64) -> SlotKeys {
        let until = self.keys.until.min(now.saturating_add(RETIRED_FOR));
        SlotKeys { until, ..self.keys }
    }
}

/// An address that no card was made of, with the day of its arrival.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PooledAddress {
    pub(crate) issued: Issued,
    /// Days since the epoch, by this device's clock.
    pub(crate) day: u64,
}

impl PooledAddress {
    /// The last moment of a card of this address: a day less than the address lives, for a device
    /// whose clock is ahead of the relay's.
    pub(crate) fn not_after(&self) -> u64 {
        (self.day + super::address::LIFETIME_DAYS - 1) * u64::from(DAY)
    }
}

/// `rs` as sealing writes it: 4096.
const RECORD_SIZE: [u8; 4] = 4096_u32.to_be_bytes();
/// How long the keys of a replaced card are kept, in seconds: 8 days.
const RETIRED_FOR: u64 = 8 * DAY as u64;
