//! Every bit flip and truncation of what comes from outside is refused, without a panic.

use sealpush::contact::{Answer, Card, Carried, Draft, Forward, Request};

use crate::world::{User, World, anonymous, run};

/// The octets with one bit changed, for every bit; then every beginning, then one octet more.
fn damaged(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flips = (0..octets.len() * 8).map(|bit| {
        let mut damaged = octets.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    });
    let cuts = (0..octets.len()).map(|len| octets[..len].to_vec());
    flips.chain(cuts).chain(std::iter::once([octets, &[0]].concat()))
}

#[test]
fn a_damaged_request_reaches_nobody() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let request = anonymous(&card, "x", &world).request.to_octets();
    let mut arrived = 0;
    for (place, damaged) in damaged(&request).enumerate() {
        // The delay class is the sender's wish, not part of the message.
        if (8..16).contains(&place) || Request::from_octets(&damaged).is_err() {
            continue;
        }
        if place % 200 == 0 {
            world.wait(3600);
        }
        let (answer, push) = world.post(&damaged);
        match push {
            Some(push) => {
                arrived += 1;
                alice.arrived.push_back(alice.open_outer(&push));
                assert!(alice.receive(&world).remove(0).is_err(), "bit {place}");
            }
            None => assert!(matches!(answer, Answer::Gone), "{answer:?} at {place}"),
        }
    }
    assert!(arrived >= 512 * 8 - 100, "the sealed part is the device's to refuse: {arrived}");
    assert!(alice.device.contacts().count() == 1);
}

#[test]
fn a_damaged_hint_is_nobody_s() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let (_, push) = world.post(&anonymous(&card, "x", &world).request.to_octets());
    let carried = alice.open_outer(&push.unwrap());
    let before = serde_json::to_string(&alice.device).unwrap();
    for damaged in damaged(carried.octets()) {
        if let Ok(carried) = Carried::from_octets(damaged) {
            assert!(alice.device.receive(&carried, world.now()).is_err());
        }
    }
    assert_eq!(serde_json::to_string(&alice.device).unwrap(), before, "nothing changed");
    assert!(alice.device.receive(&carried, world.now()).is_ok());
}

#[test]
fn a_damaged_card_is_refused_or_leads_to_nothing_that_its_owner_takes() {
    let world = World::new();
    let (mut alice, bob) = (world.user("alice"), world.user("bob"));
    let mut bob: User = bob;
    let (_, card) = alice.device.invite(false, world.now()).unwrap();
    let (_, own) = bob.device.invite(false, world.now()).unwrap();
    let pseudonym = sealpush::contact::Pseudonym::generate().unwrap();
    let (mut parsed, mut reached) = (0, 0);
    for damaged in damaged(&card.to_octets()) {
        let Ok(card) = Card::from_octets(&damaged) else { continue };
        parsed += 1;
        let Ok(draft) = Draft::signed(&card, "x", &pseudonym, 1, &own, world.now()) else {
            continue;
        };
        let request = draft.seal().unwrap().request.to_octets();
        if parsed % 200 == 0 {
            world.wait(3600);
        }
        if let (_, Some(push)) = world.post(&request) {
            reached += 1;
            alice.arrived.push_back(alice.open_outer(&push));
            assert!(alice.receive(&world).remove(0).is_err());
        }
    }
    assert!(parsed > 5_000 && reached > 100, "{parsed} {reached}");
    let link = card.to_string();
    for cut in 0..link.len() {
        assert!(link[..cut].parse::<Card>().is_err());
    }
    // Four spare bits: 839 octets are 1118 whole sextets and two bits.
    let last = link.chars().last().unwrap();
    for stray in ('A'..='Z').chain('a'..='z').filter(|stray| *stray != last) {
        let text = format!("{}{stray}", &link[..link.len() - 1]);
        assert!(text.parse::<Card>().is_err() || text != link);
        if let Ok(other) = text.parse::<Card>() {
            assert_ne!(other.to_octets(), card.to_octets(), "one text for one card");
        }
    }
}

#[test]
fn a_damaged_registration_claim_or_revocation_gives_nothing() {
    let world = World::new();
    let mut alice = User::new("alice", "relay.example.net");
    let registration = alice.device.register(&alice.token, None, world.now()).unwrap();
    let push = run(world.relay.challenge(&registration)).unwrap();
    let pushed = sealpush::open(&alice.browser, push.message.body()).unwrap();
    for damaged in damaged(&pushed) {
        // The challenge itself is opaque to the device: the relay refuses it.
        let Ok(carried) = Carried::from_octets(damaged) else { continue };
        let stored = serde_json::to_string(&alice.device).unwrap();
        let mut device: sealpush::contact::Device = serde_json::from_str(&stored).unwrap();
        if let Ok(sealpush::contact::Received::Challenge(claim)) =
            device.receive(&carried, world.now())
        {
            assert!(run(world.relay.issue(&claim)).is_err());
        }
    }
    let carried = Carried::from_octets(pushed).unwrap();
    let Ok(sealpush::contact::Received::Challenge(claim)) =
        alice.device.receive(&carried, world.now())
    else {
        panic!("it is answered");
    };
    for damaged in damaged(&claim) {
        // A smaller count is a good claim.
        if damaged.len() == claim.len() && damaged[..claim.len() - 1] == claim[..claim.len() - 1] {
            continue;
        }
        assert!(run(world.relay.issue(&damaged)).is_err());
    }
    let answer = run(world.relay.issue(&claim)).unwrap();
    for damaged in damaged(&answer).step_by(997) {
        let _ = alice.device.take_addresses(&damaged, world.now());
    }
    let ownership = [&answer[16..685], &answer[..16]].concat();
    for damaged in damaged(&ownership) {
        assert!(run(world.relay.revoke(&damaged)).is_err());
        let held = run(world.relay.held(&damaged)).map(|held| held.len());
        assert!(held.is_err() || held.is_ok_and(|len| len == 2));
    }
    run(world.relay.revoke(&ownership)).unwrap();
}

#[test]
fn every_answer_has_one_size_and_a_damaged_one_is_refused_or_another() {
    use std::time::Duration;
    for answer in [
        Answer::Accepted,
        Answer::Gone,
        Answer::Kept,
        Answer::TooLarge,
        Answer::SlowDown(Duration::from_secs(40)),
        Answer::SlowDown(Duration::from_secs(u64::MAX)),
    ] {
        let octets = answer.to_octets();
        let read = Answer::from_octets(&octets).unwrap();
        assert_eq!(read.to_octets(), octets);
        for damaged in damaged(&octets) {
            if let Ok(other) = Answer::from_octets(&damaged) {
                assert_eq!(other.to_octets()[..], damaged[..]);
                assert_ne!(other, read);
            }
        }
    }
    assert!(Forward::from_octets(&[255; 4000]).is_err());
    assert!(sealpush::contact::read_held(&[1, 0, 0]).is_err());
}
