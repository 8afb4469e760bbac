//! `seal` and `open`.

use super::*;

#[tokio::test]
async fn what_is_sealed_for_generated_keys_opens_with_them() {
    let output = run(&["keys", "generate"], &[], b"").await;
    let keys: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let directory = Directory::new();
    let keys_file = directory.file("keys.json", &output.stdout);
    let token = serde_json::json!({
        "endpoint": "https://push.example.net/p/1",
        "keys": { "p256dh": keys["p256dh"], "auth": keys["auth"] },
    })
    .to_string();
    let open = ["open", "--keys", &keys_file];

    let longest = "x".repeat(3993);
    for (message, padding, octets) in [
        ("", "none", 103),
        ("a", "none", 104),
        ("Grüße", "buckets", 512),
        ("a", "1000", 1000),
        (longest.as_str(), "none", 4096),
    ] {
        let sealed =
            run(&["seal", message, "--padding", padding], &[], token.as_bytes()).await.stdout;
        assert_eq!(sealed.len(), octets);
        let opened = run(&open, &[], &sealed).await;
        assert_eq!((opened.code, opened.text()), (0, message), "{}", opened.stderr);
    }

    let output = run(&["seal", "hello", "--json"], &[], token.as_bytes()).await;
    let body = output.json()["body"].as_str().unwrap().to_owned();
    assert_eq!(body.len(), 683);
    // Every form that it is printed or carried in is read.
    let pretty = serde_json::to_string_pretty(&output.json()).unwrap();
    for form in
        [&output.stdout[..], pretty.as_bytes(), body.as_bytes(), format!("{body}\n").as_bytes()]
    {
        let opened = run(&open, &[], form).await;
        assert_eq!((opened.code, opened.text()), (0, "hello"), "{}", opened.stderr);
    }

    let mut tampered = run(&["seal", "hello"], &[], token.as_bytes()).await.stdout;
    tampered[100] ^= 1;
    for bad in [&tampered[..], b"", &[0; 5000]] {
        let output = run(&open, &[], bad).await;
        assert_eq!(output.code, 1);
        assert!(output.stdout.is_empty() && output.stderr.contains("cannot be opened"));
    }
    let too_long = run(&["seal", &"x".repeat(3994)], &[], token.as_bytes()).await;
    assert_eq!(too_long.code, 5, "{}", too_long.stderr);

    for bad in ["{}", "SECRET", r#"{"p256dh":"A","auth":"SECRET","private_key":"SECRET"}"#] {
        let path = directory.file("bad.json", bad);
        let output = run(&["open", "--keys", &path], &[], &tampered).await;
        assert_eq!(output.code, 2);
        assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);
    }
    let output = run(&["open", "--keys", "/nowhere/keys.json"], &[], &tampered).await;
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("No such file"), "{}", output.stderr);
}
