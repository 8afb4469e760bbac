//! One contact: the other device, as this one knows it.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::card::{Card, Flags};
use super::envelope::{Envelope, Kind, MAX_RECEIPTS, SKEW, Unreadable, Unverified};
use super::hint::Carried;
use super::octets::seconds;
use super::pseudonym::{Pseudonym, VerificationKey};
use super::receipts::Receipts;
use super::received::{Content, Gone, Opened, Received, Sender};
use super::replay::{Freshness, ReplayWindow};
use super::rotation::Cards;
use super::{ContactId, MessageId, SafetyNumber, SizeClass, Slot};
use crate::{Error, ErrorKind, OpenError, Result};

/// What one device knows about one contact: pin, cards in both directions, replay window, rotation.
///
/// It is a value that the application stores, at most 64 KiB of JSON; it holds secrets. It changes
/// only after a message opened and was found fresh, and by what its owner does.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Contact {
    pub(super) id: ContactId,
    pub(super) pseudonym: Pseudonym,
    /// The key that the contact signs with, once it is known.
    pub(super) pin: Option<VerificationKey>,
    pub(super) theirs: Option<Theirs>,
    pub(super) cards: Cards,
    /// Hashes of the first card in each direction, for the safety number.
    pub(super) first_sent: Option<Hash>,
    pub(super) first_received: Option<Hash>,
    pub(super) window: ReplayWindow,
    pub(super) anonymous: ReplayWindow,
    pub(super) next_sequence: u32,
    /// A card came, or this is first contact: the next message does not show by its size which.
    pub(super) answering: bool,
    pub(super) receipts: Receipts,
    /// The public card by which the contact came.
    pub(super) via: Option<Slot>,
}

super::text::stored!(Contact, "contact");

/// The card of the contact that is in use.
#[derive(Serialize, Deserialize)]
pub(super) struct Theirs {
    pub(super) card: Card,
    /// The sequence of the message that brought it; 0 for a card that was handed over.
    pub(super) sequence: u32,
    pub(super) gone: bool,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Hash(#[serde(with = "super::text::array")] pub(super) [u8; 32]);

/// Which of one's own cards a message came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Current,
    Offered,
    Retired,
}

impl Contact {
    pub(super) fn new(pseudonym: Pseudonym) -> Result<Self> {
        Ok(Self {
            id: ContactId::random()?,
            pseudonym,
            pin: None,
            theirs: None,
            cards: Cards::default(),
            first_sent: None,
            first_received: None,
            window: ReplayWindow::default(),
            anonymous: ReplayWindow::default(),
            next_sequence: 1,
            answering: true,
            receipts: Receipts::default(),
            via: None,
        })
    }

    /// The name that this device gave to the contact, random and its own.
    #[must_use]
    pub fn id(&self) -> ContactId {
        self.id
    }

    /// The number to compare with the contact; `None` until a card went each way.
    #[must_use]
    pub fn safety_number(&self) -> Option<SafetyNumber> {
        Some(SafetyNumber::of(&self.first_sent?.0, &self.first_received?.0))
    }

    /// Whether it can be written to: a card of the contact is here and its address lives.
    #[must_use]
    pub fn is_reachable(&self, now: SystemTime) -> bool {
        self.theirs.as_ref().is_some_and(|theirs| !theirs.gone && theirs.card.check(now).is_ok())
    }

    /// Whether this device tells the contact what was read. Off by default: receipts tell when a
    /// person reads.
    #[must_use]
    pub fn sends_receipts(&self) -> bool {
        self.receipts.on
    }

    /// Octets of the longest text of the next message, with the card that it must carry; `None`
    /// while nothing can be sent.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        let theirs = self.theirs.as_ref()?;
        let card = self.cards.to_attach().or_else(|| self.cards.any_card());
        let card = if self.cards.current.is_none() { card } else { None };
        theirs.card.capacity(true, card)
    }

    /// Whether it is for one of this contact's slots, and which.
    pub(super) fn place_of(&self, carried: &Carried) -> Option<Place> {
        self.cards.find(|keys| carried.is_for(&keys.slot))
    }

    pub(super) fn receive(
        &mut self,
        place: Place,
        carried: &Carried,
        now: SystemTime,
    ) -> Result<Received, OpenError> {
        let keys = self.cards.keys(place, |keys| carried.is_for(&keys.slot)).ok_or(OpenError)?;
        if keys.until < seconds(now) {
            return Err(OpenError);
        }
        let plaintext = keys.open(carried)?;
        let recipient = keys.card_hash;
        let takes_unsigned = place == Place::Current
            && self.cards.current.as_ref().is_some_and(|own| own.card.takes_anonymous());
        let unverified = match Unverified::read(&plaintext) {
            Ok(unverified) => unverified,
            Err(Unreadable::Unsupported) => return Ok(Received::Unsupported),
            Err(Unreadable::Malformed) => return Err(OpenError),
        };
        if unverified.envelope.signer.is_none() {
            return if takes_unsigned {
                receive_anonymous(&mut self.anonymous, &unverified.envelope, now)
            } else {
                Err(OpenError)
            };
        }
        self.receive_signed(&unverified, &recipient, place, now)
    }

    /// Accepts a signed envelope for the card of this hash.
    pub(super) fn receive_signed(
        &mut self,
        unverified: &Unverified<'_>,
        recipient: &[u8; 32],
        place: Place,
        now: SystemTime,
    ) -> Result<Received, OpenError> {
        let envelope = &unverified.envelope;
        let signer = envelope.signer.ok_or(OpenError)?;
        let attached = match envelope.card {
            Some(octets) => Some(Card::from_octets(octets).map_err(|_| OpenError)?),
            None => None,
        };
        let pinned = self.pin.filter(|pin| pin.id() == signer.key_id);
        let key = pinned.or_else(|| attached.as_ref().map(|card| *card.verification_key()));
        let key = key.filter(|key| unverified.is_signed_by(key, recipient)).ok_or(OpenError)?;
        if self.pin.is_some_and(|pin| pin != key) {
            return Ok(Received::ForeignSigner(self.id));
        }
        // A card that the contact attaches carries the contact's own key, as the first one did.
        let foreign = |card: &Card| {
            *card.verification_key() != key
                || card.check(now).is_err_and(|error| error.kind() != ErrorKind::Expired)
        };
        if attached.as_ref().is_some_and(foreign) {
            return Err(OpenError);
        }
        match self.window.check(&envelope.id, signer.sequence.into()) {
            Freshness::Duplicate => return Ok(Received::Duplicate),
            Freshness::Stale => return Ok(Received::Stale),
            Freshness::Fresh => {}
        }

        // From here on the message is accepted.
        let sender =
            if self.pin.is_none() { Sender::First(self.id) } else { Sender::Known(self.id) };
        self.pin = Some(key);
        self.window.accept(envelope.id, signer.sequence.into());
        if let Some(card) = attached {
            self.take_card(card, signer.sequence);
        }
        self.cards.arrived_at(place, seconds(now));
        if self.cards.current.as_ref().is_none_or(|own| !own.card.takes_anonymous()) {
            self.anonymous = ReplayWindow::default();
        }
        if envelope.kind == Kind::Message {
            self.receipts.note(envelope.id, seconds(now));
        }
        Ok(opened(envelope, sender, signer.sequence, now))
    }

    fn take_card(&mut self, card: Card, sequence: u32) {
        self.first_received.get_or_insert_with(|| Hash(card.hash()));
        let is_newer = self.theirs.as_ref().is_none_or(|theirs| theirs.sequence < sequence);
        if is_newer {
            let is_new = self.theirs.as_ref().is_none_or(|theirs| theirs.card != card);
            let gone = !is_new && self.theirs.as_ref().is_some_and(|theirs| theirs.gone);
            self.answering |= is_new;
            self.theirs = Some(Theirs { card, sequence, gone });
        }
    }

    /// Takes the next sequence. It must be stored before the message is sealed.
    pub(super) fn take_sequence(&mut self) -> Result<u32> {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::Rejected, "the contact has used up its sequence; begin a new one")
        })?;
        Ok(sequence)
    }

    /// The card to write to.
    pub(super) fn recipient(&self) -> Result<&Card> {
        let theirs = self.theirs.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Rejected, "the contact has not given a card yet")
        })?;
        if theirs.gone {
            return Err(Error::new(
                ErrorKind::Expired,
                "the contact's address is gone; wait for a new card",
            ));
        }
        Ok(&theirs.card)
    }

    pub(super) fn gone(&mut self, address_used: &[u8]) -> Gone {
        if let Some(theirs) = &mut self.theirs {
            if theirs.card.address()[..] != *address_used {
                return Gone::AddressReplaced;
            }
            theirs.gone = true;
        }
        if self.cards.current.is_some() || self.via.is_some() {
            Gone::WaitingForNewAddress
        } else {
            Gone::ContactLost
        }
    }

    /// The flags of the cards that this contact gets inside messages.
    pub(super) fn reply_flags(largest: SizeClass) -> Flags {
        Flags { public: false, unsigned: false, largest }
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Accepts an unsigned envelope on a slot that takes them.
pub(super) fn receive_anonymous(
    window: &mut ReplayWindow,
    envelope: &Envelope<'_>,
    now: SystemTime,
) -> Result<Received, OpenError> {
    if envelope.kind != Kind::Message {
        return Err(OpenError);
    }
    let now_seconds = seconds(now);
    let earliest = now_seconds.saturating_sub(u64::from(envelope.ttl)).saturating_sub(SKEW);
    let latest = now_seconds.saturating_add(SKEW);
    match window.check(&envelope.id, envelope.sent_at) {
        Freshness::Duplicate => return Ok(Received::Duplicate),
        Freshness::Stale => return Ok(Received::Stale),
        Freshness::Fresh if !(earliest..=latest).contains(&envelope.sent_at) => {
            return Ok(Received::Stale);
        }
        Freshness::Fresh => {}
    }
    window.accept(envelope.id, envelope.sent_at);
    Ok(opened(envelope, Sender::Anonymous, 0, now))
}

fn opened(envelope: &Envelope<'_>, sender: Sender, sequence: u32, now: SystemTime) -> Received {
    let content = match envelope.kind {
        Kind::Message => Content::Text(Zeroizing::new(envelope.body.to_vec())),
        Kind::Receipts => Content::Receipts(
            envelope
                .body
                .as_chunks()
                .0
                .iter()
                .map(|id| MessageId(*id))
                .take(MAX_RECEIPTS)
                .collect(),
        ),
        Kind::Control if envelope.body == [GOODBYE] => Content::Goodbye,
        Kind::Control => Content::NewCard,
    };
    let sent_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(envelope.sent_at));
    let opened = Opened {
        sender,
        content,
        id: envelope.id,
        sequence,
        sent_at: sent_at.unwrap_or(SystemTime::UNIX_EPOCH),
        ttl: Duration::from_secs(envelope.ttl.into()),
    };
    let expiry = envelope.sent_at.saturating_add(envelope.ttl.into()).saturating_add(SKEW);
    if expiry < seconds(now) { Received::Late(opened) } else { Received::Opened(opened) }
}

/// The body of a control message that brings a new card.
pub(super) const NEW_CARD: u8 = 1;
/// The body of the last message of a contact.
pub(super) const GOODBYE: u8 = 2;
