//! A transport that answers from a script, and the time at which tests begin.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use sealpush::clock::SetClock;
use sealpush::transport::Transport;
use sealpush::{Error, Result};
use serde_json::Value;

/// The seconds since the epoch at which the tests begin: 2027-01-15, 08:00:00 UTC.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A clock that shows [`NOW`].
pub(crate) fn clock() -> SetClock {
    SetClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

/// Answers from a script and records what it was asked. Clones are the same transport.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Inner>);

#[derive(Default)]
struct Inner {
    answers: Mutex<VecDeque<Answer>>,
    /// At the end of the script the last answer repeats, or it is this.
    at_the_end: Option<Answer>,
    first_header_is_refused: AtomicBool,
    requests: Mutex<Vec<Request<Bytes>>>,
}

type Answer = Arc<dyn Fn() -> Result<Response<Bytes>> + Send + Sync>;

impl Script {
    /// Answers 201 at the end of the script.
    pub(crate) fn created() -> Self {
        let created = || Ok(Response::builder().status(201).body(Bytes::new()).unwrap());
        Self(Arc::new(Inner { at_the_end: Some(Arc::new(created)), ..Inner::default() }))
    }

    pub(crate) fn answer(&self, status: u16, body: impl Into<Bytes>) {
        self.answer_response(Response::builder().status(status).body(body.into()).unwrap());
    }

    pub(crate) fn answer_response(&self, response: Response<Bytes>) {
        self.answer_with(move || Ok(response.clone()));
    }

    pub(crate) fn answer_with(
        &self,
        answer: impl Fn() -> Result<Response<Bytes>> + Send + Sync + 'static,
    ) {
        self.0.answers.lock().unwrap().push_back(Arc::new(answer));
    }

    /// Fails once.
    pub(crate) fn fail(&self, error: Error) {
        let error = Mutex::new(Some(error));
        self.answer_with(move || Err(error.lock().unwrap().take().expect("a failure comes once")));
    }

    /// Answers 401 to every request that has the `Authorization` of the first one.
    pub(crate) fn refuse_first_header(&self) {
        self.0.first_header_is_refused.store(true, Ordering::SeqCst);
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.0.requests.lock().unwrap().clone()
    }

    /// The body of the only request.
    pub(crate) fn json(&self) -> Value {
        let requests = self.requests();
        assert_eq!(requests.len(), 1);
        serde_json::from_slice(requests[0].body()).unwrap()
    }

    /// The value of `Authorization` in each request, empty where there is none.
    pub(crate) fn authorizations(&self) -> Vec<String> {
        let value = |headers: &HeaderMap| {
            headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned()
        };
        self.requests().iter().map(|request| value(request.headers())).collect()
    }

    fn next(&self) -> Answer {
        let mut answers = self.0.answers.lock().unwrap();
        let last = answers.len() == 1 && self.0.at_the_end.is_none();
        let answer = if last { answers.front().cloned() } else { answers.pop_front() };
        answer.or_else(|| self.0.at_the_end.clone()).expect("a scripted answer")
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        // Lets other sends run in between, as a network does.
        tokio::task::yield_now().await;
        {
            let mut requests = self.0.requests.lock().unwrap();
            requests.push(request);
            let header = |request: Option<&Request<Bytes>>| {
                request.and_then(|request| request.headers().get("authorization").cloned())
            };
            if self.0.first_header_is_refused.load(Ordering::SeqCst)
                && header(requests.first()) == header(requests.last())
            {
                return Ok(Response::builder().status(401).body(Bytes::new()).unwrap());
            }
        }
        self.next()()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}
