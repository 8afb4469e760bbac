//! The relay's side of registration: a challenge through the token, addresses for it.

use std::time::Duration;

use bytes::Bytes;

use super::{Push, Relay, RowName, services};
use crate::aead::NONCE_LEN;
use crate::contact::SizeClass;
use crate::contact::Slot;
use crate::contact::address::AddressContent;
use crate::contact::card::DAY;
use crate::contact::carrier::CarrierToken;
use crate::contact::challenge::{
    CHALLENGE_LEN, Challenge, Claim, Issued, Registration, TICKET_LEN, Ticket, write_issued,
};
use crate::contact::hint::{FROM_RELAY, HINT_LEN};
use crate::contact::octets::{hmac, seconds};
use crate::seal::keys::fill_random;
use crate::seal::record::OVERHEAD;
use crate::seal::seal_within;
use crate::{Error, ErrorKind, Padding, Result, SealedMessage, Ttl};

impl Relay {
    /// Answers `version ‖ device_nonce ‖ token` with a challenge to push to that token, so that
    /// nobody can aim the relay at a token that is not their own. It looks on the carrier like any
    /// message of the smallest size, and every platform shows it: "Notifications work. Messages
    /// will look like this."
    ///
    /// # Errors
    ///
    /// `Rejected` for octets that are no registration; `Blocked` for a push service that the
    /// operator did not allow; `TokenMismatch` for a VAPID key that the relay does not have;
    /// `RateLimited` at the fourth challenge in an hour for one push resource, counted before
    /// anything is pushed; `Unavailable` when the store or the operating system has trouble.
    pub async fn challenge(&self, octets: &[u8]) -> Result<Push> {
        let Registration { device_nonce, token } =
            Registration::from_octets(octets).ok_or_else(unreadable)?;
        if token.has_outer_layer() && !self.any_push_service && !services::is_known(&token.address)
        {
            return Err(Error::new(
                ErrorKind::Blocked,
                "the push service is not one that this relay pushes to",
            ));
        }
        let content = AddressContent { token, slot: Slot([0; 16]), issue_day: 0 };
        let address = self.token_of(&content)?;
        let token = content.token;
        self.count(b"challenge", &token, 1, MAX_CHALLENGES, HOUR).await?;

        let now = seconds(self.clock.now());
        let challenge = Challenge {
            token: token.hash(),
            device_nonce,
            expiry: now.saturating_add(CHALLENGE_LIFETIME),
        };
        let key = self.ring().newest().map(|keys| keys.challenge.clone()).ok_or_else(no_key)?;
        let sealed = challenge.seal(&key, &nonce()?)?;
        let message = [&device_nonce[..], &sealed].concat();
        Ok(Push { message: relay_message(&token, &message)?, token: address })
    }

    /// Answers `challenge ‖ token ‖ count` with that many pairs of slot and address and a ticket,
    /// and `ticket ‖ token ‖ count` with pairs alone.
    ///
    /// # Errors
    ///
    /// `Rejected` for everything but a proof of this relay's for this token that has not expired,
    /// with one message; `RateLimited` beyond 64 addresses a day for one push resource;
    /// `Unavailable` when the store or the operating system has trouble.
    pub async fn issue(&self, octets: &[u8]) -> Result<Bytes> {
        let now = seconds(self.clock.now());
        let (claim, is_first) = self.claim(octets, now).ok_or_else(refused)?;
        let Claim { token, count, .. } = claim;
        self.count(
            b"address",
            &token,
            count.into(),
            MAX_ADDRESSES,
            Duration::from_secs(DAY.into()),
        )
        .await?;

        let issue_day = u16::try_from(now / u64::from(DAY)).map_err(|_| refused())?;
        let ticket = Ticket { token: token.hash(), expiry: now.saturating_add(TICKET_LIFETIME) };
        let mut content = AddressContent { token, slot: Slot([0; 16]), issue_day };
        let mut ring = self.ring();
        ring.count_issued(count.into());
        let keys = ring.newest().ok_or_else(no_key)?;
        let mut issued = Vec::with_capacity(count.into());
        for _ in 0..count {
            content.slot = Slot::random()?;
            let address = content.seal(&keys.address, &nonce()?)?;
            issued.push(Issued { slot: content.slot, address });
        }
        let ticket = if is_first { Some(ticket.seal(&keys.challenge, &nonce()?)?) } else { None };
        Ok(Bytes::copy_from_slice(&write_issued(&issued, ticket.as_deref())))
    }

    /// A claim with a proof that is good, and whether the proof is a challenge.
    fn claim<'a>(&self, octets: &'a [u8], now: u64) -> Option<(Claim<'a>, bool)> {
        let ring = self.ring();
        let by_challenge = Claim::from_octets(octets, CHALLENGE_LEN).filter(|claim| {
            ring.all().filter_map(|keys| Challenge::open(&keys.challenge, claim.proof)).any(
                |proof| {
                    proof.token == claim.token.hash()
                        && (now..=now + CHALLENGE_LIFETIME).contains(&proof.expiry)
                },
            )
        });
        if let Some(claim) = by_challenge {
            return Some((claim, true));
        }
        let by_ticket = Claim::from_octets(octets, TICKET_LEN).filter(|claim| {
            ring.all()
                .filter_map(|keys| Ticket::open(&keys.challenge, claim.proof))
                .any(|proof| proof.token == claim.token.hash() && proof.expiry >= now)
        });
        by_ticket.map(|claim| (claim, false))
    }

    /// Counts by the carrier's address alone: with other keys a push resource is the same one.
    async fn count(
        &self,
        what: &[u8],
        token: &CarrierToken,
        amount: u32,
        limit: u32,
        window: Duration,
    ) -> Result<()> {
        // The oldest root's key, so that a rotation does not begin the count anew.
        let key = self.ring().all().last().map(|keys| keys.count.clone()).ok_or_else(no_key)?;
        let mac = hmac(key.as_slice(), &[what, &token.head()]);
        let name: RowName = *mac.first_chunk().expect("16 of 32 octets");
        match self.counters.add(name, amount, limit, window, self.clock.now()).await? {
            None => Ok(()),
            Some(wait) => Err(Error::new(
                ErrorKind::RateLimited,
                "this subscription has asked the relay too often; wait",
            )
            .with_retry_after(wait)),
        }
    }
}

/// A message of the relay itself, behind 16 zero octets, as long as the smallest one between
/// contacts. A carrier without an outer layer gets it sealed to the keys in the token.
fn relay_message(token: &CarrierToken, message: &[u8]) -> Result<SealedMessage> {
    let carried_len = HINT_LEN + SizeClass::Small.octets();
    let sealed = if token.has_outer_layer() {
        let len = carried_len + OVERHEAD;
        let carried = [&FROM_RELAY[..], message].concat();
        SealedMessage::new(seal_within(&token.keys, &carried, Padding::To(len), len)?)
    } else {
        let len = SizeClass::Small.octets();
        let sealed = seal_within(&token.keys, message, Padding::To(len), len)?;
        SealedMessage::new(sealed).with_hint(FROM_RELAY)
    };
    Ok(sealed.with_ttl(Ttl::from_secs(super::delivery::TTL)))
}

fn nonce() -> Result<[u8; NONCE_LEN]> {
    let mut nonce = [0; NONCE_LEN];
    fill_random(&mut nonce)?;
    Ok(nonce)
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Rejected, "the octets are not a registration")
}

fn refused() -> Error {
    Error::new(ErrorKind::Rejected, "the proof is not of this relay, or not for this token, or old")
}

fn no_key() -> Error {
    Error::new(ErrorKind::Configuration, "the relay has no key; rotate its ring")
}

/// Challenges an hour and addresses a day for one push resource.
const MAX_CHALLENGES: u32 = 3;
const MAX_ADDRESSES: u32 = 64;
const HOUR: Duration = Duration::from_secs(3600);
/// Seconds: 10 minutes, and 90 days.
const CHALLENGE_LIFETIME: u64 = 600;
const TICKET_LIFETIME: u64 = 90 * DAY as u64;
