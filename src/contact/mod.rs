//! Anonymous two-way messages between users, over any push service.
//!
//! A push token alone is a poor address: whoever holds it can push for ever, its owner cannot
//! answer, the push service sees sizes, and a stolen one cannot be taken back. This module puts a
//! [`Card`] in its place. A device makes one card per contact; the sender's device seals to the
//! card's key and posts to the relay that the card names; the relay opens only the address, which
//! it sealed itself, and pushes. The relay never sees a text, the sender never sees a token, and
//! nobody stores an account. An answer travels on a card inside the message. A card is revoked, and
//! replaced as the two write to each other.
//!
//! It is no transport and no server: no I/O, no task. Time is handed in, octets go in and come out.
//!
//! | who | begins with |
//! |---|---|
//! | a device that receives and answers | [`Device`] |
//! | a sender that knows only a card | [`Draft::anonymous`], or [`Identity`] to be known again |
//! | a relay | [`relay::Relay`] |
//!
//! The chapter [`guide::contact`](crate::guide::contact) goes from nothing to two people who write
//! to each other, and says word for word what stays visible. `examples/anonymous_reply.rs` is all
//! of it in one file.
//!
//! # What each party sees
//!
//! | party | sees | does not see |
//! |---|---|---|
//! | the sender's device | its text, the card | the receiver's token, slot, push service |
//! | the network at the sender | the relay's name, one of three sizes, the time | card secret, text, address's content |
//! | the sender's relay, if it forwards | the sender's network address, the receiver's relay, one of three sizes, the sealed address | the receiver's token and slot, card secret, text |
//! | the receiver's relay | the receiver's token and slot, one of three sizes, the time, the sealed message | card secret, text, who sent |
//! | the carrier (push service) | the token, the relay, the time, one of three sizes | sealed address, slot, card secret, text |
//! | the receiver's device | everything | the sender's network address |
//!
//! # Sizes
//!
//! | class | request | carried | through Web Push | text: unsigned, signed, signed with a card |
//! |---|---|---|---|---|
//! | small | 1183 | 528 | 631 | 363, 299, none |
//! | medium | 2171 | 1516 | 1619 | 1351, 1287, 445 |
//! | large | 3271 | 2616 | 2719 | 2451, 2387, 1545 |
//!
//! In octets; a card with a relay's name of 20 octets is attached. Longer text is refused with the
//! number that fits, never cut.

mod address;
mod backend;
mod card;
mod carrier;
mod challenge;
mod class;
#[expect(clippy::module_inception, reason = "the file's one idea is the contact")]
mod contact;
mod device;
mod draft;
mod envelope;
#[cfg(test)]
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod forgeries;
mod forward;
mod hint;
mod identity;
mod octets;
mod origin;
mod own_card;
pub mod paths;
mod pseudonym;
mod receipts;
mod received;
mod registration;
pub mod relay;
mod replay;
mod request;
mod rotation;
mod safety;
mod text;
#[cfg(test)]
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod vectors;

pub use self::card::Card;
pub use self::class::SizeClass;
pub use self::contact::Contact;
pub use self::device::Device;
pub use self::draft::{Draft, Outgoing};
pub use self::forward::{Forward, post};
pub use self::hint::Carried;
pub use self::identity::Identity;
pub use self::origin::RelayOrigin;
pub use self::pseudonym::{Pseudonym, VerificationKey};
pub use self::received::{Content, Gone, Opened, Received, Sender};
pub use self::relay::read_held;
pub use self::replay::{Freshness, ReplayWindow};
pub use self::request::{Answer, Delay, Request};
pub use self::safety::SafetyNumber;

octets::random_name! {
    /// What one device calls one of its contacts: 16 random octets that nobody else knows.
    ContactId
}

octets::random_name! {
    /// The name of a message: 16 random octets, by which a second copy is dropped.
    MessageId
}

octets::random_name! {
    /// What a relay and one device call one card: 16 random octets that nobody else knows.
    Slot
}

impl std::fmt::Debug for ContactId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContactId({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl std::fmt::Debug for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageId({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slot([redacted])")
    }
}
