//! No backend: everything that needs a primitive says what is missing.

use super::{Primitives, SIGNATURE_LEN};
use crate::seal::backend::{Active, Failure};
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};

impl Primitives for Active {
    type SigningKey = std::convert::Infallible;

    fn signing_key(_: &[u8; SCALAR_LEN], _: &[u8; POINT_LEN]) -> Result<Self::SigningKey, Failure> {
        Err(Failure::Absent)
    }

    fn sign(key: &Self::SigningKey, _: &[u8]) -> Result<[u8; SIGNATURE_LEN], Failure> {
        match *key {}
    }

    fn verify(_: &[u8; POINT_LEN], _: &[u8], _: &[u8; SIGNATURE_LEN]) -> Result<(), Failure> {
        Err(Failure::Absent)
    }
}
