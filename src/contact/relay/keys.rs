//! The relay's keys: a ring of roots, from which everything else is derived.

use std::fmt;
use std::time::SystemTime;

use hkdf::Hkdf;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Result;
use crate::contact::card::DAY;
use crate::contact::octets::{seconds, sha256};
use crate::contact::text;
use crate::seal::keys::fill_random;

/// The relay's roots, newest first: a value that the operator stores. It holds secrets: whoever has
/// a root can open the addresses issued under it.
///
/// A root issues addresses for 30 days or 2^28 of them, and opens them for 121 days. The operator
/// calls [`rotate`](Self::rotate) once a day and stores the ring.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Self")]
pub struct KeyRing(Vec<Root>);

crate::contact::text::stored!(KeyRing, "ring of keys");

impl KeyRing {
    /// Most roots at a time.
    pub const MAX_ROOTS: usize = 5;

    /// A ring with one fresh root.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn generate(now: SystemTime) -> Result<Self> {
        Ok(Self(vec![Root::generate(seconds(now))?]))
    }

    /// Puts a fresh root in front when the newest has issued long or often enough, and drops those
    /// whose addresses are dead. Answers whether anything changed.
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate).
    pub fn rotate(&mut self, now: SystemTime) -> Result<bool> {
        let now = seconds(now);
        let before = self.0.len();
        self.0.retain(|root| now < root.made_at.saturating_add(OPENS_FOR));
        let is_spent = |root: &Root| {
            now >= root.made_at.saturating_add(ISSUES_FOR) || root.issued >= MAX_ISSUED
        };
        let needs_root = self.0.first().is_none_or(is_spent);
        if needs_root {
            self.0.insert(0, Root::generate(now)?);
            self.0.truncate(Self::MAX_ROOTS);
        }
        Ok(needs_root || self.0.len() != before)
    }

    /// Drops every root and begins anew, after a theft. Devices notice by [`ids`](Self::ids) and
    /// register anew.
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate).
    pub fn replace_all(&mut self, now: SystemTime) -> Result<()> {
        *self = Self::generate(now)?;
        Ok(())
    }

    /// What [`KEYS`](crate::contact::paths::KEYS) answers: 8 octets for each root, newest first.
    #[must_use]
    pub fn ids(&self) -> Vec<u8> {
        self.0.iter().flat_map(|root| root.keys.id).collect()
    }

    pub(super) fn newest(&self) -> Option<&Keys> {
        self.0.first().map(|root| &root.keys)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Keys> {
        self.0.iter().map(|root| &root.keys)
    }

    pub(super) fn count_issued(&mut self, count: u64) {
        if let Some(root) = self.0.first_mut() {
            root.issued = root.issued.saturating_add(count);
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} roots)", self.0.len())
    }
}

/// 32 random octets with what was derived from them.
struct Root {
    root: Zeroizing<[u8; 32]>,
    /// Seconds since the epoch.
    made_at: u64,
    issued: u64,
    keys: Keys,
}

impl Root {
    fn generate(now: u64) -> Result<Self> {
        let mut root = Zeroizing::new([0; 32]);
        fill_random(root.as_mut_slice())?;
        Ok(Self { keys: Keys::derive(&root), root, made_at: now, issued: 0 })
    }
}

/// The keys that one root gives (RFC 5869).
pub(crate) struct Keys {
    pub(crate) address: Zeroizing<[u8; 32]>,
    pub(crate) challenge: Zeroizing<[u8; 32]>,
    pub(crate) count: Zeroizing<[u8; 32]>,
    pub(crate) store: Zeroizing<[u8; 32]>,
    pub(crate) id: [u8; 8],
}

impl Keys {
    pub(crate) fn derive(root: &[u8; 32]) -> Self {
        let derive = |info: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            Hkdf::<Sha256>::new(None, root)
                .expand_multi_info(&[b"sealpush/v1/relay/", info], key.as_mut_slice())
                .expect("32 octets are within what HKDF-SHA-256 can give");
            key
        };
        let address = derive(b"address");
        let id = sha256(&[address.as_slice()]);
        Self {
            id: *id.first_chunk().expect("8 of 32 octets"),
            address,
            challenge: derive(b"challenge"),
            count: derive(b"count"),
            store: derive(b"store"),
        }
    }
}

#[derive(Deserialize, Serialize)]
struct StoredRoot {
    #[serde(with = "text::array")]
    root: [u8; 32],
    made_at: u64,
    issued: u64,
}

impl Serialize for Root {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { root, made_at, issued, .. } = self;
        StoredRoot { root: **root, made_at: *made_at, issued: *issued }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredRoot { root, made_at, issued } = StoredRoot::deserialize(deserializer)?;
        let root = Zeroizing::new(root);
        Ok(Self { keys: Keys::derive(&root), root, made_at, issued })
    }
}

impl Drop for StoredRoot {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.root);
    }
}

/// Seconds for which a root issues, and opens: 30 days, and the 90 of its last address after them.
const ISSUES_FOR: u64 = 30 * DAY as u64;
const OPENS_FOR: u64 = 121 * DAY as u64;
/// Random nonces of 96 bits stay apart for this many addresses (NIST SP 800-38D §8.3 allows 2^32).
const MAX_ISSUED: u64 = 1 << 28;
