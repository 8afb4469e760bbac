//! `send --tokens`.

use super::*;

#[tokio::test]
async fn one_message_reaches_every_token_of_a_file() {
    let (_service, mut user_agent, first) = subscribed().await;
    let mut tokens = format!("{first}\n\n");
    for _ in 0..20 {
        let token = user_agent.subscribe(None).await.unwrap().token().to_json();
        tokens.push_str(&token);
        tokens.push_str("\r\n");
    }
    let directory = Directory::new();
    let path = directory.file("tokens.ndjson", tokens.trim_end());
    for (name, stdin) in [(path.as_str(), ""), ("-", &tokens)] {
        let arguments = ["send", "hi", "--tokens", name, "--allow-loopback"];
        let output = run(&arguments, &[], stdin.as_bytes()).await;
        assert_eq!((output.code, output.text()), (0, "21 tokens: 21 accepted\n"));
        assert_eq!(output.stderr, "", "no bar without a terminal");
        for _ in 0..21 {
            assert_eq!(user_agent.next().await.unwrap().payload.unwrap(), b"hi");
        }
    }
}

#[tokio::test]
async fn the_summary_counts_what_became_of_each_line() {
    let (service, mut user_agent, good) = subscribed().await;
    let subscription = user_agent.subscribe(None).await.unwrap();
    let dead = subscription.token().to_json();
    user_agent.unsubscribe(&subscription).await.unwrap();
    let keys: Value = serde_json::from_str::<Value>(&good).unwrap()["keys"].clone();
    let private = json!({ "endpoint": "https://10.0.0.1/SECRET", "keys": keys }).to_string();
    let unknown = json!({ "provider": "pigeon", "loft": "SECRET", "keys": keys }).to_string();
    let unset = json!({ "provider": "onesignal", "subscription_id": "SECRET", "keys": keys });
    let unset = unset.to_string();
    let too_long = format!("{{\"SECRET\":\"{}\"}}", "x".repeat(20_000));
    let lines = [&*good, "SECRET", &dead, &private, &unknown, &unset, &too_long, "\u{0}", &good];
    let directory = Directory::new();
    let path = directory.file("tokens.ndjson", lines.join("\n"));
    let arguments = ["send", "hi", "--tokens", &path, "--allow-loopback"];

    let output = run(&arguments, &[], b"").await;
    assert_eq!(output.code, 7, "{}", output.stderr);
    assert_eq!(output.text(), "9 tokens: 2 accepted, 1 dead, 3 bad, 2 refused, 1 other\n");
    for line in 2..=8 {
        assert!(output.stderr.contains(&format!("line {line}: ")), "{line}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);

    let output = run(&[&arguments[..], &["--json"]].concat(), &[], b"").await;
    assert_eq!(output.code, 7);
    let mut reports = output.json_lines();
    let summary = reports.pop().unwrap();
    assert_eq!(
        summary["summary"],
        json!({ "total": 9, "accepted": 2, "dead": 1, "doubtful": 0, "bad": 3, "refused": 2, "temporary": 0,
            "unsent": 0, "other": 1 })
    );
    reports.sort_by_key(|report| report["line"].as_u64());
    let told: Vec<_> = reports.iter().map(|report| report["accepted"] == true).collect();
    assert_eq!(told, [true, false, false, false, false, false, false, false, true]);
    assert_eq!(reports[2]["is_token_dead"], true);
    assert!(!output.text().contains("SECRET"));
    drop(service);
}

#[tokio::test]
async fn a_list_without_a_token_is_an_error() {
    for tokens in ["", "\n\n  \n"] {
        let output = run(&["send", "hi", "--tokens", "-"], &[], tokens.as_bytes()).await;
        assert_eq!((output.code, output.text()), (4, "0 tokens: 0 accepted\n"));
    }
    let output = run(&["send", "hi", "--tokens", "/nowhere/SECRET"], &[], b"").await;
    assert_eq!((output.code, output.text()), (2, ""));
    assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);
}
