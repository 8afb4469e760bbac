//! Every backend that is compiled in reads the same keys, and each verifies what the other signed.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};

use super::*;

/// RFC 6979 appendix A.2.5: a private key, its public key, and the signature of `sample`.
const SCALAR: &str = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
const POINT: &str = "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
                     7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
const SIGNATURE: &str = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
                         F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";

fn octets<const N: usize>(hex: &str) -> [u8; N] {
    assert_eq!(hex.len(), 2 * N);
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
}

/// Verified by both libraries.
fn is_signed(point: &[u8; 65], message: &[u8], signature: &[u8; 64]) -> bool {
    let by_aws_lc =
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok();
    let key = VerifyingKey::from_sec1_bytes(point).unwrap();
    let by_p256 =
        Signature::from_slice(signature).is_ok_and(|parsed| key.verify(message, &parsed).is_ok());
    assert_eq!(by_aws_lc, by_p256);
    by_p256
}

fn der_of(name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let path = format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    pem::private_key(&std::fs::read_to_string(path).unwrap()).ok().map(|key| key.der)
}

macro_rules! backend {
    ($name:ident) => {
        mod $name {
            use super::super::$name::Pair;
            use super::*;

            #[test]
            fn the_key_of_rfc_6979_has_its_public_key() {
                let pair = Pair::from_scalar(&octets(SCALAR)).unwrap();
                assert_eq!(pair.public_octets(), octets(POINT));
                assert_eq!(*pair.scalar(), octets(SCALAR));
            }

            #[test]
            fn its_signatures_verify_and_others_do_not() {
                let pair = Pair::generate().unwrap();
                let other = Pair::generate().unwrap();
                assert_ne!(pair.public_octets(), other.public_octets());
                for message in [&b""[..], b"sample", &[7; 5000]] {
                    let signature = pair.sign(message).unwrap();
                    assert!(is_signed(&pair.public_octets(), message, &signature));
                    assert!(!is_signed(&other.public_octets(), message, &signature));
                    assert!(!is_signed(&pair.public_octets(), b"another", &signature));
                }
            }

            #[test]
            fn it_reads_every_form_of_a_p256_key_and_no_other() {
                let scalar = *Pair::from_der(&der_of("p256-pkcs8.pem").unwrap()).unwrap().scalar();
                for name in [
                    "p256-pkcs8-without-public-key.pem",
                    "p256-sec1.pem",
                    "p256-sec1-with-parameters.pem",
                    "p256-sec1-without-public-key.pem",
                ] {
                    let pair = Pair::from_der(&der_of(name).unwrap()).ok().expect(name);
                    assert_eq!(*pair.scalar(), scalar, "{name}");
                }
                for name in [
                    "ed25519-pkcs8.pem",
                    "p384-pkcs8.pem",
                    "p384-sec1.pem",
                    "rsa-pkcs8.pem",
                    "secp256k1-sec1.pem",
                ] {
                    assert!(Pair::from_der(&der_of(name).unwrap()).is_err(), "{name}");
                }
            }

            #[test]
            fn zero_and_the_order_are_no_keys() {
                // FIPS 186-5: the order of P-256.
                let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
                for bad in [[0; 32], [0xff; 32], octets(order)] {
                    assert!(Pair::from_scalar(&bad).is_err());
                }
            }
        }
    };
}

backend!(aws_lc);
backend!(rust_crypto);

#[test]
fn the_portable_backend_signs_as_rfc_6979_does() {
    let pair = super::rust_crypto::Pair::from_scalar(&octets(SCALAR)).unwrap();
    assert_eq!(pair.sign(b"sample").unwrap(), octets(SIGNATURE));
}

#[test]
fn the_compact_form_is_three_parts_of_base64url() {
    let header = serde_json::json!({ "typ": "JWT", "alg": "ES256" });
    let token = compact(&header, &serde_json::json!({ "sub": "ÿ?" }), |octets| {
        assert_eq!(octets, b"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiLDvz8ifQ");
        Ok([0xff, 0xfe])
    });
    assert_eq!(*token.unwrap(), "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiLDvz8ifQ.__4");
    let refused = compact(&header, &header, |_| -> Result<[u8; 0]> {
        Err(Error::new(ErrorKind::Unavailable, "no randomness"))
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
}
