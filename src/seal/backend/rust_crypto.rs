//! The portable backend: p256 and aes-gcm, no C compiler.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit};
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use zeroize::Zeroizing;

use super::{Backend, Failure};
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};
use crate::seal::record::TAG_LEN;

#[derive(Debug)]
pub(crate) struct RustCrypto;

impl Backend for RustCrypto {
    type PublicKey = PublicKey;
    type PrivateKey = SecretKey;

    fn public_key(octets: &[u8; POINT_LEN]) -> Result<PublicKey, Failure> {
        PublicKey::from_sec1_bytes(octets).map_err(|_| Failure::Invalid)
    }

    fn private_key(scalar: &[u8; SCALAR_LEN]) -> Result<SecretKey, Failure> {
        SecretKey::from_slice(scalar).map_err(|_| Failure::Invalid)
    }

    fn generate() -> Result<SecretKey, Failure> {
        let mut scalar = Zeroizing::new([0; SCALAR_LEN]);
        // A random scalar is out of range once in 2^32 tries; a generator that fails this often
        // is broken.
        for _ in 0..8 {
            getrandom::fill(scalar.as_mut_slice()).map_err(|_| Failure::Unavailable)?;
            if let Ok(key) = SecretKey::from_slice(scalar.as_slice()) {
                return Ok(key);
            }
        }
        Err(Failure::Unavailable)
    }

    fn public_octets(key: &SecretKey) -> Result<[u8; POINT_LEN], Failure> {
        let point = key.public_key().to_sec1_point(false);
        point.as_bytes().try_into().map_err(|_| Failure::Unavailable)
    }

    fn scalar(key: &SecretKey) -> Zeroizing<[u8; SCALAR_LEN]> {
        Zeroizing::new(key.to_bytes().into())
    }

    fn agree(key: &SecretKey, peer: &PublicKey) -> Result<Zeroizing<[u8; 32]>, Failure> {
        let scalar = Zeroizing::new(key.to_nonzero_scalar());
        // Neither factor is zero and the group's order is prime, so this is not the identity.
        let shared = (peer.to_projective() * **scalar).to_affine();
        Ok(Zeroizing::new(shared.x().into()))
    }

    fn encrypt(
        key: &[u8; 16],
        nonce: &[u8; 12],
        octets: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failure> {
        Aes128Gcm::new(key.into())
            .encrypt_inout_detached(nonce.into(), &[], octets.into())
            .map(Into::into)
            .map_err(|_| Failure::Unavailable)
    }

    fn decrypt(
        key: &[u8; 16],
        nonce: &[u8; 12],
        octets: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Failure> {
        Aes128Gcm::new(key.into())
            .decrypt_inout_detached(nonce.into(), &[], octets.into(), tag.into())
            .map_err(|_| Failure::Invalid)
    }
}
