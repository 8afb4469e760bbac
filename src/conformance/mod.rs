//! A kit with which the author of a provider proves it.
//!
//! [`PushProvider`](crate::PushProvider) promises more than its three signatures say: octets
//! unchanged, one attempt, no token called dead without need, no secret shown. The kit asks a
//! provider for each promise, by name. It plays the push service itself ([`Vendor`]), so nothing
//! leaves the machine, and it is not a load test or a test of the real push service.
//!
//! An author writes a [`Harness`]: how to make the provider, what a token looks like, how the push
//! service words its answers. Then either [`run`] gives a [`Report`] to read, or
//! [`conformance_tests!`](crate::conformance_tests) makes one test of every promise:
//!
//! ```
//! sealpush::conformance_tests!(my_provider, MyHarness);
//! sealpush::conformance_tests!(my_provider_behind_retry, behind(MyHarness, retry).repeating());
//! ```
//!
//! The groups, in the order of a report:
//!
//! | group | asks |
//! |---|---|
//! | coherence | does the harness say what is so? |
//! | sealing | do the sealed octets arrive unchanged, and nothing else of the message? |
//! | addressing | does it reach the user agent of the token, and refuse what is no token of its own? |
//! | delivery | does every message reach its own address, octet for octet, also many at once? |
//! | outcomes | are the push service's own words understood? |
//! | acceptance | is the push service's name for the message passed on? |
//! | statuses | are all others: every status, pages of proxies, garbage? |
//! | credentials | are they kept, renewed in time, and renewed once? |
//! | time | does nobody wait for ever, or by himself? |
//! | idempotence | is an unknown outcome called unknown? |
//! | concurrency | do many at once, and those dropped half way, leave it whole? |
//! | connections | does an HTTP client keep few of them, and let them go? |
//! | secrecy | do `Debug`, errors and traces show nothing? |
//! | capabilities | is what is claimed done, and what is not claimed refused? |
//!
//! A promise that cannot be asked of a provider (it has no credential, claims no topic) is shown as
//! skipped with the reason. `examples/custom_provider.rs` starts from the empty file.

use std::any::type_name;
use std::sync::Arc;

mod again;
mod amend;
mod answer;
mod attempt;
mod check;
mod checked;
mod checks;
mod harness;
mod judge;
mod kit;
mod known;
mod macros;
mod parts;
mod report;
mod scenario;
mod secret;
mod server;
mod stage;
mod trace;
mod vendor;
mod watch;
mod wire;

use self::again::{Again, Call, Place};
use self::check::Check;

pub use self::again::this_program;
pub use self::amend::{Amended, amend, behind};
pub use self::harness::{Credentials, Harness};
#[doc(hidden)]
pub use self::macros::__test;
pub use self::report::{Finding, Promise, Report, Verdict};
pub use self::scenario::{Failure, Scenario};
pub use self::secret::Secret;
pub use self::vendor::Vendor;
pub use self::wire::Wire;

/// Asks a provider for every promise.
///
/// Blocks until it is done: each check gets a thread with its own runtime and clock, so it can be
/// called from anywhere. It ends within a minute more than the checks need, also when the provider
/// does not: a thread that spins or blocks is left behind, and the report says so.
///
/// Some promises need a process of their own, and the program is started again for each; see
/// [`Harness::again`].
///
/// # Panics
///
/// When the system has no thread to give.
#[must_use]
pub fn run<H: Harness>(harness: H) -> Report {
    let call = Call::count(type_name::<H>());
    let harness: Arc<dyn Harness> = Arc::new(harness);
    if let Some(meant) = call.meant() {
        if let Some(check) = meant.and_then(|name| checks::named(&name)) {
            judge::apart(&harness, check);
        }
        return Report::new(String::new(), checks::all().map(not_asked).collect());
    }
    let place = place(&harness, call);
    Report::new(judge::name(&harness), judge::all(&harness, &place))
}

/// Asks a provider for one promise by the name of its check, one of [`promises`]; `None` if there
/// is no such check.
///
/// # Panics
///
/// When the system has no thread to give.
#[must_use]
pub fn run_one<H: Harness>(harness: H, name: &str) -> Option<Finding> {
    let call = Call::count(type_name::<H>());
    let harness: Arc<dyn Harness> = Arc::new(harness);
    let check = checks::named(name)?;
    if let Some(meant) = call.meant() {
        if meant.as_deref() == Some(name) {
            judge::apart(&harness, check);
        }
        // What the program asks on the way is answered, so that it comes to what is meant.
        return Some(judge::one(&harness, check, &Arc::new(Place::Here(None))));
    }
    let place = place(&harness, call);
    Some(judge::one(&harness, check, &place))
}

/// All promises, in the order of a report.
pub fn promises() -> impl Iterator<Item = Promise> {
    checks::all().map(|check| check.promise)
}

/// How the second process is started from this thread.
fn place(harness: &Arc<dyn Harness>, call: Call) -> Arc<Place> {
    Arc::new(Place::Here(harness.again().map(|command| Again::new(&command, call))))
}

/// In a second process, which is there for another check.
fn not_asked(check: &Check) -> Finding {
    let why = "this process is there for another check".to_owned();
    Finding { promise: check.promise, verdict: Verdict::Skipped(why) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_promise_has_a_name_of_its_own() {
        let names: HashSet<_> = promises().map(|promise| promise.name).collect();
        assert_eq!(names.len(), promises().count());
    }

    #[test]
    fn the_macro_names_every_check() {
        let listed: Vec<_> = promises().map(|promise| promise.name).collect();
        assert_eq!(macros::NAMES, listed);
    }
}
