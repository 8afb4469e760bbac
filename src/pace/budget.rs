//! How many retries an origin may still cost.
//!
//! Backoff spreads retries out; only a budget bounds them. Without one, a push service that is down
//! gets every message as often as the policy allows, just when it tries to come back.

use super::origin::{Origin, PerOrigin};
use crate::error::ErrorKind;

/// A purse for each origin: full at first, refilled by success. First attempts are free.
#[derive(Debug, Default)]
pub(super) struct Budget(PerOrigin<u32>);

impl Budget {
    /// Takes the price of a retry after a failure of this kind; `false` when the purse has less.
    pub(super) fn spend(&self, origin: &Origin, kind: ErrorKind) -> bool {
        let price = if kind == ErrorKind::Timeout { AFTER_TIMEOUT } else { AFTER_FAILURE };
        self.0.with(
            origin,
            || FULL,
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
        self.0.with_existing(origin, |purse| *purse = (*purse + SUCCESS).min(FULL));
    }
}

// In tenths of a retry.
const FULL: u32 = 1000;
const SUCCESS: u32 = 1;
const AFTER_FAILURE: u32 = 10;
/// A timeout held a connection and the caller for long: it costs double.
const AFTER_TIMEOUT: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = r#""keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}"#;

    fn origin(host: &str) -> Origin {
        Origin::of(&format!(r#"{{"endpoint":"https://{host}/p",{KEYS}}}"#).parse().unwrap())
    }

    fn spendable(budget: &Budget, origin: &Origin, kind: ErrorKind) -> usize {
        (0..).take_while(|_| budget.spend(origin, kind)).count()
    }

    #[test]
    fn a_hundred_retries_or_fifty_after_timeouts() {
        let budget = Budget::default();
        assert_eq!(spendable(&budget, &origin("a"), ErrorKind::Unavailable), 100);
        assert_eq!(spendable(&budget, &origin("b"), ErrorKind::Timeout), 50);
    }

    #[test]
    fn ten_successes_pay_for_one_retry_and_the_purse_never_overflows() {
        let budget = Budget::default();
        let origin = origin("a");
        spendable(&budget, &origin, ErrorKind::Transport);
        (0..25).for_each(|_| budget.earn(&origin));
        assert_eq!(spendable(&budget, &origin, ErrorKind::Transport), 2);
        (0..5_000).for_each(|_| budget.earn(&origin));
        assert_eq!(spendable(&budget, &origin, ErrorKind::Transport), 100);
    }
}
