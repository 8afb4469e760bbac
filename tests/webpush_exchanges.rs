//! What goes out to each push service, and what each of its answers means.
//!
//! One table per push service in `tests/exchanges/webpush`, one row per request and answer. The time
//! is 2027-01-15 08:00:00 UTC.
#![cfg(feature = "webpush")]

mod support;

use std::collections::BTreeMap;

use sealpush::providers::WebPush;
use sealpush::providers::webpush::VapidKey;
use sealpush::{Message, PushProvider, SealedMessage, Ttl};
use serde::Deserialize;

use support::exchanges::{Answer, Table};
use support::script::{Script, clock};
use support::web_push::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    endpoint: Option<String>,
    ttl: Option<u32>,
    urgency: Option<String>,
    topic: Option<String>,
    #[serde(default)]
    empty: bool,
    #[serde(default = "yes")]
    vapid: bool,
    headers: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// The push services and how many rows each has at least: requests, answers.
const TABLES: [(&str, usize, usize); 6] = [
    ("webpush/apple", 2, 33),
    ("webpush/google", 2, 29),
    ("webpush/microsoft", 3, 24),
    ("webpush/mozilla", 1, 47),
    ("webpush/ntfy", 1, 26),
    ("webpush/other", 7, 56),
];

#[tokio::test]
async fn every_answer_of_every_push_service_means_what_it_should() {
    for (service, _, least) in TABLES {
        let table = Table::load(service);
        assert!(table.answers.len() >= least, "{service}: {} rows", table.answers.len());
        for (name, answer) in &table.answers {
            assert_means(&table.endpoint, &format!("{service} {name}"), answer).await;
        }
    }
}

async fn assert_means(endpoint: &str, name: &str, answer: &Answer) {
    let script = Script::created();
    script.answer_response(answer.response());
    let web_push = WebPush::builder()
        .transport(script.clone())
        .clock(clock())
        .build()
        .expect("a transport is given");
    let endpoint = answer.endpoint.as_deref().unwrap_or(endpoint);
    let outcome = web_push.send(&token(endpoint), &with_ttl(answer.ttl)).await;
    answer.check(name, &outcome, script.requests().len());
    match &outcome {
        Ok(accepted) => {
            assert_eq!(accepted.provider, WebPush::ID, "{name}");
            assert_eq!(accepted.ttl, answer.means.ttl.map(Ttl::from_secs), "{name}");
        }
        Err(error) => {
            assert!(answer.means.message.is_some(), "{name}: a refusal comes with advice");
            assert_eq!(error.provider(), Some(&WebPush::ID), "{name}");
            let gateway = matches!(answer.status, 502 | 504);
            assert_eq!(error.is_outcome_known(), !gateway, "{name}");
        }
    }
}

#[tokio::test]
async fn every_push_service_gets_the_request_that_it_needs() {
    let mut rows = Vec::new();
    for (service, least, _) in TABLES {
        let table = Table::load(service);
        assert!(table.requests.len() >= least, "{service}: {} rows", table.requests.len());
        for (name, row) in table.requests {
            let sent: Sent = serde_json::from_value(row).unwrap();
            let endpoint = sent.endpoint.clone().unwrap_or_else(|| table.endpoint.clone());
            rows.push((format!("{service} {name}"), endpoint, sent));
        }
    }
    for (name, endpoint, sent) in rows {
        let script = Script::created();
        let mut builder = WebPush::builder().transport(script.clone());
        if sent.vapid {
            builder = builder.vapid(ring(VapidKey::generate().unwrap()));
        }
        let token = token(&endpoint);
        let mut message = with_ttl(sent.ttl);
        if sent.empty {
            message = Message::new("").seal(token.keys(), 4096).unwrap().with_ttl(message.ttl());
        }
        if let Some(urgency) = sent.urgency {
            message = message.with_urgency(urgency.parse().unwrap());
        }
        if let Some(topic) = sent.topic {
            message = message.with_topic(topic.parse().unwrap());
        }
        builder.build().unwrap().send(&token, &message).await.unwrap();

        let request = script.requests().remove(0);
        assert_eq!(request.method(), "POST", "{name}");
        assert_eq!(request.uri().to_string(), endpoint, "{name}");
        assert_eq!(request.body(), message.body(), "{name}");
        let mut headers: BTreeMap<_, _> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let authorization = headers.remove("authorization");
        assert_eq!(headers, sent.headers, "{name}");
        assert_eq!(authorization.is_some(), sent.vapid, "{name}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_sent() {
    let script = Script::created();
    let web_push = WebPush::builder().transport(script.clone()).build().unwrap();
    let token = token(ENDPOINT);
    let capabilities = web_push.capabilities();
    assert_eq!(capabilities.max_body, 4096);
    assert!(capabilities.ttl && capabilities.urgency && capabilities.topic);
    assert!(!capabilities.idempotent);

    let longest = Message::new(vec![7; 3993]).with_padding(sealpush::Padding::None);
    let sealed = longest.seal(token.keys(), capabilities.max_body).unwrap();
    assert_eq!(sealed.body().len(), 4096);
    web_push.send(&token, &sealed).await.unwrap();

    let too_long = Message::new(vec![7; 3994]).with_padding(sealpush::Padding::None);
    let error = sealpush::PushProviderExt::send_encrypted(&web_push, &token, &too_long).await;
    assert_eq!(error.unwrap_err().kind(), sealpush::ErrorKind::PayloadTooLarge);
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn a_failure_of_the_transport_is_passed_on_with_the_providers_name() {
    let script = Script::created();
    let failure = sealpush::Error::new(sealpush::ErrorKind::Timeout, "no answer in time");
    script.fail(failure.with_unknown_outcome());
    let web_push = WebPush::builder().transport(script.clone()).build().unwrap();
    let error = web_push.send(&token(ENDPOINT), &message()).await.unwrap_err();
    assert_eq!(error.kind(), sealpush::ErrorKind::Timeout);
    assert_eq!(error.provider(), Some(&WebPush::ID));
    assert!(!error.is_outcome_known());
    assert_eq!(script.requests().len(), 1);
}

fn with_ttl(seconds: Option<u32>) -> SealedMessage {
    match seconds {
        Some(seconds) => message().with_ttl(Ttl::from_secs(seconds)),
        None => message(),
    }
}
