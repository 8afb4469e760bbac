//! The portable backend: aes-gcm, no C compiler.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};

use super::{Aead, NONCE_LEN};
use crate::seal::backend::Failure;
use crate::seal::backend::rust_crypto::RustCrypto;
use crate::seal::record::TAG_LEN;

impl Aead for RustCrypto {
    fn encrypt(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        octets: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failure> {
        Aes256Gcm::new(key.into())
            .encrypt_inout_detached(nonce.into(), aad, octets.into())
            .map(Into::into)
            .map_err(|_| Failure::Unavailable)
    }

    fn decrypt(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        octets: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Failure> {
        Aes256Gcm::new(key.into())
            .decrypt_inout_detached(nonce.into(), aad, octets.into(), tag.into())
            .map_err(|_| Failure::Invalid)
    }
}
