//! What an application asks of the push service beside the payload (RFC 8030 §5), each as a type
//! that can only hold what the standard allows.

mod provider;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::keyed::hmac;

pub(crate) use self::provider::ByProvider;
pub use self::provider::ProviderOptions;

/// How many seconds the push service keeps a message for an absent user agent (RFC 8030 §5.2).
///
/// Zero means: deliver now or never.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Ttl(u32);

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The parser's own error repeats what it read.
        u32::deserialize(deserializer)
            .map(Self)
            .map_err(|_| D::Error::custom("a TTL is a number of seconds from 0 to 4294967295"))
    }
}

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

impl From<Duration> for Ttl {
    /// Whole seconds, the last one begun counts; at most `u32::MAX` of them.
    fn from(duration: Duration) -> Self {
        let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
        Self(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

impl From<Ttl> for Duration {
    fn from(ttl: Ttl) -> Self {
        ttl.as_duration()
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

    /// A topic for a name that the push service must not read: the first 192 bits of HMAC-SHA-256
    /// (RFC 2104) under `key`, the application's own secret, in base64url.
    ///
    /// Every message with this name has the same topic, whoever gets it, and the push service sees
    /// that. Put the recipient into the name where it must not.
    ///
    /// ```
    /// use sealpush::Topic;
    ///
    /// # let key = [7; 32];
    /// let topic = Topic::keyed(&key, "chat 4711 of user 12");
    /// assert_eq!(topic.as_str().len(), 32);
    /// assert_eq!(topic, Topic::keyed(&key, "chat 4711 of user 12"));
    /// assert_ne!(topic, Topic::keyed(&key, "chat 4711 of user 13"));
    /// ```
    #[must_use]
    pub fn keyed(key: &[u8; 32], name: &str) -> Self {
        let mac = hmac(key, &[b"sealpush topic 1\0", name.as_bytes()]);
        Self(URL_SAFE_NO_PAD.encode(&mac[..24]))
    }

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
pub struct Placeholder(Cow<'static, str>);

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
        Self(Cow::Borrowed("New message"))
    }
}

impl FromStr for Placeholder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let count = text.chars().count();
        if (1..=Self::MAX_LEN).contains(&count) && !text.chars().any(char::is_control) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(Error::new(
                ErrorKind::Configuration,
                "a placeholder is 1 to 100 characters without control characters",
            ))
        }
    }
}

/// A type with a text form: its `AsRef<str>`, and serde by what it parses.
macro_rules! text {
    ($($name:ty),+) => {$(
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

text!(Placeholder, Topic, Urgency);

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
    fn a_ttl_of_a_duration_is_its_seconds_the_last_one_begun() {
        for (milliseconds, seconds) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(Ttl::from(Duration::from_millis(milliseconds)), Ttl(seconds));
        }
        assert_eq!(Ttl::from(Duration::MAX), Ttl(u32::MAX));
        assert_eq!(Duration::from(Ttl(90)), Duration::from_secs(90));
    }

    #[test]
    fn options_are_read_back_from_json_and_only_valid_ones() {
        fn same<T>(value: T, json: &str)
        where
            T: Serialize + for<'a> Deserialize<'a> + PartialEq + fmt::Debug,
        {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
        }
        same(Ttl(60), "60");
        same(Urgency::VeryLow, r#""very-low""#);
        same("a-b".parse::<Topic>().unwrap(), r#""a-b""#);
        same("say \"hello\"".parse::<Placeholder>().unwrap(), r#""say \"hello\"""#);
        assert!(serde_json::from_str::<Topic>(r#""a b""#).is_err());
        assert!(serde_json::from_str::<Placeholder>(r#""""#).is_err());
        assert!(serde_json::from_str::<Urgency>(r#""urgent""#).is_err());
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
}
