//! How it ends, and how it carries HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use sealpush::local::{Fault, Faults, PushService, UserAgent};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{EndpointGuard, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::endpoint;
use crate::sender::{Request, SMALL, sealed};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn no_task_outlives_a_dropped_service() {
    let before = Handle::current().metrics().num_alive_tasks();
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    service.set_faults(Faults::script([Fault::Latency(HOUR)]));
    let mut idle =
        TcpStream::connect(service.origin().trim_start_matches("http://")).await.unwrap();
    let late = tokio::spawn(async move { push.send().await.is_none() });
    while service.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(Handle::current().metrics().num_alive_tasks() >= before + 4);

    drop(service);
    assert!(late.await.unwrap());
    assert!(user_agent.next().await.is_err());
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
    while Handle::current().metrics().num_alive_tasks() > before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn shutdown_lets_a_request_finish_and_ends_the_rest() {
    let faults = Faults::script([Fault::Latency(Duration::from_millis(50))]);
    let service = PushService::builder().faults(faults).start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    let address = service.origin().trim_start_matches("http://").to_owned();
    let late = tokio::spawn(async move { push.answer().await.status });
    while service.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    service.shutdown().await;
    assert_eq!(late.await.unwrap(), 201);
    assert!(user_agent.next().await.is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_on_the_same_port() {
    let (service, transport, endpoint) = over_http_2().await;
    assert_eq!(post(&transport, &endpoint).await.unwrap(), 201);
    assert_eq!(service.requests().last().unwrap().body_len, SMALL);
}

#[tokio::test]
async fn a_reset_ends_one_stream_and_a_disconnection_all() {
    let (service, transport, endpoint) = over_http_2().await;
    post(&transport, &endpoint).await.unwrap();
    service.set_faults(Faults::script([
        Fault::Latency(Duration::from_millis(50)),
        Fault::ResetBeforeBody,
    ]));
    let both = tokio::join!(post(&transport, &endpoint), post(&transport, &endpoint));
    let outcomes = [both.0, both.1];
    assert_eq!(outcomes.iter().flatten().collect::<Vec<_>>(), [&201]);
    assert_eq!(unknown(&outcomes), 1);

    service.set_faults(Faults::script([Fault::Latency(HOUR), Fault::Disconnect]));
    let both = tokio::join!(post(&transport, &endpoint), post(&transport, &endpoint));
    assert_eq!(unknown(&[both.0, both.1]), 2);
}

#[tokio::test]
async fn one_connection_of_http_1_carries_many_requests() {
    let service = PushService::start().await.unwrap();
    let address = service.origin().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!("DELETE /m/x HTTP/1.1\r\nhost: {address}\r\n\r\n");
    for sent in 1..=3 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 404"));
        assert_eq!(service.requests().len(), sent);
    }
}

/// A service with a subscription, and a transport that opens one HTTP/2 connection.
async fn over_http_2() -> (PushService, ReqwestTransport, String) {
    let service = PushService::start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let endpoint = endpoint(&user_agent.subscribe(None).await.unwrap());
    let transport = ReqwestTransport::builder()
        .guard(EndpointGuard::loopback_for_tests())
        .http2_prior_knowledge()
        .build()
        .unwrap();
    (service, transport, endpoint)
}

async fn post(transport: &ReqwestTransport, endpoint: &str) -> Result<u16> {
    let request = http::Request::post(endpoint)
        .header("ttl", "60")
        .header("content-encoding", "aes128gcm")
        .body(Bytes::from(sealed(SMALL)))
        .unwrap();
    Ok(transport.send(request).await?.status().as_u16())
}

/// How many failed so that nobody knows whether the message was taken.
fn unknown(outcomes: &[Result<u16>]) -> usize {
    let failed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    failed.filter(|error| !error.is_outcome_known()).count()
}
