//! Each fault, as a sender sees it.

use std::time::Duration;

use sealpush::local::{Fault, Faults, PathKind, PushService, RetryAfter};

use crate::sender::Request;
use crate::{connected, endpoint};

#[tokio::test]
async fn a_script_is_played_in_order_and_ends() {
    let (service, _, mut user_agent) = connected().await;
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    service.set_faults(Faults::script([
        Fault::status(404),
        Fault::status(410),
        Fault::status(413),
        Fault::retry_after(429, RetryAfter::Seconds(7)),
        Fault::retry_after(503, RetryAfter::Date(90)),
        Fault::None,
        Fault::status(500),
    ]));
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = push.answer().await;
        match answer.status {
            429 => assert_eq!(answer.fields["retry-after"], "7"),
            503 => assert_eq!(answer.fields["retry-after"], "Fri, 15 Jan 2027 08:01:30 GMT"),
            201 => assert!(answer.fields.contains_key("location")),
            _ => assert!(!answer.fields.contains_key("retry-after")),
        }
        if answer.status != 201 {
            answer.error();
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [404, 410, 413, 429, 503, 201, 500, 201]);
}

#[tokio::test]
async fn lost_requests_get_no_answer_and_only_one_kind_is_stored() {
    let (service, _, mut user_agent) = connected().await;
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()))
        .without("content-encoding")
        .with_body([]);
    user_agent.disconnect().await;
    service.set_faults(Faults::script([
        Fault::Disconnect,
        Fault::ResetBeforeBody,
        Fault::ResetAfterStore,
    ]));
    for _ in 0..3 {
        assert!(push.send().await.is_none());
    }
    assert_eq!(push.answer().await.status, 201);
    user_agent.reconnect().await.unwrap();
    assert_eq!(user_agent.next().await.unwrap().payload, None);
    assert_eq!(user_agent.next().await.unwrap().payload, None);
    // Had a third been stored, it would have come before this one.
    push.clone().with("topic", "last").answer().await;
    user_agent.next().await.unwrap();
    let requests = service.requests();
    let pushes: Vec<_> =
        requests.iter().filter(|request| request.kind == PathKind::PushResource).collect();
    assert_eq!(pushes.len(), 5);
    assert!(pushes[..3].iter().all(|request| request.status.is_none()));
}

#[tokio::test]
async fn garbage_is_not_json_and_a_garbage_success_is_stored() {
    let (service, _, mut user_agent) = connected().await;
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()))
        .without("content-encoding")
        .with_body([]);
    service.set_faults(Faults::script([
        Fault::Garbage { status: 500 },
        Fault::Garbage { status: 201 },
    ]));
    for status in [500, 201] {
        let answer = push.answer().await;
        assert_eq!(answer.status, status);
        assert!(!answer.fields.contains_key("location"));
        assert!(std::str::from_utf8(&answer.body).is_err());
    }
    assert_eq!(user_agent.next().await.unwrap().payload, None);
}

#[tokio::test(start_paused = true)]
async fn latency_is_on_the_pausable_clock() {
    let hour = Duration::from_secs(3600);
    let faults = Faults::script([Fault::Latency(hour)]);
    let service = PushService::builder().faults(faults).start().await.unwrap();
    let started = tokio::time::Instant::now();
    let push = Request::push(&format!("{}/wpush/v1/nobody", service.origin()));
    assert_eq!(push.answer().await.status, 404);
    assert!(started.elapsed() >= hour);
}

#[tokio::test]
async fn a_seed_draws_the_same_faults_with_the_asked_frequency() {
    async fn draw(seed: u64) -> Vec<u16> {
        let faults =
            Faults::seeded(seed).with(0.2, Fault::status(503)).with(0.1, Fault::status(429));
        let service = PushService::builder().faults(faults).start().await.unwrap();
        let push = Request::push(&format!("{}/wpush/v1/nobody", service.origin()));
        let mut statuses = Vec::new();
        for _ in 0..200 {
            statuses.push(push.answer().await.status);
        }
        statuses
    }
    let first = draw(1).await;
    assert_eq!(first, draw(1).await);
    assert_ne!(first, draw(2).await);
    let count = |status| first.iter().filter(|other| **other == status).count();
    assert!((25..=55).contains(&count(503)), "{}", count(503));
    assert!((10..=32).contains(&count(429)), "{}", count(429));
}
