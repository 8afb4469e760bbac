//! A message on its way out: composed, then sealed.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::card::Card;
use super::envelope::{Envelope, Kind, MAX_TTL, Signer};
use super::octets::seconds;
use super::pseudonym::Pseudonym;
use super::request::{Delay, Request};
use super::{MessageId, RelayOrigin, SizeClass};
use crate::seal::{Padding, seal_within};
use crate::{Error, ErrorKind, Result, Ttl};

/// A message that is composed and not sealed.
///
/// The step between is where an application stores: a signed draft has taken a sequence, and that
/// must be on the disk before the octets exist, or a crash makes two messages with one sequence.
///
/// ```
/// use sealpush::contact::{Card, Draft, Request};
/// # fn example(link: &str, now: std::time::SystemTime) -> sealpush::Result<Request> {
/// let card: Card = link.parse()?;
/// let outgoing = Draft::anonymous(&card, "the door is open", now)?.seal()?;
/// // Post it to `outgoing.relay`.
/// # Ok(outgoing.request) }
/// ```
pub struct Draft {
    to: Card,
    id: MessageId,
    kind: Kind,
    sent_at: u64,
    ttl: u32,
    body: Zeroizing<Vec<u8>>,
    signer: Option<(Pseudonym, u32)>,
    attached: Option<Card>,
    class: SizeClass,
    delay: Delay,
}

impl Draft {
    /// A message without a signature, from somebody who knows only the card.
    ///
    /// # Errors
    ///
    /// `Rejected` when the card's owner takes no such messages; `PayloadTooLarge`, with the number
    /// of octets that fit, for a longer text; `Expired` and `InvalidToken` as [`Card::check`];
    /// `Unavailable` when the operating system has no randomness.
    pub fn anonymous(to: &Card, text: impl Into<Vec<u8>>, now: SystemTime) -> Result<Self> {
        if !to.takes_anonymous() {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the card's owner takes signed messages only; sign this one",
            ));
        }
        Self::new(to, Kind::Message, text.into(), None, None, SizeClass::Small, now)
    }

    /// A message signed with the pseudonym of this contact, with a card for the answer attached.
    /// Somebody who has not seen the key learns it from that card, so that the first messages carry
    /// one. It is padded to 1500 octets at least.
    ///
    /// [`Device::draft`](super::Device::draft) keeps count of sequences and cards; this is for a
    /// sender that keeps its own.
    ///
    /// # Errors
    ///
    /// As [`anonymous`](Self::anonymous), but for the owner's leave.
    pub fn signed(
        to: &Card,
        text: impl Into<Vec<u8>>,
        pseudonym: &Pseudonym,
        sequence: u32,
        attached: &Card,
        now: SystemTime,
    ) -> Result<Self> {
        let signer = Some((pseudonym.clone(), sequence.max(1)));
        let attached = Some(attached.clone());
        Self::new(to, Kind::Message, text.into(), signer, attached, SizeClass::Medium, now)
    }

    pub(crate) fn new(
        to: &Card,
        kind: Kind,
        body: Vec<u8>,
        signer: Option<(Pseudonym, u32)>,
        attached: Option<Card>,
        least: SizeClass,
        now: SystemTime,
    ) -> Result<Self> {
        let body = Zeroizing::new(body);
        to.check(now)?;
        let limit = to.capacity(signer.is_some(), attached.as_ref());
        let class = limit.filter(|limit| body.len() <= *limit).and_then(|limit| {
            let len = to.largest().room() - limit + body.len();
            SizeClass::for_envelope(len, least, to.largest())
        });
        let class = class.ok_or_else(|| too_long(body.len(), limit))?;
        Ok(Self {
            to: to.clone(),
            id: MessageId::random()?,
            kind,
            sent_at: seconds(now),
            ttl: MAX_TTL,
            body,
            signer,
            attached,
            class,
            delay: if kind == Kind::Message { Delay::None } else { Delay::Hold },
        })
    }

    /// When the relay pushes it. Default: at once; receipts and control are held.
    #[must_use]
    pub fn with_delay(mut self, delay: Delay) -> Self {
        self.delay = delay;
        self
    }

    /// How long the text is worth reading; after it, it is shown as late. Default and maximum: 7
    /// days.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl.as_secs().min(MAX_TTL);
        self
    }

    /// The name by which the receiver drops a second copy, and receipts speak of it.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// The size that everybody on the way sees.
    #[must_use]
    pub fn class(&self) -> SizeClass {
        self.class
    }

    /// Signs and seals it. Store the outcome, and post the same octets until the relay answers.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn seal(self) -> Result<Outgoing> {
        let card = self.attached.as_ref().map(Card::to_octets);
        let envelope = Envelope {
            kind: self.kind,
            id: self.id,
            sent_at: self.sent_at,
            ttl: self.ttl,
            signer: self.signer.as_ref().map(|(pseudonym, sequence)| Signer {
                sequence: *sequence,
                key_id: pseudonym.verification_key().id(),
            }),
            body: &self.body,
            card: card.as_ref().map(|card| card.as_slice()),
        };
        let pseudonym = self.signer.as_ref().map(|(pseudonym, _)| pseudonym);
        let plaintext = envelope.encode(&self.to.hash(), pseudonym)?;
        let octets = self.class.octets();
        let sealed = seal_within(self.to.keys(), &plaintext, Padding::To(octets), octets)?;
        Ok(Outgoing {
            request: Request::new(self.delay, *self.to.address(), sealed),
            relay: self.to.relay().clone(),
            id: self.id,
        })
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("relay", self.to.relay())
            .field("class", &self.class)
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}

/// A sealed message with the relay to post it to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outgoing {
    /// What to post, the same octets in every attempt.
    pub request: Request,
    /// The relay of the receiver's card.
    pub relay: RelayOrigin,
    /// The name by which the receiver drops a second copy. It is in no clear part of the request.
    pub id: MessageId,
}

fn too_long(len: usize, limit: Option<usize>) -> Error {
    let message = match limit {
        Some(limit) => format!("the text is {len} octets, {limit} fit into a message to this card"),
        None => "a message to this card has no room for a card to answer with".to_owned(),
    };
    Error::new(ErrorKind::PayloadTooLarge, message)
}
