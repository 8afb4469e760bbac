//! Many messages: all have one outcome, limits hold, no origin waits for another.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use sealpush::layers::{RetryPolicy, Timeout};
use sealpush::{Client, Error, ErrorKind, Message, PushProvider, Token, Ttl};
use support::scripted::{Answer, Scripted, token};
use tokio::time::Instant;

fn client(provider: impl PushProvider, in_flight: usize, per_origin: usize) -> Client {
    Client::builder()
        .provider(provider)
        .in_flight(NonZeroUsize::new(in_flight).unwrap())
        .in_flight_per_origin(NonZeroUsize::new(per_origin).unwrap())
        .build()
        .unwrap()
}

/// A job for each host in turn, `rounds` times.
fn jobs(hosts: &[&str], rounds: usize) -> Vec<(usize, Token, Message)> {
    let message = Message::new("hello");
    let hosts = hosts.iter().cycle().take(hosts.len() * rounds);
    hosts.enumerate().map(|(key, host)| (key, token(host, key), message.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn every_job_has_one_outcome_with_its_key() {
    let provider = Scripted::new(|attempt| {
        let name = attempt.name() as u64;
        let answer = match name % 3 {
            0 => Answer::refuse(ErrorKind::Expired),
            _ => Answer::accept(),
        };
        answer.after(Duration::from_millis(name * 7919 % 50))
    });
    let client = client(provider.clone(), 20, 20);
    let outcomes: Vec<_> =
        client.send_many(stream::iter(jobs(&["a", "b", "c"], 500))).collect().await;
    assert_eq!(outcomes.len(), 1500);
    for (key, outcome) in &outcomes {
        assert_eq!(outcome.is_err(), key % 3 == 0, "{key}");
    }
    let keys: BTreeSet<_> = outcomes.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys.len(), 1500);
    assert_eq!(provider.count(), 1500);
    // As they finish, not as they came.
    assert!(!outcomes.is_sorted_by_key(|(key, _)| *key));
}

#[tokio::test(start_paused = true)]
async fn both_limits_hold() {
    for (in_flight, per_origin, expected) in [(7, 100, 7), (100, 5, 15), (10, 4, 10)] {
        let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(20)));
        let client = client(provider.clone(), in_flight, per_origin);
        let jobs = jobs(&["a", "b", "c"], 100);
        assert_eq!(client.send_many(stream::iter(jobs)).count().await, 300);
        assert_eq!(provider.most_under_way(), expected);

        let mut open = BTreeMap::<String, Vec<Instant>>::new();
        for attempt in provider.attempts() {
            let open = open.entry(attempt.host().to_owned()).or_default();
            open.retain(|at| attempt.at < *at + Duration::from_millis(20));
            open.push(attempt.at);
            assert!(open.len() <= per_origin);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_request_to_an_origin_goes_alone() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(100)));
    let client = client(provider.clone(), 100, 100);
    let started = Instant::now();
    assert_eq!(client.send_many(stream::iter(jobs(&["a", "b"], 40))).count().await, 80);

    let mut by_time = BTreeMap::<Duration, usize>::new();
    for attempt in provider.attempts() {
        *by_time.entry(attempt.at - started).or_default() += 1;
    }
    let counts: Vec<_> = by_time.values().copied().collect();
    // One each, then the doubled width for every outcome.
    assert_eq!(counts, [2, 4, 16, 58]);
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_asks_to_slow_down_is_slowed_and_others_are_not() {
    let provider = Scripted::new(|attempt| match attempt.host() {
        "flood" => Answer::refuse(ErrorKind::RateLimited).after(Duration::from_millis(10)),
        _ => Answer::accept().after(Duration::from_millis(10)),
    });
    let client = client(provider.clone(), 100, 50);
    let mut healthy = 0;
    let mut outcomes = client.send_many(stream::iter(jobs(&["flood", "good"], 300)));
    while healthy < 300 {
        healthy += usize::from(outcomes.next().await.unwrap().1.is_ok());
    }
    let refused = provider.attempts().iter().filter(|a| a.host() == "flood").count();
    // The good origin needs about a dozen rounds; the other gets one request in each.
    assert!(refused < 20, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_and_a_flooding_origin_leave_a_healthy_one_its_pace() {
    let alone = healthy_latency(&["healthy"]).await;
    let beside = healthy_latency(&["hanging", "flooding", "healthy"]).await;
    assert!(beside <= alone.mul_f64(1.2), "{beside:?} beside the others, {alone:?} alone");
}

/// The time from the start to the 99th percentile of the healthy origin's outcomes.
async fn healthy_latency(hosts: &[&str]) -> Duration {
    // The sick ones were well first, so that they have as many requests under way as the other.
    let provider = Scripted::new(|attempt| match (attempt.host(), attempt.name()) {
        ("hanging", 1000..) => Answer::hang(),
        ("flooding", 1000..) => Answer::error(
            Error::new(ErrorKind::RateLimited, "slow down")
                .with_status(429)
                .with_retry_after(Duration::from_secs(30)),
        ),
        _ => Answer::accept().after(Duration::from_millis(20)),
    });
    let client = Client::builder()
        .provider(Timeout::new(provider, Duration::from_secs(15)))
        .retry(RetryPolicy::default().with_seed(1))
        .in_flight(NonZeroUsize::new(256).unwrap())
        .in_flight_per_origin(NonZeroUsize::new(64).unwrap())
        .queue(NonZeroUsize::new(10_000).unwrap())
        .build()
        .unwrap();
    let rounds = 3_000;
    let jobs = jobs(hosts, rounds).into_iter().map(|(_, token, message)| {
        let healthy = token.expose("endpoint").unwrap().contains("healthy");
        (healthy, token, message)
    });
    let started = Instant::now();
    let mut latencies = Vec::new();
    let mut outcomes = client.send_many(stream::iter(jobs));
    while latencies.len() < rounds {
        let (healthy, outcome) = outcomes.next().await.unwrap();
        if healthy {
            outcome.unwrap();
            latencies.push(started.elapsed());
        }
    }
    latencies[rounds * 99 / 100]
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_next_attempt_takes_no_place() {
    // One place, and the first job is asked to come back in ten minutes.
    let provider = Scripted::new(|attempt| match attempt.number {
        0 => Answer::error(
            Error::new(ErrorKind::RateLimited, "later").with_retry_after(Duration::from_secs(600)),
        ),
        _ => Answer::accept().after(Duration::from_millis(10)),
    });
    let client = Client::builder()
        .provider(provider.clone())
        .retry(RetryPolicy::default().with_seed(1))
        .in_flight(NonZeroUsize::MIN)
        .build()
        .unwrap();
    let started = Instant::now();
    let outcomes: Vec<_> = client
        .send_many(stream::iter(jobs(&["a"], 100)))
        .map(|(key, outcome)| (key, outcome, started.elapsed()))
        .collect()
        .await;
    assert_eq!(outcomes.len(), 100);
    assert!(outcomes[98].2 < Duration::from_secs(2), "{:?}", outcomes[98].2);
    let (key, outcome, at) = &outcomes[99];
    assert_eq!(*key, 0);
    outcome.as_ref().unwrap();
    assert!((600.0..660.1).contains(&at.as_secs_f64()), "{at:?}");
    // The same octets both times.
    let attempts = provider.attempts();
    assert_eq!(attempts[0].message, attempts[100].message);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_starts_after_the_expiry_even_if_others_take_the_place() {
    // The first is to come back in two seconds, but the only place is taken until after its TTL.
    let provider = Scripted::new(|attempt| match attempt.number {
        0 => Answer::error(
            Error::new(ErrorKind::RateLimited, "later").with_retry_after(Duration::from_secs(2)),
        ),
        _ => Answer::accept().after(Duration::from_secs(6)),
    });
    let client = Client::builder()
        .provider(provider.clone())
        .retry(RetryPolicy::default().with_seed(1))
        .in_flight(NonZeroUsize::MIN)
        .build()
        .unwrap();
    let jobs = jobs(&["a"], 3).into_iter();
    let jobs = jobs.map(|(key, token, message)| (key, token, message.with_ttl(Ttl::from_secs(5))));
    let outcomes: BTreeMap<_, _> = client.send_many(stream::iter(jobs)).collect().await;
    assert_eq!(outcomes[&0].as_ref().unwrap_err().kind(), ErrorKind::RateLimited);
    assert!(outcomes[&1].is_ok() && outcomes[&2].is_ok());
    assert_eq!(provider.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dead_origin_sees_its_messages_once_and_a_hundred_retries() {
    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let client = Client::builder()
        .provider(provider.clone())
        .retry(RetryPolicy::default().with_seed(1))
        .build()
        .unwrap();
    let outcomes: Vec<_> = client.send_many(stream::iter(jobs(&["a"], 5_000))).collect().await;
    assert_eq!(outcomes.len(), 5_000);
    assert_eq!(provider.count(), 5_100);
}

#[tokio::test(start_paused = true)]
async fn ten_successes_pay_for_a_retry() {
    let provider = Scripted::new(|attempt| match attempt.name() {
        1_000..1_050 => Answer::accept(),
        _ => Answer::refuse(ErrorKind::Unavailable),
    });
    let client = Client::builder()
        .provider(provider.clone())
        .retry(RetryPolicy::default().with_seed(1))
        .build()
        .unwrap();
    let jobs = jobs(&["a"], 2_050);
    for jobs in [&jobs[..1_000], &jobs[1_000..1_050], &jobs[1_050..]] {
        let jobs = stream::iter(jobs.to_vec());
        assert!(client.send_many(jobs).count().await > 0);
    }
    assert_eq!(provider.count(), 2_050 + 100 + 5);
}

#[tokio::test(start_paused = true)]
async fn jobs_are_taken_in_only_as_they_can_be_handled() {
    let provider = taking_one_each(20);
    let client = Client::builder()
        .provider(provider.clone())
        .in_flight(NonZeroUsize::new(10).unwrap())
        .queue(NonZeroUsize::new(100).unwrap())
        .build()
        .unwrap();
    prove(&client, 20).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let message = Message::new("hello");
    // A stream without end.
    let jobs = stream::iter(0_usize..).map(move |key| {
        counter.fetch_add(1, Ordering::SeqCst);
        (key, token(&format!("host{}", key % 20), key), message.clone())
    });
    let mut outcomes = client.send_many(jobs);
    let wait = tokio::time::timeout(Duration::from_secs(60), outcomes.next());
    assert!(wait.await.is_err());
    assert_eq!(provider.under_way(), 10);
    assert_eq!(taken.load(Ordering::SeqCst), 110);
}

#[tokio::test(start_paused = true)]
async fn a_short_queue_leaves_no_place_empty() {
    let provider = taking_one_each(20);
    let client = Client::builder()
        .provider(provider.clone())
        .in_flight(NonZeroUsize::new(10).unwrap())
        .queue(NonZeroUsize::MIN)
        .build()
        .unwrap();
    prove(&client, 20).await;
    let mut outcomes = client.send_all(
        (0..20).map(|key| (key, token(&format!("host{}", key % 20), key), Message::new("hello"))),
    );
    let wait = tokio::time::timeout(Duration::from_secs(60), outcomes.next());
    assert!(wait.await.is_err());
    assert_eq!(provider.under_way(), 10);
}

/// Takes the first messages, and then hangs.
fn taking_one_each(hosts: usize) -> Scripted {
    Scripted::new(move |attempt| match attempt.number {
        number if number < hosts => Answer::accept(),
        _ => Answer::hang(),
    })
}

/// Has every host take a message, so that none is a newcomer.
async fn prove(client: &Client, hosts: usize) {
    for host in 0..hosts {
        let token = token(&format!("host{host}"), host);
        client.send_encrypted(&token, &Message::new("hello")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_pauses_the_sending() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(1)));
    let client = client(provider.clone(), 10, 10);
    let mut outcomes = client.send_many(stream::iter(jobs(&["a"], 1000)));
    outcomes.next().await.unwrap().1.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(provider.count() <= 1 + 3 * 10, "{}", provider.count());
    assert_eq!(outcomes.count().await, 999);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_ends_everything() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_secs(1)));
    let client = client(provider.clone(), 50, 50);
    let mut outcomes = client.send_many(stream::iter(jobs(&["a", "b"], 500)));
    for _ in 0..20 {
        outcomes.next().await.unwrap().1.unwrap();
    }
    let count = provider.count();
    assert!(provider.under_way() > 0);
    drop(outcomes);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(provider.under_way(), 0);
    assert_eq!(provider.count(), count);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_of_next_loses_nothing() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(33)));
    let client = client(provider.clone(), 5, 5);
    let mut outcomes = client.send_many(stream::iter(jobs(&["a", "b"], 50)));
    let mut keys = BTreeSet::new();
    let mut given_up = 0;
    loop {
        match tokio::time::timeout(Duration::from_millis(10), outcomes.next()).await {
            Ok(Some((key, outcome))) => {
                outcome.unwrap();
                assert!(keys.insert(key));
            }
            Ok(None) => break,
            Err(_) => given_up += 1,
        }
    }
    assert_eq!(keys.len(), 100);
    assert!(given_up > 10);
    assert_eq!(provider.count(), 100);
}

#[tokio::test]
async fn a_panic_of_a_provider_is_an_unknown_outcome_of_one_job() {
    let provider = Scripted::new(|attempt| {
        assert_ne!(attempt.number, 3, "the script panics here");
        Answer::accept()
    });
    let client = client(provider, 2, 2);
    let outcomes: Vec<_> = client.send_many(stream::iter(jobs(&["a"], 10))).collect().await;
    assert_eq!(outcomes.len(), 10);
    let failed: Vec<_> = outcomes.iter().filter_map(|(_, o)| o.as_ref().err()).collect();
    assert_eq!(failed.len(), 1);
    assert!(!failed[0].is_outcome_known());
}

#[test]
#[should_panic(expected = "no reactor running")]
fn polling_outside_of_a_runtime_panics_and_does_not_hang() {
    let client = client(Scripted::accepting(), 10, 10);
    let _ = client.send_many(stream::iter(jobs(&["a"], 10))).next().now_or_never();
}

#[tokio::test]
async fn failures_before_sending_are_outcomes_too() {
    let provider = Scripted::accepting();
    let client = client(provider.clone(), 10, 10);
    let jobs = [
        ("mismatch", support::scripted::token_of("other", "a", 0), Message::new("hello")),
        ("large", token("a", 1), Message::new(vec![0; 5000])),
        ("good", token("a", 2), Message::new("hello")),
    ];
    let outcomes: BTreeMap<_, _> = client.send_many(stream::iter(jobs)).collect().await;
    let kind = |key: &str| outcomes[key].as_ref().err().map(Error::kind);
    assert_eq!(kind("mismatch"), Some(ErrorKind::TokenMismatch));
    assert_eq!(kind("large"), Some(ErrorKind::PayloadTooLarge));
    assert_eq!(kind("good"), None);
    assert_eq!(provider.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_with_threads_uses_them() {
    let threads = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&threads);
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let provider = Scripted::new(move |attempt| {
        seen.lock().unwrap().insert(format!("{:?}", std::thread::current().id()));
        // Passed only when two attempts are in here at the same time.
        if matches!(attempt.number, 1 | 2) {
            barrier.wait();
        }
        Answer::accept()
    });
    let client = client(provider, 8, 8);
    let outcomes = client.send_many(stream::iter(jobs(&["a", "b"], 200)));
    assert_eq!(pin!(outcomes).count().await, 400);
    assert!(threads.lock().unwrap().len() >= 2);
}
