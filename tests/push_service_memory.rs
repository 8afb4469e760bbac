//! The embedded push service stays below 64 MiB, whatever is thrown at it. It runs as a process of
//! its own, so that the kernel tells its largest resident size, and limits its descriptors.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sealpush::EndpointGuard;
use sealpush::transport::{ReqwestTransport, Transport};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The promise, in KiB.
const MOST: u64 = 64 * 1024;

#[tokio::test]
async fn whatever_is_thrown_at_it_it_stays_below_64_mib() {
    let service = Service::start();
    let rested = service.peak();

    registrations_with_long_names(&service).await;
    service.check("registrations of 60 KB");
    let endpoints = registrations_without_end(&service).await;
    service.check("12,000 registrations");
    messages_without_end(&service, &endpoints).await;
    service.check("5,000 messages of 4 KiB");
    heads_with_many_fields(&service).await;
    service.check("3,000 heads of 15 KB");
    let _halves = half_requests(&service).await;
    service.check("400 half heads and half bodies");
    streams_with_large_heads(&service).await;
    let peak = service.check("2,000 streams with heads of 7 KB");
    println!("largest resident size: {rested} KiB at rest, {peak} KiB after all of it");

    // It serves all the same.
    let answer = service.ask("DELETE /m/x HTTP/1.1", "", b"").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

/// Most connections at a time, as `PushService` documents.
const CONNECTIONS: usize = 512;

#[tokio::test]
async fn the_513th_connection_waits_until_another_ends() {
    let service = Service::start();
    let mut taken = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = service.connect().await;
        service.ask_on(&mut stream, PING, "", b"").await;
        taken.push(stream);
    }
    let mut waiting = service.connect().await;
    let waiting = service.ask_on(&mut waiting, PING, "", b"");
    let mut waiting = std::pin::pin!(waiting);
    // The service is awake all the while, and answers those that have a place.
    for stream in &mut taken {
        tokio::select! {
            biased;
            answer = &mut waiting => panic!("{answer}"),
            _ = service.ask_on(stream, PING, "", b"") => {}
        }
    }
    taken.pop();
    assert!(waiting.await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn out_of_descriptors_it_waits_and_does_not_spin() {
    const DESCRIPTORS: usize = 64;
    let service = Service::start_with(DESCRIPTORS);
    let mut silent = Vec::new();
    for _ in 0..DESCRIPTORS {
        silent.push(service.connect().await);
    }
    let mut last = service.connect().await;
    let last = service.ask_on(&mut last, PING, "", b"");
    let mut last = std::pin::pin!(last);
    let before = service.worked();
    let answer = tokio::time::timeout(Duration::from_secs(2), &mut last).await;
    assert!(answer.is_err(), "there was a descriptor left, so this proves nothing");
    let worked = service.worked() - before;
    assert!(worked < Duration::from_millis(200), "{worked:?} of work for nothing");
    drop(silent);
    assert!(last.await.starts_with("HTTP/1.1 404"));
}

/// A request without any consequence.
const PING: &str = "DELETE /m/x HTTP/1.1";

async fn registrations_with_long_names(service: &Service) {
    for _ in 0..300 {
        let mut browser = service.browser().await;
        let register = json!({"messageType": "register", "channelID": "x".repeat(60_000)});
        let _ = browser.send(Message::text(register.to_string())).await;
        while let Some(Ok(_)) = browser.next().await {}
    }
}

/// Answers the push resources of those that were taken.
async fn registrations_without_end(service: &Service) -> Vec<String> {
    let mut browser = service.browser().await;
    let mut endpoints = Vec::new();
    for batch in 0..120 {
        for number in 0..100 {
            let channel = format!("{:08x}-0000-4000-8000-000000000000", batch * 100 + number);
            let register = json!({"messageType": "register", "channelID": channel});
            browser.feed(Message::text(register.to_string())).await.unwrap();
        }
        browser.flush().await.unwrap();
        for _ in 0..100 {
            let answer = receive(&mut browser).await;
            match answer["status"].as_u64().unwrap() {
                200 => endpoints.push(answer["pushEndpoint"].as_str().unwrap().to_owned()),
                status => assert_eq!(status, 503),
            }
        }
    }
    assert_eq!(endpoints.len(), 10_000);
    endpoints
}

async fn messages_without_end(service: &Service, endpoints: &[String]) {
    let mut body = vec![7; 16];
    body.extend_from_slice(&4096_u32.to_be_bytes());
    body.push(65);
    body.extend_from_slice(sealpush::UserAgentSecret::generate().unwrap().keys().public_octets());
    body.resize(4096, 9);
    let mut refused = 0;
    let mut stream = service.connect().await;
    for endpoint in endpoints.iter().step_by(2) {
        let path = endpoint.strip_prefix(&service.origin).unwrap();
        let head = format!("POST {path} HTTP/1.1");
        let fields = "ttl: 600\r\ncontent-encoding: aes128gcm\r\n";
        let answer = service.ask_on(&mut stream, &head, fields, &body).await;
        match answer.get(9..12) {
            Some("201") => {}
            Some("503") => refused += 1,
            _ => panic!("{answer}"),
        }
    }
    // 8 MiB hold fewer than 2,048 bodies of 4 KiB.
    assert!((2_950..4_000).contains(&refused), "{refused}");
}

async fn heads_with_many_fields(service: &Service) {
    let fields: String = (0..90).map(|n| format!("x-{n}: {}\r\n", "a".repeat(160))).collect();
    let mut stream = service.connect().await;
    for _ in 0..3_000 {
        service.ask_on(&mut stream, "GET /nowhere HTTP/1.1", &fields, b"").await;
    }
}

/// Requests that stop in the middle, whose connections stay open.
async fn half_requests(service: &Service) -> Vec<TcpStream> {
    let mut halves = Vec::new();
    for number in 0..400 {
        let mut stream = service.connect().await;
        let head = if number % 2 == 0 {
            format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(15_000))
        } else {
            let address = &service.address;
            format!(
                "POST /notifications HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000000\r\n\r\n{}",
                "a".repeat(500_000)
            )
        };
        // What it does not read, it does not keep.
        let write = stream.write_all(head.as_bytes());
        let _ = tokio::time::timeout(Duration::from_millis(200), write).await;
        halves.push(stream);
    }
    halves
}

async fn streams_with_large_heads(service: &Service) {
    let guard = EndpointGuard::loopback_for_tests();
    let transport = ReqwestTransport::builder().guard(guard).http2_prior_knowledge();
    let transport = &transport.build().unwrap();
    let requests = (0..2_000).map(|number| {
        let request = http::Request::post(format!("{}/nowhere", service.origin));
        let request = request.header("x-large", "a".repeat(7_000)).header("x-number", number);
        async move {
            let answer = transport.send(request.body(Bytes::new()).unwrap()).await;
            answer.map(|answer| answer.status().as_u16())
        }
    });
    let statuses: Vec<_> =
        futures_util::stream::iter(requests).buffer_unordered(500).collect().await;
    assert!(statuses.iter().any(Result::is_ok));
}

type Browser = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn receive(browser: &mut Browser) -> Value {
    let message = browser.next().await.unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// The command `sealpush serve`.
struct Service {
    child: Child,
    address: String,
    origin: String,
}

impl Service {
    fn start() -> Self {
        Self::start_with(1024)
    }

    /// With so many file descriptors at most.
    fn start_with(descriptors: usize) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", r#"ulimit -n "$1" && exec "$0" serve --listen 127.0.0.1:0"#])
            .args([env!("CARGO_BIN_EXE_sealpush"), &descriptors.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, rest) = line.split_once("ws://")?;
                Some(rest.split('/').next()?.to_owned())
            })
            .expect("the command says where it listens");
        let origin = format!("http://{address}");
        Self { child, address, origin }
    }

    /// The largest resident size so far, in KiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Processor time so far (proc_pid_stat(5), fields 14 and 15, in hundredths of a second).
    fn worked(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    fn check(&self, after: &str) -> u64 {
        let peak = self.peak();
        println!("{after}: {peak} KiB");
        assert!(peak < MOST, "{peak} KiB after {after}");
        peak
    }

    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    async fn browser(&self) -> Browser {
        let url = format!("ws://{}/", self.address);
        let (mut browser, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let hello = json!({"messageType": "hello", "use_webpush": true});
        browser.send(Message::text(hello.to_string())).await.unwrap();
        receive(&mut browser).await;
        browser
    }

    async fn ask(&self, line: &str, fields: &str, body: &[u8]) -> String {
        self.ask_on(&mut self.connect().await, line, fields, body).await
    }

    /// Sends a request on a connection that stays open, and answers what came back.
    async fn ask_on(
        &self,
        stream: &mut TcpStream,
        line: &str,
        fields: &str,
        body: &[u8],
    ) -> String {
        let head = format!(
            "{line}\r\nhost: {}\r\ncontent-length: {}\r\n{fields}\r\n",
            self.address,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        loop {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{line}");
            let text = String::from_utf8_lossy(&answer).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|field| field.strip_prefix("content-length: "));
            if length.is_none_or(|length| length.parse::<usize>().unwrap() <= body.len()) {
                return text;
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
