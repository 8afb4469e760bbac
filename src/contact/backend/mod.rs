//! What contact needs of a crypto library beside what sealing needs: ES256 and AES-256-GCM with
//! associated data. SHA-256 and HMAC come from RustCrypto in every case.

use zeroize::Zeroizing;

use crate::seal::backend::Failure;
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};
use crate::seal::record::TAG_LEN;

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
mod absent;
#[cfg(feature = "aws-lc")]
pub(crate) mod aws_lc;
#[cfg(feature = "rust-crypto")]
#[cfg_attr(feature = "aws-lc", allow(dead_code, reason = "aws-lc is used, tests use both"))]
pub(crate) mod rust_crypto;

/// Octets of an ES256 signature, `r ‖ s` (RFC 7518 §3.4).
pub(crate) const SIGNATURE_LEN: usize = 64;
/// Octets of the nonce of AES-256-GCM.
pub(crate) const NONCE_LEN: usize = 12;

/// A message sealed under a key of the relay's own: `nonce 12 ‖ ciphertext ‖ tag 16`.
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
    /// Encrypts in place and returns the tag.
    fn encrypt(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        octets: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failure>;
    /// Decrypts in place; `octets` mean nothing after a failure.
    fn decrypt(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        octets: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Failure>;
}

/// Seals under a key of the relay's own, with a nonce from the operating system's generator.
pub(crate) fn seal_own<P: Primitives>(
    key: &[u8; 32],
    nonce: &[u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::with_capacity(NONCE_LEN + plaintext.len() + TAG_LEN);
    octets.extend_from_slice(nonce);
    octets.extend_from_slice(plaintext);
    let tag = P::encrypt(key, nonce, aad, &mut octets[NONCE_LEN..])?;
    octets.extend_from_slice(&tag);
    Ok(octets)
}

/// Opens what [`seal_own`] sealed.
pub(crate) fn open_own<P: Primitives>(
    key: &[u8; 32],
    aad: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk()?;
    let (ciphertext, tag) = rest.split_last_chunk()?;
    let mut octets = Zeroizing::new(ciphertext.to_vec());
    P::decrypt(key, nonce, aad, &mut octets, tag).ok()?;
    Some(octets)
}
