//! A worker that is killed again and again, a push service with bad moments, real HTTP and a real
//! file: nothing is lost, and what goes twice was counted.
//!
//! `SEALPUSH_PARCELS=50000 cargo test --test outbox kills` takes more of them.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use sealpush::layers::Timeout;
use sealpush::local::{Fault, Faults, PushService, UserAgent};
use sealpush::outbox::{KeyRing, Letter, Outbox, Sqlite, Verdict};
use sealpush::providers::WebPush;
use sealpush::{Client, EndpointGuard, Message};
use tokio::time::timeout;

use crate::chaos::Dice;
use crate::sqlite::Folder;
use crate::world::recorded;

const KILLS: usize = 20;
const IN_FLIGHT: usize = 16;

fn client() -> Client {
    let webpush = WebPush::builder().guard(EndpointGuard::loopback_for_tests()).build().unwrap();
    Client::builder()
        .provider(Timeout::new(webpush, Duration::from_secs(2)))
        .in_flight(IN_FLIGHT.try_into().unwrap())
        .build()
        .unwrap()
}

async fn open(path: impl AsRef<std::path::Path>, keys: &str) -> Outbox {
    Outbox::builder(Sqlite::open(path).await.unwrap(), keys.parse().unwrap())
        .lease(Duration::from_secs(1))
        .poll(Duration::from_millis(50))
        .backoff(Duration::from_millis(50), Duration::from_secs(1))
        .build()
}

/// The worker: a program of its own, in the environment of the test below.
#[test]
fn worker() {
    let Ok(path) = std::env::var("SEALPUSH_TEST_WORKER") else { return };
    let keys = std::env::var("SEALPUSH_TEST_KEYS").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let mut run = open(path, &keys).await.run(client());
        while run.next().await.is_some() {}
    });
}

fn spawn(path: &std::path::Path, keys: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::worker"])
        .env("SEALPUSH_TEST_WORKER", path)
        .env("SEALPUSH_TEST_KEYS", keys)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn nothing_is_lost_when_workers_are_killed() {
    let parcels: usize = std::env::var("SEALPUSH_PARCELS").map_or(1500, |n| n.parse().unwrap());
    let faults = Faults::seeded(7)
        .with(0.02, Fault::status(429))
        .with(0.02, Fault::status(503))
        .with(0.01, Fault::ResetAfterStore)
        .with(0.005, Fault::Latency(Duration::from_secs(4)));
    let service = PushService::builder().faults(faults).start().await.unwrap();
    let mut agent = UserAgent::connect(&service.websocket_url()).await.unwrap();
    let token = agent.subscribe(None).await.unwrap().token();

    let folder = Folder::new();
    let keys = KeyRing::generate().unwrap().expose();
    let outbox = open(folder.database(), &keys).await;
    let client = client();
    let mut names = HashMap::new();
    for start in (0..parcels).step_by(500) {
        let texts: Vec<_> = (start..parcels.min(start + 500)).map(|n| n.to_string()).collect();
        let letters = texts.iter().map(|text| {
            let sealed = client.seal(&token, &Message::new(text.clone())).unwrap();
            Letter::new(token.clone(), sealed)
        });
        names.extend(outbox.add(letters).await.unwrap().into_iter().zip(texts.clone()));
    }

    let mut dice = Dice(7);
    let mut delivered = HashMap::<String, u32>::new();
    let mut count = 0;
    let mut kills = 0;
    let mut next_kill = 1;
    let mut child = spawn(&folder.database(), &keys);
    loop {
        match timeout(Duration::from_millis(300), agent.next()).await {
            Ok(delivery) => {
                let text = String::from_utf8(delivery.unwrap().payload.unwrap()).unwrap();
                *delivered.entry(text).or_default() += 1;
                count += 1;
            }
            Err(_) if outbox.status().await.unwrap().open() == 0 => break,
            Err(_) => {}
        }
        if kills < KILLS && count >= next_kill {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            next_kill = count + 1 + dice.below(parcels as u64 / 12) as usize;
            child = spawn(&folder.database(), &keys);
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let recorded = recorded(&outbox).await;
    assert_eq!(recorded.len(), parcels);
    let mut repeated = 0;
    for (id, text) in &names {
        let outcome = &recorded[id];
        let times = delivered.get(text).copied().unwrap_or_default();
        assert_eq!(outcome.verdict, Verdict::Accepted, "{outcome:?}");
        assert!((1..=outcome.unknown + 1).contains(&times), "{times} {outcome:?}");
        repeated += (times - 1) as usize;
    }
    let unknown = outbox.status().await.unwrap().unknown;
    println!("{parcels} parcels, {kills} kills: {repeated} went twice, {unknown} might have");
    assert!(kills > 10, "{kills}");
    // What is under way when a worker dies, and what has an outcome that is not recorded yet: the
    // client pauses when as many outcomes wait as may be in flight, in two places.
    assert!(repeated <= kills * IN_FLIGHT * 4 + parcels * 3 / 100, "{repeated}");
    assert!(unknown as usize <= kills * IN_FLIGHT * 8 + parcels * 3 / 100, "{unknown}");
}
