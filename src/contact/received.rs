//! What opening a message can come to.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use zeroize::Zeroizing;

use super::{ContactId, MessageId};

/// What became of something that arrived. Only octets that do not open are an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received {
    /// The relay asks whether the token is this device's: post these octets to its
    /// [`ADDRESSES`](super::paths::ADDRESSES).
    Challenge(Bytes),
    /// It was accepted before.
    Duplicate,
    /// Somebody else has this card: a good signature, not of the contact whose card it is. Never
    /// show it as the contact's, nor as anonymous.
    ForeignSigner(ContactId),
    /// Opened, later than its sender gave it to be read. Time only marks; it never refuses.
    Late(Opened),
    /// Opened.
    Opened(Opened),
    /// It is so old that nobody can tell whether it was accepted before.
    Stale,
    /// It opened and speaks a version of the future. Show that there is something, never its
    /// octets.
    Unsupported,
}

/// A message that opened, for the first and only time.
#[non_exhaustive]
pub struct Opened {
    /// Who signed it.
    pub sender: Sender,
    /// What it says.
    pub content: Content,
    /// Its name, which receipts speak of.
    pub id: MessageId,
    /// What orders the messages of one sender; 0 where it is anonymous.
    pub sequence: u32,
    /// When the sender says that it was sent.
    pub sent_at: SystemTime,
    /// For how long the sender gave it to be read.
    pub ttl: Duration,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("sender", &self.sender)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// Who a message is from, as far as its signature tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sender {
    /// Nobody signed. Two such messages need not be of one person.
    Anonymous,
    /// The first message of a contact: its key is pinned from here on. Who it is, only the two
    /// people can find out, with the [safety number](super::SafetyNumber).
    First(ContactId),
    /// The contact whose key is pinned.
    Known(ContactId),
}

impl Sender {
    /// The contact; `None` for an anonymous message.
    #[must_use]
    pub fn contact(&self) -> Option<ContactId> {
        match self {
            Self::Anonymous => None,
            Self::First(id) | Self::Known(id) => Some(*id),
        }
    }
}

/// What a message says.
#[non_exhaustive]
pub enum Content {
    /// The contact says goodbye: nothing more will come.
    Goodbye,
    /// The contact has a new card, which is in use already. Show nothing.
    NewCard,
    /// The contact has read these.
    Receipts(Vec<MessageId>),
    /// A text of theirs.
    Text(Zeroizing<Vec<u8>>),
}

impl Content {
    /// The text; `None` for a message that shows nothing.
    #[must_use]
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Goodbye => f.write_str("Goodbye"),
            Self::NewCard => f.write_str("NewCard"),
            Self::Receipts(ids) => write!(f, "Receipts({})", ids.len()),
            Self::Text(_) => f.write_str("Text([redacted])"),
        }
    }
}

/// What it means that a relay answered *gone* to a message to a contact.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gone {
    /// A newer card of the contact has come in the meantime: compose the message anew.
    AddressReplaced,
    /// Neither of the two has an address of the other that lives. Only a new card, given as the
    /// first one was, brings the contact back.
    ContactLost,
    /// The contact has a living address of this device and will send a new card of its own.
    WaitingForNewAddress,
}
