#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

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
#[cfg(feature = "client")]
pub mod layers;
#[cfg(feature = "local")]
pub mod local;
pub mod message;
pub mod notification;
pub mod options;
#[cfg(feature = "client")]
mod pace;
mod provider;
pub mod seal;
pub mod token;
pub mod transport;

// The backends live beside the core, in `providers/`, and use only what is public here.
#[path = "../providers/mod.rs"]
pub mod providers;

#[cfg(feature = "client")]
pub use crate::client::Client;
pub use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "guard")]
pub use crate::guard::EndpointGuard;
pub use crate::message::{Message, SealedMessage};
pub use crate::notification::Notification;
pub use crate::options::{Placeholder, Topic, Ttl, Urgency};
pub use crate::provider::{
    Accepted, Capabilities, MessageId, ProviderId, PushProvider, PushProviderExt,
};
pub use crate::seal::{OpenError, Padding, Sealed, UserAgentKeys, UserAgentSecret, open, seal};
pub use crate::token::Token;
