//! The application server's key pair: in from every common form, out as base64url.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::Result;
use crate::providers::jws::SigningKey;

/// A P-256 key pair that signs for the application server (RFC 8292 §2).
///
/// Make one, once, and keep it: a subscription is bound to the key that it was made with, and a
/// new key needs new subscriptions. Browsers take [`public_key_base64`](Self::public_key_base64)
/// as `applicationServerKey`.
///
/// ```
/// use sealpush::providers::webpush::VapidKey;
///
/// # #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))] {
/// let key = VapidKey::generate()?;
/// let stored = key.expose_private_key_base64();
/// let loaded = VapidKey::from_base64(&stored)?;
/// assert_eq!(loaded.public_key_base64(), key.public_key_base64());
/// # }
/// # Ok::<_, sealpush::Error>(())
/// ```
pub struct VapidKey {
    key: SigningKey,
    public_key: String,
}

impl VapidKey {
    /// Makes a fresh key pair from the operating system's generator.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the generator fails, `Configuration` when no crypto backend is compiled
    /// in.
    pub fn generate() -> Result<Self> {
        SigningKey::generate().map(Self::from)
    }

    /// Takes the private key as its scalar, 32 octets in base64url or base64, the form that most
    /// Web Push tools print.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not base64, another length, or a number that is not a
    /// private key of P-256.
    pub fn from_base64(private_key: &str) -> Result<Self> {
        SigningKey::of_base64(private_key).map(Self::from).map_err(|fact| fact.about(NAME))
    }

    /// Takes the private key in PEM; see [`SigningKey::from_pem`] for what is read.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not PEM, an encrypted key, a public key or certificate,
    /// and a key that is not of P-256.
    pub fn from_pem(pem: &str) -> Result<Self> {
        SigningKey::of_pem(pem).map(Self::from).map_err(|fact| fact.about(NAME))
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
        self.key.expose_private_key_base64()
    }

    /// What signs.
    pub(super) fn signing_key(&self) -> &SigningKey {
        &self.key
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
}

impl From<SigningKey> for VapidKey {
    fn from(key: SigningKey) -> Self {
        let public_key = URL_SAFE_NO_PAD.encode(key.public_octets());
        Self { key, public_key }
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VapidKey([redacted])")
    }
}

impl ZeroizeOnDrop for VapidKey {}

pub(super) const NAME: &str = "VAPID private key";
