//! The safety number: what two people compare to know that nobody stands between them.

use std::fmt;

use super::octets::sha256;

/// Sixty digits that are the same on both devices if and only if each got the first card that the
/// other one gave. Rotation does not change it.
///
/// Say "verified" only after the two people have compared it, over something else than this.
///
/// ```
/// # use sealpush::contact::SafetyNumber;
/// # fn show(number: SafetyNumber) {
/// println!("{number}"); // 12 groups of five digits
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SafetyNumber([u32; 12]);

impl SafetyNumber {
    /// Of the hashes of the first cards, in either order.
    pub(crate) fn of(a: &[u8; 32], b: &[u8; 32]) -> Self {
        let hash = sha256(&[CONTEXT, a.min(b), a.max(b)]);
        let mut groups = [0; 12];
        // 12 groups of 20 bits are the first 30 octets: each pair of groups takes five of them.
        for (pair, octets) in groups.chunks_exact_mut(2).zip(hash.chunks_exact(5)) {
            let bits = octets.iter().fold(0_u64, |bits, octet| bits << 8 | u64::from(*octet));
            for (group, bits) in pair.iter_mut().zip([bits >> 20, bits & 0xf_ffff]) {
                *group = (bits % 100_000) as u32;
            }
        }
        Self(groups)
    }

    /// The groups, each below 100,000.
    #[must_use]
    pub fn groups(&self) -> &[u32; 12] {
        &self.0
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.0.iter().enumerate() {
            write!(f, "{}{group:05}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

const CONTEXT: &[u8] = b"sealpush/v1/safety\0";
