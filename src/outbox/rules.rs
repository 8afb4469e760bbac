//! What becomes of a parcel after an attempt: no I/O, time and chance from outside.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use super::outcome::{Outcome, Verdict};
use super::parcel::{ParcelId, Tag};
use super::store::{Claimed, Lease, Settlement};
use crate::error::{Error, ErrorKind, Result};
use crate::pace::Jitter;
use crate::provider::Accepted;

/// How often and how soon a parcel is tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) attempts: NonZeroU32,
    pub(super) base: Duration,
    pub(super) cap: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        let attempts = NonZeroU32::MIN.saturating_add(31);
        Self { attempts, base: Duration::from_secs(2), cap: Duration::from_secs(3600) }
    }
}

/// What a worker remembers of a parcel that it holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    pub(super) expires: SystemTime,
    pub(super) tag: Option<Tag>,
    pub(super) attempts: u32,
    pub(super) unknown: u32,
}

impl Held {
    pub(super) fn of(claimed: &Claimed) -> Self {
        let Claimed { lease, parcel, attempts, unknown } = claimed;
        let (tag, expires) = (parcel.tag().cloned(), parcel.expires());
        Self { lease: *lease, expires, tag, attempts: *attempts, unknown: *unknown }
    }

    pub(super) fn id(&self) -> ParcelId {
        self.lease.id
    }

    /// Gives it back as if it had not been claimed.
    pub(super) fn give_back(&self, now: SystemTime) -> Settlement {
        let Self { lease, attempts, unknown, .. } = *self;
        Settlement::Again { lease, at: now, attempts, unknown }
    }

    /// Ends it without another attempt.
    pub(super) fn end(
        &self,
        verdict: Verdict,
        error: Option<&Error>,
        now: SystemTime,
    ) -> Settlement {
        let mut outcome = Outcome::new(self.id(), verdict, now);
        outcome.tag = self.tag.clone();
        outcome.kind = error.map(Error::kind);
        outcome.token_doubtful = error.is_some_and(Error::is_token_doubtful);
        (outcome.attempts, outcome.unknown) = (self.attempts, self.unknown);
        Settlement::Done { lease: self.lease, outcome }
    }

    /// What to do with it before an attempt, if not to make one.
    pub(super) fn refuse(&self, rules: &Rules, now: SystemTime) -> Option<Settlement> {
        if now >= self.expires {
            return Some(self.end(Verdict::Expired, None, now));
        }
        // Not even the workers that sent it outlived it.
        (self.attempts >= rules.attempts.get()).then(|| self.end(Verdict::Dead, None, now))
    }

    /// What to do with it after an attempt.
    pub(super) fn settle(
        mut self,
        outcome: &Result<Accepted>,
        rules: &Rules,
        jitter: &Jitter,
        now: SystemTime,
    ) -> Settlement {
        let Err(error) = outcome else {
            self.attempts = self.attempts.saturating_add(1);
            return self.end(Verdict::Accepted, None, now);
        };
        if !is_ours(error) {
            self.attempts = self.attempts.saturating_add(error.attempts());
        }
        if error.kind() == ErrorKind::UnexpectedResponse {
            return self.end(Verdict::Accepted, Some(error), now);
        }
        self.unknown = self.unknown.saturating_add(u32::from(!error.is_outcome_known()));
        match class(error.kind()) {
            Class::Final(verdict) => self.end(verdict, Some(error), now),
            Class::Later if self.attempts >= rules.attempts.get() => {
                self.end(Verdict::Dead, Some(error), now)
            }
            Class::Later => {
                let Self { lease, attempts, unknown, .. } = self;
                let at = now + rules.delay(attempts, error.retry_after(), jitter);
                if at >= self.expires {
                    return self.end(Verdict::Expired, Some(error), now);
                }
                Settlement::Again { lease, at, attempts, unknown }
            }
        }
    }
}

impl Rules {
    /// At least half of base × 2^(attempts - 1), so that a lane is not asked in vain at once.
    fn delay(&self, attempts: u32, asked: Option<Duration>, jitter: &Jitter) -> Duration {
        let factor = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let backoff = self.base.saturating_mul(factor).min(self.cap);
        let backoff = backoff.mul_f64(0.5 + jitter.unit() / 2.0);
        // A stranger may ask for the end of time.
        let asked = asked.unwrap_or(Duration::ZERO).min(LONGEST_ASKED);
        backoff.max(asked + asked.mul_f64(jitter.unit() / 10.0))
    }
}

/// Whether the client refused for want of room: nobody was asked, however often it happens.
fn is_ours(error: &Error) -> bool {
    error.kind() == ErrorKind::RateLimited && error.status().is_none()
}

enum Class {
    Final(Verdict),
    Later,
}

fn class(kind: ErrorKind) -> Class {
    match kind {
        ErrorKind::RateLimited
        | ErrorKind::Timeout
        | ErrorKind::Transport
        | ErrorKind::Unavailable
        // A credential is renewed sooner or later, and the message is still good.
        | ErrorKind::Unauthorized => Class::Later,
        ErrorKind::Expired
        | ErrorKind::InvalidToken
        | ErrorKind::PayloadTooLarge
        | ErrorKind::Rejected => Class::Final(Verdict::Rejected),
        ErrorKind::UnexpectedResponse => Class::Final(Verdict::Accepted),
        // The operator can change this, and then it may go.
        ErrorKind::Blocked | ErrorKind::Configuration | ErrorKind::TokenMismatch => {
            Class::Final(Verdict::Dead)
        }
    }
}

const LONGEST_ASKED: Duration = Duration::from_secs(28 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProviderId;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn held() -> Held {
        let lease = Lease { id: ParcelId::from([1; 16]), number: 1 };
        let expires = NOW + Duration::from_secs(60);
        Held { lease, expires, tag: None, attempts: 2, unknown: 1 }
    }

    fn after(error: Error) -> Settlement {
        held().settle(&Err(error), &Rules::default(), &Jitter::new(Some(1)), NOW)
    }

    fn verdict(settlement: &Settlement) -> Option<Verdict> {
        match settlement {
            Settlement::Done { outcome, .. } => Some(outcome.verdict),
            Settlement::Again { .. } => None,
        }
    }

    #[test]
    fn every_kind_of_failure_has_its_end() {
        use ErrorKind::*;
        for &kind in ErrorKind::ALL {
            let expected = match kind {
                RateLimited | Timeout | Transport | Unauthorized | Unavailable => None,
                Expired | InvalidToken | PayloadTooLarge | Rejected => Some(Verdict::Rejected),
                UnexpectedResponse => Some(Verdict::Accepted),
                Blocked | Configuration | TokenMismatch => Some(Verdict::Dead),
            };
            assert_eq!(verdict(&after(Error::new(kind, "x"))), expected, "{kind}");
        }
        let accepted = Ok(Accepted::new(ProviderId::from_static("webpush")));
        let done = held().settle(&accepted, &Rules::default(), &Jitter::new(Some(1)), NOW);
        let Settlement::Done { outcome, .. } = done else { panic!("{done:?}") };
        let counts = (outcome.verdict, outcome.kind, outcome.attempts, outcome.unknown);
        assert_eq!(counts, (Verdict::Accepted, None, 3, 1));
    }

    #[test]
    fn attempts_and_unknown_outcomes_add_up() {
        let counts = |error: Error| match after(error) {
            Settlement::Again { attempts, unknown, .. } => (attempts, unknown),
            done => panic!("{done:?}"),
        };
        let error = || Error::new(ErrorKind::Timeout, "x");
        assert_eq!(counts(error()), (3, 1));
        assert_eq!(counts(error().with_unknown_outcome().with_attempts(4)), (6, 2));
        // Nobody was asked.
        assert_eq!(counts(Error::new(ErrorKind::RateLimited, "no room")), (2, 1));
        assert_eq!(counts(Error::answered(ErrorKind::RateLimited, 429, "slow down")), (3, 1));
    }

    #[test]
    fn too_many_attempts_are_dead_and_too_late_is_expired() {
        let rules = Rules { attempts: NonZeroU32::MIN.saturating_add(2), ..Rules::default() };
        let error = Err(Error::new(ErrorKind::Unavailable, "x"));
        let done = held().settle(&error, &rules, &Jitter::new(Some(1)), NOW);
        assert_eq!(verdict(&done), Some(Verdict::Dead));

        let asked = Error::new(ErrorKind::Unavailable, "x");
        let asked = asked.with_retry_after(Duration::from_secs(60));
        assert_eq!(verdict(&after(asked)), Some(Verdict::Expired));
        let endless = Error::new(ErrorKind::Unavailable, "x").with_retry_after(Duration::MAX);
        assert_eq!(verdict(&after(endless)), Some(Verdict::Expired));

        assert!(held().refuse(&Rules::default(), NOW).is_none());
        let late = held().refuse(&Rules::default(), held().expires);
        assert_eq!(verdict(&late.unwrap()), Some(Verdict::Expired));
        let tried = Held { attempts: 3, ..held() }.refuse(&rules, NOW);
        assert_eq!(verdict(&tried.unwrap()), Some(Verdict::Dead));
    }

    #[test]
    fn waits_grow_to_the_cap_and_are_no_shorter_than_asked() {
        let (rules, jitter) = (Rules::default(), Jitter::new(Some(1)));
        for attempts in 0..100 {
            let full =
                rules.base.saturating_mul(2_u32.saturating_pow(attempts.max(1) - 1)).min(rules.cap);
            let delay = rules.delay(attempts, None, &jitter);
            assert!(delay >= full / 2 && delay <= full, "{attempts}: {delay:?}");
        }
        let asked = Duration::from_secs(7200);
        let delay = rules.delay(1, Some(asked), &jitter);
        assert!(delay >= asked && delay <= asked.mul_f64(1.1), "{delay:?}");
    }
}
