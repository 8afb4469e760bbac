//! The worker, on the store in memory.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use sealpush::outbox::{KeyRing, Letter, Memory, Outbox, Verdict};
use sealpush::{Capabilities, Client, Error, ErrorKind, Message, Ttl};
use tokio::time::{Instant, sleep, timeout};

use crate::support::scripted::{Answer, Scripted, token};
use crate::world::{Failing, Paused, client, letter, letters, next, outbox, recorded, sealed};

#[tokio::test(start_paused = true)]
async fn every_letter_has_one_outcome_in_the_stream_and_on_record() {
    let provider = Scripted::new(|attempt| match attempt.name() % 3 {
        0 => Answer::refuse(ErrorKind::Expired),
        1 => Answer::refuse(ErrorKind::Blocked),
        _ => Answer::accept().after(Duration::from_millis(20)),
    });
    let outbox = outbox(Memory::new()).build();
    let ids = outbox.add(letters("a", 1500)).await.unwrap();
    let mut run = outbox.run(client(provider.clone()));
    let outcomes = next(&mut run, 1500).await;
    assert_eq!(provider.count(), 1500);

    let recorded = recorded(&outbox).await;
    assert_eq!(recorded.len(), 1500);
    for outcome in &outcomes {
        assert_eq!(recorded[&outcome.id], *outcome);
    }
    for (name, id) in ids.iter().enumerate() {
        let outcome = &recorded[id];
        assert_eq!(outcome.tag.as_ref().unwrap().as_str(), name.to_string());
        let verdict = [Verdict::Rejected, Verdict::Dead, Verdict::Accepted][name % 3];
        assert_eq!((outcome.verdict, outcome.attempts, outcome.unknown), (verdict, 1, 0));
        assert_eq!(outcome.is_token_dead(), name % 3 == 0);
    }
    let status = outbox.status().await.unwrap();
    assert_eq!((status.open(), status.ended()), (0, 1500));
    assert_eq!((status.accepted, status.rejected, status.dead), (500, 500, 500));
    assert!(run.next().now_or_never().is_none(), "it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_sent_as_it_was_sealed_less_the_time_it_waited() {
    for knows_ttl in [true, false] {
        let capabilities = Capabilities::new(4096);
        let capabilities = if knows_ttl { capabilities.with_ttl() } else { capabilities };
        let provider = Scripted::accepting().with_capabilities(capabilities);
        let outbox = outbox(Memory::new()).build();
        let token = token("a", 1);
        let message = sealed(&token, Message::new("hello"));
        outbox.add([Letter::new(token.clone(), message.clone())]).await.unwrap();
        sleep(Duration::from_secs(3600)).await;
        let mut run = outbox.run(client(provider.clone()));
        assert_eq!(next(&mut run, 1).await[0].verdict, Verdict::Accepted);
        let attempt = provider.attempts().remove(0);
        assert_eq!(attempt.token, token);
        assert_eq!((attempt.message.id(), attempt.message.body()), (message.id(), message.body()));
        let ttl = if knows_ttl { 28 * 24 * 3600 - 3600 } else { 28 * 24 * 3600 };
        assert_eq!(attempt.message.ttl(), Ttl::from_secs(ttl));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_its_time_or_after_it() {
    let provider = Scripted::accepting();
    let clock = Paused::new();
    let outbox =
        Outbox::builder(Memory::new(), KeyRing::generate().unwrap()).clock(clock.clone()).build();
    let at = |seconds| sealpush::clock::Clock::now(&clock) + Duration::from_secs(seconds);
    let (soon, late) = (at(100), at(50));
    let started = Instant::now();
    outbox
        .add([letter("a", 1).with_not_before(soon), letter("a", 2).with_expires(late)])
        .await
        .unwrap();
    sleep(Duration::from_secs(60)).await;
    let mut run = outbox.run(client(provider.clone()));
    let outcomes = next(&mut run, 2).await;
    assert_eq!(outcomes[0].verdict, Verdict::Expired);
    assert_eq!((outcomes[0].attempts, outcomes[1].verdict), (0, Verdict::Accepted));
    let attempts = provider.attempts();
    assert_eq!((attempts.len(), attempts[0].name()), (1, 1));
    let waited = attempts[0].at - started;
    assert!((100.0..101.0).contains(&waited.as_secs_f64()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_next_attempt_takes_no_place_and_sends_the_same_octets() {
    let provider = Scripted::new(|attempt| match attempt.number {
        0 => Answer::error(
            Error::answered(ErrorKind::RateLimited, 429, "later")
                .with_retry_after(Duration::from_secs(7200)),
        ),
        _ => Answer::accept().after(Duration::from_millis(1)),
    });
    let client = Client::builder().provider(provider.clone()).in_flight(1.try_into().unwrap());
    let outbox = outbox(Memory::new()).build();
    outbox.add(letters("a", 100)).await.unwrap();
    let mut run = outbox.run(client.build().unwrap());
    let started = Instant::now();
    next(&mut run, 99).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let status = outbox.status().await.unwrap();
    assert_eq!((status.waiting, status.claimed, status.due), (1, 0, 0));
    let last = next(&mut run, 1).await.remove(0);
    assert_eq!((last.verdict, last.attempts, last.unknown), (Verdict::Accepted, 2, 0));
    let hours = started.elapsed().as_secs_f64() / 3600.0;
    assert!((2.0..2.21).contains(&hours), "{hours}");
    let attempts = provider.attempts();
    assert_eq!(attempts[0].message.body(), attempts[100].message.body());
}

#[tokio::test(start_paused = true)]
async fn attempts_end_and_somebody_may_try_again() {
    let provider = Scripted::new(|attempt| match attempt.number {
        0..3 => Answer::refuse(ErrorKind::Unavailable),
        _ => Answer::accept(),
    });
    let outbox = outbox(Memory::new()).attempts(NonZeroU32::new(3).unwrap()).build();
    let ids = outbox.add([letter("a", 1)]).await.unwrap();
    let mut run = outbox.run(client(provider.clone()));
    let dead = next(&mut run, 1).await.remove(0);
    assert_eq!(
        (dead.verdict, dead.kind, dead.attempts),
        (Verdict::Dead, Some(ErrorKind::Unavailable), 3)
    );
    assert_eq!(outbox.dead(10).await.unwrap(), [dead]);
    assert_eq!(outbox.retry(&ids).await.unwrap(), 1);
    let outcome = next(&mut run, 1).await.remove(0);
    assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Accepted, 1));
    assert_eq!(recorded(&outbox).await.len(), 1);
    assert_eq!(outbox.retry(&ids).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_parcel_whose_key_is_missing_waits_for_the_operator() {
    let store = Memory::new();
    let first = outbox(store.clone()).build();
    let ids = first.add([letter("a", 1)]).await.unwrap();
    let keyless = outbox(store.clone()).build();
    let mut run = keyless.run(client(Scripted::accepting()));
    let dead = next(&mut run, 1).await.remove(0);
    assert_eq!((dead.verdict, dead.kind), (Verdict::Dead, Some(ErrorKind::Configuration)));
    drop(run);
    first.retry(&ids).await.unwrap();
    let mut run = first.run(client(Scripted::accepting()));
    assert_eq!(next(&mut run, 1).await[0].verdict, Verdict::Accepted);
}

#[tokio::test(start_paused = true)]
async fn an_id_is_taken_once() {
    let outbox = outbox(Memory::new()).build();
    let twice = letter("a", 1).with_id([7; 16].into());
    outbox.add([twice.clone(), twice.clone()]).await.unwrap();
    let mut run = outbox.run(client(Scripted::accepting()));
    next(&mut run, 1).await;
    outbox.add([twice.clone()]).await.unwrap();
    assert!(timeout(Duration::from_secs(60), run.next()).await.is_err());
    let (number, _) = outbox.outcomes(0, 1).await.unwrap().remove(0);
    outbox.forget(number).await.unwrap();
    outbox.add([twice]).await.unwrap();
    next(&mut run, 1).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_worker_held_goes_on_elsewhere_and_is_counted() {
    let store = Memory::new();
    let hangs = Scripted::new(|_| Answer::hang());
    let outbox = outbox(store).lease(Duration::from_secs(30)).build();
    outbox.add(letters("a", 10)).await.unwrap();
    let run = outbox.run(client(hangs.clone()));
    sleep(Duration::from_secs(100)).await;
    assert_eq!(outbox.status().await.unwrap().claimed, 10, "a living worker renews");
    drop(run);

    let started = Instant::now();
    let mut run = outbox.run(client(Scripted::accepting()));
    for outcome in next(&mut run, 10).await {
        assert_eq!((outcome.verdict, outcome.attempts, outcome.unknown), (Verdict::Accepted, 2, 1));
    }
    let took = started.elapsed().as_secs_f64();
    assert!((20.0..31.0).contains(&took), "{took}");
    assert_eq!(outbox.status().await.unwrap().unknown, 10);
}

#[tokio::test(start_paused = true)]
async fn a_parcel_that_kills_its_workers_is_dead_in_the_end() {
    let outbox = outbox(Memory::new())
        .lease(Duration::from_secs(1))
        .attempts(NonZeroU32::new(3).unwrap())
        .build();
    outbox.add([letter("a", 1)]).await.unwrap();
    for _ in 0..3 {
        let run = outbox.run(client(Scripted::new(|_| Answer::hang())));
        sleep(Duration::from_secs(5)).await;
        drop(run);
        sleep(Duration::from_secs(5)).await;
    }
    let provider = Scripted::accepting();
    let mut run = outbox.run(client(provider.clone()));
    let outcome = next(&mut run, 1).await.remove(0);
    assert_eq!((outcome.verdict, outcome.unknown, provider.count()), (Verdict::Dead, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drain_finishes_what_is_under_way_and_gives_the_rest_back() {
    let provider = Scripted::new(|attempt| match attempt.number {
        0..2000 => Answer::accept().after(Duration::from_millis(1)),
        _ => Answer::accept().after(Duration::from_secs(5)),
    });
    let outbox = outbox(Memory::new()).build();
    outbox.add(letters("a", 4000)).await.unwrap();
    let mut run = outbox.run(client(provider.clone()));
    next(&mut run, 2000).await;
    let started = Instant::now();
    let rest = run.drain(Duration::from_secs(20)).await;
    assert!(started.elapsed() < Duration::from_secs(6));
    assert!(!rest.is_empty() && rest.iter().all(Result::is_ok));
    assert!(run.next().await.is_none());
    let status = outbox.status().await.unwrap();
    assert_eq!((status.claimed, status.waiting), (0, 0));
    assert_eq!(status.accepted as usize, 2000 + rest.len());
    assert_eq!(status.due as usize, 2000 - rest.len());
    assert_eq!(provider.count(), 2000 + rest.len());

    // What was given back was not tried.
    let mut run = outbox.run(client(Scripted::accepting()));
    let outcomes = next(&mut run, 2000 - rest.len()).await;
    assert!(outcomes.iter().all(|outcome| (outcome.attempts, outcome.unknown) == (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_at_its_deadline_and_what_hung_is_unknown() {
    let outbox = outbox(Memory::new()).build();
    outbox.add(letters("a", 10)).await.unwrap();
    let mut run = outbox.run(client(Scripted::new(|_| Answer::hang())));
    sleep(Duration::from_secs(1)).await;
    let started = Instant::now();
    run.drain(Duration::from_secs(20)).await;
    assert!(started.elapsed() < Duration::from_secs(21));
    assert_eq!(outbox.status().await.unwrap().claimed, 0);
    let mut run = outbox.run(client(Scripted::accepting()));
    // One was under way: the first request to an origin goes alone.
    let unknown: u32 = next(&mut run, 10).await.iter().map(|outcome| outcome.unknown).sum();
    assert_eq!(unknown, 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_loses_nothing_and_its_errors_are_seen() {
    let store = Failing::new(Memory::new(), 3);
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(10)));
    let outbox = outbox(store).build();
    let letters: Vec<_> =
        (0..500).map(|n| letter("a", n).with_id((n as u128).to_be_bytes().into())).collect();
    for letter in letters {
        while outbox.add([letter.clone()]).await.is_err() {}
    }
    let mut run = outbox.run(client(provider.clone()));
    let mut errors = 0;
    while outbox.status().await.unwrap().ended() < 500 {
        errors += usize::from(run.next().await.unwrap().is_err());
    }
    assert!(errors > 0);
    let recorded = recorded(&outbox).await;
    assert_eq!(recorded.len(), 500);
    let attempts: u32 = recorded.values().map(|outcome| outcome.attempts).sum();
    assert!(provider.count() <= attempts as usize);
}

#[tokio::test(start_paused = true)]
async fn a_push_service_that_hangs_does_not_stand_before_the_others() {
    let provider = Scripted::new(|attempt| match attempt.host() {
        "hangs" => Answer::hang(),
        _ => Answer::accept().after(Duration::from_millis(10)),
    });
    // Two hosts in two lanes: which ones is a matter of the keys.
    let outbox = loop {
        let keys = KeyRing::generate().unwrap();
        let now = std::time::SystemTime::UNIX_EPOCH;
        let lane = |host| keys.pack(&letter(host, 0), now).unwrap().lane();
        if lane("hangs") != lane("well") {
            break Outbox::builder(Memory::new(), keys).clock(Paused::new()).build();
        }
    };
    outbox.add(letters("hangs", 3000)).await.unwrap();
    outbox.add(letters("well", 3000)).await.unwrap();
    let mut run = outbox.run(client(provider));
    let started = Instant::now();
    next(&mut run, 3000).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_does_not_read_makes_it_pause_and_nothing_is_sent_twice() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_millis(1)));
    let outbox = outbox(Memory::new()).lease(Duration::from_secs(10)).build();
    outbox.add(letters("a", 4000)).await.unwrap();
    let mut run = outbox.run(client(provider.clone()));
    sleep(Duration::from_secs(300)).await;
    let sent = provider.count();
    assert!(sent < 3500, "{sent}");
    let outcomes = next(&mut run, 4000).await;
    assert!(outcomes.iter().all(|outcome| outcome.unknown == 0));
    assert_eq!(provider.count(), 4000);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_was_cut_off_takes_up_its_own_attempt() {
    let provider = Scripted::new(|_| Answer::accept().after(Duration::from_secs(60)));
    let store = Failing::new(Memory::new(), usize::MAX);
    let outbox = outbox(store.clone()).lease(Duration::from_secs(10)).build();
    outbox.add(letters("a", 1)).await.unwrap();
    let mut run = outbox.run(client(provider.clone()));
    sleep(Duration::from_secs(1)).await;
    store.set_away(true);
    sleep(Duration::from_secs(20)).await;
    store.set_away(false);
    let outcome = loop {
        if let Ok(outcome) = run.next().await.unwrap() {
            break outcome;
        }
    };
    assert_eq!((outcome.attempts, outcome.unknown, provider.count()), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn of_two_workers_with_one_parcel_one_records_the_outcome() {
    let store = Memory::new();
    let slow = Scripted::new(|_| Answer::accept().after(Duration::from_secs(60)));
    let clock = Paused::new();
    let keys = KeyRing::generate().unwrap();
    let lease = Duration::from_secs(10);
    let build = |store: Failing<Memory>| {
        Outbox::builder(store, keys.clone()).clock(clock.clone()).lease(lease).build()
    };
    let cut_off = Failing::new(store.clone(), usize::MAX);
    let (first, second) = (build(cut_off.clone()), build(Failing::new(store, usize::MAX)));
    first.add(letters("a", 1)).await.unwrap();
    let mut hung = first.run(client(slow.clone()));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(slow.under_way(), 1);
    // The first worker does not reach the store: its lease runs out while it works.
    cut_off.set_away(true);
    let mut run = second.run(client(Scripted::accepting()));
    let outcome = next(&mut run, 1).await.remove(0);
    assert_eq!((outcome.verdict, outcome.attempts, outcome.unknown), (Verdict::Accepted, 2, 1));
    cut_off.set_away(false);
    // When it comes back with an outcome of its own, that is not recorded.
    let given = timeout(Duration::from_secs(120), async {
        while let Some(outcome) = hung.next().await {
            assert!(outcome.is_err(), "{outcome:?}");
        }
    });
    assert!(given.await.is_err());
    assert_eq!((slow.count(), slow.under_way()), (1, 0));
    assert_eq!(recorded(&second).await.into_values().collect::<Vec<_>>(), [outcome]);
}
