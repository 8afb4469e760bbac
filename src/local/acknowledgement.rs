//! What user agents said about messages, kept for those who ask.

use std::collections::{HashMap, VecDeque};

use super::protocol::{DELIVERED, NOT_DELIVERED, NOT_OPENED};

/// What a user agent said about a message. The push service deletes the message in every case, and
/// no sender is told: only [`PushService`](super::PushService) shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Acknowledgement {
    /// It opened and went to the application (100).
    Delivered,
    /// It went nowhere: an unknown subscription, no permission, or a message seen before (102).
    NotDelivered,
    /// It did not open: sealed for another key, or damaged (101).
    NotOpened,
    /// Another code.
    Other(u16),
}

impl From<u16> for Acknowledgement {
    fn from(code: u16) -> Self {
        match code {
            DELIVERED => Self::Delivered,
            NOT_DELIVERED => Self::NotDelivered,
            NOT_OPENED => Self::NotOpened,
            code => Self::Other(code),
        }
    }
}

/// The latest acknowledgements, by message.
#[derive(Debug, Default)]
pub(super) struct Acknowledgements {
    by_message: HashMap<String, Acknowledgement>,
    /// Oldest first.
    messages: VecDeque<String>,
}

impl Acknowledgements {
    pub(super) fn insert(&mut self, id: String, acknowledgement: Acknowledgement) {
        if self.messages.len() == super::record::MAX_RECORDED
            && let Some(oldest) = self.messages.pop_front()
        {
            self.by_message.remove(&oldest);
        }
        self.messages.push_back(id.clone());
        self.by_message.insert(id, acknowledgement);
    }

    pub(super) fn get(&self, id: &str) -> Option<Acknowledgement> {
        self.by_message.get(id).copied()
    }
}
