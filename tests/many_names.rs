//! A stranger with many names, or with one that hangs, takes nothing from those that answer.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use sealpush::layers::{Retry, RetryPolicy, Timeout};
use sealpush::{Client, ErrorKind, Message, PushProvider, Token};
use support::scripted::{Answer, Attempt, Scripted, token};
use tokio::time::Instant;

const HEALTHY: usize = 2_000;

fn client(provider: &Scripted) -> Client {
    let provider = Timeout::new(provider.clone(), Duration::from_secs(15));
    Client::builder().provider(provider).build().unwrap()
}

/// `healthy` answers in 20 ms, and the first time in 60; all others hang.
fn healthy_and_hanging() -> Scripted {
    Scripted::new(|attempt| match attempt.host().starts_with("healthy") {
        true => Answer::accept().after(Duration::from_millis(20)),
        false => Answer::hang(),
    })
}

/// Messages to `healthy`, with so many others spread evenly among them.
fn spread(others: impl ExactSizeIterator<Item = String>) -> Vec<(bool, Token, Message)> {
    let message = Message::new("hello");
    let count = others.len();
    let mut others = others.enumerate();
    let mut jobs = Vec::new();
    for n in 0..HEALTHY {
        jobs.push((true, token("healthy", n), message.clone()));
        let upto = (n + 1) * count / HEALTHY - n * count / HEALTHY;
        let next = others.by_ref().take(upto);
        jobs.extend(next.map(|(n, host)| (false, token(&host, n), message.clone())));
    }
    jobs
}

/// The median of the healthy origin's latencies, and the outcomes of the others by kind.
async fn run(
    client: &Client,
    jobs: Vec<(bool, Token, Message)>,
) -> (Duration, BTreeMap<Option<ErrorKind>, usize>) {
    let total = jobs.len();
    let started = Instant::now();
    let (mut latencies, mut others) = (Vec::new(), BTreeMap::<_, usize>::new());
    let mut outcomes = client.send_all(jobs);
    while let Some((healthy, outcome)) = outcomes.next().await {
        if healthy {
            outcome.unwrap();
            latencies.push(started.elapsed());
        } else {
            *others.entry(outcome.err().map(|error| error.kind())).or_default() += 1;
        }
    }
    assert_eq!(latencies.len() + others.values().sum::<usize>(), total, "one outcome each");
    (latencies[latencies.len() / 2], others)
}

async fn baseline() -> Duration {
    run(&client(&healthy_and_hanging()), spread(std::iter::empty())).await.0
}

#[tokio::test(start_paused = true)]
async fn hanging_hosts_leave_a_healthy_one_its_pace_however_many() {
    let alone = baseline().await;
    for hosts in [400, 4_000] {
        let provider = healthy_and_hanging();
        let jobs = spread((0..hosts).map(|n| format!("host{n}.example")));
        let (beside, others) = run(&client(&provider), jobs).await;
        assert!(beside <= alone.mul_f64(1.2), "{beside:?} beside {hosts} hosts, {alone:?} alone");
        // Nothing else than silence, or being turned away with nothing sent.
        let kinds: Vec<_> = others.keys().flatten().collect();
        assert!(
            kinds.iter().all(|kind| [ErrorKind::RateLimited, ErrorKind::Timeout].contains(kind))
        );
        let silent = provider.attempts().iter().filter(|a| a.host() != "healthy").count();
        assert_eq!(others[&Some(ErrorKind::Timeout)], silent, "{hosts}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_hanging_host_in_two_thousand_spellings_is_one() {
    let alone = baseline().await;
    let provider = healthy_and_hanging();
    let jobs = spread((0..2_000).map(|n| match n % 4 {
        0 => format!("hanging.example:{:0width$}", 443, width = 3 + n / 4),
        1 => format!("hanging.example.:{:0width$}", 443, width = 3 + n / 4),
        2 => format!("HANGING.example:{:0width$}", 443, width = 3 + n / 4),
        _ => format!("%68anging.example:{:0width$}", 443, width = 3 + n / 4),
    }));
    let hosts: std::collections::BTreeSet<_> = jobs
        .iter()
        .map(|(_, token, _)| {
            token.expose("endpoint").unwrap().split('/').nth(2).unwrap().to_owned()
        })
        .collect();
    assert!(hosts.len() > 1_900, "{}", hosts.len());
    let (beside, _) = run(&client(&provider), jobs).await;
    assert!(beside <= alone.mul_f64(1.2), "{beside:?} beside the spellings, {alone:?} alone");
    // Never more than one at a time: it did not answer once.
    let others = provider.attempts().iter().filter(|a| a.host() != "healthy").count();
    assert!(others < 2_000, "{others}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_that_came_first_delays_a_proven_origin_by_the_patience_only() {
    let alone = baseline().await;
    let client = client(&healthy_and_hanging());
    let first = [(0, token("healthy", 0), Message::new("hello"))];
    assert_eq!(client.send_all(first).summary().await.accepted(), 1);
    let message = Message::new("hello");
    let hostile =
        (0..4_000).map(|n| (false, token(&format!("host{n}.example"), n), message.clone()));
    let jobs = hostile.chain(spread(std::iter::empty())).collect();
    let (behind, _) = run(&client, jobs).await;
    let delay = behind.saturating_sub(alone);
    assert!(delay <= Duration::from_millis(120), "{behind:?} behind the flood, {alone:?} alone");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_of_a_hanging_origins_jobs_slows_nobody() {
    // Well at first, so that it is proven and as wide as the other.
    let provider = Scripted::new(|attempt| match (attempt.host(), attempt.name()) {
        ("hanging.example", 200..) => Answer::hang(),
        _ => Answer::accept().after(Duration::from_millis(20)),
    });
    let alone = baseline().await;
    let jobs = spread((0..4_000).map(|_| "hanging.example".to_owned()));
    let (beside, others) = run(&client(&provider), jobs).await;
    assert!(beside <= alone.mul_f64(1.2), "{beside:?} beside the hanging one, {alone:?} alone");
    assert!(others[&None] >= 200 && others[&Some(ErrorKind::RateLimited)] > 2_000, "{others:?}");
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_asks_all_to_wait_fills_no_queue() {
    let flooded = || {
        sealpush::Error::answered(ErrorKind::RateLimited, 429, "slow down")
            .with_retry_after(Duration::from_secs(300))
    };
    let provider = Scripted::new(move |attempt| match attempt.host() {
        "flooded.example" => Answer::error(flooded()).after(Duration::from_millis(5)),
        _ => Answer::accept().after(Duration::from_millis(20)),
    });
    let alone = baseline().await;
    let client = Client::builder()
        .provider(provider)
        .retry(RetryPolicy::default().with_seed(1))
        .build()
        .unwrap();
    let jobs = spread((0..10_000).map(|_| "flooded.example".to_owned()));
    let (beside, _) = run(&client, jobs).await;
    assert!(beside <= alone.mul_f64(1.2), "{beside:?} beside the flooded one, {alone:?} alone");
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_with_many_messages_comes_through_beside_hostile_newcomers() {
    let provider = healthy_and_hanging();
    let message = Message::new("hello");
    // All of the hostile ones first, and nobody is proven yet.
    let hostile = (0..900).map(|n| (false, token(&format!("host{n}.example"), n), message.clone()));
    let healthy = (0..100).map(|n| (true, token("healthy", n), message.clone()));
    let (median, _) = run(&client(&provider), hostile.chain(healthy).collect()).await;
    assert!(median < Duration::from_secs(1), "{median:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_honest_newcomers_reach_full_speed_and_none_is_turned_away() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(200)));
    let message = Message::new("hello");
    let jobs: Vec<_> = (0..20_000)
        .map(|n| (n, token(&format!("host{}.example", n % 1_000), n), message.clone()))
        .collect();
    let client = client(&provider);
    let started = Instant::now();
    let mut outcomes = client.send_all(jobs);
    let mut finished = Vec::new();
    while let Some((_, outcome)) = outcomes.next().await {
        outcome.unwrap();
        finished.push(started.elapsed());
    }
    assert_eq!(finished.len(), 20_000);
    // 400 under way for 200 ms are 2,000 a second.
    let second_half = (finished[19_999] - finished[10_000]).as_secs_f64();
    assert!((4.9..6.0).contains(&second_half), "{second_half}");
    assert!(finished[19_999] < Duration::from_secs(16), "{:?}", finished[19_999]);
    assert_eq!(provider.most_under_way(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_proven_origin_that_hangs_for_a_while_is_served_again_when_it_answers() {
    let started = Instant::now();
    let sick = move |attempt: &Attempt| {
        let at = (attempt.at - started).as_secs();
        (10..100).contains(&at)
    };
    let provider = Scripted::new(move |attempt| match sick(attempt) {
        true => Answer::hang(),
        false => Answer::accept().after(Duration::from_millis(100)),
    });
    let client = client(&provider);
    let send = |count: usize| {
        let message = Message::new("hello");
        client.send_all((0..count).map(move |n| (n, token("sick.example", n), message.clone())))
    };
    assert_eq!(send(1_000).summary().await.accepted(), 1_000);
    tokio::time::advance(Duration::from_secs(10)).await;
    // Not a hundred times the fifteen seconds: it is asked one by one until it answers.
    let summary = send(100).summary().await;
    assert!(summary.failed(ErrorKind::Timeout) < 10, "{summary}");
    assert_eq!(summary.accepted() + summary.failed(ErrorKind::Timeout), 100);
    assert_eq!(send(1_000).summary().await.accepted(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn what_is_turned_away_was_not_sent_and_may_be_sent_again() {
    let provider = Scripted::new(|_| Answer::hang());
    let client = Client::builder()
        .provider(provider.clone())
        .queue(NonZeroUsize::new(16).unwrap())
        .build()
        .unwrap();
    let message = Message::new("hello");
    let jobs = (0..200).map(|n| (n, token(&format!("host{n}.example"), n), message.clone()));
    let mut outcomes = client.send_all(jobs);
    let (key, outcome) = outcomes.next().await.unwrap();
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.is_outcome_known() && error.is_retryable() && !error.is_token_dead());
    assert_eq!(error.provider().unwrap().as_str(), "webpush");
    assert!(provider.attempts().iter().all(|attempt| attempt.name() != key));
    // The rest is turned away at once; what is under way and in the queue goes on.
    while let Some(Some(_)) = outcomes.next().now_or_never() {}
    let drained = outcomes.drain(Duration::ZERO).await;
    assert_eq!(drained.finished.len(), provider.count());
    // A quarter of the queue, and the one whose turn had just come.
    assert!((4..=5).contains(&drained.unsent.len()), "{drained:?}");
}

#[tokio::test(start_paused = true)]
async fn five_spellings_of_a_dead_host_share_one_budget() {
    let spellings =
        ["dead.example", "dead.example:443", "dead.example:0443", "dead.example.", "DEAD.example"];
    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let policy = RetryPolicy::default().with_seed(1);
    let retry = Retry::new(provider.clone(), policy.clone());
    let message = Message::new("hello").seal(token("a", 0).keys(), 4096).unwrap();
    for n in 0..2_000 {
        let error = retry.send(&token(spellings[n % 5], n), &message).await.unwrap_err();
        assert_eq!(error.is_budget_spent(), n >= 14, "{n}: {error}");
    }
    assert!(provider.count() <= 2_000 * 11 / 10 + 100, "{}", provider.count());

    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let client = Client::builder().provider(provider.clone()).retry(policy).build().unwrap();
    let message = Message::new("hello");
    let jobs = (0..2_000).map(|n| (n, token(spellings[n % 5], n), message.clone()));
    assert_eq!(client.send_all(jobs).summary().await.total(), 2_000);
    assert!(provider.count() <= 2_000 * 11 / 10 + 100, "{}", provider.count());
}

#[tokio::test(start_paused = true)]
async fn strangers_do_not_get_an_exhausted_budget_renewed() {
    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let policy = RetryPolicy::default().with_seed(1).with_attempts(2.try_into().unwrap());
    let retry = Retry::new(provider.clone(), policy);
    let message = Message::new("hello").seal(token("a", 0).keys(), 4096).unwrap();
    for n in 0..200 {
        retry.send(&token("dead.example", n), &message).await.unwrap_err();
    }
    for n in 0..5_000 {
        retry.send(&token(&format!("host{n}.example"), n), &message).await.unwrap_err();
    }
    let before = provider.count();
    retry.send(&token("dead.example", 0), &message).await.unwrap_err();
    assert_eq!(provider.count() - before, 1);
}
