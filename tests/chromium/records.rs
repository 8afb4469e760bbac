//! Bodies of one and of two records for the user agent of RFC 8291 appendix A, encrypted with the
//! key and nonce that it prints: the crate itself seals no second record.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::UserAgentSecret;

const CONTENT_KEY: &str = "oIhVW04MRdy2XN9CiKLxTg";
const NONCE: &str = "4h_95klXJ5E_qnoN";
const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
const SENDER: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

/// The user agent's keys.
pub(crate) fn secret() -> UserAgentSecret {
    let private_key = decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94");
    UserAgentSecret::new(&private_key, &decode("BTBZMqHH6r4Tts7J_aSIgg")).unwrap()
}

/// The whole text in one record, as RFC 8291 §4 wants it.
pub(crate) fn one(text: &str) -> Vec<u8> {
    let record = [text.as_bytes(), &[2]].concat();
    [header(4096), encrypt(0, &record)].concat()
}

/// The same text in two records, as RFC 8188 allows: the first is full.
pub(crate) fn two(text: &str) -> Vec<u8> {
    let (first, second) = text.as_bytes().split_at(text.len() / 2 + 1);
    let record_size = u32::try_from(first.len() + 17).unwrap();
    let first = encrypt(0, &[first, &[1]].concat());
    [header(record_size), first, encrypt(1, &[second, &[2]].concat())].concat()
}

fn header(record_size: u32) -> Vec<u8> {
    [&decode(SALT)[..], &record_size.to_be_bytes(), &[65], &decode(SENDER)].concat()
}

fn encrypt(number: u8, record: &[u8]) -> Vec<u8> {
    let mut nonce = <[u8; 12]>::try_from(decode(NONCE)).unwrap();
    nonce[11] ^= number;
    let key = <[u8; 16]>::try_from(decode(CONTENT_KEY)).unwrap();
    let mut octets = record.to_vec();
    let tag = Aes128Gcm::new(&key.into())
        .encrypt_inout_detached(&nonce.into(), &[], octets.as_mut_slice().into())
        .unwrap();
    octets.extend_from_slice(&tag);
    octets
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
