//! Ending in order: every job that was taken in comes back once.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sealpush::client::{Drained, Payload};
use sealpush::layers::RetryPolicy;
use sealpush::{Client, ErrorKind, Message, Token};
use support::scripted::{Answer, Scripted, token};
use tokio::time::Instant;

const QUEUED: usize = 10_000;
const IN_FLIGHT: usize = 200;

fn client(provider: &Scripted) -> Client {
    Client::builder()
        .provider(provider.clone())
        .retry(RetryPolicy::default().with_seed(1))
        .in_flight(NonZeroUsize::new(IN_FLIGHT).unwrap())
        .in_flight_per_origin(NonZeroUsize::new(50).unwrap())
        .queue(NonZeroUsize::new(QUEUED).unwrap())
        .build()
        .unwrap()
}

/// Jobs without end, for ten hosts.
fn jobs() -> impl futures_util::Stream<Item = (usize, Token, Message)> + Unpin {
    let message = Message::new("hello");
    let hosts: Vec<_> = (0..10).map(|n| format!("host{n}")).collect();
    stream::iter(0..).map(move |key| (key, token(&hosts[key % 10], key), message.clone()))
}

fn keys(drained: &Drained<usize>) -> BTreeSet<usize> {
    let finished = drained.finished.iter().map(|(key, _)| *key);
    finished.chain(drained.unsent.iter().map(|job| job.key)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_finishes_and_the_queue_comes_back() {
    let provider = Scripted::new(|attempt| match attempt.number {
        0..1000 => Answer::accept().after(Duration::from_millis(1)),
        _ => Answer::accept().after(Duration::from_secs(5)),
    });
    let client = client(&provider);
    let mut outcomes = client.send_many(jobs());
    let mut given = BTreeSet::new();
    while let Ok(outcome) = tokio::time::timeout(Duration::from_secs(1), outcomes.next()).await {
        assert!(given.insert(outcome.unwrap().0));
    }
    assert_eq!(provider.under_way(), IN_FLIGHT);

    let started = Instant::now();
    let drained = outcomes.drain(Duration::from_secs(30)).await;
    assert!(started.elapsed() < Duration::from_secs(6));
    assert_eq!(drained.finished.len(), IN_FLIGHT);
    assert!(drained.finished.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(drained.unsent.len(), QUEUED);
    let keys = keys(&drained);
    assert_eq!(keys.len(), QUEUED + IN_FLIGHT);
    assert!(keys.is_disjoint(&given));
    assert_eq!(given.len() + keys.len(), given.union(&keys).max().unwrap() + 1);

    // An unsent job comes with all that is needed to send it later.
    let job = &drained.unsent[0];
    assert_eq!(job.token, token(&format!("host{}", job.key % 10), job.key));
    let Payload::Clear(message) = &job.message else { panic!("it was not sealed: {job:?}") };
    assert_eq!(message.expose(), b"hello");
    assert!(outcomes.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_cut_off_at_the_deadline() {
    let provider = Scripted::new(|attempt| match attempt.number {
        0..1000 => Answer::accept().after(Duration::from_millis(1)),
        _ => Answer::hang(),
    });
    let client = client(&provider);
    let mut outcomes = client.send_many(jobs());
    while tokio::time::timeout(Duration::from_secs(1), outcomes.next()).await.is_ok() {}

    let started = Instant::now();
    let drained = outcomes.drain(Duration::from_secs(30)).await;
    let took = started.elapsed();
    assert!((29.9..30.1).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(provider.under_way(), 0);
    assert_eq!(keys(&drained).len(), QUEUED + IN_FLIGHT);
    assert_eq!(drained.finished.len(), IN_FLIGHT);
    for (_, outcome) in drained.finished {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(!error.is_outcome_known());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_for_its_next_attempt_has_the_error_of_its_last() {
    let provider = Scripted::new(|attempt| match attempt.number {
        0 => Answer::refuse(ErrorKind::Unavailable),
        _ => Answer::hang(),
    });
    let client = Client::builder()
        .provider(provider.clone())
        .retry(RetryPolicy::default().with_seed(1).with_base(Duration::from_secs(60)))
        .build()
        .unwrap();
    let mut outcomes = client.send_many(stream::iter([(0, token("a", 0), Message::new("hello"))]));
    let wait = tokio::time::timeout(Duration::from_millis(1), outcomes.next());
    assert!(wait.await.is_err());
    assert_eq!(provider.count(), 1);

    let drained = outcomes.drain(Duration::ZERO).await;
    assert_eq!(drained.finished.len(), 1);
    let error = drained.finished[0].1.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(drained.unsent.is_empty());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_drain_loses_nothing() {
    let provider = Scripted::new(|attempt| match attempt.number {
        0..1000 => Answer::accept().after(Duration::from_millis(1)),
        _ => Answer::accept().after(Duration::from_secs(5)),
    });
    let client = client(&provider);
    let mut outcomes = client.send_many(jobs());
    while tokio::time::timeout(Duration::from_secs(1), outcomes.next()).await.is_ok() {}

    let drain = outcomes.drain(Duration::from_secs(30));
    assert!(tokio::time::timeout(Duration::from_secs(1), drain).await.is_err());
    // The stream gives what was under way, starts nothing, and ends.
    let count = provider.count();
    let mut keys = BTreeSet::new();
    for _ in 0..50 {
        keys.insert(outcomes.next().await.unwrap().0);
    }
    let drained = outcomes.drain(Duration::from_secs(30)).await;
    assert_eq!(provider.count(), count);
    assert_eq!(drained.finished.len(), IN_FLIGHT - 50);
    assert_eq!(drained.unsent.len(), QUEUED);
    keys.extend(self::keys(&drained));
    assert_eq!(keys.len(), QUEUED + IN_FLIGHT);
}

#[tokio::test]
async fn a_stream_that_was_never_polled_drains_to_nothing() {
    let client = client(&Scripted::accepting());
    let drained = client.send_many(jobs()).drain(Duration::from_secs(1)).await;
    assert!(drained.finished.is_empty() && drained.unsent.is_empty());
}
