//! Each message once: what was accepted is remembered, in bounded memory, across restarts.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::octets::Reader;
use super::{MessageId, text};

/// Of one sender whose signature is known, or of one slot's unsigned messages.
///
/// A message is a duplicate if and only if its id was accepted. The latest 1,024 are kept, ordered
/// by what the sender counts up: its sequence, or for unsigned messages the time that they name.
/// Evicting the smallest raises a floor to it; what is at or below the floor can no longer be told
/// from a replay and is stale. It takes at most 29 KB where it is stored.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct ReplayWindow {
    /// What was evicted is at or below it; zero while nothing was.
    floor: u64,
    accepted: BTreeSet<(u64, MessageId)>,
    ids: BTreeSet<MessageId>,
}

/// What a [`ReplayWindow`] says about a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// It was accepted before.
    Duplicate,
    /// It was not.
    Fresh,
    /// It is too old to know.
    Stale,
}

impl ReplayWindow {
    /// Most messages remembered.
    pub const CAPACITY: usize = 1024;

    /// Looks at a message and changes nothing.
    #[must_use]
    pub fn check(&self, id: &MessageId, order: u64) -> Freshness {
        if self.ids.contains(id) {
            Freshness::Duplicate
        } else if order <= self.floor {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }

    /// Remembers a message that [`check`](Self::check) called fresh.
    pub fn accept(&mut self, id: MessageId, order: u64) {
        let order = order.min((1 << (8 * ORDER_LEN)) - 1);
        self.ids.insert(id);
        self.accepted.insert((order, id));
        while self.accepted.len() > Self::CAPACITY
            && let Some((order, id)) = self.accepted.pop_first()
        {
            self.ids.remove(&id);
            self.floor = self.floor.max(order);
        }
    }

    fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(8 + self.accepted.len() * ENTRY_LEN);
        octets.extend_from_slice(&self.floor.to_be_bytes());
        for (order, id) in &self.accepted {
            octets.extend_from_slice(&order.to_be_bytes()[8 - ORDER_LEN..]);
            octets.extend_from_slice(&id.0);
        }
        octets
    }

    fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets);
        let mut window = Self { floor: reader.u64()?, ..Self::default() };
        while !reader.0.is_empty() {
            let mut order = [0; 8];
            order[8 - ORDER_LEN..].copy_from_slice(reader.array::<ORDER_LEN>()?);
            let (order, id) = (u64::from_be_bytes(order), MessageId(*reader.array()?));
            let is_new = window.ids.insert(id) && window.accepted.insert((order, id));
            if !is_new || window.ids.len() > Self::CAPACITY {
                return None;
            }
        }
        Some(window)
    }
}

impl fmt::Debug for ReplayWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayWindow")
            .field("accepted", &self.accepted.len())
            .finish_non_exhaustive()
    }
}

impl Serialize for ReplayWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(&self.to_octets(), serializer)
    }
}

impl<'de> Deserialize<'de> for ReplayWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_octets(&text::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("a stored replay window is damaged"))
    }
}

/// Octets of what orders a message: enough for a sequence, and for seconds until the year 36812.
const ORDER_LEN: usize = 5;
/// Octets of one message: what orders it, and its id.
const ENTRY_LEN: usize = ORDER_LEN + 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> MessageId {
        MessageId((u128::from(number) << 64 | 7).to_be_bytes())
    }

    #[test]
    fn the_window_slides_by_the_smallest() {
        let mut window = ReplayWindow::default();
        for number in (1..=1024).rev() {
            assert_eq!(window.check(&id(number), number), Freshness::Fresh);
            window.accept(id(number), number);
        }
        assert_eq!(window.check(&id(1), 1), Freshness::Duplicate);
        window.accept(id(1025), 1025);
        assert_eq!(window.check(&id(1), 1), Freshness::Stale);
        assert_eq!(window.check(&id(2), 2), Freshness::Duplicate);
        assert_eq!(window.check(&id(9999), 2), Freshness::Fresh);
    }

    #[test]
    fn a_window_is_stored_and_read_again() {
        let mut window = ReplayWindow::default();
        (0..1500).for_each(|number| window.accept(id(number), number));
        let stored = serde_json::to_string(&window).unwrap();
        assert!(stored.len() <= 29_000, "{}", stored.len());
        assert_eq!(serde_json::from_str::<ReplayWindow>(&stored).unwrap(), window);
        for bad in ["\"\"", "\"AAAA\"", &format!("{}A\"", stored.trim_end_matches('"')), "7"] {
            assert!(serde_json::from_str::<ReplayWindow>(bad).is_err());
        }
    }
}
