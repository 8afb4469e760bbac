//! A sender that signs and receives nothing: a command, a sensor, a build server.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::card::{ADDRESS_LEN, Card, Flags, VERSION};
use super::draft::Draft;
use super::pseudonym::{Pseudonym, VerificationKey};
use super::{SizeClass, text};
use crate::{Error, ErrorKind, Result, UserAgentSecret};

/// An identity for one contact, without a relay: a value that the sender stores. It holds secrets.
///
/// A signature is known by the card that comes with it, so this one carries a card too: one that has
/// always expired and whose relay does not exist. Who gets it knows the sender again, compares
/// safety numbers, and cannot answer.
///
/// ```
/// use sealpush::contact::{Card, Identity, Outgoing};
/// # fn example(card: &Card, now: std::time::SystemTime) -> sealpush::Result<Outgoing> {
/// let mut identity = Identity::generate()?;
/// let draft = identity.draft(card, "the backup is done", now)?;
/// // Store the identity before the draft is sealed: it has counted a sequence.
/// draft.seal()
/// # }
/// ```
#[derive(Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Identity {
    signing_key: Pseudonym,
    #[serde(with = "text::secret")]
    card_key: UserAgentSecret,
    next_sequence: u32,
}

super::text::stored!(Identity, "identity");

impl Identity {
    /// Makes a fresh one.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness; `Configuration` when no crypto
    /// backend is compiled in.
    pub fn generate() -> Result<Self> {
        Ok(Self {
            signing_key: Pseudonym::generate()?,
            card_key: UserAgentSecret::generate()?,
            next_sequence: 1,
        })
    }

    /// The public half of the signing key.
    #[must_use]
    pub fn verification_key(&self) -> &VerificationKey {
        self.signing_key.verification_key()
    }

    /// Composes a signed message and counts it.
    ///
    /// # Errors
    ///
    /// `PayloadTooLarge`, with the number of octets that fit, for a longer text; `Expired` and
    /// `InvalidToken` as [`Card::check`]; `Rejected` after 2^32 - 1 messages; `Unavailable` when the
    /// operating system has no randomness.
    pub fn draft(&mut self, to: &Card, text: impl Into<Vec<u8>>, now: SystemTime) -> Result<Draft> {
        let sequence = self.next_sequence;
        let next = sequence.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::Rejected, "the identity has used up its sequence; make a new one")
        })?;
        let draft = Draft::signed(to, text, &self.signing_key, sequence, &self.card()?, now)?;
        self.next_sequence = next;
        Ok(draft)
    }

    fn card(&self) -> Result<Card> {
        let flags = Flags { public: false, unsigned: false, largest: SizeClass::Small };
        let mut address = [0; ADDRESS_LEN];
        address[0] = VERSION;
        let keys = self.card_key.keys().clone();
        Ok(Card::new(flags, 0, NOWHERE.parse()?, address, keys, *self.verification_key()))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity([redacted])")
    }
}

/// A relay that does not exist (RFC 6761 §6.4).
const NOWHERE: &str = "send-only.invalid";
