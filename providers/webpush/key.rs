//! The application server's key pair: in from every common form, out as base64url.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use pem_rfc7468::Decoder;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{Error, ErrorKind, Result};

/// A P-256 key pair that signs for the application server (RFC 8292 §2).
///
/// Make one, once, and keep it: a subscription is bound to the key that it was made with, and a
/// new key needs new subscriptions. Browsers take [`public_key_base64`](Self::public_key_base64)
/// as `applicationServerKey`.
///
/// ```
/// use sealpush::providers::webpush::VapidKey;
///
/// let key = VapidKey::generate()?;
/// let stored = key.expose_private_key_base64();
/// let loaded = VapidKey::from_base64(&stored)?;
/// assert_eq!(loaded.public_key_base64(), key.public_key_base64());
/// # Ok::<_, sealpush::Error>(())
/// ```
pub struct VapidKey {
    pair: EcdsaKeyPair,
    public_key: String,
}

impl VapidKey {
    /// Makes a fresh key pair from the operating system's generator.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the generator fails.
    pub fn generate() -> Result<Self> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::new).map_err(|_| {
            Error::new(ErrorKind::Unavailable, "the operating system gave no randomness")
        })
    }

    /// Takes the private key as its scalar, 32 octets in base64url or base64, the form that most
    /// Web Push tools print.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not base64, another length, or a number that is not a
    /// private key of P-256.
    pub fn from_base64(private_key: &str) -> Result<Self> {
        let text = private_key.trim();
        if text.contains("-----BEGIN") {
            return Err(configuration(
                "the VAPID private key is PEM; `VapidKey::from_pem` reads it",
            ));
        }
        let scalar =
            decode(text).ok_or_else(|| configuration("the VAPID private key is not base64url"))?;
        if scalar.len() != SCALAR_LEN {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "the VAPID private key is {} octets, not the {SCALAR_LEN} of a P-256 scalar",
                    scalar.len()
                ),
            ));
        }
        Self::from_scalar(&scalar)
            .ok_or_else(|| configuration("the VAPID private key is not a scalar of P-256"))
    }

    /// Takes the private key in PEM (RFC 7468): PKCS#8 (`PRIVATE KEY`) or SEC 1
    /// (`EC PRIVATE KEY`), as OpenSSL writes them. Text around the key and the block
    /// `EC PARAMETERS` are passed over.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not PEM, an encrypted key, a public key or certificate,
    /// and a key that is not of P-256.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let block = private_key_block(pem)?;
        let unreadable = |_| configuration("the PEM of the VAPID private key is damaged");
        let mut decoder = Decoder::new_detect_wrap(block.as_bytes()).map_err(unreadable)?;
        let mut der = Zeroizing::new(vec![0; decoder.remaining_len()]);
        decoder.decode(&mut der).map_err(unreadable)?;
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map(Self::new)
            .map_err(|_| {
                configuration(
                    "the VAPID private key is not a P-256 key: RSA, Ed25519 and other curves \
                     cannot be used (RFC 8292 section 2)",
                )
            })
    }

    /// The public key for `applicationServerKey` and the parameter `k`: an uncompressed point of
    /// 65 octets as 87 characters of base64url.
    #[must_use]
    pub fn public_key_base64(&self) -> String {
        self.public_key.clone()
    }

    /// The private key as its scalar, 32 octets in base64url, to store.
    #[must_use]
    pub fn expose_private_key_base64(&self) -> Zeroizing<String> {
        let scalar =
            self.pair.private_key().as_be_bytes().expect("a key in memory has its scalar at hand");
        Zeroizing::new(URL_SAFE_NO_PAD.encode(scalar.as_ref()))
    }

    /// The ES256 signature over a message, `r ‖ s` in 64 octets (RFC 7518 §3.4).
    pub(super) fn sign(&self, message: &[u8]) -> Result<impl AsRef<[u8]> + use<>> {
        self.pair
            .sign(&SystemRandom::new(), message)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the VAPID key could not sign"))
    }

    /// [`public_key_base64`](Self::public_key_base64) without the copy.
    pub(super) fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Whether a token that was made with `application_server_key` belongs to this key: the same
    /// text but for the alphabet and the padding.
    pub(super) fn is_named_by(&self, application_server_key: &str) -> bool {
        let url_safe = |character| match character {
            '+' => '-',
            '/' => '_',
            other => other,
        };
        application_server_key
            .trim_end_matches('=')
            .chars()
            .map(url_safe)
            .eq(self.public_key.chars())
    }

    fn new(pair: EcdsaKeyPair) -> Self {
        let public_key = URL_SAFE_NO_PAD.encode(pair.public_key());
        Self { pair, public_key }
    }

    fn from_scalar(scalar: &[u8]) -> Option<Self> {
        // ECDSA keys are imported with their public key; the ECDH type is the one that computes it.
        let public_key =
            PrivateKey::from_private_key(&ECDH_P256, scalar).ok()?.compute_public_key().ok()?;
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar,
            public_key.as_ref(),
        )
        .ok()
        .map(Self::new)
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VapidKey([redacted])")
    }
}

// aws-lc's allocator cleanses every block that it frees.
impl ZeroizeOnDrop for VapidKey {}

/// The text from the first block on that holds a private key.
fn private_key_block(pem: &str) -> Result<&str> {
    let mut holds_other = false;
    for (start, begin) in pem.match_indices("-----BEGIN ") {
        let (_, block) = pem.split_at(start);
        let Some((label, rest)) = block.split_at(begin.len()).1.split_once("-----") else {
            continue;
        };
        // OpenSSL's older form names the cipher in a header field: `Proc-Type: 4,ENCRYPTED`.
        let has_fields = rest.split("-----").next().is_some_and(|text| text.contains(':'));
        match label {
            "PRIVATE KEY" | "EC PRIVATE KEY" if !has_fields => return Ok(block),
            "ENCRYPTED PRIVATE KEY" | "EC PRIVATE KEY" => {
                return Err(configuration(
                    "the VAPID private key is encrypted; decrypt it first, for example with \
                     'openssl pkcs8 -topk8 -nocrypt'",
                ));
            }
            "RSA PRIVATE KEY" => {
                return Err(configuration("the VAPID private key is an RSA key, not a P-256 key"));
            }
            _ => holds_other = true,
        }
    }
    Err(configuration(if holds_other {
        "the PEM of the VAPID key holds no private key"
    } else {
        "the VAPID private key is not PEM"
    }))
}

pub(super) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let engine = if text.contains(['+', '/']) { &STANDARD_NO_PAD } else { &URL_SAFE_NO_PAD };
    engine.decode(text.trim_end_matches('=')).ok().map(Zeroizing::new)
}

pub(super) fn configuration(message: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// Octets of a P-256 private key.
pub(super) const SCALAR_LEN: usize = 32;
