//! Which of one's own cards a contact has: offered, in use, retired.
//!
//! A new card is offered in every message that has room, until something arrives on its slot. Only
//! then the one before it is retired: whatever is lost, reordered or repeated on the way, the
//! contact has an address that lives.

use serde::{Deserialize, Serialize};

use super::card::{Card, DAY};
use super::challenge::Issued;
use super::contact::Place;
use super::own_card::{OwnCard, SlotKeys};

/// The own cards that one contact has or is to get.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Cards {
    /// Something arrived on it, or it was handed out first.
    pub(super) current: Option<OwnCard>,
    /// Sent, and nothing has arrived on it.
    pub(super) offered: Option<OwnCard>,
    retired: Vec<SlotKeys>,
    /// Slots that were handed out and have been replaced: the relay is to forget them.
    pub(super) to_revoke: Vec<Issued>,
    /// Seconds since the epoch: when the offered card was last sent, and before which time no card
    /// is offered without a text.
    pub(super) offered_at: u64,
    pub(super) not_before: u64,
}

impl Cards {
    /// Whether the contact is to get a new card, `now` in seconds since the epoch.
    pub(super) fn wants_new(&self, now: u64) -> bool {
        if self.offered.as_ref().is_some_and(|own| own.keys.until > now) {
            return false;
        }
        self.current.as_ref().is_none_or(|own| {
            own.handed_out
                || own.opened >= MAX_MESSAGES
                || now >= own.made_at.saturating_add(MAX_AGE)
                || now >= own.keys.until
        })
    }

    /// Whether a card without a text is due.
    pub(super) fn is_due(&self, now: u64) -> bool {
        let repeat = self.offered_at.saturating_add(DAY.into());
        self.not_before <= now && (self.wants_new(now) || (self.offered.is_some() && repeat <= now))
    }

    pub(super) fn offer(&mut self, own: OwnCard) {
        self.retire_offered(own.made_at);
        self.offered = Some(own);
    }

    /// The card that goes into every message with room for it.
    pub(super) fn to_attach(&self) -> Option<&Card> {
        self.offered.as_ref().map(|own| &own.card)
    }

    pub(super) fn any_card(&self) -> Option<&Card> {
        self.current.as_ref().map(|own| &own.card)
    }

    /// A message of the contact arrived.
    pub(super) fn arrived_at(&mut self, place: Place, now: u64) {
        match place {
            Place::Offered => {
                if let Some(offered) = self.offered.take() {
                    self.retire_current(now);
                    self.current = Some(OwnCard { opened: 1, ..offered });
                }
            }
            Place::Current => {
                if let Some(current) = &mut self.current {
                    current.opened = current.opened.saturating_add(1);
                }
            }
            Place::Retired => {}
        }
    }

    /// The subscription is a new one: what the contact has leads nowhere.
    pub(super) fn abandon(&mut self, now: u64) {
        self.retire_offered(now);
        self.retire_current(now);
    }

    /// Forgets the keys whose time is over.
    pub(super) fn tidy(&mut self, now: u64) {
        self.retired.retain(|keys| keys.until >= now);
    }

    pub(super) fn find(&self, mut is_it: impl FnMut(&SlotKeys) -> bool) -> Option<Place> {
        let card = |own: &Option<OwnCard>, is_it: &mut dyn FnMut(&SlotKeys) -> bool| {
            own.as_ref().is_some_and(|own| is_it(&own.keys))
        };
        if card(&self.current, &mut is_it) {
            Some(Place::Current)
        } else if card(&self.offered, &mut is_it) {
            Some(Place::Offered)
        } else {
            self.retired.iter().any(is_it).then_some(Place::Retired)
        }
    }

    pub(super) fn keys(
        &self,
        place: Place,
        is_it: impl FnMut(&&SlotKeys) -> bool,
    ) -> Option<&SlotKeys> {
        match place {
            Place::Current => self.current.as_ref().map(|own| &own.keys),
            Place::Offered => self.offered.as_ref().map(|own| &own.keys),
            Place::Retired => self.retired.iter().find(is_it),
        }
    }

    pub(super) fn all_keys(&self) -> impl Iterator<Item = &SlotKeys> {
        let cards = [&self.current, &self.offered].into_iter().flatten();
        cards.map(|own| &own.keys).chain(&self.retired)
    }

    fn retire_current(&mut self, now: u64) {
        if let Some(own) = self.current.take() {
            if own.handed_out {
                self.to_revoke.push(own.keys.issued());
            }
            self.retire(own, now);
        }
    }

    fn retire_offered(&mut self, now: u64) {
        if let Some(own) = self.offered.take() {
            self.retire(own, now);
        }
    }

    fn retire(&mut self, own: OwnCard, now: u64) {
        self.retired.push(own.retire(now));
        if self.retired.len() > MAX_RETIRED {
            self.retired.remove(0);
        }
    }
}

/// Messages and seconds after which a card is replaced.
const MAX_MESSAGES: u32 = 100;
const MAX_AGE: u64 = 7 * DAY as u64;
/// Replaced cards whose keys are kept: enough for 1,600 messages in a week, and bounded.
const MAX_RETIRED: usize = 16;
