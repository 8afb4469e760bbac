//! Messages that outlive the process: what the outbox has taken has exactly one recorded outcome,
//! whatever dies when.
//!
//! [`Client::send_many`](crate::Client::send_many) forgets what it holds when the process ends. An
//! [`Outbox`] puts letters into a [`Store`] first, closed under the operator's [`KeyRing`]: who reads
//! the store or its backup sees neither message nor token. A [worker](Outbox::run) claims them,
//! sends them through a [`Client`](crate::Client), and records what came of it.
//!
//! | [verdict](Verdict) | what happened |
//! |---|---|
//! | accepted | a push service took it; not a delivery receipt |
//! | rejected | a push service refused it for good, or the token is dead |
//! | expired | its time was over first |
//! | dead | the outbox gave up; somebody should look, and may [retry](Outbox::retry) |
//!
//! To the push service a parcel goes **at least once**. It goes more than once only where an outcome
//! was unknown: an attempt ended after octets went out, or the worker died while it held the parcel.
//! [`Outcome::unknown`] counts these for every parcel, [`Status::unknown`] for all. A receiver drops
//! the second by the message's id.
//!
//! | store | feature | lives |
//! |---|---|---|
//! | [`Memory`] | `outbox` | as long as the process: for tests |
//! | `Sqlite` | `outbox-sqlite` | in a file, for the processes of one machine |

mod courier;
mod keys;
mod memory;
mod outcome;
mod parcel;
mod rules;
mod run;
#[cfg(feature = "outbox-sqlite")]
mod sqlite;
mod store;
mod worker;

pub use self::courier::{Outbox, OutboxBuilder};
pub use self::keys::KeyRing;
pub use self::memory::Memory;
pub use self::outcome::{Outcome, Status, Verdict};
pub use self::parcel::{Lane, Letter, Parcel, ParcelId, Tag};
pub use self::run::Run;
#[cfg(feature = "outbox-sqlite")]
pub use self::sqlite::Sqlite;
pub use self::store::{Claim, Claimed, Lease, Settlement, Store};
