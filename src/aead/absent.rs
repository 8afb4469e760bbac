//! No backend: everything that needs a primitive says what is missing.

use super::{Aead, NONCE_LEN};
use crate::seal::backend::{Active, Failure};
use crate::seal::record::TAG_LEN;

impl Aead for Active {
    fn encrypt(
        _: &[u8; 32],
        _: &[u8; NONCE_LEN],
        _: &[u8],
        _: &mut [u8],
    ) -> Result<[u8; TAG_LEN], Failure> {
        Err(Failure::Absent)
    }

    fn decrypt(
        _: &[u8; 32],
        _: &[u8; NONCE_LEN],
        _: &[u8],
        _: &mut [u8],
        _: &[u8; TAG_LEN],
    ) -> Result<(), Failure> {
        Err(Failure::Absent)
    }
}
