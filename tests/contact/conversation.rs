//! Two people: first contact, answers, who is who, receipts, the mailbox.

use std::time::Duration;

use sealpush::ErrorKind;
use sealpush::contact::{
    Answer, Card, Content, Delay, Draft, Gone, Identity, Received, Sender, SizeClass,
};

use crate::world::{DAY, START, User, World, anonymous, at, sender_of, text_of};

#[test]
fn two_strangers_meet_over_one_card_and_answer() {
    let world = World::new();
    let (alice, bob, bob_of_alice, alice_of_bob) = world.acquainted();
    let number = alice.device.contact(&bob_of_alice).unwrap().safety_number().unwrap();
    assert_eq!(Some(number), bob.device.contact(&alice_of_bob).unwrap().safety_number());
    assert_eq!(number.to_string().len(), 12 * 5 + 11);
}

#[test]
fn the_first_signer_is_first_and_then_known() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice"), world.user("bob"));
    let (bob_of_alice, card) = alice.device.invite(false, world.now()).unwrap();
    let alice_of_bob = bob.device.open_card(&card, world.now()).unwrap();
    for expected in [Sender::First(bob_of_alice), Sender::Known(bob_of_alice)] {
        bob.write(&world, &alice_of_bob, "it is me", &mut alice);
        assert_eq!(alice.opened(&world)[0].sender, expected);
    }
    alice.write(&world, &bob_of_alice, "hello", &mut bob);
    assert_eq!(bob.opened(&world)[0].sender, Sender::Known(alice_of_bob));
}

#[test]
fn an_anonymous_text_needs_the_owner_s_leave_and_names_nobody() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let outgoing = anonymous(&card, "a tip", &world);
    alice.is_sent(&world, &outgoing);
    let opened = alice.opened(&world).remove(0);
    assert_eq!((opened.sender, text_of(&opened).as_deref()), (Sender::Anonymous, Some("a tip")));

    let (_, card) = alice.device.invite(false, world.now()).unwrap();
    let error = Draft::anonymous(&card, "a tip", world.now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[test]
fn a_sender_without_a_relay_is_known_again_and_cannot_be_answered() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (contact, card) = alice.device.invite(false, world.now()).unwrap();
    let mut identity = Identity::generate().unwrap();
    for expected in [Sender::First(contact), Sender::Known(contact)] {
        let draft = identity.draft(&card, "the backup is done", world.now()).unwrap();
        let stored = serde_json::to_string(&identity).unwrap();
        alice.is_sent(&world, &draft.seal().unwrap());
        assert_eq!(alice.opened(&world)[0].sender, expected);
        identity = serde_json::from_str(&stored).unwrap();
    }
    assert!(!alice.device.contact(&contact).unwrap().is_reachable(world.now()));
    let error = alice.device.draft(&contact, "thanks", world.now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert_eq!(alice.send_due(&world), 0);
}

#[test]
fn a_text_that_is_too_long_is_refused_with_the_number_that_fits() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    assert_eq!((card.capacity(false, None), card.capacity(true, None)), (Some(2451), Some(2387)));
    // The relay's name here has 17 octets; with 20 it would be the 1545 of the design.
    assert_eq!(card.capacity(true, Some(&card)), Some(1548));
    let draft = Draft::anonymous(&card, "x".repeat(2451), world.now()).unwrap();
    assert_eq!(draft.seal().unwrap().request.class(), SizeClass::Large);
    let error = Draft::anonymous(&card, "x".repeat(2452), world.now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    assert!(error.to_string().contains("2452 octets, 2451 fit"), "{error}");

    let mut bob = world.user("bob");
    let alice_of_bob = bob.device.open_card(&card, world.now()).unwrap();
    let error = bob.device.draft(&alice_of_bob, "x".repeat(1549), world.now()).unwrap_err();
    assert!(error.to_string().contains("1548 fit"), "{error}");
    bob.device.draft(&alice_of_bob, "x".repeat(1548), world.now()).unwrap();

    for (len, class) in [
        (0, SizeClass::Small),
        (363, SizeClass::Small),
        (364, SizeClass::Medium),
        (1351, SizeClass::Medium),
        (1352, SizeClass::Large),
    ] {
        let draft = Draft::anonymous(&card, "x".repeat(len), world.now()).unwrap();
        assert_eq!(draft.class(), class, "{len}");
    }
}

#[test]
fn first_contact_rotation_and_their_answers_do_not_show_by_their_size() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice"), world.user("bob"));
    let (bob_of_alice, card) = alice.device.invite(false, world.now()).unwrap();
    let alice_of_bob = bob.device.open_card(&card, world.now()).unwrap();
    let mut classes = Vec::new();
    for _ in 0..4 {
        let outgoing = bob.outgoing(&world, &alice_of_bob, "x");
        classes.push(outgoing.request.class());
        alice.is_sent(&world, &outgoing);
        alice.receive(&world);
        let outgoing = alice.outgoing(&world, &bob_of_alice, "y");
        classes.push(outgoing.request.class());
        bob.is_sent(&world, &outgoing);
        bob.receive(&world);
    }
    use SizeClass::{Medium, Small};
    assert_eq!(classes, [Medium, Medium, Medium, Small, Small, Small, Small, Small]);
}

#[test]
fn t06_a_second_signer_on_a_pinned_slot_is_foreign_and_an_older_card_changes_nothing() {
    let world = World::new();
    let (mut alice, mut bob, mut eve) = (world.user("alice"), world.user("bob"), world.user("eve"));
    let (bob_of_alice, card) = alice.device.invite(false, world.now()).unwrap();
    let alice_of_bob = bob.device.open_card(&card, world.now()).unwrap();
    let alice_of_eve = eve.device.open_card(&card, world.now()).unwrap();
    bob.write(&world, &alice_of_bob, "bob", &mut alice);
    assert_eq!(alice.texts(&world), ["bob"]);
    eve.write(&world, &alice_of_eve, "I am bob", &mut alice);
    let before = serde_json::to_string(&alice.device).unwrap();
    let received = alice.receive(&world).remove(0).unwrap();
    assert!(matches!(received, Received::ForeignSigner(id) if id == bob_of_alice), "{received:?}");
    assert_eq!(serde_json::to_string(&alice.device).unwrap(), before);

    // Two of Bob's messages with two cards arrive in the wrong order.
    let (mut alice, mut bob, _, alice_of_bob) = world.acquainted();
    let old = bob.outgoing(&world, &alice_of_bob, "with an old card");
    world.wait(8 * DAY);
    let older_card = bob.outgoing(&world, &alice_of_bob, "with the next card");
    bob.subscribe_anew(&world, "bob-anew");
    let newest = bob.outgoing(&world, &alice_of_bob, "with the newest card");
    for outgoing in [&newest, &older_card, &old] {
        alice.is_sent(&world, outgoing);
    }
    assert_eq!(alice.texts(&world).len(), 3);
    let bob_of_alice = alice.device.contacts().next().unwrap().id();
    alice.write(&world, &bob_of_alice, "to the newest", &mut bob);
    assert_eq!(bob.texts(&world), ["to the newest"]);
}

#[test]
fn many_people_write_to_a_public_card_and_each_is_answered_on_a_card_of_its_own() {
    let world = World::new();
    let mut shop = world.user("shop");
    let card = shop.device.publish(true, world.now()).unwrap();
    assert!(card.is_public());
    let mut guests: Vec<User> = ["ann", "ben", "cem"].map(|name| world.user(name)).into();
    for guest in &mut guests {
        let shop_of_guest = guest.device.open_card(&card, world.now()).unwrap();
        guest.write(&world, &shop_of_guest, "are you open?", &mut shop);
    }
    let outgoing = anonymous(&card, "a tip", &world);
    shop.is_sent(&world, &outgoing);
    let opened = shop.opened(&world);
    let ids: Vec<_> = opened.iter().filter_map(sender_of).collect();
    assert_eq!((ids.len(), opened.len()), (3, 4));
    for (guest, id) in guests.iter_mut().zip(&ids) {
        shop.write(&world, id, "yes", guest);
        assert_eq!(guest.texts(&world), ["yes"]);
        let shop_of_guest = guest.device.contacts().next().unwrap().id();
        let number = guest.device.contact(&shop_of_guest).unwrap().safety_number();
        assert_eq!(number, shop.device.contact(id).unwrap().safety_number());
        guest.write(&world, &shop_of_guest, "thanks", &mut shop);
        let opened = shop.opened(&world).remove(0);
        assert_eq!(opened.sender, Sender::Known(*id));
    }
}

#[test]
fn a_block_holds_against_a_relay_that_ignores_it() {
    let world = World::new();
    let (mut alice, mut bob, bob_of_alice, alice_of_bob) = world.acquainted();
    let outgoing = bob.outgoing(&world, &alice_of_bob, "before the block");
    alice.is_sent(&world, &outgoing);
    alice.device.block(&bob_of_alice);
    assert!(alice.receive(&world).remove(0).is_err());
    assert!(alice.revoke_all(&world) >= 1);
    let outgoing = bob.outgoing(&world, &alice_of_bob, "after it");
    let (answer, push) = world.post(&outgoing.request.to_octets());
    assert_eq!((answer, push.is_none()), (Answer::Gone, true));
    assert_eq!(bob.device.gone(&alice_of_bob, &outgoing), Gone::WaitingForNewAddress);
    let error = bob.device.draft(&alice_of_bob, "x", world.now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
}

#[test]
fn t07_any_card_that_is_swapped_on_the_way_changes_the_safety_number() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice"), world.user("bob"));
    let (_, card) = alice.device.invite(false, world.now()).unwrap();
    let good = card.to_octets();
    let number = |bob: &mut User, alice: &mut User, card: &Card| {
        let id = bob.device.open_card(card, world.now()).unwrap();
        let outgoing = bob.outgoing(&world, &id, "x");
        if card.relay() == alice.device.relay() {
            world.post(&outgoing.request.to_octets());
        }
        bob.device.contact(&id).unwrap().safety_number().unwrap()
    };
    let honest = number(&mut bob, &mut alice, &card);
    let end = good.len();
    let other = alice.device.invite(false, world.now()).unwrap().1.to_octets();
    // Flags, not_after, origin, address, encryption key, card secret, verification key.
    let fields =
        [1..2, 2..6, 7..24, 24..693, end - 146..end - 81, end - 81..end - 65, end - 65..end];
    for field in fields {
        let mut swapped = good.to_vec();
        match field.start {
            1 => swapped[1] ^= 1,
            2 => swapped[2..6].copy_from_slice(
                &(u32::from_be_bytes(good[2..6].try_into().unwrap()) - 86_400).to_be_bytes(),
            ),
            7 => swapped[7] = b'x',
            _ => swapped[field.clone()].copy_from_slice(&other[field.clone()]),
        }
        assert_ne!(swapped[..], good[..], "{field:?}");
        let card = Card::from_octets(&swapped).unwrap();
        assert_ne!(number(&mut bob, &mut alice, &card), honest, "{field:?}");
    }
}

#[test]
fn t02_a_message_to_a_card_that_was_changed_is_refused() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice"), world.user("bob"));
    let (_, card) = alice.device.invite(false, world.now()).unwrap();
    let good = card.to_octets();
    let (end, mut refused) = (good.len(), 0);
    let other = alice.device.invite(false, world.now()).unwrap().1.to_octets();
    for field in [1..2, 2..6, 7..24, end - 146..end - 81, end - 81..end - 65, end - 65..end] {
        let mut swapped = good.to_vec();
        match field.start {
            1 => swapped[1] ^= 1,
            2 => swapped[4] ^= 0,
            7 => swapped[7] = b'x',
            _ => swapped[field.clone()].copy_from_slice(&other[field.clone()]),
        }
        if field.start == 2 {
            let day = u32::from_be_bytes(good[2..6].try_into().unwrap()) - 86_400;
            swapped[2..6].copy_from_slice(&day.to_be_bytes());
        }
        let card = Card::from_octets(&swapped).unwrap();
        let id = bob.device.open_card(&card, world.now()).unwrap();
        let outgoing = bob.outgoing(&world, &id, "to whom?");
        alice.is_sent(&world, &outgoing);
        assert!(alice.receive(&world).remove(0).is_err(), "{field:?}");
        refused += 1;
    }
    assert_eq!(refused, 6);
}

#[test]
fn t15_the_right_key_with_another_card_secret_opens_nothing() {
    let world = World::new();
    let mut alice = world.user("alice");
    let (_, card) = alice.device.invite(true, world.now()).unwrap();
    let mut octets = card.to_octets().to_vec();
    let secret = octets.len() - 81;
    octets[secret] ^= 1;
    let outgoing = anonymous(&Card::from_octets(&octets).unwrap(), "x", &world);
    alice.is_sent(&world, &outgoing);
    assert!(alice.receive(&world).remove(0).is_err());
}

#[test]
fn t17_receipts_and_control_cause_no_push_and_receipts_are_off_by_default() {
    let world = World::new();
    let (mut alice, mut bob, bob_of_alice, alice_of_bob) = world.acquainted();
    world.wait(700);
    assert_eq!(alice.send_due(&world), 0, "no receipts unless asked for");
    alice.device.set_receipts(&bob_of_alice, true);
    let outgoing = bob.outgoing(&world, &alice_of_bob, "read me");
    let id = outgoing.id;
    alice.is_sent(&world, &outgoing);
    alice.receive(&world);
    world.wait(29);
    assert_eq!(alice.send_due(&world), 0, "not at once");
    world.wait(600);
    // The helper asserts that nothing is pushed.
    assert_eq!(alice.send_due(&world), 1);
    bob.fetch(&world);
    let opened = bob.opened(&world);
    let receipts: Vec<_> = opened
        .iter()
        .filter_map(|opened| match &opened.content {
            Content::Receipts(ids) => Some(ids.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(receipts, [vec![id]]);
    world.wait(8 * DAY);
    assert!(bob.send_due(&world) >= 1, "a new card after a week");
}

#[test]
fn t18_a_link_is_dead_after_first_contact() {
    let world = World::new();
    let (mut alice, mut bob) = (world.user("alice"), world.user("bob"));
    let (bob_of_alice, link) = alice.device.invite(true, world.now()).unwrap();
    let alice_of_bob = bob.device.open_card(&link, world.now()).unwrap();
    bob.write(&world, &alice_of_bob, "hello", &mut alice);
    alice.receive(&world);
    alice.write(&world, &bob_of_alice, "here is a fresh card", &mut bob);
    bob.receive(&world);
    bob.write(&world, &alice_of_bob, "used", &mut alice);
    assert_eq!(alice.texts(&world), ["used"]);
    // Whoever finds the link in the browser's history:
    let outgoing = anonymous(&link, "junk", &world);
    alice.is_sent(&world, &outgoing);
    assert!(alice.receive(&world).remove(0).is_err(), "before the relay knows");
    assert_eq!(alice.revoke_all(&world), 1);
    assert_eq!(world.post(&outgoing.request.to_octets()).0, Answer::Gone);
    bob.write(&world, &alice_of_bob, "still here", &mut alice);
    assert_eq!(alice.texts(&world), ["still here"]);
}

#[test]
fn t16_a_device_that_was_off_reads_the_newest_32_once_and_in_order() {
    let world = World::new();
    let (mut alice, mut bob, _, alice_of_bob) = world.acquainted();
    alice.fetch(&world);
    alice.receive(&world);
    world.wait(3600);
    alice.fetch(&world);
    alice.arrived.clear();
    let mut kept = None;
    for number in 0..100 {
        let outgoing = bob.outgoing(&world, &alice_of_bob, &format!("number {number}"));
        let (_, push) = world.post(&outgoing.request.to_octets());
        kept = push;
    }
    // The carrier kept the newest notification only.
    alice.arrived.push_back(alice.open_outer(&kept.unwrap()));
    assert!(alice.fetch(&world), "older ones may be missing, and the app can say so");
    let opened = alice.opened(&world);
    let mut sequences: Vec<_> = opened.iter().map(|opened| opened.sequence).collect();
    sequences.sort_unstable();
    let mut texts: Vec<_> = opened.iter().map(|o| (o.sequence, text_of(o).unwrap())).collect();
    texts.sort();
    let expected: Vec<_> = (68..100).map(|number| format!("number {number}")).collect();
    assert_eq!(texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), expected);
    assert!(!alice.fetch(&world));
    assert!(alice.texts(&world).is_empty(), "once");
    world.wait(601);
    alice.fetch(&world);
    assert!(alice.arrived.is_empty(), "the relay has forgotten them");
}

#[test]
fn what_is_late_is_marked_and_shown() {
    let world = World::new();
    let (mut alice, mut bob, _, alice_of_bob) = world.acquainted();
    let draft = bob.device.draft(&alice_of_bob, "now or never", world.now()).unwrap();
    let outgoing = draft.with_ttl(sealpush::Ttl::from_secs(60)).seal().unwrap();
    world.wait(60 + 26 * 3600 + 1);
    alice.is_sent(&world, &outgoing);
    let received = alice.receive(&world).remove(0).unwrap();
    assert!(matches!(received, Received::Late(_)), "{received:?}");
}

#[test]
fn clocks_a_day_apart_lose_nothing_and_mark_nothing_late() {
    let world = World::new();
    let (mut alice, mut bob, bob_of_alice, alice_of_bob) = world.acquainted();
    let (_, tips) = alice.device.invite(true, world.now()).unwrap();
    for skewed in [START - DAY, START + DAY] {
        let draft = bob.device.draft(&alice_of_bob, "signed", at(skewed)).unwrap();
        alice.is_sent(&world, &draft.seal().unwrap());
        let anonymous = Draft::anonymous(&tips, "unsigned", at(skewed)).unwrap();
        alice.is_sent(&world, &anonymous.seal().unwrap());
        for received in alice.receive(&world) {
            let received = received.unwrap();
            assert!(matches!(received, Received::Opened(_)), "{received:?}");
        }
        let outgoing = alice.outgoing(&world, &bob_of_alice, "back");
        let (_, push) = world.post(&outgoing.request.to_octets());
        let carried = bob.open_outer(&push.unwrap());
        let received = bob.device.receive(&carried, at(skewed)).unwrap();
        assert!(matches!(received, Received::Opened(_)), "{received:?}");
    }
}

#[test]
fn t14_a_delayed_message_waits_sealed_over_a_restart() {
    let world = World::new();
    let (mut alice, mut bob, _, alice_of_bob) = world.acquainted();
    for (delay, longest) in [(Delay::Minutes, 300), (Delay::Hour, 3600), (Delay::Hours, 8 * 3600)] {
        let draft = bob.device.draft(&alice_of_bob, "later", world.now()).unwrap();
        let request = draft.with_delay(delay).seal().unwrap().request.to_octets();
        let sealpush::contact::relay::Decision::Later(later) =
            crate::world::run(world.relay.accept(&request)).unwrap()
        else {
            panic!("it waits");
        };
        let wait = later.due().duration_since(world.now()).unwrap();
        assert!(wait <= Duration::from_secs(longest), "{wait:?}");
        let address = &request[2..671];
        assert!(!crate::views::contains(later.row(), &address[100..108]), "nothing shows");
        // Another process, with the ring and the row from the disk.
        let mut ring = String::new();
        world.relay.store_keys(|keys| ring = serde_json::to_string(keys).unwrap());
        let restarted = sealpush::contact::relay::Relay::new(
            serde_json::from_str(&ring).unwrap(),
            std::sync::Arc::clone(&world.store),
        )
        .with_clock(world.clock.clone());
        let push = crate::world::run(restarted.resume(later.row())).unwrap().unwrap();
        alice.arrived.push_back(alice.open_outer(&push));
        assert_eq!(alice.texts(&world), ["later"]);
        assert!(crate::world::run(restarted.resume(&later.row()[1..])).is_err());
    }
}
