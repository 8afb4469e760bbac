//! What a page in a browser on the same machine, or any other program on it, can do.

use futures_util::{SinkExt, StreamExt};
use sealpush::local::{PathKind, PushService, UserAgent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::sender::Request;
use crate::{connected, endpoint};

#[tokio::test]
async fn a_page_of_another_origin_is_refused_though_it_knows_the_push_resource() {
    let (service, _, mut user_agent) = connected().await;
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    for origin in ["https://evil.example", "http://127.0.0.1:1", "null", "http://localhost"] {
        for request in [
            push.clone(),
            Request::new("DELETE", &format!("{}/m/x", service.origin())),
            Request::new("POST", &format!("{}/token", service.origin())),
            Request::new("POST", &format!("{}/notifications", service.origin())),
            Request::new("OPTIONS", &format!("{}/v1/projects/p/messages:send", service.origin())),
        ] {
            let answer = request.with("origin", origin).answer().await;
            assert_eq!(answer.status, 403, "{origin}: {answer:?}");
            assert!(!answer.fields.keys().any(|name| name.starts_with("access-control")));
        }
    }
    assert_eq!(push.clone().with("origin", service.origin()).answer().await.status, 201);
    assert_eq!(push.answer().await.status, 201);
}

#[tokio::test]
async fn a_name_that_was_bound_to_this_address_is_refused() {
    let (service, _, mut user_agent) = connected().await;
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    let port = service.origin().rsplit_once(':').unwrap().1;
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "", "127.0.0.1:1"] {
        assert_eq!(push.clone().with("host", host).answer().await.status, 421, "{host}");
    }
    let twice = push.clone().with("host", format!("127.0.0.1:{port}")).with("host", "evil.example");
    assert_ne!(twice.answer().await.status, 201);
    // The request line may name another site than the field does.
    let answer = raw(&service, "POST http://evil.example/ HTTP/1.1", &[]).await;
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    let answer = raw(&service, "GET / HTTP/1.0", &[]).await;
    assert!(answer.starts_with("HTTP/1.0 421"), "{answer}");
    for host in [format!("localhost:{port}"), format!("LOCALHOST:{port}")] {
        assert_eq!(push.clone().with("host", host).answer().await.status, 201);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_websocket() {
    let service = PushService::start().await.unwrap();
    for (name, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "ws://127.0.0.1:1/", 403),
        ("host", "evil.example", 421),
    ] {
        let mut request = service.websocket_url().into_client_request().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        let Err(Error::Http(response)) = tokio_tungstenite::connect_async(request).await else {
            panic!("{name}: {value} was taken");
        };
        assert_eq!(response.status(), status, "{name}: {value}");
    }
    let requests = service.requests();
    assert!(requests.iter().all(|request| request.kind == PathKind::Websocket));
    assert_eq!(requests.len(), 4);
}

#[tokio::test]
async fn a_public_url_is_what_user_agents_and_senders_see() {
    let builder = PushService::builder().public_url("https://push.example.net");
    // Its own address stays good, or nobody could reach it without the proxy.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let service = builder.listen(address).start().await.unwrap();
    assert_eq!(service.origin(), "https://push.example.net");
    assert_eq!(service.websocket_url(), "wss://push.example.net/");
    let mut user_agent = UserAgent::connect(&format!("ws://{address}/")).await.unwrap();
    let endpoint = endpoint(&user_agent.subscribe(None).await.unwrap());
    let path = endpoint.strip_prefix("https://push.example.net/wpush/v1/").unwrap();
    let push = Request::push(&format!("http://{address}/wpush/v1/{path}"));
    let through_proxy = push.clone().with("host", "push.example.net");
    for push in [push, through_proxy] {
        let answer = push.answer().await;
        assert_eq!(answer.status, 201);
        assert!(answer.fields["location"].starts_with("https://push.example.net/m/"));
    }
    let error = PushService::builder().public_url("push.example").start().await.unwrap_err();
    assert_eq!(error.kind(), sealpush::ErrorKind::Configuration);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused_and_recorded_nowhere() {
    let service = PushService::start().await.unwrap();
    let fields: Vec<_> = (0..40).map(|n| format!("x-{n}: {}", "a".repeat(1_000))).collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    let answer = raw(&service, "GET / HTTP/1.1", &fields).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn a_websocket_that_says_nothing_ends() {
    let service = PushService::start().await.unwrap();
    let url = service.websocket_url();
    let (mut silent, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    // A ping is no hello.
    silent.send(Message::text("{}")).await.unwrap();
    assert_eq!(silent.next().await.unwrap().unwrap(), Message::text("{}"));
    let started = std::time::Instant::now();
    while let Some(Ok(_)) = silent.next().await {}
    assert!(started.elapsed() < std::time::Duration::from_secs(60));
}

#[tokio::test]
async fn half_a_head_is_waited_for_ten_seconds_also_when_it_trickles_in() {
    let service = PushService::start().await.unwrap();
    let address = service.origin().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let started = std::time::Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let trickle = async {
        let mut every = tokio::time::interval(std::time::Duration::from_millis(500));
        loop {
            every.tick().await;
            if writing.write_all(b"a").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut octets = Vec::new();
    tokio::select! {
        () = trickle => {}
        _ = reading.read_to_end(&mut octets) => {}
    }
    let waited = started.elapsed().as_secs();
    assert!((9..30).contains(&waited), "{waited}");
    assert!(octets.is_empty());
}

/// Writes a head by hand, and answers what comes until the connection ends.
async fn raw(service: &PushService, line: &str, fields: &[&str]) -> String {
    let address = service.origin().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let mut head = format!("{line}\r\n");
    if line.ends_with("1.1") {
        head.push_str(&format!("host: {address}\r\nconnection: close\r\n"));
    }
    for field in fields {
        head.push_str(&format!("{field}\r\n"));
    }
    // The service may answer and hang up before it has taken all of it.
    let _ = stream.write_all(format!("{head}\r\n").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
