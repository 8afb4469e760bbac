//! Names that change their mind: a scripted resolver in place of the system's.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::error::{ErrorKind, Result};
use crate::guard::EndpointGuard;
use crate::transport::lookup::Lookup;
use crate::transport::{HyperTransportBuilder, ReqwestTransportBuilder, Transport};

/// Gives the next answer of a list; fails when the list is at its end.
#[derive(Debug)]
struct Script(Mutex<VecDeque<Vec<SocketAddr>>>);

impl Script {
    fn new<const N: usize>(answers: [&[SocketAddr]; N]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect())))
    }
}

#[async_trait]
impl Lookup for Script {
    async fn lookup(&self, _: &str) -> io::Result<Vec<SocketAddr>> {
        let answer = self.0.lock().unwrap().pop_front();
        answer.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

const PUBLIC: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 8, 8)), 0);

async fn post(transport: &dyn Transport, url: &str) -> Result<Response<Bytes>> {
    transport.send(Request::post(url).body(Bytes::from_static(b"sealed")).unwrap()).await
}

/// Both transports, each with the script.
fn scripted<const N: usize>(
    guard: &EndpointGuard,
    answers: [&[SocketAddr]; N],
) -> [Arc<dyn Transport>; 2] {
    let (hyper, reqwest) = (HyperTransportBuilder::default(), ReqwestTransportBuilder::default());
    [
        Arc::new(hyper.guard(guard.clone()).lookup(Script::new(answers)).build().unwrap()),
        Arc::new(reqwest.guard(guard.clone()).lookup(Script::new(answers)).build().unwrap()),
    ]
}

/// A listener, and how to tell that nobody has called it.
async fn canary() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Connects once itself: whatever came before it is first in the listener's queue.
async fn assert_untouched(listener: &TcpListener) {
    let ours = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, ours.local_addr().unwrap(), "somebody else connected first");
}

#[tokio::test]
async fn a_name_with_a_public_and_a_private_address_is_refused_whole() {
    let (listener, canary) = canary().await;
    for answer in [&[PUBLIC, canary][..], &[canary, PUBLIC], &[canary]] {
        for transport in scripted(&EndpointGuard::public(), [answer]) {
            let error = post(&*transport, "https://rebind.example.net/p").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Blocked, "{error:?}");
            assert!(error.is_outcome_known());
            assert!(error.to_string().contains("not public"), "{error}");
            assert!(!format!("{error:?}").contains("rebind"), "{error:?}");
        }
    }
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn a_name_that_is_public_first_and_private_later_is_refused_later() {
    let (listener, canary) = canary().await;
    let guard = EndpointGuard::allow_range("127.0.0.2/32").unwrap();
    // Nobody listens there, so that the first request fails to connect and the second resolves.
    let allowed = SocketAddr::new([127, 0, 0, 2].into(), canary.port());
    for transport in scripted(&guard, [&[allowed], &[canary]]) {
        let url = "https://rebind.example.net/p";
        let first = post(&*transport, url).await.unwrap_err();
        assert_eq!(first.kind(), ErrorKind::Transport, "{first:?}");
        let second = post(&*transport, url).await.unwrap_err();
        assert_eq!(second.kind(), ErrorKind::Blocked, "{second:?}");
    }
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn a_name_is_resolved_once_for_one_connection() {
    let guard = EndpointGuard::allow_hosts(["http://rebind.example.net"]).unwrap();
    let (listener, canary) = canary().await;
    // A second look-up would find the script at its end.
    for transport in scripted(&guard, [&[canary]]) {
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        };
        let sending = post(&*transport, "http://rebind.example.net/p?q=1");
        let (response, head) = tokio::join!(sending, server);
        assert_eq!(response.unwrap().status(), 201);
        assert!(head.starts_with("POST /p?q=1 HTTP/1.1\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_listed_origin_opens_no_door_to_its_other_ports() {
    let (listener, canary) = canary().await;
    let guard = EndpointGuard::allow_hosts(["rebind.example.net:8443"]).unwrap();
    for transport in scripted(&guard, [&[canary]]) {
        let error = post(&*transport, "https://rebind.example.net/p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked);
    }
    assert_untouched(&listener).await;
}

#[tokio::test]
async fn localhost_that_is_elsewhere_is_refused_by_the_guard_for_tests() {
    for transport in scripted(&EndpointGuard::loopback_for_tests(), [&[PUBLIC]]) {
        let error = post(&*transport, "http://localhost/p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked);
        assert!(error.to_string().contains("loopback"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_transport_failure_with_a_known_outcome() {
    for transport in scripted(&EndpointGuard::public(), []) {
        let error = post(&*transport, "https://rebind.example.net/p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.is_outcome_known() && error.is_retryable());
        assert!(error.to_string().contains("does not resolve"), "{error}");
        assert!(!format!("{error:?}").contains("rebind"), "{error:?}");
    }
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_passed_over() {
    let guard = EndpointGuard::allow_hosts(["http://rebind.example.net"]).unwrap();
    let (listener, canary) = canary().await;
    let silent = SocketAddr::new([127, 0, 0, 2].into(), canary.port());
    let [hyper, _] = scripted(&guard, [&[silent, canary]]);
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        stream
    };
    let (response, _stream) = tokio::join!(post(&*hyper, "http://rebind.example.net/p"), server);
    assert_eq!(response.unwrap().status(), 201);
}
