//! A person with several tokens is notified once, or it is said why not.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use sealpush::layers::RetryPolicy;
use sealpush::{Capabilities, Client, Error, ErrorKind, Message, Token};
use support::scripted::{Answer, Scripted, token, token_of};

/// Answers by the token's host: the name of a kind, or `accept`.
fn by_host() -> Scripted {
    Scripted::new(|attempt| match attempt.host() {
        "accept.example.net" => Answer::accept(),
        "unknown.example.net" => {
            Answer::error(Error::new(ErrorKind::Transport, "reset").with_unknown_outcome())
        }
        host => Answer::refuse(kind(host.split('.').next().unwrap())),
    })
}

fn kind(name: &str) -> ErrorKind {
    KNOWN
        .into_iter()
        .chain([ErrorKind::UnexpectedResponse])
        .find(|kind| format!("{kind:?}").to_lowercase() == name)
        .unwrap()
}

const KNOWN: [ErrorKind; 12] = [
    ErrorKind::Blocked,
    ErrorKind::Configuration,
    ErrorKind::Expired,
    ErrorKind::InvalidToken,
    ErrorKind::PayloadTooLarge,
    ErrorKind::RateLimited,
    ErrorKind::Rejected,
    ErrorKind::Timeout,
    ErrorKind::TokenMismatch,
    ErrorKind::Transport,
    ErrorKind::Unauthorized,
    ErrorKind::Unavailable,
];

fn tokens(names: &[&str]) -> Vec<Token> {
    let host = |name: &&str| token(&format!("{name}.example.net"), 0);
    names.iter().map(host).collect()
}

#[tokio::test(start_paused = true)]
async fn every_failure_with_a_known_outcome_moves_on() {
    for kind in KNOWN {
        let provider = by_host();
        let client = Client::builder().provider(provider.clone());
        // A policy does not matter: moving on is quicker than waiting.
        let client = client.retry(RetryPolicy::default()).build().unwrap();
        let name = format!("{kind:?}").to_lowercase();
        let tokens = tokens(&[&name, "accept", "accept"]);
        let first = client.send_first(&tokens, &Message::new("hello")).await;

        assert_eq!(provider.count(), 2, "{kind:?}");
        assert_eq!(first.failures().len(), 1);
        assert_eq!(first.failures()[0].0, tokens[0]);
        assert_eq!(first.failures()[0].1.kind(), kind);
        assert!(first.accepted().is_some());
        first.into_result().unwrap();
    }
}

#[tokio::test]
async fn an_unknown_outcome_ends_it_so_that_nobody_is_notified_twice() {
    for name in ["unknown", "unexpectedresponse"] {
        let provider = by_host();
        let client = Client::builder().provider(provider.clone()).build().unwrap();
        let tokens = tokens(&["unavailable", name, "accept"]);
        let first = client.send_first(&tokens, &Message::new("hello")).await;
        assert_eq!(provider.count(), 2, "{name}");
        assert!(!first.into_result().unwrap_err().is_outcome_known(), "{name}");
    }
}

#[tokio::test]
async fn each_token_gets_a_message_sealed_for_it() {
    // The first provider takes small bodies only: too large for one is not too large for all.
    let small = Scripted::accepting().with_id("small").with_capabilities(Capabilities::new(200));
    let large = Scripted::accepting().with_id("large");
    let client = Client::builder().provider(small.clone()).provider(large.clone());
    let client = client.build().unwrap();
    let tokens = [token_of("small", "a", 0), token_of("absent", "b", 0), token_of("large", "c", 0)];
    let first = client.send_first(&tokens, &Message::new(vec![7; 1000])).await;
    let kinds: Vec<_> = first.failures().iter().map(|(_, error)| error.kind()).collect();
    assert_eq!(kinds, [ErrorKind::PayloadTooLarge, ErrorKind::TokenMismatch]);
    assert_eq!((small.count(), large.count()), (0, 1));
    assert_eq!(first.into_result().unwrap().provider.as_str(), "large");
}

#[tokio::test]
async fn when_all_fail_the_error_is_the_one_to_act_on() {
    let client = Client::builder().provider(by_host()).build().unwrap();
    let message = Message::new("hello");
    for (names, expected) in [
        (&["expired", "unavailable", "rejected"][..], ErrorKind::Unavailable),
        (&["rejected", "expired"], ErrorKind::Expired),
        (&[], ErrorKind::Configuration),
    ] {
        let first = client.send_first(&tokens(names), &message).await;
        assert_eq!(first.failures().len(), names.len());
        assert_eq!(first.into_result().unwrap_err().kind(), expected, "{names:?}");
    }
}
