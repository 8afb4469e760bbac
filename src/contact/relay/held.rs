//! The mailbox: what waits until the device asks.

use std::time::Duration;

use bytes::Bytes;

use super::{MAX_HELD_SLOTS, Relay, not_owned, row_name};
use crate::contact::card::VERSION;
use crate::contact::challenge::Issued;
use crate::contact::hint::Carried;
use crate::contact::octets::Reader;
use crate::{Error, ErrorKind, Result};

impl Relay {
    /// Answers pairs of `address ‖ slot` with what waits for them: `version 1 ‖ flags 1`, then
    /// `length 2 ‖ hint 16 ‖ sealed message` for each message, oldest first by slot. Bit 0 of the
    /// flags: older ones were dropped to make room.
    ///
    /// What is answered is kept for ten minutes more, for an answer that is lost on the way. A slot
    /// that is not the address's own has nothing.
    ///
    /// # Errors
    ///
    /// `Rejected` for octets that are no such pairs, or more than 32; `Unavailable` when the store
    /// has trouble.
    pub async fn held(&self, octets: &[u8]) -> Result<Bytes> {
        let owned = Issued::read_ownerships(octets).filter(|owned| owned.len() <= MAX_HELD_SLOTS);
        let owned = owned.ok_or_else(not_owned)?;
        let now = self.clock.now();
        let mut answer = vec![VERSION, 0];
        for slot in owned {
            let Some(mailbox) = &self.mailbox else { break };
            if self.owned(&slot).is_none() {
                continue;
            }
            let held = mailbox.fetch(row_name(&slot.slot), now, now + FETCHED_FOR).await?;
            if let Some(flags) = answer.get_mut(1) {
                *flags |= u8::from(held.dropped);
            }
            for message in held.messages {
                let Ok(len) = u16::try_from(message.len()) else { continue };
                answer.extend_from_slice(&len.to_be_bytes());
                answer.extend_from_slice(&message);
            }
        }
        Ok(answer.into())
    }
}

/// What a relay held for a device.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fetched {
    /// Oldest first by slot: hand each to [`Device::receive`](crate::contact::Device::receive).
    pub messages: Vec<Carried>,
    /// Older ones may be missing: say so.
    pub older_missing: bool,
}

/// Reads what the relay's [`HELD`](crate::contact::paths::HELD) answered.
///
/// # Errors
///
/// `UnexpectedResponse` for octets that are no such answer.
pub fn read_held(answer: &[u8]) -> Result<Fetched> {
    let read = || {
        let mut reader = Reader(answer);
        (reader.u8()? == VERSION).then_some(())?;
        let flags = reader.u8()?;
        let mut fetched = Fetched { messages: Vec::new(), older_missing: flags & 1 != 0 };
        while !reader.0.is_empty() {
            let len = reader.u16()?;
            let octets = Bytes::copy_from_slice(reader.take(len.into())?);
            fetched.messages.push(Carried::from_octets(octets).ok()?);
        }
        Some(fetched)
    };
    read().ok_or_else(|| {
        Error::new(ErrorKind::UnexpectedResponse, "what the relay held cannot be read")
    })
}

/// How long a message is kept after it was fetched.
const FETCHED_FOR: Duration = Duration::from_secs(600);
