//! What a send costs.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::{VapidKey, VapidKeys, WebPush};
use crate::transport::Transport;
use crate::{Message, PushProviderExt, Result, Token, UserAgentSecret};

/// Takes everything, and allocates nothing.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, _request: Request<Bytes>) -> Result<Response<Bytes>> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = http::StatusCode::CREATED;
        Ok(response)
    }
}

/// The output of a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Three are the sealed body and what aws-lc-rs allocates beside it, three the extensions of the
/// request, two each the header map, the boxed futures and the push resource, one each its origin,
/// the TTL and the body's count of owners.
#[test]
fn a_message_takes_at_most_fifteen_allocations_and_the_next_twelve() {
    let secret = UserAgentSecret::generate().unwrap();
    let subject = "mailto:ops@push-demo.dev".parse().unwrap();
    let keys = VapidKeys::new(subject, VapidKey::generate().unwrap());
    let web_push = WebPush::builder().vapid(keys).transport(Nowhere).build().unwrap();
    let endpoint = serde_json::json!({"endpoint": "https://push.example.net/p/JzLQ3raZ"});
    let token = || Token::new(WebPush::ID, &endpoint, secret.keys().clone()).unwrap();
    let message = Message::new("the door is open");
    let send = |token: &Token| {
        let counted = measure(|| {
            now(web_push.send_encrypted(token, &message)).unwrap();
        });
        counted.count_total
    };
    // Signs the header of the origin.
    send(&token());
    let token = token();
    let (first, second) = (send(&token), send(&token));
    assert!(first <= 15 && second <= 12, "{first}, then {second}");
}
