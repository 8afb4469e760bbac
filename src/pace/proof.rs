//! Which origins have proven themselves: they took a message.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::origin::Origin;
use super::table::PerOrigin;

/// The origins that took a message, with how many they took, and how long a newcomer's first answer
/// takes.
///
/// Names are free, so that a stranger can bring any number of origins. One that never took a message
/// is a newcomer; newcomers share a part of what there is, and the rest belongs to those with a
/// proof. A push service whose address is not the token's has nothing to prove.
#[derive(Debug)]
pub(crate) struct Proof {
    /// The most useful ones are remembered longest.
    taken: PerOrigin<u64>,
    first_answer: Mutex<Option<Duration>>,
}

impl Proof {
    pub(crate) fn new() -> Self {
        Self { taken: PerOrigin::new(|taken| *taken), first_answer: Mutex::new(None) }
    }

    /// Whether the origin is a proven one.
    pub(crate) fn is_given(&self, origin: &Origin) -> bool {
        !origin.is_strangers_choice() || self.taken.with_existing(origin, |_| ()).is_some()
    }

    /// The origin took a message.
    pub(crate) fn give(&self, origin: &Origin) {
        if origin.is_strangers_choice() {
            self.taken.with(origin, || 0, |taken| *taken = taken.saturating_add(1));
        }
    }

    /// The origin does not answer any more.
    pub(crate) fn take_back(&self, origin: &Origin) {
        self.taken.forget(origin);
    }

    /// A newcomer took its first message after this time.
    pub(crate) fn answered_first(&self, after: Duration) {
        let mut mean = self.first_answer.lock().unwrap_or_else(PoisonError::into_inner);
        *mean = Some(mean.map_or(after, |mean| (mean * 7 + after) / 8));
    }

    /// How long newcomers may keep others waiting without one of them answering: twice what a
    /// first answer takes, within bounds. Of many that are asked at once, an honest one answers
    /// sooner.
    pub(crate) fn patience(&self) -> Duration {
        let mean = *self.first_answer.lock().unwrap_or_else(PoisonError::into_inner);
        mean.map_or(MOST_PATIENCE, |mean| (mean * 2).clamp(LEAST_PATIENCE, MOST_PATIENCE))
    }
}

/// A busy process needs as much between two looks at its sockets.
const LEAST_PATIENCE: Duration = Duration::from_millis(50);
/// What a name, a connection and TLS take across the world, twice.
const MOST_PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::origin::tests::host;

    #[test]
    fn a_success_is_a_proof_until_it_is_taken_back() {
        let proof = Proof::new();
        assert!(!proof.is_given(&host(1)));
        proof.give(&host(1));
        assert!(proof.is_given(&host(1)) && !proof.is_given(&host(2)));
        proof.take_back(&host(1));
        assert!(!proof.is_given(&host(1)));
    }

    #[test]
    fn a_server_that_no_stranger_chose_needs_no_proof() {
        let proof = Proof::new();
        let token = r#"{"provider":"pager","device":7,"keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}"#;
        assert!(proof.is_given(&Origin::of(&token.parse().unwrap())));
    }

    #[test]
    fn names_that_took_one_message_do_not_displace_one_that_took_many() {
        let proof = Proof::new();
        proof.give(&host(0));
        proof.give(&host(0));
        (1..3 * PerOrigin::<u64>::CAPACITY).for_each(|n| proof.give(&host(n)));
        assert!(proof.is_given(&host(0)));
    }

    #[test]
    fn patience_follows_the_first_answers_within_bounds() {
        let proof = Proof::new();
        assert_eq!(proof.patience(), MOST_PATIENCE);
        proof.answered_first(Duration::from_millis(1));
        assert_eq!(proof.patience(), LEAST_PATIENCE);
        (0..100).for_each(|_| proof.answered_first(Duration::from_millis(200)));
        let patience = proof.patience();
        assert!((390..=400).contains(&patience.as_millis()), "{patience:?}");
        (0..100).for_each(|_| proof.answered_first(Duration::from_secs(20)));
        assert_eq!(proof.patience(), MOST_PATIENCE);
    }
}
