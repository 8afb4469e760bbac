//! The default backend: aws-lc-rs.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{Aead, NONCE_LEN};
use crate::seal::backend::Failure;
use crate::seal::backend::aws_lc::AwsLc;
use crate::seal::record::TAG_LEN;

impl Aead for AwsLc {
    fn encrypt(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        octets: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failure> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = aead_key(key)?
            .seal_in_place_separate_tag(nonce, Aad::from(aad), octets)
            .map_err(|_| Failure::Unavailable)?;
        tag.as_ref().try_into().map_err(|_| Failure::Unavailable)
    }

    fn decrypt(
        key: &[u8; 32],
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        octets: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Failure> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        aead_key(key)?
            .open_in_place_separate_tag(nonce, Aad::from(aad), tag, octets)
            .map(drop)
            .map_err(|_| Failure::Invalid)
    }
}

fn aead_key(key: &[u8; 32]) -> Result<LessSafeKey, Failure> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Failure::Unavailable)
}
