//! `send`, to one token.

use super::*;

#[tokio::test]
async fn a_message_sent_from_the_shell_is_opened_by_the_user_agent() {
    let service = PushService::start().await.unwrap();
    let (private, public) = vapid_keys().await;
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let token = user_agent.subscribe(Some(&public)).await.unwrap().token().to_json();
    let environment =
        [("VAPID_PRIVATE_KEY", private.as_str()), ("VAPID_SUBJECT", SUBJECT), ("PUSH_TTL", "60")];

    let arguments = ["send", "Grüße 🎉", "--allow-loopback", "--urgency", "high", "--json"];
    let output = run(&arguments, &environment, token.as_bytes()).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    let report = output.json();
    assert_eq!((&report["accepted"], &report["provider"]), (&true.into(), &"webpush".into()));
    let delivery = user_agent.next().await.unwrap();
    assert_eq!(delivery.payload.as_deref(), Some("Grüße 🎉".as_bytes()));

    let request = service.requests().into_iter().rfind(|r| r.method == "POST").unwrap();
    assert_eq!(request.headers["ttl"], "60");
    assert_eq!(request.headers["urgency"], "high");
    assert_eq!(request.body_len, 512);

    // Without a message, a push without a body; in words, without the message resource.
    let output = run(&["send", "--allow-loopback"], &environment, token.as_bytes()).await;
    assert_eq!((output.code, output.text()), (0, "accepted by webpush, kept for 60 s\n"));
    assert_eq!(user_agent.next().await.unwrap().payload, None);
}

#[tokio::test]
async fn an_empty_private_key_sends_without_vapid() {
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let token = user_agent.subscribe(None).await.unwrap().token().to_json();
    let environment = [
        ("VAPID_PRIVATE_KEY", ""),
        ("VAPID_SUBJECT", ""),
        ("PUSH_TTL", ""),
        ("PUSH_URGENCY", ""),
        ("PUSH_TOPIC", ""),
    ];
    let output = run(&["send", "hi", "--allow-loopback"], &environment, token.as_bytes()).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(user_agent.next().await.unwrap().payload.as_deref(), Some(&b"hi"[..]));
    let request = service.requests().into_iter().rfind(|r| r.method == "POST").unwrap();
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn every_refusal_has_its_exit_code() {
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let token = user_agent.subscribe(None).await.unwrap().token().to_json();
    for (status, code, kind) in [
        (404, 8, "rejected"),
        (410, 3, "expired"),
        (400, 5, "rejected"),
        (413, 5, "payload_too_large"),
        (429, 6, "rate_limited"),
        (503, 6, "unavailable"),
    ] {
        service.set_faults(Faults::script([Fault::status(status)]));
        let output =
            run(&["send", "hi", "--allow-loopback", "--json"], &[], token.as_bytes()).await;
        assert_eq!(output.code, code, "{status}: {}", output.stderr);
        let report = output.json();
        assert_eq!(report["accepted"], false);
        assert_eq!(report["kind"], kind);
        assert_eq!(report["status"], status);
        assert_eq!(report["is_token_dead"], code == 3);
        assert_eq!(report["is_token_doubtful"], code == 8);
    }

    service.shutdown().await;
    let output = run(&["send", "hi", "--allow-loopback"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 6, "{}", output.stderr);
    assert!(output.stderr.contains("Connection refused"), "{}", output.stderr);
}

#[tokio::test]
async fn bad_input_makes_no_request() {
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let token = user_agent.subscribe(None).await.unwrap().token().to_json();
    let (private, _) = vapid_keys().await;
    let before = service.requests().len();
    let long = "x".repeat(3994);

    for (arguments, environment, code) in [
        (&["--ttl", "soon"][..], &[][..], 2),
        (&["--ttl", "-1"], &[], 2),
        (&["--urgency", "urgent"], &[], 2),
        (&["--topic", "a b"], &[], 2),
        (&["--padding", "lots"], &[], 2),
        (&["--padding", "10"], &[], 2),
        (&["--padding", "102"], &[], 2),
        (&["--padding", "4097"], &[], 2),
        (&["--padding", "103"], &[], 5),
        (&["--allow-host", "http://"], &[], 2),
        (&["--allow-host", "localhost"], &[], 5),
        (&["--nonsense"], &[], 2),
        (&[], &[("PUSH_TTL", "soon")], 2),
        (&[], &[("VAPID_PRIVATE_KEY", "AAAA"), ("VAPID_SUBJECT", SUBJECT)], 2),
        (&[], &[("VAPID_PRIVATE_KEY", private.as_str())], 2),
        (&[], &[("VAPID_PRIVATE_KEY", &private), ("VAPID_SUBJECT", "ops@sealpush.dev")], 2),
        (&[&long], &[], 5),
    ] {
        let message = if arguments.first() == Some(&long.as_str()) { &[][..] } else { &["hi"] };
        let loopback: &[&str] =
            if arguments.contains(&"--allow-host") { &[] } else { &["--allow-loopback"] };
        let arguments = [&["send"], message, arguments, loopback].concat();
        let output = run(&arguments, environment, token.as_bytes()).await;
        assert_eq!(output.code, code, "{:?}: {}", &arguments[1..], output.stderr);
        assert!(output.stdout.is_empty());
        assert!(!output.stderr.contains(&private), "{}", output.stderr);
    }

    // Without a way out of the guard, the loopback address itself is refused.
    let output = run(&["send", "hi"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("--allow-host") && !output.stderr.contains("::"));
    for bad in [&b""[..], b"{}", b"[", b"\xff", token.replace("p256dh", "p256").as_bytes()] {
        let output = run(&["send", "hi", "--allow-loopback"], &[], bad).await;
        assert_eq!(output.code, 4, "{}", output.stderr);
    }
    let foreign = token.replacen('{', r#"{"provider":"pigeon","#, 1);
    let output = run(&["send", "hi", "--allow-loopback"], &[], foreign.as_bytes()).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert_eq!(service.requests().len(), before);
}

#[tokio::test]
async fn a_message_may_begin_with_a_hyphen() {
    let (_service, mut user_agent, token) = subscribed().await;
    for (arguments, text) in [
        (&["-5 degrees"][..], "-5 degrees"),
        (&["-x"], "-x"),
        (&["--5 degrees outside"], "--5 degrees outside"),
        (&["--", "--json"], "--json"),
        (&["--topic", "-a-", "-5 degrees"], "-5 degrees"),
    ] {
        let arguments = [&["send", "--allow-loopback"], arguments].concat();
        let output = run(&arguments, &[], token.as_bytes()).await;
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
        let payload = user_agent.next().await.unwrap().payload.unwrap();
        assert_eq!(String::from_utf8(payload).unwrap(), text);
    }
    // A misspelt option is not sent to anybody.
    let output = run(&["send", "--jsno", "--allow-loopback"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 2, "{}", output.stderr);
}

#[tokio::test]
async fn token_and_message_come_from_files_or_one_of_them_from_standard_input() {
    let (service, mut user_agent, token) = subscribed().await;
    let directory = Directory::new();
    let token_file = directory.file("token.json", &token);
    let message = directory.file("message.bin", b"\xff\0 octets");
    for (arguments, stdin) in [
        (&["--token", &*token_file, "--message-file", &message][..], &b""[..]),
        (&["--message-file", &message], token.as_bytes()),
        (&["--token", &token_file, "--message-file", "-"], b"\xff\0 octets"),
    ] {
        let arguments = [&["send", "--allow-loopback"], arguments].concat();
        let output = run(&arguments, &[], stdin).await;
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
        assert_eq!(user_agent.next().await.unwrap().payload.unwrap(), b"\xff\0 octets");
    }

    let before = service.requests().len();
    for arguments in [
        &["--message-file", "-"][..],
        &["--token", "-", "--message-file", "-"],
        &["--token", &token_file, "hi", "--message-file", "-"],
        &["hi", "--vapid-key-file", "-"],
        &["hi", "--token", &token_file, "--tokens", &token_file],
    ] {
        let arguments = [&["send", "--allow-loopback"], arguments].concat();
        let output = run(&arguments, &[("VAPID_SUBJECT", SUBJECT)], token.as_bytes()).await;
        assert_eq!(output.code, 2, "{arguments:?}: {}", output.stderr);
    }
    assert_eq!(service.requests().len(), before);
}

#[tokio::test]
async fn a_notification_is_made_of_options() {
    let (_service, mut user_agent, token) = subscribed().await;
    let output = run(
        &[
            "send",
            "--allow-loopback",
            "--title",
            "-5 degrees",
            "--body",
            "- cold",
            "--url",
            "https://www.example.net/weather",
            "--icon",
            "/i.png",
            "--image",
            "/m.png",
            "--tag",
            "-t",
            "--lang",
            "de-CH",
            "--silent",
            "--require-interaction",
        ],
        &[],
        token.as_bytes(),
    )
    .await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    let payload = user_agent.next().await.unwrap().payload.unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        payload,
        json!({ "web_push": 8030, "notification": {
            "title": "-5 degrees", "body": "- cold", "navigate": "https://www.example.net/weather",
            "icon": "/i.png", "image": "/m.png", "tag": "-t", "lang": "de-CH",
            "silent": true, "requireInteraction": true,
        }})
    );
    for bad in [
        &["--title", "x"][..],
        &["--body", "x"],
        &["--title", "x", "--url", "javascript:SECRET"],
        &["--title", "", "--url", "/"],
        &["--title", "x", "--url", "/", "and a text"],
        &["--title", "x", "--url", "/", "--icon", "SECRET"],
    ] {
        let arguments = [&["send", "--allow-loopback"], bad].concat();
        let output = run(&arguments, &[], token.as_bytes()).await;
        assert_eq!(output.code, 2, "{bad:?}: {}", output.stderr);
        assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);
    }
}

#[tokio::test]
async fn a_temporary_failure_is_repeated_on_demand_only() {
    let (service, mut user_agent, token) = subscribed().await;
    service.set_faults(Faults::script([Fault::status(503)]));
    let output = run(&["send", "hi", "--allow-loopback"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 6, "{}", output.stderr);
    service.set_faults(Faults::script([Fault::status(503)]));
    let output = run(&["send", "hi", "--allow-loopback", "--retry"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(user_agent.next().await.unwrap().payload.unwrap(), b"hi");
}

#[tokio::test]
async fn a_listed_host_is_sent_to_and_can_be_listed_in_the_environment() {
    let (service, mut user_agent, token) = subscribed().await;
    let list = format!("push.example.net,{}", service.origin());
    for (arguments, environment) in [
        (&["send", "hi", "--allow-host", service.origin()][..], &[][..]),
        (&["send", "hi"], &[("PUSH_ALLOW_HOST", list.as_str())]),
    ] {
        let output = run(arguments, environment, token.as_bytes()).await;
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert_eq!(user_agent.next().await.unwrap().payload.unwrap(), b"hi");
    }
}

#[tokio::test]
async fn what_is_done_is_told_on_demand_without_the_address() {
    let (service, _user_agent, token) = subscribed().await;
    let output = run(&["send", "hi", "--allow-loopback", "-v"], &[], token.as_bytes()).await;
    assert_eq!((output.code, output.text()), (0, "accepted by webpush, kept for 2419200 s\n"));
    assert!(output.stderr.contains("accepted") && output.stderr.contains("octets=512"));
    let address = token.split(service.origin()).nth(1).unwrap().split('"').next().unwrap();
    assert!(!output.stderr.contains(address), "{}", output.stderr);
    let output = run(&["send", "hi", "--allow-loopback"], &[], token.as_bytes()).await;
    assert_eq!(output.stderr, "");
}
