//! The device's side of registration: a token shown to be its own, addresses for it.

use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::card::{DAY, Flags};
use super::carrier::CarrierToken;
use super::challenge::{Claim, Issued, MAX_COUNT, Registration, read_challenge_push, read_issued};
use super::octets::seconds;
use super::own_card::{OwnCard, PooledAddress};
use super::pseudonym::VerificationKey;
use super::{Device, RelayOrigin, SizeClass, text};
use crate::seal::keys::fill_random;
use crate::{Error, ErrorKind, Result, Token, UserAgentSecret};

/// Token, addresses and what waits for an answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Registrar {
    relay: RelayOrigin,
    subscription: Option<Subscription>,
    pub(super) pool: Vec<PooledAddress>,
    pub(super) to_revoke: Vec<Issued>,
    /// First 8 octets of the relay's newest key when the last addresses came.
    relay_key: Option<[u8; 8]>,
}

#[derive(Serialize, Deserialize)]
struct Subscription {
    #[serde(with = "stored_token")]
    token: CarrierToken,
    /// What opens the relay's own messages where the carrier has no outer layer.
    secret: Option<StoredSecret>,
    /// The nonce whose challenge is waited for.
    waiting: Option<[u8; 16]>,
    ticket: Option<Vec<u8>>,
    largest: SizeClass,
}

#[derive(Serialize, Deserialize)]
struct StoredSecret(#[serde(with = "text::secret")] UserAgentSecret);

impl Device {
    /// Begins a registration: what to post to the relay's
    /// [`CHALLENGE`](super::paths::CHALLENGE). The relay then pushes a challenge to the token, which
    /// [`receive`](Self::receive) answers.
    ///
    /// `secret` opens what arrives for the token where the carrier brings it as a data field (FCM,
    /// OneSignal); a browser does that by itself. With another token than before, all cards are
    /// dead: new ones follow by [`draft`](Self::draft) and [`due`](Self::due), and public cards are
    /// forgotten.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for a token whose address is over 530 octets; `Unavailable` when the operating
    /// system has no randomness.
    pub fn register(
        &mut self,
        token: &Token,
        secret: Option<UserAgentSecret>,
        now: SystemTime,
    ) -> Result<Bytes> {
        let token = CarrierToken::from_token(token)?;
        let mut device_nonce = [0; 16];
        fill_random(&mut device_nonce)?;
        let is_other = |known: &Subscription| known.token.hash() != token.hash();
        if self.registrar.subscription.as_ref().is_some_and(is_other) {
            self.abandon_cards(now);
            self.registrar.pool.clear();
        }
        let registration = Registration { device_nonce, token };
        let octets = Bytes::copy_from_slice(&registration.to_octets());
        let largest = registration.token.largest();
        self.registrar.subscription = Some(Subscription {
            token: registration.token,
            secret: secret.map(StoredSecret),
            waiting: Some(device_nonce),
            ticket: None,
            largest,
        });
        Ok(octets)
    }

    /// Takes what the relay's [`ADDRESSES`](super::paths::ADDRESSES) answered, and says how many
    /// addresses came.
    ///
    /// # Errors
    ///
    /// `UnexpectedResponse` for octets that are no such answer; `Rejected` when nothing was asked
    /// for.
    pub fn take_addresses(&mut self, answer: &[u8], now: SystemTime) -> Result<usize> {
        let (issued, ticket) = read_issued(answer).ok_or_else(|| {
            Error::new(ErrorKind::UnexpectedResponse, "the relay's addresses cannot be read")
        })?;
        let subscription = self.registrar.subscription.as_mut().ok_or_else(|| {
            Error::new(ErrorKind::Rejected, "addresses came although none were asked for")
        })?;
        if let Some(ticket) = ticket {
            subscription.ticket = Some(ticket.to_vec());
        }
        let count = issued.len();
        let day = seconds(now) / u64::from(DAY);
        self.registrar.pool.extend(issued.into_iter().map(|issued| PooledAddress { issued, day }));
        Ok(count)
    }

    /// How many cards can be made before the relay must be asked.
    #[must_use]
    pub fn addresses_left(&self) -> usize {
        self.registrar.pool.len()
    }

    /// What to post to the relay's [`ADDRESSES`](super::paths::ADDRESSES) to get 32 more without a
    /// push; `None` when a registration must come first.
    #[must_use]
    pub fn refill(&self) -> Option<Bytes> {
        let subscription = self.registrar.subscription.as_ref()?;
        let proof = subscription.ticket.as_deref()?;
        Some(subscription.claim(proof))
    }

    /// Compares what the relay's [`KEYS`](super::paths::KEYS) answered with what it was: `false`
    /// when the relay dropped the key of these addresses, which are dead then, so that the device
    /// must register anew.
    pub fn check_relay_keys(&mut self, answer: &[u8], now: SystemTime) -> bool {
        let (keys, _) = answer.as_chunks::<8>();
        let known = self.registrar.relay_key.is_none_or(|key| keys.contains(&key));
        self.registrar.relay_key = keys.first().copied();
        if !known {
            self.abandon_cards(now);
            self.registrar.pool.clear();
        }
        known
    }
}

impl Registrar {
    pub(super) fn new(relay: RelayOrigin) -> Self {
        Self { relay, subscription: None, pool: Vec::new(), to_revoke: Vec::new(), relay_key: None }
    }

    pub(super) fn relay(&self) -> &RelayOrigin {
        &self.relay
    }

    pub(super) fn largest(&self) -> SizeClass {
        self.subscription.as_ref().map_or(SizeClass::Small, |known| known.largest)
    }

    /// Answers a challenge for a nonce that is waited for.
    pub(super) fn answer(&mut self, message: &[u8]) -> Option<Bytes> {
        let subscription = self.subscription.as_mut()?;
        let opened = match &subscription.secret {
            Some(StoredSecret(secret)) => crate::open(secret, message).ok()?,
            None => message.to_vec(),
        };
        let (nonce, challenge) = read_challenge_push(&opened)?;
        if subscription.waiting.as_ref() != Some(nonce) {
            return None;
        }
        subscription.waiting = None;
        Some(subscription.claim(challenge))
    }

    /// Makes a card out of the freshest address; `None` when there is none.
    pub(super) fn make_card(
        &mut self,
        flags: Flags,
        key: &VerificationKey,
        now: SystemTime,
        handed_out: bool,
    ) -> Result<Option<OwnCard>> {
        let now = seconds(now);
        // A card of an old address would be replaced soon.
        self.pool.retain(|address| address.not_after() > now.saturating_add(LEAST_LIFE));
        let Some(address) = self.pool.pop() else { return Ok(None) };
        OwnCard::make(&self.relay, &address, flags, key, now, handed_out).map(Some)
    }
}

impl Subscription {
    fn claim(&self, proof: &[u8]) -> Bytes {
        let claim = Claim { proof, token: self.token.clone(), count: MAX_COUNT };
        Bytes::copy_from_slice(&claim.to_octets())
    }
}

/// Seconds that a card must live at least when it is made: 30 days.
const LEAST_LIFE: u64 = 30 * DAY as u64;

mod stored_token {
    use serde::de::Error as _;
    use serde::{Deserializer, Serializer};

    use super::*;

    pub(super) fn serialize<S: Serializer>(
        token: &CarrierToken,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text::serialize(&token.to_octets(), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<CarrierToken, D::Error> {
        CarrierToken::from_octets(&text::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("a stored token is damaged"))
    }
}
