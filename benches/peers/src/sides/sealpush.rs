//! sealpush as its guide uses it: a client with retry and trace.

use std::num::NonZeroUsize;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use futures_util::{StreamExt, stream};
use sealpush::layers::{RetryPolicy, Trace};
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::seal::{UserAgentKeys, UserAgentSecret, open, seal};
use sealpush::transport::{HyperTransport, Transport};
use sealpush::{Client, EndpointGuard, Message, Padding, PushProviderExt, Token};

use super::{Answer, repeat};
use crate::cost::Meter;
use crate::task::{Task, Work};

pub fn run(work: &Work) -> Answer {
    match work.task {
        Task::Seal => {
            let keys = UserAgentKeys::from_base64(&work.place.p256dh, &work.place.auth);
            let keys = keys.expect("the keys are keys");
            repeat(work, || {
                let sealed = seal(&keys, work.text.as_bytes(), Padding::None).expect("it seals");
                BASE64URL.encode(sealed)
            })
        }
        Task::Open => {
            let decode = |text: &str| BASE64URL.decode(text).expect("it is base64url");
            let secret =
                UserAgentSecret::new(&decode(&work.place.private_key), &decode(&work.place.auth));
            let (secret, body) = (secret.expect("the keys are keys"), decode(&work.body));
            repeat(work, || {
                String::from_utf8(open(&secret, &body).expect("it opens")).expect("it is text")
            })
        }
        Task::Request => request(work),
        _ => send(work),
    }
}

/// The whole send up to the transport, which answers at once.
fn request(work: &Work) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    let provider = provider(work, Nowhere);
    let (token, message) = (token(work), message(work));
    repeat(work, || {
        let accepted = runtime.block_on(provider.send_encrypted(&token, &message));
        accepted.expect("the answer is 201");
        String::new()
    })
}

fn send(work: &Work) -> Answer {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let root = std::fs::read(&work.place.root).expect("the push service has written it");
    let transport = HyperTransport::builder()
        .guard(EndpointGuard::loopback_for_tests())
        .connections(NonZeroUsize::new(4).expect("4 is not 0"))
        .add_root_certificate_pem(&root)
        .build()
        .expect("the certificate is one");
    let in_flight = NonZeroUsize::new(work.in_flight).expect("it is not 0");
    let client = Client::builder()
        .provider(Trace::new(provider(work, transport)))
        .retry(RetryPolicy::default().with_base(Duration::from_millis(50)))
        .in_flight(in_flight)
        .in_flight_per_origin(in_flight)
        .build()
        .expect("one provider is enough");
    let sending = runtime.spawn({
        let work = work.clone();
        async move {
            many(&client, &work, work.warm_up).await;
            let meter = Meter::start();
            let accepted = many(&client, &work, work.count).await;
            Answer::Cost(meter.stop(accepted, work.count - accepted))
        }
    });
    runtime.block_on(sending).expect("sending does not panic")
}

/// How many were accepted; every message has exactly one outcome.
async fn many(client: &Client, work: &Work, count: usize) -> usize {
    let (token, message) = (token(work), message(work));
    let jobs = stream::iter((0..count).map(|n| (n, token.clone(), message.clone())));
    let mut outcomes = client.send_many(jobs);
    let (mut seen, mut accepted) = (vec![false; count], 0);
    while let Some((n, outcome)) = outcomes.next().await {
        assert!(!std::mem::replace(&mut seen[n], true), "one message, two outcomes");
        accepted += usize::from(outcome.is_ok());
    }
    assert!(seen.iter().all(|seen| *seen), "a message without an outcome");
    accepted
}

fn provider(work: &Work, transport: impl Transport) -> WebPush {
    let key = VapidKey::from_base64(&work.place.vapid).expect("the key is one");
    let subject = "mailto:bench@push-bench.net".parse().expect("it is a contact");
    WebPush::builder()
        .vapid(VapidKeys::new(subject, key))
        .guard(EndpointGuard::loopback_for_tests())
        .transport(transport)
        .build()
        .expect("nothing is missing")
}

fn token(work: &Work) -> Token {
    let keys = UserAgentKeys::from_base64(&work.place.p256dh, &work.place.auth);
    let address = serde_json::json!({ "endpoint": work.endpoint });
    Token::new(WebPush::ID, &address, keys.expect("the keys are keys")).expect("it is a token")
}

fn message(work: &Work) -> Message {
    Message::new(work.text.clone()).with_padding(Padding::None)
}

/// Accepts without sending.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(
        &self,
        _: http::Request<bytes::Bytes>,
    ) -> sealpush::Result<http::Response<bytes::Bytes>> {
        let mut response = http::Response::new(bytes::Bytes::new());
        *response.status_mut() = http::StatusCode::CREATED;
        Ok(response)
    }
}
