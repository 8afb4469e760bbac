//! A request on its way through the relay.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{Push, Relay, at, row_name};
use crate::aead::{NONCE_LEN, open_own, seal_own};
use crate::contact::address::AddressContent;
use crate::contact::hint::Carried;
use crate::contact::octets::{Reader, seconds};
use crate::contact::receipts::random_below;
use crate::contact::request::{Answer, Delay, Request};
use crate::seal::backend::Active;
use crate::seal::keys::fill_random;
use crate::seal::record::OVERHEAD;
use crate::seal::{MAX_BODY, seal_within};
use crate::{Accepted, Error, ErrorKind, Padding, Result, SealedMessage, Ttl};

/// What to do with a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision {
    /// Say this to the sender; nothing is pushed.
    Answer(Answer),
    /// Say [`Answer::Kept`] to the sender, store the row, and at its time call
    /// [`Relay::resume`].
    Later(Later),
    /// Push this, and say to the sender what [`Relay::answer`] makes of the outcome.
    Push(Box<Push>),
}

/// A request that waits for its time, sealed under the relay's own key, so that it can be stored.
#[derive(Clone)]
pub struct Later {
    row: Bytes,
    due: SystemTime,
}

impl Later {
    /// The row to store.
    #[must_use]
    pub fn row(&self) -> &Bytes {
        &self.row
    }

    /// When to push it.
    #[must_use]
    pub fn due(&self) -> SystemTime {
        self.due
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").field("octets", &self.row.len()).field("due", &self.due).finish()
    }
}

impl Relay {
    /// Takes what a sender posted: opens the address, keeps the message for the device, and says
    /// what to do.
    ///
    /// # Errors
    ///
    /// `Rejected` for octets that are no request; `Unavailable` when a store or the operating
    /// system has trouble.
    pub async fn accept(&self, octets: &[u8]) -> Result<Decision> {
        let request = Request::from_octets(octets)?;
        let Some(content) = self.living(&request).await? else {
            return Ok(Decision::Answer(Answer::Gone));
        };
        if request.class() > content.token.largest() {
            return Ok(Decision::Answer(Answer::TooLarge));
        }
        let name = row_name(&content.slot);
        let now = self.clock.now();
        if let Some(wait) = self.counters.add(name, 1, self.slot_limit, HOUR, now).await? {
            return Ok(Decision::Answer(Answer::SlowDown(wait)));
        }
        let carried = Carried::new(&content.slot, request.sealed())?;
        match &self.mailbox {
            Some(mailbox) => mailbox.put(name, carried.octets().clone(), now + HELD_FOR).await?,
            None if request.delay() == Delay::Hold => {
                // Nothing here may be lost silently: without a mailbox a held message is pushed.
                return self.push(&content, &carried, &request).map(Box::new).map(Decision::Push);
            }
            None => {}
        }
        match request.delay().longest() {
            None => Ok(Decision::Answer(Answer::Kept)),
            Some(Duration::ZERO) => {
                self.push(&content, &carried, &request).map(Box::new).map(Decision::Push)
            }
            Some(longest) => self.later(&request, now, longest).map(Decision::Later),
        }
    }

    /// Takes a row whose time has come. `None` when its address has died in the meantime.
    ///
    /// # Errors
    ///
    /// `Rejected` for a row that no key of the ring opens; `Unavailable` when a store or the
    /// operating system has trouble.
    pub async fn resume(&self, row: &[u8]) -> Result<Option<Push>> {
        let opened = self.ring().all().find_map(|keys| open_own::<Active>(&keys.store, AAD, row));
        let opened = opened.ok_or_else(|| {
            Error::new(ErrorKind::Rejected, "the row is not of this relay, or its key is gone")
        })?;
        let mut reader = Reader(&opened);
        let _due = reader.u64();
        let request = Request::from_octets(reader.0)?;
        let Some(content) = self.living(&request).await? else { return Ok(None) };
        let carried = Carried::new(&content.slot, request.sealed())?;
        self.push(&content, &carried, &request).map(Some)
    }

    /// What the sender is told about the outcome of a push.
    #[must_use]
    pub fn answer(&self, outcome: &Result<Accepted>) -> Answer {
        let Err(error) = outcome else { return Answer::Accepted };
        match error.kind() {
            ErrorKind::Expired => Answer::Gone,
            ErrorKind::PayloadTooLarge => Answer::TooLarge,
            // It is in the mailbox: the device finds it at its next start.
            _ if self.mailbox.is_some() => Answer::Kept,
            _ => Answer::SlowDown(error.retry_after().unwrap_or(PAUSE)),
        }
    }

    /// The content of an address that lives and whose slot takes messages.
    async fn living(&self, request: &Request) -> Result<Option<AddressContent>> {
        let Some(content) = self.open_address(request.address()) else { return Ok(None) };
        let is_revoked = self.revocations.is_revoked(row_name(&content.slot)).await?;
        Ok(Some(content).filter(|_| !is_revoked))
    }

    /// Wraps for the carrier: for a browser once more in RFC 8291, without padding, else as it is.
    fn push(&self, content: &AddressContent, carried: &Carried, request: &Request) -> Result<Push> {
        let message = if content.token.has_outer_layer() {
            let len = carried.octets().len() + OVERHEAD;
            let body = seal_within(&content.token.keys, carried.octets(), Padding::None, MAX_BODY)?;
            debug_assert_eq!(body.as_ref().len(), len);
            SealedMessage::new(body)
        } else {
            SealedMessage::new(request.sealed().clone()).with_hint(carried.hint())
        };
        let message = message.with_ttl(Ttl::from_secs(TTL));
        Ok(Push { token: self.token_of(content)?, message })
    }

    fn later(&self, request: &Request, now: SystemTime, longest: Duration) -> Result<Later> {
        let due = seconds(now).saturating_add(random_below(longest.as_secs()));
        let plaintext = [&due.to_be_bytes()[..], &request.to_octets()].concat();
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        let key = self.ring().newest().map(|keys| keys.store.clone()).ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "the relay has no key; rotate its ring")
        })?;
        let row = seal_own::<Active>(&key, &nonce, AAD, &plaintext)
            .map_err(|failure| failure.into_error("the row cannot be sealed"))?;
        Ok(Later { row: row.into(), due: at(due) })
    }
}

/// TTL of every push, in seconds: 7 days.
pub(super) const TTL: u32 = 7 * 24 * 3600;
/// How long the mailbox keeps a message.
const HELD_FOR: Duration = Duration::from_secs(TTL as u64);
const HOUR: Duration = Duration::from_secs(3600);
/// What a sender waits after a failure that says nothing.
const PAUSE: Duration = Duration::from_secs(60);
const AAD: &[u8] = b"sealpush/v1/store\0";
