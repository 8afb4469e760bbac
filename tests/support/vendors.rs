//! What the tests of FCM and OneSignal share: a transport that answers from a script, and golden
//! answers.

#![allow(dead_code, reason = "every test that includes this uses a part of it")]

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
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

/// A golden request of a vendor.
pub(crate) fn golden_request(vendor: &str, name: &str) -> Value {
    let path =
        format!("{}/tests/exchanges/{vendor}/requests/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// One golden answer of a vendor and what it means.
pub(crate) struct Golden {
    pub(crate) name: String,
    content: Value,
}

impl Golden {
    /// All of a vendor's, by name.
    pub(crate) fn all(vendor: &str) -> Vec<Self> {
        let directory: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "tests/exchanges", vendor, "answers"].iter().collect();
        let mut all: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap();
                Self {
                    name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                    content: serde_json::from_str(&text).unwrap(),
                }
            })
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// A transport that always gives this answer.
    pub(crate) fn script(&self) -> Script {
        let content = self.content.clone();
        let script = Script::default();
        script.answer_with(move || {
            let status = u16::try_from(content["status"].as_u64().unwrap()).unwrap();
            let mut response = Response::builder().status(status);
            for (name, value) in content["headers"].as_object().into_iter().flatten() {
                response = response.header(name, value.as_str().unwrap());
            }
            let body = match &content["body"] {
                Value::String(text) => text.clone(),
                json => json.to_string(),
            };
            Ok(response.body(body.into()).unwrap())
        });
        script
    }

    /// Compares what a provider made of the answer with what the file says it means.
    pub(crate) fn check(&self, outcome: &Result<Accepted>, requests: usize) {
        let means = &self.content["means"];
        let name = &self.name;
        match outcome {
            Ok(accepted) => {
                assert!(means["kind"].is_null(), "{name}: {accepted:?}");
                assert_eq!(
                    accepted.message_id.as_ref().map(MessageId::expose),
                    means["message_id"].as_str(),
                    "{name}"
                );
            }
            Err(error) => {
                assert_eq!(format!("{:?}", error.kind()), means["kind"], "{name}: {error}");
                let seconds = error.retry_after().map(|delay| delay.as_secs());
                assert_eq!(seconds, means["retry_after"].as_u64(), "{name}");
                assert_eq!(error.status().map(u64::from), self.content["status"].as_u64());
                if let Some(fact) = means["message"].as_str() {
                    assert!(error.to_string().contains(fact), "{name}: {error}");
                }
                assert_reads_well(error);
            }
        }
        let expected = means["requests"].as_u64().unwrap_or(1);
        assert_eq!(requests as u64, expected, "{name}: requests");
    }
}

fn assert_reads_well(error: &Error) {
    let text = error.to_string();
    assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
}

/// A user agent whose keys are the same in every run.
pub(crate) fn user_agent() -> UserAgentSecret {
    UserAgentSecret::new(&[7; 32], &[8; 16]).unwrap()
}

/// A message whose body is as long as its plaintext and 103 octets.
pub(crate) fn message(text: &str) -> Message {
    Message::new(text).with_padding(Padding::None)
}
