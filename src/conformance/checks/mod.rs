//! The promises, a file for each group.

use super::check::Check;

mod addressing;
mod capabilities;
mod concurrency;
mod credentials;
mod idempotence;
mod outcomes;
mod sealing;
mod secrecy;
mod statuses;
mod time;

/// All checks in the order of a report.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    const GROUPS: [&[Check]; 10] = [
        sealing::CHECKS,
        addressing::CHECKS,
        outcomes::CHECKS,
        statuses::CHECKS,
        credentials::CHECKS,
        time::CHECKS,
        idempotence::CHECKS,
        concurrency::CHECKS,
        secrecy::CHECKS,
        capabilities::CHECKS,
    ];
    GROUPS.into_iter().flatten()
}
