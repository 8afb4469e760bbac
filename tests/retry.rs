//! What `Retry` promises: the same octets, never early, never late, never without end.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]
#![cfg(feature = "client")]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::FutureExt;
use sealpush::layers::{Retry, RetryPolicy};
use sealpush::{
    Capabilities, Error, ErrorKind, Message, PushProvider, PushProviderExt, SealedMessage, Ttl,
};
use support::scripted::{Answer, Scripted, token};
use tokio::time::Instant;

fn sealed() -> SealedMessage {
    Message::new("hello").seal(token("push.example.net", 0).keys(), 4096).unwrap()
}

fn policy() -> RetryPolicy {
    RetryPolicy::default().with_seed(1)
}

#[tokio::test(start_paused = true)]
async fn only_what_may_succeed_later_is_repeated() {
    for &kind in ErrorKind::ALL {
        let provider = Scripted::refusing(kind);
        let retry = Retry::new(provider.clone(), policy());
        let error = retry.send(&token("push.example.net", 0), &sealed()).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(provider.count(), if error.is_retryable() { 8 } else { 1 }, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_sends_the_same_octets() {
    let provider = Scripted::new(|attempt| match attempt.number {
        3 => Answer::accept(),
        _ => Answer::refuse(ErrorKind::Unavailable),
    });
    let retry = Retry::new(provider.clone(), policy());
    let message = Message::new("hello").with_topic("t".parse().unwrap());
    retry.send_encrypted(&token("push.example.net", 0), &message).await.unwrap();

    let attempts = provider.attempts();
    assert_eq!(attempts.len(), 4);
    assert!(attempts.iter().all(|attempt| attempt.message == attempts[0].message));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_never_early_and_never_past_expiry() {
    let message = sealed();
    let token = token("push.example.net", 0);
    let mut random = Random(20_261_125);
    let (mut waits, mut asked_waits, mut ended_by_expiry) = (0, 0, 0);

    for schedule in 0..10_000 {
        let ttl = Duration::from_secs(random.below(5_000));
        let cap = Duration::from_secs(60);
        let answers: Vec<_> = (0..8).map(|_| random.failure()).collect();
        let script = answers.clone();
        let provider = Scripted::new(move |attempt| {
            let (kind, asked, _) = script[attempt.number];
            Answer::error(Error::new(kind, "refused by the script").with_retry_after(asked))
                .after(script[attempt.number].2)
        });
        let policy = RetryPolicy::default().with_seed(schedule);
        let retry = Retry::new(provider.clone(), policy.with_max_elapsed(Duration::MAX));
        let started = Instant::now();
        let message = message.clone().with_ttl(Ttl::from_secs(ttl.as_secs() as u32));
        retry.send(&token, &message).await.unwrap_err();

        let attempts = provider.attempts();
        assert_eq!(attempts[0].at, started);
        for (number, pair) in attempts.windows(2).enumerate() {
            let (_, asked, took) = answers[number];
            let wait = pair[1].at - (pair[0].at + took);
            let asked = asked.unwrap_or(Duration::ZERO);
            // A timer ticks once in a millisecond, at the end of it.
            let tick = Duration::from_millis(2);
            assert!(wait >= asked, "schedule {schedule}: {wait:?} before {asked:?}");
            assert!(wait <= (asked.mul_f64(1.1)).max(cap) + tick, "schedule {schedule}: {wait:?}");
            assert!(pair[1].at < started + ttl, "schedule {schedule}: sent after its expiry");
            waits += 1;
            asked_waits += usize::from(!asked.is_zero());
        }
        ended_by_expiry += usize::from(attempts.len() < 8);
    }
    // The schedules exercise what they are for.
    assert!(waits > 10_000 && asked_waits > 1_000, "{waits} waits, {asked_waits} asked for");
    assert!((1_000..9_999).contains(&ended_by_expiry), "{ended_by_expiry}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_late_starts_nothing_past_the_expiry() {
    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let retry = Retry::new(provider.clone(), policy());
    let (token, message) = (token("push.example.net", 0), sealed().with_ttl(Ttl::from_secs(60)));
    let mut call = retry.send(&token, &message);
    assert!((&mut call).now_or_never().is_none());
    // As on a busy runtime: the call is polled long after its timer went off.
    tokio::time::advance(Duration::from_secs(3600)).await;
    call.await.unwrap_err();
    assert_eq!(provider.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_for_now_or_never_is_tried_once() {
    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let retry = Retry::new(provider.clone(), policy());
    retry.send(&token("push.example.net", 0), &sealed().with_ttl(Ttl::NOW)).await.unwrap_err();
    assert_eq!(provider.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn backoff_is_spread_and_grows_to_its_cap() {
    // The mean of the wait before each attempt over many runs, against half of its upper bound.
    let runs = 400;
    for (kind, base) in [(ErrorKind::Unavailable, 0.5_f64), (ErrorKind::RateLimited, 1.0)] {
        let mut sums = [0.0; 9];
        for seed in 0..runs {
            let provider = Scripted::refusing(kind);
            let policy = RetryPolicy::default().with_attempts(NonZeroU32::new(10).unwrap());
            let retry = Retry::new(provider.clone(), policy.with_seed(seed));
            retry.send(&token("push.example.net", 0), &sealed()).await.unwrap_err();
            for (sum, pair) in sums.iter_mut().zip(provider.attempts().windows(2)) {
                *sum += (pair[1].at - pair[0].at).as_secs_f64();
            }
        }
        for (number, sum) in sums.iter().enumerate() {
            let bound = (base * 2_f64.powi(number as i32)).min(60.0);
            let mean = sum / runs as f64;
            assert!((0.8..1.2).contains(&(mean / (bound / 2.0))), "{kind:?} {number}: {mean}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_bound_of_a_wait_is_the_one_that_was_set() {
    let (short, long) = (Duration::from_millis(1), Duration::from_secs(100));
    for (kind, policy, expected) in [
        (ErrorKind::RateLimited, policy().with_base(short).with_rate_limited_base(long), 60.0),
        (ErrorKind::RateLimited, policy().with_base(long).with_rate_limited_base(short), 0.128),
        (ErrorKind::Unavailable, policy().with_base(short).with_rate_limited_base(long), 0.128),
        (ErrorKind::Unavailable, policy().with_base(long).with_cap(short), 0.001),
    ] {
        let provider = Scripted::refusing(kind);
        let retry = Retry::new(provider.clone(), policy);
        retry.send(&token("push.example.net", 0), &sealed()).await.unwrap_err();
        let attempts = provider.attempts();
        let waits = attempts.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64());
        let longest = waits.fold(0.0, f64::max);
        // A timer is up to a millisecond late.
        assert!(longest <= expected + 0.001, "{kind:?}: {longest}");
        assert!(longest > expected / 20.0, "{kind:?}: {longest}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_provider_sees_its_messages_once_and_a_hundred_retries() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Transport, ErrorKind::RateLimited] {
        assert_eq!(attempts_of_a_dead_provider(kind, 2_000).await, 2_100, "{kind:?}");
    }
    // A retry after a timeout costs double.
    assert_eq!(attempts_of_a_dead_provider(ErrorKind::Timeout, 2_000).await, 2_050);
}

async fn attempts_of_a_dead_provider(kind: ErrorKind, messages: usize) -> usize {
    let provider = Scripted::refusing(kind);
    let retry = Retry::new(provider.clone(), policy());
    let message = sealed();
    for name in 0..messages {
        retry.send(&token("push.example.net", name), &message).await.unwrap_err();
    }
    assert!(provider.count() <= messages * 11 / 10 + 100);
    provider.count()
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_often_sees_at_most_a_tenth_more() {
    // Every second attempt fails: success pays for some of the retries, not for all.
    let provider = Scripted::new(|attempt| match attempt.number % 2 {
        0 => Answer::refuse(ErrorKind::Unavailable),
        _ => Answer::accept(),
    });
    let retry = Retry::new(provider.clone(), policy());
    let message = sealed();
    for name in 0..2_000 {
        let _ = retry.send(&token("push.example.net", name), &message).await;
    }
    assert!(provider.count() <= 2_000 * 11 / 10 + 100, "{}", provider.count());
}

#[tokio::test(start_paused = true)]
async fn ten_successes_pay_for_a_retry() {
    // Down for 200 messages, which cost all retries, well for 50, and down again.
    let provider = Scripted::new(|attempt| match attempt.name() {
        200..250 => Answer::accept(),
        _ => Answer::refuse(ErrorKind::Unavailable),
    });
    let retry = Retry::new(provider.clone(), policy());
    let message = sealed();
    for name in 0..500 {
        let _ = retry.send(&token("push.example.net", name), &message).await;
    }
    assert_eq!(provider.count(), 500 + 100 + 5);
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_one_origin_is_not_anothers() {
    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let retry = Retry::new(provider.clone(), policy());
    let message = sealed();
    for name in 0..200 {
        retry.send(&token("dead.example.net", name), &message).await.unwrap_err();
    }
    let before = provider.count();
    retry.send(&token("other.example.net", 0), &message).await.unwrap_err();
    assert_eq!(provider.count() - before, 8);
}

#[tokio::test(start_paused = true)]
async fn rather_lost_than_twice_when_asked() {
    for (idempotent, expected) in [(false, 1), (true, 8)] {
        let provider = Scripted::new(|_| {
            Answer::error(Error::new(ErrorKind::Transport, "reset").with_unknown_outcome())
        });
        let mut capabilities = Capabilities::new(4096).with_ttl();
        capabilities.idempotent = idempotent;
        let provider = provider.with_capabilities(capabilities);
        let retry = Retry::new(provider.clone(), policy().never_twice());
        retry.send(&token("push.example.net", 0), &sealed()).await.unwrap_err();
        assert_eq!(provider.count(), expected, "idempotent: {idempotent}");
    }
    // A known outcome is repeated all the same.
    let provider = Scripted::refusing(ErrorKind::Transport);
    let retry = Retry::new(provider.clone(), policy().never_twice());
    retry.send(&token("push.example.net", 0), &sealed()).await.unwrap_err();
    assert_eq!(provider.count(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_makes_no_more_attempts() {
    let provider = Scripted::refusing(ErrorKind::Unavailable);
    let retry = Retry::new(provider.clone(), policy());
    let (token, message) = (token("push.example.net", 0), sealed());
    let call = retry.send(&token, &message);
    tokio::time::timeout(Duration::from_secs(1), call).await.unwrap_err();
    let count = provider.count();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(provider.count(), count);
}

#[tokio::test(start_paused = true)]
async fn an_absurd_retry_after_ends_the_retries() {
    let provider = Scripted::new(|_| {
        Answer::error(Error::new(ErrorKind::RateLimited, "never").with_retry_after(Duration::MAX))
    });
    let retry = Retry::new(provider.clone(), policy().with_max_elapsed(Duration::MAX));
    let error = retry.send(&token("push.example.net", 0), &sealed()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::MAX));
    assert_eq!(provider.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn those_who_were_told_the_same_do_not_come_back_together() {
    let asked = Duration::from_secs(100);
    let mut waits = Vec::new();
    for seed in 0..200 {
        let provider = Scripted::new(move |attempt| match attempt.number {
            0 => Answer::error(Error::new(ErrorKind::RateLimited, "busy").with_retry_after(asked)),
            _ => Answer::accept(),
        });
        let retry = Retry::new(provider.clone(), RetryPolicy::default().with_seed(seed));
        retry.send(&token("push.example.net", 0), &sealed()).await.unwrap();
        let attempts = provider.attempts();
        waits.push((attempts[1].at - attempts[0].at).as_secs_f64());
    }
    let mean = waits.iter().sum::<f64>() / waits.len() as f64;
    assert!((104.5..105.5).contains(&mean), "{mean}");
    let late = waits.iter().filter(|wait| **wait > 109.0).count();
    assert!((5..40).contains(&late), "{late} of 200 in the last tenth of the spread");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_end_past_the_expiry_is_not_begun() {
    for seed in 0..50 {
        let provider = Scripted::refusing(ErrorKind::Unavailable);
        let day = Duration::from_secs(86_400);
        let policy = RetryPolicy::default().with_seed(seed).with_base(day).with_cap(day);
        let retry = Retry::new(provider.clone(), policy);
        let started = Instant::now();
        let message = sealed().with_ttl(Duration::from_secs(1));
        retry.send(&token("push.example.net", 0), &message).await.unwrap_err();
        assert_eq!((started.elapsed(), provider.count()), (Duration::ZERO, 1), "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_starts_later_than_the_policy_allows() {
    let most = Duration::from_secs(30);
    for seed in 0..50 {
        let provider = Scripted::refusing(ErrorKind::Unavailable);
        let policy = RetryPolicy::default().with_seed(seed).with_max_elapsed(most);
        let many = NonZeroU32::new(90).unwrap();
        let retry = Retry::new(provider.clone(), policy.with_attempts(many));
        let error = retry.send(&token("push.example.net", 0), &sealed()).await.unwrap_err();
        let attempts = provider.attempts();
        assert_eq!(error.attempts() as usize, attempts.len());
        assert!(!error.is_budget_spent());
        assert!(attempts.len() > 3 && attempts.len() < 30, "{}", attempts.len());
        assert!(attempts.iter().all(|attempt| attempt.at - attempts[0].at < most), "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_as_large_as_the_policy_says() {
    for budget in [0, 5] {
        let provider = Scripted::refusing(ErrorKind::Unavailable);
        let retry = Retry::new(provider.clone(), policy().with_budget(budget));
        for name in 0..20 {
            let error = retry.send(&token("push.example.net", name), &sealed()).await.unwrap_err();
            assert!(error.is_budget_spent());
        }
        assert_eq!(provider.count(), 20 + budget as usize);
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // Numerical Recipes' generator; its upper half is random enough here.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A retryable kind, perhaps with `Retry-After`, after some time.
    fn failure(&mut self) -> (ErrorKind, Option<Duration>, Duration) {
        let kinds = [
            ErrorKind::RateLimited,
            ErrorKind::Timeout,
            ErrorKind::Transport,
            ErrorKind::Unavailable,
        ];
        let kind = kinds[self.below(4) as usize];
        let asked = match self.below(3) {
            0 => Some(Duration::from_millis(1 + self.below(5_000))),
            1 => Some(Duration::from_secs(1 + self.below(600))),
            _ => None,
        };
        (kind, asked, Duration::from_millis(self.below(20_000)))
    }
}
