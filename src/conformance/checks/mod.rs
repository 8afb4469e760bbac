//! The promises, a file for each group.

use super::check::Check;

mod acceptance;
mod addressing;
mod capabilities;
mod coherence;
mod concurrency;
mod connections;
mod credentials;
mod delivery;
mod idempotence;
mod outcomes;
mod sealing;
mod secrecy;
mod statuses;
mod time;

/// A check by its name.
pub(crate) fn named(name: &str) -> Option<&'static Check> {
    all().find(|check| check.promise.name == name)
}

/// All checks in the order of a report.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    const GROUPS: [&[Check]; 14] = [
        coherence::CHECKS,
        sealing::CHECKS,
        addressing::CHECKS,
        delivery::CHECKS,
        outcomes::CHECKS,
        acceptance::CHECKS,
        statuses::CHECKS,
        credentials::CHECKS,
        time::CHECKS,
        idempotence::CHECKS,
        concurrency::CHECKS,
        connections::CHECKS,
        secrecy::CHECKS,
        capabilities::CHECKS,
    ];
    GROUPS.into_iter().flatten()
}
