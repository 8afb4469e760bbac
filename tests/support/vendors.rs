//! What the tests of FCM and OneSignal share: a transport that answers from a script, a clock that
//! is set by hand, a user agent.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::clock::Clock;
use sealpush::transport::Transport;
use sealpush::{Accepted, Error, Message, MessageId, Padding, Result, UserAgentSecret};
use serde_json::Value;

/// The seconds since the epoch at which the tests begin: 2001-09-09, 01:46:40.
pub(crate) const NOW: u64 = 1_000_000_000;

/// Answers from a script and records what it was asked. The last answer repeats.
#[derive(Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
}

type Answer = Arc<dyn Fn() -> Result<Response<Bytes>> + Send + Sync>;

impl Script {
    pub(crate) fn answer(&self, status: u16, body: impl Into<Bytes>) {
        let body = body.into();
        self.answer_with(move || {
            Ok(Response::builder().status(status).body(body.clone()).expect("a response"))
        });
    }

    pub(crate) fn answer_with(
        &self,
        answer: impl Fn() -> Result<Response<Bytes>> + Send + Sync + 'static,
    ) {
        self.answers.lock().unwrap().push_back(Arc::new(answer));
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    /// The body of the only request.
    pub(crate) fn json(&self) -> Value {
        let requests = self.requests();
        assert_eq!(requests.len(), 1);
        serde_json::from_slice(requests[0].body()).unwrap()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.requests.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.expect("a scripted answer")()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(crate) struct SetClock(Mutex<SystemTime>);

impl SetClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl Clock for SetClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// A user agent whose keys are the same in every run.
pub(crate) fn user_agent() -> UserAgentSecret {
    UserAgentSecret::new(&[7; 32], &[8; 16]).unwrap()
}

/// A message whose body is as long as its plaintext and 103 octets.
pub(crate) fn message(text: &str) -> Message {
    Message::new(text).with_padding(Padding::None)
}
