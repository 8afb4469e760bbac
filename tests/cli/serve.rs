//! `serve`.

use super::*;

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
async fn a_busy_port_is_named_with_its_reason() {
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let output = run(&["serve", "--listen", &address], &[], b"").await;
    assert_eq!((output.code, output.text()), (2, ""));
    assert!(output.stderr.contains(&address), "{}", output.stderr);
    assert!(output.stderr.contains("Address already in use"), "{}", output.stderr);
    for bad in ["8030", "localhost", "SECRET:1"] {
        let output = run(&["serve", "--listen", bad], &[], b"").await;
        assert_eq!((output.code, output.text()), (2, ""));
        assert!(output.stderr.contains("127.0.0.1:8030") && !output.stderr.contains("SECRET"));
    }
}

#[tokio::test]
async fn what_arrives_is_told_without_addresses_and_contents() {
    let mut service = Running::start(command(&["serve", "--listen", "127.0.0.1:0"], &[]));
    service.line().await;
    let websocket = service.line().await.split_whitespace().last().unwrap().to_owned();
    assert_eq!(service.line().await, "Ctrl-C stops it");
    let arguments = ["listen", "--push-service", &websocket, "--count", "1"];
    let mut listener = Running::start(command(&arguments, &[]));
    let token = listener.line().await;
    assert_eq!(service.line().await, "user agent connected");
    assert_eq!(service.line().await, "subscribed");
    let (private, _) = vapid_keys().await;
    let environment = [("VAPID_PRIVATE_KEY", private.as_str()), ("VAPID_SUBJECT", SUBJECT)];
    let send = ["send", "SECRET", "--allow-loopback", "--ttl", "60", "--urgency", "high"];
    let output = run(&send, &environment, token.as_bytes()).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    let mut told = [service.line().await, service.line().await];
    told.sort();
    assert_eq!(
        told,
        [
            "POST to a subscription: 201, 512 octets, kept for 60 s, urgency high, signed",
            "message delivered",
        ]
    );
}

#[tokio::test]
async fn push_resources_begin_with_the_public_url() {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--public-url", "https://push.example"];
    let mut service = Running::start(command(&arguments, &[]));
    assert_eq!(service.line().await, "push service  https://push.example");
    assert_eq!(service.line().await, "websocket     wss://push.example/");
    for bad in ["push.example", "https://push.example/SECRET", "SECRET"] {
        let output =
            run(&["serve", "--public-url", bad], &[("PUSH_LISTEN", "127.0.0.1:0")], b"").await;
        assert_eq!((output.code, output.text()), (2, ""), "{bad}: {}", output.stderr);
        assert!(output.stderr.contains("--public-url") && !output.stderr.contains("SECRET"));
    }
}
