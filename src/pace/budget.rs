//! How many retries an origin may still cost.
//!
//! Backoff spreads retries out; only a budget bounds them. Without one, a push service that is down
//! gets every message as often as the policy allows, just when it tries to come back.

use super::origin::Origin;
use super::table::PerOrigin;
use crate::error::ErrorKind;

/// A purse for each origin: full at first, refilled by success. First attempts are free.
#[derive(Debug)]
pub(super) struct Budget {
    purses: PerOrigin<u32>,
    full: u32,
}

impl Budget {
    /// Purses of so many retries. The emptiest is the last to be forgotten: a forgotten one is full.
    pub(super) fn new(retries: u32) -> Self {
        let full = retries.saturating_mul(AFTER_FAILURE);
        Self { purses: PerOrigin::new(|purse| u64::from(u32::MAX - *purse)), full }
    }

    /// Takes the price of a retry after a failure of this kind; `false` when the purse has less.
    pub(super) fn spend(&self, origin: &Origin, kind: ErrorKind) -> bool {
        let price = if kind == ErrorKind::Timeout { AFTER_TIMEOUT } else { AFTER_FAILURE };
        self.purses.with(
            origin,
            || self.full,
            |purse| match purse.checked_sub(price) {
                Some(rest) => {
                    *purse = rest;
                    true
                }
                None => false,
            },
        )
    }

    /// Pays in for a success. An origin that never failed has no purse yet: it is full.
    pub(super) fn earn(&self, origin: &Origin) {
        let full = self.full;
        self.purses.with_existing(origin, |purse| {
            *purse = purse.saturating_add(SUCCESS).min(full);
        });
    }
}

// In tenths of a retry.
const SUCCESS: u32 = 1;
const AFTER_FAILURE: u32 = 10;
/// A timeout held a connection and the caller for long: it costs double.
const AFTER_TIMEOUT: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::origin::tests::host;

    fn spendable(budget: &Budget, origin: &Origin, kind: ErrorKind) -> usize {
        (0..).take_while(|_| budget.spend(origin, kind)).count()
    }

    #[test]
    fn a_hundred_retries_or_fifty_after_timeouts() {
        let budget = Budget::new(100);
        assert_eq!(spendable(&budget, &host(1), ErrorKind::Unavailable), 100);
        assert_eq!(spendable(&budget, &host(2), ErrorKind::Timeout), 50);
    }

    #[test]
    fn a_purse_is_as_large_as_it_was_set() {
        for retries in [0, 3, u32::MAX / 10] {
            let spends = retries.min(1000) as usize;
            let budget = Budget::new(retries);
            let spent = (0..1000).filter(|_| budget.spend(&host(1), ErrorKind::Transport)).count();
            assert_eq!(spent, spends);
        }
    }

    #[test]
    fn strangers_do_not_get_an_exhausted_purse_forgotten() {
        let budget = Budget::new(100);
        spendable(&budget, &host(0), ErrorKind::Transport);
        for n in 1..3 * PerOrigin::<u32>::CAPACITY {
            budget.spend(&host(n), ErrorKind::Timeout);
        }
        assert_eq!(spendable(&budget, &host(0), ErrorKind::Transport), 0);
    }

    #[test]
    fn ten_successes_pay_for_one_retry_and_the_purse_never_overflows() {
        let budget = Budget::new(100);
        let origin = host(1);
        spendable(&budget, &origin, ErrorKind::Transport);
        (0..25).for_each(|_| budget.earn(&origin));
        assert_eq!(spendable(&budget, &origin, ErrorKind::Transport), 2);
        (0..5_000).for_each(|_| budget.earn(&origin));
        assert_eq!(spendable(&budget, &origin, ErrorKind::Transport), 100);
    }
}
