//! Signatures of JSON Web Tokens (RFC 7515): for the backends here, and for a provider of your own
//! whose push service asks for one, as Web Push, Apple and Google do.
//!
//! [`SigningKey`] signs with ES256, by whichever crypto backend is compiled in (aws-lc where both
//! are), and takes a key in every form that people keep one in. [`compact`] makes the token.
//!
//! jsonwebtoken is not used for it: its `encode` goes through a provider of the whole process and
//! panics where feature unification turns on both of its backends, its signer is not `Send`, and
//! its RS256 parses the key for every signature.

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
mod absent;
#[cfg(feature = "aws-lc")]
mod aws_lc;
mod pem;
#[cfg(any(feature = "fcm", feature = "pubsub"))]
pub(super) mod rs256;
#[cfg(feature = "rust-crypto")]
#[cfg_attr(feature = "aws-lc", allow(dead_code, reason = "aws-lc is used, tests use both"))]
mod rust_crypto;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{Error, ErrorKind, Result};

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
use self::absent::Pair;
#[cfg(feature = "aws-lc")]
use self::aws_lc::Pair;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc")))]
use self::rust_crypto::Pair;

/// A P-256 key pair that signs with ES256 (RFC 7518 §3.4).
///
/// ```
/// use sealpush::providers::jws::{self, SigningKey};
///
/// # #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))] {
/// // Apple's provider token: the `.p8` file of the developer's account holds such a key.
/// let key = SigningKey::generate()?;
/// let header = serde_json::json!({ "alg": "ES256", "kid": "ABC123DEFG" });
/// let claims = serde_json::json!({ "iss": "DEF123GHIJ", "iat": 1_437_179_036 });
/// let token = jws::compact(&header, &claims, |octets| key.sign(octets))?;
/// assert_eq!(token.split('.').count(), 3);
/// # }
/// # Ok::<_, sealpush::Error>(())
/// ```
pub struct SigningKey(Pair);

impl SigningKey {
    /// Makes a fresh key pair from the operating system's generator.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the generator fails, `Configuration` when no crypto backend is compiled
    /// in.
    pub fn generate() -> Result<Self> {
        Pair::generate().map(Self).map_err(Failure::into_error)
    }

    /// Takes the private key in PEM (RFC 7468): PKCS#8 (`PRIVATE KEY`) or SEC 1
    /// (`EC PRIVATE KEY`), as OpenSSL writes them, with the blanks and line ends that the standard
    /// lets a reader take (§3, figure 1). Text around the key, a byte order mark and the block
    /// `EC PARAMETERS` are passed over.
    ///
    /// # Errors
    ///
    /// `Configuration` for everything else, with what it is: nothing of the text is repeated.
    pub fn from_pem(pem: &str) -> Result<Self> {
        Self::of_pem(pem).map_err(|fact| fact.about("private key"))
    }

    /// Takes the private key as its scalar: 32 octets in base64url or base64.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not base64, another length, or a number that is not a
    /// private key of P-256.
    pub fn from_base64(private_key: &str) -> Result<Self> {
        Self::of_base64(private_key).map_err(|fact| fact.about("private key"))
    }

    /// The public key: an uncompressed point of 65 octets.
    #[must_use]
    pub fn public_octets(&self) -> [u8; 65] {
        self.0.public_octets()
    }

    /// The private key as its scalar, 32 octets in base64url, to store.
    #[must_use]
    pub fn expose_private_key_base64(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SCALAR_LEN.div_ceil(3) * 4));
        URL_SAFE_NO_PAD.encode_string(self.0.scalar().as_slice(), &mut text);
        text
    }

    /// The signature over a message, `r ‖ s` in 64 octets.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the generator fails.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        self.0.sign(message).map_err(Failure::into_error)
    }

    pub(super) fn of_pem(pem: &str) -> Result<Self, Fact> {
        let block = pem::private_key(pem)?;
        match block.label {
            pem::Label::Sec1 | pem::Label::Pkcs8 => Self::of_der(&block.der),
            pem::Label::Pkcs1 => Err(Fact::new("is an RSA key, not a P-256 key")),
        }
    }

    /// PKCS#8 or SEC 1.
    pub(super) fn of_der(der: &[u8]) -> Result<Self, Fact> {
        let invalid = Fact::new(
            "is damaged, or not a P-256 key: RSA, Ed25519 and other curves cannot be used \
             (RFC 7518 section 3.4)",
        );
        Pair::from_der(der).map(Self).map_err(|failure| failure.fact(invalid))
    }

    pub(super) fn of_base64(private_key: &str) -> Result<Self, Fact> {
        let text = private_key.trim_start_matches('\u{feff}').trim();
        if text.contains("-----BEGIN") {
            return Err(Fact::new("is PEM; `from_pem` reads it"));
        }
        if text.starts_with('{') {
            return Err(Fact::new("is JSON, where 32 octets in base64url are expected"));
        }
        let engine = if text.contains(['+', '/']) { &STANDARD_NO_PAD } else { &URL_SAFE_NO_PAD };
        let mut scalar = Zeroizing::new(Vec::with_capacity(text.len()));
        engine
            .decode_vec(text.trim_end_matches('='), &mut scalar)
            .map_err(|_| Fact::new("is not base64url"))?;
        let scalar: &[u8; SCALAR_LEN] = scalar.as_slice().try_into().map_err(|_| {
            let len = scalar.len();
            Fact(format!("is {len} octets, not the {SCALAR_LEN} of a P-256 scalar").into())
        })?;
        let invalid = Fact::new("is not a scalar of P-256");
        Pair::from_scalar(scalar).map(Self).map_err(|failure| failure.fact(invalid))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

// aws-lc's allocator cleanses every block that it frees; p256's keys wipe themselves.
impl ZeroizeOnDrop for SigningKey {}

/// A signed token in the compact form (RFC 7515 §7.1): header, claims and signature in base64url
/// with dots between. `sign` is called once with the octets to sign.
///
/// # Errors
///
/// Those of `sign`; `Configuration` when header or claims are no JSON.
pub fn compact<S: AsRef<[u8]>>(
    header: &impl Serialize,
    claims: &impl Serialize,
    sign: impl FnOnce(&[u8]) -> Result<S>,
) -> Result<Zeroizing<String>> {
    // A full token stays below: a secret is wiped where it was last, not where it grew out of.
    let mut token = Zeroizing::new(String::with_capacity(2048));
    for (part, end) in [(json(header)?, "."), (json(claims)?, "")] {
        URL_SAFE_NO_PAD.encode_string(part, &mut token);
        token.push_str(end);
    }
    let signature = sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

fn json(part: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(part).map_err(|_| {
        Error::new(ErrorKind::Configuration, "header or claims of a token are no JSON object")
    })
}

/// What is wrong with a key, to follow its name in a sentence. Never holds any of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fact(Cow<'static, str>);

impl Fact {
    pub(super) const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(super) fn about(&self, name: &str) -> Error {
        Error::new(ErrorKind::Configuration, format!("the {name} {}", self.0))
    }
}

/// Why a backend did not do it.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// No backend is compiled in.
    #[allow(dead_code, reason = "made by the absent backend only")]
    Absent,
    /// The octets are no key.
    #[allow(dead_code, reason = "not made by the absent backend")]
    Invalid,
    /// The generator or the library failed.
    #[allow(dead_code, reason = "not made by the absent backend")]
    Unavailable,
}

impl Failure {
    fn fact(self, invalid: Fact) -> Fact {
        match self {
            Self::Absent => Fact::new(ABSENT),
            Self::Invalid => invalid,
            Self::Unavailable => Fact::new("could not be read: the crypto library failed"),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Absent => Error::new(ErrorKind::Configuration, format!("a signing key {ABSENT}")),
            Self::Invalid | Self::Unavailable => Error::new(
                ErrorKind::Unavailable,
                "the key could not sign: the operating system gave no randomness",
            ),
        }
    }
}

const ABSENT: &str = "needs a crypto backend: enable the feature aws-lc or rust-crypto";

/// Octets of a P-256 private key.
const SCALAR_LEN: usize = 32;
