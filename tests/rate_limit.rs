//! `RateLimit` holds attempts back, fairly, and takes nothing for those who leave.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::join_all;
use sealpush::layers::{Rate, RateLimit};
use sealpush::{ErrorKind, Message, PushProvider, SealedMessage};
use support::scripted::{Scripted, token};
use tokio::time::{Instant, timeout};

fn sealed() -> SealedMessage {
    Message::new("hello").seal(token("a", 0).keys(), 4096).unwrap()
}

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

#[tokio::test(start_paused = true)]
async fn attempts_are_spread_to_the_rate_after_a_burst() {
    let provider = Scripted::accepting();
    let rate = Rate::per_second(number(10)).with_burst(number(5));
    let limited = RateLimit::new(provider.clone(), rate);
    let (token, message) = (token("a", 0), sealed());
    let started = Instant::now();
    for outcome in join_all((0..105).map(|_| limited.send(&token, &message))).await {
        outcome.unwrap();
    }
    let at: Vec<_> = provider.attempts().iter().map(|attempt| attempt.at - started).collect();
    assert!(at[..5].iter().all(Duration::is_zero), "{at:?}");
    for (number, at) in at[5..].iter().enumerate() {
        let due = Duration::from_millis(100 * (number as u64 + 1));
        assert!((due..due + Duration::from_millis(2)).contains(at), "{number}: {at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_high_rate_is_reached() {
    let provider = Scripted::accepting();
    let limited = RateLimit::new(provider, Rate::per_second(number(20_000)));
    let (token, message) = (token("a", 0), sealed());
    let started = Instant::now();
    join_all((0..40_000).map(|_| limited.send(&token, &message))).await;
    let took = started.elapsed().as_secs_f64();
    // Two thousand go at once.
    assert!((1.89..1.92).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_quota_for_a_minute_is_spread_over_it() {
    let limited = RateLimit::new(Scripted::accepting(), Rate::per_minute(number(6)));
    let (token, message) = (token("a", 0), sealed());
    let started = Instant::now();
    for _ in 0..4 {
        limited.send(&token, &message).await.unwrap();
    }
    assert_eq!(started.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn one_origin_does_not_wait_for_another() {
    let limited = RateLimit::new(Scripted::accepting(), Rate::per_second(number(1)));
    let message = sealed();
    let started = Instant::now();
    for host in ["a", "b", "c"] {
        limited.send(&token(host, 0), &message).await.unwrap();
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_the_queue_takes_no_turn() {
    let provider = Scripted::accepting();
    let rate = Rate::per_second(number(1)).with_burst(number(1));
    let limited = RateLimit::new(provider.clone(), rate);
    let (token, message) = (token("a", 0), sealed());
    limited.send(&token, &message).await.unwrap();
    let started = Instant::now();
    let impatient = || timeout(Duration::from_millis(500), limited.send(&token, &message));
    let patient = limited.send(&token, &message);
    let (first, second, patient) = tokio::join!(impatient(), impatient(), patient);
    assert!(first.is_err() && second.is_err() && patient.is_ok());
    let waited = started.elapsed();
    assert!((1.0..1.01).contains(&waited.as_secs_f64()), "{waited:?}");
    assert_eq!(provider.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn too_long_a_wait_is_rate_limited_with_nothing_sent() {
    let provider = Scripted::accepting();
    let rate = Rate::per_minute(number(1));
    let limited = RateLimit::new(provider.clone(), rate).with_max_wait(Duration::from_secs(10));
    let (token, message) = (token("a", 0), sealed());
    limited.send(&token, &message).await.unwrap();
    let error = limited.send(&token, &message).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.is_outcome_known() && error.is_retryable());
    assert_eq!(provider.count(), 1);
}

/// What is remembered of each origin is bounded, and the emptiest is the last to be forgotten: a
/// forgotten one is full again.
#[tokio::test(start_paused = true)]
async fn strangers_do_not_get_one_who_spent_all_its_turns_forgotten() {
    let rate = Rate::per_minute(number(1)).with_burst(number(10));
    let limited = RateLimit::new(Scripted::accepting(), rate).with_max_wait(Duration::ZERO);
    let message = sealed();
    let spent = token("spent.example.net", 0);
    for _ in 0..10 {
        limited.send(&spent, &message).await.unwrap();
    }
    for stranger in 0..5_000 {
        limited.send(&token(&format!("{stranger}.example.net"), 0), &message).await.unwrap();
    }
    let error = limited.send(&spent, &message).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
}
