//! How a check ends.

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
