//! The door and the sending, over real HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use axum_sqlite::{DOUBT, Site};
use bytes::Bytes;
use http::{Request, Response};
use sealpush::clock::SetClock;
use sealpush::local::{Fault, Faults, PushService, UserAgent};
use sealpush::providers::WebPush;
use sealpush::transport::{HyperTransport, Transport};
use sealpush::{EndpointGuard, Message, Token};
use tokio::net::TcpListener;

/// A site that listens, with a database of its own.
struct World {
    site: Site,
    address: SocketAddr,
    clock: SetClock,
    folder: PathBuf,
}

impl World {
    async fn new() -> Self {
        Self::with(EndpointGuard::loopback_for_tests()).await
    }

    async fn with(guard: EndpointGuard) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("axum-sqlite-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let clock = SetClock::at(SystemTime::UNIX_EPOCH);
        let web_push = WebPush::builder().guard(guard).build().unwrap();
        let database = folder.join("subscriptions.sqlite");
        let site = Site::open(&database, [7; 32], web_push, clock.clone()).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, site.clone().router()).into_future());
        Self { site, address, clock, folder }
    }

    async fn post(&self, body: impl Into<Bytes>) -> Response<Bytes> {
        let guard = EndpointGuard::loopback_for_tests();
        let browser = HyperTransport::builder().guard(guard).build().unwrap();
        let request = Request::post(format!("http://{}/subscriptions", self.address));
        browser.send(request.body(body.into()).unwrap()).await.unwrap()
    }

    async fn subscribe(&self, token: &Token) -> u16 {
        self.post(token.to_json()).await.status().as_u16()
    }

    /// Sends to everybody: accepted, deleted, and how many are left.
    async fn announce(&self) -> (u64, usize, i64) {
        let announced = self.site.announce(&Message::new("hello")).await.unwrap();
        let left = self.site.subscriptions().await.unwrap();
        (announced.summary.accepted(), announced.deleted, left)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

async fn subscribed(service: &PushService) -> (UserAgent, Token) {
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let token = user_agent.subscribe(None).await.unwrap().token();
    (user_agent, token)
}

#[tokio::test]
async fn a_subscription_is_stored_once_and_gets_what_is_sent() {
    let (world, service) = (World::new().await, PushService::start().await.unwrap());
    let (mut user_agent, token) = subscribed(&service).await;
    assert_eq!(world.subscribe(&token).await, 201);
    assert_eq!(world.subscribe(&token).await, 204);
    assert_eq!(world.announce().await, (1, 0, 1));
    assert_eq!(user_agent.next().await.unwrap().payload.unwrap(), b"hello");
}

#[tokio::test]
async fn the_door_refuses_what_is_no_subscription_and_repeats_nothing_of_it() {
    // The public internet only: a stranger's subscription leads to no address of this network.
    let world = World::with(EndpointGuard::public()).await;
    let service = PushService::start().await.unwrap();
    let (_user_agent, private) = subscribed(&service).await;
    for (body, status) in [
        ("MARKER".to_owned(), 422),
        ("{}".to_owned(), 422),
        (private.to_json(), 422),
        (private.to_json().replace("127.0.0.1", "MARKER:MARKER@push.example.net"), 422),
        (format!(r#"{{"provider":"fcm","token":"MARKER","keys":{}}}"#, keys(&private)), 422),
        (format!(r#"{{"endpoint":"https://push.example.net/MARKER","keys":{}}}"#, "{}"), 422),
        ("x".repeat(Token::MAX_LEN + 1), 413),
    ] {
        let answer = world.post(body.clone()).await;
        assert_eq!(answer.status(), status, "{body}");
        let reason = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(!reason.contains("MARKER") && !reason.contains("127.0.0.1"), "{reason}");
    }
    assert_eq!(world.site.subscriptions().await.unwrap(), 0);
}

fn keys(token: &Token) -> String {
    let json = token.to_json();
    let (_, keys) = json.split_once(r#""keys":"#).unwrap();
    keys.trim_end_matches('}').to_owned() + "}"
}

#[tokio::test]
async fn a_dead_token_is_deleted_and_no_other() {
    let (world, service) = (World::new().await, PushService::start().await.unwrap());
    let mut user_agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let leaves = user_agent.subscribe(None).await.unwrap();
    let stays = user_agent.subscribe(None).await.unwrap();
    for subscription in [&leaves, &stays] {
        world.subscribe(&subscription.token()).await;
    }
    user_agent.unsubscribe(&leaves).await.unwrap();
    assert_eq!(world.announce().await, (1, 1, 1));
    assert_eq!(world.announce().await, (1, 0, 1));
    // An outage says nothing about a token, however long it lasts.
    service.set_faults(Faults::seeded(7).with(1.0, Fault::status(401)));
    for _ in 0..2 {
        world.clock.advance(DOUBT);
        assert_eq!(world.announce().await, (0, 0, 1));
    }
}

#[tokio::test]
async fn a_doubtful_token_is_kept_for_three_days_and_an_accepted_message_ends_the_doubt() {
    let (world, service) = (World::new().await, PushService::start().await.unwrap());
    let (_user_agent, token) = subscribed(&service).await;
    world.subscribe(&token).await;
    let trouble = || service.set_faults(Faults::seeded(7).with(1.0, Fault::status(404)));
    let hour = Duration::from_secs(3600);

    trouble();
    assert_eq!(world.announce().await, (0, 0, 1));
    world.clock.advance(DOUBT - hour);
    assert_eq!(world.announce().await, (0, 0, 1));
    service.set_faults(Faults::default());
    assert_eq!(world.announce().await, (1, 0, 1));

    // From here on the days count anew.
    trouble();
    world.clock.advance(hour);
    assert_eq!(world.announce().await, (0, 0, 1));
    world.clock.advance(DOUBT - hour);
    assert_eq!(world.announce().await, (0, 0, 1));
    world.clock.advance(hour);
    assert_eq!(world.announce().await, (0, 1, 0));
}
