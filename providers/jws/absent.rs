//! No backend: the crate compiles, and a key says what is missing.

use std::convert::Infallible;

use zeroize::Zeroizing;

use super::{Failure, SCALAR_LEN};

pub(super) struct Pair(Infallible);

impl Pair {
    pub(super) fn generate() -> Result<Self, Failure> {
        Err(Failure::Absent)
    }

    pub(super) fn from_der(_: &[u8]) -> Result<Self, Failure> {
        Err(Failure::Absent)
    }

    pub(super) fn from_scalar(_: &[u8; SCALAR_LEN]) -> Result<Self, Failure> {
        Err(Failure::Absent)
    }

    pub(super) fn public_octets(&self) -> [u8; 65] {
        match self.0 {}
    }

    pub(super) fn scalar(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        match self.0 {}
    }

    pub(super) fn sign(&self, _: &[u8]) -> Result<[u8; 64], Failure> {
        match self.0 {}
    }
}
