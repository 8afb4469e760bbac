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
//! | sealing | do the sealed octets arrive unchanged, and nothing else of the message? |
//! | addressing | does it reach the user agent of the token, and refuse what is no token of its own? |
//! | outcomes | are the push service's own words understood? |
//! | statuses | are all others: every status, pages of proxies, garbage? |
//! | credentials | are they kept, renewed in time, and renewed once? |
//! | time | does nobody wait for ever, or by himself? |
//! | idempotence | is an unknown outcome called unknown? |
//! | concurrency | do many at once, and those dropped half way, leave it whole? |
//! | secrecy | do `Debug`, errors and traces show nothing? |
//! | capabilities | is what is claimed done, and what is not claimed refused? |
//!
//! A promise that cannot be asked of a provider (it has no credential, claims no topic) is shown as
//! skipped with the reason. `examples/custom_provider.rs` starts from the empty file.

use std::sync::Arc;
use std::time::Duration;

mod answer;
mod attempt;
mod behind;
mod check;
mod checks;
mod harness;
mod kit;
mod macros;
mod parts;
mod report;
mod secret;
mod server;
mod trace;
mod vendor;
mod wire;

use self::check::{Check, Checked, Stop};
use self::kit::Kit;
use self::trace::Trace;

pub use self::behind::{Behind, behind};
pub use self::harness::{Credentials, Harness, Scenario};
#[doc(hidden)]
pub use self::macros::__assert;
pub use self::report::{Finding, Report, Verdict};
pub use self::secret::Secret;
pub use self::vendor::Vendor;
pub use self::wire::Wire;

/// Asks a provider for every promise.
///
/// Blocks until it is done: each check gets a thread with its own runtime and clock, so it can be
/// called from anywhere.
///
/// # Panics
///
/// When the system has no thread to give.
#[must_use]
pub fn run(harness: impl Harness) -> Report {
    let harness: Arc<dyn Harness> = Arc::new(harness);
    let findings: Vec<_> = checks::all().map(|check| judge(&harness, check)).collect();
    Report::new(name(&harness), findings)
}

/// Asks a provider for one promise by the name of its check; `None` if there is no such check.
///
/// # Panics
///
/// When the system has no thread to give.
#[must_use]
pub fn run_one(harness: impl Harness, name: &str) -> Option<Finding> {
    let harness: Arc<dyn Harness> = Arc::new(harness);
    checks::all().find(|check| check.name == name).map(|check| judge(&harness, check))
}

fn judge(harness: &Arc<dyn Harness>, check: &'static Check) -> Finding {
    let harness = harness.clone();
    let verdict = match in_a_thread(check.name, move || carry_out(harness, check.run)) {
        Some(Ok(())) => Verdict::Passed,
        Some(Err(Stop::Failed(saw))) => Verdict::Failed(saw),
        Some(Err(Stop::Skipped(why))) => Verdict::Skipped(why),
        None => Verdict::Failed("a panic".to_owned()),
    };
    Finding {
        name: check.name,
        group: check.group,
        promise: check.promise,
        reason: check.reason,
        verdict,
    }
}

/// Everything that is traced in this thread belongs to the check.
fn carry_out(
    harness: Arc<dyn Harness>,
    run: fn(Kit) -> futures_util::future::BoxFuture<'static, Checked>,
) -> Checked {
    let paused = harness.wire() != Wire::Loopback;
    let patience = if paused { PAUSED_PATIENCE } else { LOOPBACK_PATIENCE };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let Ok(runtime) = runtime.enable_all().start_paused(paused).build() else {
        return check::fail("the kit cannot start a runtime");
    };
    let trace = Trace::default();
    tracing::subscriber::with_default(trace.subscriber(), || {
        runtime.block_on(async {
            let kit = match Kit::open(harness, trace.clone()).await {
                Ok(kit) => kit,
                Err(error) => return check::fail(format!("the kit cannot start: {error}")),
            };
            match tokio::time::timeout(patience, run(kit)).await {
                Ok(checked) => checked,
                Err(_) => check::fail(format!("no end within {patience:?}")),
            }
        })
    })
}

fn name(harness: &Arc<dyn Harness>) -> String {
    let harness = harness.clone();
    in_a_thread("name", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let kit = runtime.block_on(Kit::open(harness, Trace::default())).ok()?;
        let _inside = runtime.enter();
        Some(kit.provider().id().to_string())
    })
    .flatten()
    .unwrap_or_default()
}

/// Runs something in a thread of its own; `None` if it panics.
fn in_a_thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.expect("the system has a thread to give").join().ok()
}

/// How long one check may take in paused time: longer than any layer waits.
const PAUSED_PATIENCE: Duration = Duration::from_secs(400 * 24 * 3600);
/// How long one check may take in real time: a few deadlines, and many in haste.
const LOOPBACK_PATIENCE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_at_least_eighty_promises_with_names_of_their_own() {
        let names: HashSet<_> = checks::all().map(|check| check.name).collect();
        assert_eq!(names.len(), checks::all().count());
        assert!(names.len() >= 80, "{}", names.len());
    }

    #[test]
    fn the_macro_names_every_check() {
        let named: Vec<_> = macros::NAMES.to_vec();
        let listed: Vec<_> = checks::all().map(|check| check.name).collect();
        assert_eq!(named, listed);
    }
}
