//! UUIDs (RFC 9562), as OneSignal names apps, subscriptions and requests.

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Builder;
use zeroize::Zeroizing;

/// A UUID in its text form, in lower case.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Uuid(Zeroizing<String>);

impl Uuid {
    /// Reads the form of 36 characters, in either case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The crate reads other forms, too, which are not as long.
        (text.len() == 36 && ::uuid::Uuid::try_parse(text).is_ok())
            .then(|| Self::of(text.to_ascii_lowercase()))
    }

    /// The same UUID for the same octets. Its bits are those of SHA-256, so it takes the form of a
    /// random one (version 4), which every parser of UUIDs accepts.
    pub(super) fn of_octets(octets: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(octets).into();
        let (head, _) = digest.split_first_chunk().expect("32 octets begin with 16");
        Self::of(Builder::from_random_bytes(*head).into_uuid().to_string())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn of(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uuid([redacted])")
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
