use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::parcel::{ParcelId, Tag, at_millis, millis, whole};
use crate::error::{Error, ErrorKind, Result};

/// How a parcel ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Verdict {
    /// The push service took the message. It is not a delivery receipt (RFC 8030 §5.1).
    Accepted,
    /// The outbox gave up, and somebody should look: too many attempts, a key that is not in the
    /// ring, settings that the push service or this client refuses. The parcel is kept, and
    /// [`Store::retry`](super::Store::retry) sends it again.
    Dead,
    /// Its time was over before a push service took it.
    Expired,
    /// The push service refused this message or this token for good.
    Rejected,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Dead, Self::Expired, Self::Rejected];

    /// The verdict as a label for logs and stores, the same in every version.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text).ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "a verdict of a later version of this crate")
        })
    }
}

/// What became of a parcel: the one record that every parcel ends in.
///
/// It serializes, for stores that keep it as text, and holds no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// Which parcel.
    pub id: ParcelId,
    /// The caller's tag.
    pub tag: Option<Tag>,
    /// How it ended.
    pub verdict: Verdict,
    /// The kind of the last failure. `None` where there was none, or one of a later version of this
    /// crate. With [`Verdict::Accepted`] it is `UnexpectedResponse`: the push service said yes in
    /// words that could not be read.
    pub kind: Option<ErrorKind>,
    /// Whether the last failure was [doubtful](Error::is_token_doubtful) about the token.
    pub token_doubtful: bool,
    /// How many attempts were made. One whose worker died counts, whether it was made or not.
    pub attempts: u32,
    /// How many of those ended without a known outcome: the push service may have taken the message
    /// so many more times.
    pub unknown: u32,
    /// When it ended, in whole milliseconds.
    pub at: SystemTime,
}

impl Outcome {
    /// An outcome after no attempt.
    #[must_use]
    pub fn new(id: ParcelId, verdict: Verdict, at: SystemTime) -> Self {
        let at = whole(at);
        Self {
            id,
            tag: None,
            verdict,
            kind: None,
            token_doubtful: false,
            attempts: 0,
            unknown: 0,
            at,
        }
    }

    /// Whether the subscription is gone, so that the application should delete the token.
    #[must_use]
    pub fn is_token_dead(&self) -> bool {
        self.kind == Some(ErrorKind::Expired)
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Record {
            id: self.id,
            tag: self.tag.clone(),
            verdict: self.verdict.as_str().into(),
            kind: self.kind.map(|kind| kind.as_str().into()),
            token_doubtful: self.token_doubtful,
            attempts: self.attempts,
            unknown: self.unknown,
            at: millis(self.at),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The parser's own error repeats what it read.
        let record = Record::deserialize(deserializer)
            .map_err(|_| serde::de::Error::custom("the stored outcome is damaged"))?;
        let kind = |label: String| ErrorKind::ALL.iter().find(|k| k.as_str() == label).copied();
        Ok(Self {
            id: record.id,
            tag: record.tag,
            verdict: record.verdict.parse().map_err(serde::de::Error::custom)?,
            kind: record.kind.and_then(kind),
            token_doubtful: record.token_doubtful,
            attempts: record.attempts,
            unknown: record.unknown,
            at: at_millis(record.at),
        })
    }
}

#[derive(Deserialize, Serialize)]
struct Record {
    id: ParcelId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    token_doubtful: bool,
    attempts: u32,
    unknown: u32,
    at: u64,
}

/// What an outbox holds at a time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Parcels that may go now.
    pub due: u64,
    /// Parcels that wait for their time or for their next attempt.
    pub waiting: u64,
    /// Parcels that a worker has claimed.
    pub claimed: u64,
    /// Outcomes that are remembered, by verdict: accepted.
    pub accepted: u64,
    /// Dead.
    pub dead: u64,
    /// Expired.
    pub expired: u64,
    /// Rejected.
    pub rejected: u64,
    /// The sum of [`Outcome::unknown`] over them: the most messages that a push service may have
    /// taken more than once.
    pub unknown: u64,
    /// Since when the longest of the due parcels might have gone.
    pub oldest: Option<SystemTime>,
}

impl Status {
    /// Parcels without an outcome.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.due.saturating_add(self.waiting).saturating_add(self.claimed)
    }

    /// Outcomes that are remembered.
    #[must_use]
    pub fn ended(&self) -> u64 {
        let ended = self.accepted.saturating_add(self.dead);
        ended.saturating_add(self.expired).saturating_add(self.rejected)
    }

    /// Counts outcomes of one verdict.
    pub fn add(&mut self, verdict: Verdict, outcomes: u64, unknown: u64) {
        let count = match verdict {
            Verdict::Accepted => &mut self.accepted,
            Verdict::Dead => &mut self.dead,
            Verdict::Expired => &mut self.expired,
            Verdict::Rejected => &mut self.rejected,
        };
        *count = count.saturating_add(outcomes);
        self.unknown = self.unknown.saturating_add(unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_back_also_from_a_later_version() {
        let mut outcome = Outcome::new(ParcelId::from([7; 16]), Verdict::Rejected, at_millis(1234));
        for tag in [None, Some("user-1".parse().unwrap())] {
            outcome.tag = tag;
            for &kind in ErrorKind::ALL {
                (outcome.kind, outcome.attempts, outcome.unknown) = (Some(kind), 3, 1);
                outcome.token_doubtful = !outcome.token_doubtful;
                let text = serde_json::to_string(&outcome).unwrap();
                assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
            }
        }
        let text = serde_json::to_string(&outcome).unwrap().replace("unexpected_response", "novel");
        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap().kind, None);
    }
}
