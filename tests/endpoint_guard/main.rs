//! SSRF: a stranger's subscription makes us connect to nothing but public push services
//! (rules R1 to R3: endpoint, rebinding, redirects and proxies).
//!
//! Names that change their addresses need a scripted resolver, which no public item offers; they
//! are tested beside the transport.

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod canary;
mod good;
mod hostile;
#[path = "../support/mod.rs"]
mod support;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use sealpush::transport::Transport;
use sealpush::{EndpointGuard, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use self::canary::Canary;
use self::support::transports::{BOTH, Settings};

#[test]
fn every_hostile_endpoint_is_refused_with_the_rule_it_breaks() {
    let guard = EndpointGuard::public();
    let endpoints = hostile::endpoints(40000);
    assert!(endpoints.len() >= 350, "{}", endpoints.len());
    for endpoint in &endpoints {
        let shown: String = endpoint.url.chars().take(200).collect();
        let error = guard.check(&endpoint.url).expect_err(&shown);
        assert_eq!(error.kind(), ErrorKind::Blocked, "{shown}");
        let text = error.to_string();
        assert!(text.contains(endpoint.rule), "{shown}: {text}, not {}", endpoint.rule);
    }
}

#[tokio::test]
async fn no_hostile_endpoint_is_connected_to() {
    let mut canary = Canary::start().await;
    for kind in BOTH {
        let transport = Settings::of(EndpointGuard::public()).build(kind);
        let mut sent = 0;
        for endpoint in hostile::endpoints(canary.port()) {
            for uri in uris(&endpoint.url) {
                let shown = format!("{kind}: {} as {uri}", endpoint.url);
                let error = post(&*transport, uri).await.expect_err(&shown);
                assert_eq!(error.kind(), ErrorKind::Blocked, "{shown}");
                assert!(error.is_outcome_known() && !error.is_retryable(), "{shown}");
                sent += 1;
            }
        }
        assert!(sent >= 350, "{sent}");
        assert_eq!(canary.connections().await, 0, "{kind}");
    }
}

#[tokio::test]
async fn the_canary_notices_a_connection() {
    let mut canary = Canary::start().await;
    for kind in BOTH {
        let transport = Settings::loopback().build(kind);
        for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
            let uri = format!("http://{host}:{}/", canary.port()).parse().unwrap();
            // It hangs up at once, which is a failure; what counts is that it was called.
            let error = post(&*transport, uri).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport, "{kind}: {host}");
            assert!(canary.connections().await >= 1, "{kind}: {host}");
        }
    }
}

#[test]
fn the_endpoints_of_real_push_services_pass() {
    let guard = EndpointGuard::public();
    assert!(good::ENDPOINTS.len() >= 40);
    for url in good::ENDPOINTS {
        if let Err(error) = guard.check(url) {
            panic!("{url}: {error}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut canary = Canary::start().await;
    let statuses = [301, 302, 303, 307, 308].map(|status| BOTH.map(|kind| (status, kind)));
    for (status, kind) in statuses.into_iter().flatten() {
        let transport = Settings::loopback().build(kind);
        let location = format!("http://127.0.0.1:{}/", canary.port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/p", listener.local_addr().unwrap()).parse().unwrap();
        let head = format!("{status} Moved\r\nlocation: {location}\r\nconnection: close");
        let (response, _) = tokio::join!(post(&*transport, uri), answer(&listener, &head));
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::from_u16(status).unwrap());
        assert_eq!(response.headers()["location"], location);
    }
    assert_eq!(canary.connections().await, 0);
}

#[tokio::test]
async fn a_proxy_in_the_environment_is_not_used() {
    if let Ok(target) = std::env::var(TARGET) {
        for kind in BOTH {
            let transport = Settings::loopback().build(kind);
            let response = post(&*transport, target.parse().unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::CREATED, "{kind}");
        }
        return;
    }
    let mut canary = Canary::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/p", listener.local_addr().unwrap());

    let server = async move {
        let head = "201 Created\r\nconnection: close";
        [answer(&listener, head).await, answer(&listener, head).await]
    };
    let server = tokio::spawn(server);
    again("a_proxy_in_the_environment_is_not_used", &target, canary.port()).await;
    for head in server.await.unwrap() {
        assert!(head.starts_with("POST /p HTTP/1.1\r\n"), "{head}");
    }
    assert_eq!(canary.connections().await, 0);
}

#[tokio::test]
async fn the_canary_notices_a_client_that_uses_the_proxy_in_the_environment() {
    if let Ok(target) = std::env::var(TARGET) {
        reqwest::Client::new().post(target).send().await.unwrap_err();
        return;
    }
    let mut canary = Canary::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/p", listener.local_addr().unwrap());
    let test = "the_canary_notices_a_client_that_uses_the_proxy_in_the_environment";
    again(test, &target, canary.port()).await;
    assert!(canary.connections().await >= 1);
}

/// Runs a test of this program again, in a process of its own, with the proxy variables and
/// [`TARGET`] set: by that the test knows that it is the one inside.
async fn again(test: &str, target: &str, proxy: u16) {
    let proxy = format!("http://127.0.0.1:{proxy}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(TARGET, target);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, &proxy).env(name.to_lowercase(), &proxy);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD");
    let output = command.output().await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
}

const TARGET: &str = "SEALPUSH_TEST_TARGET";

/// The URL as it is, and as a provider that has parsed it would write it, where these are URIs.
fn uris(url: &str) -> Vec<Uri> {
    let mut uris: Vec<Uri> = url.parse().into_iter().collect();
    // The parsed form of what only the lenient parser reads points to the canary all the same.
    if let Some(parsed) = url::Url::parse(url).ok().and_then(|url| url.as_str().parse().ok())
        && !uris.contains(&parsed)
        && !url.contains("@push.example.net/")
    {
        uris.push(parsed);
    }
    uris
}

async fn post(transport: &dyn Transport, uri: Uri) -> Result<Response<Bytes>> {
    let body = Bytes::from_static(b"sealed");
    transport.send(Request::post(uri).body(body).unwrap()).await
}

/// Answers the first request with a head, and says what the request's was.
async fn answer(listener: &TcpListener, head: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = [0; 4096];
    let length = stream.read(&mut request).await.unwrap();
    let response = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(response.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&request[..length]).into_owned()
}
