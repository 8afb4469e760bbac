//! The user agent in Rust subscribes, receives and opens, and survives what happens to its
//! connection.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::error::Error as _;

use sealpush::local::{Acknowledgement, Delivery, PushService, Subscription, UserAgent};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::{
    Accepted, EndpointGuard, Error, ErrorKind, Message, OpenError, PushProviderExt, Result, Token,
    Ttl,
};
use serde_json::{Value, json};

/// A sender and a receiver with a push service between them.
struct Bench {
    service: PushService,
    user_agent: UserAgent,
    web_push: WebPush,
}

impl Bench {
    async fn start() -> Self {
        let service = PushService::start().await.unwrap();
        let user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
        Self { service, user_agent, web_push: web_push(None) }
    }

    async fn send(&self, token: &Token, text: &str) -> Result<Accepted> {
        self.web_push.send_encrypted(token, &Message::new(text)).await
    }

    async fn next_text(&mut self) -> String {
        text(self.user_agent.next().await.unwrap())
    }
}

fn web_push(key: Option<VapidKey>) -> WebPush {
    let builder = WebPush::builder().guard(EndpointGuard::loopback_for_tests());
    let subject = "mailto:ops@push-demo.dev".parse().unwrap();
    match key {
        Some(key) => builder.vapid(VapidKeys::new(subject, key)),
        None => builder,
    }
    .build()
    .unwrap()
}

fn text(delivery: Delivery) -> String {
    String::from_utf8(delivery.payload.unwrap()).unwrap()
}

/// The token of a subscription with another authentication secret.
fn with_wrong_secret(subscription: &Subscription) -> Token {
    let mut token: Value = serde_json::from_str(&subscription.token().to_json()).unwrap();
    token["keys"]["auth"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    token.to_string().parse().unwrap()
}

fn is_open_error(error: &Error) -> bool {
    error.source().is_some_and(|source| source.is::<OpenError>())
}

#[tokio::test]
async fn a_sealed_message_is_opened_and_named_by_its_subscription() {
    let mut bench = Bench::start().await;
    let first = bench.user_agent.subscribe(None).await.unwrap();
    let second = bench.user_agent.subscribe(None).await.unwrap();
    assert_eq!(first.token().expose("applicationServerKey"), None);
    for (subscription, payload) in [(&first, "one"), (&second, "two"), (&first, "")] {
        bench.send(&subscription.token(), payload).await.unwrap();
        let delivery = bench.user_agent.next().await.unwrap();
        assert_eq!(delivery.subscription, subscription.id());
        let expected = (!payload.is_empty()).then(|| payload.as_bytes().to_vec());
        assert_eq!(delivery.payload, expected);
    }
}

#[tokio::test]
async fn a_subscription_with_a_key_takes_that_sender_only() {
    let mut bench = Bench::start().await;
    let key = VapidKey::generate().unwrap();
    let public_key = key.public_key_base64();
    let subscription = bench.user_agent.subscribe(Some(&public_key)).await.unwrap();
    let token = subscription.token();
    assert_eq!(token.expose("applicationServerKey"), Some(public_key.as_str()));
    assert_eq!(bench.send(&token, "no key").await.unwrap_err().kind(), ErrorKind::TokenMismatch);

    bench.web_push = web_push(Some(key));
    bench.send(&token, "signed").await.unwrap();
    assert_eq!(bench.next_text().await, "signed");
}

#[tokio::test]
async fn an_application_server_key_is_checked_before_it_is_sent() {
    let mut bench = Bench::start().await;
    for key in ["", "no base64!", "AAAA", &format!("BA{}", "A".repeat(85))] {
        let error = bench.user_agent.subscribe(Some(key)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{key}");
    }
    // Padded and in the standard alphabet it is the same key.
    let key = VapidKey::generate().unwrap().public_key_base64();
    let standard = format!("{}=", key.replace('-', "+").replace('_', "/"));
    let token = bench.user_agent.subscribe(Some(&standard)).await.unwrap().token();
    assert_eq!(token.expose("applicationServerKey"), Some(key.as_str()));
}

#[tokio::test]
async fn a_message_that_does_not_open_is_an_error_and_no_payload() {
    let mut bench = Bench::start().await;
    let subscription = bench.user_agent.subscribe(None).await.unwrap();
    let wrong = bench.send(&with_wrong_secret(&subscription), "wrong").await.unwrap();
    let right = bench.send(&subscription.token(), "right").await.unwrap();

    let error = bench.user_agent.next().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Rejected && is_open_error(&error), "{error:?}");
    assert_eq!(bench.next_text().await, "right");
    for (accepted, expected) in
        [(wrong, Acknowledgement::NotOpened), (right, Acknowledgement::Delivered)]
    {
        let message_id = accepted.message_id.unwrap();
        assert_eq!(bench.service.acknowledgement(&message_id).await, expected);
    }
}

#[tokio::test]
async fn an_ended_subscription_is_expired_for_its_senders() {
    let mut bench = Bench::start().await;
    let subscription = bench.user_agent.subscribe(None).await.unwrap();
    let other = bench.user_agent.subscribe(None).await.unwrap();
    bench.send(&other.token(), "before").await.unwrap();
    bench.user_agent.unsubscribe(&subscription).await.unwrap();
    bench.service.unsubscribed(&subscription.token()).await;
    let error = bench.send(&subscription.token(), "late").await.unwrap_err();
    assert!(error.is_token_dead() && error.status() == Some(410));
    // What arrived while it waited for the answer is not lost.
    assert_eq!(bench.next_text().await, "before");
}

#[tokio::test]
async fn stored_messages_come_after_a_reconnection_as_the_same_user_agent() {
    let mut bench = Bench::start().await;
    let token = bench.user_agent.subscribe(None).await.unwrap().token();
    bench.user_agent.disconnect().await;
    let error = bench.user_agent.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);

    bench.send(&token, "kept").await.unwrap();
    let now = Message::new("dropped").with_ttl(Ttl::NOW);
    bench.web_push.send_encrypted(&token, &now).await.unwrap();
    bench.send(&token, "kept too").await.unwrap();
    bench.user_agent.reconnect().await.unwrap();
    assert_eq!(bench.next_text().await, "kept");
    assert_eq!(bench.next_text().await, "kept too");
}

#[tokio::test]
async fn a_message_read_before_a_reconnection_is_delivered_once() {
    let mut bench = Bench::start().await;
    let token = bench.user_agent.subscribe(None).await.unwrap().token();
    let accepted = bench.send(&token, "once").await.unwrap();
    // Reads the message on the way to its own answer, and does not acknowledge it yet.
    bench.user_agent.subscribe(None).await.unwrap();
    bench.user_agent.reconnect().await.unwrap();
    bench.send(&token, "end").await.unwrap();
    assert_eq!(bench.next_text().await, "once");
    assert_eq!(bench.next_text().await, "end");
    bench.service.acknowledgement(&accepted.message_id.unwrap()).await;
}

#[tokio::test]
async fn a_next_that_is_dropped_loses_nothing() {
    let mut bench = Bench::start().await;
    let token = bench.user_agent.subscribe(None).await.unwrap().token();
    for number in 0..20 {
        tokio::select! {
            biased;
            _ = bench.user_agent.next() => panic!("nothing was sent"),
            () = tokio::task::yield_now() => {}
        }
        let number = number.to_string();
        bench.send(&token, &number).await.unwrap();
        assert_eq!(bench.next_text().await, number);
    }
}

#[tokio::test]
async fn a_service_that_forgot_the_user_agent_ends_its_subscriptions() {
    let mut bench = Bench::start().await;
    let token = bench.user_agent.subscribe(None).await.unwrap().token();
    let address = bench.service.origin().trim_start_matches("http://").parse().unwrap();
    bench.service.shutdown().await;
    assert_eq!(bench.user_agent.reconnect().await.unwrap_err().kind(), ErrorKind::Transport);

    bench.service = PushService::builder().listen(address).start().await.unwrap();
    bench.user_agent.reconnect().await.unwrap();
    bench.web_push = web_push(None);
    let error = bench.send(&token, "gone").await.unwrap_err();
    // It no longer knows whether there ever was such a subscription.
    assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, Some(404)));
    assert!(error.is_token_doubtful() && !error.is_token_dead());
    let token = bench.user_agent.subscribe(None).await.unwrap().token();
    bench.send(&token, "anew").await.unwrap();
    assert_eq!(bench.next_text().await, "anew");
}

#[tokio::test]
async fn what_is_not_a_push_service_is_an_error() {
    let service = PushService::start().await.unwrap();
    for url in [
        format!("{}m/x", service.websocket_url()),
        "ws://127.0.0.1:1/".to_owned(),
        "not a url".to_owned(),
    ] {
        let error = UserAgent::connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{url}");
    }
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let mut bench = Bench::start().await;
    let subscription = bench.user_agent.subscribe(None).await.unwrap();
    let token = subscription.token();
    bench.send(&token, "the payload").await.unwrap();
    let delivery = bench.user_agent.next().await.unwrap();
    let shown = format!(
        "{:?} {subscription:?} {delivery:?} {:?} {:?}",
        bench.user_agent,
        bench.service,
        bench.service.requests()
    );
    let resource = token.expose("endpoint").unwrap().rsplit('/').next().unwrap();
    let keys: Value = serde_json::from_str(&token.to_json()).unwrap();
    for secret in [resource, keys["keys"]["auth"].as_str().unwrap(), "the payload", "116, 104, 101"]
    {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_saved_user_agent_goes_on_with_its_subscription_and_gets_what_was_stored() {
    let mut bench = Bench::start().await;
    let subscription = bench.user_agent.subscribe(None).await.unwrap();
    let token = subscription.token();
    let saved = bench.user_agent.save();
    bench.user_agent.disconnect().await;
    bench.send(&token, "while it was away").await.unwrap();

    let resumed = UserAgent::resume(&bench.service.websocket_url(), &saved).await.unwrap();
    let subscriptions: Vec<_> = resumed.subscriptions().collect();
    assert_eq!(subscriptions.len(), 1);
    assert_eq!((subscriptions[0].id(), subscriptions[0].token()), (subscription.id(), token));
    bench.user_agent = resumed;
    assert_eq!(bench.next_text().await, "while it was away");

    // A push service that was started anew knows nobody.
    let other = PushService::start().await.unwrap();
    let stranger = UserAgent::resume(&other.websocket_url(), &saved).await.unwrap();
    assert_eq!(stranger.subscriptions().count(), 0);
}

#[tokio::test]
async fn what_is_no_saved_user_agent_is_refused_without_its_text() {
    let mut bench = Bench::start().await;
    bench.user_agent.subscribe(None).await.unwrap();
    let url = bench.service.websocket_url();
    let saved: Value = serde_json::from_str(&bench.user_agent.save()).unwrap();
    let mut other_key = saved.clone();
    other_key["subscriptions"][0]["private_key"] =
        json!("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE");
    let mut no_key = saved.clone();
    no_key["subscriptions"][0]["private_key"] = json!("SECRET");
    let mut no_token = saved;
    no_token["subscriptions"][0]["token"] = json!("SECRET");
    for bad in [json!("SECRET"), json!({}), other_key, no_key, no_token] {
        let error = UserAgent::resume(&url, &bad.to_string()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}
