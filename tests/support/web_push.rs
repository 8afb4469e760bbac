//! What the tests of `WebPush` share: a transport that answers from a script, a clock that is set
//! by hand, tokens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use sealpush::clock::Clock;
use sealpush::providers::WebPush;
use sealpush::providers::webpush::{VapidKey, VapidKeys};
use sealpush::transport::Transport;
use sealpush::{Result, SealedMessage, Token, seal};
use serde_json::{Value, json};

/// Records every request and answers from a script; 201 when the script is at its end.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Result<Response<Bytes>>>>,
    first_header_is_refused: AtomicBool,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl Script {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn answer(&self, answer: Response<Bytes>) {
        self.answers.lock().unwrap().push_back(Ok(answer));
    }

    pub(crate) fn answer_status(&self, status: u16) {
        self.answer(Response::builder().status(status).body(Bytes::new()).unwrap());
    }

    /// Answers 401 to every request that has the `Authorization` of the first one.
    pub(crate) fn refuse_first_header(&self) {
        self.first_header_is_refused.store(true, Ordering::SeqCst);
    }

    pub(crate) fn fail(&self, error: sealpush::Error) {
        self.answers.lock().unwrap().push_back(Err(error));
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    /// The value of `Authorization` in each request, empty where there is none.
    pub(crate) fn authorizations(&self) -> Vec<String> {
        let value = |headers: &HeaderMap| {
            headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        self.requests.lock().unwrap().iter().map(|request| value(request.headers())).collect()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        // Lets other sends run in between, as a network does.
        tokio::task::yield_now().await;
        let mut requests = self.requests.lock().unwrap();
        requests.push(request);
        let header = |request: Option<&Request<Bytes>>| {
            request.and_then(|request| request.headers().get("authorization").cloned())
        };
        if self.first_header_is_refused.load(Ordering::SeqCst)
            && header(requests.first()) == header(requests.last())
        {
            return Ok(Response::builder().status(401).body(Bytes::new()).unwrap());
        }
        let created = || Ok(Response::builder().status(201).body(Bytes::new()).unwrap());
        self.answers.lock().unwrap().pop_front().unwrap_or_else(created)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicU64);

impl HandClock {
    /// 2027-01-15 08:00:00 UTC.
    pub(crate) const START: u64 = 1_800_000_000;

    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(Self::START)))
    }

    pub(crate) fn advance(&self, hours: u64) {
        self.0.fetch_add(hours * 3600, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) const ENDPOINT: &str = "https://push.example.net/wpush/v2/secret-capability";
/// The keys of RFC 8291 appendix A.
pub(crate) const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub(crate) const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

pub(crate) fn subscription(endpoint: &str) -> Value {
    json!({ "endpoint": endpoint, "keys": { "p256dh": P256DH, "auth": AUTH } })
}

pub(crate) fn token(endpoint: &str) -> Token {
    subscription(endpoint).to_string().parse().unwrap()
}

/// A token that names the VAPID key that it was made with.
pub(crate) fn token_of(endpoint: &str, key: &str) -> Token {
    let mut subscription = subscription(endpoint);
    subscription["applicationServerKey"] = key.into();
    subscription.to_string().parse().unwrap()
}

pub(crate) fn message() -> SealedMessage {
    let sealed = seal(token(ENDPOINT).keys(), b"hello", sealpush::Padding::None).unwrap();
    SealedMessage::new(sealed)
}

pub(crate) fn ring(key: VapidKey) -> VapidKeys {
    VapidKeys::new("mailto:ops@push-demo.dev".parse().unwrap(), key)
}

pub(crate) fn web_push(keys: VapidKeys, script: &Arc<Script>, clock: &Arc<HandClock>) -> WebPush {
    WebPush::builder().vapid(keys).transport(script.clone()).clock(clock.clone()).build().unwrap()
}
