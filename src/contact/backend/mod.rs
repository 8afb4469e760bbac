//! What contact needs of a crypto library beside what sealing needs: ES256. SHA-256 and HMAC come
//! from RustCrypto in every case.

use crate::seal::backend::Failure;
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
mod absent;
#[cfg(feature = "aws-lc")]
pub(crate) mod aws_lc;
#[cfg(feature = "rust-crypto")]
#[cfg_attr(feature = "aws-lc", allow(dead_code, reason = "aws-lc is used, tests use both"))]
pub(crate) mod rust_crypto;

/// Octets of an ES256 signature, `r ‖ s` (RFC 7518 §3.4).
pub(crate) const SIGNATURE_LEN: usize = 64;

/// ES256, once for each crypto library.
pub(crate) trait Primitives {
    type SigningKey: Send + Sync + 'static;

    fn signing_key(
        scalar: &[u8; SCALAR_LEN],
        public: &[u8; POINT_LEN],
    ) -> Result<Self::SigningKey, Failure>;
    fn sign(key: &Self::SigningKey, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], Failure>;
    /// Takes a high `s` as well as a low one.
    fn verify(
        public: &[u8; POINT_LEN],
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), Failure>;
}
