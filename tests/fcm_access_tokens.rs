//! Access tokens for FCM: kept, renewed by one request at a time, and replaced when refused.

#![cfg(feature = "fcm")]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::clock::SetClock;
use sealpush::providers::Fcm;
use sealpush::providers::fcm::{AccessToken, AccessTokenRequest, Address, Credentials};
use sealpush::transport::Transport;
use sealpush::{Error, ErrorKind, PushProviderExt, Result, Token};
use tokio::sync::Semaphore;

use self::support::script::{clock, seconds};
use self::support::vendors::{message, user_agent};

fn token() -> Token {
    Address::Token("fGx9:APA91b-example".parse().unwrap())
        .to_token(user_agent().keys().clone())
        .unwrap()
}

/// Credentials and an FCM in one: counts access tokens, and refuses those that it was told to.
#[derive(Clone, Debug)]
struct Service {
    asked: Arc<AtomicUsize>,
    pushes: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    failing: Arc<AtomicUsize>,
    lifetime: Duration,
    gate: Arc<Semaphore>,
}

impl Service {
    fn new() -> Self {
        Self {
            asked: Arc::default(),
            pushes: Arc::default(),
            refused: Arc::default(),
            failing: Arc::default(),
            lifetime: Duration::from_secs(3600),
            gate: Arc::new(Semaphore::new(usize::MAX >> 4)),
        }
    }

    /// Refuses the first `count` access tokens from now on.
    fn refuse(&self, count: usize) {
        self.refused.store(count, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn pushes(&self) -> usize {
        self.pushes.load(Ordering::SeqCst)
    }

    fn fcm(&self, clock: &SetClock) -> Fcm {
        Fcm::builder()
            .credentials(self.clone())
            .project_id("example-project".parse().unwrap())
            .transport(Arc::new(self.clone()))
            .clock(clock.clone())
            .build()
            .unwrap()
    }
}

#[async_trait]
impl Credentials for Service {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.gate.acquire().await.unwrap().forget();
        if number <= self.failing.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Timeout, "slow").with_unknown_outcome());
        }
        AccessToken::new(number.to_string(), request.now + self.lifetime)
    }
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.pushes.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let bearer = request.headers()["authorization"].to_str().unwrap();
        let number: usize = bearer.strip_prefix("Bearer ").unwrap().parse().unwrap();
        let (status, body) = if number <= self.refused.load(Ordering::SeqCst) {
            (401, r#"{"error":{"code":401,"message":"x","status":"UNAUTHENTICATED"}}"#)
        } else {
            (200, r#"{"name":"projects/example-project/messages/1"}"#)
        };
        Ok(Response::builder().status(status).body(body.into()).unwrap())
    }
}

#[tokio::test]
async fn an_access_token_is_kept_until_shortly_before_it_expires() {
    let (service, clock) = (Service::new(), clock());
    let fcm = service.fcm(&clock);
    for (after, asked) in [(0, 1), (10, 1), (3364, 1), (1, 2), (3374, 2), (1, 3)] {
        clock.advance(seconds(after));
        fcm.send_encrypted(&token(), &message("x")).await.unwrap();
        assert_eq!(service.asked(), asked, "after {after} s");
    }
}

#[tokio::test]
async fn a_short_lived_access_token_is_used_for_half_its_life() {
    let mut service = Service::new();
    service.lifetime = Duration::from_secs(100);
    let clock = clock();
    let fcm = service.fcm(&clock);
    for (after, asked) in [(0, 1), (49, 1), (1, 2)] {
        clock.advance(seconds(after));
        fcm.send_encrypted(&token(), &message("x")).await.unwrap();
        assert_eq!(service.asked(), asked);
    }
}

#[tokio::test]
async fn a_thousand_sends_ask_for_one_access_token() {
    let service = Service::new();
    let fcm = Arc::new(service.fcm(&clock()));
    let sends: Vec<_> = (0..1000)
        .map(|_| {
            let fcm = Arc::clone(&fcm);
            tokio::spawn(async move { fcm.send_encrypted(&token(), &message("x")).await })
        })
        .collect();
    for send in sends {
        send.await.unwrap().unwrap();
    }
    assert_eq!((service.asked(), service.pushes()), (1, 1000));
}

#[tokio::test]
async fn a_failure_answers_everyone_who_waited() {
    let mut service = Service::new();
    service.gate = Arc::new(Semaphore::new(0));
    service.failing.store(1, Ordering::SeqCst);
    let fcm = Arc::new(service.fcm(&clock()));
    let sends: Vec<_> = (0..100)
        .map(|_| {
            let fcm = Arc::clone(&fcm);
            tokio::spawn(async move { fcm.send_encrypted(&token(), &message("x")).await })
        })
        .collect();
    while service.asked() == 0 {
        tokio::task::yield_now().await;
    }
    // Everyone else queues behind the first.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    // There would be more for the others, if they asked.
    service.gate.add_permits(101);
    for send in sends {
        let error = send.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.is_outcome_known(), "no message was sent");
    }
    assert_eq!((service.asked(), service.pushes()), (1, 0));

    fcm.send_encrypted(&token(), &message("x")).await.unwrap();
    assert_eq!(service.asked(), 2);
}

#[tokio::test]
async fn a_cancelled_request_for_an_access_token_is_taken_over() {
    let mut service = Service::new();
    service.gate = Arc::new(Semaphore::new(0));
    let fcm = Arc::new(service.fcm(&clock()));
    let send = {
        let fcm = Arc::clone(&fcm);
        tokio::spawn(async move { fcm.send_encrypted(&token(), &message("x")).await })
    };
    while service.asked() == 0 {
        tokio::task::yield_now().await;
    }
    send.abort();
    assert!(send.await.unwrap_err().is_cancelled());
    service.gate.add_permits(1);
    fcm.send_encrypted(&token(), &message("x")).await.unwrap();
    assert_eq!(service.asked(), 2);
}

#[tokio::test]
async fn a_refused_access_token_is_replaced_once() {
    let (service, clock) = (Service::new(), clock());
    let fcm = service.fcm(&clock);
    fcm.send_encrypted(&token(), &message("x")).await.unwrap();
    service.refuse(1);
    fcm.send_encrypted(&token(), &message("x")).await.unwrap();
    assert_eq!((service.asked(), service.pushes()), (2, 3));

    // The next is refused and so is its replacement: the credentials are.
    service.refuse(3);
    let error = fcm.send_encrypted(&token(), &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!((service.asked(), service.pushes()), (2, 4), "the second is a fresh replacement");

    clock.advance(seconds(60));
    let error = fcm.send_encrypted(&token(), &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!((service.asked(), service.pushes()), (3, 6));
    let error = fcm.send_encrypted(&token(), &message("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!((service.asked(), service.pushes()), (3, 7), "no storm of requests");

    clock.advance(seconds(60));
    fcm.send_encrypted(&token(), &message("x")).await.unwrap();
    assert_eq!((service.asked(), service.pushes()), (4, 9));
}

#[tokio::test]
async fn sends_that_were_refused_together_share_the_replacement() {
    let service = Service::new();
    let fcm = Arc::new(service.fcm(&clock()));
    fcm.send_encrypted(&token(), &message("x")).await.unwrap();
    service.refuse(1);
    let sends: Vec<_> = (0..100)
        .map(|_| {
            let fcm = Arc::clone(&fcm);
            tokio::spawn(async move { fcm.send_encrypted(&token(), &message("x")).await })
        })
        .collect();
    for send in sends {
        send.await.unwrap().unwrap();
    }
    assert_eq!((service.asked(), service.pushes()), (2, 201));
}
