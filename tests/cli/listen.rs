//! `listen`, with `serve` and `send` beside it, each a process of its own.

use super::*;

/// `serve` on a free port, with the address of its websocket.
async fn serve() -> (Running, String) {
    let mut service = Running::start(command(&["serve", "--listen", "127.0.0.1:0"], &[]));
    service.line().await;
    let websocket = service.line().await.split_whitespace().last().unwrap().to_owned();
    assert!(websocket.starts_with("ws://127.0.0.1:"), "{websocket}");
    (service, websocket)
}

async fn send(arguments: &[&str], token: &str) {
    let arguments = [&["send", "--allow-loopback"], arguments].concat();
    let output = run(&arguments, &[], token.as_bytes()).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
}

#[tokio::test]
async fn what_is_sent_is_printed_as_it_arrives() {
    let (_service, websocket) = serve().await;
    let arguments = ["listen", "--push-service", &websocket, "--count", "5"];
    let mut listener = Running::start(command(&arguments, &[]));
    let token = listener.line().await;
    send(&["Grüße 🎉"], &token).await;
    assert_eq!(listener.line().await, "Grüße 🎉");
    send(&[], &token).await;
    assert_eq!(listener.line().await, "(a push without a message)");
    send(&["--title", "New mail", "--body", "From Ada", "--url", "/inbox"], &token).await;
    assert_eq!(listener.line().await, "New mail");
    assert_eq!(listener.line().await, "  From Ada");
    assert_eq!(listener.line().await, "  /inbox");
    // A stranger's text cannot move the cursor.
    send(&["\u{1b}[2Jgone\u{202e}\r"], &token).await;
    assert_eq!(listener.line().await, "\\u{1b}[2Jgone\\u{202e}\\u{d}");
    let directory = Directory::new();
    send(&["--message-file", &directory.file("m", b"\xff\0")], &token).await;
    assert_eq!(listener.line().await, "(2 octets that are not text)");
    let (code, stderr) = listener.end().await;
    assert_eq!(code, 0, "{stderr}");
}

#[tokio::test]
async fn what_arrives_is_printed_as_json() {
    let (_service, websocket) = serve().await;
    let arguments = ["listen", "--push-service", &websocket, "--count", "4", "--json"];
    let mut listener = Running::start(command(&arguments, &[]));
    let first: Value = serde_json::from_str(&listener.line().await).unwrap();
    let token = first["token"].to_string();
    let directory = Directory::new();
    for (arguments, expected) in [
        (&["hi\n"][..], json!({ "text": "hi\n" })),
        (&[], json!({})),
        (
            &["--title", "New mail", "--url", "/inbox"],
            json!({ "notification": { "title": "New mail", "navigate": "/inbox" } }),
        ),
        (&["--message-file", &directory.file("m", b"\xff\0")], json!({ "base64": "/wA=" })),
    ] {
        send(arguments, &token).await;
        let line: Value = serde_json::from_str(&listener.line().await).unwrap();
        assert_eq!(line, expected);
    }
    assert_eq!(listener.end().await.0, 0);
}

#[tokio::test]
async fn an_identity_goes_on_with_its_token_and_gets_what_was_stored() {
    let (_service, websocket) = serve().await;
    let directory = Directory::new();
    let identity = directory.path("me.json");
    let token_file = directory.path("token.json");
    let arguments = |count| {
        [
            "listen",
            "--push-service",
            &websocket,
            "--identity",
            &identity,
            "--token-file",
            &token_file,
            "--count",
            count,
        ]
    };
    let output = run(&arguments("0"), &[], b"").await;
    assert_eq!((output.code, output.text()), (0, ""), "{}", output.stderr);
    let token = std::fs::read_to_string(&token_file).unwrap();
    send(&["while it was away"], &token).await;
    let output = run(&arguments("1"), &[], b"").await;
    assert_eq!((output.code, output.text()), (0, "while it was away\n"), "{}", output.stderr);
    assert_eq!(std::fs::read_to_string(&token_file).unwrap(), token);
    // It was acknowledged, so it does not come again.
    send(&["second"], &token).await;
    let output = run(&arguments("1"), &[], b"").await;
    assert_eq!((output.code, output.text()), (0, "second\n"), "{}", output.stderr);

    std::fs::write(&identity, r#"{"uaid":"SECRET"}"#).unwrap();
    let output = run(&arguments("1"), &[], b"").await;
    assert_eq!((output.code, output.text()), (2, ""));
    assert!(output.stderr.contains("--identity") && !output.stderr.contains("SECRET"));
}

#[tokio::test]
async fn a_message_that_does_not_open_is_reported_and_the_next_follows() {
    let (_service, websocket) = serve().await;
    let arguments = ["listen", "--push-service", &websocket, "--count", "1"];
    let mut listener = Running::start(command(&arguments, &[]));
    let token = listener.line().await;
    let mut other: Value = serde_json::from_str(&token).unwrap();
    other["keys"]["auth"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    send(&["for somebody else"], &other.to_string()).await;
    send(&["for this one"], &token).await;
    assert_eq!(listener.line().await, "for this one");
    let (code, stderr) = listener.end().await;
    assert_eq!(code, 0);
    assert!(stderr.contains("does not open"), "{stderr}");
}

#[tokio::test]
async fn only_the_key_that_it_subscribed_with_is_taken() {
    let (_service, websocket) = serve().await;
    let (private, public) = vapid_keys().await;
    let environment = [("VAPID_PUBLIC_KEY", public.as_str())];
    let arguments = ["listen", "--push-service", &websocket, "--count", "1"];
    let mut listener = Running::start(command(&arguments, &environment));
    let token = listener.line().await;
    let output = run(&["send", "hi", "--allow-loopback"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    let environment = [("VAPID_PRIVATE_KEY", private.as_str()), ("VAPID_SUBJECT", SUBJECT)];
    let output = run(&["send", "hi", "--allow-loopback"], &environment, token.as_bytes()).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(listener.line().await, "hi");

    let arguments = ["listen", "--push-service", &websocket, "--vapid-public-key", "SECRET"];
    let output = run(&arguments, &[], b"").await;
    assert_eq!((output.code, output.text()), (2, ""));
    assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);
}

#[tokio::test]
async fn without_a_push_service_it_says_where_to_look() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("ws://{nobody}/");
    let output = run(&["listen", "--push-service", &url], &[], b"").await;
    assert_eq!((output.code, output.text()), (6, ""));
    assert!(output.stderr.contains("Connection refused"), "{}", output.stderr);
    assert!(output.stderr.contains("sealpush serve"), "{}", output.stderr);
    for bad in ["wss://SECRET/", "SECRET", "-----BEGIN SECRET", "{SECRET}", "ws://SECRET"] {
        let output = run(&["listen", "--push-service", bad], &[], b"").await;
        assert!(output.code == 2 || output.code == 6, "{bad}: {}", output.stderr);
        assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);
    }
}

#[tokio::test]
async fn a_service_that_ends_ends_the_listener() {
    let (mut service, websocket) = serve().await;
    let mut listener = Running::start(command(&["listen", "--push-service", &websocket], &[]));
    listener.line().await;
    service.child.kill().await.unwrap();
    let (code, stderr) = listener.end().await;
    assert_eq!(code, 6, "{stderr}");
    assert!(stderr.contains("--identity"), "{stderr}");
}
