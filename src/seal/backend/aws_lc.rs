//! The default backend: aws-lc-rs.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use zeroize::Zeroizing;

use super::{Backend, Failure};
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};
use crate::seal::record::TAG_LEN;

#[derive(Debug)]
pub(crate) struct AwsLc;

impl Backend for AwsLc {
    type PublicKey = ParsedPublicKey;
    type PrivateKey = PrivateKey;

    fn public_key(octets: &[u8; POINT_LEN]) -> Result<ParsedPublicKey, Failure> {
        UnparsedPublicKey::new(&ECDH_P256, octets).try_into().map_err(|_| Failure::Invalid)
    }

    fn private_key(scalar: &[u8; SCALAR_LEN]) -> Result<PrivateKey, Failure> {
        PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| Failure::Invalid)
    }

    fn generate() -> Result<PrivateKey, Failure> {
        PrivateKey::generate(&ECDH_P256).map_err(|_| Failure::Unavailable)
    }

    fn public_octets(key: &PrivateKey) -> Result<[u8; POINT_LEN], Failure> {
        let public = key.compute_public_key().map_err(|_| Failure::Unavailable)?;
        public.as_ref().try_into().map_err(|_| Failure::Unavailable)
    }

    fn scalar(key: &PrivateKey) -> Zeroizing<[u8; SCALAR_LEN]> {
        let octets: EcPrivateKeyBin<'_> =
            key.as_be_bytes().expect("the key was made here, so it has a scalar");
        let scalar = octets.as_ref().try_into().expect("a P-256 scalar is 32 octets");
        Zeroizing::new(scalar)
    }

    fn agree(key: &PrivateKey, peer: &ParsedPublicKey) -> Result<Zeroizing<[u8; 32]>, Failure> {
        agree(key, peer.clone(), Failure::Invalid, |secret| {
            secret.try_into().map(Zeroizing::new).map_err(|_| Failure::Invalid)
        })
    }

    fn encrypt(
        key: &[u8; 16],
        nonce: &[u8; 12],
        octets: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failure> {
        let tag = aead_key(key)?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*nonce), Aad::empty(), octets)
            .map_err(|_| Failure::Unavailable)?;
        tag.as_ref().try_into().map_err(|_| Failure::Unavailable)
    }

    fn decrypt(
        key: &[u8; 16],
        nonce: &[u8; 12],
        octets: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Failure> {
        aead_key(key)?
            .open_in_place_separate_tag(
                Nonce::assume_unique_for_key(*nonce),
                Aad::empty(),
                tag,
                octets,
            )
            .map(drop)
            .map_err(|_| Failure::Invalid)
    }
}

fn aead_key(key: &[u8; 16]) -> Result<LessSafeKey, Failure> {
    UnboundKey::new(&AES_128_GCM, key).map(LessSafeKey::new).map_err(|_| Failure::Unavailable)
}
