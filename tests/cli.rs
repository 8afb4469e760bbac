//! The command `sealpush`, run as a user runs it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Stdio;

use sealpush::local::{Fault, Faults, PushService, UserAgent};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

const SUBJECT: &str = "mailto:ops@sealpush.dev";

struct Output {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Output {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
}

async fn run(arguments: &[&str], environment: &[(&str, &str)], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpush"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // A command that ends before it reads is no failure of the test.
    let _ = input.write_all(stdin).await;
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    Output {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A file that is removed at the end of the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("sealpush-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn vapid_keys() -> (String, String) {
    let output = run(&["vapid", "generate"], &[], b"").await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    let value = |name: &str| {
        let line = output.text().lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches('=').to_owned()
    };
    (value("VAPID_PRIVATE_KEY"), value("VAPID_PUBLIC_KEY"))
}

#[tokio::test]
async fn a_generated_vapid_key_has_the_public_key_that_is_shown_later() {
    let (private, public) = vapid_keys().await;
    assert_eq!((private.len(), public.len()), (43, 87));
    let output = run(&["vapid", "public"], &[("VAPID_PRIVATE_KEY", &private)], b"").await;
    assert_eq!(output.text().trim(), public);
    let output = run(&["vapid", "public", "--vapid-private-key", &private], &[], b"").await;
    assert_eq!(output.text().trim(), public);

    for bad in ["", "AAAA", "not base64"] {
        let output = run(&["vapid", "public"], &[("VAPID_PRIVATE_KEY", bad)], b"").await;
        assert_eq!(output.code, 2, "{bad:?}: {}", output.stderr);
        assert!(output.stdout.is_empty());
    }
}

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
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
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
        (404, 5, "Rejected"),
        (410, 3, "Expired"),
        (400, 5, "Rejected"),
        (413, 5, "PayloadTooLarge"),
        (429, 6, "RateLimited"),
        (503, 6, "Unavailable"),
    ] {
        service.set_faults(Faults::script([Fault::status(status)]));
        let output =
            run(&["send", "hi", "--allow-loopback", "--json"], &[], token.as_bytes()).await;
        assert_eq!(output.code, code, "{status}: {}", output.stderr);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["accepted"], false);
        assert_eq!(report["kind"], kind);
        assert_eq!(report["status"], status);
        assert_eq!(report["is_token_dead"], code == 3);
    }

    service.shutdown().await;
    let output = run(&["send", "hi", "--allow-loopback"], &[], token.as_bytes()).await;
    assert_eq!(output.code, 6, "{}", output.stderr);
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
        (&["--padding", "5000"], &[], 5),
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
    for bad in [&b""[..], b"{}", b"[", b"\xff", token.replace("p256dh", "p256").as_bytes()] {
        let output = run(&["send", "hi", "--allow-loopback"], &[], bad).await;
        assert_eq!(output.code, 4, "{}", output.stderr);
    }
    let foreign = token.replacen('{', r#"{"provider":"fcm","#, 1);
    let output = run(&["send", "hi", "--allow-loopback"], &[], foreign.as_bytes()).await;
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert_eq!(service.requests().len(), before);
}

#[tokio::test]
async fn what_is_sealed_for_generated_keys_opens_with_them() {
    let output = run(&["keys", "generate"], &[], b"").await;
    let keys: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = TempFile::new("keys.json", &output.stdout);
    let token = serde_json::json!({
        "endpoint": "https://push.example.net/p/1",
        "keys": { "p256dh": keys["p256dh"], "auth": keys["auth"] },
    })
    .to_string();
    let open = ["open", "--keys", file.path()];

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
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["body"].as_str().unwrap().len(), 683);

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
        let file = TempFile::new("bad.json", bad.as_bytes());
        let output = run(&["open", "--keys", file.path()], &[], &tampered).await;
        assert_eq!(output.code, 2);
        assert!(!output.stderr.contains("SECRET"), "{}", output.stderr);
    }
    let output = run(&["open", "--keys", "/nowhere/keys.json"], &[], &tampered).await;
    assert_eq!(output.code, 2);
}

#[tokio::test]
async fn the_push_service_runs_where_nobody_reads_its_warning() {
    let (reader, unread) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealpush"))
        .args(["serve", "--listen", "0.0.0.0:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(unread)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap_or_default();
    assert!(line.starts_with("push service"), "{line:?}");
}

#[tokio::test]
async fn help_teaches_and_shows_no_secret_of_the_environment() {
    let (private, _) = vapid_keys().await;
    let environment = [("VAPID_PRIVATE_KEY", private.as_str())];
    for arguments in [&["--help"][..], &["send", "--help"], &["vapid", "public", "--help"]] {
        let output = run(arguments, &environment, b"").await;
        assert_eq!(output.code, 0);
        assert!(!output.text().contains(&private), "{}", output.text());
    }
    let output = run(&["--help"], &[], b"").await;
    assert!(output.text().contains("Exit codes:") && output.text().contains("Examples:"));
}
