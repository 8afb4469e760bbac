//! The portable backend: p256, no C compiler. Signatures are deterministic
//! (RFC 6979).

use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

use super::{Primitives, SIGNATURE_LEN};
use crate::seal::backend::Failure;
use crate::seal::backend::rust_crypto::RustCrypto;
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};

impl Primitives for RustCrypto {
    type SigningKey = SigningKey;

    fn signing_key(scalar: &[u8; SCALAR_LEN], _: &[u8; POINT_LEN]) -> Result<SigningKey, Failure> {
        SigningKey::from_slice(scalar).map_err(|_| Failure::Invalid)
    }

    fn sign(key: &SigningKey, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], Failure> {
        let signature: Signature = key.try_sign(message).map_err(|_| Failure::Unavailable)?;
        Ok(signature.to_bytes().into())
    }

    fn verify(
        public: &[u8; POINT_LEN],
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), Failure> {
        let key = VerifyingKey::from_sec1_bytes(public).map_err(|_| Failure::Invalid)?;
        let signature = Signature::from_slice(signature).map_err(|_| Failure::Invalid)?;
        key.verify(message, &signature).map_err(|_| Failure::Invalid)
    }
}
