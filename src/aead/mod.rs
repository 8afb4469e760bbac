//! AES-256-GCM with associated data under keys of our own: what the relay of `contact` and the parcels
//! of the outbox are closed with. Sealing for a user agent is not here but in `seal`.

use zeroize::Zeroizing;

use crate::seal::backend::Failure;
use crate::seal::record::TAG_LEN;

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
mod absent;
#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;

/// Octets of the nonce of AES-256-GCM.
pub(crate) const NONCE_LEN: usize = 12;

/// AES-256-GCM, once for each crypto library.
pub(crate) trait Aead {
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

/// Seals under a key of our own: `nonce 12 ‖ ciphertext ‖ tag 16`. A key takes a nonce once.
pub(crate) fn seal_own<P: Aead>(
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
pub(crate) fn open_own<P: Aead>(
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
