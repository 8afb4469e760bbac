//! Outcomes as JSON and as numbers.

use std::fmt::Write as _;

use sealpush::{Accepted, Error, ProviderId, Ttl};
use serde_json::{Value, json};

use crate::failure::{self, Failure};

/// What became of one message.
pub(super) fn outcome(provider: &ProviderId, outcome: &Result<Accepted, Error>) -> Value {
    match outcome {
        Ok(accepted) => json!({
            "accepted": true,
            "provider": accepted.provider.as_str(),
            "message_id": accepted.message_id,
            "ttl": accepted.ttl.map(Ttl::as_secs),
            "stage": accepted.stage.as_str(),
        }),
        Err(error) => json!({
            "accepted": false,
            "provider": provider.as_str(),
            "kind": error.kind().as_str(),
            "message": failure::sentence(error),
            "status": error.status(),
            "retry_after": error.retry_after().map(|delay| delay.as_secs()),
            "is_retryable": error.is_retryable(),
            "is_token_dead": error.is_token_dead(),
            "is_token_doubtful": error.is_token_doubtful(),
            "is_outcome_known": error.is_outcome_known(),
        }),
    }
}

/// How many ended how.
#[derive(Debug, Default)]
pub(super) struct Summary {
    accepted: u64,
    dead: u64,
    doubtful: u64,
    bad: u64,
    refused: u64,
    temporary: u64,
    unsent: u64,
    other: u64,
}

impl Summary {
    pub(super) fn accept(&mut self) {
        self.accepted += 1;
    }

    pub(super) fn fail(&mut self, failure: &Failure) {
        *match failure.code() {
            failure::DEAD => &mut self.dead,
            failure::DOUBTFUL => &mut self.doubtful,
            failure::BAD_TOKEN => &mut self.bad,
            failure::REFUSED => &mut self.refused,
            failure::TEMPORARY => &mut self.temporary,
            _ => &mut self.other,
        } += 1;
    }

    /// Counts those that an interruption left over.
    pub(super) fn leave(&mut self, unsent: usize) {
        self.unsent += u64::try_from(unsent).unwrap_or(u64::MAX);
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    pub(super) fn total(&self) -> u64 {
        self.parts().iter().fold(self.accepted, |sum, (_, count)| sum.saturating_add(*count))
    }

    pub(super) fn in_words(&self) -> String {
        let mut words = format!("{} tokens: {} accepted", self.total(), self.accepted);
        for (name, count) in self.parts() {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(words, ", {count} {name}");
            }
        }
        words
    }

    pub(super) fn as_json(&self) -> Value {
        let mut members = json!({ "total": self.total(), "accepted": self.accepted });
        for (name, count) in self.parts() {
            members[name] = count.into();
        }
        json!({ "summary": members })
    }

    fn parts(&self) -> [(&'static str, u64); 7] {
        [
            ("dead", self.dead),
            ("doubtful", self.doubtful),
            ("bad", self.bad),
            ("refused", self.refused),
            ("temporary", self.temporary),
            ("unsent", self.unsent),
            ("other", self.other),
        ]
    }
}
