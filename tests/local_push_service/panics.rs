//! A panic in one of the push service's tasks fails the test that uses it.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use sealpush::clock::Clock;
use sealpush::local::{Event, Fault, Faults, Platform, PushService, RetryAfter, UserAgent};
use sealpush::transport::{ReqwestTransport, Transport};
use sealpush::{EndpointGuard, MessageId};

use crate::sender::Request;
use crate::{NOW, endpoint};

/// A clock that breaks.
#[derive(Debug, Default)]
struct FragileClock(AtomicBool);

impl FragileClock {
    fn breaks(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Clock for FragileClock {
    fn now(&self) -> SystemTime {
        assert!(!self.0.load(Ordering::SeqCst), "the clock is broken");
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

/// A service, its clock, a user agent, and a push to it.
async fn started() -> (PushService, Arc<FragileClock>, UserAgent, Request) {
    let clock = Arc::new(FragileClock::default());
    let service = PushService::builder().clock(clock.clone()).start().await.unwrap();
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let push = Request::push(&endpoint(&user_agent.subscribe(None).await.unwrap()));
    (service, clock, user_agent, push)
}

fn said(panic: Box<dyn Any + Send>) -> String {
    *panic.downcast::<String>().unwrap()
}

/// Runs the rest of a test in a task of its own, which must panic as the broken clock did.
async fn assert_fails(rest: impl Future<Output = ()> + Send + 'static) {
    let error = tokio::spawn(rest).await.unwrap_err();
    assert_eq!(said(error.into_panic()), "a task of the server panicked: the clock is broken");
}

#[tokio::test]
async fn it_fails_the_test_when_the_service_is_dropped() {
    let (service, clock, mut user_agent, push) = started().await;
    clock.breaks();
    assert!(push.send().await.is_none());
    // The service does not go on without the task.
    assert!(user_agent.next().await.is_err());
    assert_fails(async move { drop(service) }).await;
}

#[tokio::test]
async fn it_fails_the_test_when_the_service_is_stopped() {
    let (service, clock, _user_agent, push) = started().await;
    clock.breaks();
    assert!(push.send().await.is_none());
    assert_fails(service.shutdown()).await;
}

#[tokio::test]
async fn it_fails_the_test_at_the_next_call() {
    let (service, clock, _user_agent, push) = started().await;
    clock.breaks();
    assert!(push.send().await.is_none());
    assert_fails(async move {
        let _ = service.requests();
    })
    .await;
}

#[tokio::test]
async fn it_ends_every_wait() {
    let (service, clock, mut user_agent, push) = started().await;
    let mut device = service.fcm("example-project").register(Platform::Android).unwrap();
    let nobody = MessageId::from(format!("{}/m/nobody", service.origin()));
    let wait = async move {
        service.acknowledgement(&nobody).await;
    };
    let breaks = async {
        tokio::task::yield_now().await;
        clock.breaks();
        assert!(push.send().await.is_none());
    };
    let ((), (), hung_up) = tokio::join!(assert_fails(wait), breaks, device.next());
    assert_eq!(hung_up.unwrap_err().kind(), sealpush::ErrorKind::Transport);
    assert!(user_agent.next().await.is_err());
}

#[tokio::test]
async fn over_http_2_it_fails_the_test_too() {
    let (service, clock, _user_agent, push) = started().await;
    let guard = EndpointGuard::loopback_for_tests();
    let http_2 = ReqwestTransport::builder().guard(guard).http2_prior_knowledge();
    let transport = http_2.build().unwrap();
    service.set_faults(Faults::script([Fault::retry_after(503, RetryAfter::Date(1))]));
    clock.breaks();
    let request = http::Request::post(push.url()).body(bytes::Bytes::new()).unwrap();
    assert!(transport.send(request).await.is_err());
    assert_fails(async move { drop(service) }).await;
}

#[tokio::test]
async fn it_may_be_an_observer_that_panics() {
    let observer = |event: &Event| assert!(!matches!(event, Event::Request(_)), "seen");
    let service = PushService::builder().on_event(observer).start().await.unwrap();
    assert!(Request::new("GET", &format!("{}/", service.origin())).send().await.is_none());
    let error = tokio::spawn(async move { drop(service) }).await.unwrap_err();
    assert_eq!(said(error.into_panic()), "a task of the server panicked: seen");
}
