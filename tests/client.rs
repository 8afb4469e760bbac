//! A client finds the provider of a token, and says so when it has none.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use futures_util::StreamExt;
use sealpush::client::Job;
use sealpush::layers::RetryPolicy;
use sealpush::{
    Capabilities, Client, ErrorKind, Message, MessageId, Padding, ProviderId, Topic, Ttl, Urgency,
};
use support::scripted::{Answer, Scripted, token_of};

#[tokio::test]
async fn a_token_goes_to_its_provider() {
    let (a, b) = (Scripted::accepting().with_id("a"), Scripted::accepting().with_id("b"));
    let client = Client::builder().provider(a.clone()).provider(b.clone()).build().unwrap();
    let token = token_of("b", "push.example.net", 0);
    let accepted = client.send_encrypted(&token, &Message::new("hello")).await.unwrap();
    assert_eq!(accepted.provider.as_str(), "b");
    assert_eq!((a.count(), b.count()), (0, 1));
}

#[tokio::test]
async fn a_token_of_a_provider_that_is_not_there_is_a_mismatch() {
    let client = Client::builder().provider(Scripted::accepting()).build().unwrap();
    let token = token_of("other", "push.example.net", 0);
    let message = Message::new("hello");
    let error = client.send_encrypted(&token, &message).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
    assert_eq!(error.to_string(), "this client has no provider 'other'");
    let sealed = message.seal(token.keys(), 4096).unwrap();
    let error = client.send(&token, &sealed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TokenMismatch);
}

#[test]
fn two_providers_of_one_name_or_none_are_refused() {
    let two = Client::builder().provider(Scripted::accepting()).provider(Scripted::accepting());
    let error = two.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.to_string(), "two providers are named 'webpush'");
    assert_eq!(Client::builder().build().unwrap_err().kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_message_is_sealed_for_the_providers_largest_body() {
    let small = Capabilities::new(600);
    let provider = Scripted::accepting().with_capabilities(small);
    let client = Client::builder().provider(provider.clone()).build().unwrap();
    let token = token_of("webpush", "push.example.net", 0);
    client.send_encrypted(&token, &Message::new(vec![1; 490])).await.unwrap();
    let error = client.send_encrypted(&token, &Message::new(vec![1; 700])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    assert_eq!(error.provider().unwrap().as_str(), "webpush");
    assert_eq!(provider.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_are_made_when_asked_for() {
    let flaky = || {
        Scripted::new(|attempt| match attempt.number {
            0 | 1 => Answer::refuse(ErrorKind::Unavailable),
            _ => Answer::accept(),
        })
    };
    let token = token_of("webpush", "push.example.net", 0);
    let message = Message::new("hello");

    let provider = flaky();
    let client = Client::builder().provider(provider.clone()).build().unwrap();
    assert!(client.send_encrypted(&token, &message).await.unwrap_err().is_retryable());
    assert_eq!(provider.count(), 1);

    let provider = flaky();
    let policy = RetryPolicy::default();
    let client = Client::builder().provider(provider.clone()).retry(policy).build().unwrap();
    client.send_encrypted(&token, &message).await.unwrap();
    let attempts = provider.attempts();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|attempt| attempt.message == attempts[0].message));
}

#[tokio::test]
async fn what_a_push_service_can_do_is_asked_by_token() {
    let can = Capabilities::new(600).with_topic();
    let client = Client::builder().provider(Scripted::accepting().with_capabilities(can));
    let client = client.build().unwrap();
    assert_eq!(client.capabilities(&token_of("webpush", "push.example.net", 0)), Some(can));
    assert_eq!(client.capabilities(&token_of("other", "push.example.net", 0)), None);
}

/// What was sealed elsewhere goes out as it is, one by one and among clear jobs.
#[tokio::test]
async fn a_job_that_is_sealed_is_sent_with_its_own_octets_and_options() {
    let can = Capabilities::new(4096).with_topic().with_ttl().with_urgency();
    let provider = Scripted::accepting().with_capabilities(can);
    let client = Client::builder().provider(provider.clone()).build().unwrap();
    let token = token_of("webpush", "push.example.net", 0);
    let topic: Topic = "door".parse().unwrap();
    let sealed = Message::new("hello").with_topic(topic).with_ttl(Ttl::from_secs(7));
    let sealed = sealed.seal(token.keys(), 4096).unwrap();
    let jobs = [
        Job::new("sealed", token.clone(), sealed.clone()),
        ("again", token.clone(), sealed.clone()).into(),
        Job::new("clear", token.clone(), Message::new("hello")),
    ];
    let mut outcomes: Vec<_> = client.send_all(jobs).collect().await;
    outcomes.sort_by_key(|(key, _)| *key);
    assert_eq!(
        outcomes.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
        ["again", "clear", "sealed"]
    );
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
    let sent: Vec<_> = provider.attempts().into_iter().map(|attempt| attempt.message).collect();
    assert_eq!(sent.iter().filter(|message| **message == sealed).count(), 2);
    assert_eq!(sent.len(), 3);
}

#[test]
fn a_message_says_what_it_was_given() {
    let plain = Message::new("hello");
    assert_eq!((plain.expose(), plain.topic()), (&b"hello"[..], None));
    assert_eq!((plain.ttl(), plain.urgency()), (Ttl::default(), Urgency::Normal));
    assert_eq!(plain.padding(), Padding::Buckets);
    assert_eq!(plain.placeholder().as_str(), "New message");

    let message = plain
        .with_padding(Padding::To(200))
        .with_placeholder("Neu".parse().unwrap())
        .with_topic("door".parse().unwrap())
        .with_ttl(Ttl::from_secs(7))
        .with_urgency(Urgency::VeryLow);
    assert_eq!(message.padding(), Padding::To(200));
    let keys = token_of("webpush", "push.example.net", 0).keys().clone();
    let sealed = message.seal(&keys, 4096).unwrap();
    for (ttl, urgency, topic, placeholder) in [
        (message.ttl(), message.urgency(), message.topic(), message.placeholder()),
        (sealed.ttl(), sealed.urgency(), sealed.topic(), sealed.placeholder()),
    ] {
        assert_eq!((ttl.as_secs(), urgency), (7, Urgency::VeryLow));
        assert_eq!((topic.unwrap().as_str(), placeholder.as_str()), ("door", "Neu"));
    }
}

#[test]
fn names_are_texts_in_json_and_a_provider_is_read_as_strictly_as_elsewhere() {
    let provider: ProviderId = serde_json::from_str(r#""my.pager-2_x""#).unwrap();
    assert_eq!(provider.as_str(), "my.pager-2_x");
    assert_eq!(serde_json::to_string(&provider).unwrap(), r#""my.pager-2_x""#);
    assert_eq!(serde_json::from_str::<ProviderId>(r#""fc\u006d""#).unwrap().as_str(), "fcm");
    for bad in [r#""""#, r#""SECRET""#, r#""a secret""#, "7", "null", r#"["fcm"]"#] {
        let error = serde_json::from_str::<ProviderId>(bad).unwrap_err().to_string();
        assert!(!error.to_lowercase().contains("secret"), "{error}");
    }
    let name = MessageId::from("https://push.example.net/m/1");
    let json = serde_json::to_string(&name).unwrap();
    assert_eq!(json, r#""https://push.example.net/m/1""#);
    let read: MessageId = serde_json::from_str(&json).unwrap();
    assert_eq!((read.expose(), &read), (name.expose(), &name));
    assert!(!format!("{name:?}").contains("push"));
}

#[test]
fn debug_names_the_providers() {
    let client = Client::builder().provider(Scripted::accepting().with_id("a")).build().unwrap();
    let shown = format!("{client:?} {:?}", Client::builder());
    assert!(shown.contains("Scripted") && shown.contains("in_flight"), "{shown}");
}
