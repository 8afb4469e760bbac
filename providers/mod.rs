//! The backends, each behind a feature of its own name.
//!
//! | provider | feature | address in a token | largest body |
//! |---|---|---|---|
//! | [`Mock`] | `mock` | none | as set |
//! | [`WebPush`] | `webpush` | the browser's subscription | 4096 |

#[cfg(feature = "mock")]
pub mod mock;
#[cfg(feature = "webpush")]
pub mod webpush;

#[cfg(feature = "mock")]
pub use self::mock::Mock;
#[cfg(feature = "webpush")]
pub use self::webpush::WebPush;
