//! Each message once, whatever is repeated, and nothing fresh refused.

use sealpush::contact::{Freshness, MessageId, Received, ReplayWindow};

use crate::world::{DAY, Seeded, World, anonymous};

fn id(number: u64) -> MessageId {
    MessageId::from((u128::from(number) << 64 | 1).to_be_bytes())
}

#[test]
fn a_hundred_thousand_replays_over_restarts_deliver_nothing_twice() {
    let mut seeded = Seeded(7);
    let mut window = ReplayWindow::default();
    let mut shown = std::collections::HashSet::new();
    let (mut replays, mut next) = (0, 1_u64);
    while replays < 100_000 {
        // A block of fresh messages within the window, in any order, each of them repeated.
        let mut block: Vec<u64> = (next..next + 200).collect();
        next += 200;
        let old = (0..200).map(|_| 1 + seeded.next() % (next - 1)).collect::<Vec<_>>();
        block.extend(block.clone());
        block.extend(old);
        seeded.shuffle(&mut block);
        for number in block {
            match window.check(&id(number), number) {
                Freshness::Fresh => {
                    assert!(shown.insert(number), "message {number} is shown twice");
                    window.accept(id(number), number);
                }
                Freshness::Duplicate | Freshness::Stale => {
                    assert!(shown.contains(&number), "message {number} was never shown");
                    replays += 1;
                }
            }
        }
        let stored = serde_json::to_string(&window).unwrap();
        assert!(stored.len() <= 64 * 1024);
        window = serde_json::from_str(&stored).unwrap();
    }
    assert_eq!(shown.len() as u64, next - 1, "every fresh message was shown");
}

#[test]
fn real_messages_are_shown_once_and_nothing_changes_by_a_replay() {
    let world = World::new();
    let (mut alice, mut bob, _, alice_of_bob) = world.acquainted();
    let (_, tips) = alice.device.invite(true, world.now()).unwrap();
    for number in 0..60 {
        bob.write(&world, &alice_of_bob, &format!("{number}"), &mut alice);
        let outgoing = anonymous(&tips, "tip", &world);
        alice.is_sent(&world, &outgoing);
    }
    let all: Vec<_> = alice.arrived.iter().cloned().collect();
    assert_eq!(alice.texts(&world).len(), 120);
    let before = serde_json::to_string(&alice.device).unwrap();
    let mut seeded = Seeded(9);
    for _ in 0..20 {
        let mut again = all.clone();
        seeded.shuffle(&mut again);
        alice.arrived.extend(again);
        for received in alice.receive(&world) {
            assert!(matches!(received, Ok(Received::Duplicate)));
        }
        alice.restart();
    }
    assert_eq!(serde_json::to_string(&alice.device).unwrap(), before);
}

#[test]
fn t08_a_flood_that_evicts_every_id_makes_no_replay_pass() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, tips) = alice.device.invite(true, world.now()).unwrap();
    let (_, push) = world.post(&anonymous(&tips, "the first", &world).request.to_octets());
    let first = alice.open_outer(&push.unwrap());
    alice.arrived.push_back(first.clone());
    assert_eq!(alice.texts(&world), ["the first"]);
    world.wait(1);
    let mut flood = Vec::new();
    for _ in 0..1100 {
        // Past the limit of the relay, which is not the subject here: hours go by.
        if flood.len() % 200 == 199 {
            world.wait(3600);
        }
        let (_, push) = world.post(&anonymous(&tips, "junk", &world).request.to_octets());
        flood.push(alice.open_outer(&push.unwrap()));
    }
    alice.arrived.extend(flood.iter().cloned());
    let shown = alice.texts(&world).len();
    assert!(shown >= 1024, "{shown}");
    alice.arrived.push_back(first);
    alice.arrived.extend(flood);
    assert!(alice.texts(&world).is_empty(), "nothing is shown twice");
}

#[test]
fn the_state_of_a_contact_is_at_most_64_kib() {
    let world = World::new();
    let (mut alice, mut bob, bob_of_alice, alice_of_bob) = world.acquainted();
    // A sender that jumps through its sequence and a receiver that rotates often.
    for round in 0..20 {
        world.wait(8 * DAY / 10);
        for _ in 0..101 {
            let draft = bob.device.draft(&alice_of_bob, "x", world.now()).unwrap();
            alice.is_sent(&world, &draft.seal().unwrap());
        }
        world.wait(3600);
        alice.receive(&world);
        alice.write(&world, &bob_of_alice, "y", &mut bob);
        bob.receive(&world);
        bob.write(&world, &alice_of_bob, "z", &mut alice);
        alice.receive(&world);
        if round % 4 == 0 {
            alice.subscribe_anew(&world, &format!("alice-{round}"));
            alice.write(&world, &bob_of_alice, "moved", &mut bob);
            bob.receive(&world);
        }
    }
    let contact = alice.device.contact(&bob_of_alice).unwrap();
    let stored = serde_json::to_string(contact).unwrap();
    assert!(stored.len() > 29_000, "the window is full: {}", stored.len());
    assert!(stored.len() <= 64 * 1024, "{}", stored.len());
}

#[test]
fn t09_a_sender_restored_from_a_backup_loses_and_doubles_nothing() {
    let world = World::new();
    let (mut alice, mut bob, _, alice_of_bob) = world.acquainted();
    let backup = serde_json::to_string(&bob.device).unwrap();
    for number in 0..50 {
        bob.write(&world, &alice_of_bob, &format!("before {number}"), &mut alice);
    }
    bob.device = serde_json::from_str(&backup).unwrap();
    bob.device.restored();
    for number in 0..50 {
        bob.write(&world, &alice_of_bob, &format!("after {number}"), &mut alice);
    }
    let opened = alice.opened(&world);
    assert_eq!(opened.len(), 100);
    let sequences: std::collections::BTreeSet<_> = opened.iter().map(|o| o.sequence).collect();
    assert_eq!(sequences.len(), 100, "and their order is kept");
    assert!(opened.is_sorted_by_key(|opened| opened.sequence));
}
