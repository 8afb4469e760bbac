//! What a transport takes from the process around it, and what it does without: a proxy, root
//! certificates, descriptors, a runtime.

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod support;

use std::future::Future;
use std::task::{Context, Poll, Waker};

use sealpush::transport::HyperTransport;
use sealpush::{EndpointGuard, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use support::transports::{BOTH, Kind, Settings, post};

#[tokio::test]
async fn a_proxy_is_used_where_the_builder_names_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guard = EndpointGuard::allow_hosts(["http://push.lan:8080", "https://push.lan"]).unwrap();
    let mut settings = Settings::of(guard);
    settings.proxy = Some(format!("http://me:p%40ss@{}", listener.local_addr().unwrap()));
    let basic = "Basic bWU6cEBzcw==";

    let proxy = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        (asked, answer(&mut stream).await)
    };
    let transport = settings.build(Kind::Hyper);
    let (response, (asked, received)) =
        tokio::join!(post(&*transport, "http://push.lan:8080/p"), proxy);
    assert_eq!(response.unwrap().status(), 201);
    assert!(asked.starts_with("CONNECT push.lan:8080 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("Proxy-Authorization: {basic}\r\n")), "{asked}");
    assert!(received.starts_with("POST /p HTTP/1.1\r\n"), "{received}");
    assert!(received.contains("host: push.lan:8080\r\n"), "{received}");
    assert!(!received.to_lowercase().contains("proxy-authorization"), "{received}");

    // Nothing but the proxy knows the name, and none of these reaches it.
    for kind in BOTH {
        let transport = settings.build(kind);
        for blocked in ["https://10.0.0.1/p", "http://push.lan/p", "https://localhost/p"] {
            let error = post(&*transport, blocked).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Blocked, "{kind}: {blocked}");
        }
        let proxy = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            asked
        };
        let (response, asked) = tokio::join!(post(&*transport, "https://push.lan/p"), proxy);
        assert!(asked.starts_with("CONNECT push.lan:443 HTTP/1.1\r\n"), "{kind}: {asked}");
        assert!(asked.to_lowercase().contains(&basic.to_lowercase()), "{kind}: {asked}");
        let error = response.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{kind}: {error}");
        assert!(error.is_outcome_known() && error.status().is_none(), "{kind}: {error:?}");
        let shown = format!("{transport:?} {error:?}");
        assert!(!shown.contains("p%40ss") && !shown.contains("p@ss"), "{shown}");
    }
}

#[tokio::test]
async fn a_proxy_that_wants_credentials_is_a_matter_of_settings() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Settings::of(EndpointGuard::public());
    settings.proxy = Some(format!("http://{}", listener.local_addr().unwrap()));
    let transport = settings.build(Kind::Hyper);
    let proxy = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        stream.write_all(refusal).await.unwrap();
    };
    let (response, ()) = tokio::join!(post(&*transport, "https://push.example.net/p"), proxy);
    assert_eq!(response.unwrap_err().kind(), ErrorKind::Configuration);
}

#[test]
fn a_proxy_that_is_none_is_a_configuration_error_that_repeats_nothing() {
    for url in ["", "proxy.lan:3128", "https://secret@", "socks5://secret.lan", "ftp://secret.lan"]
    {
        for kind in BOTH {
            let mut settings = Settings::loopback();
            settings.proxy = Some(url.to_owned());
            let error = settings.try_build(kind).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{kind}: {url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}

/// Plain HTTP needs no root certificates, and TLS says what to install.
#[tokio::test]
async fn without_root_certificates_plain_http_works_and_tls_says_what_is_missing() {
    if std::env::var(INSIDE).is_err() {
        let inside = "without_root_certificates_plain_http_works_and_tls_says_what_is_missing";
        let mut command = again("exec \"$0\" \"$@\"", inside);
        succeed(command.env("SSL_CERT_FILE", "/dev/null").env_remove("SSL_CERT_DIR")).await;
        return;
    }
    for kind in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let transport = Settings::loopback().build(kind);
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream).await
        };
        let uri = format!("http://{address}/p");
        let (response, _) = tokio::join!(post(&*transport, &uri), server);
        assert_eq!(response.unwrap().status(), 201, "{kind}");

        let error = post(&*transport, &format!("https://{address}/p")).await.unwrap_err();
        if cfg!(feature = "webpki-roots") {
            assert_eq!(error.kind(), ErrorKind::Transport, "{kind}: nobody listens: {error}");
        } else {
            assert_eq!(error.kind(), ErrorKind::Configuration, "{kind}: {error}");
            assert!(error.to_string().contains("ca-certificates"), "{kind}: {error}");
        }
        assert!(error.is_outcome_known());
    }
}

/// Two hundred names that are used once, with fifty descriptors.
#[cfg(unix)]
#[tokio::test]
async fn out_of_descriptors_the_idle_connections_make_room() {
    let inside = "out_of_descriptors_the_idle_connections_make_room";
    if let Ok(port) = std::env::var(INSIDE) {
        let guard = EndpointGuard::loopback_for_tests();
        let transport =
            HyperTransport::builder().guard(guard).idle_connections(1000).build().unwrap();
        for name in 1..=200_u8 {
            let uri = format!("http://127.0.0.{name}:{port}/p");
            let response = post(&transport, &uri).await;
            assert_eq!(response.unwrap().status(), 201, "the name {name}");
        }
        return;
    }
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { while !answer(&mut stream).await.is_empty() {} });
        }
    });
    let mut command = again("ulimit -n 50; exec \"$0\" \"$@\"", inside);
    succeed(command.env(INSIDE, port.to_string())).await;
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    for kind in BOTH {
        let transport = Settings::loopback().build(kind);
        let mut sending = std::pin::pin!(post(&*transport, "http://127.0.0.1:9/p"));
        let Poll::Ready(outcome) = sending.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("{kind}: it cannot wait");
        };
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{kind}");
        assert!(error.is_outcome_known() && error.to_string().contains("tokio"), "{error}");
    }
}

/// Runs a test of this program again, in a process of its own that a shell has prepared.
fn again(shell: &str, test: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", shell]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads", "1"]).env(INSIDE, "");
    command
}

async fn succeed(command: &mut Command) {
    let output = command.output().await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && report.contains("1 passed"), "{report} {complaint}");
}

/// Says to a test that it is the one inside.
const INSIDE: &str = "SEALPUSH_TEST_INSIDE";

/// Reads a head without a body.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "{head}");
        head += &String::from_utf8_lossy(&part[..length]);
    }
    head
}

/// Reads a request and answers it; the request, or nothing if the connection has ended.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut received = String::new();
    while !received.ends_with("sealed") {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => received += &String::from_utf8_lossy(&part[..length]),
            _ => return received,
        }
    }
    let response = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(response).await.unwrap();
    received
}
