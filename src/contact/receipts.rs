//! Receipts: off by default, batched, delayed, never for anonymous senders.

use serde::{Deserialize, Serialize};

use super::MessageId;
use super::envelope::MAX_RECEIPTS;
use crate::seal::keys::fill_random;

/// What a contact is still to be told that was read.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Receipts {
    pub(super) on: bool,
    pending: Vec<MessageId>,
    /// Seconds since the epoch.
    due: u64,
}

impl Receipts {
    /// Notes a message of the contact.
    pub(super) fn note(&mut self, id: MessageId, now: u64) {
        if !self.on || self.pending.len() >= MAX_PENDING {
            return;
        }
        if self.pending.is_empty() {
            self.due = now.saturating_add(SHORTEST + random_below(LONGEST - SHORTEST));
        }
        self.pending.push(id);
    }

    pub(super) fn turn(&mut self, on: bool) {
        *self = Self { on, ..Self::default() };
    }

    pub(super) fn is_due(&self, now: u64) -> bool {
        self.on && !self.pending.is_empty() && self.due <= now
    }

    /// The body of the next message of receipts.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let count = self.pending.len().min(MAX_RECEIPTS);
        self.pending.drain(..count).flat_map(|id| id.0).collect()
    }
}

/// A random number, uniform to within 2^-32; 0 where there is no randomness.
pub(super) fn random_below(bound: u64) -> u64 {
    let mut octets = [0; 8];
    match fill_random(&mut octets) {
        Ok(()) => u64::from_be_bytes(octets) % bound.max(1),
        Err(_) => 0,
    }
}

/// Seconds between reading and telling.
const SHORTEST: u64 = 30;
const LONGEST: u64 = 600;
/// Ids kept while nothing can be sent; what is read beyond them is never told.
const MAX_PENDING: usize = 8 * MAX_RECEIPTS;
