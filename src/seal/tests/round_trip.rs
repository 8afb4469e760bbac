//! Sizes, padding, options of sealing, and each backend opening what the other sealed.

use super::*;
use crate::Message;

on_every_backend!(
    every_size_up_to_the_limit_is_sealed_and_opened,
    two_messages_share_neither_key_nor_salt,
    a_failing_generator_seals_nothing,
    a_private_key_gives_its_scalar_back,
);

const SIZES: [usize; 8] = [0, 1, 2, 409, 410, 3991, 3992, 3993];

fn every_size_up_to_the_limit_is_sealed_and_opened<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    for size in SIZES {
        let plaintext = vec![0x5a; size];
        let body = ua.seal(&plaintext, size + OVERHEAD);
        assert_eq!(body.as_ref().len(), size + 103);
        assert_eq!(ua.open(body.as_ref()).unwrap(), plaintext, "{size} octets");
        let padded = ua.seal(&plaintext, MAX_BODY);
        assert_eq!(padded.as_ref().len(), 4096);
        assert_eq!(ua.open(padded.as_ref()).unwrap(), plaintext, "{size} octets, padded");
    }
}

fn two_messages_share_neither_key_nor_salt<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    let (a, b) = (ua.seal(b"same", 107), ua.seal(b"same", 107));
    let [a, b] = [&a, &b].map(|body| Parts::parse(body.as_ref()).unwrap());
    assert_ne!(a.salt, b.salt);
    assert_ne!(a.key_id, b.key_id);
}

fn a_private_key_gives_its_scalar_back<B: Backend>() {
    let scalar = [7; 32];
    assert_eq!(*B::scalar(&B::private_key(&scalar).unwrap()), scalar);
}

fn a_failing_generator_seals_nothing<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    let broken = || Err(Error::new(ErrorKind::Unavailable, NO_RANDOMNESS));
    let UserAgent { point, public, auth_secret, .. } = &ua;
    let error = seal_with::<B>(point, public, auth_secret, b"x", 512, broken).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
}

#[test]
#[cfg(all(feature = "aws-lc", feature = "rust-crypto"))]
fn each_backend_opens_what_the_other_sealed() {
    let aws_lc = UserAgent::<backend::aws_lc::AwsLc>::of_rfc8291();
    let rust_crypto = UserAgent::<backend::rust_crypto::RustCrypto>::of_rfc8291();
    for size in SIZES {
        let plaintext = vec![0xa5; size];
        for body_len in [size + OVERHEAD, MAX_BODY] {
            let body = aws_lc.seal(&plaintext, body_len);
            assert_eq!(rust_crypto.open(body.as_ref()).unwrap(), plaintext);
            let body = rust_crypto.seal(&plaintext, body_len);
            assert_eq!(aws_lc.open(body.as_ref()).unwrap(), plaintext);
        }
    }
}

#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod public {
    use super::*;

    #[test]
    fn a_plaintext_over_3993_octets_is_refused_here() {
        let secret = UserAgentSecret::generate().unwrap();
        for padding in [Padding::None, Padding::Buckets, Padding::To(4096)] {
            assert!(seal(secret.keys(), &[0; 3993], padding).is_ok());
            let error = seal(secret.keys(), &[0; 3994], padding).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PayloadTooLarge, "{padding:?}");
        }
    }

    #[test]
    fn the_limits_are_those_of_the_standard() {
        // RFC 8291 §4: 4096 octets less the header of 86, the delimiter and the tag of 16.
        assert_eq!((MAX_BODY, MAX_PLAINTEXT), (4096, 3993));
    }

    #[test]
    fn padding_hides_the_size_in_four_buckets() {
        let secret = UserAgentSecret::generate().unwrap();
        for (plaintext, body) in [
            (1, 512),
            (409, 512),
            (410, 1500),
            (1397, 1500),
            (1398, 2744),
            (2641, 2744),
            (2642, 4096),
            (3993, 4096),
        ] {
            let sealed = seal(secret.keys(), &vec![1; plaintext], Padding::Buckets).unwrap();
            assert_eq!(sealed.as_ref().len(), body, "{plaintext} octets");
            assert_eq!(open(&secret, sealed.as_ref()).unwrap(), vec![1; plaintext]);
        }
    }

    #[test]
    fn the_last_bucket_is_what_the_provider_takes() {
        let secret = UserAgentSecret::generate().unwrap();
        let seal = |len: usize, max_body| Message::new(vec![7; len]).seal(secret.keys(), max_body);
        assert_eq!(seal(1, 1527).unwrap().body().len(), 512);
        assert_eq!(seal(1424, 1527).unwrap().body().len(), 1527);
        assert_eq!(seal(1425, 1527).unwrap_err().kind(), ErrorKind::PayloadTooLarge);
        assert_eq!(seal(1, 300).unwrap().body().len(), 300);
        assert_eq!(seal(3993, usize::MAX).unwrap().body().len(), 4096);
    }

    #[test]
    fn a_fixed_size_is_met_or_refused() {
        let secret = UserAgentSecret::generate().unwrap();
        let seal = |len: usize, to| seal(secret.keys(), &vec![7; len], Padding::To(to));
        assert_eq!(seal(97, 200).unwrap().as_ref().len(), 200);
        let cannot = "cannot be padded to";
        for (len, to, fact) in [
            (98, 200, cannot),
            (1, 0, cannot),
            (1, 103, cannot),
            (4000, 4096, cannot),
            (1, 4097, "the sealed body would be 4097 octets, limit 4096"),
            (1, usize::MAX, "limit 4096"),
        ] {
            let error = seal(len, to).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
            assert!(error.to_string().contains(fact), "{error}");
        }
    }

    #[test]
    fn what_is_shown_says_its_size_at_most() {
        let secret = UserAgentSecret::generate().unwrap();
        let sealed = seal(secret.keys(), b"hello", Padding::To(512)).unwrap();
        let shown = format!("{sealed:?}");
        assert!(shown.contains("512") && shown.len() < 40, "{shown}");
        assert!(OpenError.to_string().contains("cannot be opened"));
        assert_eq!(format!("{secret:?}"), "UserAgentSecret([redacted])");
        assert_eq!(format!("{:?}", secret.keys()), "UserAgentKeys([redacted])");
    }

    #[test]
    fn an_empty_message_has_no_body() {
        let secret = UserAgentSecret::generate().unwrap();
        let sealed = Message::new("").seal(secret.keys(), MAX_BODY).unwrap();
        assert!(sealed.body().is_empty());
    }

    #[test]
    fn a_body_sealed_elsewhere_is_checked_for_its_shape() {
        let secret = UserAgentSecret::generate().unwrap();
        let body: Bytes = seal(secret.keys(), b"hello", Padding::None).unwrap().into();
        let taken = Sealed::from_octets(body.clone()).unwrap();
        assert_eq!(taken.salt().as_slice(), &body[..16]);
        let longest: Bytes = seal(secret.keys(), b"hello", Padding::To(4096)).unwrap().into();
        assert!(Sealed::from_octets(longest).is_ok());
        // Compressed and hybrid points are no keys of the standard's (RFC 8291 §4).
        for form in [0, 2, 3, 5, 6, 7] {
            let mut octets = body.to_vec();
            octets[21] = form;
            let error = Sealed::from_octets(octets).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{form}");
        }
        for (octets, kind) in [
            (
                Bytes::from_static(
                    b"a plaintext by mistake, long enough to be one of those bodies, \
                  in fact even longer than a hundred and three octets",
                ),
                ErrorKind::Rejected,
            ),
            (body.slice(..102), ErrorKind::Rejected),
            (Bytes::new(), ErrorKind::Rejected),
            (Bytes::from(vec![0; 4097]), ErrorKind::PayloadTooLarge),
        ] {
            assert_eq!(Sealed::from_octets(octets).unwrap_err().kind(), kind);
        }
    }
}
