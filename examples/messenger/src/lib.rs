//! Two people, two browsers, no account: a relay for [`sealpush::contact`].
//!
//! | file | idea |
//! |---|---|
//! | `main.rs`, `settings.rs` | flags, signals |
//! | `app.rs` | the relay as one value, from start to stop |
//! | `relay/` | the routes, one file each |
//! | `store.rs`, `migrations/` | what is remembered: SQLite, PostgreSQL, MySQL |
//! | `keys.rs` | the key file |
//! | `limits.rs`, `headers.rs`, `metrics.rs` | floods, header fields, counters |

mod app;
mod headers;
mod keys;
mod limits;
mod metrics;
mod relay;
mod settings;
mod store;

pub use self::app::Messenger;
pub use self::settings::Settings;
