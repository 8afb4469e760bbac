//! No backend: the crate compiles, and everything that needs a primitive says what is missing.

use std::convert::Infallible;

use zeroize::Zeroizing;

use super::{Backend, Failure};
use crate::seal::keys::{POINT_LEN, SCALAR_LEN};
use crate::seal::record::TAG_LEN;

#[derive(Debug)]
pub(crate) struct Absent;

impl Backend for Absent {
    type PublicKey = Infallible;
    type PrivateKey = Infallible;

    fn public_key(_: &[u8; POINT_LEN]) -> Result<Infallible, Failure> {
        Err(Failure::Absent)
    }

    fn private_key(_: &[u8; SCALAR_LEN]) -> Result<Infallible, Failure> {
        Err(Failure::Absent)
    }

    fn generate() -> Result<Infallible, Failure> {
        Err(Failure::Absent)
    }

    fn public_octets(key: &Infallible) -> Result<[u8; POINT_LEN], Failure> {
        match *key {}
    }

    fn scalar(key: &Infallible) -> Zeroizing<[u8; SCALAR_LEN]> {
        match *key {}
    }

    fn agree(key: &Infallible, _: &Infallible) -> Result<Zeroizing<[u8; 32]>, Failure> {
        match *key {}
    }

    fn encrypt(_: &[u8; 16], _: &[u8; 12], _: &mut [u8]) -> Result<[u8; TAG_LEN], Failure> {
        Err(Failure::Absent)
    }

    fn decrypt(_: &[u8; 16], _: &[u8; 12], _: &mut [u8], _: &[u8; TAG_LEN]) -> Result<(), Failure> {
        Err(Failure::Absent)
    }
}
