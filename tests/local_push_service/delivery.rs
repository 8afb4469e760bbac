//! What is stored, replaced, delivered and forgotten.

use sealpush::Padding;
use sealpush::local::{Subscription, UserAgent};

use crate::sender::Request;
use crate::{connected, endpoint};

/// A push that this subscription can open.
fn message(subscription: &Subscription, text: &str) -> Request {
    let sealed = sealpush::seal(subscription.token().keys(), text.as_bytes(), Padding::None);
    Request::push(&endpoint(subscription)).with_body(sealed.unwrap().as_ref())
}

/// Reads messages until the one named `end` arrives; answers those before it.
async fn until(user_agent: &mut UserAgent, end: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let delivery = user_agent.next().await.unwrap();
        let text = String::from_utf8(delivery.payload.unwrap()).unwrap();
        if text == end {
            return texts;
        }
        texts.push(text);
    }
}

#[tokio::test]
async fn a_connected_user_agent_is_sent_messages_in_order() {
    let (_service, _, mut user_agent) = connected().await;
    let first = user_agent.subscribe(None).await.unwrap();
    let second = user_agent.subscribe(None).await.unwrap();
    for (subscription, text) in [(&first, "a"), (&second, "b"), (&first, "c"), (&second, "end")] {
        assert_eq!(message(subscription, text).answer().await.status, 201);
    }
    assert_eq!(until(&mut user_agent, "end").await, ["a", "b", "c"]);
}

#[tokio::test]
async fn stored_messages_follow_on_reconnection_until_they_expire() {
    let (_service, clock, mut user_agent) = connected().await;
    let subscription = user_agent.subscribe(None).await.unwrap();
    user_agent.disconnect().await;
    let short = message(&subscription, "short").without("ttl").with("ttl", "10");
    let long = message(&subscription, "long").without("ttl").with("ttl", "11");
    for push in [&short, &long] {
        assert_eq!(push.answer().await.status, 201);
    }
    clock.advance(std::time::Duration::from_secs(10));
    message(&subscription, "end").answer().await;
    user_agent.reconnect().await.unwrap();
    assert_eq!(until(&mut user_agent, "end").await, ["long"]);
}

#[tokio::test]
async fn a_ttl_of_zero_is_now_or_never() {
    let (_service, _, mut user_agent) = connected().await;
    let subscription = user_agent.subscribe(None).await.unwrap();
    let now = |text| message(&subscription, text).without("ttl").with("ttl", "0");
    assert_eq!(now("connected").answer().await.status, 201);
    assert_eq!(user_agent.next().await.unwrap().payload.as_deref(), Some(&b"connected"[..]));

    user_agent.disconnect().await;
    let answer = now("absent").answer().await;
    assert_eq!((answer.status, answer.fields["ttl"].as_str()), (201, "0"));
    message(&subscription, "end").answer().await;
    user_agent.reconnect().await.unwrap();
    assert!(until(&mut user_agent, "end").await.is_empty());
}

#[tokio::test]
async fn a_topic_replaces_the_stored_message_of_its_subscription() {
    let (_service, _, mut user_agent) = connected().await;
    let subscription = user_agent.subscribe(None).await.unwrap();
    let other = user_agent.subscribe(None).await.unwrap();
    user_agent.disconnect().await;
    message(&subscription, "plain").answer().await;
    message(&subscription, "old").with("topic", "t").answer().await;
    message(&other, "elsewhere").with("topic", "t").answer().await;
    message(&subscription, "other").with("topic", "u").answer().await;
    message(&subscription, "new").with("topic", "t").answer().await;
    message(&subscription, "end").answer().await;
    user_agent.reconnect().await.unwrap();
    assert_eq!(until(&mut user_agent, "end").await, ["plain", "elsewhere", "other", "new"]);
}

#[tokio::test]
async fn a_stored_message_can_be_cancelled_once() {
    let (service, _, mut user_agent) = connected().await;
    let subscription = user_agent.subscribe(None).await.unwrap();
    user_agent.disconnect().await;
    let location = message(&subscription, "cancelled").answer().await.fields["location"].clone();
    let cancel = Request::new("DELETE", &location);
    assert_eq!(cancel.answer().await.status, 204);
    assert_eq!(cancel.answer().await.status, 404);
    let unknown = Request::new("DELETE", &format!("{}/m/x", service.origin()));
    assert_eq!(unknown.answer().await.status, 404);
    message(&subscription, "end").answer().await;
    user_agent.reconnect().await.unwrap();
    assert!(until(&mut user_agent, "end").await.is_empty());
}

#[tokio::test]
async fn a_subscription_stores_so_many_messages_and_no_more() {
    let service = sealpush::local::PushService::builder().max_stored(2).start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let subscription = user_agent.subscribe(None).await.unwrap();
    user_agent.disconnect().await;
    assert_eq!(message(&subscription, "a").with("topic", "t").answer().await.status, 201);
    assert_eq!(message(&subscription, "b").answer().await.status, 201);
    assert_eq!(message(&subscription, "c").answer().await.status, 429);
    // A replacement needs no room.
    assert_eq!(message(&subscription, "d").with("topic", "t").answer().await.status, 201);
}

#[tokio::test]
async fn an_offline_service_stores_and_refuses_user_agents() {
    let (service, _, mut user_agent) = connected().await;
    let subscription = user_agent.subscribe(None).await.unwrap();
    service.set_online(false);
    assert!(user_agent.next().await.is_err());
    assert!(user_agent.reconnect().await.is_err());
    assert_eq!(message(&subscription, "kept").answer().await.status, 201);
    service.set_online(true);
    user_agent.reconnect().await.unwrap();
    assert_eq!(user_agent.next().await.unwrap().payload.as_deref(), Some(&b"kept"[..]));
}
