//! The kit accuses nobody who is only odd: honest providers of push services that are unlike others.

#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]
#![allow(dead_code, reason = "the providers with a flaw are in another test")]

#[path = "../broken/mod.rs"]
mod broken;
mod http2;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use broken::harness::{Channels, given};
use broken::resources::{Resources, resources};
use broken::sound::{self, Api, Conduct, LIFETIME, MAX_BODY, outcome};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version};
use sealpush::conformance::{
    Credentials, Failure, Harness, Report, Scenario, Vendor, Verdict, Wire, amend, run, run_one,
};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{
    Accepted, Capabilities, EndpointGuard, Error, ErrorKind, ProviderId, PushProvider, Result,
    SealedMessage, Token, Ttl, Urgency, UserAgentKeys,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;

fn accuses_nobody(report: &Report, kept: usize) {
    assert!(report.is_ok() && report.kept() >= kept, "{report}");
}

/// A number for each request, in a field and in the content.
#[derive(Debug)]
struct NumbersEachRequest;

#[async_trait]
impl Conduct for NumbersEachRequest {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        let nth = NEXT.fetch_add(7, Ordering::Relaxed);
        request.headers_mut().insert("x-request-id", nth.into());
        let mut content: Value = serde_json::from_slice(request.body()).unwrap();
        content["nonce"] = format!("{nth:x}").into();
        *request.body_mut() = content.to_string().into();
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

#[test]
fn random_numbers_are_no_flaw() {
    accuses_nobody(&run(Channels(|| NumbersEachRequest)), 150);
}

/// The key in one field and a signature, new each time, in another.
#[derive(Debug)]
struct SignsInAnotherField;

#[async_trait]
impl Conduct for SignsInAnotherField {
    async fn access(&self, _: &Api, _: Option<&HeaderValue>) -> Result<HeaderValue> {
        Ok(HeaderValue::from_static("given-key-Wq5Tz8Rk2Lm"))
    }

    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        if let Some(key) = request.headers_mut().remove("authorization") {
            request.headers_mut().insert("x-key", key);
        }
        let nth = NEXT.fetch_add(7, Ordering::Relaxed);
        request.headers_mut().insert("x-signature", (nth * 0x9e37_79b9).into());
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }

    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let mut request = self.request(api, token, message)?;
        request.headers_mut().insert("authorization", self.access(api, None).await?);
        self.exchange(api, request).await
    }
}

#[test]
fn a_signature_in_another_field_is_no_flaw() {
    let harness = amend(given(|| SignsInAnotherField)).with_credential(|_, request| {
        let key = request.headers().get("x-key")?;
        Some(Bytes::copy_from_slice(key.as_bytes()))
    });
    accuses_nobody(&run(harness), 130);
}

/// Signs in a thread of its own, which tokio does not know.
#[derive(Debug)]
struct SignsInAThread;

#[async_trait]
impl Conduct for SignsInAThread {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        let (sender, receiver) = oneshot::channel();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(2));
            sender.send(())
        });
        receiver.await.map_err(|_| Error::new(ErrorKind::Unavailable, "no signature"))?;
        sound::mint(api).await
    }
}

#[test]
fn a_signature_made_in_a_thread_is_no_flaw() {
    let harness = amend(Channels(|| SignsInAThread)).with_real_time(|_| true);
    accuses_nobody(&run(harness), 140);
}

/// Renews no credential that is younger than 20 minutes, refused or not.
#[derive(Debug)]
struct RenewsAfterAWhile;

#[async_trait]
impl Conduct for RenewsAfterAWhile {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let mut request = self.request(api, token, message)?;
        let access = self.access(api, None).await?;
        let mut again = request.clone();
        request.headers_mut().insert("authorization", access.clone());
        let outcome = self.exchange(api, request).await;
        // One that somebody else has renewed meanwhile is another matter.
        let held = api.held.lock().await.clone().filter(|(held, _)| *held == access);
        let young = held.is_some_and(|(_, until)| {
            api.clock.now().checked_add(LIFETIME - LEAST_AGE).is_none_or(|limit| until > limit)
        });
        match outcome {
            Err(error) if error.kind() == ErrorKind::Unauthorized && !young => {
                let access = self.access(api, Some(&access)).await?;
                again.headers_mut().insert("authorization", access);
                self.exchange(api, again).await
            }
            outcome => outcome,
        }
    }
}

#[test]
fn a_least_age_is_no_flaw() {
    let harness = amend(Channels(|| RenewsAfterAWhile)).with_least_age(|_| LEAST_AGE);
    accuses_nobody(&run(harness), 150);
}

/// Sends what comes within some milliseconds in one request.
#[derive(Clone)]
struct Batches(Arc<Batch>);

struct Batch {
    base: String,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn sealpush::clock::Clock>,
    waiting: Mutex<Waiting>,
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Batches")
    }
}

#[async_trait]
impl PushProvider for Batches {
    fn id(&self) -> ProviderId {
        sound::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(MAX_BODY).with_ttl().with_urgency().with_topic()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let named = |error: Error| error.with_provider(sound::ID);
        token.require(&sound::ID).map_err(named)?;
        self.capabilities().check(message).map_err(named)?;
        let mut item = sound::content(message);
        item["channel"] = sound::channel(token).map_err(named)?.into();
        let (sender, receiver) = oneshot::channel();
        let first = {
            let mut waiting = self.0.waiting.lock().unwrap();
            waiting.push((item, sender));
            waiting.len() == 1
        };
        if first {
            tokio::spawn(flush(self.0.clone()));
        }
        let gone = |_| Error::new(ErrorKind::Unavailable, "the batch is gone");
        receiver.await.map_err(gone).and_then(|result| result).map_err(named)
    }
}

async fn flush(batch: Arc<Batch>) {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut waiting = std::mem::take(&mut *batch.waiting.lock().unwrap());
    // Those who gave up are not sent.
    waiting.retain(|(_, sender)| !sender.is_closed());
    if waiting.is_empty() {
        return;
    }
    // An answer for more would be longer than a transport reads.
    while waiting.len() > 100 {
        let hundred = waiting.drain(..100).collect();
        exchange(&batch, hundred).await;
    }
    exchange(&batch, waiting).await;
}

type Waiting = Vec<(Value, oneshot::Sender<Result<Accepted>>)>;

async fn exchange(batch: &Batch, waiting: Waiting) {
    let (items, senders): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    let body = json!({ "messages": items }).to_string();
    let request = sound::build(&format!("{}/v1/batch", batch.base), body.into()).unwrap();
    let mut request = request;
    request.headers_mut().insert("authorization", HeaderValue::from_static(KEY));
    let response = batch.transport.send(request).await;
    let results = response.as_ref().ok().and_then(|response| {
        let answer: Value = serde_json::from_slice(response.body()).ok()?;
        answer.get("results")?.as_array().cloned()
    });
    for (nth, sender) in senders.into_iter().enumerate() {
        let own = results.as_ref().and_then(|results| results.get(nth));
        let result = match (&response, own) {
            (Err(error), _) => Err(again(error)),
            (Ok(response), None) => outcome(response, batch.clock.now()),
            (Ok(_), Some(own)) => {
                let body = Bytes::from(own["body"].as_str().unwrap_or_default().to_owned());
                let mut response = Response::new(body);
                let status = own["status"].as_u64().and_then(|status| u16::try_from(status).ok());
                *response.status_mut() = status.unwrap_or(500).try_into().unwrap();
                outcome(&response, batch.clock.now())
            }
        };
        // One who has gone does not care.
        let _ = sender.send(result);
    }
}

fn again(error: &Error) -> Error {
    let other = Error::new(error.kind(), "the request failed");
    if error.is_outcome_known() { other } else { other.with_unknown_outcome() }
}

#[test]
fn a_batch_is_no_flaw() {
    let harness = amend(given(|| sound::Sound))
        .with_provider(|_, vendor| {
            Arc::new(Batches(Arc::new(Batch {
                base: vendor.url().to_owned(),
                transport: vendor.transport(),
                clock: vendor.clock(),
                waiting: Mutex::default(),
            })))
        })
        .with_unpack(|_, request| {
            let content: Option<Value> = serde_json::from_slice(request.body()).ok();
            let items = content.as_ref().and_then(|content| content["messages"].as_array());
            let single = items.into_iter().flatten().map(|item| {
                let mut single = request.clone();
                *single.body_mut() = item.to_string().into();
                single
            });
            single.collect()
        })
        .with_pack(|_, answers| {
            let results = answers.iter().map(|answer| {
                let body = String::from_utf8_lossy(answer.body()).into_owned();
                json!({ "status": answer.status().as_u16(), "body": body })
            });
            let results = json!({ "results": results.collect::<Vec<_>>() });
            Some(Response::new(results.to_string().into()))
        });
    accuses_nobody(&run(harness), 130);
}

/// Hands messages to a library that reaches its own push service, and offers no address to set.
#[derive(Clone, Debug, Default)]
struct Library(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    taken: Vec<Bytes>,
    next: Option<Failure>,
}

#[async_trait]
impl PushProvider for Library {
    fn id(&self) -> ProviderId {
        ProviderId::from_static("library")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(4096)
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let named = |error: Error| error.with_provider(self.id());
        token.require(&self.id()).map_err(named)?;
        self.capabilities().check(message).map_err(named)?;
        let next = self.0.lock().unwrap().next.take();
        if next != Some(Failure::Refuses) {
            self.0.lock().unwrap().taken.push(message.body().clone());
        }
        let error = |kind| named(Error::new(kind, "the library failed"));
        match next {
            None => Ok(Accepted::new(self.id())),
            Some(Failure::Hangs) => {
                tokio::time::sleep(Duration::from_secs(15)).await;
                Err(error(ErrorKind::Timeout).with_unknown_outcome())
            }
            Some(Failure::Breaks) => Err(error(ErrorKind::Transport).with_unknown_outcome()),
            Some(Failure::Refuses) => Err(error(ErrorKind::Transport)),
            Some(Failure::Says(Scenario::Expired)) => Err(error(ErrorKind::Expired)),
            Some(Failure::Says(Scenario::RateLimited)) => Err(error(ErrorKind::RateLimited)),
            Some(_) => Err(error(ErrorKind::Unavailable)),
        }
    }
}

/// How much of what the library can do its author brings about.
struct LibraryHarness {
    library: Library,
    provokes: bool,
}

impl Harness for LibraryHarness {
    fn provider(&self, _: &Vendor) -> Arc<dyn PushProvider> {
        Arc::new(self.library.clone())
    }

    fn token(&self, _: &Vendor, name: &str, keys: UserAgentKeys) -> Token {
        Token::new("library".parse().unwrap(), &json!({ "device": name }), keys).unwrap()
    }

    fn answers(&self, _: Scenario) -> Vec<Response<Bytes>> {
        Vec::new()
    }

    fn body(&self, _: &Request<Bytes>) -> Option<Bytes> {
        None
    }

    fn wire(&self) -> Wire {
        Wire::None
    }

    fn checks_addresses(&self) -> bool {
        false
    }

    fn credentials(&self) -> Credentials {
        Credentials::Absent
    }

    fn provoke(&self, _: &Vendor, failure: Failure) -> bool {
        let known = matches!(
            failure,
            Failure::Breaks
                | Failure::Hangs
                | Failure::Refuses
                | Failure::Says(Scenario::Expired | Scenario::RateLimited | Scenario::Unavailable)
        );
        if known && self.provokes {
            self.library.0.lock().unwrap().next = Some(failure);
        }
        known && self.provokes
    }

    fn arrived(&self, _: &Vendor) -> Vec<Bytes> {
        self.library.0.lock().unwrap().taken.clone()
    }
}

#[test]
fn no_http_at_all_is_no_flaw() {
    let harness = LibraryHarness { library: Library::default(), provokes: false };
    accuses_nobody(&run(harness), 40);
}

/// And what the author brings about is asked for.
#[test]
fn a_library_without_an_address_to_set_is_no_flaw() {
    let harness = LibraryHarness { library: Library::default(), provokes: true };
    accuses_nobody(&run(harness), 48);
}

/// Reads the tokens' own URLs, as Web Push does.
#[test]
fn a_url_as_the_address_is_no_flaw() {
    accuses_nobody(&run(resources(|| Resources(str::to_owned))), 150);
}

/// Says much, but nothing that is secret: to the log, to standard error, in spans.
#[derive(Debug)]
struct Talks;

#[async_trait]
impl Conduct for Talks {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let span = tracing::info_span!("sending", octets = request.body().len());
        span.in_scope(|| tracing::debug!("to {}", request.uri().host().unwrap_or_default()));
        log::info!("{} octets go out", request.body().len());
        let response = api.transport.send(request).await?;
        eprintln!("the answer was {}", response.status());
        let status = response.status().as_u16();
        std::thread::spawn(move || tracing::info!(status, "answered"));
        self.outcome(&response, api.clock.now())
    }
}

#[test]
fn talk_is_no_flaw() {
    accuses_nobody(&run(Channels(|| Talks)), 155);
}

/// Two urgencies, a TTL in minutes that it says openly, and no name for a message.
#[derive(Debug)]
struct SaysLittle;

#[async_trait]
impl Conduct for SaysLittle {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = sound::content(&message.clone().with_ttl(minutes(message)));
        content["urgency"] = match message.urgency() {
            Urgency::High => "high",
            _ => "normal",
        }
        .into();
        sound::request(api, token, content)
    }

    fn outcome(&self, response: &Response<Bytes>, now: std::time::SystemTime) -> Result<Accepted> {
        outcome(response, now).map(|accepted| accepted.with_message_id(None))
    }

    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let accepted = sound::attempt(self, api, token, message).await?;
        Ok(accepted.with_ttl(minutes(message)))
    }
}

fn minutes(message: &SealedMessage) -> Ttl {
    Ttl::from_secs(message.ttl().as_secs() / 60 * 60)
}

#[test]
fn a_coarse_push_service_is_no_flaw() {
    let harness = amend(Channels(|| SaysLittle))
        .with_urgencies(|_| &[Urgency::Normal, Urgency::High])
        .with_message_id(|_, _| None);
    accuses_nobody(&run(harness), 145);
}

/// Signs on one of tokio's own threads for it, which paused time waits for.
#[derive(Debug)]
struct SignsOffTheRuntime;

#[async_trait]
impl Conduct for SignsOffTheRuntime {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        let signed = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(1)));
        signed.await.map_err(|_| Error::new(ErrorKind::Unavailable, "no signature"))?;
        sound::mint(api).await
    }
}

#[test]
fn a_signature_made_in_tokios_thread_is_no_flaw() {
    accuses_nobody(&run(Channels(|| SignsOffTheRuntime)), 150);
}

static NEXT: AtomicU64 = AtomicU64::new(0);
const LEAST_AGE: Duration = Duration::from_secs(20 * 60);
const KEY: &str = "Bearer given-key-Wq5Tz8Rk2Lm";
