//! What a check is.

use futures_util::future::BoxFuture;

pub(crate) use super::checked::{Checked, Stop, ensure, fail, skip};
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
