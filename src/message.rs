//! What an application sends, before and after sealing.

mod stored;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::options::{ByProvider, Placeholder, ProviderOptions, Topic, Ttl, Urgency};
use crate::seal::keys::fill_random;
use crate::seal::record::SALT_LEN;
use crate::seal::{self, MAX_BODY, Padding, Sealed, UserAgentKeys};

/// A message in the clear, with the options of RFC 8030 §5.
///
/// Cloning shares the payload, which is wiped when the last clone is dropped.
///
/// ```
/// use std::time::Duration;
/// use sealpush::{Message, Topic, Urgency};
///
/// let message = Message::new("the door is open")
///     .with_ttl(Duration::from_secs(3600))
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

    /// How long the push service keeps the message for an absent user agent, as a [`Ttl`] or a
    /// [`Duration`]. Default: 28 days.
    #[must_use]
    pub fn with_ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.options.ttl = ttl.into();
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

    /// What only one provider understands. Options for the same provider are replaced; those for
    /// another stay, and each provider reads its own.
    ///
    /// # Errors
    ///
    /// `Configuration` when they do not serialize to a JSON object.
    pub fn with_provider_options<O: ProviderOptions>(mut self, options: &O) -> Result<Self> {
        self.options.by_provider.insert(options)?;
        Ok(self)
    }

    /// The payload.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.payload
    }

    /// See [`with_ttl`](Self::with_ttl).
    #[must_use]
    pub fn ttl(&self) -> Ttl {
        self.options.ttl
    }

    /// See [`with_urgency`](Self::with_urgency).
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        self.options.urgency
    }

    /// See [`with_topic`](Self::with_topic).
    #[must_use]
    pub fn topic(&self) -> Option<&Topic> {
        self.options.topic.as_ref()
    }

    /// See [`with_padding`](Self::with_padding).
    #[must_use]
    pub fn padding(&self) -> Padding {
        self.padding
    }

    /// See [`with_placeholder`](Self::with_placeholder).
    #[must_use]
    pub fn placeholder(&self) -> &Placeholder {
        &self.options.placeholder
    }

    /// See [`with_provider_options`](Self::with_provider_options); `None` where the message has
    /// none for this provider.
    ///
    /// # Errors
    ///
    /// `Configuration` when they are no `O`.
    pub fn provider_options<O: ProviderOptions>(&self) -> Result<Option<O>> {
        self.options.by_provider.get()
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
/// Cloning shares the body, so that every retry sends the same octets. To keep it for a later
/// process, [`to_json`](Self::to_json) and [`FromStr`](std::str::FromStr), or serde with any format
/// that describes itself.
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

    /// Puts 16 octets in front of the sealed ones, by which a receiver with many secrets finds the
    /// one that opens the message.
    ///
    /// Where another layer is sealed around both, the hint is inside of it: this is for carriers
    /// that bring the octets as they are.
    #[must_use]
    pub fn with_hint(mut self, hint: [u8; 16]) -> Self {
        self.body = [&hint[..], &self.body].concat().into();
        self
    }

    /// See [`Message::with_ttl`].
    #[must_use]
    pub fn with_ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.options.ttl = ttl.into();
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

    /// See [`Message::with_provider_options`].
    ///
    /// # Errors
    ///
    /// `Configuration` when they do not serialize to a JSON object.
    pub fn with_provider_options<O: ProviderOptions>(mut self, options: &O) -> Result<Self> {
        self.options.by_provider.insert(options)?;
        Ok(self)
    }

    /// The same message after it has waited for this long, in an outbox for example: its TTL is
    /// less by the whole seconds.
    ///
    /// # Errors
    ///
    /// `Rejected` when the message waited for longer than its TTL. A TTL of 0 ends after the first
    /// second.
    pub fn after(mut self, waited: Duration) -> Result<Self> {
        let ttl = self.options.ttl.as_duration().checked_sub(Duration::from_secs(waited.as_secs()));
        self.options.ttl = ttl.map(Ttl::from).ok_or_else(|| {
            Error::new(ErrorKind::Rejected, "the message waited for longer than its TTL")
        })?;
        Ok(self)
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

    /// What was told to this one provider; `None` where the message has nothing for it. A provider
    /// with options of its own reads them before it sends anything.
    ///
    /// # Errors
    ///
    /// `Configuration` when they are no `O`, which a provider passes on.
    pub fn provider_options<O: ProviderOptions>(&self) -> Result<Option<O>> {
        self.options.by_provider.get()
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
    by_provider: ByProvider,
}

#[cfg(test)]
mod tests {
    use super::*;

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
    #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
    fn waiting_is_taken_from_the_ttl() {
        let secret = crate::UserAgentSecret::generate().unwrap();
        let sealed = Message::new("hello").with_ttl(Ttl::from_secs(2)).seal(secret.keys(), 4096);
        let sealed = sealed.unwrap();
        let left = |milliseconds| sealed.clone().after(Duration::from_millis(milliseconds));
        for (waited, ttl) in [(0, 2), (999, 2), (1_000, 1), (2_000, 0), (2_999, 0)] {
            assert_eq!(left(waited).unwrap().ttl(), Ttl::from_secs(ttl), "{waited}");
        }
        let error = left(3_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(!error.is_token_dead() && !error.is_retryable());
        assert!(sealed.clone().after(Duration::MAX).is_err());
    }

    #[test]
    fn debug_shows_no_payload() {
        let message = Message::new("attack at dawn");
        let shown = format!("{message:?} {message:#?}");
        assert!(!shown.contains("attack") && !shown.contains("97, 116"), "{shown}");
    }
}
