//! RS256 (RFC 7518 §3.3), for Google's service accounts. With aws-lc-rs in every build: of
//! RustCrypto's `rsa` only releases after 0.9 are free of a timing leak (RUSTSEC-2023-0071), and
//! it is a second big number library in the tree.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;

use crate::{Error, ErrorKind, Result};

use super::{Fact, pem};

/// An RSA key pair of 2048 to 8192 bits. It is parsed and checked once, when it is read.
pub(in crate::providers) struct RsaKey(KeyPair);

impl RsaKey {
    /// Reads PKCS#8, as Google writes it, or PKCS#1, in PEM.
    pub(in crate::providers) fn of_pem(pem: &str) -> Result<Self, Fact> {
        let block = pem::private_key(pem)?;
        match block.label {
            pem::Label::Pkcs1 => KeyPair::from_der(&block.der),
            pem::Label::Pkcs8 | pem::Label::Sec1 => KeyPair::from_pkcs8(&block.der),
        }
        .map(Self)
        .map_err(|_| Fact::new("is no RSA key of 2048 bits or more"))
    }

    pub(in crate::providers) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| Error::new(ErrorKind::Configuration, "the RSA key cannot sign"))?;
        Ok(signature)
    }
}
