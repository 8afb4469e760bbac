//! Who signs: one key pair per contact.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::backend::{Primitives, SIGNATURE_LEN};
use super::octets::sha256;
use super::text;
use crate::seal::backend::{Active, Backend};
use crate::seal::keys::{NO_RANDOMNESS, POINT_LEN, SCALAR_LEN};
use crate::{Error, ErrorKind, Result};

/// A signing key for one contact, ES256 (RFC 7518 §3.4). It is never rotated: a new key is a new
/// contact. It is never a VAPID key, which relays and push services know.
#[derive(Clone)]
pub struct Pseudonym {
    key: Arc<<Active as Primitives>::SigningKey>,
    scalar: Zeroizing<[u8; SCALAR_LEN]>,
    verification_key: VerificationKey,
}

impl Pseudonym {
    /// Makes a fresh key pair from the operating system's generator.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the generator fails; `Configuration` when no crypto backend is compiled
    /// in.
    pub fn generate() -> Result<Self> {
        let key = Active::generate().map_err(|failure| failure.into_error(NO_RANDOMNESS))?;
        Self::new(Active::scalar(&key).as_slice())
    }

    /// Takes a private key as its scalar, 32 octets big-endian.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for another length or a scalar that is not a private key of P-256;
    /// `Configuration` when no crypto backend is compiled in.
    pub fn new(scalar: &[u8]) -> Result<Self> {
        let invalid = "the signing key must be a P-256 scalar of 32 octets";
        let scalar = <[u8; SCALAR_LEN]>::try_from(scalar)
            .map(Zeroizing::new)
            .map_err(|_| Error::new(ErrorKind::InvalidToken, invalid))?;
        let failed = |failure: crate::seal::backend::Failure| failure.into_error(invalid);
        let private = Active::private_key(&scalar).map_err(failed)?;
        let public = Active::public_octets(&private).map_err(failed)?;
        let key = Active::signing_key(&scalar, &public).map_err(failed)?;
        Ok(Self { key: Arc::new(key), scalar, verification_key: VerificationKey(public) })
    }

    /// The public half.
    #[must_use]
    pub fn verification_key(&self) -> &VerificationKey {
        &self.verification_key
    }

    /// The private key as its scalar, 32 octets big-endian, to store.
    #[must_use]
    pub fn expose_private_key(&self) -> &[u8; SCALAR_LEN] {
        &self.scalar
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LEN]> {
        Active::sign(&self.key, message).map_err(|failure| failure.into_error("signing failed"))
    }
}

// The scalar wipes itself, and so do both backends' keys.
impl ZeroizeOnDrop for Pseudonym {}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonym([redacted])")
    }
}

/// Writes the private key in base64url: what the application stores. Treat it as a secret.
impl Serialize for Pseudonym {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(self.scalar.as_slice(), serializer)
    }
}

impl<'de> Deserialize<'de> for Pseudonym {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&text::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The public half of a [`Pseudonym`]: an uncompressed point of P-256, 65 octets.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct VerificationKey([u8; POINT_LEN]);

impl VerificationKey {
    /// Takes an uncompressed point of 65 octets.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for another length, another form, or a point off the curve; `Configuration`
    /// when no crypto backend is compiled in.
    pub fn new(octets: &[u8]) -> Result<Self> {
        let message = "the verification key must be a point of P-256: 65 octets, the first 0x04";
        let octets = <[u8; POINT_LEN]>::try_from(octets)
            .ok()
            .filter(|octets| octets.first() == Some(&4))
            .ok_or_else(|| Error::new(ErrorKind::InvalidToken, message))?;
        Active::public_key(&octets).map_err(|failure| failure.into_error(message))?;
        Ok(Self(octets))
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8; POINT_LEN] {
        &self.0
    }

    /// What an envelope names the key by: the first 8 octets of its SHA-256.
    pub(crate) fn id(&self) -> KeyId {
        let hash = self.hash();
        *hash.first_chunk().expect("8 of 32 octets")
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(&[&self.0])
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        Active::verify(&self.0, message, signature).is_ok()
    }
}

pub(crate) type KeyId = [u8; 8];

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerificationKey([redacted])")
    }
}

impl fmt::Display for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for VerificationKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for VerificationKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&text::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
