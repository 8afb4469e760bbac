//! What `open` must refuse (security rule R9): one octet of difference and nothing comes out.

use super::*;
use crate::seal::record::HEADER_LEN;

on_every_backend!(
    every_bit_flip_of_a_message_in_every_bucket_is_refused,
    every_truncation_of_a_message_in_every_bucket_is_refused,
    a_record_must_end_in_delimiter_two_and_zeros,
    the_header_must_describe_one_record,
    a_record_has_room_for_one_octet_at_least,
    a_body_is_4096_octets_at_most,
    another_secret_opens_nothing,
);

const BUCKETS: [usize; 4] = [512, 1500, 2744, MAX_BODY];

fn every_bit_flip_of_a_message_in_every_bucket_is_refused<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    for body_len in BUCKETS {
        let mut body = ua.seal(b"attack at dawn", body_len).as_ref().to_vec();
        for position in 0..body.len() {
            // The record size is not authenticated, so three of its octets may change within the
            // range that is allowed; the next test but two covers its limits.
            if (16..20).contains(&position) {
                continue;
            }
            for bit in 0..8 {
                body[position] ^= 1 << bit;
                assert_eq!(ua.open(&body), Err(OpenError), "octet {position}, bit {bit}");
                body[position] ^= 1 << bit;
            }
        }
        assert_eq!(ua.open(&body).unwrap(), b"attack at dawn");
    }
}

fn every_truncation_of_a_message_in_every_bucket_is_refused<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    for body_len in BUCKETS {
        let body = ua.seal(b"attack at dawn", body_len);
        for len in 0..body_len {
            assert_eq!(ua.open(&body.as_ref()[..len]), Err(OpenError), "{len} octets");
        }
        let longer = [body.as_ref(), &[0]].concat();
        assert_eq!(ua.open(&longer), Err(OpenError));
    }
}

fn a_record_must_end_in_delimiter_two_and_zeros<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    for (record, message) in [
        (&b"hi\x02"[..], &b"hi"[..]),
        (b"hi\x02\0\0\0", b"hi"),
        (b"\x02", b""),
        (b"hi\x02\x02\0", b"hi\x02"),
        (b"\0\0\x02", b"\0\0"),
    ] {
        assert_eq!(ua.open(&ua.seal_record(record)).unwrap(), message, "{record:?}");
    }
    for record in
        [&b"hi\x01"[..], b"hi\x01\0", b"hi", b"hi\x03", b"hi\x02\0x", b"\0", b"\0\0\0\0", b""]
    {
        assert_eq!(ua.open(&ua.seal_record(record)), Err(OpenError), "{record:?}");
    }
}

fn the_header_must_describe_one_record<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    let body = ua.seal(b"hello", 200).as_ref().to_vec();
    let with_record_size = |record_size: u32| {
        let mut body = body.clone();
        body[16..20].copy_from_slice(&record_size.to_be_bytes());
        ua.open(&body)
    };
    // The record has 114 octets.
    for good in [114, 115, 4096, (1 << 31) - 1] {
        assert_eq!(with_record_size(good).unwrap(), b"hello", "rs {good}");
    }
    for bad in [0, 1, 16, 17, 18, 113, 1 << 31, u32::MAX] {
        assert_eq!(with_record_size(bad), Err(OpenError), "rs {bad}");
    }

    let with_key_id = |key_id: &[u8]| {
        let header = [&body[..20], &[key_id.len() as u8], key_id].concat();
        ua.open(&[&header, &body[86..]].concat())
    };
    let point = &body[21..86];
    assert_eq!(with_key_id(point).unwrap(), b"hello");
    let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
    let hybrid = [&[6 + (point[64] & 1)], &point[1..]].concat();
    let longer = [point, &[0]].concat();
    for bad in [&[][..], &[0], &compressed, &hybrid, &longer, &point[..64]] {
        assert_eq!(with_key_id(bad), Err(OpenError), "{} octets of key id", bad.len());
    }

    // Two full records, as RFC 8188 allows and RFC 8291 does not.
    let mut two = body.clone();
    two[16..20].copy_from_slice(&57_u32.to_be_bytes());
    assert_eq!(ua.open(&two), Err(OpenError));
    assert_eq!(ua.open(&vec![4; MAX_BODY + 1]), Err(OpenError));
}

/// RFC 8188 §2.1: a record size of 17 leaves no room beside the delimiter and the tag. The record
/// of an empty message has exactly these 17 octets, so that nothing but the rule refuses it.
fn a_record_has_room_for_one_octet_at_least<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    let mut body = ua.seal(b"", OVERHEAD).as_ref().to_vec();
    assert_eq!(body.len() - HEADER_LEN, 17);
    for (record_size, opened) in [(17, Err(OpenError)), (18, Ok(Vec::new()))] {
        body[16..20].copy_from_slice(&u32::to_be_bytes(record_size));
        assert_eq!(ua.open(&body), opened, "rs {record_size}");
    }
}

/// RFC 8291 §4: the record size allows a longer record, so that nothing but the limit refuses it.
fn a_body_is_4096_octets_at_most<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    for (len, is_opened) in [(MAX_BODY, true), (MAX_BODY + 1, false), (5000, false)] {
        let mut record = vec![7; len - HEADER_LEN - TAG_LEN];
        *record.last_mut().unwrap() = DELIMITER;
        let mut body = ua.seal_record(&record);
        body[16..20].copy_from_slice(&65_536_u32.to_be_bytes());
        assert_eq!(body.len(), len);
        assert_eq!(ua.open(&body).is_ok(), is_opened, "{len} octets");
    }
}

fn another_secret_opens_nothing<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    let body = ua.seal(b"hello", 512);
    let mut other_auth = UserAgent::<B>::of_rfc8291();
    other_auth.auth_secret[15] ^= 1;
    assert_eq!(other_auth.open(body.as_ref()), Err(OpenError));
    let other_key = UserAgent::<B>::new(&[7; 32], &ua.auth_secret);
    assert_eq!(other_key.open(body.as_ref()), Err(OpenError));
}
