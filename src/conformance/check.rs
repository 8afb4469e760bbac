//! What a check is, and how it ends.

use futures_util::future::BoxFuture;

use super::kit::Kit;
use super::report::Promise;

/// A check of the list, as [`checks!`] declares it.
pub(crate) struct Check {
    pub(crate) promise: Promise,
    pub(crate) run: fn(Kit) -> BoxFuture<'static, Checked>,
}

/// Declares the checks of one group: the function's name, the promise, and why it matters.
macro_rules! checks {
    ($group:literal; $($name:ident: $promise:literal because $reason:literal;)+) => {
        /// The checks of this group.
        pub(crate) const CHECKS: &[$crate::conformance::check::Check] = &[$(
            $crate::conformance::check::Check {
                promise: $crate::conformance::report::Promise {
                    name: stringify!($name),
                    group: $group,
                    promise: $promise,
                    reason: $reason,
                },
                run: |kit| Box::pin($name(kit)),
            },
        )+];
    };
}
pub(crate) use checks;

/// The end of a check: kept, or stopped.
pub(crate) type Checked<T = ()> = std::result::Result<T, Stop>;

/// Why a check did not come to its end.
pub(crate) enum Stop {
    Failed(String),
    Skipped(String),
}

/// Fails the check unless a condition holds.
pub(crate) fn ensure(holds: bool, saw: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Stop::Failed(saw())) }
}

/// Fails the check.
pub(crate) fn fail<T>(saw: impl Into<String>) -> Checked<T> {
    Err(Stop::Failed(saw.into()))
}

/// Skips the check: the promise cannot be asked of this provider.
pub(crate) fn skip<T>(why: impl Into<String>) -> Checked<T> {
    Err(Stop::Skipped(why.into()))
}
