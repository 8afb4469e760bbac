//! Fixed fields in big-endian: how they are read, and the names of 16 random octets.

use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

pub(crate) use crate::keyed::hmac;

/// Reads fields from the front; `None` as soon as one is not there.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (octets, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(octets)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| *octet)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().copied().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().copied().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().copied().map(u64::from_be_bytes)
    }

    /// Nothing is left over.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// Equal, in a time that does not depend on where they differ.
pub(crate) fn same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
}

/// Seconds since the epoch; zero for a clock set before 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// A name of 16 random octets, in base64url where it is stored or shown.
macro_rules! random_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub(crate) [u8; 16]);

        impl $name {
            pub(crate) fn random() -> crate::Result<Self> {
                let mut octets = [0; 16];
                crate::seal::keys::fill_random(&mut octets)?;
                Ok(Self(octets))
            }

            /// The octets.
            #[must_use]
            pub const fn expose(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl From<[u8; 16]> for $name {
            fn from(octets: [u8; 16]) -> Self {
                Self(octets)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::contact::text::serialize(&self.0, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::contact::text::deserialize_array(deserializer).map(Self)
            }
        }
    };
}
pub(crate) use random_name;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_sees_every_octet() {
        let a = [7; 16];
        assert!(same(&a, &a));
        for place in 0..16 {
            let mut b = a;
            b[place] ^= 1;
            assert!(!same(&a, &b));
        }
    }
}
