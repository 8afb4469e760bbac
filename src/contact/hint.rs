//! The hint: 16 octets by which a device finds the slot of what arrives.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::octets::{hmac, same, sha256};
use super::{SizeClass, Slot};
use crate::seal::DATA_FIELD;
use crate::seal::keys::fill_random;
use crate::{Error, ErrorKind, Result, Sealed};

/// What a carrier brings to a device: `hint 16 ‖ sealed message`, or 16 zero octets and a message
/// of the relay itself.
#[derive(Clone, Eq, PartialEq)]
pub struct Carried(Bytes);

impl Carried {
    /// Takes what arrived: the push message's data after the browser opened the outer layer, or one
    /// item of the relay's mailbox.
    ///
    /// # Errors
    ///
    /// `Rejected` for octets that are neither.
    pub fn from_octets(octets: impl Into<Bytes>) -> Result<Self> {
        let carried = Self(octets.into());
        let is_sealed = SizeClass::of(carried.0.len().saturating_sub(HINT_LEN)).is_some();
        if is_sealed || carried.relay_message().is_some() {
            return Ok(carried);
        }
        Err(Error::new(ErrorKind::Rejected, "the octets are not a message between contacts"))
    }

    /// Takes the value of the data field [`DATA_FIELD`], as FCM, OneSignal and the others bring it.
    ///
    /// # Errors
    ///
    /// `Rejected` for text that is not canonical base64url, and as
    /// [`from_octets`](Self::from_octets).
    pub fn from_data_field(text: &str) -> Result<Self> {
        let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| {
            Error::new(ErrorKind::Rejected, format!("the field '{DATA_FIELD}' is not base64url"))
        })?;
        Self::from_octets(octets)
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &Bytes {
        &self.0
    }

    /// Whether it is for this slot.
    #[must_use]
    pub fn is_for(&self, slot: &Slot) -> bool {
        match self.0.split_first_chunk() {
            Some((hint, sealed)) => self.relay_message().is_none() && matches(hint, slot, sealed),
            None => false,
        }
    }

    /// Puts the hint for a slot in front of a sealed message.
    pub(crate) fn new(slot: &Slot, sealed: &Sealed) -> Result<Self> {
        let mut r = [0; 8];
        fill_random(&mut r)?;
        Ok(Self([&hint(&r, slot, sealed.as_ref())[..], sealed.as_ref()].concat().into()))
    }

    pub(crate) fn hint(&self) -> [u8; HINT_LEN] {
        self.0.first_chunk().copied().unwrap_or_default()
    }

    /// What follows the hint.
    pub(crate) fn sealed(&self) -> &[u8] {
        self.0.get(HINT_LEN..).unwrap_or_default()
    }

    /// What the relay itself says.
    pub(crate) fn relay_message(&self) -> Option<&[u8]> {
        self.0.strip_prefix(&FROM_RELAY)
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carried({} octets)", self.0.len())
    }
}

/// `r 8 ‖ first 8 of HMAC-SHA-256(slot, context ‖ r ‖ SHA-256(sealed message))`.
pub(crate) fn hint(r: &[u8; 8], slot: &Slot, sealed: &[u8]) -> [u8; HINT_LEN] {
    let mac = hmac(&slot.0, &[CONTEXT, r, &sha256(&[sealed])]);
    let mut hint = [0; HINT_LEN];
    hint[..8].copy_from_slice(r);
    hint[8..].copy_from_slice(&mac[..8]);
    hint
}

fn matches(given: &[u8; HINT_LEN], slot: &Slot, sealed: &[u8]) -> bool {
    let r = given.first_chunk().expect("8 of 16 octets");
    same(given, &hint(r, slot, sealed))
}

pub(crate) const HINT_LEN: usize = 16;
/// In place of a hint: a message of the relay itself.
pub(crate) const FROM_RELAY: [u8; HINT_LEN] = [0; HINT_LEN];
const CONTEXT: &[u8] = b"sealpush/v1/hint\0";
