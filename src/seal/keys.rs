//! The user agent's keys and the key schedule of RFC 8291 §3.4.

use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hkdf::Hkdf;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::backend::{Active, Backend};
use super::record::SALT_LEN;
use crate::error::{Error, ErrorKind, Result};

/// Octets of an uncompressed P-256 point, `0x04 ‖ x ‖ y` (RFC 8291 §3.2).
pub(crate) const POINT_LEN: usize = 65;
/// Octets of a P-256 private key.
pub(crate) const SCALAR_LEN: usize = 32;
/// Octets of the authentication secret (RFC 8291 §3.2).
pub(crate) const AUTH_SECRET_LEN: usize = 16;

/// The public half of a user agent's keys: what a sender needs to seal.
///
/// The point is checked to be on the curve once, here, and kept in the backend's own form.
#[derive(Clone)]
pub struct UserAgentKeys {
    point: <Active as Backend>::PublicKey,
    octets: [u8; POINT_LEN],
    auth_secret: AuthSecret,
}

impl UserAgentKeys {
    /// Takes the public key as an uncompressed point of 65 octets and the authentication secret of
    /// 16 octets.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for other lengths, another form of point, or a point off the curve;
    /// `Configuration` when no crypto backend is compiled in.
    pub fn new(public_key: &[u8], auth_secret: &[u8]) -> Result<Self> {
        let octets = <[u8; POINT_LEN]>::try_from(public_key)
            .ok()
            .filter(|octets| octets.first() == Some(&4))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidToken,
                    "the key 'p256dh' must be an uncompressed point: 65 octets, the first 0x04",
                )
            })?;
        let auth_secret = AuthSecret::new(auth_secret)?;
        let point = Active::public_key(&octets)
            .map_err(|failure| failure.into_error("the key 'p256dh' is not a point of P-256"))?;
        Ok(Self { point, octets, auth_secret })
    }

    /// Takes both in base64, as browsers export them: the URL-safe or the standard alphabet,
    /// padded or not.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and `InvalidToken` for text that is not base64.
    pub fn from_base64(p256dh: &str, auth: &str) -> Result<Self> {
        let decode = |name: &str, text: &str| {
            decode_base64(text).ok_or_else(|| {
                Error::new(ErrorKind::InvalidToken, format!("the key '{name}' is not base64"))
            })
        };
        Self::new(&decode("p256dh", p256dh)?, &decode("auth", auth)?)
    }

    /// The public key as an uncompressed point of 65 octets.
    #[must_use]
    pub fn public_octets(&self) -> &[u8; POINT_LEN] {
        &self.octets
    }

    /// The authentication secret.
    #[must_use]
    pub fn auth_secret(&self) -> &AuthSecret {
        &self.auth_secret
    }

    pub(crate) fn point(&self) -> &<Active as Backend>::PublicKey {
        &self.point
    }
}

impl PartialEq for UserAgentKeys {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets && self.auth_secret == other.auth_secret
    }
}

impl Eq for UserAgentKeys {}

impl fmt::Debug for UserAgentKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserAgentKeys([redacted])")
    }
}

/// Writes `{"p256dh", "auth"}` in base64url without padding, the form that [`Token`](crate::Token)
/// and browsers use.
impl Serialize for UserAgentKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = serializer.serialize_struct("keys", 2)?;
        keys.serialize_field("p256dh", &URL_SAFE_NO_PAD.encode(self.octets))?;
        keys.serialize_field("auth", &URL_SAFE_NO_PAD.encode(self.auth_secret.expose()))?;
        keys.end()
    }
}

/// The secret half of a user agent's keys: what opens a sealed body.
///
/// ```
/// use sealpush::{Padding, UserAgentSecret, open, seal};
///
/// let secret = UserAgentSecret::generate()?;
/// let sealed = seal(secret.keys(), b"hello", Padding::None)?;
/// assert_eq!(open(&secret, sealed.as_ref()).unwrap(), b"hello");
/// # Ok::<_, sealpush::Error>(())
/// ```
pub struct UserAgentSecret {
    private_key: <Active as Backend>::PrivateKey,
    keys: UserAgentKeys,
}

impl UserAgentSecret {
    /// Makes a fresh key pair and authentication secret from the operating system's generator.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the generator fails; `Configuration` when no crypto backend is compiled
    /// in.
    pub fn generate() -> Result<Self> {
        let private_key =
            Active::generate().map_err(|failure| failure.into_error(NO_RANDOMNESS))?;
        let mut auth_secret = Zeroizing::new([0; AUTH_SECRET_LEN]);
        fill_random(auth_secret.as_mut_slice())?;
        Self::from_parts(private_key, auth_secret.as_slice())
    }

    /// Takes a private key as its scalar, 32 octets big-endian, and the authentication secret of
    /// 16 octets.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for other lengths or a scalar that is not a private key of P-256;
    /// `Configuration` when no crypto backend is compiled in.
    pub fn new(private_key: &[u8], auth_secret: &[u8]) -> Result<Self> {
        let invalid = "the private key must be a P-256 scalar of 32 octets";
        let scalar = <&[u8; SCALAR_LEN]>::try_from(private_key)
            .map_err(|_| Error::new(ErrorKind::InvalidToken, invalid))?;
        let private_key =
            Active::private_key(scalar).map_err(|failure| failure.into_error(invalid))?;
        Self::from_parts(private_key, auth_secret)
    }

    /// The public half, to hand to senders.
    #[must_use]
    pub fn keys(&self) -> &UserAgentKeys {
        &self.keys
    }

    /// The private key as its scalar, 32 octets big-endian, to store.
    #[must_use]
    pub fn expose_private_key(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        Active::scalar(&self.private_key)
    }

    pub(crate) fn private_key(&self) -> &<Active as Backend>::PrivateKey {
        &self.private_key
    }

    fn from_parts(
        private_key: <Active as Backend>::PrivateKey,
        auth_secret: &[u8],
    ) -> Result<Self> {
        let octets = Active::public_octets(&private_key)
            .map_err(|failure| failure.into_error("the private key has no public key"))?;
        Ok(Self { private_key, keys: UserAgentKeys::new(&octets, auth_secret)? })
    }
}

impl fmt::Debug for UserAgentSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserAgentSecret([redacted])")
    }
}

// Both backends' private keys wipe themselves: p256's by `Drop`, aws-lc's because its allocator
// cleanses every block that it frees.
impl ZeroizeOnDrop for UserAgentSecret {}

/// The 16 octets that a user agent and its senders share beside the public key (RFC 8291 §3.2).
#[derive(Clone, Eq, PartialEq)]
pub struct AuthSecret(Zeroizing<[u8; AUTH_SECRET_LEN]>);

impl AuthSecret {
    /// Takes 16 octets.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for another length.
    pub fn new(octets: &[u8]) -> Result<Self> {
        octets
            .try_into()
            .map(|octets| Self(Zeroizing::new(octets)))
            .map_err(|_| Error::new(ErrorKind::InvalidToken, "the key 'auth' must be 16 octets"))
    }

    /// The octets.
    #[must_use]
    pub fn expose(&self) -> &[u8; AUTH_SECRET_LEN] {
        &self.0
    }
}

impl fmt::Debug for AuthSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthSecret([redacted])")
    }
}

impl ZeroizeOnDrop for AuthSecret {}

/// The input keying material of the content coding (RFC 8291 §3.4): binds the ECDH secret to the
/// authentication secret and to both public keys, the user agent's first.
pub(crate) fn input_keying_material(
    ecdh_secret: &[u8; 32],
    auth_secret: &[u8; AUTH_SECRET_LEN],
    ua_public: &[u8; POINT_LEN],
    as_public: &[u8; POINT_LEN],
) -> Zeroizing<[u8; 32]> {
    let mut ikm = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(auth_secret), ecdh_secret)
        .expand_multi_info(&[KEY_INFO, ua_public, as_public], ikm.as_mut_slice())
        .expect("32 octets are within what HKDF-SHA-256 can give");
    ikm
}

/// The key and nonce of the first record (RFC 8188 §2.2, §2.3).
pub(crate) struct RecordKeys {
    pub(crate) key: Zeroizing<[u8; 16]>,
    pub(crate) nonce: Zeroizing<[u8; 12]>,
}

impl RecordKeys {
    pub(crate) fn derive(ikm: &[u8], salt: &[u8; SALT_LEN]) -> Self {
        let prk = Hkdf::<Sha256>::new(Some(salt), ikm);
        let mut keys = Self { key: Zeroizing::new([0; 16]), nonce: Zeroizing::new([0; 12]) };
        prk.expand(CEK_INFO, keys.key.as_mut_slice())
            .and_then(|()| prk.expand(NONCE_INFO, keys.nonce.as_mut_slice()))
            .expect("16 and 12 octets are within what HKDF-SHA-256 can give");
        keys
    }
}

/// Decodes base64 of either alphabet, padded or not; `None` for anything else.
pub(crate) fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);

    let engine = if text.contains(['+', '/']) { &PLAIN } else { &URL };
    engine.decode(text).ok().map(Zeroizing::new)
}

/// Fills from the operating system's generator.
pub(crate) fn fill_random(octets: &mut [u8]) -> Result<()> {
    getrandom::fill(octets)
        .map_err(|error| Error::new(ErrorKind::Unavailable, NO_RANDOMNESS).with_source(error))
}

pub(crate) const NO_RANDOMNESS: &str = "the operating system gave no randomness";

const KEY_INFO: &[u8] = b"WebPush: info\0";
const CEK_INFO: &[u8] = b"Content-Encoding: aes128gcm\0";
const NONCE_INFO: &[u8] = b"Content-Encoding: nonce\0";

#[cfg(test)]
mod tests {
    use super::*;

    /// Security rule R7, at compile time.
    const _: fn() = || {
        const fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<AuthSecret>();
        wiped::<UserAgentSecret>();
        wiped::<Zeroizing<Vec<u8>>>();
    };

    #[test]
    fn debug_shows_no_key() {
        let auth = AuthSecret::new(&[0xab; 16]).unwrap();
        assert_eq!(format!("{auth:?}"), "AuthSecret([redacted])");
    }

    #[test]
    fn base64_is_read_in_both_alphabets_padded_or_not() {
        for text in ["-_-_", "+/+/", "-_8", "-_8=", "+/8", "+/8="] {
            assert_eq!(decode_base64(text).unwrap()[..2], [0xfb, 0xff], "{text}");
        }
        for bad in ["-/-_", "a", "ab c", "-_9", "====", "ä"] {
            assert!(decode_base64(bad).is_none(), "{bad}");
        }
    }
}
