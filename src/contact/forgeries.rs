//! Messages that somebody without the signer's key makes, or changes: none is accepted.
//!
//! The forger is strong: she knows the card, so she seals whatever she likes to it, and she has
//! messages that the real signer made, for this card and for another.

use std::time::{Duration, SystemTime};

use super::card::Flags;
use super::challenge::Issued;
use super::envelope::{Envelope, Kind, Signer};
use super::hint::{HINT_LEN, hint};
use super::own_card::PooledAddress;
use super::received::{Opened, Received};
use super::*;
use crate::seal::{Padding, seal_within};
use crate::{OpenError, UserAgentKeys, UserAgentSecret};

const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn address(seed: u8) -> [u8; 669] {
    let mut address = [seed; 669];
    address[0] = 1;
    address
}

/// A device with addresses that no relay issued; nothing here asks one.
fn device() -> Device {
    let mut device = Device::new("relay.example.net".parse().unwrap());
    device.registrar.pool = (0..8)
        .map(|seed| PooledAddress {
            issued: Issued { slot: Slot::random().unwrap(), address: address(seed) },
            day: NOW / 86_400,
        })
        .collect();
    device
}

fn card_of(pseudonym: &Pseudonym, keys: &UserAgentKeys) -> Card {
    let flags = Flags { public: false, unsigned: false, largest: SizeClass::Large };
    let not_after = u32::try_from(NOW / 86_400 * 86_400 + 50 * 86_400).unwrap();
    let origin = "relay.example.net".parse().unwrap();
    let key = *pseudonym.verification_key();
    Card::new(flags, not_after, origin, address(9), keys.clone(), key)
}

/// The owner of the card, the real signer, and the forger.
struct Scene {
    stored: String,
    card: Card,
    other_card: Card,
    slot: Slot,
    signer: Pseudonym,
    signers_card: Card,
    forger: Pseudonym,
    forgers_card: Card,
}

impl Scene {
    /// With the signer's key pinned by a first message, or not yet.
    fn new(pinned: bool) -> Self {
        let mut owner = device();
        owner.registrar.pool.truncate(2);
        let (first, card) = owner.invite_with_class(SizeClass::Large);
        let (_, other_card) = owner.invite_with_class(SizeClass::Large);
        let slot = owner.contact(&first).unwrap().cards.current.as_ref().unwrap().keys.slot;
        let keys = UserAgentSecret::generate().unwrap();
        let [signer, forger] = [0; 2].map(|_| Pseudonym::generate().unwrap());
        let mut scene = Self {
            stored: String::new(),
            card,
            other_card,
            slot,
            signers_card: card_of(&signer, keys.keys()),
            forgers_card: card_of(&forger, keys.keys()),
            signer,
            forger,
        };
        if pinned {
            let carried = scene.carried(&scene.genuine(1, true));
            assert!(matches!(owner.receive(&carried, now()), Ok(Received::Opened(_))));
        }
        scene.stored = serde_json::to_string(&owner).unwrap();
        scene
    }

    fn genuine(&self, sequence: u32, with_card: bool) -> Vec<u8> {
        self.made(&self.card, &self.signer, sequence, with_card.then_some(&self.signers_card))
    }

    fn made(&self, to: &Card, by: &Pseudonym, sequence: u32, attached: Option<&Card>) -> Vec<u8> {
        let attached = attached.map(Card::to_octets);
        let envelope = Envelope {
            kind: Kind::Message,
            id: MessageId::random().unwrap(),
            sent_at: NOW,
            ttl: 3600,
            signer: Some(Signer { sequence, key_id: by.verification_key().id() }),
            body: b"transfer the money",
            card: attached.as_ref().map(|card| card.as_slice()),
        };
        envelope.encode(&to.hash(), Some(by)).unwrap().to_vec()
    }

    fn carried(&self, envelope: &[u8]) -> Carried {
        let sealed = seal_within(self.card.keys(), envelope, Padding::To(1500), 1500).unwrap();
        self.hinted(sealed.as_ref())
    }

    fn hinted(&self, sealed: &[u8]) -> Carried {
        let hint: [u8; HINT_LEN] = hint(&[3; 8], &self.slot, sealed);
        Carried::from_octets([&hint[..], sealed].concat()).unwrap()
    }

    /// What the owner makes of it, whose state must not change unless it is accepted.
    fn outcome(&self, carried: &Carried) -> Result<Received, OpenError> {
        let mut owner: Device = serde_json::from_str(&self.stored).unwrap();
        let received = owner.receive(carried, now());
        if accepted(&received).is_none() {
            assert_eq!(serde_json::to_string(&owner).unwrap(), self.stored);
        }
        received
    }

    fn refuses(&self, what: &str, envelope: &[u8]) {
        let received = self.outcome(&self.carried(envelope));
        assert!(accepted(&received).is_none(), "{what}: {received:?}");
    }
}

impl Device {
    fn invite_with_class(&mut self, largest: SizeClass) -> (ContactId, Card) {
        let (id, _) = self.invite(false, now()).unwrap();
        let contact = self.contacts.iter_mut().find(|contact| contact.id == id).unwrap();
        let own = contact.cards.current.as_mut().unwrap();
        let card = Card::new(
            Flags { public: false, unsigned: false, largest },
            u32::try_from(own.keys.until).unwrap(),
            own.card.relay().clone(),
            *own.card.address(),
            own.card.keys().clone(),
            *own.card.verification_key(),
        );
        own.card = card.clone();
        own.keys.card_hash = card.hash();
        (id, card)
    }
}

fn accepted(received: &Result<Received, OpenError>) -> Option<&Opened> {
    match received {
        Ok(Received::Opened(opened) | Received::Late(opened)) => Some(opened),
        _ => None,
    }
}

/// Where the fields of an envelope are.
const FLAGS: usize = 1;
const SEQUENCE: std::ops::Range<usize> = 30..34;
const KEY_ID: std::ops::Range<usize> = 34..42;
const BODY: usize = 46;

#[test]
fn no_forgery_is_accepted_before_and_after_the_key_is_pinned() {
    for pinned in [false, true] {
        let scene = Scene::new(pinned);
        let good = scene.genuine(2, true);
        assert!(accepted(&scene.outcome(&scene.carried(&good))).is_some(), "the real one passes");
        let (end, signature) = (good.len(), good.len() - 64);

        // 1: an unsigned message marked as signed, with no or an empty signature.
        let mut forged = good[..signature].to_vec();
        scene.refuses("signed without a signature", &forged);
        forged.extend([0; 64]);
        scene.refuses("a signature of zeros", &forged);
        // 2: a signed message marked as unsigned.
        let mut forged = good[..signature].to_vec();
        forged[FLAGS] &= 0x7f;
        scene.refuses("unsigned with the fields of a signed one", &forged);
        // 3: the forger's own key under the signer's id.
        let mut forged = scene.made(&scene.card, &scene.forger, 2, Some(&scene.signers_card));
        scene.refuses("another key's signature with the signer's card", &forged);
        forged[KEY_ID].copy_from_slice(&good[KEY_ID]);
        scene.refuses("and with the signer's key id", &forged);
        // 4: another message's signature.
        let mut forged = good.clone();
        let another = scene.genuine(3, true);
        forged[signature..].copy_from_slice(&another[another.len() - 64..]);
        scene.refuses("another message's signature", &forged);
        // 5: a message to somebody else, sealed again to this card.
        let stranger = card_of(&scene.forger, UserAgentSecret::generate().unwrap().keys());
        let forged = scene.made(&stranger, &scene.signer, 2, Some(&scene.signers_card));
        scene.refuses("re-encrypted to another recipient", &forged);
        // 6: a message to another card of the same recipient.
        let forged = scene.made(&scene.other_card, &scene.signer, 2, Some(&scene.signers_card));
        scene.refuses("another card of the same recipient", &forged);
        // 7: a swapped key id.
        let mut forged = good.clone();
        forged[KEY_ID].copy_from_slice(&scene.forger.verification_key().id());
        scene.refuses("a swapped key id", &forged);
        // 8: each octet of the header, the body and the card.
        for place in 0..signature {
            let mut forged = good.clone();
            forged[place] ^= 1;
            scene.refuses(&format!("octet {place} changed"), &forged);
        }
        // 9: each octet of the signature.
        for place in signature..end {
            let mut forged = good.clone();
            forged[place] ^= 0x80;
            scene.refuses(&format!("octet {place} of the signature changed"), &forged);
        }
        // 10: a truncated signature, 11: an extended one, 12: two of them.
        for cut in 1..=64 {
            scene.refuses("a truncated signature", &good[..end - cut]);
        }
        scene.refuses("an extended signature", &[&good[..], &[0]].concat());
        scene.refuses("two signatures", &[&good[..], &good[signature..]].concat());
        // 13: r and s swapped, 14: a signature in DER.
        let mut forged = good.clone();
        forged[signature..].rotate_left(32);
        scene.refuses("r and s swapped", &forged);
        let mut forged = good.clone();
        forged[signature..signature + 2].copy_from_slice(&[0x30, 0x44]);
        scene.refuses("a signature in DER, cut", &forged);
        // 15: the verification key in the card substituted by the forger's, the rest the signer's.
        let mut forged = good.clone();
        let key = forged.len() - 64 - 65;
        forged[key..key + 65].copy_from_slice(scene.forger.verification_key().octets());
        scene.refuses("a substituted verification key", &forged);
        // 16: a signature that the signer's key made over a VAPID token.
        let mut forged = good.clone();
        let claims = b"eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL2V4YW1wbGUifQ";
        forged[signature..].copy_from_slice(&scene.signer.sign(claims).unwrap());
        scene.refuses("a VAPID signature as a message's", &forged);
        // 17: the envelope alone signed, without the context, the recipient and the key.
        let mut forged = good.clone();
        forged[signature..].copy_from_slice(&scene.signer.sign(&good[..signature]).unwrap());
        scene.refuses("a signature without its context", &forged);
        // 18: a sequence of zero, signed.
        let forged = scene.made(&scene.card, &scene.signer, 0, Some(&scene.signers_card));
        scene.refuses("a sequence of zero", &forged);
        // 19: the card cut off and the message unsigned.
        let mut forged = good[..BODY + 18].to_vec();
        forged[FLAGS] = 1;
        forged[SEQUENCE].fill(0);
        forged[KEY_ID].fill(0);
        forged[44..46].fill(0);
        scene.refuses("anonymous where the owner takes none", &forged);
        // 20: a card with one person's encryption key and another's verification key.
        let mixed = card_of(&scene.forger, scene.signers_card.keys());
        let forged = scene.made(&scene.card, &scene.signer, 2, Some(&mixed));
        scene.refuses("another person's key in the card", &forged);
        // 21: the message reflected: the signer's own card as the recipient.
        let forged = scene.made(&scene.signers_card, &scene.signer, 2, Some(&scene.signers_card));
        scene.refuses("a message to the signer, sent on", &forged);
    }
}

#[test]
fn a_header_of_the_content_coding_that_was_changed_does_not_open() {
    let scene = Scene::new(true);
    let carried = scene.carried(&scene.genuine(2, true));
    let sealed = &carried.octets()[HINT_LEN..];
    // Salt, record size, key id length, key id: the hint made again, as a relay could.
    for place in 0..86 {
        for bit in 0..8 {
            let mut forged = sealed.to_vec();
            forged[place] ^= 1 << bit;
            let received = scene.outcome(&scene.hinted(&forged));
            assert!(accepted(&received).is_none(), "octet {place}, bit {bit}");
        }
    }
    // With another hint it is for nobody.
    let mut other = carried.octets().to_vec();
    other[0] ^= 1;
    assert!(scene.outcome(&Carried::from_octets(other).unwrap()).is_err());
}

#[test]
fn a_good_signature_of_somebody_else_is_foreign_and_nothing_else() {
    let scene = Scene::new(true);
    let forged = scene.made(&scene.card, &scene.forger, 9, Some(&scene.forgers_card));
    let received = scene.outcome(&scene.carried(&forged));
    assert!(matches!(received, Ok(Received::ForeignSigner(_))), "{received:?}");
    // Without a card nobody can tell whose signature it is.
    let forged = scene.made(&scene.card, &scene.forger, 9, None);
    assert!(scene.outcome(&scene.carried(&forged)).is_err());
}

#[test]
fn what_a_later_version_says_is_unsupported_and_never_text() {
    let scene = Scene::new(true);
    for (place, value) in [(0, 2), (0, 255), (1, 0x84), (1, 0x8f)] {
        let mut future = scene.genuine(2, false);
        future[place] = value;
        let received = scene.outcome(&scene.carried(&future));
        assert!(matches!(received, Ok(Received::Unsupported)), "{received:?}");
    }
}
