use std::collections::BTreeMap;
use std::fmt;

use crate::error::{ErrorKind, Result};
use crate::provider::Accepted;

/// Counts outcomes, for a report at the end.
///
/// ```
/// use sealpush::client::Summary;
/// use sealpush::{Error, ErrorKind};
///
/// let mut summary = Summary::default();
/// summary.add(&Err(Error::new(ErrorKind::Expired, "the subscription is gone")));
/// assert_eq!((summary.total(), summary.failed(ErrorKind::Expired)), (1, 1));
/// assert_eq!(summary.to_string(), "0 of 1 accepted; expired: 1");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    accepted: u64,
    unknown: u64,
    failed: BTreeMap<ErrorKind, u64>,
}

impl Summary {
    /// Counts one more outcome.
    pub fn add(&mut self, outcome: &Result<Accepted>) {
        match outcome {
            Ok(_) => self.accepted += 1,
            Err(error) => {
                self.unknown += u64::from(!error.is_outcome_known());
                *self.failed.entry(error.kind()).or_default() += 1;
            }
        }
    }

    /// How many outcomes were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.accepted + self.failed.values().sum::<u64>()
    }

    /// How many messages were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// How many failed with this kind.
    #[must_use]
    pub fn failed(&self, kind: ErrorKind) -> u64 {
        self.failed.get(&kind).copied().unwrap_or_default()
    }

    /// How many of the failures may have been accepted all the same
    /// ([`Error::is_outcome_known`](crate::Error::is_outcome_known)).
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }
}

impl<'a> Extend<&'a Result<Accepted>> for Summary {
    fn extend<I: IntoIterator<Item = &'a Result<Accepted>>>(&mut self, outcomes: I) {
        outcomes.into_iter().for_each(|outcome| self.add(outcome));
    }
}

impl fmt::Display for Summary {
    /// One line: `980 of 1000 accepted; expired: 12, timeout: 8; outcome unknown: 8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} accepted", self.accepted, self.total())?;
        for (number, (kind, count)) in self.failed.iter().enumerate() {
            write!(f, "{} {kind}: {count}", if number == 0 { ";" } else { "," })?;
        }
        if self.unknown > 0 {
            write!(f, "; outcome unknown: {}", self.unknown)?;
        }
        Ok(())
    }
}
