//! Servers that never end, never begin, or answer nonsense: a typed error or a bounded response,
//! within the transport's own deadline (rule R4).

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::error::Error as StdError;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use sealpush::transport::{MAX_RESPONSE, ReqwestTransport, ReqwestTransportBuilder, Transport};
use sealpush::{EndpointGuard, Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

#[tokio::test]
async fn of_an_endless_body_16_kib_are_read() {
    for head in [
        "HTTP/1.1 201 Created\r\n\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: 10737418240\r\n\r\n",
        "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let chunk = match head.contains("chunked") {
            true => [b"ff00\r\n".as_slice(), &[b'a'; 0xff00], b"\r\n"].concat(),
            false => vec![b'a'; 0xff00],
        };
        let (response, written) = exchange(patient(), "http", async |stream, _| {
            write_forever(stream, head.as_bytes(), &chunk).await
        })
        .await;
        let response = response.unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.body().len(), MAX_RESPONSE);
        // The rest is what fits into the buffers of two sockets.
        assert!(written < MAX_IN_FLIGHT, "{written} octets taken");
    }
}

#[tokio::test]
async fn a_body_that_stops_is_a_response_with_the_octets_that_came() {
    let (response, ()) = exchange(hasty(), "http", async |mut stream, _| {
        let head = b"HTTP/1.1 201 Created\r\ncontent-length: 10737418240\r\n\r\nhalf";
        stream.write_all(head).await.unwrap();
        until_closed(stream).await;
    })
    .await;
    let response = response.unwrap();
    assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &b"half"[..]));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_response_with_the_octets_that_came() {
    let (response, ()) = exchange(patient(), "http", async |mut stream, _| {
        let head = b"HTTP/1.1 410 Gone\r\ncontent-length: 100\r\n\r\nhalf";
        stream.write_all(head).await.unwrap();
        stream.shutdown().await.unwrap();
        until_closed(stream).await;
    })
    .await;
    let response = response.unwrap();
    assert_eq!((response.status().as_u16(), &response.body()[..]), (410, &b"half"[..]));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_runs_into_the_deadline() {
    let (response, ()) =
        exchange(hasty(), "http", async |stream, _| until_closed(stream).await).await;
    assert_failure(response, ErrorKind::Timeout, Outcome::Unknown);
}

#[tokio::test]
async fn headers_that_come_one_octet_at_a_time_run_into_the_deadline() {
    let (response, ()) = exchange(hasty(), "http", async |mut stream, _| {
        stream.write_all(b"HTTP/1.1 201 Created\r\nx-slow: ").await.unwrap();
        // The server's own pace; nothing in the test waits for it.
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        while stream.write_all(b"a").await.is_ok() {
            pace.tick().await;
        }
    })
    .await;
    assert_failure(response, ErrorKind::Timeout, Outcome::Unknown);
}

#[tokio::test]
async fn interim_responses_without_end_run_into_the_deadline() {
    let (response, _) = exchange(hasty(), "http", async |mut stream, _| {
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").await.is_ok() {
            pace.tick().await;
        }
    })
    .await;
    assert_failure(response, ErrorKind::Timeout, Outcome::Unknown);
}

#[tokio::test]
async fn what_is_not_http_is_a_transport_failure_with_an_unknown_outcome() {
    for garbage in [
        "not a status line\r\n\r\n",
        "HTTP/1.1 9999 Created\r\n\r\n",
        "HTTP/9.9 201 Created\r\n\r\n",
        "\0\u{1}\u{2}\u{3}\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 201 Created\r\nno colon\r\n\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ] {
        let (response, ()) = exchange(patient(), "http", async |mut stream, _| {
            stream.write_all(garbage.as_bytes()).await.unwrap();
            until_closed(stream).await;
        })
        .await;
        assert_failure(response, ErrorKind::Transport, Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_connection_that_is_half_closed_without_an_answer_has_an_unknown_outcome() {
    let (response, ()) = exchange(patient(), "http", async |mut stream, _| {
        stream.shutdown().await.unwrap();
        until_closed(stream).await;
    })
    .await;
    assert_failure(response, ErrorKind::Transport, Outcome::Unknown);
}

#[tokio::test]
async fn a_reset_after_the_request_has_an_unknown_outcome() {
    let (response, ()) = exchange(patient(), "http", async |stream, _| {
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_failure(response, ErrorKind::Transport, Outcome::Unknown);
}

#[tokio::test]
async fn headers_without_end_are_given_up_within_bounds() {
    for field in [format!("x-{}: b\r\n", "a".repeat(60)), "a".repeat(64)] {
        let (response, written) = exchange(patient(), "http", async |stream, _| {
            write_forever(stream, b"HTTP/1.1 201 Created\r\n", field.as_bytes()).await
        })
        .await;
        assert_failure(response, ErrorKind::Transport, Outcome::Unknown);
        assert!(written < MAX_IN_FLIGHT, "{written} octets taken");
    }
}

#[tokio::test]
async fn a_hundred_and_one_headers_are_too_many() {
    let head = format!("HTTP/1.1 201 Created\r\n{}\r\n", "a: b\r\n".repeat(101));
    let (response, ()) = exchange(patient(), "http", async |mut stream, _| {
        stream.write_all(head.as_bytes()).await.unwrap();
        until_closed(stream).await;
    })
    .await;
    assert_failure(response, ErrorKind::Transport, Outcome::Unknown);
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_is_a_timeout_with_nothing_sent() {
    let builder = loopback().connect_timeout(SHORT);
    let (response, hello) = exchange(builder, "https", async |stream, hello| {
        until_closed(stream).await;
        hello
    })
    .await;
    assert_failure(response, ErrorKind::Timeout, Outcome::Known);
    assert_eq!(hello.first(), Some(&HANDSHAKE), "a handshake, not a request");
}

#[tokio::test]
async fn a_server_without_tls_is_a_transport_failure_with_nothing_sent() {
    let (response, ()) = exchange(patient(), "https", async |mut stream, _| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        until_closed(stream).await;
    })
    .await;
    let error = assert_failure(response, ErrorKind::Transport, Outcome::Known);
    assert!(error.to_string().contains("TLS"), "{error}");
}

#[tokio::test]
async fn a_server_that_closes_in_the_handshake_is_a_transport_failure_with_nothing_sent() {
    let (response, ()) = exchange(patient(), "https", async |stream, _| drop(stream)).await;
    assert_failure(response, ErrorKind::Transport, Outcome::Known);
}

#[tokio::test]
async fn a_refused_connection_is_a_transport_failure_with_the_cause_and_nothing_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/{SECRET}", listener.local_addr().unwrap());
    drop(listener);
    let response = post(&patient().build().unwrap(), &uri).await;
    let error = assert_failure(response, ErrorKind::Transport, Outcome::Known);
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    assert_eq!(cause.unwrap().kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn what_a_server_says_in_goaway_stays_out_of_the_error() {
    let builder = patient().http2_prior_knowledge();
    let (response, ()) = exchange(builder, "http", async |mut stream, _| {
        stream.write_all(&frame(SETTINGS, &[])).await.unwrap();
        // Last stream 2^31-1: the request may have been processed. INTERNAL_ERROR is 2.
        let goaway = [&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 2], SECRET.as_bytes()].concat();
        stream.write_all(&frame(GOAWAY, &goaway)).await.unwrap();
        stream.shutdown().await.unwrap();
        until_closed(stream).await;
    })
    .await;
    assert_failure(response, ErrorKind::Transport, Outcome::Unknown);
}

/// Most octets that a server gets rid of before it notices that nobody reads.
const MAX_IN_FLIGHT: usize = 12 * 1024 * 1024;

/// In the path of every request; no error may show it.
const SECRET: &str = "JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV";

/// The deadline where the test is about running into it.
const SHORT: Duration = Duration::from_millis(200);

/// First octet of a TLS record with a handshake message (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// Types of HTTP/2 frames (RFC 9113 §6).
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

#[derive(Debug, Eq, PartialEq)]
enum Outcome {
    Known,
    Unknown,
}

fn loopback() -> ReqwestTransportBuilder {
    ReqwestTransport::builder().guard(EndpointGuard::loopback_for_tests())
}

/// With a deadline that the test must not run into.
fn patient() -> ReqwestTransportBuilder {
    loopback()
}

/// With a deadline that the test is meant to run into.
fn hasty() -> ReqwestTransportBuilder {
    loopback().timeout(SHORT)
}

/// Sends one request to a server that reads once, and then does as it likes with the connection
/// and what it has read.
async fn exchange<T, F>(
    builder: ReqwestTransportBuilder,
    scheme: &str,
    server: impl FnOnce(TcpStream, Vec<u8>) -> F,
) -> (Result<Response<Bytes>>, T)
where
    F: Future<Output = T>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("{scheme}://{}/{SECRET}", listener.local_addr().unwrap());
    let transport = builder.build().unwrap();
    let started = Instant::now();
    let client = async {
        let response = post(&transport, &uri).await;
        // Closes the connections that are still open, so that the server ends too.
        drop(transport);
        response
    };
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        request.truncate(length);
        server(stream, request).await
    };
    let both = tokio::join!(client, server);
    assert!(started.elapsed() < Duration::from_secs(14), "the deadline did not hold");
    both
}

async fn post(transport: &ReqwestTransport, uri: &str) -> Result<Response<Bytes>> {
    transport.send(Request::post(uri).body(Bytes::from_static(b"sealed")).unwrap()).await
}

/// Checks kind and outcome, and that the error shows nothing of the request's URL.
fn assert_failure(response: Result<Response<Bytes>>, kind: ErrorKind, outcome: Outcome) -> Error {
    let error = response.expect_err("a failure");
    assert_eq!(error.kind(), kind, "{error:?}");
    let known = if error.is_outcome_known() { Outcome::Known } else { Outcome::Unknown };
    assert_eq!(known, outcome, "{error:?}");
    let mut shown = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        shown += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    for secret in [SECRET, "127.0.0.1", "http:", "https:"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    error
}

/// Writes until the other side has closed, and counts the octets.
async fn write_forever(mut stream: TcpStream, head: &[u8], piece: &[u8]) -> usize {
    stream.write_all(head).await.unwrap();
    let mut written = 0;
    while let Ok(length) = stream.write(&piece[written % piece.len()..]).await {
        written += length;
    }
    written
}

async fn until_closed(mut stream: TcpStream) {
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// A frame on stream 0 without flags (RFC 9113 §4.1).
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, 0, 0, 0, 0, 0], payload].concat()
}
