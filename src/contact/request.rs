//! What a sender posts to a relay, and what the relay says to it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::card::{ADDRESS_LEN, VERSION};
use super::octets::Reader;
use super::{SizeClass, text};
use crate::{Error, ErrorKind, Result, Sealed};

/// A request: `version 1 ‖ delay class 1 ‖ address 669 ‖ sealed message`, so 1183, 2171 or 3271
/// octets. Nothing in it tells who sends, who receives, or how much.
#[derive(Clone, Eq, PartialEq)]
pub struct Request {
    delay: Delay,
    address: [u8; ADDRESS_LEN],
    sealed: Sealed,
}

impl Request {
    /// Octets before the sealed message.
    pub const OVERHEAD: usize = 2 + ADDRESS_LEN;

    pub(crate) fn new(delay: Delay, address: [u8; ADDRESS_LEN], sealed: Sealed) -> Self {
        Self { delay, address, sealed }
    }

    /// The octets to post.
    #[must_use]
    pub fn to_octets(&self) -> Bytes {
        [&[VERSION, self.delay as u8], &self.address[..], self.sealed.as_ref()].concat().into()
    }

    /// Reads what somebody posted.
    ///
    /// # Errors
    ///
    /// `Rejected` for octets that are no request of version 1, with a message of one of the three
    /// sizes.
    pub fn from_octets(octets: &[u8]) -> Result<Self> {
        Self::read(octets)
            .ok_or_else(|| Error::new(ErrorKind::Rejected, "the octets are not a request"))
    }

    /// When the receiver's carrier shall get it.
    #[must_use]
    pub fn delay(&self) -> Delay {
        self.delay
    }

    /// The size of the message in it.
    #[must_use]
    pub fn class(&self) -> SizeClass {
        SizeClass::of(self.sealed.as_ref().len()).expect("a request is of one of three sizes")
    }

    pub(crate) fn address(&self) -> &[u8; ADDRESS_LEN] {
        &self.address
    }

    pub(crate) fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    fn read(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        (reader.u8()? == VERSION).then_some(())?;
        let delay = Delay::from_octet(reader.u8()?)?;
        let address = *reader.array().filter(|address| address.first() == Some(&VERSION))?;
        SizeClass::of(reader.0.len())?;
        let sealed = Sealed::from_octets(Bytes::copy_from_slice(reader.0)).ok()?;
        Some(Self { delay, address, sealed })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("delay", &self.delay)
            .field("class", &self.class())
            .finish_non_exhaustive()
    }
}

/// Writes the octets in base64url: what an outgoing queue stores, so that every attempt posts the
/// same ones.
impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(&self.to_octets(), serializer)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_octets(&text::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// How long the relay keeps a message before it pushes, so that times at both ends do not match.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Delay {
    /// At once.
    #[default]
    None = 0,
    /// A random moment within 5 minutes.
    Minutes = 1,
    /// A random moment within an hour.
    Hour = 2,
    /// A random moment within 8 hours.
    Hours = 3,
    /// No push at all: it waits until the device asks. For receipts and control, which show nothing
    /// to a person.
    Hold = 4,
}

impl Delay {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Minutes, Self::Hour, Self::Hours, Self::Hold];

    /// The longest time before the push; `None` where there is no push.
    #[must_use]
    pub const fn longest(self) -> Option<Duration> {
        match self {
            Self::None => Some(Duration::ZERO),
            Self::Minutes => Some(Duration::from_secs(5 * 60)),
            Self::Hour => Some(Duration::from_secs(3600)),
            Self::Hours => Some(Duration::from_secs(8 * 3600)),
            Self::Hold => None,
        }
    }

    fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|delay| *delay as u8 == octet)
    }
}

/// What a relay says to a request. All answers have one size, 6 octets: `version 1 ‖ word 1 ‖
/// seconds 4`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The push service took it. It is no delivery receipt.
    Accepted,
    /// The address is dead: unknown key, bad tag, revoked, expired, or a dead subscription. One
    /// word for all of them.
    Gone,
    /// It waits for its time, or for the device to ask.
    Kept,
    /// Too many; try again after this time. Whole seconds are written, at most 2^32 - 1.
    SlowDown(Duration),
    /// The receiver's carrier takes smaller messages only.
    TooLarge,
}

impl Answer {
    /// Octets of every answer.
    pub const LEN: usize = 6;

    /// The octets to answer.
    #[must_use]
    pub fn to_octets(self) -> [u8; Self::LEN] {
        let (word, seconds) = match self {
            Self::Accepted => (1, 0),
            Self::Kept => (2, 0),
            Self::SlowDown(delay) => (3, u32::try_from(delay.as_secs()).unwrap_or(u32::MAX)),
            Self::TooLarge => (4, 0),
            Self::Gone => (5, 0),
        };
        let [a, b, c, d] = seconds.to_be_bytes();
        [VERSION, word, a, b, c, d]
    }

    /// Reads what a relay answered.
    ///
    /// # Errors
    ///
    /// `UnexpectedResponse` for octets that are no answer of version 1.
    pub fn from_octets(octets: &[u8]) -> Result<Self> {
        let read = || {
            let mut reader = Reader(octets);
            (reader.u8()? == VERSION).then_some(())?;
            let (word, seconds) = (reader.u8()?, reader.u32()?);
            reader.end()?;
            match (word, seconds) {
                (1, 0) => Some(Self::Accepted),
                (2, 0) => Some(Self::Kept),
                (3, seconds) => Some(Self::SlowDown(Duration::from_secs(seconds.into()))),
                (4, 0) => Some(Self::TooLarge),
                (5, 0) => Some(Self::Gone),
                _ => None,
            }
        };
        read().ok_or_else(|| {
            Error::new(ErrorKind::UnexpectedResponse, "the relay's answer cannot be read")
        })
    }
}
