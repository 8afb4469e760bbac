//! What an application sends, before and after sealing.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::seal::keys::fill_random;
use crate::seal::record::SALT_LEN;
use crate::seal::{self, MAX_BODY, Padding, Sealed, UserAgentKeys};

/// A message in the clear, with the options of RFC 8030 §5.
///
/// Cloning shares the payload, which is wiped when the last clone is dropped.
///
/// ```
/// use std::time::Duration;
/// use sealpush::{Message, Topic, Ttl, Urgency};
///
/// let message = Message::new("the door is open")
///     .with_ttl(Ttl::from_secs(3600))
///     .with_urgency(Urgency::High)
///     .with_topic("door".parse::<Topic>()?);
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone)]
pub struct Message {
    payload: Arc<Zeroizing<Vec<u8>>>,
    padding: Padding,
    options: Options,
}

impl Message {
    /// A message with this payload; text or any octets.
    ///
    /// An empty payload goes out as a push without a body, whatever the padding: browsers disagree
    /// about an empty record.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: Arc::new(Zeroizing::new(payload.into())),
            padding: Padding::default(),
            options: Options::default(),
        }
    }

    /// How long the push service keeps the message for an absent user agent. Default: 28 days.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Ttl) -> Self {
        self.options.ttl = ttl;
        self
    }

    /// How important the message is to the user agent's battery. Default: normal.
    #[must_use]
    pub fn with_urgency(mut self, urgency: Urgency) -> Self {
        self.options.urgency = urgency;
        self
    }

    /// Replaces a stored message with the same topic. Visible to the push service: choose random
    /// or hashed names.
    #[must_use]
    pub fn with_topic(mut self, topic: Topic) -> Self {
        self.options.topic = Some(topic);
        self
    }

    /// How the size is hidden. Default: [`Padding::Buckets`].
    #[must_use]
    pub fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// The neutral text that a device shows if nobody opens the message, where the push service
    /// demands a visible one. Visible to the push service.
    #[must_use]
    pub fn with_placeholder(mut self, placeholder: Placeholder) -> Self {
        self.options.placeholder = placeholder;
        self
    }

    /// The payload.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.payload
    }

    /// Seals the message for one user agent (RFC 8291), for a provider that takes bodies of
    /// `max_body` octets ([`Capabilities::max_body`](crate::Capabilities::max_body)).
    ///
    /// # Errors
    ///
    /// `PayloadTooLarge` when payload and padding do not fit; `Unavailable` when the operating
    /// system has no randomness, `Configuration` when no crypto backend is compiled in.
    pub fn seal(&self, keys: &UserAgentKeys, max_body: usize) -> Result<SealedMessage> {
        let mut message = if self.payload.is_empty() {
            let mut id = [0; SALT_LEN];
            fill_random(&mut id)?;
            SealedMessage { id, body: Bytes::new(), options: Options::default() }
        } else {
            let max_body = max_body.min(MAX_BODY);
            let sealed = seal::seal_within(keys, &self.payload, self.padding, max_body)?;
            SealedMessage::new(sealed)
        };
        message.options = self.options.clone();
        Ok(message)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("payload", &"[redacted]")
            .field("padding", &self.padding)
            .field("options", &self.options)
            .finish()
    }
}

/// A sealed message with its options: all that a [`PushProvider`](crate::PushProvider) gets to see.
///
/// Cloning shares the body, so that every retry sends the same octets.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedMessage {
    id: [u8; SALT_LEN],
    body: Bytes,
    options: Options,
}

impl SealedMessage {
    /// Wraps a body that was sealed elsewhere, with default options.
    #[must_use]
    pub fn new(sealed: Sealed) -> Self {
        Self { id: *sealed.salt(), body: sealed.into(), options: Options::default() }
    }

    /// See [`Message::with_ttl`].
    #[must_use]
    pub fn with_ttl(mut self, ttl: Ttl) -> Self {
        self.options.ttl = ttl;
        self
    }

    /// See [`Message::with_urgency`].
    #[must_use]
    pub fn with_urgency(mut self, urgency: Urgency) -> Self {
        self.options.urgency = urgency;
        self
    }

    /// See [`Message::with_topic`].
    #[must_use]
    pub fn with_topic(mut self, topic: Topic) -> Self {
        self.options.topic = Some(topic);
        self
    }

    /// See [`Message::with_placeholder`].
    #[must_use]
    pub fn with_placeholder(mut self, placeholder: Placeholder) -> Self {
        self.options.placeholder = placeholder;
        self
    }

    /// The sealed octets, `salt(16) ‖ rs(4) ‖ idlen(1) ‖ keyid(65) ‖ record`; empty for a push
    /// without a body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Octets that are this message's own, the same in every attempt and no other message's: the
    /// salt, or random ones where there is no body. For a push service that takes idempotency keys.
    #[must_use]
    pub fn id(&self) -> &[u8; SALT_LEN] {
        &self.id
    }

    /// How long the push service keeps the message.
    #[must_use]
    pub fn ttl(&self) -> Ttl {
        self.options.ttl
    }

    /// How important the message is.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        self.options.urgency
    }

    /// Which stored message this one replaces.
    #[must_use]
    pub fn topic(&self) -> Option<&Topic> {
        self.options.topic.as_ref()
    }

    /// The neutral text shown where a visible one is demanded.
    #[must_use]
    pub fn placeholder(&self) -> &Placeholder {
        &self.options.placeholder
    }
}

impl fmt::Debug for SealedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedMessage")
            .field("octets", &self.body.len())
            .field("options", &self.options)
            .finish()
    }
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Options {
    ttl: Ttl,
    urgency: Urgency,
    topic: Option<Topic>,
    placeholder: Placeholder,
}

/// How many seconds the push service keeps a message for an absent user agent (RFC 8030 §5.2).
///
/// Zero means: deliver now or never.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ttl(u32);

impl Ttl {
    /// Deliver now or never.
    pub const NOW: Self = Self(0);
    /// 28 days, the most that every large push service keeps a message, and the default.
    pub const MAX_COMMON: Self = Self(28 * 24 * 3600);

    /// A number of seconds.
    #[must_use]
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// The same as a [`Duration`].
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self::MAX_COMMON
    }
}

impl FromStr for Ttl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.bytes().all(|b| b.is_ascii_digit())
            && let Ok(seconds) = text.parse()
        {
            return Ok(Self(seconds));
        }
        Err(Error::new(
            ErrorKind::Configuration,
            format!("the TTL must be a number of seconds from 0 to {}", u32::MAX),
        ))
    }
}

/// How important a message is (RFC 8030 §5.3).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Urgency {
    /// On power and on Wi-Fi: advertisements.
    VeryLow,
    /// On power or on Wi-Fi: topic updates.
    Low,
    /// On neither: chat or calendar messages.
    #[default]
    Normal,
    /// Low battery: incoming calls, time-sensitive alerts.
    High,
}

impl Urgency {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 4] = [Self::VeryLow, Self::Low, Self::Normal, Self::High];

    /// The value of the `Urgency` header field.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Urgency {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.as_str() == text).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "the urgency must be very-low, low, normal or high",
            )
        })
    }
}

/// Names a message so that a later one with the same name replaces it (RFC 8030 §5.4):
/// 1 to 32 characters of the base64url alphabet.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Topic(String);

impl Topic {
    /// Longest topic, in characters (RFC 8030 §5.4).
    pub const MAX_LEN: usize = 32;

    /// The value of the `Topic` header field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Topic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(alphabet) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(
                ErrorKind::Configuration,
                "a topic is 1 to 32 characters of A-Z, a-z, 0-9, '-', '_' (RFC 8030 section 5.4)",
            ))
        }
    }
}

/// A neutral text that the push service may see and a device may show: 1 to 100 characters, no
/// control characters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Placeholder(String);

impl Placeholder {
    /// Longest placeholder, in characters.
    pub const MAX_LEN: usize = 100;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Placeholder {
    fn default() -> Self {
        Self("New message".to_owned())
    }
}

impl FromStr for Placeholder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let count = text.chars().count();
        if (1..=Self::MAX_LEN).contains(&count) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(
                ErrorKind::Configuration,
                "a placeholder is 1 to 100 characters without control characters",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_what_the_standard_allows() {
        for good in ["a", "upd_-9", &"Z".repeat(32)] {
            assert!(good.parse::<Topic>().is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "a=", "ä", "a\r\nX: y", &"Z".repeat(33)] {
            assert_eq!(bad.parse::<Topic>().unwrap_err().kind(), ErrorKind::Configuration);
        }
    }

    #[test]
    fn a_ttl_is_digits() {
        assert_eq!("0".parse::<Ttl>().unwrap(), Ttl::NOW);
        assert_eq!("4294967295".parse::<Ttl>().unwrap(), Ttl::from_secs(u32::MAX));
        for bad in ["", "-1", "+1", "1.5", "1s", " 1", "4294967296"] {
            assert!(bad.parse::<Ttl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_urgency_is_one_of_four() {
        for urgency in Urgency::ALL {
            assert_eq!(urgency.as_str().parse::<Urgency>().unwrap(), urgency);
        }
        for bad in ["", "High", "veryLow", "low "] {
            assert!(bad.parse::<Urgency>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_placeholder_is_short_and_printable() {
        assert_eq!(Placeholder::default().as_str(), "New message");
        assert!("ä".repeat(100).parse::<Placeholder>().is_ok());
        for bad in ["", "a\nb", &"ä".repeat(101)] {
            assert!(bad.parse::<Placeholder>().is_err(), "{bad}");
        }
    }

    #[test]
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    fn an_id_is_one_message_s_own_with_and_without_a_payload() {
        let secret = crate::UserAgentSecret::generate().unwrap();
        for payload in ["", "hello"] {
            let message = Message::new(payload);
            let [a, b] = [0; 2].map(|_| message.seal(secret.keys(), MAX_BODY).unwrap());
            assert_eq!(a.id(), a.clone().with_ttl(Ttl::NOW).id());
            assert_ne!(a.id(), b.id(), "{payload:?}");
            assert!(a.body().is_empty() || a.body().starts_with(a.id()));
        }
    }

    #[test]
    fn debug_shows_no_payload() {
        let message = Message::new("attack at dawn");
        let shown = format!("{message:?} {message:#?}");
        assert!(!shown.contains("attack") && !shown.contains("97, 116"), "{shown}");
    }
}
