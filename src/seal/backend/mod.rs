//! The primitives, once per library: P-256 key agreement and AES-128-GCM. HKDF and SHA-256 come
//! from RustCrypto in every case.
//!
//! One seam, so that the vectors run on every backend that is compiled in and each opens what the
//! other sealed. Callers of the crate never see it.

use zeroize::Zeroizing;

use super::keys::{POINT_LEN, SCALAR_LEN};
use super::record::TAG_LEN;
use crate::error::{Error, ErrorKind};

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
mod absent;
#[cfg(feature = "aws-lc")]
pub(crate) mod aws_lc;
#[cfg(feature = "rust-crypto")]
#[cfg_attr(feature = "aws-lc", allow(dead_code, reason = "aws-lc is used, tests use both"))]
pub(crate) mod rust_crypto;

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
pub(crate) use absent::Absent as Active;
#[cfg(feature = "aws-lc")]
pub(crate) use aws_lc::AwsLc as Active;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc")))]
pub(crate) use rust_crypto::RustCrypto as Active;

/// What sealing needs of a crypto library.
pub(crate) trait Backend {
    type PublicKey: Clone + Send + Sync + 'static;
    type PrivateKey: Send + Sync + 'static;

    /// Parses an uncompressed point; the caller has checked length and prefix.
    fn public_key(octets: &[u8; POINT_LEN]) -> Result<Self::PublicKey, Failure>;
    fn private_key(scalar: &[u8; SCALAR_LEN]) -> Result<Self::PrivateKey, Failure>;
    /// Makes a key pair from the operating system's generator.
    fn generate() -> Result<Self::PrivateKey, Failure>;
    fn public_octets(key: &Self::PrivateKey) -> Result<[u8; POINT_LEN], Failure>;
    fn scalar(key: &Self::PrivateKey) -> Zeroizing<[u8; SCALAR_LEN]>;
    /// ECDH: the x coordinate of the shared point.
    fn agree(
        key: &Self::PrivateKey,
        peer: &Self::PublicKey,
    ) -> Result<Zeroizing<[u8; 32]>, Failure>;
    /// Encrypts in place and returns the tag. Empty associated data (RFC 8188 §2).
    fn encrypt(
        key: &[u8; 16],
        nonce: &[u8; 12],
        octets: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failure>;
    /// Decrypts in place; `octets` mean nothing after a failure.
    fn decrypt(
        key: &[u8; 16],
        nonce: &[u8; 12],
        octets: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Failure>;
}

/// Why a primitive failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// No backend is compiled in.
    #[allow(dead_code, reason = "made by the absent backend only")]
    Absent,
    /// The input is not a key or does not authenticate.
    #[allow(dead_code, reason = "not made by the absent backend")]
    Invalid,
    /// The generator or the library failed.
    #[allow(dead_code, reason = "not made by the absent backend")]
    Unavailable,
}

impl Failure {
    pub(crate) fn into_error(self, message: &'static str) -> Error {
        match self {
            Self::Absent => Error::new(
                ErrorKind::Configuration,
                "no crypto backend is compiled in: enable the feature aws-lc or rust-crypto",
            ),
            Self::Invalid => Error::new(ErrorKind::InvalidToken, message),
            Self::Unavailable => Error::new(ErrorKind::Unavailable, message),
        }
    }
}
