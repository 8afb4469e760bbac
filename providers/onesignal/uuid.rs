//! UUIDs (RFC 9562), as OneSignal names apps, subscriptions and requests.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// A UUID in its text form, in lower case.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(super) struct Uuid(String);

impl Uuid {
    /// Reads the form of 36 characters, in either case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digit = |(index, octet): (usize, u8)| match index {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        };
        (text.len() == 36 && text.bytes().enumerate().all(digit))
            .then(|| Self(text.to_ascii_lowercase()))
    }

    /// The same UUID for the same octets. Its bits are those of SHA-256, so it takes the form of a
    /// random one (version 4), which every parser of UUIDs accepts.
    pub(super) fn of_octets(octets: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(octets).into();
        let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        let bits = u128::from_be_bytes(head);
        let bits = bits & !(0xf << 76) | 4 << 76;
        let bits = bits & !(0b11 << 62) | 0b10 << 62;
        let hex = format!("{bits:032x}");
        let (a, rest) = hex.split_at(8);
        let (b, rest) = rest.split_at(4);
        let (c, rest) = rest.split_at(4);
        let (d, e) = rest.split_at(4);
        Self(format!("{a}-{b}-{c}-{d}-{e}"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uuid([redacted])")
    }
}

impl Drop for Uuid {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_one_form() {
        let text = "1DAD4A3e-0000-4000-8000-0123456789AB";
        assert_eq!(Uuid::parse(text).unwrap().as_str(), text.to_ascii_lowercase());
        for bad in [
            "",
            "1dad4a3e000040008000-0123456789ab",
            "1dad4a3e-0000-4000-8000-0123456789a",
            "1dad4a3e-0000-4000-8000-0123456789abc",
            "1dad4a3e-0000-4000-8000-0123456789ag",
            "{dad4a3e-0000-4000-8000-0123456789a}",
            "1dad4a3e-0000-4000-80000-123456789ab",
        ] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_derived_uuid_is_of_version_4() {
        // SHA-256 of nothing begins e3b0c442 98fc1c14 9afbf4c8 996fb924.
        assert_eq!(Uuid::of_octets(b"").as_str(), "e3b0c442-98fc-4c14-9afb-f4c8996fb924");
        let other = Uuid::of_octets(b"x");
        assert_eq!(Uuid::parse(other.as_str()).as_ref(), Some(&other));
    }
}
