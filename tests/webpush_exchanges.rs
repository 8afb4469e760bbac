//! What goes out to each push service, and what each of its answers means.
//!
//! One file per answer in `tests/exchanges/webpush/answers`, one per request beside it. The time is
//! 2027-01-15 08:00:00 UTC.
#![cfg(feature = "webpush")]

mod web_push_support;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use sealpush::providers::WebPush;
use sealpush::providers::webpush::VapidKey;
use sealpush::{Message, MessageId, PushProvider, SealedMessage, Ttl};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use web_push_support::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    endpoint: String,
    ttl: Option<u32>,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    expect: Expected,
}

/// A refusal has a kind, an acceptance has not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    kind: Option<String>,
    message: Option<String>,
    #[serde(default)]
    doubtful: bool,
    retry_after: Option<u64>,
    message_id: Option<String>,
    ttl: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    endpoint: String,
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

#[tokio::test]
async fn every_answer_of_every_push_service_means_what_it_should() {
    let answers = files::<Answer>("answers");
    assert!(answers.len() >= 150, "{} files were found", answers.len());
    for (name, answer) in answers {
        assert_means(&name, answer).await;
    }
}

async fn assert_means(name: &str, answer: Answer) {
    let script = Script::new();
    script.answer(response(&answer));
    let web_push = WebPush::builder()
        .transport(script.clone())
        .clock(HandClock::new())
        .build()
        .expect("a transport is given");
    let outcome = web_push.send(&token(&answer.endpoint), &with_ttl(answer.ttl)).await;

    let expected = answer.expect;
    match (outcome, expected.kind) {
        (Ok(accepted), None) => {
            assert_eq!(accepted.provider, WebPush::ID, "{name}");
            assert_eq!(accepted.message_id, expected.message_id.map(MessageId::from), "{name}");
            assert_eq!(accepted.ttl, expected.ttl.map(Ttl::from_secs), "{name}");
        }
        (Err(error), Some(kind)) => {
            assert_eq!(format!("{:?}", error.kind()), kind, "{name}");
            assert_eq!(error.provider(), Some(&WebPush::ID), "{name}");
            assert_eq!(error.status(), Some(answer.status), "{name}");
            let delay = expected.retry_after.map(Duration::from_secs);
            assert_eq!(error.retry_after(), delay, "{name}");
            assert_eq!(error.is_token_dead(), kind == "Expired", "{name}");
            assert_eq!(error.is_token_doubtful(), expected.doubtful, "{name}");
            let gateway = matches!(answer.status, 502 | 504);
            assert_eq!(error.is_outcome_known(), !gateway, "{name}");

            let (text, advice) = (error.to_string(), expected.message.expect(name));
            assert!(text.contains(&advice), "{name}: {text}");
            assert!(text.contains(&format!("answered {}: ", answer.status)), "{name}: {text}");
            assert!(!text.ends_with('.'), "{name}: {text}");
            assert!(!format!("{text}{error:?}").contains("secret"), "{name}: {error:?}");
        }
        (outcome, _) => panic!("{name}: {outcome:?}"),
    }
    assert_eq!(script.requests().len(), 1, "{name}: one send is one request");
}

#[tokio::test]
async fn every_push_service_gets_the_request_that_it_needs() {
    let sent = files::<Sent>("requests");
    assert!(sent.len() >= 16, "{} files were found", sent.len());
    for (name, sent) in sent {
        let script = Script::new();
        let mut builder = WebPush::builder().transport(script.clone());
        if sent.vapid {
            builder = builder.vapid(ring(VapidKey::generate().unwrap()));
        }
        let token = token(&sent.endpoint);
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
        assert_eq!(request.uri().to_string(), sent.endpoint, "{name}");
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
    let script = Script::new();
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
    let script = Script::new();
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

fn response(answer: &Answer) -> Response<Bytes> {
    let body = match &answer.body {
        Value::Null => Bytes::new(),
        Value::String(text) => text.clone().into(),
        json => json.to_string().into(),
    };
    let response = Response::builder().status(answer.status);
    let headers = answer.headers.iter();
    headers
        .fold(response, |response, (name, value)| response.header(name, value))
        .body(body)
        .expect("the file holds a valid response")
}

fn files<T: DeserializeOwned>(folder: &str) -> Vec<(String, T)> {
    let folder = format!("{}/tests/exchanges/webpush/{folder}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("the folder is there");
    files
        .map(|file| {
            let path = file.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let file = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, file)
        })
        .collect()
}
