//! Registration: how a device shows that a token is its own, and what it gets for it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::card::{ADDRESS_LEN, VERSION};
use super::carrier::CarrierToken;
use super::octets::Reader;
use super::{Slot, hint};
use crate::Result;
use crate::aead::{NONCE_LEN, open_own, seal_own};
use crate::seal::backend::Active;

/// `nonce 12 ‖ AES-256-GCM(challenge key, SHA-256(token) 32 ‖ device_nonce 16 ‖ expiry 8)`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Challenge {
    pub(crate) token: [u8; 32],
    pub(crate) device_nonce: [u8; 16],
    /// Seconds since the epoch.
    pub(crate) expiry: u64,
}

impl Challenge {
    pub(crate) fn seal(&self, key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> Result<Vec<u8>> {
        let expiry = self.expiry.to_be_bytes();
        let plaintext = [&self.token[..], &self.device_nonce, &expiry].concat();
        seal_own::<Active>(key, nonce, CHALLENGE_AAD, &plaintext)
            .map_err(|failure| failure.into_error("the challenge cannot be sealed"))
    }

    pub(crate) fn open(key: &[u8; 32], sealed: &[u8]) -> Option<Self> {
        let plaintext = open_own::<Active>(key, CHALLENGE_AAD, sealed)?;
        let mut reader = Reader(&plaintext);
        let (token, device_nonce) = (*reader.array()?, *reader.array()?);
        let expiry = reader.u64()?;
        reader.end()?;
        Some(Self { token, device_nonce, expiry })
    }
}

/// `nonce 12 ‖ AES-256-GCM(challenge key, SHA-256(token) 32 ‖ expiry 8)`: refills addresses without
/// another push.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) token: [u8; 32],
    pub(crate) expiry: u64,
}

impl Ticket {
    pub(crate) fn seal(&self, key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> Result<Vec<u8>> {
        let plaintext = [&self.token[..], &self.expiry.to_be_bytes()].concat();
        seal_own::<Active>(key, nonce, TICKET_AAD, &plaintext)
            .map_err(|failure| failure.into_error("the ticket cannot be sealed"))
    }

    pub(crate) fn open(key: &[u8; 32], sealed: &[u8]) -> Option<Self> {
        let plaintext = open_own::<Active>(key, TICKET_AAD, sealed)?;
        let mut reader = Reader(&plaintext);
        let (token, expiry) = (*reader.array()?, reader.u64()?);
        reader.end()?;
        Some(Self { token, expiry })
    }
}

/// What a device posts first: `version ‖ device_nonce ‖ token`.
pub(crate) struct Registration {
    pub(crate) device_nonce: [u8; 16],
    pub(crate) token: CarrierToken,
}

impl Registration {
    pub(crate) fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        let token = self.token.to_octets();
        Zeroizing::new([&[VERSION][..], &self.device_nonce, &token].concat())
    }

    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        (reader.u8()? == VERSION).then_some(())?;
        let device_nonce = *reader.array()?;
        Some(Self { device_nonce, token: CarrierToken::from_octets(reader.0)? })
    }
}

/// What a device posts with proof: `challenge ‖ token ‖ count`, or `ticket ‖ token ‖ count`. Their
/// lengths tell the two apart.
pub(crate) struct Claim<'a> {
    pub(crate) proof: &'a [u8],
    pub(crate) token: CarrierToken,
    pub(crate) count: u8,
}

impl<'a> Claim<'a> {
    pub(crate) fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.proof, &self.token.to_octets(), &[self.count]].concat())
    }

    pub(crate) fn from_octets(octets: &'a [u8], proof_len: usize) -> Option<Self> {
        let (proof, rest) = octets.split_at_checked(proof_len)?;
        let (count, token) = rest.split_last()?;
        let count = Some(*count).filter(|count| (1..=MAX_COUNT).contains(count))?;
        Some(Self { proof, token: CarrierToken::from_octets(token)?, count })
    }
}

/// An address with the slot that only device and relay know.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Issued {
    pub(crate) slot: Slot,
    #[serde(with = "super::text::array")]
    pub(crate) address: [u8; ADDRESS_LEN],
}

/// What the relay answers: pairs of `slot 16 ‖ address`; behind the first ones a ticket.
pub(crate) fn write_issued(issued: &[Issued], ticket: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(issued.len() * PAIR_LEN + TICKET_LEN));
    for Issued { slot, address } in issued {
        octets.extend_from_slice(&slot.0);
        octets.extend_from_slice(address);
    }
    octets.extend_from_slice(ticket.unwrap_or_default());
    octets
}

/// Reads what [`write_issued`] wrote.
pub(crate) fn read_issued(octets: &[u8]) -> Option<(Vec<Issued>, Option<&[u8]>)> {
    let (pairs, ticket) = octets.split_at_checked(octets.len() / PAIR_LEN * PAIR_LEN)?;
    let ticket = match ticket.len() {
        0 => None,
        TICKET_LEN => Some(ticket),
        _ => return None,
    };
    let pairs = read_pairs(pairs)?;
    (1..=usize::from(MAX_COUNT)).contains(&pairs.len()).then_some((pairs, ticket))
}

/// Reads pairs of `slot 16 ‖ address`.
fn read_pairs(octets: &[u8]) -> Option<Vec<Issued>> {
    octets
        .chunks(PAIR_LEN)
        .map(|pair| {
            let mut reader = Reader(pair);
            let issued = Issued { slot: Slot(*reader.array()?), address: *reader.array()? };
            reader.end()?;
            Some(issued)
        })
        .collect()
}

impl Issued {
    /// `address ‖ slot`: what shows that somebody may revoke a slot, or fetch what waits for it.
    pub(crate) fn to_ownership(self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&self.address[..], &self.slot.0].concat())
    }

    /// Reads one ownership or more.
    pub(crate) fn read_ownerships(octets: &[u8]) -> Option<Vec<Self>> {
        let pairs = octets.chunks(PAIR_LEN).map(|pair| {
            let mut reader = Reader(pair);
            let (address, slot) = (*reader.array()?, Slot(*reader.array()?));
            reader.end()?;
            Some(Self { slot, address })
        });
        pairs.collect::<Option<Vec<_>>>().filter(|pairs| !pairs.is_empty())
    }
}

/// What the relay pushes: the device's nonce and the challenge, behind 16 zero octets.
pub(crate) fn read_challenge_push(carried: &[u8]) -> Option<(&[u8; 16], &[u8])> {
    let (device_nonce, challenge) = carried.split_first_chunk()?;
    (challenge.len() == CHALLENGE_LEN).then_some((device_nonce, challenge))
}

/// Octets of a sealed challenge.
pub(crate) const CHALLENGE_LEN: usize = NONCE_LEN + 32 + 16 + 8 + 16;
/// Octets of a sealed ticket.
pub(crate) const TICKET_LEN: usize = NONCE_LEN + 32 + 8 + 16;
/// Most addresses in one answer.
pub(crate) const MAX_COUNT: u8 = 32;
/// Octets of a slot with its address.
pub(crate) const PAIR_LEN: usize = hint::HINT_LEN + ADDRESS_LEN;

const CHALLENGE_AAD: &[u8] = b"sealpush/v1/challenge\0";
const TICKET_AAD: &[u8] = b"sealpush/v1/ticket\0";
