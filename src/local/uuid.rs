//! UUIDs (RFC 9562): names of subscriptions and messages.

use crate::Result;
use crate::seal::keys::fill_random;

/// Whether a text is a UUID (RFC 9562 §4).
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, octet)| match index {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        })
}

/// A random UUID (RFC 9562 §5.4) in lower case.
///
/// # Errors
///
/// `Unavailable` when the operating system has no randomness.
pub(super) fn random_uuid() -> Result<String> {
    let mut octets = [0; 16];
    fill_random(&mut octets)?;
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(octets));
    let mut text = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(text)
}
