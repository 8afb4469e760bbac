//! A client finds the provider of a token, and says so when it has none.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use sealpush::layers::RetryPolicy;
use sealpush::{Client, ErrorKind, Message};
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
    let small = sealpush::Capabilities::new(600);
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

#[test]
fn debug_names_the_providers() {
    let client = Client::builder().provider(Scripted::accepting().with_id("a")).build().unwrap();
    let shown = format!("{client:?} {:?}", Client::builder());
    assert!(shown.contains("Scripted") && shown.contains("in_flight"), "{shown}");
}
