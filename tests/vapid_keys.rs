//! VAPID keys come in from every common form and go out as base64url.
//!
//! The files in `tests/keys` were written by OpenSSL 3.0; `p256.json` holds the same key as
//! Python's `cryptography` reads it.
#![cfg(feature = "webpush")]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use sealpush::ErrorKind;
use sealpush::providers::webpush::VapidKey;

fn file(name: &str) -> String {
    let path = format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the file is there")
}

fn expected() -> (String, String) {
    let key: serde_json::Value =
        serde_json::from_str(&file("p256.json")).expect("the file is JSON");
    let text = |name: &str| key[name].as_str().expect("both are text").to_owned();
    (text("private_key"), text("public_key"))
}

fn assert_is_the_key(key: &VapidKey, form: &str) {
    let (private_key, public_key) = expected();
    assert_eq!(key.public_key_base64(), public_key, "{form}");
    assert_eq!(*key.expose_private_key_base64(), private_key, "{form}");
}

#[test]
fn every_pem_form_of_one_key_is_the_same_key() {
    for name in [
        "p256-pkcs8.pem",
        "p256-pkcs8-without-public-key.pem",
        "p256-sec1.pem",
        "p256-sec1-with-parameters.pem",
        "p256-sec1-with-text.pem",
        "p256-sec1-without-public-key.pem",
    ] {
        let pem = file(name);
        assert_is_the_key(&VapidKey::from_pem(&pem).expect(name), name);
        let windows = pem.replace('\n', "\r\n");
        assert_is_the_key(&VapidKey::from_pem(&windows).expect(name), name);
        let indented = format!("\n\n{}", pem.trim_end());
        assert_is_the_key(&VapidKey::from_pem(&indented).expect(name), name);
    }
}

/// RFC 7468 §3, figure 1, lets a reader take blanks wherever lines end, and OpenSSL, Node and
/// Python take lines of any length and indented ones.
#[test]
fn pem_is_read_as_laxly_as_the_standard_lets() {
    for name in ["p256-pkcs8.pem", "p256-sec1.pem"] {
        let pem = file(name);
        let lines: Vec<_> = pem.lines().collect();
        let (begin, end) = (lines[0], lines[lines.len() - 1]);
        let base64 = lines[1..lines.len() - 1].concat();
        let short: Vec<_> = base64.as_bytes().chunks(7).map(String::from_utf8_lossy).collect();
        for lax in [
            lines.join(" \n") + " \n",
            lines.join("\t \r\n"),
            lines.join("\n\n"),
            lines.join("\r"),
            format!("  {}", lines.join("\n  ")),
            format!("\u{feff}{pem}"),
            format!("\u{feff}\r\n{}", pem.replace('\n', "\r\n")),
            format!("{begin}\n{base64}\n{end}"),
            format!("{begin} {base64} {end}"),
            format!("{begin}\n{}\n{end}\n\n", short.join("\u{b}\n\u{c}")),
            format!("Bag Attributes\n    friendlyName: push\n{pem}"),
            format!("{}{pem}", file("p256-public.pem")),
            format!("'{pem}'"),
        ] {
            assert_is_the_key(&VapidKey::from_pem(&lax).expect(&lax), &lax);
        }
    }
}

#[test]
fn a_refused_key_says_what_it_is() {
    let pem = file("p256-pkcs8.pem");
    let openssh = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let url_safe = pem.replacen('+', "-", 1).replacen('/', "_", 1);
    assert_ne!(url_safe, pem);
    for (bad, cause) in [
        (pem.replace('\n', "\\n"), "'\\n' as two characters"),
        (pem.replace('\n', "\\r\\n"), "two characters"),
        (openssh.to_owned(), "ssh-keygen"),
        (certificate.to_owned(), "certificate"),
        (file("p256-public.pem"), "public key"),
        (pem.replace("-----END PRIVATE KEY-----", ""), "cut off"),
        (pem.replace("END PRIVATE", "END EC PRIVATE"), "do not belong together"),
        ("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----".to_owned(), "empty"),
        (pem.replace("-----", "----"), "first line"),
        (r#"{"type":"service_account"}"#.to_owned(), "JSON"),
        (url_safe, "no base64"),
    ] {
        let error = VapidKey::from_pem(&bad).expect_err(&bad);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().starts_with("the VAPID private key "), "{error}");
        assert!(error.to_string().contains(cause), "{cause}: {error}");
        assert!(!format!("{error:?}").contains("MIGH"), "{error:?}");
    }
    let error = VapidKey::from_base64(r#"{"d":"secret"}"#).unwrap_err();
    assert!(error.to_string().contains("JSON") && !error.to_string().contains("secret"), "{error}");
    assert_is_the_key(
        &VapidKey::from_base64(&format!("\u{feff}{}\n", expected().0)).unwrap(),
        "BOM",
    );
}

#[test]
fn every_base64_form_of_one_key_is_the_same_key() {
    let url = expected().0;
    let octets = URL_SAFE_NO_PAD.decode(&url).unwrap();
    for text in [
        url.clone(),
        URL_SAFE.encode(&octets),
        STANDARD.encode(&octets),
        STANDARD.encode(&octets).trim_end_matches('=').to_owned(),
        format!(" {url}\n"),
    ] {
        assert_is_the_key(&VapidKey::from_base64(&text).expect(&text), &text);
    }
}

#[test]
fn a_generated_key_survives_export_and_import() {
    let key = VapidKey::generate().unwrap();
    let stored = key.expose_private_key_base64();
    assert_eq!(stored.len(), 43);
    let loaded = VapidKey::from_base64(&stored).unwrap();
    assert_eq!(loaded.public_key_base64(), key.public_key_base64());
    assert_ne!(VapidKey::generate().unwrap().public_key_base64(), key.public_key_base64());
}

#[test]
fn a_key_that_cannot_be_used_is_refused_with_the_reason() {
    for (name, reason) in [
        ("ed25519-pkcs8.pem", "not a P-256 key"),
        ("p256-pkcs8-encrypted.pem", "encrypted"),
        ("p256-public.pem", "no private key"),
        ("p256-sec1-encrypted.pem", "encrypted"),
        ("p384-pkcs8.pem", "not a P-256 key"),
        ("p384-sec1.pem", "not a P-256 key"),
        ("rsa-pkcs1.pem", "RSA"),
        ("rsa-pkcs8.pem", "not a P-256 key"),
        ("secp256k1-sec1.pem", "not a P-256 key"),
    ] {
        let error = VapidKey::from_pem(&file(name)).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
        assert!(error.to_string().contains(reason), "{name}: {error}");
    }
}

#[test]
fn damaged_pem_is_refused() {
    let pem = file("p256-pkcs8.pem");
    let lines: Vec<_> = pem.lines().collect();
    for bad in [
        String::new(),
        "no key".to_owned(),
        expected().0,
        pem.replace("-----END PRIVATE KEY-----", ""),
        pem.replace("END PRIVATE", "END PUBLIC"),
        pem.replace(lines[1], &lines[1].replace('A', "*")),
        pem.replace(lines[2], ""),
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n".to_owned(),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        "-----BEGIN ".to_owned(),
    ] {
        let error = VapidKey::from_pem(&bad).expect_err(&bad);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
    }
}

#[test]
fn a_public_key_that_is_not_the_private_keys_is_refused() {
    let pem = file("p256-pkcs8.pem");
    let (key, other) = (VapidKey::from_pem(&pem).unwrap(), VapidKey::generate().unwrap());
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut der = STANDARD.decode(body).unwrap();
    let point = |key: &VapidKey| URL_SAFE_NO_PAD.decode(key.public_key_base64()).unwrap();
    let at = der.len() - 65;
    assert_eq!(der[at..], point(&key));
    der[at..].copy_from_slice(&point(&other));
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", {
        let text = STANDARD.encode(&der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        lines.join("\n")
    });
    assert_eq!(VapidKey::from_pem(&pem).unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn a_scalar_that_is_no_private_key_is_refused() {
    // The order of P-256 (FIPS 186-5).
    let order = "/////wAAAAD//////////7zm+q2nF56E87nKwvxjJVE=";
    for bad in [
        "",
        "AA",
        "not base64!",
        &URL_SAFE_NO_PAD.encode([0; 32]),
        &URL_SAFE_NO_PAD.encode([0xff; 32]),
        &URL_SAFE_NO_PAD.encode([1; 31]),
        &URL_SAFE_NO_PAD.encode([1; 33]),
        order,
        &file("p256-pkcs8.pem"),
    ] {
        let error = VapidKey::from_base64(bad).expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
        assert!(bad.is_empty() || !format!("{error} {error:?}").contains(bad));
    }
}

#[test]
fn keys_are_wiped_when_dropped() {
    fn assert_wiped<T: zeroize::ZeroizeOnDrop>() {}
    assert_wiped::<VapidKey>();
}

#[test]
fn debug_shows_no_key() {
    let key = VapidKey::generate().unwrap();
    assert_eq!(format!("{key:?}"), "VapidKey([redacted])");
    let subject = "mailto:ops@push-demo.dev".parse().unwrap();
    let (private, public) = (key.expose_private_key_base64(), key.public_key_base64());
    let keys = sealpush::providers::webpush::VapidKeys::new(subject, key);
    let builder = sealpush::providers::WebPush::builder().vapid(keys);
    let shown = format!("{builder:?}");
    assert!(!shown.contains(&*private) && !shown.contains(&public), "{shown}");
}

/// The base64 between the lines of armour of the key's block.
fn armoured(pem: &str) -> String {
    let (_, block) = pem.split_once("PRIVATE KEY-----").expect("there is a key");
    let (base64, _) = block.split_once("-----END").expect("it has an end");
    base64.trim().to_owned()
}

#[test]
fn every_form_of_one_key_is_imported_without_being_told_which_it_is() {
    let (private_key, public_key) = expected();
    let point = URL_SAFE_NO_PAD.decode(&public_key).unwrap();
    let jwk = serde_json::json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "kid": "1", "key_ops": ["sign"],
        "d": private_key,
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
        "y": URL_SAFE_NO_PAD.encode(&point[33..]),
    });
    let mut forms = vec![
        private_key.clone(),
        format!("\u{feff}{private_key}\r\n"),
        jwk.to_string(),
        serde_json::to_string_pretty(&jwk).unwrap(),
        serde_json::json!({ "publicKey": public_key, "privateKey": private_key }).to_string(),
        file("p256.json"),
    ];
    for name in ["p256-pkcs8.pem", "p256-pkcs8-without-public-key.pem", "p256-sec1.pem"] {
        let pem = file(name);
        let base64 = armoured(&pem);
        let der = STANDARD.decode(base64.replace('\n', "")).unwrap();
        assert_is_the_key(&VapidKey::import(&der).expect(name), name);
        forms.extend([pem, URL_SAFE_NO_PAD.encode(&der), base64]);
    }
    for form in forms {
        assert_is_the_key(&VapidKey::import(form.as_bytes()).expect(&form), &form);
    }
}

#[test]
fn what_is_no_private_key_is_refused_by_its_form_and_never_repeated() {
    let (private_key, _) = expected();
    let other = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    for (form, fact) in [
        (String::new(), "0 octets"),
        ("SECRET value".to_owned(), "not base64url"),
        ("c2VjcmV0".to_owned(), "6 octets, not the 32"),
        ("{\"SECRET\"".to_owned(), "looks like JSON"),
        ("{\"SECRET\":\"SECRET\"}".to_owned(), "holds no private key"),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","d":"{private_key}"}}"#), "not of type 'EC'"),
        (format!(r#"{{"kty":"EC","crv":"P-384","d":"{private_key}"}}"#), "not of type 'EC'"),
        (r#"{"kty":"EC","d":"SECRET"}"#.to_owned(), "not base64url"),
        (format!(r#"{{"d":"{private_key}","x":"{other}","y":"{other}"}}"#), "public half"),
        (file("rsa-pkcs8.pem"), "not a P-256 key"),
        ("MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCDJ".to_owned(), "not a P-256 key"),
    ] {
        let error = VapidKey::import(form.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{fact}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(fact), "{fact}: {shown}");
        assert!(!shown.contains("SECRET") && !shown.contains(&private_key), "{shown}");
    }
    let error = VapidKey::import(b"\x30\x82\xff\xff").unwrap_err();
    assert!(error.to_string().contains("not a P-256 key"), "{error}");
    let error = VapidKey::import(b"\xff\xfe").unwrap_err();
    assert!(error.to_string().contains("neither text nor DER"), "{error}");
}
