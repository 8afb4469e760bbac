use crate::error::Result;
use crate::message::{Message, SealedMessage};
use crate::provider::Accepted;
use crate::token::Token;

/// One message for one token, with the key by which the caller knows it
/// ([`Client::send_many`](crate::Client::send_many)).
///
/// Made from a tuple of the three, too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Job<K> {
    /// The caller's own name for it; it comes back with the outcome.
    pub key: K,
    /// To whom.
    pub token: Token,
    /// What.
    pub message: Payload,
}

impl<K> Job<K> {
    /// A job of a message in the clear, or of one that was sealed for this token.
    pub fn new(key: K, token: Token, message: impl Into<Payload>) -> Self {
        Self { key, token, message: message.into() }
    }
}

impl<K, M: Into<Payload>> From<(K, Token, M)> for Job<K> {
    fn from((key, token, message): (K, Token, M)) -> Self {
        Self::new(key, token, message)
    }
}

/// What a [`Job`] sends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Payload {
    /// To be sealed when its turn comes.
    Clear(Message),
    /// Sealed elsewhere: sent as it is.
    Sealed(SealedMessage),
}

impl From<Message> for Payload {
    fn from(message: Message) -> Self {
        Self::Clear(message)
    }
}

impl From<SealedMessage> for Payload {
    fn from(message: SealedMessage) -> Self {
        Self::Sealed(message)
    }
}

/// What [`SendMany::drain`](super::SendMany::drain) leaves behind: every job that was taken in,
/// once.
#[derive(Debug)]
#[non_exhaustive]
pub struct Drained<K> {
    /// Those that were tried. One that was cut off at the deadline is `Timeout` with an unknown
    /// outcome; one that waited for its next attempt has the error of its last.
    pub finished: Vec<(K, Result<Accepted>)>,
    /// Those that were not, in no order.
    pub unsent: Vec<Job<K>>,
}
