//! The relay over HTTP, with the module `contact` as the devices and the embedded push service
//! between: on SQLite always, on PostgreSQL and MySQL where they run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod database;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clap::Parser;
use http::{Request, Response, StatusCode};
use messenger::{Messenger, Settings};
use sealpush::clock::{Clock, SetClock, SystemClock};
use sealpush::contact::{
    Answer, Card, Carried, ContactId, Delay, Device, Draft, Forward, Outgoing, Received,
    RelayOrigin, paths, post, read_held,
};
use sealpush::local::{PushService, UserAgent};

use self::database::Database;

/// Runs a test on each database.
macro_rules! on_each_database {
    ($($test:ident),* $(,)?) => {
        mod sqlite { $(#[tokio::test] async fn $test() { super::$test(super::Database::Sqlite).await })* }
        mod postgres { $(#[tokio::test] async fn $test() { super::$test(super::Database::Postgres).await })* }
        mod mysql { $(#[tokio::test] async fn $test() { super::$test(super::Database::MySql).await })* }
    };
}

on_each_database!(
    strangers_write_and_answer,
    a_device_that_was_off_gets_the_newest_32_and_is_told,
    a_revoked_card_is_gone,
    a_delayed_message_survives_a_restart,
    a_flood_to_one_card_is_slowed_and_no_other,
    nothing_at_rest_says_who_or_what,
);

async fn strangers_write_and_answer(database: Database) {
    let Some(world) = World::start(database).await else { return };
    let (mut alice, mut bob) = (world.user().await, world.user().await);
    let (bob_of_alice, card) = alice.device.invite(false, world.now()).unwrap();
    let alice_of_bob = bob.device.open_card(&reread(&card), world.now()).unwrap();

    assert_eq!(bob.write(&world, &alice_of_bob, "is it free?").await, Answer::Accepted);
    assert_eq!(alice.read(&world).await, "is it free?");
    assert_eq!(alice.write(&world, &bob_of_alice, "it is").await, Answer::Accepted);
    assert_eq!(bob.read(&world).await, "it is");
    let numbers = [(&alice, bob_of_alice), (&bob, alice_of_bob)]
        .map(|(user, contact)| user.device.contact(&contact).unwrap().safety_number());
    assert!(numbers[0].is_some());
    assert_eq!(numbers[0], numbers[1]);
    world.stop().await;
}

async fn a_device_that_was_off_gets_the_newest_32_and_is_told(database: Database) {
    let Some(world) = World::start(database).await else { return };
    let (mut alice, bob) = (world.user().await, world.user().await);
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    for number in 0..40 {
        let draft = Draft::anonymous(&card, number.to_string(), world.now()).unwrap();
        let outgoing = draft.with_delay(Delay::Hold).seal().unwrap();
        assert_eq!(bob.deliver(&world, &outgoing).await, Answer::Kept);
    }
    let texts: Vec<_> = (8..40).map(|number: i32| number.to_string()).collect();
    assert_eq!(alice.fetch(&world).await, (texts, true));
    // What was fetched is given again for a while, for an answer that was lost; the device drops it.
    assert_eq!(alice.fetch(&world).await, (vec![], false));
    world.stop().await;
}

async fn a_revoked_card_is_gone(database: Database) {
    let Some(world) = World::start(database).await else { return };
    let (mut alice, mut thief) = (world.user().await, world.user().await);
    let (contact, card) = alice.device.invite(false, world.now()).unwrap();
    let stolen = thief.device.open_card(&card, world.now()).unwrap();
    assert_eq!(thief.write(&world, &stolen, "hello").await, Answer::Accepted);

    alice.device.block(&contact);
    for revocation in alice.device.revocations() {
        let mut foreign = revocation.to_vec();
        *foreign.last_mut().unwrap() ^= 1;
        let refused = world.post(paths::REVOKE, foreign.into()).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let done = world.post(paths::REVOKE, revocation).await;
        assert_eq!(done.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(thief.write(&world, &stolen, "hello?").await, Answer::Gone);
    world.stop().await;
}

async fn a_delayed_message_survives_a_restart(database: Database) {
    let Some(mut world) = World::start(database).await else { return };
    let (mut alice, bob) = (world.user().await, world.user().await);
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let draft = Draft::anonymous(&card, "good morning", world.now()).unwrap();
    let outgoing = draft.with_delay(Delay::Hours).seal().unwrap();
    assert_eq!(bob.deliver(&world, &outgoing).await, Answer::Kept);

    world.clock.advance(Duration::from_secs(8 * 3600));
    world.restart().await;
    assert_eq!(alice.read(&world).await, "good morning");
    world.stop().await;
}

async fn a_flood_to_one_card_is_slowed_and_no_other(database: Database) {
    let Some(world) = World::with(database, &["--per-card", "3"]).await else { return };
    let (mut alice, bob) = (world.user().await, world.user().await);
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let (_, other) = alice.device.invite(true, world.now()).unwrap();
    let write = async |card: &Card| {
        let draft = Draft::anonymous(card, "x", world.now()).unwrap();
        bob.deliver(&world, &draft.seal().unwrap()).await
    };
    for _ in 0..3 {
        assert_eq!(write(&card).await, Answer::Accepted);
    }
    let Answer::SlowDown(wait) = write(&card).await else { panic!("the flood goes on") };
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(3600), "{wait:?}");
    assert_eq!(write(&other).await, Answer::Accepted);
    world.clock.advance(wait);
    assert_eq!(write(&card).await, Answer::Accepted);
    world.stop().await;
}

async fn nothing_at_rest_says_who_or_what(database: Database) {
    let Some(world) = World::start(database).await else { return };
    let (mut alice, bob) = (world.user().await, world.user().await);
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    for delay in Delay::ALL {
        let draft = Draft::anonymous(&card, "a text of ours", world.now()).unwrap();
        bob.deliver(&world, &draft.with_delay(delay).seal().unwrap()).await;
    }
    let metrics = world.get("/metrics").await;
    assert!(text(&metrics).contains("messenger_messages_total{answer=\"kept\"} 4"), "{metrics:?}");
    let url = world.url.clone();
    let rows = database::dump(&url).await;
    assert!(rows.len() > 5 * 528, "{} octets", rows.len());
    let token = serde_json::to_value(&alice.token).unwrap();
    let endpoint = token["endpoint"].as_str().unwrap().to_owned();
    let resource = endpoint.rsplit('/').next().unwrap();
    for secret in ["a text of ours", resource, "127.0.0.1"] {
        for place in [&rows[..], metrics.body()] {
            assert!(!place.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn every_answer_to_a_message_has_one_size_and_the_same_fields() {
    let world = World::with(Database::Sqlite, &["--per-card", "1"]).await.unwrap();
    let (mut alice, mut bob) = (world.user().await, world.user().await);
    let (blocked, card) = alice.device.invite(true, world.now()).unwrap();
    let stranger = bob.device.open_card(&card, world.now()).unwrap();
    let request = bob.device.draft(&stranger, "x", world.now()).unwrap().seal().unwrap().request;
    let accepted = world.post(paths::MESSAGES, request.to_octets()).await;
    let slow = world.post(paths::MESSAGES, request.to_octets()).await;
    alice.device.block(&blocked);
    let revocation = alice.device.revocations().remove(0);
    assert_eq!(world.post(paths::REVOKE, revocation).await.status(), StatusCode::NO_CONTENT);
    let gone = world.post(paths::MESSAGES, request.to_octets()).await;

    let answers = [&accepted, &slow, &gone];
    let words = answers.map(|answer| Answer::from_octets(answer.body()).unwrap());
    assert!(matches!(words, [Answer::Accepted, Answer::SlowDown(_), Answer::Gone]), "{words:?}");
    let fields = answers.map(|answer| {
        let mut fields = answer.headers().clone();
        fields.remove("date");
        (answer.status(), fields, answer.body().len())
    });
    assert_eq!(fields[0], fields[1]);
    assert_eq!(fields[0], fields[2]);
    assert!(!fields[0].1.contains_key("set-cookie"));
    assert_eq!(fields[0].1["cache-control"], "no-store");
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_octets_of_the_protocol_is_refused() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for path in [
        paths::CHALLENGE,
        paths::ADDRESSES,
        paths::MESSAGES,
        paths::FORWARD,
        paths::HELD,
        paths::REVOKE,
    ] {
        for body in [vec![], vec![1; 700], vec![0; 1183], vec![255; 4000]] {
            let status = world.post(path, body.into()).await.status();
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        }
        let status = world.post(path, vec![0; 40_000].into()).await.status();
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    assert_eq!(world.get("/").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.get(paths::MESSAGES).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    world.stop().await;
}

#[tokio::test]
async fn a_flood_from_one_part_of_the_network_is_refused() {
    let world = World::with(Database::Sqlite, &["--per-minute", "2"]).await.unwrap();
    for _ in 0..2 {
        let status = world.post(paths::MESSAGES, Bytes::new()).await.status();
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let refused = world.post(paths::MESSAGES, Bytes::new()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() <= 60);
    assert_eq!(world.get("/health").await.status(), StatusCode::OK);
    world.stop().await;
}

#[tokio::test]
async fn two_relays_pass_messages_on() {
    let (one, two) = (
        World::start(Database::Sqlite).await.unwrap(),
        World::start(Database::Sqlite).await.unwrap(),
    );
    let (mut alice, mut bob) = (one.user().await, two.user().await);
    let (_, card) = alice.device.invite(false, one.now()).unwrap();
    let contact = bob.device.open_card(&card, two.now()).unwrap();
    let outgoing = bob.device.draft(&contact, "from afar", two.now()).unwrap().seal().unwrap();
    let octets = Forward { relay: outgoing.relay, request: outgoing.request }.to_octets();
    let answer = two.post(paths::FORWARD, octets).await;
    assert_eq!(Answer::from_octets(answer.body()).unwrap(), Answer::Accepted);
    assert_eq!(alice.read(&one).await, "from afar");
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_keys_and_addresses() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let (mut alice, mut bob) = (world.user().await, world.user().await);
    let (_, card) = alice.device.invite(false, world.now()).unwrap();
    let before = world.get(paths::KEYS).await.into_body();
    world.restart().await;
    assert_eq!(world.get(paths::KEYS).await.into_body(), before);
    assert_eq!(before.len(), 8);
    let contact = bob.device.open_card(&card, world.now()).unwrap();
    assert_eq!(bob.write(&world, &contact, "still there?").await, Answer::Accepted);
    assert_eq!(alice.read(&world).await, "still there?");
    world.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_key_file_is_private_and_refused_where_it_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::start(Database::Sqlite).await.unwrap();
    let keys = world.data.join("keys.json");
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&keys), mode(&world.data)), (0o600, 0o700));
    std::fs::set_permissions(&keys, PermissionsExt::from_mode(0o640)).unwrap();
    let refused = Messenger::start(world.settings.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("chmod 600"), "{refused}");

    std::fs::set_permissions(&keys, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&keys, r#"{"ring": "a secret", "vapid": []}"#).unwrap();
    let refused = Messenger::start(world.settings.clone()).await.unwrap_err();
    assert!(!format!("{refused:?}").contains("a secret"), "{refused:?}");
    world.stop().await;
}

/// A relay with a push service, and a way to reach it.
struct World {
    service: PushService,
    messenger: Option<Messenger>,
    settings: Settings,
    clock: SetClock,
    data: PathBuf,
    url: String,
}

impl World {
    /// `None` where the database does not run.
    async fn start(database: Database) -> Option<Self> {
        Self::with(database, &[]).await
    }

    async fn with(database: Database, flags: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("messenger_{name}"));
        let url = database.create(&data, &name).await?;
        let service = PushService::start().await.unwrap();
        let common = ["messenger", "--listen", "127.0.0.1:0", "--loopback-only", "--metrics"];
        let mut settings = Settings::parse_from(common.iter().chain(flags));
        settings.data.clone_from(&data);
        settings.database_url = Some(url.clone());
        let clock = SetClock::at(SystemClock.now());
        let messenger = start(&settings, &clock).await;
        // After a restart it is found where it was.
        settings.listen = messenger.address();
        let messenger = Some(messenger);
        Some(Self { service, messenger, settings, clock, data, url })
    }

    async fn restart(&mut self) {
        self.messenger.take().unwrap().stop().await.unwrap();
        self.messenger = Some(start(&self.settings, &self.clock).await);
    }

    fn origin(&self) -> &RelayOrigin {
        self.messenger.as_ref().unwrap().origin()
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    async fn post(&self, path: &'static str, body: Bytes) -> Response<Bytes> {
        browser::exchange(post(self.origin(), path, body)).await
    }

    async fn get(&self, path: &str) -> Response<Bytes> {
        let url = format!("{}{path}", self.origin().url());
        browser::exchange(Request::get(url).body(Bytes::new()).unwrap()).await
    }

    async fn user(&self) -> User {
        let mut browser = UserAgent::connect(&self.service.websocket_url()).await.unwrap();
        let about: serde_json::Value =
            serde_json::from_slice(self.get("/v1/about").await.body()).unwrap();
        let token = browser.subscribe(about["vapid"].as_str()).await.unwrap().token();
        let mut device = Device::new(self.origin().clone());
        let registration = device.register(&token, None, self.now()).unwrap();
        let begun = self.post(paths::CHALLENGE, registration).await;
        assert_eq!(begun.status(), StatusCode::NO_CONTENT, "{}", text(&begun));
        let pushed = browser.next().await.unwrap().payload.unwrap();
        let carried = Carried::from_octets(pushed).unwrap();
        let Received::Challenge(claim) = device.receive(&carried, self.now()).unwrap() else {
            panic!("no challenge")
        };
        let addresses = self.post(paths::ADDRESSES, claim).await;
        assert_eq!(device.take_addresses(addresses.body(), self.now()).unwrap(), 32);
        User { device, browser, token }
    }

    async fn stop(self) {
        self.messenger.unwrap().stop().await.unwrap();
        self.service.shutdown().await;
        database::remove(&self.url).await;
        std::fs::remove_dir_all(&self.data).unwrap();
    }
}

async fn start(settings: &Settings, clock: &SetClock) -> Messenger {
    Messenger::start_with_clock(settings.clone(), Arc::new(clock.clone())).await.unwrap()
}

struct User {
    device: Device,
    browser: UserAgent,
    token: sealpush::Token,
}

impl User {
    async fn write(&mut self, world: &World, to: &ContactId, text: &str) -> Answer {
        let outgoing = self.device.draft(to, text, world.now()).unwrap().seal().unwrap();
        self.deliver(world, &outgoing).await
    }

    async fn deliver(&self, world: &World, outgoing: &Outgoing) -> Answer {
        let answer = world.post(paths::MESSAGES, outgoing.request.to_octets()).await;
        assert_eq!(answer.status(), StatusCode::OK, "{}", text(&answer));
        Answer::from_octets(answer.body()).unwrap()
    }

    /// The text of the next push.
    async fn read(&mut self, world: &World) -> String {
        let pushed = self.browser.next().await.unwrap().payload.unwrap();
        self.open(&Carried::from_octets(pushed).unwrap(), world.now()).expect("not seen before")
    }

    /// The texts that the relay held, and whether older ones are missing.
    async fn fetch(&mut self, world: &World) -> (Vec<String>, bool) {
        let request = self.device.held_requests().remove(0);
        let fetched = read_held(world.post(paths::HELD, request).await.body()).unwrap();
        let opened = fetched.messages.iter().filter_map(|it| self.open(it, world.now()));
        (opened.collect(), fetched.older_missing)
    }

    fn open(&mut self, carried: &Carried, now: SystemTime) -> Option<String> {
        match self.device.receive(carried, now).unwrap() {
            Received::Opened(opened) | Received::Late(opened) => {
                Some(String::from_utf8(opened.content.text().unwrap().to_vec()).unwrap())
            }
            Received::Duplicate => None,
            other => panic!("{other:?}"),
        }
    }
}

/// As a link goes from hand to hand.
fn reread(card: &Card) -> Card {
    card.to_string().parse().unwrap()
}

fn text(response: &Response<Bytes>) -> String {
    String::from_utf8_lossy(response.body()).into_owned()
}
