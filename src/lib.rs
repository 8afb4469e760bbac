#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! * Send: [`PushProviderExt::send_encrypted`] with a [`Token`] and a [`Message`]; to many with a
//!   [`Client`].
//! * [`providers`] has the backends, [`layers`] what goes around them.
//! * What went wrong: [`Error`], [`ErrorKind`], and the chapters of the [`guide`].
//! * Test: [`local`], [`providers::Mock`], and [`conformance`] for a provider of your own.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "contact", feature = "outbox"))]
mod aead;
#[cfg(feature = "client")]
pub mod client;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "contact")]
pub mod contact;
pub mod endpoint;
mod error;
#[cfg(feature = "guard")]
pub mod guard;
pub mod guide;
mod keyed;
#[cfg(feature = "client")]
pub mod layers;
#[cfg(feature = "local")]
pub mod local;
pub mod message;
pub mod notification;
pub mod options;
#[cfg(feature = "outbox")]
pub mod outbox;
#[cfg(feature = "client")]
mod pace;
mod provider;
pub mod seal;
#[cfg(any(feature = "conformance", feature = "local"))]
#[cfg_attr(
    not(all(feature = "conformance", feature = "local")),
    allow(dead_code, reason = "each of the two uses a part")
)]
mod serve;
pub mod token;
pub mod transport;

// The backends live beside the core, in `providers/`, and use only what is public here.
#[path = "../providers/mod.rs"]
pub mod providers;

#[cfg(feature = "client")]
#[doc(inline)]
pub use crate::client::Client;
#[doc(inline)]
pub use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "guard")]
#[doc(inline)]
pub use crate::guard::EndpointGuard;
#[doc(inline)]
pub use crate::message::{Message, SealedMessage};
#[doc(inline)]
pub use crate::notification::Notification;
#[doc(inline)]
pub use crate::options::{Placeholder, ProviderOptions, Topic, Ttl, Urgency};
#[doc(inline)]
pub use crate::provider::{
    Accepted, Capabilities, MessageId, ProviderId, PushProvider, PushProviderExt, Stage,
};
#[doc(inline)]
pub use crate::seal::{OpenError, Padding, Sealed, UserAgentKeys, UserAgentSecret, open, seal};
#[doc(inline)]
pub use crate::token::Token;
