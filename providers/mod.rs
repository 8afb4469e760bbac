//! The backends, each behind a feature of its own name.
//!
//! | provider | feature | address in a token | largest body |
//! |---|---|---|---|
//! | [`Mock`] | `mock` | none | as set |

#[cfg(feature = "mock")]
pub mod mock;

#[cfg(feature = "mock")]
pub use self::mock::Mock;
