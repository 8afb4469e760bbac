//! Providers that wait, hurry, or go on when they should not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use sealpush::transport::Transport;
use sealpush::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};

use super::sound::{Api, Conduct};

/// Seen in: a deadline for an interactive page.
#[derive(Debug)]
pub(crate) struct Impatient;

#[async_trait]
impl Conduct for Impatient {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let sent = tokio::time::timeout(Duration::from_secs(5), api.transport.send(request)).await;
        let late = || Error::new(ErrorKind::Timeout, "no answer in time").with_unknown_outcome();
        let response = sent.map_err(|_| late())??;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a pause between two messages.
#[derive(Debug)]
pub(crate) struct Polite;

#[async_trait]
impl Conduct for Polite {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: files and names that are read without a runtime.
#[derive(Debug)]
pub(crate) struct Blocks;

#[async_trait]
impl Conduct for Blocks {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        std::thread::sleep(Duration::from_millis(20));
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a loop that asks until it is taken.
#[derive(Debug)]
pub(crate) struct AsksForEver;

#[async_trait]
impl Conduct for AsksForEver {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        loop {
            let response = api.transport.send(request.clone()).await?;
            match self.outcome(&response, api.clock.now()) {
                Err(error) if error.kind() == ErrorKind::RateLimited => {}
                outcome => return outcome,
            }
        }
    }
}

/// Seen in: a time of day that is taken for one after 1970.
#[derive(Debug)]
pub(crate) struct EpochUnwrapped;

#[async_trait]
impl Conduct for EpochUnwrapped {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let now = api.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let _day = now.as_secs() / 86_400;
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: four digits for a year.
#[derive(Debug)]
pub(crate) struct YearInFourDigits;

#[async_trait]
impl Conduct for YearInFourDigits {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let now = api.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let year = 1970 + (now.as_secs() + 86_400) / 31_556_952;
        assert!(year < 9999, "the year has four digits");
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a time that is compared with the last one.
#[derive(Debug, Default)]
pub(crate) struct TimeOnlyGrows(pub(crate) AtomicU64);

#[async_trait]
impl Conduct for TimeOnlyGrows {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let now = api.clock.unix_seconds();
        let last = self.0.fetch_max(now, Ordering::Relaxed);
        let _passed = now.checked_sub(last).expect("time goes on");
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a pool with ten connections.
#[derive(Debug)]
pub(crate) struct FewSlots(pub(crate) tokio::sync::Semaphore);

#[async_trait]
impl Conduct for FewSlots {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let _slot = self.0.acquire().await.unwrap();
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a task for each message.
#[derive(Debug)]
pub(crate) struct Spawned;

#[async_trait]
impl Conduct for Spawned {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let transport = api.transport.clone();
        let sent = tokio::spawn(async move { transport.send(request).await });
        let response = sent.await.map_err(|_| Error::new(ErrorKind::Unavailable, "a panic"))??;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a second attempt in the background.
#[derive(Debug)]
pub(crate) struct RetriesBehindTheBack;

#[async_trait]
impl Conduct for RetriesBehindTheBack {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let again = request.clone();
        let response = api.transport.send(request).await?;
        let outcome = self.outcome(&response, api.clock.now());
        if matches!(&outcome, Err(error) if error.is_retryable()) {
            let transport = api.transport.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                let _ = transport.send(again).await;
            });
        }
        outcome
    }
}

/// Seen in: a message that is saved when its send is dropped.
#[derive(Debug)]
pub(crate) struct ResendsOnDrop;

#[async_trait]
impl Conduct for ResendsOnDrop {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let mut saved = Saved(Some((api.transport.clone(), request.clone())));
        let response = api.transport.send(request).await;
        saved.0 = None;
        self.outcome(&response?, api.clock.now())
    }
}

/// Seen in: a circuit that is broken once and for all.
#[derive(Debug, Default)]
pub(crate) struct BrokenForGood(pub(crate) AtomicBool);

#[async_trait]
impl Conduct for BrokenForGood {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "the circuit is open"));
        }
        let response = api.transport.send(request).await?;
        let outcome = self.outcome(&response, api.clock.now());
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::Unavailable) {
            self.0.store(true, Ordering::Relaxed);
        }
        outcome
    }
}

/// Seen in: a dead connection that stays in the pool.
#[derive(Debug, Default)]
pub(crate) struct DeadConnectionKept(pub(crate) AtomicBool);

#[async_trait]
impl Conduct for DeadConnectionKept {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Transport, "the connection is closed"));
        }
        let response = api.transport.send(request).await;
        if matches!(&response, Err(error) if error.kind() == ErrorKind::Transport) {
            self.0.store(true, Ordering::Relaxed);
        }
        self.outcome(&response?, api.clock.now())
    }
}

/// Seen in: a fallback without TLS.
#[derive(Debug)]
pub(crate) struct TriedInClear;

#[async_trait]
impl Conduct for TriedInClear {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let mut clear = request.clone();
        let response = match api.transport.send(request).await {
            Err(error) if error.kind() == ErrorKind::Transport && error.is_outcome_known() => {
                let uri = clear.uri().to_string().replace("https://", "http://");
                *clear.uri_mut() = uri.parse().unwrap();
                api.transport.send(clear).await?
            }
            response => response?,
        };
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: no connection as a wrong setting.
#[derive(Debug)]
pub(crate) struct NoConnectionIsPermanent;

#[async_trait]
impl Conduct for NoConnectionIsPermanent {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await.map_err(|error| match error.kind() {
            ErrorKind::Transport if error.is_outcome_known() => {
                Error::new(ErrorKind::Configuration, "the request failed")
            }
            _ => error,
        })?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a broken connection as a refusal.
#[derive(Debug)]
pub(crate) struct ResetIsPermanent;

#[async_trait]
impl Conduct for ResetIsPermanent {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await.map_err(|error| match error.kind() {
            ErrorKind::Transport if !error.is_outcome_known() => {
                Error::new(ErrorKind::Rejected, "the request failed").with_unknown_outcome()
            }
            _ => error,
        })?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: the guard's refusal as a network that is down.
#[derive(Debug)]
pub(crate) struct BlockedIsTransport;

#[async_trait]
impl Conduct for BlockedIsTransport {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await.map_err(|error| match error.kind() {
            ErrorKind::Blocked => Error::new(ErrorKind::Transport, "the request failed"),
            _ => error,
        })?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a timeout as trouble of the push service.
#[derive(Debug)]
pub(crate) struct TimeoutIsUnavailable;

#[async_trait]
impl Conduct for TimeoutIsUnavailable {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await.map_err(|error| match error.kind() {
            ErrorKind::Timeout => {
                Error::new(ErrorKind::Unavailable, "the request failed").with_unknown_outcome()
            }
            _ => error,
        })?;
        self.outcome(&response, api.clock.now())
    }
}

/// Sends what it holds when it is dropped.
struct Saved(Option<(Arc<dyn Transport>, Request<Bytes>)>);

impl Drop for Saved {
    fn drop(&mut self) {
        if let Some((transport, request)) = self.0.take() {
            tokio::spawn(async move {
                let _ = transport.send(request.clone()).await;
                transport.send(request).await
            });
        }
    }
}

/// Seen in: functions that begin when they are called, as in other languages.
#[derive(Debug)]
pub(crate) struct Eager(pub(crate) Arc<dyn PushProvider>);

impl PushProvider for Eager {
    fn id(&self) -> ProviderId {
        self.0.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn send<'a, 'b, 'c, 'd>(
        &'a self,
        token: &'b Token,
        message: &'c SealedMessage,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted>> + Send + 'd>>
    where
        'a: 'd,
        'b: 'd,
        'c: 'd,
    {
        let (provider, token, message) = (self.0.clone(), token.clone(), message.clone());
        let sent = tokio::spawn(async move { provider.send(&token, &message).await });
        let lost = |_| Error::new(ErrorKind::Unavailable, "the task is gone");
        Box::pin(async move { sent.await.map_err(lost)? })
    }
}

/// Seen in: a lock without a wait.
#[derive(Debug)]
pub(crate) struct Spins;

#[async_trait]
impl Conduct for Spins {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await?;
        match self.outcome(&response, api.clock.now()) {
            Err(error) if error.kind() == ErrorKind::RateLimited => {
                // Until the test is over: nobody ends a thread that spins.
                let started = std::time::Instant::now();
                while started.elapsed() < Duration::from_secs(5) {
                    std::hint::spin_loop();
                }
                Err(error)
            }
            outcome => outcome,
        }
    }
}

/// Seen in: a task that wakes itself.
#[derive(Debug)]
pub(crate) struct WakesItself;

#[async_trait]
impl Conduct for WakesItself {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await?;
        match self.outcome(&response, api.clock.now()) {
            Err(error) if error.kind() == ErrorKind::RateLimited => loop {
                tokio::task::yield_now().await;
            },
            outcome => outcome,
        }
    }
}

/// Seen in: a wait for `Retry-After` on the thread.
#[derive(Debug)]
pub(crate) struct SleepsForEver;

#[async_trait]
impl Conduct for SleepsForEver {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await?;
        match self.outcome(&response, api.clock.now()) {
            Err(error) if error.kind() == ErrorKind::RateLimited => loop {
                std::thread::sleep(Duration::from_secs(3600));
            },
            outcome => outcome,
        }
    }
}

/// Seen in: clients that wait for their thread when they go.
#[derive(Debug)]
pub(crate) struct WaitsAtTheEnd;

impl Conduct for WaitsAtTheEnd {}

impl Drop for WaitsAtTheEnd {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(200));
    }
}
