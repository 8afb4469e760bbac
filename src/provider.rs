//! The contract between this crate and a backend.
//!
//! [`PushProvider`] is for those who write a backend: three methods, no defaults, and no way to be
//! handed plaintext. [`PushProviderExt`] is for those who use one.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, SealedMessage};
use crate::options::{Ttl, Urgency};
use crate::token::Token;

/// Speaks to one push service.
///
/// One call is one attempt; a refused credential may be renewed once and the request repeated
/// inside one call. A provider does not retry, wait or queue; [`layers`](crate::layers) do. It
/// passes the sealed octets on unchanged. It can be dropped at every await without losing more than
/// the attempt.
///
/// `examples/custom_provider.rs` writes one from the empty file, and the conformance kit proves it.
#[async_trait]
pub trait PushProvider: fmt::Debug + Send + Sync + 'static {
    /// The name that a [`Token`] of this provider carries.
    fn id(&self) -> ProviderId;

    /// What the push service can do; see [`Capabilities::check`].
    fn capabilities(&self) -> Capabilities;

    /// Makes one attempt to have `message` accepted for the user agent of `token`.
    ///
    /// # Errors
    ///
    /// Every [`ErrorKind`]. Before anything is sent: `TokenMismatch` for a token of another
    /// provider, `PayloadTooLarge` for a body over [`Capabilities::max_body`], `Configuration` for
    /// an option that the push service does not have. `Expired` only on an unambiguous signal.
    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted>;
}

/// Seals and sends: what applications call.
///
/// ```
/// # #[cfg(feature = "mock")]
/// # async fn example(token: sealpush::Token) -> sealpush::Result<()> {
/// use sealpush::{Message, PushProviderExt, providers::Mock};
///
/// let accepted = Mock::new().send_encrypted(&token, &Message::new("hello")).await?;
/// assert_eq!(accepted.provider.as_str(), "mock");
/// # Ok(()) }
/// ```
pub trait PushProviderExt: PushProvider {
    /// Seals `message` for the user agent of `token` (RFC 8291) and makes one attempt to send it.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` when the token is another provider's, `PayloadTooLarge` when the message
    /// cannot fit, both before anything is sent; then whatever [`PushProvider::send`] answers.
    fn send_encrypted(
        &self,
        token: &Token,
        message: &Message,
    ) -> impl Future<Output = Result<Accepted>> + Send {
        async move {
            let named = |error: Error| error.with_provider(self.id());
            token.require(&self.id()).map_err(named)?;
            let sealed = message.seal(token.keys(), self.capabilities().max_body).map_err(named)?;
            self.send(token, &sealed).await
        }
    }
}

impl<P: PushProvider + ?Sized> PushProviderExt for P {}

/// Hands every call on. Written out, because `async_trait` would box the boxed future once more.
macro_rules! forward {
    ($($pointer:ident),+) => {$(
        impl<P: PushProvider + ?Sized> PushProvider for $pointer<P> {
            fn id(&self) -> ProviderId {
                (**self).id()
            }

            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            fn send<'a, 'b, 'c, 'future>(
                &'a self,
                token: &'b Token,
                message: &'c SealedMessage,
            ) -> Pin<Box<dyn Future<Output = Result<Accepted>> + Send + 'future>>
            where
                'a: 'future,
                'b: 'future,
                'c: 'future,
                Self: 'future,
            {
                (**self).send(token, message)
            }
        }
    )+};
}

forward!(Arc, Box);

/// The name of a provider, as tokens and errors carry it: 1 to 32 of `a-z`, `0-9`, `-`, `.`, `_`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProviderId(Cow<'static, str>);

impl ProviderId {
    /// Longest name, in octets.
    pub const MAX_LEN: usize = 32;

    /// A name known at compile time.
    ///
    /// # Panics
    ///
    /// When the name is not a valid one; in a `const`, at compile time.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(Self::is_valid(name.as_bytes()), "a provider is named by 1 to 32 of a-z 0-9 - . _");
        Self(Cow::Borrowed(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    const fn is_valid(mut name: &[u8]) -> bool {
        if name.is_empty() || name.len() > Self::MAX_LEN {
            return false;
        }
        while let [first, rest @ ..] = name {
            if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_') {
                return false;
            }
            name = rest;
        }
        true
    }
}

impl AsRef<str> for ProviderId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for ProviderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProviderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProviderId {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if Self::is_valid(name.as_bytes()) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(Error::new(
                ErrorKind::InvalidToken,
                "the provider's name must be 1 to 32 of a-z, 0-9, '-', '.', '_'",
            ))
        }
    }
}

/// What a push service can do. Everything is off until it is claimed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Largest sealed body, in octets.
    pub max_body: usize,
    /// Honours [`Ttl`].
    pub ttl: bool,
    /// Honours [`Urgency`].
    pub urgency: bool,
    /// Honours [`Topic`](crate::Topic).
    pub topic: bool,
    /// Takes the same sealed message twice and delivers it once; [`SealedMessage::id`] tells a
    /// repeated message from the next.
    pub idempotent: bool,
}

impl Capabilities {
    /// Claims nothing but the largest body, in octets.
    #[must_use]
    pub const fn new(max_body: usize) -> Self {
        Self { max_body, ttl: false, urgency: false, topic: false, idempotent: false }
    }

    /// Claims to honour [`Ttl`].
    #[must_use]
    pub const fn with_ttl(mut self) -> Self {
        self.ttl = true;
        self
    }

    /// Claims to honour [`Urgency`].
    #[must_use]
    pub const fn with_urgency(mut self) -> Self {
        self.urgency = true;
        self
    }

    /// Claims to honour [`Topic`](crate::Topic).
    #[must_use]
    pub const fn with_topic(mut self) -> Self {
        self.topic = true;
        self
    }

    /// Claims to deliver a repeated message once.
    #[must_use]
    pub const fn with_idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Refuses a message that asks for more than is claimed, so that no option is dropped
    /// silently. A provider calls it first in [`PushProvider::send`].
    ///
    /// # Errors
    ///
    /// `PayloadTooLarge` for a body over [`max_body`](Self::max_body); `Configuration` for a TTL
    /// other than the default, an urgency other than normal, or a topic that is not claimed.
    pub fn check(&self, message: &SealedMessage) -> Result<()> {
        let len = message.body().len();
        if len > self.max_body {
            return Err(Error::new(
                ErrorKind::PayloadTooLarge,
                format!("the body is {len} octets, limit {}", self.max_body),
            ));
        }
        let missing = if message.ttl() != Ttl::default() && !self.ttl {
            "a TTL"
        } else if message.urgency() != Urgency::default() && !self.urgency {
            "an urgency"
        } else if message.topic().is_some() && !self.topic {
            "a topic"
        } else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::Configuration,
            format!("this push service has no notion of {missing}; leave it out"),
        ))
    }
}

/// The push service took the message. It is **not** a delivery receipt (RFC 8030 §5.1); how far
/// the message had come is its [`stage`](Self::stage).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Accepted {
    /// Who took it.
    pub provider: ProviderId,
    /// What the push service calls the message, where it says so.
    pub message_id: Option<MessageId>,
    /// How long the push service will keep the message, where it said so or was asked for more
    /// than it can.
    pub ttl: Option<Ttl>,
    /// How far the message had come.
    pub stage: Stage,
}

impl Accepted {
    /// Accepted by a provider, which took the message for the user agent.
    #[must_use]
    pub const fn new(provider: ProviderId) -> Self {
        Self { provider, message_id: None, ttl: None, stage: Stage::Taken }
    }

    /// Keeps the push service's name for the message.
    #[must_use]
    pub fn with_message_id(mut self, id: impl Into<Option<MessageId>>) -> Self {
        self.message_id = id.into();
        self
    }

    /// Keeps the TTL that is in force.
    #[must_use]
    pub fn with_ttl(mut self, ttl: impl Into<Option<Ttl>>) -> Self {
        self.ttl = ttl.into();
        self
    }

    /// Says how far the message had come.
    #[must_use]
    pub fn with_stage(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }
}

/// How far a message had come when it was [`Accepted`]. No stage is delivery.
///
/// ```
/// use sealpush::{Accepted, ProviderId, Stage};
///
/// let accepted = Accepted::new(ProviderId::from_static("carrier"));
/// assert_eq!(accepted.stage, Stage::Taken);
/// assert_eq!(accepted.with_stage(Stage::Queued).stage.as_str(), "queued");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// It lies in a queue before any push service: a rule or a program of somebody's decides later
    /// whether a push comes of it. Nobody looked at the address, and what fails later, a dead
    /// token too, is never told to the sender.
    Queued,
    /// The push service took it for the user agent that the token names.
    #[default]
    Taken,
}

impl Stage {
    /// A stable label, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Taken => "taken",
        }
    }
}

/// A push service's name for a message that it accepted.
///
/// For Web Push it is the message resource (`Location`, RFC 8030 §5), with which a message can be
/// withdrawn: a capability, so `Debug` shows nothing of it and there is no `Display`.
#[derive(Clone, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// The name: treat it as a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for MessageId {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<&str> for MessageId {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageId([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_name_is_checked() {
        for good in ["webpush", "a", "my-push_2.0", &"a".repeat(32)] {
            assert_eq!(good.parse::<ProviderId>().unwrap().as_str(), good);
        }
        for bad in ["", "Web", "a b", "ä", "a\n", "a/b", &"a".repeat(33)] {
            assert_eq!(
                bad.parse::<ProviderId>().unwrap_err().kind(),
                ErrorKind::InvalidToken,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn accepted_shows_no_message_resource() {
        let accepted = Accepted::new(ProviderId::from_static("webpush"))
            .with_message_id(MessageId::from("https://push.example.net/m/secret"));
        assert!(!format!("{accepted:?}").contains("secret"));
    }
}
