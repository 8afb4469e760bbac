//! The card: what a device gives to one contact.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

use super::envelope;
use super::octets::{Reader, seconds, sha256};
use super::pseudonym::VerificationKey;
use super::{RelayOrigin, SizeClass, text};
use crate::{Error, ErrorKind, Result, UserAgentKeys};

/// How to write to somebody: a relay, a sealed address, the keys to seal to and to verify with.
///
/// Whoever holds it can write to its owner until it is revoked, rotated or expired, and nobody can
/// tell from it who that is or where. It is a secret between two people: `Debug` shows nothing of
/// it. `Display` and [`FromStr`] are the link, which is also the text for a QR code;
/// [`to_octets`](Self::to_octets) and [`from_octets`](Self::from_octets) the binary form.
#[derive(Clone, Eq, PartialEq)]
pub struct Card {
    flags: Flags,
    not_after: u32,
    origin: RelayOrigin,
    address: [u8; ADDRESS_LEN],
    keys: UserAgentKeys,
    verification_key: VerificationKey,
}

impl Card {
    /// Longest binary form, in octets.
    pub const MAX_LEN: usize = FIXED_LEN + RelayOrigin::MAX_LEN;

    /// How long a card lives at most.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(90 * DAY as u64);

    pub(crate) fn new(
        flags: Flags,
        not_after: u32,
        origin: RelayOrigin,
        address: [u8; ADDRESS_LEN],
        keys: UserAgentKeys,
        verification_key: VerificationKey,
    ) -> Self {
        Self { flags, not_after, origin, address, keys, verification_key }
    }

    /// Reads the binary form: 822 octets and the origin.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for everything that is not exactly a card of version 1, a key off the curve
    /// included; `Configuration` when no crypto backend is compiled in.
    pub fn from_octets(octets: &[u8]) -> Result<Self> {
        let fields = Fields::read(octets).ok_or_else(invalid)?;
        Ok(Self {
            flags: fields.flags,
            not_after: fields.not_after,
            origin: fields.origin,
            address: *fields.address,
            keys: UserAgentKeys::new(fields.encryption_key, fields.secret)?,
            verification_key: VerificationKey::new(fields.verification_key)?,
        })
    }

    /// The binary form.
    #[must_use]
    pub fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        let origin = self.origin.as_str();
        let mut octets = Zeroizing::new(Vec::with_capacity(FIXED_LEN + origin.len()));
        octets.extend_from_slice(&[VERSION, self.flags.octet()]);
        octets.extend_from_slice(&self.not_after.to_be_bytes());
        // A parsed origin is at most 64 octets long.
        octets.push(origin.len() as u8);
        octets.extend_from_slice(origin.as_bytes());
        octets.extend_from_slice(&self.address);
        octets.extend_from_slice(self.keys.public_octets());
        octets.extend_from_slice(self.keys.auth_secret().expose());
        octets.extend_from_slice(self.verification_key.octets());
        octets
    }

    /// The relay that opens its address.
    #[must_use]
    pub fn relay(&self) -> &RelayOrigin {
        &self.origin
    }

    /// Whether many people have it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.flags.public
    }

    /// Whether its owner takes messages without a signature.
    #[must_use]
    pub fn takes_anonymous(&self) -> bool {
        self.flags.unsigned
    }

    /// The largest message that its carrier takes.
    #[must_use]
    pub fn largest(&self) -> SizeClass {
        self.flags.largest
    }

    /// The moment after which it is dead.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.not_after.into())
    }

    /// Octets of the longest text that fits, signed or not, with a card for the answer attached or
    /// without. `None` where not even an empty one does.
    ///
    /// ```
    /// # use sealpush::contact::Card;
    /// # fn example(card: &Card) {
    /// assert_eq!(card.capacity(false, None), Some(2451));
    /// # }
    /// ```
    #[must_use]
    pub fn capacity(&self, signed: bool, attached: Option<&Self>) -> Option<usize> {
        let attached = attached.map_or(0, |card| card.to_octets().len());
        self.flags.largest.room().checked_sub(envelope::overhead(signed) + attached)
    }

    /// Refuses a card that is dead, or that claims to live longer than any card does.
    ///
    /// # Errors
    ///
    /// `Expired` after [`not_after`](Self::not_after), `InvalidToken` when that is more than 90
    /// days ahead, with a day and two hours for clocks that differ.
    pub fn check(&self, now: SystemTime) -> Result<()> {
        let (now, not_after) = (seconds(now), u64::from(self.not_after));
        if not_after < now {
            return Err(Error::new(ErrorKind::Expired, "the card has expired; ask for a new one"));
        }
        if not_after > now.saturating_add(Self::MAX_LIFETIME.as_secs() + envelope::SKEW) {
            return Err(Error::new(
                ErrorKind::InvalidToken,
                "the card claims to live longer than 90 days",
            ));
        }
        Ok(())
    }

    pub(crate) fn address(&self) -> &[u8; ADDRESS_LEN] {
        &self.address
    }

    pub(crate) fn keys(&self) -> &UserAgentKeys {
        &self.keys
    }

    pub(crate) fn verification_key(&self) -> &VerificationKey {
        &self.verification_key
    }

    /// What a signature and the safety number bind.
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(&[&self.to_octets()])
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("relay", &self.origin).finish_non_exhaustive()
    }
}

/// The link: `https://ORIGIN/#c=` and base64url without padding. What stands after `#` does not
/// leave the device that opens it.
impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.to_octets()));
        write!(f, "{}/#c={}", self.origin.url(), text.as_str())
    }
}

impl FromStr for Card {
    type Err = Error;

    /// Reads a link, or its fragment alone. Where the link points to does not matter: the relay is
    /// the one that the card names.
    ///
    /// # Errors
    ///
    /// As [`from_octets`](Self::from_octets); `InvalidToken` for text that is no such link.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > MAX_LINK {
            return Err(invalid());
        }
        let (link, encoded) = text.split_once("#c=").ok_or_else(invalid)?;
        if !(link.is_empty() || link.starts_with("https://") || link.starts_with("http://")) {
            return Err(invalid());
        }
        let octets = URL_SAFE_NO_PAD.decode(encoded).map(Zeroizing::new).map_err(|_| invalid())?;
        Self::from_octets(&octets)
    }
}

impl Serialize for Card {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(&self.to_octets(), serializer)
    }
}

impl<'de> Deserialize<'de> for Card {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_octets(&text::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        self.address.zeroize();
    }
}

/// The second octet of a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Flags {
    pub(crate) public: bool,
    pub(crate) unsigned: bool,
    pub(crate) largest: SizeClass,
}

impl Flags {
    fn octet(self) -> u8 {
        u8::from(self.public) | u8::from(self.unsigned) << 1 | self.largest.index() << 2
    }

    fn read(octet: u8) -> Option<Self> {
        let largest = SizeClass::from_index(octet >> 2)?;
        Some(Self { public: octet & 1 != 0, unsigned: octet & 2 != 0, largest })
    }
}

/// A card taken apart; its keys have not been looked at.
struct Fields<'a> {
    flags: Flags,
    not_after: u32,
    origin: RelayOrigin,
    address: &'a [u8; ADDRESS_LEN],
    encryption_key: &'a [u8; 65],
    secret: &'a [u8; 16],
    verification_key: &'a [u8; 65],
}

impl<'a> Fields<'a> {
    fn read(octets: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        if reader.u8()? != VERSION {
            return None;
        }
        let flags = Flags::read(reader.u8()?)?;
        let not_after = reader.u32().filter(|seconds| seconds % DAY == 0)?;
        let len = reader.u8()?;
        let origin = std::str::from_utf8(reader.take(len.into())?).ok()?.parse().ok()?;
        let address = reader.array().filter(|address| address.first() == Some(&VERSION))?;
        let encryption_key = reader.array()?;
        let secret = reader.array()?;
        let verification_key = reader.array()?;
        reader.end()?;
        Some(Self { flags, not_after, origin, address, encryption_key, secret, verification_key })
    }
}

fn invalid() -> Error {
    Error::new(
        ErrorKind::InvalidToken,
        "this is not a card: a link ends in #c= and what the card's owner gave, complete",
    )
}

/// Octets of a sealed address.
pub(crate) const ADDRESS_LEN: usize = 669;
/// Octets of a card beside the origin.
const FIXED_LEN: usize = 822;
/// The version of card and address.
pub(crate) const VERSION: u8 = 1;
/// Seconds; a card's last moment is a multiple.
pub(crate) const DAY: u32 = 86_400;
/// Longest link, in octets: a page's URL before the fragment and the longest card after it.
const MAX_LINK: usize = 4096;
