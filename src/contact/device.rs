//! A device: its relay, its addresses, its contacts.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::card::{Card, Flags};
use super::contact::{Contact, GOODBYE, Hash, NEW_CARD, Place, Theirs, receive_anonymous};
use super::draft::{Draft, Outgoing};
use super::envelope::{Kind, Unreadable, Unverified};
use super::hint::Carried;
use super::octets::seconds;
use super::own_card::OwnCard;
use super::pseudonym::Pseudonym;
use super::receipts::random_below;
use super::received::{Gone, Received};
use super::registration::Registrar;
use super::replay::ReplayWindow;
use super::{ContactId, RelayOrigin, SizeClass};
use crate::{Error, ErrorKind, OpenError, Result};

/// Everything that one device knows: a value that the application stores, as one JSON or by its
/// [`contacts`](Self::contacts). It holds secrets.
///
/// It does no I/O. What it returns is to be posted to its relay or to a contact's; what arrives is
/// handed to [`receive`](Self::receive). Store it after every call that changes it, and before
/// what the call returned is posted or shown.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Device {
    pub(super) registrar: Registrar,
    pub(super) contacts: Vec<Contact>,
    public_cards: Vec<PublicCard>,
}

super::text::stored!(Device, "device");

/// A card for many senders.
#[derive(Serialize, Deserialize)]
struct PublicCard {
    own: OwnCard,
    pseudonym: Pseudonym,
    anonymous: ReplayWindow,
}

impl Device {
    /// A device that has no address yet, and will get them of this relay.
    #[must_use]
    pub fn new(relay: RelayOrigin) -> Self {
        Self { registrar: Registrar::new(relay), contacts: Vec::new(), public_cards: Vec::new() }
    }

    /// The relay of its cards.
    #[must_use]
    pub fn relay(&self) -> &RelayOrigin {
        self.registrar.relay()
    }

    /// Its contacts.
    pub fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.iter()
    }

    /// One of its contacts.
    #[must_use]
    pub fn contact(&self, id: &ContactId) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.id == *id)
    }

    /// Makes a card for one contact, to hand over as a link or a QR code. `anonymous` lets whoever
    /// has it write without a signature.
    ///
    /// # Errors
    ///
    /// `Configuration` when no address is left: register, or refill; `Unavailable` when the
    /// operating system has no randomness.
    pub fn invite(&mut self, anonymous: bool, now: SystemTime) -> Result<(ContactId, Card)> {
        let mut contact = Contact::new(Pseudonym::generate()?)?;
        let own = self.hand_out(false, anonymous, &contact.pseudonym, now)?;
        let card = own.card.clone();
        contact.first_sent = Some(Hash(card.hash()));
        contact.cards.current = Some(own);
        let id = contact.id;
        self.contacts.push(contact);
        Ok((id, card))
    }

    /// Makes a card for many senders. Each of them who signs becomes a contact of its own, and is
    /// answered with a card of its own.
    ///
    /// # Errors
    ///
    /// As [`invite`](Self::invite).
    pub fn publish(&mut self, anonymous: bool, now: SystemTime) -> Result<Card> {
        let pseudonym = Pseudonym::generate()?;
        let own = self.hand_out(true, anonymous, &pseudonym, now)?;
        let card = own.card.clone();
        self.public_cards.push(PublicCard { own, pseudonym, anonymous: ReplayWindow::default() });
        Ok(card)
    }

    /// Withdraws a public card: its keys are deleted here, and the relay is to forget its slot.
    pub fn withdraw(&mut self, card: &Card) {
        let registrar = &mut self.registrar;
        self.public_cards.retain(|public| {
            let keep = public.own.card != *card;
            if !keep {
                registrar.to_revoke.push(public.own.keys.issued());
            }
            keep
        });
    }

    /// Makes a contact of somebody else's card. Nothing is sent; the first
    /// [`draft`](Self::draft) carries a card of one's own.
    ///
    /// # Errors
    ///
    /// As [`Card::check`]; `Unavailable` when the operating system has no randomness.
    pub fn open_card(&mut self, card: &Card, now: SystemTime) -> Result<ContactId> {
        card.check(now)?;
        let mut contact = Contact::new(Pseudonym::generate()?)?;
        contact.pin = Some(*card.verification_key());
        contact.first_received = Some(Hash(card.hash()));
        contact.theirs = Some(Theirs { card: card.clone(), sequence: 0, gone: false });
        let id = contact.id;
        self.contacts.push(contact);
        Ok(id)
    }

    /// Composes a message to a contact, with a card of one's own where the contact is to get one.
    ///
    /// Store the device before the draft is sealed: it has taken a sequence.
    ///
    /// # Errors
    ///
    /// `PayloadTooLarge`, with the number of octets that fit, for a longer text; `Expired` when the
    /// contact's card has expired or its address is gone; `Rejected` when the contact is unknown or
    /// has given no card yet; `Configuration` when an address is needed and none is left;
    /// `Unavailable` when the operating system has no randomness.
    pub fn draft(
        &mut self,
        to: &ContactId,
        text: impl Into<Vec<u8>>,
        now: SystemTime,
    ) -> Result<Draft> {
        self.compose(to, Kind::Message, text.into(), now)
    }

    /// Composes the last message to a contact; [`block`](Self::block) it afterwards.
    ///
    /// # Errors
    ///
    /// As [`draft`](Self::draft).
    pub fn goodbye(&mut self, to: &ContactId, now: SystemTime) -> Result<Draft> {
        self.compose(to, Kind::Control, vec![GOODBYE], now)
    }

    /// New cards and receipts whose time has come. Post them; all of them are held by the relay, so
    /// that nothing is pushed that shows nothing. What cannot be composed now is left for later.
    pub fn due(&mut self, now: SystemTime) -> Vec<Draft> {
        let at = seconds(now);
        let mut drafts = Vec::new();
        for place in 0..self.contacts.len() {
            let Some(contact) = self.contacts.get_mut(place) else { break };
            contact.cards.tidy(at);
            if !contact.is_reachable(now) {
                continue;
            }
            let id = contact.id;
            if contact.receipts.is_due(at) {
                let body = contact.receipts.take();
                drafts.extend(self.compose(&id, Kind::Receipts, body, now).ok());
            }
            let Some(contact) = self.contacts.get(place) else { break };
            if contact.first_sent.is_some() && contact.cards.is_due(at) {
                drafts.extend(self.compose(&id, Kind::Control, vec![NEW_CARD], now).ok());
            }
        }
        drafts
    }

    /// Finds the slot of what arrived, opens it, and says what it comes to.
    ///
    /// It changes only when a message opened and was found fresh. Store it before the message is
    /// shown.
    ///
    /// # Errors
    ///
    /// [`OpenError`] for what is not for this device, or does not open, or carries a signature that
    /// is not good.
    pub fn receive(&mut self, carried: &Carried, now: SystemTime) -> Result<Received, OpenError> {
        if let Some(message) = carried.relay_message() {
            return self.registrar.answer(message).map(Received::Challenge).ok_or(OpenError);
        }
        for contact in &mut self.contacts {
            if let Some(place) = contact.place_of(carried) {
                return contact.receive(place, carried, now);
            }
        }
        let public =
            self.public_cards.iter_mut().find(|public| carried.is_for(&public.own.keys.slot));
        receive_public(public.ok_or(OpenError)?, &mut self.contacts, carried, now)
    }

    /// What it means that a relay answered *gone* to this message.
    pub fn gone(&mut self, to: &ContactId, message: &Outgoing) -> Gone {
        let Some(contact) = self.contacts.iter_mut().find(|contact| contact.id == *to) else {
            return Gone::ContactLost;
        };
        contact.gone(message.request.address())
    }

    /// Turns receipts for a contact on or off.
    pub fn set_receipts(&mut self, contact: &ContactId, on: bool) {
        if let Some(contact) = self.contacts.iter_mut().find(|known| known.id == *contact) {
            contact.receipts.turn(on);
        }
    }

    /// Deletes a contact: first its keys here, so that it holds against a relay that ignores it;
    /// then the relay is to forget its slots. The contact is told nothing.
    pub fn block(&mut self, contact: &ContactId) {
        let registrar = &mut self.registrar;
        self.contacts.retain(|known| {
            let keep = known.id != *contact;
            if !keep {
                registrar.to_revoke.extend(known.cards.all_keys().map(|keys| keys.issued()));
                registrar.to_revoke.extend(&known.cards.to_revoke);
            }
            keep
        });
    }

    /// What to post to the relay's [`REVOKE`](super::paths::REVOKE), one by one; then tell
    /// [`revoked`](Self::revoked).
    pub fn revocations(&mut self) -> Vec<Bytes> {
        for contact in &mut self.contacts {
            self.registrar.to_revoke.append(&mut contact.cards.to_revoke);
        }
        let issued = self.registrar.to_revoke.iter();
        issued.map(|issued| Bytes::copy_from_slice(&issued.to_ownership())).collect()
    }

    /// The relay has revoked this one.
    pub fn revoked(&mut self, revocation: &[u8]) {
        self.registrar.to_revoke.retain(|issued| issued.to_ownership().as_slice() != revocation);
    }

    /// What to post to the relay's [`HELD`](super::paths::HELD): at every start, push and
    /// reconnection. Each is for 32 slots at most; [`read_held`](super::read_held) reads the
    /// answers.
    #[must_use]
    pub fn held_requests(&self) -> Vec<Bytes> {
        let contacts = self.contacts.iter().flat_map(|contact| contact.cards.all_keys());
        let public = self.public_cards.iter().map(|public| &public.own.keys);
        let slots: Vec<_> = contacts.chain(public).map(|keys| keys.issued()).collect();
        slots
            .chunks(super::relay::MAX_HELD_SLOTS)
            .map(|slots| {
                let ownerships: Vec<_> = slots.iter().map(|slot| slot.to_ownership()).collect();
                ownerships.iter().flat_map(|octets| octets.iter().copied()).collect()
            })
            .collect()
    }

    /// The device came from an import or a backup: messages may have been sent since that it does
    /// not know of, so every sequence jumps ahead.
    pub fn restored(&mut self) {
        for contact in &mut self.contacts {
            contact.next_sequence = contact.next_sequence.saturating_add(RESTORED_JUMP);
        }
    }

    /// The subscription is a new one. All cards lead nowhere; new ones go with the next message to
    /// each contact, and to the others by [`due`](Self::due), spread over 6 hours, so that the relay
    /// is not handed the list of contacts in one burst.
    pub(super) fn abandon_cards(&mut self, now: SystemTime) {
        let at = seconds(now);
        for contact in &mut self.contacts {
            contact.cards.abandon(at);
            contact.cards.not_before = at.saturating_add(random_below(SPREAD));
        }
        self.public_cards.clear();
    }

    fn hand_out(
        &mut self,
        public: bool,
        unsigned: bool,
        pseudonym: &Pseudonym,
        now: SystemTime,
    ) -> Result<OwnCard> {
        let flags = Flags { public, unsigned, largest: self.registrar.largest() };
        self.registrar
            .make_card(flags, pseudonym.verification_key(), now, true)?
            .ok_or_else(no_address)
    }

    fn compose(
        &mut self,
        to: &ContactId,
        kind: Kind,
        body: Vec<u8>,
        now: SystemTime,
    ) -> Result<Draft> {
        let contact = self.contacts.iter_mut().find(|contact| contact.id == *to);
        let contact =
            contact.ok_or_else(|| Error::new(ErrorKind::Rejected, "there is no such contact"))?;
        let card = contact.recipient()?.clone();
        card.check(now)?;
        let at = seconds(now);
        contact.cards.tidy(at);
        if contact.cards.wants_new(at) {
            let flags = Contact::reply_flags(self.registrar.largest());
            let key = contact.pseudonym.verification_key();
            if let Some(own) = self.registrar.make_card(flags, key, now, false)? {
                contact.cards.offer(own);
            }
        }
        // Before anything arrived on a card of ours, the contact may know none, nor our key.
        let must_attach = contact.cards.current.is_none();
        let offered = contact.cards.to_attach().filter(|offered| {
            must_attach || card.capacity(true, Some(offered)).is_some_and(|room| body.len() <= room)
        });
        let attached = offered.cloned();
        if must_attach && attached.is_none() {
            return Err(no_address());
        }
        let shows_first = attached.is_some() || contact.answering;
        let least = if shows_first { SizeClass::Medium } else { SizeClass::Small };
        let signer = Some((contact.pseudonym.clone(), contact.next_sequence));
        let draft = Draft::new(&card, kind, body, signer, attached.clone(), least, now)?;

        contact.take_sequence()?;
        contact.answering = false;
        if let Some(card) = attached {
            contact.cards.offered_at = at;
            contact.first_sent.get_or_insert_with(|| Hash(card.hash()));
        }
        Ok(draft)
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("relay", self.relay())
            .field("contacts", &self.contacts.len())
            .finish_non_exhaustive()
    }
}

/// Opens what came to a public card. Each signer is a contact of its own.
fn receive_public(
    public: &mut PublicCard,
    contacts: &mut Vec<Contact>,
    carried: &Carried,
    now: SystemTime,
) -> Result<Received, OpenError> {
    let keys = &public.own.keys;
    if keys.until < seconds(now) {
        return Err(OpenError);
    }
    let plaintext = keys.open(carried)?;
    let unverified = match Unverified::read(&plaintext) {
        Ok(unverified) => unverified,
        Err(Unreadable::Unsupported) => return Ok(Received::Unsupported),
        Err(Unreadable::Malformed) => return Err(OpenError),
    };
    let Some(signer) = unverified.envelope.signer else {
        return if public.own.card.takes_anonymous() {
            receive_anonymous(&mut public.anonymous, &unverified.envelope, now)
        } else {
            Err(OpenError)
        };
    };
    let known = contacts.iter_mut().find(|contact| {
        contact.via == Some(keys.slot) && contact.pin.is_some_and(|pin| pin.id() == signer.key_id)
    });
    if let Some(contact) = known {
        return contact.receive_signed(&unverified, &keys.card_hash, Place::Retired, now);
    }
    let mut contact = Contact::new(public.pseudonym.clone()).map_err(|_| OpenError)?;
    contact.via = Some(keys.slot);
    contact.first_sent = Some(Hash(keys.card_hash));
    let received = contact.receive_signed(&unverified, &keys.card_hash, Place::Retired, now)?;
    contacts.push(contact);
    Ok(received)
}

fn no_address() -> Error {
    Error::new(ErrorKind::Configuration, "no address is left; ask the relay for more")
}

/// How far a sequence jumps after an import.
const RESTORED_JUMP: u32 = 65_536;
/// Seconds over which new cards go out after a new subscription.
const SPREAD: u64 = 6 * 3600;
