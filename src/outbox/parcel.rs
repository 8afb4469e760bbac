use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::message::SealedMessage;
use crate::seal::keys::fill_random;
use crate::token::Token;

/// A sealed message for one token, to be put into an outbox.
///
/// ```
/// # #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
/// # fn example(token: sealpush::Token) -> sealpush::Result<sealpush::outbox::Letter> {
/// use std::time::{Duration, SystemTime};
/// use sealpush::{Message, outbox::Letter};
///
/// let message = Message::new("your parcel has arrived").with_ttl(Duration::from_secs(7200));
/// let sealed = message.seal(token.keys(), 4096)?;
/// Ok(Letter::new(token, sealed).with_tag("user-17".parse()?))
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Letter {
    pub(super) token: Token,
    pub(super) message: SealedMessage,
    pub(super) id: Option<ParcelId>,
    pub(super) tag: Option<Tag>,
    pub(super) not_before: Option<SystemTime>,
    pub(super) expires: Option<SystemTime>,
}

impl Letter {
    /// A letter that may go at once, and until the message's TTL has passed.
    #[must_use]
    pub fn new(token: Token, message: SealedMessage) -> Self {
        Self { token, message, id: None, tag: None, not_before: None, expires: None }
    }

    /// To whom.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// What.
    #[must_use]
    pub fn message(&self) -> &SealedMessage {
        &self.message
    }

    /// Gives it a name of the caller's. Adding a second one of the same name does nothing while the
    /// outbox remembers the first, so that an `add` whose answer was lost may be repeated. Default:
    /// a random name.
    #[must_use]
    pub fn with_id(mut self, id: ParcelId) -> Self {
        self.id = Some(id);
        self
    }

    /// Gives it a tag, which comes back with the outcome.
    #[must_use]
    pub fn with_tag(mut self, tag: Tag) -> Self {
        self.tag = Some(tag);
        self
    }

    /// No attempt before this time, from which the message's TTL counts. Default: at once.
    #[must_use]
    pub fn with_not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// No attempt at or after this time. Default: when the message's TTL has passed, but not
    /// before one second has.
    #[must_use]
    pub fn with_expires(mut self, time: SystemTime) -> Self {
        self.expires = Some(time);
        self
    }
}

/// A letter as a [`Store`](super::Store) sees it: closed, with what must be known to send it in
/// time.
///
/// Token and message are in [`contents`](Self::contents), encrypted. In the clear are the times,
/// the tag, the lane, and the length.
///
/// Times are kept in whole milliseconds since 1970.
#[derive(Clone, Eq, PartialEq)]
pub struct Parcel {
    id: ParcelId,
    lane: Lane,
    not_before: SystemTime,
    expires: SystemTime,
    tag: Option<Tag>,
    contents: Bytes,
}

impl Parcel {
    /// Puts together what a store has kept apart.
    #[must_use]
    pub fn new(
        id: ParcelId,
        lane: Lane,
        not_before: SystemTime,
        expires: SystemTime,
        contents: impl Into<Bytes>,
    ) -> Self {
        let (not_before, expires) = (whole(not_before), whole(expires));
        Self { id, lane, not_before, expires, tag: None, contents: contents.into() }
    }

    /// Gives it a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<Option<Tag>>) -> Self {
        self.tag = tag.into();
        self
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> ParcelId {
        self.id
    }

    /// Whom it shares a queue with.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// The time of the first attempt.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// The time from which there is no attempt any more.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    /// The caller's tag.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Token and message under the operator's [`KeyRing`](super::KeyRing).
    #[must_use]
    pub fn contents(&self) -> &Bytes {
        &self.contents
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("id", &self.id)
            .field("lane", &self.lane)
            .field("tag", &self.tag)
            .field("octets", &self.contents.len())
            .finish_non_exhaustive()
    }
}

/// The name of a parcel: 16 octets, as text 32 digits of `0-9a-f`. No secret.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ParcelId([u8; 16]);

impl ParcelId {
    /// A random name.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn random() -> Result<Self> {
        let mut octets = [0; 16];
        fill_random(&mut octets)?;
        Ok(Self(octets))
    }

    /// The octets.
    #[must_use]
    pub const fn as_octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for ParcelId {
    fn from(octets: [u8; 16]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for ParcelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ParcelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ParcelId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid =
            || Error::new(ErrorKind::Configuration, "a parcel is named by 32 digits of 0-9 a-f");
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(invalid());
        }
        let mut octets = [0; 16];
        for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return Err(invalid()),
                };
                *octet = *octet << 4 | value;
            }
        }
        Ok(Self(octets))
    }
}

impl Serialize for ParcelId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ParcelId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What the caller knows a parcel by: 1 to 128 octets without control characters.
///
/// It is stored in the clear: put the number of a user or a device there, not a token or a name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Tag(String);

impl Tag {
    /// Longest tag, in octets.
    pub const MAX_LEN: usize = 128;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if (1..=Self::MAX_LEN).contains(&text.len()) && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(
            ErrorKind::Configuration,
            format!("a tag is 1 to {} octets without control characters", Self::MAX_LEN),
        ))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// One of 64 queues, so that parcels for a push service that hangs do not stand before all others.
///
/// Parcels of one origin share a lane. Which one is a matter of the key ring: nobody can choose a
/// name to get into a lane, and who reads the store learns no name from it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Lane(u8);

impl Lane {
    /// How many there are.
    pub const COUNT: u8 = 64;

    /// The lane of a number, taken modulo their [count](Self::COUNT).
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number % Self::COUNT)
    }

    /// All of them, beginning at this one.
    pub fn all_from(self) -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(move |step| Self::new(self.0 + step))
    }

    /// The number, 0 to 63.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// Milliseconds since 1970; zero for a time before.
pub(super) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX).min(LATEST)
}

/// The time that many milliseconds after 1970.
pub(super) fn at_millis(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.min(LATEST))
}

/// A time as it is after it was stored.
pub(super) fn whole(time: SystemTime) -> SystemTime {
    at_millis(millis(time))
}

/// The end of the year 9999: within what every store and every platform's clock can hold.
const LATEST: u64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_s_name_is_read_back_and_nothing_else_is() {
        let id = ParcelId::from([0, 1, 0x2a, 255, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(id.to_string(), "00012aff0405060708090a0b0c0d0e0f");
        assert_eq!(id.to_string().parse::<ParcelId>().unwrap(), id);
        for bad in ["", "0", &"g".repeat(32), &"A".repeat(32), &"0".repeat(33), &"ä".repeat(16)] {
            assert!(bad.parse::<ParcelId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tag_is_short_and_printable() {
        assert!("user-17 ä".parse::<Tag>().is_ok());
        for bad in ["", "a\nb", "\0", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_time_can_be_stored() {
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 45);
        assert_eq!(millis(far), LATEST);
        assert_eq!(millis(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(millis(at_millis(u64::MAX)), LATEST);
    }

    #[test]
    fn the_lanes_take_turns() {
        let lanes: Vec<_> = Lane::new(62).all_from().map(Lane::number).collect();
        assert_eq!((lanes.len(), &lanes[..4]), (64, &[62, 63, 0, 1][..]));
        assert_eq!(Lane::new(255).number(), 63);
    }
}
