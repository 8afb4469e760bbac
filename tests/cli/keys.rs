//! `keys` and `vapid`.

use super::*;

#[tokio::test]
async fn a_generated_vapid_key_has_the_public_key_that_is_shown_later() {
    let (private, public) = vapid_keys().await;
    assert_eq!((private.len(), public.len()), (43, 87));
    let output = run(&["vapid", "public"], &[("VAPID_PRIVATE_KEY", &private)], b"").await;
    assert_eq!(output.text().trim(), public);
    let output = run(&["vapid", "public", "--vapid-private-key", &private], &[], b"").await;
    assert_eq!(output.text().trim(), public);
    let output = run(&["vapid", "public", "--vapid-key-file", "-"], &[], private.as_bytes()).await;
    assert_eq!(output.text().trim(), public);

    for bad in ["", "AAAA", "not base64"] {
        let output = run(&["vapid", "public"], &[("VAPID_PRIVATE_KEY", bad)], b"").await;
        assert_eq!(output.code, 2, "{bad:?}: {}", output.stderr);
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_key_that_begins_with_a_hyphen_is_a_key() {
    // The scalar 0xf8 0x00 ... 0x01.
    let key = format!("-{}E", "A".repeat(41));
    for arguments in [
        &["vapid", "public", "--vapid-private-key", &key][..],
        &["vapid", "public", &format!("--vapid-private-key={key}")],
    ] {
        let output = run(arguments, &[], b"").await;
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(output.text().trim().len(), 87);
    }
}

#[tokio::test]
async fn generated_lines_are_a_file_of_settings_with_a_contact_to_fill_in() {
    let output = run(&["vapid", "generate"], &[], b"").await;
    let names: Vec<_> = output.text().lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(names, ["VAPID_PRIVATE_KEY", "VAPID_PUBLIC_KEY", "VAPID_SUBJECT"]);
    assert!(output.stderr.contains("VAPID_SUBJECT"), "{}", output.stderr);
    let placeholder = output.text().lines().last().unwrap().split_once('=').unwrap().1.to_owned();

    // What nobody filled in is not sent.
    let (service, _user_agent, token) = subscribed().await;
    let (private, _) = vapid_keys().await;
    let environment = [("VAPID_PRIVATE_KEY", &*private), ("VAPID_SUBJECT", &*placeholder)];
    let before = service.requests().len();
    let output = run(&["send", "hi", "--allow-loopback"], &environment, token.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("sealpush vapid generate"), "{}", output.stderr);
    assert_eq!(service.requests().len(), before);

    let output = run(&["vapid", "generate", "--vapid-subject", SUBJECT], &[], b"").await;
    assert!(output.text().ends_with(&format!("\nVAPID_SUBJECT={SUBJECT}\n")), "{}", output.text());
    assert_eq!(output.stderr, "");
    let output = run(&["vapid", "generate", "--json"], &[("VAPID_SUBJECT", SUBJECT)], b"").await;
    assert_eq!(output.json()["subject"], SUBJECT);
    let output = run(&["vapid", "generate", "--vapid-subject", "ops"], &[], b"").await;
    assert_eq!((output.code, output.text()), (2, ""), "{}", output.stderr);
}

#[tokio::test]
async fn a_key_of_another_tool_is_imported_from_every_form() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(repository("tests/keys/p256.json")).unwrap())
            .unwrap();
    let directory = Directory::new();
    let pem = std::fs::read_to_string(repository("tests/keys/p256-pkcs8.pem")).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let jwk = json!({ "kty": "EC", "crv": "P-256", "d": expected["private_key"] });
    for (name, content) in [
        ("key.pem", pem),
        ("key.der.txt", der),
        ("key.jwk", jwk.to_string()),
        ("key.txt", expected["private_key"].as_str().unwrap().to_owned()),
    ] {
        let path = directory.file(name, content);
        let output = run(&["vapid", "import", &path, "--json"], &[], b"").await;
        assert_eq!(output.code, 0, "{name}: {}", output.stderr);
        assert_eq!(output.json()["private_key"], expected["private_key"], "{name}");
        assert_eq!(output.json()["public_key"], expected["public_key"], "{name}");
        let output = run(&["vapid", "public"], &[("VAPID_KEY_FILE", &path)], b"").await;
        assert_eq!(output.text().trim(), expected["public_key"], "{name}");
    }
    let rsa = repository("tests/keys/rsa-pkcs8.pem");
    let output = run(&["vapid", "import", &rsa], &[], b"").await;
    assert_eq!((output.code, output.text()), (2, ""));
    assert!(output.stderr.contains("P-256"), "{}", output.stderr);
}

#[tokio::test]
async fn generated_keys_come_with_a_token_that_seals_for_them() {
    let directory = Directory::new();
    let path = directory.path("token.json");
    let output = run(&["keys", "generate", "--token-file", &path], &[], b"").await;
    let keys = output.json();
    let token: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(token, keys["token"]);
    assert_eq!(token["keys"], json!({ "p256dh": keys["p256dh"], "auth": keys["auth"] }));
    assert!(!token.to_string().contains(keys["private_key"].as_str().unwrap()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
