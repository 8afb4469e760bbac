//! RFC 8291: encryption of push messages so that only the user agent can read them.
//!
//! Pure: no I/O. The one public way in, [`seal`], draws a fresh key pair and salt for every
//! message; nothing public takes either.

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

use self::backend::{Active, Backend};
use self::keys::{NO_RANDOMNESS, POINT_LEN, RecordKeys, fill_random, input_keying_material};
use self::record::{DELIMITER, OVERHEAD, Parts, SALT_LEN, TAG_LEN, unpadded_len, write_header};
use crate::error::{Error, ErrorKind, Result};

pub(crate) mod backend;
mod data;
pub(crate) mod keys;
pub(crate) mod record;
mod stored;
#[cfg(test)]
mod tests;

pub use self::data::{DATA_FIELD, open_data, open_data_field};
pub use self::keys::{AuthSecret, UserAgentKeys, UserAgentSecret};

/// Largest sealed body, in octets: what every push service must take (RFC 8030 §7.2).
pub const MAX_BODY: usize = 4096;

/// Largest plaintext of a body of [`MAX_BODY`] octets (RFC 8291 §4).
pub const MAX_PLAINTEXT: usize = MAX_BODY - OVERHEAD;

/// Seals a plaintext for one user agent (RFC 8291 §3): a fresh key pair and salt, one record.
///
/// # Errors
///
/// `PayloadTooLarge` when plaintext and padding are over [`MAX_PLAINTEXT`] octets; `Unavailable`
/// when the operating system has no randomness; `Configuration` when no crypto backend is compiled
/// in.
///
/// ```
/// use sealpush::{Padding, UserAgentSecret, seal};
///
/// let user_agent = UserAgentSecret::generate()?;
/// let sealed = seal(user_agent.keys(), b"hello", Padding::Buckets)?;
/// assert_eq!(sealed.as_ref().len(), 512);
/// # Ok::<_, sealpush::Error>(())
/// ```
pub fn seal(keys: &UserAgentKeys, plaintext: &[u8], padding: Padding) -> Result<Sealed> {
    seal_within(keys, plaintext, padding, MAX_BODY)
}

/// Opens a sealed body with the user agent's secret.
///
/// Strict: exactly one record, its delimiter 0x02 followed by zeros only, a record size from 18 to
/// 2^31 - 1, a key id of 65 octets that is a point of P-256, at most [`MAX_BODY`] octets in all.
///
/// # Errors
///
/// [`OpenError`], the same for every reason, so that nobody learns from it what was wrong.
/// Plaintext that did not authenticate is wiped.
pub fn open(secret: &UserAgentSecret, body: &[u8]) -> Result<Vec<u8>, OpenError> {
    let keys = secret.keys();
    open_with::<Active>(
        secret.private_key(),
        keys.public_octets(),
        keys.auth_secret().expose(),
        body,
    )
}

/// The octets of a sealed body: `salt(16) ‖ rs(4) ‖ idlen(1) ‖ keyid(65) ‖ record`.
#[derive(Clone, Eq, PartialEq)]
pub struct Sealed(Bytes);

impl Sealed {
    /// Takes a body that was sealed elsewhere. The shape is checked (RFC 8188 §2.1, RFC 8291 §4),
    /// so that plaintext does not pass by mistake; only the user agent can check the rest.
    ///
    /// # Errors
    ///
    /// `PayloadTooLarge` over [`MAX_BODY`] octets, `Rejected` for octets that are no sealed body.
    pub fn from_octets(octets: impl Into<Bytes>) -> Result<Self> {
        let octets = octets.into();
        if octets.len() > MAX_BODY {
            return Err(too_large(octets.len(), MAX_BODY));
        }
        if Parts::parse(&octets).is_none_or(|parts| parts.key_id.first() != Some(&4)) {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the octets are not a sealed body of one record (RFC 8291 section 4)",
            ));
        }
        Ok(Self(octets))
    }

    pub(crate) fn salt(&self) -> &[u8; SALT_LEN] {
        self.0.first_chunk().expect("a sealed body begins with its salt")
    }
}

impl AsRef<[u8]> for Sealed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Sealed> for Bytes {
    fn from(sealed: Sealed) -> Self {
        sealed.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} octets)", self.0.len())
    }
}

/// How the length of a message is hidden. Lengths are those of the sealed body, in octets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Padding {
    /// To the next of 512, 1500, 2744 and the provider's maximum: observers see one of four sizes.
    #[default]
    Buckets,
    /// Not at all: the body is 103 octets longer than the message.
    None,
    /// To exactly this many octets.
    To(usize),
}

impl Padding {
    /// The sizes of [`Padding::Buckets`], in octets, below the provider's maximum. 2744 is the
    /// most that Firefox on Android can receive.
    pub const BUCKETS: &[usize] = &[512, 1500, 2744];

    /// The length of the sealed body for a plaintext, or `None` if it does not fit.
    fn body_len(self, plaintext_len: usize, max_body: usize) -> Option<usize> {
        let least = plaintext_len.checked_add(OVERHEAD)?;
        let body_len = match self {
            Self::Buckets => Self::BUCKETS
                .iter()
                .copied()
                .find(|&bucket| bucket >= least && bucket <= max_body)
                .unwrap_or(max_body),
            Self::None => least,
            Self::To(octets) => octets,
        };
        (least <= body_len && body_len <= max_body).then_some(body_len)
    }
}

/// A body could not be opened. It says no more than that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OpenError;

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sealed body cannot be opened with this secret")
    }
}

impl std::error::Error for OpenError {}

/// What must be fresh for every message (RFC 8291 §3.2, RFC 8188 §2.1).
pub(crate) struct Fresh<B: Backend> {
    pub(crate) private_key: B::PrivateKey,
    pub(crate) salt: [u8; SALT_LEN],
}

impl<B: Backend> Fresh<B> {
    pub(crate) fn draw() -> Result<Self> {
        let private_key = B::generate().map_err(|failure| failure.into_error(NO_RANDOMNESS))?;
        let mut salt = [0; SALT_LEN];
        fill_random(&mut salt)?;
        Ok(Self { private_key, salt })
    }
}

/// [`seal`] for a provider whose largest body is `max_body` octets.
pub(crate) fn seal_within(
    keys: &UserAgentKeys,
    plaintext: &[u8],
    padding: Padding,
    max_body: usize,
) -> Result<Sealed> {
    let body_len = padding
        .body_len(plaintext.len(), max_body)
        .ok_or_else(|| no_room(plaintext.len(), padding, max_body))?;
    seal_with::<Active>(
        keys.point(),
        keys.public_octets(),
        keys.auth_secret().expose(),
        plaintext,
        body_len,
        Fresh::draw,
    )
}

/// Seals into a body of `body_len` octets, which the caller has checked to fit. One allocation:
/// plaintext, delimiter and padding are written behind the header and encrypted in place.
pub(crate) fn seal_with<B: Backend>(
    ua_point: &B::PublicKey,
    ua_public: &[u8; POINT_LEN],
    auth_secret: &[u8; 16],
    plaintext: &[u8],
    body_len: usize,
    fresh: impl FnOnce() -> Result<Fresh<B>>,
) -> Result<Sealed> {
    let failed = |failure: backend::Failure| failure.into_error("sealing failed");
    let Fresh { private_key, salt } = fresh()?;
    let as_public = B::public_octets(&private_key).map_err(failed)?;
    let ecdh_secret = B::agree(&private_key, ua_point).map_err(failed)?;
    let ikm = input_keying_material(&ecdh_secret, auth_secret, ua_public, &as_public);
    let record = RecordKeys::derive(ikm.as_slice(), &salt);

    let mut body = Vec::with_capacity(body_len);
    write_header(&mut body, &salt, &as_public);
    let header_len = body.len();
    body.extend_from_slice(plaintext);
    body.push(DELIMITER);
    body.resize(body_len - TAG_LEN, 0);
    let tag = B::encrypt(&record.key, &record.nonce, &mut body[header_len..]).map_err(failed)?;
    body.extend_from_slice(&tag);
    Ok(Sealed(body.into()))
}

pub(crate) fn open_with<B: Backend>(
    private_key: &B::PrivateKey,
    ua_public: &[u8; POINT_LEN],
    auth_secret: &[u8; 16],
    body: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let parts = (body.len() <= MAX_BODY).then(|| Parts::parse(body)).flatten();
    let parts = parts.filter(|parts| parts.key_id.first() == Some(&4)).ok_or(OpenError)?;
    let as_point = B::public_key(parts.key_id).map_err(|_| OpenError)?;
    let ecdh_secret = B::agree(private_key, &as_point).map_err(|_| OpenError)?;
    let ikm = input_keying_material(&ecdh_secret, auth_secret, ua_public, parts.key_id);
    let keys = RecordKeys::derive(ikm.as_slice(), parts.salt);

    // Wiped on every way out but the last.
    let mut record = Zeroizing::new(parts.ciphertext.to_vec());
    B::decrypt(&keys.key, &keys.nonce, &mut record, parts.tag).map_err(|_| OpenError)?;
    let len = unpadded_len(&record).ok_or(OpenError)?;
    record.truncate(len);
    Ok(std::mem::take(&mut *record))
}

fn no_room(plaintext_len: usize, padding: Padding, max_body: usize) -> Error {
    match padding {
        Padding::To(octets) if octets <= max_body => Error::new(
            ErrorKind::PayloadTooLarge,
            format!("the message is {plaintext_len} octets and cannot be padded to {octets}"),
        ),
        Padding::To(octets) => too_large(octets, max_body),
        Padding::Buckets | Padding::None => {
            too_large(plaintext_len.saturating_add(OVERHEAD), max_body)
        }
    }
}

fn too_large(body_len: usize, max_body: usize) -> Error {
    Error::new(
        ErrorKind::PayloadTooLarge,
        format!("the sealed body would be {body_len} octets, limit {max_body}"),
    )
}
