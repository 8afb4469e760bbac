//! The operator's keys, and how a letter is closed under them.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::parcel::{Lane, Letter, Parcel, ParcelId, whole};
use crate::aead::{NONCE_LEN, open_own, seal_own};
use crate::error::{Error, ErrorKind, Result};
use crate::message::SealedMessage;
use crate::pace::Origin;
use crate::seal::backend::Active;
use crate::seal::keys::fill_random;
use crate::token::Token;

/// The keys under which parcels are closed (AES-256-GCM), newest first: a secret that the operator
/// keeps away from the store. Whoever has store and keys knows tokens and sealed messages, but no
/// text.
///
/// The newest closes, all open. Rotate before a key has closed 2^32 parcels (NIST SP 800-38D §8.3),
/// and drop an old key when nothing that it closed is in the store any more.
///
/// The text form, for a file or an environment variable, is one key after the other in base64url,
/// newest first, between white space or commas.
///
/// ```
/// # #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))] {
/// use sealpush::outbox::KeyRing;
///
/// let mut keys = KeyRing::generate()?;
/// keys.rotate()?;
/// let stored = keys.expose();
/// let read: KeyRing = stored.parse()?;
/// assert_eq!(read.len(), 2);
/// # } Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone)]
pub struct KeyRing(Vec<Key>);

impl KeyRing {
    /// Most keys.
    pub const MAX_KEYS: usize = 16;

    /// A ring with one fresh key.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the operating system has no randomness.
    pub fn generate() -> Result<Self> {
        Ok(Self(vec![Key::generate()?]))
    }

    /// Puts a fresh key in front, which closes from now on.
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate); `Configuration` when there are
    /// [`MAX_KEYS`](Self::MAX_KEYS) already.
    pub fn rotate(&mut self) -> Result<()> {
        if self.0.len() >= Self::MAX_KEYS {
            return Err(too_many());
        }
        self.0.insert(0, Key::generate()?);
        Ok(())
    }

    /// Keeps only so many of the newest keys, but at least one. What the others closed cannot be
    /// opened any more.
    pub fn keep(&mut self, newest: usize) {
        self.0.truncate(newest.max(1));
    }

    /// How many keys there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The text form, one key a line: a secret.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(44 * self.0.len()));
        for key in &self.0 {
            URL_SAFE_NO_PAD.encode_string(key.secret.as_slice(), &mut text);
            text.push('\n');
        }
        text
    }

    /// Closes a letter.
    ///
    /// # Errors
    ///
    /// `Configuration` when it would expire before it may be sent, or when no crypto backend is
    /// compiled in; `Unavailable` when the operating system has no randomness.
    pub fn pack(&self, letter: &Letter, now: SystemTime) -> Result<Parcel> {
        let id = letter.id.map_or_else(ParcelId::random, Ok)?;
        let not_before = whole(letter.not_before.unwrap_or(now));
        let expires = letter.expires.map_or_else(
            || not_before + letter.message.ttl().as_duration().max(Duration::from_secs(1)),
            whole,
        );
        if expires <= not_before {
            return Err(Error::new(
                ErrorKind::Configuration,
                "the parcel would expire before it may be sent",
            ));
        }
        let key = self.newest()?;
        let token = Zeroizing::new(letter.token.to_json());
        let len = u32::try_from(token.len()).map_err(|_| {
            Error::new(ErrorKind::InvalidToken, "the token is too long to be stored")
        })?;
        let message = letter.message.to_json();
        let plaintext = [&len.to_be_bytes()[..], token.as_bytes(), message.as_bytes()].concat();
        let plaintext = Zeroizing::new(plaintext);
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        let sealed = seal_own::<Active>(&key.contents, &nonce, &associated(&id), &plaintext)
            .map_err(|failure| failure.into_error("the parcel cannot be closed"))?;
        let contents = [&[VERSION][..], &key.id, &sealed].concat();
        let lane = key.lane(&Origin::of(&letter.token));
        Ok(Parcel::new(id, lane, not_before, expires, contents).with_tag(letter.tag.clone()))
    }

    /// Opens a parcel.
    ///
    /// # Errors
    ///
    /// `Configuration` when the ring lacks the key, or the parcel has the form of a later version
    /// of this crate; `Rejected` when the contents are damaged or another parcel's.
    pub fn unpack(&self, parcel: &Parcel) -> Result<(Token, SealedMessage)> {
        let damaged = || Error::new(ErrorKind::Rejected, "the contents of the parcel are damaged");
        let (version, rest) = parcel.contents().split_first().ok_or_else(damaged)?;
        if *version > VERSION {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("the parcel was closed in form {version}, later than {VERSION}"),
            ));
        }
        if *version != VERSION {
            return Err(damaged());
        }
        let (id, sealed) = rest.split_first_chunk::<ID_LEN>().ok_or_else(damaged)?;
        let key = self.0.iter().find(|key| key.id == *id).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "the parcel was closed under a key not in the ring",
            )
        })?;
        let plaintext = open_own::<Active>(&key.contents, &associated(&parcel.id()), sealed)
            .ok_or_else(damaged)?;
        let (len, rest) = plaintext.split_first_chunk::<4>().ok_or_else(damaged)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| damaged())?;
        let (token, message) = rest.split_at_checked(len).ok_or_else(damaged)?;
        let text = |octets| std::str::from_utf8(octets).map_err(|_| damaged());
        Ok((text(token)?.parse()?, text(message)?.parse()?))
    }

    fn newest(&self) -> Result<&Key> {
        self.0.first().ok_or_else(|| Error::new(ErrorKind::Configuration, "the key ring is empty"))
    }
}

impl FromStr for KeyRing {
    type Err = Error;

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// `Configuration` when it holds no key, more than [`MAX_KEYS`](Self::MAX_KEYS), or something
    /// else; the text is not repeated.
    fn from_str(text: &str) -> Result<Self> {
        let words = text.split([',', ' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
        let mut keys = Vec::new();
        for (number, word) in words.enumerate() {
            if number >= Self::MAX_KEYS {
                return Err(too_many());
            }
            let octets = URL_SAFE_NO_PAD.decode(word).map(Zeroizing::new).ok();
            let secret = octets.and_then(|octets| octets.as_slice().try_into().ok());
            let secret = secret.map(Zeroizing::new).ok_or_else(|| {
                Error::new(
                    ErrorKind::Configuration,
                    format!("key {} of the ring is not 32 octets in base64url", number + 1),
                )
            })?;
            keys.push(Key::derive(secret));
        }
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the key ring holds no key"));
        }
        Ok(Self(keys))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.0.len())
    }
}

/// 32 random octets with what is derived from them (RFC 5869).
#[derive(Clone)]
struct Key {
    secret: Zeroizing<[u8; 32]>,
    contents: Zeroizing<[u8; 32]>,
    lanes: Zeroizing<[u8; 32]>,
    id: [u8; ID_LEN],
}

impl Key {
    fn generate() -> Result<Self> {
        let mut secret = Zeroizing::new([0; 32]);
        fill_random(secret.as_mut_slice())?;
        Ok(Self::derive(secret))
    }

    fn derive(secret: Zeroizing<[u8; 32]>) -> Self {
        let expand = |info: &[u8], key: &mut [u8]| {
            Hkdf::<Sha256>::new(None, secret.as_slice())
                .expand_multi_info(&[b"sealpush/v1/outbox/", info], key)
                .expect("32 octets are within what HKDF-SHA-256 can give");
        };
        let (mut contents, mut lanes) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        let mut id = [0; ID_LEN];
        expand(b"contents", contents.as_mut_slice());
        expand(b"lanes", lanes.as_mut_slice());
        expand(b"id", &mut id);
        Self { contents, lanes, id, secret }
    }

    /// The key comes first and has a fixed length, and one octet comes out: no more is needed for a
    /// keyed hash.
    fn lane(&self, origin: &Origin) -> Lane {
        let hash = Sha256::new()
            .chain_update(self.lanes.as_slice())
            .chain_update(format!("{origin:?}"))
            .finalize();
        Lane::new(hash[0])
    }
}

fn associated(id: &ParcelId) -> Vec<u8> {
    [b"sealpush/v1/outbox/parcel\0", &id.as_octets()[..]].concat()
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("a key ring holds at most {} keys", KeyRing::MAX_KEYS),
    )
}

/// Contents are `version 1 ‖ key id 8 ‖ nonce 12 ‖ ciphertext ‖ tag 16`; the plaintext is
/// `length 4 ‖ token ‖ message`, both in their text forms.
const VERSION: u8 = 1;
const ID_LEN: usize = 8;

#[cfg(test)]
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod tests {
    use super::*;
    use crate::{Message, UserAgentSecret};

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn letter(host: &str) -> Letter {
        let secret = UserAgentSecret::generate().unwrap();
        let keys = serde_json::to_string(secret.keys()).unwrap();
        let token = format!(r#"{{"endpoint":"https://{host}/p/MARKER","keys":{keys}}}"#);
        let message = Message::new("MARKER").with_topic("MARKER".parse().unwrap());
        Letter::new(token.parse().unwrap(), message.seal(secret.keys(), 4096).unwrap())
    }

    fn repacked(parcel: &Parcel, id: ParcelId, contents: Vec<u8>) -> Parcel {
        Parcel::new(id, parcel.lane(), parcel.not_before(), parcel.expires(), contents)
    }

    #[test]
    fn what_was_packed_is_unpacked_by_every_later_ring() {
        let letter = letter("push.example.net");
        let mut keys = KeyRing::generate().unwrap();
        let parcel = keys.pack(&letter, NOW).unwrap();
        for _ in 1..KeyRing::MAX_KEYS {
            keys.rotate().unwrap();
            let read: KeyRing = keys.expose().parse().unwrap();
            assert_eq!(read.len(), keys.len());
            let (token, message) = read.unpack(&parcel).unwrap();
            assert!(token == letter.token && message == letter.message);
        }
        assert_eq!(keys.rotate().unwrap_err().kind(), ErrorKind::Configuration);
        keys.keep(3);
        let newer = keys.pack(&letter, NOW).unwrap();
        assert!(keys.unpack(&newer).is_ok());
        let error = keys.unpack(&parcel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "its key is gone: {error}");
    }

    #[test]
    fn a_parcel_shows_neither_token_nor_message_nor_topic() {
        let keys = KeyRing::generate().unwrap();
        let letter = letter("push.example.net").with_tag("user-1".parse().unwrap());
        let parcel = keys.pack(&letter, NOW).unwrap();
        let contents = parcel.contents();
        for hidden in ["MARKER", "push.example", "endpoint", "p256dh"] {
            assert!(!contents.windows(hidden.len()).any(|part| part == hidden.as_bytes()));
        }
        let shown = format!("{parcel:?} {parcel:#?} {keys:?} {keys:#?}");
        assert!(!shown.contains("MARKER") && !shown.contains(keys.expose().trim()), "{shown}");
    }

    #[test]
    fn contents_are_their_parcel_s_and_every_octet_counts() {
        let keys = KeyRing::generate().unwrap();
        let parcel = keys.pack(&letter("push.example.net"), NOW).unwrap();
        let other = keys.pack(&letter("push.example.net"), NOW).unwrap();
        let swapped = repacked(&parcel, other.id(), parcel.contents().to_vec());
        assert_eq!(keys.unpack(&swapped).unwrap_err().kind(), ErrorKind::Rejected);
        for place in 0..parcel.contents().len() {
            let mut octets = parcel.contents().to_vec();
            octets[place] ^= 1;
            assert!(keys.unpack(&repacked(&parcel, parcel.id(), octets)).is_err(), "{place}");
        }
        for len in 0..parcel.contents().len() {
            let cut = parcel.contents()[..len].to_vec();
            assert!(keys.unpack(&repacked(&parcel, parcel.id(), cut)).is_err(), "{len}");
        }
        let mut later = parcel.contents().to_vec();
        later[0] = 2;
        let error = keys.unpack(&repacked(&parcel, parcel.id(), later)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }

    #[test]
    fn a_ring_that_cannot_be_read_is_refused_and_not_shown() {
        let key = KeyRing::generate().unwrap().expose().trim().to_owned();
        let many = format!("{key},").repeat(KeyRing::MAX_KEYS + 1);
        for bad in ["", " \n", "MARKER", &format!("{key} MARKER"), &key[1..], &many] {
            let error = bad.parse::<KeyRing>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!format!("{error:?}").contains("MARKER"));
        }
    }

    #[test]
    fn an_origin_has_one_lane_which_the_key_chooses() {
        let keys = KeyRing::generate().unwrap();
        let lane = |keys: &KeyRing, host: &str| keys.pack(&letter(host), NOW).unwrap().lane();
        assert_eq!(lane(&keys, "a.example"), lane(&keys, "a.example"));
        let hosts: Vec<_> = (0..40).map(|n| format!("host{n}.example")).collect();
        let lanes = |keys: &KeyRing| hosts.iter().map(|h| lane(keys, h)).collect::<Vec<_>>();
        let (one, other) = (lanes(&keys), lanes(&KeyRing::generate().unwrap()));
        assert_ne!(one, other);
        let used: std::collections::BTreeSet<_> = one.into_iter().collect();
        assert!(used.len() > 10, "{used:?}");
    }

    #[test]
    fn a_letter_ends_with_its_ttl_and_never_before_it_begins() {
        let keys = KeyRing::generate().unwrap();
        let at = |seconds| NOW + Duration::from_secs(seconds);
        let with_ttl = |seconds: u64| {
            let mut letter = letter("a.example");
            letter.message = letter.message.with_ttl(Duration::from_secs(seconds));
            letter
        };
        let parcel = keys.pack(&with_ttl(60), at(5)).unwrap();
        assert_eq!((parcel.not_before(), parcel.expires()), (at(5), at(65)));
        let parcel = keys.pack(&with_ttl(60).with_not_before(at(100)), at(5)).unwrap();
        assert_eq!((parcel.not_before(), parcel.expires()), (at(100), at(160)));
        assert_eq!(keys.pack(&with_ttl(0), at(5)).unwrap().expires(), at(6));
        let late = with_ttl(60).with_not_before(at(100)).with_expires(at(100));
        assert_eq!(keys.pack(&late, at(5)).unwrap_err().kind(), ErrorKind::Configuration);
    }
}
