//! The envelope: what the sealed message says, byte for byte.
//!
//! One encoding: the length matches exactly, unused fields are zero.

use zeroize::Zeroizing;

use super::MessageId;
use super::backend::SIGNATURE_LEN;
use super::octets::Reader;
use super::pseudonym::{KeyId, Pseudonym, VerificationKey};
use crate::Result;

/// An envelope in parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Envelope<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: MessageId,
    /// Whole seconds since the epoch.
    pub(crate) sent_at: u64,
    /// Seconds.
    pub(crate) ttl: u32,
    /// The signer's sequence and key; `None` for an unsigned message.
    pub(crate) signer: Option<Signer>,
    pub(crate) body: &'a [u8],
    /// A card for the answer, in its binary form.
    pub(crate) card: Option<&'a [u8]>,
}

/// Who says that they signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Signer {
    pub(crate) sequence: u32,
    pub(crate) key_id: KeyId,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Message = 1,
    Receipts = 2,
    Control = 3,
}

/// Why octets are no envelope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    Malformed,
    /// A version or type of the future.
    Unsupported,
}

impl Envelope<'_> {
    /// Writes it, with the signature of `pseudonym` if there is one; `recipient` is the hash of the
    /// whole card that it is sealed to.
    pub(crate) fn encode(
        &self,
        recipient: &[u8; 32],
        pseudonym: Option<&Pseudonym>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let card = self.card.unwrap_or_default();
        let len = overhead(pseudonym.is_some()) + self.body.len() + card.len();
        let mut octets = Zeroizing::new(Vec::with_capacity(len));
        let flags = u8::from(self.card.is_some()) << 6 | u8::from(pseudonym.is_some()) << 7;
        octets.extend_from_slice(&[VERSION, self.kind as u8 | flags]);
        octets.extend_from_slice(&self.id.0);
        octets.extend_from_slice(&self.sent_at.to_be_bytes());
        octets.extend_from_slice(&self.ttl.to_be_bytes());
        let Signer { sequence, key_id } = self.signer.unwrap_or(Signer::NOBODY);
        octets.extend_from_slice(&sequence.to_be_bytes());
        octets.extend_from_slice(&key_id);
        for part in [self.body, card] {
            // Both fit into the largest class, which the caller has checked.
            octets.extend_from_slice(&(part.len() as u16).to_be_bytes());
        }
        octets.extend_from_slice(self.body);
        octets.extend_from_slice(card);
        if let Some(pseudonym) = pseudonym {
            let signed = signed_octets(recipient, pseudonym.verification_key(), &octets);
            octets.extend_from_slice(&pseudonym.sign(&signed)?);
        }
        Ok(octets)
    }
}

impl Signer {
    /// What stands in the fields of an unsigned message.
    const NOBODY: Self = Self { sequence: 0, key_id: [0; 8] };
}

/// An envelope that was read, with its signature still to be verified.
pub(crate) struct Unverified<'a> {
    pub(crate) envelope: Envelope<'a>,
    signed: &'a [u8],
    signature: Option<&'a [u8; SIGNATURE_LEN]>,
}

impl<'a> Unverified<'a> {
    pub(crate) fn read(octets: &'a [u8]) -> Result<Self, Unreadable> {
        let mut reader = Reader(octets);
        let (Some(version), Some(flags)) = (reader.u8(), reader.u8()) else {
            return Err(Unreadable::Malformed);
        };
        let kind = match flags & 0x0f {
            _ if version != VERSION => return Err(Unreadable::Unsupported),
            1 => Kind::Message,
            2 => Kind::Receipts,
            3 => Kind::Control,
            _ => return Err(Unreadable::Unsupported),
        };
        Self::read_version_1(octets, reader, kind, flags).ok_or(Unreadable::Malformed)
    }

    fn read_version_1(
        octets: &'a [u8],
        mut reader: Reader<'a>,
        kind: Kind,
        flags: u8,
    ) -> Option<Self> {
        let (has_card, is_signed) = (flags & 0x40 != 0, flags & 0x80 != 0);
        let id = MessageId(*reader.array()?);
        let sent_at = reader.u64()?;
        let ttl = reader.u32().filter(|ttl| *ttl <= MAX_TTL)?;
        let signer = Signer { sequence: reader.u32()?, key_id: *reader.array()? };
        let (body_len, card_len) = (reader.u16()?, reader.u16()?);
        let body = reader.take(body_len.into())?;
        let card = reader.take(card_len.into())?;
        let signed = octets.get(..HEADER_LEN + body.len() + card.len())?;
        let signature = if is_signed { Some(reader.array()?) } else { None };
        reader.end()?;

        let body_is_good = match kind {
            Kind::Message => true,
            Kind::Receipts => {
                is_signed && (1..=18).contains(&(body_len / 16)) && body_len % 16 == 0
            }
            Kind::Control => is_signed && matches!(body, [1 | 2]),
        };
        let signer_is_good =
            if is_signed { signer.sequence > 0 } else { signer == Signer::NOBODY && !has_card };
        if flags & 0x30 != 0 || has_card == card.is_empty() || !body_is_good || !signer_is_good {
            return None;
        }
        let (signer, card) = (is_signed.then_some(signer), has_card.then_some(card));
        let envelope = Envelope { kind, id, sent_at, ttl, signer, body, card };
        Some(Self { envelope, signed, signature })
    }

    /// Whether `key` signed it for the card of this hash.
    pub(crate) fn is_signed_by(&self, key: &VerificationKey, recipient: &[u8; 32]) -> bool {
        let (Some(signer), Some(signature)) = (self.envelope.signer, self.signature) else {
            return false;
        };
        signer.key_id == key.id()
            && key.verify(&signed_octets(recipient, key, self.signed), signature)
    }
}

/// What a signature covers. The card binds slot, relay, direction, secret and expiry; the signer's
/// key is bound against another one under which the same signature verifies.
fn signed_octets(recipient: &[u8; 32], signer: &VerificationKey, envelope: &[u8]) -> Vec<u8> {
    [CONTEXT, recipient, &signer.hash(), envelope].concat()
}

/// Octets of an envelope beside body and card.
pub(crate) const fn overhead(signed: bool) -> usize {
    HEADER_LEN + if signed { SIGNATURE_LEN } else { 0 }
}

/// Longest time to live, in seconds: a week.
pub(crate) const MAX_TTL: u32 = 604_800;
/// Most ids in one message of receipts.
pub(crate) const MAX_RECEIPTS: usize = 18;
/// By how much clocks may differ, in seconds: 26 hours, a day and the time zones' mistakes.
pub(crate) const SKEW: u64 = 26 * 3600;

const VERSION: u8 = 1;
const HEADER_LEN: usize = 46;
const CONTEXT: &[u8] = b"sealpush/v1/msg\0";
