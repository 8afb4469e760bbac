//! Providers with one flaw each, and the push service that they speak to.

pub(crate) mod addresses;
pub(crate) mod answers;
pub(crate) mod attempts;
pub(crate) mod credentials;
pub(crate) mod defaults;
pub(crate) mod harness;
pub(crate) mod options;
pub(crate) mod outcomes;
pub(crate) mod requests;
pub(crate) mod resources;
pub(crate) mod secrets;
pub(crate) mod sound;
pub(crate) mod timing;
