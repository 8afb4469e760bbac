//! The default backend: aws-lc-rs.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};

use super::{NONCE_LEN, Primitives, SIGNATURE_LEN};
use crate::seal::backend::Failure;
use crate::seal::backend::aws_lc::AwsLc;
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};
use crate::seal::record::TAG_LEN;

impl Primitives for AwsLc {
    type SigningKey = EcdsaKeyPair;

    fn signing_key(
        scalar: &[u8; SCALAR_LEN],
        public: &[u8; POINT_LEN],
    ) -> Result<EcdsaKeyPair, Failure> {
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar,
            public,
        )
        .map_err(|_| Failure::Invalid)
    }

    fn sign(key: &EcdsaKeyPair, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], Failure> {
        let signature =
            key.sign(&SystemRandom::new(), message).map_err(|_| Failure::Unavailable)?;
        signature.as_ref().try_into().map_err(|_| Failure::Unavailable)
    }

    fn verify(
        public: &[u8; POINT_LEN],
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), Failure> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
            .verify(message, signature)
            .map_err(|_| Failure::Invalid)
    }

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
