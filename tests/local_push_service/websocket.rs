//! The browser's side of the protocol, frame by frame.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use sealpush::local::{Acknowledgement, PushService};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::sender::{ApplicationServer, Request, SMALL, sealed};

/// A browser of which only the frames are real.
struct Browser(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Browser {
    async fn connect(service: &PushService) -> Self {
        Self::handshake(service, &[]).await.unwrap().0
    }

    async fn handshake(
        service: &PushService,
        fields: &[(&'static str, &str)],
    ) -> Result<(Self, Response), Error> {
        let mut request = service.websocket_url().into_client_request().unwrap();
        for (name, value) in fields {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, response) = tokio_tungstenite::connect_async(request).await?;
        Ok((Self(socket), response))
    }

    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame; `None` once the push service has hung up.
    async fn receive(&mut self) -> Option<Value> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
            _ => None,
        }
    }

    async fn ask(&mut self, frame: Value) -> Value {
        self.send(frame).await;
        self.receive().await.expect("an answer")
    }

    /// Says hello and answers the name that the push service gave.
    async fn hello(&mut self, uaid: Option<&str>) -> String {
        let mut hello = json!({"messageType": "hello", "broadcasts": {}, "use_webpush": true});
        if let Some(uaid) = uaid {
            hello["uaid"] = json!(uaid);
        }
        let answer = self.ask(hello).await;
        assert_eq!(answer["messageType"], "hello");
        assert_eq!((&answer["status"], &answer["use_webpush"]), (&json!(200), &json!(true)));
        answer["uaid"].as_str().unwrap().to_owned()
    }

    async fn register(&mut self, channel_id: &str, key: Option<&str>) -> Value {
        let mut register = json!({"messageType": "register", "channelID": channel_id});
        if let Some(key) = key {
            register["key"] = json!(key);
        }
        let answer = self.ask(register).await;
        assert_eq!(answer["channelID"], channel_id);
        answer
    }

    async fn endpoint(&mut self) -> String {
        let answer = self.register(CHANNEL, None).await;
        answer["pushEndpoint"].as_str().unwrap().to_owned()
    }
}

const CHANNEL: &str = "8a9aba4f-1ba3-4fbd-9a0c-0e0a0d6e8b4e";

#[tokio::test]
async fn what_firefox_offers_in_the_handshake_is_accepted_without_compression() {
    let service = PushService::start().await.unwrap();
    let offer = [
        ("sec-websocket-protocol", "push-notification"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("origin", service.websocket_url().leak()),
    ];
    let (mut browser, response) = Browser::handshake(&service, &offer).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "push-notification");
    assert!(!response.headers().contains_key("sec-websocket-extensions"));
    browser.hello(None).await;

    let (_, response) = Browser::handshake(&service, &[]).await.unwrap();
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
}

#[tokio::test]
async fn a_known_user_agent_keeps_its_name_and_an_unknown_one_gets_another() {
    let service = PushService::start().await.unwrap();
    let mut browser = Browser::connect(&service).await;
    let uaid = browser.hello(Some("0123456789abcdef0123456789abcdef")).await;
    assert_ne!(uaid, "0123456789abcdef0123456789abcdef");
    assert!(uaid.len() == 32 && uaid.bytes().all(|digit| digit.is_ascii_hexdigit()));

    let mut again = Browser::connect(&service).await;
    assert_eq!(again.hello(Some(&uaid)).await, uaid);
    // One connection for one user agent: the older one ends.
    assert_eq!(browser.receive().await, None);
    assert_eq!(again.ask(json!({})).await, json!({}));
}

#[tokio::test]
async fn a_key_is_a_point_and_a_channel_has_one_key() {
    let service = PushService::start().await.unwrap();
    let mut browser = Browser::connect(&service).await;
    browser.hello(None).await;
    let (key, other) = (ApplicationServer::new().public_key(), ApplicationServer::new());
    let first = browser.register(CHANNEL, Some(&format!("{key}="))).await;
    assert_eq!(first["status"], 200);
    assert_eq!(browser.register(CHANNEL, Some(&key)).await, first);
    assert_eq!(browser.register(CHANNEL, Some(&other.public_key())).await["status"], 409);
    for wrong in ["", "?", "AAAA", &format!("BA{}", "A".repeat(85))] {
        let answer = browser.register("5c0ffee5-0000-4000-8000-000000000000", Some(wrong)).await;
        assert_eq!((&answer["status"], &answer["pushEndpoint"]), (&json!(400), &Value::Null));
    }
}

#[tokio::test]
async fn a_notification_carries_the_body_or_nothing() {
    let service = PushService::start().await.unwrap();
    let mut browser = Browser::connect(&service).await;
    browser.hello(None).await;
    let push = Request::push(&browser.endpoint().await);
    push.answer().await;
    let notification = browser.receive().await.unwrap();
    assert_eq!(notification["messageType"], "notification");
    assert_eq!(notification["channelID"], CHANNEL);
    assert_eq!(notification["data"], URL_SAFE_NO_PAD.encode(sealed(SMALL)));
    assert_eq!(notification["headers"], json!({"encoding": "aes128gcm"}));

    push.without("content-encoding").with_body([]).answer().await;
    let bare = browser.receive().await.unwrap();
    assert!(bare.get("data").is_none() && bare.get("headers").is_none(), "{bare}");
    assert_ne!(bare["version"], notification["version"]);
}

#[tokio::test]
async fn any_acknowledgement_deletes_and_nothing_else_does() {
    let codes = [
        (100, Acknowledgement::Delivered),
        (101, Acknowledgement::NotOpened),
        (102, Acknowledgement::NotDelivered),
        (199, Acknowledgement::Other(199)),
    ];
    let service = PushService::start().await.unwrap();
    let mut browser = Browser::connect(&service).await;
    let uaid = browser.hello(None).await;
    let push = Request::push(&browser.endpoint().await);
    for (code, meaning) in codes {
        let location = push.answer().await.fields["location"].clone();
        let version = browser.receive().await.unwrap()["version"].clone();
        browser.send(json!({"messageType": "nack", "version": version, "code": 301})).await;

        // The same message comes again after a reconnection that follows no acknowledgement.
        browser = Browser::connect(&service).await;
        browser.hello(Some(&uaid)).await;
        assert_eq!(browser.receive().await.unwrap()["version"], version);
        let update = json!({"channelID": CHANNEL, "version": version, "code": code});
        browser.send(json!({"messageType": "ack", "updates": [update]})).await;
        assert_eq!(service.acknowledgement(&(*location).into()).await, meaning);
        assert_eq!(Request::new("DELETE", &location).answer().await.status, 404);
    }
}

#[tokio::test]
async fn nobody_acknowledges_the_messages_of_another() {
    let service = PushService::start().await.unwrap();
    let mut browser = Browser::connect(&service).await;
    browser.hello(None).await;
    let push = Request::push(&browser.endpoint().await);
    let location = push.answer().await.fields["location"].clone();
    let version = browser.receive().await.unwrap()["version"].clone();

    let mut other = Browser::connect(&service).await;
    other.hello(None).await;
    let update = json!({"channelID": CHANNEL, "version": version, "code": 100});
    other.send(json!({"messageType": "ack", "updates": [update]})).await;
    assert_eq!(other.ask(json!({})).await, json!({}));
    assert_eq!(Request::new("DELETE", &location).answer().await.status, 204);
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection() {
    let hello = json!({"messageType": "hello", "use_webpush": true}).to_string();
    let register = json!({"messageType": "register", "channelID": CHANNEL}).to_string();
    let before_hello = [
        "not json".to_owned(),
        "[]".to_owned(),
        json!({"messageType": "hello"}).to_string(),
        register,
    ];
    let after_hello = [
        hello,
        json!({"messageType": "dance"}).to_string(),
        json!({"messageType": "register"}).to_string(),
        json!({"messageType": "register", "channelID": "x".repeat(60_000)}).to_string(),
        json!({"messageType": "register", "channelID": ""}).to_string(),
        json!({"messageType": "a".repeat(100_000)}).to_string(),
    ];
    let service = PushService::start().await.unwrap();
    let frames = before_hello.map(|frame| (false, frame)).into_iter();
    for (greeted, frame) in frames.chain(after_hello.map(|frame| (true, frame))) {
        let mut browser = Browser::connect(&service).await;
        if greeted {
            browser.hello(None).await;
        }
        // The push service may hang up on a frame before it has taken all of it.
        let _ = browser.0.send(Message::text(frame.clone())).await;
        assert_eq!(browser.receive().await, None, "{frame:.60}");
    }
}

#[tokio::test]
async fn an_offline_service_refuses_the_handshake() {
    let service = PushService::start().await.unwrap();
    service.set_online(false);
    let Err(Error::Http(response)) = Browser::handshake(&service, &[]).await else {
        panic!("the handshake was accepted");
    };
    assert_eq!(response.status(), 503);
}
