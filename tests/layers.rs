//! What every layer owes its provider, and what `Timeout` and `Failover` add.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sealpush::layers::{Failover, Rate, RateLimit, Retry, RetryPolicy, Timeout, Trace};
use sealpush::{Capabilities, Error, ErrorKind, Message, PushProvider, SealedMessage};
use support::scripted::{Answer, Scripted, token};
use tokio::time::Instant;

fn sealed() -> SealedMessage {
    Message::new("hello").seal(token("a", 0).keys(), 4096).unwrap()
}

/// Every layer around a provider.
fn layered(provider: &Scripted) -> Vec<Box<dyn PushProvider>> {
    let rate = Rate::per_second(NonZeroU32::MAX);
    let shared: Arc<dyn PushProvider> = Arc::new(provider.clone());
    vec![
        Box::new(Failover::new([shared]).unwrap()),
        Box::new(RateLimit::new(provider.clone(), rate)),
        Box::new(Retry::new(provider.clone(), RetryPolicy::default())),
        Box::new(Timeout::new(provider.clone(), Duration::from_secs(15))),
        Box::new(Trace::new(provider.clone())),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_layer_forwards_id_capabilities_message_and_outcome() {
    let capabilities = Capabilities::new(1234).with_urgency().with_topic().with_ttl();
    let provider = Scripted::accepting().with_id("webpush").with_capabilities(capabilities);
    let message = sealed().with_topic("t".parse().unwrap());
    for layer in layered(&provider) {
        assert_eq!(layer.id(), provider.id(), "{layer:?}");
        assert_eq!(layer.capabilities(), capabilities, "{layer:?}");
        layer.send(&token("a", 7), &message).await.unwrap();
        let last = provider.attempts().pop().unwrap();
        assert_eq!(last.message, message, "{layer:?}");
        assert_eq!(last.token, token("a", 7), "{layer:?}");
    }
    assert_eq!(provider.count(), 5);

    let error = || {
        Error::new(ErrorKind::Expired, "the subscription is gone")
            .with_status(410)
            .with_retry_after(Duration::from_secs(9))
    };
    let provider = Scripted::new(move |_| Answer::error(error()));
    for layer in layered(&provider) {
        let answered = layer.send(&token("a", 7), &message).await.unwrap_err();
        assert_eq!(format!("{answered:?}"), format!("{:?}", error()), "{layer:?}");
    }
}

#[test]
fn outside_of_a_runtime_a_layer_that_waits_is_an_error_and_no_panic() {
    let provider = Scripted::accepting();
    let (message, token) = (sealed(), token("a", 7));
    let mut errors = Vec::new();
    for layer in layered(&provider) {
        let mut sending = layer.send(&token, &message);
        match sending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => errors.push(error),
            Poll::Pending => panic!("{layer:?}"),
        }
    }
    assert_eq!((errors.len(), provider.count()), (3, 2));
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("outside of a tokio runtime"), "{error}");
        assert!(error.is_outcome_known() && error.provider() == Some(&provider.id()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_attempt_ends_with_an_unknown_outcome() {
    let provider = Scripted::new(|_| Answer::hang());
    let timeout = Timeout::new(provider.clone(), Duration::from_secs(15));
    let started = Instant::now();
    let error = timeout.send(&token("a", 0), &sealed()).await.unwrap_err();
    assert_eq!(error.to_string(), "webpush: no answer within 15s");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!error.is_outcome_known() && error.is_retryable());
    assert_eq!(started.elapsed().as_secs(), 15);
    assert_eq!(provider.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_ends_in_time_is_left_alone() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_secs(14)));
    let timeout = Timeout::new(provider, Duration::from_secs(15));
    timeout.send(&token("a", 0), &sealed()).await.unwrap();
}

fn failover(providers: &[&Scripted]) -> Failover {
    let share = |provider: &&Scripted| Arc::new((*provider).clone()) as Arc<dyn PushProvider>;
    Failover::new(providers.iter().map(share)).unwrap()
}

#[tokio::test]
async fn the_next_account_is_asked_only_where_it_can_make_a_difference() {
    for (kind, moves_on) in [
        (ErrorKind::Blocked, false),
        (ErrorKind::Configuration, false),
        (ErrorKind::Expired, false),
        (ErrorKind::InvalidToken, false),
        (ErrorKind::PayloadTooLarge, false),
        (ErrorKind::RateLimited, true),
        (ErrorKind::Rejected, false),
        (ErrorKind::Timeout, true),
        (ErrorKind::TokenMismatch, true),
        (ErrorKind::Transport, true),
        (ErrorKind::Unauthorized, true),
        (ErrorKind::Unavailable, true),
        (ErrorKind::UnexpectedResponse, false),
    ] {
        let (first, second) = (Scripted::refusing(kind), Scripted::accepting());
        let outcome = failover(&[&first, &second]).send(&token("a", 0), &sealed()).await;
        assert_eq!(outcome.is_ok(), moves_on, "{kind:?}");
        assert_eq!((first.count(), second.count()), (1, usize::from(moves_on)), "{kind:?}");
    }
}

#[tokio::test]
async fn an_unknown_outcome_stays_with_its_account() {
    let first = Scripted::new(|_| {
        Answer::error(Error::new(ErrorKind::Transport, "reset").with_unknown_outcome())
    });
    let second = Scripted::accepting();
    failover(&[&first, &second]).send(&token("a", 0), &sealed()).await.unwrap_err();
    assert_eq!(second.count(), 0);
}

#[tokio::test]
async fn when_all_accounts_fail_the_error_is_one_that_may_pass() {
    let kinds = [ErrorKind::TokenMismatch, ErrorKind::Unavailable, ErrorKind::Unauthorized];
    let providers = kinds.map(Scripted::refusing);
    let all = failover(&[&providers[0], &providers[1], &providers[2]]);
    let error = all.send(&token("a", 0), &sealed()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let final_ones = failover(&[&providers[0], &providers[2]]);
    let error = final_ones.send(&token("a", 0), &sealed()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn failover_can_do_what_all_can_do() {
    let all = Capabilities::new(4096).with_ttl().with_urgency().with_topic().with_idempotent();
    let some = Capabilities::new(2048).with_ttl();
    let (first, second) = (
        Scripted::accepting().with_capabilities(all),
        Scripted::accepting().with_capabilities(some),
    );
    let failover = failover(&[&first, &second]);
    assert_eq!(failover.capabilities(), some);
    let error = failover
        .send(&token("a", 0), &sealed().with_topic("t".parse().unwrap()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(first.count(), 0);
}

#[test]
fn failover_is_between_accounts_of_one_provider() {
    assert_eq!(Failover::new(Vec::<Scripted>::new()).unwrap_err().kind(), ErrorKind::Configuration);
    let different =
        ["a", "b"].map(|id| Arc::new(Scripted::accepting().with_id(id)) as Arc<dyn PushProvider>);
    let error = Failover::new(different).unwrap_err();
    assert_eq!(error.to_string(), "failover cannot go from 'a' to 'b': a token belongs to one");
}
