//! Providers that do more, or wait longer, than one attempt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request};
use sealpush::{Accepted, Error, ErrorKind, Result};
use tokio::sync::Mutex;

use super::sound::{self, Api, Conduct};

/// Seen in: HTTP clients with a retry that is on by default.
#[derive(Debug)]
pub(crate) struct RetriesInside;

#[async_trait]
impl Conduct for RetriesInside {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let mut outcome = once(self, api, request.clone()).await;
        for _ in 0..2 {
            if !matches!(&outcome, Err(error) if error.kind() == ErrorKind::Unavailable) {
                break;
            }
            outcome = once(self, api, request.clone()).await;
        }
        outcome
    }
}

/// Seen in: connection pools that repeat a request whose connection broke.
#[derive(Debug)]
pub(crate) struct BrokenRequestRepeated;

#[async_trait]
impl Conduct for BrokenRequestRepeated {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        match once(self, api, request.clone()).await {
            Err(error) if error.kind() == ErrorKind::Transport => once(self, api, request).await,
            outcome => outcome,
        }
    }
}

/// Seen in: every HTTP client with its defaults.
#[derive(Debug)]
pub(crate) struct RedirectFollowed;

#[async_trait]
impl Conduct for RedirectFollowed {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        let mut response = api.transport.send(request.clone()).await?;
        if let Some(place) = response.headers().get("location") {
            *request.uri_mut() = place.to_str().unwrap().parse().unwrap();
            response = api.transport.send(request).await?;
        }
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: clients that sleep for `Retry-After` before they return.
#[derive(Debug)]
pub(crate) struct WaitsInside;

#[async_trait]
impl Conduct for WaitsInside {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let outcome = once(self, api, request).await;
        if let Some(delay) = outcome.as_ref().err().and_then(Error::retry_after) {
            tokio::time::sleep(delay).await;
        }
        outcome
    }
}

/// Seen in: an access token that is fetched at start.
#[derive(Debug)]
pub(crate) struct NeverRenewed(pub(crate) Mutex<Option<HeaderValue>>);

#[async_trait]
impl Conduct for NeverRenewed {
    async fn access(&self, api: &Api, _: Option<&HeaderValue>) -> Result<HeaderValue> {
        let mut held = self.0.lock().await;
        if held.is_none() {
            *held = Some(sound::access(self, api, None).await?);
        }
        Ok(held.clone().unwrap())
    }
}

/// Seen in: examples that sign in for each message.
#[derive(Debug)]
pub(crate) struct MintsEachTime;

#[async_trait]
impl Conduct for MintsEachTime {
    async fn access(&self, api: &Api, _: Option<&HeaderValue>) -> Result<HeaderValue> {
        *api.held.lock().await = None;
        sound::access(self, api, None).await
    }
}

/// Seen in: a renewal that goes on as long as the credential is refused.
#[derive(Debug)]
pub(crate) struct RenewsAgainAndAgain;

#[async_trait]
impl Conduct for RenewsAgainAndAgain {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        let mut outcome = once(self, api, request.clone()).await;
        for _ in 0..3 {
            if !matches!(&outcome, Err(error) if error.kind() == ErrorKind::Unauthorized) {
                break;
            }
            let refused = request.headers().get("authorization").cloned();
            let access = sound::access(self, api, refused.as_ref()).await?;
            request.headers_mut().insert("authorization", access);
            outcome = once(self, api, request.clone()).await;
        }
        outcome
    }
}

/// Seen in: a client behind one lock.
#[derive(Debug, Default)]
pub(crate) struct LockHeld(Mutex<()>);

#[async_trait]
impl Conduct for LockHeld {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let _one_at_a_time = self.0.lock().await;
        once(self, api, request).await
    }
}

/// Seen in: a flag that is reset at the end of a function that may not come to its end.
#[derive(Debug, Default)]
pub(crate) struct BusyForEver(AtomicBool);

#[async_trait]
impl Conduct for BusyForEver {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "another send is under way"));
        }
        let outcome = once(self, api, request).await;
        self.0.store(false, Ordering::SeqCst);
        outcome
    }
}

/// Seen in: a client without a deadline, kept alive by its keepalive.
#[derive(Debug)]
pub(crate) struct NoDeadline;

#[async_trait]
impl Conduct for NoDeadline {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        match once(self, api, request).await {
            Err(error) if error.kind() == ErrorKind::Timeout => loop {
                tokio::time::sleep(Duration::from_secs(3600)).await;
            },
            outcome => outcome,
        }
    }
}

async fn once(conduct: &impl Conduct, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
    let response = api.transport.send(request).await?;
    conduct.outcome(&response, api.clock.now())
}

/// Seen in: a retry of 401 that is there for access tokens.
#[derive(Debug)]
pub(crate) struct TriedTwice;

#[async_trait]
impl Conduct for TriedTwice {
    async fn access(&self, _: &Api, _: Option<&HeaderValue>) -> Result<HeaderValue> {
        Ok(HeaderValue::from_static("Bearer given-key-Wq5Tz8Rk2Lm"))
    }
}
