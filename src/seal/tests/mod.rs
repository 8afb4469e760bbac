//! Published vectors first, then an outside implementation's, then our own round trips; every
//! test that touches a primitive runs on every backend that is compiled in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::backend::Backend;
use super::keys::POINT_LEN;
use super::*;

/// Makes one `#[test]` per backend out of generic functions.
macro_rules! on_every_backend {
    ($($(#[$attribute:meta])* $test:ident),* $(,)?) => {
        #[cfg(feature = "aws-lc")]
        mod aws_lc {
            $(#[test] $(#[$attribute])* fn $test() {
                super::$test::<crate::seal::backend::aws_lc::AwsLc>();
            })*
        }
        #[cfg(feature = "rust-crypto")]
        mod rust_crypto {
            $(#[test] $(#[$attribute])* fn $test() {
                super::$test::<crate::seal::backend::rust_crypto::RustCrypto>();
            })*
        }
    };
}

mod allocations;
mod round_trip;
mod strictness;
mod vectors;
mod wycheproof;

/// A user agent with keys of its own, on one backend.
struct UserAgent<B: Backend> {
    private_key: B::PrivateKey,
    point: B::PublicKey,
    public: [u8; POINT_LEN],
    auth_secret: [u8; 16],
}

impl<B: Backend> UserAgent<B> {
    fn new(scalar: &[u8], auth_secret: &[u8]) -> Self {
        let private_key = B::private_key(scalar.try_into().unwrap()).unwrap();
        let public = B::public_octets(&private_key).unwrap();
        let point = B::public_key(&public).unwrap();
        Self { private_key, point, public, auth_secret: auth_secret.try_into().unwrap() }
    }

    /// The user agent of RFC 8291 appendix A.
    fn of_rfc8291() -> Self {
        Self::new(
            &decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
            &decode("BTBZMqHH6r4Tts7J_aSIgg"),
        )
    }

    fn seal(&self, plaintext: &[u8], body_len: usize) -> Sealed {
        let Self { point, public, auth_secret, .. } = self;
        seal_with::<B>(point, public, auth_secret, plaintext, body_len, Fresh::draw).unwrap()
    }

    fn open(&self, body: &[u8]) -> Result<Vec<u8>, OpenError> {
        open_with::<B>(&self.private_key, &self.public, &self.auth_secret, body)
    }

    /// Seals any octets as the record, delimiter and padding included, as a wrong sender might.
    fn seal_record(&self, record: &[u8]) -> Vec<u8> {
        let Fresh { private_key, salt } = Fresh::<B>::draw().unwrap();
        let as_public = B::public_octets(&private_key).unwrap();
        let ecdh_secret = B::agree(&private_key, &self.point).unwrap();
        let ikm = input_keying_material(&ecdh_secret, &self.auth_secret, &self.public, &as_public);
        let keys = RecordKeys::derive(ikm.as_slice(), &salt);
        let mut body = Vec::new();
        write_header(&mut body, &salt, &as_public);
        let header_len = body.len();
        body.extend_from_slice(record);
        let tag = B::encrypt(&keys.key, &keys.nonce, &mut body[header_len..]).unwrap();
        body.extend_from_slice(&tag);
        body
    }
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
