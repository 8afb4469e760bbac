//! The key and the contact of an application server.

use sealpush::ErrorKind;
use sealpush::providers::webpush::{Subject, VapidKey};

use super::assert_tells_nothing;

/// A private key in every form.
pub fn key(octets: &[u8]) {
    let text = std::str::from_utf8(octets).ok();
    let read = [
        Some(VapidKey::import(octets)),
        text.map(VapidKey::from_base64),
        text.map(VapidKey::from_pem),
    ];
    for outcome in read.into_iter().flatten() {
        match outcome {
            Ok(key) => {
                assert_eq!(key.public_key_base64().len(), 87);
                let again = VapidKey::from_base64(&key.expose_private_key_base64());
                let again = again.expect("what was written is read");
                assert_eq!(again.public_key_base64(), key.public_key_base64());
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Configuration);
                assert_tells_nothing(&error, &String::from_utf8_lossy(octets));
            }
        }
    }
}

/// A contact (RFC 8292 §2.1).
pub fn subject(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    match text.parse::<Subject>() {
        Ok(subject) => {
            let kept = subject.as_str();
            assert!(kept.len() <= Subject::MAX_LEN && kept.bytes().all(|b| b.is_ascii_graphic()));
            let again: Subject = kept.parse().expect("what was kept is read");
            assert_eq!(again, subject);
            let lower = kept.to_ascii_lowercase();
            assert!(lower.starts_with("mailto:") || lower.starts_with("https://"));
            if let Some(domain) = lower.strip_prefix("mailto:").and_then(|a| a.split('@').nth(1)) {
                let domain = domain.split('?').next().unwrap_or_default();
                assert!(domain.contains('.') && !domain.ends_with(".invalid"), "reachable by none");
            }
        }
        Err(error) => assert_tells_nothing(&error, text),
    }
}
