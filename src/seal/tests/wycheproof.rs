//! Project Wycheproof: every case of ECDH on raw P-256 points, AES-128-GCM with the sizes that the
//! content coding uses, and HKDF-SHA-256. ECDSA is verified by the embedded push service, and tested
//! there.

use ::hkdf::Hkdf;
use ::wycheproof::{TestResult, aead, ecdh, hkdf as hkdf_cases};
use sha2::Sha256;

use super::*;

on_every_backend!(
    ecdh_on_raw_points_agrees_with_every_case,
    bad_points_are_refused_as_whole_messages,
    aes_128_gcm_agrees_with_every_case,
);

fn ecdh_cases() -> Vec<ecdh::Test> {
    let set = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
    set.test_groups.into_iter().flat_map(|group| group.tests).collect()
}

fn ecdh_on_raw_points_agrees_with_every_case<B: Backend>() {
    let cases = ecdh_cases();
    assert_eq!(cases.len(), 355);
    for case in cases {
        // The cases write scalars with a leading zero octet where the first bit is set, and drop
        // leading zeros elsewhere.
        let mut scalar = [0; 32];
        let private = case.private_key.as_ref();
        let significant = &private[private.len().saturating_sub(32)..];
        scalar[32 - significant.len()..].copy_from_slice(significant);

        let shared = <[u8; POINT_LEN]>::try_from(case.public_key.as_ref())
            .ok()
            .filter(|octets| octets[0] == 4)
            .and_then(|octets| B::public_key(&octets).ok())
            .and_then(|point| B::agree(&B::private_key(&scalar).unwrap(), &point).ok());
        match case.result {
            TestResult::Valid => {
                let shared = shared.unwrap_or_else(|| panic!("case {} fails", case.tc_id));
                assert_eq!(shared.as_slice(), case.shared_secret.as_ref(), "case {}", case.tc_id);
            }
            // The acceptable case is a compressed point, which RFC 8291 §3.2 does not allow.
            TestResult::Invalid | TestResult::Acceptable => {
                assert!(shared.is_none(), "case {} passes", case.tc_id);
            }
        }
    }
}

fn bad_points_are_refused_as_whole_messages<B: Backend>() {
    let ua = UserAgent::<B>::of_rfc8291();
    let body = ua.seal(b"hello", 200).as_ref().to_vec();
    let mut count = 0;
    for case in ecdh_cases().into_iter().filter(|case| case.result == TestResult::Invalid) {
        let point = case.public_key.as_ref();
        let bad = [&body[..20], &[point.len() as u8], point, &body[86..]].concat();
        assert_eq!(ua.open(&bad), Err(OpenError), "case {}", case.tc_id);
        #[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
        assert_eq!(
            UserAgentKeys::new(point, &[0; 16]).unwrap_err().kind(),
            ErrorKind::InvalidToken,
            "case {}",
            case.tc_id
        );
        count += 1;
    }
    assert_eq!(count, 24);
}

fn aes_128_gcm_agrees_with_every_case<B: Backend>() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut count = 0;
    for group in set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (128, 96, 128) {
            continue;
        }
        // The content coding has no associated data, and neither has the seam.
        for case in group.tests.into_iter().filter(|case| case.aad.is_empty()) {
            let key = case.key.as_ref().try_into().unwrap();
            let nonce = case.nonce.as_ref().try_into().unwrap();
            let tag: &[u8; 16] = case.tag.as_ref().try_into().unwrap();
            let mut octets = case.ct.to_vec();
            let opened = B::decrypt(key, nonce, &mut octets, tag).is_ok();
            assert_eq!(opened, case.result == TestResult::Valid, "case {}", case.tc_id);
            if opened {
                assert_eq!(octets, case.pt.as_ref(), "case {}", case.tc_id);
                assert_eq!(B::encrypt(key, nonce, &mut octets).unwrap(), *tag);
                assert_eq!(octets, case.ct.as_ref(), "case {}", case.tc_id);
            }
            count += 1;
        }
    }
    assert_eq!(count, GCM_CASES);
}

#[test]
fn hkdf_sha256_agrees_with_every_case() {
    let set = hkdf_cases::TestSet::load(hkdf_cases::TestName::HkdfSha256).unwrap();
    let mut count = 0;
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let mut okm = vec![0; case.size];
        let expanded =
            Hkdf::<Sha256>::new(Some(case.salt.as_ref()), &case.ikm).expand(&case.info, &mut okm);
        assert_eq!(expanded.is_ok(), case.result == TestResult::Valid, "case {}", case.tc_id);
        if expanded.is_ok() {
            assert_eq!(okm, case.okm.as_ref(), "case {}", case.tc_id);
        }
        count += 1;
    }
    assert_eq!(count, 86);
}

/// Of the 67 cases with a nonce of 96 and a tag of 128 bits, those without associated data.
const GCM_CASES: usize = 49;
