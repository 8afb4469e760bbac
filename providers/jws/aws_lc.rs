//! ES256 with aws-lc-rs.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use zeroize::Zeroizing;

use super::{Failure, SCALAR_LEN};

pub(super) struct Pair {
    pair: EcdsaKeyPair,
    public_octets: [u8; 65],
}

impl Pair {
    pub(super) fn generate() -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| Failure::Unavailable)?;
        Self::new(pair)
    }

    /// PKCS#8 or SEC 1.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, Failure> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| Failure::Invalid)?;
        Self::new(pair)
    }

    pub(super) fn from_scalar(scalar: &[u8; SCALAR_LEN]) -> Result<Self, Failure> {
        // ECDSA keys are imported with their public key; the ECDH type is the one that computes it.
        let key = PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| Failure::Invalid)?;
        let public_key = key.compute_public_key().map_err(|_| Failure::Invalid)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar,
            public_key.as_ref(),
        )
        .map_err(|_| Failure::Invalid)?;
        Self::new(pair)
    }

    pub(super) fn public_octets(&self) -> [u8; 65] {
        self.public_octets
    }

    pub(super) fn scalar(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        let octets =
            self.pair.private_key().as_be_bytes().expect("a key in memory has its scalar at hand");
        let mut scalar = Zeroizing::new([0; SCALAR_LEN]);
        scalar.copy_from_slice(octets.as_ref());
        scalar
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<[u8; 64], Failure> {
        let signature =
            self.pair.sign(&SystemRandom::new(), message).map_err(|_| Failure::Unavailable)?;
        signature.as_ref().try_into().map_err(|_| Failure::Unavailable)
    }

    fn new(pair: EcdsaKeyPair) -> Result<Self, Failure> {
        let public_octets =
            pair.public_key().as_ref().try_into().map_err(|_| Failure::Unavailable)?;
        Ok(Self { pair, public_octets })
    }
}
