//! What a relay does for one message (open the address, revoked or not, count, hint, wrap) against
//! one plain `seal`, and the octets on the wire: `cargo bench --bench contact`.

#![allow(clippy::unwrap_used, reason = "a bench ends at the first surprise")]

mod cost;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use sealpush::clock::{Clock, SystemClock};
use sealpush::contact::relay::{Decision, KeyRing, MemoryStore, Relay};
use sealpush::contact::{Carried, Device, Draft, Received};
use sealpush::{Padding, UserAgentSecret, seal};

fn main() {
    cost::print_setting(&["aws-lc-rs", "p256"]);
    let now = SystemClock.now();
    let browser = UserAgentSecret::generate().unwrap();
    println!("class   request  push body");
    let mut requests = Vec::new();
    for len in [100, 1000, 2000] {
        let (relay, mut device) = registered(&browser, now);
        let (_, card) = device.invite(true, now).unwrap();
        let outgoing = Draft::anonymous(&card, vec![b'x'; len], now).unwrap().seal().unwrap();
        let request = outgoing.request.to_octets();
        let body = accept(&relay, &request);
        println!("{:>5} {:>8} {:>10}", outgoing.request.class().octets(), request.len(), body);
        requests.push((relay, request));
    }
    for (relay, request) in &requests {
        let plaintext = vec![b'x'; request.len() - 671 + 16];
        let (mut sealing, mut relaying) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let keys = browser.keys();
            sealing.push(cpu_micros(|| drop(seal(keys, &plaintext, Padding::None).unwrap())));
            relaying.push(cpu_micros(|| assert!(accept(relay, request) > 0)));
        }
        let (sealing, relaying) = (cost::median(sealing), cost::median(relaying));
        println!(
            "{:>4} octets: seal {sealing:.1} µs CPU, relay {relaying:.1} µs, ratio {:.3}",
            request.len(),
            relaying / sealing
        );
    }
}

/// A relay without a mailbox, which is memory, and a device with an address of it.
fn registered(browser: &UserAgentSecret, now: SystemTime) -> (Relay, Device) {
    let store = Arc::new(MemoryStore::default());
    let relay = Relay::new(KeyRing::generate(now).unwrap(), store)
        .without_mailbox()
        .with_slot_limit(u32::MAX);
    let endpoint = "https://updates.push.services.mozilla.com/wpush/v2/gAAAA";
    let keys = serde_json::to_value(browser.keys()).unwrap();
    let token = serde_json::json!({ "endpoint": endpoint, "keys": keys }).to_string();
    let mut device = Device::new("relay.example.net".parse().unwrap());
    let registration = device.register(&token.parse().unwrap(), None, now).unwrap();
    let push = run(relay.challenge(&registration)).unwrap();
    let carried = sealpush::open(browser, push.message.body()).unwrap();
    let carried = Carried::from_octets(carried).unwrap();
    let Ok(Received::Challenge(claim)) = device.receive(&carried, now) else {
        panic!("the challenge is answered");
    };
    let answer = run(relay.issue(&claim)).unwrap();
    device.take_addresses(&answer, now).unwrap();
    (relay, device)
}

/// Octets of the body that the push service gets.
fn accept(relay: &Relay, request: &[u8]) -> usize {
    match run(relay.accept(request)).unwrap() {
        Decision::Push(push) => push.message.body().len(),
        decision => panic!("{decision:?}"),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory does not wait"),
    }
}

/// CPU time of one call, from many.
fn cpu_micros(work: impl Fn()) -> f64 {
    let started = cost::thread_cpu();
    (0..CALLS).for_each(|_| work());
    (cost::thread_cpu() - started).as_secs_f64() * 1e6 / f64::from(CALLS)
}

const ROUNDS: usize = 15;
const CALLS: u32 = 500;
