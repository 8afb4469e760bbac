//! Random numbers for delays: nothing secret depends on them, so that they may be seeded.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64 (Steele, Lea, Flood 2014): one addition shared by all threads, no lock.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// A seed repeats a sequence; without one, every call makes another.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(AtomicU64::new(seed.unwrap_or_else(|| RandomState::new().hash_one(0_u8))))
    }

    /// A number from 0 up to, but without, 1.
    pub(crate) fn unit(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut x = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        // The upper 53 bits are as many as the fraction of an f64 holds exactly.
        (x >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_numbers_are_even() {
        let (a, b) = (Jitter::new(Some(7)), Jitter::new(Some(7)));
        let mut sum = 0.0;
        for _ in 0..10_000 {
            let x = a.unit();
            assert!((0.0..1.0).contains(&x));
            assert_eq!(x, b.unit());
            sum += x;
        }
        assert!((4_900.0..5_100.0).contains(&sum), "{sum}");
    }

    #[test]
    fn without_a_seed_two_sources_differ() {
        assert_ne!(Jitter::new(None).unit(), Jitter::new(None).unit());
    }
}
