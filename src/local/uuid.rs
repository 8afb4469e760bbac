//! UUIDs (RFC 9562): names of subscriptions and messages.

use uuid::{Builder, Uuid};

use crate::Result;
use crate::seal::keys::fill_random;

/// Whether a text is a UUID in the form of 36 characters (RFC 9562 §4).
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// A random UUID (RFC 9562 §5.4) in lower case.
///
/// # Errors
///
/// `Unavailable` when the operating system has no randomness.
pub(super) fn random_uuid() -> Result<String> {
    let mut octets = [0; 16];
    fill_random(&mut octets)?;
    Ok(Builder::from_random_bytes(octets).into_uuid().to_string())
}
