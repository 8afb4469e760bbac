//! The three sizes that anybody on the way sees.

use serde::{Deserialize, Serialize};

use crate::seal::record::OVERHEAD;

/// The length of a sealed message. There are three, whatever it says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SizeClass {
    /// 512 octets.
    Small,
    /// 1500 octets: the least for first contact, rotation and the answers to them.
    Medium,
    /// 2600 octets: the most that Firefox on Android can receive, less the outer layer.
    Large,
}

impl SizeClass {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Octets of the sealed message.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Small => 512,
            Self::Medium => 1500,
            Self::Large => 2600,
        }
    }

    /// Octets of the longest envelope inside.
    pub(crate) const fn room(self) -> usize {
        self.octets() - OVERHEAD
    }

    /// The class of a sealed message of this length.
    pub(crate) fn of(len: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.octets() == len)
    }

    /// The smallest class from `least` to `largest` with room for an envelope.
    pub(crate) fn for_envelope(len: usize, least: Self, largest: Self) -> Option<Self> {
        let least = least.min(largest);
        Self::ALL
            .into_iter()
            .find(|&class| class >= least && class <= largest && class.room() >= len)
    }

    pub(crate) fn from_index(index: u8) -> Option<Self> {
        Self::ALL.get(usize::from(index)).copied()
    }

    pub(crate) const fn index(self) -> u8 {
        self as u8
    }
}
