//! The sealed address: issued by the relay, carried by cards, opened by the relay.

use zeroize::Zeroizing;

use super::Slot;
use super::card::{ADDRESS_LEN, VERSION};
use super::carrier::CarrierToken;
use super::octets::Reader;
use crate::Result;
use crate::aead::{NONCE_LEN, open_own, seal_own};
use crate::seal::backend::Active;

/// What a sealed address says.
pub(crate) struct AddressContent {
    pub(crate) token: CarrierToken,
    pub(crate) slot: Slot,
    /// Days since the epoch.
    pub(crate) issue_day: u16,
}

impl AddressContent {
    pub(crate) fn seal(
        &self,
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
    ) -> Result<[u8; ADDRESS_LEN]> {
        let mut plaintext = self.token.head();
        plaintext.extend_from_slice(self.token.keys.public_octets());
        plaintext.extend_from_slice(self.token.keys.auth_secret().expose());
        plaintext.extend_from_slice(&self.slot.0);
        plaintext.extend_from_slice(&self.issue_day.to_be_bytes());
        plaintext.extend_from_slice(&self.token.vapid);
        plaintext.resize(PLAINTEXT_LEN, 0);
        let sealed = seal_own::<Active>(key, nonce, AAD, &plaintext)
            .map_err(|failure| failure.into_error("the address cannot be sealed"))?;
        let mut address = [0; ADDRESS_LEN];
        address[0] = VERSION;
        address[1..].copy_from_slice(&sealed);
        Ok(address)
    }

    pub(crate) fn open(key: &[u8; 32], address: &[u8; ADDRESS_LEN]) -> Option<Self> {
        let sealed = address.strip_prefix(&[VERSION])?;
        Self::read(open_own::<Active>(key, AAD, sealed)?)
    }

    fn read(plaintext: Zeroizing<Vec<u8>>) -> Option<Self> {
        let mut reader = Reader(&plaintext);
        let (provider, address, keys) = CarrierToken::read_head(&mut reader)?;
        let slot = Slot(*reader.array()?);
        let issue_day = reader.u16()?;
        let vapid = *reader.array()?;
        if reader.0.iter().any(|octet| *octet != 0) {
            return None;
        }
        Some(Self { token: CarrierToken { provider, address, keys, vapid }, slot, issue_day })
    }

    /// Whether it is alive on a day: from the day before its issue, where clocks differ, to the
    /// 90th after it.
    pub(crate) fn is_valid_on(&self, day: u64) -> bool {
        let issued = u64::from(self.issue_day);
        (issued.saturating_sub(1)..=issued + LIFETIME_DAYS).contains(&day)
    }
}

/// Days from issue to death.
pub(crate) const LIFETIME_DAYS: u64 = 90;
const PLAINTEXT_LEN: usize = 640;
const AAD: &[u8] = b"sealpush/v1/address\0\x01";
