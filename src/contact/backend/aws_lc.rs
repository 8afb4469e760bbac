//! The default backend: aws-lc-rs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};

use super::{Primitives, SIGNATURE_LEN};
use crate::seal::backend::Failure;
use crate::seal::backend::aws_lc::AwsLc;
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};

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
}
