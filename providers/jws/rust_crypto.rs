//! ES256 with p256, deterministic (RFC 6979).

use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use zeroize::Zeroizing;

use super::{Failure, SCALAR_LEN};

pub(super) struct Pair {
    key: SigningKey,
    public_octets: [u8; 65],
}

impl Pair {
    pub(super) fn generate() -> Result<Self, Failure> {
        let mut scalar = Zeroizing::new([0; SCALAR_LEN]);
        // A random scalar is out of range once in 2^32 tries; a generator that fails this often
        // is broken.
        for _ in 0..8 {
            getrandom::fill(scalar.as_mut_slice()).map_err(|_| Failure::Unavailable)?;
            if let Ok(pair) = Self::from_scalar(&scalar) {
                return Ok(pair);
            }
        }
        Err(Failure::Unavailable)
    }

    /// PKCS#8 or SEC 1.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, Failure> {
        let key = SecretKey::from_pkcs8_der(der).or_else(|_| SecretKey::from_sec1_der(der));
        Self::new(&key.map_err(|_| Failure::Invalid)?)
    }

    pub(super) fn from_scalar(scalar: &[u8; SCALAR_LEN]) -> Result<Self, Failure> {
        Self::new(&SecretKey::from_slice(scalar).map_err(|_| Failure::Invalid)?)
    }

    pub(super) fn public_octets(&self) -> [u8; 65] {
        self.public_octets
    }

    pub(super) fn scalar(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        Zeroizing::new(self.key.to_bytes().into())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<[u8; 64], Failure> {
        let signature: Signature = self.key.try_sign(message).map_err(|_| Failure::Unavailable)?;
        Ok(signature.to_bytes().into())
    }

    fn new(key: &SecretKey) -> Result<Self, Failure> {
        let point = key.public_key().to_sec1_point(false);
        let public_octets = point.as_bytes().try_into().map_err(|_| Failure::Unavailable)?;
        Ok(Self { key: key.into(), public_octets })
    }
}
